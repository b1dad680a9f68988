/**
 * The client of a node, and of the nodes of a target: what the client of the cluster can do, they can.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ClusterClient, Generic, Script, Server, Strings } from "../../src/index.ts"
import { tagWhere } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually } from "../harness/Waiting.ts"

const client = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) => ClusterClient.layer({ nodes: cluster.seeds }))
).pipe(Layer.provideMerge(RedisCluster.layer({ primaries: 3, replicas: 1 })))

/** A key of the node, and one of another node. */
const keys = Effect.gen(function*() {
  const redis = yield* ClusterClient
  const { slots } = yield* redis.topology
  const [node] = yield* redis.primaries
  const own = tagWhere((slot) => slots[slot]?.primary === node)
  const foreign = tagWhere((slot) => slots[slot]?.primary !== node)
  return { redis, node, own: `{${own}}key`, other: `{${own}}other`, foreign: `{${foreign}}key` }
})

describe("The client of a node", () => {
  layer(client, { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect("runs a pipeline there, and gives what the node answers: redirects too", () =>
      Effect.gen(function*() {
        const { foreign, node, own, redis } = yield* keys
        const direct = yield* redis.node(node)
        const [set, value, size] = yield* direct.pipeline([Strings.set(own, 1), Strings.get(own), Server.dbsize()])
        assert.deepStrictEqual([set, value, size >= 1], ["OK", "1", true])
        const { ours, theirs } = yield* direct.pipelineResults({ ours: Strings.get(own), theirs: Strings.get(foreign) })
        assert.deepStrictEqual(ours, Result.succeed("1"))
        assert.strictEqual(Result.isFailure(theirs) ? theirs.failure.reason._tag : "success", "MovedError")
        const failure = yield* Effect.flip(direct.pipeline([Strings.set(foreign, "no")]))
        assert.strictEqual(failure.root._tag, "MovedError")
        assert.isNull(yield* redis.get(foreign))
      }))

    it.effect("gives a script that the node lacks in a pipeline", () =>
      Effect.gen(function*() {
        const { node, own, redis } = yield* keys
        const echo = Script.make({
          lua: "return ARGV[1]",
          keys: ["k"],
          args: { it: Schema.String },
          result: Schema.String
        })
        const direct = yield* redis.node(node)
        assert.deepStrictEqual(
          yield* direct.pipeline([
            echo({ keys: { k: own }, args: { it: "a" } }),
            echo({ keys: { k: own }, args: { it: "b" } })
          ]),
          ["a", "b"]
        )
      }))

    it.effect("runs a pipeline of any length there, in order", () =>
      Effect.gen(function*() {
        const { node, own, redis } = yield* keys
        const direct = yield* redis.node(node)
        yield* redis.del(own)
        const counts = yield* direct.pipelineStream(
          Array.from({ length: 300 }, () => Strings.incr(own)),
          { batch: 32, concurrency: 4 }
        ).pipe(Stream.runCollect)
        assert.deepStrictEqual(counts, Array.from({ length: 300 }, (_, i) => i + 1))
      }))

    it.effect("runs a transaction there, and does not follow its slot", () =>
      Effect.gen(function*() {
        const { foreign, node, other, own, redis } = yield* keys
        const direct = yield* redis.node(node)
        assert.deepStrictEqual(
          yield* direct.transaction([Strings.set(own, "a"), Strings.set(other, "b"), Generic.exists([own, other])]),
          ["OK", "OK", 2]
        )
        const failure = yield* Effect.flip(direct.transaction([Strings.set(foreign, "no")]))
        assert.strictEqual(failure.root._tag, "MovedError")
      }))

    it.effect("scans the keys that the node holds itself", () =>
      Effect.gen(function*() {
        const { node, redis } = yield* keys
        yield* redis.msetNonatomic(Array.from({ length: 60 }, (_, i) => [`scan:${i}`, i] as const))
        const all = yield* Stream.runCollect(redis.scanStream({ match: "scan:*" }))
        const owners = yield* Effect.forEach(all, redis.ownerOf)
        const owned = all.filter((_, i) => owners[i] === node)
        const direct = yield* redis.node(node)
        assert.sameMembers(yield* Stream.runCollect(direct.scanStream({ match: "scan:*", count: 10 })), owned)
        yield* redis.sadd(owned[0].replace("scan", "set"), ["a", "b"])
        const bytes = yield* Stream.runCollect(direct.scanStream({ match: owned[0], bytes: true }))
        assert.deepStrictEqual(bytes.map((key) => Buffer.from(key).toString()), [owned[0]])
      }))

    it.effect("scans the elements of a value that the node has", () =>
      Effect.gen(function*() {
        const { node, other, redis } = yield* keys
        yield* redis.del(other)
        yield* redis.hset(other, { a: 1, b: 2 })
        const direct = yield* redis.node(node)
        assert.sameDeepMembers(yield* Stream.runCollect(direct.hscanStream(other)), [["a", "1"], ["b", "2"]])
      }))

    it.effect("holds its subscriptions at that node", () =>
      Effect.scoped(Effect.gen(function*() {
        const { foreign, redis } = yield* keys
        const [replica] = yield* redis.replicas
        const direct = yield* redis.node(replica)
        const subscription = yield* direct.subscribeScoped(foreign)
        assert.strictEqual((yield* redis.heldSubscriptions).get(replica.address), 1)
        yield* redis.publish(foreign, 42)
        assert.strictEqual((yield* Queue.take(subscription)).payload, "42")
      })))

    it.effect("gives the node's redirect for a shard channel that another node owns", () =>
      Effect.scoped(Effect.gen(function*() {
        const { foreign, node, redis } = yield* keys
        const direct = yield* redis.node(node)
        const { reason } = yield* Effect.flip(direct.subscribeScoped({ shardChannels: foreign }))
        assert(reason._tag === "MovedError")
        assert.strictEqual(reason.address, String(yield* redis.ownerOf(foreign)))
        assert.strictEqual(reason.node, node.address)
        // Without a node the subscription is made where the slot is.
        yield* redis.subscribeScoped({ shardChannels: foreign })
      })))

    it.effect("shows what the node executes, and says whether it is there", () =>
      Effect.scoped(Effect.gen(function*() {
        const { node, own, redis } = yield* keys
        const direct = yield* redis.node(node)
        const seen: Array<string> = []
        const watching = yield* Effect.forkScoped(
          Stream.runForEach(direct.monitor(), ({ command }) => Effect.sync(() => seen.push(command.join(" "))))
        )
        yield* eventually(
          "that MONITOR shows a SET",
          Effect.map(redis.set(own, "seen"), () => seen.some((line) => line.includes(own)))
        )
        yield* Fiber.interrupt(watching)
        const health = yield* direct.health({ timeout: "5 seconds" })
        assert.deepStrictEqual([health.node, health.isUp, health.cause], [node, true, undefined])
        const refused = yield* Effect.flip(direct.health({ timeout: "no time" as "1 second" }))
        assert.strictEqual(refused.reason._tag, "OptionsError")
      })))

    it.effect("has connections of its own to the node", () =>
      Effect.scoped(Effect.gen(function*() {
        const { node, redis } = yield* keys
        const own = yield* (yield* redis.node(node)).dedicated
        assert.strictEqual(own.address, node.address)
        assert.strictEqual(yield* own.send("CLIENT", "SETNAME", "mine"), "OK")
        assert.strictEqual(yield* own.clientGetname(), "mine")
      })))
  })
})

describe("The client of a target", () => {
  layer(client, { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect("runs a pipeline on each of its nodes, and gives a map by node", () =>
      Effect.gen(function*() {
        const { redis } = yield* keys
        const primaries = yield* redis.primaries
        const sizes = yield* redis.on("primaries").pipeline({ size: Server.dbsize(), time: Server.time() })
        assert.sameMembers([...sizes.keys()], [...primaries])
        for (const { size } of sizes.values()) assert.isNumber(size)
        const one = yield* redis.on(primaries[0]).pipeline([Server.dbsize()])
        assert.strictEqual(one.size, 1)
      }))

    it.effect("tells on which nodes a pipeline failed, and how each entry ended on each", () =>
      Effect.gen(function*() {
        const { node, own, redis } = yield* keys
        yield* redis.set(own, "mine")
        const error = yield* Effect.flip(redis.on("primaries").pipeline([Strings.get(own)]))
        assert.strictEqual(error.reason._tag, "PartialFailureError")
        const results = yield* redis.on("primaries").pipelineResults([Strings.get(own)])
        for (const [at, [result]] of results) assert.strictEqual(Result.isSuccess(result), at === node, at.address)
        const none = yield* Effect.flip(redis.on([]).pipeline([Server.dbsize()]))
        assert.strictEqual(none.reason._tag, "NoTargetError")
      }))

    it.effect("scans each of its nodes: replicas have the keys of their primaries", () =>
      Effect.gen(function*() {
        const { redis } = yield* keys
        yield* redis.msetNonatomic({ "on:1": 1, "on:2": 2, "on:3": 3 })
        const scan = (target: "replicas" | "all") =>
          Effect.map(
            Stream.runCollect(redis.on(target).scanStream({ match: "on:*" })),
            (found) => [...found].toSorted()
          )
        yield* eventually("that replicas have all", Effect.map(scan("replicas"), (found) => found.length === 3))
        assert.deepStrictEqual(yield* scan("replicas"), ["on:1", "on:2", "on:3"])
        assert.deepStrictEqual(yield* scan("all"), ["on:1", "on:1", "on:2", "on:2", "on:3", "on:3"])
        const same = yield* Stream.runCollect(redis.scanStream({ on: "replicas", match: "on:*" }))
        assert.strictEqual(same.length, 3)
        const refused = yield* Effect.flip(Stream.runCollect(redis.scanStream({ on: "all", patience: "1 second" })))
        assert.strictEqual(refused.reason._tag, "OptionsError")
      }))

    it.effect("knows the owner of a key, and a replica of it", () =>
      Effect.gen(function*() {
        const { node, own, redis } = yield* keys
        const { shards } = yield* redis.topology
        assert.strictEqual(yield* redis.ownerOf(own), node)
        const replicas = shards.find(({ primary }) => primary === node)?.replicas
        assert.deepStrictEqual(yield* redis.ownerOf(own, { replica: true }), replicas?.[0])
        assert.isDefined(replicas?.[0])
      }))
  })
})

describe("Numbers", () => {
  layer(client, { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect("are values wherever text is one", () =>
      Effect.gen(function*() {
        const { own, redis } = yield* keys
        yield* redis.msetNonatomic({ a: 1, b: 2.5, c: 9007199254740993n })
        yield* redis.msetNonatomic(new Map([["d", 4]]))
        assert.deepStrictEqual(yield* redis.mgetNonatomic(["a", "b", "c", "d"]), ["1", "2.5", "9007199254740993", "4"])
        assert.strictEqual(yield* redis.send("SET", own, 12345), "OK")
        assert.strictEqual(yield* redis.send("GETRANGE", own, 1, -2), "234")
        const node = yield* redis.ownerOf(own)
        assert.isDefined(node)
        if (node === undefined) return
        assert.strictEqual(yield* (yield* redis.node(node)).send("GETRANGE", own, 0, 0n), "1")
        assert.deepStrictEqual([...(yield* redis.on(node).send("GETRANGE", own, 0, 1)).values()], ["12"])
        assert.strictEqual(yield* redis.publish("nobody", 1), 0)
        assert.strictEqual(yield* redis.spublish("nobody", 1), 0)
        yield* redis.del(own)
        yield* redis.zadd(own, new Map([[7, 1]]))
        assert.deepStrictEqual(yield* redis.zrange(own, 0, -1), ["7"])
      }))
  })
})
