/**
 * Sorted sets. The commands that wait for a member are in `Blocking.ts`.
 */
import { type Answer, Double, failure, nullArray } from "./Answer.ts"
import { type Bytes, compare, parseFloat64 } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { type MultiPop, multiPopOf, rangeOf } from "./Lists.ts"
import { type Combine, difference, intersection, limitAfter, numberedKeys, union } from "./SetAlgebra.ts"
import { choose } from "./Sets.ts"
import { type Scored, SortedSet } from "./SortedSet.ts"

export type Extreme = "MIN" | "MAX"

/** Members with scores as a list: pairs over RESP3, in turns over RESP2. */
const withScores = (call: Call, entries: ReadonlyArray<Scored>): Answer =>
  call.session.resp === 3
    ? entries.map(([member, score]) => [member, new Double(score)])
    : entries.flatMap(([member, score]) => [member, new Double(score)])

const namesOf = (entries: ReadonlyArray<Scored>): Answer => entries.map(([member]) => member)

const zadd = (call: Call): Answer => {
  const key = call.args[1]
  const flags = new Set<string>()
  let at = 2
  for (; at < call.args.length && ["NX", "XX", "GT", "LT", "CH", "INCR"].includes(call.word(at)); at++) {
    flags.add(call.word(at))
  }
  const pairs = call.args.length - at
  if (pairs === 0 || pairs % 2 === 1) return call.syntax()
  if (flags.has("NX") && flags.has("XX")) {
    return call.refuse("ERR XX and NX options at the same time are not compatible")
  }
  if ((flags.has("GT") && (flags.has("NX") || flags.has("LT"))) || (flags.has("LT") && flags.has("NX"))) {
    return call.refuse("ERR GT, LT, and/or NX options at the same time are not compatible")
  }
  if (flags.has("INCR") && pairs > 2) return call.refuse("ERR INCR option supports a single increment-element pair")
  const scores: Array<number> = []
  for (let i = at; i < call.args.length; i += 2) scores.push(call.float(i))
  const found = call.failed ? undefined : call.find("zset", key)
  if (call.failed) return null
  if (found === undefined && flags.has("XX")) return flags.has("INCR") ? null : 0
  const zset = found ?? new SortedSet()
  let [added, updated] = [0, 0]
  let result: number | undefined
  for (let i = 0; i < scores.length; i++) {
    const member = call.args[at + i * 2 + 1]
    const old = zset.score(member)
    if (old === undefined ? flags.has("XX") : flags.has("NX")) continue
    const score = flags.has("INCR") && old !== undefined ? old + scores[i] : scores[i]
    if (Number.isNaN(score)) return call.refuse("ERR resulting score is not a number (NaN)")
    if (old !== undefined && ((flags.has("GT") && score <= old) || (flags.has("LT") && score >= old))) continue
    result = score
    if (old === undefined) added++
    else if (old === score) continue
    else updated++
    zset.set(member, score)
  }
  if (added + updated > 0) {
    if (found === undefined) call.db.set(key, { type: "zset", value: zset })
    call.touch(key, flags.has("INCR") ? "zincr" : "zadd", "z")
  }
  if (flags.has("INCR")) return result === undefined ? null : new Double(result)
  return flags.has("CH") ? added + updated : added
}

const zincrby = (call: Call): Answer => {
  const [, key, , member] = call.args
  const by = call.float(2)
  const found = call.failed ? undefined : call.find("zset", key)
  if (call.failed) return null
  const score = (found?.score(member) ?? 0) + by
  if (Number.isNaN(score)) return call.refuse("ERR resulting score is not a number (NaN)")
  call.obtain("zset", key).set(member, score)
  call.touch(key, "zincr", "z")
  return new Double(score)
}

interface Bound<A> {
  readonly value: A
  readonly excluded: boolean
}

const notBound = failure("ERR min or max is not a float")
const notLexBound = failure("ERR min or max not valid string range item")

const scoreBound = (call: Call, index: number): Bound<number> => {
  const text = call.args[index]
  const excluded = text.startsWith("(")
  const value = parseFloat64(excluded ? text.slice(1) : text)
  if (value === undefined) call.fail(notBound)
  return { value: value ?? 0, excluded }
}

/** A bound of members; `-` and `+` are before and after all members. */
type LexBound = Bound<Bytes> | "-" | "+"

const lexBound = (call: Call, index: number): LexBound => {
  const text = call.args[index]
  if (text === "-" || text === "+") return text
  if (!text.startsWith("[") && !text.startsWith("(")) call.fail(notLexBound)
  return { value: text.slice(1), excluded: text.startsWith("(") }
}

const isAboveLex = (member: Bytes, min: LexBound): boolean => {
  if (typeof min === "string") return min === "-"
  const order = compare(member, min.value)
  return order > 0 || (order === 0 && !min.excluded)
}

const isBelowLex = (member: Bytes, max: LexBound): boolean => {
  if (typeof max === "string") return max === "+"
  const order = compare(member, max.value)
  return order < 0 || (order === 0 && !max.excluded)
}

/** The members of a range, from the lowest on; `skip` is the number of members that are left out at the near end. */
type Selection = (zset: SortedSet, skip?: number) => ReadonlyArray<Scored>

const skipping = (entries: ReadonlyArray<Scored>, skip: number, reversed: boolean): ReadonlyArray<Scored> =>
  skip === 0 ? entries : reversed ? entries.slice(0, -skip) : entries.slice(skip)

const byScore = (call: Call, min: number, max: number, reversed = false): Selection => {
  const from = scoreBound(call, min)
  const to = scoreBound(call, max)
  return (zset, skip = 0) =>
    skipping(
      zset.entries().filter(([, score]) =>
        (from.excluded ? score > from.value : score >= from.value) &&
        (to.excluded ? score < to.value : score <= to.value)
      ),
      skip,
      reversed
    )
}

/**
 * The members between two bounds, for members with one score. For members with several scores the result is that of
 * servers, which stop at the first member outside and skip members without a check.
 */
const byLex = (call: Call, min: number, max: number, reversed = false): Selection => {
  const from = lexBound(call, min)
  const to = lexBound(call, max)
  return (zset, skip = 0) => {
    const all = zset.entries()
    const names = all.map(([member]) => member)
    if (all.length === 0 || !isAboveLex(names[names.length - 1], from) || !isBelowLex(names[0], to)) return []
    if (reversed) {
      const last = names.findLastIndex((member) => isBelowLex(member, to))
      if (!isAboveLex(names[last], from)) return []
      const before = names.findLastIndex((member, i) => i <= last - skip && !isAboveLex(member, from))
      return all.slice(before + 1, Math.max(last + 1 - skip, 0))
    }
    const first = names.findIndex((member) => isAboveLex(member, from))
    if (!isBelowLex(names[first], to)) return []
    const after = names.findIndex((member, i) => i >= first + skip && !isBelowLex(member, to))
    return all.slice(first + skip, after === -1 ? undefined : after)
  }
}

const byRank = (call: Call, start: number, stop: number, reversed: boolean): Selection => {
  const from = call.integer(start)
  const to = call.integer(stop)
  return (zset) => {
    const all = reversed ? zset.entries().toReversed() : zset.entries()
    const chosen = all.slice(...rangeOf(from, to, all.length))
    return reversed ? chosen.toReversed() : chosen
  }
}

interface RangeQuery {
  readonly select: (zset: SortedSet) => ReadonlyArray<Scored>
  readonly withScores: boolean
}

/** Reads the arguments after the key of a range command: bounds, then options. */
const rangeQuery = (
  call: Call,
  at: number,
  fixed: { readonly by: "rank" | "score" | "lex" | undefined; readonly reversed: boolean; readonly scores: boolean }
): RangeQuery => {
  let { by, reversed } = fixed
  let [offset, count, scores, limited] = [0, -1, false, false]
  for (let i = at + 2; i < call.args.length && !call.failed; i++) {
    const word = call.word(i)
    if (word === "WITHSCORES" && fixed.scores) scores = true
    else if (word === "LIMIT" && i + 2 < call.args.length) {
      limited = true
      offset = call.integer(++i)
      count = call.integer(++i)
    } else if (fixed.by === undefined && word === "BYSCORE") by = "score"
    else if (fixed.by === undefined && word === "BYLEX") by = "lex"
    else if (fixed.by === undefined && word === "REV") reversed = true
    else call.syntax()
  }
  if (limited && (by ?? "rank") === "rank") {
    call.refuse("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
  }
  if (scores && by === "lex") call.refuse("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
  const [low, high] = reversed && by !== "rank" && by !== undefined ? [at + 1, at] : [at, at + 1]
  const select = call.failed
    ? () => []
    : by === "score"
    ? byScore(call, low, high, reversed)
    : by === "lex"
    ? byLex(call, low, high, reversed)
    : byRank(call, low, high, reversed)
  return {
    withScores: scores,
    select: (zset) => {
      if (offset < 0) return []
      const found = select(zset, offset)
      const ordered = reversed ? found.toReversed() : found
      return count < 0 ? ordered : ordered.slice(0, count)
    }
  }
}

const range = (by: "rank" | "score" | "lex" | undefined, reversed: boolean) => (call: Call): Answer => {
  const query = rangeQuery(call, 2, { by, reversed, scores: by !== "lex" })
  const zset = call.failed ? undefined : call.find("zset", call.args[1])
  if (call.failed) return null
  const entries = zset === undefined ? [] : query.select(zset)
  return query.withScores ? withScores(call, entries) : namesOf(entries)
}

const store = (call: Call, entries: ReadonlyArray<Scored>, event: string): Answer => {
  call.store(call.args[1], { type: "zset", value: new SortedSet(entries) }, entries.length, event, "z")
  return entries.length
}

const count = (select: (call: Call, min: number, max: number) => Selection) => (call: Call): Answer => {
  const selection = select(call, 2, 3)
  const zset = call.failed ? undefined : call.find("zset", call.args[1])
  return zset === undefined ? 0 : selection(zset).length
}

const removeRange =
  (select: (call: Call, min: number, max: number) => Selection, event: string) => (call: Call): Answer => {
    const selection = select(call, 2, 3)
    const zset = call.failed ? undefined : call.find("zset", call.args[1])
    if (call.failed || zset === undefined) return 0
    const entries = selection(zset)
    for (const [member] of entries) zset.delete(member)
    if (entries.length > 0) call.touch(call.args[1], event, "z")
    return entries.length
  }

const rank = (reversed: boolean) => (call: Call): Answer => {
  const [, key, member] = call.args
  const scored = call.args.length > 3
  if (call.args.length > 4 || (scored && call.word(3) !== "WITHSCORE")) return call.syntax()
  const zset = call.find("zset", key)
  const score = zset?.score(member)
  if (zset === undefined || score === undefined) return scored ? nullArray : null
  const at = zset.rank(member)
  const result = reversed ? zset.size - 1 - at : at
  return scored ? [result, new Double(score)] : result
}

/** Takes up to `count` members from an end. */
export const takeScored = (
  call: Call,
  key: Bytes,
  zset: SortedSet,
  end: Extreme,
  count: number
): ReadonlyArray<Scored> => {
  const entries = zset.entries()
  const taken = end === "MIN"
    ? entries.slice(0, count)
    : entries.slice(Math.max(0, entries.length - count)).toReversed()
  for (const [member] of taken) zset.delete(member)
  if (taken.length > 0) call.touch(key, end === "MIN" ? "zpopmin" : "zpopmax", "z")
  return taken
}

const pop = (end: Extreme) => (call: Call): Answer => {
  const counted = call.args.length > 2
  if (call.args.length > 3) return call.syntax()
  const wrong = failure("ERR value is out of range, must be positive")
  const count = counted ? call.integer(2, wrong) : 1
  if (count < 0) call.fail(wrong)
  const zset = call.failed ? undefined : call.find("zset", call.args[1])
  if (call.failed) return null
  const taken = zset === undefined ? [] : takeScored(call, call.args[1], zset, end, count)
  return counted ? withScores(call, taken) : taken.flatMap(([member, score]) => [member, new Double(score)])
}

export const isExtreme = (word: string): word is Extreme => word === "MIN" || word === "MAX"

/** Takes members from the first sorted set that has any. */
export const popFirstScored = (call: Call, { count, end, keys }: MultiPop<Extreme>): Answer | undefined =>
  call.firstOf("zset", keys, (key, zset) => [
    key,
    takeScored(call, key, zset, end, count).map(([member, score]) => [member, new Double(score)])
  ])

const zmpop = (call: Call): Answer => {
  const wanted = multiPopOf(call, 1, isExtreme)
  return wanted === undefined ? null : popFirstScored(call, wanted) ?? nullArray
}

const zrandmember = (call: Call): Answer => {
  const counted = call.args.length > 2
  const scored = call.args.length > 3
  if (call.args.length > 4 || (scored && call.word(3) !== "WITHSCORES")) return call.syntax()
  const wanted = counted ? call.integer(2) : 1
  const zset = call.failed ? undefined : call.find("zset", call.args[1])
  if (call.failed) return null
  const chosen = choose(zset?.entries() ?? [], wanted, call.node.cluster.random)
  if (!counted) return chosen[0]?.[0] ?? null
  return scored ? withScores(call, chosen) : namesOf(chosen)
}

type Merge = (one: number, other: number) => number

const merges: Readonly<Record<string, Merge | undefined>> = {
  // The sum of infinities with opposite signs is 0.
  SUM: (one, other) => Number.isNaN(one + other) ? 0 : one + other,
  // The first of two zeros stays, whatever their signs.
  MIN: (one, other) => other < one ? other : one,
  MAX: (one, other) => other > one ? other : one
}

/** Plain sets count as sorted sets whose scores are 1. */
const scoredOf = (call: Call, key: Bytes): ReadonlyMap<Bytes, number> => {
  const content = call.db.get(key)?.content
  if (content === undefined) return new Map()
  if (content.type === "set") return new Map(Array.from(content.value, (member) => [member, 1]))
  const zset = call.find("zset", key)
  return new Map(zset?.entries())
}

interface Combination {
  readonly entries: ReadonlyArray<Scored>
  readonly scores: boolean
}

const combine = (call: Call, at: number, operation: Combine, stores: boolean): Combination => {
  const none: Combination = { entries: [], scores: false }
  const numkeys = call.integer(at)
  if (!call.failed && numkeys < 1) {
    call.refuse(`ERR at least 1 input key is needed for '${call.name}' command`)
  }
  if (!call.failed && numkeys > call.args.length - at - 1) call.syntax()
  if (call.failed) return none
  const keys = call.args.slice(at + 1, at + 1 + numkeys)
  const inputs = keys.map((key) => scoredOf(call, key))
  if (call.failed) return none
  let weights: ReadonlyArray<number> = keys.map(() => 1)
  let [merge, scores] = [merges["SUM"], false]
  for (let i = at + 1 + numkeys; i < call.args.length && !call.failed; i++) {
    const word = call.word(i)
    if (word === "WEIGHTS" && operation !== difference && i + numkeys < call.args.length) {
      weights = keys.map((_, key) => call.float(i + 1 + key, failure("ERR weight value is not a float")))
      i += numkeys
    } else if (word === "AGGREGATE" && operation !== difference && i + 1 < call.args.length) {
      merge = merges[call.word(++i)]
      if (merge === undefined) call.syntax()
    } else if (word === "WITHSCORES" && !stores) scores = true
    else call.syntax()
  }
  if (call.failed || merge === undefined) return none
  const weighted = inputs.map((input, i) =>
    new Map(Array.from(input, ([member, score]) => {
      const value = score * weights[i]
      return [member, Number.isNaN(value) ? 0 : value]
    }))
  )
  // Servers begin with the smallest, which decides about the sign of a zero.
  const inOrder = operation === difference ? weighted : weighted.toSorted((one, other) => one.size - other.size)
  return {
    entries: new SortedSet(merged(inOrder, operation, merge)).entries(),
    scores
  }
}

/** Each member with its scores in all of the inputs that have it, merged. */
const merged = (
  inputs: ReadonlyArray<ReadonlyMap<Bytes, number>>,
  operation: Combine,
  merge: Merge
): ReadonlyArray<Scored> =>
  Array.from(operation(inputs), (member) => {
    const scores = inputs.flatMap((input) => input.get(member) ?? [])
    return [member, scores.reduce((one, other) => merge(one, other))]
  })

const combined = (operation: Combine) => (call: Call): Answer => {
  const { entries, scores } = combine(call, 1, operation, false)
  return scores ? withScores(call, entries) : namesOf(entries)
}

const combinedInto = (operation: Combine) => (call: Call): Answer => {
  const { entries } = combine(call, 2, operation, true)
  return call.failed ? null : store(call, entries, call.name)
}

/** A key of a wrong type is reported before a wrong LIMIT, unlike for SINTERCARD. */
const zintercard = (call: Call): Answer => {
  const keys = numberedKeys(call)
  const inputs = keys.map((key) => scoredOf(call, key))
  const limit = limitAfter(call, keys)
  return call.failed ? null : Math.min(limit, intersection(inputs).size)
}

export const sortedSets: Group = {
  ZADD: write(-4, zadd),
  ZINCRBY: write(4, zincrby),
  ZREM: write(-3, (call) => {
    const zset = call.find("zset", call.args[1])
    if (call.failed || zset === undefined) return 0
    const removed = call.every(2).filter((member) => zset.delete(member)).length
    if (removed > 0) call.touch(call.args[1], "zrem", "z")
    return removed
  }),
  ZCARD: read(2, (call) => call.find("zset", call.args[1])?.size ?? 0),
  ZSCORE: read(3, (call) => {
    const score = call.find("zset", call.args[1])?.score(call.args[2])
    return score === undefined ? null : new Double(score)
  }),
  ZMSCORE: read(-3, (call) => {
    const zset = call.find("zset", call.args[1])
    return call.every(2).map((member) => {
      const score = zset?.score(member)
      return score === undefined ? null : new Double(score)
    })
  }),
  ZCOUNT: read(4, count(byScore)),
  ZLEXCOUNT: read(4, count(byLex)),
  ZRANGE: read(-4, range(undefined, false)),
  ZREVRANGE: read(-4, range("rank", true)),
  ZRANGEBYSCORE: read(-4, range("score", false)),
  ZREVRANGEBYSCORE: read(-4, range("score", true)),
  ZRANGEBYLEX: read(-4, range("lex", false)),
  ZREVRANGEBYLEX: read(-4, range("lex", true)),
  ZRANGESTORE: write(-5, (call) => {
    const query = rangeQuery(call, 3, { by: undefined, reversed: false, scores: false })
    const zset = call.failed ? undefined : call.find("zset", call.args[2])
    return call.failed ? null : store(call, zset === undefined ? [] : query.select(zset), "zrangestore")
  }),
  ZRANK: read(-3, rank(false)),
  ZREVRANK: read(-3, rank(true)),
  ZREMRANGEBYRANK: write(4, removeRange((call, min, max) => byRank(call, min, max, false), "zremrangebyrank")),
  ZREMRANGEBYSCORE: write(4, removeRange(byScore, "zremrangebyscore")),
  ZREMRANGEBYLEX: write(4, removeRange(byLex, "zremrangebylex")),
  ZPOPMIN: write(-2, pop("MIN")),
  ZPOPMAX: write(-2, pop("MAX")),
  ZMPOP: write(-4, zmpop),
  ZRANDMEMBER: read(-2, zrandmember),
  ZUNION: read(-3, combined(union)),
  ZINTER: read(-3, combined(intersection)),
  ZDIFF: read(-3, combined(difference)),
  ZUNIONSTORE: write(-4, combinedInto(union)),
  ZINTERSTORE: write(-4, combinedInto(intersection)),
  ZDIFFSTORE: write(-4, combinedInto(difference)),
  ZINTERCARD: read(-3, zintercard)
}
