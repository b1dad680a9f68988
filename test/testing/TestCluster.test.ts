import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { Response, TestCluster } from "../../src/testing/index.ts"

describe("TestCluster", () => {
  it.effect("answers the client without servers", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.set("user:1", "ada")
      assert.strictEqual(yield* redis.get("user:1"), "ada")
      yield* redis.hset("h", { a: "1", b: "2" })
      assert.deepStrictEqual(yield* redis.hgetall("h"), { a: "1", b: "2" })
      assert.strictEqual(yield* redis.dbsize(), 2)
    }).pipe(Effect.provide(TestCluster.layer())))

  it.effect("follows a slot that moves", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      yield* redis.set("user:1", "ada")
      const slot = yield* cluster.slotOf("user:1")
      const owner = yield* cluster.owner(slot)
      const target = cluster.primaries.find((node) => node.id !== owner.id)
      assert(target !== undefined)
      yield* cluster.moveSlot(slot, target)
      assert.strictEqual(yield* redis.get("user:1"), "ada")
      assert.strictEqual(yield* cluster.errorReplies("MOVED"), 1)
    }).pipe(Effect.provide(TestCluster.layer())))

  it.effect("fails over by itself within 30 seconds of cluster time", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      yield* redis.set("user:1", "ada")
      const owner = yield* cluster.owner(yield* cluster.slotOf("user:1"))
      yield* cluster.kill(owner)
      const reading = yield* Effect.forkChild(redis.get("user:1"))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* Fiber.join(reading), "ada")
      assert.notStrictEqual((yield* cluster.owner(yield* cluster.slotOf("user:1"))).id, owner.id)
      yield* redis.set("user:1", "grace")
      assert.strictEqual(yield* redis.get("user:1"), "grace")
    }).pipe(Effect.provide(TestCluster.layer({ replicas: 1 }))))

  it.effect("expires keys when the clock is adjusted", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.set("k", "v", { expire: "10 seconds" })
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* redis.get("k"), "v")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* redis.get("k"), null)
    }).pipe(Effect.provide(TestCluster.layer())))

  it.effect("times out a command that a node does not answer", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      yield* cluster.onCommand("GET", () => Response.silence)
      const reading = yield* Effect.forkChild(Effect.flip(redis.get("k")))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(reading)).reason._tag, "TimeoutError")
    }).pipe(Effect.provide(TestCluster.layer())))
})
