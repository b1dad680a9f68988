/** The facts about a cluster that its pictures show. */
import { type ClusterNode, type HealthReport, type NodeHealth, Snapshot } from "../../index.ts"
import { slotRange } from "../output/text.ts"

export interface ShownShard {
  /** The letter of the shard in pictures. */
  readonly mark: string
  readonly ranges: ReadonlyArray<Snapshot.SlotRange>
  /** The number of its slots. */
  readonly slots: number
  readonly primary: ClusterNode
  readonly replicas: ReadonlyArray<ClusterNode>
}

export interface Facts {
  readonly shards: ReadonlyArray<ShownShard>
  /** The position in `shards` of the owner of each slot. */
  readonly owners: ReadonlyArray<number | undefined>
  /** The nodes that serve no slots. */
  readonly idle: ReadonlyArray<ClusterNode>
  readonly coveredSlots: number
  /** The health of a node as this client sees it; `undefined` while it has not been asked. */
  readonly healthOf: (node: ClusterNode) => NodeHealth | undefined
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

const firstSlot = ({ ranges }: ShownShard): number => ranges[0]?.start ?? 0

export const of = (snapshot: Snapshot.Snapshot, report?: HealthReport): Facts => {
  const health = new Map((report?.nodes ?? []).map((node) => [node.node.address, node]))
  const shards = snapshot.shards
    .map((shard) => {
      const ranges = Snapshot.rangesOf(snapshot, shard)
      return {
        shard,
        mark: "",
        ranges,
        slots: ranges.reduce((sum, { end, start }) => sum + end - start + 1, 0),
        primary: shard.primary,
        replicas: shard.replicas
      }
    })
    .toSorted((one, other) => firstSlot(one) - firstSlot(other))
  const positions = new Map(shards.map(({ shard }, i) => [shard, i]))
  const serving = new Set([...snapshot.primaries, ...snapshot.replicas])
  return {
    shards: shards.map(({ primary, ranges, replicas, slots }, i) => ({
      mark: letters[i % letters.length],
      ranges,
      slots,
      primary,
      replicas
    })),
    owners: snapshot.slots.map((shard) => shard === undefined ? undefined : positions.get(shard)),
    idle: [...snapshot.nodes.values()].filter((node) => !serving.has(node)),
    coveredSlots: Snapshot.coveredSlots(snapshot),
    healthOf: (node) => health.get(node.address)
  }
}

/** Ranges of slots in words: `0-5460 10923`. */
export const rangeText = (ranges: ReadonlyArray<Snapshot.SlotRange>): string =>
  ranges.map(({ end, start }) => slotRange(start, end)).join(" ")

/** The health of a node in a word; a node that did not answer is down, whatever the others say of it. */
export const healthWord = (facts: Facts, node: ClusterNode): "online" | "loading" | "fail" | "down" | "unknown" => {
  const seen = facts.healthOf(node)
  if (seen?.isUp === false) return "down"
  return node.health ?? (seen === undefined ? "unknown" : "online")
}
