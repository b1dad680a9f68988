/** The positions of the keys among the arguments of a command, by the rules with which servers describe it. */
import type { Argument } from "../protocol/Reply.ts"
import { latin1Of } from "../protocol/text.ts"
import { isWord } from "./words.ts"

/** Finds the positions of the keys among the arguments that follow the name. */
export type KeyFinder = (args: ReadonlyArray<Argument>) => ReadonlyArray<number>

/** One rule that finds keys. Positions count from the first word of the name. */
export interface KeySpec {
  /**
   * The beginning of the keys: a position, or a keyword that is searched from a position (from the end if negative).
   */
  readonly begin:
    | { readonly type: "index"; readonly index: number }
    | { readonly type: "keyword"; readonly keyword: string; readonly from: number }
    | { readonly type: "unknown" }
  /** The end of the keys: a last position, or a number that an argument gives. */
  readonly find:
    | { readonly type: "range"; readonly last: number; readonly step: number; readonly limit: number }
    | { readonly type: "keynum"; readonly count: number; readonly first: number; readonly step: number }
    | { readonly type: "unknown" }
  /** Whether the rule finds a shard channel or a cursor, which decides the slot and is no key. */
  readonly notKey: boolean
}

/** The keys that all of the rules find, for a command whose name has so many words. */
export const byRules = (rules: ReadonlyArray<Pick<KeySpec, "begin" | "find">>, words: number): KeyFinder => (args) => {
  const keys: Array<number> = []
  for (const rule of rules) collect(rule, args, words, keys)
  return keys
}

/**
 * Adds the positions of the keys that one rule finds. A rule that does not fit the arguments finds none: the server
 * will reject the command.
 */
const collect = (
  { begin, find }: Pick<KeySpec, "begin" | "find">,
  args: ReadonlyArray<Argument>,
  words: number,
  into: Array<number>
): void => {
  // Servers count from the first word of the name; `args` begins after its last word.
  const count = args.length
  let first = begin.type === "index"
    ? begin.index - words
    : begin.type === "keyword"
    ? afterKeyword(begin.keyword, begin.from, args, words)
    : -1
  if (first < 0) return
  let last: number
  if (find.type === "range") {
    last = find.last >= 0
      ? first + find.last
      : find.limit > 1
      ? first + Math.floor((count - first) / find.limit) + find.last
      : count + find.last
  } else if (find.type === "keynum") {
    const keys = countOf(args[first + find.count])
    first += find.first
    last = first + (keys - 1) * find.step
  } else return
  if (last >= count) return
  for (let i = first; i <= last; i += find.step) into.push(i)
}

const afterKeyword = (keyword: string, from: number, args: ReadonlyArray<Argument>, words: number): number => {
  const step = from < 0 ? -1 : 1
  let i = from < 0 ? args.length + from : from - words
  for (; i >= 0 && i < args.length; i += step) {
    if (isWord(args[i], keyword)) return i + 1
  }
  return -1
}

const countOf = (argument: Argument | undefined): number => {
  const text = argument === undefined ? "" : latin1Of(argument)
  return /^[1-9][0-9]*$/.test(text) ? Number(text) : 0
}

/** The first word of the name is position 0. */
const at = (position: number): KeySpec["begin"] => ({ type: "index", index: position + 1 })

const behind = (keyword: string, from: number): KeySpec["begin"] => ({ type: "keyword", keyword, from: from + 1 })

const upTo = (last: number, step = 1, limit = 0): KeySpec["find"] => ({ type: "range", last, step, limit })

const rule = (begin: KeySpec["begin"], find: KeySpec["find"]): KeyFinder => byRules([{ begin, find }], 1)

/** All arguments are keys: `DEL`, `MGET`. */
export const allKeys: KeyFinder = rule(at(0), upTo(-1))

/** Keys and values take turns: `MSET`. */
export const everyOther: KeyFinder = rule(at(0), upTo(-1, 2))

/** The first two arguments: `RENAME`, `COPY`. */
export const firstTwo: KeyFinder = rule(at(0), upTo(1))

/** All but the first argument: `BITOP`. */
export const allButFirst: KeyFinder = rule(at(1), upTo(-1))

/** All but the last argument, which is the time to wait: `BLPOP`. */
export const allButLast: KeyFinder = rule(at(0), upTo(-2))

const numbered = (position: number, step: number) => ({
  begin: at(position),
  find: { type: "keynum", count: 0, first: 1, step } as const
})

/**
 * The number of keys stands at `position`, followed by the keys: `SINTERCARD`, `EVAL`. With `step` 2 each key has a
 * value.
 */
export const counted = (position: number, step = 1): KeyFinder => byRules([numbered(position, step)], 1)

/** A destination first, then the keys of `counted(1)`: `ZUNIONSTORE`. */
export const destinationAndCounted: KeyFinder = byRules([{ begin: at(0), find: upTo(0) }, numbered(1, 1)], 1)

/**
 * The first argument is a key, and so is the argument after each of these words, searched from `from` on:
 * `GEORADIUS key ... STORE key`.
 */
export const firstAndAfter = (from: number, words: ReadonlyArray<string>): KeyFinder =>
  byRules(
    [{ begin: at(0), find: upTo(0) }, ...words.map((word) => ({ begin: behind(word, from), find: upTo(0) }))],
    1
  )

/** The keys are the first half of the arguments after `STREAMS`, searched from `from` on: `XREAD`. */
export const streams = (from: number): KeyFinder => rule(behind("STREAMS", from), upTo(-1, 1, 2))

/**
 * The keys of SORT: the first argument, and the argument after the last `STORE` that is no value of another option.
 * Rules cannot express that.
 */
export const ofSort: KeyFinder = (args) => {
  const keys = args.length > 0 ? [0] : []
  for (let i = 1; i < args.length; i++) {
    if (isWord(args[i], "LIMIT")) i += 2
    else if (isWord(args[i], "GET") || isWord(args[i], "BY")) i += 1
    else if (isWord(args[i], "STORE") && i + 1 < args.length) keys[1] = ++i
  }
  return keys
}

/**
 * The keys of MIGRATE: the third argument, or, when it is empty, the arguments after `KEYS`. A password of `AUTH` may
 * be `keys` as well. Rules cannot express that.
 */
export const ofMigrate: KeyFinder = (args) => {
  if (args.length < 3) return []
  if (args[2]?.length !== 0) return [2]
  for (let i = 5; i < args.length; i++) {
    if (isWord(args[i], "AUTH")) i += 1
    else if (isWord(args[i], "AUTH2")) i += 2
    else if (isWord(args[i], "KEYS")) return Array.from({ length: args.length - i - 1 }, (_, n) => i + 1 + n)
  }
  return [2]
}
