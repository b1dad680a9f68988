import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { Response, TestCluster } from "../../src/testing/index.ts"
import { openClient } from "../faults/Load.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import { RedisCluster, type RedisClusterShape, type RedisNode } from "../harness/RedisCluster.ts"

const options = { replicas: 1, nodeTimeout: 60_000, options: ["--cluster-require-full-coverage", "no"] }

const whileStopped = <A, E, R>(cluster: RedisClusterShape, node: RedisNode, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(cluster.stop(node), () => effect, () => Effect.orDie(cluster.continue(node)))

const addressOf = ({ host, port }: RedisNode) => `${host}:${port}`

describe("Health", () => {
  layer(RedisCluster.layer(options), { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.effect("of a whole cluster: every node is up, with its latency, and every slot is served", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis } = yield* openClient({ nodes: cluster.seeds })
        const report = yield* redis.requireHealthy({ timeout: "5 seconds" })
        assert.isTrue(report.isReady)
        assert.deepStrictEqual(report.down, [])
        assert.deepStrictEqual([report.coveredSlots, report.servedSlots], [16_384, 16_384])
        assert.deepStrictEqual(
          report.nodes.map(({ node }) => node.address).toSorted(),
          cluster.nodes.map(addressOf).toSorted()
        )
        for (const { cause, isUp, latency = 0 } of report.nodes) {
          assert.isTrue(isUp)
          assert.isUndefined(cause)
          assert.isAbove(latency, 0)
          assert.isBelow(latency, 5000)
        }
      }))

    it.effect("asks the primaries only, when told so, and opens no connection to replicas", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { connections, redis } = yield* openClient({ nodes: cluster.seeds })
        const report = yield* redis.health({ replicas: false, timeout: "5 seconds" })
        assert.deepStrictEqual(report.nodes.map(({ node }) => node.role), ["primary", "primary", "primary"])
        assert.isTrue(report.isReady)
        assert.strictEqual(connections.all().length, 3)
      }))

    it.effect("with a primary that is silent: in bounded time, which one, and how many slots that concerns", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const primary = cluster.nodes[0]
        const { redis } = yield* openClient({ nodes: cluster.seeds })
        yield* redis.health()
        yield* whileStopped(
          cluster,
          primary,
          Effect.gen(function*() {
            const { own, result: report } = yield* MachineLag.timed(redis.health({ timeout: 300 }))
            assert.isBelow(own, 3000)
            assert.isFalse(report.isReady)
            assert.deepStrictEqual(report.down.map(({ node }) => node.address), [addressOf(primary)])
            assert.match(report.down[0].cause ?? "", /PING was not answered in time/)
            assert.isUndefined(report.down[0].latency)
            assert.strictEqual(report.coveredSlots, 16_384)
            assert.strictEqual(report.servedSlots, 16_384 - 5461)

            const error = yield* Effect.flip(redis.requireHealthy({ timeout: 300 }))
            assert(error._tag === "UnhealthyError")
            assert.isTrue(error.isRetryable)
            assert.strictEqual(error.servedSlots, 16_384 - 5461)
            assert.deepStrictEqual(error.down.map(({ node }) => node), [addressOf(primary)])
            assert.include(error.message, addressOf(primary))
          })
        )
      }))

    it.effect("with a replica that is dead: down, and the cluster is ready all the same", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const replica = cluster.nodes[5]
        const { redis } = yield* openClient({ nodes: cluster.seeds })
        yield* redis.health()
        yield* Effect.acquireUseRelease(
          cluster.kill(replica),
          () =>
            Effect.gen(function*() {
              const report = yield* redis.requireHealthy({ timeout: "2 seconds" })
              assert.deepStrictEqual(report.down.map(({ node }) => node.address), [addressOf(replica)])
            }),
          () => Effect.orDie(Effect.andThen(cluster.restart(replica), cluster.awaitOk))
        )
      }))

    it.effect("with slots that nobody owns: not ready", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const owner = cluster.nodes[2]
        const each = (...command: ReadonlyArray<string>) =>
          Effect.forEach(cluster.nodes.slice(0, 3), (node) => cluster.command(node, ...command), { discard: true })
        yield* Effect.acquireUseRelease(
          each("CLUSTER", "DELSLOTS", "16383"),
          () =>
            Effect.gen(function*() {
              const { redis } = yield* openClient({ nodes: cluster.seeds })
              const report = yield* redis.health({ timeout: "5 seconds" })
              assert.isFalse(report.isReady)
              assert.deepStrictEqual(report.down, [])
              assert.deepStrictEqual([report.coveredSlots, report.servedSlots], [16_383, 16_383])
            }),
          () => Effect.orDie(cluster.command(owner, "CLUSTER", "ADDSLOTS", "16383"))
        )
      }))

    it.effect("refuses a timeout that is none", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis } = yield* openClient({ nodes: cluster.seeds })
        assert.strictEqual((yield* Effect.flip(redis.health({ timeout: -1 }))).reason._tag, "OptionsError")
      }))
  })
})

describe("The words of a server that quotes arguments", () => {
  layer(TestCluster.layer(), { excludeTestServices: true })((it) => {
    const secret = "a-key-of-somebody"
    const quoting = Response.error(`ERR unknown command 'X', with args beginning with: '${secret}' `)

    it.effect("are not quoted in a health report, nor in its error", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* TestCluster
        const stop = yield* cluster.onCommand("PING", () => quoting)
        const report = yield* redis.health()
        const error = yield* Effect.flip(redis.requireHealthy())
        yield* stop
        assert.include(report.down[0].cause, "unknown command")
        for (const one of [report, error]) assert.notInclude(inspect(one, { depth: 10 }), secret)
      }))

    it.effect("are not quoted in the error of a stream of MONITOR", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* TestCluster
        const stop = yield* cluster.onCommand("MONITOR", () => quoting)
        const error = yield* Effect.flip(Stream.runDrain(redis.monitor(yield* redis.defaultNode)))
        yield* stop
        assert.include(error.message, "the server refuses MONITOR: ERR unknown command")
        assert.notInclude(inspect(error, { depth: 10 }), secret)
      }))
  })
})
