import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as PersistedQueueRedis from "../../src/integrations/PersistedQueueRedis.ts"
import * as ClusterRedis from "../../src/integrations/Redis.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { flush, moveAway, services } from "./services.ts"

const quick = { pollInterval: "50 millis", lockRefreshInterval: "300 millis", lockExpiration: "900 millis" } as const

const Job = Schema.Struct({ n: Schema.Number })

/** Claims that last, however long the machine keeps a worker from its work. */
const lasting = { pollInterval: quick.pollInterval } as const

/** A worker of its own: its own client, its own claims. */
const worker = (
  name: string,
  options?: { readonly maxAttempts?: number },
  claims: PersistedQueueRedis.PersistedQueueOptions = lasting
) =>
  Effect.gen(function*() {
    const context = yield* services(
      Layer.provideMerge(PersistedQueue.layer, PersistedQueueRedis.layerStore(claims)),
      { commandTimeout: "5 seconds" }
    )
    const queue = yield* Effect.provide(
      PersistedQueue.make({ name, schema: Job, retrySchedule: Schedule.spaced("50 millis"), ...options }),
      context
    )
    const store = Context.get(context, PersistedQueue.PersistedQueueStore)
    return { queue, store, redis: Context.get(context, ClusterClient) }
  })

/** Another process has claimed an element, and is killed when the scope closes. */
const claimedElsewhere = Effect.fnUntraced(function*(name: string) {
  const cluster = yield* RedisCluster
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [new URL("claimer.ts", import.meta.url).pathname, name, ...cluster.seeds], {
        stdio: ["ignore", "pipe", "inherit"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  yield* Effect.callback<void>((resume) => {
    child.stdout.once("data", () => resume(Effect.void))
  })
})

/** Waits until the clock goes on: only what was done before this moment is older than nothing. */
const tick = Effect.suspend(() => {
  const now = Date.now()
  return until("the clock goes on", () => Date.now() > now)
})

const value = (job: typeof Job.Type) => Effect.succeed(job.n)

describeOnEach("A PersistedQueue on a cluster, on $name", (environment) => {
  layer(environment.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("gives what was offered, in order, to one worker each", () =>
      Effect.gen(function*() {
        yield* flush
        const [one, other] = yield* Effect.all([worker("jobs"), worker("jobs")])
        yield* Effect.forEach(range(20), (n) => one.queue.offer({ n }))
        const first = [yield* one.queue.take(value), yield* one.queue.take(value)]
        assert.deepStrictEqual(first, [0, 1])
        const rest = yield* Effect.forEach(range(18), (index) => [one, other][index % 2].queue.take(value), {
          concurrency: "unbounded"
        })
        assert.sameMembers(rest, range(20).slice(2))
      }))

    it.effect("works for any name, and spreads queues over the slots", () =>
      Effect.gen(function*() {
        yield* flush
        const names = ["", "a}b", "{x}", "{}", "%7B", "{", "orders", "mails", "reports"]
        const context = yield* services(PersistedQueueRedis.layer(quick))
        const takes = yield* Effect.forEach(names, (name, n) =>
          Effect.gen(function*() {
            const queue = yield* PersistedQueue.make({ name, schema: Job })
            yield* queue.offer({ n }, { id: "same" })
            yield* queue.offer({ n: -1 }, { id: "same" })
            return yield* queue.take((job, { attempts, id }) => Effect.succeed([job.n, attempts, id]))
          }).pipe(Effect.provide(context)), { concurrency: "unbounded" })
        assert.deepStrictEqual(takes, names.map((_, n) => [n, 1, "same"]))
        const keys = yield* Context.get(context, ClusterClient).keys("effectq:*")
        assert.isTrue(keys.every((key) => /^effectq:\{[^{}]+\}:/.test(key)))
        assert.strictEqual(new Set(keys.map(HashSlot.ofKey)).size, names.length)
      }))

    it.effect("offers an id once, until it is cleaned up", () =>
      Effect.gen(function*() {
        yield* flush
        const { queue, redis, store } = yield* worker("once")
        yield* queue.offer({ n: 1 }, { id: "a" })
        yield* queue.offer({ n: 2 }, { id: "a" })
        assert.strictEqual(yield* queue.take(value), 1)
        yield* queue.offer({ n: 3 }, { id: "a" })
        yield* tick
        yield* store.cleanup({ timeToLive: Duration.zero, failedTimeToLive: undefined })
        yield* queue.offer({ n: 4 }, { id: "a" })
        assert.strictEqual(yield* queue.take(value), 4)
        assert.strictEqual((yield* redis.keys("*lock*")).length, 0)
      }))

    it.effect("cleans up queues of all nodes, also those that this process never used", () =>
      Effect.gen(function*() {
        yield* flush
        const names = range(12).map((index) => `queue${index}`)
        const workers = yield* Effect.forEach(names, (name) => worker(name), { concurrency: 4 })
        yield* Effect.forEach(workers, ({ queue }) =>
          Effect.andThen(queue.offer({ n: 1 }, { id: "a" }), queue.take(value)), { concurrency: "unbounded" })
        const { redis, store } = yield* worker("unrelated")
        assert.strictEqual((yield* redis.keys("*:ids")).length, 12)
        yield* tick
        yield* store.cleanup({ timeToLive: Duration.zero, failedTimeToLive: Duration.zero })
        assert.strictEqual((yield* redis.keys("*:ids")).length, 0)
      }))

    it.effect("delivers what is delayed when it is due", () =>
      Effect.gen(function*() {
        yield* flush
        const { queue } = yield* worker("later")
        // The earlier one first: a machine that pauses in between cannot turn them round.
        yield* queue.offer({ n: 2 }, { delay: "1 second" })
        yield* queue.offer({ n: 1 }, { delay: "1500 millis", id: "late" })
        yield* queue.offer({ n: 3 })
        assert.deepStrictEqual(yield* Effect.forEach(range(3), () => queue.take(value)), [3, 2, 1])
      }))

    it.effect("repeats what failed, with its attempts, and puts it aside in the end", () =>
      Effect.gen(function*() {
        yield* flush
        const { queue, redis, store } = yield* worker("failing", { maxAttempts: 2 })
        yield* queue.offer({ n: 1 })
        const attempt = queue.take((_, { attempts }) => Effect.fail(`attempt ${attempts}`))
        assert.strictEqual(yield* Effect.flip(attempt), "attempt 1")
        assert.strictEqual(yield* Effect.flip(attempt), "attempt 2")
        const failed = "effectq:{failing}:failing:failed"
        assert.strictEqual(yield* redis.llen(failed), 1)
        yield* tick
        yield* store.cleanup({ timeToLive: Duration.hours(1), failedTimeToLive: Duration.zero })
        assert.strictEqual(yield* redis.llen(failed), 0)
      }))

    it.effect("gives back at once what was interrupted, without counting the attempt", () =>
      Effect.gen(function*() {
        yield* flush
        const { queue } = yield* worker("interrupted")
        yield* queue.offer({ n: 1 })
        const taken = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(
          queue.take(() => Effect.andThen(Deferred.succeed(taken, undefined), Effect.never))
        )
        yield* Deferred.await(taken)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* queue.take((_, { attempts }) => Effect.succeed(attempts)), 1)
      }))

    it.effect("keeps the claim of a worker that takes its time, of many queues at once", () =>
      Effect.gen(function*() {
        yield* flush
        const names = ["long1", "long2", "long3", "long4"]
        // A claim that is not renewed expires before its worker is ready; a renewal may be late by a second.
        const claims = { ...quick, lockRefreshInterval: "250 millis", lockExpiration: "1500 millis" } as const
        const [one, other] = yield* Effect.forEach(range(2), () => services(PersistedQueueRedis.layer(claims)))
        let taken = 0
        const take = (name: string) =>
          Effect.flatMap(PersistedQueue.make({ name, schema: Job }), (queue) =>
            queue.take(() => Effect.andThen(Effect.sync(() => taken++), Effect.sleep("2 seconds"))))
        yield* Effect.forEach(names, (name) =>
          Effect.flatMap(PersistedQueue.make({ name, schema: Job }), (queue) =>
            queue.offer({ n: 1 }))).pipe(
            Effect.provide(one)
          )
        const others = yield* Effect.forkChild(
          Effect.sleep("500 millis").pipe(
            Effect.andThen(Effect.forEach(names, take, { concurrency: "unbounded" })),
            Effect.provide(other)
          )
        )
        yield* Effect.provide(Effect.forEach(names, take, { concurrency: "unbounded" }), one)
        yield* Effect.sleep("300 millis")
        yield* Fiber.interrupt(others)
        assert.strictEqual(taken, 4)
      }))

    it.effect.skipIf(!environment.isReal)(
      "gives the element of a dead worker to another, also after an outage that outlasts every deadline",
      () =>
        Effect.gen(function*() {
          yield* flush
          const cluster = yield* RedisCluster
          const { queue } = yield* worker("orphan", undefined, quick)
          yield* queue.offer({ n: 1 })
          yield* Effect.scoped(claimedElsewhere("orphan"))
          const survivor = yield* Effect.forkChild(queue.take((_, { attempts }) => Effect.succeed(attempts)))
          yield* Effect.sleep("100 millis")
          // A failover takes longer than the command timeout of one second: whatever looks for dead workers meanwhile, fails.
          const owner = yield* cluster.owner(HashSlot.ofKey("orphan"))
          yield* cluster.kill(owner)
          yield* cluster.awaitOk
          assert.strictEqual(yield* Effect.timeout(Fiber.join(survivor), "20 seconds"), 2)
          yield* cluster.restart(owner)
          yield* cluster.awaitOk
        })
    )

    it.effect("loses nothing while its slot moves and its primary fails over", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const [producer, consumer] = yield* Effect.all([
          worker("busy", undefined, quick),
          worker("busy", undefined, quick)
        ])
        let running = true
        let offered = 0
        const seen = new Set<number>()
        const offering = yield* Effect.forkChild(Effect.gen(function*() {
          for (; running; offered++) {
            yield* producer.queue.offer({ n: offered }, { id: String(offered) }).pipe(Effect.retry({ times: 10 }))
            yield* Effect.sleep("5 millis")
          }
        }))
        const taking = yield* Effect.forkChild(
          Effect.forever(consumer.queue.take((job) => Effect.sync(() => seen.add(job.n))))
        )
        const slot = HashSlot.ofKey("busy")
        const { target } = yield* moveAway(slot)
        const [replica] = yield* cluster.replicasOf(target)
        yield* cluster.failover(replica)
        const before = offered
        yield* until("offers go on after the failover", () => offered > before + 10)
        running = false
        yield* Fiber.join(offering)
        yield* until("all are taken", () => seen.size >= offered)
        assert.isAbove(offered, 10)
        assert.strictEqual(seen.size, offered)
        yield* Fiber.interrupt(taking)
      }))

    it.effect("Effect's own store needs a braced prefix, and then works too", () =>
      Effect.gen(function*() {
        yield* flush
        const store = PersistedQueue.layerStoreRedis({ ...quick, prefix: "{orders}:" })
        const context = yield* services(
          PersistedQueue.layer.pipe(Layer.provide(store), Layer.provide(ClusterRedis.layer()))
        )
        const queue = yield* Effect.provide(PersistedQueue.make({ name: "jobs", schema: Job }), context)
        yield* queue.offer({ n: 1 }, { id: "a" })
        assert.strictEqual(yield* queue.take(value), 1)
      }))
  })
})
