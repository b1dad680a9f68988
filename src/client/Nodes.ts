/**
 * The nodes of the cluster, and who owns what.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Endpoint } from "../cluster/Endpoint.ts"
import * as HashSlot from "../cluster/HashSlot.ts"
import type { Argument } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { refuse } from "../routing/Rejections.ts"
import type { Snapshot } from "../topology/Snapshot.ts"
import { nodeAt, type Topology } from "../topology/Topology.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface NodeMembers {
  /** Who owns what at this moment. */
  readonly topology: Effect.Effect<Snapshot>
  /** The topology of this moment, then every change of it. */
  readonly topologyChanges: Stream.Stream<Snapshot>
  /** Fetches the topology now. It refreshes by itself; this is for those who know more. */
  readonly refreshTopology: Effect.Effect<Snapshot, RedisClusterException>
  readonly nodes: Effect.Effect<ReadonlyArray<ClusterNode>>
  readonly primaries: Effect.Effect<ReadonlyArray<ClusterNode>>
  readonly replicas: Effect.Effect<ReadonlyArray<ClusterNode>>
  /** Any node of the cluster. */
  readonly randomNode: Effect.Effect<ClusterNode>
  /** The node at a host and port; fails with `UnknownNodeError` when there is none. */
  readonly nodeAt: (endpoint: Endpoint) => Effect.Effect<ClusterNode, RedisClusterException>
  /** The primary that owns the slot of a key; `undefined` when no node does. */
  readonly ownerOf: (key: Argument) => Effect.Effect<ClusterNode | undefined>
  /** The slot of a key. */
  readonly slotOf: (key: Argument) => number
  /** The node for commands that any node can answer: a random primary, unless it was set. */
  readonly defaultNode: Effect.Effect<ClusterNode>
  readonly setDefaultNode: (endpoint: Endpoint) => Effect.Effect<void, RedisClusterException>
}

/** Without a node there is no client: the first topology has at least one primary, and later ones are refused without. */
const anyOf = (nodes: ReadonlyArray<ClusterNode>): ClusterNode => nodes[Math.floor(Math.random() * nodes.length)]

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (topology: Topology["Service"]): NodeMembers => {
  const lookUp = (endpoint: Endpoint): Effect.Effect<ClusterNode, RedisClusterException> =>
    Effect.suspend(() => {
      const node = nodeAt(topology.current(), endpoint)
      return Result.isSuccess(node) ? Effect.succeed(node.success) : refuse(node.failure)
    })

  return {
    topology: Effect.sync(topology.current),
    topologyChanges: topology.changes,
    refreshTopology: topology.refresh,
    nodes: Effect.sync(() => [...topology.current().nodes.values()]),
    primaries: Effect.sync(() => topology.current().primaries),
    replicas: Effect.sync(() => topology.current().replicas),
    randomNode: Effect.sync(() => anyOf([...topology.current().nodes.values()])),
    nodeAt: lookUp,
    ownerOf: (key) => Effect.sync(() => topology.current().slots[HashSlot.ofKey(key)]?.primary),
    slotOf: HashSlot.ofKey,
    defaultNode: Effect.sync(() => topology.defaultNode() ?? anyOf(topology.current().primaries)),
    setDefaultNode: (endpoint) => Effect.map(lookUp(endpoint), topology.setDefaultNode)
  }
}
