/**
 * The common part of the tests of reads from replicas.
 */
import * as Effect from "effect/Effect"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

export const key = "{one}:key"
export const slot = HashSlot.ofKey(key)

/** The shard of the key: its nodes, the primary first, with the key in all of them. */
export const shard = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const primary = yield* cluster.owner(slot)
  yield* cluster.command(primary, "SET", key, "value")
  yield* cluster.awaitReplicated
  return { cluster, nodes: [primary, ...(yield* cluster.replicasOf(primary))] }
})
