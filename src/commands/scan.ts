/**
 * The common parts of the scans of keys and of elements.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { readable } from "../protocol/text.ts"
import type { Call } from "./Call.ts"
import * as decode from "./decode.ts"

/**
 * One step of a scan: the cursor at which to go on (`"0"` at the end), and the items.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScanPage<out A> {
  readonly cursor: string
  readonly items: ReadonlyArray<A>
}

/**
 * Options of the scans.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScanOptions {
  /** Only items that match this glob pattern. Default: all. */
  readonly match?: Argument | undefined
  /** The amount of work of one step, as a number of items; the step may have more or fewer. Default: 10, in streams 1000. */
  readonly count?: number | undefined
}

/** A page of a scan, whose items come as a list. */
export const scanPage = <A>(items: decode.Decoder<ReadonlyArray<A>>): decode.Decoder<ScanPage<A>> => {
  const page = decode.tuple(decode.reply, items)
  return decode.map(page, ([cursor, items]) => {
    return { cursor: String(readable(cursor)), items }
  })
}

/** `0`, another number, or the cursor of a cluster-wide scan: `0-{06S}-0`. */
const cursorPattern = /^\d+(-\{[^}]*\}-\d+)?$/

/** Adds the cursor and the options that all scans have. */
export const addScan = (self: Call, cursor: string, options: ScanOptions): Call =>
  (cursorPattern.test(cursor)
    ? self.add(cursor)
    : self.refuse(`cursor must be "0" or the cursor of the last page, got other text`))
    .option("MATCH", options.match)
    .integerOption("COUNT", "count", options.count, 1)
