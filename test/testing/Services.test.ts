/**
 * Services that run scripts on servers work on a cluster without Lua.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { Lock } from "../../src/index.ts"
import * as KeyValueStoreRedis from "../../src/integrations/KeyValueStoreRedis.ts"
import { TestCluster } from "../../src/testing/index.ts"

describe("A test cluster without handlers runs", () => {
  const onCluster = Effect.provide(TestCluster.layer())

  it.effect("KeyValueStore.modify", () =>
    Effect.gen(function*() {
      const store = yield* KeyValueStore.KeyValueStore
      yield* store.set("n", "0")
      const add = store.modify("n", (n) => String(Number(n) + 1))
      yield* Effect.forEach(Array.from({ length: 20 }), () => add, { concurrency: "unbounded" })
      assert.strictEqual(yield* store.get("n"), "20")
    }).pipe(Effect.provide(KeyValueStoreRedis.layer()), onCluster))

  it.effect("Lock", () =>
    Effect.gen(function*() {
      const one = Effect.succeed(1).pipe(Lock.withLock("report", { ttl: "10 seconds", fencing: true }))
      assert.deepStrictEqual([yield* one, yield* one], [1, 1])
    }).pipe(onCluster))
})
