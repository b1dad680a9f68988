import { assert, describe, layer } from "@effect/vitest"
import { Effect, Redacted, Schema, SchemaGetter } from "effect"
import { ClusterClient, Command, Generic, Hashes, Server, Strings } from "../../src/index.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { TestCluster } from "../../src/testing/index.ts"

const Order = Schema.Struct({
  id: Schema.String,
  total: Schema.FiniteFromString,
  state: Schema.Literals(["open", "paid"]),
  note: Schema.optionalKey(Schema.String)
})
const order = { id: "1", total: 20, state: "open" } as const

const User = Schema.fromJsonString(Schema.Struct({ name: Schema.String, born: Schema.Number }))

const later = SchemaGetter.transformEffect((text: string) => Effect.delay(Effect.succeed(text), "1 second"))
const Slow = Schema.String.pipe(Schema.decodeTo(Schema.String, { decode: later, encode: later }))

const reasonOf = (self: Effect.Effect<unknown, RedisClusterException>) => Effect.map(Effect.flip(self), (e) => e.reason)

describe("Schemas of commands", () => {
  layer(TestCluster.layer())((it) => {
    it.effect("A hash is written and read with one schema, alone and in a pipeline, and is null when it is missing", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.hset("order:1", Command.fields(Order)(order))
        assert.deepStrictEqual(yield* redis.hgetall("order:1"), { id: "1", total: "20", state: "open" })
        assert.deepStrictEqual(yield* redis.hgetall("order:1").pipe(Command.hash(Order)), order)
        assert.deepStrictEqual(yield* Command.hash(redis.hgetall("order:1"), Order), order)
        const some = yield* redis.pipeline([
          Hashes.hgetall("order:1").pipe(Command.hash(Order)),
          redis.hgetall("order:2").pipe(Command.hash(Order))
        ])
        assert.deepStrictEqual(some, [order, null])
      }))

    it.effect("Fields that are undefined are not written", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const Loose = Schema.Struct({ a: Schema.String, b: Schema.UndefinedOr(Schema.String) })
        yield* redis.hset("loose", Command.fields(Loose)({ a: "1", b: undefined }))
        assert.deepStrictEqual(yield* redis.hkeys("loose"), ["a"])
      }))

    it.effect("A hash that the schema refuses is a DecodeError without what it holds", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.hset("order:3", { id: "3", total: "a lot", state: "open" })
        const reason = yield* reasonOf(redis.hgetall("order:3").pipe(Command.hash(Order)))
        assert.strictEqual(reason._tag, "DecodeError")
        assert.include(reason.message, "total")
        assert.notInclude(reason.message, "a lot")
      }))

    it.effect("The entries of a stream are read by the schema that wrote them, in every form in which commands give them", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const id = yield* redis.xadd("orders", "*", Command.fields(Order)(order))
        const entry = { id, fields: order }
        assert.deepStrictEqual(yield* redis.xrange("orders", "-", "+").pipe(Command.entries(Order)), [entry])
        assert.deepStrictEqual(yield* Command.entries(redis.xread({ orders: "0" }), Order), [
          { key: "orders", entries: [entry] }
        ])
        yield* redis.xgroupCreate("orders", "g", "0")
        assert.deepStrictEqual(yield* redis.xreadgroup("g", "a", { orders: ">" }).pipe(Command.entries(Order)), [
          { key: "orders", entries: [entry] }
        ])
        const claimed = redis.xautoclaim("orders", "g", "b", "0 millis", "0-0").pipe(Command.entries(Order))
        assert.deepStrictEqual((yield* claimed).entries, [entry])
        yield* redis.xdel("orders", [id])
        const deleted = redis.xreadgroup("g", "b", { orders: "0" }).pipe(Command.entries(Order))
        assert.deepStrictEqual(yield* deleted, [{ key: "orders", entries: [{ id, fields: null }] }])
        yield* redis.xadd("orders", "*", { id: "1", total: "a lot", state: "open" })
        const reason = yield* reasonOf(redis.xrange("orders", "-", "+").pipe(Command.entries(Order)))
        assert.strictEqual(reason._tag, "DecodeError")
        assert.notInclude(reason.message, "a lot")
      }))

    it.effect("The fields that a command answers are read by the schema of an object", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.hset("order:4", Command.fields(Order)(order))
        assert.deepStrictEqual(yield* redis.hgetall("order:4").pipe(Command.schema(Order)), order)
        const reason = yield* reasonOf(redis.hgetall("order:5").pipe(Command.schema(Order)))
        assert.strictEqual(reason._tag, "DecodeError")
      }))

    it.effect("A schema is given first or last", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.set("user", Command.encode(User)({ name: "ada", born: 1815 }))
        const first = yield* Command.schema(redis.get("user"), Schema.NullOr(User))
        const last = yield* redis.get("user").pipe(Command.schema(Schema.NullOr(User)))
        assert.deepStrictEqual([first, last], [{ name: "ada", born: 1815 }, { name: "ada", born: 1815 }])
      }))

    it.effect("Values are encoded for every command that takes one", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const user = Command.encode(User)({ name: "ada", born: 1815 })
        yield* redis.rpush("users", [user, user])
        assert.strictEqual(yield* redis.llen("users"), 2)
        yield* redis.hset("byName", { ada: user })
        yield* redis.xadd("log", "*", Command.fields(Order)(order))
        const [entry] = yield* redis.xrange("log", "-", "+")
        assert.deepStrictEqual(entry.fields, { id: "1", total: "20", state: "open" })
      }))

    it.effect("What its schema refuses is not sent, and the error does not show it", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        // A value from outside, past the types.
        const wrong = { name: "secret-name", born: "secret-year" } as never
        const refused = [
          redis.set("no", Command.encode(User)(wrong)),
          redis.set("no", Command.encode(User)(wrong), { expire: "1 second" }),
          redis.rpush("no", Command.encode(User)(wrong)),
          redis.rpush("no", [Command.encode(User)(wrong)]),
          redis.hset("no", Command.fields(Order)(wrong)),
          redis.hset("no", { ...Command.fields(Order)(wrong), more: "1" }),
          redis.mset({ no: Command.encode(User)(wrong) }),
          redis.set("no", Command.encode(Slow)("text"))
        ]
        for (const command of refused) {
          const reason = yield* reasonOf(command)
          assert.strictEqual(reason._tag, "EncodeError")
          assert.strictEqual(reason.outcome, "NotExecuted")
          assert.notInclude(reason.message, "secret-")
          assert.include(reason.message, "cannot be encoded")
        }
        assert.strictEqual(yield* redis.exists("no"), 0)
        const slow = yield* reasonOf(redis.set("no", Command.encode(Slow)("text")))
        assert.include(slow.message, "asynchronous")
      }))

    it.effect("Redacted values are sent as they are and never shown", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const token = Redacted.make("secret-token")
        const commands = [
          redis.set("token", token),
          Strings.set("token", token),
          redis.set("token", token, { expire: "1 minute" })
        ]
        for (const command of commands) {
          yield* command
          assert.strictEqual(yield* redis.get("token"), "secret-token")
          assert.notInclude(JSON.stringify(command) + String(command), "secret-token")
        }
        yield* redis.hset("tokens", { a: token })
        yield* redis.sadd("tokenSet", token)
        yield* redis.sadd("tokenSet", [token])
        assert.deepStrictEqual([yield* redis.hget("tokens", "a"), yield* redis.smembers("tokenSet")], [
          "secret-token",
          ["secret-token"]
        ])
        yield* redis.send("SET", "sent", token)
        assert.strictEqual(yield* redis.get("sent"), "secret-token")
        yield* redis.execute(Server.configSet({ masterauth: token })).pipe(Effect.ignore)
        const migrate = Generic.migrate({ host: "h", port: 1 }, "k", { username: "u", password: token })
        assert.include(migrate.args, "secret-token")
        assert.notInclude(JSON.stringify(migrate), "secret-token")
      }))

    it.effect("A Redacted value that was wiped is refused", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const token = Redacted.make("gone")
        Redacted.wipeUnsafe(token)
        assert.strictEqual((yield* reasonOf(redis.set("token2", token)))._tag, "EncodeError")
        assert.strictEqual((yield* reasonOf(redis.send("SET", "token2", token)))._tag, "EncodeError")
      }))
  })
})
