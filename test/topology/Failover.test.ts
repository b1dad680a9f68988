/**
 * Nodes that lose their slots, or come back, on real servers: the map knows them all the time, and knows what they do soon after
 * the servers do.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import { keyOfShard, openClient } from "../faults/Load.ts"
import { connect } from "../harness/Observed.ts"
import { RedisCluster, type RedisClusterShape, type RedisNode } from "../harness/RedisCluster.ts"
import { eventually } from "../harness/Waiting.ts"

/** How much later than the servers the client may know. */
const patience = 2000

const idsOf = (redis: ClusterClientShape) => Effect.map(redis.nodes, (nodes) => nodes.map(({ id }) => id).toSorted())

const allIds = (cluster: RedisClusterShape) => cluster.nodes.map(({ id }) => id).toSorted()

/** Whether every running node lists a node in CLUSTER SLOTS. */
const isListed = (cluster: RedisClusterShape, node: RedisNode) =>
  Effect.map(
    Effect.forEach(cluster.nodes.filter(({ pid }) => pid > 0), (one) => cluster.command(one, "CLUSTER", "SLOTS")),
    (replies) => replies.every((reply) => JSON.stringify(reply).includes(node.id))
  )

const replicaIds = (redis: ClusterClientShape) => Effect.map(redis.replicas, (nodes) => nodes.map(({ id }) => id))

const six = RedisCluster.layer({ primaries: 3, replicas: 1, nodeTimeout: 800 })

describe("After a failover", () => {
  layer(six, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect(
      "the demoted primary is a node of the cluster all the time, and a command for all nodes reaches it",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "10 seconds" })
          const key = keyOfShard("failover", 0)
          for (let round = 0; round < 3; round++) {
            const primary = (yield* redis.ownerOf(key))?.id
            const [replica] = yield* cluster.replicasOf(
              cluster.nodes.find(({ id }) => id === primary) ?? cluster.nodes[0]
            )
            let writing = true
            const seen = new Set<string>()
            const writer = yield* Effect.forkChild(Effect.gen(function*() {
              while (writing) {
                yield* redis.incr(key)
                seen.add((yield* idsOf(redis)).join())
              }
            }))
            yield* cluster.failover(replica)
            yield* eventually("the new owner", Effect.map(redis.ownerOf(key), (owner) => owner?.id === replica.id))
            yield* redis.configSet({ "slowlog-max-len": `${200 + round}` })
            for (const node of cluster.nodes) {
              assert.deepStrictEqual(
                yield* cluster.command(node, "CONFIG", "GET", "slowlog-max-len"),
                ["slowlog-max-len", `${200 + round}`]
              )
            }
            assert.strictEqual((yield* redis.on("all").time()).size, 6)
            yield* cluster.awaitOk
            yield* eventually(
              "the demoted primary as a replica",
              Effect.map(replicaIds(redis), (ids) => primary !== undefined && ids.includes(primary)),
              patience
            )
            writing = false
            yield* Fiber.join(writer)
            assert.deepStrictEqual([...seen], [allIds(cluster).join()])
          }
        }),
      60_000
    )

    it.effect(
      "a primary that was killed is a node all the time, and a replica soon after it is back",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const { redis } = yield* openClient({ nodes: cluster.seeds, commandTimeout: "20 seconds" })
          const key = keyOfShard("killed", 1)
          yield* redis.incr(key)
          const owner = yield* redis.ownerOf(key)
          const dead = cluster.nodes.find(({ id }) => id === owner?.id) ?? cluster.nodes[0]
          yield* cluster.kill(dead)
          yield* redis.incr(key)
          assert.notStrictEqual((yield* redis.ownerOf(key))?.id, dead.id)
          assert.deepStrictEqual(yield* idsOf(redis), allIds(cluster))
          const hasty = yield* connect({ nodes: cluster.seeds, commandTimeout: "1 second" })
          const error = yield* Effect.flip(hasty.on("all").configSet({ "slowlog-max-len": "99" }))
          assert.strictEqual(error.reason._tag, "PartialFailureError")

          yield* cluster.restart(dead)
          yield* eventually("the servers' own knowledge", isListed(cluster, dead))
          yield* eventually("ours", Effect.map(replicaIds(redis), (ids) => ids.includes(dead.id)), patience)
          yield* redis.configSet({ "slowlog-max-len": "100" })
          assert.deepStrictEqual(yield* cluster.command(dead, "CONFIG", "GET", "slowlog-max-len"), [
            "slowlog-max-len",
            "100"
          ])
          yield* cluster.awaitOk
        }),
      90_000
    )

    it.effect(
      "a replica that was killed, and that nobody used, is a node all the time and serves again soon",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const { redis } = yield* openClient({ nodes: cluster.seeds, refreshInterval: "Infinity" })
          const [dead] = yield* cluster.replicas
          yield* cluster.kill(dead)
          yield* eventually("the servers' own knowledge", Effect.map(isListed(cluster, dead), (listed) => !listed))
          yield* redis.refreshTopology
          assert.notInclude(yield* replicaIds(redis), dead.id)
          assert.deepStrictEqual(yield* idsOf(redis), allIds(cluster))
          yield* cluster.restart(dead)
          yield* eventually("the servers' own knowledge", isListed(cluster, dead))
          yield* eventually("ours", Effect.map(replicaIds(redis), (ids) => ids.includes(dead.id)), patience)
          yield* cluster.awaitOk
        }),
      60_000
    )
  })
})
