/**
 * Pipelines, transactions and blocking consumers, beside other clients and the bare socket loop: `node bench/pipelines.ts`.
 * Each client runs in a process of its own, in turns; CPU is that of the process, all threads.
 */
import { parseArgs } from "node:util"
import { ClientProcess, median } from "./ClientProcess.ts"
import type { BenchCluster } from "./cluster.ts"
import { startCluster } from "./cluster.ts"
import type { Figures, Job, Request } from "./pipelineWorker.ts"

const usage = `Usage: node bench/pipelines.ts [--quick] [--clients "a,b"] [--jobs "a,b"]`

const clients = ["effect-redis-cluster", "floor", "ioredis", "node-redis", "valkey-glide"]

const jobs: ReadonlyArray<Job> = [
  { name: "pipeline of 100 over all slots, 1 caller", kind: "pipeline", size: 100, callers: 1 },
  { name: "pipeline of 100 over all slots, 10 callers", kind: "pipeline", size: 100, callers: 10 },
  { name: "pipeline of 10 000 over all slots, 1 caller", kind: "pipeline", size: 10_000, callers: 1 },
  { name: "transactions of 3, 100 callers", kind: "transaction", size: 3, callers: 100 },
  { name: "1 000 blocking consumers", kind: "blocking", size: 1, callers: 1000 }
]

const cleanUps = new Set<() => void>()
process.on("exit", () => {
  for (const cleanUp of cleanUps) cleanUp()
})
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130))

const run = async (cluster: BenchCluster, names: ReadonlyArray<string>, chosen: ReadonlyArray<Job>, quick: boolean) => {
  const workers = names.map((name) =>
    new ClientProcess<Request, Figures>("./pipelineWorker.ts", name, (killNow) => cleanUps.add(killNow))
  )
  for (const worker of workers) await worker.ask({ connect: cluster.nodes })
  const lines: Array<string> = []
  for (const job of chosen) {
    console.error(job.name)
    await cluster.fill(16)
    const rounds = workers.map((): Array<Figures> => [])
    for (const worker of workers) await worker.ask({ job, millis: quick ? 300 : 800 })
    for (let round = 0; round < (quick ? 3 : 5); round++) {
      for (const [i, worker] of workers.entries()) {
        const figures = await worker.ask({ job, millis: quick ? 300 : 1000 })
        if (figures !== undefined) rounds[i].push(figures)
      }
    }
    lines.push(`### ${job.name}`, "", "| client | per second | CPU us each |", "| --- | ---: | ---: |")
    for (const [i, { client }] of workers.entries()) {
      if (rounds[i].length === 0) continue
      const perSecond = median(rounds[i].map((one) => one.perSecond))
      const cpu = median(rounds[i].map((one) => one.cpuMicros))
      lines.push(`| ${client} | ${Math.round(perSecond).toLocaleString("en-US")} | ${cpu.toFixed(2)} |`)
    }
    lines.push("")
  }
  for (const worker of workers) worker.close()
  return lines.join("\n")
}

const main = async () => {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      clients: { type: "string" },
      jobs: { type: "string" },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return console.log(usage)
  const cluster = await startCluster(3, (killNow) => cleanUps.add(killNow))
  const chosen = jobs.filter((job) => values.jobs === undefined || values.jobs.split(",").includes(job.kind))
  console.log(await run(cluster, values.clients?.split(",") ?? clients, chosen, values.quick))
  await cluster.stop()
}

main().then(() => process.exit(0), (error: unknown) => {
  console.error(error)
  process.exit(1)
})
