/**
 * The commands on one socket: written in batches, answered in order. A lane lives as long as its socket; a new socket gets a new lane.
 *
 * Commands that are sent in one tick leave in one write, at once when no reply is due.
 */
import type * as Clock from "effect/Clock"
import type { Duplex } from "node:stream"
import { readsLists } from "../commands/decode.ts"
import { Fifo } from "../internal/Fifo.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { mayAnswerPing } from "../protocol/ErrorKind.ts"
import { type Argument, type Reply, ServerError } from "../protocol/Reply.ts"
import { type DecoderHandlers, RespDecoder } from "../protocol/RespDecoder.ts"
import { RespEncoder } from "../protocol/RespEncoder.ts"
import { Alone } from "./Alone.ts"
import { type CommandQueue, expire } from "./CommandQueue.ts"
import { LargeWrite } from "./LargeWrite.ts"
import type { NodeStatistics } from "./NodeStatistics.ts"
import type { LinkFailure, Outgoing, Sendable } from "./Outgoing.ts"
import { type End, OwnCommand } from "./OwnCommand.ts"
import { Pulse } from "./Pulse.ts"
import { question } from "./Query.ts"
import { Stopwatch } from "./Stopwatch.ts"
import type { Wire } from "./Wire.ts"
import { say, write } from "./Write.ts"

/** With this many bytes in the socket's own buffer, nothing more is written until the buffer has drained. */
const socketBufferLimit = 512 * 1024
/** After a PING has been unanswered for this long, in milliseconds, reads are sent to another node as well. */
const pingOverdueAfter = 250
/** The most bytes that one write carries. */
const writeLimit = 256 * 1024
/** A write of more bytes than this, with a large argument or a block, goes out piece by piece. */
const largeWrite = writeLimit + 64 * 1024

/** A command whose reply is dropped. */
class Silent extends OwnCommand {
  constructor(name: string) {
    super(question(name))
    this.abandon()
  }

  protected onEnd(): void {}
}

/** The failure of a command with an argument that was changed since the call. No other command fails with it. */
const unsendable = (message: string): LinkFailure => ({ kind: "unsendable", message })

const asking = new Silent("ASKING")

/**
 * A PING that checks the order of replies: any other reply to it means that earlier replies went to the wrong
 * commands.
 */
class Ping extends OwnCommand {
  private readonly answered: (isInOrder: boolean) => void

  constructor(answered: (isInOrder: boolean) => void) {
    super(question("PING"))
    this.answered = answered
  }

  protected onEnd(end: End): void {
    if (end._tag !== "Replied") return
    const { reply } = end
    this.answered(reply === "PONG" || (reply instanceof ServerError && mayAnswerPing(reply)))
  }
}

/** The parts of a connection that its lane needs. */
export interface LaneContext {
  readonly clock: Clock.Clock
  readonly bounds: {
    readonly maxInFlight: number
    readonly maxInFlightBytes: number
    readonly commandTimeout: number
    readonly pingAfter: number
    readonly pingTimeout: number
  }
  /** The commands that wait to be written. */
  readonly queue: CommandQueue
  readonly statistics: NodeStatistics
  /** Takes a sampled time between a write and its reply. */
  readonly measured: (millis: number) => void
  /** Asks the connection to call `inspect` at that time. */
  readonly lookAt: (at: number) => void
  /** Called when bytes have come. */
  readonly heard: () => void
  readonly onPush: (push: ReadonlyArray<Reply>, wire: Wire) => void
  /** Called when the socket cannot be used any more. */
  readonly lose: (failure: LinkFailure) => void
  /** Asks on another connection whether the server is alive, for a command that it may hold back at will. */
  readonly inquire: (() => void) | undefined
  /**
   * Asks over another socket whether the node serves others while this socket is silent; calls back if the node does,
   * or if it cannot be reached.
   */
  readonly doubt: (confirmed: () => void) => void
  /**
   * The fraction of a command's long timeout for which this node may keep the command waiting: the rest is left for
   * other nodes.
   */
  readonly share: number
}

export class CommandLane implements DecoderHandlers {
  /** Called when no reply is due any more. */
  onEmpty: (() => void) | undefined
  private readonly wire: Wire
  private readonly socket: Duplex
  private readonly context: LaneContext
  private readonly decoder: RespDecoder
  private readonly encoder = new RespEncoder()
  private readonly stopwatch: Stopwatch
  private readonly pulse: Pulse
  private readonly alone = new Alone()
  /** The command that is out alone. */
  private aloneNow: Outgoing | undefined
  private readonly inFlight = new Fifo<Outgoing>()
  private inFlightBytes = 0
  /** The write that goes out piece by piece. Nothing else is written meanwhile. */
  private readonly large: LargeWrite
  private isLargeResting = false
  /** The time at which the first block of the present write was encoded. */
  private begunAt: number | undefined = undefined
  private pingDue = false
  /** The number of replies that were due when the silence was first asked about. */
  private suspects = 0
  /** The time of the next check that replies are in order. */
  private verifyAt: number
  private isFlushScheduled = false
  private isBlocked = false
  private isDropped = false

  constructor(wire: Wire, context: LaneContext) {
    this.wire = wire
    this.socket = wire.stream
    this.large = new LargeWrite(wire.stream)
    this.context = context
    this.stopwatch = new Stopwatch(context.clock, context.measured)
    const { pingAfter, pingTimeout } = context.bounds
    const doubtAfter = Math.min(pingOverdueAfter, pingTimeout / 2)
    const now = monotonicMillis(context.clock)
    this.pulse = new Pulse({ pingAfter, pingTimeout, doubtAfter }, now)
    this.verifyAt = this.pulse.overdueFrom(now)
    this.decoder = new RespDecoder(this)
    wire.receive = (bytes) => this.read(bytes)
    wire.room = () => this.decoder.room
    wire.stream.on("drain", () => this.drained())
  }

  /** The number of replies that are due. */
  get due(): number {
    return this.inFlight.size
  }

  /** Visits the commands whose replies are due. */
  forEachDue(f: (outgoing: Outgoing) => void): void {
    this.inFlight.forEach(f)
  }

  /** The latest deadline among the commands whose replies are due. */
  get lastDeadline(): number {
    let last = 0
    this.inFlight.forEach(({ deadline, settled }) => {
      if (!settled && deadline < Number.POSITIVE_INFINITY) last = Math.max(last, deadline)
    })
    return last
  }

  /** The bytes of the written commands whose replies are due. */
  get dueBytes(): number {
    return this.inFlightBytes
  }

  /** Whether the socket is fine: it is not silent while replies are due. */
  get isHealthy(): boolean {
    return !this.pulse.isDoubtful
  }

  /** Whether the server reports changes of what is read on the socket. */
  get reports(): boolean {
    return this.wire.generation !== undefined
  }

  /** The reason for which the server refused to report changes. */
  get trackingRefusal(): string | undefined {
    return this.wire.trackingRefusal
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

  /** Writes the waiting commands in the next turn of the event loop, or earlier. */
  scheduleFlush(): void {
    if (this.isFlushScheduled || this.isBlocked || this.alone.isOut) return
    this.isFlushScheduled = true
    // With no reply due, waiting would only add latency. With replies due, the rest of this turn of the event loop
    // often brings more commands for one write.
    if (this.inFlight.size === 0) queueMicrotask(this.flushNow)
    else setImmediate(this.flushNow)
  }

  /** Writes the commands that wait, as far as the bounds allow. */
  flush(): void {
    if (this.isDropped) return
    if (this.alone.isClaimed) return this.proceedAlone()
    while (!this.isDropped && !this.isBlocked && this.mayWrite()) this.writeBatch()
  }

  /**
   * Writes a command alone. `args` gives the arguments that are sent in place of the command's own, so that no command
   * keeps a secret.
   */
  sendAlone(outgoing: Outgoing, args: () => ReadonlyArray<Argument>): void {
    this.alone.add({
      kind: "login",
      start: () => {
        const refusal = say(this.socket, outgoing.command.spec, args())
        if (refusal !== undefined) {
          this.alone.end()
          outgoing.onLost({ kind: "authentication", message: refusal }, false)
          return this.scheduleFlush()
        }
        this.expectReplies()
        outgoing.size = 0
        this.inFlight.push(outgoing)
        this.aloneNow = outgoing
      },
      onLost: (failure) => {
        if (this.aloneNow !== outgoing) outgoing.onLost(failure, false)
      }
    })
    this.flush()
  }

  /**
   * Ends overdue commands, and checks for signs of life while replies are due. The result is the time of the next
   * inspection.
   */
  inspect(now: number): number {
    const next = expire(this.inFlight, now, true)
    if (this.isDropped) return next
    // A socket that nothing passes may bring reports of changes no more.
    if (this.inFlight.size === 0) return this.isReliedOn ? Math.min(next, this.probe(now)) : next
    return Math.min(next, this.mayBeSilent() ? this.askAround(now) : this.probe(now), this.verify(now))
  }

  /** Ends the generation of what was cached, if replies rely on it. */
  doubtReports(): void {
    if (this.isReliedOn) this.wire.beginGeneration()
  }

  /** Ends the socket of a lane that was taken out of its link. */
  destroy(): void {
    this.socket.destroy()
  }

  /**
   * Gives written commands back to their owners, because the socket is gone. An owner may send its command again at
   * once, even to this connection.
   */
  drop(failure: LinkFailure): void {
    this.isDropped = true
    this.wire.endGeneration()
    this.decoder.stop()
    this.alone.drop(failure)
    const written = this.inFlight.takeAll()
    this.inFlightBytes = 0
    for (let i = 0; i < written.length; i++) {
      const outgoing = written[i]
      // A block has a place for each of its replies, and its `onLost` is called once.
      if (!outgoing.settled && (i === 0 || outgoing !== written[i - 1])) outgoing.onLost(failure, true)
    }
    this.onEmpty?.()
  }

  private readonly flushNow = (): void => {
    this.isFlushScheduled = false
    this.flush()
  }

  private proceedAlone(): void {
    if (this.inFlight.size === 0) this.alone.proceed()
  }

  private drained(): void {
    if (this.isDropped) return
    this.isBlocked = this.isLargeResting
    // The server reads, which is a sign of life: a large command may take its time.
    this.pulse.heard(monotonicMillis(this.context.clock))
    if (this.large.isUnderway && !this.isLargeResting) this.proceedLarge()
    this.flush()
  }

  private read(chunk: Buffer): void {
    if (this.isDropped) return
    this.pulse.heard(monotonicMillis(this.context.clock))
    this.context.heard()
    const malformed = this.decoder.push(chunk)
    if (this.isDropped) return
    if (malformed !== undefined) this.context.lose({ kind: "protocol", message: malformed })
    else if (this.context.queue.size > 0 || this.alone.isClaimed) this.scheduleFlush()
  }

  /** Whether the next reply is to come as bytes. */
  binary(): boolean {
    return this.inFlight.peek()?.binary === true
  }

  /** Whether the text of the next reply may come with replacement characters. */
  lossy(): boolean {
    return this.inFlight.peek()?.command.settings.lossy === true
  }

  /** Whether a set or a map may come as a list. The cache keeps replies for other commands, which may read them otherwise. */
  asList(): boolean {
    const command = this.inFlight.peek()?.command
    return command !== undefined && command.settings.cached === undefined && readsLists(command.decode)
  }

  onPush(push: ReadonlyArray<Reply>): void {
    this.context.onPush(push, this.wire)
  }

  /** The reply to the command that has waited longest. */
  onReply(reply: Reply): void {
    const outgoing = this.inFlight.shift()
    if (outgoing === undefined) {
      return this.context.lose({ kind: "protocol", message: "a reply came that belongs to no command" })
    }
    this.inFlightBytes -= outgoing.size
    if (outgoing === this.aloneNow) {
      this.aloneNow = undefined
      this.alone.end()
    }
    this.stopwatch.stop(outgoing)
    if (!outgoing.settled) outgoing.onReply(reply)
    if (this.onEmpty !== undefined && this.inFlight.size === 0) this.onEmpty()
  }

  /** Starts to watch for silence, because replies are due from now on. */
  private expectReplies(): void {
    if (this.inFlight.size > 0) return
    const now = monotonicMillis(this.context.clock)
    // A socket on which cached replies rely has been listened to all the time: its silence began earlier.
    if (!this.isReliedOn) this.pulse.heardAt = now
    this.context.lookAt(this.pulse.overdueFrom(this.pulse.heardAt))
  }

  /** Whether there are cached replies of which this socket has to report changes. */
  private get isReliedOn(): boolean {
    return this.wire.generation !== undefined && this.wire.generation.reliant > 0
  }

  private get isFull(): boolean {
    const { maxInFlight, maxInFlightBytes } = this.context.bounds
    return this.inFlight.size >= maxInFlight || this.inFlightBytes >= maxInFlightBytes
  }

  /**
   * Whether the bounds leave room for the next command. A block is written as a whole; a block beyond the bounds is
   * written when nothing else is on the wire.
   */
  private mayWrite(): boolean {
    const next = this.context.queue.peek()
    if (next === undefined || this.isFull) return false
    return next.block === undefined || this.inFlight.size === 0 ||
      this.inFlight.size + next.block.length <= this.context.bounds.maxInFlight
  }

  private writeBatch(): void {
    const { encoder, socket } = this
    const { queue, statistics } = this.context
    this.expectReplies()
    this.begunAt = undefined
    let timing = this.stopwatch.begins()
    while (encoder.size < writeLimit && this.mayWrite()) {
      const outgoing = queue.shift()
      if (outgoing === undefined || outgoing.settled) continue
      const appended = outgoing.block === undefined ? this.append(outgoing) : this.appendBlock(outgoing, outgoing.block)
      if (appended === 0) continue
      statistics.commands += appended
      if (timing) {
        this.stopwatch.start(outgoing)
        timing = false
      }
    }
    if (encoder.size === 0) return
    if (encoder.size > largeWrite) {
      this.large.begin(encoder.take())
      return this.proceedLarge()
    }
    write(socket, encoder.take())
    this.isBlocked = this.isSocketFull
  }

  /** Whether the socket's own buffer is full. `destroy` and errors surface as events. */
  private get isSocketFull(): boolean {
    // Node emits `drain` only after a write that found the buffer full.
    return this.socket.writableNeedDrain && this.socket.writableLength > socketBufferLimit
  }

  private proceedLarge(): void {
    const state = this.large.proceed()
    this.isBlocked = state !== "done" || this.isSocketFull
    this.isLargeResting = state === "turn"
    if (this.isLargeResting) setImmediate(this.rested)
  }

  private readonly rested = (): void => {
    this.isLargeResting = false
    if (this.isDropped) return
    this.proceedLarge()
    this.flush()
  }

  /**
   * Encodes a command, with ASKING in front of it where the command needs that. The result is the number of the
   * caller's commands that were encoded.
   */
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

  /**
   * Encodes all commands of a block at once, whatever the limits of a write, so that no other command comes between
   * them.
   */
  private appendBlock(outgoing: Outgoing, block: ReadonlyArray<Sendable>): number {
    const { encoder } = this
    const start = encoder.size
    if (outgoing.asking) encoder.push(asking.command.spec.prefix(0), [])
    const before = encoder.size
    for (let i = 0; i < block.length; i++) {
      const { args, spec } = block[i]
      const refusal = encoder.push(spec.prefix(args.length), args)
      if (refusal === undefined) continue
      encoder.truncate(start)
      // The owner of the block takes that command out, or ends the whole block.
      if (outgoing.onUnsendable === undefined) outgoing.onLost(unsendable(refusal), false)
      else outgoing.onUnsendable(i, unsendable(refusal))
      return outgoing.settled || block.length === 0 ? 0 : this.appendBlock(outgoing, block)
    }
    if (outgoing.asking) this.inFlight.push(asking)
    for (let i = 0; i < block.length; i++) this.inFlight.push(outgoing)
    // Each reply of a block frees an equal share of its bytes.
    outgoing.size = Math.ceil((encoder.size - before) / block.length)
    this.inFlightBytes += outgoing.size * block.length
    outgoing.onWritten?.(this.wire.generation, this.begunAt ??= monotonicMillis(this.context.clock))
    return block.length
  }

  /** Whether the server may hold the next reply back for as long as it likes, so that silence proves nothing. */
  private mayBeSilent(): boolean {
    return this.inFlight.peek()?.command.blockingTime !== undefined
  }

  /**
   * Asks the server on another connection whether it is alive, because a PING on this one would wait behind the
   * blocked command.
   */
  private askAround(now: number): number {
    const { inquire } = this.context
    if (inquire === undefined) return Number.POSITIVE_INFINITY
    const overdue = this.pulse.overdueFrom(this.pulse.heardAt)
    if (now < overdue) return overdue
    this.pulse.heardAt = now
    inquire()
    return this.pulse.overdueFrom(now)
  }

  /** Sends a PING after a long silence, and ends the socket when the silence lasts. */
  private probe(now: number): number {
    const diagnosis = this.pulse.probe(now)
    switch (diagnosis._tag) {
      case "Wait":
        return diagnosis.until
      case "Ask":
        this.writePing()
        this.suspects = this.inFlight.size
        return diagnosis.until
      case "Doubt":
        this.inFlight.forEach((outgoing) => outgoing.settled || outgoing.onSilence?.())
        return diagnosis.until
      case "Dead": {
        const message = `silent for ${diagnosis.silentFor} ms with replies due, PING unanswered`
        const lose = () => this.context.lose({ kind: "connection", message })
        const patience = this.patienceFor(now, this.suspects)
        if (patience <= now) {
          lose()
          return Number.POSITIVE_INFINITY
        }
        // The socket is kept, and what was cached is not relied on any more.
        this.doubtReports()
        // A server that is busy with one command answers no other.
        const { heardAt } = this.pulse
        const until = Math.min(patience, now + this.context.bounds.pingTimeout)
        this.pulse.holdUntil(until)
        this.context.doubt(() => {
          if (!this.isDropped && this.pulse.heardAt === heardAt) lose()
        })
        return until
      }
    }
  }

  /** Whether a command that was given more time than a silence may last is due: the server may be busy with it, and answer nobody. */
  mayBeBusy(now: number): boolean {
    return this.patienceFor(now, this.inFlight.size) > now
  }

  /**
   * The time until which one of the first `count` commands may keep the server busy, because it was given more time than
   * a silence may last. The server executes none of those that were written behind the PING.
   */
  private patienceFor(now: number, count: number): number {
    const { bounds: { commandTimeout, pingAfter, pingTimeout }, share } = this.context
    let until = now
    let at = 0
    this.inFlight.forEach(({ command: { settings }, deadline, settled }) => {
      const timeout = settings.timeout ?? commandTimeout
      if (at++ >= count || settled || timeout <= pingAfter + pingTimeout || deadline === Number.POSITIVE_INFINITY) {
        return
      }
      until = Math.max(until, deadline - timeout * (1 - share))
    })
    return until
  }

  /** Checks with a PING, now and then, that replies are in order: replies that are shifted by one cause no silence. */
  private verify(now: number): number {
    // A dedicated connection needs no check: shifted replies reach no other caller, and the pool checks the connection
    // when it comes back.
    if (this.isDropped || this.context.inquire !== undefined) return Number.POSITIVE_INFINITY
    if (now >= this.verifyAt) {
      this.verifyAt = this.pulse.overdueFrom(now)
      this.writePing()
    }
    return this.verifyAt
  }

  private writePing(): void {
    // A PING whose reply is still due serves as this check.
    if (this.pingDue || this.isBlocked || this.alone.isOut) return
    this.pingDue = true
    this.append(
      new Ping((isInOrder) => {
        this.pingDue = false
        this.verifyAt = this.pulse.overdueFrom(monotonicMillis(this.context.clock))
        if (isInOrder) return
        this.context.lose({
          kind: "protocol",
          message: "the reply to another command came in place of the reply to PING, so replies are shifted"
        })
      })
    )
    write(this.socket, this.encoder.take())
  }
}
