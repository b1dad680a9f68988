/**
 * A test that hangs on its `TestClock` learns which command waits, and for what.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { ClusterClient } from "../../src/ClusterClient.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { Response, TestCluster, type TestLayerOptions } from "../../src/testing/index.ts"
import { until } from "../harness/Waiting.ts"

const on = (options?: TestLayerOptions) => Effect.provide(TestCluster.layer(options))

/** The commands that wait, after the client had time to send what it can send. */
const waiting = Effect.gen(function*() {
  const cluster = yield* TestCluster
  yield* TestClock.adjust(0)
  return yield* cluster.waiting
})

describe("TestCluster.waiting", () => {
  it.effect("is empty while no command waits", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.set("user:1", "ada")
      assert.deepStrictEqual(yield* waiting, [])
    }).pipe(on()))

  it.effect("lists a command whose node is stalled, with its deadline", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      yield* redis.set("user:1", "ada")
      const owner = yield* cluster.owner(yield* cluster.slotOf("user:1"))
      yield* cluster.stall(owner)
      yield* Effect.forkChild(Effect.exit(redis.get("user:1")))
      assert.deepStrictEqual(yield* waiting, [{
        command: "GET user:1",
        node: owner.address,
        waitsFor: "reply",
        reason: `the reply of ${owner.address}, which is stalled`,
        nextAttemptIn: undefined,
        deadlineIn: 5000
      }])
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* cluster.waiting)[0].deadlineIn, 4000)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* cluster.waiting, [])
    }).pipe(on()))

  it.effect("lists a command without a reply, a delayed reply, and a blocking command", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      yield* cluster.onCommand("GET", () => Response.silence)
      yield* Effect.forkChild(Effect.exit(redis.get("{a}")))
      yield* Effect.forkChild(Effect.exit(redis.blpop(["jobs"], "10 seconds")))
      const reasons = (yield* waiting).map(({ command, reason }) => `${command}: ${reason}`).toSorted()
      const { address } = yield* cluster.owner(yield* cluster.slotOf("{a}"))
      const jobs = yield* cluster.owner(yield* cluster.slotOf("jobs"))
      assert.deepStrictEqual(reasons, [
        `BLPOP jobs: the reply of ${jobs.address}, which may hold it back for 10000 ms`,
        `GET {a}: the reply of ${address}`
      ])
      yield* cluster.delay(jobs, "1 minute")
      yield* Effect.forkChild(Effect.exit(redis.llen("jobs")))
      assert.include(JSON.stringify(yield* waiting), "which delays its replies by 60000 ms")
    }).pipe(on()))

  it.effect("lists a command that waits for a failover, with its next attempt", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      yield* redis.set("user:1", "ada")
      const owner = yield* cluster.owner(yield* cluster.slotOf("user:1"))
      yield* cluster.kill(owner)
      const reading = yield* Effect.forkChild(redis.get("user:1"))
      yield* TestClock.adjust("1 second")
      const [one, ...others] = yield* cluster.waiting
      assert.deepStrictEqual(others, [])
      assert.strictEqual(one.command, "GET user:1")
      assert.strictEqual(one.waitsFor, "next attempt")
      assert.match(one.reason, /^its next attempt, after: .*(ECONNREFUSED|closed by the server)/)
      assert.isAbove(one.nextAttemptIn ?? 0, 0)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(yield* Fiber.join(reading), "ada")
    }).pipe(on({ replicas: 1 })))

  it.effect("lists a pipeline once for each node", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      for (const node of cluster.nodes) yield* cluster.stall(node)
      yield* Effect.forkChild(Effect.exit(redis.pipeline([redis.get("{a}1"), redis.get("{a}2"), redis.get("{a}3")])))
      const [one] = yield* waiting
      assert.strictEqual(one.command, "GET {a}1 and 2 more")
    }).pipe(on()))
})

describe("A command that waits while the TestClock stands still", () => {
  const warned = Effect.fnUntraced(function*(stuck: Effect.Effect<unknown, RedisClusterException, ClusterClient>) {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    yield* Effect.gen(function*() {
      yield* Effect.forkChild(Effect.exit(stuck))
      yield* TestClock.withLive(until("the warning", () => lines.some((line) => line.includes("TestCluster"))))
    }).pipe(on(), Effect.provide(Logger.layer([logger])))
    return lines.filter((line) => line.includes("TestCluster"))
  })

  it.effect("is named by a warning, once, with its reason and its deadline", () =>
    Effect.gen(function*() {
      const lines = yield* warned(Effect.gen(function*() {
        const redis = yield* ClusterClient
        return yield* redis.blpop(["jobs"], "10 seconds")
      }))
      assert.strictEqual(lines.length, 1)
      assert.match(
        lines[0],
        /TestClock has stood still for 2 seconds.*\n {2}BLPOP jobs waits for the reply of 127\.0\.0\.1:\d+, which may hold it back for 10000 ms \(it fails when the clock has moved by 15 seconds\)\n.*TestClock\.adjust/
      )
    }))
})
