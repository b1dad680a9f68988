/**
 * The cost of the cache for the client: CPU per GET that the cache answers, of one that fills it, and of one without a cache; beside
 * node-redis' client-side cache at several hit rates; CPU per report of a change; memory per reply.
 *
 * Run: node --expose-gc bench/cache.ts [rounds] [millis per round]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createCluster } from "redis"
import { ReplyCache } from "../src/caching/ReplyCache.ts"
import { Generation } from "../src/connection/Generation.ts"
import { ClusterClient, Command } from "../src/index.ts"
import { RedisCluster } from "../test/harness/RedisCluster.ts"

const callers = 100
const rounds = Number(process.argv[2] ?? 9)
const millis = Number(process.argv[3] ?? 300)
const keys = Array.from({ length: 3000 }, (_, index) => `key:${index}`)
const maxBytes = 64 * 1024 * 1024

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const cpu = (before?: NodeJS.CpuUsage): number => {
  const { system, user } = process.cpuUsage(before)
  return user + system
}

/** CPU microseconds of this process per call. Servers are other processes. */
const measure = (call: (index: number) => Effect.Effect<unknown, unknown>, count: number) =>
  Effect.suspend(() => {
    const until = performance.now() + millis
    let issued = 0
    let over = false
    const caller = Effect.whileLoop({
      while: () => !over,
      body: () => {
        if ((++issued & 63) === 0 && performance.now() > until) over = true
        return call(issued)
      },
      step: () => {}
    })
    const before = process.cpuUsage()
    return Effect.map(
      Effect.all(Array.from({ length: count }, () => caller), { concurrency: "unbounded" }),
      () => cpu(before) / issued
    )
  })

/** Memory per reply, and CPU per report of a change, of a cache apart from any client. */
const apart = Effect.sync(() => {
  const count = 200_000
  const cache = new ReplyCache<never>({ maxBytes: 1024 * 1024 * 1024, longestAbsence: 1000 })
  const generation = new Generation()
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < count; i++) {
    const key = `user:profile:${i}`
    const read = cache.begin("GET", cache.claim([key]), i & 16383)
    if (read === undefined) return { held: 0, counted: 0, report: 0 }
    read.written(generation, 0)
    read.lives(-1, "")
    cache.admit(read, `value ${i}`)
    cache.end(read)
  }
  globalThis.gc?.()
  const held = (process.memoryUsage().heapUsed - before) / count
  const counted = cache.store.bytes / count
  const start = process.cpuUsage()
  for (let i = 0; i < count; i++) cache.changed([`user:profile:${i}`])
  return { held, counted, report: cpu(start) / count }
})

const hitRates = [0, 50, 90, 99]
const warm = Array.from({ length: 100 }, (_, index) => `key:${index}`)
let cold = 0
/** A key that is cached, or one that nobody has read before. */
const keyAt = (index: number, hitRate: number): string =>
  index % 100 < hitRate ? warm[index % warm.length] : `cold:${++cold}`

/** CPU microseconds of this process per call of a client with promises. */
const measurePromises = (call: (index: number) => Promise<unknown>) =>
  Effect.promise(async () => {
    const until = performance.now() + millis
    let issued = 0
    let over = false
    const before = process.cpuUsage()
    await Promise.all(Array.from({ length: callers }, async () => {
      while (!over) {
        if ((++issued & 63) === 0 && performance.now() > until) over = true
        await call(issued)
      }
    }))
    return cpu(before) / issued
  })

const nodeRedis = (nodes: ReadonlyArray<string>, isCached: boolean) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = createCluster({
        RESP: 3,
        rootNodes: nodes.map((url) => ({ url })),
        ...(isCached ? { clientSideCache: { ttl: 3_600_000, maxEntries: 100_000, evictPolicy: "LRU" } } : {})
      })
      client.on("error", () => {})
      await client.connect()
      return client
    }),
    (client) => Effect.promise(async () => client.destroy())
  )

/** CPU per GET at several hit rates, of this client and of node-redis, with a cache and without. */
const beside = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const build = (cache: { readonly maxBytes: number } | undefined) =>
    Effect.map(
      Layer.build(ClusterClient.layer({ nodes: cluster.seeds, cache })),
      (context) => Context.get(context, ClusterClient)
    )
  const cached = yield* build({ maxBytes })
  const plain = yield* build(undefined)
  const theirs = yield* nodeRedis(cluster.seeds, true)
  const theirPlain = yield* nodeRedis(cluster.seeds, false)
  const clients: ReadonlyArray<readonly [label: string, run: (hitRate: number) => Effect.Effect<number, unknown>]> = [
    [
      "this client, cached",
      (rate) => measure((i) => cached.get(keyAt(i, rate)).pipe(Command.cached("1 hour")), callers)
    ],
    ["this client", (rate) => measure((i) => plain.get(keyAt(i, rate)), callers)],
    ["node-redis, cached", (rate) => measurePromises((i) => theirs.get(keyAt(i, rate)))],
    ["node-redis", (rate) => measurePromises((i) => theirPlain.get(keyAt(i, rate)))]
  ]
  const results = clients.map(() => hitRates.map((): Array<number> => []))
  for (let round = 0; round < rounds; round++) {
    for (let rate = 0; rate < hitRates.length; rate++) {
      for (let i = 0; i < clients.length; i++) results[i][rate].push(yield* clients[i][1](hitRates[rate]))
    }
  }
  yield* Console.log(`CPU per GET at hit rates of ${hitRates.join(" %, ")} %`)
  for (let i = 0; i < clients.length; i++) {
    yield* Console.log(`${clients[i][0]}: ${results[i].map((found) => `${median(found).toFixed(2)} us`).join(", ")}`)
  }
})

const program = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const build = (cache: { readonly maxBytes: number } | undefined) =>
    Effect.map(
      Layer.build(ClusterClient.layer({ nodes: cluster.seeds, cache })),
      (context) => Context.get(context, ClusterClient)
    )
  const cached = yield* build({ maxBytes })
  const plain = yield* build(undefined)
  for (const key of keys) yield* plain.set(key, "x".repeat(16))
  const prepared = keys.map((key) => cached.get(key).pipe(Command.cached("1 hour")))
  const modes: ReadonlyArray<
    readonly [label: string, count: number, call: (i: number) => Effect.Effect<unknown, unknown>]
  > = [
    ["hit, a command of its own", 1, (i) => cached.get(keys[i % keys.length]).pipe(Command.cached("1 hour"))],
    ["hit, the command is there", 1, (i) => prepared[i % keys.length]],
    ["an effect that succeeds", 1, () => Effect.suspend(() => Effect.succeed("x"))],
    ["miss", callers, (i) => cached.get(keys[i % keys.length]).pipe(Command.cached("1 nanos"))],
    ["no cache", callers, (i) => plain.get(keys[i % keys.length])],
    ["a client with a cache, not cached", callers, (i) => cached.get(keys[i % keys.length])],
    ["SET without a cache", callers, (i) => plain.set(keys[i % keys.length], "x")],
    ["SET of a client with a cache", callers, (i) => cached.set(keys[i % keys.length], "x")]
  ]
  const results = modes.map((): Array<number> => [])
  yield* Effect.forEach(prepared, (command) => command, { concurrency: "unbounded" })
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < modes.length; i++) {
      const [, count, call] = modes[i]
      if (i === 0) yield* Effect.forEach(prepared, (command) => command, { concurrency: "unbounded" })
      results[i].push(yield* measure(call, count))
    }
  }
  for (let i = 0; i < modes.length; i++) yield* Console.log(`${modes[i][0]}: ${median(results[i]).toFixed(2)} us`)
  const { counted, held, report } = yield* apart
  yield* Console.log(`a report of a change: ${report.toFixed(2)} us`)
  yield* Console.log(`a reply of 12 bytes: ${held.toFixed(0)} bytes of heap, counted as ${counted.toFixed(0)}`)
})

program.pipe(Effect.andThen(beside), Effect.scoped, Effect.provide(RedisCluster.layer()), NodeRuntime.runMain)
