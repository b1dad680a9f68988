import type { ClientEntry } from "./clients.ts"
import type { InFlightMemory, Measure } from "./worker.ts"
import type { Workload } from "./workloads.ts"
import { describe } from "./workloads.ts"

export interface WorkloadResult {
  readonly workload: Workload
  /** One measure per client, the medians over all rounds. */
  readonly measures: ReadonlyArray<{ readonly client: string; readonly measure: Measure }>
}

export interface Results {
  readonly environment: Record<string, string>
  readonly workloads: ReadonlyArray<WorkloadResult>
  readonly inFlight: {
    readonly commands: number
    readonly clients: ReadonlyArray<{ readonly client: string; readonly memory: InFlightMemory }>
  }
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export const medians = (rounds: ReadonlyArray<Measure>): Measure => ({
  commandsPerSecond: median(rounds.map((round) => round.commandsPerSecond)),
  cpuMicrosPerCommand: median(rounds.map((round) => round.cpuMicrosPerCommand)),
  p50Millis: median(rounds.map((round) => round.p50Millis)),
  p99Millis: median(rounds.map((round) => round.p99Millis)),
  rssBytes: median(rounds.map((round) => round.rssBytes))
})

export const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = header.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column].length)))
  const line = (cells: ReadonlyArray<string>) =>
    `| ${
      cells.map((cell, column) => column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join(
        " | "
      )
    } |`
  const rule = widths.map((width, column) => column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)
  return [line(header), line(rule), ...rows.map(line)].join("\n")
}

const thousands = (value: number) => Math.round(value).toLocaleString("en-US")
const ratio = (value: number) => Number.isFinite(value) && value > 0 ? `${value.toFixed(2)}x` : "-"
const mebibytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1)

/** The best figures of the peers; each may come from another peer. */
const bestOfPeers = ({ measures }: WorkloadResult, entries: ReadonlyArray<ClientEntry>) => {
  const peers = measures.filter(({ client }) => entries.some((entry) => entry.name === client && entry.role === "peer"))
  return {
    commandsPerSecond: Math.max(...peers.map(({ measure }) => measure.commandsPerSecond)),
    cpuMicrosPerCommand: Math.min(...peers.map(({ measure }) => measure.cpuMicrosPerCommand))
  }
}

const workloadTable = (result: WorkloadResult, entries: ReadonlyArray<ClientEntry>): string => {
  const { measures, workload } = result
  const best = bestOfPeers(result, entries)
  const rows = measures.map(({ client, measure }) => [
    client,
    thousands(measure.commandsPerSecond),
    ratio(measure.commandsPerSecond / best.commandsPerSecond),
    measure.cpuMicrosPerCommand.toFixed(2),
    ratio(measure.cpuMicrosPerCommand / best.cpuMicrosPerCommand),
    measure.p50Millis.toFixed(3),
    measure.p99Millis.toFixed(3),
    mebibytes(measure.rssBytes)
  ])
  const header = ["client", "commands/s", "to best peer", "CPU us", "to best peer", "p50 ms", "p99 ms", "RSS MiB"]
  return `### ${describe(workload)}\n\n${table(header, rows)}`
}

/** Our client alone against what it is held to; nothing when it was not among the clients measured. */
const summaryTable = (
  results: ReadonlyArray<WorkloadResult>,
  entries: ReadonlyArray<ClientEntry>
): ReadonlyArray<string> => {
  const ours = entries.find((entry) => entry.role === "ours")
  if (ours === undefined) return []
  const rows = results.map((result) => {
    const cpuOf = (name: string) => measureOf(result, name)?.cpuMicrosPerCommand ?? Number.NaN
    const best = bestOfPeers(result, entries)
    const speed = measureOf(result, ours.name)?.commandsPerSecond ?? Number.NaN
    return [
      describe(result.workload),
      ratio(speed / best.commandsPerSecond),
      ratio(cpuOf(ours.name) / best.cpuMicrosPerCommand),
      ratio(cpuOf(ours.name) / cpuOf("node-redis")),
      ratio(cpuOf(ours.name) / cpuOf("floor + Effect.callback"))
    ]
  })
  const header = [
    "workload",
    "commands/s to best peer",
    "CPU to best peer",
    "CPU to node-redis",
    "CPU to floor + Effect"
  ]
  return [`### ${ours.name} in short\n\n${table(header, rows)}`]
}

const measureOf = ({ measures }: WorkloadResult, name: string) =>
  measures.find(({ client }) => client === name)?.measure

const inFlightTable = ({ clients, commands }: Results["inFlight"]): string => {
  const rows = clients.map(({ client, memory }) => [
    client,
    thousands(memory.heapBytesPerCommand),
    thousands(memory.peakRssBytesPerCommand),
    mebibytes(memory.heapBytesKept),
    mebibytes(memory.rssBytesKept),
    thousands(memory.millis)
  ])
  const header = ["client", "heap B/command", "peak RSS B/command", "heap kept MiB", "RSS kept MiB", "all replied ms"]
  return `### ${thousands(commands)} GETs in flight, 16 B, each client in a fresh process\n\n${table(header, rows)}`
}

/** Ratios: above 1x is better for commands/s, below 1x for CPU. */
export const markdown = (results: Results, entries: ReadonlyArray<ClientEntry>): string =>
  [
    Object.entries(results.environment).map(([name, value]) => `${name}: ${value}`).join("; "),
    ...results.workloads.map((result) => workloadTable(result, entries)),
    inFlightTable(results.inFlight),
    ...summaryTable(results.workloads, entries)
  ].join("\n\n")
