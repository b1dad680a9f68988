/**
 * Commands whose answer is put together from several nodes, or that move slots: on a cluster, through the client.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { ClusterClient, HashSlot } from "../../src/index.ts"
import { inRealTime } from "../harness/RealTime.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

const client = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) => ClusterClient.layer({ nodes: cluster.seeds }))
).pipe(Layer.provideMerge(RedisCluster.layer({ primaries: 3, replicas: 1 })))

/** Whether the servers know a command, which differs from server to server: `COMMAND INFO` says. */
const knows = (name: string) =>
  Effect.gen(function*() {
    const redis = yield* ClusterClient
    const [info] = yield* redis.commandInfo(name.replace(" ", "|").toLowerCase())
    return info !== null
  })

const unknown = <A, E extends { readonly reason: { readonly _tag: string }; readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>
) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.strictEqual(error.reason._tag, "ReplyError")
    assert.match(error.message, /does not know this (?:sub)?command/)
  })

/** The node that the servers name as the owner of a slot. */
const ownerOf = (slot: number) =>
  Effect.gen(function*() {
    const redis = yield* ClusterClient
    const slots = yield* redis.clusterSlots()
    const owner = slots.find(({ end, start }) => start <= slot && slot <= end)?.nodes[0]
    const node = (yield* redis.primaries).find(({ port }) => port === owner?.port)
    return node ?? assert.fail("no such node")
  })

describe("Commands on a cluster", () => {
  layer(client, { timeout: "30 seconds" })((it) => {
    it.effect("streams of one slot are read and acknowledged together", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        yield* redis.xgroupCreate("{t}a", "g", "$", { mkStream: true })
        yield* redis.xgroupCreate("{t}b", "g", "$", { mkStream: true })
        const first = yield* redis.xadd("{t}a", "*", { n: 1 })
        const second = yield* redis.xadd("{t}b", "*", { n: 2 })
        const read = yield* redis.xreadgroup("g", "c", { "{t}a": ">", "{t}b": ">" })
        assert.deepStrictEqual(read, [
          { key: "{t}a", entries: [{ id: first, fields: { n: "1" } }] },
          { key: "{t}b", entries: [{ id: second, fields: { n: "2" } }] }
        ])
        assert.strictEqual(yield* redis.xack("{t}a", "g", first), 1)
        assert.strictEqual((yield* redis.xpending("{t}b", "g")).count, 1)
      }))

    it.effect("streams of several slots are refused before anything is sent", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const error = yield* Effect.flip(redis.xread({ a: "0", b: "0" }))
        assert.strictEqual(error.reason._tag, "CrossSlotError")
      }))

    it.effect("what users were refused is told node by node, and forgotten on all nodes", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.aclLogReset()
        const logs = yield* redis.aclLog()
        assert.deepStrictEqual(new Set(logs.keys()), new Set(yield* redis.nodes))
        for (const log of logs.values()) assert.deepStrictEqual(log, [])
      }))

    it.effect("functions are counted primary by primary", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.functionLoad(
          "#!lua name=lib\nredis.register_function('f', function() return 1 end)",
          { replace: true }
        )
        const stats = yield* redis.functionStats()
        assert.deepStrictEqual(new Set(stats.keys()), new Set(yield* redis.primaries))
        for (const { engines } of stats.values()) assert.strictEqual(engines["LUA"].functions, 1)
      }))

    it.effect("a script that does not run anywhere cannot be ended", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const error = yield* Effect.flip(redis.scriptKill())
        assert.include(error.message, "NOTBUSY")
      }))

    it.effect("figures on slots come from the primaries that own them, the greatest first", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        if (!(yield* knows("cluster slot-stats"))) {
          const node = yield* redis.node(yield* redis.randomNode)
          return yield* unknown(node.clusterSlotStats({ start: 0, end: 1 }))
        }
        yield* redis.flushall()
        for (const [tag, count] of [["a", 3], ["b", 2], ["c", 1]] as const) {
          for (let i = 0; i < count; i++) yield* redis.set(`{${tag}}${i}`, "v")
        }
        const top = yield* redis.clusterSlotStats({ orderBy: "key-count", limit: 2 })
        assert.deepStrictEqual(
          top.map(({ keyCount, slot }) => [slot, keyCount]),
          [[HashSlot.ofKey("a"), 3], [HashSlot.ofKey("b"), 2]]
        )
        const all = yield* redis.clusterSlotStats({ start: 0, end: 16383 })
        assert.strictEqual(all.length, 16384)
        assert.strictEqual(all.reduce((sum, { keyCount }) => sum + keyCount, 0), 6)
      }))

    it.effect("a scan of the cluster finds every key, whichever node has it", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        if (!(yield* knows("clusterscan"))) return yield* unknown(redis.clusterscan("0"))
        yield* redis.flushall()
        const keys = Array.from({ length: 50 }, (_, i) => `key:${i}`)
        yield* redis.msetNonatomic(Object.fromEntries(keys.map((key) => [key, "v"])))
        const found = new Set<string>()
        let cursor = "0"
        do {
          const page = yield* redis.clusterscan(cursor, { count: 1000 })
          for (const key of page.items) found.add(key)
          cursor = page.cursor
        } while (cursor !== "0")
        assert.deepStrictEqual([...found].toSorted(), keys.toSorted())
      }))

    it.effect("Redis 8.4 moves slots to the node that asks for them", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const target = yield* redis.node(yield* ownerOf(16383))
        if (!(yield* knows("cluster migration"))) return yield* unknown(target.clusterMigrationImport([[0, 1]]))
        const id = yield* target.clusterMigrationImport([[0, 1]])
        const [task] = yield* target.clusterMigrationStatus({ id }).pipe(
          Effect.repeat({ until: ([task]) => task?.state === "completed", schedule: Schedule.spaced("50 millis") }),
          inRealTime
        )
        assert.deepInclude(task, { id, operation: "import", lastError: "", ranges: [[0, 1]] })
        assert.isAtLeast(task.endTime, task.startTime)
        assert.strictEqual(yield* target.clusterMigrationCancel("ALL"), 0)
      }))

    it.effect("Valkey 9.0 moves slots away from the node that is told so", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const source = yield* redis.node(yield* ownerOf(0))
        const target = yield* ownerOf(16383)
        const node = yield* Effect.flatMap(redis.node(target), (node) => node.clusterMyid())
        const moves = { ranges: [[2, 3]], node } as const
        if (!(yield* knows("cluster migrateslots"))) return yield* unknown(source.clusterMigrateslots(moves))
        assert.strictEqual(yield* source.clusterMigrateslots(moves), "OK")
        const [migration] = yield* source.clusterGetslotmigrations().pipe(
          Effect.repeat({ until: ([job]) => job?.state === "success", schedule: Schedule.spaced("50 millis") }),
          inRealTime
        )
        assert.deepInclude(migration, { operation: "EXPORT", targetNode: node, ranges: [[2, 3]] })
      }))
  })
})
