/**
 * The pushes of a server on one socket, and the requests that are sent there. A lane lives as long as its socket.
 * After a handover it lives as long as the new socket.
 *
 * Replies to PINGs mark the order: a command that goes alone starts when no reply to a PING is due.
 */
import type * as Clock from "effect/Clock"
import type { Duplex } from "node:stream"
import type { CommandSpec } from "../commands/CommandSpec.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { kindOf, mayAnswerPing } from "../protocol/ErrorKind.ts"
import { type Argument, type Reply, ServerError, UnreadableReply } from "../protocol/Reply.ts"
import { RespDecoder } from "../protocol/RespDecoder.ts"
import { RespEncoder } from "../protocol/RespEncoder.ts"
import { readable } from "../protocol/text.ts"
import { Alone } from "./Alone.ts"
import { Handover, type Holdings } from "./Handover.ts"
import type { LinkFailure, Outgoing } from "./Outgoing.ts"
import { Pulse } from "./Pulse.ts"
import type { Wire } from "./Wire.ts"
import { say, write } from "./Write.ts"

/** The parts of a connection that its lane needs. */
export interface PushLaneContext {
  readonly clock: Clock.Clock
  readonly limits: { readonly pingAfter: number; readonly pingTimeout: number }
  /** Whether bulk strings are bytes from the next reply on. The kind of a push is text in any case. */
  readonly binary: () => boolean
  readonly onPush: (push: ReadonlyArray<Reply>) => void
  /** Takes any reply that is no push. */
  readonly onReply: (reply: Reply) => void
  /** Called when all replies of one read of the socket have been handed over. */
  readonly onRead: () => void
  /** The subscriptions that another socket must hold before it can take the place of this one. */
  readonly holdings: () => Holdings | undefined
  /** Publishes a mark, and calls `failed` with the reason if that was not possible. */
  readonly publish: (mark: string, failed: (reason: string) => void) => void
  /** Called when bytes have come. */
  readonly heard: () => void
  /** Asks the connection to call `inspect` at that time. */
  readonly lookAt: (at: number) => void
  /** Called when another socket has taken the place of this one. */
  readonly onTaken: (wire: Wire) => void
  /** Called when the socket cannot be used any more; `isSilent` if it does not answer. */
  readonly lose: (failure: LinkFailure, isSilent: boolean) => void
}

interface Login {
  readonly outgoing: Outgoing
  answer: Reply
  /** The deadline for its reply, in monotonic milliseconds. */
  due: number
}

const ping = "*1\r\n$4\r\nPING\r\n"

/** The reply that stands for an AUTH to which the server gave none: it leaves only refused logins unanswered. */
const silentRefusal = new ServerError("ERR the server gave no answer to AUTH")

/** Whether a reply answers a PING. The refusal to a user who may not run PING is an answer too. */
const isPong = (reply: Reply): boolean =>
  reply === "PONG" || (reply instanceof ServerError && kindOf(reply) === "noPermission" && mayAnswerPing(reply)) ||
  (Array.isArray(reply) && reply.length === 2 && readable(reply[0]) === "pong")

export class PushLane {
  /** Whether the reading is paused: messages wait in the network, and then at the server. */
  isPaused = false
  /** Whether the server may hold messages that were not read. */
  isBehind = false
  /** `caughtUpAt` at the time of the pause. */
  private behindSince = 0
  /** The time of the last read in an earlier turn of the event loop. */
  private readBefore: number
  private isTurnNoted = false
  /** The time at which the last PING was sent, and the time that the last answer took. */
  private askedAt = 0
  private roundTrip = 0
  private readonly context: PushLaneContext
  private readonly encoder = new RespEncoder()
  private readonly alone = new Alone()
  private socket: Duplex
  private decoder: RespDecoder
  private pulse: Pulse
  private pingsDue = 0
  private login: Login | undefined
  private handover: Handover | undefined
  private isFlushScheduled = false
  private isDropped = false

  constructor(wire: Wire, context: PushLaneContext) {
    this.context = context
    this.socket = wire.stream
    this.pulse = new Pulse(context.limits, this.now)
    this.readBefore = this.pulse.heardAt
    this.decoder = new RespDecoder({
      binary: context.binary,
      lossy: () => true,
      onPush: context.onPush,
      onReply: (reply) => this.receive(reply)
    }, { binaryPush: context.binary })
    this.listen(wire, this.decoder)
    this.watch()
  }

  /** The time at which the socket last brought bytes, in monotonic milliseconds. */
  get heardAt(): number {
    return this.pulse.heardAt
  }

  /**
   * The client has read all that the server had sent by this time, in monotonic milliseconds. A busy process reads late:
   * the bytes that it reads in one turn of the event loop may have waited since the last turn that brought bytes. Before
   * that they were under way for as long as a PING and its answer.
   */
  get caughtUpAt(): number {
    return this.isBehind ? this.behindSince : this.readBefore - this.roundTrip
  }

  /**
   * Writes a command at the end of this turn of the event loop, together with others. Its arguments are text, which
   * can always be sent.
   */
  send(spec: CommandSpec, args: ReadonlyArray<Argument>): void {
    this.encoder.push(spec.prefix(args.length), args)
    if (this.isFlushScheduled) return
    this.isFlushScheduled = true
    queueMicrotask(this.flush)
  }

  /**
   * Writes a login alone, so that its reply cannot be taken for another. A PING follows it, because Redis 7.2 and
   * later refuse a login without a reply when a message was on its way at that moment.
   */
  sendAlone(outgoing: Outgoing, args: () => ReadonlyArray<Argument>): void {
    this.goAlone({
      kind: "login",
      start: () => {
        if (outgoing.settled) return this.endAlone()
        this.login = { outgoing, answer: null, due: 0 }
        this.expectLogin(this.login)
        const refusal = say(this.socket, outgoing.command.spec, args())
        if (refusal === undefined) return this.ask()
        this.endAlone()
        outgoing.onLost({ kind: "authentication", message: refusal }, false)
      },
      onLost: (failure) => outgoing.onLost(failure, true)
    })
  }

  /**
   * Lets another socket take over the subscriptions of this one. `conclude` gets `undefined`, or the reason why that
   * was not possible.
   */
  handOver(successor: Wire, conclude: (reason: string | undefined) => void): void {
    this.goAlone({
      kind: "handover",
      start: () => this.startHandover(successor, conclude),
      // The next socket will log in with the newest credentials.
      onLost: () => conclude(undefined)
    })
  }

  pause(): void {
    if (this.isPaused) return
    this.isPaused = true
    this.behindSince = this.caughtUpAt
    this.isBehind = true
    this.socket.pause()
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.pulse.heard(this.now)
    // The reply to this PING comes after all messages that the server held back.
    this.ask()
    if (this.login !== undefined) this.expectLogin(this.login)
    this.watch()
    this.socket.resume()
  }

  /** Sends a PING after a long silence, and ends the socket when the silence lasts. */
  inspect(now: number): void {
    // A paused socket shows no sign of life.
    if (this.isPaused || this.isDropped) return
    const { login } = this
    if (login !== undefined) {
      if (now < login.due) return this.context.lookAt(login.due)
      const message = `a login was not answered within ${this.context.limits.pingTimeout} ms`
      return this.context.lose({ kind: "authentication", message }, false)
    }
    const diagnosis = this.pulse.probe(now)
    switch (diagnosis._tag) {
      case "Wait":
      case "Doubt":
        return this.context.lookAt(diagnosis.until)
      case "Ask":
        this.ask()
        return this.context.lookAt(diagnosis.until)
      case "Dead": {
        const message = `silent for ${diagnosis.silentFor} ms, PING unanswered`
        return this.context.lose({ kind: "connection", message }, true)
      }
    }
  }

  /** Drops the lane, because the socket is gone. */
  drop(failure: LinkFailure): void {
    this.isDropped = true
    this.decoder.stop()
    this.handover?.abandon()
    this.handover = undefined
    this.login = undefined
    this.alone.drop(failure)
  }

  private get now(): number {
    return monotonicMillis(this.context.clock)
  }

  private listen(wire: Wire, decoder: RespDecoder): void {
    wire.receive = (bytes) => {
      if (this.decoder === decoder && !this.isDropped) this.read(decoder, bytes)
    }
  }

  private readonly flush = (): void => {
    this.isFlushScheduled = false
    if (this.isDropped || this.alone.isClaimed) return
    const batch = this.encoder.take()
    if (batch.length > 0) write(this.socket, batch)
  }

  private read(decoder: RespDecoder, chunk: Buffer): void {
    this.noteTurn()
    this.pulse.heard(this.now)
    this.context.heard()
    const malformed = decoder.push(chunk)
    this.context.onRead()
    if (malformed === undefined || this.decoder !== decoder || this.isDropped) return
    this.context.lose({ kind: "protocol", message: malformed }, false)
  }

  private receive(reply: Reply): void {
    if (reply instanceof UnreadableReply) {
      // The unreadable reply may have been a message: its subscribers get a gap.
      this.context.lose({ kind: "protocol", message: reply.message }, false)
    } else if (isPong(reply)) {
      this.receivePong()
    } else if (this.handover?.claims(reply) === true) {
      return
    } else if (Array.isArray(reply)) {
      this.context.onPush(reply)
    } else if (this.login !== undefined && (reply === "OK" || reply instanceof ServerError)) {
      this.login.answer = reply
    } else {
      this.context.onReply(reply)
    }
  }

  private receivePong(): void {
    this.pingsDue--
    if (this.pingsDue === 0) {
      this.roundTrip = this.now - this.askedAt
      if (!this.isPaused) this.isBehind = false
    }
    const { login } = this
    if (login !== undefined) {
      this.endAlone()
      login.outgoing.onReply(login.answer ?? silentRefusal)
    } else if (this.alone.isClaimed) {
      this.proceed()
    }
  }

  private ask(): void {
    this.pingsDue++
    this.askedAt = this.now
    this.pulse.asked(this.askedAt)
    this.socket.write(ping)
  }

  /** Notes the first read of a turn of the event loop. */
  private noteTurn(): void {
    if (this.isTurnNoted) return
    this.isTurnNoted = true
    this.readBefore = this.pulse.heardAt
    setImmediate(this.endTurn)
  }

  private readonly endTurn = (): void => {
    this.isTurnNoted = false
  }

  private watch(): void {
    this.context.lookAt(this.pulse.overdueFrom(this.now))
  }

  private goAlone(solo: Parameters<Alone["add"]>[0]): void {
    const isFirst = !this.alone.isClaimed
    this.alone.add(solo)
    // The reply to this PING comes after all other replies that are due.
    if (isFirst) this.ask()
  }

  /**
   * Starts the command that goes alone when no reply to a PING is due; when there is none, writes the waiting
   * commands.
   */
  private proceed(): void {
    if (!this.alone.isClaimed) return this.flush()
    if (this.pingsDue === 0) this.alone.proceed()
  }

  private endAlone(): void {
    this.login = undefined
    this.alone.end()
    if (!this.isDropped) this.proceed()
  }

  private expectLogin(login: Login): void {
    login.due = this.now + this.context.limits.pingTimeout
    this.context.lookAt(login.due)
  }

  private startHandover(successor: Wire, conclude: (reason: string | undefined) => void): void {
    const holdings = this.context.holdings()
    const mark = holdings?.mark
    if (holdings === undefined || mark === undefined) return conclude("the node serves no slot")
    if (successor.stream.destroyed) return conclude("the new connection was lost")
    const handover = new Handover(this.socket, successor, { ...holdings, mark }, {
      binary: this.context.binary,
      publish: () => this.context.publish(mark, (reason) => handover.fail(reason)),
      onTaken: (wire, decoder) => this.moveTo(wire, decoder),
      onReply: (reply) => this.receive(reply),
      onRead: () => this.context.onRead(),
      onDone: () => {
        this.handover = undefined
        this.endAlone()
        conclude(undefined)
      },
      onFailed: conclude
    })
    this.handover = handover
  }

  /** Another socket takes the place of this one, with a decoder that has read ahead. */
  private moveTo(wire: Wire, decoder: RespDecoder): void {
    this.decoder.stop()
    this.decoder = decoder
    this.socket = wire.stream
    this.pingsDue = 0
    this.pulse = new Pulse(this.context.limits, this.now)
    this.listen(wire, decoder)
    this.context.onTaken(wire)
    if (this.isPaused) wire.stream.pause()
    else wire.stream.resume()
  }
}
