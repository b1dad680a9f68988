/**
 * Regions of a program that give their commands a deadline or idempotence.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { ConflictError } from "../../src/ConflictError.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { Response, TestCluster } from "../../src/testing/index.ts"
import { nameOf } from "../harness/nameOf.ts"

const onTestCluster = Effect.provide(TestCluster.layer({ client: { commandTimeout: "10 seconds" } }))

/** The error of an effect whose node does not answer, after so many milliseconds of the clock. */
const errorAfter = Effect.fnUntraced(function*(
  millis: number,
  run: (redis: ClusterClientShape) => Effect.Effect<unknown, RedisClusterException>
) {
  const cluster = yield* TestCluster
  const redis = yield* ClusterClient
  yield* redis.on("primaries").ping()
  yield* Effect.forEach(cluster.primaries, (node) => cluster.stall(node), { discard: true })
  const fiber = yield* Effect.forkChild(Effect.flip(run(redis)))
  yield* TestClock.adjust(millis - 1)
  assert.isUndefined(fiber.pollUnsafe(), `ended before ${millis} ms`)
  yield* TestClock.adjust(1)
  return yield* Fiber.join(fiber)
})

describe("Command.withTimeout", () => {
  it.effect.each(
    [
      ["a command", (redis: ClusterClientShape) => redis.incr("n")],
      ["a pipeline", (redis: ClusterClientShape) => redis.pipeline([redis.incr("n")])],
      ["a transaction", (redis: ClusterClientShape) => redis.transaction([redis.incr("n")])],
      ["a target", (redis: ClusterClientShape) => redis.on("primaries").dbsize()],
      [
        "a node",
        (redis: ClusterClientShape) =>
          Effect.flatMap(redis.primaries, ([first]) => Effect.flatMap(redis.node(first), (one) => one.dbsize()))
      ]
    ] as const
  )("is the deadline of %o", ([, run]) =>
    Effect.gen(function*() {
      const error = yield* errorAfter(300, (redis) =>
        Command.withTimeout<unknown, RedisClusterException, never>(run(redis), "300 millis"))
      assert.include(["TimeoutError", "PipelineError", "PartialFailureError", "TransactionError"], error.reason._tag)
      assert.strictEqual(error.root._tag, "TimeoutError")
      assert.strictEqual(error.outcome, "Unknown")
    }).pipe(onTestCluster))

  it.effect("leaves a command its own deadline, and ends with its region", () =>
    Effect.gen(function*() {
      const error = yield* errorAfter(
        500,
        (redis) => redis.incr("n").pipe(Command.timeout("500 millis"), Command.withTimeout("300 millis"))
      )
      assert.strictEqual(error.reason._tag, "TimeoutError")
    }).pipe(onTestCluster))

  it.effect("of an inner region replaces that of an outer one", () =>
    Effect.gen(function*() {
      const error = yield* errorAfter(
        200,
        (redis) => redis.incr("n").pipe(Command.withTimeout("200 millis"), Command.withTimeout("300 millis"))
      )
      assert.strictEqual(error.reason._tag, "TimeoutError")
    }).pipe(onTestCluster))

  it.effect("with a duration below zero fails each command before it is sent", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const error = yield* Effect.flip(Command.withTimeout(redis.incr("n"), -1))
      assert.strictEqual(error.reason._tag, "OptionsError")
      const entry = yield* Effect.flip(Command.withTimeout(redis.pipeline([redis.incr("n")]), -1))
      assert.strictEqual(entry.root._tag, "OptionsError")
      const others: ReadonlyArray<Effect.Effect<unknown, ConflictError | RedisClusterException>> = [
        redis.dbsize(),
        redis.on("all").dbsize(),
        redis.blpop("list", "1 second"),
        redis.watch("n", (tx) => tx.get("n")),
        Effect.scoped(Effect.flatMap(redis.dedicated("n"), (own) => own.incr("n")))
      ]
      for (const other of others) {
        assert.strictEqual(nameOf(yield* Effect.flip(Command.withTimeout(other, -1))), "OptionsError")
      }
      assert.strictEqual(yield* redis.incr("n"), 1)
    }).pipe(onTestCluster))
})

describe("Command.withIdempotence", () => {
  const lostOnce = Effect.fnUntraced(function*() {
    const cluster = yield* TestCluster
    let lost = 0
    yield* cluster.onCommand("SET", () => lost++ === 0 ? Response.disconnect({ executed: true }) : undefined)
  })

  it.effect("sends a command again whose connection was lost", () =>
    Effect.gen(function*() {
      yield* lostOnce()
      const fiber = yield* Effect.forkChild(Command.withIdempotence(Strings.set("k", "v")))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "OK")
    }).pipe(onTestCluster))

  it.effect("ends with its region", () =>
    Effect.gen(function*() {
      yield* lostOnce()
      yield* Command.withIdempotence(Lists.llen("l"))
      const error = yield* Effect.flip(Strings.set("k", "v"))
      assert.strictEqual(error.outcome, "Unknown")
    }).pipe(onTestCluster))
})
