/**
 * Effect's `PersistedQueue` on a cluster: all keys of a queue are in one slot, which its name decides. No hash tag is
 * needed, and queues are spread over all nodes.
 *
 * Each queue is a store of Effect itself, with a prefix that keeps its keys in one slot, so that all promises of
 * Effect's queues hold. Two things are added for a cluster: scripts are sent again after a lost connection (each is
 * fenced by its claim, so that it may run twice), and the recovery of elements whose worker died goes on after an
 * outage that outlasts every deadline.
 *
 * This module follows modules of Effect that are marked unstable, and may change with them.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import { Redis } from "effect/persistence/Redis"
import * as RcMap from "effect/RcMap"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { ClusterClient } from "../ClusterClient.ts"
import * as checks from "../internal/checks.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import * as ClusterRedis from "./internal/ClusterRedis.ts"
import { checked, hashTag, startingWith, tagPrefix } from "./internal/namespace.ts"

/**
 * Options of the queues: the beginning of their keys, and their intervals.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface PersistedQueueOptions {
  /** The beginning of all keys, without a brace. Default: `"effectq:"`. */
  readonly prefix?: string | undefined
  /** The pause before a worker looks again into an empty queue. Default: 1 second. */
  readonly pollInterval?: Duration.Input | undefined
  /**
   * The time between two renewals of claims, and between two searches for the claims of dead workers. Default: 30
   * seconds.
   */
  readonly lockRefreshInterval?: Duration.Input | undefined
  /** The time after which the claim of a dead worker ends. Default: 90 seconds. */
  readonly lockExpiration?: Duration.Input | undefined
}

const optionChecks: checks.Checks<PersistedQueueOptions> = {
  prefix: tagPrefix,
  pollInterval: checks.duration(1, true),
  lockRefreshInterval: checks.duration(1, true),
  lockExpiration: checks.duration(1, true)
}

/** The time for which this process keeps the store of a queue that nobody uses. */
const idleTime = Duration.minutes(1)

/**
 * Repeats the script that searches for the claims of dead workers when it fails. Effect's store runs it in a loop that
 * would end with the first error; the script may run at any time.
 */
const untiring = (redis: Redis["Service"]): Redis["Service"] => ({
  ...redis,
  eval: (script) => {
    const call = redis.eval(script)
    const isRecovery = script.lua.includes("HGETALL")
    return (...params) => isRecovery ? Effect.retry(call(...params), Schedule.spaced("1 second")) : call(...params)
  }
})

const make = Effect.fnUntraced(function*(options: PersistedQueueOptions) {
  const { prefix = "effectq:" } = yield* checked("PersistedQueueRedis", options, optionChecks)
  const client = yield* ClusterClient
  const redis = untiring(yield* ClusterRedis.make({ repeatScripts: true }))

  /**
   * The keys are `prefix{queue}:queue`, `prefix{queue}:lock:...` and so on: Effect's store derives all of them from
   * the prefix.
   */
  const stores = yield* RcMap.make({
    lookup: (tag: string) =>
      Effect.provideService(PersistedQueue.makeStoreRedis({ ...options, prefix: `${prefix}${tag}:` }), Redis, redis),
    idleTimeToLive: idleTime
  })

  /** The queues of the cluster: those that have elements, or remember ids. */
  const tags = client.scanStream({ match: startingWith(`${prefix}{`) }).pipe(
    Stream.map((key) => key.slice(prefix.length, key.indexOf("}", prefix.length) + 1)),
    Stream.runFold(() => new Set<string>(), (found, tag) => tag === "" ? found : found.add(tag)),
    Effect.mapError((cause) =>
      new PersistedQueue.PersistedQueueError({ message: "Failed to find the queues to clean up", cause })
    )
  )

  return PersistedQueue.PersistedQueueStore.of({
    offer: (given) =>
      Effect.scoped(Effect.flatMap(RcMap.get(stores, hashTag(given.name)), (store) => store.offer(given))),
    take: (given) => Effect.flatMap(RcMap.get(stores, hashTag(given.name)), (store) => store.take(given)),
    cleanup: (given) =>
      Effect.flatMap(tags, (found) =>
        Effect.forEach(
          found,
          (tag) => Effect.scoped(Effect.flatMap(RcMap.get(stores, tag), (store) => store.cleanup(given))),
          { concurrency: 16, discard: true }
        ))
  })
})

/**
 * Provides Effect's `PersistedQueueStore` on a cluster. It fails with `OptionsError` when the prefix has a brace or a time cannot be
 * used. Its methods fail with Effect's `PersistedQueueError`.
 *
 * **Gotchas**
 *
 * An `offer` without an id is sent once: when its outcome is unknown it fails, and the element may be in the queue. An
 * `offer` with an id is repeated, and the element is in the queue once. `lockExpiration` has to be longer than
 * `lockRefreshInterval`, or a worker loses its claim while it works.
 *
 * **Example** (The store alone)
 *
 * ```ts
 * import * as PersistedQueueRedis from "effect-redis-cluster/integrations/PersistedQueueRedis"
 *
 * export const store = PersistedQueueRedis.layerStore({ lockExpiration: "30 seconds" })
 * ```
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layerStore = (
  options: PersistedQueueOptions = {}
): Layer.Layer<PersistedQueue.PersistedQueueStore, RedisClusterException, ClusterClient> =>
  Layer.effect(PersistedQueue.PersistedQueueStore, make(options))

/**
 * Provides Effect's `PersistedQueueFactory` on a cluster, for `PersistedQueue.make`. It fails like `layerStore`, with `OptionsError`.
 *
 * **Example** (With other times)
 *
 * ```ts
 * import * as PersistedQueueRedis from "effect-redis-cluster/integrations/PersistedQueueRedis"
 *
 * export const queues = PersistedQueueRedis.layer({ pollInterval: "500 millis" })
 * ```
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: PersistedQueueOptions
): Layer.Layer<PersistedQueue.PersistedQueueFactory, RedisClusterException, ClusterClient> =>
  Layer.provide(PersistedQueue.layer, layerStore(options))
