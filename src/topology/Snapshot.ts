/**
 * The owners of all slots at one moment. A snapshot is never changed; a new one takes its place as a whole.
 *
 * @since 0.1.0
 */
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Result from "effect/Result"
import { ClusterNode, type Role } from "../cluster/ClusterNode.ts"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import { isSlot, slotCount } from "../cluster/HashSlot.ts"
import { type Reply, ServerError } from "../protocol/Reply.ts"
import { announcedHost, fieldsOf, type Member, textOf } from "./Members.ts"

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
 * The topology of the cluster at one moment: the shard of each slot, and all nodes. It is immutable.
 *
 * **When to use**
 *
 * Use it to see which node owns what: `redis.topology` gives the present one, and `redis.topologyChanges` each later one.
 *
 * **Gotchas**
 *
 * A snapshot is old as soon as the cluster changes. The client routes by its own, so that a program need not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  /** Grows with each snapshot of a client. */
  readonly version: number
  readonly shards: ReadonlyArray<Shard>
  /** The shard of each of the 16384 slots. */
  readonly slots: ReadonlyArray<Shard | undefined>
  /**
   * All nodes of the cluster by address (`host:port`), including those that serve no slots, and those that the servers
   * have marked as failed and not forgotten.
   */
  readonly nodes: ReadonlyMap<string, ClusterNode>
  /** The nodes that own slots. */
  readonly primaries: ReadonlyArray<ClusterNode>
  /** The replicas of the primaries, as far as the servers list them as serving. */
  readonly replicas: ReadonlyArray<ClusterNode>
  /** Other addresses by which a node is known, with its id: see `find`. */
  readonly aliases: ReadonlyMap<string, string>
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

const noAliases: ReadonlyMap<string, string> = new Map()

/** `idle` are the nodes that serve no slots. Where several nodes claim an address, it belongs to the one that serves. */
const make = (
  version: number,
  slots: ReadonlyArray<Shard | undefined>,
  idle: ReadonlyArray<ClusterNode> = [],
  aliases = noAliases
): Snapshot => {
  const shards = [...new Set(slots)].filter((shard) => shard !== undefined)
  const primaries = shards.map((shard) => shard.primary)
  const replicas = shards.flatMap((shard) => shard.replicas)
  const nodes = new Map<string, ClusterNode>()
  for (const node of [...primaries, ...replicas, ...idle]) if (!nodes.has(node.address)) nodes.set(node.address, node)
  return Object.assign({ version, shards, slots, nodes, primaries, replicas, aliases }, printed)
}

/** A snapshot in short: its shards with their ranges, in place of 16384 slots. */
const tableOf = (snapshot: Snapshot): object => ({
  version: snapshot.version,
  coveredSlots: coveredSlots(snapshot),
  shards: snapshot.shards.map((shard) => {
    const ranges = rangesOf(snapshot, shard).map(({ end, start }) => start === end ? `${start}` : `${start}-${end}`)
    const copies = shard.replicas.map(({ address }) => address)
    return `${shard.primary.address} ${ranges.join(",")}${copies.length === 0 ? "" : `, replicas ${copies.join(", ")}`}`
  }),
  nodes: snapshot.nodes.size
})

/** The member by which Node prints a snapshot. It is enumerable, so that a changed copy has it as well. */
const printed = {
  [NodeInspectSymbol](this: Snapshot): object {
    return tableOf(this)
  }
}

/**
 * The snapshot before anything is known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Snapshot = make(0, new Array<undefined>(slotCount).fill(undefined))

/**
 * The number of slots that have an owner.
 *
 * @category accessors
 * @since 0.1.0
 */
export const coveredSlots = (snapshot: Snapshot): number =>
  snapshot.slots.reduce((count: number, shard) => shard === undefined ? count : count + 1, 0)

/**
 * The node with this port when exactly one node has it: for redirects that name no host.
 *
 * @category accessors
 * @since 0.1.0
 */
export const onlyNodeWithPort = (snapshot: Snapshot, port: number): ClusterNode | undefined => {
  const [node, ...others] = [...snapshot.nodes.values()].filter((node) => node.port === port)
  return others.length === 0 ? node : undefined
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/

/** The node on this machine with this port, when there is exactly one: the loopback interface has several names. */
const onLoopback = (snapshot: Snapshot, { host, port }: Endpoint): ClusterNode | undefined => {
  if (!loopback.test(host)) return undefined
  const [node, ...others] = [...snapshot.nodes.values()].filter((node) =>
    node.port === port && loopback.test(node.host)
  )
  return others.length === 0 ? node : undefined
}

/**
 * The node with an id.
 *
 * @category accessors
 * @since 0.1.0
 */
export const nodeWithId = (snapshot: Snapshot, id: string): ClusterNode | undefined => {
  if (id === "") return undefined
  for (const node of snapshot.nodes.values()) if (node.id === id) return node
  return undefined
}

/**
 * The node at a host and port. Every known address of a node names it: the address in `nodes`, the one that it
 * announced before `mapAddress`, another one that servers announce for its id, the startup endpoint at which it
 * answered, and any name of the loopback interface in place of another.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (snapshot: Snapshot, endpoint: Endpoint): ClusterNode | undefined => {
  const address = addressOf(endpoint)
  const node = snapshot.nodes.get(address)
  if (node !== undefined) return node
  return nodeWithId(snapshot, snapshot.aliases.get(address) ?? "") ?? onLoopback(snapshot, endpoint)
}

const isSameShard = (one: Shard | undefined, other: Shard | undefined): boolean =>
  one === other || (one !== undefined && other !== undefined && one.primary === other.primary &&
    one.replicas.length === other.replicas.length && one.replicas.every((replica) => other.replicas.includes(replica)))

/**
 * Whether two snapshots are equal. Their nodes have to be the same objects, as unchanged nodes are; the order in which
 * a server lists replicas has no meaning.
 *
 * @category combinators
 * @since 0.1.0
 */
export const isSame = (one: Snapshot, other: Snapshot): boolean => {
  if (one.nodes.size !== other.nodes.size || one.aliases.size !== other.aliases.size) return false
  for (const [address, node] of one.nodes) if (other.nodes.get(address) !== node) return false
  for (const [address, id] of one.aliases) if (other.aliases.get(address) !== id) return false
  // Neighbouring slots have one pair of shards, nearly always.
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
 * The facts that a parse needs: the endpoint that answered, the translation of addresses, and the snapshot to be
 * replaced, whose unchanged nodes are kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface Origin {
  readonly via: Endpoint
  readonly mapAddress: (endpoint: Endpoint) => Endpoint
  readonly previous: Snapshot
  /** All nodes that belong to the cluster, by id, where `CLUSTER SHARDS` or `CLUSTER NODES` reported them. */
  readonly members?: ReadonlyMap<string, Member> | undefined
  /** The id of the node that answered at `via`, for an answer that does not name that address. */
  readonly answeredBy?: string | undefined
  /** Whether a node of `previous` keeps its address although another one is announced for its id. Default: it does not. */
  readonly keepsAddress?: ((node: ClusterNode) => boolean) | undefined
}

const isSameNode = (one: ClusterNode, other: ClusterNode): boolean =>
  one.id === other.id && one.role === other.role && one.zone === other.zone && one.health === other.health

const isAt = (one: Endpoint, other: Endpoint): boolean => one.port === other.port && one.host === other.host

/** A node as a row of `CLUSTER SLOTS` has it, and the node that was read from it. */
interface ReadNode {
  readonly host: Reply
  readonly port: Reply
  readonly role: Role
  readonly node: ClusterNode | undefined
}

/**
 * Reads the nodes and shards of one answer. Each is made once, however many ranges of slots it has: a cluster in pieces repeats
 * its nodes up to 16384 times.
 */
class AnswerReader {
  readonly aliases = new Map<string, string>()
  private readonly origin: Origin
  private readonly known = new Map<string, ClusterNode>()
  private readonly made = new Map<string, ClusterNode>()
  /** By id; the last one where several nodes have none. */
  private readonly lastRead = new Map<string, ReadNode>()
  /** By the address of the primary: several nodes may be mapped to one address, which is one place for commands. */
  private readonly shardsAt = new Map<string, ReadonlyArray<Shard>>()

  constructor(origin: Origin) {
    this.origin = origin
    for (const node of origin.previous.nodes.values()) if (node.id !== "") this.known.set(node.id, node)
  }

  /** The node of a row; `undefined` when it cannot be reached. */
  node(reply: Reply, role: Role): ClusterNode | undefined {
    if (!Array.isArray(reply)) return undefined
    const [host, port, id]: ReadonlyArray<Reply> = reply
    const name = textOf(id) ?? ""
    const last = this.lastRead.get(name)
    if (last !== undefined && last.host === host && last.port === port && last.role === role) return last.node
    const node = this.parse(reply, role)
    this.lastRead.set(name, { host, port, role, node })
    return node
  }

  /** The shard of these nodes; one that a server lists with another order of replicas is another one. */
  shard(primary: ClusterNode, replicas: ReadonlyArray<ClusterNode>): Shard {
    const shards = this.shardsAt.get(primary.address) ?? []
    const known = shards.find((shard) =>
      shard.replicas.length === replicas.length &&
      shard.replicas.every((replica, i) => replica.address === replicas[i].address)
    )
    if (known !== undefined) return known
    const shard = { primary, replicas }
    this.shardsAt.set(primary.address, [...shards, shard])
    return shard
  }

  member({ endpoint, id, role }: Member): ClusterNode | undefined {
    return endpoint === undefined ? undefined : this.read(endpoint, id, role, undefined)
  }

  private parse(reply: ReadonlyArray<Reply>, role: Role): ClusterNode | undefined {
    const [host, port, id] = reply
    if ((host !== null && typeof host !== "string") || typeof port !== "number") return undefined
    const metadata = fieldsOf(reply[3])
    const usable = announcedHost(host, this.origin.via, textOf(metadata.get("ip")))
    if (usable === undefined || port <= 0) return undefined
    return this.read({ host: usable, port }, textOf(id) ?? "", role, textOf(metadata.get("availability-zone")))
  }

  private read(announced: Endpoint, id: string, role: Role, zone: string | undefined): ClusterNode {
    const key = `${id} ${role} ${announced.host} ${announced.port}`
    const made = this.made.get(key)
    if (made !== undefined) return made
    const node = this.make(announced, id, role, zone)
    this.made.set(key, node)
    return node
  }

  private make(announced: Endpoint, id: string, role: Role, zone: string | undefined): ClusterNode {
    const mapped = this.origin.mapAddress(announced)
    const endpoint = this.settle(mapped, id)
    if (id !== "") {
      for (const other of [announced, mapped]) if (!isAt(endpoint, other)) this.aliases.set(addressOf(other), id)
    }
    const member = this.origin.members?.get(id)
    const node = new ClusterNode({
      host: endpoint.host,
      port: endpoint.port,
      id,
      role,
      zone: zone ?? member?.zone,
      health: member?.health
    })
    const known = this.origin.previous.nodes.get(node.address)
    return known !== undefined && isSameNode(known, node) ? known : node
  }

  /**
   * The endpoint of a node. A node is identified by its id, and keeps its known address for as long as it can be
   * reached there.
   */
  private settle(mapped: Endpoint, id: string): Endpoint {
    const known = this.known.get(id)
    if (known === undefined || isAt(known, mapped)) return mapped
    return this.origin.keepsAddress?.(known) === true ? known : mapped
  }
}

/**
 * Reads the answer of `CLUSTER SLOTS`: for each range of slots the primary and its replicas. The other members of the cluster
 * are added to its nodes.
 *
 * The rules for hosts are those of the cluster specification (preferred endpoint, unknown endpoint).
 *
 * @category parsing
 * @since 0.1.0
 */
export const fromClusterSlots = (reply: Reply, origin: Origin): Result.Result<Snapshot, string> => {
  if (reply instanceof ServerError) return Result.fail(reply.message)
  if (!Array.isArray(reply)) return Result.fail("the answer of CLUSTER SLOTS is not a list")
  const reader = new AnswerReader(origin)
  const slots = new Array<Shard | undefined>(slotCount).fill(undefined)
  const shards = new Set<Shard>()
  for (const row of reply as ReadonlyArray<Reply>) {
    if (!Array.isArray(row)) return Result.fail("a row of CLUSTER SLOTS is not a list")
    const [start, end]: ReadonlyArray<Reply> = row
    const inRange = typeof start === "number" && typeof end === "number" && start >= 0 && start <= end &&
      end < slotCount
    if (!inRange) return Result.fail("a row of CLUSTER SLOTS has no valid range of slots")
    const primary = reader.node(row[2], "primary")
    // A primary without an address cannot be reached; its slots count as not covered.
    if (primary === undefined) continue
    const replicas: Array<ClusterNode> = []
    for (let i = 3; i < row.length; i++) {
      const replica = reader.node(row[i], "replica")
      if (replica !== undefined) replicas.push(replica)
    }
    const shard = reader.shard(primary, replicas)
    shards.add(shard)
    for (let slot = start; slot <= end; slot++) slots[slot] = shard
  }
  const idle = idleNodes(reader, origin, shards)
  if (origin.answeredBy !== undefined) reader.aliases.set(addressOf(origin.via), origin.answeredBy)
  const next = make(origin.previous.version + 1, slots, idle)
  return Result.succeed({ ...next, aliases: aliasesOf(next, origin.previous, reader.aliases) })
}

/**
 * The members that serve no slots. A member that the servers have marked as failed comes last, because another node
 * may have its address.
 */
const idleNodes = (reader: AnswerReader, origin: Origin, shards: Iterable<Shard>): ReadonlyArray<ClusterNode> => {
  const serving = new Set<string>()
  for (const { primary, replicas } of shards) for (const node of [primary, ...replicas]) serving.add(node.id)
  const idle: Array<ClusterNode> = []
  const members = origin.members ?? new Map<string, Member>()
  // A node of another cluster may have reported the members earlier.
  if (![...serving].some((id) => members.has(id))) return idle
  for (const member of members.values()) {
    const node = serving.has(member.id) ? undefined : reader.member(member)
    if (node !== undefined) idle.push(node)
  }
  return idle.toSorted((a, b) => Number(a.health === "fail") - Number(b.health === "fail"))
}

/** An address that was announced once stays an alias while its node is there and no other node has the address. */
const aliasesOf = (
  next: Snapshot,
  previous: Snapshot,
  announced: ReadonlyMap<string, string>
): ReadonlyMap<string, string> => {
  const aliases = new Map<string, string>()
  const ids = new Set([...next.nodes.values()].map((node) => node.id))
  for (const [address, id] of [...previous.aliases, ...announced]) {
    if (ids.has(id) && !next.nodes.has(address)) aliases.set(address, id)
  }
  return aliases
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
  if (!isSlot(slot)) return snapshot
  const named = find(snapshot, owner) ?? new ClusterNode({ ...owner, id: "", role: "primary" })
  const { address } = named
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
    slots[slot] = snapshot.shards.find((shard) => shard.primary.address === address) ??
      { primary: asRole(named, "primary"), replicas: [] }
  }
  const next = make(snapshot.version + 1, slots)
  // A node that has lost its last slot still belongs to the cluster.
  const idle = [...snapshot.nodes.values()].filter((node) => !next.nodes.has(node.address))
  return make(snapshot.version + 1, slots, idle, snapshot.aliases)
}
