/**
 * The nodes that can serve the reads of a shard, with what is known of each, and how often they did.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import type { ClusterNode, Role } from "../../cluster/ClusterNode.ts"
import type { ResolvedOptions } from "../../ClusterOptions.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { Connections } from "../../connection/Connections.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import type { Candidate, Order, Policy, Read } from "../../ReadFrom.ts"
import type { Shard, Snapshot } from "../../topology/Snapshot.ts"

/**
 * How often reads went to a node by a policy other than `ReadFrom.primary`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeReads {
  /** Reads that were sent to it, hedges included. */
  readonly reads: number
  /** Those of them that it could not serve and another node was asked for. */
  readonly passedOn: number
  /** Those of them that were hedges: another node had been asked before and had not answered. */
  readonly hedges: number
}

/**
 * The same for the nodes of a shard.
 *
 * @category models
 * @since 0.1.0
 */
export interface ShardReads {
  readonly primary: ClusterNode
  readonly nodes: ReadonlyMap<ClusterNode, NodeReads>
}

/** They outlive the snapshots in which a node is met. */
class Counters {
  reads = 0
  passedOn = 0
  hedges = 0
}

interface Network {
  readonly connections: Connections["Service"]
  readonly clock: Clock.Clock
  readonly options: ResolvedOptions
  /** Numbers from 0 to 1, by chance. */
  readonly random: () => number
}

/** For how many rounds of the watch a node that refused a read is avoided. */
const doubtfulRounds = 2

/**
 * @category models
 * @since 0.1.0
 */
export class ReadNode implements Candidate {
  readonly node: ClusterNode
  readonly role: Role
  readonly counters: Counters
  /** The zone that the server told when it was asked; `undefined` until it was, empty when it has none. */
  toldZone: string | undefined
  /** Everything that was written before that time, in monotonic milliseconds, has arrived. */
  freshUntil = Number.NEGATIVE_INFINITY
  /** How many samples of its latency there were when it was last looked at. */
  samplesSeen = -1

  private readonly network: Network
  private link: Connection | undefined
  private doubts = 0

  constructor(node: ClusterNode, counters: Counters, network: Network) {
    this.node = node
    this.role = node.role
    this.counters = counters
    this.network = network
  }

  get connection(): Connection {
    if (this.link?.isOpen !== true) {
      this.link = this.network.connections.get(this.node, this.role === "primary" ? "commands" : "replicaReads")
    }
    return this.link
  }

  get zone(): string | undefined {
    return this.network.options.zoneOf?.(this.node) ?? this.node.zone ?? (this.toldZone || undefined)
  }

  get latency(): number | undefined {
    return this.connection.latency.mean
  }

  get inFlight(): number {
    return this.connection.depth
  }

  get lag(): number | undefined {
    if (this.role === "primary") return 0
    return this.freshUntil === Number.NEGATIVE_INFINITY
      ? undefined
      : monotonicMillis(this.network.clock) - this.freshUntil
  }

  get healthy(): boolean {
    if (this.doubts > 0 || !this.connection.promising) return false
    // What the servers said may be old; a connection that works is news.
    return this.connection.state === "ready" || this.node.health !== "fail"
  }

  /** It refused a read: it is avoided for a second or two. */
  doubt(): void {
    this.doubts = doubtfulRounds
  }

  /** Another round of the watch has passed. */
  forgive(): void {
    if (this.doubts > 0) this.doubts--
  }
}

/**
 * The readers of one shard, the primary first.
 *
 * @category models
 * @since 0.1.0
 */
export class ShardReadNodes {
  readonly all: ReadonlyArray<ReadNode>
  turn = 0

  constructor(all: ReadonlyArray<ReadNode>) {
    this.all = all
  }
}

/**
 * A read on its way: the nodes it may be asked of, and at which of them it is.
 *
 * @category models
 * @since 0.1.0
 */
export class ReadRoute {
  readonly policy: Policy
  /** When a second node is asked, in monotonic milliseconds, if the policy hedges. */
  hedgeAt = 0
  private order: ReadonlyArray<ReadNode> = unordered
  /** Asked after all others; `undefined` when it is one of them. */
  private lastResort: ReadNode | undefined = undefined
  private at = 0

  constructor(policy: Policy) {
    this.policy = policy
  }

  /** Where it is; `undefined` when something else than the policy has sent it there. */
  get current(): ReadNode | undefined {
    return this.readerAt(this.at)
  }

  get next(): ReadNode | undefined {
    return this.readerAt(this.at + 1)
  }

  begin(order: ReadonlyArray<ReadNode>, primary: ReadNode): ReadNode {
    this.order = order
    this.lastResort = order.includes(primary) ? undefined : primary
    this.at = 0
    return order.length === 0 ? primary : order[0]
  }

  advance(): ReadNode | undefined {
    return this.readerAt(++this.at)
  }

  leave(): void {
    this.order = unordered
    this.lastResort = undefined
  }

  private readerAt(at: number): ReadNode | undefined {
    return at < this.order.length ? this.order[at] : at === this.order.length ? this.lastResort : undefined
  }
}

const unordered: ReadonlyArray<ReadNode> = []

const nodesOf = ({ primary, replicas }: Shard): ReadonlyArray<ClusterNode> => [primary, ...replicas]

/**
 * @category models
 * @since 0.1.0
 */
export class ReadNodes {
  private readonly network: Network
  private readonly byShard = new WeakMap<Shard, ShardReadNodes>()
  private readonly counters = new Map<string, Counters>()

  constructor(network: Network) {
    this.network = network
  }

  of(shard: Shard): ShardReadNodes {
    const known = this.byShard.get(shard)
    if (known !== undefined) return known
    const readers = new ShardReadNodes(
      nodesOf(shard).map((node) => new ReadNode(node, this.countersOf(node), this.network))
    )
    this.byShard.set(shard, readers)
    return readers
  }

  /** The readers that there are already: those of shards that were read from. */
  known(snapshot: Snapshot): ReadonlyArray<ShardReadNodes> {
    return snapshot.shards.flatMap((shard) => this.byShard.get(shard) ?? [])
  }

  /** Begins a read with the first of its nodes. `undefined` when the policy's own function failed. */
  begin(shard: Shard, reading: ReadRoute, command: string, slot: number): ReadNode | undefined {
    const { policy } = reading
    const readers = this.of(shard)
    const all = policy.maxLag === undefined ? readers.all : this.fresh(readers.all, policy.maxLag)
    const { options, random } = this.network
    const read: Read = { command, slot, turn: readers.turn++, zone: options.availabilityZone, random }
    const order = ordered(policy.order, all, read)
    return order === undefined ? undefined : reading.begin(order, all[0])
  }

  statistics(snapshot: Snapshot): ReadonlyArray<ShardReads> {
    return snapshot.shards.map((shard) => ({
      primary: shard.primary,
      nodes: new Map(
        nodesOf(shard).map((node) => [node, { ...this.countersOf(node) }] as const)
      )
    }))
  }

  /** Forgets the counts of nodes that have left. */
  retain(snapshot: Snapshot): void {
    for (const address of this.counters.keys()) if (!snapshot.nodes.has(address)) this.counters.delete(address)
  }

  private countersOf(node: ClusterNode): Counters {
    const known = this.counters.get(node.address)
    if (known !== undefined) return known
    const counters = new Counters()
    this.counters.set(node.address, counters)
    return counters
  }

  private fresh(readers: ReadonlyArray<ReadNode>, maxLag: number): ReadonlyArray<ReadNode> {
    const since = monotonicMillis(this.network.clock) - maxLag
    return readers.filter(({ freshUntil, role }) => role === "primary" || freshUntil >= since)
  }
}

const areReaders = (candidates: ReadonlyArray<Candidate>): candidates is ReadonlyArray<ReadNode> => {
  for (let i = 0; i < candidates.length; i++) if (!(candidates[i] instanceof ReadNode)) return false
  return true
}

/** The function may be the program's own. */
const ordered = (
  order: Order,
  candidates: ReadonlyArray<ReadNode>,
  read: Read
): ReadonlyArray<ReadNode> | undefined => {
  try {
    const chosen = order(candidates, read)
    return areReaders(chosen) ? chosen : undefined
  } catch {
    return undefined
  }
}
