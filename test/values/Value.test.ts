/**
 * Typed values: both ways through a schema, over any slots, and updates that count once.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { deserialize, serialize } from "node:v8"
import * as Command from "../../src/commands/Command.ts"
import { ClusterClient, Codec, Compression, HashValue, Value } from "../../src/index.ts"
import * as KeyValueStoreRedis from "../../src/integrations/KeyValueStoreRedis.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { Response, TestCluster } from "../../src/testing/index.ts"
import { connect } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { tagsFrom, whileSlotsMove } from "../laws/MovingSlots.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const failureOf = <E, R>(self: Effect.Effect<unknown, E, R>) => Effect.flip(self)
const reasonOf = <R>(self: Effect.Effect<unknown, RedisClusterException, R>) =>
  Effect.map(Effect.flip(self), (e) => e.reason)

class User extends Schema.Class<User>("User")({
  id: Schema.Number.pipe(Schema.brand("UserId")),
  name: Schema.String,
  born: Schema.Date,
  nick: Schema.Option(Schema.String),
  photo: Schema.Uint8Array,
  note: Schema.optional(Schema.String),
  score: Schema.BigInt
}) {}

const ada = new User({
  id: User.fields.id.make(1),
  name: "adä {}",
  born: new Date("1815-12-10"),
  nick: Option.some("countess"),
  photo: new Uint8Array([0, 255, 1]),
  note: undefined,
  score: 12345678901234567890n
})

const Users = Value.make({ key: (id: number) => `user:${id}`, schema: User, timeToLive: "10 minutes" })
const Counts = Value.make({ key: (name: string) => `count:${name}`, schema: Schema.Number })

describeOnEach("A typed value, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    const client = Effect.gen(function*() {
      const cluster = yield* RedisCluster
      const redis = yield* connect({ nodes: cluster.seeds })
      return { cluster, redis, on: Effect.provideService(ClusterClient, redis) }
    })

    it.effect("comes back as it was: class, brand, date, Option, bytes, bigint, undefined", () =>
      Effect.gen(function*() {
        const { on, redis } = yield* client
        yield* Effect.gen(function*() {
          assert.isNull(yield* Users.get(1))
          assert.strictEqual(yield* Users.set(1, ada), "OK")
          const found = yield* Users.get(1)
          assert.isTrue(found instanceof User)
          assert.deepStrictEqual(found, ada)
          assert.deepStrictEqual(yield* redis.pipeline([Users.get(1), redis.strlen("nothing")]), [ada, 0])
          assert.deepStrictEqual(
            yield* redis.transaction([Users.set(2, ada), Users.get(2), redis.exists("user:2")]),
            ["OK", ada, 1]
          )
          assert.isTrue(yield* Users.delete(1))
          assert.isFalse(yield* Users.delete(1))
        }).pipe(on)
      }))

    it.effect("lives for its time, for another one, for the rest of its time, or without an end, as a call says", () =>
      Effect.gen(function*() {
        const { on, redis } = yield* client
        yield* Effect.gen(function*() {
          const left = redis.pttl(Users.key(3))
          yield* Users.set(3, ada)
          assert.isTrue((yield* left) > 590_000 && (yield* left) <= 600_000)
          yield* Users.set(3, ada, { expire: "1 hour" })
          assert.isAbove(yield* left, 3_000_000)
          yield* Users.set(3, ada, { keepTtl: true })
          assert.isAbove(yield* left, 3_000_000)
          yield* Users.set(3, ada, { expire: "Infinity" })
          assert.strictEqual(yield* left, -1)
          yield* Users.update(3, () => ada)
          assert.isTrue((yield* left) > 590_000 && (yield* left) <= 600_000)
          yield* Counts.set("lasting", 1, { expire: "1 hour" })
          yield* Counts.update("lasting", (n) => (n ?? 0) + 1)
          assert.isAbove(yield* redis.pttl(Counts.key("lasting")), 3_000_000)
          assert.strictEqual(yield* Users.set(3, ada, { condition: "NX" }), null)
          assert.deepStrictEqual(yield* Users.set(3, ada, { get: true }), ada)
          assert.isNull(yield* Users.set(33, ada, { get: true, condition: "NX" }))
        }).pipe(on)
      }))

    it.effect("is read and written with many others, over any slots, in order, duplicates included", () =>
      Effect.gen(function*() {
        const { on } = yield* client
        yield* Effect.gen(function*() {
          const names = range(300).map((i) => `many:${i}`)
          yield* Counts.setMany(names.map((name, i) => [name, i] as const))
          const asked = [...names, "none", ...names.slice(0, 3), "{tag}a", "{tag}b"]
          yield* Counts.set("{tag}b", 7)
          const expected = [...names.map((_, i) => i), null, 0, 1, 2, null, 7]
          assert.deepStrictEqual(yield* Counts.getMany(asked), expected)
          assert.deepStrictEqual(yield* Counts.getMany([]), [])
          yield* Counts.setMany([])
          assert.strictEqual(yield* Counts.deleteMany([...names, "none"]), 300)
          assert.strictEqual(yield* Counts.deleteMany([]), 0)
          const bad = yield* failureOf(Counts.setMany([["x", 1], ["y", "secret" as never]]))
          assert.strictEqual(bad.root._tag, "EncodeError")
          assert.deepStrictEqual(yield* Counts.getMany(["x", "y"]), [null, null])
        }).pipe(on)
      }))

    it.effect("is updated once for each of 50 fibers that want it at the same time", () =>
      Effect.gen(function*() {
        const { on } = yield* client
        yield* Effect.gen(function*() {
          const one = Counts.update("contended", (n) => (n ?? 0) + 1)
          const seen = yield* Effect.forEach(range(50), () => one, { concurrency: "unbounded" })
          assert.deepStrictEqual(seen.toSorted((a, b) => a - b), range(50).map((i) => i + 1))
          assert.strictEqual(yield* Counts.get("contended"), 50)
          const former = yield* Counts.modify("contended", (n) => [n, 1])
          assert.strictEqual(former, 50)
          const { message } = yield* failureOf(
            Counts.updateEffect("contended", () => Effect.fail(new Error("of the program")))
          )
          assert.strictEqual(message, "of the program")
          assert.strictEqual(yield* Counts.get("contended"), 1)
        }).pipe(on)
      }))

    it.effect("is updated once for each call while its slot moves", () =>
      Effect.gen(function*() {
        const { cluster, on } = yield* client
        const tags = tagsFrom(0, 2)
        const [, target] = cluster.nodes
        const done = tags.map(() => 0)
        yield* whileSlotsMove(cluster, { tags, target, callers: 4 }, (index) => {
          const at = index % tags.length
          return Effect.map(Counts.update(`{${tags[at]}}`, (n) => (n ?? 0) + 1), () => done[at]++)
        }).pipe(on)
        assert.deepStrictEqual(yield* Counts.getMany(tags.map((tag) => `{${tag}}`)).pipe(on), done)
      }))

    it.effect("that is no value of the schema does not leave, and one that is stored is a DecodeError, without the value", () =>
      Effect.gen(function*() {
        const { on, redis } = yield* client
        yield* Effect.gen(function*() {
          const refused = yield* reasonOf(Counts.set("wrong", "secret" as never))
          assert.deepStrictEqual([refused._tag, refused.outcome, refused.command], [
            "EncodeError",
            "NotExecuted",
            "SET"
          ])
          assert.notInclude(refused.message, "secret")
          for (const stored of [`"secret"`, "secret", Buffer.from([0xff, 0xfe])]) {
            yield* redis.set("count:wrong", stored)
            const reason = yield* reasonOf(Counts.get("wrong"))
            assert.strictEqual(reason._tag, "DecodeError")
            assert.notInclude(reason.message, "secret")
            const updating = yield* failureOf(Counts.update("wrong", () => 1))
            assert(updating._tag === "RedisClusterException")
            assert.strictEqual(updating.reason._tag, "DecodeError")
            assert.strictEqual((yield* failureOf(Counts.getMany(["wrong"]))).root._tag, "DecodeError")
          }
          assert.isTrue(yield* Counts.delete("wrong"))
          const encoding = yield* failureOf(Counts.update("wrong", () => "secret" as never))
          assert(encoding._tag === "RedisClusterException")
          assert.strictEqual(encoding.reason._tag, "EncodeError")
          assert.isNull(yield* Counts.get("wrong"))
        }).pipe(on)
      }))

    it.effect("has the form that its codec gives it", () =>
      Effect.gen(function*() {
        const { on, redis } = yield* client
        yield* Effect.gen(function*() {
          const Visits = Value.make({ key: () => "visits", schema: Schema.FiniteFromString, codec: Codec.text })
          yield* Visits.set(undefined, 41)
          assert.strictEqual(yield* redis.incr("visits"), 42)
          assert.strictEqual(yield* Visits.get(), 42)
          assert.strictEqual(yield* Visits.update(undefined, (n) => (n ?? 0) + 1), 43)
          assert.strictEqual(yield* redis.get("visits"), "43")
          const Blobs = Value.make({ key: () => "blob", schema: Schema.Uint8Array, codec: Codec.bytes })
          yield* Blobs.set(undefined, new Uint8Array([0, 1, 255]))
          assert.deepStrictEqual([...(yield* Blobs.get()) ?? []], [0, 1, 255])
          const V8 = Codec.make({ encode: serialize, decode: deserialize })
          const Own = Value.make({ key: () => "own", schema: User, codec: V8 })
          yield* Own.set(undefined, ada)
          assert.deepStrictEqual(yield* Own.get(), ada)
          yield* redis.set("own", "no such format")
          assert.strictEqual((yield* reasonOf(Own.get()))._tag, "DecodeError")
          const Encoded = Value.make({
            key: () => "encoded",
            schema: Schema.Struct({ at: Schema.Date }),
            codec: Codec.make({ form: "encoded", encode: serialize, decode: deserialize })
          })
          const at = { at: new Date(5) }
          yield* Encoded.set(undefined, at)
          assert.deepStrictEqual(yield* Encoded.get(), at)
          const Broken = Value.make({
            key: () => "broken",
            schema: Schema.String,
            codec: Codec.make({
              encode: (): string => {
                throw new Error("secret")
              },
              decode: () => "x"
            })
          })
          const reason = yield* reasonOf(Broken.set(undefined, "v"))
          assert.strictEqual(reason._tag, "EncodeError")
          assert.notInclude(reason.message, "secret")
        }).pipe(on)
      }))

    it.effect("is compressed with the header of valkey-glide, and read whether or not it was", () =>
      Effect.gen(function*() {
        const { on, redis } = yield* client
        yield* Effect.gen(function*() {
          const parts = { key: () => "page", schema: Schema.String }
          const Plain = Value.make(parts)
          const Small = Value.make({ ...parts, compression: Compression.zstd() })
          const long = "ä".repeat(100_000)
          yield* Plain.set(undefined, long)
          assert.strictEqual(yield* Small.get(), long)
          yield* Small.set(undefined, long)
          const stored = yield* redis.get("page").pipe(Command.bytes)
          assert.deepStrictEqual([...(stored ?? []).slice(0, 5)], [0, 1, 2, 0, 1])
          assert.isBelow(stored?.length ?? Infinity, 1000)
          assert.strictEqual(yield* Small.get(), long)
          const reason = yield* reasonOf(Plain.get())
          assert.strictEqual(reason._tag, "DecodeError")
          assert.include(reason.message, "compressed")
          const Reading = Value.make({ ...parts, compression: Compression.zstd({ threshold: Infinity }) })
          assert.strictEqual(yield* Reading.get(), long)
          assert.strictEqual(yield* Small.update(undefined, (page) => `${page}!`), `${long}!`)
          yield* Reading.set(undefined, long)
          assert.strictEqual(yield* redis.get("page"), JSON.stringify(long))
          yield* Small.set(undefined, "short")
          assert.strictEqual(yield* redis.get("page"), `"short"`)
          const Bomb = Value.make({ ...parts, compression: Compression.zstd({ maxSize: 1000 }) })
          yield* Small.set(undefined, long)
          assert.include((yield* reasonOf(Bomb.get())).message, "greater than 1000 bytes")
        }).pipe(on)
      }))

    it.effect("made of bytes that begin as a compressed one comes back as it was", () =>
      Effect.gen(function*() {
        const { on } = yield* client
        yield* Effect.gen(function*() {
          const Blobs = Value.make({
            key: () => "ambiguous",
            schema: Schema.Uint8Array,
            codec: Codec.bytes,
            compression: Compression.zstd()
          })
          for (const bytes of [[0, 1, 2, 0, 1], [0, 1, 2, 0, 1, 7, 7], [0, 1, 2], [0, 1, 2, 0, 2, ...range(200)]]) {
            yield* Blobs.set(undefined, new Uint8Array(bytes))
            assert.deepStrictEqual([...(yield* Blobs.get()) ?? []], bytes)
          }
        }).pipe(on)
      }))

    it.effect("of 16 MiB goes both ways", () =>
      Effect.gen(function*() {
        const { on } = yield* client
        yield* Effect.gen(function*() {
          const Texts = Value.make({ key: () => "huge", schema: Schema.String, compression: Compression.zstd() })
          const huge = "0123456789abcdef".repeat(1024 * 1024)
          yield* Texts.set(undefined, huge)
          assert.isTrue((yield* Texts.get()) === huge)
        }).pipe(on)
      }))
  })
})

describe("A form of values", () => {
  const on = Effect.provide(TestCluster.layer())

  it.effect("does not write what it would refuse to read: values beyond the maxSize of the compression", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const compression = Compression.zstd({ maxSize: 100 })
      const Texts = Value.make({ key: () => "k", schema: Schema.String, codec: Codec.text, compression })
      yield* Texts.set(undefined, "a".repeat(100))
      assert.strictEqual(yield* Texts.get(), "a".repeat(100))
      const reason = yield* reasonOf(Texts.set(undefined, "b".repeat(101)))
      assert.strictEqual(reason._tag, "EncodeError")
      assert.include(reason.message, "greater than 100 bytes")
      assert.strictEqual(yield* Texts.get(), "a".repeat(100))
      // A value that stays as it is was never compressed.
      const Plain = Value.make({
        key: () => "plain",
        schema: Schema.Uint8Array,
        codec: Codec.bytes,
        compression: Compression.zstd({ maxSize: 100, threshold: Infinity })
      })
      yield* Plain.set(undefined, new Uint8Array(200))
      assert.strictEqual((yield* Plain.get())?.length, 200)
      assert.strictEqual(
        (yield* reasonOf(Plain.set(undefined, new Uint8Array([0, 1, 2, 0, 1, ...range(200)]))))._tag,
        "EncodeError"
      )
      yield* redis.del(["k"])
    }).pipe(on))

  it.effect("refuses text that is no Unicode, which UTF-8 would change", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const Texts = Value.make({ key: () => "text", schema: Schema.String, codec: Codec.text })
      const Own = Value.make({
        key: () => "own text",
        schema: Schema.String,
        codec: Codec.make({ form: "encoded", encode: String, decode: String })
      })
      const Fields = HashValue.make({ key: () => "fields", schema: Schema.Struct({ a: Schema.String }) })
      const lone = "secret\ud800x"
      for (
        const refused of [
          Texts.set(undefined, lone),
          Own.set(undefined, lone),
          Fields.set(undefined, { a: lone }),
          Fields.patch(undefined, { a: lone })
        ]
      ) {
        const reason = yield* Effect.map(failureOf(refused), (error) => error.root)
        assert.deepStrictEqual([reason._tag, reason.outcome], ["EncodeError", "NotExecuted"])
        assert.notInclude(reason.message, "secret")
      }
      assert.strictEqual(yield* redis.exists("text"), 0)
      const Json = Value.make({ key: () => "json", schema: Schema.String })
      for (const same of [lone, "\ud83d\ude00"]) {
        yield* Json.set(undefined, same)
        assert.strictEqual(yield* Json.get(), same)
      }
      yield* Texts.set(undefined, "\ud83d\ude00")
      assert.strictEqual(yield* Texts.get(), "\ud83d\ude00")
    }).pipe(on))
})

describe("An update", () => {
  it.effect("whose write may have been executed fails with the outcome Unknown, and is not made again", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const redis = yield* ClusterClient
      yield* Counts.set("once", 1)
      let lost = 0
      yield* cluster.onCommand("SET", () => lost++ === 0 ? Response.disconnect({ executed: true }) : undefined)
      let runs = 0
      const add = Counts.update("once", (n) => {
        runs++
        return (n ?? 0) + 1
      })
      // A region that allows repetition must not make an update happen twice.
      const error = yield* failureOf(add.pipe(Command.withIdempotence, redis.region({ idempotent: true })))
      assert.deepStrictEqual([error._tag, error.outcome], ["RedisClusterException", "Unknown"])
      assert.deepStrictEqual([runs, yield* Counts.get("once")], [1, 2])
    }).pipe(Effect.provide(TestCluster.layer())))

  it.effect("takes an option that is undefined for one that is not given: the expiry stays", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* Counts.set("kept", 1, { expire: "1 hour" })
      const left = redis.pttl(Counts.key("kept"))
      yield* Counts.update("kept", () => 2, { keepTtl: undefined, expire: undefined, expireAt: undefined })
      assert.isAbove(yield* left, 3_000_000)
      yield* Counts.update("kept", () => 3, { schedule: undefined, times: undefined })
      assert.isAbove(yield* left, 3_000_000)
      yield* Counts.update("kept", () => 4, { expire: "Infinity" })
      assert.strictEqual(yield* left, -1)
    }).pipe(Effect.provide(TestCluster.layer())))

  it.effect("of a KeyValueStore counts once, whatever the region allows", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const redis = yield* ClusterClient
      const store = yield* KeyValueStore.KeyValueStore
      yield* store.set("n", "1")
      let lost = 0
      let runs = 0
      yield* cluster.onCommand("SET", () => lost++ === 0 ? Response.disconnect({ executed: true }) : undefined)
      const add = store.modify("n", (n) => {
        runs++
        return String(Number(n) + 1)
      })
      const error = yield* failureOf(add.pipe(redis.region({ idempotent: true })))
      assert.strictEqual(error._tag, "KeyValueStoreError")
      assert.deepStrictEqual([runs, yield* redis.get("kvs:n")], [1, "2"])
    }).pipe(
      Effect.provide(Layer.provideMerge(KeyValueStoreRedis.layer(), TestCluster.layer()))
    ))

  it.effect("that loses every race is a ConflictError, and has written nothing", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* Counts.set("race", 0)
      let others = 0
      const losing = Counts.updateEffect(
        "race",
        (n) => Effect.as(redis.set("count:race", String(++others)), (n ?? 0) + 100),
        { schedule: Schedule.recurs(3) }
      )
      assert.strictEqual((yield* failureOf(losing))._tag, "ConflictError")
      assert.deepStrictEqual([others, yield* Counts.get("race")], [4, 4])
    }).pipe(Effect.provide(TestCluster.layer())))
})

const later = SchemaGetter.transformEffect((text: string) => Effect.delay(Effect.succeed(text), "1 second"))

describe("A definition", () => {
  const on = Effect.provide(TestCluster.layer())
  const key = () => "k"
  const messageOf = (self: Effect.Effect<unknown, RedisClusterException, ClusterClient>) =>
    Effect.map(reasonOf(self), (reason) => {
      assert.strictEqual(reason._tag, "OptionsError")
      return reason.message
    })
  const OneWay = Schema.String.pipe(
    Schema.decodeTo(Schema.Number, {
      decode: SchemaGetter.transform(Number),
      encode: SchemaGetter.forbidden(() => "no way back")
    })
  )
  const OtherWay = Schema.String.pipe(
    Schema.decodeTo(Schema.Number, {
      decode: SchemaGetter.forbidden(() => "no way there"),
      encode: SchemaGetter.transform(String)
    })
  )
  const Link = Schema.declare((value): value is WeakMap<object, object> => value instanceof WeakMap)

  it.effect("whose schema cannot lead both ways is refused with words, before anything is sent", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const mistaken = [
        [Value.make({ key, schema: OneWay }), "decodes and does not encode"],
        [Value.make({ key, schema: Schema.Struct({ list: Schema.Array(OneWay) }) }), "decodes and does not encode"],
        [Value.make({ key, schema: OtherWay }), "encodes and does not decode"],
        [Value.make({ key, schema: Schema.NullOr(Schema.Struct({ link: Link })) }), "no JSON codec"],
        [Value.make({ key, schema: Schema.String, timeToLive: "0 seconds" }), "timeToLive"],
        [Value.make({ key, schema: Schema.String, timeToLive: { seconds: NaN } }), "timeToLive"],
        [Value.make({ key, schema: Schema.String, timeToLive: 10 as never }), "timeToLive"],
        [Value.make({ key, schema: Schema.String, compression: Compression.zstd({ level: 99 }) }), "level"],
        [Value.make({ key, schema: Schema.String, codec: "json" as never }), "codec"],
        [Value.make({ key, schema: Schema.String, ttl: 1 } as never), "ttl"],
        [Value.make({ key, schema: "string" as never }), "schema"],
        [Value.make({ schema: Schema.String } as never), "key"],
        [Value.make(undefined as never), "object"]
      ] as const
      for (const [value, words] of mistaken) {
        const users = value as Value.Value<void, unknown>
        assert.include(yield* messageOf(users.get()), words)
        assert.include(yield* messageOf(users.set(undefined, "1")), words)
        assert.include(yield* messageOf(users.getMany([undefined])), words)
        const updating = yield* failureOf(users.update(undefined, () => "1"))
        assert.include(updating.message, words)
      }
      assert.deepStrictEqual(yield* cluster.received({ name: "SET" }), [])
    }).pipe(on))

  it.effect("with a schema of anything is fine while the values are JSON", () =>
    Effect.gen(function*() {
      const Any = Value.make({ key, schema: Schema.Unknown })
      yield* Any.set(undefined, { a: [1, null] })
      assert.deepStrictEqual(yield* Any.get(), { a: [1, null] })
      assert.strictEqual((yield* reasonOf(Any.set(undefined, () => 1)))._tag, "EncodeError")
    }).pipe(on))

  it.effect("whose schema waits is refused with words at its first use", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const Slow = Value.make({
        key,
        schema: Schema.String.pipe(Schema.decodeTo(Schema.String, { decode: later, encode: later }))
      })
      const writing = yield* reasonOf(Slow.set(undefined, "x"))
      assert.strictEqual(writing._tag, "EncodeError")
      assert.include(writing.message, "asynchronous")
      yield* redis.set("k", `"x"`)
      const reading = yield* reasonOf(Slow.get())
      assert.include(reading.message, "asynchronous")
    }).pipe(on))

  it.effect("with an endless lifetime beside another expiry is refused, as other contradictions are", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const Texts = Value.make({ key, schema: Schema.String, timeToLive: "1 minute" })
      const expireAt = new Date(Date.now() + 1e6)
      for (
        const options of [
          { expire: "Infinity", keepTtl: true },
          { expire: "Infinity", expireAt },
          { expire: "1 second", keepTtl: true }
        ]
      ) {
        assert.include(yield* messageOf(Texts.set(undefined, "x", options as never)), "exclude one another")
        const updating = yield* failureOf(Texts.update(undefined, () => "x", options as never))
        assert.include(updating.message, "exclude one another")
        assert.include(yield* messageOf(Texts.setMany([], options as never)), "exclude one another")
      }
      assert.deepStrictEqual(yield* cluster.received({ name: "GET" }), [])
      assert.deepStrictEqual(yield* cluster.received({ name: "SET" }), [])
    }).pipe(on))

  it.effect("with a codec that is none is refused", () =>
    Effect.gen(function*() {
      const functions = { encode: String, decode: String }
      for (
        const [options, words] of [
          [{ ...functions, form: "jsn" }, "form"],
          [{ ...functions, encod: String }, "encode is meant"],
          [{ encode: String }, "decode"],
          [{ decode: String }, "encode"],
          [undefined, "object"]
        ] as const
      ) {
        const Texts = Value.make({ key, schema: Schema.String, codec: Codec.make(options as never) })
        assert.include(yield* messageOf(Texts.set(undefined, "x")), words)
        assert.include(yield* messageOf(Texts.get()), words)
      }
      const Plain = Value.make({ key, schema: Schema.String, codec: functions as never })
      assert.include(yield* messageOf(Plain.get()), "codec has to be a codec")
    }).pipe(on))

  it.effect("refuses entries that are no pairs, and wrong options also where there are no entries", () =>
    Effect.gen(function*() {
      const Texts = Value.make({ key, schema: Schema.String })
      for (const wrong of [{ a: "1" }, null, 7, "ab", [1], [[1, "x"], ["y"]], [null]]) {
        assert.include(yield* messageOf(Texts.setMany(wrong as never)), "setMany: ")
      }
      for (const wrong of [{ nonsense: 1 }, null, 7, { expire: "0 seconds" }, { get: true }]) {
        for (const entries of [[], [[undefined, "x"]]]) {
          assert.include(yield* messageOf(Texts.setMany(entries as never, wrong as never)), "setMany: ")
        }
      }
      const Mistaken = Value.make({ key, schema: "none" as never })
      assert.include(yield* messageOf(Mistaken.setMany([])), "schema")
      assert.include(yield* messageOf(Mistaken.getMany([])), "schema")
      yield* Texts.setMany(new Map([[undefined, "x"]]))
      assert.strictEqual(yield* Texts.get(), "x")
    }).pipe(on))

  it.effect("takes whatever plain JavaScript passes, and throws nothing", () =>
    Effect.gen(function*() {
      const Texts = Value.make({ key, schema: Schema.String })
      for (const wrong of [null, "EX", 7, { EX: 10 }, [], { schedule: 1 }, { times: -1 }, { expire: "0 seconds" }]) {
        const updating = yield* failureOf(Texts.update(undefined, () => "x", wrong as never))
        assert(updating._tag === "RedisClusterException")
        assert.strictEqual(updating.reason._tag, "OptionsError")
        yield* messageOf(Texts.set(undefined, "x", wrong as never))
      }
      yield* messageOf(Texts.getMany(null as never))
      const redis = yield* ClusterClient
      assert.strictEqual(yield* redis.exists("k"), 0)
    }).pipe(on))

  it.effect("whose function for keys throws, or gives no key, fails the command and nothing else", () =>
    Effect.gen(function*() {
      const Throwing = Value.make({
        key: (): string => {
          throw new Error("secret")
        },
        schema: Schema.String
      })
      const Wrong = Value.make({ key: () => 7 as never, schema: Schema.String })
      for (const users of [Throwing, Wrong]) {
        assert.notInclude(yield* messageOf(users.get()), "secret")
        yield* messageOf(users.getMany([undefined]))
        yield* messageOf(users.delete())
        yield* messageOf(users.set(undefined, "x"))
      }
    }).pipe(on))
})
