/**
 * What the servers know of a client's connections.
 */
import * as Effect from "effect/Effect"
import type { RedisClusterShape, RedisNode } from "../harness/RedisCluster.ts"

export const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index)

/** Asks again until the answer is the one expected; the last answer otherwise. */
export const settled = <A, E, R>(expected: A, ask: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    for (let attempt = 0; attempt < 500; attempt++) {
      const answer = yield* ask
      if (answer === expected) return answer
      yield* Effect.sleep("10 millis")
    }
    return yield* ask
  })

const running = (cluster: RedisClusterShape): ReadonlyArray<RedisNode> => cluster.nodes.filter((node) => node.pid > 0)

/** How many connections of a client name the running nodes have. */
export const connectionsOf = (cluster: RedisClusterShape, name: string) =>
  Effect.map(
    Effect.forEach(running(cluster), (node) => cluster.command(node, "CLIENT", "LIST")),
    (lists) => lists.join("\n").split(`name=${name} `).length - 1
  )

/** How many clients the running nodes hold back. */
export const blockedClients = (cluster: RedisClusterShape) =>
  Effect.map(
    Effect.forEach(running(cluster), (node) => cluster.command(node, "INFO", "clients")),
    (infos) => infos.reduce((sum: number, info) => sum + Number(/blocked_clients:(\d+)/.exec(String(info))?.[1]), 0)
  )

/** How many calls of a command the running nodes were sent, executed or refused. */
export const calls = (cluster: RedisClusterShape, name: string) =>
  Effect.map(
    Effect.forEach(running(cluster), (node) => cluster.command(node, "INFO", "commandstats")),
    (infos) =>
      infos.reduce((sum: number, info) => {
        const stats = new RegExp(`cmdstat_${name}:calls=(\\d+).*rejected_calls=(\\d+)`).exec(String(info))
        return sum + Number(stats?.[1] ?? 0) + Number(stats?.[2] ?? 0)
      }, 0)
  )
