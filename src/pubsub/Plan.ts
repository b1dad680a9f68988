/**
 * The nodes that hold each subscription: a pure decision about wishes and the map.
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { ofKey } from "../cluster/HashSlot.ts"
import { find, type Shard, type Snapshot } from "../topology/Snapshot.ts"
import type { Wish } from "./Wish.ts"

/**
 * The facts from which a plan is made.
 */
export interface Facts {
  readonly snapshot: Snapshot
  /** Whether the node at an address does not take subscriptions at this moment. */
  readonly isDown: (address: string) => boolean
}

/** The first node that is up, counted from a position that spreads the slots over the nodes. */
const spread = (nodes: ReadonlyArray<ClusterNode>, slot: number, facts: Facts): ClusterNode | undefined => {
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[(slot + i) % nodes.length]
    if (!facts.isDown(node.address)) return node
  }
  return undefined
}

/** The place of a shard channel: the owner, even when it is down, because no other node gets the messages. */
const placeOfShardChannel = (wish: Wish, facts: Facts, held: string | undefined): string | undefined => {
  const shard = facts.snapshot.slots[wish.slot]
  // The slot has no owner at the moment; the subscription stays where it is.
  if (shard === undefined) return held
  if (wish.placement !== "replica") return shard.primary.address
  const stays = held !== undefined && !facts.isDown(held) && shard.replicas.some((one) => one.address === held)
  return stays ? held : (spread(shard.replicas, wish.slot, facts) ?? shard.primary).address
}

/** The place of a channel or a pattern: its present node while that is up, or else the owner or any node that is up. */
const placeOfChannel = (wish: Wish, facts: Facts, held: string | undefined): string | undefined => {
  const { nodes, primaries, replicas, slots } = facts.snapshot
  if (held !== undefined && nodes.has(held) && !facts.isDown(held)) return held
  const shard = slots[wish.slot]
  const first = shard === undefined ? [] : wish.placement === "replica" ? shard.replicas : [shard.primary]
  const node = spread(first, wish.slot, facts) ?? spread(primaries, wish.slot, facts) ??
    spread(replicas, wish.slot, facts) ?? shard?.primary
  return node?.address ?? held
}

/**
 * The addresses of the nodes that have to hold a subscription; none when there is no such node now. `held` are the
 * nodes that hold it, or are about to.
 */
export const placesOf = (wish: Wish, facts: Facts, held: ReadonlyArray<string>): ReadonlyArray<string> => {
  const { placement } = wish
  if (placement === "everyPrimary") return facts.snapshot.primaries.map((node) => node.address)
  if (typeof placement !== "string") {
    const node = find(facts.snapshot, placement)
    return node === undefined ? [] : [node.address]
  }
  const address = wish.kind === "shardChannel"
    ? placeOfShardChannel(wish, facts, held[0])
    : placeOfChannel(wish, facts, held[0])
  return address === undefined ? [] : [address]
}

/** The present snapshot, and the last one that a refresh brought before it. */
export interface Snapshots {
  readonly before: Snapshot
  readonly now: Snapshot
}

/**
 * Whether a message that one node has delivered may come from another one later. Messages of classic channels travel to
 * all nodes, those of shard channels to the nodes of the shard, and the notifications of a node to no other node.
 */
export const sharesMessages = (wish: Wish, snapshots: Snapshots, one: string, other: string): boolean => {
  if (wish.placement === "everyPrimary") return false
  return wish.kind !== "shardChannel" || !areApart(snapshots, one, other)
}

/**
 * Whether it is certain that two nodes belong to different shards, and did so when messages left the first one.
 *
 * In the course of a failover other nodes see the former primary without slots and without a shard, and a redirect may name
 * a node as owner that the client knows as a replica of another shard, or not at all. Neither shows that the two have
 * shared nothing.
 */
const areApart = ({ before, now }: Snapshots, one: string, other: string): boolean => {
  const isListed = (address: string) => (now.nodes.get(address)?.id ?? "") !== ""
  const wasPromoted = before.nodes.get(other)?.role !== now.nodes.get(other)?.role
  return isListed(one) && isListed(other) && !wasPromoted &&
    [before, now].every((snapshot) => {
      const shards = [shardOf(snapshot, one), shardOf(snapshot, other)]
      return shards[0] !== undefined && shards[1] !== undefined && shards[0] !== shards[1]
    })
}

const shardOf = (snapshot: Snapshot, address: string): Shard | undefined =>
  snapshot.shards.find((shard) =>
    shard.primary.address === address || shard.replicas.some((replica) => replica.address === address)
  )

/**
 * The name of a shard channel that a node serves, made from a prefix; `undefined` when the node serves no slot.
 */
export const markAt = (snapshot: Snapshot, address: string, prefix: string): string | undefined => {
  const shard = shardOf(snapshot, address)
  if (shard === undefined) return undefined
  // For a shard with one slot, one name in 16384 matches.
  for (let i = 0; i < 200_000; i++) {
    const name = `${prefix}:${i}`
    if (snapshot.slots[ofKey(name)] === shard) return name
  }
  return undefined
}
