/**
 * Replies and arguments of many shapes, beside other clients: `node bench/shapes.ts`. Each client runs in a process of its own, in
 * turns; CPU is that of the process, all threads.
 */
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { ClusterClient, Hashes, Lists, Sets, SortedSets, Streams, Strings } from "../src/index.ts"
import { ClientProcess, median } from "./ClientProcess.ts"
import { type BenchCluster, startCluster } from "./cluster.ts"
import { namesOf, type Shape, shapes } from "./shapes/Shape.ts"
import type { Figures, Request } from "./shapes/worker.ts"

const usage = `Usage: node bench/shapes.ts [--quick | --smoke] [--clients "a,b"] [--shapes "SMEMBERS,1 MiB"]`

const ours = "effect-redis-cluster"
const peers = ["node-redis", "ioredis", "ioredis autopipelining"]

interface Plan {
  readonly rounds: number
  readonly millis: number
  readonly warmUp: number
}

const plans: Readonly<Record<"full" | "quick" | "smoke", Plan>> = {
  full: { rounds: 7, millis: 700, warmUp: 500 },
  quick: { rounds: 3, millis: 200, warmUp: 200 },
  smoke: { rounds: 1, millis: 10, warmUp: 10 }
}

const cleanUps = new Set<() => void>()
const onStarted = (killNow: () => void) => {
  cleanUps.add(killNow)
}
process.on("exit", () => {
  for (const cleanUp of cleanUps) cleanUp()
})
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130))

/** The commands that write what a shape reads. */
const filling = (shape: Shape) => {
  const { key, value } = shape
  const names = namesOf(shape)
  switch (shape.kind) {
    case "getText":
    case "getBytes":
    case "setText":
    case "setBytes":
    case "incr":
      return [Strings.set(key, value)]
    case "mget":
      return names.map((name) => Strings.set(name, value))
    case "lrange":
      return [Lists.rpush(key, names)]
    case "smembers":
      return [Sets.sadd(key, names)]
    case "hgetall":
      return [Hashes.hset(key, Object.fromEntries(names.map((name) => [name, value])))]
    case "zrange":
      return [SortedSets.zadd(key, Object.fromEntries(names.map((name, score) => [name, score])))]
    case "xrange":
      return names.map((name, index) => Streams.xadd(key, `${index + 1}-0`, { name, value }))
    case "hset":
    case "zadd":
      return []
  }
}

const fill = ({ nodes }: BenchCluster, chosen: ReadonlyArray<Shape>) =>
  Effect.gen(function*() {
    const redis = yield* ClusterClient
    const once = new Map(chosen.map((shape) => [shape.key, shape]))
    for (const shape of once.values()) yield* redis.pipeline(filling(shape))
  }).pipe(Effect.provide(ClusterClient.layer({ nodes: nodes.map(({ host, port }) => `redis://${host}:${port}`) })))

const table = (names: ReadonlyArray<string>, rows: ReadonlyMap<Shape, ReadonlyArray<Figures>>): string => {
  const others = names.slice(1)
  const lines = [
    `| shape | ${
      names.map((name) => `${name} CPU us`).join(" | ")
    } | CPU to best peer | calls/s to best peer | RSS MiB |`,
    `| --- | ${names.map(() => "---:").join(" | ")} | ---: | ---: | ${"---:"} |`
  ]
  for (const [shape, figures] of rows) {
    const [own, ...theirs] = figures
    const best = Math.min(...theirs.map(({ cpuMicros }) => cpuMicros))
    const fastest = Math.max(...theirs.map(({ perSecond }) => perSecond))
    const ratio = (value: number) => others.length === 0 ? "-" : `${value.toFixed(2)}x`
    lines.push(
      `| ${shape.name} | ${figures.map(({ cpuMicros }) => cpuMicros.toFixed(cpuMicros < 100 ? 2 : 0)).join(" | ")} | ${
        ratio(own.cpuMicros / best)
      } | ${ratio(own.perSecond / fastest)} | ${figures.map(({ rss }) => (rss / 1048576).toFixed(0)).join(" / ")} |`
    )
  }
  return lines.join("\n")
}

const main = async () => {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      smoke: { type: "boolean", default: false },
      clients: { type: "string" },
      shapes: { type: "string" },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return console.log(usage)
  const names = values.clients?.split(",") ?? [ours, ...peers]
  const wanted = values.shapes?.split(",")
  const chosen = shapes.filter(({ name }) => wanted === undefined || wanted.some((one) => name.includes(one)))
  const plan = plans[values.smoke ? "smoke" : values.quick ? "quick" : "full"]
  const cluster = await startCluster(3, onStarted)
  await Effect.runPromise(fill(cluster, chosen))
  const workers = names.map((name) => new ClientProcess<Request, Figures>("./shapes/worker.ts", name, onStarted))
  for (const worker of workers) await worker.ask({ connect: cluster.nodes })
  const rows = new Map<Shape, ReadonlyArray<Figures>>()
  for (const shape of chosen) {
    console.error(shape.name)
    for (const worker of workers) await worker.ask({ shape, millis: plan.warmUp })
    const rounds = workers.map((): Array<Figures> => [])
    for (let round = 0; round < plan.rounds; round++) {
      for (const [i, worker] of workers.entries()) {
        const figures = await worker.ask({ shape, millis: plan.millis })
        if (figures !== undefined) rounds[i].push(figures)
      }
    }
    rows.set(
      shape,
      rounds.map((all) => ({
        perSecond: median(all.map((one) => one.perSecond)),
        cpuMicros: median(all.map((one) => one.cpuMicros)),
        rss: median(all.map((one) => one.rss))
      }))
    )
  }
  for (const worker of workers) worker.close()
  console.log(table(names, rows))
  await cluster.stop()
}

main().then(() => process.exit(0), (error: unknown) => {
  console.error(error)
  process.exit(1)
})
