/**
 * The replies of commands on time series, in one form for RESP2 and RESP3.
 *
 * @since 0.1.0
 */
import * as decode from "../../commands/decode.ts"
import type { Reply } from "../../protocol/Reply.ts"

/**
 * A value at a time, in milliseconds since 1970. An empty bucket of some aggregators has `NaN`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sample {
  readonly timestamp: number
  readonly value: number
}

/**
 * The values of several series at a time, in milliseconds since 1970: a part of the reply of `nrange` and `nrevrange`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SampleRow {
  readonly timestamp: number
  /** One for each key, or for each aggregator of each key, in the order of the call. `NaN` where the series has no sample. */
  readonly values: ReadonlyArray<number>
}

/**
 * The labels of a series. A label that was asked for, and that the series lacks, is `null`.
 *
 * @category models
 * @since 0.1.0
 */
export type Labels = Readonly<Record<string, string | null>>

/**
 * The last sample of a series: a part of the reply of `mget`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeriesSample {
  readonly key: string
  /** Empty unless they were asked for. */
  readonly labels: Labels
  /** `null` for an empty series. */
  readonly sample: Sample | null
}

/**
 * The samples of a series, or of a group of series: a part of the reply of `mrange` and `mrevrange`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeriesSamples {
  /** The key; for a group the label and its value: `area=1`. */
  readonly key: string
  /** Empty unless they were asked for. */
  readonly labels: Labels
  readonly samples: ReadonlyArray<Sample>
}

/**
 * A rule by which a series is compacted into another one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  readonly destination: string
  /** In milliseconds. */
  readonly bucketDuration: number
  readonly aggregator: string
  readonly alignTimestamp: number
}

/**
 * The figures of a series: the reply of `info`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TimeSeriesInfo {
  readonly totalSamples: number
  /** In bytes. */
  readonly memoryUsage: number
  readonly firstTimestamp: number
  readonly lastTimestamp: number
  /** In milliseconds, 0 for no end. */
  readonly retentionTime: number
  readonly chunkCount: number
  /** In bytes. */
  readonly chunkSize: number
  readonly chunkType: string
  /** `null` for that of the server. */
  readonly duplicatePolicy: string | null
  readonly labels: Labels
  /** The series of which this one is a compaction. */
  readonly sourceKey: string | null
  readonly rules: ReadonlyArray<Rule>
  readonly ignoreMaxTimeDiff: number | undefined
  readonly ignoreMaxValDiff: number | undefined
}

export const sample: decode.Decoder<Sample> = decode.positional<Sample>("a sample", {
  timestamp: decode.at(0, decode.integer),
  value: decode.at(1, decode.double)
})

/** An empty series has an empty list. */
export const sampleOrNull: decode.Decoder<Sample | null> = (reply) =>
  Array.isArray(reply) && reply.length === 0 ? null : sample(reply)

export const samples: decode.Decoder<ReadonlyArray<Sample>> = decode.arrayOf(sample)

export const sampleRows: decode.Decoder<ReadonlyArray<SampleRow>> = decode.arrayOf(
  decode.positional<SampleRow>("a row of values", {
    timestamp: decode.at(0, decode.integer),
    values: decode.at(1, decode.arrayOf(decode.double))
  })
)

/** Labels that the server adds to groups over RESP2 only. */
const added = new Set(["__reducer__", "__source__"])

const labels: decode.Decoder<Labels> = decode.map(decode.pairsOf(decode.string, decode.stringOrNull), (pairs) => {
  const record: Record<string, string | null> = {}
  for (const [name, value] of pairs) if (!added.has(name)) decode.assign(record, name, value)
  return record
})

/** The parts of each series: a list with the key first, or a map of keys. */
const rows = (reply: Reply): ReadonlyArray<ReadonlyArray<Reply>> | decode.DecodeFailure => {
  if (reply instanceof Map) {
    return Array.from<readonly [Reply, Reply], ReadonlyArray<Reply>>(
      reply,
      ([key, rest]) => Array.isArray(rest) ? [key, ...rest] : [key]
    )
  }
  return decode.arrayOf<ReadonlyArray<Reply>>((row) => Array.isArray(row) ? row : decode.unexpected("a series", row))(
    reply
  )
}

const ofSeries = <A extends object>(row: decode.Decoder<A>): decode.Decoder<ReadonlyArray<A>> => (reply) => {
  const all = rows(reply)
  return all instanceof decode.DecodeFailure ? all : decode.arrayOf(row)(all)
}

const keyAndLabels = { key: decode.at(0, decode.string), labels: decode.at(1, labels) }

export const seriesSamples: decode.Decoder<ReadonlyArray<SeriesSample>> = ofSeries(
  decode.positional<SeriesSample>("a series with its last sample", {
    ...keyAndLabels,
    sample: decode.at(2, sampleOrNull)
  })
)

const range = decode.positional<SeriesSamples>("a series with samples", {
  ...keyAndLabels,
  samples: decode.at(2, samples)
})

/** The samples are last; before them RESP3 has the aggregators, or the reducers and the sources. */
export const seriesRanges: decode.Decoder<ReadonlyArray<SeriesSamples>> = ofSeries((row) =>
  Array.isArray(row) && row.length >= 3
    ? range([row[0], row[1], row[row.length - 1]])
    : decode.unexpected("a series", row)
)

const rule = decode.positional<Rule>("a rule", {
  destination: decode.at(0, decode.string),
  bucketDuration: decode.at(1, decode.integer),
  aggregator: decode.at(2, decode.map(decode.string, (name) => name.toLowerCase())),
  alignTimestamp: decode.optionalAt(3, decode.integer, 0)
})

export const info: decode.Decoder<TimeSeriesInfo> = decode.struct<TimeSeriesInfo>({
  totalSamples: decode.field("totalSamples", decode.integer),
  memoryUsage: decode.field("memoryUsage", decode.integer),
  firstTimestamp: decode.field("firstTimestamp", decode.integer),
  lastTimestamp: decode.field("lastTimestamp", decode.integer),
  retentionTime: decode.field("retentionTime", decode.integer),
  chunkCount: decode.field("chunkCount", decode.integer),
  chunkSize: decode.field("chunkSize", decode.integer),
  chunkType: decode.field("chunkType", decode.string),
  duplicatePolicy: decode.field("duplicatePolicy", decode.stringOrNull),
  labels: decode.field("labels", labels),
  sourceKey: decode.field("sourceKey", decode.stringOrNull),
  rules: decode.field("rules", ofSeries(rule)),
  ignoreMaxTimeDiff: decode.optional("ignoreMaxTimeDiff", decode.integer),
  ignoreMaxValDiff: decode.optional("ignoreMaxValDiff", decode.double)
})
