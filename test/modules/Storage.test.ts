/**
 * Values as JSON documents: `Json.storage` as the storage of `Value`, on a real cluster with the module and on TestCluster.
 */
import { assert, describe, it as plainIt, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import * as Command from "../../src/commands/Command.ts"
import { CacheAside, ClusterClient, Codec, Compression, Value } from "../../src/index.ts"
import { Json } from "../../src/modules/Json.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { TestCluster } from "../../src/testing/index.ts"
import * as ModuleServer from "../harness/ModuleServer.ts"
import { connect } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { tagsFrom, whileSlotsMove } from "../laws/MovingSlots.ts"
import { inMemory } from "../testing/asRedisCluster.ts"

class User extends Schema.Class<User>("User")({
  name: Schema.String,
  born: Schema.Date,
  nick: Schema.Option(Schema.String),
  photo: Schema.Uint8Array,
  note: Schema.optional(Schema.String),
  score: Schema.BigInt,
  visits: Schema.Number
}) {}

const ada = new User({
  name: "ad\u00e4 {} \"\ud83d\ude00",
  born: new Date("1815-12-10"),
  nick: Option.some("countess"),
  photo: new Uint8Array([0, 255, 1]),
  note: undefined,
  score: 12345678901234567890n,
  visits: 2 ** 60
})

const storage = Json.storage
const Users = Value.make({ key: (id: number) => `user:${id}`, schema: User, timeToLive: "10 minutes", storage })
const Parts = Json.of(User, Users.key)
const Counts = Value.make({ key: (name: string) => `count:${name}`, schema: Schema.Number, storage })

const reasonOf = <A, R>(effect: Effect.Effect<A, RedisClusterException, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

/** Runs an effect on a new client of the cluster. */
const onCluster = <A, E, R>(effect: Effect.Effect<A, E, R>, options: Partial<ClusterOptions> = {}) =>
  Effect.gen(function*() {
    const { seeds, stream } = yield* RedisCluster
    const redis = yield* connect({ nodes: seeds, stream, ...options })
    yield* redis.flushall()
    return yield* Effect.provideService(effect, ClusterClient, redis)
  })

const environments = [
  {
    name: `a real cluster with the module${ModuleServer.why}`,
    layer: ModuleServer.cluster,
    isReal: true
  },
  { name: "TestCluster in memory", layer: Layer.effect(RedisCluster, inMemory()), isReal: false }
]

for (const { isReal, layer: cluster, name } of environments) {
  describe.skipIf(isReal && ModuleServer.isMissing)(`A value that is a JSON document, on ${name}`, () => {
    layer(cluster, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
      for (const protocol of [2, 3] as const) {
        it.effect(`comes back as it was, over RESP${protocol}, and commands on JSON see inside`, () =>
          onCluster(
            Effect.gen(function*() {
              const redis = yield* ClusterClient
              assert.isNull(yield* Users.get(1))
              assert.strictEqual(yield* Users.set(1, ada), "OK")
              assert.deepStrictEqual(yield* Users.get(1), ada)
              assert.instanceOf(yield* Users.get(1), User)
              assert.strictEqual(yield* redis.type(Users.key(1)), "ReJSON-RL")
              assert.deepStrictEqual(yield* Parts.at("born").get(1), ada.born)
              assert.deepStrictEqual(yield* Json.numincrby(Users.key(1), "$.visits", 1), [ada.visits + 1])
              yield* Parts.at("visits").set(1, 7)
              assert.strictEqual((yield* Users.get(1))?.visits, 7)
              assert.isAbove(yield* redis.pttl(Users.key(1)), 590_000)
              assert.deepStrictEqual(yield* redis.pipeline([Users.get(1), redis.exists("nothing")]), [
                new User({ ...ada, visits: 7 }),
                0
              ])
              assert.deepStrictEqual(
                yield* redis.transaction([Users.set(2, ada), Users.get(2), redis.exists("user:2")]),
                ["OK", ada, 1]
              )
              assert.isTrue(yield* Users.delete(1))
              assert.isFalse(yield* Users.delete(1))
            }),
            { protocol }
          ))
      }

      it.effect("lives for its time, for another one, for the rest of its time, or without an end, as a call says", () =>
        onCluster(Effect.gen(function*() {
          const redis = yield* ClusterClient
          const left = redis.pttl(Users.key(3))
          yield* Users.set(3, ada)
          assert.isTrue((yield* left) > 590_000 && (yield* left) <= 600_000)
          yield* Users.set(3, ada, { expire: "1 hour" })
          assert.isAbove(yield* left, 3_000_000)
          yield* Users.set(3, ada, { keepTtl: true })
          assert.isAbove(yield* left, 3_000_000)
          yield* Users.set(3, ada, { expireAt: new Date(Date.now() + 7_200_000) })
          assert.isAbove(yield* left, 7_000_000)
          yield* Users.set(3, ada, { expire: "Infinity" })
          assert.strictEqual(yield* left, -1)
          yield* Users.set(3, ada, { expire: "1500 millis" })
          assert.isAtMost(yield* left, 1500)
          yield* Users.update(3, () => ada)
          assert.isTrue((yield* left) > 590_000 && (yield* left) <= 600_000)
          yield* Counts.set("lasting", 1, { expire: "1 hour" })
          yield* Counts.update("lasting", (n) => (n ?? 0) + 1)
          assert.isAbove(yield* redis.pttl(Counts.key("lasting")), 3_000_000)
          yield* Counts.set("lasting", 1)
          assert.strictEqual(yield* redis.pttl(Counts.key("lasting")), -1)
          assert.isNull(yield* Users.set(3, ada, { condition: "NX", expire: "1 hour" }))
          assert.isBelow(yield* left, 3_000_000)
          assert.isNull(yield* Users.set(4, ada, { condition: "XX" }))
          assert.deepStrictEqual(yield* Users.set(3, ada, { get: true }), ada)
          assert.isNull(yield* Users.set(33, ada, { get: true, condition: "NX" }))
          assert.deepStrictEqual(yield* Users.get(33), ada)
          yield* Users.setMany([[5, ada], [6, ada]], { expire: "1 hour" })
          assert.isAbove(yield* redis.pttl(Users.key(6)), 3_000_000)
        })))

      it.effect("is read and written with many others, over any slots, in order, duplicates included", () =>
        onCluster(Effect.gen(function*() {
          const names = range(100).map((i) => `many:${i}`)
          yield* Counts.setMany(names.map((name, i) => [name, i] as const))
          const asked = [...names, "none", ...names.slice(0, 3), "{tag}a", "{tag}b"]
          yield* Counts.set("{tag}b", 7)
          const expected = [...names.map((_, i) => i), null, 0, 1, 2, null, 7]
          assert.deepStrictEqual(yield* Counts.getMany(asked), expected)
          assert.strictEqual(yield* Counts.deleteMany([...names, "none"]), 100)
          const bad = yield* Effect.flip(Counts.setMany([["x", 1], ["y", "secret" as never]]))
          assert.strictEqual(bad.root._tag, "EncodeError")
          assert.deepStrictEqual(yield* Counts.getMany(["x", "y"]), [null, null])
        })))

      it.effect("is updated once for each of 50 fibers that want it at the same time", () =>
        onCluster(Effect.gen(function*() {
          const one = Counts.update("contended", (n) => (n ?? 0) + 1)
          const seen = yield* Effect.forEach(range(50), () => one, { concurrency: "unbounded" })
          assert.deepStrictEqual(seen.toSorted((a, b) => a - b), range(50).map((i) => i + 1))
          assert.strictEqual(yield* Counts.modify("contended", (n) => [n, 1]), 50)
          const { message } = yield* Effect.flip(
            Counts.updateEffect("contended", () => Effect.fail(new Error("of the program")))
          )
          assert.strictEqual(message, "of the program")
          assert.strictEqual(yield* Counts.get("contended"), 1)
        })))

      it.effect("is updated once for each call while its slot moves", () =>
        onCluster(Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const tags = tagsFrom(0, 2)
          const target = yield* cluster.owner(16000)
          const done = tags.map(() => 0)
          yield* whileSlotsMove(cluster, { tags, target, callers: 4 }, (index) => {
            const at = index % tags.length
            return Effect.map(Counts.update(`{${tags[at]}}`, (n) => (n ?? 0) + 1), () => done[at]++)
          })
          assert.deepStrictEqual(yield* Counts.getMany(tags.map((tag) => `{${tag}}`)), done)
        })))

      it.effect("is answered by the cache until somebody changes it", () =>
        onCluster(
          Effect.gen(function*() {
            const redis = yield* ClusterClient
            yield* Counts.set("seen", 1)
            const read = Counts.get("seen").pipe(Command.cached("1 minute"))
            assert.deepStrictEqual([yield* read, yield* read], [1, 1])
            assert.strictEqual((yield* redis.cacheStatistics).hits, 1)
            yield* Counts.set("seen", 2)
            assert.strictEqual(yield* read, 2)
            assert.deepStrictEqual(yield* Counts.getMany(["seen", "none"], { cached: "1 minute" }), [2, null])
            yield* Counts.update("seen", () => 3)
            assert.strictEqual(yield* read, 3)
          }),
          { cache: { maxBytes: 1 << 20 } }
        ))

      it.effect("that does not fit is an EncodeError or a DecodeError, without the value, and nothing is written", () =>
        onCluster(Effect.gen(function*() {
          const redis = yield* ClusterClient
          const refused = yield* reasonOf(Counts.set("wrong", "secret" as never))
          assert.deepStrictEqual([refused._tag, refused.outcome, refused.command], [
            "EncodeError",
            "NotExecuted",
            "JSON.SET"
          ])
          assert.notInclude(refused.message, "secret")
          const Texts = Value.make({ key: () => "count:text", schema: Schema.String, storage })
          assert.strictEqual((yield* reasonOf(Texts.set(undefined, "a\ud800")))._tag, "EncodeError")
          // TestCluster has the numbers of JavaScript.
          for (const stored of [`"secret"`, ...(isReal ? ["9007199254740993"] : [])]) {
            yield* Json.set("count:wrong", "$", Json.text(stored))
            const reason = yield* reasonOf(Counts.get("wrong"))
            assert.deepStrictEqual([reason._tag, reason.command], ["DecodeError", "JSON.GET"])
            assert.notInclude(reason.message, "secret")
            const updating = yield* Effect.flip(Counts.update("wrong", () => 1))
            assert(updating._tag === "RedisClusterException")
            assert.deepStrictEqual([updating.reason._tag, updating.reason.command], ["DecodeError", "JSON.GET"])
          }
          const invalid = yield* reasonOf(Counts.set("wrong", 1, { expire: "1 hour", keepTtl: true } as never))
          assert.strictEqual(invalid._tag, "OptionsError")
          yield* redis.set("count:text", "a string")
          const unlike = yield* reasonOf(Texts.set(undefined, "a"))
          assert.strictEqual(unlike._tag, "ReplyError")
          assert.strictEqual(yield* redis.get("count:text"), "a string")
        })))
    })
  })
}

describe("A definition with a storage", () => {
  const parts = { key: () => "k", schema: Schema.String, storage } as const
  const cases: Readonly<Record<string, readonly [Command.Command<unknown>, RegExp]>> = {
    "a storage that is none": [Value.make({ ...parts, storage: "json" as never }).get(), /Json\.storage/],
    "a codec beside it": [Value.make({ ...parts, codec: Codec.text }).get(), /are for strings/],
    "a compression beside it": [Value.make({ ...parts, compression: Compression.zstd() }).get(), /are for strings/]
  }
  for (const [name, [{ settings }, message]] of Object.entries(cases)) {
    plainIt(`is refused with words: ${name}`, () => {
      assert.match(settings.invalid ?? "", message)
    })
  }

  plainIt.effect("is refused by CacheAside, which keeps its values in strings", () =>
    Effect.gen(function*() {
      const aside = CacheAside.make({
        value: Value.make({ ...parts, timeToLive: "1 hour" }),
        load: () => Effect.succeed("x")
      })
      const error = yield* Effect.flip(
        aside.get(undefined).pipe(Effect.provide(TestCluster.layer({ primaries: 1 })), Effect.scoped)
      )
      assert.match(String(error), /in strings/)
    }))
})
