/**
 * Requests of concurrent fibers become few commands.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RequestResolver from "effect/RequestResolver"
import * as Schema from "effect/Schema"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as ClusterResolver from "../../src/integrations/ClusterResolver.ts"
import { TestCluster } from "../../src/testing/index.ts"

const Count = Schema.NullOr(Schema.FiniteFromString)
const ids = Array.from({ length: 60 }, (_, id) => id)
const concurrently = { concurrency: "unbounded" } as const

/** How many commands of a name the nodes received. */
const received = Effect.fnUntraced(function*(name: string) {
  const cluster = yield* TestCluster
  return (yield* cluster.received({ name })).length
})

describe("A resolver", () => {
  it.effect("of values asks once for each slot, and answers each request", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.msetNonatomic(Object.fromEntries(ids.slice(0, 50).map((id) => [`{${id % 7}}:${id}`, String(id)])))
      const byId = ClusterResolver.get({ key: (id: number) => `{${id % 7}}:${id}`, schema: Count })
      const values = yield* Effect.forEach(ids, (id) => ClusterResolver.request(id, byId), concurrently)
      assert.deepStrictEqual(values, ids.map((id) => id < 50 ? id : null))
      assert.strictEqual(yield* received("MGET"), 7)
      assert.strictEqual(yield* received("GET"), 0)
    }).pipe(Effect.provide(TestCluster.layer())))

  it.effect("of fields asks once for each hash", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.hset("h:0", { 0: "0", 2: "2" })
      yield* redis.hset("h:1", { 1: "1" })
      const field = ClusterResolver.hget({
        key: (n: number) => `h:${n % 2}`,
        field: (n) => String(n),
        schema: Count
      })
      const values = yield* Effect.forEach([0, 1, 2, 3], (n) => ClusterResolver.request(n, field), concurrently)
      assert.deepStrictEqual(values, [0, 1, 2, null])
      assert.strictEqual(yield* received("HMGET"), 2)
    }).pipe(Effect.provide(TestCluster.layer())))

  it.effect("of existence asks once for each key", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.set("a", "1")
      const isThere = ClusterResolver.exists({ key: (key: string) => key })
      const values = yield* Effect.forEach(
        ["a", "b", "a"],
        (key) => ClusterResolver.request(key, isThere),
        concurrently
      )
      assert.deepStrictEqual(values, [true, false, true])
      assert.strictEqual(yield* received("EXISTS"), 2)
    }).pipe(Effect.provide(TestCluster.layer())))

  it.effect("fails the request whose value the schema refuses, and no other", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.mset({ "{t}a": "1", "{t}b": "no number" })
      const byKey = ClusterResolver.get({ key: (key: string) => key, schema: Count })
      const [a, b] = yield* Effect.forEach(
        ["{t}a", "{t}b"],
        (key) => Effect.result(ClusterResolver.request(key, byKey)),
        concurrently
      )
      assert.strictEqual(a._tag === "Success" ? a.success : undefined, 1)
      assert.strictEqual(b._tag === "Failure" ? b.failure.reason._tag : undefined, "DecodeError")
    }).pipe(Effect.provide(TestCluster.layer())))

  it.effect("works with Effect's cache of resolvers", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.set("a", "1")
      const byKey = ClusterResolver.get({ key: (key: string) => key, schema: Count })
      const cached = yield* RequestResolver.withCache(byKey, { capacity: 10 })
      assert.strictEqual(yield* ClusterResolver.request("a", cached), 1)
      assert.strictEqual(yield* ClusterResolver.request("a", cached), 1)
      assert.strictEqual(yield* received("MGET"), 1)
    }).pipe(Effect.provide(TestCluster.layer())))
})
