/**
 * Commands that wait until there is something to take. Inside a transaction they do not wait.
 *
 * @internal
 */
import { type Answer, Double, nothing, nullArray } from "./Answer.ts"
import { type Bytes, parseFloat64 } from "./Bytes.ts"
import { type Call, type Group, write } from "./Call.ts"
import { type End, isEnd, move, multiPopOf, popFirst, take } from "./Lists.ts"
import { type Extreme, isExtreme, popFirstScored, takeScored } from "./SortedSets.ts"

/** A timeout in seconds, with decimals, as milliseconds; 0 is for ever. */
const timeoutAt = (call: Call, index: number): number => {
  const seconds = parseFloat64(call.args.at(index) ?? "")
  if (seconds === undefined) call.refuse("ERR timeout is not a float or out of range")
  else if (seconds < 0) call.refuse("ERR timeout is negative")
  else if (seconds > 2 ** 53) call.refuse("ERR timeout is out of range")
  return Math.ceil((seconds ?? 0) * 1000)
}

/** Answers now, or when one of the keys gets something, or with `empty` when the time is over. */
export const waitFor = (
  call: Call,
  keys: ReadonlyArray<Bytes>,
  millis: number,
  attempt: () => Answer | undefined,
  empty: Answer
): Answer => {
  const now = attempt()
  if (call.failed || now !== undefined) return now ?? null
  if (call.inTransaction) return empty
  const again = () => {
    const answer = attempt()
    const { failure } = call
    call.failure = undefined
    // A key of the wrong type is not what is waited for.
    return failure === undefined ? answer : undefined
  }
  call.session.wait(keys, millis, again, () => empty)
  return nothing
}

const popOne = (end: End) => (call: Call): Answer => {
  const keys = call.args.slice(1, -1)
  const millis = timeoutAt(call, -1)
  if (call.failed) return null
  return waitFor(call, keys, millis, () => {
    for (const key of keys) {
      const list = call.find("list", key)
      if (call.failed) return null
      if (list !== undefined) return [key, ...take(call, key, list, end, 1)]
    }
    return undefined
  }, nullArray)
}

const popScored = (end: Extreme) => (call: Call): Answer => {
  const keys = call.args.slice(1, -1)
  const millis = timeoutAt(call, -1)
  if (call.failed) return null
  return waitFor(call, keys, millis, () => {
    for (const key of keys) {
      const zset = call.find("zset", key)
      if (call.failed) return null
      if (zset !== undefined) {
        return [key, ...takeScored(call, key, zset, end, 1).flatMap(([member, score]) => [member, new Double(score)])]
      }
    }
    return undefined
  }, nullArray)
}

const moveWaiting = (call: Call, from: string, to: string): Answer => {
  if (!isEnd(from) || !isEnd(to)) return call.syntax()
  const millis = timeoutAt(call, -1)
  if (call.failed) return null
  const [, source, target] = call.args
  return waitFor(call, [source], millis, () => move(call, source, target, from, to), null)
}

export const blocking: Group = {
  BLPOP: write(-3, popOne("LEFT")),
  BRPOP: write(-3, popOne("RIGHT")),
  BZPOPMIN: write(-3, popScored("MIN")),
  BZPOPMAX: write(-3, popScored("MAX")),
  BLMOVE: write(6, (call) => moveWaiting(call, call.word(3), call.word(4))),
  BRPOPLPUSH: write(4, (call) => moveWaiting(call, "RIGHT", "LEFT")),
  BLMPOP: write(-5, (call) => {
    const millis = timeoutAt(call, 1)
    const { count, keys, where } = call.failed ? { count: 0, keys: [], where: "" } : multiPopOf(call, 2)
    if (call.failed) return null
    if (!isEnd(where)) return call.syntax()
    return waitFor(call, keys, millis, () => popFirst(call, keys, where, count), nullArray)
  }),
  BZMPOP: write(-5, (call) => {
    const millis = timeoutAt(call, 1)
    const { count, keys, where } = call.failed ? { count: 0, keys: [], where: "" } : multiPopOf(call, 2)
    if (call.failed) return null
    if (!isExtreme(where)) return call.syntax()
    return waitFor(call, keys, millis, () => popFirstScored(call, keys, where, count), nullArray)
  })
}
