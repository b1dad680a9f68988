/**
 * The facts by which the laws are judged: a client under test, and the counts of the servers meanwhile.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import type { HarnessError } from "./HarnessError.ts"
import { RedisCluster, type RedisClusterShape, type RedisNode } from "./RedisCluster.ts"

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

const running = (cluster: RedisClusterShape): ReadonlyArray<RedisNode> => cluster.nodes.filter((node) => node.pid > 0)

/** A section of INFO of the running nodes, or of certain nodes. */
const infoOf = (
  cluster: RedisClusterShape,
  section: string,
  nodes = running(cluster)
): Effect.Effect<ReadonlyArray<string>, HarnessError> =>
  Effect.forEach(nodes, (node) => Effect.map(cluster.command(node, "INFO", section), String))

const total = (counts: ReadonlyArray<number>): number => counts.reduce((sum, count) => sum + count, 0)

/** How many calls of a command (`get`, `script|load`) each of the nodes was sent, executed or refused. */
export const callsAt = (
  cluster: RedisClusterShape,
  nodes: ReadonlyArray<RedisNode>,
  name: string
): Effect.Effect<ReadonlyArray<number>, HarnessError> => {
  const stats = new RegExp(`cmdstat_${name.replace("|", "\\|")}:calls=(\\d+).*rejected_calls=(\\d+)`)
  return Effect.map(infoOf(cluster, "commandstats", nodes), (infos) =>
    infos.map((info) => {
      const [, executed = 0, refused = 0] = stats.exec(info) ?? []
      return Number(executed) + Number(refused)
    }))
}

/** How many the running nodes, or certain ones, were sent together. */
export const calls = (
  cluster: RedisClusterShape,
  name: string,
  nodes: ReadonlyArray<RedisNode> = running(cluster)
): Effect.Effect<number, HarnessError> => Effect.map(callsAt(cluster, nodes, name), total)

/** How many CLUSTER SLOTS the running nodes were sent. */
export const topologyCalls = (cluster: RedisClusterShape): Effect.Effect<number, HarnessError> =>
  calls(cluster, "cluster|slots")

const sumOf = (infos: ReadonlyArray<string>, pattern: RegExp): number =>
  total(infos.map((info) => Number(pattern.exec(info)?.[1] ?? 0)))

/** How many error replies of a kind (`MOVED`, `ASK`, `TRYAGAIN`) the running nodes gave. */
export const errorReplies = (cluster: RedisClusterShape, code: string): Effect.Effect<number, HarnessError> =>
  Effect.map(infoOf(cluster, "errorstats"), (infos) => sumOf(infos, new RegExp(`errorstat_${code}:count=(\\d+)`)))

/** How many clients the running nodes hold back. */
export const blockedClients = (cluster: RedisClusterShape): Effect.Effect<number, HarnessError> =>
  Effect.map(infoOf(cluster, "clients"), (infos) => sumOf(infos, /blocked_clients:(\d+)/))

/** How many connections of clients of this name the running nodes have. */
export const connectionsNamed = (cluster: RedisClusterShape, name: string): Effect.Effect<number, HarnessError> =>
  Effect.map(
    Effect.forEach(running(cluster), (node) => cluster.command(node, "CLIENT", "LIST")),
    (lists) => lists.join("\n").split(`name=${name} `).length - 1
  )

/** A node by what the client calls it. */
export const addressOf = (node: RedisNode): string => `${node.host}:${node.port}`

/** A hash tag whose slot passes the test: `{tag}` in front of a key puts it there. */
export const tagWhere = (test: (slot: number) => boolean): string => {
  let index = 0
  while (!test(HashSlot.ofKey(`tag${index}`))) index++
  return `tag${index}`
}
