/**
 * Sorted sets: members in the order of their scores.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { type Call, call, type Entries, type Integer, type Lifetime, type OneOrMore, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { allButLast, counted, destinationAndCounted, firstTwo } from "./keys.ts"
import type { Exact, When, With, Without } from "./Options.ts"
import { parameters } from "./parameters/SortedSets.ts"
import { addScan, type ScanOptions, type ScanPage, scanPage } from "./scan.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * A member with its score.
 *
 * @category models
 * @since 0.1.0
 */
export type ScoredMember = readonly [member: string, score: number]

/**
 * A bound of scores: a number, infinities included, or its text; the bound itself is excluded with `(` in front.
 *
 * @category models
 * @since 0.1.0
 */
export type ScoreBound = number | Argument

/**
 * Options of `zadd`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ZaddOptions {
  /** Only add members (`NX`), or only change existing ones (`XX`). */
  readonly condition?: "NX" | "XX" | undefined
  /** Change a score only to a greater (`GT`) or a lesser (`LT`) score. Not with `NX`. */
  readonly comparison?: "GT" | "LT" | undefined
  /** Return the number of changed members, new ones included, in place of the number of new members. */
  readonly changed?: boolean | undefined
  /** Add the score to the present score of one member, and return the new score. */
  readonly increment?: boolean | undefined
}

/**
 * Members with or without their scores.
 *
 * @category models
 * @since 0.1.0
 */
export type MembersReply<O> = When<O, "withScores", ReadonlyArray<ScoredMember>, ReadonlyArray<string>>

/**
 * A part of a range.
 *
 * @category models
 * @since 0.1.0
 */
export interface RangeLimit {
  /** The number of members to skip. */
  readonly offset: number
  /** The number of members; negative for all. */
  readonly count: number
}

/**
 * Options of `zrangestore`. Without `by` the bounds are positions.
 *
 * @category models
 * @since 0.1.0
 */
export interface ZrangestoreOptions {
  /** Take the bounds as scores (`SCORE`) or as texts (`LEX`), in the place of positions. */
  readonly by?: "SCORE" | "LEX" | undefined
  /** Go from the highest to the lowest: `start` is then the greater bound. */
  readonly reverse?: boolean | undefined
  /** The part of the range to use; needs `by`. */
  readonly limit?: RangeLimit | undefined
}

/**
 * Options of `zrange`. Without `by` the bounds are positions.
 *
 * @category models
 * @since 0.1.0
 */
export interface ZrangeOptions extends ZrangestoreOptions {
  /** Return the score of each member, too. */
  readonly withScores?: boolean | undefined
}

/**
 * Options of `zrangebylex` and `zrevrangebylex`.
 *
 * @category models
 * @since 0.1.0
 */
export interface LexRangeOptions {
  /** The part of the range to return. */
  readonly limit?: RangeLimit | undefined
}

/**
 * Options of `zrangebyscore` and `zrevrangebyscore`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScoreRangeOptions {
  /** The part of the range to return. */
  readonly limit?: RangeLimit | undefined
  /** Return the score of each member, too. */
  readonly withScores?: boolean | undefined
}

/**
 * Options of `zdiff` and `zrevrange`.
 *
 * @category models
 * @since 0.1.0
 */
export interface WithScoresOptions {
  /** Return the score of each member, too. */
  readonly withScores?: boolean | undefined
}

/**
 * Options of `zmpop` and `bzmpop`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ZmpopOptions {
  /** The most members to take. Default: 1. */
  readonly count?: number | undefined
}

/**
 * Options of `zintercard`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ZintercardOptions {
  /** The number at which counting stops; 0 for no limit. Default: 0. */
  readonly limit?: number | undefined
}

/**
 * Options that say how the scores of a member in several sets are combined.
 *
 * @category models
 * @since 0.1.0
 */
export interface CombineOptions {
  /** A factor for the scores of each set, in the order of the keys. Default: 1 for each. */
  readonly weights?: ReadonlyArray<number> | undefined
  /** The way to combine the scores of a member: their sum, the least or the greatest. Default: `SUM`. */
  readonly aggregate?: "SUM" | "MIN" | "MAX" | undefined
}

/**
 * Options of `zinter` and `zunion`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CombineReadOptions extends CombineOptions {
  /** Return the score of each member, too. */
  readonly withScores?: boolean | undefined
}

/**
 * The options of `zrandmember`, one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface ZrandmemberFlags {
  /** The number of different members; a negative number allows repeats. */
  readonly count?: number | undefined
  /** Return the score of each member, too; needs `count`. */
  readonly withScores?: boolean | undefined
}

/**
 * Options of `zrandmember`.
 *
 * @category models
 * @since 0.1.0
 */
export type ZrandmemberOptions = ZrandmemberFlags & (Without<"count" | "withScores"> | With<"count", number>)

/**
 * The reply of `zrandmember`: one member or `null`; with `count` a list; with `withScores` with their scores.
 *
 * @category models
 * @since 0.1.0
 */
export type ZrandmemberReply<O> = When<
  O,
  "withScores",
  ReadonlyArray<ScoredMember>,
  O extends { readonly count: number } ? ReadonlyArray<string>
    : O extends { readonly count?: undefined } ? string | null
    : string | null | ReadonlyArray<string>
>

/**
 * A member with its score and the set that it came from.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoppedMember {
  readonly key: string
  readonly member: string
  readonly score: number
}

/**
 * Members with their scores and the set that they came from.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoppedMembers {
  readonly key: string
  readonly members: ReadonlyArray<ScoredMember>
}

/**
 * The position of a member, with its score if wanted; `null` for a value that is no member.
 *
 * @category models
 * @since 0.1.0
 */
export type RankReply<O> = When<O, "withScore", { readonly rank: number; readonly score: number } | null, number | null>

/**
 * Options of `zrank` and `zrevrank`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RankOptions {
  /** Return the score of the member, too. Since 7.2.0. */
  readonly withScore?: boolean | undefined
}

/**
 * Options of `zscan`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ZscanOptions extends ScanOptions {
  /** Return the members only. Valkey 8.0. */
  readonly noScores?: boolean | undefined
}

/**
 * The reply of `zscan`: members with their scores, or without them with `noScores`.
 *
 * @category models
 * @since 0.1.0
 */
export type ZscanReply<O> = When<O, "noScores", ScanPage<string>, ScanPage<ScoredMember>>

/**
 * The methods of the commands on sorted sets.
 *
 * @category models
 * @since 0.1.0
 */
export interface SortedSetCommands<S extends Surface> {
  /**
   * Takes members like `zmpop`, and waits for one. Returns `null` when the time is over. Since 7.0.0.
   * O(K)+O(M*log(N)).
   */
  bzmpop(
    timeout: Lifetime,
    keys: OneOrMore<Argument>,
    which: "MIN" | "MAX",
    options?: ZmpopOptions
  ): Returns<S, PoppedMembers | null>
  /** Takes the highest member of the first set of one slot that has any, and waits for one. Returns `null` when the time is over. Since 5.0.0. O(log N). */
  bzpopmax(keys: OneOrMore<Argument>, timeout: Lifetime): Returns<S, PoppedMember | null>
  /** Takes the lowest member of the first set of one slot that has any, and waits for one. Returns `null` when the time is over. Since 5.0.0. O(log N). */
  bzpopmin(keys: OneOrMore<Argument>, timeout: Lifetime): Returns<S, PoppedMember | null>
  /**
   * Adds members with their scores (an object or pairs of member and score), or changes their scores. Returns the
   * number of new members; with `increment` the new score, `null` if a condition was not met. Since 1.2.0. O(log N) a
   * member.
   */
  zadd<const O extends ZaddOptions = {}>(
    key: Argument,
    members: Entries<number>,
    options?: Exact<O, ZaddOptions>
  ): Returns<S, When<O, "increment", number | null, number>>
  /** The number of members, 0 if there is no set. Since 1.2.0. O(1). */
  zcard(key: Argument): Returns<S, number>
  /** The number of members with a score between two bounds. Since 2.0.0. O(log N). */
  zcount(key: Argument, min: ScoreBound, max: ScoreBound): Returns<S, number>
  /** The members of the first set that are in none of the others, all of one slot. Since 6.2.0. O(L+(N-K)log(N)). */
  zdiff<const O extends WithScoresOptions = {}>(
    keys: OneOrMore<Argument>,
    options?: Exact<O, WithScoresOptions>
  ): Returns<S, MembersReply<O>>
  /** Stores the result of `zdiff` as a sorted set. Returns the number of members. Since 6.2.0. O(L+(N-K)log(N)). */
  zdiffstore(destination: Argument, keys: OneOrMore<Argument>): Returns<S, number>
  /** Adds to the score of a member (0 for a new member). Returns the new score. Since 1.2.0. O(log N). */
  zincrby(key: Argument, increment: number, member: Value): Returns<S, number>
  /** The members that are in all sets of one slot. Since 6.2.0. O(N*K)+O(M*log(M)). */
  zinter<const O extends CombineReadOptions = {}>(
    keys: OneOrMore<Argument>,
    options?: Exact<O, CombineReadOptions>
  ): Returns<S, MembersReply<O>>
  /** The number of members that are in all sets of one slot, counted up to `limit`. Since 7.0.0. O(N*K). */
  zintercard(keys: OneOrMore<Argument>, options?: ZintercardOptions): Returns<S, number>
  /** Stores the result of `zinter` as a sorted set. Returns the number of members. Since 2.0.0. O(N*K)+O(M*log(M)). */
  zinterstore(destination: Argument, keys: OneOrMore<Argument>, options?: CombineOptions): Returns<S, number>
  /**
   * The number of members between two bounds (`[a` included, `(a` excluded, `-`, `+`), in a set whose members have
   * equal scores. Since 2.8.9. O(log N).
   */
  zlexcount(key: Argument, min: Argument, max: Argument): Returns<S, number>
  /** Takes the lowest or highest members of the first set of one slot that has any; `null` if none has. Since 7.0.0. O(K)+O(M*log(N)). */
  zmpop(keys: OneOrMore<Argument>, which: "MIN" | "MAX", options?: ZmpopOptions): Returns<S, PoppedMembers | null>
  /** The scores of members, `null` for a value that is no member. Since 6.2.0. O(N) members. */
  zmscore(key: Argument, members: OneOrMore<Value>): Returns<S, ReadonlyArray<number | null>>
  /** Takes the member with the highest score, or the `count` highest. Since 5.0.0. O(log(N)*M). */
  zpopmax(key: Argument, count?: number): Returns<S, ReadonlyArray<ScoredMember>>
  /** Takes the member with the lowest score, or the `count` lowest. Since 5.0.0. O(log(N)*M). */
  zpopmin(key: Argument, count?: number): Returns<S, ReadonlyArray<ScoredMember>>
  /** A random member, or several of them, with their scores if wanted. Since 6.2.0. O(N) members given. */
  zrandmember<const O extends ZrandmemberOptions = {}>(
    key: Argument,
    options?: Exact<O, ZrandmemberOptions>
  ): Returns<S, ZrandmemberReply<O>>
  /** The members from one bound to another: positions, or scores or texts with `by`. Since 1.2.0 (options 6.2.0). O(log(N)+M). */
  zrange<const O extends ZrangeOptions = {}>(
    key: Argument,
    start: ScoreBound,
    stop: ScoreBound,
    options?: Exact<O, ZrangeOptions>
  ): Returns<S, MembersReply<O>>
  /**
   * The members between two bounds (see `zlexcount`), in a set whose members have equal scores. Since 2.8.9.
   * O(log(N)+M).
   */
  zrangebylex(
    key: Argument,
    min: Argument,
    max: Argument,
    options?: LexRangeOptions
  ): Returns<S, ReadonlyArray<string>>
  /** The members with a score between two bounds. Since 1.0.5. O(log(N)+M). */
  zrangebyscore<const O extends ScoreRangeOptions = {}>(
    key: Argument,
    min: ScoreBound,
    max: ScoreBound,
    options?: Exact<O, ScoreRangeOptions>
  ): Returns<S, MembersReply<O>>
  /**
   * Stores the result of `zrange` as a sorted set of its slot. Returns the number of members. Since 6.2.0.
   * O(log(N)+M).
   */
  zrangestore(
    destination: Argument,
    source: Argument,
    start: ScoreBound,
    stop: ScoreBound,
    options?: ZrangestoreOptions
  ): Returns<S, number>
  /**
   * The position of a member from the lowest score on, 0 first; `null` if the value is no member. Since 2.0.0. O(log
   * N).
   */
  zrank<const O extends RankOptions = {}>(
    key: Argument,
    member: Value,
    options?: Exact<O, RankOptions>
  ): Returns<S, RankReply<O>>
  /** Removes members. Returns the number of members that existed. Since 1.2.0. O(M*log(N)). */
  zrem(key: Argument, members: OneOrMore<Value>): Returns<S, number>
  /** Removes the members that `zrangebylex` returns. Returns the number of members. Since 2.8.9. O(log(N)+M). */
  zremrangebylex(key: Argument, min: Argument, max: Argument): Returns<S, number>
  /** Removes the members from one position to another. Returns the number of members. Since 2.0.0. O(log(N)+M). */
  zremrangebyrank(key: Argument, start: Integer, stop: Integer): Returns<S, number>
  /** Removes the members with a score between two bounds. Returns the number of members. Since 1.2.0. O(log(N)+M). */
  zremrangebyscore(key: Argument, min: ScoreBound, max: ScoreBound): Returns<S, number>
  /** The members from one position to another, from the highest score on. Since 1.2.0. O(log(N)+M). */
  zrevrange<const O extends WithScoresOptions = {}>(
    key: Argument,
    start: Integer,
    stop: Integer,
    options?: Exact<O, WithScoresOptions>
  ): Returns<S, MembersReply<O>>
  /**
   * The members between two bounds like `zrangebylex`, backwards: the greater bound comes first. Since 2.8.9.
   * O(log(N)+M).
   */
  zrevrangebylex(
    key: Argument,
    max: Argument,
    min: Argument,
    options?: LexRangeOptions
  ): Returns<S, ReadonlyArray<string>>
  /**
   * The members with a score between two bounds, backwards: the greater bound comes first. Since 2.2.0. O(log(N)+M).
   */
  zrevrangebyscore<const O extends ScoreRangeOptions = {}>(
    key: Argument,
    max: ScoreBound,
    min: ScoreBound,
    options?: Exact<O, ScoreRangeOptions>
  ): Returns<S, MembersReply<O>>
  /**
   * The position of a member from the highest score on, 0 first; `null` if the value is no member. Since 2.0.0. O(log
   * N).
   */
  zrevrank<const O extends RankOptions = {}>(
    key: Argument,
    member: Value,
    options?: Exact<O, RankOptions>
  ): Returns<S, RankReply<O>>
  /** One step through the members and scores, from cursor `"0"` on. Since 2.8.0. O(1), O(N) for all steps. */
  zscan<const O extends ZscanOptions = {}>(
    key: Argument,
    cursor: string,
    options?: Exact<O, ZscanOptions>
  ): Returns<S, ZscanReply<O>>
  /** The score of a member, `null` if the value is no member. Since 1.2.0. O(1). */
  zscore(key: Argument, member: Value): Returns<S, number | null>
  /** The members of all sets of one slot. Since 6.2.0. O(N)+O(M*log(M)). */
  zunion<const O extends CombineReadOptions = {}>(
    keys: OneOrMore<Argument>,
    options?: Exact<O, CombineReadOptions>
  ): Returns<S, MembersReply<O>>
  /** Stores the result of `zunion` as a sorted set. Returns the number of members. Since 2.0.0. O(N)+O(M*log(M)). */
  zunionstore(destination: Argument, keys: OneOrMore<Argument>, options?: CombineOptions): Returns<S, number>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const
const readCounted = { keys: counted(0), readonly: true } as const

const BZMPOP = new CommandSpec("BZMPOP", { keys: counted(1) })
const BZPOPMAX = new CommandSpec("BZPOPMAX", { keys: allButLast })
const BZPOPMIN = new CommandSpec("BZPOPMIN", { keys: allButLast })
const ZADD = new CommandSpec("ZADD", write)
const ZCARD = new CommandSpec("ZCARD", read)
const ZCOUNT = new CommandSpec("ZCOUNT", read)
const ZDIFF = new CommandSpec("ZDIFF", readCounted)
const ZDIFFSTORE = new CommandSpec("ZDIFFSTORE", { keys: destinationAndCounted })
const ZINCRBY = new CommandSpec("ZINCRBY", write)
const ZINTER = new CommandSpec("ZINTER", readCounted)
const ZINTERCARD = new CommandSpec("ZINTERCARD", readCounted)
const ZINTERSTORE = new CommandSpec("ZINTERSTORE", { keys: destinationAndCounted })
const ZLEXCOUNT = new CommandSpec("ZLEXCOUNT", read)
const ZMPOP = new CommandSpec("ZMPOP", { keys: counted(0) })
const ZMSCORE = new CommandSpec("ZMSCORE", read)
const ZPOPMAX = new CommandSpec("ZPOPMAX", write)
const ZPOPMIN = new CommandSpec("ZPOPMIN", write)
const ZRANDMEMBER = new CommandSpec("ZRANDMEMBER", read)
const ZRANGE = new CommandSpec("ZRANGE", read)
const ZRANGEBYLEX = new CommandSpec("ZRANGEBYLEX", read)
const ZRANGEBYSCORE = new CommandSpec("ZRANGEBYSCORE", read)
const ZRANGESTORE = new CommandSpec("ZRANGESTORE", { keys: firstTwo })
const ZRANK = new CommandSpec("ZRANK", read)
const ZREM = new CommandSpec("ZREM", write)
const ZREMRANGEBYLEX = new CommandSpec("ZREMRANGEBYLEX", write)
const ZREMRANGEBYRANK = new CommandSpec("ZREMRANGEBYRANK", write)
const ZREMRANGEBYSCORE = new CommandSpec("ZREMRANGEBYSCORE", write)
const ZREVRANGE = new CommandSpec("ZREVRANGE", read)
const ZREVRANGEBYLEX = new CommandSpec("ZREVRANGEBYLEX", read)
const ZREVRANGEBYSCORE = new CommandSpec("ZREVRANGEBYSCORE", read)
const ZREVRANK = new CommandSpec("ZREVRANK", read)
const ZSCAN = new CommandSpec("ZSCAN", read)
const ZSCORE = new CommandSpec("ZSCORE", read)
const ZUNION = new CommandSpec("ZUNION", readCounted)
const ZUNIONSTORE = new CommandSpec("ZUNIONSTORE", { keys: destinationAndCounted })

const scored: decode.Decoder<ReadonlyArray<ScoredMember>> = decode.pairsOf(decode.string, decode.double)

const scoredPage = scanPage(scored)

const doubles = decode.arrayOf(decode.doubleOrNull)

const memberPage = scanPage(decode.strings)

const members = (self: Call, withScores: boolean | undefined) =>
  withScores === true ? self.add("WITHSCORES").to(decode.chosen(scored)) : self.to(decode.chosen(decode.strings))

const poppedMember: decode.Decoder<PoppedMember> = decode.map(
  decode.tuple(decode.string, decode.string, decode.double),
  ([key, member, score]) => ({ key, member, score })
)

const poppedMemberOrNull = decode.nullable(poppedMember)

const poppedMembers: decode.Decoder<PoppedMembers | null> = decode.nullable(
  decode.map(decode.tuple(decode.string, scored), ([key, members]) => ({ key, members }))
)

const ranked = decode.nullable(
  decode.map(decode.tuple(decode.integer, decode.double), ([rank, score]) => ({ rank, score }))
)

const addBound = (self: Call, name: string, bound: ScoreBound): Call =>
  typeof bound === "number" ? self.score(name, bound) : self.add(bound)

const addLimit = (self: Call, limit: RangeLimit | undefined): Call =>
  limit === undefined
    ? self
    : self.add("LIMIT").integer("limit.offset", limit.offset, 0).integer("limit.count", limit.count)

const addRange = (
  self: Call,
  start: ScoreBound,
  stop: ScoreBound,
  options: Omit<ZrangeOptions, "withScores">
): Call => {
  if (options.by === undefined) {
    if (typeof start === "number") self.integer("start", start)
    else self.add(start)
    if (typeof stop === "number") self.integer("stop", stop)
    else self.add(stop)
    if (options.limit !== undefined) {
      self.refuse("limit needs a range by score or by text: give by, or narrow start and stop")
    }
  } else {
    addBound(addBound(self, "start", start), "stop", stop).add(options.by === "SCORE" ? "BYSCORE" : "BYLEX")
  }
  return addLimit(self.flag("REV", options.reverse), options.limit)
}

const addCombine = (self: Call, keys: OneOrMore<Argument>, options: CombineOptions): Call => {
  self.counted("keys", keys)
  if (options.weights !== undefined) {
    const count = Array.isArray(keys) ? keys.length : 1
    if (options.weights.length !== count) {
      self.refuse("weights must have one entry for each key, got another number of them")
    }
    self.add("WEIGHTS")
    for (const weight of options.weights) self.score("a weight", weight)
  }
  return self.option("AGGREGATE", options.aggregate)
}

const byScore =
  (spec: CommandSpec) => (key: Argument, from: ScoreBound, to: ScoreBound, options: ScoreRangeOptions = {}) => {
    const self = addBound(addBound(call(spec, key), "the first bound", from), "the second bound", to)
    if (options.withScores === true) self.add("WITHSCORES")
    return addLimit(self, options.limit).to(decode.chosen(options.withScores === true ? scored : decode.strings))
  }

const byLex = (spec: CommandSpec) =>
(
  key: Argument,
  from: Argument,
  to: Argument,
  options: { readonly limit?: RangeLimit | undefined } = {}
) => addLimit(call(spec, key, from, to), options.limit).to(decode.strings)

const combine = (spec: CommandSpec) => (keys: OneOrMore<Argument>, options: CombineReadOptions = {}) =>
  members(addCombine(call(spec), keys, options), options.withScores)

const combineStore =
  (spec: CommandSpec) => (destination: Argument, keys: OneOrMore<Argument>, options: CombineOptions = {}) =>
    addCombine(call(spec, destination), keys, options).to(decode.integer)

const pop = (spec: CommandSpec) => (key: Argument, count?: number) =>
  (count === undefined ? call(spec, key) : call(spec, key).integer("count", count, 0)).to(scored)

const rank = (spec: CommandSpec) => (key: Argument, member: Value, options: RankOptions = {}) =>
  options.withScore === true
    ? call(spec, key).value(member).add("WITHSCORE").to(decode.chosen(ranked))
    : call(spec, key).value(member).to(decode.chosen(decode.integerOrNull))

/**
 * The builders of the commands on sorted sets: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const SortedSets: SortedSetCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  bzmpop: (timeout, keys, which, options = {}) =>
    call(BZMPOP).waiting("timeout", timeout).counted("keys", keys).add(which)
      .integerOption("COUNT", "count", options.count, 1).to(poppedMembers),
  bzpopmax: (keys, timeout) => call(BZPOPMAX).many("keys", keys).waiting("timeout", timeout).to(poppedMemberOrNull),
  bzpopmin: (keys, timeout) => call(BZPOPMIN).many("keys", keys).waiting("timeout", timeout).to(poppedMemberOrNull),
  zadd: (key, members, options: ZaddOptions = {}) => {
    const self = call(ZADD, key)
    if (options.condition !== undefined) self.add(options.condition)
    if (options.comparison !== undefined) {
      if (options.condition === "NX") self.refuse("NX does not go with GT or LT: new members have no score to compare")
      self.add(options.comparison)
    }
    self.flag("CH", options.changed).flag("INCR", options.increment)
    const at = self.args.length
    self.scores("members", members)
    if (options.increment === true && self.args.length > at + 2) {
      self.refuse("increment takes one member, got several: add them one by one")
    }
    return self.to(decode.chosen(options.increment === true ? decode.doubleOrNull : decode.integer))
  },
  zcard: (key) => make(ZCARD, [key], decode.integer),
  zcount: (key, min, max) => addBound(addBound(call(ZCOUNT, key), "min", min), "max", max).to(decode.integer),
  zdiff: (keys, options: { readonly withScores?: boolean | undefined } = {}) =>
    members(call(ZDIFF).counted("keys", keys), options.withScores),
  zdiffstore: (destination, keys) => call(ZDIFFSTORE, destination).counted("keys", keys).to(decode.integer),
  zincrby: (key, increment, member) => call(ZINCRBY, key).score("increment", increment).value(member).to(decode.double),
  zinter: combine(ZINTER),
  zintercard: (keys, options = {}) =>
    call(ZINTERCARD).counted("keys", keys).integerOption("LIMIT", "limit", options.limit, 0).to(decode.integer),
  zinterstore: combineStore(ZINTERSTORE),
  zlexcount: (key, min, max) => make(ZLEXCOUNT, [key, min, max], decode.integer),
  zmpop: (keys, which, options = {}) =>
    call(ZMPOP).counted("keys", keys).add(which).integerOption("COUNT", "count", options.count, 1).to(poppedMembers),
  zmscore: (key, members) => call(ZMSCORE, key).many("members", members).to(doubles),
  zpopmax: pop(ZPOPMAX),
  zpopmin: pop(ZPOPMIN),
  zrandmember: (key, options: ZrandmemberOptions = {}) => {
    const self = call(ZRANDMEMBER, key)
    if (options.count === undefined) {
      if (options.withScores === true) self.refuse("withScores needs a count: give both")
      return self.to(decode.chosen(decode.stringOrNull))
    }
    return members(self.integer("count", options.count), options.withScores)
  },
  zrange: (key, start, stop, options: ZrangeOptions = {}) =>
    members(addRange(call(ZRANGE, key), start, stop, options), options.withScores),
  zrangebylex: byLex(ZRANGEBYLEX),
  zrangebyscore: byScore(ZRANGEBYSCORE),
  zrangestore: (destination, source, start, stop, options = {}) =>
    addRange(call(ZRANGESTORE, destination, source), start, stop, options).to(decode.integer),
  zrank: rank(ZRANK),
  zrem: (key, members) => call(ZREM, key).many("members", members).to(decode.integer),
  zremrangebylex: (key, min, max) => make(ZREMRANGEBYLEX, [key, min, max], decode.integer),
  zremrangebyrank: (key, start, stop) =>
    call(ZREMRANGEBYRANK, key).integer("start", start).integer("stop", stop).to(decode.integer),
  zremrangebyscore: (key, min, max) =>
    addBound(addBound(call(ZREMRANGEBYSCORE, key), "min", min), "max", max).to(decode.integer),
  zrevrange: (key, start, stop, options: { readonly withScores?: boolean | undefined } = {}) =>
    members(call(ZREVRANGE, key).integer("start", start).integer("stop", stop), options.withScores),
  zrevrangebylex: byLex(ZREVRANGEBYLEX),
  zrevrangebyscore: byScore(ZREVRANGEBYSCORE),
  zrevrank: rank(ZREVRANK),
  zscan: (key, cursor, options: ZscanOptions = {}) =>
    addScan(call(ZSCAN, key), cursor, options).flag("NOSCORES", options.noScores)
      .to(decode.chosen(options.noScores === true ? memberPage : scoredPage)),
  zscore: (key, member) => call(ZSCORE, key).value(member).to(decode.doubleOrNull),
  zunion: combine(ZUNION),
  zunionstore: combineStore(ZUNIONSTORE)
})
