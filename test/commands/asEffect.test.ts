/**
 * A command is an effect: alone, in a pipeline, transformed, on the client that made it or on that of the fiber.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import { groups } from "../../src/commands/Commands.ts"
import { Server } from "../../src/commands/Server.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { exception, LoadingError } from "../../src/RedisClusterException.ts"
import { TestCluster } from "../../src/testing/TestCluster.ts"

layer(TestCluster.layer())("A command", (it) => {
  it.effect("runs on the client whose method made it", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      assert.strictEqual(yield* redis.set("made", "by redis"), "OK")
      const get = redis.get("made")
      assert.isTrue(Command.isCommand(get))
      assert.isTrue(Effect.isEffect(get))
      assert.strictEqual(yield* get, "by redis")
      // It may be run again, and then asks again.
      yield* redis.set("made", "by redis again")
      assert.strictEqual(yield* get, "by redis again")
    }))

  it.effect("of a builder runs on the client of the fiber", () =>
    Effect.gen(function*() {
      yield* Strings.set("free", "1")
      assert.strictEqual(yield* Strings.get("free"), "1")
      assert.strictEqual((yield* Server.info("server")).size, 3)
    }))

  it.effect("stays bound when it is transformed", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.set("number", "41")
      const typed = redis.get("number").pipe(
        Command.schema(Schema.NullOr(Schema.NumberFromString)),
        Command.map((n) => (n ?? 0) + 1),
        Command.timeout("1 second"),
        Command.idempotent
      )
      assert.strictEqual(yield* typed, 42)
      const bytes = yield* Command.bytes(redis.get("number"))
      assert.deepStrictEqual(bytes, new Uint8Array(Buffer.from("41")))
    }))

  it.effect("is an entry of a pipeline, of a transaction and of Effect.all", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.set("a", "1")
      assert.deepStrictEqual(yield* redis.pipeline([redis.get("a"), redis.incr("n"), Strings.get("a")]), ["1", 1, "1"])
      assert.deepStrictEqual(yield* redis.transaction({ a: redis.get("a"), b: redis.incr("{a}n") }), { a: "1", b: 1 })
      assert.deepStrictEqual(
        yield* Effect.all([redis.get("a"), redis.incr("n")], { concurrency: "unbounded" }),
        ["1", 2]
      )
    }))

  it.effect("on a target, on a node and on a dedicated connection is an effect alone", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const node = yield* redis.node((yield* redis.primaries)[0])
      for (const effect of [redis.on("primaries").ping(), node.ping()]) {
        assert.isFalse(Command.isCommand(effect))
        assert.isTrue(Effect.isEffect(effect))
      }
    }))
})

describe("A command as a value", () => {
  it("is made by each call of a builder, and never shared: a client binds it in place", () => {
    const builders = groups.flatMap((group) =>
      Object.entries(group as unknown as Record<string, (...args: ReadonlyArray<never>) => unknown>)
    )
    const withoutArguments = builders.filter(([, build]) => build.length === 0)
    assert.isAbove(withoutArguments.length, 20)
    for (const [name, build] of withoutArguments) assert.notStrictEqual(build(), build(), name)
  })

  it("shows its name and its keys, and never a value", () => {
    const set = Strings.set("user:1", "secret")
    assert.strictEqual(String(set), "SET user:1")
    assert.strictEqual(JSON.stringify(set), `{"_id":"RedisCommand","name":"SET","keys":["user:1"]}`)
    assert.notInclude(inspect(set), "secret")
    assert.strictEqual(String(Strings.mset({ a: "1", b: "2" })), "MSET a b")
  })

  it.effect("that succeeds or fails by itself sends nothing", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.succeed("ada"), "ada")
      const error = exception(() => new LoadingError({ message: "later", outcome: "NotExecuted" }))
      assert.strictEqual(yield* Effect.flip(Command.fail(error)), error)
    }))
})
