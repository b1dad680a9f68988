/** The rules by which servers find the keys among the arguments of a command, in the form of the table. */
import type { CommandSpec } from "../CommandSpec.ts"
import { factsOf } from "../facts.ts"
import { byRules, type KeySpec } from "../keys.ts"

export type { KeySpec } from "../keys.ts"

/** Whether the rule can find the keys. */
export const isKnown = (spec: KeySpec): boolean => spec.begin.type !== "unknown" && spec.find.type !== "unknown"

/** The keys of a command by its specs; positions count from the first argument after the name. */
export const keysOf = (name: string, all: ReadonlyArray<KeySpec>): CommandSpec["keys"] => {
  const words = name.split(" ")
  const known = factsOf(words).keys
  if (known !== undefined) return known
  const specs = all.filter((spec) => !spec.notKey && isKnown(spec))
  if (specs.length === 0) return -1
  const [{ begin, find }] = specs
  if (specs.length === 1 && begin.type === "index" && find.type === "range" && find.last === 0) {
    return begin.index - words.length
  }
  return byRules(specs, words.length)
}

/** The position of the argument that decides the slot without being a key; `-1` when there is none. */
export const channelOf = (name: string, all: ReadonlyArray<KeySpec>): number => {
  const begin = all.find((spec) => spec.notKey)?.begin
  return begin?.type === "index" ? begin.index - name.split(" ").length : -1
}

/**
 * Writes a spec as one word.
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
