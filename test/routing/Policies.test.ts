import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import * as CommandTable from "../../src/commands/table/CommandTable.ts"
import { Clients, ClusterClient, type Command, Generic, HashSlot, Server, Strings } from "../../src/index.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

const client = Layer.unwrap(
  Effect.map(
    Effect.service(RedisCluster),
    (cluster) => ClusterClient.layer({ nodes: cluster.seeds, minRefreshInterval: 50 })
  )
).pipe(
  Layer.provideMerge(
    RedisCluster.layer({ primaries: 3, replicas: 1, nodeTimeout: 1000, options: ["--enable-debug-command", "yes"] })
  )
)

const unknownSha = "0".repeat(40)

describe("Request and response policies", () => {
  layer(client, { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect("all_shards with agg_sum: the sum, by a builder and by name", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        yield* redis.msetNonatomic({ a: "1", b: "2", c: "3", d: "4" })
        assert.strictEqual(yield* redis.dbsize(), 4)
        assert.strictEqual(yield* redis.send("DBSIZE"), 4)
      }))

    it.effect("all_shards with all_succeeded: one of the equal answers, and every shard did it", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        for (const flush of [redis.flushall(), redis.send("FLUSHALL"), redis.send("flushdb", "ASYNC")]) {
          yield* redis.msetNonatomic({ a: "1", b: "2", c: "3" })
          assert.strictEqual(yield* flush, "OK")
          assert.deepStrictEqual([...(yield* redis.on("primaries").dbsize()).values()], [0, 0, 0])
        }
      }))

    it.effect("all_shards with agg_logical_and: element by element", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const sha = yield* redis.scriptLoad("return 7")
        const [one] = yield* redis.primaries
        const partly = yield* redis.on(one).scriptLoad("return 8")
        const shas = [sha, [...partly.values()][0], unknownSha]
        assert.deepStrictEqual(yield* redis.scriptExists(shas), [true, false, false])
        assert.deepStrictEqual(yield* redis.send("SCRIPT", "EXISTS", ...shas), [1, 0, 0])
      }))

    it.effect("all_shards without a response policy: lists one after another", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        yield* redis.msetNonatomic({ a: "1", b: "2", c: "3", d: "4" })
        const reply = yield* redis.send("KEYS", "*")
        assert.deepStrictEqual(Array.isArray(reply) && reply.toSorted(), ["a", "b", "c", "d"])
        assert.deepStrictEqual([...yield* redis.keys("*")].toSorted(), ["a", "b", "c", "d"])
      }))

    it.effect("special: a map by node, since nothing says how to merge", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const primaries = new Set(yield* redis.primaries)
        assert.deepStrictEqual(new Set((yield* redis.info("server")).keys()), primaries)
        for (const words of [["INFO", "server"], ["MEMORY", "STATS"], ["FUNCTION", "STATS"]]) {
          const [name, ...args] = words
          const reply = yield* redis.send(name, ...args)
          assert.instanceOf(reply, Map)
          assert.deepStrictEqual(new Set((reply as ReadonlyMap<unknown, unknown>).keys()), primaries as Set<unknown>)
        }
      }))

    it.effect("all_nodes: replicas too", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const all = yield* redis.nodes
        assert.strictEqual(all.length, 6)
        const limits = () => Effect.map(redis.on("all").configGet("lua-time-limit"), (one) => [...one.values()])
        assert.strictEqual(yield* redis.configSet({ "lua-time-limit": "4321" }), "OK")
        for (const limit of yield* limits()) assert.deepStrictEqual(limit, { "lua-time-limit": "4321" })
        assert.strictEqual(yield* redis.send("CONFIG", "SET", "lua-time-limit", "5000"), "OK")
        for (const limit of yield* limits()) assert.deepStrictEqual(limit, { "lua-time-limit": "5000" })
        const latencies = yield* redis.send("LATENCY", "LATEST")
        assert.strictEqual((latencies as ReadonlyMap<unknown, unknown>).size, 6)
        assert.strictEqual(yield* redis.send("SLOWLOG", "LEN"), yield* redis.slowlogLen())
        assert.isTrue(Array.isArray(yield* redis.send("SLOWLOG", "GET", "1")))
      }))

    it.effect("one_succeeded: an error only when every node fails", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        for (const kill of [redis.scriptKill(), redis.send("SCRIPT", "KILL"), redis.send("FUNCTION", "KILL")]) {
          const error = yield* Effect.flip(kill)
          assert.strictEqual(error.reason._tag, "PartialFailureError")
          assert.include(error.message, "NOTBUSY")
          assert.include(error.message, "on 6 of 6 nodes")
          assert.strictEqual(error.message.split("KILL").length, 2, error.message)
        }
      }))

    it.effect("multi_shard: by name a command stays on one slot, and the error names the method for several", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const calls = [["MGET", "a", "b"], ["DEL", "a", "b"], ["UNLINK", "a", "b"], ["EXISTS", "a", "b"], [
          "TOUCH",
          "a",
          "b"
        ], ["MSET", "a", "1", "b", "2"]]
        for (const [name, ...args] of calls) {
          const error = yield* Effect.flip(redis.send(name, ...args))
          assert.strictEqual(error.reason._tag, "CrossSlotError")
          assert.include(error.message, `use ${name.toLowerCase()}Nonatomic, which is not atomic`)
        }
        assert.notInclude((yield* Effect.flip(redis.send("MSETNX", "a", "1", "b", "2"))).message, "onatomic")
        assert.include((yield* Effect.flip(redis.mget(["a", "b"]))).message, "mgetNonatomic")
        assert.strictEqual(yield* redis.send("MSET", "{t}a", "1", "{t}b", "2"), "OK")
        assert.strictEqual(yield* redis.send("DEL", "{t}a", "{t}b", "{t}c"), 2)
      }))

    it.effect("commands that concern one node are never sent to a node of the client's choice", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const table = CommandTable.embedded()
        const explicit = [...table.entries.keys()].filter((name) =>
          CommandTable.lookup(table, name, [])?.spec.request === "explicit"
        )
        assert.isAbove(explicit.length, 60)
        for (const name of explicit) {
          const error = yield* Effect.flip(redis.send(name))
          // Commands that change a shared connection are refused on any node.
          const use = CommandTable.lookup(table, name, [])?.spec.connectionUse([])
          const expected = use === undefined ? "NoTargetError" : "OptionsError"
          assert.strictEqual(error.reason._tag, expected, name)
          assert.strictEqual(error.outcome, "NotExecuted", name)
        }
        const commands: ReadonlyArray<Command.Command<unknown>> = [
          Generic.scan("0"),
          Clients.clientList(),
          Server.lastsave(),
          Server.shutdown()
        ]
        for (const command of commands) {
          const error = yield* Effect.flip(redis.execute(command))
          assert.strictEqual(error.reason._tag, "NoTargetError", command.spec.name)
          assert.include(error.message, "name it: redis.on(node) or redis.node(node)")
        }
      }))

    it.effect("commands about a slot go to its owner, by a builder and by name", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        for (const key of ["a", "b", "c"]) {
          yield* redis.set(key, "v")
          const slot = HashSlot.ofKey(key)
          assert.deepStrictEqual(yield* redis.clusterGetkeysinslot(slot, 10), [key])
          assert.deepStrictEqual(yield* redis.send("CLUSTER", "GETKEYSINSLOT", String(slot), "10"), [key])
          assert.strictEqual(yield* redis.send("CLUSTER", "COUNTKEYSINSLOT", String(slot)), 1)
        }
        const error = yield* Effect.flip(redis.send("CLUSTER", "COUNTKEYSINSLOT", "99999"))
        assert.include(error.message, "0 to 16383")
      }))

    it.effect("a target overrides the policy, and its results are always a map", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        yield* redis.msetNonatomic({ a: "1", b: "2", c: "3" })
        const owner = yield* redis.ownerOf("a")
        if (owner === undefined) return assert.fail("nobody owns the slot of a")
        for (const [target, count] of [[owner, 1], ["all", 6], ["random", 1], [[owner], 1]] as const) {
          const sizes = yield* redis.on(target).dbsize()
          assert.instanceOf(sizes, Map)
          assert.strictEqual(sizes.size, count)
        }
        assert.deepStrictEqual([...yield* redis.on(owner).send("KEYS", "*")], [[owner, ["a"]]])
        assert.deepStrictEqual([...(yield* redis.on(owner).keys("*")).values()], [["a"]])
        assert.strictEqual((yield* redis.on("replicas").send("PING")).size, 3)
      }))

    it.effect("a fan-out asks all nodes at once", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { own, took } = yield* MachineLag.timed(redis.on("primaries").send("DEBUG", "SLEEP", "0.8"))
        assert.isAtLeast(took, 750)
        assert.isBelow(own, 2200)
      }))

    it.effect("a partial failure says which nodes failed and which answered, and results what they answered", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.set("a", "1")
        const owner = yield* redis.ownerOf("a")
        const others = (yield* redis.primaries).filter((node) => node !== owner)
        const error = yield* Effect.flip(redis.on("primaries").get("a"))
        const { reason } = error
        if (reason._tag !== "PartialFailureError") return assert.fail(reason._tag)
        assert.deepStrictEqual(
          reason.failures.map(({ node }) => String(node)).toSorted(),
          others.map((node) => node.address).toSorted()
        )
        assert.deepStrictEqual(reason.answered, owner === undefined ? [] : [owner.address])
        const results = yield* redis.on("primaries").results(Strings.get("a"))
        assert.strictEqual(results.size, 3)
        for (const [node, result] of results) {
          if (node === owner) assert.deepStrictEqual(result, Result.succeed("1"))
          else assert.strictEqual(Result.isFailure(result) && result.failure.reason._tag, "MovedError")
        }
      }))

    it.effect("the primaries of a target follow a failover", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const target = redis.on("primaries")
        const before = yield* target.role()
        const [old] = yield* cluster.primaries
        const [replica] = yield* cluster.replicasOf(old)
        yield* cluster.failover(replica)
        yield* redis.refreshTopology
        const after = yield* target.role()
        assert.strictEqual(after.size, 3)
        assert.isTrue([...after.keys()].some(({ port }) => port === replica.port))
        assert.isFalse([...after.keys()].some(({ port }) => port === old.port))
        assert.isTrue([...before.keys()].some(({ port }) => port === old.port))
        yield* cluster.awaitOk
      }))

    it.effect("a fan-out waits for the new primary of a shard whose primary was killed", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        yield* redis.flushall()
        yield* redis.msetNonatomic({ a: "1", b: "2", c: "3" })
        yield* cluster.awaitReplicated
        const [victim] = yield* cluster.primaries
        yield* cluster.kill(victim)
        const sizes = yield* redis.on("primaries").dbsize()
        assert.strictEqual(sizes.size, 3)
        assert.strictEqual([...sizes.values()].reduce((sum, size) => sum + size), 3)
        assert.isFalse([...sizes.keys()].some(({ port }) => port === victim.port))
        yield* cluster.restart(victim)
        yield* cluster.awaitOk
      }))

    it.effect("flags are resolved again after a topology change", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const target = redis.on("all")
        yield* redis.refreshTopology
        assert.strictEqual((yield* target.time()).size, 6)
        const added = yield* cluster.addNode({ replicaOf: (yield* cluster.primaries)[0] })
        yield* redis.refreshTopology
        const more = yield* target.time()
        assert.strictEqual(more.size, 7)
        assert.isTrue([...more.keys()].some(({ port }) => port === added.port))
        yield* cluster.removeNode(added)
        // The client does not know yet that the node has left.
        const fewer = yield* target.time()
        assert.strictEqual(fewer.size, 6)
      }))
  })
})
