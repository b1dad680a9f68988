import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { Clients } from "../../src/commands/Clients.ts"
import * as Command from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Server } from "../../src/commands/Server.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { addressOf, connect, errorReplies, resetCounts, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { countWhileSlotsMove, tagsFrom } from "../laws/MovingSlots.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const each = { concurrency: "unbounded" } as const

const transactionReason = (error: RedisClusterException) => {
  const { reason } = error
  assert(reason._tag === "TransactionError")
  return reason
}

const nonsense = (name: string, key: string) =>
  Command.make(new CommandSpec(name, { keys: 0 }), [key], (reply) => reply)

describeOnEach("A transaction, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect("gives the typed result of each entry, falsy ones included", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const results = yield* redis.transaction([
          Strings.set("{typed}1", "1"),
          Strings.incr("{typed}1"),
          Strings.get("{typed}missing"),
          Lists.lrange("{typed}missing", 0, -1),
          Clients.ping()
        ])
        assert.deepStrictEqual(results, ["OK", 2, null, [], "PONG"])
        assert.deepStrictEqual(
          yield* redis.transaction({ count: Strings.incr("{typed}1"), gone: Generic.del("{typed}missing") }),
          { count: 3, gone: 0 }
        )
        assert.deepStrictEqual(yield* redis.transaction([]), [])
      }))

    it.effect("gives bytes to the entries that want them, and text to the others", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const [, , bytes, text, list] = yield* redis.transaction([
          Strings.set("{bytes}1", Uint8Array.of(0, 255)),
          Lists.rpush("{bytes}2", ["å", "b"]),
          Command.bytes(Strings.get("{bytes}1")),
          Strings.getrange("{bytes}1", 0, 0),
          Lists.lrange("{bytes}2", 0, -1)
        ])
        assert.deepStrictEqual(Uint8Array.from(bytes ?? []), Uint8Array.of(0, 255))
        assert.strictEqual(text, "\0")
        assert.deepStrictEqual(list, ["å", "b"])
      }))

    it.effect("refuses keys of different slots, and what cannot be part of it, before anything is sent", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.get("warm")
        yield* resetCounts(cluster)
        const { reason } = yield* Effect.flip(redis.transaction([Strings.incr("{a}1"), Strings.incr("{b}1")]))
        assert(reason._tag === "CrossSlotError")
        assert.deepStrictEqual(reason.slots, [HashSlot.ofKey("a"), HashSlot.ofKey("b")])
        assert.strictEqual(reason.outcome, "NotExecuted")
        for (const entry of [Server.dbsize(), nonsense("WATCH", "{a}1"), Strings.incrby("{a}1", 0.5)]) {
          const refused = transactionReason(yield* Effect.flip(redis.transaction([Strings.incr("{a}1"), entry])))
          assert.strictEqual(refused.index, 1)
          assert.strictEqual(refused.outcome, "NotExecuted")
        }
        for (const node of cluster.nodes) {
          assert.notMatch(String(yield* cluster.command(node, "INFO", "commandstats")), /cmdstat_(multi|incr)/)
        }
      }))

    it.effect("runs on the default node when it has no key", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.setDefaultNode(cluster.nodes[2])
        yield* resetCounts(cluster)
        assert.deepStrictEqual(yield* redis.transaction([Clients.ping(), Clients.echo("here")]), ["PONG", "here"])
        assert.match(String(yield* cluster.command(cluster.nodes[2], "INFO", "commandstats")), /cmdstat_exec:calls=1,/)
      }))

    it.effect("names the entry for which the server discarded it, and nothing was executed", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const reason = transactionReason(
          yield* Effect.flip(redis.transaction([
            Strings.incr("{abort}1"),
            nonsense("NONSENSE", "{abort}1"),
            nonsense("GARBAGE", "{abort}1")
          ]))
        )
        assert.strictEqual(reason.index, 1)
        assert.strictEqual(reason.command, "NONSENSE")
        assert.include(reason.message, "the server does not know this command")
        assert.strictEqual(reason.outcome, "NotExecuted")
        assert.strictEqual((reason.cause as RedisClusterException).reason._tag, "ReplyError")
        assert.strictEqual(yield* redis.get("{abort}1"), null)
      }))

    it.effect("says that the others took effect when an entry fails in the course of it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const batch = [
          Strings.incr("{wrong}before"),
          Lists.rpush("{wrong}before", "element"),
          Strings.incr("{wrong}after")
        ] as const
        const reason = transactionReason(yield* Effect.flip(redis.transaction(batch)))
        assert.strictEqual(reason.index, 1)
        assert.strictEqual(reason.command, "RPUSH")
        assert.include(reason.message, "WRONGTYPE")
        assert.strictEqual(reason.outcome, "Executed")
        assert.isFalse(reason.isRetryable)
        const [before, wrong, after] = yield* redis.transactionResults(batch)
        assert.deepStrictEqual([before, after], [Result.succeed(2), Result.succeed(2)])
        assert(Result.isFailure(wrong) && wrong.failure.reason._tag === "ReplyError")
        assert.strictEqual(wrong.failure.reason.command, "RPUSH")
      }))

    it.effect("is one adjacent block among the commands of others, however large", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, maxInFlight: 8 })
        const large = "x".repeat(16 * 1024)
        const answers = yield* Effect.forEach(range(200), (index) =>
          Effect.zip(
            redis.transaction<ReadonlyArray<Command.Command<unknown>>>(
              index % 20 === 0
                ? range(40).map((part) => Strings.set(`{block}${part}`, large))
                : [Strings.incr("{block}count"), Strings.incr("{block}count")]
            ),
            redis.incr("{block}others"),
            { concurrent: true }
          ), each)
        // A command between MULTI and EXEC would have been answered QUEUED.
        assert.deepStrictEqual(
          answers.map(([, other]) => other).toSorted((a, b) => a - b),
          range(200).map((i) => i + 1)
        )
        for (const [own] of answers) {
          if (own.length === 2) assert.strictEqual(Number(own[1]), Number(own[0]) + 1)
          else assert.deepStrictEqual(own, range(40).map(() => "OK" as const))
        }
        assert.strictEqual(yield* redis.get("{block}count"), "380")
      }))

    it.effect("follows MOVED and ASK as a whole", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [, target] = cluster.nodes
        const redis = yield* connect({ nodes: cluster.seeds, minRefreshInterval: "1 minute" })
        const tag = tagWhere((slot) => slot < 500)
        const slot = HashSlot.ofKey(tag)
        const key = `{${tag}}key`
        yield* redis.set(key, "0")
        const twice = redis.transaction([Strings.incr(key), Clients.ping(), Strings.incr(key)])

        yield* cluster.startMigration(slot, target)
        yield* cluster.moveKeys(slot)
        yield* resetCounts(cluster)
        assert.deepStrictEqual(yield* twice, [1, "PONG", 2])
        // Redis sends each command with keys away, Valkey only EXEC.
        assert.include([1, 2], yield* errorReplies(cluster, "ASK"))
        // Without ASKING for each of its commands the target would have said MOVED.
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 0)

        yield* cluster.finishMigration(slot)
        assert.deepStrictEqual(yield* twice, [3, "PONG", 4])
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 2)
        assert.strictEqual((yield* redis.ownerOf(tag))?.address, addressOf(target))
        assert.deepStrictEqual(yield* twice, [5, "PONG", 6])
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 2)
      }))

    it.effect("waits while its keys are on both sides of a migration", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [, target] = cluster.nodes
        const redis = yield* connect({ nodes: cluster.seeds, maxRedirects: 2 })
        const tag = tagWhere((slot) => slot >= 500 && slot < 1000)
        const slot = HashSlot.ofKey(tag)
        yield* redis.mset({ [`{${tag}}a`]: "0", [`{${tag}}b`]: "0" })
        yield* cluster.startMigration(slot, target)
        yield* cluster.moveKeys(slot, 1)
        yield* resetCounts(cluster)
        const fiber = yield* Effect.forkChild(
          redis.transaction([Strings.incr(`{${tag}}a`), Strings.incr(`{${tag}}b`)])
        )
        // Redis says ASK for the key that is gone, Valkey TRYAGAIN for the whole.
        const refusals = Effect.zipWith(
          errorReplies(cluster, "ASK"),
          errorReplies(cluster, "TRYAGAIN"),
          (a, b) => a + b
        )
        while ((yield* refusals) < 4) yield* Effect.sleep("10 millis")
        assert.strictEqual(fiber.pollUnsafe(), undefined)
        yield* cluster.finishMigration(slot)
        assert.deepStrictEqual(yield* Fiber.join(fiber), [1, 1])
      }))

    it.effect("executes exactly once while slots move under it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [, target] = cluster.nodes
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* countWhileSlotsMove(cluster, redis, { tags: tagsFrom(1000, 8), target, callers: 16 }, (one, other) =>
          Effect.map(redis.transaction([Strings.incr(one), Strings.incr(other)]), ([a, b]) =>
            assert.strictEqual(a, b)))
      }))

    it.effect("leaves the replies of others alone when it is interrupted", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.set("{orphan}1", "value")
        for (const turn of range(100)) {
          const fiber = yield* Effect.forkChild(
            redis.transaction([Strings.append("{orphan}2", "!"), Generic.exists("{orphan}1")])
          )
          for (let steps = 0; steps < turn % 5; steps++) yield* Effect.yieldNow
          const other = yield* Effect.forkChild(redis.get("{orphan}1"))
          const another = yield* Effect.forkChild(redis.transaction([Strings.get("{orphan}1")]))
          yield* Fiber.interrupt(fiber)
          assert.strictEqual(yield* Fiber.join(other), "value")
          assert.deepStrictEqual(yield* Fiber.join(another), ["value"])
        }
      }))

    it.effect("has one deadline, the shortest of its entries, and says that its fate is unknown", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const owner = yield* cluster.owner(HashSlot.ofKey("slow"))
        yield* redis.set("{slow}1", "0")
        yield* cluster.stop(owner)
        const { reason } = yield* Effect.flip(
          redis.transaction([Strings.incr("{slow}1"), Command.timeout(Strings.incr("{slow}1"), "100 millis")])
        )
        yield* cluster.continue(owner)
        assert(reason._tag === "TimeoutError")
        assert.strictEqual(reason.timeout, 100)
        assert.strictEqual(reason.outcome, "Unknown")
        // Its late replies belong to nobody.
        assert.deepStrictEqual(yield* redis.transaction([Strings.incr("{slow}1")]), [3])
      }))

    it.effect("tells that a server without MULTI may have executed the commands one by one", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const node of cluster.nodes) {
          yield* cluster.command(node, "ACL", "SETUSER", "loner", "on", ">secret", "~*", "+@all", "-multi")
        }
        const redis = yield* connect({
          nodes: cluster.seeds,
          username: "loner",
          password: Redacted.make("secret")
        })
        const { reason } = yield* Effect.flip(redis.transaction([Strings.incr("{loner}1")]))
        assert(reason._tag === "ReplyError")
        assert.strictEqual(reason.code, "NOPERM")
        assert.strictEqual(reason.outcome, "Unknown")
      }))
  })

  layer(RedisCluster.layer({ options: ["--appendonly", "yes", "--appendfsync", "always"] }), {
    excludeTestServices: true
  })((it) => {
    it.effect("is never sent again once it was written, unless it only reads", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "30 seconds" })
        const owner = yield* cluster.owner(HashSlot.ofKey("lost"))
        yield* redis.set("{lost}1", "5")
        yield* cluster.stop(owner)
        const writing = yield* Effect.forkChild(
          Effect.flip(redis.transaction([Strings.get("{lost}1"), Strings.incr("{lost}1")]))
        )
        const reading = yield* Effect.forkChild(redis.transaction([Strings.get("{lost}1"), Generic.exists("{lost}1")]))
        yield* Effect.sleep("50 millis")
        yield* cluster.kill(owner)
        const { reason } = yield* Fiber.join(writing)
        assert.strictEqual(reason._tag, "ConnectionError")
        assert.strictEqual(reason.outcome, "Unknown")
        yield* cluster.restart(owner)
        yield* cluster.awaitOk
        assert.deepStrictEqual(yield* Fiber.join(reading), ["5", 1])
        assert.strictEqual(yield* redis.get("{lost}1"), "5")
      }))
  })
})
