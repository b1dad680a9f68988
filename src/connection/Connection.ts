/**
 * The connection to one node: a queue of commands that wait to be written, a FIFO of those that wait for their
 * reply, and a socket that is replaced when it is lost.
 *
 * Commands that arrive in one tick leave in one write, at once when nothing is on the wire. Everything that ends
 * a socket goes through `lose`, which hands each command back to its owner with the truth about it: written or not.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Duplex } from "node:stream"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { Command } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import { Alarm } from "../internal/Alarm.ts"
import { Fifo } from "../internal/Fifo.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import { RespDecoder } from "../protocol/RespDecoder.ts"
import { RespEncoder } from "../protocol/RespEncoder.ts"
import { dial, type DialRequest } from "./Dial.ts"
import { Latency } from "./Latency.ts"
import type { NodeStatistics } from "./NodeStatistics.ts"
import type { LinkFailure, Outgoing } from "./Outgoing.ts"
import type { Wire } from "./Wire.ts"
import { say, write } from "./Write.ts"

/**
 * - `idle`: nothing was asked of it yet
 * - `connecting`: commands wait for the socket
 * - `ready`: commands are written
 * - `down`: the last attempt failed; commands are refused until a later one succeeds
 * - `closed`: for good
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionState = "idle" | "connecting" | "ready" | "down" | "closed"

/** When this much is waiting in the socket's own buffer, nothing more is written until it has drained. */
const socketBufferLimit = 512 * 1024
/** The most that one write carries. */
const writeLimit = 256 * 1024
/** The alarm rings no more often than once in a millisecond for each of these many commands, for it looks at all. */
const inspectedPerMilli = 1024
/** A socket that brings nothing and ends within this time, in milliseconds, counts as a failed attempt. */
const shortLife = 1000
/** Of so many writes the reply to one command is timed. */
const timedWrites = 16

/** A command of the connection's own: its reply is of no interest. */
class Silent implements Outgoing {
  readonly command: Command<unknown>
  readonly binary = false
  readonly asking = false
  readonly deadline = Number.POSITIVE_INFINITY
  readonly settled = true
  size = 0

  constructor(name: string) {
    this.command = new Command<unknown>(new CommandSpec(name, {}), [], (reply) => reply)
  }

  onReply(): void {}
  onLost(): void {}
  onDeadline(): void {}
}

/** The bytes that a command holds while it waits, nearly. */
const weightOf = ({ block, command }: Outgoing): number =>
  block === undefined ? argumentBytes(command) : block.reduce((sum, one) => sum + argumentBytes(one), 0)

const argumentBytes = ({ args }: Command<unknown>): number => args.reduce((sum, one) => sum + one.length, 0)

/** An argument that was changed since the call: the command concerned fails, and nobody else notices. */
const unsendable = (message: string): LinkFailure => ({ kind: "unsendable", message })

const asking = new Silent("ASKING")
const ping = new Silent("PING")

/**
 * What a connection tells its owner.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionHooks {
  onState(connection: Connection, state: ConnectionState): void
  onPush(connection: Connection, push: ReadonlyArray<Reply>): void
  /** Asks on another connection whether the other side is alive; for one whose replies may be held back at will. */
  readonly inquire?: ((connection: Connection) => Effect.Effect<boolean>) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export class Connection {
  readonly endpoint: Endpoint
  readonly address: string
  state: ConnectionState = "idle"
  /** How many sockets it has had: what one of them was told by a server holds for that process alone. */
  sockets = 0
  /** Why the last socket, or the last attempt to get one, ended. */
  lastFailure: LinkFailure | undefined
  /** From the write to the reply, sampled. */
  readonly latency = new Latency()
  /** What all connections to this node count together. */
  private readonly statistics: NodeStatistics

  private readonly options: ResolvedOptions
  private readonly hooks: ConnectionHooks
  private readonly clock: Clock.Clock
  private readonly runFork: (effect: Effect.Effect<unknown>) => Fiber.Fiber<unknown>
  private request: DialRequest
  private readonly alarm: Alarm

  private readonly waiting = new Fifo<Outgoing>()
  private readonly inFlight = new Fifo<Outgoing>()
  private inFlightBytes = 0
  /** Known where the bound is enforced at the entrance: with overflow `"fail"`. */
  private waitingBytes = 0
  private readonly encoder = new RespEncoder()

  private socket: Duplex | undefined
  private decoder: RespDecoder | undefined
  private dialling: Fiber.Fiber<unknown> | undefined
  private isDialling = false
  private redialling = false
  /** Waits until all that is written is answered. */
  private interjection: { readonly outgoing: Outgoing; readonly args: () => ReadonlyArray<Argument> } | undefined
  /** Nothing is written before it is answered. */
  private interjected: Outgoing | undefined
  private adoptedAt = 0
  /** Ends the trial of a new socket; gone when that is over. */
  private endTrial: ((verdict: Effect.Effect<void, LinkFailure>) => void) | undefined
  private flushScheduled = false
  private blocked = false
  /** Since when replies are due and no byte has come. */
  private silentSince = 0
  private pingedAt = 0
  private onEmpty: (() => void) | undefined
  private draining = false
  private writes = 0
  /** The command whose reply is being timed, since `timedAt`. */
  private timed: Outgoing | undefined
  private timedAt = 0

  constructor(
    endpoint: Endpoint,
    options: ResolvedOptions,
    hooks: ConnectionHooks,
    context: {
      readonly clock: Clock.Clock
      readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
      readonly statistics: NodeStatistics
    },
    request: DialRequest
  ) {
    this.endpoint = endpoint
    this.address = addressOf(endpoint)
    this.options = options
    this.hooks = hooks
    this.clock = context.clock
    this.runFork = context.runFork
    this.statistics = context.statistics
    this.request = request
    // A process that was busy, or asleep, wakes to past deadlines with the replies in its sockets: those are read first.
    this.alarm = new Alarm(context.clock, context.runFork, () => setImmediate(this.inspect))
  }

  /** How many commands it holds, written or not. */
  get depth(): number {
    return this.waiting.size + this.inFlight.size
  }

  /** How many commands wait to be written. */
  get queued(): number {
    return this.waiting.size
  }

  /** Whether it can be expected to answer soon: connected, and not silent with replies due. */
  get healthy(): boolean {
    return this.state === "ready" && this.pingedAt === 0
  }

  /** Whether it takes commands, be it to refuse them. */
  get isOpen(): boolean {
    return !this.draining && this.state !== "closed"
  }

  /** Whether nothing speaks against a command now: it is healthy, or was never in trouble. */
  get promising(): boolean {
    if (this.state === "ready") return this.pingedAt === 0
    return this.lastFailure === undefined && (this.state === "idle" || this.state === "connecting")
  }

  /** The id of the node that is expected there; empty while it is unknown. */
  get expectedId(): string {
    return this.request.expectedId
  }

  /** Refuses any other node from the next dialling on. */
  expect(id: string): void {
    this.request = { ...this.request, expectedId: id }
  }

  /** Whether the next reply is that of a command. */
  isNext(outgoing: Outgoing): boolean {
    return this.inFlight.peek() === outgoing
  }

  /** Whether a command was written and is not answered. */
  hasWritten(outgoing: Outgoing): boolean {
    let found = false
    this.inFlight.forEach((one) => (found ||= one === outgoing))
    return found
  }

  /** Takes a command over. The owner hears of it through exactly one of its callbacks. */
  send(outgoing: Outgoing): void {
    if (this.draining || this.state === "closed") {
      return outgoing.onLost({ kind: "closed", message: `the connection to ${this.address} is closed` }, false)
    }
    if (this.state === "down") {
      this.connect()
      return outgoing.onLost(this.lastFailure ?? { kind: "connection", message: "not connected" }, false)
    }
    if (this.state === "idle") this.connect()
    if (this.options.overflow === "fail") {
      if (this.full(this.waiting.size, this.waitingBytes)) return outgoing.onLost(this.overloaded(), false)
      outgoing.size = weightOf(outgoing)
    } else {
      outgoing.size = 0
    }
    this.waitingBytes += outgoing.size
    this.waiting.push(outgoing)
    this.alarm.set(outgoing.deadline)
    this.scheduleFlush()
  }

  /** Connects without waiting for a command. */
  connect(): void {
    if (this.isDialling || this.state === "ready" || this.state === "closed") return
    if (this.state === "idle") this.setState("connecting")
    this.isDialling = true
    this.dialling = this.runFork(
      Effect.suspend(() => dial(this.endpoint, this.options, this.request, (wire) => this.adopt(wire))).pipe(
        Effect.catchDefect((defect) => Effect.fail<LinkFailure>({ kind: "connection", message: String(defect) })),
        Effect.andThen(this.trial),
        Effect.tapError((failure) => Effect.sync(() => this.refuse(failure))),
        Effect.retry(this.options.reconnectSchedule),
        // Whatever the schedule says, or if it dies: the next command dials again.
        Effect.ignoreCause,
        Effect.ensuring(Effect.sync(() => this.dialled()))
      )
    )
  }

  /**
   * Lasts until the new socket has brought something. One that is closed before that was no success: the next attempt
   * has to wait its turn, or a server that greets and hangs up would be dialled without a pause.
   */
  private readonly trial: Effect.Effect<void, LinkFailure> = Effect.callback((resume) => {
    if (this.socket === undefined) return resume(this.verdict())
    this.endTrial = resume
  })

  /** On a socket that was lost before it brought anything. */
  private verdict(): Effect.Effect<void, LinkFailure> {
    const lived = monotonicMillis(this.clock) - this.adoptedAt
    return this.lastFailure !== undefined && lived < shortLife ? Effect.fail(this.lastFailure) : Effect.void
  }

  private dialled(): void {
    const again = this.redialling
    this.isDialling = false
    this.redialling = false
    // The new socket may have been lost in the meantime.
    if (again || this.state === "connecting") this.connect()
  }

  /** Starts a dialling again that began with what is outdated now; without one nothing happens. */
  redial(): void {
    if (!this.isDialling || this.socket !== undefined || this.state === "closed") return
    this.redialling = true
    this.dialling?.interruptUnsafe()
  }

  /**
   * Writes a command of the library's own between the others, alone: when all before it are answered, and nothing follows
   * until it is answered, too. Redis 8.6 gives no answer to a refused AUTH that it reads together with other commands,
   * and the replies to those would go to the wrong ones. `args` stand in place of those of `outgoing`, so that secrets are
   * not kept. `false` when there is no socket; it is then not taken over.
   */
  interject(outgoing: Outgoing, args: () => ReadonlyArray<Argument>): boolean {
    if (this.socket === undefined) return false
    const superseded = this.interjection?.outgoing
    this.interjection = { outgoing, args }
    superseded?.onLost({ kind: "connection", message: "superseded" }, false)
    this.flush()
    return true
  }

  private writeInterjection(): void {
    if (this.interjection === undefined || this.socket === undefined || this.inFlight.size > 0) return
    const { args, outgoing } = this.interjection
    this.interjection = undefined
    const refusal = say(this.socket, outgoing.command.spec, args())
    if (refusal !== undefined) {
      outgoing.onLost({ kind: "authentication", message: refusal }, false)
      return this.scheduleFlush()
    }
    this.interjected = outgoing
    this.expectReplies()
    outgoing.size = 0
    this.inFlight.push(outgoing)
  }

  /** Ends the socket; the next one is dialled at once. */
  reset(message: string): void {
    this.lose({ kind: "connection", message })
  }

  /**
   * Closes for good: nothing new is accepted, unwritten commands are handed back, written ones are waited for until
   * `drainTimeout` milliseconds have passed.
   */
  close(drainTimeout: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.draining = true
      const closed: LinkFailure = { kind: "closed", message: `the connection to ${this.address} was closed` }
      this.handBack(closed)
      const drained = this.state !== "ready" || this.inFlight.size === 0
        ? Effect.void
        : Effect.callback<void>((resume) => {
          this.onEmpty = () => resume(Effect.void)
        }).pipe(Effect.timeoutOption(drainTimeout))
      return Effect.ensuring(drained, Effect.sync(() => this.closeNow(closed)))
    })
  }

  /**
   * Says goodbye and waits, at most `patience` milliseconds, until the server has heard it: from then on nothing is held
   * back for this connection, and what the server had answered has come.
   */
  hangUp(patience: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const socket = this.socket
      this.draining = true
      const closed: LinkFailure = { kind: "closed", message: `the connection to ${this.address} was closed` }
      const heard = socket === undefined ? Effect.void : Effect.callback<void>((resume) => {
        const timer = this.runFork(
          Effect.andThen(Effect.sleep(patience), Effect.sync(() => resume(Effect.void)))
        )
        socket.once("close", () => {
          timer.interruptUnsafe()
          resume(Effect.void)
        })
        socket.end()
      })
      return Effect.ensuring(heard, Effect.sync(() => this.closeNow(closed)))
    })
  }

  /** Closes at once. */
  closeNow(failure: LinkFailure): void {
    if (this.state === "closed") return
    this.lastFailure = failure
    this.setState("closed")
    this.dialling?.interruptUnsafe()
    this.alarm.clear()
    this.abandon(failure)
  }

  private full(waiting: number, waitingBytes: number): boolean {
    return this.inFlight.size + waiting >= this.options.maxInFlight ||
      this.inFlightBytes + waitingBytes >= this.options.maxInFlightBytes
  }

  private overloaded(): LinkFailure {
    const bytes = this.inFlightBytes + this.waitingBytes
    return {
      kind: "overloaded",
      message: `${this.address} has ${this.depth} unanswered commands (${bytes} bytes), the bound is reached`
    }
  }

  private setState(state: ConnectionState): void {
    this.state = state
    this.hooks.onState(this, state)
  }

  private adopt(wire: Wire): void {
    const socket = wire.stream
    if (this.state === "closed") {
      socket.destroy()
      return
    }
    this.socket = socket
    if (this.sockets++ > 0) this.statistics.reconnects++
    const decoder = new RespDecoder({
      binary: () => this.inFlight.peek()?.binary === true,
      onReply: (reply) => this.receive(reply),
      onPush: (push) => this.hooks.onPush(this, push)
    })
    this.decoder = decoder
    wire.receive = (bytes) => {
      if (this.socket === socket) this.read(decoder, bytes)
    }
    socket.on("drain", () => {
      if (this.socket !== socket) return
      this.blocked = false
      // The other side reads; a large command may take its time.
      this.heard()
      this.flush()
    })
    socket.on("error", (error: Error) => {
      if (this.socket === socket) this.lose({ kind: "connection", message: error.message })
    })
    const closed = () => {
      if (this.socket === socket) this.lose({ kind: "connection", message: "closed by the server" })
    }
    socket.on("close", closed)
    socket.on("end", closed)
    this.blocked = false
    this.adoptedAt = monotonicMillis(this.clock)
    this.setState("ready")
    this.flush()
  }

  private refuse(failure: LinkFailure): void {
    if (this.state === "closed") return
    this.lastFailure = failure
    this.statistics.refusals++
    this.setState("down")
    this.handBack(failure)
  }

  /** Gives the unwritten commands back. */
  private handBack(failure: LinkFailure): void {
    const unwritten = this.waiting.takeAll()
    this.waitingBytes = 0
    for (const outgoing of unwritten) {
      if (!outgoing.settled) outgoing.onLost(failure, false)
    }
  }

  private lose(failure: LinkFailure): void {
    if (this.state !== "ready") return
    this.lastFailure = failure
    this.setState("connecting")
    this.abandon(failure)
    this.concludeTrial(this.verdict())
    this.connect()
  }

  private concludeTrial(verdict: Effect.Effect<void, LinkFailure>): void {
    const end = this.endTrial
    this.endTrial = undefined
    end?.(verdict)
  }

  /** Destroys the socket and hands every command back. Their owners may send them again, even here, at once. */
  private abandon(failure: LinkFailure): void {
    const socket = this.socket
    this.socket = undefined
    this.decoder?.stop()
    this.decoder = undefined
    socket?.destroy()
    this.pingedAt = 0
    this.blocked = false
    this.interjected = undefined
    const interjection = this.interjection
    this.interjection = undefined
    interjection?.outgoing.onLost(failure, false)
    this.timed = undefined
    this.latency.forget()
    const written = this.inFlight.takeAll()
    const unwritten = this.waiting.takeAll()
    this.inFlightBytes = 0
    this.waitingBytes = 0
    for (let i = 0; i < written.length; i++) {
      const outgoing = written[i]
      // A block has as many places as replies, and hears of its loss once.
      if (!outgoing.settled && (i === 0 || outgoing !== written[i - 1])) outgoing.onLost(failure, true)
    }
    for (const outgoing of unwritten) {
      if (!outgoing.settled) outgoing.onLost(failure, false)
    }
    this.onEmpty?.()
  }

  private read(decoder: RespDecoder, chunk: Buffer): void {
    this.heard()
    if (this.endTrial !== undefined) this.concludeTrial(Effect.void)
    const malformed = decoder.push(chunk)
    if (malformed !== undefined && this.decoder === decoder) {
      this.lose({ kind: "protocol", message: malformed })
    } else if (this.waiting.size > 0 || this.interjection !== undefined) {
      this.scheduleFlush()
    }
  }

  /** The other side is alive. */
  private heard(): void {
    this.silentSince = monotonicMillis(this.clock)
    this.pingedAt = 0
  }

  private receive(reply: Reply): void {
    const outgoing = this.inFlight.shift()
    if (outgoing === undefined) {
      return this.lose({ kind: "protocol", message: "a reply came that nothing had asked for" })
    }
    this.inFlightBytes -= outgoing.size
    if (outgoing === this.interjected) this.interjected = undefined
    if (outgoing === this.timed) this.endTiming()
    if (!outgoing.settled) outgoing.onReply(reply)
    if (this.onEmpty !== undefined && this.inFlight.size === 0) this.onEmpty()
  }

  private startTiming(outgoing: Outgoing): void {
    this.timed = outgoing
    this.timedAt = monotonicMillis(this.clock)
  }

  private endTiming(): void {
    this.timed = undefined
    const millis = monotonicMillis(this.clock) - this.timedAt
    this.latency.add(millis)
    this.statistics.latency.add(millis / 1000)
  }

  private scheduleFlush(): void {
    if (this.flushScheduled || this.state !== "ready" || this.blocked || this.interjected !== undefined) return
    this.flushScheduled = true
    // With nothing on the wire waiting would only cost latency; with replies due, the rest of this turn of the
    // event loop may well bring more commands for the same write.
    if (this.inFlight.size === 0) queueMicrotask(this.flushNow)
    else setImmediate(this.flushNow)
  }

  private readonly flushNow = (): void => {
    this.flushScheduled = false
    this.flush()
  }

  private flush(): void {
    if (this.interjected !== undefined) return
    if (this.interjection !== undefined) return this.writeInterjection()
    while (this.socket !== undefined && !this.blocked && this.mayWrite()) {
      this.writeBatch(this.socket)
    }
  }

  /** Replies are due from now on: silence means something. */
  private expectReplies(): void {
    if (this.inFlight.size > 0) return
    this.silentSince = monotonicMillis(this.clock)
    this.alarm.set(this.silentSince + this.options.pingAfter)
  }

  /** Whether the bounds leave room for what is next. A block goes as a whole, one beyond the bounds when it is alone. */
  private mayWrite(): boolean {
    const next = this.waiting.peek()
    if (next === undefined || this.full(0, 0)) return false
    return next.block === undefined || this.inFlight.size === 0 ||
      this.inFlight.size + next.block.length <= this.options.maxInFlight
  }

  private writeBatch(socket: Duplex): void {
    const encoder = this.encoder
    this.expectReplies()
    let timing = this.timed === undefined && this.writes++ % timedWrites === 0
    while (encoder.size < writeLimit && this.mayWrite()) {
      const outgoing = this.waiting.shift()
      if (outgoing === undefined) continue
      this.waitingBytes -= outgoing.size
      if (outgoing.settled) continue
      const appended = outgoing.block === undefined ? this.append(outgoing) : this.appendBlock(outgoing, outgoing.block)
      if (appended === 0) continue
      this.statistics.commands += appended
      if (timing) {
        this.startTiming(outgoing)
        timing = false
      }
    }
    if (encoder.size === 0) return
    write(socket, encoder.take())
    // `destroy` and errors surface as events; a full buffer surfaces here. Only who needs a drain will tell of it.
    this.blocked = socket.writableNeedDrain && socket.writableLength > socketBufferLimit
  }

  /** Encodes a command, and ASKING in front of it; gives how many commands of the caller's were encoded. */
  private append(outgoing: Outgoing): number {
    const { args, spec } = outgoing.command
    const { encoder } = this
    const start = encoder.size
    if (outgoing.asking) encoder.push(asking.command.spec.prefix(0), [])
    const before = encoder.size
    const refusal = encoder.push(spec.prefix(args.length), args)
    if (refusal !== undefined) {
      encoder.truncate(start)
      outgoing.onLost(unsendable(refusal), false)
      return 0
    }
    if (outgoing.asking) this.inFlight.push(asking)
    outgoing.size = encoder.size - before
    this.inFlightBytes += outgoing.size
    this.inFlight.push(outgoing)
    return 1
  }

  /** Nothing comes between the commands of a block: they are encoded at once, whatever the limits of a write. */
  private appendBlock(outgoing: Outgoing, block: ReadonlyArray<Command<unknown>>): number {
    const { encoder } = this
    const start = encoder.size
    if (outgoing.asking) encoder.push(asking.command.spec.prefix(0), [])
    const before = encoder.size
    for (let i = 0; i < block.length; i++) {
      const { args, spec } = block[i]
      const refusal = encoder.push(spec.prefix(args.length), args)
      if (refusal === undefined) continue
      encoder.truncate(start)
      // Its owner takes that command out, or ends the whole.
      if (outgoing.onUnsendable === undefined) outgoing.onLost(unsendable(refusal), false)
      else outgoing.onUnsendable(i, unsendable(refusal))
      return outgoing.settled || block.length === 0 ? 0 : this.appendBlock(outgoing, block)
    }
    if (outgoing.asking) this.inFlight.push(asking)
    for (let i = 0; i < block.length; i++) this.inFlight.push(outgoing)
    // Each reply gives back an equal share.
    outgoing.size = Math.ceil((encoder.size - before) / block.length)
    this.inFlightBytes += outgoing.size * block.length
    return block.length
  }

  /** The alarm rang: ends what is overdue, checks that the server is alive, and sets the alarm for what comes next. */
  private readonly inspect = (): void => {
    const now = monotonicMillis(this.clock)
    let next = this.expire(this.waiting, now, false)
    // A place in the queue can be given up, unlike one in the FIFO.
    this.waiting.filter((outgoing) => {
      if (outgoing.settled) this.waitingBytes -= outgoing.size
      return !outgoing.settled
    })
    next = Math.min(next, this.expire(this.inFlight, now, true))
    if (this.state === "ready" && this.inFlight.size > 0) {
      next = Math.min(next, this.mayBeSilent() ? this.askAround(now) : this.probe(now))
    }
    if (next < Number.POSITIVE_INFINITY) this.alarm.set(Math.max(next, now + this.depth / inspectedPerMilli))
  }

  /** Silence proves nothing here, and a PING would wait its turn: what another connection gets no answer to does. */
  private askAround(now: number): number {
    const { inquire } = this.hooks
    if (inquire === undefined) return Number.POSITIVE_INFINITY
    const overdue = this.silentSince + this.options.pingAfter
    if (now < overdue) return overdue
    this.silentSince = now
    const socket = this.socket
    this.runFork(Effect.map(inquire(this), (isAlive) => {
      const message = "the server does not answer on another connection either"
      if (!isAlive && this.socket === socket) this.lose({ kind: "connection", message })
    }))
    return now + this.options.pingAfter
  }

  /** The server may hold the next reply back at will, so that silence proves nothing. */
  private mayBeSilent(): boolean {
    const next = this.inFlight.peek()?.command
    return next?.blockingTime !== undefined
  }

  private expire(queue: Fifo<Outgoing>, now: number, written: boolean): number {
    let next = Number.POSITIVE_INFINITY
    const due: Array<Outgoing> = []
    queue.forEach((outgoing) => {
      if (outgoing.settled) return
      if (outgoing.deadline <= now) due.push(outgoing)
      else if (outgoing.deadline < next) next = outgoing.deadline
    })
    for (const outgoing of due) {
      if (!outgoing.settled) outgoing.onDeadline(written)
    }
    return next
  }

  /** Replies are due. A long silence causes a PING, a silence after that ends the socket. */
  private probe(now: number): number {
    if (this.pingedAt > 0) {
      const until = this.pingedAt + this.options.pingTimeout
      if (now < until) return until
      this.lose({
        kind: "connection",
        message: `silent for ${Math.round(now - this.silentSince)} ms with replies due, PING unanswered`
      })
      return Number.POSITIVE_INFINITY
    }
    const overdue = this.silentSince + this.options.pingAfter
    if (now < overdue) return overdue
    this.pingedAt = now
    if (this.socket !== undefined && !this.blocked && this.interjected === undefined) {
      this.append(ping)
      write(this.socket, this.encoder.take())
    }
    return now + this.options.pingTimeout
  }
}
