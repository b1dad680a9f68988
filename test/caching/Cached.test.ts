import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Fiber, Redacted, Result, Schema, Stream } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import { ClusterClient, Command, Generic, Strings, Value } from "../../src/index.ts"
import * as Proxies from "../chaos/Proxies.ts"
import { addressOf, calls, connect, resetCounts } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster, type RedisNode } from "../harness/RedisCluster.ts"
import { eventually } from "../harness/Waiting.ts"
import { teachScript } from "../testing/asRedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const cache = { maxBytes: 1024 * 1024 }

const each = { concurrency: "unbounded", discard: true } as const

/** A client with a cache, and one without. */
const clients = Effect.fnUntraced(function*(options: Partial<ClusterOptions> = {}) {
  const cluster = yield* RedisCluster
  const redis = yield* connect({ nodes: cluster.seeds, cache, ...options })
  const other = yield* connect({ nodes: cluster.seeds })
  const read = (key: string) => redis.get(key).pipe(Command.cached("1 hour"))
  return {
    cluster,
    redis,
    other,
    read,
    /** The reads of the servers meanwhile. */
    readsOf: Effect.fnUntraced(function*<A, E, R>(self: Effect.Effect<A, E, R>) {
      yield* resetCounts(cluster)
      yield* self
      return yield* calls(cluster, "get")
    }),
    /** A cached read gives this value before long. */
    comes: (key: string, value: string | null) =>
      eventually(`that the cache gives ${value}`, Effect.map(read(key), (found) => found === value))
  }
})

/** A client that reads a key of a node that stands still meanwhile. */
const stalling = Effect.fnUntraced(function*(key: string, options: Partial<ClusterOptions> = {}) {
  const { cluster, other, readsOf, redis } = yield* clients({ pingTimeout: "1 minute", ...options })
  const node = yield* cluster.owner(HashSlot.ofKey(key))
  yield* redis.get(key)
  const read = (maxAge: number | "1 hour", timeout = 30_000) =>
    redis.get(key).pipe(Command.cached(maxAge), Command.timeout(timeout))
  return {
    other,
    redis,
    readsOf,
    /** Runs one part while the node stands still, and the part that it gives afterwards. */
    stalled: Effect.fnUntraced(function*<A, E, R, F, S>(
      part: (reading: typeof read) => Effect.Effect<Effect.Effect<A, E, R>, F, S>
    ) {
      yield* cluster.stop(node)
      const rest = yield* Effect.ensuring(part(read), Effect.orDie(cluster.continue(node)))
      return yield* rest
    })
  }
})

/** A key whose slot a node owns, and which is not a certain slot. */
const keyAt = Effect.fnUntraced(function*(node: RedisNode, name: string, not = -1) {
  const cluster = yield* RedisCluster
  for (let i = 0;; i++) {
    const key = `{${i}}${name}`
    const slot = HashSlot.ofKey(key)
    if (slot !== not && (yield* cluster.owner(slot)).id === node.id) return key
  }
})

describeOnEach("The cache, on $name", (environment) => {
  layer(environment.layer({ primaries: 3 }), { timeout: "60 seconds", excludeTestServices: true })((it) => {
    it.effect("keeps sets and maps for every reader, also for those that are not typed", () =>
      Effect.gen(function*() {
        const { other, redis } = yield* clients()
        yield* other.sadd("set1", ["a"])
        yield* other.hset("hash1", { a: "1" })
        const cached = Command.cached("1 hour")
        const set = Command.named("SMEMBERS", "set1")
        const hash = Command.named("HGETALL", "hash1")
        assert.deepStrictEqual(yield* redis.smembers("set1").pipe(cached), ["a"])
        assert.deepStrictEqual(yield* redis.hgetall("hash1").pipe(cached), { a: "1" })
        assert.deepStrictEqual(yield* redis.execute(cached(set)), new Set(["a"]))
        assert.deepStrictEqual(yield* redis.execute(cached(hash)), new Map([["a", "1"]]))
        // Without the cache a typed reader gets a list from the decoder, and any other reader the collection.
        assert.deepStrictEqual(yield* redis.pipeline([redis.smembers("set1"), set]), [["a"], new Set(["a"])])
        assert.deepStrictEqual(yield* redis.pipeline([hash, redis.hgetall("hash1")]), [
          new Map([["a", "1"]]),
          { a: "1" }
        ])
      }))

    it.effect("answers a read again without the servers, until another client writes the key", () =>
      Effect.gen(function*() {
        const { comes, other, read, readsOf, redis } = yield* clients()
        yield* other.set("k1", "one")
        assert.strictEqual(
          yield* readsOf(Effect.gen(function*() {
            for (let i = 0; i < 10; i++) assert.strictEqual(yield* read("k1"), "one")
          })),
          1
        )
        yield* other.set("k1", "two")
        yield* comes("k1", "two")
        assert.isNull(yield* read("missing"))
        yield* other.set("missing", "found")
        yield* comes("missing", "found")
        const { entries, hits, misses, removed } = yield* redis.cacheStatistics
        assert.deepStrictEqual([entries, misses, removed.changed], [2, 4, 2])
        assert.isAtLeast(hits, 9)
      }))

    it.effect("keeps a reply no longer than the server keeps the key, although the server does not report its end", () =>
      Effect.gen(function*() {
        const { cluster, comes, other, read, readsOf, redis } = yield* clients()
        const node = yield* cluster.owner(HashSlot.ofKey("short"))
        const activeExpiry = (isOn: 0 | 1) =>
          environment.isReal ? cluster.command(node, "DEBUG", "SET-ACTIVE-EXPIRE", isOn) : Effect.void
        yield* activeExpiry(0)
        yield* other.set("short", "lived", { expire: "1 second" })
        assert.strictEqual(yield* readsOf(Effect.andThen(read("short"), read("short"))), 1)
        assert.strictEqual((yield* redis.cacheStatistics).hits, 1)
        yield* comes("short", null)
        const { changed, expired } = (yield* redis.cacheStatistics).removed
        // TestCluster always reports in time.
        assert.deepStrictEqual([expired, changed], environment.isReal ? [1, 0] : [expired, 1 - expired])
        yield* activeExpiry(1)
      }))

    it.effect("gives a caller no reply that is older than the caller allows", () =>
      Effect.gen(function*() {
        const { other, read, readsOf, redis } = yield* clients()
        yield* other.set("aging", "v")
        yield* read("aging")
        yield* Effect.sleep("20 millis")
        const young = redis.get("aging").pipe(Command.cached("10 millis"))
        assert.strictEqual(yield* readsOf(Effect.andThen(young, read("aging"))), 1)
      }))

    it.effect("reads once for 1000 who ask at the same time, also when the first of them goes away", () =>
      Effect.gen(function*() {
        const { other, read, readsOf, redis } = yield* clients()
        yield* other.set("wanted", "v")
        assert.strictEqual(
          yield* readsOf(Effect.gen(function*() {
            const first = yield* Effect.forkChild(read("wanted"), { startImmediately: true })
            const others = yield* Effect.forkChild(Effect.forEach(range(999), () => read("wanted"), each), {
              startImmediately: true
            })
            yield* Fiber.interrupt(first)
            yield* Fiber.join(others)
          })),
          1
        )
        assert.strictEqual(yield* readsOf(read("wanted")), 0)
        assert.strictEqual((yield* redis.cacheStatistics).shared, 999)
      }))

    it.effect("lets each of those who wait for a read end at an own deadline", () =>
      Effect.gen(function*() {
        const { cluster, other, read, redis } = yield* clients({ pingTimeout: "1 minute" })
        yield* other.set("held", "v")
        yield* redis.get("held")
        const node = yield* cluster.owner(HashSlot.ofKey("held"))
        const timed = (millis: number) => Effect.exit(read("held").pipe(Command.timeout(millis)))
        yield* cluster.stop(node)
        const [first, impatient] = yield* Effect.all([timed(300), timed(100)], { concurrency: "unbounded" }).pipe(
          Effect.ensuring(Effect.orDie(cluster.continue(node)))
        )
        for (const exit of [first, impatient]) assert(Exit.isFailure(exit))
        yield* cluster.stop(node)
        const patient = yield* Effect.forkChild(
          Effect.all([timed(100), timed(30_000)], { concurrency: "unbounded" }),
          { startImmediately: true }
        )
        yield* Effect.sleep("200 millis")
        yield* cluster.continue(node)
        const [gone, served] = yield* Fiber.join(patient)
        assert(Exit.isFailure(gone))
        assert.deepStrictEqual(served, Exit.succeed("v"))
        assert.include(String(gone.cause), "within 100 ms")
      }))

    it.effect("lets nobody wait for a read that is too old for the caller, or becomes so", () =>
      Effect.gen(function*() {
        const { other, readsOf, stalled } = yield* stalling("too old")
        yield* other.set("too old", "v")
        const late = (maxAge: number) =>
          readsOf(stalled((read) =>
            Effect.gen(function*() {
              const first = yield* Effect.forkChild(read("1 hour"), { startImmediately: true })
              yield* Effect.sleep("50 millis")
              const second = yield* Effect.forkChild(read(maxAge), { startImmediately: true })
              yield* Effect.sleep("600 millis")
              return Effect.all([Fiber.join(first), Fiber.join(second)])
            })
          ))
        assert.strictEqual(yield* late(3_600_000), 1)
        yield* other.set("too old", "w")
        assert.strictEqual(yield* late(10), 2, "too old when the caller comes")
        yield* other.set("too old", "x")
        assert.strictEqual(yield* late(500), 2, "too old when the reply comes")
      }))

    it.effect("reads a node that is slow once, however many callers give up one after the other", () =>
      Effect.gen(function*() {
        const { other, readsOf, stalled } = yield* stalling("stalled")
        yield* other.set("stalled", "v")
        const reads = yield* readsOf(stalled((read) =>
          Effect.gen(function*() {
            const timeouts = [...range(10).map((i) => 50 + 20 * i), 30_000]
            const callers = yield* Effect.forEach(timeouts, (timeout) =>
              Effect.forkChild(Effect.exit(read("1 hour", timeout)), { startImmediately: true }))
            yield* Effect.sleep("400 millis")
            return Effect.gen(function*() {
              const exits = yield* Effect.forEach(callers, Fiber.join)
              assert.deepStrictEqual(exits.pop(), Exit.succeed("v"))
              exits.forEach((exit, i) => {
                assert(Exit.isFailure(exit))
                assert.include(String(exit.cause), `was not answered within ${timeouts[i]} ms`)
              })
            })
          })
        ))
        assert.strictEqual(reads, 1)
      }))

    it.effect("counts those who wait for a read against the bounds of its node", () =>
      Effect.gen(function*() {
        const { redis, stalled } = yield* stalling("bounded", { maxInFlight: 10, overflow: "fail" })
        const names = yield* stalled((read) =>
          Effect.map(
            Effect.forEach(range(100), () => Effect.flip(read("1 hour", 200)), { concurrency: "unbounded" }),
            (errors) => Effect.succeed(errors.map(({ reason }) => reason._tag))
          )
        )
        assert.isAtLeast(names.filter((name) => name === "OverloadedError").length, 90)
        assert.isAtLeast(names.filter((name) => name === "TimeoutError").length, 1)
        // Callers who have left count no more.
        yield* eventually("that the node answers", Effect.as(redis.set("bounded", "v"), true))
        for (let i = 0; i < 3; i++) {
          yield* redis.set("bounded", `${i}`)
          yield* Effect.all(range(5).map(() => redis.get("bounded").pipe(Command.cached("1 hour"))), each)
        }
      }))

    it.effect("tells those who wait for a read whether that was sent", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [node, ...others] = cluster.nodes
        const key = yield* keyAt(node, "unsent")
        const redis = yield* connect({ nodes: others.map(({ host, port }) => ({ host, port })), cache })
        const read = (timeout: number) =>
          Effect.flip(redis.get(key).pipe(Command.cached("1 hour"), Command.timeout(timeout)))
        yield* cluster.stop(node)
        const errors = yield* Effect.all([read(300), read(100)], { concurrency: "unbounded" }).pipe(
          Effect.ensuring(Effect.orDie(cluster.continue(node)))
        )
        for (const error of errors) {
          assert.strictEqual(error.outcome, "NotExecuted")
          assert.include(error.message, "the command was not sent")
        }
      }))

    it.effect("forgets callers who wait no longer, while a node that answers nobody keeps their read", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [node, ...others] = cluster.nodes
        const key = yield* keyAt(node, "silent")
        const redis = yield* connect({ nodes: others.map(({ host, port }) => ({ host, port })), cache })
        const commands: Array<WeakRef<object>> = []
        const callers = (count: number, timeout: number) => {
          const reads = range(count).map(() => redis.get(key).pipe(Command.cached("1 hour"), Command.timeout(timeout)))
          for (const read of reads) commands.push(new WeakRef(read))
          return Effect.all(reads.map(Effect.exit), { concurrency: "unbounded", discard: true })
        }
        yield* cluster.stop(node)
        const left = yield* Effect.gen(function*() {
          // One caller after the other keeps the read on its way.
          const last = yield* Effect.forkChild(callers(1, 4000), { startImmediately: true })
          yield* callers(1000, 50)
          yield* callers(1000, 50)
          setFlagsFromString("--expose-gc")
          const collect = runInNewContext("gc") as () => void
          // A reference is kept until the end of the turn in which it was read.
          for (const _ of range(3)) {
            yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
            collect()
          }
          const alive = commands.filter((reference) => reference.deref() !== undefined).length
          yield* Fiber.interrupt(last)
          return alive
        }).pipe(Effect.ensuring(Effect.orDie(cluster.continue(node))))
        assert.isBelow(left, 500)
      }))

    it.effect("never hides an own write, whatever way it takes", () =>
      Effect.gen(function*() {
        const { cluster, read, redis } = yield* clients()
        const lua = "return redis.call('SET', KEYS[1], ARGV[1])"
        yield* teachScript(cluster, lua, ({ args: [value], call, keys: [key] }) => call("SET", key, value))
        const ways: Readonly<Record<string, (value: string) => Effect.Effect<unknown, unknown>>> = {
          command: (value) => redis.set("own", value),
          pipeline: (value) => redis.pipeline([redis.set("own", value), redis.get("own")]),
          transaction: (value) => redis.transaction([redis.set("own", value)]),
          dedicated: (value) =>
            Effect.scoped(
              Effect.flatMap(redis.dedicated("own"), (connection) => connection.execute(Strings.set("own", value)))
            ),
          script: (value) => redis.eval(lua, { keys: ["own"], args: [value] }),
          node: (value) =>
            Effect.flatMap(redis.ownerOf("own"), (owner) =>
              owner === undefined
                ? Effect.die("no owner")
                : Effect.flatMap(redis.node(owner), (node) => node.set("own", value))),
          nonatomic: (value) => redis.msetNonatomic({ own: value, else: value })
        }
        for (const [way, write] of Object.entries(ways)) {
          for (let i = 0; i < 20; i++) {
            yield* read("own")
            yield* write(`${way} ${i}`)
            assert.strictEqual(yield* read("own"), `${way} ${i}`)
          }
        }
        yield* redis.flushall()
        assert.isNull(yield* read("own"))
        assert.isAbove((yield* redis.cacheStatistics).removed.written, 100)
      }))

    it.effect("hides no own write from a read that is asked while the write is on its way", () =>
      Effect.gen(function*() {
        const { read, redis } = yield* clients()
        for (let i = 0; i < 50; i++) {
          yield* read("raced")
          const [, found] = yield* Effect.all([redis.set("raced", `${i}`), read("raced")], { concurrency: "unbounded" })
          assert.strictEqual(found, `${i}`)
        }
      }))

    it.effect("answers the entries of a pipeline, but for those whose key the pipeline writes", () =>
      Effect.gen(function*() {
        const { other, read, readsOf, redis } = yield* clients()
        for (const i of range(5)) yield* other.set(`piped ${i}`, `${i}`)
        yield* read("piped 0")
        assert.strictEqual(
          yield* readsOf(Effect.gen(function*() {
            const values = yield* redis.pipeline([
              ...range(3).map((i) => read(`piped ${i}`)),
              redis.get("piped 3"),
              read("piped 4"),
              redis.set("piped 4", "changed"),
              read("piped 4")
            ])
            assert.deepStrictEqual(values, ["0", "1", "2", "3", "4", "OK", "changed"])
          })),
          5
        )
        assert.strictEqual(yield* readsOf(redis.pipeline(range(3).map((i) => read(`piped ${i}`)))), 0)
        yield* other.rpush("piped list", "element")
        const error = yield* Effect.flip(redis.pipeline([read("piped 0"), redis.get("piped 3"), read("piped list")]))
        assert.include(error.message, "entry 2 of the pipeline")
        const results = yield* redis.pipelineResults([read("piped list"), read("piped 1")])
        assert.deepStrictEqual(results.map(Result.isSuccess), [false, true])
        const unsent = yield* readsOf(
          Effect.flip(redis.pipeline([redis.get("piped 3"), read("").pipe(Command.timeout(-1))]))
        )
        assert.strictEqual(unsent, 0)
      }))

    it.effect("answers the keys of mgetNonatomic and the inputs of getMany, with the replies that single reads share", () =>
      Effect.gen(function*() {
        const { other, read, readsOf, redis } = yield* clients()
        const keys = range(6).map((i) => `many ${i}`)
        for (const key of keys.slice(1, 4)) yield* other.set(key, `"${key}"`)
        yield* other.rpush(keys[4], "element")
        yield* read(keys[1])
        const cached = { cached: "1 hour" } as const
        const expected = [null, `"many 1"`, `"many 2"`, `"many 3"`, null, null]
        // The list is not kept, and null as in MGET.
        assert.strictEqual(
          yield* readsOf(Effect.gen(function*() {
            for (let i = 0; i < 2; i++) assert.deepStrictEqual(yield* redis.mgetNonatomic(keys, cached), expected)
            assert.strictEqual(yield* read(keys[2]), expected[2])
          })),
          6
        )
        assert.deepStrictEqual(
          yield* redis.mgetNonatomic([keys[1], keys[1]], { ...cached, bytes: true }),
          [Buffer.from(`"many 1"`), Buffer.from(`"many 1"`)].map((bytes) => new Uint8Array(bytes))
        )
        const values = Value.make({ key: (i: number) => `many ${i}`, schema: Schema.String })
        const getMany = values.getMany([3, 0, 1], cached)
        const found = yield* Effect.provideService(getMany, ClusterClient, redis)
        assert.deepStrictEqual(found, ["many 3", null, "many 1"])
        assert.strictEqual(yield* readsOf(Effect.provideService(getMany, ClusterClient, redis)), 0)
        const error = yield* Effect.flip(redis.mgetNonatomic(keys, { cached: "0 millis" }))
        assert.include(error.message, "the age has to be a duration of more than 0 ms")
      }))

    it.effect("answers the entries of a stream of pipelines, and names the place of one that fails", () =>
      Effect.gen(function*() {
        const { other, read, readsOf, redis } = yield* clients()
        for (const i of range(9)) yield* other.set(`streamed ${i}`, `${i}`)
        const all = range(9).map((i) => read(`streamed ${i}`))
        const run = (options: { readonly batch: number; readonly concurrency: number }) =>
          Stream.runCollect(redis.pipelineStream(all, options))
        assert.strictEqual(
          yield* readsOf(Effect.gen(function*() {
            for (const concurrency of [1, 3, 1]) {
              assert.deepStrictEqual(yield* run({ batch: 2, concurrency }), range(9).map(String))
            }
          })),
          9
        )
        const written = [read("streamed 0"), redis.set("streamed 0", "new"), read("streamed 0"), read("streamed 1")]
        for (const batch of [1, 4]) {
          assert.deepStrictEqual(
            yield* Stream.runCollect(redis.pipelineStream(written, { batch })),
            [batch === 1 ? "0" : "new", "OK", "new", "1"]
          )
        }
        yield* other.rpush("streamed list", "element")
        const failing = [read("streamed 1"), read("streamed 2"), redis.get("streamed 3"), read("streamed list")]
        const error = yield* Effect.flip(Stream.runDrain(redis.pipelineStream(failing, { batch: 2 })))
        assert.include(error.message, "entry 3 of the pipeline")
      }))

    it.effect("is emptied by FLUSHALL of another client", () =>
      Effect.gen(function*() {
        const { comes, other, read, redis } = yield* clients()
        for (const i of range(20)) {
          yield* other.set(`flushed ${i}`, "v")
          yield* read(`flushed ${i}`)
        }
        assert.strictEqual((yield* redis.cacheStatistics).entries, 20)
        yield* other.flushall()
        for (const i of range(20)) yield* comes(`flushed ${i}`, null)
        assert.strictEqual((yield* redis.cacheStatistics).removed.flushed, 20)
        // The reports go on.
        yield* other.set("flushed 1", "again")
        yield* comes("flushed 1", "again")
      }))

    it.effect("gives nothing that was read on a connection that is lost", () =>
      Effect.gen(function*() {
        const { cluster, other, read, redis } = yield* clients({ clientName: "cached" })
        yield* other.set("cut", "old")
        assert.strictEqual(yield* read("cut"), "old")
        const node = yield* cluster.owner(HashSlot.ofKey("cut"))
        const list = String(yield* cluster.command(node, "CLIENT", "LIST"))
        for (const [, id] of list.matchAll(/id=(\d+) [^\n]*name=cached /g)) {
          yield* cluster.command(node, "CLIENT", "KILL", "ID", id)
        }
        yield* cluster.command(node, "SET", "cut", "new")
        yield* eventually(
          "that the client has lost it",
          Effect.map(redis.cacheStatistics, ({ removed }) => removed.disconnected === 1)
        )
        assert.strictEqual(yield* read("cut"), "new")
      }))

    it.effect("drops the replies of slots that moved, and of no others; a key that was missing is found", () =>
      Effect.gen(function*() {
        const { cluster, other, read, redis } = yield* clients()
        const [source, target] = cluster.nodes
        const moving = yield* keyAt(source, "moving")
        // Of another slot of the node that gives the first one away.
        const staying = yield* keyAt(source, "staying", HashSlot.ofKey(moving))
        assert.isNull(yield* read(moving))
        yield* read(staying)
        yield* cluster.migrateSlot(HashSlot.ofKey(moving), target)
        // The old owner knows nothing of this key, and never reports on it.
        yield* other.set(moving, "found")
        yield* redis.refreshTopology
        assert.strictEqual(yield* read(moving), "found")
        const { removed } = yield* redis.cacheStatistics
        assert.strictEqual(removed.moved, 1)
        const before = (yield* redis.cacheStatistics).hits
        yield* read(staying)
        assert.strictEqual((yield* redis.cacheStatistics).hits, before + 1)
        yield* cluster.migrateSlot(HashSlot.ofKey(moving), source)
      }))

    it.effect("keeps no reply that came over a redirect", () =>
      Effect.gen(function*() {
        const { cluster, other, read, redis } = yield* clients()
        const [source, target] = cluster.nodes
        const key = yield* keyAt(source, "asked")
        yield* other.set(key, "v")
        const slot = HashSlot.ofKey(key)
        yield* cluster.startMigration(slot, target)
        yield* cluster.moveKeys(slot)
        yield* resetCounts(cluster)
        for (let i = 0; i < 5; i++) assert.strictEqual(yield* read(key), "v")
        // Each is asked of the source, and then of the target.
        assert.strictEqual(yield* calls(cluster, "get"), 10)
        assert.strictEqual((yield* redis.cacheStatistics).entries, 0)
        yield* cluster.finishMigration(slot)
        // The first read is redirected by MOVED, if the client has not heard of the new owner.
        for (let i = 0; i < 3; i++) assert.strictEqual(yield* read(key), "v")
        assert.strictEqual((yield* redis.cacheStatistics).entries, 1)
        yield* other.set(key, "w")
        yield* eventually("that the new owner reports", Effect.map(read(key), (value) => value === "w"))
        yield* cluster.migrateSlot(slot, source)
      }))

    it.effect("keeps no errors", () =>
      Effect.gen(function*() {
        const { other, read, redis } = yield* clients()
        yield* other.rpush("list", "element")
        for (let i = 0; i < 3; i++) {
          const error = yield* Effect.flip(read("list"))
          assert.include(error.message, "WRONGTYPE")
        }
        assert.strictEqual((yield* redis.cacheStatistics).entries, 0)
      }))

    it.effect("gives each caller a value of its own: bytes, lists and maps that one changes are whole for the next", () =>
      Effect.gen(function*() {
        const { other, redis } = yield* clients()
        yield* other.set("bytes", "abc")
        yield* other.rpush("{bytes}list", ["a", "b"])
        const bytes = redis.get("bytes").pipe(Command.bytes, Command.cached("1 hour"))
        const list = redis.lrange("{bytes}list", 0, -1).pipe(Command.cached("1 hour"))
        for (let i = 0; i < 3; i++) {
          const value = yield* bytes
          assert.deepStrictEqual(value, new Uint8Array([97, 98, 99]))
          value?.fill(0)
          const elements = yield* list
          assert.deepStrictEqual(elements, ["a", "b"])
          // Programs without types may change it.
          Array.prototype.pop.call(elements)
        }
        // Text and bytes of one key are two replies.
        assert.strictEqual(yield* redis.get("bytes").pipe(Command.cached("1 hour")), "abc")
        assert.strictEqual((yield* redis.cacheStatistics).hits, 4)
      }))

    it.effect("answers each command by its own decoder and its own arguments", () =>
      Effect.gen(function*() {
        const { other, redis } = yield* clients()
        yield* other.hset("hash", { a: "1", "b c": "2" })
        yield* other.set("json", `{"n":1}`)
        for (let i = 0; i < 2; i++) {
          assert.deepStrictEqual(yield* redis.hgetall("hash").pipe(Command.cached("1 hour")), { a: "1", "b c": "2" })
          assert.strictEqual(yield* redis.hget("hash", "a").pipe(Command.cached("1 hour")), "1")
          assert.strictEqual(yield* redis.hget("hash", "b c").pipe(Command.cached("1 hour")), "2")
          assert.deepStrictEqual(yield* redis.hmget("hash", ["b", "c"]).pipe(Command.cached("1 hour")), [null, null])
          assert.deepStrictEqual(yield* redis.hmget("hash", ["b c"]).pipe(Command.cached("1 hour")), ["2"])
          const typed = redis.get("json").pipe(
            Command.schema(Schema.NullOr(Schema.fromJsonString(Schema.Struct({ n: Schema.Number })))),
            Command.cached("1 hour")
          )
          assert.deepStrictEqual(yield* typed, { n: 1 })
          assert.strictEqual(yield* redis.get("json").pipe(Command.cached("1 hour")), `{"n":1}`)
        }
        assert.strictEqual((yield* redis.cacheStatistics).misses, 6)
      }))

    it.effect("takes only commands whose replies depend on nothing but their keys and arguments", () =>
      Effect.gen(function*() {
        const { other, redis } = yield* clients()
        for (
          const command of [redis.incr("k"), redis.ttl("k"), redis.randomkey(), redis.srandmember("k"), redis.ping()]
        ) {
          const error = yield* Effect.flip(redis.execute(Command.cached(command as Command.Command<unknown>, "1 hour")))
          assert.include(error.message, "depends on more than its keys and arguments")
        }
        const never = yield* Effect.flip(redis.get("k").pipe(Command.cached("0 millis")))
        assert.include(never.message, "the age has to be a duration of more than 0 ms")
        // A client without a cache sends the command.
        yield* other.set("plain", "v")
        assert.strictEqual(yield* other.get("plain").pipe(Command.cached("1 hour")), "v")
        assert.strictEqual((yield* other.cacheStatistics).misses, 0)
        // The builders' commands, which run on the client of the fiber.
        assert.strictEqual(yield* redis.execute(Generic.exists("plain").pipe(Command.cached("1 hour"))), 1)
      }))

    it.effect("holds no more bytes than it was given", () =>
      Effect.gen(function*() {
        const { redis } = yield* clients({ cache: { maxBytes: 20_000 } })
        const big = "x".repeat(1000)
        yield* Effect.forEach(range(100), (i) => redis.set(`big ${i}`, big), each)
        // Reads on their way have their part of the room.
        yield* Effect.forEach(
          range(100),
          (i) => redis.get(`big ${i}`).pipe(Command.cached("1 hour")),
          { concurrency: 5, discard: true }
        )
        const { bytes, entries, removed } = yield* redis.cacheStatistics
        assert.isAtMost(bytes, 20_000)
        assert.isAtLeast(entries, 10)
        assert.strictEqual(removed.evicted + entries, 100)
      }))

    it.effect("with prefixes keeps keys that begin with one of them, and asks for no report on a read", () =>
      Effect.gen(function*() {
        const { cluster, comes, other, read, readsOf, redis } = yield* clients({
          cache: { ...cache, prefixes: ["user:", "item:"] }
        })
        yield* other.set("user:1", "one")
        yield* other.set("else", "v")
        yield* resetCounts(cluster)
        assert.strictEqual(yield* readsOf(Effect.andThen(read("user:1"), read("user:1"))), 1)
        assert.strictEqual(yield* calls(cluster, "client|caching"), 0)
        assert.strictEqual(yield* readsOf(Effect.andThen(read("else"), read("else"))), 2)
        yield* other.set("user:1", "two")
        yield* comes("user:1", "two")
        yield* redis.set("user:1", "three")
        assert.strictEqual(yield* read("user:1"), "three")
      }))

    it.effect("is idle, and no error, where the server refuses to report changes", () =>
      Effect.gen(function*() {
        const { cluster, other } = yield* clients()
        for (const node of cluster.nodes) {
          yield* cluster.command(node, "ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-client|tracking")
        }
        const { read, readsOf, redis } = yield* clients({ username: "limited", password: Redacted.make("pw") })
        yield* other.set("uncached", "v")
        assert.strictEqual(yield* readsOf(Effect.andThen(read("uncached"), read("uncached"))), 2)
        const { entries, hits } = yield* redis.cacheStatistics
        assert.deepStrictEqual([entries, hits], [0, 0])
      }))

    it.effect("gives nothing any more on a link that has fallen silent, although nothing is asked of the server", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        // The links of a cluster in memory are no sockets.
        if (cluster.stream !== undefined) return
        const proxies = yield* Proxies.make
        for (const { port } of cluster.nodes) yield* proxies.open(port)
        const { other, read, redis } = yield* clients({
          mapAddress: proxies.mapAddress,
          nodes: cluster.nodes.map(({ host, port }) => proxies.mapAddress({ host, port })),
          pingAfter: "100 millis",
          pingTimeout: "100 millis",
          refreshInterval: "1 hour"
        })
        yield* other.set("silent", "old")
        assert.strictEqual(yield* read("silent"), "old")
        const { port } = yield* cluster.owner(HashSlot.ofKey("silent"))
        proxies.linkTo(port).silence()
        yield* other.set("silent", "new")
        yield* eventually(
          "that the silence is noticed",
          Effect.map(redis.cacheStatistics, ({ removed }) => removed.disconnected === 1)
        )
        proxies.linkTo(port).mend()
        assert.strictEqual(yield* read("silent"), "new")
      }))

    it.effect("never goes back behind a value that it gave, while another client writes and slots move", () =>
      Effect.gen(function*() {
        const { cluster, comes, other, read } = yield* clients()
        const [source, target] = cluster.nodes
        const key = yield* keyAt(source, "counted")
        let isOver = false
        const writer = yield* Effect.forkChild(Effect.gen(function*() {
          for (let i = 1;; i++) {
            yield* other.set(key, `${i}`)
            if (isOver) return i
          }
        }))
        const readers = yield* Effect.forEach(range(4), () =>
          Effect.forkChild(Effect.gen(function*() {
            for (let last = 0; !isOver;) {
              const value = Number(yield* read(key))
              assert.isAtLeast(value, last)
              last = value
              yield* Effect.yieldNow
            }
          })))
        for (const node of [target, source, target, source]) {
          yield* cluster.migrateSlot(HashSlot.ofKey(key), node)
          yield* Effect.sleep("50 millis")
        }
        isOver = true
        const last = yield* Fiber.join(writer)
        yield* Effect.forEach(readers, Fiber.join)
        yield* comes(key, `${last}`)
      }))
  })

  layer(environment.layer({ primaries: 3, replicas: 1, nodeTimeout: 500 }), {
    timeout: "60 seconds",
    excludeTestServices: true
  })((it) => {
    it.effect("knows the new primary's values after a failover", () =>
      Effect.gen(function*() {
        const { cluster, comes, other, read } = yield* clients()
        yield* other.set("promoted", "old")
        assert.strictEqual(yield* read("promoted"), "old")
        const owner = yield* cluster.owner(HashSlot.ofKey("promoted"))
        const [replica] = yield* cluster.replicasOf(owner)
        yield* cluster.awaitReplicated
        yield* cluster.failover(replica)
        yield* other.set("promoted", "new")
        yield* comes("promoted", "new")
        yield* other.set("promoted", "newer")
        yield* comes("promoted", "newer")
        assert.strictEqual(addressOf(yield* cluster.owner(HashSlot.ofKey("promoted"))), addressOf(replica))
      }))
  })
})
