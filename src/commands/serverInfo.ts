/**
 * The state of a server, as it reports it in the lines of `INFO`.
 *
 * @since 0.1.0
 */
import type { OneOrMore } from "./Call.ts"
import { assign, DecodeFailure, isDecodeFailure } from "./decode.ts"

/**
 * The server itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoServer {
  /** The version of Redis; on Valkey, the version of Redis with which the server is compatible. */
  readonly redisVersion: string
  /** The version of Valkey; `undefined` on Redis. */
  readonly valkeyVersion: string | undefined
  /** `valkey` on Valkey; `undefined` on Redis. */
  readonly serverName: string | undefined
  /** `cluster`, `standalone` or `sentinel`; `undefined` on Valkey, which has `serverMode`. */
  readonly redisMode: string | undefined
  /** The mode of a Valkey server: `cluster`, `standalone` or `sentinel`. */
  readonly serverMode: string | undefined
  /** The operating system. */
  readonly os: string | undefined
  /** The width of addresses: 64 or 32. */
  readonly archBits: number | undefined
  readonly processId: number | undefined
  /** A name of the running process, which is another one after each start. */
  readonly runId: string
  /** The port for connections without TLS. */
  readonly tcpPort: number
  /** The time of the server's clock, in microseconds since 1970. */
  readonly serverTimeUsec: number | undefined
  /** The time since the start, in seconds. */
  readonly uptimeInSeconds: number
  readonly uptimeInDays: number | undefined
  /** The frequency of the server's background work, per second. */
  readonly hz: number | undefined
  /** The path of the program. */
  readonly executable: string | undefined
  /** The path of the configuration file, empty if there is none. */
  readonly configFile: string | undefined
  /** Whether threads read and write sockets at the moment. */
  readonly ioThreadsActive: boolean | undefined
  /** The availability zone that the server is configured with. */
  readonly availabilityZone: string | undefined
}

/**
 * The connections of clients.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoClients {
  /** The number of connections, without those of replicas. */
  readonly connectedClients: number
  /** The number of sockets of the cluster's bus. */
  readonly clusterConnections: number | undefined
  /** The most connections that the server accepts. */
  readonly maxclients: number | undefined
  /** The largest input buffer among the connections, in bytes. */
  readonly clientRecentMaxInputBuffer: number | undefined
  /** The largest output buffer among the connections, in bytes. */
  readonly clientRecentMaxOutputBuffer: number | undefined
  /** The number of clients that wait in a blocking command. */
  readonly blockedClients: number
  /** The number of clients that use tracking. */
  readonly trackingClients: number | undefined
  /** The number of clients in a mode of subscriptions. */
  readonly pubsubClients: number | undefined
  /** The number of clients that watch keys. */
  readonly watchingClients: number | undefined
  /** The number of keys that clients watch. */
  readonly totalWatchedKeys: number | undefined
  /** The number of keys for which clients wait in blocking commands. */
  readonly totalBlockingKeys: number | undefined
}

/**
 * The memory of a server. Sizes are in bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoMemory {
  /** The memory that the server has allocated. */
  readonly usedMemory: number
  /** The memory of the process as the operating system sees it. */
  readonly usedMemoryRss: number | undefined
  /** The greatest `usedMemory` since the start. */
  readonly usedMemoryPeak: number | undefined
  /** `usedMemory` in percent of its peak. */
  readonly usedMemoryPeakPerc: number | undefined
  /** The memory for everything but the data. */
  readonly usedMemoryOverhead: number | undefined
  /** The memory directly after the start. */
  readonly usedMemoryStartup: number | undefined
  /** The memory of the data. */
  readonly usedMemoryDataset: number | undefined
  /** The memory of the data in percent of the memory beyond that of the start. */
  readonly usedMemoryDatasetPerc: number | undefined
  /** The memory of the machine. */
  readonly totalSystemMemory: number | undefined
  /** The memory of scripts. */
  readonly usedMemoryScripts: number | undefined
  readonly numberOfCachedScripts: number | undefined
  readonly numberOfFunctions: number | undefined
  readonly numberOfLibraries: number | undefined
  /** The limit of the memory, 0 for none. */
  readonly maxmemory: number
  /** The policy of eviction, such as `noeviction`. */
  readonly maxmemoryPolicy: string
  /** The memory of the process in relation to `usedMemory`. */
  readonly memFragmentationRatio: number | undefined
  readonly memFragmentationBytes: number | undefined
  /** The memory of the backlog of the replication. */
  readonly memReplicationBacklog: number | undefined
  /** The memory of the connections of replicas. */
  readonly memClientsSlaves: number | undefined
  /** The memory of the connections of clients. */
  readonly memClientsNormal: number | undefined
  /** The memory of the connections between nodes. */
  readonly memClusterLinks: number | undefined
  /** The memory of the buffer of the append only file. */
  readonly memAofBuffer: number | undefined
  /** The name of the allocator, such as `jemalloc-5.3.0`. */
  readonly memAllocator: string | undefined
  /** The number of objects that are to be freed in the background. */
  readonly lazyfreePendingObjects: number | undefined
}

/**
 * Snapshots and the append only file.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoPersistence {
  /** Whether the server loads its data. */
  readonly loading: boolean
  /** Whether the server serves its former data while it loads data of its primary. */
  readonly asyncLoading: boolean | undefined
  /** The number of changes since the last snapshot. */
  readonly rdbChangesSinceLastSave: number | undefined
  /** Whether a snapshot is written. */
  readonly rdbBgsaveInProgress: boolean | undefined
  /** The time of the last snapshot, in seconds since 1970. */
  readonly rdbLastSaveTime: number | undefined
  /** `ok` or `err`. */
  readonly rdbLastBgsaveStatus: string | undefined
  /** The time that the last snapshot took, in seconds; -1 for none. */
  readonly rdbLastBgsaveTimeSec: number | undefined
  /** The time that the present snapshot has taken, in seconds; -1 for none. */
  readonly rdbCurrentBgsaveTimeSec: number | undefined
  /** The number of snapshots since the start. */
  readonly rdbSaves: number | undefined
  /** Whether there is an append only file. */
  readonly aofEnabled: boolean | undefined
  /** Whether the append only file is rewritten. */
  readonly aofRewriteInProgress: boolean | undefined
  /** Whether the append only file is to be rewritten after the present snapshot. */
  readonly aofRewriteScheduled: boolean | undefined
  /** `ok` or `err`. */
  readonly aofLastBgrewriteStatus: string | undefined
  /** `ok` or `err`. */
  readonly aofLastWriteStatus: string | undefined
  /** The size of the append only file in bytes, while there is one. */
  readonly aofCurrentSize: number | undefined
  /** The size of the append only file in bytes after its last rewrite. */
  readonly aofBaseSize: number | undefined
}

/**
 * Counters since the start of the server, or since `configResetstat`, and present rates.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoStats {
  /** The number of accepted connections. */
  readonly totalConnectionsReceived: number
  /** The number of executed commands. */
  readonly totalCommandsProcessed: number
  /** Commands per second. */
  readonly instantaneousOpsPerSec: number | undefined
  /** Bytes read from the network. */
  readonly totalNetInputBytes: number | undefined
  /** Bytes written to the network. */
  readonly totalNetOutputBytes: number | undefined
  /** Kilobytes read per second. */
  readonly instantaneousInputKbps: number | undefined
  /** Kilobytes written per second. */
  readonly instantaneousOutputKbps: number | undefined
  /** The number of connections beyond `maxclients`. */
  readonly rejectedConnections: number | undefined
  /** The number of full synchronizations with replicas. */
  readonly syncFull: number | undefined
  /** The number of accepted partial synchronizations. */
  readonly syncPartialOk: number | undefined
  /** The number of refused partial synchronizations. */
  readonly syncPartialErr: number | undefined
  /** The number of keys that have expired. */
  readonly expiredKeys: number | undefined
  /** The estimated percentage of keys that have expired and are still there. */
  readonly expiredStalePerc: number | undefined
  /** The number of keys that were evicted. */
  readonly evictedKeys: number | undefined
  /** The number of clients that were evicted. */
  readonly evictedClients: number | undefined
  /** The number of look-ups that found their key. */
  readonly keyspaceHits: number | undefined
  /** The number of look-ups that did not find their key. */
  readonly keyspaceMisses: number | undefined
  /** The number of channels with subscribers. */
  readonly pubsubChannels: number | undefined
  /** The number of patterns with subscribers. */
  readonly pubsubPatterns: number | undefined
  /** The number of shard channels with subscribers. */
  readonly pubsubshardChannels: number | undefined
  /** The time of the last fork, in microseconds. */
  readonly latestForkUsec: number | undefined
  readonly totalForks: number | undefined
  /** The number of keys that clients track. */
  readonly trackingTotalKeys: number | undefined
  /** The number of error replies. */
  readonly totalErrorReplies: number | undefined
  /** The number of reads from sockets. */
  readonly totalReadsProcessed: number | undefined
  /** The number of writes to sockets. */
  readonly totalWritesProcessed: number | undefined
  /** The number of failed attempts to authenticate. */
  readonly aclAccessDeniedAuth: number | undefined
  /** The number of commands that users were refused. */
  readonly aclAccessDeniedCmd: number | undefined
  /** The number of commands that were refused because of a key. */
  readonly aclAccessDeniedKey: number | undefined
  /** The number of commands that were refused because of a channel. */
  readonly aclAccessDeniedChannel: number | undefined
  /** The number of clients that were disconnected because of their output buffer. */
  readonly clientOutputBufferLimitDisconnections: number | undefined
}

/**
 * A replica, as its primary reports it.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoReplica {
  readonly ip: string
  readonly port: number
  /** `online`, or a step of the synchronization. */
  readonly state: string
  /** The offset that the replica has acknowledged. */
  readonly offset: number
  /** The time since the last acknowledgement, in seconds. */
  readonly lag: number
}

/**
 * The replication of a server.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoReplication {
  /** `slave` is a replica. */
  readonly role: "master" | "slave"
  /** The number of replicas that are connected. */
  readonly connectedSlaves: number
  /** The replicas that are connected. */
  readonly replicas: ReadonlyArray<InfoReplica>
  /** The offset of the stream of replication; on a replica, of the stream that it has read. */
  readonly masterReplOffset: number
  readonly masterReplid: string | undefined
  /** The id of the stream that the server followed before a failover. */
  readonly masterReplid2: string | undefined
  readonly secondReplOffset: number | undefined
  /** The host of the primary; on a replica only, as the fields after it up to `slavePriority`. */
  readonly masterHost: string | undefined
  readonly masterPort: number | undefined
  readonly masterLinkStatus: "up" | "down" | undefined
  /** The time since the last data of the primary, in seconds. */
  readonly masterLastIoSecondsAgo: number | undefined
  /** Whether the replica loads the data of its primary. */
  readonly masterSyncInProgress: boolean | undefined
  /** The offset that the replica has executed. */
  readonly slaveReplOffset: number | undefined
  readonly slaveReadOnly: boolean | undefined
  readonly slavePriority: number | undefined
  readonly replBacklogActive: boolean | undefined
  /** The size of the backlog, in bytes. */
  readonly replBacklogSize: number | undefined
  readonly replBacklogHistlen: number | undefined
}

/**
 * The processor time of a server, in seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoCpu {
  readonly usedCpuSys: number
  readonly usedCpuUser: number
  /** The time of processes that write snapshots. */
  readonly usedCpuSysChildren: number | undefined
  /** The time of processes that write snapshots. */
  readonly usedCpuUserChildren: number | undefined
  readonly usedCpuSysMainThread: number | undefined
  readonly usedCpuUserMainThread: number | undefined
}

/**
 * The part of the server in a cluster; see `clusterInfo` for more.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoCluster {
  readonly clusterEnabled: boolean
}

/**
 * A loaded module.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoModule {
  readonly name: string
  readonly ver: number
  /** All properties of the module, as the server writes them. */
  readonly fields: Readonly<Record<string, string>>
}

/**
 * The calls of one command.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommandStats {
  readonly calls: number
  /** The processor time of all calls, in microseconds. */
  readonly usec: number
  readonly usecPerCall: number
  /** The number of calls that were refused before they were executed. */
  readonly rejectedCalls: number
  /** The number of calls that failed while they were executed. */
  readonly failedCalls: number
}

/**
 * The keys of one database.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyspaceStats {
  readonly keys: number
  /** The number of keys with an expiry. */
  readonly expires: number
  /** The average time to live of the keys with an expiry, in milliseconds. */
  readonly avgTtl: number
  /** The number of hashes that have fields with an expiry. Redis 7.4. */
  readonly subexpiry: number | undefined
}

/**
 * The sections of `info`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InfoSections {
  readonly server: InfoServer
  readonly clients: InfoClients
  readonly memory: InfoMemory
  readonly persistence: InfoPersistence
  readonly stats: InfoStats
  readonly replication: InfoReplication
  readonly cpu: InfoCpu
  readonly cluster: InfoCluster
  readonly modules: ReadonlyArray<InfoModule>
  /** The number of error replies by their first word, such as `WRONGTYPE`. */
  readonly errorstats: Readonly<Record<string, number>>
  /** The databases with keys, as `db0`. */
  readonly keyspace: Readonly<Record<string, KeyspaceStats>>
  /** The calls of each command, by its name in lower case: `get`, `client|list`. */
  readonly commandstats: Readonly<Record<string, CommandStats>>
  /** Percentiles of the time of each command in microseconds, by the name of the command: `{ p50: 1.003, p99: 5.023 }`. */
  readonly latencystats: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/**
 * The name of a section of `info`: one that has a type, a set of sections, or a section that only some servers have.
 *
 * @category models
 * @since 0.1.0
 */
export type InfoSection = keyof InfoSections | "default" | "all" | "everything" | (string & {})

/**
 * The sections that a server sends when it is asked for none.
 *
 * @category models
 * @since 0.1.0
 */
export type DefaultInfoSection = Exclude<keyof InfoSections, "commandstats" | "latencystats">

/**
 * The sections that are there after a call with the sections `T`.
 *
 * @category models
 * @since 0.1.0
 */
export type GivenInfoSection<T> = T extends ReadonlyArray<infer Name> ? GivenInfoSection<Name>
  : T extends "default" ? DefaultInfoSection
  : T extends "all" | "everything" ? keyof InfoSections
  : Extract<T, keyof InfoSections>

/**
 * The reply of `info`: the sections that the call asks for, and all lines as they are in `fields`, by the names that the
 * server gives to them (`used_memory_human`). A figure that a server does not know is `undefined`.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerInfo<T = "default"> =
  & {
    readonly [K in keyof InfoSections]: K extends GivenInfoSection<T> ? InfoSections[K] : InfoSections[K] | undefined
  }
  & { readonly fields: Readonly<Record<string, string>> }

type Lines = Readonly<Record<string, string>>

/** Reads a line of a section; `undefined` for a line that is not there. */
type Reader<out A> = (text: string | undefined) => A | DecodeFailure

const numberOf = (text: string): number | undefined => {
  const value = Number(text.replace(/%$/, ""))
  return text === "" || Number.isNaN(value) ? undefined : value
}

const number: Reader<number | undefined> = (text) => text === undefined ? undefined : numberOf(text)
const flag: Reader<boolean | undefined> = (text) => text === undefined ? undefined : text === "1" || text === "yes"
const text: Reader<string | undefined> = (text) => text

const oneOf = <const W extends string>(...words: ReadonlyArray<W>): Reader<W | undefined> => (text) =>
  words.find((word) => word === text)

/** A line that every server has. */
const needed = <A>(read: Reader<A | undefined>): Reader<A> => (text) =>
  read(text) ?? new DecodeFailure(text === undefined ? "it is not there" : "it has an unexpected form")

/** The name that the server gives to a figure: `used_memory` for `usedMemory`. */
const lineOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const section = <A extends object>(readers: { readonly [K in keyof A]-?: Reader<A[K]> }) => {
  const all = Object.entries<Reader<unknown>>(readers).map(([name, read]) => ({ name, line: lineOf(name), read }))
  return (lines: Lines): A | DecodeFailure => {
    const result: Record<string, unknown> = {}
    for (const { line, name, read } of all) {
      const value = read(Object.hasOwn(lines, line) ? lines[line] : undefined)
      if (isDecodeFailure(value)) return new DecodeFailure(`${line}: ${value.message}`)
      result[name] = value
    }
    // Every property of A has been read with the reader that its type names.
    return result as A
  }
}

const server = section<InfoServer>({
  redisVersion: needed(text),
  valkeyVersion: text,
  serverName: text,
  redisMode: text,
  serverMode: text,
  os: text,
  archBits: number,
  processId: number,
  runId: needed(text),
  tcpPort: needed(number),
  serverTimeUsec: number,
  uptimeInSeconds: needed(number),
  uptimeInDays: number,
  hz: number,
  executable: text,
  configFile: text,
  ioThreadsActive: flag,
  availabilityZone: text
})

const clients = section<InfoClients>({
  connectedClients: needed(number),
  clusterConnections: number,
  maxclients: number,
  clientRecentMaxInputBuffer: number,
  clientRecentMaxOutputBuffer: number,
  blockedClients: needed(number),
  trackingClients: number,
  pubsubClients: number,
  watchingClients: number,
  totalWatchedKeys: number,
  totalBlockingKeys: number
})

const memory = section<InfoMemory>({
  usedMemory: needed(number),
  usedMemoryRss: number,
  usedMemoryPeak: number,
  usedMemoryPeakPerc: number,
  usedMemoryOverhead: number,
  usedMemoryStartup: number,
  usedMemoryDataset: number,
  usedMemoryDatasetPerc: number,
  totalSystemMemory: number,
  usedMemoryScripts: number,
  numberOfCachedScripts: number,
  numberOfFunctions: number,
  numberOfLibraries: number,
  maxmemory: needed(number),
  maxmemoryPolicy: needed(text),
  memFragmentationRatio: number,
  memFragmentationBytes: number,
  memReplicationBacklog: number,
  memClientsSlaves: number,
  memClientsNormal: number,
  memClusterLinks: number,
  memAofBuffer: number,
  memAllocator: text,
  lazyfreePendingObjects: number
})

const persistence = section<InfoPersistence>({
  loading: needed(flag),
  asyncLoading: flag,
  rdbChangesSinceLastSave: number,
  rdbBgsaveInProgress: flag,
  rdbLastSaveTime: number,
  rdbLastBgsaveStatus: text,
  rdbLastBgsaveTimeSec: number,
  rdbCurrentBgsaveTimeSec: number,
  rdbSaves: number,
  aofEnabled: flag,
  aofRewriteInProgress: flag,
  aofRewriteScheduled: flag,
  aofLastBgrewriteStatus: text,
  aofLastWriteStatus: text,
  aofCurrentSize: number,
  aofBaseSize: number
})

const stats = section<InfoStats>({
  totalConnectionsReceived: needed(number),
  totalCommandsProcessed: needed(number),
  instantaneousOpsPerSec: number,
  totalNetInputBytes: number,
  totalNetOutputBytes: number,
  instantaneousInputKbps: number,
  instantaneousOutputKbps: number,
  rejectedConnections: number,
  syncFull: number,
  syncPartialOk: number,
  syncPartialErr: number,
  expiredKeys: number,
  expiredStalePerc: number,
  evictedKeys: number,
  evictedClients: number,
  keyspaceHits: number,
  keyspaceMisses: number,
  pubsubChannels: number,
  pubsubPatterns: number,
  pubsubshardChannels: number,
  latestForkUsec: number,
  totalForks: number,
  trackingTotalKeys: number,
  totalErrorReplies: number,
  totalReadsProcessed: number,
  totalWritesProcessed: number,
  aclAccessDeniedAuth: number,
  aclAccessDeniedCmd: number,
  aclAccessDeniedKey: number,
  aclAccessDeniedChannel: number,
  clientOutputBufferLimitDisconnections: number
})

const cpu = section<InfoCpu>({
  usedCpuSys: needed(number),
  usedCpuUser: needed(number),
  usedCpuSysChildren: number,
  usedCpuUserChildren: number,
  usedCpuSysMainThread: number,
  usedCpuUserMainThread: number
})

const cluster = section<InfoCluster>({ clusterEnabled: needed(flag) })

/** `keys=1,expires=0`. Commas inside brackets do not divide. */
const pairs = (text: string): Lines => {
  const result: Record<string, string> = {}
  for (const part of text.split(/,(?![^[]*\])/)) {
    const equals = part.indexOf("=")
    if (equals > 0) assign(result, part.slice(0, equals), part.slice(equals + 1))
  }
  return result
}

const figure = (lines: Lines, name: string): number => numberOf(lines[name] ?? "") ?? 0

const replicaOf = (lines: Lines): InfoReplica => ({
  ip: lines["ip"] ?? "",
  port: figure(lines, "port"),
  state: lines["state"] ?? "",
  offset: figure(lines, "offset"),
  lag: figure(lines, "lag")
})

const replicationFigures = section<Omit<InfoReplication, "replicas">>({
  role: needed(oneOf("master", "slave")),
  connectedSlaves: needed(number),
  masterReplOffset: needed(number),
  masterReplid: text,
  masterReplid2: text,
  secondReplOffset: number,
  masterHost: text,
  masterPort: number,
  masterLinkStatus: oneOf("up", "down"),
  masterLastIoSecondsAgo: number,
  masterSyncInProgress: flag,
  slaveReplOffset: number,
  slaveReadOnly: flag,
  slavePriority: number,
  replBacklogActive: flag,
  replBacklogSize: number,
  replBacklogHistlen: number
})

const replication = (lines: Lines): InfoReplication | DecodeFailure => {
  const figures = replicationFigures(lines)
  if (isDecodeFailure(figures)) return figures
  const replicas = Object.entries(lines).filter(([name]) => /^slave\d+$/.test(name)).map(([, line]) =>
    replicaOf(pairs(line))
  )
  return { ...figures, replicas }
}

/** A record of the lines whose names begin with a prefix, by the rest of the name. */
const named = <A>(prefix: string, read: (line: string) => A) => (lines: Lines): Readonly<Record<string, A>> => {
  const result: Record<string, A> = {}
  for (const [name, line] of Object.entries(lines)) {
    if (name.startsWith(prefix)) assign(result, name.slice(prefix.length), read(line))
  }
  return result
}

const errorstats = named("errorstat_", (line) => figure(pairs(line), "count"))

const commandstats = named("cmdstat_", (line): CommandStats => {
  const lines = pairs(line)
  return {
    calls: figure(lines, "calls"),
    usec: figure(lines, "usec"),
    usecPerCall: figure(lines, "usec_per_call"),
    rejectedCalls: figure(lines, "rejected_calls"),
    failedCalls: figure(lines, "failed_calls")
  }
})

const latencystats = named("latency_percentiles_usec_", (line) => {
  const lines = pairs(line)
  return Object.fromEntries(Object.keys(lines).map((name) => [name, figure(lines, name)]))
})

const databases = named("db", (line): KeyspaceStats => {
  const lines = pairs(line)
  return {
    keys: figure(lines, "keys"),
    expires: figure(lines, "expires"),
    avgTtl: figure(lines, "avg_ttl"),
    subexpiry: numberOf(lines["subexpiry"] ?? "")
  }
})

const keyspace = (lines: Lines): InfoSections["keyspace"] =>
  Object.fromEntries(Object.entries(databases(lines)).map(([name, database]) => [`db${name}`, database]))

const readers: {
  readonly [K in keyof InfoSections]: (lines: Lines, all: ReadonlyArray<string>) => InfoSections[K] | DecodeFailure
} = {
  server,
  clients,
  memory,
  persistence,
  stats,
  replication,
  cpu,
  cluster,
  // Each module has a line of one name.
  modules: (_, all) =>
    all.filter((line) => line.startsWith("module:")).map((line) => {
      const fields = pairs(line.slice("module:".length))
      return { name: fields["name"] ?? "", ver: figure(fields, "ver"), fields }
    }),
  errorstats,
  keyspace,
  commandstats,
  latencystats
}

const defaults: ReadonlyArray<string> = Object.keys(readers).filter((name) =>
  name !== "commandstats" && name !== "latencystats"
)

/** The names of the sections that a call asks for. */
const askedFor = (sections: OneOrMore<string> | undefined): ReadonlySet<string> => {
  const names = sections === undefined ? ["default"] : typeof sections === "string" ? [sections] : sections
  return new Set(
    names.map((name) => String(name).toLowerCase()).flatMap((name) =>
      name === "default" ? defaults : name === "all" || name === "everything" ? Object.keys(readers) : [name]
    )
  )
}

/** Sections that may be left out because they have nothing to say. */
const mayBeEmpty = new Set(["modules", "errorstats", "keyspace", "commandstats", "latencystats"])

interface Part {
  readonly lines: Record<string, string>
  readonly all: Array<string>
}

/** The lines of each section, and all lines. */
const partsOf = (text: string) => {
  const parts = new Map<string, Part>()
  const fields: Record<string, string> = {}
  let part: Part | undefined
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("# ")) {
      part = { lines: {}, all: [] }
      parts.set(line.slice(2).trim().toLowerCase(), part)
      continue
    }
    const colon = line.indexOf(":")
    if (colon <= 0) continue
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1)]
    assign(fields, name, value)
    if (part === undefined) continue
    assign(part.lines, name, value)
    part.all.push(line)
  }
  return { parts, fields }
}

const nothing: Part = { lines: {}, all: [] }

/** Reads the lines of `INFO`. A section that the call asks for has to be there; lines that are not known fail nothing. */
export const serverInfo =
  <T>(sections: OneOrMore<string> | undefined) => (text: string): ServerInfo<T> | DecodeFailure => {
    const { fields, parts } = partsOf(text)
    const asked = askedFor(sections)
    const result: Record<string, unknown> = {}
    for (const [name, read] of Object.entries(readers)) {
      const part = parts.get(name) ?? (mayBeEmpty.has(name) && asked.has(name) ? nothing : undefined)
      if (part === undefined) {
        if (asked.has(name)) return new DecodeFailure(`the reply lacks the section ${name}`)
        continue
      }
      const value = read(part.lines, part.all)
      if (isDecodeFailure(value)) {
        if (asked.has(name)) return new DecodeFailure(`${name}: ${value.message}`)
        continue
      }
      result[name] = value
    }
    // Each section has been read by the reader of its type, and those that the call asks for are there.
    return { ...result, fields } as ServerInfo<T>
  }
