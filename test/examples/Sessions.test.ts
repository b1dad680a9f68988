/**
 * A service of a user's (`examples/testing/Sessions.ts`), tested without servers.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Sessions } from "../../examples/testing/Sessions.ts"
import { Response, TestCluster } from "../../src/testing/index.ts"

/** A new cluster for each test: three primaries, a replica each. */
const testing = () =>
  Effect.provide(
    Layer.provideMerge(Sessions.layer, TestCluster.layer({ replicas: 1, client: { commandTimeout: "2 seconds" } }))
  )

it.effect("counts the visits of a session, and forgets it after half an hour", () =>
  Effect.gen(function*() {
    const sessions = yield* Sessions
    yield* sessions.visit("s1", "ada")
    assert.deepStrictEqual(yield* sessions.visit("s1", "ada"), { user: "ada", visits: 2 })
    yield* TestClock.adjust("29 minutes")
    assert.deepStrictEqual(yield* sessions.find("s1"), { user: "ada", visits: 2 })
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(yield* sessions.find("s1"), undefined)
  }).pipe(testing()))

it.effect("does not notice that its slot moves to another node", () =>
  Effect.gen(function*() {
    const sessions = yield* Sessions
    const cluster = yield* TestCluster
    yield* sessions.visit("s1", "ada")
    const slot = yield* cluster.slotOf("s1")
    const owner = yield* cluster.owner(slot)
    const target = cluster.primaries.filter((node) => node.id !== owner.id)[0]
    yield* cluster.moveSlot(slot, target)
    assert.deepStrictEqual(yield* sessions.visit("s1", "ada"), { user: "ada", visits: 2 })
    // The old owner said MOVED, once, and what followed went to the new one.
    assert.strictEqual(yield* cluster.errorReplies("MOVED"), 1)
    assert.strictEqual((yield* cluster.received({ name: "HINCRBY", node: target })).length, 1)
  }).pipe(testing()))

it.effect("waits for the failover when a primary dies", () =>
  Effect.gen(function*() {
    const sessions = yield* Sessions
    const cluster = yield* TestCluster
    yield* sessions.visit("s1", "ada")
    const primary = yield* cluster.owner(yield* cluster.slotOf("s1"))
    yield* cluster.kill(primary)
    // The cluster needs 2 seconds to give the primary up, and up to one more to elect its replica.
    yield* TestClock.adjust("3 seconds")
    const finding = yield* Effect.forkChild(sessions.find("s1"))
    yield* TestClock.adjust("2 seconds")
    assert.deepStrictEqual(yield* Fiber.join(finding), { user: "ada", visits: 1 })
  }).pipe(testing()))

it.effect("asks for a login when Redis does not answer in time", () =>
  Effect.gen(function*() {
    const sessions = yield* Sessions
    const cluster = yield* TestCluster
    yield* sessions.visit("s1", "ada")
    yield* cluster.onCommand("HGETALL", () => Response.silence)
    const finding = yield* Effect.forkChild(sessions.find("s1"))
    yield* TestClock.adjust("2 seconds")
    assert.strictEqual(yield* Fiber.join(finding), undefined)
  }).pipe(testing()))
