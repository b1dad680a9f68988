/**
 * Sends requests to the node they belong to, and obeys Recovery when that fails.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Endpoint } from "../../cluster/Endpoint.ts"
import * as HashSlot from "../../cluster/HashSlot.ts"
import type { ResolvedOptions } from "../../ClusterOptions.ts"
import type { Command, DecodeFailure } from "../../commands/Command.ts"
import type { Connection, ConnectionState } from "../../connection/Connection.ts"
import { Connections } from "../../connection/Connections.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { listed, type Visit } from "../../connection/WaitingCommands.ts"
import { type Moment, momentOf, monotonicMillis } from "../../internal/monotonic.ts"
import { isWording, refusesEverything } from "../../protocol/ErrorKind.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import { Topology } from "../../topology/Topology.ts"
import type { ClientRegion } from "../ClientRegion.ts"
import { keyless } from "../CommandSlot.ts"
import { Hedges } from "../reads/Hedges.ts"
import { ReadNodes, type ShardReads } from "../reads/ReadNodes.ts"
import { ReadProbes } from "../reads/ReadProbes.ts"
import { CallRegion } from "./CallRegion.ts"
import { diagnose, type Failure } from "./Diagnosis.ts"
import * as Failures from "./Failures.ts"
import type { Place, Waiting } from "./Occupancy.ts"
import { loadThenResend } from "./Prerequisites.ts"
import { ReadDispatch } from "./ReadDispatch.ts"
import * as Recovery from "./Recovery.ts"
import type { Request, RequestOwner, Step } from "./Request.ts"
import { Retries } from "./Retries.ts"
import { RoutingStatistics } from "./RoutingStatistics.ts"

/** The endpoint that stands for no connection: a failure without a connection is never a redirect. */
const nowhere: Endpoint = { host: "", port: 0 }

/** The services and parts that a dispatcher works with. */
export interface DispatcherContext {
  readonly options: ResolvedOptions
  readonly region: ClientRegion
  readonly connections: Connections["Service"]
  readonly topology: Topology["Service"]
  readonly clock: Clock.Clock
  /** Random numbers from 0 to 1. */
  readonly random: () => number
  readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

export class Dispatcher implements RequestOwner {
  readonly statistics = new RoutingStatistics()
  readonly region: CallRegion
  /** The attributes of the client, for its spans. */
  readonly attributes: Readonly<Record<string, string>>
  private isClosed = false
  /** Whether commands beyond the bounds of a node fail at once. */
  private readonly isBounded: boolean
  private readonly options: ResolvedOptions
  private readonly connections: Connections["Service"]
  private readonly topology: Topology["Service"]
  private readonly clock: Clock.Clock
  private readonly reads: ReadDispatch
  private readonly retries: Retries
  private readonly random: () => number
  /**
   * The random numbers, from 0 to 1, that choose the primaries of scripts without keys. Each is drawn once, so that
   * the request has one node while it waits.
   */
  private readonly lots = new WeakMap<Request, number>()

  constructor({ clock, connections, options, random, region, runFork, topology }: DispatcherContext) {
    this.options = options
    this.attributes = options.attributes
    this.region = new CallRegion(region)
    this.isBounded = options.overflow === "fail"
    this.connections = connections
    this.topology = topology
    this.clock = clock
    this.random = random
    const nodes = new ReadNodes({ connections, clock, options, random })
    const probes = new ReadProbes(nodes, topology.current, clock, runFork)
    this.reads = new ReadDispatch({ nodes, probes, hedges: new Hedges(clock, runFork) }, topology.current, options)
    this.retries = new Retries({
      clock,
      runFork,
      schedule: options.retrySchedule,
      bound: options.overflow === "fail"
        ? { commands: options.maxInFlight, bytes: options.maxInFlightBytes }
        : undefined,
      topology,
      nodeOf: (request) => request.readRoute === undefined ? this.targetOf(request) : undefined,
      dispatch: (request) => this.dispatch(request)
    })
  }

  /** The deadline of a command that is called now, in monotonic milliseconds. */
  deadlineOf(command: Command<unknown>): number {
    return this.now() + this.timeoutOf(command)
  }

  /**
   * The time that a command may take, in milliseconds. For a blocking command, the time for which the server may hold
   * it back is added.
   */
  timeoutOf(command: Command<unknown>): number {
    const timeout = command.settings.timeout ?? this.options.commandTimeout
    return command.spec.isPlain ? timeout : timeout + (command.blockingTime ?? 0)
  }

  /** The time in monotonic milliseconds. */
  now(): number {
    return monotonicMillis(this.clock)
  }

  /** The present moment, which the calls of one task share. */
  moment(): Moment {
    return momentOf(this.clock)
  }

  /**
   * Sends a request to the node to which it belongs at this moment. The request always ends through its own callbacks.
   */
  dispatch(request: Request): void {
    const { binding, pinned, readRoute, slot } = request
    const snapshot = this.topology.current()
    if (pinned !== undefined && binding !== "explicit" && !snapshot.nodes.has(pinned.address)) {
      return request.fail(Failures.leftTheCluster(request, pinned))
    }
    if (readRoute !== undefined) {
      const shard = snapshot.slots[slot]
      const error = shard === undefined ? undefined : this.reads.begin(request, readRoute, shard)
      if (error !== undefined) return request.fail(error)
      if (shard !== undefined) return
    }
    const node = this.targetOf(request)
    if (this.isBounded && request.retryState === undefined) {
      const failure = this.retries.overload(node === undefined ? undefined : this.connections.get(node))
      if (failure !== undefined) return request.onFailure({ _tag: "Lost", failure, written: false })
    }
    if (node === undefined) return request.onFailure({ _tag: "NotCovered", slot })
    this.send(request, node, false)
  }

  /**
   * The primary of a slot, for commands that are sent as one block; `undefined` when each has to be dispatched. With
   * overflow `"fail"` each command is checked by itself.
   */
  nodeOf(slot: number): ClusterNode | undefined {
    return slot === keyless || this.isBounded ? undefined : this.topology.current().slots[slot]?.primary
  }

  /** The node, for commands that travel to it together; `undefined` when each has to be dispatched. */
  mayTravelTo(node: ClusterNode): ClusterNode | undefined {
    return this.isBounded ? undefined : node
  }

  /** The shared connection to a node. */
  connectionTo(node: Endpoint): Connection {
    return this.connections.get(node)
  }

  /** The connection to the primary of a slot. */
  placeOf(slot: number): Place {
    const node = this.topology.current().slots[slot]?.primary
    return node === undefined ? undefined : this.connections.get(node)
  }

  /** The reason to refuse a caller who wants to wait for the request of another. */
  overload(place: Place): LinkFailure | undefined {
    return this.isBounded ? this.retries.overload(place) : undefined
  }

  /** Counts a caller who waits for the request of another, against the bounds of the node. */
  countAt(place: Place, waiting: Waiting): void {
    this.retries.countAt(place, waiting)
  }

  uncountAt(place: Place, waiting: Waiting): void {
    this.retries.uncountAt(place, waiting)
  }

  /** Gives a request another deadline. */
  postpone(request: Request, deadline: number): void {
    this.retries.postpone(request, deadline)
  }

  /** The number of reads of each node, by policies other than `ReadFrom.primary`. */
  readStatistics(): ReadonlyArray<ShardReads> {
    return this.reads.statistics()
  }

  /** Looks again at waiting requests, because there may be a new snapshot. */
  onTopology(): void {
    this.retries.onSnapshot()
  }

  onConnection(connection: Connection, state: ConnectionState): void {
    if (state === "ready" || state === "closed") this.retries.onConnection(connection)
  }

  visitWaiting(visit: Visit): void {
    this.retries.visitWaiting(visit)
  }

  close(): void {
    this.isClosed = true
    this.reads.close()
    this.retries.close()
  }

  judge(request: Request, given: Failure): RedisClusterException | Step {
    const via = request.connection?.endpoint ?? nowhere
    const { mapAddress } = this.options
    const failure = diagnose(given, request, { via, mapAddress, snapshot: this.topology.current() })
    if (this.isClosed) return Failures.fromFailure(request, failure)
    if (given._tag === "Reply" && refusesEverything(given.error) && isWording(given.error)) {
      // Another node may have its slots.
      request.connection?.doubtReports()
    }
    const retryState = request.note(failure, Failures.summary(failure))
    const decision = Recovery.decide(failure, {
      repeatable: request.command.spec.readonly || request.command.settings.idempotent,
      hasPrerequisite: request.command.settings.prerequisite !== undefined,
      binding: request.binding,
      redirects: retryState.redirects,
      maxRedirects: this.options.maxRedirects,
      via,
      read: this.reads.factsOf(request)
    })
    if (failure._tag === "Lost" && failure.written && decision._tag !== "Return") retryState.maybeExecuted = true
    if (Recovery.refusesItsOwn(failure, decision)) request.connection?.refused()
    this.statistics.decided(decision)
    request.trace?.decided(request, failure, decision)
    switch (decision._tag) {
      case "Return":
        return Failures.fromFailure(request, failure)
      case "GiveUp":
        return Failures.tooManyRedirections(request)
      case "RetryAt":
      case "RetryNext":
      case "RetryAfter":
      case "LoadThenResend":
        return decision
    }
  }

  proceed(request: Request, step: Step): void {
    const { retryState } = request
    if (retryState === undefined) return
    switch (step._tag) {
      case "RetryAt":
        retryState.redirected()
        retryState.refusal = undefined
        request.readRoute?.leave()
        if (step.moved !== undefined) this.topology.moved(step.moved, step.endpoint)
        return this.send(request, step.endpoint, step.asking)
      case "RetryNext":
        retryState.attempts++
        retryState.refusal = undefined
        if (step.refresh) this.topology.requestRefresh()
        return this.reads.next(request, step.doubt) ? undefined : this.dispatch(request)
      case "RetryAfter":
        return this.pause([request], step.refresh)
      case "LoadThenResend":
        retryState.redirected()
        return loadThenResend(request, retryState)
    }
  }

  pause(requests: ReadonlyArray<Request>, refresh: boolean): void {
    if (refresh) this.topology.requestRefresh()
    this.retries.add(requests)
  }

  hold(request: Request): void {
    this.retries.hold(request)
  }

  release(request: Request): void {
    this.retries.remove(request)
  }

  expired(request: Request, written: boolean): RedisClusterException {
    return Failures.timedOut(request, this.timeoutOf(request.command), written)
  }

  undecodable(request: Request, failure: DecodeFailure): RedisClusterException {
    return Failures.undecodable(request, failure)
  }

  cancelled(request: Request): void {
    this.retries.remove(request)
  }

  silent(request: Request): void {
    if (this.reads.rescue(request)) this.statistics.retries.replica++
  }

  ended(error: RedisClusterException): void {
    this.statistics.failed(error.reason._tag)
  }

  /** The node to which a request belongs at this moment, unless a read policy chooses one. */
  private targetOf(request: Request): ClusterNode | undefined {
    const { pinned, slot } = request
    if (pinned !== undefined) return pinned
    return slot === keyless ? this.keylessTarget(request) : this.topology.current().slots[slot]?.primary
  }

  /**
   * The node of a command without keys: the default node. PUBLISH, scripts and commands of modules, of which there may be many, are
   * spread over the primaries.
   */
  private keylessTarget(request: Request): ClusterNode | undefined {
    const { args, spec } = request.command
    const { primaries, slots } = this.topology.current()
    if (spec.near >= 0 && spec.near < args.length) {
      const owner = slots[HashSlot.ofKey(args[spec.near])]?.primary
      if (owner !== undefined) return owner
    }
    if (!spec.isSpread || primaries.length === 0) return this.topology.defaultNode()
    let lot = this.lots.get(request)
    if (lot === undefined) this.lots.set(request, lot = this.random())
    return primaries[Math.floor(lot * primaries.length)]
  }

  private readonly shared = (node: Endpoint): Connection => this.connections.get(node)

  private send(request: Request, node: Endpoint, asking: boolean): void {
    request.sendTo(node, asking, this.shared)
  }
}

export const make = Effect.fnUntraced(function*(
  options: ResolvedOptions,
  region: ClientRegion
): Effect.fn.Return<Dispatcher, never, Connections | Topology | Scope.Scope> {
  const connections = yield* Connections
  const topology = yield* Topology
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const runFork = yield* FiberSet.makeRuntime<never>()
  const dispatcher = new Dispatcher({
    options,
    region,
    connections,
    topology,
    clock,
    random: () => random.nextDoubleUnsafe(),
    runFork
  })
  const stops = [
    topology.onChange(() => dispatcher.onTopology()),
    connections.onState((connection, state) => dispatcher.onConnection(connection, state))
  ]
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const stop of stops) stop()
      dispatcher.close()
    })
  )
  yield* listed(dispatcher)
  return dispatcher
})
