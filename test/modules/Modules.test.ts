/**
 * Commands of modules through the client, on a real cluster with the modules: typed documents, keys of any slots, batches, the cache, streams,
 * and series of all shards.
 */
import { assert, describe, it as plainIt, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import { Bloom, CountMin, Cuckoo } from "../../src/modules/Bloom.ts"
import { Json } from "../../src/modules/Json.ts"
import { Filter, TimeSeries } from "../../src/modules/TimeSeries.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import * as ModuleServer from "../harness/ModuleServer.ts"
import { connect } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { tagsFrom, whileSlotsMove } from "../laws/MovingSlots.ts"

class Address extends Schema.Class<Address>("Address")({
  city: Schema.String,
  zip: Schema.optionalKey(Schema.String)
}) {}

const User = Schema.Struct({
  name: Schema.String,
  born: Schema.Date,
  tags: Schema.Array(Schema.String),
  address: Schema.optional(Address),
  score: Schema.NullOr(Schema.Number),
  phones: Schema.Record(Schema.String, Schema.String)
})

const Users = Json.of(User, (id: number) => `user:${id}`)

const ada = {
  name: "ad\u00e4 \"{}\"",
  born: new Date("1815-12-10"),
  tags: ["a"],
  address: new Address({ city: "London" }),
  score: null,
  phones: { "my home": "1" }
}

const reasonOf = <A, R>(effect: Effect.Effect<A, RedisClusterException, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

/** Runs an effect on a new client of the cluster. */
const onCluster = <A, E, R>(effect: Effect.Effect<A, E, R>, cache = false) =>
  Effect.gen(function*() {
    const cluster = yield* RedisCluster
    const redis = yield* connect({ nodes: cluster.seeds, ...(cache ? { cache: { maxBytes: 1 << 20 } } : {}) })
    yield* redis.flushall()
    return yield* Effect.provideService(effect, ClusterClient, redis)
  })

describe.skipIf(ModuleServer.isMissing)(`On a cluster with modules${ModuleServer.why}`, () => {
  layer(ModuleServer.cluster, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect("a document comes back as it was, and so does each part of it", () =>
      onCluster(Effect.gen(function*() {
        assert.isNull(yield* Users.get(1))
        assert.strictEqual(yield* Users.set(1, ada), "OK")
        assert.deepStrictEqual(yield* Users.get(1), ada)
        assert.instanceOf((yield* Users.get(1))?.address, Address)
        assert.deepStrictEqual(yield* Users.at("born").get(1), ada.born)
        assert.deepStrictEqual(yield* Users.at("address").get(1), ada.address)
        assert.strictEqual(yield* Users.at("tags").at(0).get(1), "a")
        assert.isNull(yield* Users.at("tags").at(5).get(1))
        assert.strictEqual(yield* Users.at("phones").at("my home").get(1), "1")
        assert.strictEqual(Users.at("address").at("city").path, `$["address"]["city"]`)

        yield* Users.at("address").at("zip").set(1, "W1")
        yield* Users.at("phones").at("a\"b").set(1, "2")
        assert.deepStrictEqual(yield* Users.get(1), {
          ...ada,
          address: new Address({ city: "London", zip: "W1" }),
          phones: { "my home": "1", "a\"b": "2" }
        })
        assert.isTrue(yield* Users.at("address").delete(1))
        assert.isNull(yield* Users.at("address").get(1))
        assert.isNull(yield* Users.at("address").at("zip").set(1, "W1"))
        assert.isTrue(yield* Users.delete(1))
        assert.isFalse(yield* Users.delete(1))
      })))

    it.effect("a merge changes what it names and removes what is null", () =>
      onCluster(Effect.gen(function*() {
        yield* Users.set(1, ada)
        yield* Users.merge(1, { name: "grace", born: new Date(0), address: null })
        assert.deepStrictEqual(yield* Users.get(1), {
          name: "grace",
          born: new Date(0),
          tags: ["a"],
          score: null,
          phones: ada.phones
        })
        assert.strictEqual((yield* reasonOf(Users.merge(1, { score: null })))._tag, "EncodeError")
        assert.strictEqual((yield* reasonOf(Users.merge(1, { name: 1 } as never)))._tag, "EncodeError")
        assert.strictEqual((yield* reasonOf(Users.merge(1, { nothing: 1 } as never)))._tag, "EncodeError")
        assert.strictEqual(yield* Users.at("name").get(1), "grace")
      })))

    it.effect("documents of any slots are read and written at once, in order", () =>
      onCluster(Effect.gen(function*() {
        const ids = range(50)
        const users = ids.map((id) => [id, { ...ada, name: `user ${id}` }] as const)
        yield* Users.setMany(users)
        const found = yield* Users.getMany([...ids, 99])
        assert.deepStrictEqual(found.map((user) => user?.name), [...users.map(([, { name }]) => name), undefined])
        const names = yield* Json.mgetNonatomic(ids.map(Users.key), "$.name")
        assert.deepStrictEqual(names, users.map(([, { name }]) => [name]))
        yield* Json.msetNonatomic(ids.map((id) => [Users.key(id), "$.name", "x"]))
        assert.deepStrictEqual(yield* Users.at("name").getMany([1, 2]), ["x", "x"])
        const reading = yield* reasonOf(Json.mget(ids.map(Users.key), "$"))
        assert.deepStrictEqual([reading._tag, /Json\.mgetNonatomic/.test(reading.message)], ["CrossSlotError", true])
        const writing = yield* reasonOf(Json.mset([["a", "$", 1], ["b", "$", 1]]))
        assert.deepStrictEqual([writing._tag, /Json\.msetNonatomic/.test(writing.message)], ["CrossSlotError", true])
      })))

    for (const protocol of [2, 3] as const) {
      it.effect(`documents and series count once what was acknowledged while their slots move, over RESP${protocol}`, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, protocol })
          yield* redis.flushall()
          yield* Effect.gen(function*() {
            const tags = tagsFrom(200 * protocol, 2)
            const target = yield* cluster.owner(16000)
            const done = tags.map(() => 0)
            for (const tag of tags) {
              yield* Json.set(`{${tag}}doc`, "$", { count: 0 })
              yield* TimeSeries.create(`{${tag}}series`)
            }
            yield* whileSlotsMove(cluster, { tags, target, callers: 4 }, (index) => {
              const at = index % tags.length
              return Effect.gen(function*() {
                yield* Json.numincrby(`{${tags[at]}}doc`, "$.count", 1)
                yield* TimeSeries.add(`{${tags[at]}}series`, index + 1, 1, { onDuplicate: "SUM" })
                done[at]++
              })
            })
            for (const [at, tag] of tags.entries()) {
              assert.deepStrictEqual(yield* Json.get(`{${tag}}doc`, "$.count"), [done[at]])
              const samples = yield* TimeSeries.range(`{${tag}}series`, "-", "+")
              assert.strictEqual(samples.reduce((sum, { value }) => sum + value, 0), done[at])
            }
          }).pipe(Effect.provideService(ClusterClient, redis))
        }))
    }

    it.effect("a stored document that does not fit fails with a DecodeError, a value with an EncodeError", () =>
      onCluster(Effect.gen(function*() {
        yield* Json.set("user:1", "$", { name: 1 })
        const unread = yield* reasonOf(Users.get(1))
        assert.strictEqual(unread._tag, "DecodeError")
        const unwritten = yield* reasonOf(Users.set(2, { ...ada, name: 1 as never }))
        assert.strictEqual(unwritten._tag, "EncodeError")
        assert.isNull(yield* Json.get("user:2"))
        yield* Json.set("big", "$", Json.text("9007199254740993"))
        assert.strictEqual((yield* reasonOf(Json.get("big")))._tag, "DecodeError")
        assert.strictEqual(yield* Json.getText("big"), "9007199254740993")
        assert.strictEqual(yield* Json.set("d", "$", Json.encode(Schema.Date)(new Date(0))), "OK")
        assert.strictEqual(yield* Json.get("d"), "1970-01-01T00:00:00.000Z")
      })))

    it.effect("commands go into pipelines, transactions, dedicated connections and to nodes", () =>
      onCluster(Effect.gen(function*() {
        const redis = yield* ClusterClient
        const results = yield* redis.pipeline([
          Users.set(1, ada),
          redis.incr("visits"),
          Json.numincrby("user:1", "$.missing", 1),
          Bloom.add("seen", "x"),
          TimeSeries.add("series", 5, 1.5)
        ])
        assert.deepStrictEqual(results, ["OK", 1, [], true, 5])
        const [set, name] = yield* redis.transaction([Users.set(2, ada), Users.at("name").get(2)])
        assert.deepStrictEqual([set, name], ["OK", ada.name])
        const own = yield* Effect.scoped(
          Effect.flatMap(redis.dedicated("user:1"), (dedicated) => dedicated.execute(Users.at("name").get(1)))
        )
        assert.strictEqual(own, ada.name)
        const owner = yield* redis.ownerOf("user:1")
        assert(owner !== undefined)
        const byNode = yield* redis.on(owner).execute(Users.at("name").get(1))
        assert.deepStrictEqual([...byNode.values()], [ada.name])
      })))

    it.effect("a typed document is answered by the cache until somebody changes it", () =>
      onCluster(
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          yield* Users.set(1, ada)
          const read = Users.at("name").get(1).pipe(Command.cached("1 minute"))
          assert.deepStrictEqual([yield* read, yield* read], [ada.name, ada.name])
          assert.strictEqual((yield* redis.cacheStatistics).hits, 1)
          yield* Users.merge(1, { name: "grace" })
          assert.strictEqual(yield* read, "grace")
        }),
        true
      ))

    it.effect("a command by name finds its keys, also those that the servers do not tell", () =>
      onCluster(Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.send("JSON.SET", "{a}1", "$", "1")
        yield* redis.send("JSON.SET", "{a}2", "$", "2")
        assert.deepStrictEqual(yield* redis.send("JSON.MGET", "{a}1", "{a}2", "$"), ["[1]", "[2]"])
        const [crossing] = yield* redis.pipelineResults([Command.named("CMS.MERGE", "a", 1, "b")])
        assert(Result.isFailure(crossing))
        assert.strictEqual(crossing.failure.reason._tag, "CrossSlotError")
      })))

    it.effect("a filter is copied chunk by chunk to another slot", () =>
      onCluster(Effect.gen(function*() {
        yield* Bloom.reserve("from", 0.0001, 200_000)
        yield* Bloom.madd("from", range(1000).map(String))
        const chunks = yield* Stream.runCollect(Bloom.dump("from"))
        assert.isAbove(chunks.length, 1)
        yield* Bloom.restore("to", Stream.fromIterable(chunks))
        assert.isFalse((yield* Bloom.mexists("to", range(1000).map(String))).includes(false))
        assert.strictEqual(yield* Bloom.card("to"), yield* Bloom.card("from"))

        yield* Cuckoo.insert("cuckoo", range(100).map(String))
        yield* Cuckoo.restore("cuckoo:copy", Cuckoo.dump("cuckoo"))
        assert.isFalse((yield* Cuckoo.mexists("cuckoo:copy", range(100).map(String))).includes(false))
        assert.strictEqual((yield* reasonOf(Stream.runDrain(Bloom.dump("missing"))))._tag, "ReplyError")
      })))

    it.effect("counts of which the server refuses some fail with its reason", () =>
      onCluster(Effect.gen(function*() {
        yield* CountMin.initbydim("sketch", 100, 2)
        const reason = yield* reasonOf(CountMin.incrby("sketch", { a: 1, b: 2n ** 62n, c: 1 }))
        assert.strictEqual(reason._tag, "DecodeError")
        assert.match(reason.message, /refused some of the counts.*CMS/)
      })))

    it.effect("a stream of a range gives all samples, whatever the size of its pages", () =>
      onCluster(Effect.gen(function*() {
        yield* TimeSeries.create("s")
        yield* TimeSeries.madd(range(100).map((i) => ["s", 7 * i, i]))
        const all = yield* TimeSeries.range("s", "-", "+")
        const read = (stream: ReturnType<typeof TimeSeries.rangeStream>) => Stream.runCollect(stream)
        for (const pageSize of [1, 3, 100, 1000]) {
          assert.deepStrictEqual(yield* read(TimeSeries.rangeStream("s", "-", "+", { pageSize })), all)
          assert.deepStrictEqual(
            yield* read(TimeSeries.revrangeStream("s", "-", "+", { pageSize })),
            all.toReversed()
          )
        }
        assert.deepStrictEqual(
          yield* read(TimeSeries.rangeStream("s", 10, 500, { pageSize: 4, count: 10 })),
          yield* TimeSeries.range("s", 10, 500, { count: 10 })
        )
        for (const timestamp of ["start", "mid", "end"] as const) {
          for (const align of ["start", "end", 3] as const) {
            const aggregation = { aggregator: "sum", bucket: "50 millis", align, timestamp } as const
            const whole = yield* TimeSeries.range("s", 11, 633, { aggregation })
            assert.deepStrictEqual(
              yield* read(TimeSeries.rangeStream("s", 11, 633, { aggregation, pageSize: 3 })),
              whole
            )
            assert.deepStrictEqual(
              yield* read(TimeSeries.revrangeStream("s", 11, 633, { aggregation, pageSize: 3 })),
              whole.toReversed()
            )
          }
        }
        const aggregation = { aggregator: "sum", bucket: "50 millis", empty: true } as const
        assert.strictEqual(
          (yield* reasonOf(read(TimeSeries.rangeStream("s", "-", "+", { aggregation } as never))))._tag,
          "OptionsError"
        )
      })))

    it.effect("series of all shards are found by their labels, whichever primary is asked", () =>
      onCluster(Effect.gen(function*() {
        const redis = yield* ClusterClient
        const keys = range(12).map((i) => `series:${i}`)
        for (const key of keys) yield* TimeSeries.add(key, 1, 1, { labels: { kind: "x", key } })
        yield* redis.on("all").send("TIMESERIES.REFRESHCLUSTER")
        for (const _ of range(6)) {
          const found = yield* TimeSeries.mrange("-", "+", Filter.equals("kind", "x"))
          assert.deepStrictEqual(found.map(({ key }) => key).toSorted(), keys.toSorted())
        }
        assert.sameMembers([...yield* TimeSeries.queryindex(Filter.equals("kind", "x"))], keys)
      })))
  })
})

describe("Bad input of a command of a module", () => {
  const cases: ReadonlyArray<readonly [name: string, command: Command.Command<unknown>, message: RegExp]> = [
    ["a value that is no JSON", Json.set("k", "$", undefined as never), /must be JSON/],
    ["a number that JSON lacks", Json.set("k", "$", { a: [Infinity] }), /finite number/],
    ["no values", Json.arrappend("k", "$", []), /at least one entry/],
    ["no paths", Json.get("k", []), /at least one entry/],
    ["an unknown option", Json.set("k", "$", 1, { nx: true } as never), /condition/],
    ["a share of errors above 1", Bloom.reserve("k", 1.5, 10), /between 0 and 1/],
    ["a chunk without bytes", Bloom.loadchunk("k", { iterator: 1, data: "x" as never }), /bytes/],
    ["no filter", TimeSeries.queryindex([]), /filter/],
    ["a filter of text", TimeSeries.queryindex("a=b" as never), /filter/],
    ["a value with a comma", TimeSeries.queryindex(Filter.oneOf("a", ["b,c"])), /value of a filter/],
    ["a bare number of time", TimeSeries.create("k", { retention: 5 as never }), /duration/],
    ["a time that is no time", TimeSeries.range("k", "now" as never, "+"), /date or milliseconds/],
    [
      "two choices of labels",
      TimeSeries.mget(Filter.equals("a", "b"), { withLabels: true, selectedLabels: ["a"] }),
      /exclude/
    ]
  ]
  for (const [name, { settings }, message] of cases) {
    plainIt(`is refused with words: ${name}`, () => {
      assert.match(settings.invalid ?? "", message)
    })
  }
})
