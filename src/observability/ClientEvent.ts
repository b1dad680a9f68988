/**
 * The events of a client and its cluster.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { GapReason } from "../pubsub/SubscriptionEvent.ts"
import type { Shard, SlotRange, Snapshot } from "../topology/Snapshot.ts"

/**
 * A node is connected: for the first time, or again after it was down.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeUp {
  readonly _tag: "NodeUp"
  /** `host:port`. */
  readonly node: string
  /** Whether it had been down. */
  readonly recovered: boolean
}

/**
 * An attempt to connect to a node has failed. The event comes once, however many attempts follow, until the node is up
 * again.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeDown {
  readonly _tag: "NodeDown"
  /** `host:port`. */
  readonly node: string
  readonly reason: string
}

/**
 * A node has joined the cluster, by a new snapshot of the topology.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeAdded {
  readonly _tag: "NodeAdded"
  readonly node: ClusterNode
}

/**
 * A node has left the cluster, by a new snapshot of the topology.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeRemoved {
  readonly _tag: "NodeRemoved"
  readonly node: ClusterNode
}

/**
 * A replica has become the primary of its shard.
 *
 * @category models
 * @since 0.1.0
 */
export interface Promoted {
  readonly _tag: "Promoted"
  readonly node: ClusterNode
  /** The former primary. */
  readonly previous: ClusterNode
}

/**
 * Slots have another owner that is not a promoted replica of the former one.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlotsMoved {
  readonly _tag: "SlotsMoved"
  readonly slots: ReadonlyArray<SlotRange>
  /** `undefined` for slots that had no owner. */
  readonly from: ClusterNode | undefined
  /** `undefined` for slots that have no owner now. */
  readonly to: ClusterNode | undefined
}

/**
 * No node of the known cluster answered, and another cluster, with other nodes, took its place; or the client went
 * back to the known cluster.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterReplaced {
  readonly _tag: "ClusterReplaced"
  /** The nodes that were left. */
  readonly previous: ReadonlyArray<ClusterNode>
  /** The nodes that are used now. */
  readonly nodes: ReadonlyArray<ClusterNode>
}

/**
 * The topology was fetched again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refreshed {
  readonly _tag: "Refreshed"
  /** The version of the snapshot. It does not change when the answer brings nothing new. */
  readonly version: number
}

/**
 * No node could report the topology; the known one stays in use.
 *
 * @category models
 * @since 0.1.0
 */
export interface RefreshFailed {
  readonly _tag: "RefreshFailed"
  readonly reason: string
}

/**
 * Subscriptions may have missed messages. One event stands for all subscriptions that a loss concerns.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessagesMissed {
  readonly _tag: "MessagesMissed"
  readonly reason: GapReason
  /**
   * The time since when messages may have been missed, in milliseconds since 1970: the earliest of all subscriptions.
   */
  readonly from: number
  /** The number of subscriptions that may have missed messages. */
  readonly subscriptions: number
}

/**
 * There are new credentials, and open connections log in with them.
 *
 * @category models
 * @since 0.1.0
 */
export interface CredentialsRotated {
  readonly _tag: "CredentialsRotated"
}

/**
 * The stream of credentials has failed, or ended before it brought any. The client runs it again; the present
 * credentials stay in use until the servers refuse them. The event comes once until credentials come again.
 *
 * @category models
 * @since 0.1.0
 */
export interface CredentialsFailed {
  readonly _tag: "CredentialsFailed"
  /** The kind of the failure, without the message of the error, which may quote a secret. */
  readonly reason: string
}

/**
 * A node reports the changes of keys from now on, so that what is read of it may be cached. The event comes again for each new socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheArmed {
  readonly _tag: "CacheArmed"
  /** `host:port`. */
  readonly node: string
}

/**
 * All cached replies of a node are dropped, because its changes may have gone unreported.
 *
 * - `disconnected`: the connection is lost
 * - `flushed`: the server has forgotten which keys were read, after FLUSHALL for example
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheFlushed {
  readonly _tag: "CacheFlushed"
  /** `host:port`. */
  readonly node: string
  readonly reason: "disconnected" | "flushed"
}

/**
 * A node refuses to report the changes of keys, so that nothing is cached of its slots. The event comes once, until the node reports
 * changes again.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheRefused {
  readonly _tag: "CacheRefused"
  /** `host:port`. */
  readonly node: string
  readonly reason: string
}

/**
 * An event of the client or of its cluster, as the stream `redis.events` gives it. `_tag` says which.
 *
 * @category models
 * @since 0.1.0
 */
export type ClientEvent =
  | NodeUp
  | NodeDown
  | NodeAdded
  | NodeRemoved
  | Promoted
  | SlotsMoved
  | ClusterReplaced
  | Refreshed
  | RefreshFailed
  | MessagesMissed
  | CredentialsRotated
  | CredentialsFailed
  | CacheArmed
  | CacheRefused
  | CacheFlushed

interface Move {
  readonly from: ClusterNode | undefined
  readonly to: ClusterNode | undefined
  readonly slots: Array<{ readonly start: number; end: number }>
}

/**
 * Whether a replica has taken the place of its primary: it was listed as a replica, or roles were swapped between the
 * snapshots. Servers leave out a replica that they believe to have failed, so that the list alone is not enough.
 */
const isPromotion = (before: Shard, to: ClusterNode, previous: Snapshot, next: Snapshot): boolean =>
  before.replicas.some(({ address }) => address === to.address) ||
  (previous.nodes.get(to.address)?.role !== "primary" && next.nodes.get(before.primary.address)?.role !== "primary")

const idsOf = (nodes: Iterable<ClusterNode>): ReadonlySet<string> => {
  const ids = new Set<string>()
  for (const { id } of nodes) if (id !== "") ids.add(id)
  return ids
}

/** The event for a cluster that has taken the place of another: they have no node in common. */
const replacement = (previous: Snapshot, next: Snapshot): ReadonlyArray<ClusterReplaced> => {
  const [before, after] = [previous, next].map(({ nodes }) => idsOf(nodes.values()))
  if (before.size === 0 || after.size === 0 || [...after].some((id) => before.has(id))) return []
  return [{ _tag: "ClusterReplaced", previous: [...previous.nodes.values()], nodes: [...next.nodes.values()] }]
}

/** The events between two snapshots. */
export const between = (previous: Snapshot, next: Snapshot): ReadonlyArray<ClientEvent> => {
  const events: Array<ClientEvent> = [...replacement(previous, next)]
  for (const [address, node] of next.nodes) if (!previous.nodes.has(address)) events.push({ _tag: "NodeAdded", node })
  const promoted = new Set<string>()
  const moves = new Map<string, Move>()
  for (let slot = 0; slot < next.slots.length; slot++) {
    const before = previous.slots[slot]
    const from = before?.primary
    const to = next.slots[slot]?.primary
    if (from?.address === to?.address) continue
    if (before !== undefined && from !== undefined && to !== undefined && isPromotion(before, to, previous, next)) {
      if (!promoted.has(to.address)) events.push({ _tag: "Promoted", node: to, previous: from })
      promoted.add(to.address)
      continue
    }
    const key = `${from?.address} ${to?.address}`
    const move = moves.get(key) ?? { from, to, slots: [] }
    moves.set(key, move)
    const last = move.slots.at(-1)
    if (last?.end === slot - 1) last.end = slot
    else move.slots.push({ start: slot, end: slot })
  }
  for (const move of moves.values()) events.push({ _tag: "SlotsMoved", ...move })
  for (const [address, node] of previous.nodes) {
    if (!next.nodes.has(address)) events.push({ _tag: "NodeRemoved", node })
  }
  return events
}
