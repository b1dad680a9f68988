/**
 * The cluster: its nodes, slots and state.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { type Call, call, type OneOrMore } from "./Call.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
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
  /** Where clients should connect: `null` or empty means the host that was asked, `?` that the node announced none. */
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
 * A shard: its slots, and its nodes in any order. A primary that failed may still be listed as one: look at `health`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shard {
  readonly slots: ReadonlyArray<SlotRange>
  readonly nodes: ReadonlyArray<ShardNode>
  /** Valkey 9. */
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
  /** Milliseconds since 1970, 0 when no ping is waiting for its answer. */
  readonly pingSent: number
  /** Milliseconds since 1970. */
  readonly pongReceived: number
  readonly configEpoch: number
  readonly connected: boolean
  readonly slots: ReadonlyArray<SlotRange>
  /** Slots on their way to another node. */
  readonly migrating: ReadonlyArray<{ readonly slot: number; readonly to: string }>
  /** Slots on their way from another node. */
  readonly importing: ReadonlyArray<{ readonly slot: number; readonly from: string }>
}

/**
 * The state of the cluster as a node sees it. `fields` has all that it says.
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
  /** How many primaries have slots. */
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
 * What `clusterSetslot` does with a slot.
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
 * The commands on the cluster. Those that change it, or tell about one node, need a node to be named.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterCommands<S extends Surface> {
  /** Gives slots without an owner to a node. Needs a node. Since 3.0.0. O(N) slots. */
  clusterAddslots(slots: OneOrMore<number>): Returns<S, "OK">
  /** Gives ranges of slots without an owner to a node. Needs a node. Since 7.0.0. O(N) slots. */
  clusterAddslotsrange(ranges: ReadonlyArray<SlotRange>): Returns<S, "OK">
  /** Raises the configuration epoch of a node. Answers whether it was raised, and the epoch. Needs a node. Since 3.0.0. O(1). */
  clusterBumpepoch(): Returns<S, { readonly bumped: boolean; readonly epoch: number }>
  /** How many nodes reported to this one that another failed. Needs a node. Since 3.0.0. O(N) reports. */
  clusterCountFailureReports(nodeId: string): Returns<S, number>
  /** How many keys a slot has; asks the slot's owner. Since 3.0.0. O(1). */
  clusterCountkeysinslot(slot: number): Returns<S, number>
  /** Makes a node forget who owns slots. Needs a node. Since 3.0.0. O(N) slots. */
  clusterDelslots(slots: OneOrMore<number>): Returns<S, "OK">
  /** Makes a node forget who owns ranges of slots. Needs a node. Since 7.0.0. O(N) slots. */
  clusterDelslotsrange(ranges: ReadonlyArray<SlotRange>): Returns<S, "OK">
  /** Makes a replica take over from its primary: in agreement, without it (`FORCE`), without anyone (`TAKEOVER`). Needs a node. Since 3.0.0. O(1). */
  clusterFailover(how?: "FORCE" | "TAKEOVER"): Returns<S, "OK">
  /** Takes all slots from a node that has no keys. Needs a node. Since 3.0.0. O(1). */
  clusterFlushslots(): Returns<S, "OK">
  /** Removes another node from a node's table, and keeps it out for a minute. Needs a node. Since 3.0.0. O(1). */
  clusterForget(nodeId: string): Returns<S, "OK">
  /** Some keys of a slot; asks the slot's owner. Since 3.0.0. O(log N) keys asked for. */
  clusterGetkeysinslot(slot: number, count: number): Returns<S, ReadonlyArray<string>>
  /** The state of the cluster as a node sees it. Since 3.0.0. O(1). */
  clusterInfo(): Returns<S, ClusterInfo>
  /** The slot of a key, as the server computes it. Since 3.0.0. O(N) bytes of the key. */
  clusterKeyslot(key: Argument): Returns<S, number>
  /** The connections of a node to its peers. Needs a node. Since 7.0.0. O(N) nodes. */
  clusterLinks(): Returns<S, ReadonlyArray<ClusterLink>>
  /** Makes a node join another one's cluster. Needs a node. Since 3.0.0. O(1). */
  clusterMeet(host: string, port: number, busPort?: number): Returns<S, "OK">
  /** The id of a node. Needs a node. Since 3.0.0. O(1). */
  clusterMyid(): Returns<S, string>
  /** The id of a node's shard. Needs a node. Since 7.2.0. O(1). */
  clusterMyshardid(): Returns<S, string>
  /** All nodes as one of them sees them. Since 3.0.0. O(N) nodes. */
  clusterNodes(): Returns<S, ReadonlyArray<NodeLine>>
  /** The replicas of a primary. Since 5.0.0. O(N) replicas. */
  clusterReplicas(nodeId: string): Returns<S, ReadonlyArray<NodeLine>>
  /** Makes a node a replica of another. Needs a node. Since 3.0.0. O(1). */
  clusterReplicate(nodeId: string): Returns<S, "OK">
  /** Makes a node forget the cluster; `HARD` gives it another id too. Needs a node. Since 3.0.0. O(N) nodes. */
  clusterReset(how?: "HARD" | "SOFT"): Returns<S, "OK">
  /** Makes a node write its cluster configuration to disk. Needs a node. Since 3.0.0. O(1). */
  clusterSaveconfig(): Returns<S, "OK">
  /** Sets the configuration epoch of a new node. Needs a node. Since 3.0.0. O(1). */
  clusterSetConfigEpoch(epoch: number): Returns<S, "OK">
  /** Says of a slot that it is being imported from a node, being migrated to one, owned by one, or neither of it. Needs a node. Since 3.0.0. O(1). */
  clusterSetslot(slot: number, state: SlotState): Returns<S, "OK">
  /** The shards with their slots and nodes. Since 7.0.0. O(N) nodes. */
  clusterShards(): Returns<S, ReadonlyArray<Shard>>
  /** Which nodes serve which slots. Since 3.0.0. O(N) nodes. */
  clusterSlots(): Returns<S, ReadonlyArray<SlotAssignment>>
}

const explicit = { request: "explicit" } as const
const slot = (args: ReadonlyArray<Argument>): number => Number(args[0])

const ADDSLOTS = new CommandSpec("CLUSTER ADDSLOTS", explicit)
const ADDSLOTSRANGE = new CommandSpec("CLUSTER ADDSLOTSRANGE", explicit)
const BUMPEPOCH = new CommandSpec("CLUSTER BUMPEPOCH", explicit)
const COUNT_FAILURE_REPORTS = new CommandSpec("CLUSTER COUNT-FAILURE-REPORTS", explicit)
const COUNTKEYSINSLOT = new CommandSpec("CLUSTER COUNTKEYSINSLOT", { slot })
const DELSLOTS = new CommandSpec("CLUSTER DELSLOTS", explicit)
const DELSLOTSRANGE = new CommandSpec("CLUSTER DELSLOTSRANGE", explicit)
const FAILOVER = new CommandSpec("CLUSTER FAILOVER", explicit)
const FLUSHSLOTS = new CommandSpec("CLUSTER FLUSHSLOTS", explicit)
const FORGET = new CommandSpec("CLUSTER FORGET", explicit)
const GETKEYSINSLOT = new CommandSpec("CLUSTER GETKEYSINSLOT", { slot })
const INFO = new CommandSpec("CLUSTER INFO", {})
const KEYSLOT = new CommandSpec("CLUSTER KEYSLOT", {})
const LINKS = new CommandSpec("CLUSTER LINKS", explicit)
const MEET = new CommandSpec("CLUSTER MEET", explicit)
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

const addSlot = (self: Call, slot: number): Call =>
  Number.isInteger(slot) && slot >= 0 && slot < 16384
    ? self.add(String(slot))
    : self.refuse("a slot must be a whole number from 0 to 16383, got something else")

const addSlots = (spec: CommandSpec, slots: OneOrMore<number>) => {
  const self = call(spec)
  const list = typeof slots === "number" ? [slots] : slots
  if (list.length === 0) self.refuse("slots must have at least one entry, got none: leave out the call instead")
  for (const slot of list) addSlot(self, slot)
  return self.to(decode.ok)
}

const addRanges = (spec: CommandSpec, ranges: ReadonlyArray<SlotRange>) => {
  const self = call(spec)
  if (ranges.length === 0) self.refuse("ranges must have at least one entry, got none: leave out the call instead")
  for (const [start, end] of ranges) {
    addSlot(addSlot(self, start), end)
    if (start > end) self.refuse("a range of slots must not end before it starts: swap the two")
  }
  return self.to(decode.ok)
}

const slotNode: decode.Decoder<SlotNode> = (reply) => {
  if (!Array.isArray(reply) || reply.length < 3) return decode.unexpected("a node", reply)
  const host = decode.stringOrNull(reply[0])
  if (host instanceof decode.DecodeFailure) return host
  const port = decode.integer(reply[1])
  if (port instanceof decode.DecodeFailure) return port
  const id = decode.string(reply[2])
  if (id instanceof decode.DecodeFailure) return id
  const metadata = reply.length > 3 ? decode.record(reply[3]) : {}
  return metadata instanceof decode.DecodeFailure ? metadata : { host, port, id, metadata }
}

const slotNodes = decode.arrayOf(slotNode)

const slotAssignment: decode.Decoder<SlotAssignment> = (reply) => {
  if (!Array.isArray(reply) || reply.length < 3) return decode.unexpected("slots and their nodes", reply)
  const start = decode.integer(reply[0])
  if (start instanceof decode.DecodeFailure) return start
  const end = decode.integer(reply[1])
  if (end instanceof decode.DecodeFailure) return end
  const nodes = slotNodes(reply.slice(2))
  return nodes instanceof decode.DecodeFailure ? nodes : { start, end, nodes }
}

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

const link = decode.struct<ClusterLink>({
  direction: decode.field("direction", decode.oneOf("to", "from")),
  node: decode.field("node", decode.string),
  createTime: decode.field("create-time", decode.integer),
  events: decode.field("events", decode.string),
  sendBufferAllocated: decode.field("send-buffer-allocated", decode.integer),
  sendBufferUsed: decode.field("send-buffer-used", decode.integer)
})

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
  const [word, epoch] = text.split(" ")
  return { bumped: word === "BUMPED", epoch: Number(epoch) }
})

/**
 * The commands on the cluster, as values.
 *
 * @category commands
 * @since 0.1.0
 */
export const Cluster: ClusterCommands<CommandSurface> = {
  clusterAddslots: (slots) => addSlots(ADDSLOTS, slots),
  clusterAddslotsrange: (ranges) => addRanges(ADDSLOTSRANGE, ranges),
  clusterBumpepoch: () => make(BUMPEPOCH, [], epochLine),
  clusterCountFailureReports: (nodeId) => make(COUNT_FAILURE_REPORTS, [nodeId], decode.integer),
  clusterCountkeysinslot: (slot) => addSlot(call(COUNTKEYSINSLOT), slot).to(decode.integer),
  clusterDelslots: (slots) => addSlots(DELSLOTS, slots),
  clusterDelslotsrange: (ranges) => addRanges(DELSLOTSRANGE, ranges),
  clusterFailover: (how) => make(FAILOVER, how === undefined ? [] : [how], decode.ok),
  clusterFlushslots: () => make(FLUSHSLOTS, [], decode.ok),
  clusterForget: (nodeId) => make(FORGET, [nodeId], decode.ok),
  clusterGetkeysinslot: (slot, count) =>
    addSlot(call(GETKEYSINSLOT), slot).integer("count", count, 0).to(decode.strings),
  clusterInfo: () => make(INFO, [], clusterInfo),
  clusterKeyslot: (key) => make(KEYSLOT, [key], decode.integer),
  clusterLinks: () => make(LINKS, [], decode.arrayOf(link)),
  clusterMeet: (host, port, busPort) => {
    const self = call(MEET, host).integer("port", port, 1)
    return (busPort === undefined ? self : self.integer("busPort", busPort, 1)).to(decode.ok)
  },
  clusterMyid: () => make(MYID, [], decode.string),
  clusterMyshardid: () => make(MYSHARDID, [], decode.string),
  clusterNodes: () => make(NODES, [], nodesText),
  clusterReplicas: (nodeId) => make(REPLICAS, [nodeId], nodeLines),
  clusterReplicate: (nodeId) => make(REPLICATE, [nodeId], decode.ok),
  clusterReset: (how) => make(RESET, how === undefined ? [] : [how], decode.ok),
  clusterSaveconfig: () => make(SAVECONFIG, [], decode.ok),
  clusterSetConfigEpoch: (epoch) => call(SET_CONFIG_EPOCH).integer("epoch", epoch, 1).to(decode.ok),
  clusterSetslot: (slot, state) => {
    const self = addSlot(call(SETSLOT), slot)
    if (state === "stable") self.add("STABLE")
    else if ("importing" in state) self.add("IMPORTING", state.importing)
    else if ("migrating" in state) self.add("MIGRATING", state.migrating)
    else self.add("NODE", state.node)
    return self.to(decode.ok)
  },
  clusterShards: () => make(SHARDS, [], decode.arrayOf(shard)),
  clusterSlots: () => make(SLOTS, [], decode.arrayOf(slotAssignment))
}
