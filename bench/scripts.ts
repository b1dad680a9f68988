/**
 * Script calls per second and client CPU per call, beside a script that ioredis' `defineCommand` defined, on one cluster
 * of 3 primaries: `node bench/scripts.ts`. Needs `npm ci` in bench/ (`node bench/main.ts` does that at its first use).
 * `--smoke`: our own client alone, and so short that the figures say nothing.
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import { ClusterClient, Script } from "../src/index.ts"
import type { ClusterNode } from "./BenchClient.ts"
import { startCluster } from "./cluster.ts"

const lua = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
const keys = Array.from({ length: 1000 }, (_, index) => `script:${index}`)
const smoke = process.argv.includes("--smoke")
const rounds = smoke ? 1 : 5
const roundMillis = smoke ? 50 : 1000

/** Runs callers side by side until the time is over; resolves with the number of calls. */
interface Contestant {
  readonly name: string
  readonly run: (callers: number, until: number) => Promise<number>
  readonly close: () => Promise<void>
}

const own = async (nodes: ReadonlyArray<ClusterNode>): Promise<Contestant> => {
  const count = Script.make({ lua, keys: ["counter"], args: { by: Schema.Int }, result: Schema.Int })
  const runtime = ManagedRuntime.make(
    ClusterClient.layer({ nodes: nodes.map(({ host, port }) => `redis://${host}:${port}`) })
  )
  const redis = await runtime.runPromise(Effect.service(ClusterClient))
  return {
    name: "effect-redis-cluster, Script.make",
    run: async (callers, until) => {
      let calls = 0
      const caller = Effect.whileLoop({
        while: () => performance.now() < until,
        body: () => redis.execute(count({ keys: { counter: keys[calls % keys.length] }, args: { by: 1 } })),
        step: () => {
          calls++
        }
      })
      await Effect.runPromise(
        Effect.forEach(Array.from({ length: callers }), () => caller, { concurrency: "unbounded", discard: true })
      )
      return calls
    },
    close: () => runtime.dispose()
  }
}

const ioredis = async (nodes: ReadonlyArray<ClusterNode>): Promise<Contestant> => {
  const { Cluster } = await import("ioredis")
  const cluster = new Cluster(nodes.map(({ host, port }) => ({ host, port })), { lazyConnect: true })
  await cluster.connect()
  cluster.defineCommand("count", { numberOfKeys: 1, lua })
  // The type does not have the method that defineCommand adds.
  const count = (cluster as unknown as { readonly count: (key: string, by: number) => Promise<number> }).count
    .bind(cluster)
  return {
    name: "ioredis, defineCommand",
    run: async (callers, until) => {
      let calls = 0
      const caller = async () => {
        while (performance.now() < until) {
          await count(keys[calls % keys.length], 1)
          calls++
        }
      }
      await Promise.all(Array.from({ length: callers }, caller))
      return calls
    },
    close: async () => cluster.disconnect()
  }
}

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

let killNow = () => {}
process.on("exit", () => killNow())
const cluster = await startCluster(3, (kill) => {
  killNow = kill
})
const contestants = [await own(cluster.nodes), ...(smoke ? [] : [await ioredis(cluster.nodes)])]
console.log("| callers | client | calls/s | client CPU per call |\n| --- | --- | --- | --- |")
for (const callers of [1, 100, 1000]) {
  const measures = contestants.map(() => ({ rates: new Array<number>(), costs: new Array<number>() }))
  for (const { run } of contestants) await run(callers, performance.now() + roundMillis)
  for (let round = 0; round < rounds; round++) {
    for (const [position, { run }] of contestants.entries()) {
      const [start, cpu] = [performance.now(), process.cpuUsage()]
      const calls = await run(callers, start + roundMillis)
      const { system, user } = process.cpuUsage(cpu)
      measures[position].rates.push(calls / (performance.now() - start) * 1000)
      measures[position].costs.push((user + system) / calls)
    }
  }
  for (const [position, { name }] of contestants.entries()) {
    const { costs, rates } = measures[position]
    console.log(`| ${callers} | ${name} | ${Math.round(median(rates))} | ${median(costs).toFixed(1)} us |`)
  }
}
for (const { close } of contestants) await close()
await cluster.stop()
