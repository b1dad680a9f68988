/**
 * The link to one node: it dials the node, keeps one socket at a time, and dials again when the socket is lost. It
 * knows nothing about commands.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Duplex } from "node:stream"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { dial, type DialRequest } from "./Dial.ts"
import type { LinkFailure } from "./Outgoing.ts"
import { socketError } from "./socketError.ts"
import type { Wire } from "./Wire.ts"

/**
 * - `idle`: nobody has asked for a socket yet
 * - `connecting`: it waits for a socket
 * - `ready`: it has a socket
 * - `down`: the last attempt to get a socket failed
 * - `closed`: closed for good
 */
export type LinkState = "idle" | "connecting" | "ready" | "down" | "closed"

/** The events of a link, for its owner. */
export interface LinkHooks {
  onState(state: LinkState): void
  /** Called with a new socket; the owner sets the receiver of its wire. The state is `ready` right afterwards. */
  onWire(wire: Wire): void
  /** Called when the socket is gone; the state says what comes next. */
  onLost(failure: LinkFailure): void
  /** Called when an attempt to get a socket has failed. */
  onRefused(failure: LinkFailure): void
}

/** A socket that ends within so many milliseconds and has brought no bytes counts as a failed attempt. */
const shortLife = 1000

/** The pause between the attempts of a link that never gives up, once its schedule has ended, in milliseconds. */
const lastResort = 1000

export class Link {
  readonly endpoint: Endpoint
  readonly address: string
  state: LinkState = "idle"
  /** The number of sockets so far. */
  sockets = 0
  /** The failure of the last socket, or of the last attempt to get one. */
  lastFailure: LinkFailure | undefined

  private readonly options: ResolvedOptions
  private readonly hooks: LinkHooks
  private readonly clock: Clock.Clock
  private readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private readonly dialling: Effect.Effect<void>
  private request: DialRequest
  private wire: Wire | undefined
  private dialler: Fiber.Fiber<unknown> | undefined
  private isDialling = false
  private isRedialling = false
  private adoptedAt = 0
  /** A loss that counts as the first failed attempt of the next dialling. */
  private failed: LinkFailure | undefined
  /** Ends the trial of a new socket; `undefined` when no trial is running. */
  private endTrial: ((verdict: Effect.Effect<void, LinkFailure>) => void) | undefined

  constructor(
    endpoint: Endpoint,
    options: ResolvedOptions,
    hooks: LinkHooks,
    context: {
      readonly clock: Clock.Clock
      readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
      /**
       * Whether the link goes on dialling when the schedule of attempts has ended. Otherwise the next call of
       * `connect` starts again.
       */
      readonly persistent: boolean
    },
    request: DialRequest
  ) {
    this.endpoint = endpoint
    this.address = addressOf(endpoint)
    this.options = options
    this.hooks = hooks
    this.clock = context.clock
    this.runFork = context.runFork
    this.request = request
    const attempts = this.attempt.pipe(
      Effect.andThen(this.trial),
      Effect.tapError((failure) => Effect.sync(() => this.refuse(failure))),
      Effect.retry(options.reconnectSchedule)
    )
    const persistent: Effect.Effect<void> = Effect.catchCause(
      attempts,
      () => Effect.andThen(Effect.sleep(lastResort), Effect.suspend(() => persistent))
    )
    this.dialling = (context.persistent ? persistent : Effect.ignoreCause(attempts)).pipe(
      Effect.ensuring(Effect.sync(() => this.dialled()))
    )
  }

  get socket(): Duplex | undefined {
    return this.wire?.stream
  }

  /** The id that the node must have; empty while it is unknown. */
  get expectedId(): string {
    return this.request.expectedId
  }

  /** Refuses any other node from the next dialling on. */
  expect(id: string): void {
    this.request = { ...this.request, expectedId: id }
  }

  /** Starts to dial, unless there is a socket or a dialling is running. */
  connect(): void {
    if (this.isDialling || this.state === "ready" || this.state === "closed") return
    if (this.state === "idle") this.setState("connecting")
    this.isDialling = true
    this.dialler = this.runFork(this.dialling)
  }

  /**
   * Starts a running dialling again, because its credentials or its expected id are outdated. Without a running
   * dialling nothing happens.
   */
  redial(): void {
    if (!this.isDialling || this.wire !== undefined || this.state === "closed") return
    this.isRedialling = true
    this.dialler?.interruptUnsafe()
  }

  /** Opens one more socket to the node, beside the link's own. */
  dialAnother(adopt: (wire: Wire) => void): Effect.Effect<void, LinkFailure> {
    return Effect.suspend(() => dial(this.endpoint, this.options, this.request, adopt))
  }

  /**
   * Asks over another socket whether the node answers others. A `silent` node can be reached and sends nothing for
   * nearly `connectTimeout`: it is busy, or its process is stopped.
   */
  readonly inquire: Effect.Effect<"answers" | "silent" | "unreachable"> = Effect.suspend(() => {
    let found: Wire | undefined
    const asked = this.dialAnother((wire) => (found = wire)).pipe(
      Effect.match({ onSuccess: () => "answers" as const, onFailure: () => "unreachable" as const }),
      Effect.ensuring(Effect.sync(() => found?.stream.destroy()))
    )
    const patience = this.options.connectTimeout * 0.9
    return Effect.raceFirst(asked, Effect.as(Effect.sleep(patience), "silent" as const))
  })

  /**
   * Puts another socket in the place of the present one, and returns the present one to the caller, who owns it from
   * now on. No hook is called.
   */
  replaceWire(wire: Wire): Wire | undefined {
    const old = this.wire
    this.sockets++
    this.attach(wire)
    return old
  }

  /** Ends the trial of the socket, because the socket has brought bytes. */
  heard(): void {
    if (this.endTrial !== undefined) this.concludeTrial(Effect.void)
  }

  /**
   * Ends the socket and dials again: at once, or after the pause of the schedule if this loss counts as a failed
   * attempt.
   */
  lose(failure: LinkFailure, isFailedAttempt = false): void {
    if (this.state !== "ready") return
    this.lastFailure = failure
    this.setState(isFailedAttempt ? "down" : "connecting")
    this.drop(failure)
    if (this.endTrial !== undefined) this.concludeTrial(isFailedAttempt ? Effect.fail(failure) : this.verdict())
    else if (isFailedAttempt) this.failed = failure
    this.connect()
  }

  /** Closes for good. */
  close(failure: LinkFailure): void {
    if (this.state === "closed") return
    this.lastFailure = failure
    this.setState("closed")
    this.dialler?.interruptUnsafe()
    this.drop(failure)
  }

  private readonly attempt: Effect.Effect<void, LinkFailure> = Effect.suspend(() => {
    const failed = this.failed
    this.failed = undefined
    if (failed !== undefined) return Effect.fail(failed)
    return dial(this.endpoint, this.options, this.request, (wire) => this.adopt(wire)).pipe(
      Effect.catchDefect((defect) => Effect.fail<LinkFailure>({ kind: "connection", message: String(defect) }))
    )
  })

  /**
   * Lasts until the new socket has brought bytes. A socket that is closed before that was a failed attempt: the next
   * attempt waits for the pause of the schedule, or a server that accepts and hangs up would be dialled without a
   * pause.
   */
  private readonly trial: Effect.Effect<void, LinkFailure> = Effect.callback((resume) => {
    if (this.wire === undefined) return resume(this.verdict())
    this.endTrial = resume
  })

  /** The verdict on a socket that was lost before it brought bytes. */
  private verdict(): Effect.Effect<void, LinkFailure> {
    const lived = monotonicMillis(this.clock) - this.adoptedAt
    return this.lastFailure !== undefined && lived < shortLife ? Effect.fail(this.lastFailure) : Effect.void
  }

  private concludeTrial(verdict: Effect.Effect<void, LinkFailure>): void {
    const end = this.endTrial
    this.endTrial = undefined
    end?.(verdict)
  }

  private dialled(): void {
    const again = this.isRedialling
    this.isDialling = false
    this.isRedialling = false
    // The new socket may have been lost in the meantime.
    if (again || this.state === "connecting") this.connect()
  }

  private adopt(wire: Wire): void {
    if (this.state === "closed") {
      wire.stream.destroy()
      return
    }
    this.sockets++
    this.adoptedAt = monotonicMillis(this.clock)
    this.attach(wire)
    this.hooks.onWire(wire)
    this.setState("ready")
  }

  private attach(wire: Wire): void {
    this.wire = wire
    const lost = (message: string) => {
      if (this.wire === wire) this.lose({ kind: "connection", message })
    }
    const closed = () => lost("closed by the server")
    wire.stream.on("error", (error: Error) => lost(socketError(error))).on("close", closed).on("end", closed)
  }

  private drop(failure: LinkFailure): void {
    const socket = this.socket
    this.wire = undefined
    socket?.destroy()
    this.hooks.onLost(failure)
  }

  private refuse(failure: LinkFailure): void {
    if (this.state === "closed") return
    this.lastFailure = failure
    this.setState("down")
    this.hooks.onRefused(failure)
  }

  private setState(state: LinkState): void {
    this.state = state
    this.hooks.onState(state)
  }
}
