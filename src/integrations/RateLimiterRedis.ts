/**
 * Effect's `RateLimiter` on a cluster: all Redis keys of a limited key are in one slot, which its name decides. No
 * hash tag is needed, and limited keys are spread over all nodes.
 *
 * This module follows modules of Effect that are marked unstable, and may change with them.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"
import { Redis } from "effect/persistence/Redis"
import type { ClusterClient } from "../ClusterClient.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import * as ClusterRedis from "./internal/ClusterRedis.ts"
import { checked, hashTag, tagPrefix } from "./internal/namespace.ts"

/**
 * Options of the rate limiter: the beginning of its keys.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface RateLimiterOptions {
  /** The beginning of all keys, without a brace. Default: `"ratelimiter:"`. */
  readonly prefix?: string | undefined
}

const make = Effect.fnUntraced(function*(options: RateLimiterOptions) {
  const { prefix = "ratelimiter:" } = yield* checked("RateLimiterRedis", options, { prefix: tagPrefix })
  const redis = yield* ClusterRedis.make({ repeatScripts: false })
  const store = yield* Effect.provideService(RateLimiter.makeStoreRedis({ prefix }), Redis, redis)
  /**
   * The options with the key as a hash tag: Effect's store derives its keys from it, so that all of them are in one
   * slot.
   */
  const tagged = <O extends { readonly key: string }>(given: O): O => ({ ...given, key: hashTag(given.key) })
  return RateLimiter.RateLimiterStore.of({
    fixedWindow: (given) => store.fixedWindow(tagged(given)),
    tokenBucket: (given) => store.tokenBucket(tagged(given)),
    adaptiveConsume: (given) => store.adaptiveConsume(tagged(given)),
    adaptiveFeedback: (given) => store.adaptiveFeedback(tagged(given))
  })
})

/**
 * Provides Effect's `RateLimiterStore` on a cluster, with keys that begin with `prefix{key}`. It fails with `OptionsError` when
 * the prefix has a brace. Its methods fail with Effect's `RateLimiterError`.
 *
 * **Gotchas**
 *
 * A call whose connection is lost after it was sent fails and is not repeated: a token may have been taken.
 *
 * **Example** (The store alone)
 *
 * ```ts
 * import * as RateLimiterRedis from "effect-redis-cluster/integrations/RateLimiterRedis"
 *
 * export const store = RateLimiterRedis.layerStore()
 * ```
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layerStore = (
  options: RateLimiterOptions = {}
): Layer.Layer<RateLimiter.RateLimiterStore, RedisClusterException, ClusterClient> =>
  Layer.effect(RateLimiter.RateLimiterStore, make(options))

/**
 * Provides Effect's `RateLimiter` on a cluster, shared by all processes that use it. It fails like `layerStore`, with `OptionsError`.
 *
 * **Example** (Limits for all processes)
 *
 * ```ts
 * import * as RateLimiterRedis from "effect-redis-cluster/integrations/RateLimiterRedis"
 *
 * export const limiter = RateLimiterRedis.layer()
 * ```
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: RateLimiterOptions
): Layer.Layer<RateLimiter.RateLimiter, RedisClusterException, ClusterClient> =>
  Layer.provide(RateLimiter.layer, layerStore(options))
