/**
 * The connection to one node: a link that keeps a socket, a queue of commands that wait to be written, and a lane for those on
 * the socket.
 *
 * Everything that ends a socket goes through the link. When a socket is lost its lane is dropped, and the lane hands
 * each command back to its owner and says whether the command was written.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { Alarm } from "../internal/Alarm.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { patience, within } from "../internal/patience.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import { CommandLane, type LaneContext } from "./CommandLane.ts"
import { CommandQueue, handBack, weightOf } from "./CommandQueue.ts"
import type { DialRequest } from "./Dial.ts"
import { Latency } from "./Latency.ts"
import { Link, type LinkState } from "./Link.ts"
import type { NodeStatistics } from "./NodeStatistics.ts"
import type { LinkFailure, Outgoing } from "./Outgoing.ts"
import { Refusals } from "./Refusals.ts"
import type { Visit } from "./WaitingCommands.ts"
import type { Wire } from "./Wire.ts"

/**
 * - `idle`: no command was sent to it yet
 * - `connecting`: commands wait for the socket
 * - `ready`: commands are written
 * - `down`: the last attempt to connect failed; commands are refused until an attempt succeeds
 * - `closed`: closed for good
 */
export type ConnectionState = LinkState

/**
 * The alarm pauses for a millisecond per so many commands, because an inspection visits all of them.
 */
const inspectedPerMilli = 1024

/** The callbacks of a connection's owner. */
export interface ConnectionHooks {
  onState(connection: Connection, state: ConnectionState): void
  onPush(connection: Connection, push: ReadonlyArray<Reply>, wire: Wire): void
  /** The server answers nobody, and may be busy with a command that was given more time than a silence may last. */
  onSilent?(connection: Connection): void
  /** Whether the connection belongs to one user, whose state (WATCH, CLIENT settings) a new socket would not have. */
  readonly isOwn?: boolean | undefined
  /** Asks on another connection whether the server is alive: for a connection whose commands may block. */
  readonly inquire?: ((connection: Connection) => Effect.Effect<boolean>) | undefined
}

export class Connection {
  /** Sampled times from a write to its reply. */
  readonly latency = new Latency()
  private readonly link: Link
  private readonly queue = new CommandQueue()
  private lane: CommandLane | undefined
  /** The lanes of replaced sockets whose replies are still due. */
  private readonly retired = new Set<CommandLane>()
  private readonly laneContext: Omit<LaneContext, "lose">
  private readonly refusals = new Refusals()
  private isReplacing = false
  private readonly alarm: Alarm
  private readonly options: ResolvedOptions
  private readonly hooks: ConnectionHooks
  private readonly clock: Clock.Clock
  private readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  /** The counters that all connections to this node share. */
  private readonly statistics: NodeStatistics
  /** The reason for which commands are refused, once the connection is being closed. */
  private ending: LinkFailure | undefined

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
    this.options = options
    this.hooks = hooks
    this.clock = context.clock
    this.runFork = context.runFork
    this.statistics = context.statistics
    // A process that was busy, or asleep, finds past deadlines, and replies in its sockets: the replies are read
    // before the deadlines are checked.
    this.alarm = new Alarm(context.clock, context.runFork, () => setImmediate(this.inspect))
    const { onState } = this
    this.link = new Link(
      endpoint,
      options,
      {
        onState,
        onWire: (wire) => {
          if (this.link.sockets > 1) this.statistics.reconnects++
          this.lane = this.laneOn(wire)
        },
        onLost: (failure) => this.dropLane(failure),
        onRefused: (failure) => {
          this.statistics.refusals++
          handBack(this.queue.takeAll(), failure)
        }
      },
      { ...context, persistent: false },
      request
    )
    this.laneContext = {
      clock: context.clock,
      bounds: options,
      queue: this.queue,
      statistics: context.statistics,
      measured: (millis) => {
        this.latency.add(millis)
        this.statistics.latency.add(millis / 1000)
      },
      lookAt: (at) => this.alarm.set(at),
      heard: () => this.link.heard(),
      onPush: (push, wire) => this.hooks.onPush(this, push, wire),
      inquire: hooks.inquire === undefined ? undefined : () => this.askAround(),
      doubt: (confirmed) => {
        hooks.onSilent?.(this)
        this.runFork(Effect.map(this.link.inquire, (found) => found === "silent" || confirmed()))
      },
      // A read that a replica does not answer in time is sent to another node.
      share: request.readonly ? 0.5 : 1
    }
  }

  get endpoint(): Endpoint {
    return this.link.endpoint
  }

  get address(): string {
    return this.link.address
  }

  get state(): ConnectionState {
    return this.link.state
  }

  /**
   * The number of sockets so far. A reply on one socket is about that server process alone, and the next socket may
   * lead to another process.
   */
  get sockets(): number {
    return this.link.sockets
  }

  /** The failure of the last socket, or of the last attempt to connect. */
  get lastFailure(): LinkFailure | undefined {
    return this.link.lastFailure
  }

  /** The number of commands that it holds, written or not. */
  get depth(): number {
    let depth = this.queue.size + (this.lane?.due ?? 0)
    if (this.retired.size > 0) { for (const lane of this.retired) depth += lane.due }
    return depth
  }

  /** Visits the commands that it holds. */
  visitWaiting(visit: Visit): void {
    const { address } = this
    this.queue.forEach((outgoing) => visit(outgoing, { kind: "connection", address }))
    for (const lane of this.lanes) lane.forEachDue((outgoing) => visit(outgoing, { kind: "reply", address }))
  }

  /** The number of commands that wait to be written. */
  get queued(): number {
    return this.queue.size
  }

  /**
   * Whether a reply can be expected soon: the connection has a socket, and that is not silent while replies are due.
   */
  get healthy(): boolean {
    return this.lane !== undefined && this.lane.isHealthy
  }

  /** Whether the server may be busy with a command of this connection that was given more time than a silence may last. */
  get mayBeBusy(): boolean {
    return this.lane?.mayBeBusy(monotonicMillis(this.clock)) === true
  }

  /** Whether the server may report on the present socket, or the next, the changes of what is read on it. */
  get mayReport(): boolean {
    return this.lane === undefined || this.lane.reports
  }

  /** The reason for which the server refused to report changes on the present socket. */
  get trackingRefusal(): string | undefined {
    return this.lane?.trackingRefusal
  }

  /** Whether a PING is unanswered on the socket. */
  get isSilent(): boolean {
    return this.lane !== undefined && !this.lane.isHealthy
  }

  /** Whether it is not closed: it accepts commands, although it refuses them while it is down. */
  get isOpen(): boolean {
    return this.ending === undefined && this.state !== "closed"
  }

  /** Whether a command may well be served: the connection is healthy, or has never failed. */
  get promising(): boolean {
    if (this.lane !== undefined) return this.lane.isHealthy
    return this.lastFailure === undefined && (this.state === "idle" || this.state === "connecting")
  }

  /** The id that the node at this address must have; empty while it is unknown. */
  get expectedId(): string {
    return this.link.expectedId
  }

  /** Refuses any other node from the next dialling on. */
  expect(id: string): void {
    this.link.expect(id)
  }

  /** Whether the next reply is that of a command. */
  isNext(outgoing: Outgoing): boolean {
    return this.lanes.some((lane) => lane.isNext(outgoing))
  }

  /** Whether a command was written and is not answered. */
  hasWritten(outgoing: Outgoing): boolean {
    return this.lanes.some((lane) => lane.hasWritten(outgoing))
  }

  /** Takes a command over. Exactly one of the command's callbacks is called later. */
  send(outgoing: Outgoing): void {
    const { lane } = this
    if (this.ending !== undefined) return outgoing.onLost(this.ending, false)
    if (lane === undefined && !this.mayWait(outgoing)) return
    if (this.options.overflow === "fail") {
      if (this.isFull) return outgoing.onLost(this.overloaded(), false)
      outgoing.size = weightOf(outgoing)
    } else {
      outgoing.size = 0
    }
    this.queue.push(outgoing)
    this.alarm.set(outgoing.deadline)
    if (lane !== undefined) lane.scheduleFlush()
  }

  /** Connects without waiting for a command. */
  connect(): void {
    this.link.connect()
  }

  /**
   * Starts a running dialling again, because its credentials or its expected id are outdated. Without a running
   * dialling nothing happens.
   */
  redial(): void {
    this.link.redial()
  }

  /**
   * Writes a command of the library itself alone: after all earlier commands are answered, and with nothing behind it
   * until it is answered too. `args` gives the arguments that are sent in place of those of `outgoing`, so that no
   * command keeps a secret. The result is `false` when there is no socket; the command is then not taken over.
   */
  interject(outgoing: Outgoing, args: () => ReadonlyArray<Argument>): boolean {
    this.lane?.sendAlone(outgoing, args)
    return this.lane !== undefined
  }

  /**
   * Notes that the node refused, on this connection, a command for a slot that it serves by a fresh map. When such
   * refusals persist, a new socket replaces the present one, which may lead to another server by now. Replies that are
   * due still come on the old socket.
   */
  refused(): void {
    const { lane } = this
    if (lane === undefined || this.isReplacing || !this.refusals.note(monotonicMillis(this.clock))) return
    // A new socket would not have the state of a dedicated one.
    if (this.hooks.isOwn === true) return this.reset("it persistently refused what its node serves")
    this.isReplacing = true
    const replaced = Effect.match(this.link.dialAnother((wire) => this.replace(lane, wire)), {
      onSuccess: () => {},
      // No socket leads to this node any more.
      onFailure: (failure) => {
        if (failure.isOtherNode === true && this.lane === lane) this.link.lose(failure)
      }
    })
    this.runFork(Effect.ensuring(replaced, Effect.sync(() => (this.isReplacing = false))))
  }

  /** Lets nobody rely any more on what was read so far: the node may not hear of later changes. */
  doubtReports(): void {
    this.lane?.doubtReports()
  }

  /** Ends the socket; the next one is dialled at once. */
  reset(message: string): void {
    this.link.lose({ kind: "connection", message })
  }

  /**
   * Closes the connection for good: it refuses new commands, hands unwritten ones back, and waits for the replies to
   * written ones until `drainTimeout` milliseconds have passed.
   */
  close(drainTimeout: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const closed = this.closed("was closed")
      return Effect.ensuring(this.drain(closed, drainTimeout), Effect.sync(() => this.closeNow(closed)))
    })
  }

  /**
   * Closes the connection because the node has left: unwritten commands are handed back, and written ones get their
   * replies until their deadlines.
   */
  leave(message: string, leastPatience: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const left: LinkFailure = { kind: "connection", message }
      // A silent server keeps its commands until their deadlines for nothing.
      const until = Math.max(...this.lanes.map((lane) => lane.isHealthy ? lane.lastDeadline : 0), 0)
      const millis = Math.max(leastPatience, until - monotonicMillis(this.clock))
      return Effect.ensuring(this.drain(left, millis), Effect.sync(() => this.closeNow(left)))
    })
  }

  private drain(ending: LinkFailure, millis: number): Effect.Effect<void> {
    this.ending = ending
    handBack(this.queue.takeAll(), ending)
    const { lane } = this
    if (lane === undefined || lane.due === 0) return Effect.void
    const drained = Effect.callback<void>((resume) => {
      lane.onEmpty = () => resume(Effect.void)
    })
    return within(drained, millis, Effect.void)
  }

  /**
   * Ends the stream and waits, for `millis` at most, until the server has closed its side. From then on the server
   * holds no blocked command of this connection, and all of its replies have come.
   */
  hangUp(millis: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { socket } = this.link
      this.ending = this.closed("was closed")
      const heard = socket === undefined ? Effect.void : Effect.callback<void>((resume) => {
        const timer = this.runFork(
          Effect.andThen(patience(millis), Effect.sync(() => resume(Effect.void)))
        )
        socket.once("close", () => {
          timer.interruptUnsafe()
          resume(Effect.void)
        })
        socket.end()
      })
      return Effect.ensuring(heard, Effect.sync(() => this.closeNow(this.closed("was closed"))))
    })
  }

  /** Closes at once. */
  closeNow(failure: LinkFailure): void {
    if (this.state === "closed") return
    this.alarm.clear()
    this.link.close(failure)
  }

  /** Whether a command may wait for a socket when there is none. A command that may not is given back. */
  private mayWait(outgoing: Outgoing): boolean {
    switch (this.state) {
      case "closed":
        outgoing.onLost(this.closed("is closed"), false)
        return false
      case "down":
        this.link.connect()
        outgoing.onLost(this.lastFailure ?? { kind: "connection", message: "not connected" }, false)
        return false
      case "idle":
        this.link.connect()
        return true
      case "connecting":
      case "ready":
        return true
    }
  }

  private closed(what: string): LinkFailure {
    return { kind: "closed", message: `the connection ${what}` }
  }

  private get bytes(): number {
    return this.queue.bytes + (this.lane?.dueBytes ?? 0)
  }

  private get isFull(): boolean {
    return this.depth >= this.options.maxInFlight || this.bytes >= this.options.maxInFlightBytes
  }

  private overloaded(): LinkFailure {
    return {
      kind: "overloaded",
      message: `${this.address} has ${this.depth} unanswered commands (${this.bytes} bytes): the limit of ` +
        `maxInFlight or maxInFlightBytes is reached`
    }
  }

  private readonly onState = (state: ConnectionState): void => {
    this.hooks.onState(this, state)
    if (state === "ready") this.lane?.flush()
  }

  private get lanes(): ReadonlyArray<CommandLane> {
    return this.lane === undefined ? [...this.retired] : [this.lane, ...this.retired]
  }

  private laneOn(wire: Wire): CommandLane {
    const lane: CommandLane = new CommandLane(wire, {
      ...this.laneContext,
      lose: (failure) => lane === this.lane ? this.link.lose(failure) : this.bury(lane, failure)
    })
    return lane
  }

  private replace(old: CommandLane, wire: Wire): void {
    if (this.lane !== old || this.ending !== undefined) {
      wire.stream.destroy()
      return
    }
    const replaced = this.link.replaceWire(wire)
    this.statistics.reconnects++
    this.lane = this.laneOn(wire)
    this.retired.add(old)
    const bury = () => this.bury(old, { kind: "connection", message: "the replaced socket was closed" })
    old.onEmpty = bury
    replaced?.stream.on("close", bury).on("end", bury).on("error", bury)
    if (old.due === 0) bury()
    this.onState(this.state)
  }

  /** Drops the lane of a replaced socket. */
  private bury(lane: CommandLane, failure: LinkFailure): void {
    if (!this.retired.delete(lane)) return
    lane.onEmpty = undefined
    lane.destroy()
    lane.drop(failure)
  }

  private dropLane(failure: LinkFailure): void {
    const { lane } = this
    const unwritten = this.queue.takeAll()
    this.lane = undefined
    this.latency.forget()
    lane?.drop(failure)
    handBack(unwritten, failure)
    if (this.state === "closed") { for (const old of [...this.retired]) this.bury(old, failure) }
  }

  /**
   * Called by the alarm: ends overdue commands, checks that the server is alive, and sets the alarm for the next
   * inspection.
   */
  private readonly inspect = (): void => {
    const now = monotonicMillis(this.clock)
    let next = this.queue.expire(now)
    for (const lane of this.lanes) next = Math.min(next, lane.inspect(now))
    if (next < Number.POSITIVE_INFINITY) this.alarm.set(Math.max(next, now + this.depth / inspectedPerMilli))
  }

  private askAround(): void {
    const { lane } = this
    const { inquire } = this.hooks
    if (inquire === undefined) return
    this.runFork(Effect.map(inquire(this), (isAlive) => {
      const message = "the server does not answer on another connection either"
      if (!isAlive && this.lane === lane) this.link.lose({ kind: "connection", message })
    }))
  }
}
