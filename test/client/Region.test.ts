/**
 * Programs with several clients: regions of one client, and attributes that say which client it is.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import { TestCluster } from "../../src/testing/index.ts"
import { collector } from "../observability/Observing.ts"

class Cache extends ClusterClient.named<Cache>()("test/Cache") {}

const options = { replicas: 1, client: { commandTimeout: "10 seconds" } } as const
const main = TestCluster.layer(options)
const other = Layer.effect(Cache, ClusterClient).pipe(
  Layer.provide(
    Layer.fresh(TestCluster.layer({ ...options, client: { ...options.client, attributes: { client: "other" } } }))
  )
)
const both = Effect.provide(Layer.merge(main, other))

describe("A region of one client", () => {
  it.effect("gives its deadline to the commands of that client alone, over the region of all clients", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const redis = yield* ClusterClient
      const cache = yield* Cache
      yield* redis.on("all").ping()
      yield* Effect.forEach(cluster.nodes, (node) => cluster.stall(node), { discard: true })
      const slow = yield* Effect.forkChild(
        Effect.flip(redis.incr("n")).pipe(redis.region({ timeout: "300 millis" }), Command.withTimeout("5 seconds"))
      )
      const foreign = yield* Effect.forkChild(
        Effect.flip(redis.incr("n")).pipe(cache.region({ timeout: "300 millis" }))
      )
      yield* TestClock.adjust("300 millis")
      assert.strictEqual((yield* Fiber.join(slow)).reason._tag, "TimeoutError")
      assert.isUndefined(foreign.pollUnsafe())
      yield* Fiber.interrupt(foreign)
    }).pipe(both))

  it.effect("gives its policy of reads to that client alone, and to its views", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cache = yield* Cache
      const reads = Effect.map(redis.readStatistics, (shards) =>
        shards.flatMap(({ nodes }) => [...nodes.values()]).reduce((sum, { reads }) => sum + reads, 0))
      const before = yield* reads
      yield* redis.get("k").pipe(cache.region({ readFrom: ReadFrom.replica }))
      assert.strictEqual(yield* reads, before)
      yield* redis.mapCommand((command) =>
        command
      ).get("k").pipe(redis.region({ readFrom: ReadFrom.replica }))
      assert.notStrictEqual(yield* reads, before)
    }).pipe(both))

  it.effect("keeps what an inner region does not say, and fails each command when it is wrong", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const inner = redis.get("k").pipe(
        redis.region({ readFrom: ReadFrom.replica }),
        redis.region({ timeout: "1 second" })
      )
      assert.isNull(yield* inner)
      // Plain JavaScript.
      const wrong = { timout: "1 second" } as never
      const error = yield* Effect.flip(redis.get("k").pipe(redis.region(wrong)))
      assert.strictEqual(error.reason._tag, "OptionsError")
      assert.include(error.message, "timeout is meant")
    }).pipe(both))
})

describe("The attributes of a client", () => {
  it.effect("are on its spans, and on those of no other client", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cache = yield* Cache
      const { spans, tracer } = collector()
      yield* Effect.all([
        redis.get("k"),
        cache.get("k"),
        cache.pipeline([cache.get("a"), cache.get("b")]),
        Effect.scoped(Effect.flatMap(cache.dedicated("k"), (own) => own.get("k")))
      ]).pipe(Effect.withSpan("caller"), Effect.provideService(Tracer.Tracer, tracer))
      const clients = spans.filter(({ name }) => name.includes("GET")).map(({ attributes }) => attributes.get("client"))
      assert.deepStrictEqual(clients, [undefined, "other", "other", "other"])
    }).pipe(both))

  it.effect("are on its metrics, so that those of two clients are apart", () =>
    Effect.gen(function*() {
      const metrics = yield* Metric.snapshot
      const primaries = metrics.filter(({ attributes, id }) =>
        id === "redis_cluster_nodes" && attributes?.["role"] === "primary"
      )
      assert.deepStrictEqual(
        new Set(primaries.map(({ attributes }) => attributes?.["client"])),
        new Set([undefined, "other"])
      )
    }).pipe(both, Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("stand beside the id of a named client, which they may replace", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const attributesWith = (attributes: Record<string, string> | undefined) =>
        Effect.gen(function*() {
          const { spans, tracer } = collector()
          const layer = Cache.layer({ nodes: "redis://127.0.0.1:7000", stream: cluster.stream, attributes })
          const cache = Context.get(yield* Layer.build(layer), Cache)
          yield* cache.get("k").pipe(Effect.withSpan("caller"), Effect.provideService(Tracer.Tracer, tracer))
          const get = spans.find(({ name }) => name === "GET")
          return [get?.attributes.get("redis.client"), get?.attributes.get("tier")]
        }).pipe(Effect.scoped)
      assert.deepStrictEqual(yield* attributesWith(undefined), ["test/Cache", undefined])
      assert.deepStrictEqual(yield* attributesWith({ tier: "gold" }), ["test/Cache", "gold"])
      assert.deepStrictEqual(yield* attributesWith({ "redis.client": "cache" }), ["cache", undefined])
      const wrong = yield* Effect.flip(attributesWith("gold" as never))
      assert.strictEqual(wrong.reason._tag, "OptionsError")
    }).pipe(Effect.provide(TestCluster.layer(options))))

  it.effect("are on the lines of its log, and the id of a named client is there by default", () => {
    const lines: Array<unknown> = []
    const logger = Logger.make(({ fiber }) =>
      lines.push(fiber.getRef(References.CurrentLogAnnotations)["redis.client"])
    )
    const cluster = TestCluster.layer(options)
    return Effect.gen(function*() {
      const cluster = yield* TestCluster
      const layer = Cache.layer({ nodes: "redis://127.0.0.1:7000", stream: cluster.stream })
      yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(layer)
        yield* Context.get(context, Cache).on("all").ping()
        yield* cluster.kill(cluster.nodes[0])
        yield* TestClock.adjust("1 second")
      }))
      assert.include(lines, "test/Cache")
    }).pipe(
      Effect.provide(cluster),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "Debug")
    )
  })
})
