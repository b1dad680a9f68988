import { assert, describe, it as plain, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type * as Command from "../../src/commands/Command.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { ConflictError } from "../../src/ConflictError.ts"
import { onConflict } from "../../src/index.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { nameOf } from "../harness/nameOf.ts"
import { calls, connect, connectionsNamed, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster, type RedisClusterShape, type RedisNode } from "../harness/RedisCluster.ts"
import { settled } from "../harness/Waiting.ts"
import { countWhileSlotsMove, tagsFrom } from "../laws/MovingSlots.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const each = { concurrency: "unbounded" } as const

const conflictOf = (error: ConflictError | RedisClusterException) => {
  assert.strictEqual(error._tag, "ConflictError", error.message)
  assert.strictEqual(error.outcome, "NotExecuted")
  assert.isTrue(error.isRetryable)
}

/** A slot is being moved, and its keys stay, until the scope ends. */
const migrating = (cluster: RedisClusterShape, slot: number, target: RedisNode) =>
  Effect.acquireRelease(cluster.startMigration(slot, target), () =>
    Effect.orDie(
      Effect.forEach(cluster.nodes, (node) => cluster.command(node, "CLUSTER", "SETSLOT", `${slot}`, "STABLE"))
    ))

describeOnEach("watch, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect("commits what was decided on what was read", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.set("{commit}a", "20")
        const result = yield* redis.watch(["{commit}a", "{commit}b"], (tx) =>
          Effect.gen(function*() {
            const value = Number(yield* tx.get("{commit}a"))
            return yield* tx.transaction([Strings.set("{commit}a", value + 1), Strings.set("{commit}b", value)])
          }))
        assert.deepStrictEqual(result, ["OK", "OK"])
        assert.deepStrictEqual(yield* redis.mget(["{commit}a", "{commit}b"]), ["21", "20"])
      }))

    it.effect("fails with a conflict when a watched key was changed, and executes nothing", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.set("{changed}a", "1")
        conflictOf(
          yield* Effect.flip(redis.watch("{changed}a", (tx) =>
            Effect.gen(function*() {
              yield* tx.get("{changed}a")
              yield* redis.set("{changed}a", "2")
              yield* tx.transaction([Strings.set("{changed}a", "3"), Strings.set("{changed}b", "3")])
            })))
        )
        assert.deepStrictEqual(yield* redis.mget(["{changed}a", "{changed}b"]), ["2", null])
      }))

    it.effect("that is interrupted before it began leaves nothing watched for the next one", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const commit = (key: string, meanwhile: Effect.Effect<unknown, RedisClusterException>) =>
          redis.watch(key, (tx) => Effect.andThen(meanwhile, tx.transaction([Strings.set(key, "done")])))
        yield* commit("{early}first", Effect.void)
        const owner = yield* cluster.owner(HashSlot.ofKey("{early}"))
        yield* cluster.command(owner, "CLIENT", "PAUSE", "400", "ALL")
        const early = yield* Effect.forkChild(commit("{early}watched", Effect.void), { startImmediately: true })
        yield* Effect.sleep("100 millis")
        yield* Fiber.interrupt(early)
        assert.deepStrictEqual(yield* commit("{early}other", redis.set("{early}watched", "changed")), ["OK"])
      }))

    it.effect("loses no update among many that contend, with the schedule that is offered", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const name = "contenders"
        const redis = yield* connect({ nodes: cluster.seeds, clientName: name, dedicatedIdleTimeout: "200 millis" })
        let attempts = 0
        const increment = redis.watch("{contended}count", (tx) =>
          Effect.gen(function*() {
            attempts++
            const count = Number(yield* tx.get("{contended}count"))
            // Long enough for the others to come in between.
            yield* Effect.sleep("2 millis")
            yield* tx.transaction([Strings.set("{contended}count", count + 1)])
          })).pipe(Effect.retry(onConflict))
        yield* Effect.forEach(range(10), () => Effect.repeat(increment, { times: 4 }), each)
        assert.strictEqual(yield* redis.get("{contended}count"), "50")
        assert.isAbove(attempts, 50)
        const left = yield* settled(true, Effect.map(connectionsNamed(cluster, name), (count) => count <= 3))
        assert.isTrue(left)
      }))

    it.effect("leaves no key watched, whether the body ends, fails or is interrupted", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, maxDedicatedConnections: 1 })
        // The one connection serves them all: what an earlier one watched would spoil a later one.
        const commit = (value: string) =>
          Effect.gen(function*() {
            yield* redis.set("{left}watched", value)
            return yield* redis.watch("{left}other", (tx) => tx.transaction([Strings.set("{left}other", value)]))
          })
        assert.strictEqual(yield* redis.watch("{left}watched", (tx) => tx.get("{left}watched")), null)
        yield* commit("ended")
        assert.strictEqual(yield* Effect.flip(redis.watch("{left}watched", () => Effect.fail("own"))), "own")
        yield* commit("failed")
        const watching = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(
          redis.watch("{left}watched", () => Effect.andThen(Deferred.succeed(watching, undefined), Effect.never))
        )
        yield* Deferred.await(watching)
        yield* Fiber.interrupt(fiber)
        yield* commit("interrupted")
        yield* Effect.exit(
          redis.watch("{left}watched", (tx) =>
            Effect.andThen(tx.transaction([Generic.exists("{left}watched")]), tx.send("WATCH", "{left}watched")))
        )
        yield* commit("watched again")
        yield* Effect.exit(redis.watch("{left}watched", () =>
          Effect.die("defect")))
        yield* commit("died")
        assert.strictEqual(yield* redis.get("{left}other"), "died")
      }))

    it.effect("leaves no connection behind when it is interrupted at any moment", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const name = "moments"
        const redis = yield* connect({ nodes: cluster.seeds, clientName: name, dedicatedIdleTimeout: "100 millis" })
        yield* redis.ping()
        for (const turn of range(60)) {
          const fiber = yield* Effect.forkChild(
            redis.watch("{moment}a", (tx) =>
              Effect.andThen(tx.get("{moment}a"), tx.transaction([Strings.incr("{moment}a")]))),
            { startImmediately: true }
          )
          if (turn % 3 === 0) {
            yield* Effect.sleep(`${turn % 5} millis`)
          } else {for (let steps = 0; steps < turn % 11; steps++) {
              yield* Effect.yieldNow
            }}
          yield* Fiber.interrupt(fiber)
        }
        const left = yield* settled(
          true,
          Effect.map(connectionsNamed(cluster, name), (count) =>
            count <= 3)
        )
        assert.isTrue(left)
      }))

    it.effect("is a conflict when the slot moves between WATCH and EXEC, and works at the new owner", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [, target] = cluster.nodes
        const redis = yield* connect({ nodes: cluster.seeds, minRefreshInterval: "1 minute" })
        const tag = tagWhere((slot) => slot < 500)
        const key = `{${tag}}key`
        yield* redis.set(key, "1")
        let attempts = 0
        const move = Effect.suspend(() =>
          attempts++ === 0 ? cluster.migrateSlot(HashSlot.ofKey(key), target) : Effect.void
        )
        const double = redis.watch(key, (tx) =>
          Effect.gen(function*() {
            const value = Number(yield* tx.get(key))
            yield* move
            yield* tx.transaction([Strings.set(key, value * 2)])
          }))
        conflictOf(yield* Effect.flip(double) as Effect.Effect<ConflictError | RedisClusterException>)
        assert.strictEqual(yield* redis.get(key), "1")
        yield* double
        assert.strictEqual(yield* redis.get(key), "2")
      }))

    it.effect("is a conflict for a pipeline of reads that meets a slot that has moved, and not for one that has written", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [, target] = cluster.nodes
        const redis = yield* connect({ nodes: cluster.seeds, minRefreshInterval: "1 minute" })
        const tag = tagWhere((slot) => slot >= 3000 && slot < 3500)
        const [there, gone, written] = [`{${tag}}there`, `{${tag}}gone`, `{${tag}}written`]
        const slot = HashSlot.ofKey(there)
        yield* redis.set(there, "1")
        const whileMigrating = (entries: ReadonlyArray<Command.Command<unknown>>) =>
          Effect.flip(redis.watch(there, (tx) =>
            Effect.andThen(
              migrating(cluster, slot, target),
              tx.pipeline(entries)
            ).pipe(Effect.scoped)))
        const reads = yield* whileMigrating([Strings.get(there), Strings.get(gone)])
        assert.strictEqual(reads._tag, "ConflictError", reads.message)
        const writes = yield* whileMigrating([Strings.append(there, "1"), Strings.get(gone)])
        assert.strictEqual(nameOf(writes), "PipelineError")
        assert.strictEqual(yield* redis.get(there), "11")
        const refused = yield* whileMigrating([Strings.get(gone), Strings.set(written, "1")])
        assert.strictEqual(refused._tag, "ConflictError", refused.message)
        assert.strictEqual(yield* redis.get(written), null)
      }))

    it.effect("is a conflict when the node refuses to queue a command because its keys are being moved", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [, target] = cluster.nodes
        const redis = yield* connect({ nodes: cluster.seeds, minRefreshInterval: "1 minute" })
        const tag = tagWhere((slot) => slot >= 3500 && slot < 4000)
        const [there, gone] = [`{${tag}}there`, `{${tag}}gone`]
        const slot = HashSlot.ofKey(there)
        yield* redis.set(there, "1")
        const error = yield* Effect.flip(redis.watch(there, (tx) =>
          Effect.andThen(
            migrating(cluster, slot, target),
            tx.transaction([Strings.set(there, "2"), Strings.mget([there, gone])])
          ).pipe(Effect.scoped)))
        assert(error._tag === "ConflictError", error.message)
        conflictOf(error)
        assert.strictEqual(error.cause?.reason._tag, "TryAgainError")
        assert.strictEqual(yield* redis.get(there), "1")
      }))

    it.effect("leaks no redirect and loses no update while slots move under it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [, target] = cluster.nodes
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "20 seconds" })
        yield* countWhileSlotsMove(cluster, redis, { tags: tagsFrom(500, 6), target, callers: 8 }, (one, other) =>
          redis.watch([one, other], (tx) =>
            Effect.gen(function*() {
              const count = Number(yield* tx.get(one))
              yield* tx.transaction([Strings.set(one, count + 1), Strings.set(other, count + 1)])
            })).pipe(Effect.retry({ ...onConflict, times: 10_000 })))
      }))

    it.effect("refuses keys of other slots, and what would outlive it on the connection", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const reasonOf = (effect: Effect.Effect<unknown, ConflictError | RedisClusterException>) =>
          Effect.map(Effect.flip(effect), (error) => [nameOf(error), error.outcome])
        assert.deepStrictEqual(yield* reasonOf(redis.watch([], () => Effect.void)), ["OptionsError", "NotExecuted"])
        assert.deepStrictEqual(yield* reasonOf(redis.watch(["a", "b"], () => Effect.void)), [
          "CrossSlotError",
          "NotExecuted"
        ])
        yield* redis.watch("a", (tx) =>
          Effect.gen(function*() {
            assert.deepStrictEqual(yield* reasonOf(tx.get("b")), ["CrossSlotError", "NotExecuted"])
            assert.deepStrictEqual(yield* reasonOf(tx.transaction([Strings.get("b")])), [
              "CrossSlotError",
              "NotExecuted"
            ])
            for (const words of [["MULTI"], ["CLIENT", "REPLY", "OFF"], ["SUBSCRIBE", "x"], ["READONLY"], ["RESET"]]) {
              const [name, ...args] = words
              assert.deepStrictEqual(yield* reasonOf(tx.send(name, ...args)), ["OptionsError", "NotExecuted"])
            }
            assert.strictEqual(yield* tx.get("a"), null)
          }))
      }))

    it.effect("gives the next one a connection as new, whatever this one tried to make of it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, maxDedicatedConnections: 1, clientName: "clean" })
        const attempts = [
          ["CLIENT", "NO-TOUCH", "ON"],
          ["client", "no-evict", "on"],
          ["CLIENT", "SETNAME", "mine"],
          ["CLIENT", "SETINFO", "LIB-NAME", "mine"],
          ["CLIENT", "TRACKING", "ON"],
          ["CLIENT", "REPLY", "SKIP"],
          ["HELLO", "2"],
          ["hello", "3", "SETNAME", "mine"],
          ["SELECT", "0"],
          ["READONLY"],
          ["MULTI"],
          ["SUBSCRIBE", "channel"],
          ["SSUBSCRIBE", "{clean}channel"],
          ["MONITOR"],
          ["ASKING"],
          ["RESET"]
        ]
        /** The connection as the server describes it, without what changes by itself. */
        const state = ["name", "flags", "user", "db", "multi", "sub", "psub", "ssub", "redir", "resp", "lib-name"]
        const described = redis.watch(
          "{clean}",
          (tx) => Effect.map(tx.clientInfo(), ({ fields }) => state.map((field) => `${field}=${fields[field]}`))
        )
        const before = yield* described
        for (const [name, ...args] of attempts) {
          yield* Effect.exit(
            redis.watch(["{clean}", "{clean}other"], (tx) => Effect.andThen(tx.send(name, ...args), tx.get("{clean}")))
          )
          assert.deepStrictEqual(yield* described, before, `${name} ${args.join(" ")}`)
        }
        // Watched keys, and a transaction that was given up, are no state to find either.
        yield* Effect.exit(
          redis.watch("{clean}", (tx) => Effect.flip(tx.transaction([Strings.get("other"), Strings.get("{clean}")])))
        )
        assert.deepStrictEqual(yield* described, before)
      }))

    it.effect("tells, after its scope, that the connection is not its own any more", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const tx = yield* redis.watch("a", Effect.succeed)
        const error = yield* Effect.flip(tx.get("a"))
        assert.strictEqual(nameOf(error), "ClosedError")
        assert.strictEqual(error.outcome, "NotExecuted")
      }))
  })
})

describe("SIGKILL of a primary", () => {
  const persistent = { options: ["--appendonly", "yes", "--appendfsync", "always"] }

  plain.live("between WATCH and EXEC is a conflict, and the next attempt commits", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make(persistent)
      const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "30 seconds" })
      const owner = yield* cluster.owner(HashSlot.ofKey("{killed}"))
      yield* redis.set("{killed}", "1")
      let attempts = 0
      const double = redis.watch("{killed}", (tx) =>
        Effect.gen(function*() {
          const value = Number(yield* tx.get("{killed}"))
          if (attempts++ === 0) {
            yield* cluster.kill(owner)
            yield* cluster.restart(owner)
          }
          yield* tx.transaction([Strings.set("{killed}", value * 2)])
        }))
      const exit = yield* Effect.exit(double)
      assert(Exit.isFailure(exit))
      conflictOf(yield* Effect.flip(exit as Exit.Exit<never, ConflictError | RedisClusterException>))
      yield* double
      assert.strictEqual(yield* redis.get("{killed}"), "2")
    }), 60_000)

  plain.live(
    "after EXEC was written leaves the outcome unknown, and nothing is sent again",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make(persistent)
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "30 seconds" })
        const owner = yield* cluster.owner(HashSlot.ofKey("{written}"))
        yield* redis.set("{written}", "1")
        let attempts = 0
        const error = yield* redis.watch("{written}", (tx) =>
          Effect.gen(function*() {
            attempts++
            yield* tx.get("{written}")
            yield* cluster.stop(owner)
            const writing = yield* Effect.forkChild(tx.transaction([Strings.incr("{written}")]))
            yield* Effect.sleep("50 millis")
            yield* cluster.kill(owner)
            yield* Fiber.join(writing)
          })).pipe(Effect.retry(onConflict), Effect.flip) as Effect.Effect<ConflictError | RedisClusterException>
        assert.strictEqual(nameOf(error), "ConnectionError")
        assert.strictEqual(error.outcome, "Unknown")
        assert.strictEqual(attempts, 1)
        yield* cluster.restart(owner)
        yield* cluster.awaitOk
        assert.strictEqual(yield* redis.get("{written}"), "1")
        assert.strictEqual(yield* calls(cluster, "exec"), 0)
      }),
    60_000
  )
})
