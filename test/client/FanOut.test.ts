import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { ClusterClient } from "../../src/index.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

const client = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) => ClusterClient.layer({ nodes: cluster.seeds }))
).pipe(Layer.provideMerge(RedisCluster.layer({ primaries: 3, replicas: 1 })))

describe("Commands on many nodes", () => {
  layer(client, { timeout: "30 seconds" })((it) => {
    it.effect("adds numbers up", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        yield* redis.msetNonatomic({ a: "1", b: "2", c: "3", d: "4" })
        assert.strictEqual(yield* redis.dbsize(), 4)
      }))

    it.effect("merges lists element by element before they are decoded", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const sha = yield* redis.scriptLoad("return 1")
        const unknown = "0".repeat(40)
        assert.deepStrictEqual(yield* redis.scriptExists([sha, unknown]), [true, false])
      }))

    it.effect("concatenates keys of all shards", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        yield* redis.msetNonatomic({ a: "1", b: "2", c: "3", d: "4" })
        assert.deepStrictEqual([...yield* redis.keys("*")].toSorted(), ["a", "b", "c", "d"])
      }))

    it.effect("gives a map by node where nothing merges, and for every target, whatever the number of nodes", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const primaries = yield* redis.primaries
        const infos = yield* redis.info("server")
        assert.deepStrictEqual(new Set(infos.keys()), new Set(primaries))
        const one = yield* redis.on(primaries[0]).dbsize()
        assert.deepStrictEqual([...one.keys()], [primaries[0]])
        const replicas = yield* redis.on("replicas").info("replication")
        assert.strictEqual(replicas.size, 3)
        for (const { replication } of replicas.values()) assert.strictEqual(replication.role, "slave")
        assert.strictEqual((yield* redis.on("all").time()).size, 6)
        assert.strictEqual((yield* redis.on("random").time()).size, 1)
      }))

    /** How often each primary was sent a command. */
    const executions = (command: string) =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const stats = yield* redis.on("primaries").info("commandstats")
        return [...stats.values()].map(({ commandstats }) => commandstats[command]?.calls ?? 0)
      })

    const spread = (command: string, calls: Effect.Effect<unknown, unknown>) =>
      Effect.gen(function*() {
        const before = yield* executions(command)
        yield* calls
        return (yield* executions(command)).map((count, i) => count - before[i])
      })

    it.effect("publishes at the owner of the channel's slot, where the client's own subscriptions are counted", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const messages = Array.from({ length: 300 }, (_, i) => redis.publish(`channel:${i}`, "hello"))
        const counts = yield* spread("publish", Effect.all(messages, { concurrency: "unbounded" }))
        assert.strictEqual(counts.reduce((sum, count) => sum + count, 0), 300)
        for (const count of counts) assert.isAbove(count, 60)
        yield* redis.subscribeScoped("channel:1")
        assert.strictEqual(yield* redis.publish("channel:1", "hello"), 1)
      }).pipe(Effect.scoped))

    it.effect("runs scripts without keys at a random primary, and other commands without keys at the default node", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const scripts = Array.from({ length: 300 }, () => redis.eval("return 1"))
        for (const count of yield* spread("eval", Effect.all(scripts, { concurrency: "unbounded" }))) {
          assert.isAbove(count, 60)
        }
        const echoes = Array.from({ length: 30 }, () => redis.send("ECHO", "hello"))
        const counts = yield* spread("echo", Effect.all(echoes, { concurrency: "unbounded" }))
        assert.deepStrictEqual(counts.toSorted((a, b) => b - a), [30, 0, 0])
      }))

    it.effect("runs a command that concerns one node only where it is told to", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const error = yield* Effect.flip(redis.clientList())
        assert.strictEqual(error.reason._tag, "NoTargetError")
        assert.include((yield* Effect.flip(redis.scan("0"))).message, "redis.scanStream()")
        const setting = yield* Effect.flip(redis.send("CLIENT", "NO-EVICT", "ON"))
        assert.include(setting.message, "onConnect")
        const node = yield* redis.node(yield* redis.randomNode)
        assert.isAbove((yield* node.clientList()).length, 0)
      }))

    it.effect("does not redirect what is meant for a given set of nodes", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const error = yield* Effect.flip(redis.on("primaries").get("a"))
        assert.strictEqual(error.reason._tag, "PartialFailureError")
        assert.include(error.message, "MOVED")
      }))

    it.effect("refuses a target without nodes and a node of no cluster", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        assert.strictEqual((yield* Effect.flip(redis.on([]).time())).reason._tag, "NoTargetError")
        const stranger = { host: "127.0.0.1", port: 1 }
        assert.strictEqual((yield* Effect.flip(redis.on(stranger).time())).reason._tag, "UnknownNodeError")
        assert.strictEqual((yield* Effect.flip(redis.node(stranger))).reason._tag, "UnknownNodeError")
      }))

    it.effect("sends any command by name, routed by its keys", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        assert.strictEqual(yield* redis.send("set", "raw", "1"), "OK")
        assert.strictEqual(yield* redis.send("GET", "raw"), "1")
        assert.strictEqual(yield* redis.send("XADD", "stream", "1-1", "field", "value"), "1-1")
        assert.deepStrictEqual(yield* redis.send("CONFIG", "GET", "maxmemory"), new Map([["maxmemory", "0"]]))
        assert.strictEqual((yield* Effect.flip(redis.send("NO.SUCH"))).reason._tag, "OptionsError")
      }))

    it.effect("keeps the default node until it is changed", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const first = yield* redis.defaultNode
        assert.strictEqual(yield* redis.defaultNode, first)
        const [replica] = yield* redis.replicas
        yield* redis.setDefaultNode(replica)
        assert.strictEqual(yield* redis.defaultNode, replica)
        assert.deepStrictEqual([...(yield* redis.on("default").role()).keys()], [replica])
      }))
  })

  layer(client, { timeout: "30 seconds" })("Multi-key commands over any slots", (it) => {
    it.effect("read in the order of the keys, write, count and delete", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const keys = Array.from({ length: 1000 }, (_, i) => `key:${i}`)
        yield* redis.msetNonatomic(keys.map((key, i) => [key, String(i)] as const))
        assert.deepStrictEqual(
          yield* redis.mgetNonatomic([...keys, "missing", keys[0]]),
          [...keys.map((_, i) => String(i)), null, "0"]
        )
        assert.strictEqual(yield* redis.existsNonatomic([...keys, "missing"]), 1000)
        assert.strictEqual(yield* redis.touchNonatomic(keys.slice(0, 10)), 10)
        assert.strictEqual(yield* redis.unlinkNonatomic(keys.slice(0, 500)), 500)
        assert.strictEqual(yield* redis.delNonatomic(keys), 500)
      }))

    it.effect("have nothing to do for an empty list", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        assert.deepStrictEqual(yield* redis.mgetNonatomic([]), [])
        assert.deepStrictEqual(yield* redis.mgetNonatomic([], { bytes: true }), [])
        assert.strictEqual(yield* redis.msetNonatomic([]), "OK")
        assert.strictEqual(yield* redis.msetNonatomic({}), "OK")
        for (const count of [redis.delNonatomic, redis.existsNonatomic, redis.touchNonatomic, redis.unlinkNonatomic]) {
          assert.strictEqual(yield* count([]), 0)
        }
        assert.strictEqual((yield* Effect.flip(redis.mgetNonatomic(null as never))).reason._tag, "OptionsError")
      }))

    it.effect("say which keys failed", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        // MSET needs memory; the owner of one of the keys has none left to give.
        const owner = yield* redis.ownerOf("a")
        assert.isDefined(owner)
        if (owner === undefined) return
        yield* redis.on(owner).configSet({ maxmemory: "1" })
        const keys = ["a", "b", "c", "d", "e"]
        const error = yield* Effect.flip(redis.msetNonatomic(keys.map((key) => [key, "x"] as const)))
        yield* redis.on(owner).configSet({ maxmemory: "0" })
        const { reason } = error
        assert.strictEqual(reason._tag, "PartialFailureError")
        if (reason._tag !== "PartialFailureError") return
        const failed = reason.failures.flatMap((failure) => failure.keys)
        const expected = yield* Effect.filter(
          keys.map((_, i) => i),
          (i) => Effect.map(redis.ownerOf(keys[i]), (node) => node === owner)
        )
        assert.deepStrictEqual(failed.toSorted(), expected)
        assert.strictEqual(reason.failures[0].node, owner.address)
      }))
  })
})
