import { assert, describe, it as plain, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import * as Command from "../../src/commands/Command.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Server } from "../../src/commands/Server.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { calls, connect, errorReplies, resetCounts, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { tagsFrom, whileSlotsMove } from "../laws/MovingSlots.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const each = { concurrency: "unbounded" } as const

const pipelineReason = (error: RedisClusterException) => {
  const { reason } = error
  assert(reason._tag === "PipelineError")
  return reason
}

describeOnEach("A pipeline, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect("gives the results of commands over all slots in the order given", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const keys = range(1000).map((index) => `order:${index}`)
        const answers = yield* redis.pipeline(keys.map((key) => Strings.set(key, key)))
        assert.deepStrictEqual(answers, keys.map(() => "OK" as const))
        assert.deepStrictEqual(yield* redis.pipeline(keys.map((key) => Strings.get(key))), keys)
      }))

    it.effect("takes falsy results for results", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.set("falsy:empty", "")
        const results = yield* redis.pipeline([
          Strings.get("falsy:missing"),
          Strings.get("falsy:empty"),
          Generic.del("falsy:missing"),
          Lists.lrange("falsy:missing", 0, -1),
          Command.map(Generic.exists("falsy:missing"), (count) => count > 0),
          Command.map(Strings.get("falsy:missing"), () => undefined)
        ])
        assert.deepStrictEqual(results, [null, "", 0, [], false, undefined])
      }))

    it.effect("names the results as the record names the commands", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const batch = { first: Strings.set("record:1", "a"), second: Strings.incr("record:2") }
        assert.deepStrictEqual(yield* redis.pipeline(batch), { first: "OK", second: 1 })
        assert.deepStrictEqual(yield* redis.pipelineResults(batch), {
          first: Result.succeed("OK" as const),
          second: Result.succeed(2)
        })
      }))

    it.effect("has nothing to do without commands", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        assert.deepStrictEqual(yield* redis.pipeline([]), [])
        assert.deepStrictEqual(yield* redis.pipelineResults([]), [])
        assert.deepStrictEqual(yield* redis.pipeline({}), {})
      }))

    it.effect("fails with the first entry that failed, after the others have been executed once", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.set("wrong:text", "text")
        const reason = pipelineReason(
          yield* Effect.flip(redis.pipeline([
            Strings.incr("wrong:before"),
            Lists.rpush("wrong:text", "element"),
            Strings.incr("wrong:text"),
            Strings.incr("wrong:after")
          ]))
        )
        assert.strictEqual(reason.index, 1)
        assert.strictEqual(reason.command, "RPUSH")
        assert.include(reason.message, "WRONGTYPE")
        assert.strictEqual(reason.outcome, "Executed")
        assert.isFalse(reason.isRetryable)
        assert.deepStrictEqual(yield* redis.pipeline([Strings.get("wrong:before"), Strings.get("wrong:after")]), [
          "1",
          "1"
        ])
      }))

    it.effect("tells of each entry how it ended, when asked to", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.set("each:text", "text")
        const [before, wrong, crossSlot, fanOut, after] = yield* redis.pipelineResults([
          Strings.incr("each:before"),
          Lists.rpush("each:text", "element"),
          Strings.mget(["each:1", "each:2"]),
          Server.dbsize(),
          Strings.incr("each:after")
        ])
        assert.deepStrictEqual([before, after], [Result.succeed(1), Result.succeed(1)])
        assert(Result.isFailure(wrong) && wrong.failure.reason._tag === "ReplyError")
        assert.strictEqual(wrong.failure.reason.code, "WRONGTYPE")
        assert(Result.isFailure(crossSlot) && crossSlot.failure.reason._tag === "CrossSlotError")
        assert(Result.isFailure(fanOut) && fanOut.failure.reason._tag === "NoTargetError")
      }))

    it.effect("sends nothing when one entry cannot be sent", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* resetCounts(cluster)
        const bad = [
          [Server.dbsize(), "NoTargetError"],
          [Strings.mget(["refused:1", "refused:2"]), "CrossSlotError"],
          [Strings.incrby("refused:1", 0.5), "OptionsError"]
        ] as const
        for (const [command, tag] of bad) {
          const reason = pipelineReason(
            yield* Effect.flip(redis.pipeline([Strings.incr("refused:0"), command, Strings.incr("refused:0")]))
          )
          assert.strictEqual(reason.index, 1)
          assert.strictEqual(reason.outcome, "NotExecuted")
          assert(reason.cause instanceof Error && "reason" in reason.cause)
          assert.strictEqual((reason.cause as RedisClusterException).reason._tag, tag)
        }
        assert.strictEqual(yield* calls(cluster, "incr"), 0)
      }))

    it.effect("keeps 300 concurrent pipelines apart", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const results = yield* Effect.forEach(range(300), (caller) =>
          redis.pipeline(
            range(20).flatMap((index) => {
              const key = `caller:${caller}:${index}`
              return [Strings.set(key, key), Strings.get(key), Strings.incr(`shared:${index}`)]
            })
          ), each)
        for (const [caller, values] of results.entries()) {
          assert.deepStrictEqual(
            values.filter((_, place) => place % 3 === 1),
            range(20).map((index) => `caller:${caller}:${index}`)
          )
        }
        assert.deepStrictEqual(
          yield* redis.pipeline(range(20).map((index) => Strings.get(`shared:${index}`))),
          range(20).map(() => "300")
        )
      }))

    it.effect("loses and repeats nothing while slots move under it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const [source, target] = cluster.nodes
        const tags = tagsFrom(0, 8)
        const counters = tags.flatMap((tag) => range(10).map((index) => `{${tag}}moving:${index}`))
        yield* redis.pipeline(counters.map((key) => Strings.set(key, 0)))
        let rounds = 0
        yield* whileSlotsMove(cluster, { tags, target, callers: 4 }, () =>
          Effect.map(
            redis.pipeline(counters.map((key) => Strings.incr(key))),
            () => rounds++
          ))
        assert.isAbove(yield* errorReplies(cluster, "ASK"), 0)
        assert.deepStrictEqual(
          yield* redis.pipeline(counters.map((key) => Strings.get(key))),
          counters.map(() => String(rounds))
        )
        yield* Effect.forEach(tags, (tag) => cluster.migrateSlot(HashSlot.ofKey(tag), source), { discard: true })
      }))

    it.effect("leaves the replies of others alone when it is interrupted", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const keys = range(100).map((index) => `interrupted:${index}`)
        yield* redis.pipeline(keys.map((key) => Strings.set(key, key)))
        for (const turn of range(30)) {
          const fiber = yield* Effect.forkChild(redis.pipeline(keys.map((key) => Strings.append(key, "!"))))
          for (let steps = 0; steps < turn % 5; steps++) yield* Effect.yieldNow
          const others = yield* Effect.forkChild(redis.pipeline(keys.map((key) => Generic.exists(key))))
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(yield* Fiber.join(others), keys.map(() => 1))
        }
      }))

    it.effect("runs a stream of commands of any length, a batch at a time", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        let taken = 0
        let answered = 0
        let ahead = 0
        const commands = function*() {
          for (let index = 0; index < 20_000; index++) {
            taken++
            ahead = Math.max(ahead, taken - answered)
            yield index % 1000 === 500 ? Strings.incrby("stream:bad", 0.5) : Strings.incr(`stream:${index % 7}`)
          }
        }
        const sum = yield* redis.pipelineStreamResults(commands(), { batch: 500 }).pipe(
          Stream.runFold(() => 0, (failed, result) => {
            answered++
            return failed + (Result.isFailure(result) ? 1 : 0)
          })
        )
        assert.strictEqual(sum, 20)
        assert.strictEqual(answered, 20_000)
        assert.isAtMost(ahead, 1001)
        const counts = yield* redis.pipeline(range(7).map((index) => Strings.get(`stream:${index}`)))
        assert.strictEqual(counts.reduce((total, count) => total + Number(count), 0), 19_980)
      }))

    it.effect("runs a stream of commands as they come, in order", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const results = yield* Stream.range(1, 2500).pipe(
          Stream.map((index) => Strings.incr(`{same}stream`).pipe(Command.map((count) => count === index))),
          (commands) => redis.pipelineStreamResults(commands),
          Stream.runCollect
        )
        assert.deepStrictEqual(results, range(2500).map(() => Result.succeed(true)))
      }))

    it.effect("sends what a slow source has given, and makes batches of what comes meanwhile", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        // The next command comes when the one before is answered: a batch that waits to be full is never sent.
        const answered = yield* Queue.unbounded<number>()
        const values = yield* Stream.iterate(0, (i) => i + 1).pipe(
          Stream.take(5),
          Stream.mapEffect((i) =>
            Effect.as(i === 0 ? Effect.void : Queue.take(answered), Strings.append("slow:source", String(i)))
          ),
          (commands) => redis.pipelineStream(commands),
          Stream.tap((length) => Queue.offer(answered, length)),
          Stream.runCollect
        )
        assert.deepStrictEqual(values, [1, 2, 3, 4, 5])
      }))

    it.effect("keeps the order of each slot over the batches of a stream that are under way together", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const lengths = yield* Stream.range(1, 500).pipe(
          Stream.map((i) => Lists.rpush("{order}stream", String(i))),
          (commands) => redis.pipelineStream(commands, { batch: 7, concurrency: 8 }),
          Stream.runCollect
        )
        assert.deepStrictEqual(lengths, range(500).map((i) => i + 1))
        assert.deepStrictEqual(
          yield* redis.lrange("{order}stream", 0, -1),
          range(500).map((i) => String(i + 1))
        )
      }))

    it.effect("fails with the first entry of a stream that failed, by its place in the stream", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.set("stream:text", "text")
        const commands = range(20).map((i) => i === 13 ? Strings.incr("stream:text") : Strings.incr("stream:number"))
        const error = yield* Effect.flip(Stream.runDrain(redis.pipelineStream(commands, { batch: 5 })))
        assert(error.reason._tag === "PipelineError")
        assert.strictEqual(error.reason.index, 13)
        for (const bad of [{ batch: 0 }, { concurrency: 0 }, { concurrency: 1.5 }]) {
          const refused = yield* Effect.flip(Stream.runDrain(redis.pipelineStream(commands, bad)))
          assert.strictEqual(refused.reason._tag, "OptionsError")
        }
      }))

    it.effect("refuses what is no command, where no types did", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const bad = [Effect.succeed("a"), undefined, ["GET", "a"], "GET a"] as ReadonlyArray<unknown>
        const untyped = bad as ReadonlyArray<Command.Command<unknown>>
        for (const entry of untyped) {
          const batch = [Strings.incr("refused:entry"), entry]
          const reason = pipelineReason(yield* Effect.flip(redis.pipeline(batch)))
          assert.strictEqual(reason.index, 1)
          assert.include(reason.message, "is no command")
          const [, second] = yield* redis.pipelineResults([Strings.set("refused:set", "1"), entry])
          assert(Result.isFailure(second) && second.failure.reason._tag === "OptionsError")
          const inTransaction = yield* Effect.flip(redis.transaction(batch))
          assert.strictEqual(inTransaction.outcome, "NotExecuted")
        }
        for (const batch of [undefined, null, "GET a"] as ReadonlyArray<unknown>) {
          const reason = pipelineReason(yield* Effect.flip(redis.pipeline(batch as ReadonlyArray<never>)))
          assert.include(reason.message, "no list and no record")
        }
        assert.isNull(yield* redis.get("refused:entry"))
      }))

    it.effect("executes entries of one slot in the order given, also when one of them has a deadline of its own", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const all = range(200).flatMap((i) => [
          Strings.set("ordered", String(i)),
          Strings.append("ordered", "!").pipe(Command.timeout("3 seconds")),
          Strings.get("ordered")
        ])
        const results = yield* redis.pipeline(all)
        assert.deepStrictEqual(results.filter((_, i) => i % 3 === 2), range(200).map((i) => `${i}!`))
      }))

    it.effect.runIf(environment.isReal)(
      "runs a million commands from a stream in bounded memory",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds })
          setFlagsFromString("--expose-gc")
          const collect = runInNewContext("gc") as () => void
          const used = () => {
            collect()
            const { external, heapUsed } = process.memoryUsage()
            return (heapUsed + external) / 1024 / 1024
          }
          const start = used()
          let most = 0
          let samples = 0
          let answered = 0
          const million = 1_000_000
          yield* Stream.range(1, million).pipe(
            Stream.map((index) => Strings.set(`million:${index % 5000}`, "x")),
            (commands) => redis.pipelineStreamResults(commands),
            Stream.runForEachArray((results) =>
              Effect.sync(() => {
                for (const result of results) if (Result.isSuccess(result) && result.success === "OK") answered++
                if (answered % 100_352 !== 0) return
                most = Math.max(most, used() - start)
                samples++
              })
            )
          )
          assert.strictEqual(answered, million)
          console.log(`a million commands from a stream: at most ${most.toFixed(1)} MiB above the start`)
          // All at once they would take some 500 bytes each.
          assert.isAtLeast(samples, 9)
          assert.isBelow(most, 32)
        }),
      { tags: ["long"] }
    )

    it.effect("refuses a batch that is no number of commands", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        for (const batch of [0, -1, 1.5, Number.NaN]) {
          const stream = redis.pipelineStreamResults([Strings.get("a")], { batch })
          assert.strictEqual((yield* Effect.flip(Stream.runDrain(stream))).reason._tag, "OptionsError")
        }
      }))

    it.effect("waits for entries of one slot without holding up those of the others", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, maxRedirects: 2 })
        const [, target] = cluster.nodes
        const tag = tagWhere((slot) => slot >= 2000 && slot < 2500)
        const slot = HashSlot.ofKey(tag)
        // Keys that other tests left in the slot could be the ones that move.
        yield* Effect.forEach(yield* cluster.primaries, (node) => cluster.command(node, "FLUSHALL"))
        yield* redis.mset({ [`{${tag}}a`]: "0", [`{${tag}}b`]: "0" })
        yield* cluster.startMigration(slot, target)
        yield* cluster.moveKeys(slot, 1)
        yield* resetCounts(cluster)
        const fiber = yield* Effect.forkChild(
          redis.pipeline([Strings.incr("calm:1"), Strings.mget([`{${tag}}a`, `{${tag}}b`]), Strings.incr("calm:2")])
        )
        while ((yield* errorReplies(cluster, "TRYAGAIN")) < 3) yield* Effect.sleep("10 millis")
        assert.deepStrictEqual(yield* redis.mgetNonatomic(["calm:1", "calm:2"]), ["1", "1"])
        yield* cluster.finishMigration(slot)
        assert.deepStrictEqual(yield* Fiber.join(fiber), [1, ["0", "0"], 1])
        // Entries that succeeded were not sent again with entries that had to wait.
        assert.strictEqual(yield* calls(cluster, "incr"), 2)
      }))
  })
})

describe("SIGKILL of a primary under pipelines", () => {
  plain.live("costs the other shards nothing, and every increment is accounted for", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({
        options: ["--appendonly", "yes", "--appendfsync", "always", "--cluster-require-full-coverage", "no"]
      })
      const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "30 seconds" })
      const [victim] = cluster.nodes
      const keys = range(3).map((shard) => tagWhere((slot) => Math.floor(slot * 3 / 16384) === shard))
      const acknowledged = keys.map(() => 0)
      const unknown = keys.map(() => 0)
      const complaints: Array<string> = []
      let running = true
      const caller = Effect.gen(function*() {
        while (running) {
          const results = yield* redis.pipelineResults(range(30).map((index) => Strings.incr(keys[index % 3])))
          results.forEach((result, index) => {
            const shard = index % 3
            if (Result.isSuccess(result)) acknowledged[shard]++
            else if (result.failure.outcome === "Unknown" && shard === 0) unknown[shard]++
            else if (result.failure.outcome !== "NotExecuted") complaints.push(result.failure.message)
            else if (shard !== 0) complaints.push(result.failure.message)
          })
        }
      })
      const callers = yield* Effect.forEach(range(8), () => Effect.forkChild(caller))
      yield* Effect.sleep("100 millis")
      // Stopped first, so that commands are on the wire when it dies.
      yield* cluster.stop(victim)
      yield* Effect.sleep("100 millis")
      yield* cluster.kill(victim)
      yield* Effect.sleep("100 millis")
      yield* cluster.restart(victim)
      yield* cluster.awaitOk
      yield* Effect.sleep("100 millis")
      running = false
      yield* Fiber.joinAll(callers)
      assert.deepStrictEqual(complaints, [])
      for (const [shard, key] of keys.entries()) {
        const count = Number(yield* redis.get(key))
        assert.isAtLeast(count, acknowledged[shard])
        assert.isAtMost(count, acknowledged[shard] + unknown[shard])
      }
      assert.isAbove(unknown[0], 0)
    }), 60_000)
})
