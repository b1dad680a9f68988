import { assert, describe, it as standalone, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import { ClusterClient, type ClusterClientShape, HashSlot, type ScanProgress } from "../../src/index.ts"
import { calls } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { environments } from "../testing/asRedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const connect = (cluster: Effect.Success<ReturnType<typeof RedisCluster.make>>) =>
  ClusterClient.layer({
    nodes: cluster.seeds,
    stream: cluster.stream,
    commandTimeout: "3 seconds",
    minRefreshInterval: 50
  })

const clientOn = ({ layer }: (typeof environments)[number]) =>
  Layer.unwrap(Effect.map(Effect.service(RedisCluster), connect)).pipe(
    Layer.provideMerge(layer({ primaries: 3, replicas: 1, nodeTimeout: 1000 }))
  )

const sorted = (keys: Iterable<string>): ReadonlyArray<string> => [...keys].toSorted()

const fill = Effect.fnUntraced(function*(redis: ClusterClientShape, count: number, prefix = "key") {
  yield* redis.flushall()
  const keys = Array.from({ length: count }, (_, i) => `${prefix}:${i}`)
  yield* redis.msetNonatomic(keys.map((key) => [key, "v"] as const))
  return keys
})

/** Runs the stream and, once, `event`, when it has given so many chunks. */
const interrupted = <A, E, E2>(
  stream: Stream.Stream<A, E>,
  chunks: number,
  event: Effect.Effect<unknown, E2>
): Effect.Effect<ReadonlyArray<A>, E | E2> => {
  let seen = 0
  return Stream.runCollect(
    Stream.mapArrayEffect(stream, (chunk) => ++seen === chunks ? Effect.as(event, chunk) : Effect.succeed(chunk))
  )
}

describeOnEach("Scanning a cluster that stays as it is, on $name", (environment) => {
  layer(clientOn(environment), { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect("gives each key of all primaries once", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const keys = yield* fill(redis, 5000)
        for (
          const stream of [redis.scanStream(), redis.scanStream({ count: 10 }), redis.scanStream({ concurrency: 1 })]
        ) {
          assert.deepStrictEqual(sorted(yield* Stream.runCollect(stream)), sorted(keys))
        }
      }))

    it.effect("gives only keys that match, and of the type", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* fill(redis, 300)
        yield* redis.sadd("set:1", ["a"])
        yield* redis.sadd("set:2", ["a"])
        assert.deepStrictEqual(sorted(yield* Stream.runCollect(redis.scanStream({ type: "set" }))), ["set:1", "set:2"])
        assert.strictEqual((yield* Stream.runCollect(redis.scanStream({ match: "key:1?" }))).length, 10)
        assert.strictEqual((yield* Stream.runCollect(redis.scanStream({ match: "key:1?", type: "set" }))).length, 0)
      }))

    it.effect("ends when there are no keys", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        assert.deepStrictEqual(yield* Stream.runCollect(redis.scanStream()), [])
      }))

    for (const concurrency of [1, 3]) {
      it.effect(`gives a page as a chunk, and asks for the next one when it is wanted, of ${concurrency} nodes`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          yield* fill(redis, 3000)
          yield* redis.configResetstat()
          const sizes: Array<number> = []
          yield* redis.scanStream({ count: 50, concurrency }).pipe(
            Stream.mapArray((chunk) => {
              sizes.push(chunk.length)
              return chunk
            }),
            Stream.take(120),
            Stream.runDrain
          )
          assert.isAtLeast(sizes[0], 30)
          assert.isAtMost(sizes.length, 5)
          const asked = yield* calls(yield* RedisCluster, "scan")
          // All keys are 60 pages.
          assert.isAtLeast(asked, 2)
          assert.isAtMost(asked, 5 + 3 * concurrency)
        }))
    }

    it.effect("tells how far it is", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* fill(redis, 2000)
        const seen: Array<ScanProgress> = []
        const onProgress = (progress: ScanProgress) => Effect.sync(() => void seen.push(progress))
        yield* Stream.runDrain(redis.scanStream({ count: 100, concurrency: 1, onProgress }))
        assert.deepStrictEqual(seen.at(-1), { slots: 16384, total: 16384, keys: 2000 })
        assert.isAbove(new Set(seen.map(({ slots }) => slots)).size, 2)
        for (let i = 1; i < seen.length; i++) {
          assert.isAtLeast(seen[i].keys, seen[i - 1].keys)
          assert.isAtLeast(seen[i].slots, seen[i - 1].slots)
        }
      }))

    it.effect("gives keys that are no UTF-8 as bytes, and fails on them where text is asked for", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        const keys = Array.from({ length: 100 }, (_, i) => Buffer.from([0xff, 0xfe, i, 0x80]))
        for (const key of keys) yield* redis.set(key, "v")
        const found = yield* Stream.runCollect(redis.scanStream({ bytes: true }))
        const hex = (all: ReadonlyArray<Uint8Array>) => sorted(all.map((key) => Buffer.from(key).toString("hex")))
        assert.deepStrictEqual(hex(found), hex(keys))
        const error = yield* Effect.flip(Stream.runDrain(redis.scanStream()))
        assert.strictEqual(error.reason._tag, "DecodeError")
        assert.include(error.message, "bytes: true")
      }))

    it.effect("refuses bad options before anything is sent", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const patience = "soon" as "1 second"
        const runs = [
          Stream.runDrain(redis.scanStream({ count: 0 })),
          Stream.runDrain(redis.scanStream({ concurrency: 0 })),
          Stream.runDrain(redis.scanStream({ patience })),
          // @ts-expect-error there is no such option
          Stream.runDrain(redis.scanStream({ cout: 10 })),
          Stream.runDrain(redis.hscanStream("h", { count: -1 }))
        ]
        for (const run of runs) assert.strictEqual((yield* Effect.flip(run)).reason._tag, "OptionsError")
      }))

    it.effect("gives the elements of large values, typed", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const names = Array.from({ length: 3000 }, (_, i) => `m${i}`)
        yield* redis.hset("large:hash", Object.fromEntries(names.map((name, i) => [name, String(i)])))
        yield* redis.sadd("large:set", names)
        yield* redis.zadd("large:zset", Object.fromEntries(names.map((name, i) => [name, i])))
        const fields = yield* Stream.runCollect(redis.hscanStream("large:hash", { count: 100 }))
        assert.deepStrictEqual(
          Object.fromEntries(fields),
          Object.fromEntries(names.map((name, i) => [name, String(i)]))
        )
        assert.deepStrictEqual(sorted(yield* Stream.runCollect(redis.sscanStream("large:set"))), sorted(names))
        const members = yield* Stream.runCollect(redis.zscanStream("large:zset", { match: "m10*" }))
        assert.deepStrictEqual(
          sorted(members.map(([member]) => member)),
          sorted(names.filter((name) => name.startsWith("m10")))
        )
        assert.isTrue(members.every(([member, score]) => member === `m${score}`))
        assert.deepStrictEqual(yield* Stream.runCollect(redis.sscanStream("missing")), [])
        const error = yield* Effect.flip(Stream.runDrain(redis.hscanStream("large:set")))
        assert.strictEqual(error.reason._tag, "ReplyError")
      }))
  })
})

/** The sockets have nothing to do with slots: the first tests are enough on sockets. */
const changing = environments.filter(({ name }) => name !== "TestCluster on sockets")

describe.each(changing)("Scanning a cluster that changes, on $name", (environment) => {
  layer(clientOn(environment), { timeout: "30 seconds", excludeTestServices: true })((it) => {
    /** The keys that the scan did not give. */
    const missed = (keys: ReadonlyArray<string>, found: ReadonlyArray<string>): ReadonlyArray<string> => {
      const seen = new Set(found)
      return keys.filter((key) => !seen.has(key))
    }

    const tagged = (tag: string, count: number) => Array.from({ length: count }, (_, i) => `{${tag}}:${i}`)

    const move = Effect.fnUntraced(function*(slot: number) {
      const cluster = yield* RedisCluster
      const source = yield* cluster.owner(slot)
      const target = (yield* cluster.primaries).find((node) => node.id !== source.id)
      assert.isDefined(target)
      if (target !== undefined) yield* cluster.migrateSlot(slot, target)
      return source
    })

    const withSlot = Effect.fnUntraced(function*(redis: ClusterClientShape, tag: string) {
      const keys = [...yield* fill(redis, 3000), ...tagged(tag, 1000)]
      yield* redis.mset(tagged(tag, 1000).map((key) => [key, "v"] as const))
      return { keys, slot: HashSlot.ofKey(`{${tag}}`) }
    })

    for (const chunks of [2, 12, 40]) {
      it.effect(`misses no key of a slot that moves after ${chunks} chunks`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          const { keys, slot } = yield* withSlot(redis, "moving")
          const event = move(slot)
          const context = yield* Effect.context<RedisCluster>()
          const found = yield* interrupted(
            redis.scanStream({ count: 50, concurrency: 1 }),
            chunks,
            Effect.provideContext(event, context)
          )
          assert.deepStrictEqual(missed(keys, found), [])
          const count = (prefix: string) => found.filter((key) => key.startsWith(prefix)).length
          assert.strictEqual(count("key:"), 3000)
        }))
    }

    it.effect("misses no key of a slot that moves and comes back", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const { keys, slot } = yield* withSlot(redis, "back")
        const stream = redis.scanStream({ count: 50, concurrency: 3 })
        let chunks = 0
        let source: Effect.Success<ReturnType<typeof move>> | undefined
        const context = yield* Effect.context<RedisCluster>()
        const found = yield* Stream.runCollect(Stream.mapArrayEffect(stream, (chunk) =>
          Effect.gen(function*() {
            chunks++
            if (chunks === 6) source = yield* move(slot)
            if (chunks === 30 && source !== undefined) yield* cluster.migrateSlot(slot, source)
            return chunk
          }).pipe(Effect.provideContext(context))))
        assert.isDefined(source)
        assert.isAbove(chunks, 30)
        assert.deepStrictEqual(missed(keys, found), [])
      }))

    it.effect("misses no key while a slot is half moved, neither on this side nor on the other", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const { keys, slot } = yield* withSlot(redis, "half")
        const source = yield* cluster.owner(slot)
        const target = (yield* cluster.primaries).find((node) => node.id !== source.id)
        assert.isDefined(target)
        if (target === undefined) return
        yield* cluster.startMigration(slot, target)
        yield* cluster.moveKeys(slot, 400)
        assert.deepStrictEqual(missed(keys, yield* Stream.runCollect(redis.scanStream({ count: 50 }))), [])
        const found = yield* interrupted(
          redis.scanStream({ count: 50, concurrency: 1 }),
          10,
          cluster.moveKeys(slot, 300)
        )
        assert.deepStrictEqual(missed(keys, found), [])
        yield* cluster.finishMigration(slot)
        assert.deepStrictEqual(missed(keys, yield* Stream.runCollect(redis.scanStream({ count: 50 }))), [])
      }))

    it.effect("misses no key when a primary fails over", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const keys = yield* fill(redis, 6000)
        const event = Effect.gen(function*() {
          for (const primary of yield* cluster.primaries) {
            const [replica] = yield* cluster.replicasOf(primary)
            yield* cluster.failover(replica)
          }
        })
        const found = yield* interrupted(redis.scanStream({ count: 50 }), 20, event)
        assert.deepStrictEqual(missed(keys, found), [])
        yield* cluster.awaitOk
      }))

    it.effect("misses no element of a value whose slot moves", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const context = yield* Effect.context<RedisCluster>()
        const names = Array.from({ length: 2000 }, (_, i) => `m${i}`)
        yield* redis.del(["walk"])
        yield* redis.sadd("walk", names)
        const event = Effect.provideContext(move(HashSlot.ofKey("walk")), context)
        const found = yield* interrupted(redis.sscanStream("walk", { count: 100 }), 5, event)
        assert.deepStrictEqual(missed(names, found), [])
      }))

    it.effect("misses no element of a value whose slot is half moved", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const names = Array.from({ length: 2000 }, (_, i) => `m${i}`)
        yield* redis.sadd("half:walk", names)
        const slot = HashSlot.ofKey("half:walk")
        const source = yield* cluster.owner(slot)
        const target = (yield* cluster.primaries).find((node) => node.id !== source.id)
        if (target === undefined) return assert.fail("there is one primary only")
        const event = Effect.andThen(cluster.startMigration(slot, target), cluster.moveKeys(slot))
        const found = yield* interrupted(redis.sscanStream("half:walk", { count: 100 }), 5, event)
        yield* cluster.finishMigration(slot)
        assert.deepStrictEqual(missed(names, found), [])
      }))

    it.effect("misses no key when a primary is killed, and its replica takes over", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const keys = yield* fill(redis, 3000)
        yield* cluster.awaitReplicated
        const [victim] = yield* cluster.primaries
        const found = yield* interrupted(redis.scanStream({ count: 50 }), 10, cluster.kill(victim))
        assert.deepStrictEqual(missed(keys, found), [])
        yield* cluster.restart(victim)
        yield* cluster.awaitOk
      }))

    it.effect("misses no key while slots move to and fro and primaries fail over, all the time", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const tags = ["s1", "s2", "s3", "s4"]
        const keys = [...yield* fill(redis, 3000), ...tags.flatMap((tag) => tagged(tag, 300))]
        for (const tag of tags) yield* redis.mset(tagged(tag, 300).map((key) => [key, "v"] as const))
        let moves = 0
        let isStormy = true
        const storm = Effect.gen(function*() {
          while (isStormy) {
            for (const tag of tags) {
              yield* move(HashSlot.ofKey(`{${tag}}`))
              moves++
              // Between servers a move takes its time, in the engine none: a scan has to come to an end in between.
              yield* Effect.sleep(environment.isReal ? 10 : 60)
            }
            if (moves % 8 === 0) {
              const [primary] = yield* cluster.primaries
              const [replica] = yield* cluster.replicasOf(primary)
              if (replica !== undefined) yield* cluster.failover(replica)
            }
          }
        })
        const stormy = yield* Effect.forkChild(storm)
        let scans = 0
        for (; scans < 4 || moves <= 16; scans++) {
          // Slow enough for much to happen in the course of it; the moves end for a while when the scan has nothing else left.
          const stream = redis.scanStream({ count: 100, concurrency: 2 })
          const found = yield* Stream.runCollect(
            Stream.mapArrayEffect(stream, (chunk) => Effect.delay(Effect.succeed(chunk), 5))
          )
          assert.deepStrictEqual(missed(keys, found), [])
        }
        isStormy = false
        yield* Fiber.join(stormy)
        yield* cluster.awaitOk
      }))

    it.effect("gives up with a clear error when slots stay without an owner", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const keys = yield* fill(redis, 300)
        const [victim] = yield* cluster.primaries
        const [replica] = yield* cluster.replicasOf(victim)
        yield* cluster.stop(replica)
        const found: Array<string> = []
        const error = yield* Effect.flip(
          interrupted(
            Stream.tap(redis.scanStream({ count: 10, patience: "500 millis" }), (key) =>
              Effect.sync(() => found.push(key))),
            1,
            cluster.stop(victim)
          )
        )
        yield* cluster.continue(victim)
        yield* cluster.continue(replica)
        yield* cluster.awaitOk
        assert.strictEqual(error._tag, "RedisClusterException")
        assert.include(error.message, "slots could not be scanned for 500 ms")
        assert.isBelow(found.length, keys.length)
      }))
  })
})

// A primary of TestCluster that starts again has lost its data.
describe("A primary that starts again in the middle of a scan", () => {
  standalone.live("has other cursors: no key is missed", () =>
    Effect.scoped(Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ primaries: 3, nodeTimeout: 15_000 })
      const redis = Context.get(yield* Layer.build(connect(cluster)), ClusterClient)
      const keys = yield* fill(redis, 3000)
      const [victim] = cluster.nodes
      yield* cluster.command(victim, "SAVE")
      // The scan begins with that node, and is in the middle of it.
      const found = yield* interrupted(
        redis.scanStream({ count: 50, concurrency: 1 }),
        8,
        Effect.andThen(cluster.restart(victim), Effect.sleep(500))
      )
      const seen = new Set(found)
      assert.deepStrictEqual(keys.filter((key) => !seen.has(key)), [])
    })))
})
