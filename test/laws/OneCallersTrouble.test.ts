import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { ClusterClient, type ClusterClientShape, RedisClusterException, Strings } from "../../src/index.ts"
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
  assert.include(error.message, `${name}: an argument cannot be sent`)
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
  })
})
