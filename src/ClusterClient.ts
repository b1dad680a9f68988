/**
 * The service that programs use, and its layers.
 *
 * **Example** (A first program)
 *
 * ```ts
 * import { NodeRuntime } from "@effect/platform-node"
 * import { Console, Effect } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 *
 * const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* redis.set("user:1", "ada", { expire: "10 minutes" })
 *   yield* Console.log(yield* redis.get("user:1"))
 * })
 *
 * program.pipe(
 *   Effect.provide(ClusterClient.layer({ nodes: ["redis://127.0.0.1:7000"] })),
 *   NodeRuntime.runMain
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Batches from "./client/Batches.ts"
import * as CommandCache from "./client/CommandCache.ts"
import * as Consumers from "./client/Consumers.ts"
import * as Dedicated from "./client/Dedicated.ts"
import * as Health from "./client/Health.ts"
import * as MultiKey from "./client/MultiKey.ts"
import * as Nodes from "./client/Nodes.ts"
import * as Notifications from "./client/Notifications.ts"
import * as Observability from "./client/Observability.ts"
import * as ReadPreference from "./client/ReadPreference.ts"
import * as Scanning from "./client/Scanning.ts"
import * as Subscriptions from "./client/Subscriptions.ts"
import { boundFunctions, boundView, type ClusterSurface } from "./client/Surfaces.ts"
import * as Targets from "./client/Targets.ts"
import * as ClusterConfig from "./ClusterConfig.ts"
import * as ClusterOptions from "./ClusterOptions.ts"
import type { Commands } from "./commands/Commands.ts"
import * as Executor from "./commands/Executor.ts"
import * as Connections from "./connection/Connections.ts"
import * as ClusterPubSub from "./pubsub/ClusterPubSub.ts"
import { exception, OptionsError, type RedisClusterException } from "./RedisClusterException.ts"
import * as Router from "./routing/Router.ts"
import * as Topology from "./topology/Topology.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ClusterClientShape
  extends
    Commands<ClusterSurface>,
    Targets.TargetMembers,
    Batches.BatchMembers,
    Dedicated.DedicatedMembers,
    Consumers.ConsumerMembers,
    MultiKey.MultiKeyMembers,
    ReadPreference.ReadPreferenceMembers,
    Scanning.ScanMembers,
    Nodes.NodeMembers,
    Subscriptions.SubscriptionMembers,
    Notifications.NotificationMembers,
    Health.HealthMembers,
    Observability.ObservabilityMembers
{}

/** All members of the client, over the services beneath. */
const members = Effect.fnUntraced(function*() {
  const router = yield* Router.Router
  const topology = yield* Topology.Topology
  const pubSub = yield* ClusterPubSub.ClusterPubSub
  const connections = yield* Connections.Connections
  const commands = yield* CommandCache.make(router)
  const random = yield* Random.Random
  const nodes = Nodes.make(topology, () => random.nextDoubleUnsafe())
  const viewOf = (router: Router.Router["Service"]): ReadPreference.ReadFromClient => {
    const { execute, send } = Targets.make(router, commands, nodes.nodeAt)
    return Object.assign(boundView(router.execute), {
      execute,
      send,
      ...Batches.make(router),
      ...MultiKey.make(router)
    })
  }
  return ClusterClient.of({
    ...boundFunctions(router.execute),
    ...Targets.make(router, commands, nodes.nodeAt),
    ...Batches.make(router),
    ...Dedicated.make(router, commands),
    ...Consumers.make(router),
    ...MultiKey.make(router),
    ...ReadPreference.make(router, viewOf),
    ...Scanning.make(router, topology),
    ...Subscriptions.make(pubSub, router),
    ...Notifications.make(pubSub, router, topology),
    ...nodes,
    ...Health.make(topology, connections),
    ...(yield* Observability.make({ connections, topology, router, pubSub }))
  })
})

const resolved = (
  options: ClusterOptions.ClusterOptions
): Effect.Effect<ClusterOptions.ResolvedOptions, RedisClusterException> =>
  Effect.suspend(() => {
    const result = ClusterOptions.resolve(options)
    return Result.isSuccess(result)
      ? Effect.succeed(result.success)
      : Effect.fail(exception(() => new OptionsError({ message: result.failure, outcome: "NotExecuted" })))
  })

const layerResolved = (
  options: ClusterOptions.ResolvedOptions
): Layer.Layer<ClusterClient, RedisClusterException, Connections.Connections> =>
  Layer.effect(ClusterClient, members()).pipe(
    Layer.provide([Router.layer(options), ClusterPubSub.layer(options)]),
    Layer.provide(Topology.layer(options))
  )

/** The service, which commands require by the type that they know. */
const Service: Context.Service<Executor.ClusterClient, ClusterClientShape> & (new(_: never) => Executor.ClusterClient) =
  Context.Service<Executor.ClusterClient, ClusterClientShape>()(Executor.key)

/**
 * A client of a Redis or Valkey Cluster. Every command of the command modules is a method; the members beside them
 * are described, topic by topic, under `client/`.
 *
 * @category services
 * @since 0.1.0
 */
export class ClusterClient extends Service {
  /**
   * Connects to a cluster. The layer is ready when the topology is known; it fails with `NoReachableNodeError` when
   * no startup node answers, each with its cause. Closing it drains and closes every connection.
   *
   * @since 0.1.0
   */
  static readonly layer = (
    options: ClusterOptions.ClusterOptions
  ): Layer.Layer<ClusterClient, RedisClusterException> =>
    Layer.unwrap(
      Effect.map(resolved(options), (settings) => Layer.provide(layerResolved(settings), Connections.layer(settings)))
    )

  /**
   * The same over a `Connections` service of one's own: a fake topology, another transport.
   *
   * @since 0.1.0
   */
  static readonly layerFromConnections = (
    options: ClusterOptions.ClusterOptions
  ): Layer.Layer<ClusterClient, RedisClusterException, Connections.Connections> =>
    Layer.unwrap(Effect.map(resolved(options), layerResolved))

  /**
   * A client without a layer, closed with the scope: for programs that have several clusters, each a service of its own.
   *
   * **Example** (A second cluster)
   *
   * ```ts
   * import { Context, Effect, Layer } from "effect"
   * import { ClusterClient, type ClusterClientShape } from "effect-redis-cluster"
   *
   * class Sessions extends Context.Service<Sessions, ClusterClientShape>()("app/Sessions") {
   *   static readonly layer = Layer.effect(Sessions, ClusterClient.make({ nodes: "redis://127.0.0.1:7000" }))
   * }
   *
   * export const userOf = Effect.fn("userOf")(function*(session: string) {
   *   const sessions = yield* Sessions
   *   return yield* sessions.hget(`session:${session}`, "user")
   * })
   *
   * export const program = userOf("42").pipe(Effect.provide(Sessions.layer))
   * ```
   *
   * @since 0.1.0
   */
  static readonly make = (
    options: ClusterOptions.ClusterOptions
  ): Effect.Effect<ClusterClientShape, RedisClusterException, Scope.Scope> =>
    Effect.map(Layer.build(ClusterClient.layer(options)), (context) => Context.get(context, ClusterClient))

  /**
   * The same with options from `Config`: all of them (`ClusterConfig.options`), or a config for each.
   *
   * @since 0.1.0
   */
  static readonly layerConfig = (
    config: Config.Wrap<ClusterOptions.ClusterOptions>
  ): Layer.Layer<ClusterClient, RedisClusterException | Config.ConfigError> =>
    Layer.unwrap(Effect.map(Config.unwrap(config), ClusterClient.layer))

  /**
   * The same with options from the environment, by the variables that `ClusterConfig` lists: `REDIS_URL`, `REDIS_PASSWORD`
   * and so on. `defaults` are options for which no variable is set, `prefix` is what the variables start with.
   *
   * **Example** (Configured by the environment, but for one option)
   *
   * ```ts
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const client = ClusterClient.layerEnv({ defaults: { clientName: "shop" } })
   * ```
   *
   * @since 0.1.0
   */
  static readonly layerEnv = (environment: {
    readonly prefix?: string | undefined
    readonly defaults?: Partial<ClusterOptions.ClusterOptions> | undefined
  } = {}): Layer.Layer<ClusterClient, RedisClusterException | Config.ConfigError> =>
    ClusterClient.layerConfig(ClusterConfig.withDefaults(environment.prefix ?? "REDIS", environment.defaults ?? {}))
}
