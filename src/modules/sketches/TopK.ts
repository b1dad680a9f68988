/**
 * The top k: the items that occur most often.
 *
 * @since 0.1.0
 */
import { call, type Entries, type Integer, type OneOrMore, type Value } from "../../commands/Call.ts"
import { checked } from "../../commands/checked.ts"
import { make } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import * as decode from "../../commands/decode.ts"
import type { Exact, When } from "../../commands/Options.ts"
import type { CommandSurface, Returns, Surface } from "../../commands/Surface.ts"
import type { Argument } from "../../protocol/Reply.ts"
import { parameters } from "../parameters/TopK.ts"
import { addCounts, ofCounts } from "./counts.ts"

/**
 * Options of `reserve` of a top k.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopKReserveOptions {
  /** The number of counters in a row. Default: 8. */
  readonly width: number
  /** The number of rows. Default: 7. */
  readonly depth: number
  /** The probability with which a counter of another item is lowered, between 0 and 1. Default: 0.9. */
  readonly decay: number
}

/**
 * The figures of a top k: the reply of `info`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopKInfo {
  readonly k: number
  readonly width: number
  readonly depth: number
  readonly decay: number
}

/**
 * Options of `list`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopKListOptions {
  /** Return the counts as well. */
  readonly withCount?: boolean | undefined
}

/**
 * The reply of `list`: the items, or pairs with their counts.
 *
 * @category models
 * @since 0.1.0
 */
export type TopKList<O> = When<
  O,
  "withCount",
  ReadonlyArray<readonly [item: string, count: number]>,
  ReadonlyArray<string>
>

/**
 * The methods of the commands on a top k.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopKCommands<S extends Surface> {
  /** Adds items. Returns for each the item that left the list in exchange, `null` for none. An error if there is no list. Since 2.0.0. O(n * k). */
  add(key: Argument, items: OneOrMore<Value>): Returns<S, ReadonlyArray<string | null>>
  /** The approximate counts of items. Deprecated by the module. Since 2.0.0. O(n). */
  count(key: Argument, items: OneOrMore<Value>): Returns<S, ReadonlyArray<number>>
  /** Adds to the counts of items, 100000 at most to each. Returns for each the item that left the list in exchange, `null` for none. Since 2.0.0. O(n * k * incr). */
  incrby(key: Argument, counts: Entries<Integer>): Returns<S, ReadonlyArray<string | null>>
  /** The figures of a list. An error if there is no list. Since 2.0.0. O(1). */
  info(key: Argument): Returns<S, TopKInfo>
  /** The items of the list, the most frequent first, with their counts if wanted. Since 2.0.0. O(k * log k). */
  list<const O extends TopKListOptions = {}>(
    key: Argument,
    options?: Exact<O, TopKListOptions>
  ): Returns<S, TopKList<O>>
  /** Whether each of the items is in the list. Since 2.0.0. O(n). */
  query(key: Argument, items: OneOrMore<Value>): Returns<S, ReadonlyArray<boolean>>
  /** Makes an empty list of at most k items. An error if the key exists. Since 2.0.0. O(1). */
  reserve(key: Argument, k: number, options?: TopKReserveOptions): Returns<S, "OK">
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const ADD = new CommandSpec("TOPK.ADD", write)
// The module marks it as a write.
const COUNT = new CommandSpec("TOPK.COUNT", write)
const INCRBY = new CommandSpec("TOPK.INCRBY", write)
const INFO = new CommandSpec("TOPK.INFO", read)
const LIST = new CommandSpec("TOPK.LIST", read)
const QUERY = new CommandSpec("TOPK.QUERY", read)
const RESERVE = new CommandSpec("TOPK.RESERVE", write)

/** The greatest increment that servers take. */
const mostAtOnce = 100_000

const info = decode.struct<TopKInfo>({
  k: decode.field("k", decode.integer),
  width: decode.field("width", decode.integer),
  depth: decode.field("depth", decode.integer),
  decay: decode.field("decay", decode.double)
})

const counted = decode.pairsOf(decode.string, decode.integer)

/**
 * The builders of the commands on a top k: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const TopK: TopKCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  add: (key, items) => call(ADD, key).many("items", items).to(decode.stringsOrNull),
  count: (key, items) => call(COUNT, key).many("items", items).to(decode.integers),
  incrby: (key, counts) => addCounts(call(INCRBY, key), counts, mostAtOnce).to(ofCounts(decode.stringsOrNull)),
  info: (key) => make(INFO, [key], info),
  list: (key, options: TopKListOptions = {}) =>
    call(LIST, key).flag("WITHCOUNT", options.withCount)
      .to(decode.chosen(options.withCount === true ? counted : decode.strings)),
  query: (key, items) => call(QUERY, key).many("items", items).to(decode.booleans),
  reserve: (key, k, options) => {
    const self = call(RESERVE, key).integer("k", k, 1)
    if (options === undefined) return self.to(decode.ok)
    const { decay, depth, width } = options
    if (!(decay >= 0 && decay <= 1)) self.refuse("decay must be a number from 0 to 1")
    return self.integer("width", width, 1).integer("depth", depth, 1).double("decay", decay).to(decode.ok)
  }
})
