/**
 * One subscription that a stream wants: its name, and the node that is to hold it. Pure.
 */
import type * as Effect from "effect/Effect"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"

/**
 * The kinds of names. A message to a classic channel reaches every node of the cluster, so that any of them can hold a
 * subscription to a channel or a pattern; a message to a shard channel reaches the shard that owns the slot.
 */
export type Kind = "channel" | "pattern" | "shardChannel"

/**
 * The place of a subscription.
 *
 * - `owner`: at the primary that owns the slot of the channel, or of the pattern taken as a key. Shard channels follow
 *   the slot; other channels stay at their node for as long as it serves.
 * - `replica`: at a replica of that primary, while there is one that serves
 * - an endpoint: at that node, and at no other
 * - `everyPrimary`: at all primaries, for messages that a node sends to its own clients only
 */
export type Placement = "owner" | "replica" | "everyPrimary" | Endpoint

/** A step that a node has to take before it is subscribed to, on each new connection. */
export interface Preparation {
  /** The identity of the preparation: two preparations with one key are interchangeable. */
  readonly key: string
  readonly run: (node: ClusterNode) => Effect.Effect<void, RedisClusterException>
}

/** A wish for one subscription. */
export interface Wish {
  readonly kind: Kind
  readonly name: string
  /** The slot of the name. */
  readonly slot: number
  readonly placement: Placement
  readonly preparation?: Preparation | undefined
}

/** The key of a wish: one subscription serves all wishes with one key. */
export const keyOf = ({ kind, name, placement, preparation }: Wish): string =>
  [kind, typeof placement === "string" ? placement : addressOf(placement), preparation?.key ?? "", name].join(" ")
