import { assert, it as plain, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import * as Command from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import { type ConsumedEntry, Generic, Streams } from "../../src/index.ts"
import { blockedClients, connect, connectionsNamed, errorReplies, resetCounts, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { settled } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const each = { concurrency: "unbounded" } as const

const XADD = new CommandSpec("XADD", { keys: 0 })
const XPENDING = new CommandSpec("XPENDING", { keys: 0 })

const add = (stream: string, value: string) =>
  Command.make(XADD, [stream, "*", "value", value], (reply) => String(reply))

const pending = (stream: string, group: string) =>
  Command.make(XPENDING, [stream, group], (reply) => Number((reply as ReadonlyArray<unknown>)[0]))

const finish = (entry: ConsumedEntry) => Effect.as(entry.acknowledge, entry)

describeOnEach("A consumer, on $name", (environment) => {
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

    it.effect("gives an entry again that was not acknowledged, to its own consumer when there is no other", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.execute(add("unmanaged", "0"))
        const options = { streams: "unmanaged", group: "g", create: "all", claimAfter: "100 millis" } as const
        const entries = yield* redis.consume({ ...options, consumer: "c" }).pipe(Stream.take(3), Stream.runCollect)
        assert.deepStrictEqual(entries.map(({ deliveries, redelivered }) => [deliveries, redelivered]), [
          [1, false],
          [2, true],
          [3, true]
        ])
      }))

    it.effect("leaves an entry that it did not manage to another consumer", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.execute(add("handed", "0"))
        yield* redis.xgroupCreate("handed", "g", "0")
        const options = { streams: "handed", group: "g", create: "all", claimAfter: "200 millis" } as const
        const failing = yield* Effect.forkChild(
          redis.consume({ ...options, consumer: "failing" }).pipe(Stream.runForEach(() => Effect.void))
        )
        yield* settled(1, redis.execute(pending("handed", "g")))
        const [entry] = yield* redis.consume({ ...options, consumer: "able" }).pipe(
          Stream.mapEffect(finish),
          Stream.take(1),
          Stream.runCollect
        )
        assert.isAbove(entry.deliveries, 1)
        yield* Fiber.interrupt(failing)
        assert.strictEqual(yield* redis.execute(pending("handed", "g")), 0)
      }))

    it.effect("shares what a dead consumer left behind: no entry is worked on by two", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const options = { streams: "estate", group: "g", create: "all" } as const
        yield* redis.pipeline(range(600).map((index) => add("estate", String(index))))
        yield* redis.consume({ ...options, consumer: "dead", count: 600 }).pipe(Stream.take(1), Stream.runDrain)
        const works = new Map<string, number>()
        const heir = (consumer: string) =>
          redis.consume({ ...options, consumer, count: 10, claimAfter: "1 second", claimInterval: "100 millis" }).pipe(
            Stream.runForEach((entry) =>
              Effect.gen(function*() {
                works.set(entry.id, (works.get(entry.id) ?? 0) + 1)
                yield* Effect.sleep("2 millis")
                yield* entry.acknowledge
              })
            )
          )
        const heirs = yield* Effect.forkChild(Effect.forEach(["a", "b", "c"], heir, each))
        yield* settled(600, Effect.sync(() => works.size))
        yield* settled(0, redis.execute(pending("estate", "g")))
        yield* Fiber.interrupt(heirs)
        assert.deepStrictEqual([...works.values()].filter((times) => times !== 1), [])
      }))

    it.effect("keeps entries that wait for the program, and gives none that another one has taken", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.pipeline(range(60).map((index) => add("waiting", String(index))))
        const works = new Map<string, number>()
        // A page takes 600 ms, and so the last entries of it wait for longer than `claimAfter`.
        const worker = (consumer: string) =>
          redis.consume({
            ...{ streams: "waiting", group: "g", consumer, create: "all", count: 30 },
            ...{ claimAfter: "400 millis", claimInterval: "20 millis" }
          }).pipe(
            Stream.runForEach((entry) =>
              Effect.gen(function*() {
                works.set(entry.id, (works.get(entry.id) ?? 0) + 1)
                yield* Effect.sleep("20 millis")
                yield* entry.acknowledge
              })
            )
          )
        const workers = yield* Effect.forkChild(Effect.forEach(["a", "b"], worker, each))
        yield* settled(60, Effect.sync(() => works.size))
        yield* settled(0, redis.execute(pending("waiting", "g")))
        yield* Fiber.interrupt(workers)
        assert.deepStrictEqual([...works.values()].filter((times) => times !== 1), [])
      }))

    it.effect("gives entries again after XGROUP SETID, also those that the program acknowledged itself", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.pipeline(range(5).map((index) => add("replay", String(index))))
        const got: Array<string> = []
        const reading = yield* Effect.forkChild(
          redis.consume({ streams: "replay", group: "g", consumer: "c", create: "all", block: "50 millis" }).pipe(
            Stream.runForEach((entry) =>
              Effect.andThen(
                redis.transaction([Streams.xack("replay", "g", entry.id)]),
                Effect.sync(() => got.push(entry.fields.value))
              )
            )
          )
        )
        yield* settled(5, Effect.sync(() => got.length))
        yield* redis.xgroupSetid("replay", "g", "0")
        yield* settled(10, Effect.sync(() => got.length))
        yield* Fiber.interrupt(reading)
        assert.deepStrictEqual(got, ["0", "1", "2", "3", "4", "0", "1", "2", "3", "4"])
        assert.strictEqual(yield* redis.execute(pending("replay", "g")), 0)
      }))

    it.effect("that began with new entries misses none when the stream is deleted and made again", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const got: Array<string> = []
        const reading = yield* Effect.forkChild(
          redis.consume({ streams: "remade", group: "g", consumer: "c", create: "new", block: "100 millis" }).pipe(
            Stream.runForEach((entry) =>
              Effect.andThen(Effect.sync(() => got.push(entry.fields.value)), entry.acknowledge)
            )
          )
        )
        yield* settled(true, Effect.map(redis.exists("remade"), (there) => there === 1))
        yield* redis.execute(add("remade", "before"))
        yield* settled(1, Effect.sync(() => got.length))
        yield* redis.transaction([Generic.del("remade"), ...range(4).map((index) => add("remade", String(index)))])
        yield* redis.execute(add("remade", "last"))
        yield* settled(6, Effect.sync(() => got.length))
        yield* Fiber.interrupt(reading)
        assert.deepStrictEqual(got, ["before", "0", "1", "2", "3", "last"])
      }))

    it.effect("gives bytes, and fields that occur more than once, where it is asked for them", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const blob = Uint8Array.of(255, 254, 0, 65)
        yield* redis.execute(
          Command.make(XADD, ["binary", "*", "item", "a", "item", "b", "blob", blob], (reply) => String(reply))
        )
        const options = { streams: "binary", create: "all", consumer: "c", count: 1 } as const
        const first = <A, E, R>(entries: Stream.Stream<A, E, R>) =>
          Effect.map(Stream.runCollect(Stream.take(entries, 1)), ([entry]) => entry)
        const bytes = yield* first(redis.consume({ ...options, group: "bytes", values: "bytes" }))
        assert.deepStrictEqual(Object.keys(bytes.fields), ["item", "blob"])
        assert.deepStrictEqual(Uint8Array.from(bytes.fields.blob), blob)
        const again = yield* first(redis.consume({ ...options, group: "bytes", values: "pairs" }))
        assert.isTrue(again.redelivered)
        assert.deepStrictEqual(again.fields.map(([name]) => Buffer.from(name).toString()), ["item", "item", "blob"])
        assert.deepStrictEqual(Uint8Array.from(again.fields[2][1]), blob)
        assert.strictEqual(again.id, bytes.id)
      }))

    it.effect("reads at most `count` entries at a time, over all streams of a slot", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const streams = range(5).map((index) => `{bound}${index}`)
        yield* redis.pipeline(streams.flatMap((stream) => range(30).map((index) => add(stream, String(index)))))
        yield* Effect.forEach(streams, (stream) => redis.xgroupCreate(stream, "g", "0"))
        const total = Effect.map(
          redis.pipeline(streams.map((stream) => pending(stream, "g"))),
          (counts) => counts.reduce((sum, count) => sum + count, 0)
        )
        const reading = yield* Effect.forkChild(
          redis.consume({ streams, group: "g", consumer: "c", create: "all", count: 10 }).pipe(
            Stream.runForEach(() => Effect.never)
          )
        )
        assert.strictEqual(yield* settled(10, total), 10)
        yield* Effect.sleep("100 millis")
        assert.strictEqual(yield* total, 10)
        yield* Fiber.interrupt(reading)
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

    it.effect("decodes the fields of each entry by a schema, and fails at an entry that does not fit, which stays pending", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const Order = Schema.Struct({ id: Schema.String, total: Schema.FiniteFromString })
        for (const total of [10, 20]) yield* redis.xadd("typed", "*", Command.fields(Order)({ id: "a", total }))
        const bad = yield* redis.xadd("typed", "*", { id: "a", total: "much" })
        yield* redis.xadd("typed", "*", Command.fields(Order)({ id: "a", total: 40 }))
        const got: Array<typeof Order.Type> = []
        const options = { streams: "typed", group: "g", consumer: "c", create: "all", schema: Order } as const
        const failure = yield* redis.consume(options).pipe(
          Stream.runForEach(({ acknowledge, fields }) =>
            Effect.andThen(Effect.sync(() => got.push(fields)), acknowledge)
          ),
          Effect.flip
        )
        assert.deepStrictEqual(got, [{ id: "a", total: 10 }, { id: "a", total: 20 }])
        assert(failure.reason._tag === "DecodeError")
        assert.include(failure.message, `entry ${bad}: `)
        assert.notInclude(failure.message, "typed")
        const pending = yield* redis.xpending("typed", "g", { start: "-", end: "+", count: 10 })
        assert.strictEqual(pending[0].id, bad)
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
        // A bare number may be seconds or milliseconds.
        const number = 60 as never
        const refused: ReadonlyArray<Partial<Parameters<typeof redis.consume>[0]>> = [
          { streams: [] },
          { group: "" },
          { count: 0 },
          { block: "0 millis" },
          { claimAfter: "0 millis" },
          { block: noDuration },
          { claimAfter: noDuration },
          { claimAfter: "1 milli", claimInterval: noDuration },
          { block: number },
          { claimAfter: number },
          { schema: number }
        ]
        for (const bad of refused) {
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
