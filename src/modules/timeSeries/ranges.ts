/**
 * Ranges of time series, and streams of them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ClusterClient } from "../../ClusterClient.ts"
import type { Instant, Integer, Lifetime } from "../../commands/Call.ts"
import type { Command } from "../../commands/Command.ts"
import * as checks from "../../internal/checks.ts"
import { millisOf } from "../../internal/millis.ts"
import type { Argument } from "../../protocol/Reply.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import { refusal } from "../../values/keyed.ts"
import type { Sample } from "./replies.ts"

/**
 * A time: a date, or milliseconds since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export type Timestamp = Instant | Integer

/**
 * The function that makes one value of the samples in a bucket. Redis 8.6 has `countnan` and `countall`.
 *
 * @category models
 * @since 0.1.0
 */
export type Aggregator =
  | "avg"
  | "count"
  | "countall"
  | "countnan"
  | "first"
  | "last"
  | "max"
  | "min"
  | "range"
  | "std.p"
  | "std.s"
  | "sum"
  | "twa"
  | "var.p"
  | "var.s"

/**
 * Buckets of time, with one value for each.
 *
 * @category models
 * @since 0.1.0
 */
export interface Aggregation {
  /** The function that makes one value of the samples in a bucket. */
  readonly aggregator: Aggregator
  /** The length of a bucket. */
  readonly bucket: Lifetime
  /** A time at which a bucket begins, or the start or the end of the range. Default: 1970. */
  readonly align?: Timestamp | "start" | "end" | undefined
  /** The part of the bucket whose time is given. Default: `"start"`. */
  readonly timestamp?: "start" | "mid" | "end" | undefined
  /** Give buckets without a sample as well. */
  readonly empty?: boolean | undefined
}

/**
 * The samples of a range that are given: all, or some.
 *
 * @category models
 * @since 0.1.0
 */
export interface SampleOptions {
  /** Give the last bucket of a compaction as well, which is not complete. Default: `false`. */
  readonly latest?: boolean | undefined
  /** Only samples with these times. Default: all. */
  readonly timestamps?: ReadonlyArray<Timestamp> | undefined
  /** Only samples with values from the first to the second number. Default: all. */
  readonly values?: readonly [minimum: number, maximum: number] | undefined
  /** The greatest number of samples, or buckets. Default: all. */
  readonly count?: number | undefined
}

/**
 * Options of `range` and `revrange`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RangeOptions extends SampleOptions {
  /** Give a value for each bucket, in the place of the samples. Default: the samples. */
  readonly aggregation?: Aggregation | undefined
}

/**
 * Options of `rangeStream` and `revrangeStream`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RangeStreamOptions extends SampleOptions {
  /** Give a value for each bucket with a sample, in the place of the samples. Default: the samples. */
  readonly aggregation?: Omit<Aggregation, "empty"> | undefined
  /** The greatest number of samples of one command. Default: 1000. */
  readonly pageSize?: number | undefined
}

/**
 * Streams of ranges. They fail like the commands of ranges, with a `RedisClusterException`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RangeStreams {
  /**
   * The samples between two times, the oldest first, page by page: any number of them in little memory. `count` is that of the whole stream. A
   * sample that is added behind the place of the stream is not in it.
   */
  readonly rangeStream: (
    key: Argument,
    from: Timestamp | "-",
    to: Timestamp | "+",
    options?: RangeStreamOptions
  ) => Stream.Stream<Sample, RedisClusterException, ClusterClient>
  /** The samples between two times, the newest first, page by page. */
  readonly revrangeStream: (
    key: Argument,
    from: Timestamp | "-",
    to: Timestamp | "+",
    options?: RangeStreamOptions
  ) => Stream.Stream<Sample, RedisClusterException, ClusterClient>
}

type Read = (
  key: Argument,
  from: Timestamp | "-",
  to: Timestamp | "+",
  options: RangeOptions
) => Command<ReadonlyArray<Sample>>

/** The time between the beginning of a bucket and the time that is given for it. */
const offsetOf = ({ bucket, timestamp }: Aggregation): number => {
  switch (timestamp) {
    case undefined:
    case "start":
      return 0
    case "mid":
      return Math.floor(millisOf(bucket) / 2)
    case "end":
      return millisOf(bucket)
  }
}

/** The aggregation in the form in which it means the same buckets for each page. */
const pinned = (
  aggregation: Aggregation | undefined,
  from: Timestamp | "-",
  to: Timestamp | "+"
): Aggregation | undefined =>
  aggregation?.align === "start" && from !== "-"
    ? { ...aggregation, align: from }
    : aggregation?.align === "end" && to !== "+"
    ? { ...aggregation, align: to }
    : aggregation

const defaultPageSize = 1000

const streamOptions: checks.Checks<RangeStreamOptions> = {
  aggregation: checks.anything,
  count: checks.integer(1),
  latest: checks.boolean,
  pageSize: checks.integer(1),
  timestamps: checks.anything,
  values: checks.anything
}

const noEmptyBuckets =
  "a stream of a range cannot give empty buckets, because a page begins with a bucket that has a sample"

/** The streams that read pages by these commands. */
export const streams = ({ range, revrange }: { readonly range: Read; readonly revrange: Read }): RangeStreams => {
  const paged = (
    key: Argument,
    from: Timestamp | "-",
    to: Timestamp | "+",
    given: RangeStreamOptions,
    isReverse: boolean
  ): Stream.Stream<Sample, RedisClusterException, ClusterClient> => {
    const problem = checks.problemOf(given, streamOptions)
    if (problem !== undefined) {
      return Stream.fail(refusal(`${isReverse ? "revrangeStream" : "rangeStream"}: ${problem}`))
    }
    const { pageSize = defaultPageSize, ...options } = given
    const aggregation = pinned(options.aggregation, from, to)
    if (aggregation?.empty !== undefined) return Stream.fail(refusal(noEmptyBuckets))
    const read = isReverse ? revrange : range
    const start = { from, to, left: options.count ?? Infinity }
    return Stream.paginate(start, ({ from, left, to }) => {
      const count = Math.min(pageSize, left)
      return Effect.map(read(key, from, to, { ...options, aggregation, count }), (page) => {
        const last = page.at(-1)
        if (last === undefined || page.length < count || left <= count) return [page, Option.none<typeof start>()]
        const begin = last.timestamp - (aggregation === undefined ? 0 : offsetOf(aggregation))
        const length = aggregation === undefined ? 1 : millisOf(aggregation.bucket)
        const rest = left - count
        return [
          page,
          // No sample can be before the first millisecond.
          isReverse && begin <= 0
            ? Option.none<typeof start>()
            : Option.some<typeof start>(
              isReverse ? { from, to: begin - 1, left: rest } : { from: begin + length, to, left: rest }
            )
        ]
      })
    })
  }
  return {
    rangeStream: (key, from, to, options = {}) => paged(key, from, to, options, false),
    revrangeStream: (key, from, to, options = {}) => paged(key, from, to, options, true)
  }
}
