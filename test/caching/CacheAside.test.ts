/**
 * Values beside their origin: one load per key in all processes, and nothing outdated is stored.
 */
import { assert, it as plain, layer } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Metric, Schema } from "effect"
import * as TestClock from "effect/testing/TestClock"
import { spawn } from "node:child_process"
import { refreshKeyOf } from "../../src/aside/refreshKey.ts"
import * as Stored from "../../src/aside/Stored.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { CacheAside, Codec, Value } from "../../src/index.ts"
import { TestCluster } from "../../src/testing/index.ts"
import { calls, connect, resetCounts } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { all, type Aside, by, Numbers, origin, OriginError, processes } from "./asides.ts"

describeOnEach("Cache-aside, on $name", (environment) => {
  layer(environment.layer({ primaries: 3 }), { timeout: "60 seconds", excludeTestServices: true })((it) => {
    it.effect("loads a key once for 1000 callers of three processes", () =>
      Effect.gen(function*() {
        const from = origin()
        const asides = yield* processes("once", () => Effect.delay(from.load(), 50))
        const values = yield* Effect.forEach(range(1000), (i) => asides[i % 3].get(1), all)
        assert.deepStrictEqual([...new Set(values)], [1])
        assert.strictEqual(from.loads, 1)
        // Afterwards it is there.
        assert.strictEqual(yield* asides[0].get(1), 1)
        assert.strictEqual(from.loads, 1)
        const statistics = yield* Effect.forEach(asides, ({ statistics }) => statistics)
        assert.strictEqual(statistics.reduce((sum, { loads }) => sum + loads, 0), 1)
        assert.isAtMost(statistics.reduce((sum, { waits }) => sum + waits, 0), 3)
      }))

    it.effect("loads each of many keys once, and gives them in their order", () =>
      Effect.gen(function*() {
        let loads = 0
        const asides = yield* processes("many", (id) => Effect.sync(() => (loads++, id * 10)))
        const ids = [3, 1, 2, 1, 3]
        assert.deepStrictEqual(yield* asides[0].getMany(ids), [30, 10, 20, 10, 30])
        assert.deepStrictEqual(yield* asides[1].getMany(ids), [30, 10, 20, 10, 30])
        assert.strictEqual(loads, 3)
      }))

    it.effect("knows that the origin has no value, until a value is set", () =>
      Effect.gen(function*() {
        let loads = 0
        const [one, two] = yield* processes("none", () => Effect.sync(() => (loads++, null)))
        assert.isNull(yield* one.get(1))
        assert.isNull(yield* two.get(1))
        assert.strictEqual(loads, 1)
        const left = yield* one.redis.pttl("none:1")
        assert.isAtMost(left, 6000)
        yield* one.set(1, 7)
        assert.strictEqual(yield* two.get(1), 7)
        const [never] = yield* processes("never", () => Effect.sync(() => (loads++, null)), {
          negativeTimeToLive: "0 millis"
        })
        yield* never.get(1)
        assert.strictEqual(yield* never.redis.exists("never:1"), 0)
      }))

    it.effect("frees the key when a load fails, dies or is interrupted, and gives its own error to those who share it", () =>
      Effect.gen(function*() {
        let next: Effect.Effect<number, OriginError> = Effect.fail(new OriginError({ why: "away" }))
        const [one, two] = yield* processes("freed", () => Effect.suspend(() => next), {
          lease: "1 minute"
        })
        const failures = yield* Effect.forEach(range(10), () => Effect.flip(one.get(1)), all)
        for (const failure of failures) assert.strictEqual(failure._tag, "OriginError")
        assert.strictEqual(yield* one.redis.exists("freed:1"), 0)
        next = Effect.die("broken")
        const died = yield* Effect.exit(one.get(1))
        assert(Exit.isFailure(died))
        assert.isTrue(Cause.hasDies(died.cause))
        assert.strictEqual(yield* one.redis.exists("freed:1"), 0)
        next = Effect.never
        const stuck = yield* Effect.forkChild(one.get(1))
        yield* eventually("that it loads", Effect.map(two.redis.exists("freed:1"), (count) => count === 1))
        yield* Fiber.interrupt(stuck)
        yield* eventually("that the key is free", Effect.map(two.redis.exists("freed:1"), (count) => count === 0))
        next = Effect.succeed(5)
        assert.strictEqual(yield* two.get(1), 5)
      }))

    it.effect("goes on for those who are left when a caller goes away", () =>
      Effect.gen(function*() {
        const from = origin()
        const gate = from.close()
        const [one] = yield* processes("left", from.load)
        const first = yield* Effect.forkChild(one.get(1))
        yield* until("the load", () => from.loads === 1)
        const second = yield* Effect.forkChild(one.get(1))
        yield* eventually("that it is shared", Effect.map(one.statistics, ({ shared }) => shared === 1))
        yield* Fiber.interrupt(first)
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* Fiber.join(second), 1)
        assert.strictEqual(from.loads, 1)
      }))

    it.effect("keeps nobody beyond an own deadline, whoever loads", () =>
      Effect.gen(function*() {
        const from = origin()
        const gate = from.close()
        const [one, two] = yield* processes("deadline", from.load)
        const [, , impatient] = yield* processes("deadline", from.load, { wait: "50 millis" })
        const loading = yield* Effect.forkChild(one.get(1))
        yield* until("the load", () => from.loads === 1)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.timeout(two.get(1), 50))))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.timeout(one.get(1), 50))))
        const late = yield* Effect.flip(impatient.get(1))
        assert(late._tag === "RedisClusterException")
        assert.strictEqual(late.reason._tag, "TimeoutError")
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* Fiber.join(loading), 1)
        assert.strictEqual(from.loads, 1)
      }))

    it.effect("stores nothing that was loaded before an invalidation, or before a write, whatever client makes it", () =>
      Effect.gen(function*() {
        const writes: Readonly<
          Record<
            string,
            (parts: { readonly id: number } & Record<"one" | "two", Aside>) => Effect.Effect<unknown, unknown>
          >
        > = {
          invalidate: ({ id, two }) => two.invalidate(id),
          "own invalidate": ({ id, one }) => one.invalidate(id),
          set: ({ id, two }) => two.set(id, 2),
          DEL: ({ id, two }) => two.redis.del(`won:${id}`),
          SET: ({ id, two }) => two.redis.set(`won:${id}`, "2")
        }
        for (const [id, write] of Object.values(writes).entries()) {
          const from = origin()
          const gate = from.close()
          const [one, two] = yield* processes("won", from.load)
          const first = yield* Effect.forkChild(one.get(id))
          yield* until("the load", () => from.loads === 1)
          from.open()
          from.change(2)
          yield* write({ id, one, two })
          // A caller who comes afterwards shares no load of before, in either process.
          assert.strictEqual(yield* one.get(id), 2)
          assert.strictEqual(yield* two.get(id), 2)
          yield* Deferred.succeed(gate, undefined)
          assert.strictEqual(yield* Fiber.join(first), 1)
          assert.strictEqual(yield* one.get(id), 2)
          assert.strictEqual(yield* two.get(id), 2)
          assert.strictEqual((yield* one.statistics).unstored, 1)
        }
      }))

    it.effect("stores nothing of a refresh that was overtaken by an invalidation", () =>
      Effect.gen(function*() {
        const from = origin()
        const [one, two] = yield* processes("refreshed", from.load)
        assert.strictEqual(yield* one.get(1), 1)
        const gate = from.close()
        const refresh = yield* Effect.forkChild(one.refresh(1))
        yield* until("the refresh", () => from.loads === 2)
        // Others get the former value meanwhile, and ask for no load of their own.
        assert.strictEqual(yield* two.get(1), 1)
        const shared = yield* Effect.forkChild(two.refresh(1))
        yield* eventually("that it waits", Effect.map(two.statistics, ({ waits }) => waits === 1))
        from.open()
        from.change(2)
        yield* two.invalidate(1)
        assert.strictEqual(yield* two.get(1), 2)
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* Fiber.join(refresh), 1)
        assert.strictEqual(yield* Fiber.join(shared), 2)
        assert.strictEqual(yield* one.get(1), 2)
        assert.strictEqual(from.loads, 3)
        from.change(3)
        const next = from.close()
        const both = yield* Effect.forkChild(Effect.all([one.refresh(1), two.refresh(1)], all))
        yield* eventually(
          "that one of them waits",
          Effect.map(Effect.all([one.statistics, two.statistics]), ([{ waits }, { waits: others }]) =>
            waits + others === 2)
        )
        yield* Deferred.succeed(next, undefined)
        assert.deepStrictEqual(yield* Fiber.join(both), [3, 3])
        assert.strictEqual(from.loads, 4)
        yield* eventually(
          "that the key beside is gone",
          Effect.map(one.redis.exists(refreshKeyOf("refreshed:1")), (n) =>
            n === 0)
        )
      }))

    it.effect("does not store a load whose placeholder has ended, as when its process hung", () =>
      Effect.gen(function*() {
        const from = origin()
        const gate = from.close()
        const [one, two] = yield* processes("leased", from.load)
        const slow = yield* Effect.forkChild(one.get(1))
        yield* until("the load", () => from.loads === 1)
        from.open()
        from.change(2)
        yield* two.redis.pexpire("leased:1", "1 millis")
        assert.strictEqual(yield* two.get(1), 2)
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* Fiber.join(slow), 1)
        assert.strictEqual(yield* one.get(1), 2)
      }))

    it.effect("waits for a process that has died while it loaded no longer than for its placeholder", () =>
      Effect.gen(function*() {
        const from = origin()
        const [one] = yield* processes("dead", from.load)
        // A placeholder without anybody behind it.
        yield* one.redis.set("dead:1", Stored.placeholder(), { expire: "300 millis" })
        assert.strictEqual(yield* one.get(1), 1)
        const { loads, waits } = yield* one.statistics
        assert.deepStrictEqual([loads, waits], [1, 1])
      }))

    it.effect("loads again a value that cannot be read, and takes one that Value.set has written", () =>
      Effect.gen(function*() {
        const from = origin()
        const [one] = yield* processes("read", from.load)
        yield* one.redis.set("read:1", "5")
        assert.strictEqual(yield* one.get(1), 5)
        yield* one.redis.set("read:2", `"an older form"`)
        assert.strictEqual(yield* one.get(2), 1)
        yield* one.redis.set("read:3", Stored.entry(`"an older form"`, Date.now() + 60_000, 1), { expire: "1 minute" })
        assert.strictEqual(yield* one.get(3), 1)
        assert.strictEqual(from.loads, 2)
        assert.strictEqual((yield* one.statistics).replaced, 2)
        yield* one.refresh(1)
        assert.strictEqual(yield* one.get(1), 1)
      }))

    it.effect("keeps bytes as they are", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const bytes = new Uint8Array([0, 255, 10, 13, 128])
        const aside = CacheAside.make({
          value: Value.make({ key: (id: number) => `bytes:${id}`, schema: Schema.Uint8Array, codec: Codec.bytes }),
          timeToLive: "1 minute",
          load: () => Effect.succeed(bytes)
        })
        yield* by(redis)(aside.get(1))
        assert.deepStrictEqual([...(yield* by(redis)(aside.get(1))) ?? []], [...bytes])
        assert.strictEqual((yield* aside.statistics).loads, 1)
      }))

    it.effect("loads before the end of a value in the background, once, while the former value is served", () =>
      Effect.gen(function*() {
        const from = origin()
        // So eager that each reader finds it due.
        const asides = yield* processes("early", from.load, { eagerness: 1e9 })
        assert.strictEqual(yield* asides[0].get(1), 1)
        const gate = from.close()
        from.change(2)
        const values = yield* Effect.forEach(range(100), (i) => asides[i % 3].get(1), all)
        assert.deepStrictEqual([...new Set(values)], [1])
        yield* until("the load in the background", () => from.loads === 2)
        yield* Effect.sleep(20)
        assert.strictEqual(from.loads, 2)
        yield* Deferred.succeed(gate, undefined)
        yield* eventually("the new value", Effect.map(asides[1].get(1), (value) => value === 2))
      }))

    it.effect("waits by the server's report where the client may answer from its memory", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const from = origin()
        const gate = from.close()
        const definition = { value: Numbers("near"), load: from.load, cached: "10 seconds" } as const
        const [one, two] = yield* Effect.forEach(range(2), () =>
          connect({ nodes: cluster.seeds, cache: { maxBytes: 1_000_000 } }))
        const first = yield* Effect.forkChild(by(one)(CacheAside.make(definition).get(1)))
        yield* until("the load", () =>
          from.loads === 1)
        const aside = CacheAside.make(definition)
        const second = yield* Effect.forkChild(by(two)(aside.get(1)))
        yield* eventually("that it waits", Effect.map(aside.statistics, ({ waits }) => waits === 1))
        yield* eventually("that it knows", Effect.map(two.cacheStatistics, ({ entries }) => entries === 1))
        yield* resetCounts(cluster)
        const before = (yield* two.cacheStatistics).hits
        yield* eventually("that it looks", Effect.map(two.cacheStatistics, ({ hits }) => hits > before + 5))
        assert.strictEqual(yield* calls(cluster, "get"), 0)
        yield* Deferred.succeed(gate, undefined)
        assert.deepStrictEqual(yield* Effect.all([Fiber.join(first), Fiber.join(second)]), [1, 1])
        assert.strictEqual(from.loads, 1)
      }))

    it.effect("shows the counters of a cache-aside with a name among the metrics", () =>
      Effect.gen(function*() {
        const [one] = yield* processes("metered", origin().load, { name: "numbers" })
        const [nameless] = yield* processes("nameless", origin().load)
        yield* Effect.forEach([one, one, nameless], ({ get }) => get(1), { concurrency: 1 })
        const shown = (yield* Metric.snapshot).filter(({ id }) => id.startsWith("redis_cluster_aside_"))
        const countOf = (counter: string) =>
          shown.flatMap(({ attributes, id, state }) =>
            id === `redis_cluster_aside_${counter}_total` ? [[attributes, state]] : []
          )
        assert.lengthOf(shown, 8)
        for (const [counter, count] of [["hits", 1], ["loads", 1], ["direct", 0]] as const) {
          assert.deepStrictEqual(countOf(counter), [[{ aside: "numbers" }, { count, incremental: true }]])
        }
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

    it.effect("refuses a mistaken definition with what is wrong, and loads nothing", () =>
      Effect.gen(function*() {
        const from = origin()
        const value = Numbers("wrong")
        const wrong: ReadonlyArray<readonly [object, string]> = [
          [{ value, load: from.load, jitter: 2 }, "jitter has to be a number from 0 to 1"],
          [{ load: from.load }, "value is missing"],
          [{ value }, "load is missing"],
          [{ value, load: from.load, name: "" }, "name has to be text that is not empty"],
          [{ value, load: from.load, lease: 100 }, "lease has to be a duration with a unit"],
          [
            { value: Value.make({ key: () => "k", schema: Schema.Finite }), load: from.load },
            "timeToLive is missing"
          ]
        ]
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        for (const [definition, message] of wrong) {
          const aside = CacheAside.make(definition as CacheAside.Definition<number, number, OriginError, never>)
          const error = yield* Effect.flip(by(redis)(aside.get(1)))
          assert.include(error.message, message)
        }
        assert.strictEqual(from.loads, 0)
      }))
  })

  layer(environment.layer({ primaries: 3, nodeTimeout: 500, options: ["--cluster-require-full-coverage", "no"] }), {
    timeout: "60 seconds",
    excludeTestServices: true
  })((it) => {
    it.effect("loads without the cache when the cluster does not answer, once at a time, or fails if it is told to", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const from = origin()
        const options = { timeout: "200 millis" } as const
        const [one] = yield* processes("down", from.load, options)
        const [strict] = yield* processes("down", from.load, { ...options, whenUnavailable: "fail" })
        yield* one.get(1)
        const node = yield* cluster.owner(HashSlot.ofKey("down:1"))
        yield* cluster.stop(node)
        yield* Effect.gen(function*() {
          const gate = from.close()
          const callers = yield* Effect.forkChild(Effect.forEach(range(100), () => one.get(1), all))
          yield* eventually("that the load is shared", Effect.map(one.statistics, ({ shared }) => shared === 99))
          yield* Deferred.succeed(gate, undefined)
          assert.deepStrictEqual([...new Set(yield* Fiber.join(callers))], [1])
          assert.strictEqual(from.loads, 2)
          assert.strictEqual((yield* one.statistics).direct, 1)
          from.open()
          assert.strictEqual(yield* one.refresh(1), 1)
          assert.strictEqual(from.loads, 3)
          for (const call of [strict.get(1), strict.refresh(1)]) {
            assert.strictEqual((yield* Effect.flip(call))._tag, "RedisClusterException")
          }
          // A value that could not be removed is told.
          assert.strictEqual((yield* Effect.flip(one.invalidate(1)))._tag, "RedisClusterException")
        }).pipe(Effect.ensuring(Effect.orDie(cluster.continue(node))))
      }))

    it.effect("hides no mistake behind the origin", () =>
      Effect.gen(function*() {
        const from = origin()
        const [one] = yield* processes("mistaken", from.load)
        yield* one.redis.rpush("mistaken:1", "element")
        assert.include((yield* Effect.flip(one.get(1))).message, "WRONGTYPE")
        assert.strictEqual(from.loads, 0)
      }))
  })

  if (environment.isReal) {
    layer(environment.layer({ primaries: 3 }), { timeout: "60 seconds", excludeTestServices: true })((it) => {
      it.effect("a process that is killed while it loads holds the others up for its lease at most", () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const from = origin()
          const [one] = yield* processes("killed", from.load)
          const child = yield* Effect.acquireRelease(
            Effect.sync(() =>
              spawn(process.execPath, [new URL("loader.ts", import.meta.url).pathname, ...cluster.seeds], {
                stdio: ["ignore", "pipe", "inherit"]
              })
            ),
            (child) => Effect.sync(() => child.kill("SIGKILL"))
          )
          const isLoading = Effect.map(one.redis.exists("killed:1"), (count) => count === 1)
          yield* eventually("that it loads", isLoading, 50_000)
          const waiting = yield* Effect.forkChild(one.get(1))
          yield* eventually("that another waits", Effect.map(one.statistics, ({ waits }) => waits === 1))
          child.kill("SIGKILL")
          assert.strictEqual(yield* Fiber.join(waiting), 1)
          assert.strictEqual(from.loads, 1)
        }))
    })
  }
})

plain.effect(
  "A value of cache-aside lives for its time to live, shortened by its jitter, under TestClock",
  () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster.make()
      const from = origin()
      const aside = CacheAside.make({ value: Numbers("lives"), load: from.load, jitter: 0, eagerness: 0 })
      yield* Effect.gen(function*() {
        yield* aside.get(1)
        yield* TestClock.adjust(Duration.millis(59_999))
        yield* aside.get(1)
        assert.strictEqual(from.loads, 1)
        yield* TestClock.adjust(1)
        yield* aside.get(1)
        assert.strictEqual(from.loads, 2)
      }).pipe(Effect.provide(cluster.layerClient()))
    })
)

plain("The probability of an early load grows towards the end of a value", () => {
  const head = Stored.read(Stored.entry("v", 10_000, 100))
  assert(head._tag === "Entry")
  assert.deepStrictEqual([head.expireAt, head.took], [10_000, 100])
  const share = (now: number, eagerness: number) =>
    range(1000).filter((i) => Stored.isDue(head, now, (i + 0.5) / 1000, eagerness)).length / 1000
  assert.strictEqual(share(0, 1), 0)
  assert.isAbove(share(9_900, 1), 0.3)
  assert.isBelow(share(9_900, 1), 0.45)
  assert.isAbove(share(9_990, 1), 0.85)
  assert.strictEqual(share(10_000, 1), 1)
  assert.strictEqual(share(10_000, 0), 0)
  assert.isAbove(share(9_900, 10), share(9_900, 1))
})
