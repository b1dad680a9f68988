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
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Batches from "./client/Batches.ts"
import * as Caching from "./client/Caching.ts"
import * as CommandCache from "./client/CommandCache.ts"
import * as Consumers from "./client/Consumers.ts"
import * as Dedicated from "./client/Dedicated.ts"
import * as Health from "./client/Health.ts"
import * as Invalidations from "./client/Invalidations.ts"
import * as MapCommand from "./client/MapCommand.ts"
import * as Mock from "./client/Mock.ts"
import * as MultiKey from "./client/MultiKey.ts"
import * as Nodes from "./client/Nodes.ts"
import * as Notifications from "./client/Notifications.ts"
import * as Observability from "./client/Observability.ts"
import * as Provisioning from "./client/Provisioning.ts"
import * as ReadPreference from "./client/ReadPreference.ts"
import * as Region from "./client/Region.ts"
import * as Scanning from "./client/Scanning.ts"
import * as Subscriptions from "./client/Subscriptions.ts"
import { boundFunctions, boundView, type ClusterSurface } from "./client/Surfaces.ts"
import * as Targets from "./client/Targets.ts"
import * as ClusterConfig from "./ClusterConfig.ts"
import * as ClusterOptions from "./ClusterOptions.ts"
import type { Commands } from "./commands/Commands.ts"
import * as Executor from "./commands/Executor.ts"
import * as Connections from "./connection/Connections.ts"
import * as checks from "./internal/checks.ts"
import * as ClusterPubSub from "./pubsub/ClusterPubSub.ts"
import { exception, OptionsError, type RedisClusterException } from "./RedisClusterException.ts"
import * as CachedRouter from "./routing/CachedRouter.ts"
import { namedCommands } from "./routing/NamedRouter.ts"
import * as Router from "./routing/Router.ts"
import * as Topology from "./topology/Topology.ts"

/**
 * The members of a client: all commands, pipelines, transactions, subscriptions, scans, views and so on.
 * `ClusterClient` is the service of this type.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterClientShape
  extends
    Commands<ClusterSurface>,
    Targets.TargetMembers,
    Batches.BatchMembers,
    Dedicated.DedicatedMembers,
    MapCommand.MapCommandMembers<ClusterClientShape>,
    Consumers.ConsumerMembers,
    MultiKey.MultiKeyMembers,
    ReadPreference.ReadPreferenceMembers,
    Region.RegionMembers,
    Caching.CachingMembers,
    Scanning.ScanMembers,
    Nodes.NodeMembers,
    Subscriptions.SubscriptionMembers,
    Notifications.NotificationMembers,
    Invalidations.InvalidationMembers,
    Provisioning.ProvisioningMembers,
    Health.HealthMembers,
    Observability.ObservabilityMembers
{}

/** All members of the client, over the services beneath. */
const members = Effect.fnUntraced(function*({ commandTimeout }: ClusterOptions.ResolvedOptions) {
  const standing = yield* Router.Router
  const topology = yield* Topology.Topology
  const pubSub = yield* ClusterPubSub.ClusterPubSub
  const connections = yield* Connections.Connections
  const commands = yield* CommandCache.make(
    { execute: standing.execute, primaries: standing.nodesOf("primaries"), onNode: standing.onNode },
    { region: standing.region, timeout: commandTimeout }
  )
  const random = yield* Random.Random
  const nodes = Nodes.make(topology, () => random.nextDoubleUnsafe())
  const observability = yield* Observability.make({ connections, topology, router: standing, pubSub })

  const viewOf = (router: Router.RouterShape): ReadPreference.ReadFromClient => {
    return Object.assign(boundView(router.execute), {
      ...Targets.anywhere(router),
      ...Batches.make(router),
      ...MultiKey.make(router)
    })
  }
  const clientOf = (routerOfAll: Router.RouterShape): ClusterClientShape => {
    // A function of `mapCommand` gets commands by name with their keys: it comes after the look-up.
    const router = namedCommands(routerOfAll, commands)
    const dedicated = Dedicated.make(router)
    const notifications = Notifications.make(pubSub, router)
    const targets = Targets.make({
      router,
      topology,
      connections,
      pubSub,
      dedicated: dedicated.dedicated,
      monitor: notifications.monitor,
      lookUp: nodes.nodeAt
    })
    return {
      ...boundFunctions(router.execute),
      ...targets,
      ...Batches.make(router),
      ...dedicated,
      ...MapCommand.make(routerOfAll, clientOf),
      ...Consumers.make(router),
      ...MultiKey.make(router),
      ...ReadPreference.make(router, viewOf),
      ...Region.make(router),
      ...Caching.make(router),
      ...Scanning.make(router, topology),
      ...Subscriptions.make(pubSub, router),
      ...notifications,
      ...Invalidations.make(pubSub),
      ...Provisioning.make(topology, connections),
      ...nodes,
      ...Health.make(topology, connections),
      ...observability
    }
  }
  return ClusterClient.of(clientOf(standing))
})

const resolved = <R>(
  options: ClusterOptions.ClusterOptions<R, R, R>
): Effect.Effect<ClusterOptions.ResolvedOptions, RedisClusterException, R> =>
  Effect.contextWith((context: Context.Context<R>) => {
    const result = ClusterOptions.resolve(ClusterOptions.closed(options, context))
    return Result.isSuccess(result)
      ? Effect.succeed(result.success)
      : Effect.fail(exception(() => new OptionsError({ message: result.failure, outcome: "NotExecuted" })))
  })

/** Gives the attributes of a client to the lines of its log and to its metrics, beside those that are there. */
const described = <A, E, R>(
  self: Layer.Layer<A, E, R>,
  { attributes }: ClusterOptions.ResolvedOptions
): Layer.Layer<A, E, R> =>
  Layer.provide(self, [
    Layer.effect(
      References.CurrentLogAnnotations,
      Effect.map(References.CurrentLogAnnotations, (outer) => ({ ...outer, ...attributes }))
    ),
    Layer.effect(
      Metric.CurrentMetricAttributes,
      Effect.map(Metric.CurrentMetricAttributes, (outer) => ({ ...outer, ...attributes }))
    )
  ])

const layerResolved = (
  options: ClusterOptions.ResolvedOptions
): Layer.Layer<ClusterClient, RedisClusterException, Connections.Connections> =>
  Layer.effect(ClusterClient, members(options)).pipe(
    Layer.provide([CachedRouter.layer(options), ClusterPubSub.layer(options)]),
    Layer.provide(Topology.layer(options)),
    (client) => described(client, options)
  )

/** A client with its connections. */
const layerConnected = (options: ClusterOptions.ResolvedOptions): Layer.Layer<ClusterClient, RedisClusterException> =>
  Layer.provide(layerResolved(options), described(Connections.layer(options), options))

/** Options of `ClusterClient.layerEnv`: where the options of the environment come from. */
export interface Environment {
  /** The first part of the names of the variables. Default: `REDIS`. */
  readonly prefix?: string | undefined
  /** Values of options for which no variable is set. */
  readonly defaults?: Partial<ClusterOptions.ClusterOptions> | undefined
}

const environmentChecks: checks.Checks<Environment> = {
  prefix: checks.text,
  defaults: (value) => typeof value === "object" && value !== null ? undefined : "an object with options"
}

const refuse = (message: string): Effect.Effect<never, RedisClusterException> =>
  Effect.fail(exception(() => new OptionsError({ message, outcome: "NotExecuted" })))

/** The options that a configuration describes. */
const configured = Effect.fnUntraced(function*(
  config: Config.Wrap<ClusterOptions.ClusterOptions>
): Effect.fn.Return<ClusterOptions.ClusterOptions, RedisClusterException | Config.ConfigError> {
  if (typeof config !== "object" || config === null) {
    return yield* refuse("layerConfig: the options have to be an object")
  }
  return yield* Config.unwrap(config)
})

/** The options of the environment. */
const optionsFrom = Effect.fnUntraced(function*(
  environment: Environment
): Effect.fn.Return<ClusterOptions.ClusterOptions, RedisClusterException | Config.ConfigError> {
  const problem = checks.problemOf(environment, environmentChecks)
  if (problem !== undefined) return yield* refuse(`layerEnv: ${problem}`)
  const { defaults = {}, prefix = "REDIS" } = environment
  return yield* Config.unwrap(ClusterConfig.withDefaults(prefix, defaults))
})

/** The attributes of a named client: its id, and those of the program. The check of the options refuses all that is no object. */
const attributesOf = (id: string, given: ClusterOptions.ClusterOptions["attributes"]) =>
  given === undefined || Predicate.isObject(given) ? { "redis.client": id, ...given } : given

/** The service, under the type that commands require. */
const Service: Context.Service<Executor.ClusterClient, ClusterClientShape> & (new(_: never) => Executor.ClusterClient) =
  Context.Service<Executor.ClusterClient, ClusterClientShape>()(Executor.key)

/**
 * The client of a Redis or Valkey Cluster, as a service. Every command is a method; other members are documented
 * below, topic by topic.
 *
 * **When to use**
 *
 * `const redis = yield* ClusterClient` gets the client of the fiber. Provide `ClusterClient.layer` once, at the edge
 * of the program.
 *
 * **Details**
 *
 * Every command fails with a `RedisClusterException` only; `watch` has `ConflictError`, and `requireHealthy` has `UnhealthyError`,
 * beside it. A client has one connection per node, shared by all fibers;
 * blocking commands and sessions have dedicated ones.
 *
 * **Gotchas**
 *
 * Each build of a layer opens new connections: do not build one per request. Do not wrap commands in `Effect.timeout`: it
 * cannot tell whether the command was executed; `Command.timeout` and `Command.withTimeout` can. For several clusters in one
 * program see `ClusterClient.named`.
 *
 * **Example** (A first program)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 *
 * const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* redis.set("user:1", "ada", { expire: "10 minutes" })
 *   return yield* redis.get("user:1") // string | null
 * })
 *
 * export const runnable = program.pipe(Effect.provide(ClusterClient.layer({ nodes: "redis://127.0.0.1:7000" })))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class ClusterClient extends Service {
  /**
   * Connects to a cluster. The layer is ready when the topology is known. Its end drains and closes every connection.
   *
   * **Details**
   *
   * It fails with `OptionsError` for options that cannot be used, with `NoReachableNodeError`, which has the failure of
   * each startup node, when none of them can report the topology, and with `ClusterDisabledError` for a server without
   * cluster mode. The effects for `nodes`, `credentials` and `tls` may have requirements, which are those of the layer.
   *
   * **Gotchas**
   *
   * The layer fails at once when no startup node answers, as at the start of a machine on which the servers start too: the
   * option `startSchedule` tries again. Effect shares a layer by its identity: keep it in a constant, because two calls are
   * two clients with connections of their own.
   *
   * **Example** (Nodes that may start later than the program)
   *
   * ```ts
   * import { Schedule } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const RedisLive = ClusterClient.layer({
   *   nodes: ["redis://127.0.0.1:7000", "redis://127.0.0.1:7001"],
   *   startSchedule: Schedule.max([Schedule.spaced("500 millis"), Schedule.during("1 minute")])
   * })
   * ```
   *
   * @since 0.1.0
   */
  static readonly layer = <N = never, C = never, T = never>(
    options: ClusterOptions.ClusterOptions<N, C, T>
  ): Layer.Layer<ClusterClient, RedisClusterException, N | C | T> =>
    Layer.unwrap(
      Effect.map(resolved<N | C | T>(options), layerConnected)
    )

  /**
   * Makes a client over a given `Connections` service: a fake topology, or another transport. It fails like `layer`, with
   * `OptionsError` or `NoReachableNodeError`.
   *
   * **When to use**
   *
   * Use it under a test double of the network. For a test of a program, `TestCluster.layer` is the client with a cluster in
   * memory.
   *
   * **Example** (Another client over the connections of a test cluster)
   *
   * ```ts
   * import { Layer } from "effect"
   * import { ClusterClient, ReadFrom } from "effect-redis-cluster"
   * import { TestCluster } from "effect-redis-cluster/testing"
   *
   * export const Reader = ClusterClient.layerFromConnections({
   *   nodes: { host: "127.0.0.1", port: 7000 },
   *   readFrom: ReadFrom.replicaPreferred
   * }).pipe(Layer.provide(TestCluster.layer({ replicas: 1 })))
   * ```
   *
   * @since 0.1.0
   */
  static readonly layerFromConnections = <N = never, C = never, T = never>(
    options: ClusterOptions.ClusterOptions<N, C, T>
  ): Layer.Layer<ClusterClient, RedisClusterException, Connections.Connections | N | C | T> =>
    Layer.unwrap(Effect.map(resolved<N | C | T>(options), layerResolved))

  /**
   * Makes a client without a layer, closed with the scope.
   *
   * **When to use**
   *
   * Use it for work that needs another cluster for a while. A client that lives as long as the program is a service:
   * `ClusterClient.layer`, `ClusterClient.named`.
   *
   * **Details**
   *
   * It fails like `layer`: with `OptionsError`, `NoReachableNodeError` or `ClusterDisabledError`. The end of the scope waits
   * up to `drainTimeout` for replies.
   *
   * **Example** (A key is copied to another cluster)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const copy = Effect.fn("copy")(function*(key: string, url: string) {
   *   const redis = yield* ClusterClient
   *   const other = yield* ClusterClient.make({ nodes: url })
   *   const value = yield* redis.get(key)
   *   if (value !== null) yield* other.set(key, value)
   * }, Effect.scoped)
   *
   * export const program = copy("user:1", "redis://127.0.0.1:7000")
   * ```
   *
   * @since 0.1.0
   */
  static readonly make = <N = never, C = never, T = never>(
    options: ClusterOptions.ClusterOptions<N, C, T>
  ): Effect.Effect<ClusterClientShape, RedisClusterException, Scope.Scope | N | C | T> =>
    Effect.map(Layer.build(ClusterClient.layer(options)), (context) => Context.get(context, ClusterClient))

  /**
   * Connects to a cluster with options from `Config`: one config of all options (`ClusterConfig.options`), or a config
   * for each option.
   *
   * **When to use**
   *
   * Use it when the options stand among those of the program, in a file or under names of its own. `layerEnv` is the same with the usual
   * variables and with defaults.
   *
   * **Details**
   *
   * It fails with a `ConfigError` when a value is missing or invalid, and otherwise like `layer`, with a `RedisClusterException`.
   *
   * **Example** (One option from a variable, the rest from code)
   *
   * ```ts
   * import { Config } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const client = ClusterClient.layerConfig({ nodes: Config.String("CACHE_NODE"), clientName: Config.succeed("shop") })
   * ```
   *
   * @since 0.1.0
   */
  static readonly layerConfig = (
    config: Config.Wrap<ClusterOptions.ClusterOptions>
  ): Layer.Layer<ClusterClient, RedisClusterException | Config.ConfigError> =>
    Layer.unwrap(Effect.map(configured(config), ClusterClient.layer))

  /**
   * Connects to a cluster with options from the environment, by the variables that `ClusterConfig` lists (`REDIS_URL`,
   * `REDIS_PASSWORD` and so on).
   *
   * **When to use**
   *
   * Use it for a program whose deployment decides: each option is a variable, and `defaults` has those that the program knows better, or
   * that fit into no variable (functions, schedules). For other names or sources use `layerConfig`.
   *
   * **Details**
   *
   * `defaults` are the values of options for which no variable is set. `prefix` is the first part of the variables'
   * names, by default `REDIS`. It fails with a `ConfigError` when no node is given or a value is invalid, with an
   * `OptionsError` for an option of `layerEnv` that does not exist, and otherwise like `layer`.
   *
   * **Gotchas**
   *
   * A variable wins over `defaults`. A bare number is no duration: `REDIS_COMMAND_TIMEOUT="500 millis"`.
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
  static readonly layerEnv = (
    environment: Environment = {}
  ): Layer.Layer<ClusterClient, RedisClusterException | Config.ConfigError> =>
    Layer.unwrap(Effect.map(optionsFrom(environment), ClusterClient.layer))

  /**
   * Makes a client that has only the given members, for tests.
   *
   * **When to use**
   *
   * Use it to say how a few calls end. `TestCluster` behaves like servers.
   *
   * **Details**
   *
   * Methods of commands give `Command.succeed`, `Command.fail` or `Command.fromEffect`. A pipeline runs its entries one
   * after the other. The layer does not fail.
   *
   * **Gotchas**
   *
   * Every other member dies when it is run, and says its name. Commands of builders (`Strings.get("k")`) need the member
   * `execute`.
   *
   * **Example** (The third GET fails)
   *
   * ```ts
   * import { ClusterClient, Command } from "effect-redis-cluster"
   *
   * let calls = 0
   * export const client = ClusterClient.layerMock({
   *   get: (key) => Command.succeed(++calls < 3 ? `value of ${key}` : null)
   * })
   * ```
   *
   * @since 0.1.0
   */
  static readonly layerMock = (members: Partial<ClusterClientShape>): Layer.Layer<ClusterClient> =>
    Layer.mock(ClusterClient, { ...Mock.members, ...members })

  /**
   * Makes a service of its own for a client, for programs that have several clusters.
   *
   * **Details**
   *
   * `layer`, `layerConfig` and `layerEnv` are those of `ClusterClient`. `provide` runs an effect that requires
   * `ClusterClient` (a command of a builder, a lock, an integration) on this client, and `layerAsDefault` does it for a layer.
   * The spans, the log and the metrics of the client carry its id as `redis.client`, beside what the option `attributes` says. With
   * `{ "redis.client": "cache" }` that option replaces the id. Its layers fail like those of `ClusterClient`, with a `RedisClusterException`.
   *
   * **Gotchas**
   *
   * `yield* Strings.get("page")` runs on `ClusterClient`, not on the named client: pipe it to `provide`, or use the method `cache.get`.
   * A region of all clients (`Command.withTimeout`, `ReadFrom.withPolicy`) concerns both; `cache.region(...)` concerns one.
   *
   * **Example** (A cache beside the main cluster)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient, Lock, Strings } from "effect-redis-cluster"
   *
   * class Cache extends ClusterClient.named<Cache>()("app/Cache") {}
   *
   * const program = Effect.gen(function*() {
   *   const cache = yield* Cache
   *   yield* cache.set("page", "<p>hello</p>")
   *   return yield* Strings.get("page").pipe(Lock.withLock("{page}lock", { ttl: "10 seconds" }), Cache.provide)
   * })
   *
   * export const runnable = program.pipe(Effect.provide(Cache.layer({ nodes: "redis://127.0.0.1:7000" })))
   * ```
   *
   * @since 0.1.0
   */
  static readonly named = <Self>() => <const Id extends string>(id: Id): NamedClient<Self, Id> => {
    const service = Context.Service<Self, ClusterClientShape>()(id)
    const layer = <N = never, C = never, T = never>(
      options: ClusterOptions.ClusterOptions<N, C, T>
    ): Layer.Layer<Self, RedisClusterException, Exclude<N | C | T, Scope.Scope>> =>
      Layer.effect(service, ClusterClient.make({ ...options, attributes: attributesOf(id, options.attributes) }))
    const layerConfig: NamedClient<Self, Id>["layerConfig"] = (config) =>
      Layer.unwrap(Effect.map(configured(config), layer))
    return Object.assign(service, {
      layer,
      layerConfig,
      layerEnv: (environment: Environment = {}) => Layer.unwrap(Effect.map(optionsFrom(environment), layer)),
      layerAsDefault: Layer.effect(ClusterClient, service),
      provide: <A, E, R>(self: Effect.Effect<A, E, R>) =>
        Effect.flatMap(service, (client) => Effect.provideService(self, ClusterClient, client))
    })
  }
}

/**
 * The key of a client's own service, with its layers: `class Cache extends ClusterClient.named<Cache>()("app/Cache") {}`.
 */
export interface NamedClient<Self, Id extends string> extends Context.ServiceClass<Self, Id, ClusterClientShape> {
  /** Connects to a cluster. */
  readonly layer: <N = never, C = never, T = never>(
    options: ClusterOptions.ClusterOptions<N, C, T>
  ) => Layer.Layer<Self, RedisClusterException, Exclude<N | C | T, Scope.Scope>>
  /** Connects to a cluster with options from `Config`. */
  readonly layerConfig: (
    config: Config.Wrap<ClusterOptions.ClusterOptions>
  ) => Layer.Layer<Self, RedisClusterException | Config.ConfigError>
  /** Connects to a cluster with options from the environment. */
  readonly layerEnv: (environment?: Environment) => Layer.Layer<Self, RedisClusterException | Config.ConfigError>
  /** This client as the `ClusterClient` of layers that require one. */
  readonly layerAsDefault: Layer.Layer<ClusterClient, never, Self>
  /** Runs an effect that requires `ClusterClient` on this client. */
  readonly provide: <A, E, R>(
    self: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, Exclude<R, ClusterClient> | Self>
}
