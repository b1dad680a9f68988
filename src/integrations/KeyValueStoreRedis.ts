/**
 * Effect's `KeyValueStore` on a cluster.
 *
 * This module follows modules of Effect that are marked unstable, and may change with them.
 *
 * **Example** (Typed values)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 * import * as KeyValueStoreRedis from "effect-redis-cluster/integrations/KeyValueStoreRedis"
 * import { KeyValueStore } from "effect/persistence"
 *
 * const User = Schema.Struct({ name: Schema.String, age: Schema.Number })
 *
 * const program = Effect.gen(function*() {
 *   const users = KeyValueStore.toSchemaStore(yield* KeyValueStore.KeyValueStore, User)
 *   yield* users.set("1", { name: "ada", age: 36 })
 *   return yield* users.get("1")
 * }).pipe(
 *   Effect.provide(KeyValueStoreRedis.layer({ prefix: "users:", ttl: "1 day" })),
 *   Effect.provide(ClusterClient.layer({ nodes: ["redis://127.0.0.1:7000"] }))
 * )
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Stream from "effect/Stream"
import { ClusterClient } from "../ClusterClient.ts"
import type { Lifetime } from "../commands/Call.ts"
import * as Command from "../commands/Command.ts"
import { Generic } from "../commands/Generic.ts"
import type { Expiry } from "../commands/Options.ts"
import { type SetOptions, Strings } from "../commands/Strings.ts"
import { ConflictError } from "../ConflictError.ts"
import * as checks from "../internal/checks.ts"
import { stackless } from "../internal/stackless.ts"
import type { Argument } from "../protocol/Reply.ts"
import { DecodeError, exception, type RedisClusterException } from "../RedisClusterException.ts"
import { strings } from "../values/StringStorage.ts"
import { readAndSwap } from "../values/Update.ts"
import { checked, startingWith, unlinkStartingWith } from "./internal/namespace.ts"

/**
 * Options of the store: the beginning of its keys, and their time to live.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface KeyValueStoreOptions {
  /**
   * The beginning of all keys of this store, and of no other keys: `clear` deletes every key that begins so. Default:
   * `"kvs:"`.
   */
  readonly prefix?: string | undefined
  /** The time for which an entry lives after it was set or modified. Default: without end. */
  readonly ttl?: Lifetime | undefined
}

const failed = (method: string, key?: string) => (cause: unknown): KeyValueStore.KeyValueStoreError =>
  new KeyValueStore.KeyValueStoreError({
    message: `${method} failed in Redis`,
    method,
    ...(key === undefined ? undefined : { key }),
    cause
  })

const optionChecks: checks.Checks<KeyValueStoreOptions> = {
  prefix: (value) =>
    typeof value === "string" && value !== ""
      ? undefined
      : "a text that is not empty: clear would delete every key of the cluster",
  ttl: (value) =>
    checks.lifetime(1)(value) === undefined
      ? undefined
      : `a finite duration greater than zero such as "1 day"; leave it out for entries that do not expire`
}

/** The most attempts of one `modify`, when others change the value in between each time. */
const modifyTries = 1000

const contended = stackless(() =>
  new ConflictError({
    message:
      `the value was changed by others ${modifyTries} times in a row between reading and writing it; try again later`
  })
)

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const asText = (value: Uint8Array): Effect.Effect<string, RedisClusterException> =>
  Effect.try({
    try: () => utf8.decode(value),
    catch: () =>
      exception(() =>
        new DecodeError({
          message: "the value is not UTF-8, and as text it would be another one: use modifyUint8Array",
          outcome: "NotExecuted"
        })
      )
  })

const asBytes = (value: Uint8Array): Effect.Effect<Uint8Array> => Effect.succeed(value)

const orNone = <A>(value: A | null): A | undefined => value ?? undefined

const make = Effect.fnUntraced(function*(options: KeyValueStoreOptions) {
  const { prefix = "kvs:", ttl } = yield* checked("KeyValueStoreRedis", options, optionChecks)
  const redis = yield* ClusterClient
  const expiry: Expiry = ttl === undefined ? {} : { expire: ttl }
  const named = (key: string): string => `${prefix}${key}`
  const { read, swap } = readAndSwap(redis, strings)

  /**
   * Repeats the modification as long as others change the value in between. The value is compared as bytes, because
   * text may hide a difference.
   */
  const modified = <A extends Argument>(
    key: string,
    as: (value: Uint8Array) => Effect.Effect<A, RedisClusterException>,
    f: (value: A) => A,
    tries = 1
  ): Effect.Effect<A | undefined, ConflictError | RedisClusterException> =>
    Effect.flatMap(read(named(key)), (value) => {
      if (value === null) return Effect.undefined
      return Effect.flatMap(as(value), (present) => {
        const next = f(present)
        return Effect.flatMap(
          swap(named(key), value, next, expiry),
          (isDone) => {
            if (isDone) return Effect.succeed(next)
            return tries < modifyTries ? modified(key, as, f, tries + 1) : Effect.fail(contended)
          }
        )
      })
    })

  const keys = redis.scanStream({ match: startingWith(prefix) }).pipe(
    Stream.map((key) => key.slice(prefix.length)),
    // A scan may give a key twice.
    Stream.runFold(() => new Set<string>(), (found, key) => found.add(key)),
    Effect.map((found) => [...found])
  )
  const text = (key: string) => Strings.get(named(key))
  const bytes = (key: string) => Command.bytes(text(key))

  return KeyValueStore.make({
    get: (key) => Effect.mapBoth(redis.execute(text(key)), { onFailure: failed("get", key), onSuccess: orNone }),
    getUint8Array: (key) =>
      Effect.mapBoth(redis.execute(bytes(key)), { onFailure: failed("getUint8Array", key), onSuccess: orNone }),
    set: (key, value) =>
      Effect.mapError(
        Effect.asVoid(redis.execute(Command.idempotent(Strings.set<SetOptions>(named(key), value, expiry)))),
        failed("set", key)
      ),
    remove: (key) =>
      Effect.mapError(
        Effect.asVoid(redis.execute(Command.idempotent(Generic.unlink([named(key)])))),
        failed("remove", key)
      ),
    has: (key) =>
      Effect.mapBoth(redis.exists([named(key)]), { onFailure: failed("has", key), onSuccess: (count) => count === 1 }),
    modify: (key, f) => Effect.mapError(modified(key, asText, f), failed("modify", key)),
    modifyUint8Array: (key, f) => Effect.mapError(modified(key, asBytes, f), failed("modifyUint8Array", key)),
    clear: Effect.mapError(unlinkStartingWith(redis, prefix), failed("clear")),
    clearPrefix: (start) => Effect.mapError(unlinkStartingWith(redis, named(start)), failed("clearPrefix")),
    keys: Effect.mapError(keys, failed("keys")),
    size: Effect.mapBoth(keys, { onFailure: failed("size"), onSuccess: (found) => found.length }),
    isEmpty: redis.scanStream({ match: startingWith(prefix) }).pipe(
      Stream.runHead,
      Effect.mapBoth({ onFailure: failed("isEmpty"), onSuccess: Option.isNone })
    )
  })
})

/**
 * Provides Effect's `KeyValueStore` on a cluster. The Redis key of an entry is `prefix` followed by the key of the entry;
 * entries are in any slots.
 *
 * **Details**
 *
 * The layer fails with `OptionsError` when the prefix is empty or the time to live cannot be used. The methods fail with Effect's
 * `KeyValueStoreError`, whose `cause` is the exception of the client. The store does more than Effect demands:
 * - bytes are stored as they are
 * - `modify` is atomic: when the value was changed meanwhile, the function is called again with the present value
 * - `clear` deletes the entries that existed when it began, on all primaries; `keys`, `size` and `isEmpty` scan all
 *   primaries, and count each key once
 *
 * **Gotchas**
 *
 * The cost of `clear`, `keys`, `size` and `isEmpty` grows with the number of all keys in the cluster, not with the size of the store.
 * `clear` deletes every key that begins with `prefix`, whoever wrote it.
 *
 * **Example** (Sessions that expire)
 *
 * ```ts
 * import * as KeyValueStoreRedis from "effect-redis-cluster/integrations/KeyValueStoreRedis"
 *
 * export const sessions = KeyValueStoreRedis.layer({ prefix: "session:", ttl: "1 hour" })
 * ```
 *
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: KeyValueStoreOptions = {}
): Layer.Layer<KeyValueStore.KeyValueStore, RedisClusterException, ClusterClient> =>
  Layer.effect(KeyValueStore.KeyValueStore, make(options))
