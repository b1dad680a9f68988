/**
 * Effect's `Persistence` on a cluster, without hash tags: the entries of a store are spread over all slots.
 *
 * Keys and values have the form of Effect's own `Persistence.layerRedis`, so that each can read the data of the other.
 *
 * This module follows modules of Effect that are marked unstable, and may change with them.
 *
 * **Example** (Results that outlive the process)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 * import * as PersistenceRedis from "effect-redis-cluster/integrations/PersistenceRedis"
 *
 * const PersistenceLive = PersistenceRedis.layer.pipe(
 *   Layer.provide(ClusterClient.layer({ nodes: ["redis://127.0.0.1:7000"] }))
 * )
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Persistence from "effect/persistence/Persistence"
import { ClusterClient } from "../ClusterClient.ts"
import * as Command from "../commands/Command.ts"
import { Generic } from "../commands/Generic.ts"
import { Strings } from "../commands/Strings.ts"
import { unlinkStartingWith } from "./internal/namespace.ts"

const { BackingPersistence, PersistenceError } = Persistence

/** The beginning of a store's keys, as Effect's own store makes it: no two stores have keys that begin alike. */
const namespaceOf = (storeId: string): string => `${storeId.replace(/[%:]/g, encodeURIComponent)}:`

type Entry = readonly [key: string, value: object, ttl: Duration.Duration | undefined]

const failedTo = (what: string) => (cause: unknown): Persistence.PersistenceError =>
  new PersistenceError({ message: `Failed to ${what}`, cause })

const parse = (text: string): object => JSON.parse(text) as object

/** A stored value; a value that cannot be parsed counts as missing. */
const parseOrNone = (text: string | null): object | undefined => {
  try {
    return text === null ? undefined : parse(text)
  } catch {
    return undefined
  }
}

const make = Effect.gen(function*() {
  const redis = yield* ClusterClient

  const storeOf = (storeId: string): Persistence.BackingPersistenceStore => {
    const namespace = namespaceOf(storeId)
    const prefixed = (key: string): string => `${namespace}${key}`

    /** The command that sets an entry. It is idempotent, because it may set the value twice. */
    const setter = ([key, value, ttl]: Entry): Command.Command<unknown> =>
      Command.idempotent(
        Strings.set(prefixed(key), JSON.stringify(value), ttl === undefined ? undefined : { expire: ttl })
      )
    const setters = (entries: ReadonlyArray<Entry>) =>
      Effect.try({ try: () => entries.map(setter), catch: failedTo("serialize a value") })

    return {
      get: (key) =>
        redis.get(prefixed(key)).pipe(
          Effect.mapError(failedTo("get a key from Redis")),
          Effect.flatMap((text) =>
            text === null
              ? Effect.undefined
              : Effect.try({ try: () => parse(text), catch: failedTo("parse a value from Redis") })
          )
        ),
      getMany: (keys) =>
        Effect.mapBoth(redis.mgetNonatomic(keys.map(prefixed)), {
          onFailure: failedTo("get keys from Redis"),
          // There are as many texts as keys.
          onSuccess: (texts) => texts.map(parseOrNone) as Arr.NonEmptyArray<object | undefined>
        }),
      set: (key, value, ttl) =>
        Effect.flatMap(
          setters([[key, value, ttl]]),
          ([command]) => Effect.mapError(Effect.asVoid(redis.execute(command)), failedTo("set a key in Redis"))
        ),
      setMany: (entries) =>
        Effect.flatMap(
          setters(entries),
          (commands) => Effect.mapError(Effect.asVoid(redis.pipeline(commands)), failedTo("set keys in Redis"))
        ),
      remove: (key) =>
        Effect.mapError(
          Effect.asVoid(redis.execute(Command.idempotent(Generic.unlink([prefixed(key)])))),
          failedTo("remove a key from Redis")
        ),
      clear: Effect.mapError(unlinkStartingWith(redis, namespace), failedTo("clear a store in Redis"))
    }
  }

  return BackingPersistence.of({ make: (storeId) => Effect.sync(() => storeOf(storeId)) })
})

/**
 * Provides Effect's `BackingPersistence` on a cluster. The layer does not fail; the stores fail with Effect's `PersistenceError`.
 *
 * **Details**
 *
 * `getMany` and `setMany` send one message to each node. `clear` removes the entries that existed when it began, from all primaries,
 * whatever happens to nodes and slots meanwhile.
 *
 * **Gotchas**
 *
 * Each entry is written atomically, and all of `setMany` together are not: when some entries fail the effect fails, and the others are
 * written. The cost of `clear` grows with the number of all keys in the cluster.
 *
 * **Example** (For a module that takes the backing)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 * import * as PersistenceRedis from "effect-redis-cluster/integrations/PersistenceRedis"
 *
 * export const backing = Layer.provide(
 *   PersistenceRedis.layerBacking,
 *   ClusterClient.layer({ nodes: "redis://127.0.0.1:7000" })
 * )
 * ```
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layerBacking: Layer.Layer<Persistence.BackingPersistence, never, ClusterClient> = Layer.effect(
  BackingPersistence,
  make
)

/**
 * Provides Effect's `Persistence` on a cluster, for `PersistedCache` and the other modules that build on `Persistence`. The layer does
 * not fail; the stores fail with Effect's `PersistenceError`.
 *
 * **Example** (Beside the client)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 * import * as PersistenceRedis from "effect-redis-cluster/integrations/PersistenceRedis"
 *
 * export const persistence = Layer.provide(
 *   PersistenceRedis.layer,
 *   ClusterClient.layer({ nodes: "redis://127.0.0.1:7000" })
 * )
 * ```
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Persistence.Persistence, never, ClusterClient> = Layer.provide(
  Persistence.layer,
  layerBacking
)
