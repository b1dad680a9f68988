/**
 * The nodes that can serve the reads of each shard, in the order of a policy, and the counters of their reads.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import type { Candidate, Order, Read } from "../../ReadFrom.ts"
import type { Shard, Snapshot } from "../../topology/Snapshot.ts"
import { ReadCounters, type ReadNetwork, ReadNode } from "./ReadNode.ts"
import type { ReadRoute } from "./ReadRoute.ts"

/**
 * The reads of a node by policies other than `ReadFrom.primary`, as `redis.readStatistics` counts them.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeReads {
  /** The number of reads that were sent to the node, hedges included. */
  readonly reads: number
  /** The number of reads that the node could not serve, so that they were sent to another node. */
  readonly passedOn: number
  /** The number of reads that were hedges: another node had got the read before and had not answered. */
  readonly hedges: number
}

/**
 * The reads of a shard's nodes by policies other than `ReadFrom.primary`, as `redis.readStatistics` counts them.
 *
 * @category models
 * @since 0.1.0
 */
export interface ShardReads {
  readonly primary: ClusterNode
  readonly nodes: ReadonlyMap<ClusterNode, NodeReads>
}

/** The nodes of one shard, the primary first. */
export class ShardReadNodes {
  readonly all: ReadonlyArray<ReadNode>
  /** The number of reads of the shard so far. */
  turn = 0

  constructor(all: ReadonlyArray<ReadNode>) {
    // The functions of programs get this list, and may try to sort it.
    this.all = Object.freeze(all)
  }
}

const nodesOf = ({ primary, replicas }: Shard): ReadonlyArray<ClusterNode> => [primary, ...replicas]

export class ReadNodes {
  private readonly network: ReadNetwork
  private readonly byShard = new WeakMap<Shard, ShardReadNodes>()
  private readonly counters = new Map<string, ReadCounters>()

  constructor(network: ReadNetwork) {
    this.network = network
  }

  of(shard: Shard): ShardReadNodes {
    const known = this.byShard.get(shard)
    if (known !== undefined) return known
    const nodes = new ShardReadNodes(
      nodesOf(shard).map((node) => new ReadNode(node, this.countersOf(node), this.network))
    )
    this.byShard.set(shard, nodes)
    return nodes
  }

  /** The nodes of the shards that have served reads. */
  known(snapshot: Snapshot): ReadonlyArray<ShardReadNodes> {
    return snapshot.shards.flatMap((shard) => this.byShard.get(shard) ?? [])
  }

  /** Begins a read with the first of its nodes. The result is `undefined` when the function of the policy failed. */
  begin(shard: Shard, route: ReadRoute, command: string, slot: number): ReadNode | undefined {
    const { policy } = route
    const nodes = this.of(shard)
    const candidates = policy.maxLag === undefined ? nodes.all : this.fresh(nodes.all, policy.maxLag)
    const { options, random } = this.network
    const read: Read = { command, slot, turn: nodes.turn++, zone: options.availabilityZone, random }
    const order = ordered(policy.order, candidates, read)
    return order === undefined ? undefined : route.begin(order, nodes.all[0])
  }

  statistics(snapshot: Snapshot): ReadonlyArray<ShardReads> {
    return snapshot.shards.map((shard) => ({
      primary: shard.primary,
      nodes: new Map(
        nodesOf(shard).map((node) => [node, { ...this.countersOf(node) }] as const)
      )
    }))
  }

  /** Forgets the counters of nodes that have left. */
  retain(snapshot: Snapshot): void {
    for (const address of this.counters.keys()) if (!snapshot.nodes.has(address)) this.counters.delete(address)
  }

  private countersOf(node: ClusterNode): ReadCounters {
    const known = this.counters.get(node.address)
    if (known !== undefined) return known
    const counters = new ReadCounters()
    this.counters.set(node.address, counters)
    return counters
  }

  private fresh(nodes: ReadonlyArray<ReadNode>, maxLag: number): ReadonlyArray<ReadNode> {
    const since = monotonicMillis(this.network.clock) - maxLag
    return nodes.filter(({ freshUntil, role }) => role === "primary" || freshUntil >= since)
  }
}

/** Whether the list holds given candidates only, each once. */
const isOrderOf = (
  chosen: ReadonlyArray<Candidate>,
  candidates: ReadonlyArray<ReadNode>
): chosen is ReadonlyArray<ReadNode> => {
  if (chosen === candidates) return true
  if (!Array.isArray(chosen)) return false
  for (let i = 0; i < chosen.length; i++) {
    const candidate = chosen[i]
    if (!(candidate instanceof ReadNode) || !candidates.includes(candidate)) return false
    if (chosen.indexOf(candidate) !== i) return false
  }
  return true
}

/** Calls the function of a policy, which may be the function of a program. */
const ordered = (
  order: Order,
  candidates: ReadonlyArray<ReadNode>,
  read: Read
): ReadonlyArray<ReadNode> | undefined => {
  try {
    const chosen = order(candidates, read)
    return isOrderOf(chosen, candidates) ? chosen : undefined
  } catch {
    return undefined
  }
}
