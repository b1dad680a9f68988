/**
 * The things of a cluster where Node prints them: short, and useful.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inspect } from "node:util"
import { byAddress, ClusterClient } from "../../src/index.ts"
import { TestCluster } from "../../src/testing/index.ts"

describe("Where Node prints it", () => {
  const onCluster = Effect.provide(TestCluster.layer({ primaries: 3, replicas: 1 }))

  it.effect("a node is its address and its role, also as the key of a map", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const sizes = yield* redis.on("primaries").dbsize()
      const addresses = [...sizes.keys()].map(({ address }) => address)
      assert.strictEqual(inspect(sizes), `Map(3) {\n${addresses.map((a) => `  ${a} (primary) => 0`).join(",\n")}\n}`)
    }).pipe(onCluster))

  it.effect("a snapshot is a table of shards, not of slots", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const snapshot = yield* redis.topology
      const printed = inspect(snapshot, { depth: Infinity })
      assert.isBelow(printed.length, 600)
      assert.include(printed, "coveredSlots: 16384")
      for (const { primary, replicas } of snapshot.shards) {
        assert.match(printed, new RegExp(`${primary.address} \\d+-\\d+, replicas ${replicas[0]?.address}`))
      }
    }).pipe(onCluster))

  it.effect("a result by node is found by the address of the node", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const [node] = yield* redis.primaries
      const sizes = byAddress(yield* redis.on("primaries").dbsize())
      assert.strictEqual(sizes.get(node.address), 0)
      assert.strictEqual(sizes.size, 3)
    }).pipe(onCluster))
})
