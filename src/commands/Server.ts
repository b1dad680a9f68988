/**
 * Servers: configuration, state, memory, persistence, and the table of commands.
 *
 * @since 0.1.0
 */
import { type Argument, type Reply, ServerError } from "../protocol/Reply.ts"
import { call, type Integer, type Lifetime, type OneOrMore, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { answeringPerNode, make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import type { Exact, Inferred, RawOptions, When } from "./Options.ts"
import { parameters } from "./parameters/Server.ts"
import { type InfoSection, type ServerInfo, serverInfo } from "./serverInfo.ts"
import type { CommandSurface, Returns, ReturnsPerNode, Surface } from "./Surface.ts"

export type {
  CommandStats,
  DefaultInfoSection,
  GivenInfoSection,
  InfoClients,
  InfoCluster,
  InfoCpu,
  InfoMemory,
  InfoModule,
  InfoPersistence,
  InfoReplica,
  InfoReplication,
  InfoSection,
  InfoSections,
  InfoServer,
  InfoStats,
  KeyspaceStats,
  ServerInfo
} from "./serverInfo.ts"

/**
 * A key specification in `CommandInfo`, as the server gives it: the rule that finds keys among arguments.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeySpecification {
  readonly notes: string | undefined
  readonly flags: ReadonlyArray<string>
  readonly beginSearch: { readonly type: string; readonly spec: Readonly<Record<string, Reply>> }
  readonly findKeys: { readonly type: string; readonly spec: Readonly<Record<string, Reply>> }
}

/**
 * A row of the server's table of commands.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommandInfo {
  /** The name in lower case; a subcommand as `config|get`. */
  readonly name: string
  /** The number of words of a call, the name included; negative for a minimum. */
  readonly arity: number
  readonly flags: ReadonlyArray<string>
  readonly firstKey: number
  readonly lastKey: number
  readonly step: number
  readonly categories: ReadonlyArray<string>
  /** Since 7.0.0. */
  readonly tips: ReadonlyArray<string>
  /** Since 7.0.0. */
  readonly keySpecifications: ReadonlyArray<KeySpecification>
  /** Since 7.0.0. */
  readonly subcommands: ReadonlyArray<CommandInfo>
}

/**
 * A slow command: an entry of `slowlogGet`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlowlogEntry {
  readonly id: number
  /** Seconds since 1970. */
  readonly time: number
  /** Microseconds. */
  readonly duration: number
  /** The words of the command, shortened by the server. */
  readonly args: ReadonlyArray<string>
  readonly client: string
  readonly clientName: string
}

/**
 * The role of a node in the replication, with the nodes that it is connected to.
 *
 * @category models
 * @since 0.1.0
 */
export type RoleReply =
  | {
    readonly role: "master"
    readonly offset: number
    readonly replicas: ReadonlyArray<{ readonly host: string; readonly port: number; readonly offset: number }>
  }
  | {
    readonly role: "slave"
    readonly host: string
    readonly port: number
    /** `connect`, `connecting`, `sync`, `connected` ... */
    readonly state: string
    readonly offset: number
  }

/**
 * A latency event.
 *
 * @category models
 * @since 0.1.0
 */
export interface LatencyEvent {
  readonly event: string
  /** Seconds since 1970. */
  readonly time: number
  /** Milliseconds. */
  readonly latest: number
  /** Milliseconds. */
  readonly max: number
  /** The sum of all samples in milliseconds. `sum` and `count` need Valkey 8.1. */
  readonly sum: number | undefined
  /** The number of samples. */
  readonly count: number | undefined
}

/**
 * The histogram of the times that a command took.
 *
 * @category models
 * @since 0.1.0
 */
export interface LatencyHistogram {
  readonly calls: number
  /** The cumulative number of calls that took at most so many microseconds. */
  readonly histogram: ReadonlyArray<readonly [microseconds: number, calls: number]>
}

/**
 * The memory of a server: the reply of `memoryStats`. Sizes are in bytes. A figure that a server does not know is
 * `undefined`.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryStats {
  /** The greatest memory since the start. */
  readonly peakAllocated: number | undefined
  /** The memory that the server has allocated. */
  readonly totalAllocated: number | undefined
  /** The memory directly after the start. */
  readonly startupAllocated: number | undefined
  /** The backlog of the replication. */
  readonly replicationBacklog: number | undefined
  /** The connections of replicas. */
  readonly clientsSlaves: number | undefined
  /** The connections of clients. */
  readonly clientsNormal: number | undefined
  /** The connections between nodes. */
  readonly clusterLinks: number | undefined
  /** The buffer of the append only file. */
  readonly aofBuffer: number | undefined
  /** Everything but the data. */
  readonly overheadTotal: number | undefined
  /** The number of keys. */
  readonly keysCount: number | undefined
  /** The memory beyond that of the start, by the number of keys. */
  readonly keysBytesPerKey: number | undefined
  /** The data. */
  readonly datasetBytes: number | undefined
  /** The data in percent of the memory beyond that of the start. */
  readonly datasetPercentage: number | undefined
  /** The allocated memory in percent of its peak. */
  readonly peakPercentage: number | undefined
  /** The memory of the process in relation to the allocated memory. */
  readonly fragmentation: number | undefined
  readonly fragmentationBytes: number | undefined
  /** All figures by the names of the server (`allocator.resident`), those of databases in groups (`db.0`). */
  readonly fields: Readonly<Record<string, Reply>>
}

/**
 * A loaded module.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModuleInfo {
  readonly name: string
  readonly version: number
  readonly path: string | undefined
  readonly args: ReadonlyArray<string> | undefined
}

/**
 * Options of `shutdown`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ShutdownOptions {
  /** Whether to save to disk first. Default: as the settings of the server say. */
  readonly save?: boolean | undefined
  /** Do not wait for replicas that lag. Since 7.0.0. */
  readonly now?: boolean | undefined
  /** Shut down even if saving fails. Since 7.0.0. */
  readonly force?: boolean | undefined
  /** Do not shut down where that would lose data, such as a primary with slots. Valkey 9.0. */
  readonly safe?: boolean | undefined
  /** Let a replica take over first. Valkey 9.0. */
  readonly failover?: boolean | undefined
}

/**
 * Options of `bgsave`.
 *
 * @category models
 * @since 0.1.0
 */
export interface BgsaveOptions {
  /** Wait for a running rewrite of the append only file, in the place of an error. */
  readonly schedule?: boolean | undefined
}

/**
 * A choice of commands for `commandList`: those of a module, of an ACL category, or with names that match a pattern.
 *
 * @category models
 * @since 0.1.0
 */
export type CommandFilter =
  | {
    /** The name of a module. */
    readonly module: string
  }
  | {
    /** The name of an ACL category. */
    readonly category: string
  }
  | {
    /** A glob pattern for the names. */
    readonly pattern: string
  }

/**
 * Options of `failover`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FailoverOptions {
  /** The replica that takes over. Default: the first one that has all writes. */
  readonly to?: {
    /** The host of the replica. */
    readonly host: string
    /** The port of the replica. */
    readonly port: number
    /** Let the replica take over without all writes when the time is over; needs `timeout`. */
    readonly force?: boolean | undefined
  } | undefined
  /** The time to wait for the replica. Default: no limit. */
  readonly timeout?: Lifetime | undefined
}

/**
 * Options of `memoryUsage`.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryUsageOptions {
  /** The number of elements of a collection to measure; 0 for all. Default: 5. */
  readonly samples?: number | undefined
}

/**
 * Options of `moduleLoadex`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModuleLoadexOptions {
  /** The settings of the module, by name. */
  readonly config?: Readonly<Record<string, Value>> | undefined
  /** The arguments of the module. */
  readonly args?: ReadonlyArray<Value> | undefined
}

/**
 * The kinds of command logs: for slow commands, large requests or large replies.
 *
 * @category models
 * @since 0.1.0
 */
export type CommandlogKind = "SLOW" | "LARGE-REQUEST" | "LARGE-REPLY"

/**
 * A command in a command log.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommandlogEntry {
  readonly id: number
  /** Seconds since 1970. */
  readonly time: number
  /** Microseconds for slow commands, bytes for large requests and replies. */
  readonly value: number
  /** The words of the command, shortened by the server. */
  readonly args: ReadonlyArray<string>
  readonly client: string
  readonly clientName: string
}

/**
 * Options of `hotkeysStart`.
 *
 * @category models
 * @since 0.1.0
 */
export interface HotkeysOptions {
  /** The metrics to collect: processor time, bytes on the network, or both. */
  readonly metrics: OneOrMore<"CPU" | "NET">
  /** The number of keys to keep for each metric. Default: 10. */
  readonly count?: number | undefined
  /** The time after which to stop, in whole seconds. Default: never. */
  readonly duration?: Lifetime | undefined
  /** Sample one of so many commands. Default: every command. */
  readonly sample?: number | undefined
  /** Only keys of these slots. */
  readonly slots?: ReadonlyArray<number> | undefined
}

/**
 * The keys that used the most resources. Figures that the options did not ask for are `undefined`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hotkeys {
  readonly trackingActive: boolean
  readonly sampleRatio: number
  readonly selectedSlots: ReadonlyArray<readonly [start: number, end: number]>
  /** Milliseconds since 1970. */
  readonly collectionStartTime: number
  /** Milliseconds. */
  readonly collectionDuration: number
  /** The processor time in user mode, in milliseconds. */
  readonly totalCpuTimeUser: number | undefined
  /** The processor time in system mode, in milliseconds. */
  readonly totalCpuTimeSys: number | undefined
  readonly totalNetBytes: number | undefined
  /** The processor time of each key in microseconds, the greatest first. */
  readonly byCpuTime: ReadonlyArray<readonly [key: string, microseconds: number]> | undefined
  /** The bytes of each key on the network, the greatest first. */
  readonly byNetBytes: ReadonlyArray<readonly [key: string, bytes: number]> | undefined
  /** All figures about all commands together, by the names of the server (`all-commands-all-slots-us` ...). */
  readonly fields: Readonly<Record<string, number>>
}

/**
 * The methods of the commands on servers. Without a target, commands that change settings or scripts run on all nodes,
 * and commands that count or remove keys on all primaries. Commands about one node give a map by node, or need a named
 * node.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerCommands<S extends Surface> {
  /** Starts rewriting the append only file. Needs a node. Since 1.0.0. O(1). */
  bgrewriteaof(): Returns<S, string>
  /** Starts saving to disk; `schedule` lets it wait for a rewrite of the append only file. Needs a node. Since 1.0.0. O(1). */
  bgsave(options?: BgsaveOptions): Returns<S, string>
  /** Ends saving to disk, or cancels a scheduled one. Needs a node. Valkey 8.1. O(1). */
  bgsaveCancel(): Returns<S, string>
  /** The server's table of commands. Since 2.8.13. O(N) commands. */
  command(): Returns<S, ReadonlyArray<CommandInfo>>
  /** The number of commands of the server. Since 2.8.13. O(1). */
  commandCount(): Returns<S, number>
  /**
   * The server's documentation of commands, not decoded any further; of all commands if none is named. Since 7.0.0.
   * O(N) commands.
   */
  commandDocs(names?: OneOrMore<string>): Returns<S, Readonly<Record<string, Reply>>>
  /** The keys of a call, given as its words. Since 2.8.13. O(N) words. */
  commandGetkeys(words: ReadonlyArray<Value>): Returns<S, ReadonlyArray<string>>
  /** The keys of a call with what it does to them. Since 7.0.0. O(N) words. */
  commandGetkeysandflags(
    words: ReadonlyArray<Value>
  ): Returns<S, ReadonlyArray<readonly [key: string, flags: ReadonlyArray<string>]>>
  /** Rows of the table of commands, `null` for a command that the server does not know. Since 2.8.13. O(N) commands. */
  commandInfo(names: OneOrMore<string>): Returns<S, ReadonlyArray<CommandInfo | null>>
  /** The names of all commands, or of those of a module, an ACL category or a pattern. Since 7.0.0. O(N) commands. */
  commandList(filter?: CommandFilter): Returns<S, ReadonlyArray<string>>
  /** The entries of a command log of all nodes, node after node; -1 for all entries. Valkey 8.1. O(N) entries. */
  commandlogGet(count: Integer, kind: CommandlogKind): Returns<S, ReadonlyArray<CommandlogEntry>>
  /** The number of entries of a command log, on all nodes together. Valkey 8.1. O(1). */
  commandlogLen(kind: CommandlogKind): Returns<S, number>
  /** Empties a command log, on all nodes. Valkey 8.1. O(N) entries. */
  commandlogReset(kind: CommandlogKind): Returns<S, "OK">
  /** Settings whose names match the patterns. Since 2.0.0 (several patterns 7.0.0). O(N) settings. */
  configGet(patterns: OneOrMore<string>): Returns<S, Readonly<Record<string, string>>>
  /** Clears the statistics of `info`, on all nodes. Since 2.0.0. O(1). */
  configResetstat(): Returns<S, "OK">
  /** Writes the settings to the configuration file, on all nodes. Since 2.8.0. O(1). */
  configRewrite(): Returns<S, "OK">
  /** Changes settings, on all nodes. Since 2.0.0 (several at once 7.0.0). O(N) settings. */
  configSet(settings: Readonly<Record<string, Value>>): Returns<S, "OK">
  /** The number of keys, on all primaries together. Since 1.0.0. O(1). */
  dbsize(): Returns<S, number>
  /**
   * Runs a debugging tool of the server, given as words (`["SLEEP", "1"]`). The reply is not decoded. Servers refuse
   * it unless they are configured otherwise. Needs a node. Since 1.0.0.
   */
  debug(words: OneOrMore<Value>): Returns<S, Reply>
  /** Removes all keys of all databases, on all primaries. Since 1.0.0. O(N) keys, or O(1) for the caller with `ASYNC`. */
  flushall(mode?: "ASYNC" | "SYNC"): Returns<S, "OK">
  /** Removes all keys of the database, on all primaries. Since 1.0.0. O(N) keys, or O(1) for the caller with `ASYNC`. */
  flushdb(mode?: "ASYNC" | "SYNC"): Returns<S, "OK">
  /**
   * The keys that used the most resources of a node, `null` if nothing was collected. Needs a node. Redis 8.6. O(N)
   * keys.
   */
  hotkeysGet(): Returns<S, Hotkeys | null>
  /** Drops the collected figures; fails while the collection runs. Needs a node. Redis 8.6. O(1). */
  hotkeysReset(): Returns<S, "OK">
  /** Starts to collect the keys that use the most resources of a node. Needs a node. Redis 8.6. O(1). */
  hotkeysStart(options: HotkeysOptions): Returns<S, "OK">
  /** Ends the collection. Returns whether it was running. Needs a node. Redis 8.6. O(1). */
  hotkeysStop(): Returns<S, boolean>
  /**
   * The state of each primary, in sections such as `server` or `memory`: those that are named, or, without a name, all
   * but `commandstats` and `latencystats`. `fields` has every line, those that have no type too, by the name that the
   * server gives to it. Since 1.0.0 (several sections 7.0.0). O(1).
   */
  info<const T extends OneOrMore<InfoSection> = "default", const O extends RawOptions = {}>(
    sections?: Inferred<T, OneOrMore<InfoSection>>,
    options?: Exact<O, RawOptions>
  ): ReturnsPerNode<S, When<O, "raw", string, ServerInfo<T>>>
  /** The time at which a node last saved to disk, in seconds since 1970. Needs a node. Since 1.0.0. O(1). */
  lastsave(): Returns<S, number>
  /** A report on latency, per node. Since 2.8.13. O(1). */
  latencyDoctor(): ReturnsPerNode<S, string>
  /** A graph of a latency event, per node. Since 2.8.13. O(1). */
  latencyGraph(event: string): ReturnsPerNode<S, string>
  /** Histograms of the times that commands took, per node. Since 7.0.0. O(N) commands. */
  latencyHistogram(commands?: OneOrMore<string>): ReturnsPerNode<S, Readonly<Record<string, LatencyHistogram>>>
  /** The samples of a latency event, per node. Since 2.8.13. O(1). */
  latencyHistory(event: string): ReturnsPerNode<S, ReadonlyArray<readonly [time: number, milliseconds: number]>>
  /** The latest sample of each latency event, per node. Since 2.8.13. O(1). */
  latencyLatest(): ReturnsPerNode<S, ReadonlyArray<LatencyEvent>>
  /** Removes latency events, on all nodes. Returns the number of removed events. Since 2.8.13. O(1). */
  latencyReset(events?: OneOrMore<string>): Returns<S, number>
  /**
   * A piece of computer art with the version of the server; the meaning of `args` depends on the version. Since 5.0.0.
   */
  lolwut(version?: number, args?: ReadonlyArray<Integer>): Returns<S, string>
  /** A report on memory, per primary. Since 4.0.0. O(1). */
  memoryDoctor(): ReturnsPerNode<S, string>
  /** The statistics of the memory allocator, per primary. Since 4.0.0. It may be slow. */
  memoryMallocStats(): ReturnsPerNode<S, string>
  /** Gives unused memory back, on all primaries. Since 4.0.0. It may be slow. */
  memoryPurge(): Returns<S, "OK">
  /** Figures on memory, per primary. Since 4.0.0. O(1). */
  memoryStats(): ReturnsPerNode<S, MemoryStats>
  /**
   * The memory of a key in bytes, `null` if there is none. `samples` is the number of elements of a collection to
   * measure, 0 for all. Since 4.0.0. O(N) samples.
   */
  memoryUsage(key: Argument, options?: MemoryUsageOptions): Returns<S, number | null>
  /** The loaded modules. Since 4.0.0. O(N) modules. */
  moduleList(): Returns<S, ReadonlyArray<ModuleInfo>>
  /** Loads a module. Needs a node. Since 4.0.0. O(1). */
  moduleLoad(path: string, args?: ReadonlyArray<Value>): Returns<S, "OK">
  /** Loads a module with settings. Needs a node. Since 7.0.0. O(1). */
  moduleLoadex(path: string, options?: ModuleLoadexOptions): Returns<S, "OK">
  /** Unloads a module. Needs a node. Since 4.0.0. O(1). */
  moduleUnload(name: string): Returns<S, "OK">
  /** The role of a node in the replication. Needs a node. Since 2.8.12. O(1). */
  role(): Returns<S, RoleReply>
  /** Saves to disk; the server is blocked meanwhile. Needs a node. Since 1.0.0. O(N) keys. */
  save(): Returns<S, "OK">
  /**
   * Ends a server. On success the server gives no reply and the connection is lost, so that the effect fails with a
   * `ConnectionError`. Needs a node. Since 1.0.0. O(N) keys when saving.
   */
  shutdown(options?: ShutdownOptions): Returns<S, "OK">
  /** Cancels a shutdown. Needs a node. Since 7.0.0. O(1). */
  shutdownAbort(): Returns<S, "OK">
  /** The slow commands of all nodes, node after node; -1 for all entries. Since 2.2.12. O(N) entries. */
  slowlogGet(count?: Integer): Returns<S, ReadonlyArray<SlowlogEntry>>
  /** The number of slow commands that are kept, on all nodes together. Since 2.2.12. O(1). */
  slowlogLen(): Returns<S, number>
  /** Removes the slow commands from the log, on all nodes. Since 2.2.12. O(N) entries. */
  slowlogReset(): Returns<S, "OK">
  /** Swaps two databases: refused by clusters with one database. Needs a node. Since 4.0.0. O(N) clients. */
  swapdb(first: number, second: number): Returns<S, "OK">
  /** The server's clock. Since 2.6.0. O(1). */
  time(): Returns<S, { readonly seconds: number; readonly microseconds: number }>
  /** Starts a coordinated failover of a node without cluster mode. Needs a node. Since 6.2.0. O(1). */
  failover(options?: FailoverOptions): Returns<S, "OK">
  /** Ends a running failover. Needs a node. Since 6.2.0. O(1). */
  failoverAbort(): Returns<S, "OK">
}

const explicit = { request: "explicit" } as const
const allSucceeded = { request: "allNodes", response: "allSucceeded" } as const
const shardsSucceeded = { request: "allShards", response: "allSucceeded" } as const
const perNode = { request: "allNodes", response: "perNode" } as const
const perShard = { request: "allShards", response: "perNode" } as const

const BGREWRITEAOF = new CommandSpec("BGREWRITEAOF", explicit)
const BGSAVE = new CommandSpec("BGSAVE", explicit)
const COMMANDLOG_GET = new CommandSpec("COMMANDLOG GET", { request: "allNodes", response: "concat" })
const COMMANDLOG_LEN = new CommandSpec("COMMANDLOG LEN", { request: "allNodes", response: "sum" })
const COMMANDLOG_RESET = new CommandSpec("COMMANDLOG RESET", allSucceeded)
const COMMAND = new CommandSpec("COMMAND", {})
const COMMAND_COUNT = new CommandSpec("COMMAND COUNT", {})
const COMMAND_DOCS = new CommandSpec("COMMAND DOCS", {})
const COMMAND_GETKEYS = new CommandSpec("COMMAND GETKEYS", {})
const COMMAND_GETKEYSANDFLAGS = new CommandSpec("COMMAND GETKEYSANDFLAGS", {})
const COMMAND_INFO = new CommandSpec("COMMAND INFO", {})
const COMMAND_LIST = new CommandSpec("COMMAND LIST", {})
const CONFIG_GET = new CommandSpec("CONFIG GET", {})
const CONFIG_RESETSTAT = new CommandSpec("CONFIG RESETSTAT", allSucceeded)
const CONFIG_REWRITE = new CommandSpec("CONFIG REWRITE", allSucceeded)
const CONFIG_SET = new CommandSpec("CONFIG SET", allSucceeded)
const DBSIZE = new CommandSpec("DBSIZE", { readonly: true, request: "allShards", response: "sum" })
const DEBUG = new CommandSpec("DEBUG", explicit)
const FAILOVER = new CommandSpec("FAILOVER", explicit)
const FLUSHALL = new CommandSpec("FLUSHALL", shardsSucceeded)
const FLUSHDB = new CommandSpec("FLUSHDB", shardsSucceeded)
const HOTKEYS_GET = new CommandSpec("HOTKEYS GET", explicit)
const HOTKEYS_RESET = new CommandSpec("HOTKEYS RESET", explicit)
const HOTKEYS_START = new CommandSpec("HOTKEYS START", explicit)
const HOTKEYS_STOP = new CommandSpec("HOTKEYS STOP", explicit)
const INFO = new CommandSpec("INFO", perShard)
const LASTSAVE = new CommandSpec("LASTSAVE", explicit)
const LATENCY_DOCTOR = new CommandSpec("LATENCY DOCTOR", perNode)
const LATENCY_GRAPH = new CommandSpec("LATENCY GRAPH", perNode)
const LATENCY_HISTOGRAM = new CommandSpec("LATENCY HISTOGRAM", perNode)
const LATENCY_HISTORY = new CommandSpec("LATENCY HISTORY", perNode)
const LATENCY_LATEST = new CommandSpec("LATENCY LATEST", perNode)
const LATENCY_RESET = new CommandSpec("LATENCY RESET", { request: "allNodes", response: "sum" })
const LOLWUT = new CommandSpec("LOLWUT", { readonly: true })
const MEMORY_DOCTOR = new CommandSpec("MEMORY DOCTOR", perShard)
const MEMORY_MALLOC_STATS = new CommandSpec("MEMORY MALLOC-STATS", perShard)
const MEMORY_PURGE = new CommandSpec("MEMORY PURGE", shardsSucceeded)
const MEMORY_STATS = new CommandSpec("MEMORY STATS", perShard)
const MEMORY_USAGE = new CommandSpec("MEMORY USAGE", { keys: 0, readonly: true })
const MODULE_LIST = new CommandSpec("MODULE LIST", {})
const MODULE_LOAD = new CommandSpec("MODULE LOAD", explicit)
const MODULE_LOADEX = new CommandSpec("MODULE LOADEX", explicit)
const MODULE_UNLOAD = new CommandSpec("MODULE UNLOAD", explicit)
const ROLE = new CommandSpec("ROLE", explicit)
const SAVE = new CommandSpec("SAVE", explicit)
const SHUTDOWN = new CommandSpec("SHUTDOWN", explicit)
const SLOWLOG_GET = new CommandSpec("SLOWLOG GET", { request: "allNodes", response: "concat" })
const SLOWLOG_LEN = new CommandSpec("SLOWLOG LEN", { request: "allNodes", response: "sum" })
const SLOWLOG_RESET = new CommandSpec("SLOWLOG RESET", allSucceeded)
const SWAPDB = new CommandSpec("SWAPDB", explicit)
const TIME = new CommandSpec("TIME", {})

const search = decode.struct<KeySpecification["beginSearch"]>({
  type: decode.field("type", decode.string),
  spec: decode.field("spec", decode.recordOf(decode.reply))
})

const keySpecification = decode.struct<KeySpecification>({
  notes: decode.optional("notes", decode.string),
  flags: decode.field("flags", decode.strings),
  beginSearch: decode.field("begin_search", search),
  findKeys: decode.field("find_keys", search)
})

const keySpecifications = decode.arrayOf(keySpecification)

const commandInfo: decode.Decoder<CommandInfo> = decode.positional<CommandInfo>("a row of the command table", {
  name: decode.at(0, decode.string),
  arity: decode.at(1, decode.integer),
  flags: decode.at(2, decode.strings),
  firstKey: decode.at(3, decode.integer),
  lastKey: decode.at(4, decode.integer),
  step: decode.at(5, decode.integer),
  categories: decode.optionalAt(6, decode.strings, []),
  tips: decode.optionalAt(7, decode.strings, []),
  keySpecifications: decode.optionalAt(8, keySpecifications, []),
  subcommands: decode.optionalAt(9, (reply) => commandInfos(reply), [])
})

const commandInfos: decode.Decoder<ReadonlyArray<CommandInfo>> = decode.arrayOf(commandInfo)

const slowlogEntry = decode.positional<SlowlogEntry>("an entry of the slow log", {
  id: decode.at(0, decode.integer),
  time: decode.at(1, decode.integer),
  duration: decode.at(2, decode.integer),
  args: decode.at(3, decode.strings),
  client: decode.optionalAt(4, decode.string, ""),
  clientName: decode.optionalAt(5, decode.string, "")
})

const slowlogEntries = decode.arrayOf(slowlogEntry)

const commandlogEntries = decode.arrayOf(
  decode.map(slowlogEntry, ({ duration, ...entry }): CommandlogEntry => ({ ...entry, value: duration }))
)

const perKey = decode.pairsOf(decode.string, decode.integer)

/** A single slot, or the first and the last slot of a range. */
const slotRange = decode.map(decode.integers, ([start, end = start]) => [start, end] as const)

const hotkeysFigures = decode.struct<Omit<Hotkeys, "fields">>({
  trackingActive: decode.field("tracking-active", decode.boolean),
  sampleRatio: decode.field("sample-ratio", decode.integer),
  selectedSlots: decode.field("selected-slots", decode.arrayOf(slotRange)),
  collectionStartTime: decode.field("collection-start-time-unix-ms", decode.integer),
  collectionDuration: decode.field("collection-duration-ms", decode.integer),
  totalCpuTimeUser: decode.optional("total-cpu-time-user-ms", decode.integer),
  totalCpuTimeSys: decode.optional("total-cpu-time-sys-ms", decode.integer),
  totalNetBytes: decode.optional("total-net-bytes", decode.integer),
  byCpuTime: decode.optional("by-cpu-time-us", perKey),
  byNetBytes: decode.optional("by-net-bytes", perKey)
})

const hotkeys: decode.Decoder<Hotkeys | null> = (reply) => {
  if (reply === null) return null
  // The server puts the map into a list of one element.
  const only = Array.isArray(reply) && reply.length === 1 ? reply[0] : reply
  const figures = hotkeysFigures(only)
  if (figures instanceof decode.DecodeFailure) return figures
  const all = decode.recordOf(decode.reply)(only)
  if (all instanceof decode.DecodeFailure) return all
  const fields: Record<string, number> = {}
  for (const [name, value] of Object.entries(all)) if (typeof value === "number") fields[name] = value
  return { ...figures, fields }
}

/** `OK`, or `null` when nothing was running. */
const wasRunning = decode.map(decode.okOrNull, (reply) => reply !== null)

const replica: decode.Decoder<{ readonly host: string; readonly port: number; readonly offset: number }> = decode.map(
  decode.tuple(decode.string, decode.integerText, decode.integerText),
  ([host, port, offset]) => ({ host, port, offset })
)

const roleName = decode.oneOf("master", "slave")

const primaryRole = decode.positional<Extract<RoleReply, { readonly role: "master" }>>("a role", {
  role: decode.at(0, decode.oneOf("master")),
  offset: decode.at(1, decode.integer),
  replicas: decode.at(2, decode.arrayOf(replica))
})

const replicaRole = decode.positional<Extract<RoleReply, { readonly role: "slave" }>>("a role", {
  role: decode.at(0, decode.oneOf("slave")),
  host: decode.at(1, decode.string),
  port: decode.at(2, decode.integer),
  state: decode.at(3, decode.string),
  offset: decode.at(4, decode.integer)
})

/** The first word says which form the reply has. */
const role: decode.Decoder<RoleReply> = (reply) => {
  const name = roleName(Array.isArray(reply) ? reply[0] ?? null : reply)
  if (name instanceof decode.DecodeFailure) return name
  return name === "master" ? primaryRole(reply) : replicaRole(reply)
}

/** Newer servers add figures at the end. */
const latencyEvent = decode.positional<LatencyEvent>("a latency event", {
  event: decode.at(0, decode.string),
  time: decode.at(1, decode.integer),
  latest: decode.at(2, decode.integer),
  max: decode.at(3, decode.integer),
  sum: decode.optionalAt(4, decode.integer, undefined),
  count: decode.optionalAt(5, decode.integer, undefined)
})

const latencyHistogram = decode.struct<LatencyHistogram>({
  calls: decode.field("calls", decode.integer),
  histogram: decode.field("histogram_usec", decode.pairsOf(decode.integerText, decode.integer))
})

const moduleInfo = decode.struct<ModuleInfo>({
  name: decode.field("name", decode.string),
  version: decode.field("ver", decode.integer),
  path: decode.optional("path", decode.string),
  args: decode.optional("args", decode.strings)
})

/** Figures of `MEMORY STATS`: doubles come as text over RESP2, and some figures are groups of figures. */
const figure: decode.Decoder<Reply> = (reply) => {
  if (Array.isArray(reply) || reply instanceof Map) return figures(reply)
  if (reply instanceof ServerError) return decode.unexpected("a figure", reply)
  const number = decode.double(reply)
  return number instanceof decode.DecodeFailure ? reply : number
}

const memoryFigures = decode.struct<Omit<MemoryStats, "fields">>({
  peakAllocated: decode.optional("peak.allocated", decode.double),
  totalAllocated: decode.optional("total.allocated", decode.double),
  startupAllocated: decode.optional("startup.allocated", decode.double),
  replicationBacklog: decode.optional("replication.backlog", decode.double),
  clientsSlaves: decode.optional("clients.slaves", decode.double),
  clientsNormal: decode.optional("clients.normal", decode.double),
  clusterLinks: decode.optional("cluster.links", decode.double),
  aofBuffer: decode.optional("aof.buffer", decode.double),
  overheadTotal: decode.optional("overhead.total", decode.double),
  keysCount: decode.optional("keys.count", decode.double),
  keysBytesPerKey: decode.optional("keys.bytes-per-key", decode.double),
  datasetBytes: decode.optional("dataset.bytes", decode.double),
  datasetPercentage: decode.optional("dataset.percentage", decode.double),
  peakPercentage: decode.optional("peak.percentage", decode.double),
  fragmentation: decode.optional("fragmentation", decode.double),
  fragmentationBytes: decode.optional("fragmentation.bytes", decode.double)
})

const memoryStats: decode.Decoder<MemoryStats> = (reply) => {
  const stats = memoryFigures(reply)
  if (stats instanceof decode.DecodeFailure) return stats
  const fields = decode.recordOf(figure)(reply)
  return fields instanceof decode.DecodeFailure ? fields : { ...stats, fields }
}

const asMap = (record: Readonly<Record<string, Reply>>): ReadonlyMap<Reply, Reply> => new Map(Object.entries(record))

const figures: decode.Decoder<Reply> = (reply) => decode.map(decode.recordOf(figure), asMap)(reply)

/** The parts of the documentation that are maps over RESP2 as well. */
const namedParts = new Set(["arguments", "subcommands"])

const documentation: decode.Decoder<Reply> = decode.map(
  decode.recordOf(decode.reply),
  (record): Reply | decode.DecodeFailure => {
    const result = new Map<Reply, Reply>()
    for (const [name, value] of Object.entries(record)) {
      const part = !namedParts.has(name) ?
        decode.strings(value)
        : name === "arguments" ?
        decode.arrayOf(documentation)(value)
        : decode.map(decode.recordOf(documentation), asMap)(value)
      // Other parts are plain values (`summary`), or lists of lists (`history`).
      const other = part instanceof decode.DecodeFailure ? decode.arrayOf(decode.reply)(value) : part
      result.set(name, other instanceof decode.DecodeFailure ? value : other)
    }
    return result
  }
)

const time = decode.map(
  decode.tuple(decode.integerText, decode.integerText),
  ([seconds, microseconds]) => ({ seconds, microseconds })
)

const isText = (value: unknown): boolean => typeof value === "string"

/** The call of INFO for sections, whose names are text: the sections of the reply are looked up by them. */
const asking = (sections: OneOrMore<string> | undefined) => {
  if (sections === undefined) return call(INFO)
  const areTexts = Array.isArray(sections) ? sections.every(isText) : isText(sections)
  return areTexts
    ? call(INFO).many("sections", sections)
    : call(INFO).refuse("sections must be the name of a section, or a list of names")
}

/**
 * The builders of the commands on servers: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Server: ServerCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  bgrewriteaof: () => make(BGREWRITEAOF, [], decode.string),
  bgsave: (options = {}) => make(BGSAVE, options.schedule === true ? ["SCHEDULE"] : [], decode.string),
  bgsaveCancel: () => make(BGSAVE, ["CANCEL"], decode.string),
  command: () => make(COMMAND, [], commandInfos),
  commandCount: () => make(COMMAND_COUNT, [], decode.integer),
  commandDocs: (names) =>
    (names === undefined ? call(COMMAND_DOCS) : call(COMMAND_DOCS).many("names", names)).to(
      decode.recordOf(documentation)
    ),
  commandGetkeys: (words) => call(COMMAND_GETKEYS).many("words", words).to(decode.strings),
  commandGetkeysandflags: (words) =>
    call(COMMAND_GETKEYSANDFLAGS).many("words", words).to(decode.arrayOf(decode.tuple(decode.string, decode.strings))),
  commandInfo: (names) => call(COMMAND_INFO).many("names", names).to(decode.arrayOf(decode.nullable(commandInfo))),
  commandList: (filter) => {
    const self = call(COMMAND_LIST)
    if (filter !== undefined) {
      self.add("FILTERBY")
      if ("module" in filter) self.add("MODULE", filter.module)
      else if ("category" in filter) self.add("ACLCAT", filter.category)
      else self.add("PATTERN", filter.pattern)
    }
    return self.to(decode.strings)
  },
  commandlogGet: (count, kind) => call(COMMANDLOG_GET).integer("count", count, -1).add(kind).to(commandlogEntries),
  commandlogLen: (kind) => make(COMMANDLOG_LEN, [kind], decode.integer),
  commandlogReset: (kind) => make(COMMANDLOG_RESET, [kind], decode.ok),
  configGet: (patterns) => call(CONFIG_GET).many("patterns", patterns).to(decode.record),
  configResetstat: () => make(CONFIG_RESETSTAT, [], decode.ok),
  configRewrite: () => make(CONFIG_REWRITE, [], decode.ok),
  configSet: (settings) => call(CONFIG_SET).entries("settings", settings).to(decode.ok),
  dbsize: () => make(DBSIZE, [], decode.integer),
  debug: (words) => call(DEBUG).many("words", words).to(decode.reply),
  failover: (options = {}) => {
    const self = call(FAILOVER)
    if (options.to !== undefined) {
      self.add("TO", options.to.host).integer("to.port", options.to.port, 1).flag("FORCE", options.to.force)
    }
    if (options.timeout !== undefined) self.add("TIMEOUT").milliseconds("timeout", options.timeout)
    return self.to(decode.ok)
  },
  failoverAbort: () => make(FAILOVER, ["ABORT"], decode.ok),
  flushall: (mode) => make(FLUSHALL, mode === undefined ? [] : [mode], decode.ok),
  flushdb: (mode) => make(FLUSHDB, mode === undefined ? [] : [mode], decode.ok),
  hotkeysGet: () => make(HOTKEYS_GET, [], hotkeys),
  hotkeysReset: () => make(HOTKEYS_RESET, [], decode.ok),
  hotkeysStart: (options) => {
    const self = call(HOTKEYS_START, "METRICS")
      .counted("metrics", options.metrics)
      .integerOption("COUNT", "count", options.count, 1)
    if (options.duration !== undefined) self.add("DURATION").seconds("duration", options.duration)
    self.integerOption("SAMPLE", "sample", options.sample, 1)
    if (options.slots !== undefined) {
      if (options.slots.length === 0) self.refuse("slots must have at least one entry, got none: leave it out for all")
      self.add("SLOTS", String(options.slots.length))
      for (const slot of options.slots) self.slot(slot)
    }
    return self.to(decode.ok)
  },
  hotkeysStop: () => make(HOTKEYS_STOP, [], wasRunning),
  info: (sections?: OneOrMore<string>, options: RawOptions = {}) =>
    answeringPerNode(
      asking(sections).to(
        decode.chosen(options.raw === true ? decode.string : decode.parsed(serverInfo(sections)))
      )
    ),
  lastsave: () => make(LASTSAVE, [], decode.integer),
  latencyDoctor: () => answeringPerNode(make(LATENCY_DOCTOR, [], decode.string)),
  latencyGraph: (event) => answeringPerNode(make(LATENCY_GRAPH, [event], decode.string)),
  latencyHistogram: (commands) =>
    answeringPerNode(
      (commands === undefined ? call(LATENCY_HISTOGRAM) : call(LATENCY_HISTOGRAM).many("commands", commands))
        .to(decode.recordOf(latencyHistogram))
    ),
  latencyHistory: (event) =>
    answeringPerNode(make(LATENCY_HISTORY, [event], decode.arrayOf(decode.tuple(decode.integer, decode.integer)))),
  latencyLatest: () => answeringPerNode(make(LATENCY_LATEST, [], decode.arrayOf(latencyEvent))),
  latencyReset: (events) =>
    (events === undefined ? call(LATENCY_RESET) : call(LATENCY_RESET).many("events", events)).to(decode.integer),
  lolwut: (version, args = []) => {
    const self = call(LOLWUT).integerOption("VERSION", "version", version, 0)
    for (const arg of args) self.integer("an argument", arg)
    return self.to(decode.string)
  },
  memoryDoctor: () => answeringPerNode(make(MEMORY_DOCTOR, [], decode.string)),
  memoryMallocStats: () => answeringPerNode(make(MEMORY_MALLOC_STATS, [], decode.string)),
  memoryPurge: () => make(MEMORY_PURGE, [], decode.ok),
  memoryStats: () => answeringPerNode(make(MEMORY_STATS, [], memoryStats)),
  memoryUsage: (key, options = {}) =>
    call(MEMORY_USAGE, key).integerOption("SAMPLES", "samples", options.samples, 0).to(decode.integerOrNull),
  moduleList: () => make(MODULE_LIST, [], decode.arrayOf(moduleInfo)),
  moduleLoad: (path, args = []) =>
    (args.length === 0 ? call(MODULE_LOAD, path) : call(MODULE_LOAD, path).many("args", args)).to(decode.ok),
  moduleLoadex: (path, options = {}) => {
    const self = call(MODULE_LOADEX, path)
    for (const [name, value] of Object.entries(options.config ?? {})) self.add("CONFIG", name).value(value)
    if (options.args !== undefined) self.add("ARGS").many("args", options.args)
    return self.to(decode.ok)
  },
  moduleUnload: (name) => make(MODULE_UNLOAD, [name], decode.ok),
  role: () => make(ROLE, [], role),
  save: () => make(SAVE, [], decode.ok),
  shutdown: (options = {}) => {
    const self = call(SHUTDOWN)
    if (options.save !== undefined) self.add(options.save ? "SAVE" : "NOSAVE")
    return self.flag("NOW", options.now)
      .flag("FORCE", options.force)
      .flag("SAFE", options.safe)
      .flag("FAILOVER", options.failover)
      .to(decode.ok)
  },
  shutdownAbort: () => make(SHUTDOWN, ["ABORT"], decode.ok),
  slowlogGet: (count) =>
    (count === undefined ? call(SLOWLOG_GET) : call(SLOWLOG_GET).integer("count", count, -1)).to(slowlogEntries),
  slowlogLen: () => make(SLOWLOG_LEN, [], decode.integer),
  slowlogReset: () => make(SLOWLOG_RESET, [], decode.ok),
  swapdb: (first, second) => call(SWAPDB).integer("first", first, 0).integer("second", second, 0).to(decode.ok),
  time: () => make(TIME, [], time)
})
