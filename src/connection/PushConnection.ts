/**
 * The connection on which a server sends pushes: messages, notifications, lines of MONITOR.
 *
 * No command waits for its reply here. Commands are written, replies and pushes are handed to the owner as they come,
 * and the owner interprets them. Silence is normal, so that a PING goes out after each long silence. The owner may
 * pause the reading, which slows down this server and no other.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { CommandSpec } from "../commands/CommandSpec.ts"
import { Alarm } from "../internal/Alarm.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { patience } from "../internal/patience.ts"
import { type Argument, type Reply, ServerError } from "../protocol/Reply.ts"
import type { DialRequest } from "./Dial.ts"
import type { Holdings } from "./Handover.ts"
import { Link } from "./Link.ts"
import type { LinkFailure, Outgoing } from "./Outgoing.ts"
import { PushLane, type PushLaneContext } from "./PushLane.ts"
import type { Wire } from "./Wire.ts"

/** The loss of a socket. */
export interface Loss {
  readonly failure: LinkFailure
  /** The client had read all that the server had sent by this time, in monotonic milliseconds. */
  readonly caughtUpAt: number
  /** Whether the server closed the socket while more messages waited than were read. */
  readonly behind: boolean
}

/** The callbacks of a push connection's owner. */
export interface PushHooks {
  /** Whether bulk strings are bytes from the next reply on. The kind of a push is text in any case. */
  binary(): boolean
  /** Called with a new socket, on which no command was sent yet. */
  onReady(): void
  /** Takes a push, or an array of a server that speaks RESP2. */
  onPush(push: ReadonlyArray<Reply>): void
  /** Takes any other reply. */
  onReply(reply: Reply): void
  /** Called when all replies of one read of the socket have been handed over. */
  onRead(): void
  onLost(loss: Loss): void
  /** Called when an attempt to get a socket failed; the next attempt follows after the pause of the schedule. */
  onDown(failure: LinkFailure): void
  /** The subscriptions that a replacement socket must have; without this hook the socket is never replaced. */
  holdings?(): Holdings
}

export class PushConnection {
  private readonly link: Link
  private lane: PushLane | undefined
  /** The reason for which the server does not report changes on the present socket. */
  private refusal: string | undefined
  private readonly laneContext: PushLaneContext
  private readonly alarm: Alarm
  private readonly options: ResolvedOptions
  private readonly hooks: PushHooks
  private readonly onClosed: () => void
  /** `caughtUpAt` of the last socket, while there is no socket. */
  private lastCaughtUpAt: number

  constructor(
    endpoint: Endpoint,
    options: ResolvedOptions,
    hooks: PushHooks,
    context: {
      readonly clock: Clock.Clock
      readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
      readonly onClosed: (connection: PushConnection) => void
      /** Publishes an empty message on a shard channel of this node. */
      readonly publish: (mark: string) => Effect.Effect<Reply, LinkFailure>
    },
    request: DialRequest
  ) {
    const { clock, publish, runFork } = context
    this.options = options
    this.hooks = hooks
    this.onClosed = () => context.onClosed(this)
    this.lastCaughtUpAt = monotonicMillis(clock)
    // A process that was busy, or asleep, reads its sockets before it judges their silence.
    this.alarm = new Alarm(clock, runFork, () => setImmediate(() => this.lane?.inspect(monotonicMillis(clock))))
    this.laneContext = {
      clock,
      limits: options,
      binary: () => hooks.binary(),
      onPush: (push) => hooks.onPush(push),
      onReply: (reply) => hooks.onReply(reply),
      onRead: () => hooks.onRead(),
      holdings: () => hooks.holdings?.(),
      publish: (mark, failed) => {
        runFork(Effect.match(publish(mark), {
          onSuccess: (reply) => reply instanceof ServerError ? failed(reply.message) : undefined,
          onFailure: (failure) => failed(failure.message)
        }))
      },
      heard: () => this.link.heard(),
      lookAt: (at) => this.alarm.set(at),
      onTaken: (wire) => this.link.replaceWire(wire)?.stream.destroy(),
      lose: (failure, isSilent) => this.link.lose(failure, isSilent)
    }
    this.link = new Link(
      endpoint,
      options,
      {
        onState: (state) => {
          if (state === "ready") hooks.onReady()
        },
        onWire: (wire) => {
          this.refusal = wire.trackingRefusal
          this.lane = new PushLane(wire, this.laneContext)
        },
        onLost: (failure) => this.dropLane(failure),
        onRefused: (failure) => hooks.onDown(failure)
      },
      { clock, runFork, persistent: true },
      request
    )
    this.link.connect()
  }

  get endpoint(): Endpoint {
    return this.link.endpoint
  }

  get address(): string {
    return this.link.address
  }

  /** Whether the last attempt to get a socket failed, or the server does not answer. */
  get isDown(): boolean {
    return this.link.state === "down"
  }

  /** The time at which the last byte came, in monotonic milliseconds. */
  get heardAt(): number {
    return this.lane?.heardAt ?? this.lastCaughtUpAt
  }

  /** The client has read all that the server had sent by this time, in monotonic milliseconds. */
  get caughtUpAt(): number {
    return this.lane?.caughtUpAt ?? this.lastCaughtUpAt
  }

  /** Whether there is a socket. */
  get isReady(): boolean {
    return this.lane !== undefined
  }

  /** The reason for which the server does not report changes on the present socket; `undefined` if it does. */
  get trackingRefusal(): string | undefined {
    return this.refusal
  }

  /** The address of this end, as the server sees it; `undefined` when the stream has none. */
  get localAddress(): string | undefined {
    const { localAddress, localPort } = (this.link.socket ?? {}) as {
      readonly localAddress?: string
      readonly localPort?: number
    }
    return localAddress === undefined || localPort === undefined
      ? undefined
      : addressOf({ host: localAddress, port: localPort })
  }

  /**
   * Writes a command at the end of this turn of the event loop, together with others. Without a socket the command is
   * dropped.
   */
  send(spec: CommandSpec, args: ReadonlyArray<Argument>): void {
    this.lane?.send(spec, args)
  }

  /** Writes a login, alone. The result is `false` when there is no socket; the login is then not taken over. */
  interject(outgoing: Outgoing, args: () => ReadonlyArray<Argument>): boolean {
    this.lane?.sendAlone(outgoing, args)
    return this.lane !== undefined
  }

  /**
   * Replaces the socket by a new one that has logged in with the newest credentials, without a call to the owner. When
   * the subscriptions cannot be handed over, the socket is ended and dialled again. Fails when no new socket can be
   * opened; nothing has changed then.
   */
  readonly renew: Effect.Effect<void, LinkFailure> = Effect.suspend(() => {
    if (this.lane === undefined || this.hooks.holdings === undefined) return Effect.void
    // The mark would come after all messages that are not read.
    if (this.lane.isPaused) {
      return Effect.fail({ kind: "connection", message: "its messages are not read at the moment" })
    }
    let successor: Wire | undefined
    return this.link.dialAnother((wire) => (successor = wire)).pipe(
      Effect.andThen(Effect.suspend(() => successor === undefined ? Effect.void : this.handOver(successor))),
      Effect.ensuring(Effect.sync(() => {
        if (successor?.stream !== this.link.socket) successor?.stream.destroy()
      }))
    )
  })

  /** Starts a running dialling again, because its credentials are outdated. With a socket nothing happens. */
  redial(): void {
    this.link.redial()
  }

  /**
   * Stops reading until `resume`. Messages that the server sends meanwhile wait in the network, and then at the
   * server.
   */
  pause(): void {
    this.lane?.pause()
  }

  resume(): void {
    this.lane?.resume()
  }

  /** Ends the socket; the next one is dialled. */
  reset(message: string): void {
    this.link.lose({ kind: "connection", message })
  }

  /** Closes for good. */
  close(): void {
    if (this.link.state === "closed") return
    this.alarm.clear()
    this.link.close({ kind: "closed", message: "the client is closed" })
    this.onClosed()
  }

  private handOver(wire: Wire): Effect.Effect<void> {
    // The owner may pause the reading meanwhile, which holds back the messages and the mark.
    const expired = patience(this.options.commandTimeout).pipe(
      Effect.repeat({ while: () => this.lane?.isBehind === true }),
      Effect.as<string | undefined>(`it took longer than ${this.options.commandTimeout} ms`)
    )
    const finished = Effect.callback<string | undefined>((resume) => {
      const conclude = (reason: string | undefined) => resume(Effect.succeed(reason))
      // The next socket will log in with the newest credentials.
      if (this.lane === undefined) return conclude(undefined)
      this.lane.handOver(wire, conclude)
    })
    return Effect.flatMap(Effect.raceFirst(finished, expired), (reason) => {
      if (reason === undefined) return Effect.void
      this.reset(`its subscriptions could not be handed over: ${reason}`)
      return Effect.logWarning(
        `the subscriptions at ${this.address} are asked for anew, messages may be lost: ` +
          `they could not be handed over to a connection with new credentials (${reason})`
      )
    })
  }

  private dropLane(failure: LinkFailure): void {
    const { lane } = this
    if (lane === undefined) return
    const loss: Loss = { failure, caughtUpAt: lane.caughtUpAt, behind: lane.isBehind && !this.isDown }
    this.lane = undefined
    this.lastCaughtUpAt = loss.caughtUpAt
    lane.drop(failure)
    if (this.link.state !== "closed") this.hooks.onLost(loss)
  }
}
