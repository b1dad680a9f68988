/** The service of subscriptions, with which every stream of messages begins. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { Connections } from "../connection/Connections.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { Topology } from "../topology/Topology.ts"
import type { Named } from "./ChannelNames.ts"
import { LivePubSub } from "./LivePubSub.ts"
import type { MessageBuffer, Settings } from "./MessageBuffer.ts"
import type { PubSubStatistics } from "./PubSubStatistics.ts"
import type { Wish } from "./Wish.ts"

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
  /** Ends subscriptions of an open buffer: those to some names, or all. */
  readonly reduce: (buffer: MessageBuffer, names?: ReadonlyArray<Named>) => Effect.Effect<void>
  /** The names that an open buffer is subscribed to. */
  readonly namesOf: (buffer: MessageBuffer) => ReadonlyArray<Named>
  /** Starts MONITOR on a node; each line is the payload of a message. The buffer fails when the connection is lost. */
  readonly monitor: (
    node: Endpoint,
    settings: Settings
  ) => Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope>
  /**
   * Lets all primaries report changes of keys with one of the prefixes, or of all keys. Succeeds with the buffer of the
   * reports once all primaries report.
   */
  readonly track: (
    prefixes: ReadonlyArray<string>,
    settings: Settings
  ) => Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope>
  /** The number of subscriptions that each node holds, or is about to hold, by address. */
  readonly held: () => ReadonlyMap<string, number>
  readonly statistics: PubSubStatistics
}>()("effect-redis-cluster/pubsub/ClusterPubSub") {}

export const make = Effect.fnUntraced(function*(options: ResolvedOptions) {
  const connections = yield* Connections
  const topology = yield* Topology
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  const live = new LivePubSub({ options, connections, topology, clock, runFork })
  yield* Effect.addFinalizer(() => Effect.sync(() => live.close()))

  return ClusterPubSub.of({
    open: live.open,
    extend: live.extend,
    reduce: live.reduce,
    namesOf: live.namesOf,
    monitor: live.monitor,
    track: live.track,
    held: live.held,
    statistics: live.statistics
  })
})

export const layer = (options: ResolvedOptions): Layer.Layer<ClusterPubSub, never, Connections | Topology> =>
  Layer.effect(ClusterPubSub, make(options))
