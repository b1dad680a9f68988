import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import { connect, errorReplies } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually } from "../harness/Waiting.ts"
import { keyOfShard } from "./Load.ts"

const waiters = 5000
const commandTimeout = 800

/** The CPU time of this thread in milliseconds, which stands still while others have the machine. */
const ownMillis = (): number => {
  const { system, user } = process.threadCpuUsage()
  return (user + system) / 1000
}

const quantile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN

interface Read {
  /** When it began, by the clock and by the CPU time of this thread; and the CPU time that passed until it ended. */
  readonly at: number
  readonly own: number
  readonly took: number
}

/** Reads one after the other until `isOver` says so, at least 500. */
const reads = (redis: ClusterClientShape, key: string, isOver: () => boolean) =>
  Effect.gen(function*() {
    const all: Array<Read> = []
    while (all.length < 500 || !isOver()) {
      const [at, own] = [performance.now(), ownMillis()]
      yield* redis.get(key)
      all.push({ at, own, took: ownMillis() - own })
      yield* Effect.sleep(1)
    }
    return all
  })

const p99OfReads = (all: ReadonlyArray<Read>): number => quantile(all.map(({ took }) => took), 0.99)

/** The CPU time of this thread at a time of the clock. */
interface Moment {
  readonly at: number
  readonly own: number
}

/** The CPU time of this thread at a time of the clock, or as much less as there was no look at it before. */
const ownAt = (moments: ReadonlyArray<Moment>, at: number): number => {
  // The moments are in order.
  let [low, high] = [0, moments.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (moments[middle].at <= at) low = middle + 1
    else high = middle
  }
  return moments[low - 1]?.own ?? 0
}

/** Some thousand callers of a shard, a few more in each turn: how and when each ended, and the CPU time of this thread then. */
const callers = (redis: ClusterClientShape, key: string, count: number) =>
  Effect.gen(function*() {
    const call = Effect.suspend(() => {
      const started = performance.now()
      return Effect.map(Effect.result(redis.get(key)), (result) => ({
        result,
        deadline: started + commandTimeout,
        ended: performance.now(),
        own: ownMillis()
      }))
    })
    const calling = yield* Effect.forEach(range(count / 20), () =>
      Effect.tap(
        Effect.forkChild(Effect.all(range(20).map(() => call), { concurrency: 20 })),
        () => Effect.sleep(1)
      ))
    return (yield* Fiber.joinAll(calling)).flat()
  })

layer(RedisCluster.layer({ nodeTimeout: 500 }), { excludeTestServices: true, timeout: 60_000 })(
  "Thousands who wait for a dead shard",
  (it) => {
    it.effect("do not storm the other nodes when these answer CLUSTERDOWN, and follow when they serve again", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [first, ...others] = cluster.nodes
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "30 seconds" })
        yield* cluster.kill(first)
        const states = Effect.forEach(others, (node) => cluster.command(node, "CLUSTER", "INFO"))
        yield* eventually(
          "the cluster is down",
          Effect.map(states, (infos) => infos.every((info) => String(info).includes("cluster_state:fail")))
        )
        const waiting = yield* Effect.forkChild(
          Effect.forEach(range(waiters), () => redis.get(keyOfShard("dead", 1)), { concurrency: "unbounded" })
        )
        const refusals = errorReplies(cluster, "CLUSTERDOWN")
        yield* eventually("all were refused", Effect.map(refusals, (count) => count >= waiters))
        // In this time each of them would have been sent some five times more.
        yield* Effect.sleep(1000)
        assert.isBelow(yield* refusals, 2 * waiters)
        yield* cluster.restart(first)
        assert.strictEqual((yield* Fiber.join(waiting)).length, waiters)
        yield* cluster.awaitOk
      }))

    it.effect("cost the others nothing, and have their deadlines kept", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [first, ...others] = cluster.nodes
        for (const node of others) yield* cluster.command(node, "CONFIG", "SET", "cluster-require-full-coverage", "no")
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout })
        const [dead, healthy] = [keyOfShard("dead", 0), keyOfShard("dead", 1)]
        yield* reads(redis, healthy, () => true)
        const calm = p99OfReads(yield* reads(redis, healthy, () => true))
        yield* cluster.kill(first)
        const besideCallers = (count: number) => {
          let isOver = false
          const calling = Effect.ensuring(callers(redis, dead, count), Effect.sync(() => (isOver = true)))
          return Effect.all([calling, reads(redis, healthy, () => isOver)], { concurrency: 2 })
        }
        // Code that runs for the first time takes its time.
        yield* besideCallers(1000)
        const machine = yield* MachineLag.make
        let [ended, beside] = yield* besideCallers(waiters)
        // Other work on the machine can only add to the time: the least of some measurements is the own part of the reads.
        for (let again = 0; again < 3 && p99OfReads(beside) > 2 * calm + 2; again++) {
          ;[ended, beside] = yield* besideCallers(waiters)
        }
        const lag = Math.max(...(yield* machine.seen).map(([, millis]) => millis))
        const p99 = p99OfReads(beside)
        // Most of them by the clock; all of them by the CPU time that this thread had after their deadline.
        const late = quantile(ended.map(({ deadline, ended }) => ended - deadline), 0.5)
        // On a busy machine the reads alone look at the CPU time too seldom.
        const moments = [...beside, ...ended.map(({ ended, own }) => ({ at: ended, own }))].toSorted((a, b) =>
          a.at - b.at
        )
        const lateByOwn = Math.max(...ended.map(({ deadline, own }) => own - ownAt(moments, deadline)))
        const facts =
          `a GET: ${calm.toFixed(2)} -> ${p99.toFixed(2)} ms of CPU (p99); deadlines: ${late.toFixed(1)} ms ` +
          `late (median), at most ${lateByOwn.toFixed(1)} ms of CPU; timers of an idle thread: ${lag.toFixed(1)} ms`
        assert.isTrue(
          ended.every(({ result }) => Result.isFailure(result) && result.failure.outcome === "NotExecuted"),
          facts
        )
        assert.isAtMost(p99, 2 * calm + 2, facts)
        assert.isAtMost(late, 100 + lag, facts)
        assert.isAtMost(lateByOwn, 100, facts)
      }))
  }
)
