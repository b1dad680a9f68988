/**
 * Effect's `PersistedCache` with one lookup at a time for each key in all processes.
 *
 * When an entry of a cache expires, many processes look it up at once. Effect's cache lets one fiber of each process
 * do the lookup. With this module only one of all processes does, under a lock, and the others wait for its result.
 *
 * This module follows modules of Effect that are marked unstable, and may change with them.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Persistable from "effect/persistence/Persistable"
import * as PersistedCache from "effect/persistence/PersistedCache"
import * as Persistence from "effect/persistence/Persistence"
import * as PrimaryKey from "effect/PrimaryKey"
import type * as Scope from "effect/Scope"
import { ClusterClient } from "../ClusterClient.ts"
import type { Lifetime } from "../commands/Call.ts"
import * as checks from "../internal/checks.ts"
import * as Lock from "../Lock.ts"
import { checked } from "./internal/namespace.ts"

/**
 * Options of the cache: its store, its memory, and the lock around lookups.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface PersistedCacheOptions<K extends Persistable.Any> {
  /** The id of the store that holds the entries. */
  readonly storeId: string
  /** The time for which an entry lives in the store. */
  readonly timeToLive: Persistable.TimeToLiveFn<K>
  /** The number of entries that this process holds in memory. Default: 1024. */
  readonly inMemoryCapacity?: number | undefined
  /** The time for which this process holds an entry in memory. Default: 10 seconds. */
  readonly inMemoryTTL?: Persistable.TimeToLiveFn<K> | undefined
  /**
   * The time after which the lock of a process that died ends; it is extended while the lookup runs. Default: 10
   * seconds.
   */
  readonly lockTtl?: Lifetime | undefined
  /** The time to wait for the lookup of another process before this process does its own. Default: `"Infinity"`. */
  readonly wait?: Lifetime | undefined
}

const optionChecks: checks.Checks<PersistedCacheOptions<Persistable.Any>> = {
  storeId: checks.text,
  timeToLive: checks.func,
  inMemoryCapacity: checks.integer(1),
  inMemoryTTL: checks.func,
  lockTtl: checks.lifetime(100),
  wait: checks.lifetime(0, false)
}

/**
 * The entry of a key in the store; `undefined` when the entry cannot be read, which the cache around this finds out
 * for itself.
 */
const stored = <K extends Persistable.Any>(store: Persistence.PersistenceStore, key: K) =>
  Effect.catch(store.get(key), () => Effect.undefined) as Effect.Effect<
    // The schemas of the key decode the entry; the cache requires their services.
    Exit.Exit<Persistable.Success<K>, Persistable.Error<K>> | undefined
  >

/**
 * Makes a `PersistedCache` whose lookup runs in one process at a time for each key. The other processes get its
 * result, also an error, as far as `timeToLive` lets the store keep it.
 *
 * **When to use**
 *
 * Use it for lookups that are dear, and that many processes need at once. Where each process may do its own, Effect's
 * `PersistedCache.make` is enough.
 *
 * **Details**
 *
 * The effect does not fail; options that cannot be used are a defect, with an `OptionsError`. The lock protects from load, and correctness does not depend
 * on it: when the lock cannot be acquired within `wait`, when the cluster does not answer, or when the lock is lost, the lookup runs
 * without it.
 *
 * **Gotchas**
 *
 * A lookup may run twice, so that it has to be idempotent. An entry that another process replaces is seen after `inMemoryTTL`.
 *
 * **Example** (One report at a time, however many ask)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import * as PersistedCacheRedis from "effect-redis-cluster/integrations/PersistedCacheRedis"
 * import { Persistable } from "effect/persistence"
 *
 * class Report extends Persistable.Class<{ payload: { readonly day: string } }>()("Report", {
 *   primaryKey: ({ day }) => day,
 *   success: Schema.String
 * }) {}
 *
 * const program = Effect.gen(function*() {
 *   const reports = yield* PersistedCacheRedis.make((report: Report) => Effect.succeed(`report of ${report.day}`), {
 *     storeId: "reports",
 *     timeToLive: () => "1 hour"
 *   })
 *   return yield* reports.get(new Report({ day: "2026-01-01" }))
 * })
 * ```
 *
 * @stability unstable
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<K extends Persistable.Any, R = never>(
  lookup: (key: K) => Effect.Effect<Persistable.Success<K>, Persistable.Error<K>, R>,
  options: PersistedCacheOptions<K>
): Effect.fn.Return<
  PersistedCache.PersistedCache<K>,
  never,
  R | ClusterClient | Persistence.Persistence | Scope.Scope
> {
  const redis = yield* ClusterClient
  const { lockTtl = "10 seconds", wait = "Infinity", ...cacheOptions } = yield* Effect.orDie(
    checked<PersistedCacheOptions<K>>("PersistedCacheRedis", options, optionChecks)
  )
  const store = yield* (yield* Persistence.Persistence).make({
    storeId: options.storeId,
    // All keys of the store are of this type.
    timeToLive: options.timeToLive as (exit: Exit.Exit<unknown, unknown>, key: Persistable.Any) => Duration.Input
  })

  const lookedUp = (key: K): Effect.Effect<Exit.Exit<Persistable.Success<K>, Persistable.Error<K>>, never, R> =>
    Effect.flatMap(stored(store, key), (found) => {
      if (found !== undefined) return Effect.succeed(found)
      // The result is stored before the lock is released, so that the next holder finds it.
      return Effect.tap(Effect.exit(lookup(key)), (exit) =>
        Effect.ignore(
          store.set(key, exit) as Effect.Effect<void, Persistence.PersistenceError>
        ))
    })

  // The lock's key does not begin with the name of the store, or `clear` would remove the lock.
  const lockKey = (key: K): string => `lock:${options.storeId}:${PrimaryKey.value(key)}`

  return yield* PersistedCache.make(
    (key: K) =>
      lookedUp(key).pipe(
        Lock.withLock(lockKey(key), { ttl: lockTtl, wait }),
        Effect.catch(() => lookedUp(key)),
        Effect.provideService(ClusterClient, redis),
        Effect.flatten
      ),
    cacheOptions
  )
})
