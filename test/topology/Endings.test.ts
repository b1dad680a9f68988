/**
 * Every question to the topology ends: in time, with a typed error, and quietly.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { until } from "../harness/Waiting.ts"
import { connectTo, type Stage, stage } from "./scripted.ts"

/** A client whose scope the test closes. */
const closable = Effect.fnUntraced(function*(play: Stage, options: Parameters<typeof connectTo>[1] = {}) {
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const redis = yield* Scope.provide(connectTo(play.stream, options), scope)
  return { redis, close: Scope.close(scope, Exit.void) }
})

/** Takes questions for the topology and answers none. */
const silent = (play: Stage): void => {
  play.answer = (_, command) => command.startsWith("CLUSTER SLOTS") ? "" : undefined
}

describe("refreshTopology", () => {
  it.live("of a closed client fails with ClosedError", () =>
    Effect.gen(function*() {
      const { close, redis } = yield* closable(stage([7001, 7002]))
      yield* close
      assert.strictEqual((yield* Effect.flip(redis.refreshTopology)).reason._tag, "ClosedError")
    }), 5000)

  it.live(
    "that is under way when the client closes fails with ClosedError, and interrupts nobody",
    () =>
      Effect.gen(function*() {
        const play = stage([7001, 7002])
        const { close, redis } = yield* closable(play)
        silent(play)
        const before = play.count("CLUSTER SLOTS")
        const refresh = yield* Effect.forkChild(Effect.flip(redis.refreshTopology))
        yield* until("a question", () => play.count("CLUSTER SLOTS") > before)
        yield* close
        assert.strictEqual((yield* Fiber.join(refresh)).reason._tag, "ClosedError")
      }),
    5000
  )

  it.live(
    "has one deadline, however many nodes there are that do not answer: they are asked side by side",
    () =>
      Effect.gen(function*() {
        const play = stage([7001, 7002, 7003, 7004])
        const redis = yield* connectTo(play.stream, { commandTimeout: "400 millis", connectTimeout: "10 seconds" })
        silent(play)
        const before = play.count("CLUSTER SLOTS")
        const error = yield* Effect.flip(redis.refreshTopology)
        assert.strictEqual(error.reason._tag, "NoReachableNodeError")
        assert.include(error.message, "no node answered within 400 ms")
        assert.isAbove(play.count("CLUSTER SLOTS"), before + 1)
      }),
    5000
  )

  it.live("does not wait for a node that is slow while another one answers", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002, 7003])
      const redis = yield* connectTo(play.stream)
      // Two of three do not answer.
      play.answer = (port, command) => command === "CLUSTER SLOTS" && port !== 7003 ? "" : undefined
      for (let i = 0; i < 3; i++) assert.strictEqual((yield* redis.refreshTopology).primaries.length, 3)
    }), 5000)
})

describe("topologyChanges", () => {
  it.live("ends with the client", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002])
      const { close, redis } = yield* closable(play)
      const changes = yield* Effect.forkChild(Stream.runCollect(redis.topologyChanges), { startImmediately: true })
      const first = yield* redis.topology
      play.views.set(7001, { owners: [{ name: 7002 }, { name: 7001 }] })
      play.views.set(7002, { owners: [{ name: 7002 }, { name: 7001 }] })
      const second = yield* redis.refreshTopology
      yield* close
      assert.deepStrictEqual(yield* Fiber.join(changes), [first, second])
      assert.deepStrictEqual(yield* Stream.runCollect(redis.topologyChanges), [second])
    }), 5000)
})

describe("A program's own mistake has a typed error", () => {
  it.live("an effect of URLs in place of endpoints", () =>
    Effect.gen(function*() {
      const nodes = Effect.succeed(["redis://fake:7001"] as unknown as ReadonlyArray<Endpoint>)
      const error = yield* Effect.flip(Effect.scoped(connectTo(stage([7001]).stream, { nodes })))
      assert.strictEqual(error.reason._tag, "NoReachableNodeError")
      assert.include(error.message, "has to give a list of { host, port }")
    }), 5000)
})

describe("Few questions", () => {
  it.live(
    "100 concurrent MOVED ask for the topology at most twice, CLUSTER SLOTS and CLUSTER SHARDS counted each",
    () =>
      Effect.gen(function*() {
        const play = stage([7001, 7002])
        const redis = yield* connectTo(play.stream, { minRefreshInterval: "100 millis" })
        const key = "bar"
        const slot = HashSlot.ofKey(key)
        yield* redis.get(key)
        const owner = (yield* redis.ownerOf(key))?.port
        const target = owner === 7001 ? 7002 : 7001
        let redirects = 0
        play.answer = (port, command) => {
          if (command === "CLUSTER SHARDS") return "*0"
          if (port !== owner || !command.startsWith("GET")) return undefined
          redirects++
          return `-MOVED ${slot} fake:${target}`
        }
        const rows = Array.from({ length: HashSlot.slotCount }, (_, i) => ({
          name: i === slot ? target : i < 8192 ? 7001 : 7002
        }))
        for (const port of [7001, 7002]) play.views.set(port, { owners: rows })
        const before = play.count("CLUSTER")
        yield* Effect.forEach(Array.from({ length: 100 }), () => redis.get(key), { concurrency: "unbounded" })
        assert.strictEqual(redirects, 100)
        yield* until("a question", () => play.count("CLUSTER") > before)
        yield* redis.refreshTopology
        const later = play.count("CLUSTER SLOTS")
        // Nothing is left to be asked for, or it would be by now.
        yield* Effect.sleep("400 millis")
        assert.strictEqual(play.count("CLUSTER SLOTS"), later)
        assert.isAtMost(play.count("CLUSTER") - before, 4)
      }),
    10_000
  )

  it.live("an unchanged reply is not read again, and nothing else is asked", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002])
      let read = 0
      const redis = yield* connectTo(play.stream, {
        mapAddress: (endpoint) => {
          // The other one is the startup node, which is asked by name now and then.
          if (endpoint.port === 7002) read++
          return endpoint
        },
        commandTimeout: "300 millis"
      })
      yield* redis.get("bar")
      play.answer = (_, command) => command.startsWith("GET") ? "-CLUSTERDOWN Hash slot not served" : undefined
      const [shards, slots] = [play.count("CLUSTER SHARDS"), play.count("CLUSTER SLOTS")]
      const before = read
      yield* Effect.flip(redis.get("bar"))
      assert.isAbove(play.count("CLUSTER SLOTS"), slots)
      assert.strictEqual(read, before)
      assert.strictEqual(play.count("CLUSTER SHARDS"), shards)
    }), 10_000)
})

describe("Random.withSeed", () => {
  it.live("reproduces whom a client chooses", () =>
    Effect.gen(function*() {
      const ports = Array.from({ length: 20 }, (_, i) => 7001 + i)
      const choices = Effect.scoped(Effect.gen(function*() {
        const redis = yield* connectTo(stage(ports).stream)
        const random = yield* Effect.forEach(ports, () => redis.randomNode)
        const targets = yield* Effect.forEach(ports, () => redis.on("random").time().pipe(Effect.exit))
        assert.strictEqual(targets.length, ports.length)
        return [(yield* redis.defaultNode).port, ...random.map(({ port }) => port)]
      }))
      const [one, same, other] = yield* Effect.all([
        Random.withSeed(choices, "a"),
        Random.withSeed(choices, "a"),
        Random.withSeed(choices, "b")
      ])
      assert.deepStrictEqual(one, same)
      assert.notDeepEqual(one, other)
    }), 10_000)
})
