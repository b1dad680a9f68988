/**
 * Sends requests to the node they belong to, and obeys Recovery when that fails.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Endpoint } from "../../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../../ClusterOptions.ts"
import type { Command, DecodeFailure } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import { Connections } from "../../connection/Connections.ts"
import { monotonicMillis, steadyTimeOfDay } from "../../internal/monotonic.ts"
import * as ReadFrom from "../../ReadFrom.ts"
import { onlyNodeWithPort, type Shard } from "../../topology/Snapshot.ts"
import { Topology } from "../../topology/Topology.ts"
import { keyless } from "../CommandSlot.ts"
import { Hedges } from "../reads/Hedges.ts"
import { type ReadNode, ReadNodes, type ReadRoute, type ShardReads } from "../reads/ReadNodes.ts"
import { ReadProbes } from "../reads/ReadProbes.ts"
import { deliver, explained } from "./Delivery.ts"
import * as Failures from "./Failures.ts"
import * as Recovery from "./Recovery.ts"
import type { Request, RequestOwner, RetryState } from "./Request.ts"
import { RoutingStatistics } from "./RoutingStatistics.ts"
import { WaitingRoom } from "./WaitingRoom.ts"

/** Redirects come over a connection; what failed without one has none to be relative to. */
const nowhere: Endpoint = { host: "", port: 0 }

/**
 * @category models
 * @since 0.1.0
 */
export interface Dispatcher {
  /** Who requests report to. */
  readonly owner: RequestOwner
  /** When a command that is called now has to be answered, in monotonic milliseconds. */
  readonly deadlineOf: (command: Command<unknown>) => number
  /** How long a command may take, in milliseconds. */
  readonly timeoutOf: (command: Command<unknown>) => number
  /** Sends a request. It ends through its own callbacks, always. */
  readonly dispatch: (request: Request) => void
  /** The primary of a slot, for commands that travel together; `undefined` when each has to be dispatched. */
  readonly nodeOf: (slot: number) => ClusterNode | undefined
  /** The connection to a node that everybody shares. */
  readonly connectionTo: (node: ClusterNode) => Connection
  /** How often reads went where, by policies other than `ReadFrom.primary`. */
  readonly readStatistics: () => ReadonlyArray<ShardReads>
  readonly statistics: RoutingStatistics
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: ResolvedOptions
): Effect.fn.Return<Dispatcher, never, Connections | Topology | Scope.Scope> {
  const connections = yield* Connections
  const topology = yield* Topology
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  const statistics = new RoutingStatistics()
  let isClosed = false

  const deadlineOf = (command: Command<unknown>): number => monotonicMillis(clock) + timeoutOf(command)

  /** A command that the server may hold back has that time in addition. */
  const timeoutOf = (command: Command<unknown>): number =>
    (command.settings.timeout ?? options.commandTimeout) + (command.spec.blocking?.(command.args) ?? 0)

  /** Sends a request to the node it belongs to at this moment. */
  const dispatch = (request: Request): void => {
    request.asking = false
    const snapshot = topology.current()
    if (request.pinned !== undefined) {
      return request.binding === "explicit" || snapshot.nodes.has(request.pinned.address)
        ? sendTo(request, request.pinned)
        : request.fail(Failures.leftTheCluster(request, request.pinned))
    }
    const shard = request.slot === keyless ? undefined : snapshot.slots[request.slot]
    if (request.readRoute !== undefined && shard !== undefined) return read(request, request.readRoute, shard)
    const node = request.slot === keyless ? topology.defaultNode() : shard?.primary
    if (node === undefined) return owner.failed(request, { _tag: "NotCovered", slot: request.slot })
    sendTo(request, node)
  }

  /** With overflow `"fail"` each command is refused or taken for itself. */
  const nodeOf = (slot: number): ClusterNode | undefined =>
    slot === keyless || options.overflow === "fail" ? undefined : topology.current().slots[slot]?.primary

  const readers = new ReadNodes({ connections, clock, options })
  const watch = new ReadProbes(readers, topology.current, clock, runFork)
  const hedges = new Hedges(clock, runFork)

  /** Sends a read to the first of the nodes that its policy names. */
  const read = (request: Request, reading: ReadRoute, shard: Shard): void => {
    const { policy } = reading
    const { spec } = request.command
    const problem = ReadFrom.problemOf(policy, options.availabilityZone)
    if (problem !== undefined) return request.fail(Failures.badPolicy(request, problem))
    watch.begin(policy.maxLag)
    const reader = readers.begin(shard, reading, spec.name, request.slot)
    if (reader === undefined) return request.fail(Failures.badPolicy(request, Failures.noOrder(policy)))
    if (policy.hedge !== undefined) hedges.watch(request, reading, reader, policy.hedge)
    sendToReader(request, reader)
  }

  const sendToReader = (request: Request, reader: ReadNode): void => {
    reader.counters.reads++
    request.connection = reader.connection
    request.connection.send(request)
  }

  const readFacts = (request: Request): Recovery.ReadFacts | undefined => {
    const reader = request.readRoute?.current
    return reader === undefined ? undefined : {
      role: reader.role,
      primary: topology.current().slots[request.slot]?.primary.address ?? "",
      alternatives: request.readRoute?.next !== undefined
    }
  }

  const readElsewhere = (request: Request, doubt: boolean): void => {
    const { readRoute } = request
    const passing = readRoute?.current
    const next = readRoute?.advance()
    if (passing === undefined || next === undefined) return dispatch(request)
    passing.counters.passedOn++
    if (doubt) passing.doubt()
    sendToReader(request, next)
  }

  const sendTo = (request: Request, node: Endpoint): void => {
    if (request.lease !== undefined) return request.lease(node)
    const connection = connections.get(node)
    request.connection = connection
    connection.send(request)
  }

  const recover = (request: Request, given: Recovery.Failure, retryState: RetryState): void => {
    const failure = explained(given, retryState)
    const via = request.connection?.endpoint ?? nowhere
    const decision = Recovery.decide(failure, {
      repeatable: request.command.spec.readonly || request.command.settings.idempotent,
      supplied: request.command.settings.prerequisite !== undefined,
      binding: request.binding,
      redirects: retryState.redirects,
      maxRedirects: options.maxRedirects,
      via,
      mapAddress: options.mapAddress,
      onlyNodeWithPort: (port) => onlyNodeWithPort(topology.current(), port),
      read: readFacts(request)
    })
    if (failure._tag === "Lost" && failure.written && decision._tag !== "Return") retryState.maybeExecuted = true
    statistics.decided(decision)
    request.trace?.decided(request, failure, decision)
    switch (decision._tag) {
      case "Return":
        return request.fail(Failures.fromFailure(request, failure))
      case "GiveUp":
        return request.fail(Failures.tooManyRedirections(request))
      case "RetryAt":
        retryState.redirects++
        retryState.attempts++
        retryState.refusal = undefined
        request.asking = decision.asking
        request.readRoute?.leave()
        if (decision.moved !== undefined) topology.moved(decision.moved, decision.endpoint)
        return sendTo(request, decision.endpoint)
      case "RetryNext":
        retryState.attempts++
        retryState.refusal = undefined
        if (decision.refresh) topology.requestRefresh()
        return readElsewhere(request, decision.doubt)
      case "RetryAfter":
        if (decision.refresh) topology.requestRefresh()
        // The budget is against going in circles without a pause. Keys of a multi-key command that are new while their
        // slot migrates mean ASK and TRYAGAIN in turn for as long as that takes; there the deadline is the bound.
        retryState.redirects = 0
        retryState.refusal = undefined
        return retryLater(request, failure, retryState)
      case "Supply":
        retryState.redirects++
        retryState.attempts++
        return deliver(request, retryState)
    }
  }

  /** Lets the retry schedule say how long to wait; when it says no more, the failure is final. */
  const retryLater = (request: Request, failure: Recovery.Failure, retryState: RetryState): void => {
    const error = Failures.fromFailure(request, failure)
    const step = Effect.suspend(() =>
      retryState.nextDelay === undefined ? startSchedule(retryState) : Effect.succeed(retryState.nextDelay)
    )
    runFork(
      Effect.flatMap(step, (nextDelay) => nextDelay(error)).pipe(
        Effect.map((delay) => {
          if (request.settled) return
          if (isClosed || delay === undefined) request.fail(error)
          else waitingRoom.add(request, retryState, monotonicMillis(clock) + delay)
        }),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            // A schedule that dies, or the end of the client: the caller must not wait for ever.
            if (Exit.isFailure(exit)) request.fail(isClosed ? Failures.closed(request) : error)
          })
        ),
        Effect.ignoreCause
      )
    )
  }

  const startSchedule = (retryState: RetryState) =>
    Effect.map(Schedule.toStep(options.retrySchedule), (step) => {
      const now = steadyTimeOfDay(clock)
      const nextDelay: NonNullable<RetryState["nextDelay"]> = (error) =>
        Effect.matchCauseEffect(step(now(), error), {
          onSuccess: ([, delay]) => Effect.succeed(Duration.toMillis(delay)),
          onFailure: () => Effect.succeed(undefined)
        })
      retryState.nextDelay = nextDelay
      return nextDelay
    })

  const owner: RequestOwner = {
    failed: (request, failure) => {
      if (request.settled) return
      if (isClosed) return request.fail(Failures.fromFailure(request, failure))
      recover(request, failure, request.note(failure, Failures.summary(failure)))
    },
    expired: (request, written) => request.fail(Failures.timedOut(request, timeoutOf(request.command), written)),
    undecodable: (request, failure: DecodeFailure) => request.fail(Failures.undecodable(request, failure)),
    cancelled: (request) => waitingRoom.remove(request),
    ended: (_, error) => statistics.failed(error.reason._tag)
  }

  const waitingRoom = new WaitingRoom(clock, runFork, {
    retry: (request, retryState) => {
      retryState.attempts++
      dispatch(request)
    },
    expire: (request, retryState) => request.fail(Failures.fromFailure(request, retryState.lastFailure))
  })
  const stopListening = topology.onChange(() => waitingRoom.wake())
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      stopListening()
      hedges.close()
      for (const request of waitingRoom.close()) request.fail(Failures.closed(request))
    })
  )

  return {
    owner,
    deadlineOf,
    timeoutOf,
    dispatch,
    nodeOf,
    connectionTo: (node) => connections.get(node),
    readStatistics: () => readers.statistics(topology.current()),
    statistics
  }
})
