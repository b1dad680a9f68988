/**
 * The cost of the cache for the client: CPU per GET that the cache answers, of one that fills it, and of one without a cache; the floor of a
 * miss over a bare socket; beside node-redis' client-side cache at several hit rates; CPU per report of a change; memory per reply.
 *
 * Run: node --expose-gc bench/cache.ts [--quick] [rounds] [millis per round]
 * It takes about two minutes, and with `--quick` half a minute.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createCluster } from "redis"
import { ReplyCache } from "../src/caching/ReplyCache.ts"
import * as HashSlot from "../src/cluster/HashSlot.ts"
import { Generation } from "../src/connection/Generation.ts"
import { ClusterClient, Command } from "../src/index.ts"
import { RespDecoder } from "../src/protocol/RespDecoder.ts"
import { RedisCluster } from "../test/harness/RedisCluster.ts"
import { BareReads } from "./BareReads.ts"

const callers = 100
const numbers = process.argv.slice(2).filter((word) => word !== "--quick")
const isQuick = numbers.length < process.argv.length - 2
const rounds = Number(numbers[0] ?? (isQuick ? 3 : 9))
const millis = Number(numbers[1] ?? (isQuick ? 150 : 300))
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

/** The reports of changes of so many keys, as a server sends them, in reads of a socket. */
const reportsOf = (count: number): ReadonlyArray<Buffer> => {
  const reads: Array<Buffer> = []
  for (let i = 0; i < count;) {
    let text = ""
    for (; i < count && text.length < 60_000; i++) {
      const key = `user:profile:${i}`
      text += `>2\r\n$10\r\ninvalidate\r\n*1\r\n$${key.length}\r\n${key}\r\n`
    }
    reads.push(Buffer.from(text))
  }
  return reads
}

const apartCount = 200_000

/** A cache apart from any client, with as many replies as there will be reports. */
const filled = (isHeld: boolean) => {
  const cache = new ReplyCache<never>({ maxBytes: 1024 * 1024 * 1024, longestAbsence: 1000 })
  const generation = new Generation()
  for (let i = 0; i < apartCount; i++) {
    const read = cache.begin("GET", cache.claim([`${isHeld ? "user" : "other"}:profile:${i}`]), i & 16383)
    if (read === undefined) continue
    read.written(generation, 0)
    read.lives(-1, "")
    cache.admit(read, `value ${i}`)
    cache.end(read)
  }
  return cache
}

/** CPU per report of a change, with its decoding. */
const reported = (isHeld: boolean): number => {
  const cache = filled(isHeld)
  const reads = reportsOf(apartCount)
  const decoder = new RespDecoder({
    onReply: () => {},
    onPush: ([, keys]) => {
      if (Array.isArray(keys)) cache.changed(keys)
    },
    binary: () => false,
    lossy: () => false
  })
  const start = process.cpuUsage()
  for (const bytes of reads) decoder.push(bytes)
  return cpu(start) / apartCount
}

/** Memory per reply, and CPU per report of a change. */
const apart = Effect.sync(() => {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const cache = filled(true)
  globalThis.gc?.()
  const held = (process.memoryUsage().heapUsed - before) / apartCount
  const counted = cache.store.bytes / apartCount
  return { held, counted, report: reported(true), foreign: reported(false) }
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

/** CPU microseconds per read over a bare socket: of GET alone, and of what a miss sends. */
const floor = Effect.scoped(Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const [node] = yield* cluster.primaries
  const reads = yield* BareReads.make(node.host, node.port)
  const own: Array<string> = []
  for (const key of keys) if ((yield* cluster.owner(HashSlot.ofKey(key))).id === node.id) own.push(key)
  const results: readonly [Array<number>, Array<number>] = [[], []]
  const count = millis * 200
  for (let round = 0; round <= rounds; round++) {
    for (const isMiss of [0, 1] as const) {
      const before = process.cpuUsage()
      yield* Effect.promise(() => reads.run(own, count, Math.ceil(callers / 3), isMiss === 1))
      if (round > 0) results[isMiss].push(cpu(before) / count)
    }
  }
  const [get, miss] = results.map(median)
  yield* Console.log(`bare socket: GET ${get.toFixed(2)} us, what a miss sends ${miss.toFixed(2)} us`)
}))

const program = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const build = (cache: { readonly maxBytes: number } | undefined) =>
    Effect.map(
      Layer.build(ClusterClient.layer({ nodes: cluster.seeds, cache })),
      (context) => Context.get(context, ClusterClient)
    )
  const cached = yield* build({ maxBytes })
  // Its cache is full of what is read once, which the others are not to suffer from.
  const filling = yield* build({ maxBytes })
  const plain = yield* build(undefined)
  for (const key of keys) yield* plain.set(key, "x".repeat(16))
  const prepared = keys.map((key) => cached.get(key).pipe(Command.cached("1 hour")))
  const modes: ReadonlyArray<
    readonly [label: string, count: number, call: (i: number) => Effect.Effect<unknown, unknown>]
  > = [
    ["hit, a command of its own", 1, (i) => cached.get(keys[i % keys.length]).pipe(Command.cached("1 hour"))],
    ["hit, the command is there", 1, (i) => prepared[i % keys.length]],
    ["an effect that succeeds", 1, () => Effect.suspend(() => Effect.succeed("x"))],
    [
      "miss of a key that was read before",
      callers,
      (i) => cached.get(keys[i % keys.length]).pipe(Command.cached("1 nanos"))
    ],
    ["miss of a key that nobody has read", callers, () => filling.get(`cold:${++cold}`).pipe(Command.cached("1 hour"))],
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
  const { counted, foreign, held, report } = yield* apart
  yield* Console.log(
    `a report of a changed key, with its decoding: ${report.toFixed(2)} us where its reply is held, ` +
      `${foreign.toFixed(2)} us where none is: ` +
      `100,000 a second take ${(report * 10).toFixed(0)} % and ${(foreign * 10).toFixed(0)} % of a core`
  )
  yield* Console.log(`a reply of 12 bytes: ${held.toFixed(0)} bytes of heap, counted as ${counted.toFixed(0)}`)
})

program.pipe(
  Effect.andThen(floor),
  Effect.andThen(beside),
  Effect.scoped,
  Effect.provide(RedisCluster.layer()),
  NodeRuntime.runMain
)
