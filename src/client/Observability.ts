/** The metrics, the events and the logs of a client. */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { Connection, ConnectionState } from "../connection/Connection.ts"
import type { Connections } from "../connection/Connections.ts"
import type { ClientEvent } from "../observability/ClientEvent.ts"
import { CacheStates, log, NodeStates, TopologyStates } from "../observability/ClientEvents.ts"
import { Metrics } from "../observability/Metrics.ts"
import { MissedMessages } from "../observability/MissedMessages.ts"
import { Registry } from "../observability/Series.ts"
import type { ClusterPubSub } from "../pubsub/ClusterPubSub.ts"
import type { RouterShape } from "../routing/Router.ts"
import type { Topology } from "../topology/Topology.ts"

export interface ObservabilityMembers {
  /**
   * The events of the client from now on: nodes that go down and come up, join and leave, replicas that are promoted,
   * slots that move, refreshes of the topology, gaps of subscriptions.
   *
   * **Details**
   *
   * The stream never fails, and ends with the client. A consumer that falls more than 1024 events behind misses the
   * oldest.
   *
   * **Example** (Who is down?)
   *
   * ```ts
   * import { Console, Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * // Runs until it is interrupted.
   * export const watch = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.events.pipe(
   *     Stream.filter((event) => event._tag === "NodeDown"),
   *     Stream.runForEach((event) => Console.error(`${event.node} is down: ${event.reason}`))
   *   )
   * })
   * ```
   */
  readonly events: Stream.Stream<ClientEvent>
}

const bufferedEvents = 1024

/** Listens to the parts of a client while the scope lives. */
export const make = Effect.fnUntraced(function*(parts: {
  readonly connections: Connections["Service"]
  readonly topology: Topology["Service"]
  readonly router: RouterShape
  readonly pubSub: ClusterPubSub["Service"]
}) {
  const { connections, pubSub, router, topology } = parts
  const runFork = yield* FiberSet.makeRuntime<never>()
  const published = yield* Effect.acquireRelease(PubSub.sliding<ClientEvent>(bufferedEvents), PubSub.shutdown)
  const nodeStates = new NodeStates()
  const cacheStates = new CacheStates()
  const topologyStates = new TopologyStates(topology.current())
  // The first refresh has succeeded, or there would be no client.
  const refreshes = { ok: 1, failed: 0 }
  const registry = new Registry(yield* Effect.context<never>())
  const routing = router.statistics
  const cache = router.cacheStatistics
  const metrics = new Metrics(registry, {
    connections,
    topology,
    routing,
    pubSub: pubSub.statistics,
    refreshes,
    cache: cache === undefined ? undefined : { statistics: cache, refusals: () => cacheStates.refusals }
  })

  const emit = (event: ClientEvent, isNews = true): void => {
    PubSub.publishUnsafe(published, event)
    runFork(log(event, isNews))
  }

  const observe = (connection: Connection, state: ConnectionState): void => {
    for (const event of [nodeStates.observe(connection, state), cacheStates.observe(connection, state)]) {
      if (event !== undefined) emit(event)
    }
  }
  for (const connection of connections.all()) {
    nodeStates.observe(connection, connection.state)
    const armed = cacheStates.observe(connection, connection.state)
    if (armed !== undefined) emit(armed)
  }
  const stopStates = connections.onState((connection, state) => {
    metrics.update()
    observe(connection, state)
  })
  const stopPushes = connections.onPush((push, _, connection) => {
    const flushed = cacheStates.pushed(connection, push)
    if (flushed !== undefined) emit(flushed)
  })
  const stopChanges = topology.onChange((_, snapshot) => {
    nodeStates.retain(snapshot.nodes)
    cacheStates.retain(snapshot.nodes)
    metrics.update()
    for (const event of topologyStates.observe(snapshot)) emit(event)
  })
  const stopRefreshes = topology.onRefresh((failure) => {
    if (failure === undefined) refreshes.ok++
    else refreshes.failed++
    const isNews = topologyStates.refreshed(failure !== undefined)
    emit(
      failure === undefined
        ? { _tag: "Refreshed", version: topology.current().version }
        : { _tag: "RefreshFailed", reason: failure.message },
      isNews
    )
  })
  const stopRotations = connections.onRotated(() => emit({ _tag: "CredentialsRotated" }))
  const stopOutages = connections.onCredentialsFailed((reason) => emit({ _tag: "CredentialsFailed", reason }))
  const missed = new MissedMessages(emit)
  const stopGaps = pubSub.statistics.onGap((reason, from) => missed.add(reason, from))
  const stopReasons = routing.onReason((reason) => metrics.addReason(reason))

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      stopStates()
      stopPushes()
      stopChanges()
      stopRefreshes()
      stopRotations()
      stopOutages()
      stopGaps()
      stopReasons()
      metrics.close()
    })
  )
  const members: ObservabilityMembers = { events: Stream.fromPubSub(published) }
  return members
})
