/**
 * Lists. The commands that wait for an element are in `Blocking.ts`.
 */
import { type Answer, failure, noSuchKey, nullArray, ok, outOfRange } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"

export type End = "LEFT" | "RIGHT"

const notPositive = failure("ERR value is out of range, must be positive")

const push = (end: End, onlyIfExists: boolean) => (call: Call): Answer => {
  const key = call.args[1]
  const found = call.find("list", key)
  if (call.failed) return null
  if (found === undefined && onlyIfExists) return 0
  const list = found ?? call.obtain("list", key)
  const values = call.every(2)
  if (end === "LEFT") list.unshift(...values.toReversed())
  else list.push(...values)
  call.touch(key, end === "LEFT" ? "lpush" : "rpush", "l")
  return list.length
}

/** Takes up to `count` elements from an end of a list that exists. */
export const take = (call: Call, key: Bytes, list: Array<Bytes>, end: End, count: number): Array<Bytes> => {
  const taken = end === "LEFT" ? list.splice(0, count) : list.splice(Math.max(0, list.length - count)).toReversed()
  if (taken.length > 0) call.touch(key, end === "LEFT" ? "lpop" : "rpop", "l")
  return taken
}

const pop = (end: End) => (call: Call): Answer => {
  const [, key, counted] = call.args
  if (call.args.length > 3) return call.refuse(`ERR wrong number of arguments for '${call.name}' command`)
  const count = counted === undefined ? 1 : call.integer(2, notPositive)
  if (count < 0) call.fail(notPositive)
  const list = call.failed ? undefined : call.find("list", key)
  if (call.failed) return null
  if (list === undefined) return counted === undefined ? null : nullArray
  if (counted !== undefined && count === 0) return []
  const taken = take(call, key, list, end, count)
  return counted === undefined ? taken[0] : taken
}

/** The beginning and the end (not included) of a range of indexes. Negative indexes count from the end. */
export const rangeOf = (start: number, stop: number, length: number): readonly [number, number] => {
  const from = Math.max(0, start < 0 ? length + start : start)
  const to = Math.min(length, (stop < 0 ? length + stop : stop) + 1)
  return from >= to ? [0, 0] : [from, to]
}

export const isEnd = (word: string): word is End => word === "LEFT" || word === "RIGHT"

/** Moves an element between two lists; `undefined` when there is none. */
export const move = (call: Call, source: Bytes, target: Bytes, from: End, to: End): Bytes | undefined => {
  const list = call.find("list", source)
  if (call.failed || list === undefined) return undefined
  call.find("list", target)
  if (call.failed) return undefined
  const value = from === "LEFT" ? list.shift() : list.pop()
  if (value === undefined) return undefined
  const other = source === target ? list : call.obtain("list", target)
  if (to === "LEFT") other.unshift(value)
  else other.push(value)
  call.touch(target, to === "LEFT" ? "lpush" : "rpush", "l")
  call.touch(source, from === "LEFT" ? "lpop" : "rpop", "l")
  return value
}

/** The end and the count of a pop from the first key that has elements. */
export interface MultiPop<End> {
  readonly keys: ReadonlyArray<Bytes>
  readonly end: End
  readonly count: number
}

/**
 * Reads `numkeys key ... end [COUNT count]` of LMPOP, ZMPOP and their blocking forms, from the position of `numkeys`
 * on.
 */
export const multiPopOf = <End extends string>(
  call: Call,
  at: number,
  isEnd: (word: string) => word is End
): MultiPop<End> | undefined => {
  const wrong = failure("ERR numkeys should be greater than 0")
  const numkeys = call.integer(at, wrong)
  if (numkeys <= 0) call.fail(wrong)
  const end = call.word(at + 1 + numkeys)
  if (!isEnd(end)) call.syntax()
  let count = 1
  if (call.args.length > at + 2 + numkeys) {
    if (call.word(at + 2 + numkeys) !== "COUNT" || call.args.length !== at + 4 + numkeys) call.syntax()
    const tooSmall = failure("ERR count should be greater than 0")
    count = call.integer(at + 3 + numkeys, tooSmall)
    if (count <= 0) call.fail(tooSmall)
  }
  return call.failed || !isEnd(end) ? undefined : { keys: call.args.slice(at + 1, at + 1 + numkeys), end, count }
}

/** Takes elements from the first list that has any. */
export const popFirst = (call: Call, { count, end, keys }: MultiPop<End>): Answer | undefined =>
  call.firstOf("list", keys, (key, list) => [key, take(call, key, list, end, count)])

const lpos = (call: Call): Answer => {
  const [, key, element] = call.args
  let [rank, count, maxLength] = [1, -1, 0]
  for (let i = 3; i < call.args.length && !call.failed; i += 2) {
    const word = call.word(i)
    if (i + 1 >= call.args.length) call.syntax()
    else if (word === "RANK") {
      rank = call.integer(i + 1)
      if (!call.failed && rank === 0) {
        call.refuse(
          "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list"
        )
      }
    } else if (word === "COUNT") {
      count = call.integer(i + 1, failure("ERR COUNT can't be negative"))
      if (count < 0) call.refuse("ERR COUNT can't be negative")
    } else if (word === "MAXLEN") {
      maxLength = call.integer(i + 1, failure("ERR MAXLEN can't be negative"))
      if (maxLength < 0) call.refuse("ERR MAXLEN can't be negative")
    } else call.syntax()
  }
  const list = call.failed ? undefined : call.find("list", key)
  if (call.failed) return null
  if (list === undefined) return count === -1 ? null : []
  const found: Array<number> = []
  const wanted = count === -1 ? 1 : count === 0 ? Infinity : count
  const looks = maxLength === 0 ? list.length : Math.min(maxLength, list.length)
  let skip = Math.abs(rank) - 1
  for (let i = 0; i < looks && found.length < wanted; i++) {
    const index = rank > 0 ? i : list.length - 1 - i
    if (list[index] !== element) continue
    if (skip > 0) skip--
    else found.push(index)
  }
  return count === -1 ? found[0] ?? null : found
}

const lrem = (call: Call): Answer => {
  const [, key, , element] = call.args
  const count = call.integer(2)
  const list = call.failed ? undefined : call.find("list", key)
  if (call.failed || list === undefined) return 0
  let left = count === 0 ? Infinity : Math.abs(count)
  const keep = (value: Bytes) => value !== element || left-- <= 0
  const kept = count < 0 ? list.toReversed().filter(keep).toReversed() : list.filter(keep)
  const removed = list.length - kept.length
  list.splice(0, list.length, ...kept)
  if (removed > 0) call.touch(key, "lrem", "l")
  return removed
}

const lmove = (call: Call, from: string, to: string): Answer => {
  if (!isEnd(from) || !isEnd(to)) return call.syntax()
  return move(call, call.args[1], call.args[2], from, to) ?? null
}

const linsert = (call: Call): Answer => {
  const [, key, , pivot, value] = call.args
  const where = call.word(2)
  if (where !== "BEFORE" && where !== "AFTER") return call.syntax()
  const list = call.find("list", key)
  if (call.failed || list === undefined) return 0
  const index = list.indexOf(pivot)
  if (index === -1) return -1
  list.splice(where === "BEFORE" ? index : index + 1, 0, value)
  call.touch(key, "linsert", "l")
  return list.length
}

export const lists: Group = {
  LPUSH: write(-3, push("LEFT", false)),
  RPUSH: write(-3, push("RIGHT", false)),
  LPUSHX: write(-3, push("LEFT", true)),
  RPUSHX: write(-3, push("RIGHT", true)),
  LPOP: write(-2, pop("LEFT")),
  RPOP: write(-2, pop("RIGHT")),
  LLEN: read(2, (call) => call.find("list", call.args[1])?.length ?? 0),
  LRANGE: read(4, (call) => {
    const start = call.integer(2)
    const stop = call.integer(3)
    const list = call.failed ? undefined : call.find("list", call.args[1])
    return list === undefined ? [] : list.slice(...rangeOf(start, stop, list.length))
  }),
  LINDEX: read(3, (call) => {
    const list = call.find("list", call.args[1])
    if (call.failed || list === undefined) return null
    return list.at(call.integer(2)) ?? null
  }),
  LSET: write(4, (call) => {
    const list = call.find("list", call.args[1])
    if (call.failed) return null
    if (list === undefined) return call.fail(noSuchKey)
    const index = call.integer(2)
    if (call.failed) return null
    const at = index < 0 ? list.length + index : index
    if (at < 0 || at >= list.length) return call.fail(outOfRange)
    list[at] = call.args[3]
    call.touch(call.args[1], "lset", "l")
    return ok
  }),
  LINSERT: write(5, linsert),
  LREM: write(4, lrem),
  LTRIM: write(4, (call) => {
    const start = call.integer(2)
    const stop = call.integer(3)
    const list = call.failed ? undefined : call.find("list", call.args[1])
    if (call.failed || list === undefined) return ok
    const kept = list.slice(...rangeOf(start, stop, list.length))
    list.splice(0, list.length, ...kept)
    call.touch(call.args[1], "ltrim", "l")
    return ok
  }),
  LPOS: read(-3, lpos),
  LMOVE: write(5, (call) => lmove(call, call.word(3), call.word(4))),
  RPOPLPUSH: write(3, (call) => lmove(call, "RIGHT", "LEFT")),
  LMPOP: write(-4, (call) => {
    const wanted = multiPopOf(call, 1, isEnd)
    return wanted === undefined ? null : popFirst(call, wanted) ?? nullArray
  })
}
