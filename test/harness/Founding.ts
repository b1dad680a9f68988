/**
 * The `nodes.conf` with which the servers of a new cluster start: all of them know each other, and nothing has to be met
 * or waited for.
 *
 * A server that starts as a primary refuses commands for two seconds, in case that the cluster has changed meanwhile. A
 * server that becomes a primary does not. So a new shard has an ancestor, which owns the slots and which no process is;
 * all nodes of the shard start as its replicas, the first of them takes over, and all forget the ancestor.
 */
import { randomBytes } from "node:crypto"

const slotCount = 16384

/** A node of the cluster to be. */
export interface Founder {
  readonly id: string
  readonly port: number
  /** The number of its shard. */
  readonly shard: number
}

export interface Founding {
  /** In the order of starting: the first node of each shard, then their replicas. */
  readonly founders: ReadonlyArray<Founder>
  /** The ids of the primaries that do not exist, one a shard. */
  readonly ancestors: ReadonlyArray<string>
  /** The file of one of the founders. */
  readonly fileOf: (founder: Founder) => string
}

const newId = () => randomBytes(20).toString("hex")

/** A cluster of so many shards, whose nodes listen on these ports. */
export const make = (
  ports: ReadonlyArray<number>,
  shardCount: number,
  options: {
    /** Whether the servers write the id of its shard behind the address of a node: Redis 7.0 does not. */
    readonly knowsShardIds: boolean
  }
): Founding => {
  const shards = Array.from({ length: shardCount }, (_, index) => ({
    ancestor: newId(),
    suffix: options.knowsShardIds ? `,,shard-id=${newId()}` : "",
    slots: `${Math.floor(index * slotCount / shardCount)}-${Math.floor((index + 1) * slotCount / shardCount) - 1}`
  }))
  const founders = ports.map((port, index): Founder => ({ id: newId(), port, shard: index % shardCount }))
  // Nobody listens on port 1: an ancestor is never heard of.
  const ancestors = shards.map(({ ancestor, slots, suffix }) =>
    `${ancestor} 127.0.0.1:1@1${suffix} master - 0 0 0 connected ${slots}`
  )
  const fileOf = (self: Founder) =>
    [
      ...founders.map((founder) => {
        const { ancestor, suffix } = shards[founder.shard]
        const role = founder === self ? "myself,slave" : "slave"
        return `${founder.id} 127.0.0.1:${founder.port}@${
          founder.port + 10_000
        }${suffix} ${role} ${ancestor} 0 0 0 connected`
      }),
      ...ancestors,
      "vars currentEpoch 0 lastVoteEpoch 0",
      ""
    ].join("\n")
  return { founders, ancestors: shards.map(({ ancestor }) => ancestor), fileOf }
}
