/**
 * Commands that take longer than a silence may last.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Command from "../../src/commands/Command.ts"
import { Scripting, Strings } from "../../src/index.ts"
import { blockedClients, connect, errorReplies, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
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

describe("A server that pauses its clients", () => {
  layer(RedisCluster.layer(), { excludeTestServices: true })((it) => {
    const lenient = { pingAfter: "300 millis", pingTimeout: "1 second", connectTimeout: "300 millis" } as const
    for (
      const { keeps, millis, mode, patience, when } of [
        {
          mode: "ALL",
          patience: impatient,
          millis: 1200,
          keeps: true,
          when: "however long, because it answers nobody"
        },
        {
          mode: "WRITE",
          patience: lenient,
          millis: 600,
          keeps: true,
          when: "for less than the patience of the client"
        },
        // Others are answered: a connection on which nothing comes looks as one that has been lost.
        {
          mode: "WRITE",
          patience: impatient,
          millis: 1200,
          keeps: false,
          when: "for longer, and says when it is not sure"
        }
      ] as const
    ) {
      it.effect(`executes at most once what it holds back by CLIENT PAUSE ${mode}, ${when}`, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const options = { ...patience, commandTimeout: "20 seconds", refreshInterval: "Infinity" } as const
          const redis = yield* connect({ nodes: cluster.seeds, ...options })
          const key = "paused"
          const owner = yield* redis.ownerOf(key)
          const node = cluster.nodes.find(({ port }) => port === owner?.port) ?? cluster.nodes[0]
          yield* redis.set(key, "0")
          const own = yield* redis.node(node)
          const id = yield* own.clientId()
          yield* cluster.command(node, "CLIENT", "PAUSE", String(millis), mode)
          const result = yield* Effect.result(redis.incr(key))
          yield* cluster.command(node, "CLIENT", "UNPAUSE")
          if (keeps) {
            assert.deepStrictEqual(result, Result.succeed(1))
            assert.strictEqual(yield* own.clientId(), id)
          } else {
            assert(Result.isFailure(result))
            assert.strictEqual(result.failure.outcome, "Unknown")
          }
          assert.isAtMost(Number(yield* redis.get(key)), 1)
        }))
    }
  })
})

describe("A primary that loads its data", () => {
  it.live(
    "has its commands wait, is asked by a few of them, and serves all of them afterwards",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make({
          nodeTimeout: 10_000,
          // The server loads a key in 500 microseconds at least, and looks at its clients after each kilobyte.
          options: ["--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"]
        })
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "30 seconds" })
        const [node] = cluster.nodes
        const tag = tagWhere((slot) => slot < 5000)
        const keys = range(4000).map((i) => `{${tag}}:${i}`)
        yield* redis.pipeline(keys.map((key) => Strings.set(key, key)))
        yield* cluster.command(node, "SAVE")
        yield* cluster.restart(node)
        assert.include(String(yield* cluster.command(node, "INFO", "persistence")), "loading:1")
        const asked = keys.slice(0, 1000)
        const values = yield* Effect.forEach(asked, (key) => redis.get(key), { concurrency: "unbounded" })
        assert.deepStrictEqual(values, asked)
        const refused = yield* errorReplies(cluster, "LOADING")
        // All may be sent before the first is refused; then 16 at a time ask.
        assert.isAbove(refused, 0)
        assert.isBelow(refused, 2000)
      }),
    60_000
  )
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
