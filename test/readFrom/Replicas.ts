/**
 * What the tests of reads from replicas look at: how many commands each server was sent.
 */
import * as Effect from "effect/Effect"
import type { HarnessError } from "../harness/HarnessError.ts"
import type { RedisClusterShape, RedisNode } from "../harness/RedisCluster.ts"

/** How many commands of a name a node executed or refused. */
export const callsAt = (
  cluster: RedisClusterShape,
  node: RedisNode,
  name: string
): Effect.Effect<number, HarnessError> =>
  Effect.map(cluster.command(node, "INFO", "commandstats"), (info) => {
    const stats = new RegExp(`cmdstat_${name}:calls=(\\d+).*rejected_calls=(\\d+)`).exec(String(info))
    return Number(stats?.[1] ?? 0) + Number(stats?.[2] ?? 0)
  })

/** The same of several nodes. */
export const calls = (
  cluster: RedisClusterShape,
  nodes: ReadonlyArray<RedisNode>,
  name: string
): Effect.Effect<ReadonlyArray<number>, HarnessError> => Effect.forEach(nodes, (node) => callsAt(cluster, node, name))
