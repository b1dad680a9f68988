import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { until } from "../harness/Waiting.ts"
import { connectTo, handshake, idOf, servers } from "./scripted.ts"

const row = (start: number, end: number, port: number) =>
  `*3\r\n:${start}\r\n:${end}\r\n*3\r\n+fake\r\n:${port}\r\n$40\r\n${idOf(port)}`
const map = `*2\r\n${row(0, 8191, 7001)}\r\n${row(8192, 16_383, 7002)}`

const keys = { 7001: "bar", 7002: "foo" } as const

describe("Topology", () => {
  it.live(
    "fetches again for a MOVED that came while a fetch was under way: its answer may be older",
    () =>
      Effect.gen(function*() {
        assert.isBelow(HashSlot.ofKey(keys[7001]), 8192)
        assert.isAtLeast(HashSlot.ofKey(keys[7002]), 8192)
        let holding = false
        let fetches = 0
        const held: Array<{ readonly port: number; readonly release: () => void }> = []
        let moved = 0
        const redis = yield* connectTo(servers((endpoint, command, hold) => {
          if (command === "CLUSTER SLOTS") {
            fetches++
            if (!holding) return map
            const release = hold()
            held.push({ port: endpoint.port, release: () => release(map) })
            return undefined
          }
          if (command.startsWith("GET") && held.length > 0 && endpoint.port !== 7003) {
            moved++
            return `-MOVED ${HashSlot.ofKey(command.slice(4))} fake:7003`
          }
          return handshake(endpoint, command) ?? "+value"
        }))
        yield* Effect.all([redis.get(keys[7001]), redis.get(keys[7002])])
        holding = true
        const refresh = yield* Effect.forkChild(redis.refreshTopology)
        yield* until("a fetch under way", () => held.length > 0)
        yield* redis.get(keys[held[0].port === 7001 ? 7002 : 7001])
        assert.strictEqual(moved, 1)
        holding = false
        const before = fetches
        for (const { release } of held) release()
        yield* Fiber.join(refresh)
        // The wish was not granted by the fetch that was under way.
        yield* until("another fetch", () => fetches > before)
      }),
    5000
  )

  it.live("asks the node that a MOVED has named: others may not have heard of what it owns", () =>
    Effect.forEach(Array.from({ length: 8 }), () =>
      Effect.scoped(Effect.gen(function*() {
        const asked: Array<number> = []
        let hasMoved = false
        const redis = yield* connectTo(servers((endpoint, command) => {
          if (command === "CLUSTER SLOTS") {
            asked.push(endpoint.port)
            return endpoint.port === 7003
              ? `*2\r\n${row(0, 8191, 7003)}\r\n${row(8192, 16_383, 7002)}`
              : map
          }
          if (hasMoved && command.startsWith("GET") && endpoint.port === 7001) {
            return `-MOVED ${HashSlot.ofKey(keys[7001])} fake:7003`
          }
          return handshake(endpoint, command) ?? "+value"
        }))
        yield* Effect.all([redis.get(keys[7001]), redis.get(keys[7002])])
        hasMoved = true
        const before = asked.length
        yield* redis.get(keys[7001])
        yield* until("a fetch", () => asked.length > before)
        assert.strictEqual(asked[before], 7003)
        yield* Effect.sleep("30 millis")
        assert.strictEqual((yield* redis.ownerOf(keys[7001]))?.port, 7003, "no older view took its place")
      })), { discard: true }))

  it.live("stays the same snapshot, and emits no change, when a refresh brings nothing new", () =>
    Effect.gen(function*() {
      let current = map
      const redis = yield* connectTo(
        servers((endpoint, command) => command === "CLUSTER SLOTS" ? current : handshake(endpoint, command) ?? "+value")
      )
      const changes = yield* Effect.forkChild(
        redis.topologyChanges.pipe(Stream.take(2), Stream.runCollect),
        { startImmediately: true }
      )
      const before = yield* redis.topology
      assert.strictEqual(yield* redis.refreshTopology, before)
      assert.strictEqual(yield* redis.refreshTopology, before)
      current = `*1\r\n${row(0, 16_383, 7002)}`
      const after = yield* redis.refreshTopology
      assert.notStrictEqual(after, before)
      assert.strictEqual(after.version, before.version + 1)
      assert.deepStrictEqual(yield* Fiber.join(changes), [before, after])
    }))
})
