/**
 * Count-min sketches: how often items occur, never too low, in little space.
 *
 * @since 0.1.0
 */
import { call, type Entries, type Integer, type OneOrMore, type Value } from "../../commands/Call.ts"
import { checked } from "../../commands/checked.ts"
import { make } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import * as decode from "../../commands/decode.ts"
import { destinationAndCounted } from "../../commands/keys.ts"
import type { CommandSurface, Returns, Surface } from "../../commands/Surface.ts"
import type { Argument } from "../../protocol/Reply.ts"
import { parameters } from "../parameters/CountMin.ts"
import { addRate } from "./chunks.ts"
import { addCounts, ofCounts } from "./counts.ts"

/**
 * The figures of a count-min sketch: the reply of `info`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CountMinInfo {
  readonly width: number
  readonly depth: number
  /** The sum of all counts. */
  readonly count: number
}

/**
 * Options of `merge` of count-min sketches.
 *
 * @category models
 * @since 0.1.0
 */
export interface CountMinMergeOptions {
  /** A factor for each source. Default: 1. */
  readonly weights?: ReadonlyArray<number> | undefined
}

/**
 * The methods of the commands on count-min sketches.
 *
 * @category models
 * @since 0.1.0
 */
export interface CountMinCommands<S extends Surface> {
  /** Adds to the counts of items. Returns the new counts, in the order of the items. An error if there is no sketch; a `DecodeError` when the server refuses some of the counts, and adds the others. Since 2.0.0. O(n). */
  incrby(key: Argument, counts: Entries<Integer>): Returns<S, ReadonlyArray<number>>
  /** The figures of a sketch. An error if there is no sketch. Since 2.0.0. O(1). */
  info(key: Argument): Returns<S, CountMinInfo>
  /** Makes a sketch of so many counters in a row, and so many rows. An error if the key exists. Since 2.0.0. O(1). */
  initbydim(key: Argument, width: number, depth: number): Returns<S, "OK">
  /**
   * Makes a sketch whose counts are too high by at most `errorRate` of the sum of all counts, but for a share `probability` of the items. An
   * error if the key exists. Since 2.0.0. O(1).
   */
  initbyprob(key: Argument, errorRate: number, probability: number): Returns<S, "OK">
  /**
   * Stores the sum of sketches of one slot in a sketch that is there already, all with the same width and depth. Since 2.0.0. O(n).
   */
  merge(destination: Argument, sources: OneOrMore<Argument>, options?: CountMinMergeOptions): Returns<S, "OK">
  /** The counts of items, 0 for an item that was never added. An error if there is no sketch. Since 2.0.0. O(n). */
  query(key: Argument, items: OneOrMore<Value>): Returns<S, ReadonlyArray<number>>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const INCRBY = new CommandSpec("CMS.INCRBY", write)
const INFO = new CommandSpec("CMS.INFO", read)
const INITBYDIM = new CommandSpec("CMS.INITBYDIM", write)
const INITBYPROB = new CommandSpec("CMS.INITBYPROB", write)
const MERGE = new CommandSpec("CMS.MERGE", { keys: destinationAndCounted })
const QUERY = new CommandSpec("CMS.QUERY", read)

const info = decode.struct<CountMinInfo>({
  width: decode.field("width", decode.integer),
  depth: decode.field("depth", decode.integer),
  count: decode.field("count", decode.integer)
})

/**
 * The builders of the commands on count-min sketches: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const CountMin: CountMinCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  incrby: (key, counts) => addCounts(call(INCRBY, key), counts).to(ofCounts(decode.integers)),
  info: (key) => make(INFO, [key], info),
  initbydim: (key, width, depth) =>
    call(INITBYDIM, key).integer("width", width, 1).integer("depth", depth, 1).to(decode.ok),
  initbyprob: (key, errorRate, probability) =>
    addRate(addRate(call(INITBYPROB, key), errorRate), probability, "probability").to(decode.ok),
  merge: (destination, sources, { weights }: CountMinMergeOptions = {}) => {
    const self = call(MERGE, destination).counted("sources", sources)
    if (weights === undefined) return self.to(decode.ok)
    if (weights.length !== (Array.isArray(sources) ? sources.length : 1)) {
      self.refuse("weights must have one number for each source")
    }
    self.add("WEIGHTS")
    for (const weight of weights) self.integer("a weight", weight)
    return self.to(decode.ok)
  },
  query: (key, items) => call(QUERY, key).many("items", items).to(decode.integers)
})
