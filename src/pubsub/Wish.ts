/**
 * One subscription that a stream asks for: the name, and where it is to be held. Pure.
 *
 * @internal
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
 * Where a subscription is held.
 *
 * - `owner`: at the primary that owns the slot of the channel, or of the pattern taken as a key. Shard channels have to follow
 *   it; others stay where they are for as long as that node serves.
 * - `replica`: at a replica of that primary, while there is one that serves
 * - an endpoint: at that node, and at no other one
 * - `everyPrimary`: at all of them, for messages that nodes send their own clients only
 */
export type Placement = "owner" | "replica" | "everyPrimary" | Endpoint

/** A step that a node has to take before it is subscribed to, on each new connection. */
export interface Preparation {
  /** Two preparations with one key do the same. */
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

/** Wishes with one key are served by one subscription. */
export const keyOf = ({ kind, name, placement, preparation }: Wish): string =>
  [kind, typeof placement === "string" ? placement : addressOf(placement), preparation?.key ?? "", name].join(" ")
