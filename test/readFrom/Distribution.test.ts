import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Net from "node:net"
import { Duplex, Transform } from "node:stream"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import { keyOfShard } from "../faults/Load.ts"
import { callsAt, connect, errorReplies, resetCounts } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { teachScript } from "../testing/asRedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { key, shard, slot } from "./Replicas.ts"

/** How many of so many reads each node of the shard served. */
const spread = (policy: ReadFrom.Policy, count: number, options: { readonly zone?: string } = {}) =>
  Effect.scoped(Effect.gen(function*() {
    const { cluster, nodes } = yield* shard
    const redis = yield* connect({
      nodes: cluster.seeds,
      readFrom: policy,
      availabilityZone: options.zone,
      zoneOf: ({ port }) => port === nodes[1].port ? "here" : "there"
    })
    yield* resetCounts(cluster)
    for (let i = 0; i < count; i++) assert.strictEqual(yield* redis.get(key), "value")
    assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 0)
    return yield* callsAt(cluster, nodes, "get")
  }))

/** A connection that brings everything 20 ms late. */
const slowLink = (endpoint: Endpoint): Duplex => {
  const socket = Net.connect(endpoint)
  const late = new Transform({
    transform: (chunk, _, done) => {
      setTimeout(() => done(null, chunk), 20)
    }
  })
  socket.on("error", () => late.destroy())
  return Duplex.from({ readable: socket.pipe(late), writable: socket })
}

describeOnEach("A policy, on $name", (environment) => {
  layer(environment.layer({ primaries: 1, replicas: 2 }), { excludeTestServices: true })((it) => {
    it.effect("primary sends every read to the primary", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* spread(ReadFrom.primary, 30), [30, 0, 0])
      }))

    it.effect("replica and replicaPreferred send every read to the replicas, in turn", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* spread(ReadFrom.replica, 30), [0, 15, 15])
        assert.deepStrictEqual(yield* spread(ReadFrom.replicaPreferred, 30), [0, 15, 15])
      }))

    it.effect("roundRobin sends the reads to the primary and its replicas in turn", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* spread(ReadFrom.roundRobin, 30), [10, 10, 10])
      }))

    it.effect("random sends some reads to each of them", () =>
      Effect.gen(function*() {
        const counts = yield* spread(ReadFrom.random, 90)
        assert.strictEqual(counts.reduce((sum, count) => sum + count), 90)
        for (const count of counts) assert(count > 8, `reads went where by chance: ${counts.join()}`)
      }))

    it.effect("nearest sends every read to the node of the zone", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* spread(ReadFrom.nearest("here"), 30), [0, 30, 0])
        assert.deepStrictEqual(yield* spread(ReadFrom.nearest(), 30, { zone: "here" }), [0, 30, 0])
        assert.deepStrictEqual(yield* spread(ReadFrom.nearest("elsewhere"), 30), [0, 15, 15])
      }))

    it.effect.runIf(environment.isReal)(
      "lowestLatency sends the reads to whoever is fast, once that is known",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const { cluster, nodes } = yield* shard
          const redis = yield* connect({
            nodes: cluster.seeds,
            readFrom: ReadFrom.lowestLatency,
            stream: (endpoint) => endpoint.port === nodes[0].port ? slowLink(endpoint) : Net.connect(endpoint)
          })
          for (let i = 0; i < 60; i++) yield* redis.get(key)
          yield* resetCounts(cluster)
          for (let i = 0; i < 60; i++) yield* redis.get(key)
          const [slow, ...fast] = yield* callsAt(cluster, nodes, "get")
          assert.strictEqual(slow, 0)
          assert.strictEqual(fast[0] + fast[1], 60)
        }))
    )

    it.effect("of one's own decides by facts, and leaves the primary as the last resort", () =>
      Effect.gen(function*() {
        const seen: Array<ReadFrom.Read> = []
        const policy = ReadFrom.make("last", (candidates, read) => {
          seen.push(read)
          return candidates.slice(-1)
        })
        const counts = yield* spread(policy, 10)
        assert.strictEqual(counts[0], 0)
        assert.deepStrictEqual(counts.toSorted((a, b) => a - b), [0, 0, 10])
        assert.deepStrictEqual(seen.map(({ turn }) => turn), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        const [{ random, ...first }] = seen
        assert.deepStrictEqual(first, { command: "GET", slot, turn: 0, zone: undefined })
        assert.isBelow(random(), 1)
        assert.deepStrictEqual(yield* spread(ReadFrom.make("none", () => []), 10), [10, 0, 0])
      }))

    it.effect("that cannot be used fails the read with an OptionsError before anything is sent", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes } = yield* shard
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* resetCounts(cluster)
        for (
          const policy of [
            ReadFrom.nearest(),
            ReadFrom.replica.pipe(ReadFrom.maxLag("1 millis")),
            ReadFrom.make("thrower", () => JSON.parse("{")),
            ReadFrom.make("forger", (candidates) => [{ ...candidates[0] }])
          ]
        ) {
          const error = yield* Effect.flip(redis.readFrom(policy).get(key))
          assert.strictEqual(error.reason._tag, "OptionsError")
          assert.strictEqual(error.outcome, "NotExecuted")
        }
        assert.deepStrictEqual(yield* callsAt(cluster, nodes, "get"), [0, 0, 0])
      })))

    it.effect("of a view wins over the region's, and that over the client's", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes } = yield* shard
        const redis = yield* connect({ nodes: cluster.seeds })
        const served = Effect.fnUntraced(function*(read: Effect.Effect<unknown, unknown>) {
          yield* resetCounts(cluster)
          yield* read
          const [primary, ...replicas] = yield* callsAt(cluster, nodes, "get")
          return [primary, replicas.reduce((sum, count) => sum + count)]
        })
        const inRegion = ReadFrom.withPolicy(ReadFrom.replica)
        const onPrimary = redis.readFrom(ReadFrom.primary)
        const onReplica = redis.readFrom(ReadFrom.replica)
        const inFibers = Effect.all([redis.get(key), redis.get(key)], { concurrency: "unbounded" })
        assert.deepStrictEqual(yield* served(redis.get(key)), [1, 0])
        assert.deepStrictEqual(yield* served(onReplica.get(key)), [0, 1])
        assert.deepStrictEqual(yield* served(redis.get(key).pipe(inRegion)), [0, 1])
        assert.deepStrictEqual(yield* served(inFibers.pipe(inRegion)), [0, 2])
        assert.deepStrictEqual(yield* served(onPrimary.get(key).pipe(inRegion)), [1, 0])
        assert.deepStrictEqual(yield* served(onReplica.get(key).pipe(ReadFrom.withPolicy(ReadFrom.primary))), [0, 1])
        assert.deepStrictEqual(yield* served(redis.get(key)), [1, 0])
      })))

    it.effect("is set for the whole client by readonly, and unset by readwrite", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes } = yield* shard
        const redis = yield* connect({ nodes: cluster.seeds })
        const reads = Effect.forEach(Array.from({ length: 12 }), () => redis.get(key))
        const served = Effect.andThen(Effect.andThen(resetCounts(cluster), reads), callsAt(cluster, nodes, "get"))
        assert.deepStrictEqual(yield* served, [12, 0, 0])
        yield* redis.readonly()
        assert.deepStrictEqual(yield* served, [4, 4, 4])
        yield* redis.readonly(ReadFrom.replica)
        assert.deepStrictEqual(yield* served, [0, 6, 6])
        yield* redis.readwrite
        assert.deepStrictEqual(yield* served, [12, 0, 0])
      })))

    it.effect("holds for scripts that say they only read, not for those that may write", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes } = yield* shard
        const redis = yield* connect({ nodes: cluster.seeds, readFrom: ReadFrom.replica })
        const script = "return redis.call('GET', KEYS[1])"
        yield* teachScript(cluster, script, ({ call, keys: [key] }) => call("GET", key))
        yield* resetCounts(cluster)
        assert.strictEqual(yield* redis.evalRo(script, { keys: [key] }), "value")
        assert.strictEqual(yield* redis.eval(script, { keys: [key] }), "value")
        const [atPrimary, ...atReplicas] = yield* callsAt(cluster, nodes, "eval_ro")
        assert.strictEqual(atPrimary, 0)
        assert.strictEqual(atReplicas.reduce((sum, count) => sum + count), 1)
        assert.deepStrictEqual(yield* callsAt(cluster, nodes, "eval"), [1, 0, 0])
      })))

    it.effect("finds a script on the primary that a replica was never given", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes } = yield* shard
        const redis = yield* connect({ nodes: cluster.seeds, readFrom: ReadFrom.replica })
        const script = "return 'from the primary'"
        yield* teachScript(cluster, script, () => "from the primary")
        const sha1 = String(yield* cluster.command(nodes[0], "SCRIPT", "LOAD", script))
        assert.strictEqual(yield* redis.evalshaRo(sha1, { keys: [key] }), "from the primary")
        const error = yield* Effect.flip(redis.evalshaRo("0".repeat(40), { keys: [key] }))
        assert(error.reason._tag === "ReplyError")
        assert.strictEqual(error.reason.code, "NOSCRIPT")
      })))

    it.effect("does not concern writes, transactions and commands without keys", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes } = yield* shard
        const redis = yield* connect({ nodes: cluster.seeds, readFrom: ReadFrom.replica })
        yield* resetCounts(cluster)
        yield* redis.set("{one}:other", "1")
        const [value] = yield* redis.transaction([Strings.get(key)])
        assert.strictEqual(value, "value")
        yield* redis.dbsize()
        assert.deepStrictEqual(yield* callsAt(cluster, nodes, "get"), [1, 0, 0])
        assert.deepStrictEqual(yield* callsAt(cluster, nodes, "dbsize"), [1, 0, 0])
      })))
  })
})

describeOnEach("Reads from replicas, on $name", (environment) => {
  layer(environment.layer({ primaries: 3, replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("are made by pipelines and split multi-key commands too, in all shards", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const primaries = yield* cluster.primaries
        const replicas = yield* cluster.replicas
        const redis = yield* connect({ nodes: cluster.seeds })
        const view = redis.readFrom(ReadFrom.replica)
        const keys = Array.from({ length: 60 }, (_, i) => `spread:${i}`)
        yield* redis.pipeline(keys.map((key) => Strings.set(key, key)))
        yield* cluster.awaitReplicated
        yield* resetCounts(cluster)

        assert.deepStrictEqual(yield* view.pipeline(keys.map((key) => Strings.get(key))), keys)
        const results = yield* redis.pipelineResults(keys.map((key) => Strings.get(key))).pipe(
          ReadFrom.withPolicy(ReadFrom.replica)
        )
        assert.deepStrictEqual(results.map(Result.getOrThrow), keys)
        const streamed = yield* Stream.runCollect(view.pipelineStreamResults(keys.map((key) => Strings.get(key))))
        assert.deepStrictEqual(streamed.map(Result.getOrThrow), keys)
        assert.deepStrictEqual(yield* view.mgetNonatomic(keys), keys)
        assert.strictEqual(yield* view.existsNonatomic(keys), 60)
        assert.strictEqual(yield* view.execute(Strings.strlen(keys[0])), 8)
        assert.strictEqual(yield* view.send("GETRANGE", keys[0], "0", "5"), "spread")

        for (const name of ["get", "mget", "exists", "strlen", "getrange"]) {
          assert.deepStrictEqual(yield* callsAt(cluster, primaries, name), [0, 0, 0], name)
        }
        const gets = yield* callsAt(cluster, replicas, "get")
        assert.strictEqual(gets.reduce((sum, count) => sum + count), 180)
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 0)

        // A write of a view is a write: a replica would answer MOVED.
        yield* view.pipeline(keys.map((key) => Strings.set(key, "written")))
        assert.strictEqual(yield* redis.get(keys[0]), "written")
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 0)
      })))

    it.effect("are counted per shard, and alternate exactly where a shard has one replica", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, readFrom: ReadFrom.roundRobin })
        const keys = [0, 1, 2].map((index) => keyOfShard("counted", index))
        for (const key of keys) for (let i = 0; i < 20; i++) yield* redis.get(key)
        const shards = yield* redis.readStatistics
        assert.strictEqual(shards.length, 3)
        for (const { nodes, primary } of shards) {
          assert.strictEqual(nodes.size, 2)
          assert(nodes.has(primary))
          for (const counts of nodes.values()) assert.deepStrictEqual(counts, { reads: 10, passedOn: 0, hedges: 0 })
        }
      })))

    it.effect("use a connection of their own: READONLY never reaches the one for everything else", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, readFrom: ReadFrom.roundRobin, clientName: "own" })
        const key = keyOfShard("own", 0)
        yield* redis.set(key, "1")
        for (let i = 0; i < 4; i++) yield* redis.get(key)
        const [replica] = yield* cluster.replicasOf(yield* cluster.owner(HashSlot.ofKey(key)))
        yield* redis.on({ host: replica.host, port: replica.port }).ping()
        const list = String(yield* cluster.command(replica, "CLIENT", "LIST"))
        const flags = list.split("\n").filter((line) => line.includes("name=own ")).map((line) =>
          /flags=(\w+)/.exec(line)?.[1]
        )
        assert.deepStrictEqual(flags.toSorted(), ["N", "r"])
      })))
  })
})
