/**
 * The service of subscriptions, with which every stream of messages begins.
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
import type { RedisClusterException } from "../RedisClusterException.ts"
import { find } from "../topology/Snapshot.ts"
import { Topology } from "../topology/Topology.ts"
import { MessageBuffer, type Settings } from "./MessageBuffer.ts"
import { Monitored } from "./Monitored.ts"
import { PubSubStatistics } from "./PubSubStatistics.ts"
import { closedError, endedError, timedOut } from "./refusals.ts"
import { SubscriptionManager } from "./SubscriptionManager.ts"
import type { Wish } from "./Wish.ts"

/**
 * @category services
 * @since 0.1.0
 */
export class ClusterPubSub extends Context.Service<ClusterPubSub, {
  /**
   * Subscribes to all names, and succeeds with the buffer of the messages once the servers have confirmed each of
   * them. Fails when they have not confirmed within `commandTimeout`, when they refuse, or when a named node is not
   * part of the cluster. The subscription ends with the scope.
   */
  readonly open: (
    wishes: ReadonlyArray<Wish>,
    settings: Settings
  ) => Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope>
  /**
   * Adds subscriptions to those of an open buffer. It fails as `open` does, and adds nothing then; the others are not affected.
   */
  readonly extend: (buffer: MessageBuffer, wishes: ReadonlyArray<Wish>) => Effect.Effect<void, RedisClusterException>
  /** Ends subscriptions of an open buffer: those with one of the names, or all. */
  readonly reduce: (buffer: MessageBuffer, names?: ReadonlySet<string>) => Effect.Effect<void>
  /** The names that an open buffer is subscribed to. */
  readonly namesOf: (buffer: MessageBuffer) => ReadonlyArray<string>
  /** Starts MONITOR on a node; each line is the payload of a message. The buffer fails when the connection is lost. */
  readonly monitor: (
    node: Endpoint,
    settings: Settings
  ) => Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope>
  /** The number of subscriptions that each node holds, or is about to hold, by address. */
  readonly held: () => ReadonlyMap<string, number>
  readonly statistics: PubSubStatistics
}>()("effect-redis-cluster/pubsub/ClusterPubSub") {}

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
  // A refresh that brings nothing new proves that nothing had changed when it began.
  const stopRefreshes = topology.onRefresh((failure, askedAt) => {
    if (failure === undefined) manager.checked(askedAt)
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

  /** Opens a buffer that gets messages while the scope lives, and succeeds with it once it is live. */
  const opened = (
    settings: Settings,
    names: (buffer: MessageBuffer) => ReadonlyArray<string>,
    add: (buffer: MessageBuffer, onLive: () => void) => void,
    remove: (buffer: MessageBuffer) => void
  ): Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope> => {
    const live = Deferred.makeUnsafe<void, RedisClusterException>()
    const buffer: MessageBuffer = new MessageBuffer(settings, {
      names: () => names(buffer),
      clock,
      statistics,
      onFailure: (error) => {
        remove(buffer)
        Deferred.doneUnsafe(live, Exit.fail(error))
      }
    })
    const start = Effect.sync(() => add(buffer, () => Deferred.doneUnsafe(live, Exit.void)))
    const end = Effect.sync(() => {
      remove(buffer)
      buffer.close()
    })
    return Effect.acquireRelease(start, () => end).pipe(Effect.andThen(inTime(live)), Effect.as(buffer))
  }

  const inTime = (live: Deferred.Deferred<void, RedisClusterException>): Effect.Effect<void, RedisClusterException> =>
    Effect.timeoutOrElse(Deferred.await(live), {
      duration: options.commandTimeout,
      orElse: () => Effect.fail(timedOut(options.commandTimeout))
    })

  const namesOf = (buffer: MessageBuffer): ReadonlyArray<string> => manager.namesOf(buffer) ?? []

  return ClusterPubSub.of({
    open: (wishes, settings) =>
      Effect.suspend(() => {
        const objection = manager.objection(wishes)
        if (objection !== undefined) return Effect.fail(objection)
        return opened(
          settings,
          namesOf,
          (buffer, onLive) => manager.add(buffer, wishes, onLive),
          (buffer) => manager.remove(buffer)
        )
      }),
    extend: (buffer, wishes) =>
      Effect.suspend(() => {
        const isOver = manager.namesOf(buffer) === undefined
        const objection = manager.objection(wishes) ?? (isOver ? endedError() : undefined)
        if (objection !== undefined) return Effect.fail(objection)
        const live = Deferred.makeUnsafe<void, RedisClusterException>()
        const added = new Set(manager.extend(buffer, wishes, {
          onLive: () => Deferred.doneUnsafe(live, Exit.void),
          onRefused: (error) => Deferred.doneUnsafe(live, Exit.fail(error))
        }))
        return Effect.onExit(inTime(live), (exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit)) manager.reduce(buffer, ({ key }) => added.has(key))
          }))
      }),
    reduce: (buffer, names) =>
      Effect.sync(() => manager.reduce(buffer, ({ name }) => names === undefined || names.has(name))),
    namesOf,
    monitor: (endpoint, settings) =>
      Effect.suspend(() => {
        const objection = manager.objection([{ placement: endpoint }])
        const node = find(topology.current(), endpoint)
        if (objection !== undefined || node === undefined) return Effect.fail(objection ?? closedError())
        let monitored: Monitored | undefined
        return opened(
          settings,
          () => ["MONITOR"],
          (buffer, onLive) => {
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
    // A connection stays for a while after its last subscription.
    held: () =>
      new Map(
        [...manager.placements.nodes].map(([address, node]) => [address, node.size] as const).filter(([, size]) =>
          size > 0
        )
      )
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ResolvedOptions): Layer.Layer<ClusterPubSub, never, Connections | Topology> =>
  Layer.effect(ClusterPubSub, make(options))
