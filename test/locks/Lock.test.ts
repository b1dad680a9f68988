import { assert, describe, it, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { spawn } from "node:child_process"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import type * as Command from "../../src/commands/Command.ts"
import * as Lock from "../../src/Lock.ts"
import { ConnectionError, exception } from "../../src/RedisClusterException.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import { nameOf } from "../harness/nameOf.ts"
import { calls, connect, resetCounts } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually } from "../harness/Waiting.ts"

/** `Lock` with a client of the test. */
const by = (redis: ClusterClientShape) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, ClusterClient, redis)

const ttl = "10 seconds"

/** Whether the key is free. */
const isFree = (redis: ClusterClientShape, key: string) => Effect.map(redis.exists(key), (count) => count === 0)

/** A process that holds a lock, and the lines that it writes. */
const holderProcess = Effect.fnUntraced(function*(key: string, life: string, seeds: ReadonlyArray<string>) {
  const lines: Array<string> = []
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [new URL("holder.ts", import.meta.url).pathname, key, life, ...seeds], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      child.stdout.on("data", (chunk: Buffer) => lines.push(...chunk.toString().trim().split("\n")))
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  const said = (word: string) =>
    Effect.gen(function*() {
      while (!lines.some((line) => line.startsWith(word))) yield* Effect.sleep("10 millis")
    })
  return { lines, said, signal: (signal: NodeJS.Signals) => Effect.sync(() => child.kill(signal)) }
})

describe("A lock", () => {
  layer(RedisCluster.layer(), { excludeTestServices: true })((it) => {
    it.effect("is never held by two at once, and its fence number grows from holder to holder", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const clients = [yield* connect({ nodes: cluster.seeds }), yield* connect({ nodes: cluster.seeds })]
        const fences: Array<number> = []
        let inside = 0
        const turn = (redis: ClusterClientShape) =>
          Lock.withLock("contended", { ttl, fencing: true, schedule: Schedule.spaced("1 millis") })((lock) =>
            Effect.gen(function*() {
              inside++
              assert.strictEqual(inside, 1)
              fences.push(lock.fence)
              // Two at once would lose an update.
              const count = Number(yield* redis.get("witness"))
              yield* Effect.yieldNow
              yield* redis.set("witness", String(count + 1))
              assert.isTrue(yield* lock.isHeld)
              inside--
            })
          ).pipe(by(redis))
        yield* Effect.forEach(
          [...clients, ...clients],
          (redis) => Effect.repeat(turn(redis), { times: 49 }),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(yield* clients[0].get("witness"), "200")
        assert.strictEqual(fences.length, 200)
        for (let i = 1; i < fences.length; i++) assert.isAbove(fences[i], fences[i - 1])
        assert.isTrue(yield* isFree(clients[0], "contended"))
      }))

    it.effect("is released however the work ends", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const run = <A, E>(work: Effect.Effect<A, E>) =>
          Effect.exit(Lock.withLock("ends", { ttl, wait: "0 millis" })(Effect.andThen(isHeld, work)).pipe(by(redis)))
        const isHeld = Effect.map(isFree(redis, "ends"), (free) => assert.isFalse(free))
        assert.deepStrictEqual(yield* run(Effect.succeed("value")), Exit.succeed("value"))
        assert.isTrue(yield* isFree(redis, "ends"))
        assert.deepStrictEqual(yield* run(Effect.fail("error")), Exit.fail("error"))
        assert.isTrue(yield* isFree(redis, "ends"))
        assert.isTrue(Exit.isFailure(yield* run(Effect.die("defect"))))
        assert.isTrue(yield* isFree(redis, "ends"))
        const started = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(run(Effect.andThen(Deferred.succeed(started, undefined), Effect.never)))
        yield* Deferred.await(started)
        yield* Fiber.interrupt(fiber)
        assert.isTrue(yield* isFree(redis, "ends"))
      }))

    it.effect("is extended beyond its time to live for as long as its scope lives", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const life = "1 second"
        yield* Effect.gen(function*() {
          const lock = yield* Lock.make("extended", { ttl: life, wait: "0 millis" })
          for (const _ of range(15)) {
            yield* Effect.sleep("200 millis")
            const remaining = yield* redis.pttl("extended")
            assert(typeof remaining === "number" && remaining > 0 && remaining <= 1000)
            assert.isTrue(yield* lock.isHeld)
            const other = yield* Effect.flip(Effect.scoped(Lock.make("extended", { ttl: life, wait: "0 millis" })))
            assert.strictEqual(nameOf(other), "LockNotAcquiredError")
          }
        }).pipe(Effect.scoped, by(redis))
        assert.isTrue(yield* isFree(redis, "extended"))
      }))

    it.effect("is not acquired while another one has it: at once, after the wait, or at the end of the schedule", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* Effect.gen(function*() {
          yield* Lock.make("taken", { ttl })
          yield* resetCounts(cluster)
          const refusal = (options: Omit<Lock.LockOptions, "ttl">) =>
            Effect.flip(Effect.scoped(Lock.make("taken", { ttl, ...options })))
          for (
            const options of [
              { wait: "0 millis" },
              { wait: "200 millis" },
              { schedule: Schedule.max([Schedule.spaced("10 millis"), Schedule.recurs(3)]) }
            ] satisfies ReadonlyArray<Omit<Lock.LockOptions, "ttl">>
          ) {
            const started = yield* Clock.currentTimeMillis
            const error = yield* refusal(options)
            assert.strictEqual(nameOf(error), "LockNotAcquiredError")
            assert.deepStrictEqual([error.outcome, error.isRetryable], ["NotExecuted", true])
            if (options.wait === "200 millis") assert.isAtLeast((yield* Clock.currentTimeMillis) - started, 190)
          }
          assert.isFalse(yield* isFree(redis, "taken"))
        }).pipe(Effect.scoped, by(redis))
      }))

    it.effect("is waited for until it is free", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const holder = yield* Scope.make()
        const first = yield* Lock.make("waited", { ttl, fencing: true }).pipe(Scope.provide(holder), by(redis))
        const waiting = yield* Effect.forkChild(
          Lock.withLock("waited", { ttl, wait: "1 minute", fencing: true })((lock) => Effect.succeed(lock.fence)).pipe(
            by(redis)
          )
        )
        yield* Effect.sleep("300 millis")
        assert.strictEqual(waiting.pollUnsafe(), undefined)
        yield* Scope.close(holder, Exit.void)
        assert.isAbove(yield* Fiber.join(waiting), first.fence)
      }))

    it.effect("leaves nothing behind when it is interrupted at any moment before it is held", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        let held = 0
        for (const turn of range(200)) {
          const fiber = yield* Effect.forkChild(
            Lock.withLock("left", { ttl })(Effect.andThen(Effect.sync(() => held++), Effect.never)).pipe(by(redis))
          )
          for (let steps = 0; steps < turn % 20; steps++) yield* Effect.yieldNow
          if (turn % 3 === 0) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          yield* Fiber.interrupt(fiber)
          assert.isTrue(yield* isFree(redis, "left"), `turn ${turn}`)
        }
        assert.isBelow(held, 200)
        // While another one has it.
        yield* Effect.gen(function*() {
          yield* Lock.make("left", { ttl })
          const waiting = yield* Effect.forkChild(Effect.scoped(Lock.make("left", { ttl })))
          yield* Effect.sleep("150 millis")
          yield* Fiber.interrupt(waiting)
        }).pipe(Effect.scoped, by(redis))
        yield* Effect.sleep("300 millis")
        assert.isTrue(yield* isFree(redis, "left"))
      }))

    it.effect("tells its holder when the server no longer knows it, and does not release another one's", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        let interrupted = false
        const started = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(
          Lock.withLock("robbed", { ttl: "1 second" })(
            Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
              Effect.onInterrupt(() => Effect.sync(() => interrupted = true))
            )
          ).pipe(by(redis))
        )
        yield* Deferred.await(started)
        yield* redis.set("robbed", "another one's")
        const error = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(nameOf(error), "LockLostError")
        assert.deepStrictEqual([error.outcome, error.isRetryable, interrupted], ["Unknown", false, true])
        assert.strictEqual(yield* redis.get("robbed"), "another one's")

        // The lock is lost, and the work ends before it could be interrupted.
        yield* redis.del("robbed")
        yield* Lock.withLock("robbed", { ttl })(redis.set("robbed", "another one's")).pipe(by(redis))
        assert.strictEqual(yield* redis.get("robbed"), "another one's")
      }))

    it.effect("signals the loss through its handle", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const lock = yield* Lock.make("handle", { ttl: "600 millis" }).pipe(by(redis))
        assert.isTrue(yield* lock.isHeld)
        yield* redis.del("handle")
        assert.strictEqual(nameOf(yield* Effect.flip(lock.lost)), "LockLostError")
        assert.isFalse(yield* lock.isHeld)
      }))

    it.effect("that ran out under work that cannot be interrupted is an error all the same", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        let finished = false
        const work = Effect.uninterruptible(
          Effect.gen(function*() {
            yield* redis.del("stubborn")
            yield* Effect.sleep("500 millis")
            finished = true
          })
        )
        const error = yield* Effect.flip(Lock.withLock("stubborn", { ttl: "600 millis" })(work).pipe(by(redis)))
        assert.strictEqual(nameOf(error), "LockLostError")
        assert.isTrue(finished)
      }))

    it.effect("that ran out while its process was busy is an error although the work is done", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const work = Effect.sync(() => {
          const until = performance.now() + 400
          while (performance.now() < until);
          return "done"
        })
        const error = yield* Effect.flip(Lock.withLock("busy", { ttl: "300 millis" })(work).pipe(by(redis)))
        assert.strictEqual(nameOf(error), "LockLostError")
      }))

    it.effect("numbers its holders on from the last number when the clock of the server is behind it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const fence = (key: string) =>
          Lock.withLock(key, { ttl, fencing: true })((lock) => Effect.succeed(lock.fence)).pipe(by(redis))
        const ahead = 8_000_000_000_000_000
        yield* redis.set("{ahead}:fence", String(ahead))
        assert.deepStrictEqual([yield* fence("ahead"), yield* fence("ahead")], [ahead + 1, ahead + 2])
        // The key with the numbers is in the slot of the lock, whatever tag that has.
        yield* fence("{tagged}:lock")
        assert.strictEqual(yield* redis.exists("{tagged}:lock:fence"), 1)
      }))

    it.effect("refuses options and keys that cannot be used before anything is sent", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* resetCounts(cluster)
        for (
          const [key, options] of [
            ["key", { ttl: "0 seconds" }],
            ["key", { ttl: "99 millis" }],
            ["key", { ttl: 5000 as unknown as "5 seconds" }],
            ["key", { ttl, wait: 0 as unknown as "0 millis" }],
            ["key", { ttl: "soon" as "1 second" }],
            ["key", { ttl, wait: "later" as "1 second" }],
            ["{}key", { ttl, fencing: true }],
            ["ke}y", { ttl, fencing: true }]
          ] satisfies ReadonlyArray<readonly [string, Lock.LockOptions]>
        ) {
          const error = yield* Effect.flip(Effect.scoped(Lock.make(key, options))).pipe(by(redis))
          assert.deepStrictEqual([nameOf(error), error.outcome], ["OptionsError", "NotExecuted"])
        }
        assert.strictEqual(yield* calls(cluster, "evalsha"), 0)
      }))

    it.effect("gives each of many who wait its turn", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const holder = yield* Scope.make()
        yield* Lock.make("many", { ttl }).pipe(Scope.provide(holder), by(redis))
        const fibers = yield* Effect.forEach(
          range(50),
          (index) => Effect.forkChild(Lock.withLock("many", { ttl })(Effect.succeed(index)).pipe(by(redis)))
        )
        yield* Effect.sleep("300 millis")
        yield* Scope.close(holder, Exit.void)
        assert.deepStrictEqual(yield* Fiber.joinAll(fibers), range(50))
      }))

    it.effect("that ran out while its process stood still is known as lost, and stays the other one's", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const child = yield* holderProcess("stopped", "1 second", cluster.seeds)
        yield* child.said("held")
        yield* child.signal("SIGSTOP")
        const other = yield* Lock.make("stopped", { ttl, wait: "30 seconds", fencing: true }).pipe(by(redis))
        assert.isAbove(other.fence, Number(child.lines[0].slice("held ".length)))
        const token = yield* redis.get("stopped")
        yield* child.signal("SIGCONT")
        yield* child.said("released")
        assert.deepStrictEqual(child.lines.slice(1), ["interrupted", "LockLostError", "released"])
        assert.strictEqual(yield* redis.get("stopped"), token)
        assert.isTrue(yield* other.isHeld)
      }))

    it.effect("is free for others after its time to live when its process is killed", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const child = yield* holderProcess("killed", "1 second", cluster.seeds)
        yield* child.said("held")
        yield* child.signal("SIGKILL")
        const other = yield* Lock.make("killed", { ttl, wait: "30 seconds" }).pipe(by(redis))
        assert.isTrue(yield* other.isHeld)
      }))

    it.effect("needs no key but its own, and no rights on another, unless its holders are numbered", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const admin = yield* connect({ nodes: cluster.seeds })
        yield* admin.aclSetuser("locker", ["on", ">secret", "~only", "+@all"])
        const redis = yield* connect({
          nodes: cluster.seeds,
          username: "locker",
          password: Redacted.make("secret")
        })
        const there = yield* Lock.withLock("only", { ttl })(admin.exists("{only}:fence")).pipe(by(redis))
        assert.strictEqual(there, 0)
        assert.isTrue(yield* isFree(admin, "only"))
        const error = yield* Effect.flip(Lock.withLock("only", { ttl, fencing: true })(Effect.void).pipe(by(redis)))
        assert.strictEqual(nameOf(error), "ReplyError")
        yield* admin.aclDeluser("locker")
      }))

    it.effect("is a key that holds the token of its holder, as the locks of redis-py are", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const sameAs = yield* Lock.withLock("shared", { ttl })((lock) =>
          Effect.gen(function*() {
            assert.isTrue(yield* Lock.isLocked("shared"))
            return (yield* redis.get("shared")) === lock.token && (yield* Lock.owner("shared")) === lock.token
          })
        ).pipe(by(redis))
        assert.isTrue(sameAs)
        assert.isFalse(yield* by(redis)(Lock.isLocked("shared")))
        // As redis-py acquires: SET name token NX PX timeout.
        yield* redis.set("shared", "theirs", { condition: "NX", expire: "10 seconds" })
        const left = yield* Lock.tryWithLock("shared", { ttl })(Effect.die("two at once")).pipe(by(redis))
        assert.isTrue(Option.isNone(left))
        assert.isFalse(yield* by(redis)(Lock.release("shared", "another's")))
        assert.isTrue(yield* by(redis)(Lock.extend("shared", "theirs", "1 minute")))
        assert.isAbove((yield* redis.pttl("shared")) ?? 0, 30_000)
        assert.isTrue(yield* by(redis)(Lock.release("shared", "theirs")))
        const done = yield* Lock.tryWithLock("shared", { ttl })(Effect.succeed("done")).pipe(by(redis))
        assert.deepStrictEqual(done, Option.some("done"))
      }))

    it.effect("is extended for longer than its time to live, and released before its scope ends, by its holder", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* Effect.scoped(Effect.gen(function*() {
          const lock = yield* Lock.make("handled", { ttl: "300 millis" })
          yield* lock.extend("1 minute")
          // The extensions that it makes by itself do not shorten that.
          yield* resetCounts(cluster)
          yield* eventually("an extension", Effect.map(calls(cluster, "evalsha"), (count) => count > 1))
          assert.isAbove((yield* redis.pttl("handled")) ?? 0, 30_000)
          yield* lock.release
          assert.isTrue(yield* isFree(redis, "handled"))
          assert.isFalse(yield* lock.isHeld)
          assert.strictEqual(nameOf(yield* Effect.flip(lock.extend())), "LockLostError")
          const next = yield* Lock.make("handled", { ttl: "Infinity" })
          assert.strictEqual(yield* redis.pttl("handled"), -1)
          yield* next.extend("1 second")
          assert.strictEqual(yield* redis.pttl("handled"), -1)
        })).pipe(by(redis))
        assert.isTrue(yield* isFree(redis, "handled"))
      }))
  })

  it.effect("that is tried once is tried no more than twice when answers take longer than it lives", () =>
    Effect.gen(function*() {
      let asked = 0
      const execute = () => Effect.suspend(() => Effect.as(Effect.sleep("120 millis"), ++asked))
      const slow = { execute } as unknown as ClusterClientShape
      const trying = yield* Effect.forkChild(
        Effect.flip(Effect.scoped(Lock.make("slow", { ttl: "100 millis", wait: "0 millis" }))).pipe(by(slow))
      )
      yield* TestClock.adjust("4 seconds")
      const error = yield* Fiber.join(trying)
      assert.strictEqual(nameOf(error), "LockNotAcquiredError")
      assert.include(error.message, "longer than the lock lives")
      // Two attempts, and the release.
      assert.strictEqual(asked, 3)
    }))

  it.effect("is released side by side with the others of its scope", () =>
    Effect.gen(function*() {
      let hangs = false
      const execute = () => Effect.suspend(() => hangs ? Effect.never : Effect.succeed(1))
      const redis = {
        execute: (command: Command.Command<unknown>) =>
          Effect.timeoutOrElse(execute(), { duration: command.settings.timeout ?? 5000, orElse: () => Effect.void })
      } as unknown as ClusterClientShape
      const scope = yield* Scope.make()
      yield* Effect.forEach(range(6), (index) => Lock.make(`lock:${index}`, { ttl })).pipe(
        Scope.provide(scope),
        by(redis)
      )
      hangs = true
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("2 seconds")
      assert.isDefined(closing.pollUnsafe())
    }))

  it.effect("is asked for at moments that are spread, by many who began to wait at once", () =>
    Effect.gen(function*() {
      const waiters = 100
      const attempts: Array<number> = []
      // A lock that is always held, in a time that no busy machine disturbs.
      const execute = () =>
        Clock.clockWith((clock) =>
          Effect.sync(() => {
            attempts.push(clock.currentTimeMillisUnsafe())
            return 0
          })
        )
      const held = { execute } as unknown as ClusterClientShape
      yield* Effect.forEach(range(waiters), () =>
        Effect.forkChild(Effect.scoped(Lock.make("herd", { ttl })).pipe(by(held))))
      yield* TestClock.adjust("3 seconds")
      const later = attempts.filter((at) =>
        at >= 1000
      )
      // Each asks about ten times a second.
      assert.isAtLeast(later.length, waiters * 2 * 7)
      assert.isAtMost(later.length, waiters * 2 * 13)
      // In step, all of them would ask within the same few milliseconds of 100.
      const tenths = new Map<number, number>()
      for (const at of later) tenths.set(Math.floor(at / 10), (tenths.get(Math.floor(at / 10)) ?? 0) + 1)
      assert.isAtMost(Math.max(...tenths.values()), waiters / 2)
    }))

  it.effect("is lost for its holder before it can expire, when no extension is confirmed", () =>
    Effect.gen(function*() {
      let asked = 0
      const unreachable = exception(() => new ConnectionError({ message: "unreachable", outcome: "Unknown" }))
      const execute = () => Effect.suspend(() => asked++ === 0 ? Effect.succeed(1) : Effect.fail(unreachable))
      const lock = yield* Lock.make("cut off", { ttl }).pipe(by({ execute } as unknown as ClusterClientShape))
      const lost = yield* Effect.forkChild(Effect.flip(lock.lost))
      yield* TestClock.adjust("9400 millis")
      assert.isTrue(yield* lock.isHeld)
      assert.strictEqual(lost.pollUnsafe(), undefined)
      // It has been tried more than once.
      assert.isAbove(asked, 5)
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(nameOf(yield* Fiber.join(lost)), "LockLostError")
      assert.isFalse(yield* lock.isHeld)
    }))

  it.live("is lost when its primary is killed and no replica takes over, and the holder is told in time", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ options: ["--cluster-require-full-coverage", "no"] })
      const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "30 seconds" })
      const owner = yield* cluster.owner(HashSlot.ofKey("orphan"))
      const lock = yield* Lock.make("orphan", { ttl: "2 seconds" }).pipe(by(redis))
      const unaffected = yield* cluster.owner(HashSlot.ofKey("unaffected"))
      assert.notStrictEqual(unaffected.id, owner.id)
      const other = yield* Lock.make("unaffected", { ttl: "2 seconds" }).pipe(by(redis))
      yield* cluster.kill(owner)
      const { own, result } = yield* MachineLag.timed(Effect.flip(lock.lost))
      assert.strictEqual(nameOf(result), "LockLostError")
      assert.isBelow(own, 4000)
      assert.isTrue(yield* other.isHeld)
      // A caller that asks during the outage has an answer after it.
      const waiting = yield* Effect.forkChild(
        Lock.withLock("orphan", { ttl: "2 seconds", wait: "0 millis" })(Effect.succeed("held")).pipe(by(redis))
      )
      yield* Effect.sleep("200 millis")
      yield* cluster.restart(owner)
      assert.strictEqual(yield* Fiber.join(waiting), "held")
    }))

  it.live("outlives a failover that is quicker than its time to live", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ replicas: 1 })
      const redis = yield* connect({ nodes: cluster.seeds })
      const owner = yield* cluster.owner(HashSlot.ofKey("heir"))
      const [replica] = yield* cluster.replicasOf(owner)
      const lock = yield* Lock.make("heir", { ttl: "20 seconds" }).pipe(by(redis))
      // Replicated data is not lost.
      yield* cluster.awaitReplicated
      yield* cluster.kill(owner)
      const successor = Effect.map(
        Effect.option(cluster.owner(HashSlot.ofKey("heir"))),
        Option.exists((node) => node.id === replica.id)
      )
      while (!(yield* successor)) yield* Effect.sleep("100 millis")
      const before = Number(yield* cluster.command(replica, "PTTL", "heir"))
      // It is extended there.
      while (Number(yield* cluster.command(replica, "PTTL", "heir")) <= before) yield* Effect.sleep("100 millis")
      assert.isTrue(yield* lock.isHeld)
      const other = yield* Effect.flip(Effect.scoped(Lock.make("heir", { ttl, wait: "0 millis" }))).pipe(by(redis))
      assert.strictEqual(nameOf(other), "LockNotAcquiredError")
    }))
})
