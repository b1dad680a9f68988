/** The number of keys on each node, as the nodes report it. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type ClusterClientShape, type ClusterNode, type RedisClusterException, Server } from "../../index.ts"

export interface NodeSize {
  readonly node: ClusterNode
  readonly keys: number
  /** The keys with an expiry. */
  readonly expires: number
  /** The mean time until the expiry, in milliseconds. */
  readonly averageTtl: number
  readonly usedMemory: number
  readonly maxMemory: number
}

export interface Sizes {
  readonly nodes: ReadonlyArray<NodeSize>
  readonly failed: ReadonlyArray<{ readonly node: ClusterNode; readonly error: RedisClusterException }>
}

/** Asks every primary, and every replica when they are wanted. */
export const ask = Effect.fnUntraced(function*(redis: ClusterClientShape, withReplicas: boolean) {
  const replicas = withReplicas ? yield* redis.replicas : []
  const results = yield* redis.on([...yield* redis.primaries, ...replicas]).results(
    Server.info(["keyspace", "memory"])
  )
  const nodes: Array<NodeSize> = []
  const failed: Array<Sizes["failed"][number]> = []
  for (const [node, result] of results) {
    if (Result.isFailure(result)) {
      failed.push({ node, error: result.failure })
      continue
    }
    const { keyspace, memory } = result.success
    const databases = Object.values(keyspace)
    const keys = databases.reduce((sum, database) => sum + database.keys, 0)
    const expires = databases.reduce((sum, database) => sum + database.expires, 0)
    nodes.push({
      node,
      keys,
      expires,
      averageTtl: expires === 0
        ? 0
        : databases.reduce((sum, { avgTtl, expires }) => sum + avgTtl * expires, 0) / expires,
      usedMemory: memory.usedMemory,
      maxMemory: memory.maxmemory
    })
  }
  const sizes: Sizes = { nodes, failed }
  return sizes
})
