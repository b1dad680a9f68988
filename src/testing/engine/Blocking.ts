/**
 * Commands that wait until there is an element to take. Inside a transaction they do not wait.
 */
import { type Answer, Double, nothing, nullArray } from "./Answer.ts"
import { type Bytes, parseFloat64 } from "./Bytes.ts"
import { type Call, type Group, write } from "./Call.ts"
import { type End, isEnd, move, type MultiPop, multiPopOf, popFirst, take } from "./Lists.ts"
import { type Extreme, isExtreme, popFirstScored, takeScored } from "./SortedSets.ts"

/** A timeout in seconds, with decimals, as milliseconds; 0 stands for no limit. */
const timeoutAt = (call: Call, index: number): number => {
  const seconds = parseFloat64(call.args.at(index) ?? "")
  if (seconds === undefined) call.refuse("ERR timeout is not a float or out of range")
  else if (seconds < 0) call.refuse("ERR timeout is negative")
  else if (seconds > 2 ** 53) call.refuse("ERR timeout is out of range")
  return Math.ceil((seconds ?? 0) * 1000)
}

/** Answers now, or when one of the keys gets an element, or with `empty` when the time is over. */
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
    // The command goes on waiting at a key of the wrong type.
    return failure === undefined ? answer : undefined
  }
  call.session.wait(keys, millis, again, () => empty)
  return nothing
}

/** Takes from the keys in front of the timeout, which is the last argument. */
const popOne = (pop: (call: Call, keys: ReadonlyArray<Bytes>) => Answer | undefined) => (call: Call): Answer => {
  const keys = call.args.slice(1, -1)
  const millis = timeoutAt(call, -1)
  return call.failed ? null : waitFor(call, keys, millis, () => pop(call, keys), nullArray)
}

const popElement = (end: End) =>
  popOne((call, keys) => call.firstOf("list", keys, (key, list) => [key, ...take(call, key, list, end, 1)]))

const popScored = (end: Extreme) =>
  popOne((call, keys) =>
    call.firstOf("zset", keys, (key, zset) => [
      key,
      ...takeScored(call, key, zset, end, 1).flatMap(([member, score]) => [member, new Double(score)])
    ])
  )

const popSome = <End extends string>(
  isEnd: (word: string) => word is End,
  pop: (call: Call, wanted: MultiPop<End>) => Answer | undefined
) =>
(call: Call): Answer => {
  const millis = timeoutAt(call, 1)
  const wanted = call.failed ? undefined : multiPopOf(call, 2, isEnd)
  return wanted === undefined ? null : waitFor(call, wanted.keys, millis, () => pop(call, wanted), nullArray)
}

const moveWaiting = (call: Call, from: string, to: string): Answer => {
  if (!isEnd(from) || !isEnd(to)) return call.syntax()
  const millis = timeoutAt(call, -1)
  if (call.failed) return null
  const [, source, target] = call.args
  return waitFor(call, [source], millis, () => move(call, source, target, from, to), null)
}

export const blocking: Group = {
  BLPOP: write(-3, popElement("LEFT")),
  BRPOP: write(-3, popElement("RIGHT")),
  BZPOPMIN: write(-3, popScored("MIN")),
  BZPOPMAX: write(-3, popScored("MAX")),
  BLMOVE: write(6, (call) => moveWaiting(call, call.word(3), call.word(4))),
  BRPOPLPUSH: write(4, (call) => moveWaiting(call, "RIGHT", "LEFT")),
  BLMPOP: write(-5, popSome(isEnd, popFirst)),
  BZMPOP: write(-5, popSome(isExtreme, popFirstScored))
}
