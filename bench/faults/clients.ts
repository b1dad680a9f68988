import calculateSlot from "cluster-key-slot"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Result from "effect/Result"
import { ClusterClient, RedisClusterException, Strings } from "../../src/index.ts"
import type { FaultClientEntry } from "./FaultClient.ts"

const host = "127.0.0.1"

const ours: FaultClientEntry = {
  name: "effect-redis-cluster",
  deadline: 5000,
  open: async (ports) => {
    const runtime = ManagedRuntime.make(ClusterClient.layer({ nodes: ports.map((port) => ({ host, port })) }))
    const redis = await runtime.runPromise(Effect.service(ClusterClient))
    const sets = (keys: ReadonlyArray<string>, value: string) => keys.map((key) => Strings.set(key, value))
    return {
      get: (key) => Effect.runPromise(redis.get(key)),
      incr: (key) => Effect.runPromise(redis.incr(key)),
      set: (key, value) => Effect.runPromise(redis.set(key, value)),
      mget: (keys) => Effect.runPromise(redis.mget(keys)),
      mset: (keys, value) => Effect.runPromise(redis.mset(keys.map((key) => [key, value] as const))),
      pipeline: async (keys, value) => {
        const results = await Effect.runPromise(redis.pipelineResults(sets(keys, value)))
        return results.map((result) => Result.isFailure(result) ? result.failure : undefined)
      },
      transaction: (keys, value) => Effect.runPromise(redis.transaction(sets(keys, value))),
      outcomeOf: (error) => error instanceof RedisClusterException ? error.reason.outcome : "not said",
      close: () => runtime.dispose()
    }
  }
}

const ioredis = (name: string, enableAutoPipelining: boolean): FaultClientEntry => ({
  name,
  open: async (ports) => {
    const { Cluster } = await import("ioredis")
    const cluster = new Cluster(ports.map((port) => ({ host, port })), { enableAutoPipelining, lazyConnect: true })
    cluster.on("error", () => {})
    await cluster.connect()
    return {
      get: (key) => cluster.get(key),
      incr: (key) => cluster.incr(key),
      set: (key, value) => cluster.set(key, value),
      mget: (keys) => cluster.mget(keys),
      mset: (keys, value) => cluster.mset(keys.flatMap((key) => [key, value])),
      pipeline: async (keys, value) => {
        const pipeline = cluster.pipeline()
        for (const key of keys) pipeline.set(key, value)
        return (await pipeline.exec() ?? []).map(([error]) => error ?? undefined)
      },
      transaction: async (keys, value) => {
        const transaction = cluster.multi()
        for (const key of keys) transaction.set(key, value)
        const failed = (await transaction.exec() ?? []).find(([error]) => error !== null)
        if (failed !== undefined) throw failed[0]
      },
      close: async () => cluster.disconnect()
    }
  }
})

const nodeRedis: FaultClientEntry = {
  name: "node-redis",
  deadline: 5000,
  open: async (ports) => {
    const { createCluster } = await import("redis")
    const cluster = createCluster({ rootNodes: ports.map((port) => ({ socket: { host, port } })) })
    cluster.on("error", () => {})
    cluster.on("node-error", () => {})
    await cluster.connect()
    return {
      get: (key) => cluster.get(key),
      incr: (key) => cluster.incr(key),
      set: (key, value) => cluster.set(key, value),
      mget: (keys) => cluster.mGet(keys),
      mset: (keys, value) => cluster.mSet(keys.map((key) => [key, value] as [string, string])),
      pipeline: async (keys, value) => {
        const pipeline = cluster.multi()
        for (const key of keys) pipeline.set(key, value)
        const replies: ReadonlyArray<unknown> = await pipeline.execAsPipeline()
        return replies.map((reply) => reply instanceof Error ? reply : undefined)
      },
      transaction: (keys, value) => {
        const transaction = cluster.multi()
        for (const key of keys) transaction.set(key, value)
        return transaction.exec()
      },
      close: async () => cluster.destroy()
    }
  }
}

const glide: FaultClientEntry = {
  name: "valkey-glide",
  deadline: 250,
  open: async (ports) => {
    const { ClusterBatch, GlideClusterClient } = await import("@valkey/valkey-glide")
    const cluster = await GlideClusterClient.createClient({ addresses: ports.map((port) => ({ host, port })) })
    const batch = (isAtomic: boolean, keys: ReadonlyArray<string>, value: string) => {
      const all = new ClusterBatch(isAtomic)
      for (const key of keys) all.set(key, value)
      return all
    }
    return {
      get: (key) => cluster.get(key),
      incr: (key) => cluster.incr(key),
      set: (key, value) => cluster.set(key, value),
      mget: (keys) => cluster.mget(keys),
      mset: (keys, value) => cluster.mset(Object.fromEntries(keys.map((key) => [key, value]))),
      pipeline: async (keys, value) => {
        const replies = await cluster.exec(batch(false, keys, value), false) ?? []
        return replies.map((reply) => reply instanceof Error ? reply : undefined)
      },
      transaction: (keys, value) => cluster.exec(batch(true, keys, value), true),
      close: async () => cluster.close()
    }
  }
}

/** The callers who wait for `deadline` milliseconds, in order, with one timer for all of them. */
class Holding {
  private readonly deadline: number
  private readonly ends: Array<readonly [at: number, end: () => void]> = []

  constructor(deadline: number) {
    this.deadline = deadline
  }

  add(end: () => void): void {
    this.ends.push([performance.now() + this.deadline, end])
    if (this.ends.length === 1) this.arm()
  }

  private arm(): void {
    setTimeout(() => {
      const now = performance.now()
      // A turn of the event loop ends few of them, so that a herd does not hold up the others.
      let ended = 0
      while (ended < this.ends.length && ended < 64 && this.ends[ended][0] <= now) ended++
      for (const [, end] of this.ends.splice(0, ended)) end()
      if (this.ends.length > 0) this.arm()
    }, Math.max(0, this.ends[0][0] - performance.now()))
  }
}

/**
 * The least that any client of this kind can do: callers of the dead shard are held until their deadline and nothing is tried for
 * them; all others use this library.
 */
const floor = (name: string, hold: (holding: Holding) => Promise<never>): FaultClientEntry => ({
  name,
  deadline: 5000,
  open: async (ports) => {
    const client = await ours.open(ports)
    const holding = new Holding(5000)
    return { ...client, get: (key) => calculateSlot(key) <= 5460 ? hold(holding) : client.get(key) }
  }
})

const floors: ReadonlyArray<FaultClientEntry> = [
  floor("floor: promises", (holding) => new Promise((_, reject) => holding.add(() => reject(new Error("deadline"))))),
  floor(
    "floor: Effect.callback",
    (holding) =>
      Effect.runPromise(
        Effect.callback<never, Error>((resume) => holding.add(() => resume(Effect.fail(new Error("deadline")))))
      )
  )
]

/** Node's young generation, kept small: each collection copies less, and so holds up the others for a shorter time. */
const smallYoungGeneration = (entry: FaultClientEntry): FaultClientEntry => ({
  ...entry,
  name: `${entry.name}, young generation of 4 MB`,
  execArgv: ["--max-semi-space-size=4"]
})

export const clients: ReadonlyArray<FaultClientEntry> = [
  ours,
  smallYoungGeneration(ours),
  ...floors,
  ...floors,
  ioredis("ioredis", false),
  ioredis("ioredis autopipelining", true),
  nodeRedis,
  glide
]
