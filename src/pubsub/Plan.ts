/**
 * Which node holds which subscription: a decision about what is wanted and what is known, pure.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import { ofKey } from "../cluster/HashSlot.ts"
import { find, type Shard, type Snapshot } from "../topology/Snapshot.ts"

/**
 * What is subscribed to. A message to a classic channel reaches every node of the cluster, so that any of them can hold a
 * subscription to a channel or a pattern; a message to a shard channel reaches the shard that owns the slot.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "channel" | "pattern" | "shardChannel"

/**
 * Where a subscription shall be held.
 *
 * - `owner`: at the primary that owns the slot of the channel, or of the pattern taken as a key. Shard channels have to follow
 *   it; others stay where they are for as long as that node serves.
 * - `replica`: the same with a replica of that primary, while there is one that serves
 * - an endpoint: at that node, and at no other one
 * - `everyPrimary`: at all of them, for what nodes tell their own clients only
 *
 * @category models
 * @since 0.1.0
 */
export type Placement = "owner" | "replica" | "everyPrimary" | Endpoint

/**
 * A wish for one subscription.
 *
 * @category models
 * @since 0.1.0
 */
export interface Desire {
  readonly kind: Kind
  readonly name: string
  /** The slot of the name. */
  readonly slot: number
  readonly place: Placement
}

/**
 * What a plan is made from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  readonly snapshot: Snapshot
  /** Whether the node at an address does not take subscriptions at this moment. */
  readonly isDown: (address: string) => boolean
}

/**
 * The same wish has the same key.
 *
 * @category accessors
 * @since 0.1.0
 */
export const keyOf = ({ kind, name, place }: Desire): string =>
  `${kind} ${typeof place === "string" ? place : addressOf(place)} ${name}`

/** The first of the nodes that serves, beginning at a place that spreads the slots over them. */
const spread = (nodes: ReadonlyArray<ClusterNode>, slot: number, facts: Facts): ClusterNode | undefined => {
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[(slot + i) % nodes.length]
    if (!facts.isDown(node.address)) return node
  }
  return undefined
}

/** Of a shard channel: the owner, also when it is down, for no other node gets its messages. */
const placeOfShardChannel = (desire: Desire, facts: Facts, held: string | undefined): string | undefined => {
  const shard = facts.snapshot.slots[desire.slot]
  // Who owns the slot is being decided; what is held may well stay.
  if (shard === undefined) return held
  if (desire.place !== "replica") return shard.primary.address
  const stays = held !== undefined && !facts.isDown(held) && shard.replicas.some((one) => one.address === held)
  return stays ? held : (spread(shard.replicas, desire.slot, facts) ?? shard.primary).address
}

/** Of a channel or a pattern: where it is, while that node serves, or else any node that does, the owner first. */
const placeOfChannel = (desire: Desire, facts: Facts, held: string | undefined): string | undefined => {
  const { nodes, primaries, replicas, slots } = facts.snapshot
  if (held !== undefined && nodes.has(held) && !facts.isDown(held)) return held
  const shard = slots[desire.slot]
  const first = shard === undefined ? [] : desire.place === "replica" ? shard.replicas : [shard.primary]
  const node = spread(first, desire.slot, facts) ?? spread(primaries, desire.slot, facts) ??
    spread(replicas, desire.slot, facts) ?? shard?.primary
  return node?.address ?? held
}

/**
 * The addresses of the nodes that have to hold a subscription; none when there is no such node now. `held` are those that
 * do, or are about to.
 *
 * @category combinators
 * @since 0.1.0
 */
export const placesOf = (desire: Desire, facts: Facts, held: ReadonlyArray<string>): ReadonlyArray<string> => {
  const { place } = desire
  if (place === "everyPrimary") return facts.snapshot.primaries.map((node) => node.address)
  if (typeof place !== "string") {
    const node = find(facts.snapshot, place)
    return node === undefined ? [] : [node.address]
  }
  const address = desire.kind === "shardChannel"
    ? placeOfShardChannel(desire, facts, held[0])
    : placeOfChannel(desire, facts, held[0])
  return address === undefined ? [] : [address]
}

/**
 * Whether a message that one node has delivered may reach another one as well: those of classic channels travel to all nodes,
 * those of shard channels to the nodes of a shard, and what nodes tell of themselves to none.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sharesMessages = (desire: Desire, snapshot: Snapshot, one: string, other: string): boolean => {
  if (desire.place === "everyPrimary") return false
  if (desire.kind !== "shardChannel") return true
  // A node that is not listed, or that only a redirect has named, may be of any shard.
  const isListed = (address: string) => (snapshot.nodes.get(address)?.id ?? "") !== ""
  return !isListed(one) || !isListed(other) || shardOf(snapshot, one) === shardOf(snapshot, other)
}

const shardOf = (snapshot: Snapshot, address: string): Shard | undefined =>
  snapshot.shards.find((shard) =>
    shard.primary.address === address || shard.replicas.some((replica) => replica.address === address)
  )

/**
 * The name of a shard channel that a node serves, made from a prefix; `undefined` when it serves none.
 *
 * @category combinators
 * @since 0.1.0
 */
export const markAt = (snapshot: Snapshot, address: string, prefix: string): string | undefined => {
  const shard = shardOf(snapshot, address)
  if (shard === undefined) return undefined
  // Of a shard with one slot a name in 16384 is.
  for (let i = 0; i < 200_000; i++) {
    const name = `${prefix}:${i}`
    if (snapshot.slots[ofKey(name)] === shard) return name
  }
  return undefined
}
