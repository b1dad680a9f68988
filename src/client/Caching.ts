/** The cache of the client, as programs see it. */
import * as Effect from "effect/Effect"
import { type CacheStatistics, none } from "../caching/CacheStatistics.ts"
import type { Router } from "../routing/Router.ts"

export interface CachingMembers {
  /**
   * The counters of the client's cache: hits, misses, the replies that it holds and those that left it, by reason. All are 0 in a client without
   * the option `cache`. Nothing is sent.
   *
   * **Example** (The share of hits)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const hits = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const { hits, misses } = yield* redis.cacheStatistics
   *   return hits + misses === 0 ? undefined : hits / (hits + misses)
   * })
   * ```
   */
  readonly cacheStatistics: Effect.Effect<CacheStatistics>
}

export const make = (router: Router["Service"]): CachingMembers => ({
  cacheStatistics: Effect.sync(router.cacheStatistics ?? (() => none))
})
