import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { ClusterNode } from "./BenchClient.ts"
import type { ClientEntry } from "./clients.ts"
import { clients } from "./clients.ts"
import type { BenchCluster } from "./cluster.ts"
import { startCluster } from "./cluster.ts"
import type { Results, WorkloadResult } from "./report.ts"
import { markdown, medians } from "./report.ts"
import type { Measure } from "./worker.ts"
import { WorkerProcess } from "./WorkerProcess.ts"
import type { Plan, Workload } from "./workloads.ts"
import { describe, firstWarmUp, fullPlan, quickPlan, smokePlan } from "./workloads.ts"

const usage = `Usage: node bench/main.ts [--quick | --smoke] [--json] [--clients "a,b"]

Compares Redis Cluster clients on one real cluster of 3 primaries, started for the purpose.
  --quick    fewer workloads and shorter rounds: less than a minute
  --smoke    so short that the figures say nothing: it shows that the code runs
  --json     the results as JSON instead of Markdown
  --clients  only these of: ${clients.map((client) => client.name).join(", ")}`

const cleanUps = new Set<() => void>()
const onStarted = (killNow: () => void) => {
  cleanUps.add(killNow)
}
process.on("exit", () => {
  for (const cleanUp of cleanUps) cleanUp()
})
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130))

const progress = (line: string) => console.error(line)

/** The peers are installed apart from the project, which must never depend on them. npm writes that file last. */
const installPeers = () => {
  const directory = fileURLToPath(new URL(".", import.meta.url))
  if (existsSync(`${directory}node_modules/.package-lock.json`)) return
  progress("First use: installing the clients to compare with (npm ci in bench/)")
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: directory, stdio: ["ignore", 2, 2] })
  if (status !== 0) throw new Error("npm ci in bench/ failed")
}

const connect = async (name: string, nodes: ReadonlyArray<ClusterNode>): Promise<WorkerProcess> => {
  const worker = await WorkerProcess.start(name, onStarted)
  await worker.ask({ kind: "connect", nodes }, "done")
  return worker
}

/** Only one client works at a time, in turns, so that what else the machine does falls on all of them alike. */
const runWorkloads = async (
  cluster: BenchCluster,
  entries: ReadonlyArray<ClientEntry>,
  plan: Plan
): Promise<ReadonlyArray<WorkloadResult>> => {
  const workers = await Promise.all(entries.map((entry) => connect(entry.name, cluster.nodes)))
  const warmUp = async (workload: Workload, millis: number) => {
    await cluster.fill(workload.valueSize)
    for (const worker of workers) await worker.ask({ kind: "run", workload, millis }, "measured")
  }
  progress("warm-up")
  await warmUp(firstWarmUp, plan.firstWarmUpMillis)
  const results = new Array<WorkloadResult>()
  for (const workload of plan.workloads) {
    progress(describe(workload))
    await warmUp(workload, plan.warmUpMillis)
    const rounds = workers.map(() => new Array<Measure>())
    for (let round = 0; round < plan.rounds; round++) {
      for (const [position, worker] of workers.entries()) {
        const { measure } = await worker.ask({ kind: "run", workload, millis: plan.roundMillis }, "measured")
        rounds[position].push(measure)
      }
    }
    results.push({
      workload,
      measures: workers.map(({ name }, position) => ({ client: name, measure: medians(rounds[position]) }))
    })
  }
  for (const worker of workers) await worker.close()
  return results
}

/** A fresh process per client, because memory that earlier work left behind would hide what the commands take. */
const runInFlight = async (
  cluster: BenchCluster,
  entries: ReadonlyArray<ClientEntry>,
  commands: number
): Promise<Results["inFlight"]> => {
  progress(`${commands} commands in flight`)
  await cluster.fill(16)
  const results: Array<Results["inFlight"]["clients"][number]> = []
  for (const entry of entries) {
    const worker = await connect(entry.name, cluster.nodes)
    const { memory } = await worker.ask({ kind: "inFlight", commands }, "inFlight")
    results.push({ client: entry.name, memory })
    await worker.close()
  }
  return { commands, clients: results }
}

const choose = (names: string | undefined): ReadonlyArray<ClientEntry> => {
  if (names === undefined) return clients
  return names.split(",").map((name) => {
    const entry = clients.find((client) => client.name === name.trim())
    if (entry === undefined) throw new Error(`no client is called "${name.trim()}"\n\n${usage}`)
    return entry
  })
}

const main = async () => {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      smoke: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      clients: { type: "string" },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return console.log(usage)
  const entries = choose(values.clients)
  if (entries.some(({ role }) => role === "peer")) installPeers()
  const plan = values.smoke ? smokePlan : values.quick ? quickPlan : fullPlan
  const startedAt = performance.now()
  const cluster = await startCluster(3, onStarted)
  const workloads = await runWorkloads(cluster, entries, plan)
  const inFlight = await runInFlight(cluster, entries, plan.inFlight)
  await cluster.stop()
  const results: Results = {
    environment: {
      Node: process.version,
      CPU: `${cpus().length} x ${cpus()[0].model.trim()}`,
      cluster: "3 primaries on loopback",
      rounds: `${plan.rounds} of ${plan.roundMillis} ms, medians`,
      seconds: ((performance.now() - startedAt) / 1000).toFixed(0)
    },
    workloads,
    inFlight
  }
  console.log(values.json ? JSON.stringify(results, null, 2) : markdown(results, entries))
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
)
