/**
 * Typed hashes: a field for each property, written and read whole or in part.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ClusterClient, HashValue } from "../../src/index.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { TestCluster } from "../../src/testing/index.ts"
import { connect } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const reasonOf = <R>(self: Effect.Effect<unknown, RedisClusterException, R>) =>
  Effect.map(Effect.flip(self), (e) => e.root)

class Order extends Schema.Class<Order>("Order")({
  customer: Schema.String,
  total: Schema.Number,
  placed: Schema.Date,
  state: Schema.Literals(["open", "paid"]),
  tags: Schema.Array(Schema.String),
  gift: Schema.Boolean,
  coupon: Schema.Option(Schema.String),
  remark: Schema.NullOr(Schema.String),
  note: Schema.optionalKey(Schema.String),
  rank: Schema.optional(Schema.Number),
  nick: Schema.optional(Schema.String)
}) {}

const order = new Order({
  customer: `"ada"`,
  total: 20.5,
  placed: new Date(5),
  state: "open",
  tags: ["a", "b"],
  gift: true,
  coupon: Option.none(),
  remark: "null",
  note: "ring twice",
  rank: undefined
})

const Orders = HashValue.make({ key: (id: number) => `order:${id}`, schema: Order })

describeOnEach("A typed hash, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    const client = Effect.gen(function*() {
      const cluster = yield* RedisCluster
      const redis = yield* connect({ nodes: cluster.seeds })
      return { redis, on: Effect.provideService(ClusterClient, redis) }
    })

    it.effect("comes back as it was, and has a field for each property that others can read", () =>
      Effect.gen(function*() {
        const { on, redis } = yield* client
        yield* Effect.gen(function*() {
          assert.isNull(yield* Orders.get(1))
          yield* Orders.set(1, order)
          const found = yield* Orders.get(1)
          assert.isTrue(found instanceof Order)
          assert.deepStrictEqual([found?.customer, found?.placed, found?.remark, found?.rank], [
            `"ada"`,
            new Date(5),
            "null",
            undefined
          ])
          assert.deepStrictEqual(yield* redis.hgetall("order:1"), {
            customer: `"ada"`,
            total: "20.5",
            placed: "1970-01-01T00:00:00.005Z",
            state: "open",
            tags: `["a","b"]`,
            gift: "true",
            coupon: `{"_tag":"None"}`,
            remark: `"null"`,
            note: "ring twice"
          })
          assert.deepStrictEqual(yield* redis.pipeline([Orders.get(1), Orders.get(2)]), [found, null])
        }).pipe(on)
      }))

    it.effect("is replaced whole: fields that the new object lacks are gone", () =>
      Effect.gen(function*() {
        const { on, redis } = yield* client
        yield* Effect.gen(function*() {
          yield* redis.hset("order:3", { foreign: "1" })
          yield* Orders.set(3, order)
          assert.strictEqual(yield* redis.hexists("order:3", "foreign"), false)
          const { note: _, ...rest } = order
          yield* redis.transaction([...Orders.setCommands(3, new Order(rest)), redis.hget("order:3", "note")])
          assert.isFalse(yield* redis.hexists("order:3", "note"))
          assert.isTrue(yield* Orders.delete(3))
          assert.isNull(yield* Orders.get(3))
        }).pipe(on)
      }))

    it.effect("is read and written in part", () =>
      Effect.gen(function*() {
        const { on, redis } = yield* client
        yield* Effect.gen(function*() {
          yield* Orders.set(4, order)
          yield* Orders.patch(4, { total: 3, coupon: Option.some("x"), rank: undefined, nick: "n" })
          assert.deepStrictEqual(yield* Orders.pick(4, ["total", "coupon", "note", "rank", "nick"]), {
            total: 3,
            coupon: Option.some("x"),
            note: "ring twice",
            nick: "n"
          })
          assert.strictEqual(yield* redis.hincrby("order:4", "total", 2), 5)
          assert.deepStrictEqual(yield* Orders.pick(4, ["total"]), { total: 5 })
          assert.strictEqual(yield* Orders.unset(4, ["note", "rank"]), 1)
          assert.strictEqual((yield* Orders.get(4))?.note, undefined)
          assert.isNull(yield* Orders.pick(5, ["total"]))
          assert.deepStrictEqual(
            yield* redis.transaction([Orders.patch(4, { gift: false }), Orders.pick(4, ["gift"])]),
            [
              undefined,
              { gift: false }
            ]
          )
        }).pipe(on)
      }))

    it.effect("lives for its time after set", () =>
      Effect.gen(function*() {
        const { on, redis } = yield* client
        yield* Effect.gen(function*() {
          const Short = HashValue.make({
            key: () => "short",
            schema: Schema.Struct({ a: Schema.String }),
            timeToLive: "1 minute"
          })
          yield* Short.set(undefined, { a: "1" })
          yield* Short.patch(undefined, { a: "2" })
          const left = yield* redis.pttl("short")
          assert.isTrue(left > 50_000 && left <= 60_000)
        }).pipe(on)
      }))

    it.effect("that is no object of the schema does not leave, and a stored one is a DecodeError, without the value", () =>
      Effect.gen(function*() {
        const { on, redis } = yield* client
        yield* Effect.gen(function*() {
          const wrong = { ...order, total: "secret" } as never
          for (
            const refused of [Orders.set(6, wrong), Orders.patch(6, { total: "secret" } as never), Orders.patch(6, {})]
          ) {
            const reason = yield* reasonOf(refused)
            assert.deepStrictEqual([reason._tag, reason.outcome], ["EncodeError", "NotExecuted"])
            assert.notInclude(reason.message, "secret")
          }
          assert.strictEqual((yield* reasonOf(Orders.patch(6, { sum: 1 } as never)))._tag, "EncodeError")
          assert.strictEqual((yield* reasonOf(Orders.pick(6, ["sum" as never])))._tag, "OptionsError")
          assert.strictEqual((yield* reasonOf(Orders.pick(6, [])))._tag, "OptionsError")
          assert.strictEqual(yield* redis.exists("order:6"), 0)
          yield* redis.hset("order:6", { total: "secret", customer: "ada" })
          for (const read of [Orders.get(6), Orders.pick(6, ["total"]), Orders.pick(6, ["customer", "state"])]) {
            const reason = yield* reasonOf(read)
            assert.strictEqual(reason._tag, "DecodeError")
            assert.notInclude(reason.message, "secret")
          }
          assert.deepStrictEqual(yield* Orders.pick(6, ["customer"]), { customer: "ada" })
        }).pipe(on)
      }))
  })
})

describe("A typed hash", () => {
  const on = Effect.provide(TestCluster.layer())

  it.effect("whose required property is undefined comes back as it was", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const Notes = HashValue.make({
        key: (id: number) => `note:${id}`,
        schema: Schema.Struct({
          a: Schema.String,
          b: Schema.UndefinedOr(Schema.String),
          c: Schema.UndefinedOr(Schema.Number),
          d: Schema.Option(Schema.UndefinedOr(Schema.Date)),
          e: Schema.optional(Schema.Number)
        })
      })
      const note = { a: "x", b: undefined, c: undefined, d: Option.some(undefined) }
      yield* Notes.set(1, note)
      assert.deepStrictEqual(yield* Notes.get(1), note)
      assert.deepStrictEqual(yield* Notes.pick(1, ["a", "b", "e"]), { a: "x", b: undefined })
      assert.deepStrictEqual(Object.keys(yield* redis.hgetall("note:1")).toSorted(), ["a", "d"])
      yield* Notes.set(2, { ...note, b: "null", c: 0 })
      assert.deepStrictEqual(yield* Notes.get(2), { ...note, b: "null", c: 0 })
      yield* redis.hdel("note:1", "d")
      assert.strictEqual((yield* reasonOf(Notes.get(1)))._tag, "DecodeError")
      const Nullish = HashValue.make({
        key: () => "nullish",
        schema: Schema.Struct({ a: Schema.String, b: Schema.NullishOr(Schema.Number) })
      })
      // The JSON of the schema has null for both.
      yield* Nullish.set(undefined, { a: "x", b: undefined })
      assert.deepStrictEqual(yield* Nullish.get(), { a: "x", b: null })
    }).pipe(on))

  it.effect("has properties of any name", () =>
    Effect.gen(function*() {
      const names = ["__proto__", "constructor", "toString", "", "hasOwnProperty"]
      const object = Object.fromEntries(names.map((name) => [name, `of ${name}`]))
      const Odd = HashValue.make({
        key: () => "odd",
        schema: Schema.Struct(Object.fromEntries(names.map((name) => [name, Schema.String])))
      })
      yield* Odd.set(undefined, object)
      assert.deepStrictEqual(Object.entries((yield* Odd.get()) ?? {}).toSorted(), Object.entries(object).toSorted())
      yield* Odd.patch(undefined, Object.fromEntries([["__proto__", "other"]]))
      const picked = yield* Odd.pick(undefined, ["__proto__", "constructor"])
      assert.deepStrictEqual(Object.entries(picked ?? {}), [["__proto__", "other"], ["constructor", "of constructor"]])
    }).pipe(on))

  it.effect("refuses properties that it does not have with words, and does not repeat them", () =>
    Effect.gen(function*() {
      yield* Orders.set(8, order)
      const name = "secret" as never
      for (
        const refused of [
          Orders.pick(8, [name]),
          Orders.pick(8, name),
          Orders.pick(8, null as never),
          Orders.pick(8, [7 as never]),
          Orders.unset(8, [name]),
          Orders.unset(8, name),
          Orders.unset(8, undefined as never)
        ]
      ) {
        const reason = yield* reasonOf(refused)
        assert.deepStrictEqual([reason._tag, reason.outcome], ["OptionsError", "NotExecuted"])
        assert.notInclude(reason.message, "secret")
      }
      const patching = yield* reasonOf(Orders.patch(8, { secret: 1 } as never))
      assert.strictEqual(patching._tag, "EncodeError")
      assert.notInclude(patching.message, "secret")
    }).pipe(on))
})

describe("A definition of typed hashes", () => {
  it.effect("that is mistaken is refused with words", () =>
    Effect.gen(function*() {
      const mistaken = [
        [HashValue.make({ key: () => "k", schema: Schema.String as never }), "schema of an object"],
        [HashValue.make({ key: () => "k", schema: Schema.Struct({}), timeToLive: 7 as never }), "timeToLive"],
        [HashValue.make(undefined as never), "object"],
        [HashValue.make({ schema: Schema.Struct({}) } as never), "key"],
        [HashValue.make({ key: () => "k" } as never), "schema"]
      ] as const
      for (const [value, words] of mistaken) {
        const users = value as HashValue.HashValue<void, object>
        for (const self of [users.get(), users.set(undefined, {}), users.patch(undefined, {})]) {
          const reason = yield* reasonOf<ClusterClient>(self)
          assert.strictEqual(reason._tag, "OptionsError")
          assert.include(reason.message, words)
        }
      }
    }).pipe(Effect.provide(TestCluster.layer())))
})
