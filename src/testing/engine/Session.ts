/**
 * The connection of one client to one node, as the node sees it.
 */
import { type Answer, encode, failure, Nothing } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import { RequestParser } from "./RequestParser.ts"
import type { NodeRole, SessionRole, Sink, TrackingWish, Waiting } from "./Roles.ts"
import type { User } from "./User.ts"

export class Session implements SessionRole {
  readonly id: number
  readonly node: NodeRole
  readonly since: number
  resp: 2 | 3 = 2
  name = ""
  authenticated: boolean
  user: User
  /** Whether READONLY was sent, so that a replica serves reads. */
  readonly = false
  asking = false
  tracking: TrackingWish | undefined = undefined
  caching = false
  closed = false
  /** The commands of an open MULTI. */
  queue: Array<ReadonlyArray<Bytes>> | undefined
  /** Whether a command of the open MULTI was refused, so that EXEC will be refused. */
  aborted = false
  readonly watched = new Set<Bytes>()
  /** Whether a watched key has changed. */
  watchBroken = false
  readonly channels = new Set<Bytes>()
  readonly patterns = new Map<Bytes, (channel: Bytes) => boolean>()
  readonly shardChannels = new Set<Bytes>()
  waiting: Waiting | undefined
  /** The mode of CLIENT REPLY: whether replies are left out. */
  replies: "on" | "off" | "skip" = "on"
  lastCommand = ""

  /** The messages that the running command of this session has caused: they follow its reply. */
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

  /** Serves the requests that have arrived, unless they have to wait. */
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

  /** Sends a message to a subscriber. */
  tell(message: Answer): void {
    if (this.told === undefined) this.send(message)
    else this.told.push(message)
  }

  /** Sends the messages that a command has caused, after its reply. */
  hear(): void {
    const told = this.told ?? []
    this.told = undefined
    for (const message of told) this.send(message)
  }

  /** Delays everything that is sent from now on by so many milliseconds at least. */
  hold(millis: number): void {
    this.deliverAt = Math.max(this.deliverAt, this.node.cluster.now() + millis)
  }

  /** Waits for at most `millis` (0 for no limit). */
  wait(keys: Iterable<Bytes>, millis: number, attempt: Waiting["attempt"], onTimeout: Waiting["onTimeout"]): void {
    const cancelTimeout = millis > 0
      ? this.node.cluster.host.schedule(millis, () => this.resolve(onTimeout()))
      : () => {}
    this.waiting = { keys: new Set(keys), attempt, onTimeout, cancelTimeout }
    this.node.blocked.add(this)
  }

  /** Ends the waiting with a reply, and goes on with the requests that have arrived meanwhile. */
  resolve(answer: Answer): void {
    if (this.waiting === undefined) return
    this.waiting.cancelTimeout()
    this.waiting = undefined
    this.node.blocked.delete(this)
    this.node.countError(answer)
    this.send(answer)
    this.drain()
  }

  /** Ends the waiting with a reply, takes no more commands, and closes a moment later, like servers. */
  resolveAndClose(answer: Answer): void {
    this.ending = true
    this.resolve(answer)
    this.node.cluster.host.schedule(1, () => this.end())
  }

  /** Closes the connection once all replies are written. */
  end(): void {
    if (this.closed) return
    this.flush(true)
    this.close()
    this.sink.end()
  }

  /** Ends the session, because the client is gone. */
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
    // A later reply never overtakes an earlier one, even when the delay has become shorter.
    this.deliverAt = Math.max(this.deliverAt, at + this.node.delay)
    if (this.deliverAt <= at || atOnce) return this.sink.write(bytes)
    host.schedule(this.deliverAt - at, () => {
      if (!this.closed) this.sink.write(bytes)
    })
  }
}
