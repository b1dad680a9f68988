/**
 * The cost of TestCluster: clusters made and ended, and a GET beside the client's own part of it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Duplex } from "node:stream"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import { TestCluster, type TestClusterShape } from "../../src/testing/index.ts"

/** A node that says the same to every GET, and so does next to nothing. */
class Parrot extends Duplex {
  private readonly answers: (text: string) => string

  constructor(answers: (text: string) => string) {
    super({ decodeStrings: false })
    this.answers = answers
  }

  override _write(chunk: string | Buffer, _: BufferEncoding, done: () => void): void {
    const answer = this.answers(chunk.toString("latin1"))
    queueMicrotask(() => this.push(Buffer.from(answer, "latin1")))
    done()
  }

  override _read(): void {}
}

const get = "*2\r\n$3\r\nGET\r\n"

const parrotClient = Effect.gen(function*() {
  const cluster = yield* TestCluster.make({ primaries: 1 })
  const stream = (endpoint: { readonly host: string; readonly port: number }): Duplex => {
    const real = cluster.stream(endpoint)
    const parrot: Parrot = new Parrot((text) => {
      if (text.startsWith(get)) return "$1\r\nx\r\n".repeat(text.split(get).length - 1)
      real.write(text, "latin1")
      return ""
    })
    real.on("data", (chunk: Buffer) => parrot.push(chunk))
    return parrot
  }
  const context = yield* Layer.build(ClusterClient.layer({ nodes: cluster.nodes, stream }))
  return Context.get(context, ClusterClient)
})

const engineClient = Effect.gen(function*() {
  const context = yield* Layer.build(TestCluster.layer({ primaries: 1 }))
  const redis = Context.get(context, ClusterClient)
  yield* redis.set("key", "x")
  return redis
})

/** Microseconds of CPU that a GET takes, of so many at a time. */
const costOf = Effect.fnUntraced(function*(redis: ClusterClientShape, rounds: number, atATime: number) {
  const many = Effect.forEach(Array.from({ length: 100 }), () => redis.get("key"), {
    concurrency: atATime,
    discard: true
  })
  const before = process.cpuUsage()
  for (let i = 0; i < rounds; i++) yield* many
  const { system, user } = process.cpuUsage(before)
  return (user + system) / (rounds * 100)
})

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]

describe("TestCluster", () => {
  it.live("makes, uses and ends a thousand isolated clusters within a minute of CPU", () =>
    Effect.gen(function*() {
      const before = process.cpuUsage()
      const ids = new Set<TestClusterShape>()
      for (let i = 0; i < 1000; i++) {
        yield* Effect.gen(function*() {
          const redis = yield* ClusterClient
          assert.strictEqual(yield* redis.get("key"), null)
          yield* redis.set("key", String(i))
          assert.strictEqual(yield* redis.get("key"), String(i))
          ids.add(yield* TestCluster)
        }).pipe(Effect.provide(TestCluster.layer({ replicas: 1 }), { local: true }))
      }
      assert.strictEqual(ids.size, 1000)
      const { system, user } = process.cpuUsage(before)
      const seconds = (system + user) / 1e6
      process.stderr.write(`1000 clusters in ${seconds.toFixed(1)} s\n`)
      assert.isBelow(seconds, 60)
    }), { tags: ["long"], timeout: 300_000 })

  it.live.each([100, 1])(
    "costs at most as much CPU again for a GET as the client itself, %i at a time",
    (atATime) =>
      Effect.gen(function*() {
        const alone = yield* parrotClient
        const whole = yield* engineClient
        const ratios: Array<number> = []
        const costs: Array<readonly [number, number]> = []
        yield* costOf(alone, 100, atATime)
        yield* costOf(whole, 100, atATime)
        for (let i = 0; i < 7; i++) {
          const client = yield* costOf(alone, 40, atATime)
          const both = yield* costOf(whole, 40, atATime)
          costs.push([client, both])
          ratios.push(both / client)
        }
        const text = `a GET, ${atATime} at a time: ${
          median(costs.map(([one]) => one)).toFixed(2)
        } us of the client alone, ` +
          `${median(costs.map(([, two]) => two)).toFixed(2)} us with the engine, ratio ${median(ratios).toFixed(2)}`
        process.stderr.write(`${text}\n`)
        assert.isAtMost(median(ratios), 2, text)
      }),
    60_000
  )
})
