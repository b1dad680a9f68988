/**
 * Who owns what, at one moment. A snapshot is never changed; a new one takes its place as a whole.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { ClusterNode, type Health, type Role } from "../cluster/ClusterNode.ts"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import { slotCount } from "../cluster/HashSlot.ts"
import { type Reply, ServerError } from "../protocol/Reply.ts"

/**
 * A primary and the replicas that hold the same data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shard {
  readonly primary: ClusterNode
  readonly replicas: ReadonlyArray<ClusterNode>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  /** Grows with each snapshot of a client. */
  readonly version: number
  readonly shards: ReadonlyArray<Shard>
  /** The shard of each of the 16384 slots. */
  readonly slots: ReadonlyArray<Shard | undefined>
  /** All nodes by address (`host:port`). */
  readonly nodes: ReadonlyMap<string, ClusterNode>
  readonly primaries: ReadonlyArray<ClusterNode>
  readonly replicas: ReadonlyArray<ClusterNode>
}

/**
 * A range of slots, both ends included.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlotRange {
  readonly start: number
  readonly end: number
}

const make = (version: number, slots: ReadonlyArray<Shard | undefined>): Snapshot => {
  const shards = [...new Set(slots)].filter((shard) => shard !== undefined)
  const primaries = shards.map((shard) => shard.primary)
  const replicas = shards.flatMap((shard) => shard.replicas)
  const nodes = new Map<string, ClusterNode>()
  for (const node of replicas) nodes.set(node.address, node)
  for (const node of primaries) nodes.set(node.address, node)
  return { version, shards, slots, nodes, primaries, replicas }
}

/**
 * The snapshot before anything is known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Snapshot = make(0, new Array<undefined>(slotCount).fill(undefined))

/**
 * How many slots have an owner.
 *
 * @category accessors
 * @since 0.1.0
 */
export const coveredSlots = (snapshot: Snapshot): number =>
  snapshot.slots.reduce((count: number, shard) => shard === undefined ? count : count + 1, 0)

/**
 * The node with this port when there is just one: for redirects that name no host.
 *
 * @category accessors
 * @since 0.1.0
 */
export const onlyNodeWithPort = (snapshot: Snapshot, port: number): ClusterNode | undefined => {
  const [node, ...others] = [...snapshot.nodes.values()].filter((node) => node.port === port)
  return others.length === 0 ? node : undefined
}

const isSameShard = (one: Shard | undefined, other: Shard | undefined): boolean =>
  one === other || (one !== undefined && other !== undefined && one.primary === other.primary &&
    one.replicas.length === other.replicas.length && one.replicas.every((replica) => other.replicas.includes(replica)))

/**
 * Whether two snapshots say the same. The nodes have to be the same objects, as unchanged ones are; the order in which
 * a server lists replicas says nothing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const isSame = (one: Snapshot, other: Snapshot): boolean => {
  // Neighbouring slots have the same pair of shards, nearly always.
  let mine: Shard | undefined
  let theirs: Shard | undefined
  for (let slot = 0; slot < slotCount; slot++) {
    if (slot > 0 && one.slots[slot] === mine && other.slots[slot] === theirs) continue
    mine = one.slots[slot]
    theirs = other.slots[slot]
    if (!isSameShard(mine, theirs)) return false
  }
  return true
}

/**
 * The slots of a shard as ranges, in order.
 *
 * @category accessors
 * @since 0.1.0
 */
export const rangesOf = (snapshot: Snapshot, shard: Shard): ReadonlyArray<SlotRange> => {
  const ranges: Array<SlotRange> = []
  let start = -1
  for (let slot = 0; slot <= slotCount; slot++) {
    const mine = slot < slotCount && snapshot.slots[slot] === shard
    if (mine && start === -1) start = slot
    if (!mine && start !== -1) {
      ranges.push({ start, end: slot - 1 })
      start = -1
    }
  }
  return ranges
}

/**
 * The host that a server announced, or the host that it means: an unknown endpoint (null or empty) is the host the
 * answer came from, `"?"` is no host at all.
 *
 * @category parsing
 * @since 0.1.0
 */
export const announcedHost = (host: string | null, via: Endpoint, ip?: string): string | undefined => {
  if (host === null || host === "") return via.host
  if (host === "?") return ip === undefined || ip === "" ? undefined : ip
  return host
}

/** Fields come as a map over RESP3, as a flat array over RESP2, and not at all from servers that are too old. */
const fieldsOf = (reply: Reply | undefined): ReadonlyMap<Reply, Reply> => {
  if (reply instanceof Map) return reply
  const fields = new Map<Reply, Reply>()
  if (Array.isArray(reply)) {
    for (let i = 0; i + 1 < reply.length; i += 2) fields.set(reply[i], reply[i + 1])
  }
  return fields
}

const textOf = (reply: Reply | undefined): string | undefined => typeof reply === "string" ? reply : undefined

/**
 * Facts of a parse: the endpoint that answered, the translation of addresses, and the snapshot to be replaced,
 * whose unchanged nodes are kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface Origin {
  readonly via: Endpoint
  readonly mapAddress: (endpoint: Endpoint) => Endpoint
  readonly previous: Snapshot
  /** What `CLUSTER SHARDS` told about the nodes, by id. */
  readonly details?: ReadonlyMap<string, NodeDetails> | undefined
}

/**
 * What `CLUSTER SHARDS` adds about a node.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeDetails {
  readonly health: Health | undefined
  readonly zone: string | undefined
}

const isSameNode = (one: ClusterNode, other: ClusterNode): boolean =>
  one.id === other.id && one.role === other.role && one.zone === other.zone && one.health === other.health

const intern = (origin: Origin, node: ClusterNode): ClusterNode => {
  const known = origin.previous.nodes.get(node.address)
  return known !== undefined && isSameNode(known, node) ? known : node
}

const parseNode = (origin: Origin, reply: Reply, role: Role): ClusterNode | undefined => {
  if (!Array.isArray(reply)) return undefined
  const [host, port, id] = reply as ReadonlyArray<Reply>
  if ((host !== null && typeof host !== "string") || typeof port !== "number") return undefined
  const metadata = fieldsOf(reply[3])
  const usable = announcedHost(host, origin.via, textOf(metadata.get("ip")))
  if (usable === undefined || port <= 0) return undefined
  const mapped = origin.mapAddress({ host: usable, port })
  const details = typeof id === "string" ? origin.details?.get(id) : undefined
  const node = new ClusterNode({
    host: mapped.host,
    port: mapped.port,
    id: textOf(id) ?? "",
    role,
    zone: textOf(metadata.get("availability-zone")) ?? details?.zone,
    health: details?.health
  })
  return intern(origin, node)
}

const healthOf = (reply: Reply | undefined): Health | undefined =>
  reply === "online" || reply === "loading" || reply === "fail" ? reply : undefined

const listOf = (reply: Reply | undefined): ReadonlyArray<Reply> => Array.isArray(reply) ? reply : []

/**
 * Reads what the answer of `CLUSTER SHARDS` adds about the nodes, by id. A server that does not know the command, or a
 * user who may not run it, adds nothing.
 *
 * @category parsing
 * @since 0.1.0
 */
export const detailsFromClusterShards = (reply: Reply): ReadonlyMap<string, NodeDetails> => {
  const details = new Map<string, NodeDetails>()
  for (const shard of listOf(reply)) {
    for (const fields of listOf(fieldsOf(shard).get("nodes"))) {
      const node = fieldsOf(fields)
      const id = textOf(node.get("id"))
      if (id === undefined) continue
      details.set(id, { health: healthOf(node.get("health")), zone: textOf(node.get("availability-zone")) })
    }
  }
  return details
}

/**
 * Reads the answer of `CLUSTER SLOTS`: for each range of slots the primary and its replicas.
 *
 * The rules for hosts are those of the cluster specification (preferred endpoint, unknown endpoint).
 *
 * @category parsing
 * @since 0.1.0
 */
export const fromClusterSlots = (reply: Reply, origin: Origin): Result.Result<Snapshot, string> => {
  if (reply instanceof ServerError) return Result.fail(reply.message)
  if (!Array.isArray(reply)) return Result.fail("the answer of CLUSTER SLOTS is not a list")
  const slots = new Array<Shard | undefined>(slotCount).fill(undefined)
  const shards = new Map<string, Shard>()
  for (const row of reply as ReadonlyArray<Reply>) {
    if (!Array.isArray(row)) return Result.fail("a row of CLUSTER SLOTS is not a list")
    const [start, end, ...members] = row as ReadonlyArray<Reply>
    const inRange = typeof start === "number" && typeof end === "number" && start >= 0 && start <= end &&
      end < slotCount
    if (!inRange) return Result.fail("a row of CLUSTER SLOTS has no valid range of slots")
    const primary = parseNode(origin, members[0], "primary")
    // Nothing can be sent to a primary without an address; its slots count as not covered.
    if (primary === undefined) continue
    const replicas = members.slice(1).flatMap((member) => parseNode(origin, member, "replica") ?? [])
    const key = [primary, ...replicas].map((node) => node.address).join()
    const shard = shards.get(key) ?? { primary, replicas }
    shards.set(key, shard)
    slots.fill(shard, start, end + 1)
  }
  return Result.succeed(make(origin.previous.version + 1, slots))
}

const asRole = (node: ClusterNode, role: Role): ClusterNode =>
  node.role === role ? node : new ClusterNode({ ...node, role })

/**
 * The snapshot after a MOVED. When the new owner is a replica of the shard, that shard has failed over and moves
 * as a whole; otherwise one slot has moved.
 *
 * @category combinators
 * @since 0.1.0
 */
export const moved = (snapshot: Snapshot, slot: number, owner: Endpoint): Snapshot => {
  const address = addressOf(owner)
  const current = snapshot.slots[slot]
  if (current?.primary.address === address) return snapshot
  const promoted = current?.replicas.find((replica) => replica.address === address)
  const slots = snapshot.slots.slice()
  if (current !== undefined && promoted !== undefined) {
    const shard: Shard = {
      primary: asRole(promoted, "primary"),
      replicas: [
        ...current.replicas.filter((replica) => replica !== promoted),
        asRole(current.primary, "replica")
      ]
    }
    for (let i = 0; i < slotCount; i++) if (slots[i] === current) slots[i] = shard
  } else {
    const known = snapshot.nodes.get(address) ?? new ClusterNode({ ...owner, id: "", role: "primary" })
    slots[slot] = snapshot.shards.find((shard) => shard.primary.address === address) ??
      { primary: asRole(known, "primary"), replicas: [] }
  }
  return make(snapshot.version + 1, slots)
}
