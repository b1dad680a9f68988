/**
 * Several clients in one program, and stand-ins for one.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { exception, LoadingError } from "../../src/RedisClusterException.ts"
import { TestCluster } from "../../src/testing/index.ts"

class Cache extends ClusterClient.named<Cache>()("test/Cache") {}

describe("A client with a service of its own", () => {
  const other = Layer.effect(Cache, ClusterClient).pipe(Layer.provide(Layer.fresh(TestCluster.layer())))
  const both = Layer.merge(TestCluster.layer(), other)

  it.effect("is another client than ClusterClient", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cache = yield* Cache
      yield* redis.set("k", "main")
      yield* cache.set("k", "cache")
      assert.deepStrictEqual([yield* redis.get("k"), yield* cache.get("k")], ["main", "cache"])
    }).pipe(Effect.provide(both)))

  it.effect("runs effects that require ClusterClient", () =>
    Effect.gen(function*() {
      yield* Strings.set("k", "main")
      yield* Strings.set("k", "cache").pipe(Cache.provide)
      assert.deepStrictEqual([yield* Strings.get("k"), yield* Cache.provide(Strings.get("k"))], ["main", "cache"])
    }).pipe(Effect.provide(both)))

  it.effect("is the ClusterClient of layers that require one", () =>
    Effect.gen(function*() {
      yield* Cache.provide(Strings.set("k", "cache"))
      const got = yield* Effect.provide(Strings.get("k"), Cache.layerAsDefault)
      assert.strictEqual(got, "cache")
    }).pipe(Effect.provide(other)))

  it.effect("fails like ClusterClient when no node answers", () =>
    Effect.gen(function*() {
      const layer = Cache.layer({ nodes: { host: "127.0.0.1", port: 1 }, connectTimeout: "1 second" })
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(layer)))
      assert.isTrue(Exit.isFailure(exit))
    }))
})

describe("ClusterClient.layerMock", () => {
  it.effect("has the given members, and pipelines of them", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      assert.strictEqual(yield* redis.get("user:1"), "ada")
      assert.deepStrictEqual(yield* redis.pipeline({ name: redis.get("user:1"), n: redis.incr("n") }), {
        name: "ada",
        n: 1
      })
      assert.strictEqual(yield* redis.get("user:1").pipe(Command.map((name) => `${name}!`)), "ada!")
      const number = redis.get("user:1").pipe(Command.schema(Schema.NullOr(Schema.FiniteFromString)))
      assert.strictEqual((yield* Effect.flip(number)).reason._tag, "DecodeError")
      assert.strictEqual(redis.slotOf("user:1"), 10778)
      const error = yield* Effect.flip(redis.decr("n"))
      assert.strictEqual(error.reason._tag, "LoadingError")
    }).pipe(Effect.provide(ClusterClient.layerMock({
      get: () => Command.succeed<string | null>("ada"),
      incr: () => Command.succeed(1),
      decr: () => Command.fail(exception(() => new LoadingError({ message: "later", outcome: "NotExecuted" })))
    }))))

  it.effect.each(
    [
      ["set", Effect.flatMap(ClusterClient, (redis) => redis.set("k", "v"))],
      ["on(...).dbsize", Effect.flatMap(ClusterClient, (redis) => redis.on("all").dbsize())],
      ["GET", Strings.get("k")]
    ] as const
  )("dies and says the name of a member that it has not: %s", ([name, effect]) =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(effect as Effect.Effect<unknown, unknown, ClusterClient>)
      assert.isTrue(Exit.isFailure(exit) && exit.cause.reasons.some((reason) => reason._tag === "Die"))
      assert.include(String(exit), name)
    }).pipe(Effect.provide(ClusterClient.layerMock({}))))
})
