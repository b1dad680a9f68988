import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { readFileSync } from "node:fs"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import { LagBounds } from "../../src/routing/reads/LagBounds.ts"
import { ReplicationMarks } from "../../src/routing/reads/ReplicationMarks.ts"
import { TestCluster } from "../../src/testing/TestCluster.ts"

describe("The marks of a replication stream", () => {
  it("show a replica that is far behind how old its data are, under a bound of 100 ms beside one of 60 s", () => {
    const marks = new ReplicationMarks()
    // 25 ms between two marks, 10 writes in each, for ten minutes.
    for (let at = 0; at <= 600_000; at += 25) marks.add("stream", at, at / 25 * 10, 60_000)
    for (const lag of [100, 1000, 5000, 30_000, 59_000]) {
      const passed = marks.passedBy("stream", (600_000 - lag) / 25 * 10)
      assert(passed !== undefined, `no mark is ${lag} ms old`)
      assert.isAtMost(passed, 600_000 - lag)
      assert.isAtLeast(passed, 600_000 - lag - Math.max(25, lag / 8), `${lag} ms`)
    }
    assert.isAtMost(marks.size, 200)
    assert.strictEqual(marks.passedBy("another stream", 1e9), undefined)
  })

  it("say the most for a stream that does not move: the latest mark at its offset", () => {
    const marks = new ReplicationMarks()
    for (const at of [0, 25, 50]) marks.add("stream", at, 7, 1000)
    assert.strictEqual(marks.passedBy("stream", 7), 50)
    assert.strictEqual(marks.passedBy("stream", 6), undefined)
  })
})

describe("The bounds that reads ask for", () => {
  it("set the pause by the tightest, and are forgotten when no read asks for them", () => {
    const bounds = new LagBounds(1000)
    assert.strictEqual(bounds.pause, undefined)
    assert.isTrue(bounds.ask(100, () => 0))
    assert.isFalse(bounds.ask(100, () => 0))
    assert.isTrue(bounds.ask(60_000, () => 0))
    assert.strictEqual(bounds.pause, 25)
    assert.strictEqual(bounds.longest, 60_000)
    bounds.look(0)
    bounds.look(2999)
    assert.strictEqual(bounds.pause, 25)
    bounds.look(3000)
    assert.strictEqual(bounds.pause, 1000)
    bounds.ask(60_000, () => 0)
    bounds.look(100_000)
    bounds.look(279_000)
    assert.strictEqual(bounds.pause, 1000)
    bounds.look(280_000)
    assert.strictEqual(bounds.pause, undefined)
  })
})

const infos = (cluster: TestCluster["Service"]) =>
  Effect.map(cluster.received({ name: "INFO" }), (received) => received.length)
const pings = (cluster: TestCluster["Service"]) =>
  Effect.map(cluster.received({ name: "PING" }), (received) => received.length)

/** Lets the clock go on in steps in which commands are answered. */
const pass = (millis: number) =>
  Effect.forEach(Array.from({ length: millis / 25 }), () => TestClock.adjust(25), { discard: true })

describe("Reads by a policy, on TestCluster", () => {
  layer(TestCluster.layer({ primaries: 1, replicas: 2 }))((it) => {
    it.effect("with maxLag are served by replicas, and the nodes are asked no more when there are no such reads", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        const redis = yield* ClusterClient
        const fresh = redis.readFrom(ReadFrom.replica.pipe(ReadFrom.maxLag("100 millis")))
        yield* redis.set("key", "value")
        yield* fresh.get("key")
        yield* pass(500)
        assert.isAbove(yield* infos(cluster), 10)
        yield* cluster.clearReceived
        for (let i = 0; i < 10; i++) {
          assert.strictEqual(yield* fresh.get("key"), "value")
          yield* redis.set("key", "value")
          yield* pass(50)
        }
        const gets = yield* cluster.received({ name: "GET" })
        const replicas = new Set(cluster.replicas.map(({ address }) => address))
        assert.isAtLeast(gets.filter(({ node }) => replicas.has(node)).length, 9)
        yield* pass(20_000)
        yield* cluster.clearReceived
        yield* pass(10_000)
        assert.strictEqual(yield* infos(cluster), 0)
        assert.strictEqual(yield* pings(cluster), 0)
        yield* fresh.get("key")
        yield* pass(200)
        assert.isAbove(yield* infos(cluster), 0)
      }))

    it.effect("fail with OptionsError when the policy's function returns anything but its candidates, each once", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const foreign = { role: "replica" }
        const functions: ReadonlyArray<(candidates: ReadonlyArray<ReadFrom.Candidate>) => unknown> = [
          (candidates) => Promise.resolve(candidates),
          () => ({ length: 0 }),
          () => undefined,
          () => "replica",
          () => [foreign],
          (candidates) => [candidates[0], undefined],
          (candidates) => [candidates[1], candidates[1]],
          (candidates) => new Set(candidates),
          (candidates) => Array.prototype.sort.call(candidates, () => -1),
          () => {
            throw new Error("own")
          }
        ]
        for (const order of functions) {
          // A program in plain JavaScript may return anything.
          const policy = ReadFrom.make("own", order as ReadFrom.Order)
          const { reason } = yield* Effect.flip(redis.readFrom(policy).get("key"))
          assert.strictEqual(reason._tag, "OptionsError", String(order))
          assert.match(reason.message, /policy "own"/)
        }
        assert.strictEqual(
          ReadFrom.hedge(ReadFrom.replica, { budget: "0.5" as never }).invalid?.includes("budget"),
          true
        )
        assert.strictEqual(ReadFrom.hedge(ReadFrom.replica, { percentile: NaN }).invalid?.includes("percentile"), true)
        assert.strictEqual(ReadFrom.maxLag(ReadFrom.replica, NaN).invalid?.includes("maxLag"), true)
      }))

    it.effect("share the budget of their hedges, also when the policy is built for each read", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        const redis = yield* ClusterClient
        for (const { address } of cluster.replicas) yield* cluster.delay(address, "30 millis")
        for (let i = 0; i < 200; i++) {
          const policy = ReadFrom.replica.pipe(ReadFrom.hedge({ after: "5 millis", budget: 0.01 }))
          const reading = yield* Effect.forkChild(redis.readFrom(policy).get("key"), { startImmediately: true })
          yield* TestClock.adjust(10)
          yield* TestClock.adjust(30)
          yield* Effect.yieldNow
          reading.pollUnsafe()
        }
        const [{ nodes }] = yield* redis.readStatistics
        const hedges = [...nodes.values()].reduce((sum, counts) => sum + counts.hedges, 0)
        assert.isAtLeast(hedges, 1)
        assert.isAtMost(hedges, 13)
        for (const { address } of cluster.replicas) yield* cluster.delay(address, 0)
      }))
  })
})

describe("The policies by name", () => {
  it("are those of the page about reading from replicas", () => {
    const page = readFileSync(new URL("../../docs/reading-from-replicas.md", import.meta.url), "utf8")
    const documented = Array.from(page.matchAll(/^\| `ReadFrom\.(\w+)/gm), ([, name]) => name)
    assert.deepStrictEqual(documented.filter((name) => name !== "make"), Object.keys(ReadFrom.byName))
    for (const [name, policy] of Object.entries(ReadFrom.byName)) assert.strictEqual(policy.name, name)
  })
})
