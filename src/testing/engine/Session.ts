/**
 * One client's connection to one node, as the node knows it.
 *
 * @internal
 */
import { type Answer, encode, failure, Nothing } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import { RequestParser } from "./RequestParser.ts"
import type { NodeRole, SessionRole, Sink, Waiting } from "./Roles.ts"
import type { User } from "./User.ts"

export class Session implements SessionRole {
  readonly id: number
  readonly node: NodeRole
  readonly since: number
  resp: 2 | 3 = 2
  name = ""
  authenticated: boolean
  user: User
  /** READONLY was said: a replica may serve reads. */
  readonly = false
  asking = false
  closed = false
  /** The commands of an open MULTI. */
  queue: Array<ReadonlyArray<Bytes>> | undefined
  /** A command of the open MULTI was refused: EXEC will be too. */
  aborted = false
  readonly watched = new Set<Bytes>()
  /** A watched key has changed. */
  watchBroken = false
  readonly channels = new Set<Bytes>()
  readonly patterns = new Map<Bytes, (channel: Bytes) => boolean>()
  readonly shardChannels = new Set<Bytes>()
  waiting: Waiting | undefined
  /** CLIENT REPLY: answers are left out. */
  replies: "on" | "off" | "skip" = "on"
  lastCommand = ""

  /** Messages that a command of this very session has caused: they follow its answer. */
  told: Array<Answer> | undefined

  private readonly sink: Sink
  private readonly parser = new RequestParser()
  private output = ""
  private deferred = false
  private deliverAt = 0
  private draining = false
  private ending = false
  /** A request that waits for the end of a pause. */
  private postponed: ReadonlyArray<Bytes> | undefined

  constructor(id: number, node: NodeRole, sink: Sink) {
    this.id = id
    this.node = node
    this.sink = sink
    this.since = node.cluster.now()
    this.user = node.defaultUser
    this.authenticated = this.user.enabled && this.user.withoutPassword
  }

  get subscriptions(): number {
    return this.channels.size + this.patterns.size + this.shardChannels.size
  }

  endTransaction(): void {
    this.queue = undefined
    this.aborted = false
    this.asking = false
    this.unwatch()
  }

  unwatch(): void {
    this.watched.clear()
    this.watchBroken = false
  }

  receive(chunk: Bytes): void {
    if (this.closed) return
    this.parser.push(chunk)
    this.drain()
  }

  /** Serves what has arrived, unless it has to wait. */
  drain(): void {
    if (this.draining) return
    this.draining = true
    while (!this.closed && !this.ending && this.waiting === undefined && !this.node.stalled) {
      const request = this.postponed ?? this.parser.next()
      if (request === undefined) break
      if (typeof request === "string") {
        this.send(failure(`ERR Protocol error: ${request}`))
        this.end()
        break
      }
      this.postponed = this.node.isPaused(this, request) ? request : undefined
      if (this.postponed !== undefined) break
      this.node.handle(this, request)
    }
    this.draining = false
  }

  send(answer: Answer): void {
    if (this.closed || answer instanceof Nothing) return
    this.output += encode(answer, this.resp)
    if (this.deferred) return
    this.deferred = true
    this.node.cluster.host.defer(() => this.flush())
  }

  /** A message for a subscriber. */
  tell(message: Answer): void {
    if (this.told === undefined) this.send(message)
    else this.told.push(message)
  }

  /** The command has its answer; the messages that it caused come now. */
  hear(): void {
    const told = this.told ?? []
    this.told = undefined
    for (const message of told) this.send(message)
  }

  /** What is sent from now on arrives that many milliseconds later, at the earliest. */
  hold(millis: number): void {
    this.deliverAt = Math.max(this.deliverAt, this.node.cluster.now() + millis)
  }

  /** Waits, at most for `millis` (0: for ever). */
  wait(keys: Iterable<Bytes>, millis: number, attempt: Waiting["attempt"], onTimeout: Waiting["onTimeout"]): void {
    const cancelTimeout = millis > 0
      ? this.node.cluster.host.schedule(millis, () => this.resolve(onTimeout()))
      : () => {}
    this.waiting = { keys: new Set(keys), attempt, onTimeout, cancelTimeout }
    this.node.blocked.add(this)
  }

  /** Ends the waiting with an answer and goes on with what has arrived meanwhile. */
  resolve(answer: Answer): void {
    if (this.waiting === undefined) return
    this.waiting.cancelTimeout()
    this.waiting = undefined
    this.node.blocked.delete(this)
    this.node.countError(answer)
    this.send(answer)
    this.drain()
  }

  /** Ends the waiting with an answer, takes no more commands, and closes a moment later, as servers do. */
  resolveAndClose(answer: Answer): void {
    this.ending = true
    this.resolve(answer)
    this.node.cluster.host.schedule(1, () => this.end())
  }

  /** Closes once what was sent is written. */
  end(): void {
    if (this.closed) return
    this.flush(true)
    this.close()
    this.sink.end()
  }

  /** Forgets everything: the client is gone. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.waiting?.cancelTimeout()
    this.waiting = undefined
    this.node.forget(this)
  }

  private flush(atOnce = false): void {
    this.deferred = false
    if (this.output === "" || this.closed) return
    const bytes = this.output
    this.output = ""
    const { host, now } = this.node.cluster
    const at = now()
    // What is sent later never overtakes what was sent before, though the delay may have shrunk.
    this.deliverAt = Math.max(this.deliverAt, at + this.node.delay)
    if (this.deliverAt <= at || atOnce) return this.sink.write(bytes)
    host.schedule(this.deliverAt - at, () => {
      if (!this.closed) this.sink.write(bytes)
    })
  }
}
