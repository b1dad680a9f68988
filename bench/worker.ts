import type { BenchClient, ClusterNode } from "./BenchClient.ts"
import { clients } from "./clients.ts"
import { Load, makeCaller, makeMgetCaller } from "./load.ts"
import type { Workload } from "./workloads.ts"
import { keys } from "./workloads.ts"

/**
 * The requests of the parent to a client's process; each request is answered by one `Response` before the next comes.
 */
export type Request =
  | { readonly kind: "connect"; readonly nodes: ReadonlyArray<ClusterNode> }
  | { readonly kind: "run"; readonly workload: Workload; readonly millis: number }
  | { readonly kind: "inFlight"; readonly commands: number }
  | { readonly kind: "close" }
export type Response =
  | { readonly kind: "done" }
  | { readonly kind: "measured"; readonly measure: Measure }
  | { readonly kind: "inFlight"; readonly memory: InFlightMemory }
  | { readonly kind: "failed"; readonly message: string }

export interface Measure {
  readonly commandsPerSecond: number
  /** User and system time of every thread of the process. */
  readonly cpuMicrosPerCommand: number
  readonly p50Millis: number
  readonly p99Millis: number
  readonly rssBytes: number
}

export interface InFlightMemory {
  /** JavaScript heap and buffers, garbage collected, while all commands were in flight, above what was there before. */
  readonly heapBytesPerCommand: number
  /** The highest resident set since before the first command, above what was there before. */
  readonly peakRssBytesPerCommand: number
  /** JavaScript heap and buffers, garbage collected, after the last reply, above what was there before. */
  readonly heapBytesKept: number
  readonly rssBytesKept: number
  readonly millis: number
}

const quantile = (sorted: ReadonlyArray<number>, fraction: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))]

const run = async (client: BenchClient, workload: Workload, millis: number): Promise<Measure> => {
  const load = new Load(workload.valueSize, millis)
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  if (workload.kind === "mget") {
    await client.runMget(Array.from({ length: workload.callers }, () => makeMgetCaller(load, workload.keys)))
  } else {
    await client.run(Array.from({ length: workload.callers }, () => makeCaller(load)))
  }
  const elapsedMillis = performance.now() - startedAt
  const cpu = process.cpuUsage(cpuBefore)
  const sorted = load.latencies.toSorted((a, b) => a - b)
  return {
    commandsPerSecond: load.completed / elapsedMillis * 1000,
    cpuMicrosPerCommand: (cpu.user + cpu.system) / load.completed,
    p50Millis: quantile(sorted, 0.5),
    p99Millis: quantile(sorted, 0.99),
    rssBytes: process.memoryUsage.rss()
  }
}

const collectedHeap = () => {
  if (globalThis.gc === undefined) throw new Error("run with --expose-gc")
  globalThis.gc()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

const runInFlight = async (client: BenchClient, commands: number): Promise<InFlightMemory> => {
  const inFlightKeys = Array.from({ length: commands }, (_, index) => keys[index % keys.length])
  await client.issue(inFlightKeys.slice(0, 1000))
  const heapBefore = collectedHeap()
  const rssBefore = process.memoryUsage.rss()
  const startedAt = performance.now()
  const replies = client.issue(inFlightKeys)
  const heapInFlight = collectedHeap()
  await replies
  const millis = performance.now() - startedAt
  const peakRss = process.resourceUsage().maxRSS * 1024
  await new Promise((resolve) => setTimeout(resolve, 100))
  return {
    heapBytesPerCommand: (heapInFlight - heapBefore) / commands,
    peakRssBytesPerCommand: (peakRss - rssBefore) / commands,
    heapBytesKept: collectedHeap() - heapBefore,
    rssBytesKept: process.memoryUsage.rss() - rssBefore,
    millis
  }
}

const answer = async (client: BenchClient, request: Request): Promise<Response> => {
  switch (request.kind) {
    case "connect":
      await client.connect(request.nodes)
      return { kind: "done" }
    case "run":
      return { kind: "measured", measure: await run(client, request.workload, request.millis) }
    case "inFlight":
      return { kind: "inFlight", memory: await runInFlight(client, request.commands) }
    case "close":
      await client.close()
      return { kind: "done" }
  }
}

const main = async () => {
  const name = process.argv[2]
  const entry = clients.find((candidate) => candidate.name === name)
  if (entry === undefined) throw new Error(`no client is called ${name}`)
  const { client } = await entry.load()
  process.on("message", (request: Request) => {
    answer(client, request).then(
      (response) => process.send?.(response),
      (error: unknown) => process.send?.({ kind: "failed", message: String(error) } satisfies Response)
    )
  })
  // The parent may be killed: nobody would end this process then.
  process.on("disconnect", () => process.exit(0))
  process.send?.({ kind: "done" } satisfies Response)
}

await main()
