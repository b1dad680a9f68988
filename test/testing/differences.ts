/**
 * The allowed differences between the engine and a server, or between two versions of a server: the list of the
 * documentation.
 */
import type { Typed, Words } from "./Twins.ts"

const unordered = new Set([
  "SMEMBERS",
  "SINTER",
  "SUNION",
  "SDIFF",
  "SPOP",
  "SRANDMEMBER",
  "HKEYS",
  "HVALS",
  "HRANDFIELD",
  "HGETALL",
  "KEYS",
  "ZRANDMEMBER"
])

const text = (reply: Typed): string => JSON.stringify(reply)

/** Fields and values in turns stay together when they are sorted. */
const sorted = (items: ReadonlyArray<Typed>, step: number): ReadonlyArray<Typed> => {
  const rows: Array<ReadonlyArray<Typed>> = []
  for (let i = 0; i < items.length; i += step) rows.push(items.slice(i, i + step))
  return rows.toSorted((one, other) => one.map(text).join() < other.map(text).join() ? -1 : 1).flat()
}

const stepOf = (words: Words, type: string): number =>
  words[0] === "HGETALL" || (type === "*" && (words.at(-1) ?? "").startsWith("WITH") && words[0] !== "HVALS") ? 2 : 1

/** Before 7.2 the null array of some commands, and the words of some errors, were others. */
const plain = ([type, value]: Typed): Typed => {
  if (type === "-") {
    return [
      type,
      String(value).replace(/^(ERR Unbalanced).*$/, "$1").replace(/ when keys formed.*$/, "").replace(/[.\s]+$/, "")
    ]
  }
  // Two clocks: what expires within a while expires then.
  if (type === ":" && Number(value) > 1e9 && Number(value) < 9e9) return [type, "soon"]
  // The time that is left until the year 5138, which the sequences use.
  if (type === ":" && Number(value) > 9.7e10 && Number(value) < 9.9e10) return [type, "late"]
  // Coordinates had 17 decimals before 8.0; since then as many as it takes.
  if (typeof value === "string" && /^-?[0-9]+\.[0-9]{6,}(?:e-?[0-9]+)?$/.test(value)) {
    return [type, Number(value).toFixed(9)]
  }
  return [type, Array.isArray(value) ? value.map(plain) : value]
}

/** Before 7.2 XCLAIM made its consumer only when it had something for it. */
const withoutConsumers = ([type, value]: Typed): Typed => [
  type,
  Array.isArray(value)
    ? value.map(withoutConsumers).filter((_, i, items) => i === 0 || items[i - 1][1] !== "consumers")
    : value
]

const sortedItems = (words: Words, [type, value]: Typed): Typed => [
  type,
  Array.isArray(value) ? sorted(value, words[0] === "HSCAN" || words[0] === "ZSCAN" ? 2 : 1) : value
]

/** SORT that is told not to sort takes the members of a set as they come. */
const isUnordered = (words: Words): boolean => unordered.has(words[0]) || words.at(-1) === "nosort"

export const normalized = (words: Words, reply: Typed): Typed => {
  const [type, value] = plain(reply)
  if (words[0] === "XINFO") return withoutConsumers([type, value])
  if (words[0].endsWith("SCAN") && Array.isArray(value)) return [type, [value[0], sortedItems(words, value[1])]]
  if (!isUnordered(words) || !Array.isArray(value)) return [type, value]
  const isNested = value.some(([type]) => type === "*")
  return [type, sorted(value, isNested ? 1 : stepOf(words, type))]
}
