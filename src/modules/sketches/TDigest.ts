/**
 * t-digests: the quantiles of many numbers, in little space.
 *
 * @since 0.1.0
 */
import { type Call, call, type OneOrMore } from "../../commands/Call.ts"
import { checked } from "../../commands/checked.ts"
import { make } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import * as decode from "../../commands/decode.ts"
import { destinationAndCounted } from "../../commands/keys.ts"
import type { CommandSurface, Returns, Surface } from "../../commands/Surface.ts"
import type { Argument } from "../../protocol/Reply.ts"
import { parameters } from "../parameters/TDigest.ts"

/**
 * Options of `create` of t-digests.
 *
 * @category models
 * @since 0.1.0
 */
export interface TDigestCreateOptions {
  /** The accuracy, against memory. Default: 100. */
  readonly compression?: number | undefined
}

/**
 * Options of `merge` of t-digests.
 *
 * @category models
 * @since 0.1.0
 */
export interface TDigestMergeOptions {
  /** The compression of the destination. Default: the greatest of the sources. */
  readonly compression?: number | undefined
  /** Replace the destination, instead of adding to it. */
  readonly override?: boolean | undefined
}

/**
 * The figures of a t-digest: the reply of `info`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TDigestInfo {
  readonly compression: number
  readonly capacity: number
  readonly mergedNodes: number
  readonly unmergedNodes: number
  readonly mergedWeight: number
  readonly unmergedWeight: number
  readonly observations: number
  readonly totalCompressions: number
  /** In bytes. */
  readonly memoryUsage: number
}

/**
 * The methods of the commands on t-digests. All but `create` and `merge` fail when there is no digest.
 *
 * @category models
 * @since 0.1.0
 */
export interface TDigestCommands<S extends Surface> {
  /** Adds numbers. Since 2.4.0. O(N) numbers. */
  add(key: Argument, values: OneOrMore<number>): Returns<S, "OK">
  /** The numbers of these ranks, 0 for the least; `Infinity` beyond the last, `NaN` in an empty digest. Since 2.4.0. O(1). */
  byrank(key: Argument, ranks: OneOrMore<number>): Returns<S, ReadonlyArray<number>>
  /** The numbers of these ranks, 0 for the greatest; `-Infinity` beyond the last, `NaN` in an empty digest. Since 2.4.0. O(1). */
  byrevrank(key: Argument, ranks: OneOrMore<number>): Returns<S, ReadonlyArray<number>>
  /** For each number the share of the digest that is below it, half of the equal numbers included; `NaN` in an empty digest. Since 2.4.0. O(1). */
  cdf(key: Argument, values: OneOrMore<number>): Returns<S, ReadonlyArray<number>>
  /** Makes an empty digest. An error if the key exists. Since 2.4.0. O(1). */
  create(key: Argument, options?: TDigestCreateOptions): Returns<S, "OK">
  /** The figures of a digest. Since 2.4.0. O(1). */
  info(key: Argument): Returns<S, TDigestInfo>
  /** The greatest number, `NaN` in an empty digest. Since 2.4.0. O(1). */
  max(key: Argument): Returns<S, number>
  /** Adds digests of one slot to the destination, and makes it when it is missing. Since 2.4.0. O(N * K). */
  merge(destination: Argument, sources: OneOrMore<Argument>, options?: TDigestMergeOptions): Returns<S, "OK">
  /** The least number, `NaN` in an empty digest. Since 2.4.0. O(1). */
  min(key: Argument): Returns<S, number>
  /** The numbers below which these shares of the digest are, from 0 to 1; `NaN` in an empty digest. Since 2.4.0. O(1). */
  quantile(key: Argument, quantiles: OneOrMore<number>): Returns<S, ReadonlyArray<number>>
  /** The ranks of numbers, -1 for one below the least, -2 in an empty digest. Since 2.4.0. O(1). */
  rank(key: Argument, values: OneOrMore<number>): Returns<S, ReadonlyArray<number>>
  /** Empties a digest. Since 2.4.0. O(1). */
  reset(key: Argument): Returns<S, "OK">
  /** The ranks of numbers from the greatest, -1 for one above it, -2 in an empty digest. Since 2.4.0. O(1). */
  revrank(key: Argument, values: OneOrMore<number>): Returns<S, ReadonlyArray<number>>
  /** The mean of the numbers between two quantiles, `NaN` in an empty digest. Since 2.4.0. O(N). */
  trimmedMean(key: Argument, lowQuantile: number, highQuantile: number): Returns<S, number>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const ADD = new CommandSpec("TDIGEST.ADD", write)
const BYRANK = new CommandSpec("TDIGEST.BYRANK", read)
const BYREVRANK = new CommandSpec("TDIGEST.BYREVRANK", read)
const CDF = new CommandSpec("TDIGEST.CDF", read)
const CREATE = new CommandSpec("TDIGEST.CREATE", write)
const INFO = new CommandSpec("TDIGEST.INFO", read)
const MAX = new CommandSpec("TDIGEST.MAX", read)
const MERGE = new CommandSpec("TDIGEST.MERGE", { keys: destinationAndCounted })
const MIN = new CommandSpec("TDIGEST.MIN", read)
const QUANTILE = new CommandSpec("TDIGEST.QUANTILE", read)
const RANK = new CommandSpec("TDIGEST.RANK", read)
const RESET = new CommandSpec("TDIGEST.RESET", write)
const REVRANK = new CommandSpec("TDIGEST.REVRANK", read)
const TRIMMED_MEAN = new CommandSpec("TDIGEST.TRIMMED_MEAN", read)

const info = decode.struct<TDigestInfo>({
  compression: decode.field("Compression", decode.integer),
  capacity: decode.field("Capacity", decode.integer),
  mergedNodes: decode.field("Merged nodes", decode.integer),
  unmergedNodes: decode.field("Unmerged nodes", decode.integer),
  mergedWeight: decode.field("Merged weight", decode.double),
  unmergedWeight: decode.field("Unmerged weight", decode.double),
  observations: decode.field("Observations", decode.double),
  totalCompressions: decode.field("Total compressions", decode.integer),
  memoryUsage: decode.field("Memory usage", decode.integer)
})

const doubles = decode.arrayOf(decode.double)

const isList = (values: OneOrMore<number>): values is ReadonlyArray<number> => Array.isArray(values)

const each = (self: Call, name: string, values: OneOrMore<number>, add: (value: number) => void): Call => {
  const list = isList(values) ? values : [values]
  if (list.length === 0) {
    return self.refuse(`${name} must have at least one number, got none: leave out the call instead`)
  }
  for (const value of list) add(value)
  return self
}

const ofNumbers = (spec: CommandSpec, key: Argument, values: OneOrMore<number>): Call => {
  const self = call(spec, key)
  return each(self, "values", values, (value) => self.double("a value", value))
}

const ofRanks = (spec: CommandSpec, key: Argument, ranks: OneOrMore<number>): Call => {
  const self = call(spec, key)
  return each(self, "ranks", ranks, (rank) => self.integer("a rank", rank, 0))
}

const addQuantile = (self: Call, quantile: number): Call =>
  quantile >= 0 && quantile <= 1
    ? self.double("a quantile", quantile)
    : self.refuse("a quantile must be a number from 0 to 1, got another one")

/**
 * The builders of the commands on t-digests: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const TDigest: TDigestCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  add: (key, values) => ofNumbers(ADD, key, values).to(decode.ok),
  byrank: (key, ranks) => ofRanks(BYRANK, key, ranks).to(doubles),
  byrevrank: (key, ranks) => ofRanks(BYREVRANK, key, ranks).to(doubles),
  cdf: (key, values) => ofNumbers(CDF, key, values).to(doubles),
  create: (key, options: TDigestCreateOptions = {}) =>
    call(CREATE, key).integerOption("COMPRESSION", "compression", options.compression, 1).to(decode.ok),
  info: (key) => make(INFO, [key], info),
  max: (key) => make(MAX, [key], decode.double),
  merge: (destination, sources, options: TDigestMergeOptions = {}) =>
    call(MERGE, destination)
      .counted("sources", sources)
      .integerOption("COMPRESSION", "compression", options.compression, 1)
      .flag("OVERRIDE", options.override)
      .to(decode.ok),
  min: (key) => make(MIN, [key], decode.double),
  quantile: (key, quantiles) => {
    const self = call(QUANTILE, key)
    return each(self, "quantiles", quantiles, (quantile) => addQuantile(self, quantile)).to(doubles)
  },
  rank: (key, values) => ofNumbers(RANK, key, values).to(decode.integers),
  reset: (key) => make(RESET, [key], decode.ok),
  revrank: (key, values) => ofNumbers(REVRANK, key, values).to(decode.integers),
  trimmedMean: (key, lowQuantile, highQuantile) =>
    addQuantile(addQuantile(call(TRIMMED_MEAN, key), lowQuantile), highQuantile).to(decode.double)
})
