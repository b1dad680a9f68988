/**
 * Streams: logs of entries, read one by one or shared among the consumers of groups.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import {
  type Call,
  call,
  type Entries,
  type Instant,
  type Integer,
  type Lifetime,
  type OneOrMore,
  type Value
} from "./Call.ts"
import { checked } from "./checked.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { streams } from "./keys.ts"
import type { Exact, Given, When, With, Without } from "./Options.ts"
import { parameters } from "./parameters/Streams.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * An entry of a stream. The last value wins when an entry has a field twice. With `Command.bytes` ids and values are
 * bytes, while the names of the fields are text.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamEntry {
  readonly id: string
  readonly fields: Readonly<Record<string, string>>
}

/**
 * An entry that was delivered before: `fields` is `null` when it has been deleted since.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeliveredEntry {
  readonly id: string
  readonly fields: Readonly<Record<string, string>> | null
}

/**
 * An entry as `xreadgroup` with `claim` returns it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClaimedEntry extends StreamEntry {
  /** The time since its last delivery in milliseconds, 0 for a new entry. */
  readonly idle: number
  /** The number of earlier deliveries, 0 for a new entry. */
  readonly deliveries: number
}

/**
 * The entries of one stream in the result of a read.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamEntries<out E> {
  readonly key: string
  readonly entries: ReadonlyArray<E>
}

/**
 * The treatment of entries to which consumer groups still refer: keep the references (`KEEPREF`, the default), remove
 * the references too (`DELREF`), or remove only entries that every group has acknowledged (`ACKED`). Redis 8.2.
 *
 * @category models
 * @since 0.1.0
 */
export type StreamReferences = "KEEPREF" | "DELREF" | "ACKED"

/**
 * The settings of a trim, one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamTrimSettings {
  /** The number of entries to keep, the latest ones. */
  readonly maxLength?: Integer | undefined
  /** The smallest id to keep. */
  readonly minId?: string | undefined
  /** Leave some more entries where that is cheaper for the server. */
  readonly approximate?: boolean | undefined
  /** The most entries to remove, 0 for any number; needs `approximate`. */
  readonly limit?: number | undefined
}

/**
 * The way to trim a stream: to a length, or to the entries from an id on.
 *
 * @category models
 * @since 0.1.0
 */
export type StreamTrim =
  & StreamTrimSettings
  & ((With<"maxLength", Integer> & Without<"minId">) | (With<"minId", string> & Without<"maxLength">))

/**
 * Options of `xadd`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XaddOptions {
  /** Do not make the stream if it does not exist: the result is then `null`. */
  readonly noMkStream?: boolean | undefined
  /** Trim the stream afterwards. */
  readonly trim?: StreamTrim | undefined
  /** The treatment of trimmed entries to which groups refer. Default: `KEEPREF`. Redis 8.2. */
  readonly references?: StreamReferences | undefined
  /**
   * Add an entry of this producer once, however often it is sent: later calls return the id of the first entry.
   * Entries are distinguished by `id`, or by their content. Needs the id `*`. Redis 8.6.
   */
  readonly idempotent?: {
    /** The name of the producer. */
    readonly producer: Argument
    /** The producer's own id of the entry. Default: the content of the entry. */
    readonly id?: Argument | undefined
  } | undefined
}

/**
 * The reply of `xadd`: the id of the entry, with `noMkStream` `null` if there is no stream.
 *
 * @category models
 * @since 0.1.0
 */
export type XaddReply<O> = When<O, "noMkStream", string | null, string>

/**
 * Options of `xread`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XreadOptions {
  /** The most entries of each stream. Default: all. */
  readonly count?: number | undefined
  /** The time to wait for an entry if there is none; `"Infinity"` for no limit. Default: no waiting. */
  readonly block?: Lifetime | undefined
}

/**
 * Options of `xreadgroup`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XreadgroupOptions extends XreadOptions {
  /** Take entries over that other consumers have not acknowledged for so long, before new entries. Redis 8.4. */
  readonly claim?: Lifetime | undefined
  /** Count entries as acknowledged once they are delivered. */
  readonly noAck?: boolean | undefined
}

/**
 * The reply of `xreadgroup`. Entries that were delivered before (an id other than `>`) may have been deleted since.
 * With `claim`, entries have the time since their last delivery and the number of deliveries.
 *
 * @category models
 * @since 0.1.0
 */
export type XreadgroupReply<T, O> = ReadonlyArray<
  StreamEntries<
    Given<
      O,
      "claim",
      ClaimedEntry,
      T extends Readonly<Record<string, ">">> | Iterable<readonly [Argument, ">"]> ? StreamEntry : DeliveredEntry
    >
  >
>

/**
 * Options of `xgroupCreate`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XgroupCreateOptions {
  /** Make the stream if there is none. */
  readonly mkStream?: boolean | undefined
  /** The number of entries that the group counts as read, for its lag; -1 if it is not known. Since 7.0.0. */
  readonly entriesRead?: Integer | undefined
}

/**
 * Options of `xgroupSetid`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XgroupSetidOptions {
  /** The number of entries that the group counts as read, for its lag; -1 if it is not known. Since 7.0.0. */
  readonly entriesRead?: Integer | undefined
}

/**
 * Options of `xrange` and `xrevrange`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XrangeOptions {
  /** The most entries to return. Default: all. */
  readonly count?: number | undefined
}

/**
 * Options of `xsetid`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XsetidOptions {
  /** The number of entries that were ever added. Since 7.0.0. */
  readonly entriesAdded?: Integer | undefined
  /** The greatest id of a deleted entry. Since 7.0.0. */
  readonly maxDeletedId?: string | undefined
}

/**
 * Options of `xtrim`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XtrimOptions {
  /** The treatment of trimmed entries to which groups refer. Default: `KEEPREF`. Redis 8.2. */
  readonly references?: StreamReferences | undefined
}

/**
 * Settings of `xcfgset`, of which at least one has to be given.
 *
 * @category models
 * @since 0.1.0
 */
export interface XcfgsetSettings {
  /** The time for which ids of producers are remembered, in whole seconds. */
  readonly idmpDuration?: Lifetime | undefined
  /** The number of ids of each producer that are remembered. */
  readonly idmpMaxSize?: number | undefined
}

/**
 * Options of `xclaim`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XclaimOptions {
  /** The time since the last delivery of the entries. Default: 0. Not with `time`. */
  readonly idle?: Lifetime | undefined
  /** The time of the last delivery of the entries. Not with `idle`. */
  readonly time?: Instant | undefined
  /** The number of deliveries of the entries. Default: one more than before. */
  readonly retryCount?: number | undefined
  /** Take entries that were not delivered to any consumer yet, too. */
  readonly force?: boolean | undefined
  /** Return the ids only, and do not count a delivery. */
  readonly justId?: boolean | undefined
  /** The last delivered id of the group, if it is greater than the present one. */
  readonly lastId?: string | undefined
}

/**
 * The reply of `xclaim`: entries, or ids with `justId`. Deleted entries are left out.
 *
 * @category models
 * @since 0.1.0
 */
export type XclaimReply<O> = When<O, "justId", ReadonlyArray<string>, ReadonlyArray<StreamEntry>>

/**
 * Options of `xautoclaim`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XautoclaimOptions {
  /** The number of entries to check. Default: 100. */
  readonly count?: number | undefined
  /** Return the ids only, and do not count a delivery. */
  readonly justId?: boolean | undefined
}

/**
 * One step of `xautoclaim`: the id at which to go on (`0-0` at the end), the entries, and the ids of entries that no
 * longer exist (empty before 7.0.0).
 *
 * @category models
 * @since 0.1.0
 */
export interface XautoclaimEntries {
  readonly cursor: string
  readonly entries: ReadonlyArray<StreamEntry>
  readonly deleted: ReadonlyArray<string>
}

/**
 * One step of `xautoclaim` with `justId`.
 *
 * @category models
 * @since 0.1.0
 */
export interface XautoclaimIds {
  readonly cursor: string
  readonly ids: ReadonlyArray<string>
  readonly deleted: ReadonlyArray<string>
}

/**
 * The reply of `xautoclaim`: entries, or ids with `justId`.
 *
 * @category models
 * @since 0.1.0
 */
export type XautoclaimReply<O> = When<O, "justId", XautoclaimIds, XautoclaimEntries>

/**
 * The options of `xpending`, one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface XpendingRange {
  /** The most entries of the list. */
  readonly count?: number | undefined
  /** The first id (excluded with `(` in front). Default: that of the first entry. */
  readonly start?: string | undefined
  /** The last id. Default: that of the last entry. */
  readonly end?: string | undefined
  /** Only entries of this consumer. */
  readonly consumer?: Argument | undefined
  /** Only entries that were delivered at least so long ago. */
  readonly idle?: Lifetime | undefined
}

/**
 * Options of `xpending`. With `count`, which the others need, it lists entries; without `count` it returns a summary.
 *
 * @category models
 * @since 0.1.0
 */
export type XpendingOptions =
  & XpendingRange
  & (Without<"count" | "start" | "end" | "consumer" | "idle"> | With<"count", number>)

/**
 * The summary of the entries that were delivered to a group and not acknowledged.
 *
 * @category models
 * @since 0.1.0
 */
export interface PendingSummary {
  readonly count: number
  /** The smallest id. */
  readonly first: string | null
  /** The greatest id. */
  readonly last: string | null
  readonly consumers: ReadonlyArray<{ readonly name: string; readonly pending: number }>
}

/**
 * An entry that has not been acknowledged.
 *
 * @category models
 * @since 0.1.0
 */
export interface PendingEntry {
  readonly id: string
  readonly consumer: string
  /** The time since its last delivery, in milliseconds. */
  readonly idle: number
  readonly deliveries: number
}

/**
 * The reply of `xpending`: a list of entries with `count`, else their summary.
 *
 * @category models
 * @since 0.1.0
 */
export type XpendingReply<O> = Given<O, "count", ReadonlyArray<PendingEntry>, PendingSummary>

/**
 * The options of `xinfoStream`, one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface XinfoStreamFlags {
  /** Return entries, groups and consumers, too. */
  readonly full?: boolean | undefined
  /** The number of entries, and of pending entries of each group; 0 for all; needs `full`. Default: 10. */
  readonly count?: number | undefined
}

/**
 * Options of `xinfoStream`.
 *
 * @category models
 * @since 0.1.0
 */
export type XinfoStreamOptions = XinfoStreamFlags & ((Without<"full", false> & Without<"count">) | With<"full", true>)

/**
 * The figures of a stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamFigures {
  readonly length: number
  readonly radixTreeKeys: number
  readonly radixTreeNodes: number
  readonly lastGeneratedId: string
  /** Since 7.0.0. */
  readonly maxDeletedEntryId: string | undefined
  /** Since 7.0.0. */
  readonly entriesAdded: number | undefined
  /** Since 7.0.0. */
  readonly recordedFirstEntryId: string | undefined
  /** The time for which ids of producers are remembered, in seconds. This figure and those after it need Redis 8.6. */
  readonly idmpDuration: number | undefined
  /** The number of ids of a producer that are remembered. */
  readonly idmpMaxSize: number | undefined
  readonly pidsTracked: number | undefined
  readonly iidsTracked: number | undefined
  readonly iidsAdded: number | undefined
  readonly iidsDuplicates: number | undefined
}

/**
 * The figures of a stream: the reply of `xinfoStream`.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamInfo extends StreamFigures {
  /** The number of groups. */
  readonly groups: number
  readonly firstEntry: StreamEntry | null
  readonly lastEntry: StreamEntry | null
}

/**
 * A consumer in `StreamDetails`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConsumerDetails {
  readonly name: string
  /** The time of its last attempt to read, in milliseconds since 1970. */
  readonly seenTime: number
  /** The time of its last successful read, in milliseconds since 1970; -1 for none. Since 7.2.0. */
  readonly activeTime: number | undefined
  readonly pelCount: number
  /** `delivered` is in milliseconds since 1970. */
  readonly pending: ReadonlyArray<{ readonly id: string; readonly delivered: number; readonly deliveries: number }>
}

/**
 * A group in `StreamDetails`.
 *
 * @category models
 * @since 0.1.0
 */
export interface GroupDetails {
  readonly name: string
  readonly lastDeliveredId: string
  /** Since 7.0.0. */
  readonly entriesRead: number | null | undefined
  /** The number of entries that the group has not read yet; `null` when the server cannot know it. Since 7.0.0. */
  readonly lag: number | null | undefined
  readonly pelCount: number
  /** `delivered` is in milliseconds since 1970. */
  readonly pending: ReadonlyArray<
    { readonly id: string; readonly consumer: string; readonly delivered: number; readonly deliveries: number }
  >
  readonly consumers: ReadonlyArray<ConsumerDetails>
}

/**
 * A stream with its entries, groups and consumers: the reply of `xinfoStream` with `full`.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamDetails extends StreamFigures {
  readonly entries: ReadonlyArray<StreamEntry>
  readonly groups: ReadonlyArray<GroupDetails>
}

/**
 * The reply of `xinfoStream`.
 *
 * @category models
 * @since 0.1.0
 */
export type XinfoStreamReply<O> = When<O, "full", StreamDetails, StreamInfo>

/**
 * A group of consumers.
 *
 * @category models
 * @since 0.1.0
 */
export interface GroupInfo {
  readonly name: string
  /** The number of consumers. */
  readonly consumers: number
  /** The number of entries that have not been acknowledged. */
  readonly pending: number
  readonly lastDeliveredId: string
  /** The number of entries that the group has read; `null` when it is not known. Since 7.0.0. */
  readonly entriesRead: number | null | undefined
  /** The number of entries that are still to be delivered, `null` when it is not known. Since 7.0.0. */
  readonly lag: number | null | undefined
}

/**
 * A consumer of a group.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConsumerInfo {
  readonly name: string
  /** The number of entries that it has not acknowledged. */
  readonly pending: number
  /** The time since its last attempt to read, in milliseconds. */
  readonly idle: number
  /** The time since its last successful read, in milliseconds; -1 for none. Since 7.2.0. */
  readonly inactive: number | undefined
}

/**
 * The methods of the commands on streams.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamCommands<S extends Surface> {
  /** Acknowledges entries. Returns the number of them that were pending. Since 5.0.0. O(1) an id. */
  xack(key: Argument, group: Argument, ids: OneOrMore<string>): Returns<S, number>
  /** Acknowledges and deletes entries. Returns for each id: 1 deleted, 2 only acknowledged because another group refers to it, -1 no such entry. Redis 8.2. O(1) an id. */
  xackdel(
    key: Argument,
    group: Argument,
    ids: OneOrMore<string>,
    references?: StreamReferences
  ): Returns<S, ReadonlyArray<number>>
  /**
   * Adds an entry; with the id `*` the server chooses the id. Returns the id; with `noMkStream`, `null` if there is no
   * stream. Since 5.0.0. O(1), O(N) trimmed entries.
   */
  xadd<const O extends XaddOptions = {}>(
    key: Argument,
    id: string,
    fields: Entries<Value>,
    options?: Exact<O, XaddOptions>
  ): Returns<S, XaddReply<O>>
  /**
   * Takes entries over that were delivered at least `minIdle` ago, from the id `start` on: `0-0` at first, then the
   * cursor of the last step. Since 6.2.0. O(1) for a small `count`.
   */
  xautoclaim<const O extends XautoclaimOptions = {}>(
    key: Argument,
    group: Argument,
    consumer: Argument,
    minIdle: Lifetime,
    start: string,
    options?: Exact<O, XautoclaimOptions>
  ): Returns<S, XautoclaimReply<O>>
  /**
   * Sets the time (whole seconds) for which ids of producers are remembered, and their number: see `idempotent` of
   * `xadd`. A new value drops the remembered ids. Redis 8.6. O(1).
   */
  xcfgset(
    key: Argument,
    settings: XcfgsetSettings
  ): Returns<S, "OK">
  /**
   * Takes entries over that were delivered at least `minIdle` ago. Returns the entries, or their ids with `justId`.
   * Since 5.0.0. O(log N) an id.
   */
  xclaim<const O extends XclaimOptions = {}>(
    key: Argument,
    group: Argument,
    consumer: Argument,
    minIdle: Lifetime,
    ids: OneOrMore<string>,
    options?: Exact<O, XclaimOptions>
  ): Returns<S, XclaimReply<O>>
  /** Deletes entries. Returns the number of entries that existed. Since 5.0.0. O(1) an id. */
  xdel(key: Argument, ids: OneOrMore<string>): Returns<S, number>
  /** Deletes entries. Returns for each id: 1 deleted, 2 not deleted because a group refers to it, -1 no such entry. Redis 8.2. O(1) an id. */
  xdelex(key: Argument, ids: OneOrMore<string>, references?: StreamReferences): Returns<S, ReadonlyArray<number>>
  /**
   * Makes a group that reads the entries after an id: after `$`, the last entry, or after `0` for all entries. Fails
   * if the group exists. Since 5.0.0. O(1).
   */
  xgroupCreate(key: Argument, group: Argument, id: string, options?: XgroupCreateOptions): Returns<S, "OK">
  /** Makes a consumer of a group. Returns whether the consumer is new. Since 6.2.0. O(1). */
  xgroupCreateconsumer(key: Argument, group: Argument, consumer: Argument): Returns<S, boolean>
  /** Removes a consumer. Returns how many entries it had not acknowledged: nobody can claim them any more. Since 5.0.0. O(1). */
  xgroupDelconsumer(key: Argument, group: Argument, consumer: Argument): Returns<S, number>
  /** Removes a group. Returns whether there was one. Since 5.0.0. O(N) pending entries. */
  xgroupDestroy(key: Argument, group: Argument): Returns<S, boolean>
  /** Lets a group read the entries after another id. Since 5.0.0. O(1). */
  xgroupSetid(
    key: Argument,
    group: Argument,
    id: string,
    options?: XgroupSetidOptions
  ): Returns<S, "OK">
  /** The consumers of a group. Since 5.0.0. O(N) consumers. */
  xinfoConsumers(key: Argument, group: Argument): Returns<S, ReadonlyArray<ConsumerInfo>>
  /** The groups of a stream. Since 5.0.0. O(N) groups. */
  xinfoGroups(key: Argument): Returns<S, ReadonlyArray<GroupInfo>>
  /**
   * The figures of a stream; with `full` its entries, groups and consumers, too. Fails if there is no stream. Since
   * 5.0.0 (full 6.0.0). O(1).
   */
  xinfoStream<const O extends XinfoStreamOptions = {}>(
    key: Argument,
    options?: Exact<O, XinfoStreamOptions>
  ): Returns<S, XinfoStreamReply<O>>
  /** The number of entries. Since 5.0.0. O(1). */
  xlen(key: Argument): Returns<S, number>
  /**
   * The entries that a group has not acknowledged: a summary, or, with `count`, a list. Since 5.0.0 (idle 6.2.0). O(N)
   * entries.
   */
  xpending<const O extends XpendingOptions = {}>(
    key: Argument,
    group: Argument,
    options?: Exact<O, XpendingOptions>
  ): Returns<S, XpendingReply<O>>
  /**
   * The entries from one id to another, both included. `-` is the first id and `+` the last; `(` in front of an id
   * excludes it. Since 5.0.0. O(N) entries.
   */
  xrange(
    key: Argument,
    start: string,
    end: string,
    options?: XrangeOptions
  ): Returns<S, ReadonlyArray<StreamEntry>>
  /**
   * The entries of streams of one slot after the id that is given for each: `0` for all entries, `$` for entries that
   * are added from now on, `+` for the last entry (Redis 7.4, Valkey 8.0). Streams without entries are left out: the
   * list is empty, never `null`, when there are no entries or the time is over. Since 5.0.0. O(N) entries.
   */
  xread(streams: Entries<string>, options?: XreadOptions): Returns<S, ReadonlyArray<StreamEntries<StreamEntry>>>
  /**
   * The entries of streams of one slot for a consumer of a group. The id `>` stands for new entries; any other id for
   * the entries that the consumer got and has not acknowledged, whose `fields` are `null` when they have been deleted
   * since. The list is empty, never `null`, when there are no entries or the time is over. Since 5.0.0. O(N) entries.
   */
  xreadgroup<const T extends Entries<string>, const O extends XreadgroupOptions = {}>(
    group: Argument,
    consumer: Argument,
    streams: T,
    options?: Exact<O, XreadgroupOptions>
  ): Returns<S, XreadgroupReply<T, O>>
  /** The entries from one id to another, backwards: the greater id comes first. Since 5.0.0. O(N) entries. */
  xrevrange(
    key: Argument,
    end: string,
    start: string,
    options?: XrangeOptions
  ): Returns<S, ReadonlyArray<StreamEntry>>
  /** Sets the last id of a stream, for tools that copy streams. Since 5.0.0 (options 7.0.0). O(1). */
  xsetid(
    key: Argument,
    lastId: string,
    options?: XsetidOptions
  ): Returns<S, "OK">
  /** Trims a stream. Returns the number of removed entries. Since 5.0.0 (minId 6.2.0). O(N) entries removed. */
  xtrim(
    key: Argument,
    trim: StreamTrim,
    options?: XtrimOptions
  ): Returns<S, number>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const XACK = new CommandSpec("XACK", write)
const XACKDEL = new CommandSpec("XACKDEL", write)
const XADD = new CommandSpec("XADD", write)
const XAUTOCLAIM = new CommandSpec("XAUTOCLAIM", write)
const XCFGSET = new CommandSpec("XCFGSET", write)
const XCLAIM = new CommandSpec("XCLAIM", write)
const XDEL = new CommandSpec("XDEL", write)
const XDELEX = new CommandSpec("XDELEX", write)
const XGROUP_CREATE = new CommandSpec("XGROUP CREATE", write)
const XGROUP_CREATECONSUMER = new CommandSpec("XGROUP CREATECONSUMER", write)
const XGROUP_DELCONSUMER = new CommandSpec("XGROUP DELCONSUMER", write)
const XGROUP_DESTROY = new CommandSpec("XGROUP DESTROY", write)
const XGROUP_SETID = new CommandSpec("XGROUP SETID", write)
const XINFO_CONSUMERS = new CommandSpec("XINFO CONSUMERS", read)
const XINFO_GROUPS = new CommandSpec("XINFO GROUPS", read)
const XINFO_STREAM = new CommandSpec("XINFO STREAM", read)
const XLEN = new CommandSpec("XLEN", read)
const XPENDING = new CommandSpec("XPENDING", read)
const XRANGE = new CommandSpec("XRANGE", read)
const XREAD = new CommandSpec("XREAD", { keys: streams(0), readonly: true })
const XREADGROUP = new CommandSpec("XREADGROUP", { keys: streams(3) })
const XREVRANGE = new CommandSpec("XREVRANGE", read)
const XSETID = new CommandSpec("XSETID", write)
const XTRIM = new CommandSpec("XTRIM", write)

const addTrim = (self: Call, trim: StreamTrim): Call => {
  const word = trim.approximate === true ? "~" : "="
  if (trim.maxLength !== undefined && trim.minId !== undefined) {
    return self.refuse("maxLength and minId exclude one another: give one of them")
  }
  if (trim.maxLength !== undefined) self.add("MAXLEN", word).integer("maxLength", trim.maxLength, 0)
  else if (trim.minId !== undefined) self.add("MINID", word, trim.minId)
  else return self.refuse("trim must say to what the stream is cut, got neither maxLength nor minId")
  if (trim.limit !== undefined && trim.approximate !== true) {
    return self.refuse("limit goes with approximate trimming only: set approximate, or leave limit out")
  }
  return self.integerOption("LIMIT", "limit", trim.limit, 0)
}

const addRead = (self: Call, options: XreadOptions): Call => {
  self.integerOption("COUNT", "count", options.count, 1)
  return options.block === undefined ? self : self.add("BLOCK").waitingMillis("block", options.block)
}

const addIds = (self: Call, ids: OneOrMore<string>, references: StreamReferences | undefined): Call =>
  (references === undefined ? self : self.add(references)).add("IDS").counted("ids", ids)

const range = (spec: CommandSpec) =>
(
  key: Argument,
  from: string,
  to: string,
  options: XrangeOptions = {}
) => call(spec, key, from, to).integerOption("COUNT", "count", options.count, 1).to(entries)

const entry = decode.positional<StreamEntry>("an entry of a stream", {
  id: decode.at(0, decode.string),
  fields: decode.at(1, decode.record)
})

const entries = decode.arrayOf(entry)

const entryOrNull = decode.nullable(entry)

const deliveredEntry = decode.positional<DeliveredEntry>("an entry of a stream", {
  id: decode.at(0, decode.string),
  fields: decode.at(1, decode.nullable(decode.record))
})

const claimedEntry = decode.positional<ClaimedEntry>("an entry of a stream", {
  id: decode.at(0, decode.string),
  fields: decode.at(1, decode.record),
  idle: decode.optionalAt(2, decode.integer, 0),
  deliveries: decode.optionalAt(3, decode.integer, 0)
})

/** Streams with their entries; the null reply becomes an empty list. */
const ofStreams = <E>(entry: decode.Decoder<E>): decode.Decoder<ReadonlyArray<StreamEntries<E>>> => {
  const pairs = decode.map(
    decode.pairsOf(decode.string, decode.arrayOf(entry)),
    (pairs) => pairs.map(([key, entries]) => ({ key, entries }))
  )
  return (reply) => reply === null ? [] : pairs(reply)
}

const newEntries = ofStreams(entry)
const deliveredEntries = ofStreams(deliveredEntry)
const claimedEntries = ofStreams(claimedEntry)

/** Before 7.0 an entry that was deleted comes as `null`. */
const claimed: decode.Decoder<ReadonlyArray<StreamEntry>> = decode.map(
  decode.arrayOf(entryOrNull),
  (list) => list.filter((entry) => entry !== null)
)

const autoclaimedEntries = decode.positional<XautoclaimEntries>("a cursor and entries", {
  cursor: decode.at(0, decode.string),
  entries: decode.at(1, claimed),
  deleted: decode.optionalAt(2, decode.strings, [])
})

const autoclaimedIds = decode.positional<XautoclaimIds>("a cursor and ids", {
  cursor: decode.at(0, decode.string),
  ids: decode.at(1, decode.strings),
  deleted: decode.optionalAt(2, decode.strings, [])
})

const pendingConsumers = decode.map(
  decode.pairsOf(decode.string, decode.integerText),
  (pairs) => pairs.map(([name, pending]) => ({ name, pending }))
)

const pendingSummary: decode.Decoder<PendingSummary> = decode.map(
  decode.tuple(decode.integer, decode.stringOrNull, decode.stringOrNull, decode.nullable(pendingConsumers)),
  ([count, first, last, consumers]) => ({ count, first, last, consumers: consumers ?? [] })
)

const pendingEntry = decode.positional<PendingEntry>("a pending entry", {
  id: decode.at(0, decode.string),
  consumer: decode.at(1, decode.string),
  idle: decode.at(2, decode.integer),
  deliveries: decode.at(3, decode.integer)
})

const pendingEntries = decode.arrayOf(pendingEntry)

const figures = {
  length: decode.field("length", decode.integer),
  radixTreeKeys: decode.field("radix-tree-keys", decode.integer),
  radixTreeNodes: decode.field("radix-tree-nodes", decode.integer),
  lastGeneratedId: decode.field("last-generated-id", decode.string),
  maxDeletedEntryId: decode.optional("max-deleted-entry-id", decode.string),
  entriesAdded: decode.optional("entries-added", decode.integer),
  recordedFirstEntryId: decode.optional("recorded-first-entry-id", decode.string),
  idmpDuration: decode.optional("idmp-duration", decode.integer),
  idmpMaxSize: decode.optional("idmp-maxsize", decode.integer),
  pidsTracked: decode.optional("pids-tracked", decode.integer),
  iidsTracked: decode.optional("iids-tracked", decode.integer),
  iidsAdded: decode.optional("iids-added", decode.integer),
  iidsDuplicates: decode.optional("iids-duplicates", decode.integer)
}

const streamInfo = decode.struct<StreamInfo>({
  ...figures,
  groups: decode.field("groups", decode.integer),
  firstEntry: decode.field("first-entry", entryOrNull),
  lastEntry: decode.field("last-entry", entryOrNull)
})

const consumerPending = decode.positional<ConsumerDetails["pending"][number]>("a pending entry", {
  id: decode.at(0, decode.string),
  delivered: decode.at(1, decode.integer),
  deliveries: decode.at(2, decode.integer)
})

const groupPending: decode.Decoder<GroupDetails["pending"][number]> = decode.map(
  pendingEntry,
  ({ consumer, deliveries, id, idle }) => ({ id, consumer, delivered: idle, deliveries })
)

const consumerDetails = decode.struct<ConsumerDetails>({
  name: decode.field("name", decode.string),
  seenTime: decode.field("seen-time", decode.integer),
  activeTime: decode.optional("active-time", decode.integer),
  pelCount: decode.field("pel-count", decode.integer),
  pending: decode.field("pending", decode.arrayOf(consumerPending))
})

const groupDetails = decode.struct<GroupDetails>({
  name: decode.field("name", decode.string),
  lastDeliveredId: decode.field("last-delivered-id", decode.string),
  entriesRead: decode.optional("entries-read", decode.integerOrNull),
  lag: decode.optional("lag", decode.integerOrNull),
  pelCount: decode.field("pel-count", decode.integer),
  pending: decode.field("pending", decode.arrayOf(groupPending)),
  consumers: decode.field("consumers", decode.arrayOf(consumerDetails))
})

const streamDetails = decode.struct<StreamDetails>({
  ...figures,
  entries: decode.field("entries", entries),
  groups: decode.field("groups", decode.arrayOf(groupDetails))
})

const groupInfos = decode.arrayOf(decode.struct<GroupInfo>({
  name: decode.field("name", decode.string),
  consumers: decode.field("consumers", decode.integer),
  pending: decode.field("pending", decode.integer),
  lastDeliveredId: decode.field("last-delivered-id", decode.string),
  entriesRead: decode.optional("entries-read", decode.integerOrNull),
  lag: decode.optional("lag", decode.integerOrNull)
}))

const consumerInfos = decode.arrayOf(decode.struct<ConsumerInfo>({
  name: decode.field("name", decode.string),
  pending: decode.field("pending", decode.integer),
  idle: decode.field("idle", decode.integer),
  inactive: decode.optional("inactive", decode.integer)
}))

/**
 * The builders of the commands on streams: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Streams: StreamCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  xack: (key, group, ids) => call(XACK, key, group).many("ids", ids).to(decode.integer),
  xackdel: (key, group, ids, references) => addIds(call(XACKDEL, key, group), ids, references).to(decode.integers),
  xadd: (key, id, fields, options?: XaddOptions) => {
    const self = call(XADD, key)
    if (options !== undefined) {
      self.flag("NOMKSTREAM", options.noMkStream)
      if (options.references !== undefined) self.add(options.references)
      if (options.idempotent !== undefined) {
        const { id: entryId, producer } = options.idempotent
        if (id !== "*") self.refuse("idempotent needs the id \"*\": leave the id to the server")
        if (entryId === undefined) self.add("IDMPAUTO", producer)
        else self.add("IDMP", producer, entryId)
      }
      if (options.trim !== undefined) addTrim(self, options.trim)
    }
    return self.add(id).entries("fields", fields).to(
      decode.chosen(options?.noMkStream === true ? decode.stringOrNull : decode.string)
    )
  },
  xautoclaim: (key, group, consumer, minIdle, start, options: XautoclaimOptions = {}) =>
    call(XAUTOCLAIM, key, group, consumer).age("minIdle", minIdle).add(start)
      .integerOption("COUNT", "count", options.count, 1)
      .flag("JUSTID", options.justId)
      .to(decode.chosen(options.justId === true ? autoclaimedIds : autoclaimedEntries)),
  xcfgset: (key, settings) => {
    const self = call(XCFGSET, key)
    if (settings.idmpDuration !== undefined) {
      self.add("IDMP-DURATION").seconds("idmpDuration", settings.idmpDuration)
    }
    self.integerOption("IDMP-MAXSIZE", "idmpMaxSize", settings.idmpMaxSize, 1)
    if (self.args.length === 1) {
      self.refuse("settings must have at least one entry, got none: leave out the call instead")
    }
    return self.to(decode.ok)
  },
  xclaim: (key, group, consumer, minIdle, ids, options: XclaimOptions = {}) => {
    const self = call(XCLAIM, key, group, consumer).age("minIdle", minIdle).many("ids", ids)
    if (options.idle !== undefined && options.time !== undefined) {
      self.refuse("idle and time exclude one another: give one of them")
    }
    if (options.idle !== undefined) self.add("IDLE").age("idle", options.idle)
    if (options.time !== undefined) self.add("TIME").instant("time", options.time, "milliseconds")
    return self.integerOption("RETRYCOUNT", "retryCount", options.retryCount, 0)
      .flag("FORCE", options.force)
      .flag("JUSTID", options.justId)
      .option("LASTID", options.lastId)
      .to(decode.chosen(options.justId === true ? decode.strings : claimed))
  },
  xdel: (key, ids) => call(XDEL, key).many("ids", ids).to(decode.integer),
  xdelex: (key, ids, references) => addIds(call(XDELEX, key), ids, references).to(decode.integers),
  xgroupCreate: (key, group, id, options = {}) =>
    call(XGROUP_CREATE, key, group, id)
      .flag("MKSTREAM", options.mkStream)
      .integerOption("ENTRIESREAD", "entriesRead", options.entriesRead, -1)
      .to(decode.ok),
  xgroupCreateconsumer: (key, group, consumer) => make(XGROUP_CREATECONSUMER, [key, group, consumer], decode.boolean),
  xgroupDelconsumer: (key, group, consumer) => make(XGROUP_DELCONSUMER, [key, group, consumer], decode.integer),
  xgroupDestroy: (key, group) => make(XGROUP_DESTROY, [key, group], decode.boolean),
  xgroupSetid: (key, group, id, options = {}) =>
    call(XGROUP_SETID, key, group, id)
      .integerOption("ENTRIESREAD", "entriesRead", options.entriesRead, -1)
      .to(decode.ok),
  xinfoConsumers: (key, group) => make(XINFO_CONSUMERS, [key, group], consumerInfos),
  xinfoGroups: (key) => make(XINFO_GROUPS, [key], groupInfos),
  xinfoStream: (key, options: XinfoStreamOptions = {}) => {
    const self = call(XINFO_STREAM, key)
    if (options.full !== true) {
      if (options.count !== undefined) self.refuse("count goes with full only: set full, or leave count out")
      return self.to(decode.chosen(streamInfo))
    }
    return self.add("FULL").integerOption("COUNT", "count", options.count, 0).to(decode.chosen(streamDetails))
  },
  xlen: (key) => make(XLEN, [key], decode.integer),
  xpending: (key, group, options: XpendingOptions = {}) => {
    const self = call(XPENDING, key, group)
    const { consumer, count, end, idle, start } = options
    if (count === undefined) {
      if (consumer !== undefined || end !== undefined || idle !== undefined || start !== undefined) {
        self.refuse("start, end, consumer and idle need a count: give both")
      }
      return self.to(decode.chosen(pendingSummary))
    }
    if (idle !== undefined) self.add("IDLE").age("idle", idle)
    self.add(start ?? "-", end ?? "+").integer("count", count, 0)
    return (consumer === undefined ? self : self.add(consumer)).to(decode.chosen(pendingEntries))
  },
  xrange: range(XRANGE),
  xread: (streams, options = {}) =>
    addRead(call(XREAD), options).add("STREAMS").columns("streams", streams).to(newEntries),
  xreadgroup: (group, consumer, streams, options: XreadgroupOptions = {}) => {
    const self = addRead(call(XREADGROUP, "GROUP", group, consumer), options)
    if (options.claim !== undefined) self.add("CLAIM").age("claim", options.claim)
    self.flag("NOACK", options.noAck).add("STREAMS")
    const at = self.args.length
    self.columns("streams", streams)
    if (options.claim === undefined) return self.to(decode.chosen(deliveredEntries))
    for (let i = at + (self.args.length - at) / 2; i < self.args.length; i++) {
      if (self.args[i] !== ">") self.refuse("claim goes with new entries only: give each stream the id \">\"")
    }
    return self.to(decode.chosen(claimedEntries))
  },
  xrevrange: range(XREVRANGE),
  xsetid: (key, lastId, options = {}) =>
    call(XSETID, key, lastId)
      .integerOption("ENTRIESADDED", "entriesAdded", options.entriesAdded, 0)
      .option("MAXDELETEDID", options.maxDeletedId)
      .to(decode.ok),
  xtrim: (key, trim, options = {}) => {
    const self = addTrim(call(XTRIM, key), trim)
    return (options.references === undefined ? self : self.add(options.references)).to(decode.integer)
  }
})
