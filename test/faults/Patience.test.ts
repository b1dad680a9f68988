/**
 * Commands that take longer than a silence may last.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Command from "../../src/commands/Command.ts"
import { Scripting, Strings } from "../../src/index.ts"
import { blockedClients, connect } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"

/** Counts its executions, and keeps the server busy for more than a second. */
const slow = `
  redis.call("INCR", KEYS[1])
  local start = redis.call("TIME")
  repeat
    local now = redis.call("TIME")
  until (now[1] - start[1]) * 1e6 + now[2] - start[2] > 1.2e6
  return redis.call("GET", KEYS[1])`

const impatient = { pingAfter: "150 millis", pingTimeout: "150 millis", connectTimeout: "300 millis" } as const

describe("A command that keeps its server busy", () => {
  layer(RedisCluster.layer(), { excludeTestServices: true })((it) => {
    it.effect("is executed once and answered, when the timeout of the client allows it, although nobody is answered meanwhile", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds, ...impatient, commandTimeout: "20 seconds" })
        const call = Command.idempotent(Scripting.eval(slow, { keys: ["slow"], args: [] }))
        assert.strictEqual(yield* redis.execute(call), "1")
        assert.strictEqual(yield* redis.get("slow"), "1")
      }))

    it.effect("costs no other caller a connection on which the server holds a command back", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, ...impatient, commandTimeout: "20 seconds" })
        const waiting = yield* Effect.forkChild(redis.blpop("{busy}list", "Infinity"))
        yield* eventually(
          "the server holds it back",
          Effect.map(blockedClients(cluster), (blocked) => blocked === 1)
        )
        yield* redis.eval(slow, { keys: ["{busy}"], args: [] })
        yield* redis.rpush("{busy}list", "x")
        assert.deepStrictEqual((yield* Fiber.join(waiting))?.element, "x")
      }))
  })
})

describe("A primary that stands still with a command that has much time", () => {
  it.live("gives it up when another one has taken its place", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ replicas: 1, nodeTimeout: 1000 })
      const redis = yield* connect({ nodes: cluster.seeds, ...impatient })
      const [primary] = cluster.nodes
      const key = "patient"
      const owner = yield* redis.ownerOf(key)
      const node = cluster.nodes.find(({ port }) => port === owner?.port) ?? primary
      yield* redis.set(key, "value")
      const [replica] = yield* cluster.replicasOf(node)
      yield* eventually(
        "its replica has the value",
        Effect.map(cluster.command(replica, "DBSIZE"), (size) => size === 1)
      )
      yield* cluster.stop(node)
      let hasAnswer = false
      yield* Effect.forkScoped(Effect.tap(
        redis.execute(Command.timeout(Strings.get(key), "90 seconds")),
        (value) => Effect.sync(() => (hasAnswer = value === "value"))
      ))
      yield* until("its successor answers", () => hasAnswer, 30_000)
      yield* cluster.continue(node)
    }), 60_000)
})
