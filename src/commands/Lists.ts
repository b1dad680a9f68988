/**
 * Lists: ordered elements, with quick access at both ends.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { call, type Integer, type Lifetime, type OneOrMore, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { allButLast, counted, firstTwo } from "./keys.ts"
import type { Exact, Given } from "./Options.ts"
import { parameters } from "./parameters/Lists.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * An end of a list.
 *
 * @category models
 * @since 0.1.0
 */
export type ListEnd = "LEFT" | "RIGHT"

/**
 * An element and the list that it came from.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoppedElement {
  readonly key: string
  readonly element: string
}

/**
 * Elements and the list that they came from.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoppedElements {
  readonly key: string
  readonly elements: ReadonlyArray<string>
}

/**
 * Options of `lmpop` and `blmpop`.
 *
 * @category models
 * @since 0.1.0
 */
export interface LmpopOptions {
  /** The most elements to take. Default: 1. */
  readonly count?: number | undefined
}

/**
 * Options of `lpos`.
 *
 * @category models
 * @since 0.1.0
 */
export interface LposOptions {
  /** The match at which to begin: 1 for the first, -1 for the last, and backwards from there. Not 0. Default: 1. */
  readonly rank?: number | undefined
  /** The number of matches to return as a list; 0 for all. */
  readonly count?: number | undefined
  /** The number of elements to compare; 0 for all. Default: 0. */
  readonly maxLength?: number | undefined
}

/**
 * The methods of the commands on lists.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListCommands<S extends Surface> {
  /** Moves an element like `lmove`, and waits for one. Returns `null` when the time is over. Since 6.2.0. O(1). */
  blmove(
    source: Argument,
    destination: Argument,
    from: ListEnd,
    to: ListEnd,
    timeout: Lifetime
  ): Returns<S, string | null>
  /**
   * Takes elements like `lmpop`, and waits for one. Returns `null` when the time is over. Since 7.0.0. O(N+M) keys and
   * elements.
   */
  blmpop(
    timeout: Lifetime,
    keys: OneOrMore<Argument>,
    end: ListEnd,
    options?: LmpopOptions
  ): Returns<S, PoppedElements | null>
  /** Takes the first element of the first list of one slot that has any, and waits for one. Returns `null` when the time is over. Since 2.0.0. O(N) keys. */
  blpop(keys: OneOrMore<Argument>, timeout: Lifetime): Returns<S, PoppedElement | null>
  /** Takes the last element of the first list of one slot that has any, and waits for one. Returns `null` when the time is over. Since 2.0.0. O(N) keys. */
  brpop(keys: OneOrMore<Argument>, timeout: Lifetime): Returns<S, PoppedElement | null>
  /** The old form of `blmove` from right to left. Since 2.2.0. O(1). */
  brpoplpush(source: Argument, destination: Argument, timeout: Lifetime): Returns<S, string | null>
  /**
   * The element at a position; `null` if there is none. Negative positions count from the end. Since 1.0.0. O(N)
   * elements on the way.
   */
  lindex(key: Argument, index: Integer): Returns<S, string | null>
  /**
   * Inserts an element before or after the first element that is equal to `pivot`. Returns the new length, -1 if there
   * is no such element, 0 if there is no list. Since 2.2.0. O(N) elements on the way.
   */
  linsert(key: Argument, where: "BEFORE" | "AFTER", pivot: Value, element: Value): Returns<S, number>
  /** The length, 0 if there is no list. Since 1.0.0. O(1). */
  llen(key: Argument): Returns<S, number>
  /**
   * Moves an element from an end of one list to an end of another list of its slot. Returns the element, `null` if
   * there is none. Since 6.2.0. O(1).
   */
  lmove(source: Argument, destination: Argument, from: ListEnd, to: ListEnd): Returns<S, string | null>
  /** Takes elements off an end of the first list of one slot that has any; `null` if none has. Since 7.0.0. O(N+M) keys and elements. */
  lmpop(keys: OneOrMore<Argument>, end: ListEnd, options?: LmpopOptions): Returns<S, PoppedElements | null>
  /** Takes the first element, or the first `count`; `null` if there is no list. Since 1.0.0 (count 6.2.0). O(N) elements. */
  lpop(key: Argument): Returns<S, string | null>
  lpop(key: Argument, count: number): Returns<S, ReadonlyArray<string> | null>
  /**
   * The position of an element, `null` if the list does not have it; with `count` a list of positions. Since 6.0.6.
   * O(N) elements.
   */
  lpos<const O extends LposOptions = {}>(
    key: Argument,
    element: Value,
    options?: Exact<O, LposOptions>
  ): Returns<S, Given<O, "count", ReadonlyArray<number>, number | null>>
  /**
   * Puts elements at the beginning of a list, one before the other. Returns the new length. Since 1.0.0. O(1) an
   * element.
   */
  lpush(key: Argument, elements: OneOrMore<Value>): Returns<S, number>
  /**
   * Puts elements at the beginning of a list, if the list exists. Returns the new length, 0 without a list. Since
   * 2.2.0. O(1) an element.
   */
  lpushx(key: Argument, elements: OneOrMore<Value>): Returns<S, number>
  /**
   * The elements from one position to another, both included. Negative positions count from the end. Since 1.0.0.
   * O(S+N) distance and elements.
   */
  lrange(key: Argument, start: Integer, stop: Integer): Returns<S, ReadonlyArray<string>>
  /**
   * Removes elements that are equal to `element`: the first `count`, the last ones if negative, all if 0. Returns the
   * number of elements. Since 1.0.0. O(N+M).
   */
  lrem(key: Argument, count: Integer, element: Value): Returns<S, number>
  /** Replaces the element at a position; fails if there is none. Since 1.0.0. O(N) elements on the way. */
  lset(key: Argument, index: Integer, element: Value): Returns<S, "OK">
  /** Keeps the elements from one position to another, both included, and removes the others. Since 1.0.0. O(N) elements removed. */
  ltrim(key: Argument, start: Integer, stop: Integer): Returns<S, "OK">
  /** Takes the last element, or the last `count`; `null` if there is no list. Since 1.0.0 (count 6.2.0). O(N) elements. */
  rpop(key: Argument): Returns<S, string | null>
  rpop(key: Argument, count: number): Returns<S, ReadonlyArray<string> | null>
  /** The old form of `lmove` from right to left. Since 1.2.0. O(1). */
  rpoplpush(source: Argument, destination: Argument): Returns<S, string | null>
  /** Puts elements at the end of a list, one after the other. Returns the new length. Since 1.0.0. O(1) an element. */
  rpush(key: Argument, elements: OneOrMore<Value>): Returns<S, number>
  /**
   * Puts elements at the end of a list, if the list exists. Returns the new length, 0 without a list. Since 2.2.0.
   * O(1) an element.
   */
  rpushx(key: Argument, elements: OneOrMore<Value>): Returns<S, number>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const BLMOVE = new CommandSpec("BLMOVE", { keys: firstTwo })
const BLMPOP = new CommandSpec("BLMPOP", { keys: counted(1) })
const BLPOP = new CommandSpec("BLPOP", { keys: allButLast })
const BRPOP = new CommandSpec("BRPOP", { keys: allButLast })
const BRPOPLPUSH = new CommandSpec("BRPOPLPUSH", { keys: firstTwo })
const LINDEX = new CommandSpec("LINDEX", read)
const LINSERT = new CommandSpec("LINSERT", write)
const LLEN = new CommandSpec("LLEN", read)
const LMOVE = new CommandSpec("LMOVE", { keys: firstTwo })
const LMPOP = new CommandSpec("LMPOP", { keys: counted(0) })
const LPOP = new CommandSpec("LPOP", write)
const LPOS = new CommandSpec("LPOS", read)
const LPUSH = new CommandSpec("LPUSH", write)
const LPUSHX = new CommandSpec("LPUSHX", write)
const LRANGE = new CommandSpec("LRANGE", read)
const LREM = new CommandSpec("LREM", write)
const LSET = new CommandSpec("LSET", write)
const LTRIM = new CommandSpec("LTRIM", write)
const RPOP = new CommandSpec("RPOP", write)
const RPOPLPUSH = new CommandSpec("RPOPLPUSH", { keys: firstTwo })
const RPUSH = new CommandSpec("RPUSH", write)
const RPUSHX = new CommandSpec("RPUSHX", write)

const element: decode.Decoder<PoppedElement | null> = decode.nullable(
  decode.map(decode.tuple(decode.string, decode.string), ([key, element]) => ({ key, element }))
)

const elements: decode.Decoder<PoppedElements | null> = decode.nullable(
  decode.map(decode.tuple(decode.string, decode.strings), ([key, elements]) => ({ key, elements }))
)

const stringsOrNull = decode.nullable(decode.strings)

const pop = (spec: CommandSpec) => (key: Argument, count?: number) =>
  count === undefined
    ? make(spec, [key], decode.chosen(decode.stringOrNull))
    : call(spec, key).integer("count", count, 0).to(decode.chosen(stringsOrNull))

const push = (spec: CommandSpec) => (key: Argument, elements: OneOrMore<Value>) =>
  call(spec, key).many("elements", elements).to(decode.integer)

/**
 * The builders of the commands on lists: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Lists: ListCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  blmove: (source, destination, from, to, timeout) =>
    call(BLMOVE, source, destination, from, to).waiting("timeout", timeout).to(decode.stringOrNull),
  blmpop: (timeout, keys, end, options = {}) =>
    call(BLMPOP).waiting("timeout", timeout).counted("keys", keys).add(end)
      .integerOption("COUNT", "count", options.count, 1).to(elements),
  blpop: (keys, timeout) => call(BLPOP).many("keys", keys).waiting("timeout", timeout).to(element),
  brpop: (keys, timeout) => call(BRPOP).many("keys", keys).waiting("timeout", timeout).to(element),
  brpoplpush: (source, destination, timeout) =>
    call(BRPOPLPUSH, source, destination).waiting("timeout", timeout).to(decode.stringOrNull),
  lindex: (key, index) => call(LINDEX, key).integer("index", index).to(decode.stringOrNull),
  linsert: (key, where, pivot, element) => call(LINSERT, key, where).value(pivot).value(element).to(decode.integer),
  llen: (key) => make(LLEN, [key], decode.integer),
  lmove: (source, destination, from, to) => make(LMOVE, [source, destination, from, to], decode.stringOrNull),
  lmpop: (keys, end, options = {}) =>
    call(LMPOP).counted("keys", keys).add(end).integerOption("COUNT", "count", options.count, 1).to(elements),
  lpop: pop(LPOP),
  lpos: (key, element, options: LposOptions = {}) => {
    const self = call(LPOS, key).value(element)
    if (options.rank === 0) self.refuse("rank must not be zero: 1 is the first match, -1 the last")
    return self.integerOption("RANK", "rank", options.rank)
      .integerOption("COUNT", "count", options.count, 0)
      .integerOption("MAXLEN", "maxLength", options.maxLength, 0)
      .to(decode.chosen(options.count === undefined ? decode.integerOrNull : decode.integers))
  },
  lpush: push(LPUSH),
  lpushx: push(LPUSHX),
  lrange: (key, start, stop) => call(LRANGE, key).integer("start", start).integer("stop", stop).to(decode.strings),
  lrem: (key, count, element) => call(LREM, key).integer("count", count).value(element).to(decode.integer),
  lset: (key, index, element) => call(LSET, key).integer("index", index).value(element).to(decode.ok),
  ltrim: (key, start, stop) => call(LTRIM, key).integer("start", start).integer("stop", stop).to(decode.ok),
  rpop: pop(RPOP),
  rpoplpush: (source, destination) => make(RPOPLPUSH, [source, destination], decode.stringOrNull),
  rpush: push(RPUSH),
  rpushx: push(RPUSHX)
})
