import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { PassThrough } from "node:stream"
import { inspect } from "node:util"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import * as Command from "../../src/commands/Command.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { addressOf, connect, errorReplies, resetCounts, topologyCalls } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as RedisServer from "../harness/RedisServer.ts"

const shards = RedisCluster.layer({ options: ["--cluster-require-full-coverage", "no"] })

/** An address at which nobody listens. */
const deadEndpoint = Effect.map(RedisServer.freePort, (port) => ({ host: "127.0.0.1", port }))

const failure = (options: ClusterOptions) => Effect.flip(Effect.scoped(connect(options)))

/** Leaves the slot of a key without an owner while `use` runs. */
const withUncovered = <A, E, R>(key: string, use: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const cluster = yield* RedisCluster
    const slot = HashSlot.ofKey(key)
    const owner = yield* cluster.owner(slot)
    const abandon = Effect.forEach(cluster.nodes, (node) => cluster.command(node, "CLUSTER", "DELSLOTS", slot))
    const restore = Effect.forEach(
      cluster.nodes,
      (node) =>
        node === owner
          ? cluster.command(node, "CLUSTER", "ADDSLOTS", slot)
          : cluster.command(node, "CLUSTER", "SETSLOT", slot, "NODE", owner.id)
    )
    return yield* Effect.acquireUseRelease(abandon, () => use, () => Effect.orDie(restore))
  })

describe("Starting a client", () => {
  layer(shards, { excludeTestServices: true })((it) => {
    it.effect("goes on to the next startup node when the first is dead", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: [yield* deadEndpoint, cluster.seeds[1]] })
        yield* redis.set("first dead", "works")
        assert.strictEqual(yield* redis.get("first dead"), "works")
        assert.sameMembers((yield* redis.nodes).map((node) => node.address), cluster.nodes.map(addressOf))
      }))

    it.effect("fails with the cause of each node when all are dead", () =>
      Effect.gen(function*() {
        const nodes = [yield* deadEndpoint, yield* deadEndpoint]
        const { reason } = yield* failure({ nodes })
        assert(reason._tag === "NoReachableNodeError")
        assert.deepStrictEqual(
          reason.causes.map(({ node }) => node),
          nodes.map(({ host, port }) => `${host}:${port}`)
        )
        for (const { cause, node } of reason.causes) {
          assert.include(cause, "ECONNREFUSED")
          assert.include(reason.message, `${node}: `)
        }
        assert.strictEqual(reason.outcome, "NotExecuted")
      }))

    it.effect("says so when the server runs without cluster mode", () =>
      Effect.gen(function*() {
        const server = yield* RedisServer.make()
        const { reason } = yield* failure({ nodes: server.url })
        assert.strictEqual(reason._tag, "ClusterDisabledError")
        assert.include(reason.message, `127.0.0.1:${server.port}`)
      }).pipe(Effect.provide(NodeServices.layer)))

    it.effect("refuses wrong URLs and options before anything is sent", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const nodes = cluster.seeds[0]
        const wrong: ReadonlyArray<readonly [named: string, options: ClusterOptions]> = [
          ["nodes is empty", { nodes: [] }],
          ["nodes[0]", { nodes: "http://127.0.0.1:7000" }],
          ["nodes[1]", { nodes: [nodes, "127.0.0.1:port"] }],
          ["nodes[0]", { nodes: `${nodes}/1` }],
          ["nodes[0]", { nodes: { host: "127.0.0.1", port: 0 } }],
          ["mixes", { nodes: [nodes, "rediss://127.0.0.1:7000"] }],
          ["commandTimeout", { nodes, commandTimeout: 0 }],
          ["maxRedirects", { nodes, maxRedirects: -1 }],
          ["clientName", { nodes, clientName: "two words" }],
          ["username", { nodes, username: "ada" }]
        ]
        let opened = 0
        const stream = () => {
          opened++
          return new PassThrough()
        }
        for (const [named, options] of wrong) {
          const { reason } = yield* failure({ ...options, stream })
          assert.strictEqual(reason._tag, "OptionsError")
          assert.include(reason.message, named)
          assert.strictEqual(reason.outcome, "NotExecuted")
        }
        assert.strictEqual(opened, 0)
      }))

    it.effect("refuses a map with a hole when full coverage is required", () =>
      Effect.gen(function*() {
        const { seeds: nodes } = yield* RedisCluster
        const slot = HashSlot.ofKey("uncovered")
        const { reason } = yield* withUncovered("uncovered", failure({ nodes, requireFullCoverage: true }))
        assert(reason._tag === "SlotNotCoveredError")
        assert.strictEqual(reason.slot, slot)
        yield* connect({ nodes, requireFullCoverage: true })
      }))

    it.effect("serves the other slots when one is not covered, and fails its keys at their deadline", () =>
      Effect.gen(function*() {
        const { seeds: nodes } = yield* RedisCluster
        const redis = yield* connect({ nodes, commandTimeout: "500 millis" })
        yield* redis.set("uncovered", "before")
        yield* withUncovered(
          "uncovered",
          Effect.gen(function*() {
            const [failed] = yield* Effect.all([
              Effect.flip(redis.get("uncovered")),
              Effect.forEach(["a", "b", "c", "d"], (key) => redis.set(key, "served"))
            ], { concurrency: "unbounded" })
            assert(failed.reason._tag === "SlotNotCoveredError")
            assert.strictEqual(failed.reason.slot, HashSlot.ofKey("uncovered"))
            assert.strictEqual(failed.reason.outcome, "NotExecuted")
            assert.strictEqual(yield* redis.get("d"), "served")
          })
        )
        // The next question for the topology may be later than the deadline of this client: the pauses between them have grown.
        const after = Command.timeout(Strings.set("uncovered", "after"), "10 seconds")
        assert.strictEqual(yield* redis.execute(after), "OK")
      }))

    it.effect("fetches the topology once for 1000 concurrent commands, and sends each to its node", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* resetCounts(cluster)
        const redis = yield* connect({ nodes: cluster.seeds })
        const keys = Array.from({ length: 1000 }, (_, index) => `fresh:${index}`)
        const before = yield* Effect.forEach(keys, (key) => redis.get(key), { concurrency: "unbounded" })
        assert.isTrue(before.every((value) => value === null))
        assert.strictEqual(yield* topologyCalls(cluster), 1)
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 0)
      }))

    it.effect("answers 100 concurrent wishes for a refresh with one fetch", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.refreshTopology
        yield* resetCounts(cluster)
        const wishes = Array.from({ length: 100 }, () => redis.refreshTopology)
        const snapshots = yield* Effect.all(wishes, { concurrency: "unbounded" })
        assert.strictEqual(new Set(snapshots).size, 1)
        assert.strictEqual(yield* topologyCalls(cluster), 1)
      }))

    it.effect("names a wrong password as the cause, and shows the secret nowhere", () =>
      Effect.gen(function*() {
        const server = yield* RedisServer.make({ password: "right", options: ["--cluster-enabled", "yes"] })
        const secret = "hunter2-secret"
        const attempts: ReadonlyArray<ClusterOptions> = [
          { nodes: server.url, password: Redacted.make(secret) },
          { nodes: server.url, username: "ada", password: Redacted.make(secret) },
          { nodes: server.url, password: Redacted.make(secret), protocol: 2 },
          { nodes: `redis://:${secret}@127.0.0.1:${server.port}` },
          { nodes: `redis://ada:${secret}@127.0.0.1:${server.port}/7` }
        ]
        for (const options of attempts) {
          const error = yield* failure(options)
          if (error.reason._tag !== "OptionsError") {
            assert(error.reason._tag === "NoReachableNodeError")
            assert.match(error.reason.causes[0].cause, /WRONGPASS/)
          }
          const shown = [
            inspect(error, { depth: Infinity, showHidden: true }),
            JSON.stringify(error),
            String(error),
            error.stack ?? "",
            Cause.pretty(Cause.fail(error))
          ]
          assert.notInclude(shown.join("\n"), secret)
        }
      }).pipe(Effect.provide(NodeServices.layer)))
  })
})
