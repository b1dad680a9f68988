import { assert, describe, it as plain, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import * as Command from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import type { ConsumedEntry } from "../../src/index.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { settled } from "../harness/Waiting.ts"
import { blockedClients, connect, connectionsNamed, errorReplies, resetCounts, tagWhere } from "../laws/Observed.ts"
import { environments } from "../testing/asRedisCluster.ts"

const each = { concurrency: "unbounded" } as const

const XADD = new CommandSpec("XADD", { keys: 0 })
const XPENDING = new CommandSpec("XPENDING", { keys: 0 })

const add = (stream: string, value: string) =>
  Command.make(XADD, [stream, "*", "value", value], (reply) => String(reply))

const pending = (stream: string, group: string) =>
  Command.make(XPENDING, [stream, group], (reply) => Number((reply as ReadonlyArray<unknown>)[0]))

const finish = (entry: ConsumedEntry) => Effect.as(entry.acknowledge, entry)

describe.each(environments)("A consumer, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect("reads streams of many slots, makes their groups, and acknowledges", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const streams = range(9).map((index) => `many:${index}`)
        const reading = yield* Effect.forkChild(
          redis.consume({ streams, group: "g", consumer: "c", create: "all" }).pipe(
            Stream.mapEffect(finish, { concurrency: 16 }),
            Stream.take(90),
            Stream.runCollect
          )
        )
        yield* redis.pipeline(range(90).map((index) => add(streams[index % 9], String(index))))
        const entries = yield* Fiber.join(reading)
        assert.deepStrictEqual(entries.map(({ fields }) => Number(fields.value)).toSorted((a, b) => a - b), range(90))
        for (const stream of streams) {
          const own = entries.filter((entry) => entry.stream === stream).map(({ fields }) => Number(fields.value))
          assert.deepStrictEqual(own, own.toSorted((a, b) => a - b))
          assert.strictEqual(yield* redis.execute(pending(stream, "g")), 0)
        }
      }))

    it.effect("begins with what is pending from before, and never gives an entry twice in one run", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const options = { streams: "again", group: "g", consumer: "c", create: "all", count: 2 } as const
        yield* redis.pipeline(range(5).map((index) => add("again", String(index))))
        const first = yield* redis.consume(options).pipe(Stream.take(5), Stream.runCollect)
        assert.isFalse(first.some(({ redelivered }) => redelivered))
        yield* first[0].acknowledge
        yield* redis.execute(add("again", "5"))
        const second = yield* redis.consume(options).pipe(Stream.take(5), Stream.runCollect)
        assert.deepStrictEqual(second.map(({ fields, redelivered }) => [fields.value, redelivered]), [
          ["1", true],
          ["2", true],
          ["3", true],
          ["4", true],
          ["5", false]
        ])
      }))

    it.effect("passes over entries that were deleted while they were pending", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const options = { streams: "deleted", group: "g", consumer: "c", create: "all" } as const
        yield* redis.pipeline(range(3).map((index) => add("deleted", String(index))))
        const first = yield* redis.consume(options).pipe(Stream.take(3), Stream.runCollect)
        yield* redis.xdel("deleted", first[1].id)
        const second = yield* redis.consume(options).pipe(
          Stream.mapEffect(finish),
          Stream.take(2),
          Stream.runCollect
        )
        assert.deepStrictEqual(second.map(({ fields }) => fields.value), ["0", "2"])
        assert.strictEqual(yield* redis.execute(pending("deleted", "g")), 0)
      }))

    it.effect("takes over what another consumer left behind", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const options = { streams: "claimed", group: "g", create: "all" } as const
        yield* redis.pipeline(range(3).map((index) => add("claimed", String(index))))
        yield* redis.consume({ ...options, consumer: "crashed" }).pipe(Stream.take(3), Stream.runDrain)
        const entries = yield* redis.consume({ ...options, consumer: "heir", claimAfter: "200 millis" }).pipe(
          Stream.mapEffect(finish),
          Stream.take(3),
          Stream.runCollect
        )
        assert.deepStrictEqual(entries.map(({ fields, redelivered }) => [fields.value, redelivered]), [
          ["0", true],
          ["1", true],
          ["2", true]
        ])
        assert.strictEqual(yield* redis.execute(pending("claimed", "g")), 0)
      }))

    it.effect("stops cleanly: nothing waits on the servers, no connection is left, nothing is lost", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const name = "stopping"
        const redis = yield* connect({ nodes: cluster.seeds, clientName: name, dedicatedIdleTimeout: "100 millis" })
        const streams = range(6).map((index) => `stop:${index}`)
        const got: Array<string> = []
        const options = { streams, group: "g", consumer: "c", create: "all", block: "10 seconds" } as const
        const run = redis.consume(options).pipe(
          Stream.runForEach((entry) =>
            Effect.andThen(Effect.sync(() => got.push(entry.fields.value)), entry.acknowledge)
          )
        )
        for (const round of range(10)) {
          const reading = yield* Effect.forkChild(run)
          if (round % 2 === 0) yield* settled(6, blockedClients(cluster))
          yield* redis.pipeline(streams.map((stream) => add(stream, `${round}:${stream}`)))
          if (round % 3 === 0) yield* Effect.sleep("5 millis")
          yield* Fiber.interrupt(reading)
          assert.strictEqual(yield* blockedClients(cluster), 0)
        }
        const reading = yield* Effect.forkChild(run)
        yield* settled(true, Effect.sync(() => new Set(got).size === 60))
        yield* Fiber.interrupt(reading)
        assert.deepStrictEqual(
          [...new Set(got)].toSorted(),
          range(10).flatMap((round) => streams.map((stream) => `${round}:${stream}`)).toSorted()
        )
        assert.isTrue(yield* settled(true, Effect.map(connectionsNamed(cluster, name), (count) => count <= 4)))
      }))

    it.effect("survives that its slots move, and misses nothing", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [, target] = cluster.nodes
        const redis = yield* connect({ nodes: cluster.seeds })
        const tags = range(4).map((index) => tagWhere((slot) => slot >= 100 * index && slot < 100 * index + 100))
        const streams = tags.map((tag) => `{${tag}}stream`)
        const got = new Set<string>()
        yield* resetCounts(cluster)
        const reading = yield* Effect.forkChild(
          redis.consume({ streams, group: "g", consumer: "c", create: "all", block: "1 second" }).pipe(
            Stream.runForEach((entry) =>
              Effect.andThen(Effect.sync(() => got.add(entry.fields.value)), entry.acknowledge)
            )
          )
        )
        yield* settled(4, blockedClients(cluster))
        let added = 0
        for (const tag of tags) {
          const slot = HashSlot.ofKey(tag)
          yield* cluster.startMigration(slot, target)
          for (const _ of range(5)) {
            yield* redis.pipeline(streams.map((stream) => add(stream, `${stream}:${added}`)))
            added++
            yield* cluster.moveKeys(slot)
          }
          yield* cluster.finishMigration(slot)
        }
        assert.isAbove((yield* errorReplies(cluster, "MOVED")) + (yield* errorReplies(cluster, "ASK")), 0)
        yield* settled(4 * added, Effect.sync(() => got.size))
        assert.strictEqual(got.size, 4 * added)
        yield* Fiber.interrupt(reading)
      }))

    it.effect("fails for what time does not mend, and refuses options that make no sense", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.set("text", "text")
        const options = { streams: "missing", group: "g", consumer: "c" } as const
        const failure = (changed: Partial<Parameters<typeof redis.consume>[0]>) =>
          Effect.map(Effect.flip(Stream.runDrain(redis.consume({ ...options, ...changed }))), ({ reason }) => reason)
        const missing = yield* failure({})
        assert(missing._tag === "ReplyError")
        assert.strictEqual(missing.code, "NOGROUP")
        const wrong = yield* failure({ streams: "text", create: "all" })
        assert(wrong._tag === "ReplyError")
        assert.strictEqual(wrong.code, "WRONGTYPE")
        const noDuration = "soon" as `${number} seconds`
        for (
          const bad of [
            ...[{ streams: [] }, { group: "" }, { count: 0 }, { block: 0 }, { claimAfter: 0 }],
            ...[{ block: noDuration }, { claimAfter: noDuration }, { claimAfter: 1, claimInterval: noDuration }]
          ]
        ) {
          assert.strictEqual((yield* failure(bad))._tag, "OptionsError")
        }
      }))
  })

  plain.live.runIf(environment.isReal)(
    "survives the SIGKILL of a primary, and misses nothing that was acknowledged to the writer",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make({ options: ["--appendonly", "yes", "--appendfsync", "always"] })
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "20 seconds" })
        const owner = yield* cluster.owner(HashSlot.ofKey("survivor"))
        const got = new Set<string>()
        const reading = yield* Effect.forkChild(
          redis.consume({ streams: "survivor", group: "g", consumer: "c", create: "all" }).pipe(
            Stream.runForEach((entry) =>
              Effect.andThen(Effect.sync(() => got.add(entry.fields.value)), entry.acknowledge)
            )
          )
        )
        yield* settled(1, blockedClients(cluster))
        yield* Effect.forEach(range(20), (index) => redis.execute(add("survivor", String(index))), each)
        yield* cluster.kill(owner)
        yield* cluster.restart(owner)
        yield* cluster.awaitOk
        yield* Effect.forEach(range(20), (index) => redis.execute(add("survivor", String(20 + index))), each)
        yield* settled(40, Effect.sync(() => got.size))
        assert.strictEqual(got.size, 40)
        yield* Fiber.interrupt(reading)
      }),
    60_000
  )
})
