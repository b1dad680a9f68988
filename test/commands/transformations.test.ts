import { assert, describe, it as plain, layer } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Result, Schema, SchemaGetter, SchemaIssue } from "effect"
import { inspect } from "node:util"
import { DecodeFailure } from "../../src/commands/decode.ts"
import { decoderOf, encoderOf } from "../../src/commands/SchemaCoding.ts"
import { EncodeFailure } from "../../src/commands/Value.ts"
import { ClusterClient, type ClusterClientShape, Command, Hashes, Server, Sets, Strings } from "../../src/index.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { TestCluster } from "../../src/testing/index.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

const client = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) => ClusterClient.layer({ nodes: cluster.seeds }))
).pipe(Layer.provideMerge(RedisCluster.layer({ primaries: 3 })))

type Way = <A>(redis: ClusterClientShape, command: Command.Command<A>) => Effect.Effect<A, RedisClusterException>

const ways: Readonly<Record<string, Way>> = {
  alone: (redis, command) => redis.execute(command),
  "in a pipeline": (redis, command) =>
    Effect.map(redis.pipeline([Strings.get("other"), command, Strings.get("other")]), ([, value]) => value as never),
  "in a transaction": (redis, command) =>
    Effect.map(
      redis.transaction([Strings.get("{value}1"), command, Strings.get("{value}2")]),
      ([, value]) => value as never
    )
}

/** The error of the command itself, whatever it was part of. */
const ownReason = (error: RedisClusterException): RedisClusterException["reason"] => error.root

const User = Schema.Struct({ name: Schema.String, age: Schema.Number })
const json = Schema.NullOr(Schema.fromJsonString(User))
const key = "{value}"

describe("A transformed command", () => {
  layer(client, { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect("that answers per node transforms the reply of each node, wherever it runs", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const port = Server.info("server").pipe(
          Command.map((info) => String(info.server.tcpPort)),
          Command.schema(Schema.NumberFromString),
          Command.idempotent,
          Command.timeout("2 seconds")
        )
        const primaries = yield* redis.primaries
        const expected = new Map(primaries.map((node) => [node.address, node.port]))
        const ports = yield* redis.execute(port)
        assert.deepStrictEqual(new Map([...ports].map(([node, value]) => [node.address, value])), expected)
        const onPrimaries = yield* redis.on("primaries").execute(port)
        assert.deepStrictEqual(new Map([...onPrimaries].map(([node, value]) => [node.address, value])), expected)
        const [first] = primaries
        const own = yield* redis.node(first)
        assert.strictEqual(yield* own.execute(port), first.port)
        const bytes = yield* redis.execute(Server.info("server", { raw: true }).pipe(Command.bytes))
        assert.strictEqual(bytes.size, primaries.length)
        for (const value of bytes.values()) assert.instanceOf(value, Uint8Array)
      }))

    it.effect("that answers per node fails when what one node says is refused", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const error = yield* Effect.flip(
          redis.execute(Command.schema(Schema.FiniteFromString)(Command.map(Server.info("server"), () => "none")))
        )
        assert.strictEqual(error.reason._tag, "PartialFailureError")
      }))

    for (const [way, run] of Object.entries(ways)) {
      it.effect(`maps its result, ${way}`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          yield* redis.set(key, "hello")
          assert.strictEqual(yield* run(redis, Command.map(Strings.strlen(key), (length) => length * 2)), 10)
          const twice = Strings.get(key).pipe(Command.map((text) => text?.length), Command.map((n) => `${n}!`))
          assert.strictEqual(yield* run(redis, twice), "5!")
          assert.strictEqual(yield* run(redis, Command.map(Strings.get(key), () => undefined)), undefined)
        }))

      it.effect(`decodes its result with a schema, ${way}`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          const command = Command.schema(json)(Strings.get(key))
          yield* redis.del([key])
          assert.strictEqual(yield* run(redis, command), null)
          yield* redis.set(key, JSON.stringify({ name: "Ada", age: 36 }))
          assert.deepStrictEqual(yield* run(redis, command), { name: "Ada", age: 36 })
        }))

      it.effect(`fails with the schema's issue and without the value, ${way}`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          yield* redis.set(key, JSON.stringify({ name: "Ada", age: "elderly" }))
          const reason = ownReason(yield* Effect.flip(run(redis, Command.schema(json)(Strings.get(key)))))
          if (reason._tag !== "DecodeError") return assert.fail(reason._tag)
          assert.strictEqual(reason.outcome, "Executed")
          assert.strictEqual(reason.command, "GET")
          assert.isTrue(Schema.isSchemaError(reason.cause))
          assert.include(reason.message, "age")
          assert.notInclude(reason.message, "elderly")
        }))

      it.effect(`gives bytes, ${way}`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          const value = Uint8Array.of(0, 255, 254, 13, 10)
          yield* redis.set(key, value)
          assert.deepStrictEqual(Uint8Array.from((yield* run(redis, Command.bytes(Strings.get(key)))) ?? []), value)
          yield* redis.del([key])
          yield* redis.hset(key, { field: value })
          const hash = yield* run(redis, Command.bytes(Hashes.hgetall(key)))
          assert.deepStrictEqual(Uint8Array.from(hash["field"] ?? []), value)
          yield* redis.del([key])
        }))

      it.effect(`gives integers beyond 2^53 as bigints, and refuses to round them, ${way}`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          const large = BigInt(2) ** BigInt(60) + BigInt(1)
          yield* redis.set(key, String(large))
          assert.strictEqual(yield* run(redis, Command.bigint(Strings.incrby(key, 0))), large)
          const reason = ownReason(yield* Effect.flip(run(redis, Strings.incrby(key, 0))))
          assert.strictEqual(reason._tag, "DecodeError")
          assert.include(reason.message, "Command.bigint")
        }))

      it.effect(`keeps its settings through every transformation, ${way}`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          yield* redis.set(key, Uint8Array.of(200))
          const command = Strings.get(key).pipe(
            Command.idempotent,
            Command.timeout("2 seconds"),
            Command.bytes,
            Command.map((bytes) => bytes?.[0])
          )
          const { binary, idempotent, timeout } = command.settings
          assert.deepStrictEqual({ binary, idempotent, timeout }, { binary: true, idempotent: true, timeout: 2000 })
          assert.strictEqual(yield* run(redis, command), 200)
        }))
    }

    for (const [way, run] of Object.entries(ways)) {
      it.effect(`fails, without harm to others, when the function that maps it throws, ${way}`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          yield* redis.set(key, "secret")
          const thrown = new Error("no such thing as secret")
          const bad = Command.map(Strings.get(key), (): string => {
            throw thrown
          })
          const [error, ...others] = yield* Effect.all([
            Effect.flip(run(redis, bad)),
            redis.get(key),
            redis.get(key)
          ], { concurrency: "unbounded" })
          const reason = ownReason(error)
          if (reason._tag !== "DecodeError") return assert.fail(reason._tag)
          assert.strictEqual(reason.outcome, "Executed")
          // The function may quote the reply: where it threw is told, and its words are not.
          assert.include(String((reason.cause as Error).stack), "transformations.test.ts")
          assert.notInclude(inspect(error, { depth: 5 }), "no such thing")
          assert.notInclude(reason.message, "secret")
          assert.deepStrictEqual(others, ["secret", "secret"])
          assert.strictEqual(yield* redis.get(key), "secret")
        }))
    }

    it.effect("is a failure, not a crash, when it fans out and the function throws", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const bad = Command.map(Server.dbsize(), (): number => {
          throw new Error("thrown")
        })
        assert.strictEqual((yield* Effect.flip(redis.execute(bad))).reason._tag, "DecodeError")
        assert.strictEqual((yield* Effect.flip(redis.on("primaries").execute(bad))).reason._tag, "PartialFailureError")
      }))

    it.effect("has its own deadline", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const owner = yield* redis.ownerOf(key)
        const node = cluster.nodes.find(({ port }) => port === owner?.port)
        if (node === undefined) return assert.fail("nobody owns the slot")
        yield* cluster.stop(node)
        const { own, result: error } = yield* MachineLag.timed(
          Effect.flip(redis.execute(Command.timeout(Strings.get(key), "300 millis")))
        )
        yield* cluster.continue(node)
        assert.strictEqual(error.reason._tag === "TimeoutError" && error.reason.timeout, 300)
        assert.isBelow(own, 3000)
      }))

    it.effect("with a deadline that is no duration is refused before it is sent", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        for (const deadline of ["soon" as never, -1]) {
          const error = yield* Effect.flip(redis.execute(Command.timeout(Strings.get(key), deadline)))
          assert.strictEqual(error.reason._tag, "OptionsError")
          assert.strictEqual(error.outcome, "NotExecuted")
          assert.include(error.message, "the timeout of GET")
        }
      }))

    it.effect("is sent again after a lost connection when it is marked idempotent, and only then", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const owner = yield* redis.ownerOf(key)
        const node = cluster.nodes.find(({ port }) => port === owner?.port)
        if (node === undefined) return assert.fail("nobody owns the slot")
        const lost = <A>(command: Command.Command<A>) =>
          Effect.gen(function*() {
            yield* redis.get(key)
            yield* cluster.stop(node)
            const fiber = yield* Effect.forkChild(Effect.result(redis.execute(command)))
            yield* Effect.sleep(100)
            // Data that was written to the process that ends here is lost.
            yield* cluster.restart(node)
            return yield* Fiber.join(fiber)
          })
        const once = yield* lost(Strings.set(key, "1"))
        assert.strictEqual(Result.isFailure(once) && once.failure.outcome, "Unknown")
        const again = yield* lost(Command.idempotent(Strings.set(key, "2")))
        assert.deepStrictEqual(again, Result.succeed("OK"))
        assert.strictEqual(yield* redis.get(key), "2")
        yield* cluster.awaitOk
      }))

    it.effect("is transformed on several nodes too, each answer by itself", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const sizes = yield* redis.on("primaries").execute(Command.map(Server.dbsize(), (size) => `${size} keys`))
        assert.strictEqual(sizes.size, 3)
        for (const size of sizes.values()) assert.match(size, /^\d+ keys$/)
        // By its policy: merged first, then transformed.
        yield* redis.flushall()
        yield* redis.msetNonatomic({ a: "1", b: "2", c: "3" })
        assert.strictEqual(yield* redis.execute(Command.map(Server.dbsize(), (size) => size * 10)), 30)
        const members = Command.map(Sets.smembers("{value}set"), (all) => new Set(all).size)
        assert.strictEqual(yield* redis.execute(members), 0)
      }))
  })
})

describe("A schema of a command", () => {
  const failing = (decode: (value: string) => Effect.Effect<string>) => {
    const target = Schema.String.pipe(
      Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.transformEffect(decode),
        encode: SchemaGetter.transform((value: string) => value)
      })
    )
    const result = Command.schema(target)(Strings.get("k") as Command.Command<string>).decode("v")
    assert(result instanceof Command.DecodeFailure)
    return result.message
  }

  plain(
    "that is asynchronous fails with an error that says so",
    () => assert.include(failing((value) => Effect.as(Effect.sleep(1), value)), "the schema is asynchronous")
  )

  plain(
    "that throws fails with another one",
    () => assert.include(failing(() => Effect.die("thrown")), "threw an error")
  )

  const secret = "the-value-of-a-key"
  const refusing: Readonly<Record<string, Schema.Codec<unknown, string>>> = {
    "JSON of another shape": Schema.fromJsonString(User),
    "text that is no JSON": Schema.fromJsonString(Schema.Unknown),
    "a check": Schema.String.check(Schema.isMaxLength(3)),
    "a literal": Schema.Literals(["a", "b"]),
    "a number": Schema.FiniteFromString,
    "a record": Schema.fromJsonString(Schema.Record(Schema.String, Schema.String.check(Schema.isMaxLength(3)))),
    "a check of the keys of a record": Schema.fromJsonString(
      Schema.Record(Schema.String.check(Schema.isMaxLength(3)), Schema.Unknown)
    ),
    "a record in an object": Schema.fromJsonString(
      Schema.Struct({ inner: Schema.optional(Schema.Record(Schema.String, Schema.Number)) })
    ),
    "properties that it does not know": Schema.fromJsonString(
      Schema.Struct({ name: Schema.optional(Schema.String) }).annotate({ parseOptions: { onExcessProperty: "error" } })
    ),
    "an input that it reports": Schema.fromJsonString(
      Schema.Struct({ name: Schema.Number }).annotate({ parseOptions: { reportInput: true } })
    ),
    "a message of the program with the value": Schema.String.check(Schema.makeFilter((value) => `no ${value}`)),
    "a path of the program with the value": Schema.String.check(
      Schema.makeFilter((value) => ({ path: [value], issue: `no ${value}` }))
    ),
    "an issue of the program with the value": Schema.String.pipe(
      Schema.decodeTo(Schema.Unknown, {
        decode: SchemaGetter.transformEffect((value: string): Effect.Effect<unknown, SchemaIssue.Issue> =>
          Effect.fail(new SchemaIssue.InvalidValue({ message: value }, value, { reportInput: true }))
        ),
        encode: SchemaGetter.transform(String)
      })
    ),
    "a direction that is forbidden in words with the value": Schema.String.pipe(
      Schema.decodeTo(Schema.Unknown, {
        decode: SchemaGetter.forbidden((value) => `no ${JSON.stringify(value)}`),
        encode: SchemaGetter.transform(String)
      })
    ),
    "a function that throws an error with the value": Schema.String.pipe(
      Schema.decodeTo(Schema.Unknown, {
        decode: SchemaGetter.transform((value: string): unknown => JSON.parse(`${value} is not JSON`)),
        encode: SchemaGetter.transform(String)
      })
    )
  }
  plain("that refuses a value names its properties and the indexes of lists, and other keys not", () => {
    const target = Schema.Struct({
      orders: Schema.Array(Schema.Record(Schema.String, Schema.Struct({ total: Schema.Number }))),
      state: Schema.String.check(Schema.isMaxLength(3, { message: "too long for a state" }))
    })
    const wrong = { orders: [{ [secret]: { total: secret } }], state: secret }
    const at = `at ["orders"][0]["[a key]"]["total"]`
    const decoded = decoderOf(target)(wrong)
    assert.instanceOf(decoded, DecodeFailure)
    assert.include(decoded.message, at)
    assert.include(String(decoded.cause), at)
    const encoded = encoderOf<unknown>(target)(wrong)
    assert.instanceOf(encoded, EncodeFailure)
    assert.include(encoded.message, at)
    const long = decoderOf(target)({ orders: [], state: secret })
    assert.instanceOf(long, DecodeFailure)
    assert.include(long.message, "too long for a state")
    assert.notInclude(decoded.message + encoded.message + long.message, secret)
  })

  layer(TestCluster.layer(), { excludeTestServices: true })((it) => {
    for (const [what, schema] of Object.entries(refusing)) {
      it.effect(`that refuses a reply by ${what} shows nothing of the reply, however the error is printed`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          const values = [{ name: secret, age: secret }, [secret], { [secret]: 1 }, {
            name: "a",
            inner: { [secret]: "x" }
          }]
          for (const value of [secret, ...values.map((value) => JSON.stringify(value))]) {
            yield* redis.set(key, value)
            const exit = yield* Effect.exit(redis.get(key).pipe(Command.schema(Schema.NullOr(schema))))
            if (Exit.isSuccess(exit)) continue
            const [error] = exit.cause.reasons.filter(Cause.isFailReason).map(({ error }) => error)
            assert.strictEqual(error.reason._tag, "DecodeError")
            const shown = [
              ...[error.message, String(error), String(error.stack), String(error.reason.cause)],
              ...[exit, exit.cause, error, error.reason, error.reason.cause].flatMap((one) => [
                JSON.stringify(one),
                inspect(one, { depth: 20, showHidden: true })
              ]),
              Cause.pretty(exit.cause)
            ]
            assert.deepStrictEqual(shown.filter((text) => text?.includes(secret)), [])
          }
        }))
    }
  })
})
