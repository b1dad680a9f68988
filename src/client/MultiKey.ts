/** Multi-key commands over any slots. */
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Entries, Integer, Value } from "../commands/Call.ts"
import { bytes, type Command } from "../commands/Command.ts"
import { Generic } from "../commands/Generic.ts"
import type { Exact, When } from "../commands/Options.ts"
import { Strings } from "../commands/Strings.ts"
import type { Argument } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Router } from "../routing/Router.ts"
import * as Nonatomic from "./Nonatomic.ts"

export interface MultiKeyMembers {
  /**
   * The values of keys of any slots, in the order of the keys. Not atomic: each slot is read by a command of its own.
   */
  readonly mgetNonatomic: <const O extends { readonly bytes?: boolean | undefined } = {}>(
    keys: ReadonlyArray<Argument>,
    options?: Exact<O, { readonly bytes?: boolean | undefined }>
  ) => Effect.Effect<Array<When<O, "bytes", Uint8Array, string> | null>, RedisClusterException>
  /** Sets keys of any slots. Not atomic: each slot is written by a command of its own. */
  readonly msetNonatomic: (
    entries: Entries<Value>
  ) => Effect.Effect<"OK", RedisClusterException>
  /** Deletes keys of any slots. The result is the number of keys that existed. */
  readonly delNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>
  /** Unlinks keys of any slots. The result is the number of keys that existed. */
  readonly unlinkNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>
  /** The number of keys, of any slots, that exist. */
  readonly existsNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>
  /** Touches keys of any slots. The result is the number of keys that existed. */
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
    mgetNonatomic: (keys: ReadonlyArray<Argument>, options: { readonly bytes?: boolean | undefined } = {}) => {
      const values = Nonatomic.run(
        sender,
        keys,
        (positions): Command<ReadonlyArray<string | Uint8Array | null>> => {
          const mget = Strings.mget(positions.map((i) => keys[i]))
          return options?.bytes === true ? bytes(mget) : mget
        },
        Nonatomic.inOrder(keys)
      )
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
