/** Multi-key commands over any slots. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Entries, Integer, Value } from "../commands/Call.ts"
import { bytes, type Command } from "../commands/Command.ts"
import { Generic } from "../commands/Generic.ts"
import type { Exact, When } from "../commands/Options.ts"
import { Strings } from "../commands/Strings.ts"
import * as checks from "../internal/checks.ts"
import type { Argument } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Router } from "../routing/Router.ts"
import * as Nonatomic from "./Nonatomic.ts"

interface MgetOptions {
  /** Whether the values are bytes. Default: `false`. */
  readonly bytes?: boolean | undefined
  /** The greatest age of a value that the client's cache may give; a bare number is milliseconds. Default: the servers are asked. */
  readonly cached?: Duration.Input | undefined
}

export interface MultiKeyMembers {
  /**
   * Reads the values of keys of any slots, in the order of the keys; `null` for a missing key. Each slot is read by a
   * command of its own, all sent at once. When some of them fail, it fails with a `PartialFailureError`, which has the
   * positions of their keys.
   *
   * **Details**
   *
   * With `cached` each key is read like `redis.get(key).pipe(Command.cached(age))`: the client's cache may answer it, and
   * has the same reply for both.
   *
   * **Gotchas**
   *
   * It is not atomic: values of different slots are of different moments.
   *
   * **Example** (Two users)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const users = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.msetNonatomic({ "user:1": "ada", "user:2": "grace" })
   *   return yield* redis.mgetNonatomic(["user:1", "user:2"]) // Array<string | null>
   * })
   * ```
   */
  readonly mgetNonatomic: <const O extends MgetOptions = {}>(
    keys: ReadonlyArray<Argument>,
    options?: Exact<O, MgetOptions>
  ) => Effect.Effect<Array<When<O, "bytes", Uint8Array, string> | null>, RedisClusterException>
  /**
   * Sets keys of any slots, of a record or a list of pairs. Each slot is written by a command of its own, all sent at once.
   * When some of them fail, it fails with a `PartialFailureError`, which has the positions of their keys.
   *
   * **Gotchas**
   *
   * It is not atomic: when it fails, other keys may have been written.
   *
   * **Example** (Pairs and numbers)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.msetNonatomic([["visits:home", 1], ["visits:shop", 2]])
   * })
   * ```
   */
  readonly msetNonatomic: (
    entries: Entries<Value>
  ) => Effect.Effect<"OK", RedisClusterException>
  /**
   * Deletes keys of any slots. The result is the number of keys that existed. It is not atomic: when it fails with a
   * `PartialFailureError`, other keys may have been deleted.
   *
   * **Example** (Keys that are gone)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return yield* redis.delNonatomic(["user:1", "user:2"]) // number
   * })
   * ```
   */
  readonly delNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>
  /**
   * Unlinks keys of any slots: servers free their memory later. The result is the number of keys that existed. It is not
   * atomic: when it fails with a `PartialFailureError`, other keys may have been unlinked.
   */
  readonly unlinkNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>
  /**
   * Counts the keys, of any slots, that exist. It is not atomic, and fails with a `PartialFailureError` when a part fails.
   *
   * **Gotchas**
   *
   * A key that is named twice counts twice.
   *
   * **Example** (How many are there)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.touchNonatomic(["user:1", "user:2"])
   *   return yield* redis.existsNonatomic(["user:1", "user:2"]) // number
   * })
   * ```
   */
  readonly existsNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>
  /**
   * Touches keys of any slots: they count as used now. The result is the number of keys that existed. It is not atomic,
   * and fails with a `PartialFailureError` when a part fails.
   */
  readonly touchNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>
}

/** A name as it is sent: numbers in decimal. */
const nameOf = (name: Argument | Integer): Argument =>
  typeof name === "number" || typeof name === "bigint" ? String(name) : name

type Pair = readonly [key: Argument, value: Value]

/** The pairs of a record or of an iterable; `undefined` when the value is neither. */
const pairsOf = (entries: Entries<Value>): ReadonlyArray<Pair> | undefined => {
  if (typeof entries !== "object" || entries === null || ArrayBuffer.isView(entries)) return undefined
  if (!(Symbol.iterator in entries)) return Object.entries(entries)
  // An iterator of the program may throw.
  const pairs = Option.getOrUndefined(Option.liftThrowable(() => [...entries])())
  return pairs?.every((pair) => Array.isArray(pair))
    ? pairs.map(([key, value]) => [nameOf(key), value] as const)
    : undefined
}

/** A wrong age fails the command of each key. */
const mgetChecks: checks.Checks<MgetOptions> = { bytes: checks.boolean, cached: checks.anything }

const noEntries = Nonatomic.refused("msetNonatomic: the entries have to be a record of values or a list of pairs")

export const make = (router: Router["Service"]): MultiKeyMembers => {
  const sender: Nonatomic.Sender = {
    pipelineResults: router.pipelineResults,
    refuse: (reason) => router.statistics.refuse(reason)
  }
  const counting = (
    build: (keys: ReadonlyArray<Argument>) => Command<number>
  ): (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException> =>
  (keys) => Nonatomic.run(sender, keys, (positions) => build(positions.map((i) => keys[i])), Nonatomic.total)

  return {
    mgetNonatomic: (keys: ReadonlyArray<Argument>, options: MgetOptions = {}) => {
      const problem = checks.problemOf(options, mgetChecks)
      if (problem !== undefined) return sender.refuse(Nonatomic.refused(`mgetNonatomic: ${problem}`))
      const { bytes: isBytes = false, cached } = options
      type Found = string | Uint8Array | null
      const get = (key: Argument): Command<Found> => isBytes ? bytes(Strings.get(key)) : Strings.get(key)
      const mget = (found: ReadonlyArray<Argument>): Command<ReadonlyArray<Found>> =>
        isBytes ? bytes(Strings.mget(found)) : Strings.mget(found)
      const values = cached === undefined
        ? Nonatomic.run(
          sender,
          keys,
          (positions) => mget(positions.map((i) => keys[i])),
          Nonatomic.inOrder<Found>(keys)
        )
        : Nonatomic.cachedValues(sender, keys, get, cached)
      // The type of the values follows the option.
      return values as Effect.Effect<Array<never>, RedisClusterException>
    },
    msetNonatomic: (entries) => {
      const pairs = pairsOf(entries)
      if (pairs === undefined) return sender.refuse(noEntries)
      return Nonatomic.run(
        sender,
        pairs.map(([key]) => key),
        (positions) => Strings.mset(positions.map((i) => pairs[i])),
        () => "OK" as const
      )
    },
    delNonatomic: counting(Generic.del),
    unlinkNonatomic: counting(Generic.unlink),
    existsNonatomic: counting(Generic.exists),
    touchNonatomic: counting(Generic.touch)
  }
}
