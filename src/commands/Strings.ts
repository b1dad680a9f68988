/**
 * Strings and counters.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { type Call, call, type Entries, type Integer, type Lifetime, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { addExpiry } from "./expiry.ts"
import { allKeys, counted, everyOther, firstTwo } from "./keys.ts"
import type { Exact, ExpiryOrKeep, ExpiryOrPersist, Given, When, With, Without } from "./Options.ts"
import { parameters } from "./parameters/Strings.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * A condition on the value of a key: equal to or different from a text (`ifEq` on Valkey since 8.1 and Redis since
 * 8.4, `ifNe` on Redis since 8.4), or from a text with a given digest (Redis since 8.4, see `digest`).
 *
 * @category models
 * @since 0.1.0
 */
export type ValueCondition =
  | {
    /** The present value has to be equal to this one. Redis 8.4, Valkey 8.1. */
    readonly ifEq: Value
  }
  | {
    /** The present value has to differ from this one. Redis 8.4. */
    readonly ifNe: Value
  }
  | {
    /** The digest of the present value (see `digest`) has to be equal to this one. Redis 8.4. */
    readonly ifDigestEq: Argument
  }
  | {
    /** The digest of the present value (see `digest`) has to differ from this one. Redis 8.4. */
    readonly ifDigestNe: Argument
  }

/**
 * Options of `set`.
 *
 * @category models
 * @since 0.1.0
 */
export type SetOptions = ExpiryOrKeep & {
  /** Set only if the key does not exist (`NX`), only if it does (`XX`), or only if its value meets a condition. */
  readonly condition?: "NX" | "XX" | ValueCondition | undefined
  /** Return the former value of the key in the place of `"OK"`. */
  readonly get?: boolean | undefined
}

/**
 * The reply of `set`: `"OK"`, with a condition `null` when it was not met; with `get` the previous value.
 *
 * @category models
 * @since 0.1.0
 */
export type SetReply<O> = When<O, "get", string | null, Given<O, "condition", "OK" | null, "OK">>

/**
 * Options of `msetex`.
 *
 * @category models
 * @since 0.1.0
 */
export type MsetexOptions = ExpiryOrKeep & {
  /** Set only if none of the keys exists (`NX`), or only if all do (`XX`). */
  readonly condition?: "NX" | "XX" | undefined
}

/**
 * The options of `lcs`, one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface LcsFlags {
  /** Return the length of the common subsequence only. Not with `idx`. */
  readonly len?: boolean | undefined
  /** Return the positions of the matches. */
  readonly idx?: boolean | undefined
  /** Leave out matches that are shorter; needs `idx`. Default: 0. */
  readonly minMatchLength?: number | undefined
}

/**
 * Options of `lcs`.
 *
 * @category models
 * @since 0.1.0
 */
export type LcsOptions =
  & LcsFlags
  & ((Without<"idx", false> & Without<"minMatchLength">) | (With<"idx", true> & Without<"len", false>))

/**
 * A match of two strings: the first and the last position in each, and the length.
 *
 * @category models
 * @since 0.1.0
 */
export interface LcsMatch {
  readonly first: readonly [start: number, end: number]
  readonly second: readonly [start: number, end: number]
  readonly length: number
}

/**
 * The matches of two strings, the last match first, and the length of the longest common subsequence.
 *
 * @category models
 * @since 0.1.0
 */
export interface LcsMatches {
  readonly matches: ReadonlyArray<LcsMatch>
  readonly length: number
}

/**
 * The reply of `lcs`: the common subsequence, its length with `len`, the matches with `idx`.
 *
 * @category models
 * @since 0.1.0
 */
export type LcsReply<O> = When<O, "idx", LcsMatches, When<O, "len", number, string>>

/**
 * The methods of the commands on strings.
 *
 * @category models
 * @since 0.1.0
 */
export interface StringCommands<S extends Surface> {
  /** Appends to the string at `key`, which starts out empty if there is none. Returns the new length in bytes. Since 2.0.0. O(1) amortised. */
  append(key: Argument, value: Value): Returns<S, number>
  /** Subtracts one from the integer at `key` (0 if there is none). Returns the new value. Since 1.0.0. O(1). */
  decr(key: Argument): Returns<S, number>
  /** Subtracts from the integer at `key` (0 if there is none). Returns the new value. Since 1.0.0. O(1). */
  decrby(key: Argument, decrement: Integer): Returns<S, number>
  /** Deletes `key`, with a condition only if its value meets it. Returns whether it was deleted. Redis 8.4. O(1), with a digest O(N) in the length of the value. */
  delex(key: Argument, condition?: ValueCondition): Returns<S, boolean>
  /**
   * Deletes `key` if its value is exactly `value`: to release a lock, for example. Returns whether it was deleted.
   * Valkey 9.0. O(1).
   */
  delifeq(key: Argument, value: Value): Returns<S, boolean>
  /** The hash of the value at `key` in hexadecimal, for the digest conditions; `null` if there is none. Redis 8.4. O(N) in the length of the value. */
  digest(key: Argument): Returns<S, string | null>
  /** The value of `key`, `null` if there is none. Since 1.0.0. O(1). */
  get(key: Argument): Returns<S, string | null>
  /** Deletes `key` and returns its value; `null` if there is none. Since 6.2.0. O(1). */
  getdel(key: Argument): Returns<S, string | null>
  /**
   * Returns the value of `key`, `null` if there is none, and sets a new expiry (`persist` removes the expiry). Since
   * 6.2.0. O(1).
   */
  getex(key: Argument, options?: ExpiryOrPersist): Returns<S, string | null>
  /** The part of the string from `start` to `end`, both included, in bytes; negative positions count from the end. Empty if there is no key. Since 2.4.0. O(N) in the length of the part. */
  getrange(key: Argument, start: Integer, end: Integer): Returns<S, string>
  /**
   * Sets `key` and returns its former value, `null` if there was none. It is the same as `set` with `get`. Since
   * 1.0.0. O(1).
   */
  getset(key: Argument, value: Value): Returns<S, string | null>
  /**
   * Adds one to the integer at `key` (0 if there is none). Returns the new value; beyond 2^53 - 1 that fails with a
   * `DecodeError`, `Command.bigint` reads it. The increment itself has happened either way. Since 1.0.0. O(1).
   */
  incr(key: Argument): Returns<S, number>
  /** Adds to the integer at `key` (0 if there is none). Returns the new value, see `incr`. Since 1.0.0. O(1). */
  incrby(key: Argument, increment: Integer): Returns<S, number>
  /** Adds to the number at `key` (0 if there is none), which is kept as a decimal. Returns the new value. Since 2.6.0. O(1). */
  incrbyfloat(key: Argument, increment: number): Returns<S, number>
  /**
   * The longest common subsequence of two strings: its text, its length (`len`), or its positions (`idx`). Since
   * 7.0.0. O(N*M) in their lengths.
   */
  lcs<const O extends LcsOptions = {}>(
    key1: Argument,
    key2: Argument,
    options?: Exact<O, LcsOptions>
  ): Returns<S, LcsReply<O>>
  /**
   * The values of keys of one slot, in the order of the keys; `null` for a key that is missing or no string. Since
   * 1.0.0. O(N) keys.
   */
  mget(keys: ReadonlyArray<Argument>): Returns<S, ReadonlyArray<string | null>>
  /** Sets keys of one slot, all at once. Since 1.0.1. O(N) keys. */
  mset(entries: Entries<Value>): Returns<S, "OK">
  /** Sets keys of one slot, all or none: a condition holds for all of them. Returns whether they were set. Redis 8.4, Valkey 9.1. O(N) keys. */
  msetex(entries: Entries<Value>, options?: MsetexOptions): Returns<S, boolean>
  /** Sets keys of one slot if none of them exists. Returns whether they were set. Since 1.0.1. O(N) keys. */
  msetnx(entries: Entries<Value>): Returns<S, boolean>
  /** Sets `key` for a time, in milliseconds. It is the same as `set` with `expire`. Since 2.6.0. O(1). */
  psetex(key: Argument, expire: Lifetime, value: Value): Returns<S, "OK">
  /**
   * Sets `key`, whatever its former type, and removes its expiry unless an option says otherwise. Returns `"OK"`; with
   * a condition `null` when it was not met; with `get` the previous value, `null` if there was none. Since 1.0.0.
   * O(1).
   */
  set<const O extends SetOptions = {}>(
    key: Argument,
    value: Value,
    options?: Exact<O, SetOptions>
  ): Returns<S, SetReply<O>>
  /** Sets `key` for a time, in whole seconds. It is the same as `set` with `expire`. Since 2.0.0. O(1). */
  setex(key: Argument, expire: Lifetime, value: Value): Returns<S, "OK">
  /** Sets `key` if it does not exist. Returns whether it was set. It is the same as `set` with the condition `NX`. Since 1.0.0. O(1). */
  setnx(key: Argument, value: Value): Returns<S, boolean>
  /** Overwrites the string from `offset` (in bytes) on, filled up with zero bytes if it is shorter. Returns the new length. Since 2.2.0. O(1), plus the copying. */
  setrange(key: Argument, offset: number, value: Value): Returns<S, number>
  /** The length of the string in bytes, 0 if there is none. Since 2.2.0. O(1). */
  strlen(key: Argument): Returns<S, number>
  /** The old name of `getrange`. Since 1.0.0. O(N) in the length of the part. */
  substr(key: Argument, start: Integer, end: Integer): Returns<S, string>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const APPEND = new CommandSpec("APPEND", write)
const DECR = new CommandSpec("DECR", write)
const DECRBY = new CommandSpec("DECRBY", write)
const DELEX = new CommandSpec("DELEX", write)
const DELIFEQ = new CommandSpec("DELIFEQ", write)
const DIGEST = new CommandSpec("DIGEST", read)
const GET = new CommandSpec("GET", read)
const GETDEL = new CommandSpec("GETDEL", write)
const GETEX = new CommandSpec("GETEX", write)
const GETRANGE = new CommandSpec("GETRANGE", read)
const GETSET = new CommandSpec("GETSET", write)
const INCR = new CommandSpec("INCR", write)
const INCRBY = new CommandSpec("INCRBY", write)
const INCRBYFLOAT = new CommandSpec("INCRBYFLOAT", write)
const LCS = new CommandSpec("LCS", { keys: firstTwo, readonly: true })
const MGET = new CommandSpec("MGET", { keys: allKeys, readonly: true })
const MSET = new CommandSpec("MSET", { keys: everyOther })
const MSETEX = new CommandSpec("MSETEX", { keys: counted(0, 2) })
const MSETNX = new CommandSpec("MSETNX", { keys: everyOther })
const PSETEX = new CommandSpec("PSETEX", write)
const SET = new CommandSpec("SET", write)
const SETEX = new CommandSpec("SETEX", write)
const SETNX = new CommandSpec("SETNX", write)
const SETRANGE = new CommandSpec("SETRANGE", write)
const STRLEN = new CommandSpec("STRLEN", read)
const SUBSTR = new CommandSpec("SUBSTR", read)

const addCondition = (self: Call, condition: ValueCondition): Call =>
  "ifEq" in condition ?
    self.option("IFEQ", condition.ifEq)
    : "ifNe" in condition ?
    self.option("IFNE", condition.ifNe)
    : "ifDigestEq" in condition ?
    self.option("IFDEQ", condition.ifDigestEq)
    : self.option("IFDNE", condition.ifDigestNe)

const setWith = (key: Argument, value: Value, options: SetOptions) => {
  const self = call(SET, key).value(value)
  if (typeof options.condition === "string") self.add(options.condition)
  else if (options.condition !== undefined) addCondition(self, options.condition)
  self.flag("GET", options.get)
  return addExpiry(self, options).to(
    decode.chosen(
      options.get === true ? decode.stringOrNull : options.condition === undefined ? decode.ok : decode.okOrNull
    )
  )
}

const position = decode.tuple(decode.integer, decode.integer)

const lcsMatch: decode.Decoder<LcsMatch> = decode.map(
  decode.tuple(position, position, decode.integer),
  ([first, second, length]) => ({ first, second, length })
)

const lcsMatches = decode.struct<LcsMatches>({
  matches: decode.field("matches", decode.arrayOf(lcsMatch)),
  length: decode.field("len", decode.integer)
})

/**
 * The builders of the commands on strings: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Strings: StringCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  append: (key, value) => call(APPEND, key).value(value).to(decode.integer),
  decr: (key) => make(DECR, [key], decode.integer),
  decrby: (key, decrement) => call(DECRBY, key).integer("decrement", decrement).to(decode.integer),
  delex: (key, condition) =>
    (condition === undefined ? call(DELEX, key) : addCondition(call(DELEX, key), condition)).to(decode.boolean),
  delifeq: (key, value) => call(DELIFEQ, key).value(value).to(decode.boolean),
  digest: (key) => make(DIGEST, [key], decode.stringOrNull),
  get: (key) => make(GET, [key], decode.stringOrNull),
  getdel: (key) => make(GETDEL, [key], decode.stringOrNull),
  getex: (key, options = {}) => addExpiry(call(GETEX, key), options).to(decode.stringOrNull),
  getrange: (key, start, end) => call(GETRANGE, key).integer("start", start).integer("end", end).to(decode.string),
  getset: (key, value) => call(GETSET, key).value(value).to(decode.stringOrNull),
  incr: (key) => make(INCR, [key], decode.integer),
  incrby: (key, increment) => call(INCRBY, key).integer("increment", increment).to(decode.integer),
  incrbyfloat: (key, increment) => call(INCRBYFLOAT, key).double("increment", increment).to(decode.double),
  lcs: (key1, key2, options: LcsOptions = {}) => {
    const self = call(LCS, key1, key2)
    if (options.idx === true) {
      return self.add("IDX")
        .integerOption("MINMATCHLEN", "minMatchLength", options.minMatchLength, 0)
        .add("WITHMATCHLEN")
        .to(decode.chosen(lcsMatches))
    }
    return options.len === true
      ? self.add("LEN").to(decode.chosen(decode.integer))
      : self.to(decode.chosen(decode.string))
  },
  mget: (keys) => call(MGET).many("keys", keys).to(decode.stringsOrNull),
  mset: (entries) => call(MSET).entries("entries", entries).to(decode.ok),
  msetex: (entries, options = {}) => {
    const self = call(MSETEX).entries("entries", entries, true)
    if (options.condition !== undefined) self.add(options.condition)
    return addExpiry(self, options).to(decode.boolean)
  },
  msetnx: (entries) => call(MSETNX).entries("entries", entries).to(decode.boolean),
  psetex: (key, expire, value) => call(PSETEX, key).milliseconds("expire", expire).value(value).to(decode.ok),
  set: (key, value, options?: SetOptions) =>
    options !== undefined
      ? setWith(key, value, options)
      : typeof value === "string"
      ? make(SET, [key, value], decode.chosen(decode.ok))
      : call(SET, key).value(value).to(decode.chosen(decode.ok)),
  setex: (key, expire, value) => call(SETEX, key).seconds("expire", expire, "psetex").value(value).to(decode.ok),
  setnx: (key, value) => call(SETNX, key).value(value).to(decode.boolean),
  setrange: (key, offset, value) => call(SETRANGE, key).integer("offset", offset, 0).value(value).to(decode.integer),
  strlen: (key) => make(STRLEN, [key], decode.integer),
  substr: (key, start, end) => call(SUBSTR, key).integer("start", start).integer("end", end).to(decode.string)
})
