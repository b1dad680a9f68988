/**
 * The service of subscriptions, which every stream of messages begins with.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { Connections } from "../connection/Connections.ts"
import { exception, type RedisClusterException, TimeoutError } from "../RedisClusterException.ts"
import { find } from "../topology/Snapshot.ts"
import { Topology } from "../topology/Topology.ts"
import { type BufferStrategy, MessageBuffer } from "./MessageBuffer.ts"
import { Monitored } from "./Monitored.ts"
import type { Desire } from "./Plan.ts"
import { PubSubStatistics } from "./PubSubStatistics.ts"
import { closedError, SubscriptionManager } from "./SubscriptionManager.ts"

/**
 * How the messages of one stream are kept until it takes them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly bytes: boolean
  readonly bufferSize: number
  readonly strategy: BufferStrategy
  /** Whether gaps and confirmations are wanted, beside the messages. */
  readonly keepsNotices: boolean
}

/**
 * @category services
 * @since 0.1.0
 */
export class ClusterPubSub extends Context.Service<ClusterPubSub, {
  /**
   * Subscribes, and gives what comes once the servers have confirmed all of it. Fails when they have not within
   * `commandTimeout`, when they refuse, or when a named node is not part of the cluster. Ends with the scope.
   */
  readonly open: (
    desires: ReadonlyArray<Desire>,
    settings: Settings
  ) => Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope>
  /** Starts MONITOR on a node; each line is the payload of a message. Fails when the connection is lost. */
  readonly monitor: (
    node: Endpoint,
    settings: Settings
  ) => Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope>
  /** How many subscriptions each node holds, or is about to, by address. */
  readonly held: () => ReadonlyMap<string, number>
  readonly statistics: PubSubStatistics
}>()("effect-redis-cluster/pubsub/ClusterPubSub") {}

const timedOut = (timeout: number): RedisClusterException =>
  exception(() =>
    new TimeoutError({
      message: `the servers did not confirm the subscription within ${timeout} ms`,
      outcome: "NotExecuted",
      timeout,
      waitingFor: "reply"
    })
  )

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: ResolvedOptions) {
  const connections = yield* Connections
  const topology = yield* Topology
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  const statistics = new PubSubStatistics()
  const manager = new SubscriptionManager({ options, connections, topology, statistics, clock, runFork })
  const stopListening = topology.onChange(() => manager.replan())
  // A refresh that brings nothing new is a proof: until now nothing has changed.
  const stopRefreshes = topology.onRefresh((failure) => {
    if (failure === undefined) manager.replan()
  })
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      stopListening()
      stopRefreshes()
      manager.close()
    })
  )

  const monitors = new Set<Monitored>()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const monitored of monitors) monitored.end(closedError())
    })
  )

  /** A mailbox that is filled while the scope lives, once it is live. */
  const opened = (
    settings: Settings,
    names: ReadonlyArray<string>,
    add: (buffer: MessageBuffer, onLive: () => void, onFailure: (error: RedisClusterException) => void) => void,
    remove: (buffer: MessageBuffer) => void
  ): Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope> => {
    const buffer = new MessageBuffer({ ...settings, names: [...new Set(names)], clock, statistics })
    const live = Deferred.makeUnsafe<void, RedisClusterException>()
    const start = Effect.sync(() =>
      add(
        buffer,
        () => Deferred.doneUnsafe(live, Exit.void),
        (error) => Deferred.doneUnsafe(live, Exit.fail(error))
      )
    )
    const end = Effect.sync(() => {
      remove(buffer)
      buffer.close()
    })
    return Effect.acquireRelease(start, () => end).pipe(
      Effect.andThen(Deferred.await(live)),
      Effect.timeoutOrElse({
        duration: options.commandTimeout,
        orElse: () => Effect.fail(timedOut(options.commandTimeout))
      }),
      Effect.as(buffer)
    )
  }

  return ClusterPubSub.of({
    open: (desires, settings) =>
      Effect.suspend(() => {
        const objection = manager.objection(desires)
        if (objection !== undefined) return Effect.fail(objection)
        return opened(
          settings,
          desires.map((desire) => desire.name),
          (buffer, onLive, onFailure) => manager.add(buffer, desires, onLive, onFailure),
          (buffer) => manager.remove(buffer)
        )
      }),
    monitor: (endpoint, settings) =>
      Effect.suspend(() => {
        const objection = manager.objection([{ kind: "channel", name: "MONITOR", slot: 0, place: endpoint }])
        const node = find(topology.current(), endpoint)
        if (objection !== undefined || node === undefined) return Effect.fail(objection ?? closedError())
        let monitored: Monitored | undefined
        return opened(
          settings,
          ["MONITOR"],
          (buffer, onLive, onFailure) => {
            buffer.onFailure = onFailure
            monitored = new Monitored(node, connections, buffer, onLive)
            monitors.add(monitored)
          },
          () => {
            if (monitored === undefined) return
            monitors.delete(monitored)
            monitored.close()
          }
        )
      }),
    statistics,
    held: () => new Map([...manager.subscribers].map(([address, subscriber]) => [address, subscriber.size] as const))
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ResolvedOptions): Layer.Layer<ClusterPubSub, never, Connections | Topology> =>
  Layer.effect(ClusterPubSub, make(options))
