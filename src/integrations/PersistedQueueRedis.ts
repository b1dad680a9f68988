/**
 * Effect's `PersistedQueue` on a cluster: each queue has a slot of its own choosing, and all that belongs to it is there. No
 * hash tag is needed, and queues are spread over all nodes.
 *
 * It is Effect's own store, one for each queue, with a prefix that holds the queue together; so what Effect promises of its
 * queues is promised here. What is added is what a cluster needs: its scripts are repeated when a connection was lost on the
 * way (they are fenced by the claim they belong to, twice does no harm), and the recovery of elements whose worker died goes
 * on after an outage that outlasts every deadline.
 *
 * This module follows modules of Effect that are marked unstable: it may change when they do.
 *
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
 * @category models
 * @since 0.1.0
 */
export interface PersistedQueueOptions {
  /** What all keys begin with; no brace. Default: `"effectq:"`. */
  readonly prefix?: string | undefined
  /** How long a worker waits before it looks again into a queue that was empty. Default: 1 second. */
  readonly pollInterval?: Duration.Input | undefined
  /** How often claims are renewed, and those of dead workers looked for. Default: 30 seconds. */
  readonly lockRefreshInterval?: Duration.Input | undefined
  /** How long a claim outlives a worker that died. Default: 90 seconds. */
  readonly lockExpiration?: Duration.Input | undefined
}

const optionChecks: checks.Checks<PersistedQueueOptions> = {
  prefix: tagPrefix,
  pollInterval: checks.duration(1, true),
  lockRefreshInterval: checks.duration(1, true),
  lockExpiration: checks.duration(1, true)
}

/** How long a queue that nobody uses keeps what this process has for it. */
const idleTime = Duration.minutes(1)

/**
 * Effect's store looks for the claims of dead workers in a loop that ends with the first error. The script that walks all
 * claims is told by that; it can be repeated at any time.
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

  /** `prefix{queue}:queue`, and `prefix{queue}:lock:...`: Effect's store makes all keys of the prefix. */
  const stores = yield* RcMap.make({
    lookup: (tag: string) =>
      Effect.provideService(PersistedQueue.makeStoreRedis({ ...options, prefix: `${prefix}${tag}:` }), Redis, redis),
    idleTimeToLive: idleTime
  })

  /** The queues that there are in the cluster: those that have elements, or remember ids. */
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
 * The store alone. Fails with `OptionsError` when the prefix has a brace.
 *
 * `offer` without an id is sent once: when its fate is unknown it fails, and the element may be in the queue. With an id it
 * is repeated, and the element is in the queue once.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStore = (
  options: PersistedQueueOptions = {}
): Layer.Layer<PersistedQueue.PersistedQueueStore, RedisClusterException, ClusterClient> =>
  Layer.effect(PersistedQueue.PersistedQueueStore, make(options))

/**
 * `PersistedQueueFactory` on a cluster.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: PersistedQueueOptions
): Layer.Layer<PersistedQueue.PersistedQueueFactory, RedisClusterException, ClusterClient> =>
  Layer.provide(PersistedQueue.layer, layerStore(options))
