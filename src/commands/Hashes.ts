/**
 * Hashes: fields with values under one key.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import {
  type Call,
  call,
  type Entries,
  type Instant,
  type Integer,
  type Lifetime,
  type OneOrMore,
  type Value
} from "./Call.ts"
import { checked } from "./checked.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { addExpiry } from "./expiry.ts"
import type { ExpireCondition } from "./Generic.ts"
import type { Exact, ExpiryOrKeep, ExpiryOrPersist, When, With, Without } from "./Options.ts"
import { parameters } from "./parameters/Hashes.ts"
import { addScan, type ScanOptions, type ScanPage, scanPage } from "./scan.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * The options of `hrandfield`, one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface HrandfieldFlags {
  /** The number of different fields; a negative number allows repeats. */
  readonly count?: number | undefined
  /** Return the value of each field, too; needs `count`. */
  readonly withValues?: boolean | undefined
}

/**
 * Options of `hrandfield`.
 *
 * @category models
 * @since 0.1.0
 */
export type HrandfieldOptions = HrandfieldFlags & (Without<"count" | "withValues"> | With<"count", number>)

/**
 * The reply of `hrandfield`: one field or `null`; with `count` a list; with `withValues` pairs of field and value.
 *
 * @category models
 * @since 0.1.0
 */
export type HrandfieldReply<O> = When<
  O,
  "withValues",
  ReadonlyArray<readonly [field: string, value: string]>,
  O extends { readonly count: number } ? ReadonlyArray<string>
    : O extends { readonly count?: undefined } ? string | null
    : string | null | ReadonlyArray<string>
>

/**
 * The result of setting a field's expiry: 1 set, 0 the condition was not met, 2 deleted because the time is past, -2
 * no such field.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldExpiry = number

/**
 * Options of `hsetex`.
 *
 * @category models
 * @since 0.1.0
 */
export type HsetexOptions = ExpiryOrKeep & {
  /** Set only if none of the fields exists (`FNX`), or only if all do (`FXX`). */
  readonly condition?: "FNX" | "FXX" | undefined
  /** Set only if there is no such hash (`NX`), or only if there is (`XX`). Valkey 9.1. */
  readonly keyCondition?: "NX" | "XX" | undefined
}

/**
 * Options of `hscan`.
 *
 * @category models
 * @since 0.1.0
 */
export interface HscanOptions extends ScanOptions {
  /** Only the names of the fields. Redis 7.4, Valkey 8.0. */
  readonly noValues?: boolean | undefined
}

/**
 * The reply of `hscan`: fields with their values, or their names with `noValues`.
 *
 * @category models
 * @since 0.1.0
 */
export type HscanReply<O> = When<O, "noValues", ScanPage<string>, ScanPage<readonly [field: string, value: string]>>

/**
 * The methods of the commands on hashes.
 *
 * @category models
 * @since 0.1.0
 */
export interface HashCommands<S extends Surface> {
  /** Deletes fields, and the hash with its last one. Returns the number of fields that existed. Since 2.0.0. O(N) fields. */
  hdel(key: Argument, fields: OneOrMore<Argument>): Returns<S, number>
  /** Whether the hash has a field. Since 2.0.0. O(1). */
  hexists(key: Argument, field: Argument): Returns<S, boolean>
  /** Lets fields expire after whole seconds. Returns a `FieldExpiry` for each field. Redis 7.4, Valkey 9.0. O(N) fields. */
  hexpire(
    key: Argument,
    after: Lifetime,
    fields: OneOrMore<Argument>,
    condition?: ExpireCondition
  ): Returns<S, ReadonlyArray<FieldExpiry>>
  /** Lets fields expire at a time, to the second. Returns a `FieldExpiry` for each field. Redis 7.4, Valkey 9.0. O(N) fields. */
  hexpireat(
    key: Argument,
    at: Instant,
    fields: OneOrMore<Argument>,
    condition?: ExpireCondition
  ): Returns<S, ReadonlyArray<FieldExpiry>>
  /** The time at which each field expires, in seconds since 1970: -1 without expiry, -2 no such field. Redis 7.4, Valkey 9.0. O(N) fields. */
  hexpiretime(key: Argument, fields: OneOrMore<Argument>): Returns<S, ReadonlyArray<number>>
  /** The value of a field, `null` if there is none. Since 2.0.0. O(1). */
  hget(key: Argument, field: Argument): Returns<S, string | null>
  /** All fields with their values, empty if there is no hash. With `Command.bytes` the values are bytes and the fields still text. Since 2.0.0. O(N) fields. */
  hgetall(key: Argument): Returns<S, Readonly<Record<string, string>>>
  /** The values of fields, which are deleted; `null` for each that is missing. Redis 8.0, Valkey 9.1. O(N) fields. */
  hgetdel(key: Argument, fields: OneOrMore<Argument>): Returns<S, ReadonlyArray<string | null>>
  /** The values of fields, and a new expiry for them. Redis 8.0, Valkey 9.0. O(N) fields. */
  hgetex(
    key: Argument,
    fields: OneOrMore<Argument>,
    options?: ExpiryOrPersist
  ): Returns<S, ReadonlyArray<string | null>>
  /** Adds to the integer in a field (0 if there is none). Returns the new value; `Command.bigint` reads it beyond 2^53 - 1. Since 2.0.0. O(1). */
  hincrby(key: Argument, field: Argument, increment: Integer): Returns<S, number>
  /** Adds to the number in a field (0 if there is none), which is kept as a decimal. Returns the new value. Since 2.6.0. O(1). */
  hincrbyfloat(key: Argument, field: Argument, increment: number): Returns<S, number>
  /** The names of all fields. Since 2.0.0. O(N) fields. */
  hkeys(key: Argument): Returns<S, ReadonlyArray<string>>
  /** The number of fields. Since 2.0.0. O(1). */
  hlen(key: Argument): Returns<S, number>
  /** The values of fields, in order, `null` for each that is missing. Since 2.0.0. O(N) fields. */
  hmget(key: Argument, fields: OneOrMore<Argument>): Returns<S, ReadonlyArray<string | null>>
  /** The old form of `hset`, which returns `"OK"`. Since 2.0.0. O(N) fields. */
  hmset(key: Argument, entries: Entries<Value>): Returns<S, "OK">
  /** Removes the expiry of fields. Returns for each field: 1 done, -1 it had none, -2 no such field. Redis 7.4, Valkey 9.0. O(N) fields. */
  hpersist(key: Argument, fields: OneOrMore<Argument>): Returns<S, ReadonlyArray<number>>
  /** Lets fields expire after a time, to the millisecond. Returns a `FieldExpiry` for each field. Redis 7.4, Valkey 9.0. O(N) fields. */
  hpexpire(
    key: Argument,
    after: Lifetime,
    fields: OneOrMore<Argument>,
    condition?: ExpireCondition
  ): Returns<S, ReadonlyArray<FieldExpiry>>
  /** Lets fields expire at a time, to the millisecond. Returns a `FieldExpiry` for each field. Redis 7.4, Valkey 9.0. O(N) fields. */
  hpexpireat(
    key: Argument,
    at: Instant,
    fields: OneOrMore<Argument>,
    condition?: ExpireCondition
  ): Returns<S, ReadonlyArray<FieldExpiry>>
  /** The time at which each field expires, in milliseconds since 1970: -1 without expiry, -2 no such field. Redis 7.4, Valkey 9.0. O(N) fields. */
  hpexpiretime(key: Argument, fields: OneOrMore<Argument>): Returns<S, ReadonlyArray<number>>
  /** The time to live of each field, in milliseconds: -1 without expiry, -2 no such field. Redis 7.4, Valkey 9.0. O(N) fields. */
  hpttl(key: Argument, fields: OneOrMore<Argument>): Returns<S, ReadonlyArray<number>>
  /** A random field, or several of them, with their values if wanted. Since 6.2.0. O(N) fields given. */
  hrandfield<const O extends HrandfieldOptions = {}>(
    key: Argument,
    options?: Exact<O, HrandfieldOptions>
  ): Returns<S, HrandfieldReply<O>>
  /** One step through the fields and values, from cursor `"0"` on. Since 2.8.0. O(1), O(N) for all steps. */
  hscan<const O extends HscanOptions = {}>(
    key: Argument,
    cursor: string,
    options?: Exact<O, HscanOptions>
  ): Returns<S, HscanReply<O>>
  /** Sets fields. Returns the number of new fields. Since 2.0.0 (several fields 4.0.0). O(N) fields. */
  hset(key: Argument, entries: Entries<Value>): Returns<S, number>
  /** Sets fields together with their expiry, all or none. Returns whether they were set. Redis 8.0, Valkey 9.0. O(N) fields. */
  hsetex(key: Argument, entries: Entries<Value>, options?: HsetexOptions): Returns<S, boolean>
  /** Sets a field if it does not exist. Returns whether it was set. Since 2.0.0. O(1). */
  hsetnx(key: Argument, field: Argument, value: Value): Returns<S, boolean>
  /** The length of a field's value in bytes, 0 if there is none. Since 3.2.0. O(1). */
  hstrlen(key: Argument, field: Argument): Returns<S, number>
  /** The time to live of each field, in seconds: -1 without expiry, -2 no such field. Redis 7.4, Valkey 9.0. O(N) fields. */
  httl(key: Argument, fields: OneOrMore<Argument>): Returns<S, ReadonlyArray<number>>
  /** All values. Since 2.0.0. O(N) fields. */
  hvals(key: Argument): Returns<S, ReadonlyArray<string>>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const HDEL = new CommandSpec("HDEL", write)
const HEXISTS = new CommandSpec("HEXISTS", read)
const HEXPIRE = new CommandSpec("HEXPIRE", write)
const HEXPIREAT = new CommandSpec("HEXPIREAT", write)
const HEXPIRETIME = new CommandSpec("HEXPIRETIME", read)
const HGET = new CommandSpec("HGET", read)
const HGETALL = new CommandSpec("HGETALL", read)
const HGETDEL = new CommandSpec("HGETDEL", write)
const HGETEX = new CommandSpec("HGETEX", write)
const HINCRBY = new CommandSpec("HINCRBY", write)
const HINCRBYFLOAT = new CommandSpec("HINCRBYFLOAT", write)
const HKEYS = new CommandSpec("HKEYS", read)
const HLEN = new CommandSpec("HLEN", read)
const HMGET = new CommandSpec("HMGET", read)
const HMSET = new CommandSpec("HMSET", write)
const HPERSIST = new CommandSpec("HPERSIST", write)
const HPEXPIRE = new CommandSpec("HPEXPIRE", write)
const HPEXPIREAT = new CommandSpec("HPEXPIREAT", write)
const HPEXPIRETIME = new CommandSpec("HPEXPIRETIME", read)
const HPTTL = new CommandSpec("HPTTL", read)
const HRANDFIELD = new CommandSpec("HRANDFIELD", read)
const HSCAN = new CommandSpec("HSCAN", read)
const HSET = new CommandSpec("HSET", write)
const HSETEX = new CommandSpec("HSETEX", write)
const HSETNX = new CommandSpec("HSETNX", write)
const HSTRLEN = new CommandSpec("HSTRLEN", read)
const HTTL = new CommandSpec("HTTL", read)
const HVALS = new CommandSpec("HVALS", read)

const pairs = decode.pairsOf(decode.string, decode.string)

const pairPage = scanPage(pairs)

const fieldPage = scanPage(decode.strings)

/** Adds the number of fields, then the fields. */
const addFields = (self: Call, fields: OneOrMore<Argument>): Call => self.add("FIELDS").counted("fields", fields)

const expiring = (self: Call, condition: ExpireCondition | undefined, fields: OneOrMore<Argument>) =>
  addFields(condition === undefined ? self : self.add(condition), fields).to(decode.integers)

const ofFields = (spec: CommandSpec, key: Argument, fields: OneOrMore<Argument>) =>
  addFields(call(spec, key), fields).to(decode.integers)

/**
 * The builders of the commands on hashes: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Hashes: HashCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  hdel: (key, fields) => call(HDEL, key).many("fields", fields).to(decode.integer),
  hexists: (key, field) => make(HEXISTS, [key, field], decode.boolean),
  hexpire: (key, after, fields, condition) =>
    expiring(call(HEXPIRE, key).seconds("after", after, "hpexpire"), condition, fields),
  hexpireat: (key, at, fields, condition) =>
    expiring(call(HEXPIREAT, key).instant("at", at, "seconds"), condition, fields),
  hexpiretime: (key, fields) => ofFields(HEXPIRETIME, key, fields),
  hget: (key, field) => make(HGET, [key, field], decode.stringOrNull),
  hgetall: (key) => make(HGETALL, [key], decode.record),
  hgetdel: (key, fields) => addFields(call(HGETDEL, key), fields).to(decode.stringsOrNull),
  hgetex: (key, fields, options = {}) =>
    addFields(addExpiry(call(HGETEX, key), options), fields).to(decode.stringsOrNull),
  hincrby: (key, field, increment) => call(HINCRBY, key, field).integer("increment", increment).to(decode.integer),
  hincrbyfloat: (key, field, increment) =>
    call(HINCRBYFLOAT, key, field).double("increment", increment).to(decode.double),
  hkeys: (key) => make(HKEYS, [key], decode.strings),
  hlen: (key) => make(HLEN, [key], decode.integer),
  hmget: (key, fields) => call(HMGET, key).many("fields", fields).to(decode.stringsOrNull),
  hmset: (key, entries) => call(HMSET, key).entries("entries", entries).to(decode.ok),
  hpersist: (key, fields) => ofFields(HPERSIST, key, fields),
  hpexpire: (key, after, fields, condition) =>
    expiring(call(HPEXPIRE, key).milliseconds("after", after), condition, fields),
  hpexpireat: (key, at, fields, condition) =>
    expiring(call(HPEXPIREAT, key).instant("at", at, "milliseconds"), condition, fields),
  hpexpiretime: (key, fields) => ofFields(HPEXPIRETIME, key, fields),
  hpttl: (key, fields) => ofFields(HPTTL, key, fields),
  hrandfield: (key, options: HrandfieldOptions = {}) => {
    const self = call(HRANDFIELD, key)
    if (options.count === undefined) {
      if (options.withValues === true) self.refuse("withValues needs a count: give both")
      return self.to(decode.chosen(decode.stringOrNull))
    }
    self.integer("count", options.count)
    return options.withValues === true
      ? self.add("WITHVALUES").to(decode.chosen(pairs))
      : self.to(decode.chosen(decode.strings))
  },
  hscan: (key, cursor, options: HscanOptions = {}) =>
    addScan(call(HSCAN, key), cursor, options).flag("NOVALUES", options.noValues)
      .to(decode.chosen(options.noValues === true ? fieldPage : pairPage)),
  hset: (key, entries) => call(HSET, key).entries("entries", entries).to(decode.integer),
  hsetex: (key, entries, options = {}) => {
    const self = call(HSETEX, key)
    if (options.keyCondition !== undefined) self.add(options.keyCondition)
    if (options.condition !== undefined) self.add(options.condition)
    return addExpiry(self, options).add("FIELDS").entries("entries", entries, true).to(decode.boolean)
  },
  hsetnx: (key, field, value) => call(HSETNX, key, field).value(value).to(decode.boolean),
  hstrlen: (key, field) => make(HSTRLEN, [key, field], decode.integer),
  httl: (key, fields) => ofFields(HTTL, key, fields),
  hvals: (key) => make(HVALS, [key], decode.strings)
})
