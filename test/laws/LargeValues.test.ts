import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { isDeepStrictEqual } from "node:util"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import { Command } from "../../src/index.ts"
import { connect } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

const kib = 1024

/** Text in which no two places look alike, with characters of one to four bytes. */
const textOf = (length: number): string => {
  const parts: Array<string> = []
  for (let i = 0, at = 0; at < length; i++) {
    const part = `${i}:é€😀;`
    parts.push(part)
    at += part.length
  }
  return parts.join("")
}

const values = [63, 64, 65, 128, 1024, 5 * 1024].map((size) => textOf(size * kib))

/** Writes and reads the values at the same time, among small commands, over one connection. */
const roundTrip = (options: Partial<ClusterOptions>) =>
  Effect.gen(function*() {
    const cluster = yield* RedisCluster
    const redis = yield* connect({ nodes: cluster.seeds, ...options })
    const bytes = values.map((value) => Buffer.from(value))
    const each = { concurrency: "unbounded" } as const
    const small = Effect.forEach(values, () => redis.incr("small"), each)
    yield* redis.del("small")
    yield* Effect.all([
      ...values.map((value, i) => redis.set(`text${i}`, value)),
      small,
      ...bytes.map((value, i) => redis.set(`bytes${i}`, value)),
      small
    ], each)
    const both = yield* Effect.all({
      texts: Effect.forEach(values, (_, i) => redis.get(`bytes${i}`), each),
      small,
      bytes: Effect.forEach(values, (_, i) => Command.bytes(redis.get(`text${i}`)), each),
      many: redis.mgetNonatomic(values.flatMap((_, i) => [`text${i}`, "small"]))
    }, each)
    assert(isDeepStrictEqual(both.texts, values))
    assert(isDeepStrictEqual(both.bytes, bytes))
    assert(isDeepStrictEqual(both.many.filter((_, i) => i % 2 === 0), values))
    assert.strictEqual(yield* redis.get("small"), String(3 * values.length))
  })

describe("Large values come as they were written, whatever they pass", () => {
  layer(RedisCluster.layer({ primaries: 1 }), { timeout: "60 seconds", excludeTestServices: true })((it) => {
    it.effect("over RESP3", () => roundTrip({}))
    it.effect("over RESP2", () => roundTrip({ protocol: 2 }))
    it.effect("where a connection may hold few bytes", () => roundTrip({ maxInFlightBytes: 100 * kib }))
  })
  layer(RedisCluster.layer({ primaries: 1, tls: true }), { timeout: "60 seconds", excludeTestServices: true })((it) => {
    it.effect("over TLS", () => Effect.flatMap(RedisCluster, ({ tls }) => roundTrip({ tls: { ca: tls?.ca } })))
  })
})
