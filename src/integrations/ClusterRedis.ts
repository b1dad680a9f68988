/**
 * A cluster client with Effect's `Redis` service on it, from one layer: it takes the place of `NodeRedis.layer` in a
 * program that moves to a cluster.
 *
 * This module follows modules of Effect that are marked unstable, and may change with them.
 *
 * **Example** (One line of a program that used NodeRedis)
 *
 * ```ts
 * import { Layer } from "effect"
 * import * as ClusterRedis from "effect-redis-cluster/integrations/ClusterRedis"
 * import { CircuitBreaker } from "effect/persistence"
 *
 * const RedisLive = ClusterRedis.layer({ nodes: ["redis://127.0.0.1:7000"] })
 *
 * export const StoreLive = Layer.provide(CircuitBreaker.layerStoreRedis(), RedisLive)
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PoolOptions, Redis } from "effect/persistence/Redis"
import { ClusterClient } from "../ClusterClient.ts"
import type { ClusterOptions } from "../ClusterOptions.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { checkedPool } from "./internal/ClusterRedis.ts"
import * as RedisService from "./Redis.ts"

/**
 * Options of `layer`: those of the client, and those of the pool behind `Redis.reserve`.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface ClusterRedisOptions<out NodesR = never, out CredentialsR = never, out TlsR = never>
  extends ClusterOptions<NodesR, CredentialsR, TlsR>
{
  /** The connections behind `Redis.reserve`, as in Effect: their number, and the time after which an unused one is closed. Default: those of Effect. */
  readonly pool?: PoolOptions | undefined
}

/**
 * Connects to a cluster and provides `ClusterClient` and Effect's `Redis` over it.
 *
 * **When to use**
 *
 * Use it in the place of `NodeRedis.layer`. Beside a client that is there, use `Redis.layer`.
 *
 * **Details**
 *
 * It fails like `ClusterClient.layer`, with a `RedisClusterException`. The documentation of `Redis.layer` says how the commands of
 * Effect's `Redis` run on a cluster.
 *
 * **Gotchas**
 *
 * Stores of Effect that use several keys need a prefix in braces, or the cluster-safe stores beside this module.
 *
 * **Example** (In the place of NodeRedis.layer)
 *
 * ```ts
 * import * as ClusterRedis from "effect-redis-cluster/integrations/ClusterRedis"
 *
 * export const redis = ClusterRedis.layer({ nodes: "redis://127.0.0.1:7000" })
 * ```
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer = <N = never, C = never, T = never>(
  given: ClusterRedisOptions<N, C, T>
): Layer.Layer<Redis | ClusterClient, RedisClusterException, N | C | T> => {
  // The client itself refuses a value that is no object of options.
  const { pool, ...options } = given ?? {}
  return Layer.unwrap(Effect.map(
    // Before the client connects.
    checkedPool("ClusterRedis.layer: pool", pool),
    (pool) => Layer.provideMerge(RedisService.layer(pool), ClusterClient.layer(options))
  ))
}

/**
 * Connects to a cluster with options from `Config` and provides `ClusterClient` and Effect's `Redis` over it. The
 * options are one config (`ClusterConfig.options`), or a config for each option. It fails with a `ConfigError` when a value is
 * missing or invalid, and otherwise like `layer`.
 *
 * **Example** (Options from variables)
 *
 * ```ts
 * import { ClusterConfig } from "effect-redis-cluster"
 * import * as ClusterRedis from "effect-redis-cluster/integrations/ClusterRedis"
 *
 * export const redis = ClusterRedis.layerConfig(ClusterConfig.options())
 * ```
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  config: Config.Wrap<ClusterRedisOptions>
): Layer.Layer<Redis | ClusterClient, RedisClusterException | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(config), layer))
