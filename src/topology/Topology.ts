/**
 * The map of the cluster, kept true: it is fetched at the start, patched by redirects, refreshed when something hints
 * at a change, and refreshed at long intervals when nothing does.
 *
 * Refreshes never run on the path of a command. There is one at a time, and the pause between two grows while nothing changes.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { addressOf, type Endpoint, isEndpoint } from "../cluster/Endpoint.ts"
import { slotCount } from "../cluster/HashSlot.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { Connections } from "../connection/Connections.ts"
import {
  exception,
  type RedisClusterException,
  SlotNotCoveredError,
  UnknownNodeError
} from "../RedisClusterException.ts"
import { LiveTopology } from "./LiveTopology.ts"
import * as Snapshot from "./Snapshot.ts"

export class Topology extends Context.Service<Topology, {
  /** The present snapshot. */
  readonly current: () => Snapshot.Snapshot
  /** The present snapshot, then every later one. The stream ends when the client closes. */
  readonly changes: Stream.Stream<Snapshot.Snapshot>
  /** Calls `listener` whenever a new snapshot comes into use. The result removes the listener. */
  readonly onChange: (listener: (previous: Snapshot.Snapshot, next: Snapshot.Snapshot) => void) => () => void
  /**
   * Calls `listener` after every refresh, with the error if the refresh failed, and with the time at which it began, in monotonic
   * milliseconds. The result removes the listener.
   */
  readonly onRefresh: (
    listener: (failure: RedisClusterException | undefined, askedAt: number) => void
  ) => () => void
  /** Notes a MOVED: patches the snapshot at once and requests a refresh. A slot that no cluster has is ignored. */
  readonly moved: (slot: number, owner: Endpoint) => void
  /** Requests a refresh soon. It returns at once, and may be called any number of times. */
  readonly requestRefresh: () => void
  /**
   * Refreshes, or joins the running refresh, and succeeds with the new snapshot. Takes no longer than
   * `commandTimeout`.
   */
  readonly refresh: Effect.Effect<Snapshot.Snapshot, RedisClusterException>
  /** The node for commands that any node can answer: a random primary, until it leaves or another node is set. */
  readonly defaultNode: () => ClusterNode | undefined
  readonly setDefaultNode: (node: ClusterNode) => void
}>()("effect-redis-cluster/topology/Topology") {}

/** The number of snapshots that a consumer of the changes may be behind. */
const bufferedSnapshots = 64

/**
 * Fetches the first snapshot and keeps it true while the scope lives. Fails when no startup node can report the
 * topology.
 */
export const make = Effect.fnUntraced(function*(options: ResolvedOptions) {
  const connections = yield* Connections
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const runFork = yield* FiberSet.makeRuntime<never>()
  const published = yield* PubSub.sliding<Snapshot.Snapshot | undefined>(bufferedSnapshots)
  const live = new LiveTopology({ options, connections, clock, random, runFork, published })
  yield* Effect.addFinalizer(() => Effect.sync(() => live.close()))

  yield* started(options, live.refresh)

  if (options.refreshInterval < Number.POSITIVE_INFINITY) yield* Effect.forkScoped(live.refreshForEver)
  const stopListening = connections.onState(live.observe)
  yield* Effect.addFinalizer(() => Effect.sync(stopListening))
  // The servers tell whether the node is busy or has failed.
  const stopSilences = connections.onSilent(live.requestRefresh)
  yield* Effect.addFinalizer(() => Effect.sync(stopSilences))

  return Topology.of({
    current: live.current,
    changes: live.changes,
    onChange: live.onChange.add,
    onRefresh: live.onRefresh.add,
    moved: live.moved,
    requestRefresh: live.requestRefresh,
    refresh: live.refresh,
    defaultNode: live.defaultNode,
    setDefaultNode: live.setDefaultNode
  })
})

/** Fetches the first snapshot, and tries again as the options say. */
const started = (
  { requireFullCoverage, startSchedule }: ResolvedOptions,
  refresh: Effect.Effect<Snapshot.Snapshot, RedisClusterException>
): Effect.Effect<unknown, RedisClusterException> => {
  const first = requireFullCoverage
    ? Effect.flatMap(refresh, (snapshot) => {
      const covered = Snapshot.coveredSlots(snapshot)
      return covered < slotCount ? Effect.fail(notCovered(snapshot, covered)) : Effect.void
    })
    : refresh
  return startSchedule === undefined
    ? first
    : Effect.retry(first, { while: (error: RedisClusterException) => error.isRetryable, schedule: startSchedule })
}

const notCovered = (snapshot: Snapshot.Snapshot, covered: number): RedisClusterException => {
  const slot = snapshot.slots.indexOf(undefined)
  return exception(() =>
    new SlotNotCoveredError({
      message: `${slotCount - covered} of ${slotCount} slots have no owner (the first is ${slot}) and ` +
        `requireFullCoverage is set`,
      outcome: "NotExecuted",
      slot
    })
  )
}

export const layer = (options: ResolvedOptions): Layer.Layer<Topology, RedisClusterException, Connections> =>
  Layer.effect(Topology, make(options))

/** The node that has `host:port` among its addresses, or the reason why there is none. */
export const nodeAt = (
  snapshot: Snapshot.Snapshot,
  endpoint: Endpoint
): Result.Result<ClusterNode, UnknownNodeError> => {
  const isNamed = isEndpoint(endpoint)
  const address = isNamed ? addressOf(endpoint) : "a value that is not { host, port }"
  const node = isNamed ? Snapshot.find(snapshot, endpoint) : undefined
  return node !== undefined ? Result.succeed(node) : Result.fail(
    new UnknownNodeError({
      message: `${address} is not a node of this cluster (known: ${[...snapshot.nodes.keys()].join(", ")})`,
      outcome: "NotExecuted",
      node: address
    })
  )
}
