import { assert, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import { calls, connect, errorReplies, resetCounts, tagWhere, topologyCalls } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const each = { concurrency: "unbounded" } as const

/** Hash tags of different slots. */
const tagsOf = (count: number, below = HashSlot.slotCount): ReadonlyArray<string> => {
  const tags = new Map<number, string>()
  for (let index = 0; tags.size < count; index++) {
    const slot = HashSlot.ofKey(`tag${index}`)
    if (slot < below) tags.set(slot, `tag${index}`)
  }
  return [...tags.values()]
}

/**
 * Callers that read, write, count and use several keys at once, on every tag in turn, until told to stop. An error ends
 * the load; what was counted is known exactly.
 */
const startLoad = Effect.fnUntraced(function*(redis: ClusterClientShape, tags: ReadonlyArray<string>) {
  const counted = new Map(tags.map((tag) => [tag, 0]))
  let running = true
  let operations = 0
  yield* Effect.forEach(tags, (tag) => redis.mset({ [`{${tag}}a`]: "0", [`{${tag}}b`]: "0" }), each)

  const caller = (first: number) =>
    Effect.gen(function*() {
      for (let turn = first; running; turn++) {
        const tag = tags[turn % tags.length]
        const value = `${first}:${turn}`
        yield* redis.set(`{${tag}}${first}`, value)
        assert.strictEqual(yield* redis.get(`{${tag}}${first}`), value)
        yield* redis.incr(`{${tag}}count`)
        counted.set(tag, (counted.get(tag) ?? 0) + 1)
        yield* redis.mset({ [`{${tag}}a`]: value, [`{${tag}}b`]: value })
        const [a, b] = yield* redis.mget([`{${tag}}a`, `{${tag}}b`])
        // Other callers write these two as well, but always both at once.
        assert.strictEqual(a, b)
        operations += 5
      }
    })
  const callers = yield* Effect.forEach(
    Array.from({ length: 10 }, (_, index) => index * 10),
    (first) => Effect.forkChild(caller(first))
  )
  return {
    /** Ends the load: fails with the first error, gives the number of operations. */
    finish: Effect.gen(function*() {
      running = false
      yield* Fiber.joinAll(callers)
      for (const [tag, count] of counted) {
        assert.strictEqual(yield* redis.get(`{${tag}}count`), count === 0 ? null : String(count))
      }
      return operations
    })
  }
})

describeOnEach("A cluster that changes under load, on $name", (environment) => {
  layer(environment.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("moves 100 slots without an error, and every counter is exact", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        // All go to one node. Were nodes giving and taking at once, a node could lose a slot it has just taken to a late
        // message of the giver, whose epoch had grown by another slot: the two would then disagree for good.
        const target = cluster.nodes[2]
        const tags = tagsOf(100, 10_000)
        yield* resetCounts(cluster)
        const load = yield* startLoad(redis, tags)
        // Ten at a time stay for a while with a key left behind, so that the load meets them in that state.
        for (let first = 0; first < tags.length; first += 10) {
          const moving = tags.slice(first, first + 10)
          for (const tag of moving) {
            const slot = HashSlot.ofKey(tag)
            const source = yield* cluster.owner(slot)
            yield* cluster.startMigration(slot, target)
            const keys = yield* cluster.command(source, "CLUSTER", "GETKEYSINSLOT", slot, 100)
            const others = (Array.isArray(keys) ? keys.map(String) : []).filter((key) => key !== `{${tag}}a`)
            const migrate = ["MIGRATE", target.host, target.port, "", 0, 5000, "KEYS", ...others]
            yield* cluster.command(source, ...migrate)
          }
          yield* Effect.forEach(moving, (tag) => cluster.finishMigration(HashSlot.ofKey(tag)))
        }
        const operations = yield* load.finish
        assert.isAbove(operations, 1000)
        // The load did meet what the slots went through.
        for (const code of ["MOVED", "ASK", "TRYAGAIN"]) assert.isAbove(yield* errorReplies(cluster, code), 0, code)
      }))

    it.effect("hands every shard over to its replica without an error, and every counter is exact", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const tags = tagsOf(30).map((tag) => `failover:${tag}`)
        const before = yield* cluster.primaries
        yield* resetCounts(cluster)
        const load = yield* startLoad(redis, tags)
        for (const primary of before) {
          const [replica] = yield* cluster.replicasOf(primary)
          yield* cluster.failover(replica)
        }
        yield* load.finish
        const after = yield* cluster.primaries
        assert.strictEqual(after.length, 3)
        assert.isTrue(after.every((node) => !before.includes(node)))
        assert.isAbove(yield* errorReplies(cluster, "MOVED"), 0)
        assert.sameMembers(
          (yield* redis.primaries).map((node) => node.port),
          after.map((node) => node.port)
        )
      }))

    it.effect("tells by one MOVED that a whole shard failed over", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* cluster.awaitOk
        // Refreshes so rare that only the patch can be what the commands after the first go by.
        const redis = yield* connect({ nodes: cluster.seeds, minRefreshInterval: "1 minute" })
        const [primary] = yield* cluster.primaries
        const [replica] = yield* cluster.replicasOf(primary)
        const keys: Array<string> = []
        for (let index = 0; keys.length < 100; index++) {
          if ((yield* redis.ownerOf(`key${index}`))?.port === primary.port) keys.push(`key${index}`)
        }
        yield* cluster.failover(replica)
        yield* resetCounts(cluster)
        yield* redis.set(keys[0], "value")
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 1)
        yield* Effect.forEach(keys, (key) => redis.set(key, "value"), each)
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 1)
        assert.strictEqual((yield* redis.nodeAt(replica)).role, "primary")
        assert.strictEqual((yield* redis.nodeAt(primary)).role, "replica")
      }))
  })

  it.live("is asked for its topology at most 8 times in 2 seconds, however many commands fail", () =>
    Effect.gen(function*() {
      const cluster = yield* environment.make({ options: ["--cluster-require-full-coverage", "no"] })
      const [dead, ...alive] = cluster.nodes
      const redis = yield* connect({
        nodes: alive.map((node) => node.url),
        commandTimeout: "2 seconds",
        // Each of them asks for a refresh with every attempt, far more often than it may be granted.
        retrySchedule: Schedule.spaced("25 millis")
      }).pipe(Effect.provideService(RedisCluster, cluster))
      const tag = tagWhere((slot) => slot < 5000)
      yield* redis.set(tag, "value")
      yield* resetCounts(cluster)
      yield* cluster.kill(dead)

      const errors = yield* Effect.forEach(
        Array.from({ length: 1000 }, (_, index) => `{${tag}}${index}`),
        (key) => Effect.flip(redis.incr(key)),
        each
      )
      const expected = new Set(["ConnectionError", "ClusterDownError", "TimeoutError"])
      assert.deepStrictEqual(errors.filter(({ reason }) => !expected.has(reason._tag)), [])
      const questions = (yield* topologyCalls(cluster)) + (yield* calls(cluster, "cluster|shards"))
      assert.isAtLeast(questions, 1)
      assert.isAtMost(questions, 8)
    }))
})
