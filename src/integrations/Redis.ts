/**
 * Effect's `Redis` service on a cluster, on which Effect's own persistence modules, and libraries for `Redis`, run.
 *
 * Keys are never rewritten. A script, and any other command that is not listed in the documentation of `layer`, runs
 * on one slot. For stores of Effect that use several keys, put their prefix in braces, or use the cluster-safe stores
 * beside this module.
 *
 * This module follows modules of Effect that are marked unstable, and may change with them.
 *
 * **Example** (A circuit breaker that all processes share)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 * import * as Redis from "effect-redis-cluster/integrations/Redis"
 * import { CircuitBreaker } from "effect/persistence"
 *
 * const StoreLive = CircuitBreaker.layerStoreRedis().pipe(
 *   Layer.provide(Redis.layer()),
 *   Layer.provide(ClusterClient.layer({ nodes: ["redis://127.0.0.1:7000"] }))
 * )
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type PoolOptions, Redis } from "effect/persistence/Redis"
import type { ClusterClient } from "../ClusterClient.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import * as ClusterRedis from "./internal/ClusterRedis.ts"

/**
 * Provides Effect's `Redis` over a `ClusterClient`. The layer fails with an `OptionsError` for options that cannot be used, and does not
 * fail without options; the methods fail with Effect's `RedisError`, whose `cause` is a `RedisClusterException`, and which has the server's code in its text.
 *
 * **Details**
 *
 * - A command goes to the node of its keys, and follows redirects. `MGET`, `DEL`, `UNLINK`, `EXISTS`, `TOUCH` and
 *   `MSET` are split by slot and put together again: not atomic beyond one slot.
 * - `KEYS`, `DBSIZE`, `FLUSHALL`, `FLUSHDB` and similar commands run on all primaries. The replies of commands that
 *   each node answers for itself (`INFO`) become one list of addresses and replies, in turns.
 * - `SCAN` goes over all primaries with one cursor, a text that is `"0"` only at the end. With a hash tag in `MATCH`
 *   it goes only to the node that can have such keys.
 * - `SCRIPT LOAD` sends nothing: the client keeps the source, and loads it into each node that lacks it when the
 *   script is called there.
 * - `reserve` gives dedicated connections to the nodes that its commands need, opened on demand; `MULTI` cannot run
 *   there.
 * - `subscribe` is live when its effect ends, and survives failovers and lost connections; messages that were
 *   published in between may be missing.
 * - Replies have the shape of RESP2, whatever the protocol of the client.
 *
 * **Gotchas**
 *
 * Keys are never rewritten: a script of Effect that uses several keys needs a prefix in braces, which puts all of them on one node.
 * The stores beside this module need none.
 *
 * **Example** (For Effect's own modules)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 * import * as ClusterRedis from "effect-redis-cluster/integrations/Redis"
 *
 * export const redis = Layer.provide(ClusterRedis.layer(), ClusterClient.layer({ nodes: "redis://127.0.0.1:7000" }))
 * ```
 *
 * @param options the pool behind `reserve`, as in Effect
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer: {
  (): Layer.Layer<Redis, never, ClusterClient>
  (options: PoolOptions | undefined): Layer.Layer<Redis, RedisClusterException, ClusterClient>
} = (options?: PoolOptions): Layer.Layer<Redis, never, ClusterClient> =>
  Layer.effect(
    Redis,
    Effect.flatMap(
      // Without options there is nothing to refuse.
      ClusterRedis.checkedPool("Redis.layer", options) as Effect.Effect<PoolOptions>,
      (pool) => ClusterRedis.make({ repeatScripts: false, pool })
    )
  )
