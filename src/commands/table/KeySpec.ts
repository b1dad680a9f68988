/**
 * The rules by which servers find the keys among the arguments of a command.
 *
 * @since 0.1.0
 */
import type { Argument } from "../../protocol/Reply.ts"
import type { CommandSpec } from "../CommandSpec.ts"
import { isWord, textOf } from "./words.ts"

/**
 * One rule that finds keys, as servers describe them. Positions count from the first word of the name.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeySpec {
  /** Where the keys begin: at a position, or after a keyword that is searched from a position (from the end if negative). */
  readonly begin:
    | { readonly type: "index"; readonly index: number }
    | { readonly type: "keyword"; readonly keyword: string; readonly from: number }
    | { readonly type: "unknown" }
  /** Which keys follow: up to a last one, or as many as an argument says. */
  readonly find:
    | { readonly type: "range"; readonly last: number; readonly step: number; readonly limit: number }
    | { readonly type: "keynum"; readonly count: number; readonly first: number; readonly step: number }
    | { readonly type: "unknown" }
  /** What is found is a shard channel or a cursor: it decides the slot, but it is no key. */
  readonly notKey: boolean
}

/**
 * Whether the rule says where the keys are.
 *
 * @category guards
 * @since 0.1.0
 */
export const isKnown = (spec: KeySpec): boolean => spec.begin.type !== "unknown" && spec.find.type !== "unknown"

type KeyFinder = (args: ReadonlyArray<Argument>) => ReadonlyArray<number>

/** What the server finds with code, because key specs cannot say it. */
const keyFinders: Readonly<Record<string, KeyFinder | undefined>> = {
  SORT: (args) => {
    const keys = args.length > 0 ? [0] : []
    for (let i = 1; i < args.length; i++) {
      if (isWord(args[i], "LIMIT")) i += 2
      else if (isWord(args[i], "GET") || isWord(args[i], "BY")) i += 1
      else if (isWord(args[i], "STORE") && i + 1 < args.length) keys[1] = ++i
    }
    return keys
  },
  // One key as the third argument; or an empty one there, and the keys behind KEYS. The passwords of AUTH may read
  // `keys` too.
  MIGRATE: (args) => {
    if (args.length < 3) return []
    if (args[2].length > 0) return [2]
    for (let i = 5; i < args.length; i++) {
      if (isWord(args[i], "AUTH")) i += 1
      else if (isWord(args[i], "AUTH2")) i += 2
      else if (isWord(args[i], "KEYS")) return Array.from({ length: args.length - i - 1 }, (_, n) => i + 1 + n)
    }
    return [2]
  }
}

/**
 * Where the keys of a command are, by its specs; positions count from the argument behind the name.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keysOf = (name: string, all: ReadonlyArray<KeySpec>): CommandSpec["keys"] => {
  const finder = keyFinders[name]
  if (finder !== undefined) return finder
  const words = name.split(" ").length
  const specs = all.filter((spec) => !spec.notKey && isKnown(spec))
  if (specs.length === 0) return -1
  const [{ begin, find }] = specs
  if (specs.length === 1 && begin.type === "index" && find.type === "range" && find.last === 0) {
    return begin.index - words
  }
  return (args) => {
    const keys: Array<number> = []
    for (const spec of specs) collectKeys(spec, args, words, keys)
    return keys
  }
}

/**
 * Adds the positions of the keys that one spec finds. A spec that does not fit the arguments finds none: the server
 * will say what is wrong.
 */
const collectKeys = (
  { begin, find }: KeySpec,
  args: ReadonlyArray<Argument>,
  words: number,
  into: Array<number>
): void => {
  // Servers count from the first word of the name, `args` begins behind its last.
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
  const text = argument === undefined ? "" : textOf(argument)
  return /^[1-9][0-9]*$/.test(text) ? Number(text) : 0
}

/**
 * The position of the argument that decides the slot without being a key; `-1` when there is none.
 *
 * @category combinators
 * @since 0.1.0
 */
export const channelOf = (name: string, all: ReadonlyArray<KeySpec>): number => {
  const begin = all.find((spec) => spec.notKey)?.begin
  return begin?.type === "index" ? begin.index - name.split(" ").length : -1
}

/**
 * A spec in one word.
 *
 * @internal
 */
export const toText = ({ begin, find, notKey }: KeySpec): string => {
  const from = begin.type === "index"
    ? `,${begin.index}`
    : begin.type === "keyword"
    ? `,${begin.keyword},${begin.from}`
    : ""
  const to = find.type === "range"
    ? `,${find.last},${find.step},${find.limit}`
    : find.type === "keynum"
    ? `,${find.count},${find.first},${find.step}`
    : ""
  return `${begin.type}${from};${find.type}${to}${notKey ? ";not_key" : ""}`
}

/**
 * Reads what `toText` wrote.
 *
 * @internal
 */
export const fromText = (text: string): KeySpec => {
  const [begin, find, notKey] = text.split(";").map((part) => part.split(","))
  return {
    begin: begin[0] === "index"
      ? { type: "index", index: Number(begin[1]) }
      : begin[0] === "keyword"
      ? { type: "keyword", keyword: begin[1], from: Number(begin[2]) }
      : { type: "unknown" },
    find: find[0] === "range"
      ? { type: "range", last: Number(find[1]), step: Number(find[2]), limit: Number(find[3]) }
      : find[0] === "keynum"
      ? { type: "keynum", count: Number(find[1]), first: Number(find[2]), step: Number(find[3]) }
      : { type: "unknown" },
    notKey: notKey !== undefined
  }
}
