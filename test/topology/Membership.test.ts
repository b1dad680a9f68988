/**
 * The connections when the cluster changes under them, as the servers see it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import { keyOfShard, openClient } from "../faults/Load.ts"
import { addressOf } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

describe("Connections in a changing cluster", () => {
  it.live(
    "are drained and closed when their node has left, and are the same as before when it stayed",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make()
        const stayed = [...cluster.nodes]
        const guest = yield* cluster.addNode()
        yield* cluster.migrateSlot(0, guest)
        const { connections, redis } = yield* openClient({
          nodes: cluster.seeds,
          clientName: "lodger",
          refreshInterval: "Infinity",
          drainTimeout: "5 seconds"
        })
        const idOf = (endpoint: Endpoint) =>
          Effect.flatMap(redis.node(endpoint), (node) => Effect.map(node.send("CLIENT", "ID"), Number))
        const before = yield* Effect.forEach(stayed, idOf)
        yield* idOf(guest)
        assert.include(connections.all().map(({ address }) => address), addressOf(guest))

        // A primary without slots still belongs to the cluster.
        yield* cluster.migrateSlot(0, stayed[0])
        yield* redis.refreshTopology
        assert.include((yield* redis.nodes).map(({ id }) => id), guest.id)
        assert.notInclude((yield* redis.primaries).map(({ id }) => id), guest.id)
        const leaving = yield* redis.node(guest)
        const pending = yield* Effect.forkChild(leaving.send("DEBUG", "SLEEP", "1.2"), { startImmediately: true })
        yield* Effect.sleep(20)
        yield* Effect.forEach(stayed, (node) => cluster.command(node, "CLUSTER", "FORGET", guest.id))
        yield* redis.refreshTopology
        assert.sameMembers(connections.all().map(({ address }) => address), stayed.map(addressOf))
        assert.strictEqual(yield* Fiber.join(pending), "OK")
        for (let i = 0; i < 100; i++) {
          if (!String(yield* cluster.command(guest, "CLIENT", "LIST")).includes("name=lodger")) break
          yield* Effect.sleep(20)
        }
        assert.notInclude(String(yield* cluster.command(guest, "CLIENT", "LIST")), "name=lodger")

        yield* redis.refreshTopology
        assert.deepStrictEqual(yield* Effect.forEach(stayed, idOf), before)
      }),
    30_000
  )

  it.live(
    "follow a primary to another port, where it has the same id, slots and data",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make()
        const [moved] = cluster.nodes
        const key = keyOfShard("moved", 0)
        const { connections, redis } = yield* openClient({
          nodes: cluster.seeds,
          // Nothing but what fails tells of it.
          refreshInterval: "Infinity",
          commandTimeout: "20 seconds"
        })
        yield* redis.set(key, "value")
        const before = addressOf(moved)
        yield* cluster.command(moved, "SAVE")
        yield* cluster.readdress(moved)
        assert.notStrictEqual(addressOf(moved), before)

        assert.strictEqual(yield* redis.get(key), "value")
        const owner = yield* redis.ownerOf(key)
        assert.deepStrictEqual([owner?.id, owner?.address], [moved.id, addressOf(moved)])
        const addresses = connections.all().map(({ address }) => address)
        assert.include(addresses, addressOf(moved))
        assert.notInclude(addresses, before)
      }),
    60_000
  )
})
