/**
 * Bloom filters and their sisters: cuckoo filters, count-min sketches, the top k, and t-digests. They need a server with the module
 * RedisBloom, which is a part of Redis 8 and of Redis Stack; valkey-bundle has the Bloom filters. Versions are those of the module.
 *
 * **Example** (Addresses that have been seen)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Bloom } from "effect-redis-cluster/modules/Bloom"
 *
 * export const program = Effect.gen(function*() {
 *   const isNew = yield* Bloom.add("seen", "ada@example.com") // true
 *   const wasSeen = yield* Bloom.exists("seen", "grace@example.com") // false
 *   return { isNew, wasSeen }
 * })
 * ```
 *
 * @since 0.1.0
 */
import { call, type OneOrMore, type Value } from "../commands/Call.ts"
import { checked } from "../commands/checked.ts"
import { make } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as decode from "../commands/decode.ts"
import type { CommandSurface, Returns, Surface } from "../commands/Surface.ts"
import type { Argument } from "../protocol/Reply.ts"
import { parameters } from "./parameters/Bloom.ts"
import type { Chunk, ChunkStreams } from "./sketches/chunks.ts"
import * as chunks from "./sketches/chunks.ts"

export type { Chunk, ChunkStreams } from "./sketches/chunks.ts"
export { CountMin, type CountMinCommands, type CountMinInfo, type CountMinMergeOptions } from "./sketches/CountMin.ts"
export {
  Cuckoo,
  type CuckooCommands,
  type CuckooInfo,
  type CuckooInsertOptions,
  type CuckooReserveOptions
} from "./sketches/Cuckoo.ts"
export {
  TDigest,
  type TDigestCommands,
  type TDigestCreateOptions,
  type TDigestInfo,
  type TDigestMergeOptions
} from "./sketches/TDigest.ts"
export {
  TopK,
  type TopKCommands,
  type TopKInfo,
  type TopKList,
  type TopKListOptions,
  type TopKReserveOptions
} from "./sketches/TopK.ts"

/**
 * Options of `reserve`.
 *
 * @category models
 * @since 0.1.0
 */
export interface BloomReserveOptions {
  /** The growth of each further filter, when the last one is full. Default: 2. */
  readonly expansion?: number | undefined
  /** Refuse items beyond the capacity, instead of adding another filter. */
  readonly nonScaling?: boolean | undefined
}

/**
 * Options of `insert`.
 *
 * @category models
 * @since 0.1.0
 */
export interface BloomInsertOptions extends BloomReserveOptions {
  /** The number of items for which a new filter is made. Default: 100. */
  readonly capacity?: number | undefined
  /** The share of false positives of a new filter, between 0 and 1. Default: 0.01. */
  readonly errorRate?: number | undefined
  /** Do not make the filter when it is missing: an error in its place. */
  readonly noCreate?: boolean | undefined
}

/**
 * The figures of a Bloom filter: the reply of `info`.
 *
 * @category models
 * @since 0.1.0
 */
export interface BloomInfo {
  readonly capacity: number
  /** In bytes. */
  readonly size: number
  readonly filters: number
  readonly items: number
  /** `null` for a filter that does not grow. */
  readonly expansion: number | null
}

/**
 * The methods of the commands on Bloom filters.
 *
 * @category models
 * @since 0.1.0
 */
export interface BloomCommands<S extends Surface> {
  /** Adds an item, and makes the filter when it is missing. Returns whether the item was certainly new. Since 1.0.0. O(k). */
  add(key: Argument, item: Value): Returns<S, boolean>
  /** The number of different items that were added, 0 if there is no filter. Since 2.4.4. O(1). */
  card(key: Argument): Returns<S, number>
  /** Whether an item may have been added; `false` is certain. Since 1.0.0. O(k). */
  exists(key: Argument, item: Value): Returns<S, boolean>
  /** The figures of a filter. An error if there is no filter. Since 1.0.0. O(1). */
  info(key: Argument): Returns<S, BloomInfo>
  /**
   * Adds items, and makes the filter by the options when it is missing. Returns for each item whether it was certainly new. Since 1.0.0.
   * O(k * n).
   */
  insert(key: Argument, items: OneOrMore<Value>, options?: BloomInsertOptions): Returns<S, ReadonlyArray<boolean>>
  /** Writes one chunk of `scandump`; `restore` writes all. Since 1.0.0. O(n). */
  loadchunk(key: Argument, chunk: Chunk): Returns<S, "OK">
  /** Adds items. Returns for each whether it was certainly new. Since 1.0.0. O(k * n). */
  madd(key: Argument, items: OneOrMore<Value>): Returns<S, ReadonlyArray<boolean>>
  /** Whether each of the items may have been added. Since 1.0.0. O(k * n). */
  mexists(key: Argument, items: OneOrMore<Value>): Returns<S, ReadonlyArray<boolean>>
  /** Makes an empty filter for so many items, with this share of false positives. An error if the key exists. Since 1.0.0. O(1). */
  reserve(key: Argument, errorRate: number, capacity: number, options?: BloomReserveOptions): Returns<S, "OK">
  /** Reads the chunk that follows an iterator, 0 for the first; `null` at the end. `dump` reads all. Since 1.0.0. O(n). */
  scandump(key: Argument, iterator: number): Returns<S, Chunk | null>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const ADD = new CommandSpec("BF.ADD", write)
const CARD = new CommandSpec("BF.CARD", read)
const EXISTS = new CommandSpec("BF.EXISTS", read)
const INFO = new CommandSpec("BF.INFO", read)
const INSERT = new CommandSpec("BF.INSERT", write)
const LOADCHUNK = new CommandSpec("BF.LOADCHUNK", write)
const MADD = new CommandSpec("BF.MADD", write)
const MEXISTS = new CommandSpec("BF.MEXISTS", read)
const RESERVE = new CommandSpec("BF.RESERVE", write)
const SCANDUMP = new CommandSpec("BF.SCANDUMP", read)

const info = decode.struct<BloomInfo>({
  capacity: decode.field("Capacity", decode.integer),
  size: decode.field("Size", decode.integer),
  filters: decode.field("Number of filters", decode.integer),
  items: decode.field("Number of items inserted", decode.integer),
  expansion: decode.field("Expansion rate", decode.integerOrNull)
})

const commands: BloomCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  add: (key, item) => call(ADD, key).value(item).to(decode.boolean),
  card: (key) => make(CARD, [key], decode.integer),
  exists: (key, item) => call(EXISTS, key).value(item).to(decode.boolean),
  info: (key) => make(INFO, [key], info),
  insert: (key, items, options: BloomInsertOptions = {}) => {
    const self = call(INSERT, key).integerOption("CAPACITY", "capacity", options.capacity, 1)
    if (options.errorRate !== undefined) chunks.addRate(self.add("ERROR"), options.errorRate)
    return self.integerOption("EXPANSION", "expansion", options.expansion, 1)
      .flag("NOCREATE", options.noCreate)
      .flag("NONSCALING", options.nonScaling)
      .add("ITEMS")
      .many("items", items)
      .to(decode.booleans)
  },
  loadchunk: (key, chunk) => chunks.load(LOADCHUNK, key, chunk),
  madd: (key, items) => call(MADD, key).many("items", items).to(decode.booleans),
  mexists: (key, items) => call(MEXISTS, key).many("items", items).to(decode.booleans),
  reserve: (key, errorRate, capacity, options: BloomReserveOptions = {}) =>
    chunks.addRate(call(RESERVE, key), errorRate)
      .integer("capacity", capacity, 1)
      .integerOption("EXPANSION", "expansion", options.expansion, 1)
      .flag("NONSCALING", options.nonScaling)
      .to(decode.ok),
  scandump: (key, iterator) => chunks.dump(SCANDUMP, key, iterator)
})

/**
 * The builders of the commands on Bloom filters: each makes a command that runs on the `ClusterClient` of the fiber. It fails like any
 * command, with a `RedisClusterException`.
 *
 * **Example** (A backup)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Bloom } from "effect-redis-cluster/modules/Bloom"
 *
 * export const program = Effect.gen(function*() {
 *   yield* Bloom.madd("seen", ["a", "b"])
 *   yield* Bloom.restore("seen:copy", Bloom.dump("seen"))
 * })
 * ```
 *
 * @category commands
 * @since 0.1.0
 */
export const Bloom: BloomCommands<CommandSurface> & ChunkStreams = /* @__PURE__ */ chunks.withStreams(commands)
