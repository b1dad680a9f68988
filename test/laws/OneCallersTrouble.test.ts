import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Result, Stream } from "effect"
import {
  ClusterClient,
  type ClusterClientShape,
  Command,
  Hashes,
  RedisClusterException,
  Strings
} from "../../src/index.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

const client = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) => ClusterClient.layer({ nodes: cluster.seeds }))
).pipe(Layer.provideMerge(RedisCluster.layer({ primaries: 1 })))

/** Bytes that are given to somebody else after the calls that have them, and before these are written. */
class Passing {
  private readonly all: Array<Uint8Array<ArrayBuffer>> = []

  readonly bytes = (length: number): Uint8Array => {
    const bytes = new Uint8Array(length).fill(7)
    this.all.push(bytes)
    return bytes
  }

  readonly giveAway = Effect.sync(() => {
    for (const { buffer } of this.all) buffer.transfer()
  })
}

/** 100 INCRs of other callers around a piece of work: each is answered with its own number. */
const amongOthers = <A, E>(
  work: (redis: ClusterClientShape, bytes: (length: number) => Uint8Array) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    const redis = yield* ClusterClient
    const passing = new Passing()
    yield* redis.del("{q}:others")
    const others = Effect.forEach(Array.from({ length: 50 }), () => redis.incr("{q}:others"), {
      concurrency: "unbounded"
    })
    const [before, outcome, , after] = yield* Effect.all(
      [others, Effect.result(work(redis, passing.bytes)), passing.giveAway, others],
      { concurrency: "unbounded" }
    )
    const counts = [...before, ...after].toSorted((a, b) => a - b)
    assert.deepStrictEqual(counts, Array.from({ length: 100 }, (_, i) => i + 1))
    assert.strictEqual(yield* redis.get("{q}:others"), "100")
    return outcome
  })

const assertUnsendable = (error: unknown, name: string): void => {
  assert(error instanceof RedisClusterException)
  assert.strictEqual(error.reason._tag, "OptionsError")
  assert.strictEqual(error.outcome, "NotExecuted")
  assert.match(error.message, new RegExp(`${name}(?: on \\S+)?: an argument cannot be sent`))
}

const assertUnreadable = (result: Result.Result<unknown, RedisClusterException>, why: string): void => {
  assert(Result.isFailure(result))
  assert.strictEqual(result.failure.reason._tag, "DecodeError")
  assert.strictEqual(result.failure.outcome, "Executed")
  assert.include(result.failure.message, why)
}

describe("One caller's trouble stays that caller's:", () => {
  layer(client, { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect.each([3, 5000])(
      "%i bytes that are transferred between call and write fail their command alone",
      (length) =>
        Effect.gen(function*() {
          const outcome = yield* amongOthers((redis, bytes) => redis.set("{q}:bytes", bytes(length)))
          assert(Result.isFailure(outcome))
          assertUnsendable(outcome.failure, "SET")
        })
    )

    it.effect("bytes that are transferred fail their entry of a pipeline, the other entries run in their order", () =>
      Effect.gen(function*() {
        const outcome = yield* amongOthers((redis, bytes) =>
          redis.pipelineResults([
            Strings.set("{q}:a", "1"),
            Strings.set("{q}:b", bytes(10)),
            Strings.append("{q}:a", "2"),
            Strings.set("{q}:b", bytes(10)),
            Strings.getdel("{q}:a")
          ])
        )
        assert(Result.isSuccess(outcome))
        const [set, first, append, second, got] = outcome.success
        assert.deepStrictEqual([set, append, got], [Result.succeed("OK"), Result.succeed(2), Result.succeed("12")])
        for (const failed of [first, second]) {
          assert(Result.isFailure(failed))
          assertUnsendable(failed.failure, "SET")
        }
      }))

    it.effect("bytes that are transferred fail their transaction, of which nothing is executed", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.del("{q}:t")
        const outcome = yield* amongOthers((redis, bytes) =>
          redis.transaction([Strings.set("{q}:t", "1"), Strings.set("{q}:u", bytes(10))])
        )
        assert(Result.isFailure(outcome))
        assertUnsendable(outcome.failure, "SET")
        assert.isNull(yield* redis.get("{q}:t"))
      }))

    it.effect("an argument whose bytes cannot be read fails its command alone", () =>
      Effect.gen(function*() {
        class Reluctant extends Uint8Array {
          override get byteLength(): number {
            throw new Error("no")
          }
        }
        const outcome = yield* amongOthers((redis) => redis.set("{q}:bytes", new Reluctant(5)))
        assert(Result.isFailure(outcome))
        assertUnsendable(outcome.failure, "SET")
      }))

    it.effect.each<[string, string, (result: Result.Result<unknown, RedisClusterException>) => void]>([
      ["a status line of 70 KB", "return { ok = string.rep('x', 70000) }", (result) => {
        assert.deepStrictEqual(result, Result.succeed("x".repeat(70_000)))
      }],
      ["an error line of 70 KB", "return { err = 'ERR ' .. string.rep('x', 70000) }", (result) => {
        assert(Result.isFailure(result))
        assert.strictEqual(result.failure.reason._tag, "ReplyError")
      }],
      ["130 lists inside each other", "local t = {} for i = 1, 129 do t = { t } end return t", (result) => {
        assert(Result.isSuccess(result))
      }],
      [
        "more lists inside each other than a program can walk",
        "local t = {} for i = 1, 3000 do t = { t } end return t",
        (result) => {
          assertUnreadable(result, "more than 1024 aggregates inside each other")
        }
      ],
      ["a big number that is not a number", "redis.setresp(3) return { big_number = 'abc' }", (result) => {
        assertUnreadable(result, "a big number that is not a number")
      }],
      ["text that is not UTF-8", "return 'a\\255b'", (result) => {
        assertUnreadable(result, "Command.bytes")
      }],
      ["a status that is not UTF-8", "return { ok = 'a\\255b' }", (result) => {
        assertUnreadable(result, "Command.lossyText")
      }]
    ])("the reply of a script with %s ends its own command, once", ([, script, check]) =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.del("{q}:runs")
        const counting = `redis.call('INCR', KEYS[1]) ${script}`
        check(
          yield* amongOthers(() => redis.eval(counting, { keys: ["{q}:runs"] }))
        )
        assert.strictEqual(yield* redis.get("{q}:runs"), "1")
        // Read-only ones are not repeated either, and nobody is asked again.
        check(yield* amongOthers(() => redis.evalRo(script, { keys: ["{q}:runs"] })))
      }))

    it.effect("text that is not UTF-8 fails its own entry of a pipeline and of a transaction", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const pickle = new Uint8Array([0x80, 0x04, 0x95, 0xff])
        yield* redis.set("{q}:pickle", pickle)
        yield* redis.set("{q}:text", "grün")
        const get = Strings.get("{q}:pickle")
        const entries = [
          Strings.get("{q}:text"),
          get,
          Command.bytes(get),
          Command.lossyText(get),
          Strings.get("{q}:text")
        ]
        for (const run of [redis.pipelineResults, redis.transactionResults]) {
          for (const among of [entries, entries.slice(0, 2), [entries[0], entries[1], entries[3]]]) {
            const results = yield* run(among)
            assertUnreadable(results[1], "Command.bytes")
            assert.deepStrictEqual(
              results.filter((_, i) => i !== 1),
              among.map((entry) =>
                Result.succeed(
                  entry === entries[2]
                    ? Buffer.from(pickle)
                    : entry === entries[3]
                    ? "\uFFFD\u0004\uFFFD\uFFFD"
                    : "grün"
                )
              ).filter((_, i) => i !== 1)
            )
          }
        }
        assertUnreadable(yield* Effect.result(redis.get("{q}:pickle")), "Command.bytes")
        assert.strictEqual(yield* redis.execute(Command.lossyText(get)), "\uFFFD\u0004\uFFFD\uFFFD")
        assert.deepStrictEqual(yield* redis.execute(Command.bytes(get)), Buffer.from(pickle))
      }))

    it.effect("a replacement character that was stored is read as it is", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const text = "long enough to be decoded by the runtime: \uFFFD"
        yield* redis.set("{q}:text", text)
        assert.strictEqual(yield* redis.get("{q}:text"), text)
        yield* redis.set("{q}:text", "\uFFFD")
        assert.strictEqual(yield* redis.get("{q}:text"), "\uFFFD")
      }))

    it.effect("names of fields that are not UTF-8 are not taken for others", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.send("HSET", "{q}:hash", new Uint8Array([0xff]), "1", new Uint8Array([0xfe]), "2")
        assertUnreadable(yield* Effect.result(redis.hgetall("{q}:hash")), "Command.bytes")
        const bytes = yield* Effect.result(redis.execute(Command.bytes(Hashes.hgetall("{q}:hash"))))
        assert(Result.isFailure(bytes))
        assert.strictEqual(bytes.failure.reason._tag, "DecodeError")
      }))

    it.effect("many keys and large values can be read as bytes", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const [a, b] = [Buffer.from([0xff, 1]), Buffer.from([0xfe, 2])]
        yield* redis.set(a, b)
        assert.deepStrictEqual(yield* redis.mgetNonatomic([a, "{q}:none"], { bytes: true }), [b, null])
        assertUnreadable(yield* Effect.result(redis.scanStream().pipe(Stream.runCollect)), "bytes: true")
        const partial = yield* Effect.flip(redis.mgetNonatomic([a, "{q}:none"]))
        assert.strictEqual(partial.reason._tag, "PartialFailureError")
        // The message says the name of the command once.
        assert.strictEqual(partial.message.split("MGET").length, 2, partial.message)
        yield* redis.send("HSET", "{q}:h", a, b)
        yield* redis.sadd("{q}:s", [a])
        yield* redis.send("ZADD", "{q}:z", "1.5", a)
        const bytes = { bytes: true } as const
        assert.deepStrictEqual(yield* Stream.runCollect(redis.hscanStream("{q}:h", bytes)), [[a, b]])
        assert.deepStrictEqual(yield* Stream.runCollect(redis.sscanStream("{q}:s", bytes)), [a])
        assert.deepStrictEqual(yield* Stream.runCollect(redis.zscanStream("{q}:z", bytes)), [[a, 1.5]])
        assertUnreadable(yield* Effect.result(Stream.runDrain(redis.hscanStream("{q}:h"))), "Command.bytes")
        assertUnreadable(yield* Effect.result(Stream.runDrain(redis.sscanStream("{q}:s"))), "Command.bytes")
        assertUnreadable(yield* Effect.result(Stream.runDrain(redis.zscanStream("{q}:z"))), "Command.bytes")
        yield* redis.flushall()
      }))
  })
})
