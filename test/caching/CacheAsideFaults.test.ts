/**
 * Cache-aside while something fails: the cluster takes no writes, a load fails or takes long, a key has foreign content.
 */
import { assert, it as plain, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schema } from "effect"
import { refreshKeyOf } from "../../src/aside/refreshKey.ts"
import * as Stored from "../../src/aside/Stored.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { CacheAside, Codec, Value } from "../../src/index.ts"
import { calls, connect, resetCounts } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { all, by, Numbers, origin, OriginError, processes } from "./asides.ts"

/** That a process waits for another one. */
const waits = (aside: { readonly statistics: Effect.Effect<CacheAside.CacheAsideStatistics> }) =>
  eventually("that it waits", Effect.map(aside.statistics, ({ waits }) => waits === 1))

describeOnEach("Cache-aside among faults, on $name", (environment) => {
  layer(environment.layer({ primaries: 3 }), { timeout: "60 seconds", excludeTestServices: true })((it) => {
    if (environment.isReal) {
      it.effect("loads a value by one caller of the process at a time while the cluster takes no writes", () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const everywhere = (...command: ReadonlyArray<string>) =>
            Effect.forEach(cluster.nodes, (node) => Effect.orDie(cluster.command(node, ...command)), { discard: true })
          const refusals = [
            [["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]],
            [["CONFIG", "SET", "min-replicas-to-write", "1"], ["CONFIG", "SET", "min-replicas-to-write", "0"]],
            [["CLIENT", "PAUSE", "30000", "WRITE"], ["CLIENT", "UNPAUSE"]]
          ] as const
          for (const [id, [refuse, accept]] of refusals.entries()) {
            const from = origin()
            const [one] = yield* processes("refused", from.load, { timeout: "100 millis" })
            yield* everywhere(...refuse)
            yield* Effect.gen(function*() {
              const gate = from.close()
              const first = yield* Effect.forkChild(one.get(id))
              yield* until("the load", () => from.loads === 1)
              const others = yield* Effect.forkChild(Effect.forEach(range(20), () => one.get(id), all))
              yield* eventually(
                "that all load or share",
                Effect.map(one.statistics, ({ direct, shared }) => direct + shared === 21)
              )
              // Others come while the claims of those before are refused.
              const late = yield* Effect.forkChild(one.get(id))
              yield* eventually(
                "that the last one does",
                Effect.map(one.statistics, ({ direct, shared }) => direct + shared === 22)
              )
              assert.strictEqual(from.loads, 1)
              yield* Deferred.succeed(gate, undefined)
              assert.strictEqual(yield* Fiber.join(first), 1)
              assert.deepStrictEqual([...new Set(yield* Fiber.join(others))], [1])
              assert.strictEqual(yield* Fiber.join(late), 1)
              from.open()
              assert.strictEqual(yield* one.refresh(id), 1, "a refresh")
            }).pipe(Effect.ensuring(everywhere(...accept)))
          }
        }))
    }

    it.effect("a refresh shares no load that began before a write that had ended", () =>
      Effect.gen(function*() {
        for (const id of [0, 1]) {
          const from = origin()
          const [one, two] = yield* processes("after", from.load, { eagerness: 0 })
          yield* one.get(id)
          const gate = from.close()
          const before = yield* Effect.forkChild(one.refresh(id))
          yield* until("the refresh", () => from.loads === 2)
          from.open()
          from.change(2)
          yield* (id === 0 ? one : two).set(id, 2)
          const after = yield* Effect.forkChild(one.refresh(id))
          yield* waits(one)
          yield* Deferred.succeed(gate, undefined)
          assert.strictEqual(yield* Fiber.join(before), 1)
          assert.strictEqual(yield* Fiber.join(after), 2)
          assert.strictEqual(from.loads, 3)
          assert.strictEqual(yield* two.get(id), 2)
        }
      }))

    it.effect("a refresh keeps the former value there until the new one is loaded, whatever has written it", () =>
      Effect.gen(function*() {
        for (const [id, write] of ["Value.set", "CacheAside"].entries()) {
          const from = origin()
          const [one, two] = yield* processes("kept", from.load, { eagerness: 0 })
          if (write === "Value.set") yield* one.redis.execute(Numbers("kept").set(id, 1))
          else yield* one.set(id, 1)
          const gate = from.close()
          from.change(2)
          const refresh = yield* Effect.forkChild(one.refresh(id))
          yield* until("the load", () => from.loads === 1)
          assert.strictEqual(yield* Effect.timeout(two.get(id), "5 seconds"), 1, write)
          const again = yield* Effect.forkChild(two.refresh(id))
          yield* waits(two)
          yield* Deferred.succeed(gate, undefined)
          assert.deepStrictEqual([yield* Fiber.join(refresh), yield* Fiber.join(again)], [2, 2], write)
          assert.strictEqual(yield* two.get(id), 2, write)
          assert.strictEqual(from.loads, 1, write)
        }
      }))

    it.effect("a refresh stores nothing over a value that begins with the former one, nor where that one was deleted", () =>
      Effect.gen(function*() {
        const value = Value.make({
          key: (id: number) => `longer:${id}`,
          schema: Schema.String,
          codec: Codec.text,
          timeToLive: "1 minute"
        })
        const [{ redis }] = yield* processes("longer", origin().load)
        for (const [id, former] of ["a", ""].entries()) {
          for (const change of [redis.set(`longer:${id}`, `${former}b`), redis.del(`longer:${id}`)]) {
            const from = origin()
            const aside = CacheAside.make({ value, load: () => Effect.map(from.load(), String), eagerness: 0 })
            yield* redis.set(`longer:${id}`, former)
            const gate = from.close()
            const refresh = yield* Effect.forkChild(by(redis)(aside.refresh(id)))
            yield* until("the load", () => from.loads === 1)
            yield* change
            const present = yield* redis.get(`longer:${id}`)
            yield* Deferred.succeed(gate, undefined)
            assert.strictEqual(yield* Fiber.join(refresh), "1")
            assert.strictEqual(yield* redis.get(`longer:${id}`), present)
            assert.strictEqual((yield* aside.statistics).unstored, 1)
          }
        }
      }))

    it.effect("a load in the background may take longer than the lease: it is done once, and stored", () =>
      Effect.gen(function*() {
        const from = origin()
        const [one, two] = yield* processes("slow", from.load, { lease: "600 millis", eagerness: 1e9 })
        yield* one.get(1)
        const gate = from.close()
        from.change(2)
        yield* one.get(1)
        yield* until("the load in the background", () => from.loads === 2)
        // Its lock is prolonged for longer than one lease.
        let times = 0
        let before = 0
        yield* eventually(
          "that its lock is prolonged",
          Effect.map(two.redis.pttl(refreshKeyOf("slow:1")), (left) => {
            if (left > before) times++
            before = left
            return times > 3
          })
        )
        assert.strictEqual(yield* two.get(1), 1)
        yield* Deferred.succeed(gate, undefined)
        yield* eventually("the new value", Effect.map(two.get(1), (value) => value === 2))
      }))

    it.effect("a refresh loads at once after a load in the background has failed, which itself pauses", () =>
      Effect.gen(function*() {
        let loads = 0
        let isBroken = false
        const load = () =>
          Effect.suspend(() => {
            loads++
            return isBroken ? Effect.fail(new OriginError({ why: "away" })) : Effect.succeed(loads)
          })
        const [one, two] = yield* processes("paused", load, { lease: "1 minute", eagerness: 1e9 })
        yield* one.get(1)
        isBroken = true
        yield* one.get(1)
        yield* until("the load in the background", () => loads === 2)
        const lock = Effect.map(one.redis.exists(refreshKeyOf("paused:1")), (count) => count === 1)
        yield* eventually("that others are kept from it", lock)
        // Readers find that the value is due, and leave it.
        yield* Effect.forEach([one, two], ({ get }) => get(1))
        assert.strictEqual(loads, 2)
        const error = yield* Effect.flip(two.refresh(1))
        assert.strictEqual(error._tag, "OriginError")
        isBroken = false
        assert.strictEqual(yield* two.refresh(1), loads)
        assert.strictEqual(loads, 4)
      }))

    it.effect("a refresh that waits for another process loads itself when that one fails", () =>
      Effect.gen(function*() {
        const gate = Deferred.makeUnsafe<void, OriginError>()
        const [one] = yield* processes("partner", () => Effect.as(Deferred.await(gate), 5), { eagerness: 0 })
        let next: Effect.Effect<number, OriginError> = Effect.succeed(7)
        const [two] = yield* processes("partner", () => Effect.suspend(() => next), { eagerness: 0 })
        yield* one.set(1, 1)
        const first = yield* Effect.forkChild(Effect.flip(one.refresh(1)))
        yield* eventually("its lock", Effect.map(one.redis.exists(refreshKeyOf("partner:1")), (n) => n === 1))
        const second = yield* Effect.forkChild(two.refresh(1))
        yield* waits(two)
        yield* Deferred.fail(gate, new OriginError({ why: "away" }))
        assert.strictEqual((yield* Fiber.join(first))._tag, "OriginError")
        assert.strictEqual(yield* Fiber.join(second), 7)
        next = Effect.fail(new OriginError({ why: "away, too" }))
        assert.strictEqual((yield* Effect.flip(two.refresh(1)))._tag, "OriginError")
        assert.strictEqual(yield* two.get(1), 7)
      }))

    it.effect("waits for a refresh of another process no longer than it may", () =>
      Effect.gen(function*() {
        const from = origin()
        const [one] = yield* processes("bounded", from.load, { eagerness: 0 })
        const [two] = yield* processes("bounded", from.load, { eagerness: 0, wait: "50 millis" })
        yield* one.get(1)
        const gate = from.close()
        const refresh = yield* Effect.forkChild(one.refresh(1))
        yield* until("the refresh", () => from.loads === 2)
        const error = yield* Effect.flip(two.refresh(1))
        assert(error._tag === "RedisClusterException")
        assert.strictEqual(error.reason._tag, "TimeoutError")
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* Fiber.join(refresh), 1)
        assert.strictEqual(from.loads, 2)
      }))

    it.effect("a load that takes longer than its lease is done once, and stored", () =>
      Effect.gen(function*() {
        const from = origin()
        const [one, two] = yield* processes("long", from.load, { lease: "600 millis", eagerness: 0 })
        const prolonged = Effect.fnUntraced(function*(key: string | Uint8Array) {
          let times = 0
          let before = 0
          yield* eventually(
            `that ${String(key)} is prolonged`,
            Effect.map(two.redis.pttl(key), (left) => {
              if (left > before) times++
              before = left
              return times > 3
            })
          )
        })
        const gate = from.close()
        const first = yield* Effect.forkChild(one.get(1))
        yield* until("the load", () => from.loads === 1)
        const second = yield* Effect.forkChild(two.get(1))
        yield* prolonged("long:1")
        const another = yield* Effect.forkChild(one.get(1))
        yield* eventually("that it is shared", Effect.map(one.statistics, ({ shared }) => shared === 1))
        yield* Deferred.succeed(gate, undefined)
        for (const caller of [first, second, another]) assert.strictEqual(yield* Fiber.join(caller), 1)
        assert.strictEqual(yield* two.get(1), 1)
        assert.strictEqual(from.loads, 1)
        const next = from.close()
        from.change(2)
        const refresh = yield* Effect.forkChild(one.refresh(1))
        yield* until("the refresh", () => from.loads === 2)
        yield* prolonged(refreshKeyOf("long:1"))
        yield* Deferred.succeed(next, undefined)
        assert.strictEqual(yield* Fiber.join(refresh), 2)
        assert.strictEqual(yield* two.get(1), 2)
        assert.strictEqual(from.loads, 2)
      }))

    it.effect("looks less and less often where the memory of the client does not hold the key", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const from = origin()
        const gate = from.close()
        const definition = { value: Numbers("far"), load: from.load, cached: "10 seconds" } as const
        const clients = yield* Effect.forEach(
          [{}, { cache: { maxBytes: 1_000_000, prefixes: ["near:"] } }],
          (options) => connect({ nodes: cluster.seeds, ...options })
        )
        const [one] = yield* processes("far", from.load)
        const first = yield* Effect.forkChild(one.get(1))
        yield* until("the load", () => from.loads === 1)
        for (const redis of clients) {
          const aside = CacheAside.make(definition)
          const waiting = yield* Effect.forkChild(by(redis)(aside.get(1)))
          yield* waits(aside)
          yield* resetCounts(cluster)
          yield* Effect.sleep(500)
          // A look each 5 ms would be about 100.
          assert.isBelow(yield* calls(cluster, "get"), 30)
          yield* Fiber.interrupt(waiting)
        }
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* Fiber.join(first), 1)
      }))

    it.effect("no other value, nor any content that is not its own, locks a refresh", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        let loads = 0
        const aside = CacheAside.make({
          value: Value.make({ key: (id: string) => `beside:${id}`, schema: Schema.Finite, timeToLive: "1 minute" }),
          load: () => Effect.sync(() => ++loads),
          eagerness: 0
        })
        yield* by(redis)(Effect.gen(function*() {
          yield* aside.getMany(["x", "x:refresh"])
          assert.strictEqual(yield* aside.refresh("x"), 3)
          yield* redis.set(refreshKeyOf("beside:x"), "foreign")
          assert.strictEqual(yield* aside.refresh("x"), 4)
          assert.isAtMost(yield* aside.get("x:refresh").pipe(Effect.map((value) => value ?? 9)), 2)
        }))
      }))

    it.effect("waits for a placeholder without a time to live no longer than for its own lease", () =>
      Effect.gen(function*() {
        const from = origin()
        const [one] = yield* processes("endless", from.load, { lease: "100 millis", eagerness: 0 })
        yield* one.redis.set("endless:1", Stored.placeholder())
        assert.strictEqual(yield* one.get(1), 1)
        yield* one.redis.set(refreshKeyOf("endless:1"), Stored.placeholder())
        from.change(2)
        assert.strictEqual(yield* one.refresh(1), 2)
      }))
  })
})

plain("The key of a refresh begins with that of its value, is in its slot, and is no key of another value", () => {
  for (const key of ["user:1", "{user}:1", "a:{user}:1", "x"]) {
    const beside = refreshKeyOf(key)
    assert(typeof beside === "string")
    assert.isTrue(beside.startsWith(`${key}\0`))
    assert.strictEqual(HashSlot.ofKey(beside), HashSlot.ofKey(key))
  }
  const bytes = new Uint8Array([255, 0, 10])
  const beside = refreshKeyOf(bytes)
  assert(typeof beside !== "string")
  assert.deepStrictEqual([...beside.subarray(0, 3)], [...bytes])
  assert.strictEqual(HashSlot.ofKey(beside), HashSlot.ofKey(bytes))
})
