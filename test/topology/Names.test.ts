/**
 * The names of a node, on real servers: whatever it is called by, it is one node with one connection.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { openClient } from "../faults/Load.ts"
import { addressOf } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

describe("A node", () => {
  layer(RedisCluster.layer(), { excludeTestServices: true, timeout: "30 seconds" })((it) => {
    it.effect("is named by the startup endpoint, and by any name of the loopback interface", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { port } = cluster.nodes[0]
        const { redis } = yield* openClient({ nodes: `redis://localhost:${port}` })
        const named = { host: "localhost", port }
        const node = yield* redis.nodeAt(named)
        assert.strictEqual(node.address, addressOf(cluster.nodes[0]))
        assert.deepStrictEqual([...(yield* redis.on(named).time()).keys()], [node])
        assert.strictEqual((yield* redis.node(named)).node, node)
        yield* redis.setDefaultNode(named)
        assert.strictEqual(yield* redis.defaultNode, node)
        // Never asked, but on the same machine.
        const other = { host: "localhost", port: cluster.nodes[1].port }
        assert.strictEqual((yield* redis.nodeAt(other)).address, addressOf(cluster.nodes[1]))
        const stranger = yield* Effect.flip(redis.nodeAt({ host: "localhost", port: 1 }))
        assert.strictEqual(stranger.reason._tag, "UnknownNodeError")
        const subscription = yield* redis.subscribeScoped("news", { node: named })
        assert.isDefined(subscription)
      }))

    it.effect("is named by the address before mapAddress", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [first] = cluster.nodes
        const { redis } = yield* openClient({
          nodes: cluster.seeds[0],
          mapAddress: ({ host, port }) => ({ host: host === "127.0.0.1" ? "localhost" : host, port })
        })
        const node = yield* redis.nodeAt({ host: "127.0.0.1", port: first.port })
        assert.strictEqual(node.address, `localhost:${first.port}`)
      }))

    it.effect("that changes its announced name keeps its connection, its commands under way and its subscriptions", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { connections, redis } = yield* openClient({ nodes: cluster.seeds, drainTimeout: "100 millis" })
        const node = yield* redis.nodeAt({ host: "127.0.0.1", port: cluster.nodes[0].port })
        const idOf = Effect.flatMap(redis.node(node), (one) => one.send("CLIENT", "ID"))
        const before = yield* idOf
        const slow = yield* Effect.forkChild(
          redis.node(node).pipe(Effect.flatMap((one) => one.send("DEBUG", "SLEEP", "1"))),
          {
            startImmediately: true
          }
        )
        yield* Effect.forEach(cluster.nodes, (one) =>
          Effect.andThen(
            cluster.command(one, "CONFIG", "SET", "cluster-announce-hostname", "localhost"),
            cluster.command(one, "CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname")
          ), { concurrency: "unbounded" })
        yield* redis.refreshTopology
        assert.strictEqual(yield* Fiber.join(slow), "OK")
        assert.strictEqual(yield* idOf, before)
        assert.sameMembers(connections.all().map(({ address }) => address).filter((one) => one === node.address), [
          node.address
        ])
        assert.strictEqual((yield* redis.nodeAt({ host: "localhost", port: node.port })).id, node.id)
      }))
  })
})
