/**
 * Time series: samples by time, found by labels, aggregated and compacted. They need a server with the module RedisTimeSeries, which is a part
 * of Redis 8 and of Redis Stack. Versions are those of the module.
 *
 * **Example** (A series with labels)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Filter, TimeSeries } from "effect-redis-cluster/modules/TimeSeries"
 *
 * export const program = Effect.gen(function*() {
 *   yield* TimeSeries.add("temperature:kitchen", "*", 21.5, { labels: { kind: "temperature", room: "kitchen" } })
 *   return yield* TimeSeries.mget(Filter.equals("kind", "temperature"), { withLabels: true })
 * })
 * ```
 *
 * @since 0.1.0
 */
import { type Call, call, type Entries, type Lifetime, type OneOrMore, type Value } from "../commands/Call.ts"
import { checked } from "../commands/checked.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as decode from "../commands/decode.ts"
import { counted, firstTwo } from "../commands/keys.ts"
import type { CommandSurface, Returns, Surface } from "../commands/Surface.ts"
import * as checks from "../internal/checks.ts"
import { millisOf } from "../internal/millis.ts"
import { type Argument, ServerError } from "../protocol/Reply.ts"
import { everyThird } from "./keys.ts"
import { parameters } from "./parameters/TimeSeries.ts"
import * as filters from "./timeSeries/Filter.ts"
import {
  type Aggregation,
  type Aggregator,
  type RangeOptions,
  type RangeStreams,
  type SampleOptions,
  streams,
  type Timestamp
} from "./timeSeries/ranges.ts"
import type { Sample, SampleRow, SeriesSample, SeriesSamples, TimeSeriesInfo } from "./timeSeries/replies.ts"
import * as replies from "./timeSeries/replies.ts"

export { Filter, type FilterTools } from "./timeSeries/Filter.ts"
export type {
  Aggregation,
  Aggregator,
  RangeOptions,
  RangeStreamOptions,
  RangeStreams,
  SampleOptions,
  Timestamp
} from "./timeSeries/ranges.ts"
export type {
  Labels,
  Rule,
  Sample,
  SampleRow,
  SeriesSample,
  SeriesSamples,
  TimeSeriesInfo
} from "./timeSeries/replies.ts"

/**
 * The rule for a sample whose time has one already: refuse it, keep the first or the last one, the least, the greatest, or the sum.
 *
 * @category models
 * @since 0.1.0
 */
export type DuplicatePolicy = "BLOCK" | "FIRST" | "LAST" | "MIN" | "MAX" | "SUM"

/**
 * Options of `alter`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AlterOptions {
  /** The time for which samples are kept, `"Infinity"` for no end. Default: that of the server. */
  readonly retention?: Lifetime | undefined
  /** The size of a chunk in bytes, a multiple of 8 from 48 to 1048576. Default: 4096. */
  readonly chunkSize?: number | undefined
  /** The rule for a sample whose time has one already. */
  readonly duplicatePolicy?: DuplicatePolicy | undefined
  /** Drop a sample whose time and value differ by no more than this from those of the last one. It needs the policy `LAST`. */
  readonly ignore?: {
    /** The greatest difference of the times. */
    readonly maxTimeDifference: Lifetime
    /** The greatest difference of the values. */
    readonly maxValueDifference: number
  } | undefined
  /** The labels of the series. */
  readonly labels?: Entries<Value> | undefined
}

/**
 * Options of `create`, and for a series that is missing of `incrby` and `decrby`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreateOptions extends AlterOptions {
  /** Store samples as they are. */
  readonly uncompressed?: boolean | undefined
}

/**
 * Options of `add`. A series that is missing is made by the options of `create`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TsAddOptions extends CreateOptions {
  /** The rule for this sample, in the place of that of the series. */
  readonly onDuplicate?: DuplicatePolicy | undefined
}

/**
 * Options of `incrby` and `decrby`. A series that is missing is made by the options of `create`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TsIncrOptions extends CreateOptions {
  /** The time of the new sample, not before that of the last one. Default: the server's clock. */
  readonly timestamp?: Timestamp | undefined
}

/**
 * Options of `get`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TsGetOptions {
  /** Give the last bucket of a compaction as well, which is not complete. */
  readonly latest?: boolean | undefined
}

/**
 * Options of `createrule`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RuleOptions {
  /** A time at which a bucket begins. Default: 1970. */
  readonly align?: Timestamp | undefined
}

/**
 * The labels that a reply has: all of each series, or some.
 *
 * @category models
 * @since 0.1.0
 */
export interface LabelOptions {
  /** Give all labels. */
  readonly withLabels?: boolean | undefined
  /** Give these labels. */
  readonly selectedLabels?: ReadonlyArray<string> | undefined
}

/**
 * Options of `mget`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TsMgetOptions extends LabelOptions {
  /** Give the last bucket of a compaction as well, which is not complete. */
  readonly latest?: boolean | undefined
}

/**
 * Options of `mrange` and `mrevrange`.
 *
 * @category models
 * @since 0.1.0
 */
export interface MrangeOptions extends RangeOptions, LabelOptions {
  /** Leave out series without a sample in the range. Since Redis 8.10. Default: `false`. */
  readonly excludeEmpty?: boolean | undefined
  /** One result for all series with the same value of a label. The reducer joins the samples of one time. */
  readonly groupBy?: {
    /** The label by whose values series are joined. */
    readonly label: string
    /** The function that makes one value of those of one time. */
    readonly reduce: Exclude<Aggregator, "first" | "last" | "twa">
  } | undefined
}

/**
 * Buckets of time for several series.
 *
 * @category models
 * @since 0.1.0
 */
export interface NrangeAggregation extends Omit<Aggregation, "aggregator"> {
  /** For each key the function that makes one value of the samples in a bucket, or several of them. */
  readonly aggregators: ReadonlyArray<OneOrMore<Aggregator>>
}

/**
 * Options of `nrange` and `nrevrange`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NrangeOptions extends SampleOptions {
  /** Give values for each bucket, in the place of the samples. Default: the samples. */
  readonly aggregation?: NrangeAggregation | undefined
}

/**
 * Options of `querylabels`.
 *
 * @category models
 * @since 0.1.0
 */
export interface QuerylabelsOptions {
  /** Give the values of this label. Default: the names of all labels. */
  readonly valuesOf?: string | undefined
  /** Only of series that meet the filters. Default: of all series. */
  readonly filters?: Filters | undefined
}

/**
 * Options of `read`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TsReadOptions {
  /** Wait for so long until there are samples, `"Infinity"` for no end. Default: not at all. */
  readonly block?: Lifetime | undefined
  /** The number of samples that ends the wait. Default: 1. */
  readonly minCount?: number | undefined
  /** The greatest number of samples. Default: all. */
  readonly maxCount?: number | undefined
}

/**
 * The conditions on labels: all have to hold, and one of them has to ask for a value.
 *
 * @category models
 * @since 0.1.0
 */
export type Filters = OneOrMore<filters.Filter>

/**
 * A part of the reply of `madd`: the time of the sample, or the error of the server about it.
 *
 * @category models
 * @since 0.1.0
 */
export type Added = number | { readonly error: string }

/**
 * The methods of the commands on time series.
 *
 * @category models
 * @since 0.1.0
 */
export interface TimeSeriesCommands<S extends Surface> {
  /** Adds a sample, `"*"` for the server's clock, and makes the series when it is missing. Returns the time of the sample. Since 1.0.0. O(M) compactions. */
  add(key: Argument, timestamp: Timestamp | "*", value: number, options?: TsAddOptions): Returns<S, number>
  /** Changes the options of a series. An error if there is none. Since 1.0.0. O(N) labels. */
  alter(key: Argument, options: AlterOptions): Returns<S, "OK">
  /** Makes a series. An error if the key exists. Since 1.0.0. O(1). */
  create(key: Argument, options?: CreateOptions): Returns<S, "OK">
  /** Compacts new samples of a series into another one, which has to exist, both of one slot. Since 1.0.0. O(1). */
  createrule(
    source: Argument,
    destination: Argument,
    aggregator: Aggregator,
    bucket: Lifetime,
    options?: RuleOptions
  ): Returns<S, "OK">
  /** Adds a sample with the last value less a number. Returns its time. Since 1.0.0. O(M) compactions. */
  decrby(key: Argument, value: number, options?: TsIncrOptions): Returns<S, number>
  /** Deletes samples between two times, both included. Returns how many there were. Since 1.6.0. O(N). */
  del(key: Argument, from: Timestamp, to: Timestamp): Returns<S, number>
  /** Ends a compaction. The series stay. Since 1.0.0. O(1). */
  deleterule(source: Argument, destination: Argument): Returns<S, "OK">
  /** The last sample, `null` for an empty series. An error if there is no series. Since 1.0.0. O(1). */
  get(key: Argument, options?: TsGetOptions): Returns<S, Sample | null>
  /** Adds a sample with the last value and a number. Returns its time. Since 1.0.0. O(M) compactions. */
  incrby(key: Argument, value: number, options?: TsIncrOptions): Returns<S, number>
  /** The figures of a series. An error if there is none. Since 1.0.0. O(1). */
  info(key: Argument): Returns<S, TimeSeriesInfo>
  /** Adds samples to series of one slot that exist. Returns for each the time or the error. Since 1.0.0. O(N*M). */
  madd(
    samples: ReadonlyArray<readonly [key: Argument, timestamp: Timestamp | "*", value: number]>
  ): Returns<S, ReadonlyArray<Added>>
  /** The last samples of all series in the cluster that meet the filters. Since 1.0.0. O(n) series. */
  mget(filters: Filters, options?: TsMgetOptions): Returns<S, ReadonlyArray<SeriesSample>>
  /** The samples between two times of all series in the cluster that meet the filters, the oldest first. Since 1.0.0. O(n/m+k). */
  mrange(
    from: Timestamp | "-",
    to: Timestamp | "+",
    filters: Filters,
    options?: MrangeOptions
  ): Returns<S, ReadonlyArray<SeriesSamples>>
  /** The samples between two times of all series in the cluster that meet the filters, the newest first. Since 1.4.0. O(n/m+k). */
  mrevrange(
    from: Timestamp | "-",
    to: Timestamp | "+",
    filters: Filters,
    options?: MrangeOptions
  ): Returns<S, ReadonlyArray<SeriesSamples>>
  /** The samples of several series of one slot between two times, the oldest first: a row for each time. Since Redis 8.10.0. O(N*(n/m+k)). */
  nrange(
    keys: OneOrMore<Value>,
    from: Timestamp | "-",
    to: Timestamp | "+",
    options?: NrangeOptions
  ): Returns<S, ReadonlyArray<SampleRow>>
  /** The samples of several series of one slot between two times, the newest first: a row for each time. Since Redis 8.10.0. O(N*(n/m+k)). */
  nrevrange(
    keys: OneOrMore<Value>,
    from: Timestamp | "-",
    to: Timestamp | "+",
    options?: NrangeOptions
  ): Returns<S, ReadonlyArray<SampleRow>>
  /** The keys of all series in the cluster that meet the filters. Since 1.0.0. O(n) series. */
  queryindex(filters: Filters): Returns<S, ReadonlyArray<string>>
  /** The names of the labels of all series in the cluster, or the values of one label. Since Redis 8.10.0. O(n) series. */
  querylabels(options?: QuerylabelsOptions): Returns<S, ReadonlyArray<string>>
  /** The samples between two times, the oldest first. `rangeStream` reads any number of them. Since 1.0.0. O(n/m+k). */
  range(
    key: Argument,
    from: Timestamp | "-",
    to: Timestamp | "+",
    options?: RangeOptions
  ): Returns<S, ReadonlyArray<Sample>>
  /**
   * The samples from a time on, the oldest first: `"-"` is the first one, `"+"` the last one, `"$"` the next one. With `block` it waits for them.
   * Since Redis 8.10.0. O(log(n)+k).
   */
  read(
    key: Argument,
    from: Timestamp | "-" | "+" | "$",
    options?: TsReadOptions
  ): Returns<S, ReadonlyArray<Sample>>
  /** The samples between two times, the newest first. `revrangeStream` reads any number of them. Since 1.4.0. O(n/m+k). */
  revrange(
    key: Argument,
    from: Timestamp | "-",
    to: Timestamp | "+",
    options?: RangeOptions
  ): Returns<S, ReadonlyArray<Sample>>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const
/** The server that gets the command asks the others. */
const ofAll = { readonly: true } as const
const rule = { keys: firstTwo } as const
const ofSeveral = { keys: counted(0), readonly: true } as const

const ADD = new CommandSpec("TS.ADD", write)
const ALTER = new CommandSpec("TS.ALTER", write)
const CREATE = new CommandSpec("TS.CREATE", write)
const CREATERULE = new CommandSpec("TS.CREATERULE", rule)
const DECRBY = new CommandSpec("TS.DECRBY", write)
const DEL = new CommandSpec("TS.DEL", write)
const DELETERULE = new CommandSpec("TS.DELETERULE", rule)
const GET = new CommandSpec("TS.GET", read)
const INCRBY = new CommandSpec("TS.INCRBY", write)
const INFO = new CommandSpec("TS.INFO", read)
const MADD = new CommandSpec("TS.MADD", { keys: everyThird })
const MGET = new CommandSpec("TS.MGET", ofAll)
const MRANGE = new CommandSpec("TS.MRANGE", ofAll)
const MREVRANGE = new CommandSpec("TS.MREVRANGE", ofAll)
const NRANGE = new CommandSpec("TS.NRANGE", ofSeveral)
const NREVRANGE = new CommandSpec("TS.NREVRANGE", ofSeveral)
const QUERYINDEX = new CommandSpec("TS.QUERYINDEX", ofAll)
const QUERYLABELS = new CommandSpec("TS.QUERYLABELS", ofAll)
const RANGE = new CommandSpec("TS.RANGE", read)
const READ = new CommandSpec("TS.READ", read)
const REVRANGE = new CommandSpec("TS.REVRANGE", read)

/** Adds a time, or one of the words that stand for one. */
const addTime = (self: Call, name: string, at: Timestamp | string, words: ReadonlyArray<string> = []): Call => {
  if (typeof at === "bigint" && at > Number.MAX_SAFE_INTEGER) {
    return self.refuse(`${name} must be at most 2^53 - 1, because replies have times as numbers`)
  }
  if (typeof at === "number" || typeof at === "bigint") return self.integer(name, at, 0)
  if (typeof at !== "string") return self.instant(name, at, "milliseconds")
  return words.includes(at)
    ? self.add(at)
    : self.refuse(`${name} must be a date or milliseconds since 1970${words.map((word) => `, or "${word}"`).join("")}`)
}

/** An option that is an object of options: the reason to refuse it. */
const problemInside = (name: string, value: unknown, options: Readonly<Record<string, checks.Check>>) => {
  const problem = checks.problemOf(value, options)
  return problem === undefined ? undefined : `${name}: ${problem}`
}

const ignoreOptions: checks.Checks<NonNullable<AlterOptions["ignore"]>> = {
  maxTimeDifference: checks.anything,
  maxValueDifference: checks.anything
}

const aggregationOptions: checks.Checks<Aggregation> = {
  aggregator: checks.anything,
  align: checks.anything,
  bucket: checks.anything,
  empty: checks.anything,
  timestamp: checks.anything
}

const nrangeAggregationOptions: checks.Checks<NrangeAggregation> = {
  aggregators: checks.anything,
  align: checks.anything,
  bucket: checks.anything,
  empty: checks.anything,
  timestamp: checks.anything
}

const groupByOptions: checks.Checks<NonNullable<MrangeOptions["groupBy"]>> = {
  label: checks.anything,
  reduce: checks.anything
}

/** Adds a span of time in milliseconds; 0 for one without end. */
const addRetention = (self: Call, retention: Lifetime | undefined): Call =>
  retention === undefined
    ? self
    : millisOf(retention) === Infinity
    ? self.add("RETENTION", "0")
    : self.add("RETENTION").milliseconds("retention", retention)

const addOptions = (self: Call, options: TsAddOptions): Call => {
  addRetention(self, options.retention).flag("UNCOMPRESSED", options.uncompressed)
    .integerOption("CHUNK_SIZE", "chunkSize", options.chunkSize, 48)
    .option("DUPLICATE_POLICY", options.duplicatePolicy)
    .option("ON_DUPLICATE", options.onDuplicate)
  if (options.ignore !== undefined) {
    const problem = problemInside("ignore", options.ignore, ignoreOptions)
    if (problem !== undefined) return self.refuse(problem)
    const { maxTimeDifference, maxValueDifference } = options.ignore
    self.add("IGNORE").age("maxTimeDifference", maxTimeDifference).double("maxValueDifference", maxValueDifference, 0)
  }
  // Labels are last: the server takes all that follows for labels.
  return options.labels === undefined ? self : self.add("LABELS").entries("labels", options.labels)
}

const addAggregation = (self: Call, aggregation: Aggregation | undefined): Call => {
  if (aggregation === undefined) return self
  const problem = problemInside("aggregation", aggregation, aggregationOptions)
  if (problem !== undefined) return self.refuse(problem)
  return addBuckets(self, [aggregation.aggregator], aggregation)
}

/** Adds the buckets: the aggregators, one for each key, their length, and the options of their times. */
const addBuckets = (
  self: Call,
  aggregators: ReadonlyArray<string>,
  { align, bucket, empty, timestamp }: Omit<Aggregation, "aggregator">
): Call => {
  if (align !== undefined) addTime(self.add("ALIGN"), "align", align, ["start", "end"])
  self.add("AGGREGATION", ...aggregators).milliseconds("bucket", bucket)
  if (timestamp !== undefined) self.add("BUCKETTIMESTAMP", timestamp)
  return self.flag("EMPTY", empty)
}

const addLabels = (self: Call, { selectedLabels, withLabels }: LabelOptions): Call => {
  if (selectedLabels === undefined) return self.flag("WITHLABELS", withLabels)
  return withLabels === true
    ? self.refuse("withLabels and selectedLabels exclude each other")
    : self.add("SELECTED_LABELS").many("selectedLabels", selectedLabels)
}

/** Adds the aggregators of the keys. Servers want those of one key as one word. */
const addAggregators = (self: Call, keys: OneOrMore<Value>, aggregation: NrangeAggregation | undefined): Call => {
  if (aggregation === undefined) return self
  const problem = problemInside("aggregation", aggregation, nrangeAggregationOptions)
  if (problem !== undefined) return self.refuse(problem)
  const { aggregators } = aggregation
  const count = Array.isArray(keys) ? keys.length : 1
  if (!Array.isArray(aggregators) || aggregators.length !== count) {
    return self.refuse(`aggregation: aggregators must be a list with one entry for each of the ${count} keys`)
  }
  const words = aggregators.map((ofKey: OneOrMore<Aggregator>) =>
    Array.isArray(ofKey) ? ofKey.join(",") : String(ofKey)
  )
  return words.includes("")
    ? self.refuse("aggregation: each key must have an aggregator at least")
    : addBuckets(self, words, aggregation)
}

/** Adds a range. The options stand in the order in which servers want them. */
const addRange = (
  self: Call,
  from: Timestamp | "-",
  to: Timestamp | "+",
  options: MrangeOptions
): Call => {
  addTime(addTime(self, "from", from, ["-"]), "to", to, ["+"]).flag("LATEST", options.latest)
  if (options.timestamps !== undefined) {
    self.add("FILTER_BY_TS")
    for (const at of options.timestamps) addTime(self, "a time", at)
    if (options.timestamps.length === 0) self.refuse("timestamps must have at least one entry, got none")
  }
  if (options.values !== undefined) {
    const [minimum, maximum] = options.values
    self.add("FILTER_BY_VALUE").double("minimum", minimum).double("maximum", maximum)
  }
  addLabels(self, options).integerOption("COUNT", "count", options.count, 1)
  return addAggregation(self, options.aggregation)
}

const ofKeys = (
  spec: CommandSpec,
  keys: OneOrMore<Value>,
  from: Timestamp | "-",
  to: Timestamp | "+",
  { aggregation, ...options }: NrangeOptions = {}
) =>
  addAggregators(addRange(call(spec).counted("keys", keys), from, to, options), keys, aggregation).to(
    replies.sampleRows
  )

const addFilters = (self: Call, given: Filters): Call => {
  const list = filters.isFilter(given) ? [given] : given
  if (!Array.isArray(list) || list.length === 0) {
    return self.refuse("filters must be a filter or a list of filters, such as Filter.equals(label, value)")
  }
  for (const filter of list) {
    if (!filters.isFilter(filter)) return self.refuse("each of the filters has to be made by a function of Filter")
    if (filter.problem !== undefined) return self.refuse(filter.problem)
    self.add(filter.text)
  }
  return self
}

const ofRange = (
  spec: CommandSpec,
  from: Timestamp | "-",
  to: Timestamp | "+",
  given: Filters,
  options: MrangeOptions = {}
) => {
  const self = addFilters(addRange(call(spec), from, to, options).add("FILTER"), given)
  if (options.groupBy !== undefined) {
    const problem = problemInside("groupBy", options.groupBy, groupByOptions)
    if (problem !== undefined) return self.refuse(problem).to(replies.seriesRanges)
    self.add("GROUPBY", options.groupBy.label, "REDUCE", options.groupBy.reduce)
  }
  return self.flag("EXCLUDEEMPTY", options.excludeEmpty).to(replies.seriesRanges)
}

const increment = (spec: CommandSpec, key: Argument, value: number, options: TsIncrOptions = {}) => {
  const self = call(spec, key).double("value", value)
  if (options.timestamp !== undefined) addTime(self.add("TIMESTAMP"), "timestamp", options.timestamp)
  return addOptions(self, options).to(decode.integer)
}

/** Errors about single samples are values, because the others have been added. */
const added: decode.Decoder<ReadonlyArray<Added>> = decode.arrayOf<Added>((reply) =>
  reply instanceof ServerError ? { error: reply.message } : decode.integer(reply)
)

const commands: TimeSeriesCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  add: (key, timestamp, value, options: TsAddOptions = {}) =>
    addOptions(addTime(call(ADD, key), "timestamp", timestamp, ["*"]).double("value", value), options).to(
      decode.integer
    ),
  alter: (key, options) => addOptions(call(ALTER, key), options).to(decode.ok),
  create: (key, options: CreateOptions = {}) => addOptions(call(CREATE, key), options).to(decode.ok),
  createrule: (source, destination, aggregator, bucket, options: RuleOptions = {}) => {
    const self = call(CREATERULE, source, destination).add("AGGREGATION", aggregator).milliseconds("bucket", bucket)
    return (options.align === undefined ? self : addTime(self, "align", options.align)).to(decode.ok)
  },
  decrby: (key, value, options) => increment(DECRBY, key, value, options),
  del: (key, from, to) => addTime(addTime(call(DEL, key), "from", from), "to", to).to(decode.integer),
  deleterule: (source, destination) => call(DELETERULE, source, destination).to(decode.ok),
  get: (key, options: TsGetOptions = {}) => call(GET, key).flag("LATEST", options.latest).to(replies.sampleOrNull),
  incrby: (key, value, options) => increment(INCRBY, key, value, options),
  info: (key) => call(INFO, key).to(replies.info),
  madd: (samples) => {
    const self = call(MADD)
    for (const [key, timestamp, value] of samples) {
      addTime(self.add(key), "a time", timestamp, ["*"]).double("a value", value)
    }
    if (samples.length === 0) self.refuse("samples must have at least one entry, got none: leave out the call instead")
    return self.to(added)
  },
  mget: (given, options: TsMgetOptions = {}) =>
    addFilters(addLabels(call(MGET).flag("LATEST", options.latest), options).add("FILTER"), given)
      .to(replies.seriesSamples),
  mrange: (from, to, given, options) => ofRange(MRANGE, from, to, given, options),
  mrevrange: (from, to, given, options) => ofRange(MREVRANGE, from, to, given, options),
  nrange: (keys, from, to, options) => ofKeys(NRANGE, keys, from, to, options),
  nrevrange: (keys, from, to, options) => ofKeys(NREVRANGE, keys, from, to, options),
  queryindex: (given) => addFilters(call(QUERYINDEX), given).to(decode.strings),
  querylabels: ({ filters: given, valuesOf }: QuerylabelsOptions = {}) => {
    const self = call(QUERYLABELS)
    if (valuesOf === undefined) self.add("LABELS")
    else self.add("VALUES", valuesOf)
    return (given === undefined ? self : addFilters(self.add("FILTER"), given)).to(decode.strings)
  },
  range: (key, from, to, options: RangeOptions = {}) =>
    addRange(call(RANGE, key), from, to, options).to(replies.samples),
  read: (key, from, { block, maxCount, minCount }: TsReadOptions = {}) => {
    const self = addTime(call(READ, key), "from", from, ["-", "+", "$"])
    if (block !== undefined) {
      self.add("BLOCK").waitingMillis("block", block).integer("minCount", minCount ?? 1, 1)
    } else if (minCount !== undefined) self.refuse("minCount needs block")
    return self.integerOption("MAX_COUNT", "maxCount", maxCount, 1).to(replies.samples)
  },
  revrange: (key, from, to, options: RangeOptions = {}) =>
    addRange(call(REVRANGE, key), from, to, options).to(replies.samples)
})

/**
 * The builders of the commands on time series: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const TimeSeries: TimeSeriesCommands<CommandSurface> & RangeStreams = /* @__PURE__ */ Object.assign(
  commands,
  streams(commands)
)
