/**
 * The connection on which a server speaks unasked: messages, notifications, what MONITOR sees.
 *
 * No command waits in line here for its reply. What is asked is written, what comes is handed over as it comes, and the
 * owner makes sense of it. Silence is normal, so that the server is asked for a sign of life whenever there was one for
 * too long. The owner may stop the reading, which holds the server back and nobody else.
 *
 * @since 0.1.0
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

/**
 * How a socket was lost.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loss {
  readonly failure: LinkFailure
  /** When it last brought something, in monotonic milliseconds. */
  readonly heardAt: number
  /** The server closed it while it had more to say than was read. */
  readonly behind: boolean
}

/**
 * What a push connection tells its owner.
 *
 * @category models
 * @since 0.1.0
 */
export interface PushHooks {
  /** Bulk strings are bytes from the next reply on, except the kind of a push. */
  binary(): boolean
  /** There is a new socket, on which nothing was asked yet. */
  onReady(): void
  /** A push, or an array of a server that speaks RESP2. */
  onPush(push: ReadonlyArray<Reply>): void
  /** Any other reply. */
  onReply(reply: Reply): void
  /** All that one read of the socket brought has been handed over. */
  onRead(): void
  onLost(loss: Loss): void
  /** An attempt to get a socket failed; the next one waits its turn. */
  onDown(failure: LinkFailure): void
  /** What another socket has to hold before it can take the place of this one; without it none ever does. */
  holdings?(): Holdings
}

/**
 * @category models
 * @since 0.1.0
 */
export class PushConnection {
  private readonly link: Link
  private lane: PushLane | undefined
  private readonly laneContext: PushLaneContext
  private readonly alarm: Alarm
  private readonly options: ResolvedOptions
  private readonly hooks: PushHooks
  private readonly onClosed: () => void
  /** Of the last socket, when there is none. */
  private lastHeardAt: number

  constructor(
    endpoint: Endpoint,
    options: ResolvedOptions,
    hooks: PushHooks,
    context: {
      readonly clock: Clock.Clock
      readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
      readonly onClosed: (connection: PushConnection) => void
      /** Publishes on a shard channel of this node, with no text. */
      readonly publish: (mark: string) => Effect.Effect<Reply, LinkFailure>
    },
    request: DialRequest
  ) {
    const { clock, publish, runFork } = context
    this.options = options
    this.hooks = hooks
    this.onClosed = () => context.onClosed(this)
    this.lastHeardAt = monotonicMillis(clock)
    // A process that was busy, or asleep, reads what is in its sockets before it judges their silence.
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
        onWire: (wire) => (this.lane = new PushLane(wire, this.laneContext)),
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

  /** The last attempt to get a socket failed, or the server does not answer. */
  get isDown(): boolean {
    return this.link.state === "down"
  }

  /** When the last byte came, in monotonic milliseconds. */
  get heardAt(): number {
    return this.lane?.heardAt ?? this.lastHeardAt
  }

  /** Whether there is a socket. */
  get isReady(): boolean {
    return this.lane !== undefined
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

  /** Writes a command at the end of this turn, together with others; without a socket it is dropped. */
  send(spec: CommandSpec, args: ReadonlyArray<Argument>): void {
    this.lane?.send(spec, args)
  }

  /** Writes a login, alone. `false` when there is no socket; it is then not taken over. */
  interject(outgoing: Outgoing, args: () => ReadonlyArray<Argument>): boolean {
    this.lane?.sendAlone(outgoing, args)
    return this.lane !== undefined
  }

  /**
   * Puts a new socket, which has logged in with the newest credentials, in the place of this one; the owner hears nothing
   * of it. Where that cannot be, the connection is lost and dialled anew. Fails when there is no new socket: nothing has
   * changed then.
   */
  readonly renew: Effect.Effect<void, LinkFailure> = Effect.suspend(() => {
    if (this.lane === undefined || this.hooks.holdings === undefined) return Effect.void
    // The mark would be behind all that is not read.
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

  /** Starts a dialling again that began with what is outdated now; with a socket nothing happens. */
  redial(): void {
    this.link.redial()
  }

  /** Reads nothing more until `resume`. What the server says meanwhile waits in the network, and then at the server. */
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
    // A server may be asked to hold messages back meanwhile, and the mark with them.
    const expired = patience(this.options.commandTimeout).pipe(
      Effect.repeat({ while: () => this.lane?.isBehind === true }),
      Effect.as<string | undefined>(`it took longer than ${this.options.commandTimeout} ms`)
    )
    const finished = Effect.callback<string | undefined>((resume) => {
      const conclude = (reason: string | undefined) => resume(Effect.succeed(reason))
      // The next socket has the newest credentials.
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
    const loss: Loss = { failure, heardAt: lane.heardAt, behind: lane.isBehind && !this.isDown }
    this.lane = undefined
    this.lastHeardAt = loss.heardAt
    lane.drop(failure)
    if (this.link.state !== "closed") this.hooks.onLost(loss)
  }
}
