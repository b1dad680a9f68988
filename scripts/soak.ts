/**
 * Full load and random faults for ten minutes; the memory has to stay flat, and nothing may be left at the end.
 *
 *     npm run test:soak            SOAK_SECONDS=60 SOAK_SEED=7 npm run test:soak
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as HashSlot from "../src/cluster/HashSlot.ts"
import { Families } from "../test/chaos/Families.ts"
import { available, Evidence, Programs, type Scene } from "../test/chaos/Faults.ts"
import * as Proxies from "../test/chaos/Proxies.ts"
import { Random } from "../test/chaos/Random.ts"
import { connect } from "../test/harness/Observed.ts"
import { RedisCluster } from "../test/harness/RedisCluster.ts"

const seconds = Number(process.env["SOAK_SECONDS"] ?? 600)
const seed = Number(process.env["SOAK_SEED"] ?? 1)
const samples = 20
const callers = 200

const collect = globalThis.gc
const mebibytes = (bytes: number) => bytes / 1024 / 1024

interface Sample {
  readonly heap: number
  readonly rss: number
  readonly sockets: number
}

const sample = Effect.sync((): Sample => {
  void collect?.()
  const { external, heapUsed, rss } = process.memoryUsage()
  return {
    heap: mebibytes(heapUsed + external),
    rss: mebibytes(rss),
    sockets: process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length
  }
})

const worst = (all: ReadonlyArray<Sample>) => Math.max(...all.map(({ heap }) => heap))

const soak = Effect.gen(function*() {
  if (collect === undefined) return yield* Effect.fail("run it with node --expose-gc")
  const random = new Random(seed)
  const cluster = yield* RedisCluster.make({
    replicas: 1,
    nodeTimeout: 1500,
    options: ["--cluster-require-full-coverage", "no"]
  })
  const proxies = yield* Proxies.make
  for (const node of cluster.nodes) yield* proxies.open(node.port)
  const scene: Scene = {
    cluster,
    proxies,
    shards: [0, 1, 2].map((shard) => cluster.nodes.filter((node) => node.index % 3 === shard)),
    families: new Families("s"),
    programs: new Programs(),
    evidence: new Evidence()
  }
  const faults = yield* available(cluster)
  const before = yield* sample
  const counts = { calls: 0, failures: 0, faults: 0 }
  const taken: Array<Sample> = []

  yield* Effect.scoped(Effect.gen(function*() {
    const redis = yield* connect({ nodes: cluster.seeds, mapAddress: proxies.mapAddress, commandTimeout: "2 seconds" })
    let running = true
    const caller = (own: Random) =>
      Effect.whileLoop({
        while: () => running,
        body: () => {
          const key = `soak:${own.below(HashSlot.slotCount)}`
          return Effect.result<unknown, unknown, never>(own.next() < 0.8 ? redis.get(key) : redis.incr(key))
        },
        step: (result) => {
          counts.calls++
          if (Result.isFailure(result)) counts.failures++
        }
      })
    const load = yield* Effect.forkChild(
      Effect.forEach(Array.from({ length: callers }, () => random.fork()), caller, {
        concurrency: "unbounded",
        discard: true
      })
    )
    const trouble = yield* Effect.forkChild(Effect.whileLoop({
      while: () => running,
      body: () =>
        Effect.suspend(() => {
          counts.faults++
          return Effect.andThen(
            Effect.ignore(random.pick(faults).run(scene, random.below(3), random.fork())),
            Effect.sleep(random.between(200, 1000))
          )
        }),
      step: () => {}
    }))
    for (let i = 0; i < samples; i++) {
      yield* Effect.sleep(seconds * 1000 / samples)
      const now = yield* sample
      taken.push(now)
      yield* Console.log(
        `${Math.round((i + 1) * seconds / samples)} s: ${counts.calls} calls, ${counts.failures} failures, ` +
          `${counts.faults} faults, heap ${now.heap.toFixed(1)} MiB, RSS ${
            now.rss.toFixed(0)
          } MiB, ${now.sockets} sockets`
      )
    }
    running = false
    yield* Fiber.join(trouble)
    yield* Fiber.join(load)
  }))
  yield* Effect.sleep(500)
  const after = yield* sample
  const third = Math.ceil(samples / 3)
  const [first, last] = [worst(taken.slice(0, third)), worst(taken.slice(-third))]
  yield* Console.log(
    `heap: ${first.toFixed(1)} MiB at most in the first third, ${last.toFixed(1)} MiB in the last; ` +
      `${before.heap.toFixed(1)} MiB before, ${after.heap.toFixed(1)} MiB after; ` +
      `sockets: ${before.sockets} before, ${after.sockets} after`
  )
  if (last > first * 1.25 + 4) return yield* Effect.fail("the memory is not flat")
  if (after.sockets > before.sockets) return yield* Effect.fail("sockets are left")
})

NodeRuntime.runMain(Effect.scoped(soak))
