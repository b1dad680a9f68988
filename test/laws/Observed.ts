/**
 * What the laws are judged by: a client under test, and what the servers themselves counted meanwhile.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import * as HashSlot from "../../src/topology/HashSlot.ts"
import type { HarnessError } from "../harness/HarnessError.ts"
import { RedisCluster, type RedisClusterShape, type RedisNode } from "../harness/RedisCluster.ts"

/** A client that closes with the scope; of a cluster in memory when that is the one at hand. */
export const connect = Effect.fnUntraced(function*(
  options: ClusterOptions
): Effect.fn.Return<ClusterClientShape, RedisClusterException, Scope.Scope> {
  const stream = Option.getOrUndefined(yield* Effect.serviceOption(RedisCluster))?.stream
  const context = yield* Layer.build(ClusterClient.layer({ ...options, stream: options.stream ?? stream }))
  return Context.get(context, ClusterClient)
})

/** Sets the statistics of every node to zero. */
export const resetCounts = (cluster: RedisClusterShape): Effect.Effect<void, HarnessError> =>
  Effect.forEach(cluster.nodes, (node) => cluster.command(node, "CONFIG", "RESETSTAT"), { discard: true })

const sum = (
  nodes: ReadonlyArray<RedisNode>,
  cluster: RedisClusterShape,
  section: string,
  pattern: RegExp
): Effect.Effect<number, HarnessError> =>
  Effect.map(
    Effect.forEach(nodes, (node) => cluster.command(node, "INFO", section)),
    (infos) => infos.reduce((total: number, info) => total + Number(pattern.exec(String(info))?.[1] ?? 0), 0)
  )

/** How many CLUSTER SLOTS the running nodes answered. */
export const topologyCalls = (cluster: RedisClusterShape): Effect.Effect<number, HarnessError> =>
  sum(cluster.nodes.filter((node) => node.pid > 0), cluster, "commandstats", /cmdstat_cluster\|slots:calls=(\d+)/)

/** How many error replies of a kind (`MOVED`, `ASK`, `TRYAGAIN`) the running nodes gave. */
export const errorReplies = (cluster: RedisClusterShape, code: string): Effect.Effect<number, HarnessError> =>
  sum(
    cluster.nodes.filter((node) => node.pid > 0),
    cluster,
    "errorstats",
    new RegExp(`errorstat_${code}:count=(\\d+)`)
  )

/** A node by what the client calls it. */
export const addressOf = (node: RedisNode): string => `${node.host}:${node.port}`

/** A hash tag whose slot passes the test: `{tag}` in front of a key puts it there. */
export const tagWhere = (test: (slot: number) => boolean): string => {
  let index = 0
  while (!test(HashSlot.ofKey(`tag${index}`))) index++
  return `tag${index}`
}
