import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import { make as makeScript } from "../../src/scripting/Script.ts"
import { addressOf } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { until } from "../harness/Waiting.ts"
import { observe } from "./Observing.ts"

const key = "metrics:key"
const slot = HashSlot.ofKey(key)
describe("Metrics", () => {
  layer(RedisCluster.layer({ replicas: 1, nodeTimeout: 1000 }), { excludeTestServices: true })((it) => {
    it.effect("count the commands that were written to each node", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({ nodes: cluster.seeds })
        const owner = addressOf(yield* cluster.owner(slot))
        const before = value("commands_total", { node: owner })
        yield* Effect.forEach(range(100), () => redis.get(key), { concurrency: 10 })
        yield* redis.pipeline(range(50).map(() => Strings.get(key)))
        yield* redis.transaction([Strings.set(key, "1"), Strings.get(key)])
        // MULTI and EXEC are commands, too.
        assert.isAtLeast(value("commands_total", { node: owner }) - before, 154)
        assert.isAtMost(value("commands_total", { node: owner }) - before, 160)
      })))

    it.effect("have a histogram of the time to the reply, in seconds", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, snapshots, value } = yield* observe({ nodes: cluster.seeds })
        for (let i = 0; i < 200; i++) yield* redis.get(key)
        assert.isAtLeast(value("reply_seconds"), 200 / 16 - 1)
        const owner = addressOf(yield* cluster.owner(slot))
        const series = snapshots().find(({ attributes, id }) =>
          id === "redis_cluster_reply_seconds" && attributes?.["node"] === owner
        )
        assert(series?.type === "Histogram")
        const { buckets, count, max, min, sum } = series.state
        assert.strictEqual(buckets.at(-1)?.[1], count)
        assert(min > 0 && min <= max && max < 5 && sum < count * 5)
      })))

    it.effect("count failures by the tag of their reason", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({ nodes: cluster.seeds })
        yield* redis.set(key, "text")
        yield* Effect.flip(redis.lpush(key, ["1"]))
        yield* Effect.flip(redis.lpush(key, ["1"]))
        assert.strictEqual(value("errors_total", { reason: "ReplyError" }), 2)
        assert.strictEqual(value("errors_total"), 2)
      })))

    it.effect("count what is refused before it is sent, by the tag of the reason as well", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({ nodes: cluster.seeds })
        const written = () => value("commands_total")
        yield* redis.get(key)
        const before = written()
        const counts = () =>
          ["OptionsError", "CrossSlotError", "NoTargetError", "TransactionError", "UnknownNodeError"]
            .map((reason) => value("errors_total", { reason }))
        /** The counts that one failing effect adds; an effect is counted each time it fails. */
        const adds = <A, E>(effect: Effect.Effect<A, E>) =>
          Effect.gen(function*() {
            const start = counts()
            yield* Effect.exit(effect)
            yield* Effect.exit(effect)
            return counts().map((count, i) => (count - start[i]) / 2)
          })
        // Not text, whatever the types say.
        const bad = undefined as unknown as string
        const options = [1, 0, 0, 0, 0]
        assert.deepStrictEqual(yield* adds(redis.get(bad)), options)
        assert.deepStrictEqual(yield* adds(redis.on("primaries").get(bad)), options)
        assert.deepStrictEqual(yield* adds(redis.send("MULTI")), options)
        assert.deepStrictEqual(yield* adds(redis.send("NO-SUCH-COMMAND")), options)
        assert.deepStrictEqual(yield* adds(redis.mgetNonatomic([bad])), options)
        assert.deepStrictEqual(yield* adds(redis.pipeline([Strings.get("fine"), Strings.get(bad)])), options)
        assert.deepStrictEqual(yield* adds(redis.watch([], () => Effect.void)), options)
        const crossing = [0, 1, 0, 0, 0]
        assert.deepStrictEqual(yield* adds(redis.mget(["a", "b"])), crossing)
        assert.deepStrictEqual(yield* adds(redis.transaction([Strings.get("a"), Strings.get("b")])), crossing)
        assert.deepStrictEqual(yield* adds(redis.watch(["a", "b"], () => Effect.void)), crossing)
        assert.deepStrictEqual(yield* adds(redis.clientList()), [0, 0, 1, 0, 0])
        assert.deepStrictEqual(yield* adds(redis.transaction([Strings.get(bad)])), [0, 0, 0, 1, 0])
        const stranger = { host: "127.0.0.1", port: 1 }
        assert.deepStrictEqual(yield* adds(redis.on(stranger).get(key)), [0, 0, 0, 0, 1])
        assert.deepStrictEqual(yield* adds(Effect.scoped(redis.dedicated(stranger))), [0, 0, 0, 0, 1])
        const inSession = Effect.scoped(Effect.flatMap(redis.dedicated(key), (own) => own.get(bad)))
        assert.deepStrictEqual(yield* adds(inSession), options)
        // Each entry for itself.
        assert.deepStrictEqual(
          yield* adds(redis.pipelineResults([Strings.get(bad), Strings.mget(["a", "b"]), Strings.get("fine")])),
          [1, 1, 0, 0, 0]
        )
        // COMMAND, the PINGs of dedicated connections, and the two that were fine.
        assert.isAtMost(written() - before, 12)
      })))

    it.effect("count what a full queue refuses", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({ nodes: cluster.seeds, maxInFlight: 2, overflow: "fail" })
        yield* redis.get(key)
        yield* Effect.forEach(range(7), () => Effect.exit(redis.get(key)), { concurrency: "unbounded" })
        assert.strictEqual(value("errors_total", { reason: "OverloadedError" }), 5)
        assert.strictEqual(value("errors_total"), 5)
      })))

    it.effect("count timeouts, and show what is in flight meanwhile", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({ nodes: cluster.seeds, commandTimeout: 700 })
        yield* redis.get(key)
        const owner = yield* cluster.owner(slot)
        const node = addressOf(owner)
        yield* Effect.acquireUseRelease(
          cluster.stop(owner),
          () =>
            Effect.gen(function*() {
              const commands = yield* Effect.forkChild(
                Effect.forEach(range(5), () => Effect.flip(redis.get(key)), { concurrency: "unbounded" })
              )
              yield* until("five commands are in flight", () => value("in_flight", { node }) === 5)
              yield* Fiber.join(commands)
              assert.strictEqual(value("errors_total", { reason: "TimeoutError" }), 5)
            }),
          () => Effect.orDie(cluster.continue(owner))
        )
        yield* until("none in flight", () => value("in_flight", { node }) === 0)
      })))

    it.effect("show what waits to be written", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({ nodes: cluster.seeds, maxInFlight: 2 })
        yield* redis.get(key)
        const owner = yield* cluster.owner(slot)
        yield* Effect.acquireUseRelease(
          cluster.stop(owner),
          () =>
            Effect.gen(function*() {
              yield* Effect.forkChild(
                Effect.forEach(range(7), () => Effect.ignore(redis.get(key)), { concurrency: "unbounded" })
              )
              const node = addressOf(owner)
              yield* until("two in flight", () => value("in_flight", { node }) === 2)
              assert.strictEqual(value("queued", { node }), 5)
            }),
          () => Effect.orDie(cluster.continue(owner))
        )
      })))

    it.effect("count sockets that replace a lost one", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({ nodes: cluster.seeds })
        yield* redis.get(key)
        const owner = yield* cluster.owner(slot)
        assert.strictEqual(value("reconnects_total"), 0)
        yield* cluster.command(owner, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield* until("a reconnect", () => value("reconnects_total", { node: addressOf(owner) }) === 1)
        assert.strictEqual(value("connected", { node: addressOf(owner) }), 1)
      })))

    it.effect("count ASK and MOVED redirects and the refresh that follows", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({ nodes: cluster.seeds, refreshInterval: "1 hour" })
        const owner = yield* cluster.owner(slot)
        const target = (yield* cluster.primaries).find(({ id }) => id !== owner.id)
        assert(target !== undefined)
        yield* redis.del([key])
        yield* cluster.startMigration(slot, target)
        yield* redis.get(key)
        assert.strictEqual(value("redirects_total", { kind: "ask" }), 1)
        assert.strictEqual(value("redirects_total", { kind: "moved" }), 0)
        yield* cluster.finishMigration(slot)
        const refreshes = value("refreshes_total", { result: "ok" })
        yield* redis.get(key)
        assert.strictEqual(value("redirects_total", { kind: "moved" }), 1)
        yield* until("a refresh", () => value("refreshes_total", { result: "ok" }) > refreshes)
        assert.strictEqual(value("slots_uncovered"), 0)
        assert.strictEqual(value("nodes", { role: "primary" }), 3)
        assert.strictEqual(value("nodes", { role: "replica" }), 3)
        yield* cluster.migrateSlot(slot, owner)
      })))

    it.effect("count retries, by their kind", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({ nodes: cluster.seeds })
        const script = makeScript({ lua: `return redis.call('GET', KEYS[1]) -- ${Math.random()}`, keys: ["key"] })
        assert.strictEqual(value("retries_total"), 0)
        yield* redis.execute(script({ keys: { key } }))
        assert.strictEqual(value("retries_total", { kind: "supply" }), 1)
      })))

    it.effect("count messages that subscriptions get, and gaps", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({ nodes: cluster.seeds })
        let messages = 0
        const stream = redis.subscribe("metrics:channel")
        const got = Effect.sync(() => messages++)
        yield* Effect.forkScoped(Stream.runForEach(stream, () => got))
        // Until the subscription is there.
        yield* Effect.repeat(Effect.andThen(redis.publish("metrics:channel", "one"), Effect.sleep(50)), {
          until: () => messages > 0
        })
        assert.strictEqual(value("pubsub_messages_total"), messages)
        assert.strictEqual(value("pubsub_gaps_total"), 0)
        for (const node of yield* cluster.primaries) {
          yield* cluster.command(node, "CLIENT", "KILL", "TYPE", "pubsub")
        }
        yield* until("a gap", () => value("pubsub_gaps_total") === 1)
      })))

    it.effect("of two clients of one program are added up, and go with their client", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const registry: Metric.MetricRegistry = new Map()
        const use = Effect.gen(function*() {
          const redis = yield* ClusterClient
          yield* redis.set(key, "text")
          yield* Effect.flip(redis.lpush(key, ["1"]))
        })
        const client = ClusterClient.layer({ nodes: cluster.seeds })
        const errors = () =>
          Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry)).flatMap((series) =>
            series.id === "redis_cluster_errors_total" && series.type === "Counter" ? [Number(series.state.count)] : []
          )
        yield* use.pipe(
          Effect.andThen(use.pipe(Effect.andThen(Effect.sync(errors)), Effect.provide(client, { local: true }))),
          Effect.tap((sums) => Effect.sync(() => assert.deepStrictEqual(sums, [2]))),
          Effect.provide(client, { local: true }),
          Effect.provideService(Metric.MetricRegistry, registry)
        )
        assert.strictEqual(registry.size, 0)
      })))

    it.effect("are found by the metrics that Effect makes of the same name", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, registry, value } = yield* observe({ nodes: cluster.seeds })
        yield* redis.get(key)
        const node = addressOf(yield* cluster.owner(slot))
        const commands = Metric.counter("redis_cluster_commands_total", {
          description: "Commands written to the node",
          attributes: { node }
        })
        const { count } = yield* Effect.provideService(Metric.value(commands), Metric.MetricRegistry, registry)
        assert.isAtLeast(count, 1)
        assert.strictEqual(count, value("commands_total", { node }))
      })))

    it.effect("count reads that were passed on to another node of their shard", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis, value } = yield* observe({
          nodes: cluster.seeds,
          readFrom: ReadFrom.replicaPreferred,
          commandTimeout: "2 seconds"
        })
        const [replica] = yield* cluster.replicasOf(yield* cluster.owner(slot))
        yield* redis.get(key)
        yield* Effect.acquireUseRelease(
          cluster.stop(replica),
          () => redis.get(key),
          () => Effect.orDie(cluster.continue(replica))
        )
        assert.strictEqual(value("retries_total", { kind: "replica" }), 1)
        yield* cluster.awaitOk
      })))

    // The last one: it kills a node.
    it.effect("count waits for a failover, and failed attempts to connect", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const writer = yield* observe({ nodes: cluster.seeds })
        const owner = yield* cluster.owner(slot)
        const node = addressOf(owner)
        yield* writer.redis.set(key, "1")
        yield* cluster.kill(owner)
        const write = yield* Effect.forkChild(writer.redis.set(key, "2"))
        // While it is part of the cluster: the others leave a node out that they have given up.
        yield* until("an attempt fails", () => writer.value("connect_failures_total", { node }) >= 1)
        assert.strictEqual(writer.value("connected", { node }), 0)
        yield* Fiber.join(write)
        assert.isAtLeast(writer.value("retries_total", { kind: "wait" }), 1)
        assert.strictEqual(writer.value("errors_total"), 0)
        yield* cluster.restart(owner)
        yield* cluster.awaitOk
      })))
  })
})
