/**
 * Cuckoo filters: like Bloom filters, with items that can be removed and counted.
 *
 * @since 0.1.0
 */
import { call, type OneOrMore, type Value } from "../../commands/Call.ts"
import { checked } from "../../commands/checked.ts"
import { make } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import * as decode from "../../commands/decode.ts"
import type { CommandSurface, Returns, Surface } from "../../commands/Surface.ts"
import type { Argument, Reply } from "../../protocol/Reply.ts"
import { parameters } from "../parameters/Cuckoo.ts"
import type { Chunk, ChunkStreams } from "./chunks.ts"
import * as chunks from "./chunks.ts"

/**
 * Options of `reserve` of cuckoo filters.
 *
 * @category models
 * @since 0.1.0
 */
export interface CuckooReserveOptions {
  /** The number of items in a bucket. Default: 2. */
  readonly bucketSize?: number | undefined
  /** The number of items that are moved to make room for one, before another filter is added. Default: 20. */
  readonly maxIterations?: number | undefined
  /** The growth of each further filter; 0 for none. Default: 1. */
  readonly expansion?: number | undefined
}

/**
 * Options of `insert` and `insertnx` of cuckoo filters.
 *
 * @category models
 * @since 0.1.0
 */
export interface CuckooInsertOptions {
  /** The number of items for which a new filter is made. Default: 1024. */
  readonly capacity?: number | undefined
  /** Do not make the filter when it is missing: an error in its place. */
  readonly noCreate?: boolean | undefined
}

/**
 * The figures of a cuckoo filter: the reply of `info`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CuckooInfo {
  /** In bytes. */
  readonly size: number
  readonly buckets: number
  readonly filters: number
  readonly itemsInserted: number
  readonly itemsDeleted: number
  /** The number of items of a bucket. */
  readonly bucketSize: number
  readonly expansion: number
  readonly maxIterations: number
}

/**
 * The methods of the commands on cuckoo filters.
 *
 * @category models
 * @since 0.1.0
 */
export interface CuckooCommands<S extends Surface> {
  /** Adds an item, once more when it is there, and makes the filter when it is missing. Since 1.0.0. O(k + i). */
  add(key: Argument, item: Value): Returns<S, boolean>
  /** Adds an item unless it may be there. Returns whether it was added. Since 1.0.0. O(k + i). */
  addnx(key: Argument, item: Value): Returns<S, boolean>
  /** The number of times that an item may have been added. Since 1.0.0. O(k). */
  count(key: Argument, item: Value): Returns<S, number>
  /**
   * Removes an item once. Returns whether it was there; removing an item that was never added may remove another one. An error if there is no
   * filter. Since 1.0.0. O(k).
   */
  del(key: Argument, item: Value): Returns<S, boolean>
  /** Whether an item may be there; `false` is certain. Since 1.0.0. O(k). */
  exists(key: Argument, item: Value): Returns<S, boolean>
  /** The figures of a filter. An error if there is no filter. Since 1.0.0. O(1). */
  info(key: Argument): Returns<S, CuckooInfo>
  /** Adds items, and makes the filter when it is missing. Returns for each whether it was added, `false` when the filter is full. Since 1.0.0. O(n * (k + i)). */
  insert(key: Argument, items: OneOrMore<Value>, options?: CuckooInsertOptions): Returns<S, ReadonlyArray<boolean>>
  /** Adds items that are not there. Returns for each whether it was added, `"full"` when there was no room. Since 1.0.0. O(n * (k + i)). */
  insertnx(
    key: Argument,
    items: OneOrMore<Value>,
    options?: CuckooInsertOptions
  ): Returns<S, ReadonlyArray<boolean | "full">>
  /** Writes one chunk of `scandump`; `restore` writes all. Since 1.0.0. O(n). */
  loadchunk(key: Argument, chunk: Chunk): Returns<S, "OK">
  /** Whether each of the items may be there. Since 1.0.0. O(k * n). */
  mexists(key: Argument, items: OneOrMore<Value>): Returns<S, ReadonlyArray<boolean>>
  /** Makes an empty filter for so many items. An error if the key exists. Since 1.0.0. O(1). */
  reserve(key: Argument, capacity: number, options?: CuckooReserveOptions): Returns<S, "OK">
  /** Reads the chunk that follows an iterator, 0 for the first; `null` at the end. `dump` reads all. Since 1.0.0. O(n). */
  scandump(key: Argument, iterator: number): Returns<S, Chunk | null>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const ADD = new CommandSpec("CF.ADD", write)
const ADDNX = new CommandSpec("CF.ADDNX", write)
const COUNT = new CommandSpec("CF.COUNT", read)
const DEL = new CommandSpec("CF.DEL", write)
const EXISTS = new CommandSpec("CF.EXISTS", read)
const INFO = new CommandSpec("CF.INFO", read)
const INSERT = new CommandSpec("CF.INSERT", write)
const INSERTNX = new CommandSpec("CF.INSERTNX", write)
const LOADCHUNK = new CommandSpec("CF.LOADCHUNK", write)
const MEXISTS = new CommandSpec("CF.MEXISTS", read)
const RESERVE = new CommandSpec("CF.RESERVE", write)
const SCANDUMP = new CommandSpec("CF.SCANDUMP", read)

const info = decode.struct<CuckooInfo>({
  size: decode.field("Size", decode.integer),
  buckets: decode.field("Number of buckets", decode.integer),
  filters: decode.field("Number of filters", decode.integer),
  itemsInserted: decode.field("Number of items inserted", decode.integer),
  itemsDeleted: decode.field("Number of items deleted", decode.integer),
  bucketSize: decode.field("Bucket size", decode.integer),
  expansion: decode.field("Expansion rate", decode.integer),
  maxIterations: decode.field("Max iterations", decode.integer)
})

/** -1 for an item for which there was no room. */
const added = (reply: Reply): boolean | decode.DecodeFailure => reply === -1 ? false : decode.boolean(reply)

const addedOrFull = (reply: Reply): boolean | "full" | decode.DecodeFailure =>
  reply === -1 ? "full" : decode.boolean(reply)

const insertion = (spec: CommandSpec, key: Argument, items: OneOrMore<Value>, options: CuckooInsertOptions = {}) =>
  call(spec, key)
    .integerOption("CAPACITY", "capacity", options.capacity, 1)
    .flag("NOCREATE", options.noCreate)
    .add("ITEMS")
    .many("items", items)

const ofItem = (spec: CommandSpec, key: Argument, item: Value) => call(spec, key).value(item)

const commands: CuckooCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  add: (key, item) => ofItem(ADD, key, item).to(decode.boolean),
  addnx: (key, item) => ofItem(ADDNX, key, item).to(decode.boolean),
  count: (key, item) => ofItem(COUNT, key, item).to(decode.integer),
  del: (key, item) => ofItem(DEL, key, item).to(decode.boolean),
  exists: (key, item) => ofItem(EXISTS, key, item).to(decode.boolean),
  info: (key) => make(INFO, [key], info),
  insert: (key, items, options) => insertion(INSERT, key, items, options).to(decode.arrayOf(added)),
  insertnx: (key, items, options) => insertion(INSERTNX, key, items, options).to(decode.arrayOf(addedOrFull)),
  loadchunk: (key, chunk) => chunks.load(LOADCHUNK, key, chunk),
  mexists: (key, items) => call(MEXISTS, key).many("items", items).to(decode.booleans),
  reserve: (key, capacity, options: CuckooReserveOptions = {}) =>
    call(RESERVE, key)
      .integer("capacity", capacity, 1)
      .integerOption("BUCKETSIZE", "bucketSize", options.bucketSize, 1)
      .integerOption("MAXITERATIONS", "maxIterations", options.maxIterations, 1)
      .integerOption("EXPANSION", "expansion", options.expansion, 0)
      .to(decode.ok),
  scandump: (key, iterator) => chunks.dump(SCANDUMP, key, iterator)
})

/**
 * The builders of the commands on cuckoo filters: each makes a command that runs on the `ClusterClient` of the fiber. It fails like any
 * command, with a `RedisClusterException`.
 *
 * **Example** (Sessions that can end)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Cuckoo } from "effect-redis-cluster/modules/Bloom"
 *
 * export const program = Effect.gen(function*() {
 *   yield* Cuckoo.add("sessions", "a")
 *   yield* Cuckoo.del("sessions", "a")
 *   return yield* Cuckoo.exists("sessions", "a") // false
 * })
 * ```
 *
 * @category commands
 * @since 0.1.0
 */
export const Cuckoo: CuckooCommands<CommandSurface> & ChunkStreams = /* @__PURE__ */ chunks.withStreams(commands)
