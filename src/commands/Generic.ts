/**
 * Keys, whatever they hold: existence, expiry, names, copies.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { type Call, call, type Instant, type Lifetime, type OneOrMore, type Secret } from "./Call.ts"
import { checked } from "./checked.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { allKeys, firstTwo } from "./keys.ts"
import type { Exact, Given } from "./Options.ts"
import { parameters } from "./parameters/Generic.ts"
import { addScan, type ScanOptions, type ScanPage, scanPage } from "./scan.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

export type { ScanOptions, ScanPage } from "./scan.ts"

/**
 * The condition for setting an expiry: the key has none (`NX`), has one (`XX`), or the new expiry is later (`GT`) or
 * sooner (`LT`). Since 7.0.0.
 *
 * @category models
 * @since 0.1.0
 */
export type ExpireCondition = "NX" | "XX" | "GT" | "LT"

/**
 * Options of `scan`.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyScanOptions extends ScanOptions {
  /** Only keys of this type. Since 6.0.0. */
  readonly type?: "string" | "list" | "set" | "zset" | "hash" | "stream" | (string & {}) | undefined
}

/**
 * Options of `sort`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SortRoOptions {
  /** Sort by the value of the key that this pattern gives for each element; `nosort` keeps the order. */
  readonly by?: Argument | undefined
  /** Return a part of the sorted elements. */
  readonly limit?: {
    /** The number of elements to skip. */
    readonly offset: number
    /** The most elements to return; negative for all. */
    readonly count: number
  } | undefined
  /** Return the values of the keys that these patterns name in the place of the elements; `#` is the element itself. */
  readonly get?: OneOrMore<Argument> | undefined
  /** Sort upwards (`ASC`) or downwards (`DESC`). Default: `ASC`. */
  readonly order?: "ASC" | "DESC" | undefined
  /** Compare as text, not as numbers. */
  readonly alpha?: boolean | undefined
}

/**
 * Options of `sort`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SortOptions extends SortRoOptions {
  /** Store the result as a list at this key. */
  readonly store?: Argument | undefined
}

/**
 * Options of `copy`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CopyOptions {
  /** Overwrite a key at the destination. */
  readonly replace?: boolean | undefined
  /** The database of the destination, on servers whose clusters have several. Default: that of the source. */
  readonly database?: number | undefined
}

/**
 * Options of `restore`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RestoreOptions {
  /** The time to live of the key. Default: no expiry. */
  readonly expire?: Lifetime | undefined
  /** The time at which the key expires. */
  readonly expireAt?: Instant | undefined
  /** Overwrite a key that exists. */
  readonly replace?: boolean | undefined
  /** The seconds since the last use of the key, for eviction by LRU. Default: 0. */
  readonly idleTime?: number | undefined
  /** The access frequency counter of the key, for eviction by LFU. */
  readonly frequency?: number | undefined
}

/**
 * Options of `migrate`.
 *
 * @category models
 * @since 0.1.0
 */
export interface MigrateOptions {
  /** The database of the other server. Default: 0. */
  readonly database?: number | undefined
  /** The longest silence of the other server. Default: 5 seconds. */
  readonly timeout?: Lifetime | undefined
  /** Keep the keys at the source. */
  readonly copy?: boolean | undefined
  /** Overwrite the keys at the target. */
  readonly replace?: boolean | undefined
  /** The user of the other server; needs a password. */
  readonly username?: string | undefined
  /** The password of the other server: text, or `Redacted`. */
  readonly password?: string | Secret | undefined
}

/**
 * The methods of the commands on keys.
 *
 * @category models
 * @since 0.1.0
 */
export interface GenericCommands<S extends Surface> {
  /**
   * Copies a key to another key of its slot, also in another database where a cluster has several (Valkey 9.0).
   * Returns whether the key was copied. Since 6.2.0. O(1) for a string, O(N) for a collection.
   */
  copy(source: Argument, destination: Argument, options?: CopyOptions): Returns<S, boolean>
  /** Deletes keys of one slot. Returns the number of keys that existed. Since 1.0.0. O(N) keys, and in the size of collections. */
  del(keys: OneOrMore<Argument>): Returns<S, number>
  /** The value of a key in the server's own format, for `restore`; read it with `Command.bytes`. `null` if there is none. Since 2.6.0. O(N) in its size. */
  dump(key: Argument): Returns<S, string | null>
  /** The number of these keys, of one slot, that exist; a key that is named twice counts twice. Since 1.0.0. O(N) keys. */
  exists(keys: OneOrMore<Argument>): Returns<S, number>
  /** Lets a key expire after whole seconds. Returns whether it was set. Since 1.0.0. O(1). */
  expire(key: Argument, after: Lifetime, condition?: ExpireCondition): Returns<S, boolean>
  /** Lets a key expire at a time, to the second. Returns whether it was set. Since 1.2.0. O(1). */
  expireat(key: Argument, at: Instant, condition?: ExpireCondition): Returns<S, boolean>
  /** The time at which a key expires, in seconds since 1970: -1 without expiry, -2 no such key. Since 7.0.0. O(1). */
  expiretime(key: Argument): Returns<S, number>
  /**
   * All keys that match a glob pattern, on all primaries unless a target is given. It blocks each server, so that it
   * is for tools only. Since 1.0.0. O(N) keys in the database.
   */
  keys(pattern: Argument): Returns<S, ReadonlyArray<string>>
  /**
   * Moves keys of one slot from the node that owns them to another server. Returns `NOKEY` if no key existed. Since
   * 2.6.0. O(N) in their size.
   */
  migrate(
    destination: { readonly host: string; readonly port: number },
    keys: OneOrMore<Argument>,
    options?: MigrateOptions
  ): Returns<S, "OK" | "NOKEY">
  /** Moves a key to another database: refused by clusters with one database. Returns whether it was moved. Since 1.0.0. O(1). */
  move(key: Argument, database: number): Returns<S, boolean>
  /** The encoding of a value in memory (`listpack`, `hashtable` ...), `null` if there is no key. Since 2.2.3. O(1). */
  objectEncoding(key: Argument): Returns<S, string | null>
  /** The access frequency counter of a key, under an LFU eviction policy only; `null` if there is no key. Since 4.0.0. O(1). */
  objectFreq(key: Argument): Returns<S, number | null>
  /** Seconds since the last use of a key, not under an LFU eviction policy; `null` if there is no key. Since 2.2.3. O(1). */
  objectIdletime(key: Argument): Returns<S, number | null>
  /** The number of references to the value, `null` if there is no key. Since 2.2.3. O(1). */
  objectRefcount(key: Argument): Returns<S, number | null>
  /** Removes the expiry of a key. Returns whether it had one. Since 2.2.0. O(1). */
  persist(key: Argument): Returns<S, boolean>
  /** Lets a key expire after a time, to the millisecond. Returns whether it was set. Since 2.6.0. O(1). */
  pexpire(key: Argument, after: Lifetime, condition?: ExpireCondition): Returns<S, boolean>
  /** Lets a key expire at a time, to the millisecond. Returns whether it was set. Since 2.6.0. O(1). */
  pexpireat(key: Argument, at: Instant, condition?: ExpireCondition): Returns<S, boolean>
  /** The time at which a key expires, in milliseconds since 1970: -1 without expiry, -2 no such key. Since 7.0.0. O(1). */
  pexpiretime(key: Argument): Returns<S, number>
  /** The time to live of a key, in milliseconds: -1 without expiry, -2 no such key. Since 2.6.0. O(1). */
  pttl(key: Argument): Returns<S, number>
  /** A random key of one primary, `null` if it has none. Since 1.0.0. O(1). */
  randomkey(): Returns<S, string | null>
  /**
   * Gives a key another name of its slot, and overwrites a key of that name. Fails if there is no key. Since 1.0.0.
   * O(1), plus deleting the overwritten key.
   */
  rename(key: Argument, newKey: Argument): Returns<S, "OK">
  /**
   * Gives a key another name of its slot, unless a key has that name. Returns whether the key was renamed. Since
   * 1.0.0. O(1).
   */
  renamenx(key: Argument, newKey: Argument): Returns<S, boolean>
  /** Makes a key from the result of `dump`. Since 2.6.0. O(N) in its size. */
  restore(key: Argument, serialized: Argument, options?: RestoreOptions): Returns<S, "OK">
  /**
   * One step through the keys of one node, from cursor `"0"` on. A cursor is valid for the node that gave it: name
   * that node. Since 2.8.0. O(1), O(N) for all steps.
   */
  scan(cursor: string, options?: KeyScanOptions): Returns<S, ScanPage<string>>
  /**
   * Sorts a list, a set or a sorted set. With `store` the result is stored at a key of its slot, and the length is
   * returned. Since 1.0.0. O(N+M*log(M)).
   */
  sort<const O extends SortOptions = {}>(
    key: Argument,
    options?: Exact<O, SortOptions>
  ): Returns<S, Given<O, "store", number, ReadonlyArray<string | null>>>
  /** Sorts like `sort`, without `store`, so that replicas may serve it. Since 7.0.0. O(N+M*log(M)). */
  sortRo(key: Argument, options?: SortRoOptions): Returns<S, ReadonlyArray<string | null>>
  /**
   * Updates the time of the last use of keys of one slot. Returns the number of keys that exist. Since 3.2.1. O(N)
   * keys.
   */
  touch(keys: OneOrMore<Argument>): Returns<S, number>
  /** The time to live of a key, in seconds: -1 without expiry, -2 no such key. Since 1.0.0. O(1). */
  ttl(key: Argument): Returns<S, number>
  /**
   * The type of a key's value: `string`, `list`, `set`, `zset`, `hash`, `stream`, the name of a module's type, or
   * `none`. Since 1.0.0. O(1).
   */
  type(key: Argument): Returns<S, string>
  /** Deletes keys of one slot, freeing their memory later. Returns the number of keys that existed. Since 4.0.0. O(1) a key. */
  unlink(keys: OneOrMore<Argument>): Returns<S, number>
  /**
   * Waits until so many replicas have the writes of this connection. Returns the number of replicas that have them;
   * over all primaries, the smallest number. On a shared connection the writes of all its users count. Since 3.0.0.
   * O(1).
   */
  wait(replicas: number, timeout: Lifetime): Returns<S, number>
  /**
   * Waits like `wait` until writes are on disk: at the node itself (`local` 0 or 1) and on replicas. Returns both
   * numbers. Redis 7.2, Valkey 7.2. O(1).
   */
  waitaof(local: 0 | 1, replicas: number, timeout: Lifetime): Returns<S, readonly [number, number]>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const COPY = new CommandSpec("COPY", { keys: firstTwo })
const DEL = new CommandSpec("DEL", { keys: allKeys })
const DUMP = new CommandSpec("DUMP", read)
const EXISTS = new CommandSpec("EXISTS", { keys: allKeys, readonly: true })
const EXPIRE = new CommandSpec("EXPIRE", write)
const EXPIREAT = new CommandSpec("EXPIREAT", write)
const EXPIRETIME = new CommandSpec("EXPIRETIME", read)
const KEYS = new CommandSpec("KEYS", { readonly: true, request: "allShards", response: "concat" })
const MIGRATE = new CommandSpec("MIGRATE", {})
const MOVE = new CommandSpec("MOVE", write)
const OBJECT_ENCODING = new CommandSpec("OBJECT ENCODING", read)
const OBJECT_FREQ = new CommandSpec("OBJECT FREQ", read)
const OBJECT_IDLETIME = new CommandSpec("OBJECT IDLETIME", read)
const OBJECT_REFCOUNT = new CommandSpec("OBJECT REFCOUNT", read)
const PERSIST = new CommandSpec("PERSIST", write)
const PEXPIRE = new CommandSpec("PEXPIRE", write)
const PEXPIREAT = new CommandSpec("PEXPIREAT", write)
const PEXPIRETIME = new CommandSpec("PEXPIRETIME", read)
const PTTL = new CommandSpec("PTTL", read)
const RANDOMKEY = new CommandSpec("RANDOMKEY", { readonly: true })
const RENAME = new CommandSpec("RENAME", { keys: firstTwo })
const RENAMENX = new CommandSpec("RENAMENX", { keys: firstTwo })
const RESTORE = new CommandSpec("RESTORE", write)
const SCAN = new CommandSpec("SCAN", { readonly: true, request: "explicit" })
const SORT = new CommandSpec("SORT", {})
const SORT_RO = new CommandSpec("SORT_RO", read)
const TOUCH = new CommandSpec("TOUCH", { keys: allKeys, readonly: true })
const TTL = new CommandSpec("TTL", read)
const TYPE = new CommandSpec("TYPE", read)
const UNLINK = new CommandSpec("UNLINK", { keys: allKeys })
const WAIT = new CommandSpec("WAIT", { request: "allShards", response: "min" })
const WAITAOF = new CommandSpec("WAITAOF", { request: "allShards", response: "min" })

const conditional = (self: Call, condition: ExpireCondition | undefined) =>
  (condition === undefined ? self : self.add(condition)).to(decode.boolean)

const keyPage = scanPage(decode.strings)

const addSort = (self: Call, options: SortRoOptions): Call => {
  self.option("BY", options.by)
  if (options.limit !== undefined) {
    self.add("LIMIT").integer("limit.offset", options.limit.offset, 0).integer("limit.count", options.limit.count)
  }
  const get = options.get === undefined ? [] : Array.isArray(options.get) ? options.get : [options.get]
  for (const pattern of get) self.option("GET", pattern)
  if (options.order !== undefined) self.add(options.order)
  return self.flag("ALPHA", options.alpha)
}

/** The values that `sort` gives: `null` where a `GET` pattern found no key. */
const sorted: decode.Decoder<ReadonlyArray<string | null>> = decode.stringsOrNull

/**
 * The builders of the commands on keys: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Generic: GenericCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  copy: (source, destination, options = {}) =>
    call(COPY, source, destination)
      .integerOption("DB", "database", options.database, 0)
      .flag("REPLACE", options.replace)
      .to(decode.boolean),
  del: (keys) => call(DEL).many("keys", keys).to(decode.integer),
  dump: (key) => make(DUMP, [key], decode.stringOrNull),
  exists: (keys) => call(EXISTS).many("keys", keys).to(decode.integer),
  expire: (key, after, condition) => conditional(call(EXPIRE, key).seconds("after", after, "pexpire"), condition),
  expireat: (key, at, condition) => conditional(call(EXPIREAT, key).instant("at", at, "seconds"), condition),
  expiretime: (key) => make(EXPIRETIME, [key], decode.integer),
  keys: (pattern) => make(KEYS, [pattern], decode.strings),
  migrate: (destination, keys, options = {}) => {
    const self = call(MIGRATE, destination.host)
      .integer("destination.port", destination.port, 1)
      .add("")
      .integer("database", options.database ?? 0, 0)
      .milliseconds("timeout", options.timeout ?? "5 seconds")
      .flag("COPY", options.copy)
      .flag("REPLACE", options.replace)
    if (options.username !== undefined) {
      if (options.password === undefined) self.refuse("a username needs a password: give both")
      else self.add("AUTH2", options.username).value(options.password)
    } else if (options.password !== undefined) self.add("AUTH").value(options.password)
    return self.add("KEYS").many("keys", keys).to(decode.oneOf("OK", "NOKEY"))
  },
  move: (key, database) => call(MOVE, key).integer("database", database, 0).to(decode.boolean),
  objectEncoding: (key) => make(OBJECT_ENCODING, [key], decode.stringOrNull),
  objectFreq: (key) => make(OBJECT_FREQ, [key], decode.integerOrNull),
  objectIdletime: (key) => make(OBJECT_IDLETIME, [key], decode.integerOrNull),
  objectRefcount: (key) => make(OBJECT_REFCOUNT, [key], decode.integerOrNull),
  persist: (key) => make(PERSIST, [key], decode.boolean),
  pexpire: (key, after, condition) => conditional(call(PEXPIRE, key).milliseconds("after", after), condition),
  pexpireat: (key, at, condition) => conditional(call(PEXPIREAT, key).instant("at", at, "milliseconds"), condition),
  pexpiretime: (key) => make(PEXPIRETIME, [key], decode.integer),
  pttl: (key) => make(PTTL, [key], decode.integer),
  randomkey: () => make(RANDOMKEY, [], decode.stringOrNull),
  rename: (key, newKey) => make(RENAME, [key, newKey], decode.ok),
  renamenx: (key, newKey) => make(RENAMENX, [key, newKey], decode.boolean),
  restore: (key, serialized, options = {}) => {
    const self = call(RESTORE, key)
    if (options.expire !== undefined && options.expireAt !== undefined) {
      self.refuse("expire and expireAt exclude one another: give one of them")
    }
    if (options.expireAt !== undefined) self.instant("expireAt", options.expireAt, "milliseconds")
    else if (options.expire !== undefined) self.milliseconds("expire", options.expire)
    else self.add("0")
    return self.add(serialized)
      .flag("REPLACE", options.replace)
      .flag("ABSTTL", options.expireAt !== undefined)
      .integerOption("IDLETIME", "idleTime", options.idleTime, 0)
      .integerOption("FREQ", "frequency", options.frequency, 0)
      .to(decode.ok)
  },
  scan: (cursor, options = {}) => addScan(call(SCAN), cursor, options).option("TYPE", options.type).to(keyPage),
  sort: (key, options: SortOptions = {}) => {
    const self = addSort(call(SORT, key), options)
    return options.store === undefined
      ? self.to(decode.chosen(sorted))
      : self.add("STORE", options.store).to(decode.chosen(decode.integer))
  },
  sortRo: (key, options = {}) => addSort(call(SORT_RO, key), options).to(sorted),
  touch: (keys) => call(TOUCH).many("keys", keys).to(decode.integer),
  ttl: (key) => make(TTL, [key], decode.integer),
  type: (key) => make(TYPE, [key], decode.string),
  unlink: (keys) => call(UNLINK).many("keys", keys).to(decode.integer),
  wait: (replicas, timeout) =>
    call(WAIT).integer("replicas", replicas, 0).waitingMillis("timeout", timeout).to(decode.integer),
  waitaof: (local, replicas, timeout) =>
    call(WAITAOF).integer("local", local, 0).integer("replicas", replicas, 0).waitingMillis("timeout", timeout)
      .to(decode.tuple(decode.integer, decode.integer))
})
