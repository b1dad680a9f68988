/**
 * The events and the options of the stream of invalidations. Pure.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import * as checks from "../internal/checks.ts"
import type { BufferStrategy } from "./Subscription.ts"
import { bufferChecks } from "./Subscription.ts"
import type { Gap, GapReason, Message, Subscribed } from "./SubscriptionEvent.ts"

/**
 * A key was changed or deleted, or has expired: what a program keeps of it is outdated.
 *
 * @category models
 * @since 0.1.0
 */
export class Invalidated<out K = string> {
  readonly _tag = "Invalidated"
  /** The key: text, or bytes with `keys: "bytes"`. */
  readonly key: K
  /** The primary that reported it. */
  readonly node: ClusterNode

  constructor(key: K, node: ClusterNode) {
    this.key = key
    this.node = node
  }
}

/**
 * All keys of a node were deleted (`FLUSHALL`, `FLUSHDB`): what a program keeps of any of them is outdated.
 *
 * @category models
 * @since 0.1.0
 */
export class Flushed {
  readonly _tag = "Flushed"
  /** The primary that reported it. */
  readonly node: ClusterNode

  constructor(node: ClusterNode) {
    this.node = node
  }
}

/**
 * The client does not hear of all changes from here on, until the next `Subscribed`. Values that a program keeps, or reads
 * meanwhile, may be outdated without a report. A `Gap` for that time comes before the `Subscribed`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Interrupted {
  readonly _tag: "Interrupted"
  /** The prefixes of the stream. */
  readonly channels: ReadonlyArray<string>
  readonly reason: GapReason
}

/**
 * An event of `redis.invalidations`. The `channels` of the last three are the prefixes of the stream, and `""` for all keys.
 *
 * - `Invalidated`: forget the key
 * - `Flushed`: forget everything
 * - `Subscribed`: from here on every change is reported
 * - `Interrupted`: forget everything, and keep nothing until the next `Subscribed`
 * - `Gap`: forget everything; reports may have been lost
 *
 * @category models
 * @since 0.1.0
 */
export type InvalidationEvent<K = string> = Invalidated<K> | Flushed | Subscribed | Interrupted | Gap

/**
 * Options of `redis.invalidations`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvalidationOptions {
  /** The first parts of the keys of which changes are reported. No prefix may begin with another. Default: all keys. */
  readonly prefixes?: ReadonlyArray<string> | undefined
  /** Whether keys are text (UTF-8) or bytes. Default: `"text"`. */
  readonly keys?: "text" | "bytes" | undefined
  /** The number of reports that may wait for the consumer. Default: 16384. */
  readonly bufferSize?: number | undefined
  /**
   * The treatment of further reports when so many wait: that of a subscription, without `"suspend"`. A report that waits at the server is a value that
   * is outdated here, and servers do not bound what they hold back. Default: `"sliding"`, with a `Gap` before the reports that are left.
   */
  readonly strategy?: Exclude<BufferStrategy, "suspend"> | undefined
}

const optionChecks: checks.Checks<InvalidationOptions> = {
  prefixes: checks.prefixes,
  keys: checks.oneOf("text", "bytes"),
  bufferSize: bufferChecks.bufferSize,
  strategy: checks.oneOf("sliding", "dropping", "fail")
}

/**
 * The problem of the options; `undefined` when there is none.
 *
 * @internal
 */
export const objection = (options: InvalidationOptions): string | undefined => checks.problemOf(options, optionChecks)

/**
 * The names under which reports wait in a buffer.
 *
 * @internal
 */
export const reportOf = { key: "invalidate", flush: "flush" }

/**
 * Reads a report of a buffer.
 *
 * @internal
 */
export const read = <K>({ channel, node, payload }: Message<K>): Invalidated<K> | Flushed =>
  channel === reportOf.flush ? new Flushed(node) : new Invalidated(payload, node)
