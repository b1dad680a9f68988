/**
 * SCAN, HSCAN, SSCAN and ZSCAN.
 *
 * A cursor is a place in the order of a hash of the elements. An element that exists all the time is thus returned,
 * whatever is added or removed meanwhile, as servers promise.
 */
import type { Answer } from "./Answer.ts"
import { type Bytes, formatDouble, glob } from "./Bytes.ts"
import { type Call, type Group, read } from "./Call.ts"

/** The place of an element: FNV-1a, from 1 on, because 0 is the cursor of the beginning. */
const place = (element: Bytes): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < element.length; i++) hash = Math.imul(hash ^ element.charCodeAt(i), 0x01000193)
  return (hash >>> 1) + 1
}

/** A collection up to this size comes as a whole, as servers return compact ones. */
const compactSize = 128

interface Options {
  readonly cursor: number
  readonly count: number
  readonly matches: (element: Bytes) => boolean
  readonly type: string | undefined
  readonly withoutValues: boolean
}

const optionsOf = (call: Call, at: number, allowed: ReadonlyArray<string>): Options => {
  const cursor = /^[0-9]+$/.test(call.args[at]) ? Number(call.args[at]) : call.refuse("ERR invalid cursor") ?? 0
  let [count, pattern, withoutValues] = [10, "*", false]
  let type: string | undefined
  for (let i = at + 1; i < call.args.length && !call.failed; i++) {
    const word = call.word(i)
    if (!allowed.includes(word) || (word !== "NOVALUES" && i + 1 >= call.args.length)) call.syntax()
    else if (word === "COUNT") {
      count = call.integer(++i)
      if (!call.failed && count < 1) call.syntax()
    } else if (word === "MATCH") pattern = call.args[++i]
    else if (word === "TYPE") type = call.args[++i].toLowerCase()
    else withoutValues = true
  }
  return { cursor, count, matches: glob(pattern), type, withoutValues }
}

/** The elements from a cursor on, and the next cursor. Elements at the same place come together. */
const page = (
  elements: ReadonlyArray<Bytes>,
  cursor: number,
  count: number
): readonly [next: number, elements: ReadonlyArray<Bytes>] => {
  const placed = elements.map((element) => [place(element), element] as const)
    .filter(([at]) => at >= cursor)
    .toSorted((one, other) => one[0] - other[0])
  let end = Math.min(count, placed.length)
  while (end < placed.length && placed[end][0] === placed[end - 1][0]) end++
  return [end < placed.length ? placed[end][0] : 0, placed.slice(0, end).map(([, element]) => element)]
}

const scan = (call: Call): Answer => {
  const options = optionsOf(call, 1, ["COUNT", "MATCH", "TYPE"])
  if (call.failed) return null
  const [next, keys] = page(call.db.keys(), options.cursor, options.count)
  const { matches, type } = options
  return [
    String(next),
    keys.filter((key) => matches(key) && (type === undefined || call.db.get(key)?.content.type === type))
  ]
}

/** Scans the elements of one key; `show` makes the reply for each. */
const scanElements = (
  call: Call,
  elements: ReadonlyArray<Bytes>,
  options: Options,
  show: (element: Bytes) => ReadonlyArray<Bytes>
): Answer => {
  const [next, found] = elements.length <= compactSize && options.cursor === 0
    ? [0, elements]
    : page(elements, options.cursor, options.count)
  return call.failed ? null : [String(next), found.filter(options.matches).flatMap(show)]
}

export const scans: Group = {
  SCAN: read(-2, scan),
  SSCAN: read(-3, (call) => {
    const options = optionsOf(call, 2, ["COUNT", "MATCH"])
    const set = call.failed ? undefined : call.find("set", call.args[1])
    return scanElements(call, [...(set ?? [])], options, (member) => [member])
  }),
  HSCAN: read(-3, (call) => {
    const options = optionsOf(call, 2, ["COUNT", "MATCH", "NOVALUES"])
    const hash = call.failed ? undefined : call.find("hash", call.args[1])
    return scanElements(
      call,
      [...(hash?.fields.keys() ?? [])],
      options,
      (field) => options.withoutValues ? [field] : [field, hash?.fields.get(field) ?? ""]
    )
  }),
  ZSCAN: read(-3, (call) => {
    const options = optionsOf(call, 2, ["COUNT", "MATCH"])
    const zset = call.failed ? undefined : call.find("zset", call.args[1])
    const members = zset?.entries().map(([member]) => member) ?? []
    return scanElements(call, members, options, (member) => [member, formatDouble(zset?.score(member) ?? 0)])
  })
}
