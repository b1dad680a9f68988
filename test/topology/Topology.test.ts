import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Duplex } from "node:stream"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { RespDecoder } from "../../src/protocol/RespDecoder.ts"
import { until } from "../harness/Waiting.ts"

/** Holds the answers of a connection back, this one first, until it is released with what is then the answer. */
type Hold = () => (reply: string) => void

/** Servers behind the `stream` option, whose answers the test decides; no answer means that it is held back. */
const servers =
  (answer: (endpoint: Endpoint, command: string, hold: Hold) => string | undefined) => (endpoint: Endpoint): Duplex => {
    let queue: Array<string> | undefined
    const send = (reply: string) => stream.push(`${reply}\r\n`)
    const hold: Hold = () => {
      queue = []
      return (reply) => {
        for (const one of [reply, ...queue ?? []]) send(one)
        queue = undefined
      }
    }
    const decoder = new RespDecoder({
      binary: () => false,
      onPush: () => {},
      onReply: (command) => {
        const reply = answer(endpoint, Array.isArray(command) ? command.join(" ") : "", hold)
        if (reply === undefined) return
        if (queue === undefined) send(reply)
        else queue.push(reply)
      }
    })
    const stream: Duplex = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _, done) => {
        decoder.push(chunk)
        done()
      }
    })
    return stream
  }

const id = (port: number) => String(port).repeat(10)
const row = (start: number, end: number, port: number) =>
  `*3\r\n:${start}\r\n:${end}\r\n*3\r\n+fake\r\n:${port}\r\n$40\r\n${id(port)}`
const map = `*2\r\n${row(0, 8191, 7001)}\r\n${row(8192, 16_383, 7002)}`

const handshake = (endpoint: Endpoint, command: string): string | undefined =>
  command.startsWith("HELLO")
    ? "%0"
    : command.startsWith("CLIENT")
    ? "+OK"
    : command === "CLUSTER SHARDS"
    ? "-ERR unknown subcommand 'SHARDS'"
    : command === "CLUSTER MYID"
    ? `$40\r\n${id(endpoint.port)}`
    : undefined

const connect = (stream: (endpoint: Endpoint) => Duplex) =>
  Effect.map(
    Layer.build(ClusterClient.layer({ nodes: { host: "fake", port: 7001 }, stream, minRefreshInterval: 10 })),
    (context) => Context.get(context, ClusterClient)
  )

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
        let held: { readonly port: number; readonly release: () => void } | undefined
        let moved = 0
        const redis = yield* connect(servers((endpoint, command, hold) => {
          if (command === "CLUSTER SLOTS") {
            fetches++
            if (!holding) return map
            holding = false
            const release = hold()
            held = { port: endpoint.port, release: () => release(map) }
            return undefined
          }
          if (command.startsWith("GET") && held !== undefined && endpoint.port !== 7003) {
            moved++
            return `-MOVED ${HashSlot.ofKey(command.slice(4))} fake:7003`
          }
          return handshake(endpoint, command) ?? "+value"
        }))
        yield* Effect.all([redis.get(keys[7001]), redis.get(keys[7002])])
        holding = true
        const refresh = yield* Effect.forkChild(redis.refreshTopology)
        yield* until("a fetch under way", () => held !== undefined)
        const before = fetches
        yield* redis.get(keys[held?.port === 7001 ? 7002 : 7001])
        assert.strictEqual(moved, 1)
        // Longer than the least time between two: the wish must not be taken as granted by the fetch under way.
        yield* Effect.sleep("30 millis")
        assert.strictEqual(fetches, before)
        held?.release()
        yield* Fiber.join(refresh)
        yield* until("another fetch", () => fetches > before)
      }),
    5000
  )

  it.live("asks the node that a MOVED has named: others may not have heard of what it owns", () =>
    Effect.forEach(Array.from({ length: 8 }), () =>
      Effect.scoped(Effect.gen(function*() {
        const asked: Array<number> = []
        let hasMoved = false
        const redis = yield* connect(servers((endpoint, command) => {
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
      const redis = yield* connect(
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
