/**
 * Sets: members without order, each once.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { call, type OneOrMore, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { allKeys, counted, firstTwo } from "./keys.ts"
import { parameters } from "./parameters/Sets.ts"
import { addScan, type ScanOptions, type ScanPage, scanPage } from "./scan.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * Options of `sintercard`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SintercardOptions {
  /** The number at which counting stops; 0 for no limit. Default: 0. */
  readonly limit?: number | undefined
}

/**
 * The methods of the commands on sets. Members come as lists, each once, in no order.
 *
 * @category models
 * @since 0.1.0
 */
export interface SetCommands<S extends Surface> {
  /** Adds members. Returns the number of new members. Since 1.0.0. O(1) a member. */
  sadd(key: Argument, members: OneOrMore<Value>): Returns<S, number>
  /** The number of members, 0 if there is no set. Since 1.0.0. O(1). */
  scard(key: Argument): Returns<S, number>
  /** The members of the first set that are in none of the others, all of one slot. Since 1.0.0. O(N) members of all sets. */
  sdiff(keys: OneOrMore<Argument>): Returns<S, ReadonlyArray<string>>
  /** Stores the result of `sdiff` as a set. Returns the number of members. Since 1.0.0. O(N) members of all sets. */
  sdiffstore(destination: Argument, keys: OneOrMore<Argument>): Returns<S, number>
  /** The members that are in all sets of one slot. Since 1.0.0. O(N*M) smallest set and sets. */
  sinter(keys: OneOrMore<Argument>): Returns<S, ReadonlyArray<string>>
  /** The number of members that are in all sets of one slot, counted up to `limit`. Since 7.0.0. O(N*M) smallest set and sets. */
  sintercard(keys: OneOrMore<Argument>, options?: SintercardOptions): Returns<S, number>
  /**
   * Stores the result of `sinter` as a set. Returns the number of members. Since 1.0.0. O(N*M) smallest set and sets.
   */
  sinterstore(destination: Argument, keys: OneOrMore<Argument>): Returns<S, number>
  /** Whether a value is a member. Since 1.0.0. O(1). */
  sismember(key: Argument, member: Value): Returns<S, boolean>
  /** All members. Since 1.0.0. O(N) members. */
  smembers(key: Argument): Returns<S, ReadonlyArray<string>>
  /** Returns for each value whether it is a member. Since 6.2.0. O(N) members asked for. */
  smismember(key: Argument, members: OneOrMore<Value>): Returns<S, ReadonlyArray<boolean>>
  /** Moves a member to another set of its slot. Returns whether the source had the member. Since 1.0.0. O(1). */
  smove(source: Argument, destination: Argument, member: Value): Returns<S, boolean>
  /** Takes a random member, or `count` different ones, out of the set. Since 1.0.0 (count 3.2.0). O(1) a member. */
  spop(key: Argument): Returns<S, string | null>
  spop(key: Argument, count: number): Returns<S, ReadonlyArray<string>>
  /** A random member, or `count` different ones; a negative count allows repeats. Since 1.0.0 (count 2.6.0). O(1) a member. */
  srandmember(key: Argument): Returns<S, string | null>
  srandmember(key: Argument, count: number): Returns<S, ReadonlyArray<string>>
  /** Removes members. Returns the number of members that existed. Since 1.0.0. O(1) a member. */
  srem(key: Argument, members: OneOrMore<Value>): Returns<S, number>
  /** One step through the members, from cursor `"0"` on. Since 2.8.0. O(1), O(N) for all steps. */
  sscan(key: Argument, cursor: string, options?: ScanOptions): Returns<S, ScanPage<string>>
  /** The members of all sets of one slot. Since 1.0.0. O(N) members. */
  sunion(keys: OneOrMore<Argument>): Returns<S, ReadonlyArray<string>>
  /** Stores the result of `sunion` as a set. Returns the number of members. Since 1.0.0. O(N) members. */
  sunionstore(destination: Argument, keys: OneOrMore<Argument>): Returns<S, number>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const
const readAll = { keys: allKeys, readonly: true } as const
const writeAll = { keys: allKeys } as const

const SADD = new CommandSpec("SADD", write)
const SCARD = new CommandSpec("SCARD", read)
const SDIFF = new CommandSpec("SDIFF", readAll)
const SDIFFSTORE = new CommandSpec("SDIFFSTORE", writeAll)
const SINTER = new CommandSpec("SINTER", readAll)
const SINTERCARD = new CommandSpec("SINTERCARD", { keys: counted(0), readonly: true })
const SINTERSTORE = new CommandSpec("SINTERSTORE", writeAll)
const SISMEMBER = new CommandSpec("SISMEMBER", read)
const SMEMBERS = new CommandSpec("SMEMBERS", read)
const SMISMEMBER = new CommandSpec("SMISMEMBER", read)
const SMOVE = new CommandSpec("SMOVE", { keys: firstTwo })
const SPOP = new CommandSpec("SPOP", write)
const SRANDMEMBER = new CommandSpec("SRANDMEMBER", read)
const SREM = new CommandSpec("SREM", write)
const SSCAN = new CommandSpec("SSCAN", read)
const SUNION = new CommandSpec("SUNION", readAll)
const SUNIONSTORE = new CommandSpec("SUNIONSTORE", writeAll)

const store = (spec: CommandSpec) => (destination: Argument, keys: OneOrMore<Argument>) =>
  call(spec, destination).many("keys", keys).to(decode.integer)

const combine = (spec: CommandSpec) => (keys: OneOrMore<Argument>) => call(spec).many("keys", keys).to(decode.strings)

const members = (spec: CommandSpec, minimum: number) => (key: Argument, count?: number) =>
  count === undefined
    ? make(spec, [key], decode.chosen(decode.stringOrNull))
    : call(spec, key).integer("count", count, minimum).to(decode.chosen(decode.strings))

const page = scanPage(decode.strings)

/**
 * The builders of the commands on sets: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Sets: SetCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  sadd: (key, members) => call(SADD, key).many("members", members).to(decode.integer),
  scard: (key) => make(SCARD, [key], decode.integer),
  sdiff: combine(SDIFF),
  sdiffstore: store(SDIFFSTORE),
  sinter: combine(SINTER),
  sintercard: (keys, options = {}) =>
    call(SINTERCARD).counted("keys", keys).integerOption("LIMIT", "limit", options.limit, 0).to(decode.integer),
  sinterstore: store(SINTERSTORE),
  sismember: (key, member) => call(SISMEMBER, key).value(member).to(decode.boolean),
  smembers: (key) => make(SMEMBERS, [key], decode.strings),
  smismember: (key, members) => call(SMISMEMBER, key).many("members", members).to(decode.booleans),
  smove: (source, destination, member) => call(SMOVE, source, destination).value(member).to(decode.boolean),
  spop: members(SPOP, 0),
  srandmember: members(SRANDMEMBER, -Infinity),
  srem: (key, members) => call(SREM, key).many("members", members).to(decode.integer),
  sscan: (key, cursor, options = {}) => addScan(call(SSCAN, key), cursor, options).to(page),
  sunion: combine(SUNION),
  sunionstore: store(SUNIONSTORE)
})
