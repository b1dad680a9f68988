/**
 * The cluster: its nodes, slots and state.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { type Call, call, type Lifetime, type OneOrMore } from "./Call.ts"
import { checked } from "./checked.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import type { KeyScanOptions } from "./Generic.ts"
import type { Exact, RawOptions, When, With, Without } from "./Options.ts"
import { parameters } from "./parameters/Cluster.ts"
import { addScan, type ScanPage, scanPage } from "./scan.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * Slots from `start` to `end`, both included.
 *
 * @category models
 * @since 0.1.0
 */
export type SlotRange = readonly [start: number, end: number]

/**
 * A node in `clusterSlots`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlotNode {
  /**
   * The host to which clients should connect. `null` or empty text stands for the host that was asked, `?` for a node
   * that announced none.
   */
  readonly host: string | null
  readonly port: number
  readonly id: string
  /** Other addresses and facts (`ip`, `hostname`, `availability-zone`). Since 7.0.0. */
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Slots and their nodes, the primary first.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlotAssignment {
  readonly start: number
  readonly end: number
  readonly nodes: ReadonlyArray<SlotNode>
}

/**
 * A node in `clusterShards`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ShardNode {
  readonly id: string
  readonly port: number | undefined
  readonly tlsPort: number | undefined
  readonly ip: string
  readonly endpoint: string | null
  readonly hostname: string | undefined
  readonly availabilityZone: string | undefined
  readonly role: "master" | "replica"
  readonly replicationOffset: number
  readonly health: "online" | "failed" | "loading" | "fail"
}

/**
 * A shard: its slots, and its nodes in any order. A failed primary may still be listed as a primary: check its
 * `health`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shard {
  readonly slots: ReadonlyArray<SlotRange>
  readonly nodes: ReadonlyArray<ShardNode>
  /** The id of the shard. Valkey 9. */
  readonly id: string | undefined
}

/**
 * A line of `clusterNodes`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeLine {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly busPort: number
  readonly hostname: string | undefined
  readonly flags: ReadonlyArray<string>
  /** The primary that a replica follows. */
  readonly primary: string | undefined
  /** The time of the last ping that is not answered, in milliseconds since 1970; 0 when there is none. */
  readonly pingSent: number
  /** Milliseconds since 1970. */
  readonly pongReceived: number
  readonly configEpoch: number
  readonly connected: boolean
  readonly slots: ReadonlyArray<SlotRange>
  /** The slots that migrate to another node. */
  readonly migrating: ReadonlyArray<{ readonly slot: number; readonly to: string }>
  /** The slots that migrate from another node. */
  readonly importing: ReadonlyArray<{ readonly slot: number; readonly from: string }>
}

/**
 * The state of the cluster as a node sees it. `fields` has all fields of the reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterInfo {
  readonly state: "ok" | "fail"
  readonly slotsAssigned: number
  readonly slotsOk: number
  readonly slotsPfail: number
  readonly slotsFail: number
  readonly knownNodes: number
  /** The number of primaries that have slots. */
  readonly size: number
  readonly currentEpoch: number
  readonly myEpoch: number
  readonly fields: Readonly<Record<string, string>>
}

/**
 * One direction of a connection between nodes.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterLink {
  readonly direction: "to" | "from"
  readonly node: string
  /** Milliseconds since 1970. */
  readonly createTime: number
  readonly events: string
  /** Bytes. */
  readonly sendBufferAllocated: number
  /** Bytes. */
  readonly sendBufferUsed: number
}

/**
 * The state that `clusterSetslot` gives to a slot.
 *
 * @category models
 * @since 0.1.0
 */
export type SlotState =
  | { readonly importing: string }
  | { readonly migrating: string }
  | { readonly node: string }
  | "stable"

/**
 * Options of `clusterSetslot`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterSetslotOptions {
  /** The time to wait until the replicas have the new state. Default: no waiting. Valkey 8.0. */
  readonly timeout?: Lifetime | undefined
}

/**
 * The figures of `clusterSlotStats`.
 *
 * @category models
 * @since 0.1.0
 */
export type SlotMetric = "key-count" | "cpu-usec" | "memory-bytes" | "network-bytes-in" | "network-bytes-out"

/**
 * The parts of a `SlotSelection`, one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlotSelectionParts {
  /** The first slot of a range. */
  readonly start?: number | undefined
  /** The last slot of a range. */
  readonly end?: number | undefined
  /** The figure by which slots are ordered. */
  readonly orderBy?: SlotMetric | undefined
  /** The most slots to return, with `orderBy`. Default: all. */
  readonly limit?: number | undefined
  /** The slots with the greatest (`DESC`) or the least values first, with `orderBy`. Default: `DESC`. */
  readonly order?: "ASC" | "DESC" | undefined
}

/**
 * The slots of a `clusterSlotStats` call: a range, or the slots with the greatest (`DESC`, the default) or least
 * values of a figure.
 *
 * @category models
 * @since 0.1.0
 */
export type SlotSelection =
  & SlotSelectionParts
  & (
    | (With<"start" | "end", number> & Without<"orderBy" | "limit" | "order">)
    | (With<"orderBy", SlotMetric> & Without<"start" | "end">)
  )

/**
 * The figures of a slot. A server gives the figures that it is configured to keep.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlotStats {
  readonly slot: number
  readonly keyCount: number
  /** Microseconds. */
  readonly cpuUsec: number | undefined
  /** Redis only. */
  readonly memoryBytes: number | undefined
  readonly networkBytesIn: number | undefined
  readonly networkBytesOut: number | undefined
}

/**
 * Slots to move to a node.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlotMove {
  readonly ranges: ReadonlyArray<SlotRange>
  /** The id of the node. */
  readonly node: string
}

/**
 * A present or past migration of slots, as Valkey moves them.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlotMigration {
  readonly name: string
  readonly operation: string
  readonly ranges: ReadonlyArray<SlotRange>
  readonly targetNode: string
  readonly sourceNode: string
  /** Seconds since 1970. */
  readonly createTime: number
  /** Seconds since 1970. */
  readonly lastUpdateTime: number
  /** Seconds since 1970. */
  readonly lastAckTime: number
  /** `success`, `failed`, `canceled`, or the present step. */
  readonly state: string
  readonly message: string
  /** The bytes that were copied because they were written meanwhile. */
  readonly cowSize: number
  /** Bytes still to be sent. */
  readonly remainingReplSize: number | undefined
}

/**
 * A present or past migration of slots, as Redis moves them.
 *
 * @category models
 * @since 0.1.0
 */
export interface MigrationTask {
  readonly id: string
  readonly ranges: ReadonlyArray<SlotRange>
  readonly source: string
  readonly destination: string
  /** `import` or `migrate`. */
  readonly operation: string
  /** `completed`, `canceled`, `failed`, or the present step. */
  readonly state: string
  readonly lastError: string
  readonly retries: number
  /** Milliseconds since 1970. */
  readonly createTime: number
  /** Milliseconds since 1970, -1 before it starts. */
  readonly startTime: number
  /** Milliseconds since 1970, -1 before it ends. */
  readonly endTime: number
  /** The time for which writes had to wait, in milliseconds. */
  readonly writePauseMs: number
}

/**
 * Options of `clusterscan`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterscanOptions extends KeyScanOptions {
  /** Only keys of this slot. */
  readonly slot?: number | undefined
}

/**
 * The methods of the commands on the cluster. Commands that change the cluster, or that are about one node, need a
 * named node.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterCommands<S extends Surface> {
  /** Gives slots without an owner to a node. Needs a node. Since 3.0.0. O(N) slots. */
  clusterAddslots(slots: OneOrMore<number>): Returns<S, "OK">
  /** Gives ranges of slots without an owner to a node. Needs a node. Since 7.0.0. O(N) slots. */
  clusterAddslotsrange(ranges: ReadonlyArray<SlotRange>): Returns<S, "OK">
  /** Raises the configuration epoch of a node. Returns whether it was raised, and the epoch. Needs a node. Since 3.0.0. O(1). */
  clusterBumpepoch(): Returns<S, { readonly bumped: boolean; readonly epoch: number }>
  /** Ends all slot migrations of a node. Needs a node. Valkey 9.0. O(N) migrations. */
  clusterCancelslotmigrations(): Returns<S, "OK">
  /** The number of nodes that reported to this one that another failed. Needs a node. Since 3.0.0. O(N) reports. */
  clusterCountFailureReports(nodeId: string): Returns<S, number>
  /** The number of keys of a slot; asks the slot's owner. Since 3.0.0. O(1). */
  clusterCountkeysinslot(slot: number): Returns<S, number>
  /** Removes the owners of slots from a node's table. Needs a node. Since 3.0.0. O(N) slots. */
  clusterDelslots(slots: OneOrMore<number>): Returns<S, "OK">
  /** Removes the owners of ranges of slots from a node's table. Needs a node. Since 7.0.0. O(N) slots. */
  clusterDelslotsrange(ranges: ReadonlyArray<SlotRange>): Returns<S, "OK">
  /**
   * Makes a replica take over from its primary: in agreement with the primary, without its help (`FORCE`), or without
   * the agreement of any node (`TAKEOVER`). Needs a node. Since 3.0.0. O(1).
   */
  clusterFailover(how?: "FORCE" | "TAKEOVER"): Returns<S, "OK">
  /** Removes all keys of a slot; asks the slot's owner. Valkey 9.0. O(N) keys, or O(1) for the caller with `ASYNC`. */
  clusterFlushslot(slot: number, mode?: "ASYNC" | "SYNC"): Returns<S, "OK">
  /** Takes all slots from a node that has no keys. Needs a node. Since 3.0.0. O(1). */
  clusterFlushslots(): Returns<S, "OK">
  /** Removes another node from a node's table, and keeps it out for a minute. Needs a node. Since 3.0.0. O(1). */
  clusterForget(nodeId: string): Returns<S, "OK">
  /** Up to `count` keys of a slot; asks the slot's owner. Since 3.0.0. O(log N) keys asked for. */
  clusterGetkeysinslot(slot: number, count: number): Returns<S, ReadonlyArray<string>>
  /**
   * The slot migrations of a node, including those that ended a while ago. Needs a node. Valkey 9.0. O(N) migrations.
   */
  clusterGetslotmigrations(): Returns<S, ReadonlyArray<SlotMigration>>
  /** The state of the cluster as a node sees it. Since 3.0.0. O(1). */
  clusterInfo<const O extends RawOptions = {}>(
    options?: Exact<O, RawOptions>
  ): Returns<S, When<O, "raw", string, ClusterInfo>>
  /** The slot of a key, as the server computes it. Since 3.0.0. O(N) bytes of the key. */
  clusterKeyslot(key: Argument): Returns<S, number>
  /** The connections of a node to its peers. Needs a node. Since 7.0.0. O(N) nodes. */
  clusterLinks(): Returns<S, ReadonlyArray<ClusterLink>>
  /** Makes a node join another one's cluster. Needs a node. Since 3.0.0. O(1). */
  clusterMeet(host: string, port: number, busPort?: number): Returns<S, "OK">
  /** Starts to move slots from a node to others; see `clusterGetslotmigrations`. Needs a node. Valkey 9.0. O(N) slots. */
  clusterMigrateslots(moves: OneOrMore<SlotMove>): Returns<S, "OK">
  /**
   * Ends a task of `clusterMigrationImport`, or all tasks of a node. Returns the number of ended tasks. Needs a node.
   * Redis 8.4. O(N) slots.
   */
  clusterMigrationCancel(task: { readonly id: string } | "ALL"): Returns<S, number>
  /** Starts to move slots to a node from those that own them. Returns the id of the task. Needs a node. Redis 8.4. O(N) slots. */
  clusterMigrationImport(ranges: ReadonlyArray<SlotRange>): Returns<S, string>
  /** A task of a node, or all of its tasks. Needs a node. Redis 8.4. O(N) tasks. */
  clusterMigrationStatus(task: { readonly id: string } | "ALL"): Returns<S, ReadonlyArray<MigrationTask>>
  /** The id of a node. Needs a node. Since 3.0.0. O(1). */
  clusterMyid(): Returns<S, string>
  /** The id of a node's shard. Needs a node. Redis 7.2, Valkey 7.2. O(1). */
  clusterMyshardid(): Returns<S, string>
  /** All nodes as one of them sees them. Since 3.0.0. O(N) nodes. */
  clusterNodes<const O extends RawOptions = {}>(
    options?: Exact<O, RawOptions>
  ): Returns<S, When<O, "raw", string, ReadonlyArray<NodeLine>>>
  /** The replicas of a primary. Since 5.0.0. O(N) replicas. */
  clusterReplicas(nodeId: string): Returns<S, ReadonlyArray<NodeLine>>
  /** Makes a node a replica of another. Needs a node. Since 3.0.0. O(1). */
  clusterReplicate(nodeId: string): Returns<S, "OK">
  /** Makes a replica a primary without slots. Needs a node. Valkey 9.0. O(1). */
  clusterReplicateNoOne(): Returns<S, "OK">
  /**
   * Makes a node leave the cluster and drop its table; `HARD` gives it a new id, too. Needs a node. Since 3.0.0. O(N)
   * nodes.
   */
  clusterReset(how?: "HARD" | "SOFT"): Returns<S, "OK">
  /** Makes a node write its cluster configuration to disk. Needs a node. Since 3.0.0. O(1). */
  clusterSaveconfig(): Returns<S, "OK">
  /** Sets the configuration epoch of a new node. Needs a node. Since 3.0.0. O(1). */
  clusterSetConfigEpoch(epoch: number): Returns<S, "OK">
  /**
   * Sets the state of a slot at a node: imported from a node, migrating to a node, owned by a node, or none of these.
   * Needs a node. Since 3.0.0 (timeout Valkey 8.0). O(1).
   */
  clusterSetslot(
    slot: number,
    state: SlotState,
    options?: ClusterSetslotOptions
  ): Returns<S, "OK">
  /** The shards with their slots and nodes. Since 7.0.0. O(N) nodes. */
  clusterShards(): Returns<S, ReadonlyArray<Shard>>
  /** The nodes of each range of slots. Since 3.0.0. O(N) nodes. */
  clusterSlots(): Returns<S, ReadonlyArray<SlotAssignment>>
  /**
   * Figures on slots, each from its primary: of a range of slots, or of the first slots in the order of a figure.
   * Redis 8.2, Valkey 8.0. O(N) slots, O(N*log(N)) in order.
   */
  clusterSlotStats(selection: SlotSelection): Returns<S, ReadonlyArray<SlotStats>>
  /**
   * One step through the keys of the whole cluster, from cursor `"0"` on; the cursor itself names the node that goes
   * on. Valkey 9.1. O(N) keys given.
   */
  clusterscan(cursor: string, options?: ClusterscanOptions): Returns<S, ScanPage<string>>
  /** Makes a node remove the keys of slots that it does not own. Needs a node. Redis 8.4. O(N) keys. */
  trimslots(ranges: ReadonlyArray<SlotRange>): Returns<S, "OK">
}

const explicit = { request: "explicit" } as const
const slot = (args: ReadonlyArray<Argument>): number => Number(args[0])

const ADDSLOTS = new CommandSpec("CLUSTER ADDSLOTS", explicit)
const ADDSLOTSRANGE = new CommandSpec("CLUSTER ADDSLOTSRANGE", explicit)
const BUMPEPOCH = new CommandSpec("CLUSTER BUMPEPOCH", explicit)
const CANCELSLOTMIGRATIONS = new CommandSpec("CLUSTER CANCELSLOTMIGRATIONS", explicit)
const COUNT_FAILURE_REPORTS = new CommandSpec("CLUSTER COUNT-FAILURE-REPORTS", explicit)
const COUNTKEYSINSLOT = new CommandSpec("CLUSTER COUNTKEYSINSLOT", { slot })
const DELSLOTS = new CommandSpec("CLUSTER DELSLOTS", explicit)
const DELSLOTSRANGE = new CommandSpec("CLUSTER DELSLOTSRANGE", explicit)
const FAILOVER = new CommandSpec("CLUSTER FAILOVER", explicit)
const FLUSHSLOTS = new CommandSpec("CLUSTER FLUSHSLOTS", explicit)
const FLUSHSLOT = new CommandSpec("CLUSTER FLUSHSLOT", { slot })
const FORGET = new CommandSpec("CLUSTER FORGET", explicit)
const GETKEYSINSLOT = new CommandSpec("CLUSTER GETKEYSINSLOT", { slot })
const GETSLOTMIGRATIONS = new CommandSpec("CLUSTER GETSLOTMIGRATIONS", explicit)
const INFO = new CommandSpec("CLUSTER INFO", {})
const KEYSLOT = new CommandSpec("CLUSTER KEYSLOT", {})
const LINKS = new CommandSpec("CLUSTER LINKS", explicit)
const MEET = new CommandSpec("CLUSTER MEET", explicit)
const MIGRATESLOTS = new CommandSpec("CLUSTER MIGRATESLOTS", explicit)
const MIGRATION = new CommandSpec("CLUSTER MIGRATION", explicit)
const MYID = new CommandSpec("CLUSTER MYID", explicit)
const MYSHARDID = new CommandSpec("CLUSTER MYSHARDID", explicit)
const NODES = new CommandSpec("CLUSTER NODES", {})
const REPLICAS = new CommandSpec("CLUSTER REPLICAS", {})
const REPLICATE = new CommandSpec("CLUSTER REPLICATE", explicit)
const RESET = new CommandSpec("CLUSTER RESET", explicit)
const SAVECONFIG = new CommandSpec("CLUSTER SAVECONFIG", explicit)
const SET_CONFIG_EPOCH = new CommandSpec("CLUSTER SET-CONFIG-EPOCH", explicit)
const SETSLOT = new CommandSpec("CLUSTER SETSLOT", explicit)
const SHARDS = new CommandSpec("CLUSTER SHARDS", {})
const SLOTS = new CommandSpec("CLUSTER SLOTS", {})
const SLOT_STATS = new CommandSpec("CLUSTER SLOT-STATS", { request: "allShards", response: "concat" })
const CLUSTERSCAN = new CommandSpec("CLUSTERSCAN", { readonly: true, channel: 0 })
const TRIMSLOTS = new CommandSpec("TRIMSLOTS", explicit)

const addSlots = (spec: CommandSpec, slots: OneOrMore<number>) => {
  const self = call(spec)
  const list = typeof slots === "number" ? [slots] : slots
  if (list.length === 0) self.refuse("slots must have at least one entry, got none: leave out the call instead")
  for (const slot of list) self.slot(slot)
  return self.to(decode.ok)
}

const addRanges = (self: Call, ranges: ReadonlyArray<SlotRange>): Call => {
  if (ranges.length === 0) self.refuse("ranges must have at least one entry, got none: leave out the call instead")
  for (const [start, end] of ranges) {
    self.slot(start).slot(end)
    if (start > end) self.refuse("a range of slots must not end before it starts: swap the two")
  }
  return self
}

const slotNode = decode.positional<SlotNode>("a node", {
  host: decode.at(0, decode.stringOrNull),
  port: decode.at(1, decode.integer),
  id: decode.at(2, decode.string),
  metadata: decode.optionalAt(3, decode.record, {})
})

const slotAssignment = decode.positional<SlotAssignment>("slots and their nodes", {
  start: decode.at(0, decode.integer),
  end: decode.at(1, decode.integer),
  nodes: decode.restFrom(2, decode.arrayOf(slotNode))
})

const slotAssignments = decode.arrayOf(slotAssignment)

const shardNode = decode.struct<ShardNode>({
  id: decode.field("id", decode.string),
  port: decode.optional("port", decode.integer),
  tlsPort: decode.optional("tls-port", decode.integer),
  ip: decode.field("ip", decode.string),
  endpoint: decode.field("endpoint", decode.stringOrNull),
  hostname: decode.optional("hostname", decode.string),
  availabilityZone: decode.optional("availability-zone", decode.string),
  role: decode.field("role", decode.oneOf("master", "replica")),
  replicationOffset: decode.field("replication-offset", decode.integer),
  health: decode.field("health", decode.oneOf("online", "failed", "loading", "fail"))
})

const slotRanges = decode.pairsOf(decode.integer, decode.integer)

const shard = decode.struct<Shard>({
  slots: decode.field("slots", slotRanges),
  nodes: decode.field("nodes", decode.arrayOf(shardNode)),
  id: decode.optional("id", decode.string)
})

const shards = decode.arrayOf(shard)

const link = decode.struct<ClusterLink>({
  direction: decode.field("direction", decode.oneOf("to", "from")),
  node: decode.field("node", decode.string),
  createTime: decode.field("create-time", decode.integer),
  events: decode.field("events", decode.string),
  sendBufferAllocated: decode.field("send-buffer-allocated", decode.integer),
  sendBufferUsed: decode.field("send-buffer-used", decode.integer)
})

const links = decode.arrayOf(link)

/** `0-5 7-7`. */
const rangesText = decode.parsed((text): ReadonlyArray<SlotRange> =>
  text.split(" ").filter((word) => word !== "").map((word): SlotRange => {
    const [start, end = start] = word.split("-")
    return [Number(start), Number(end)]
  })
)

const slotMigrations = decode.arrayOf(decode.struct<SlotMigration>({
  name: decode.field("name", decode.string),
  operation: decode.field("operation", decode.string),
  ranges: decode.field("slot_ranges", rangesText),
  targetNode: decode.field("target_node", decode.string),
  sourceNode: decode.field("source_node", decode.string),
  createTime: decode.field("create_time", decode.integer),
  lastUpdateTime: decode.field("last_update_time", decode.integer),
  lastAckTime: decode.field("last_ack_time", decode.integer),
  state: decode.field("state", decode.string),
  message: decode.field("message", decode.string),
  cowSize: decode.field("cow_size", decode.integer),
  remainingReplSize: decode.optional("remaining_repl_size", decode.integer)
}))

const migrationTasks = decode.arrayOf(decode.struct<MigrationTask>({
  id: decode.field("id", decode.string),
  ranges: decode.field("slots", rangesText),
  source: decode.field("source", decode.string),
  destination: decode.field("dest", decode.string),
  operation: decode.field("operation", decode.string),
  state: decode.field("state", decode.string),
  lastError: decode.field("last_error", decode.string),
  retries: decode.field("retries", decode.integer),
  createTime: decode.field("create_time", decode.integer),
  startTime: decode.field("start_time", decode.integer),
  endTime: decode.field("end_time", decode.integer),
  writePauseMs: decode.field("write_pause_ms", decode.integer)
}))

const slotFigures = decode.struct<Omit<SlotStats, "slot">>({
  keyCount: decode.field("key-count", decode.integer),
  cpuUsec: decode.optional("cpu-usec", decode.integer),
  memoryBytes: decode.optional("memory-bytes", decode.integer),
  networkBytesIn: decode.optional("network-bytes-in", decode.integer),
  networkBytesOut: decode.optional("network-bytes-out", decode.integer)
})

const slotStats: decode.Decoder<ReadonlyArray<SlotStats>> = decode.map(
  decode.pairsOf(decode.integer, slotFigures),
  (pairs) => pairs.map(([slot, figures]) => ({ slot, ...figures }))
)

const figureOf: { readonly [M in SlotMetric]: keyof SlotStats } = {
  "key-count": "keyCount",
  "cpu-usec": "cpuUsec",
  "memory-bytes": "memoryBytes",
  "network-bytes-in": "networkBytesIn",
  "network-bytes-out": "networkBytesOut"
}

/** Takes the first slots of the whole cluster from the first slots of each primary. */
const firstOf = (metric: SlotMetric, order: "ASC" | "DESC", limit: number) => {
  const figure = figureOf[metric]
  const sign = order === "ASC" ? 1 : -1
  return decode.map(
    slotStats,
    (slots): ReadonlyArray<SlotStats> =>
      slots.toSorted((a, b) => sign * ((a[figure] ?? 0) - (b[figure] ?? 0)) || a.slot - b.slot).slice(0, limit)
  )
}

const keyPage = scanPage(decode.strings)

const clusterInfo = decode.map(decode.colonLines, (fields): ClusterInfo | decode.DecodeFailure => {
  const state = decode.oneOf("ok", "fail")(fields["cluster_state"] ?? null)
  if (state instanceof decode.DecodeFailure) return state
  const number = (name: string) => Number(fields[name])
  return {
    state,
    slotsAssigned: number("cluster_slots_assigned"),
    slotsOk: number("cluster_slots_ok"),
    slotsPfail: number("cluster_slots_pfail"),
    slotsFail: number("cluster_slots_fail"),
    knownNodes: number("cluster_known_nodes"),
    size: number("cluster_size"),
    currentEpoch: number("cluster_current_epoch"),
    myEpoch: number("cluster_my_epoch"),
    fields
  }
})

/** `id host:port@busPort[,hostname[,name=value]] flags primary ping pong epoch state slot...` */
const nodeLine: decode.Decoder<NodeLine> = decode.parsed((line) => {
  const [id, address, flags, primary, ping, pong, epoch, state, ...rest] = line.trim().split(" ")
  const place = address === undefined ? null : /^(.*):(\d+)(?:@(\d+))?(?:,([^,]*))?/.exec(address)
  if (place === null || state === undefined) {
    return new decode.DecodeFailure("expected the line of a node, got other text")
  }
  const slots: Array<SlotRange> = []
  const migrating: Array<{ slot: number; to: string }> = []
  const importing: Array<{ slot: number; from: string }> = []
  for (const word of rest) {
    const moving = /^\[(\d+)-([<>])-(.*)\]$/.exec(word)
    if (moving !== null) {
      if (moving[2] === ">") migrating.push({ slot: Number(moving[1]), to: moving[3] })
      else importing.push({ slot: Number(moving[1]), from: moving[3] })
      continue
    }
    const range = /^(\d+)(?:-(\d+))?$/.exec(word)
    if (range !== null) slots.push([Number(range[1]), Number(range[2] ?? range[1])])
  }
  return {
    id,
    host: place[1],
    port: Number(place[2]),
    busPort: Number(place[3] ?? 0),
    hostname: place[4] === undefined || place[4] === "" ? undefined : place[4],
    flags: flags.split(","),
    primary: primary === "-" ? undefined : primary,
    pingSent: Number(ping),
    pongReceived: Number(pong),
    configEpoch: Number(epoch),
    connected: state === "connected",
    slots,
    migrating,
    importing
  }
})

const nodeLines = decode.arrayOf(nodeLine)

const nodesText = decode.parsed((text) => nodeLines(text.split("\n").filter((line) => line !== "")))

const epochLine = decode.parsed((text) => {
  const [, word, epoch] = /^(BUMPED|STILL) (\d+)$/.exec(text) ?? []
  return word === undefined
    ? new decode.DecodeFailure("expected BUMPED or STILL and an epoch, got other text")
    : { bumped: word === "BUMPED", epoch: Number(epoch) }
})

/**
 * The builders of the commands on the cluster: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Cluster: ClusterCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  clusterAddslots: (slots) => addSlots(ADDSLOTS, slots),
  clusterAddslotsrange: (ranges) => addRanges(call(ADDSLOTSRANGE), ranges).to(decode.ok),
  clusterBumpepoch: () => make(BUMPEPOCH, [], epochLine),
  clusterCancelslotmigrations: () => make(CANCELSLOTMIGRATIONS, [], decode.ok),
  clusterCountFailureReports: (nodeId) => make(COUNT_FAILURE_REPORTS, [nodeId], decode.integer),
  clusterCountkeysinslot: (slot) => call(COUNTKEYSINSLOT).slot(slot).to(decode.integer),
  clusterDelslots: (slots) => addSlots(DELSLOTS, slots),
  clusterDelslotsrange: (ranges) => addRanges(call(DELSLOTSRANGE), ranges).to(decode.ok),
  clusterFailover: (how) => make(FAILOVER, how === undefined ? [] : [how], decode.ok),
  clusterFlushslot: (slot, mode) => {
    const self = call(FLUSHSLOT).slot(slot)
    return (mode === undefined ? self : self.add(mode)).to(decode.ok)
  },
  clusterFlushslots: () => make(FLUSHSLOTS, [], decode.ok),
  clusterForget: (nodeId) => make(FORGET, [nodeId], decode.ok),
  clusterGetkeysinslot: (slot, count) => call(GETKEYSINSLOT).slot(slot).integer("count", count, 0).to(decode.strings),
  clusterGetslotmigrations: () => make(GETSLOTMIGRATIONS, [], slotMigrations),
  clusterInfo: (options: RawOptions = {}) =>
    make(INFO, [], decode.chosen(options.raw === true ? decode.string : clusterInfo)),
  clusterKeyslot: (key) => make(KEYSLOT, [key], decode.integer),
  clusterLinks: () => make(LINKS, [], links),
  clusterMeet: (host, port, busPort) => {
    const self = call(MEET, host).integer("port", port, 1)
    return (busPort === undefined ? self : self.integer("busPort", busPort, 1)).to(decode.ok)
  },
  clusterMigrateslots: (moves) => {
    const self = call(MIGRATESLOTS)
    const list = "node" in moves ? [moves] : moves
    if (list.length === 0) self.refuse("moves must have at least one entry, got none: leave out the call instead")
    for (const { node, ranges } of list) addRanges(self.add("SLOTSRANGE"), ranges).add("NODE", node)
    return self.to(decode.ok)
  },
  clusterMigrationCancel: (task) =>
    make(MIGRATION, task === "ALL" ? ["CANCEL", "ALL"] : ["CANCEL", "ID", task.id], decode.integer),
  clusterMigrationImport: (ranges) => addRanges(call(MIGRATION, "IMPORT"), ranges).to(decode.string),
  clusterMigrationStatus: (task) =>
    make(MIGRATION, task === "ALL" ? ["STATUS", "ALL"] : ["STATUS", "ID", task.id], migrationTasks),
  clusterMyid: () => make(MYID, [], decode.string),
  clusterMyshardid: () => make(MYSHARDID, [], decode.string),
  clusterNodes: (options: RawOptions = {}) =>
    make(NODES, [], decode.chosen(options.raw === true ? decode.string : nodesText)),
  clusterReplicas: (nodeId) => make(REPLICAS, [nodeId], nodeLines),
  clusterReplicate: (nodeId) => make(REPLICATE, [nodeId], decode.ok),
  clusterReplicateNoOne: () => make(REPLICATE, ["NO", "ONE"], decode.ok),
  clusterReset: (how) => make(RESET, how === undefined ? [] : [how], decode.ok),
  clusterSaveconfig: () => make(SAVECONFIG, [], decode.ok),
  clusterSetConfigEpoch: (epoch) => call(SET_CONFIG_EPOCH).integer("epoch", epoch, 1).to(decode.ok),
  clusterSetslot: (slot, state, options = {}) => {
    const self = call(SETSLOT).slot(slot)
    if (state === "stable") self.add("STABLE")
    else if ("importing" in state) self.add("IMPORTING", state.importing)
    else if ("migrating" in state) self.add("MIGRATING", state.migrating)
    else self.add("NODE", state.node)
    if (options.timeout !== undefined) self.add("TIMEOUT").milliseconds("timeout", options.timeout)
    return self.to(decode.ok)
  },
  clusterShards: () => make(SHARDS, [], shards),
  clusterSlots: () => make(SLOTS, [], slotAssignments),
  clusterSlotStats: (selection) => {
    const self = call(SLOT_STATS)
    if (selection.orderBy === undefined) {
      return addRanges(self.add("SLOTSRANGE"), [[selection.start, selection.end]]).to(slotStats)
    }
    const { limit, order = "DESC", orderBy } = selection
    return self.add("ORDERBY", orderBy).integerOption("LIMIT", "limit", limit, 1).add(order)
      .to(firstOf(orderBy, order, limit ?? Infinity))
  },
  clusterscan: (cursor, options = {}) => {
    const self = addScan(call(CLUSTERSCAN), cursor, options).option("TYPE", options.type)
    return (options.slot === undefined ? self : self.add("SLOT").slot(options.slot)).to(keyPage)
  },
  trimslots: (ranges) => addRanges(call(TRIMSLOTS, "RANGES", String(ranges.length)), ranges).to(decode.ok)
})
