/**
 * A view of the client through which every command passes a function.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import { TestCluster } from "../../src/testing/index.ts"

const onTestCluster = Effect.provide(TestCluster.layer())

const inNamespace = Effect.map(
  ClusterClient,
  (redis) => ({ redis, mapped: redis.mapCommand(Command.mapKeys((key) => `{ns}:${key}`)) })
)

describe("mapCommand", () => {
  it.effect("passes single commands, builders' commands, pipelines, transactions and targets through the function", () =>
    Effect.gen(function*() {
      const { mapped, redis } = yield* inNamespace
      yield* mapped.set("a", "1")
      yield* mapped.execute(Strings.set("b", "2"))
      assert.deepStrictEqual(yield* mapped.pipeline([Strings.get("a"), mapped.get("b")]), ["1", "2"])
      assert.deepStrictEqual(yield* mapped.transaction({ a: Strings.get("a") }), { a: "1" })
      assert.deepStrictEqual(yield* mapped.mgetNonatomic(["a", "b"]), ["1", "2"])
      assert.deepStrictEqual(yield* mapped.readFrom(ReadFrom.replica).get("a"), "1")
      assert.deepStrictEqual(
        yield* Stream.runCollect(mapped.pipelineStream([Strings.get("a")])),
        ["1"]
      )
      assert.deepStrictEqual(yield* redis.get("{ns}:a"), "1")
      assert.isNull(yield* redis.get("a"))
    }).pipe(onTestCluster))

  it.effect("passes the commands of dedicated connections through the function, WATCH included", () =>
    Effect.gen(function*() {
      const { mapped, redis } = yield* inNamespace
      yield* Effect.scoped(Effect.flatMap(mapped.dedicated("{ns}"), (own) => own.set("a", "1")))
      assert.strictEqual(yield* redis.get("{ns}:a"), "1")
      yield* mapped.watch("a", (tx) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* tx.get("a"), "1")
          yield* tx.transaction([Strings.set("a", "2")])
        }))
      assert.strictEqual(yield* redis.get("{ns}:a"), "2")
    }).pipe(onTestCluster))

  it.effect("composes, the inner view last", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const twice = redis.mapCommand(Command.mapKeys((key) => `{x}${key}`)).mapCommand(
        Command.mapKeys((key) => `tenant:${key}`)
      )
      yield* twice.set("k", "v")
      assert.strictEqual(yield* redis.get("{x}tenant:k"), "v")
    }).pipe(onTestCluster))

  it.effect("fails a command whose function throws, before it is sent, and no other", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const strict = redis.mapCommand((command) => {
        if (command.keys.includes("forbidden")) throw new Error("forbidden")
        return command
      })
      const error = yield* Effect.flip(strict.get("forbidden"))
      assert.strictEqual(error.reason._tag, "OptionsError")
      assert.isNull(yield* strict.get("allowed"))
      const results = yield* strict.pipelineResults([Strings.get("forbidden"), Strings.get("allowed")])
      assert.deepStrictEqual(results.map(({ _tag }) => _tag), ["Failure", "Success"])
    }).pipe(onTestCluster))

  it.effect("leaves the client itself as it is", () =>
    Effect.gen(function*() {
      const { redis } = yield* inNamespace
      yield* redis.set("a", "1")
      const cluster = yield* TestCluster
      assert.deepStrictEqual((yield* cluster.received({ name: "SET" })).map(({ args }) => args[0]), ["a"])
    }).pipe(onTestCluster))
})
