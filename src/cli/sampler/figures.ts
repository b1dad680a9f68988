/** Rates from two samples of a node. */
import type { CommandCount, NodeSample } from "./NodeSample.ts"

/** The work of a node per second. */
export interface Rates {
  /** Commands per second, without those of the sampler itself. */
  readonly commands: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly evictions: number
  /** The share of one processor, from 0; more than 1 with threads. */
  readonly cpu: number
  /** Look-ups that found their key. */
  readonly hits: number
  readonly misses: number
}

/** The use of one command. */
export interface CommandRate {
  readonly name: string
  readonly calls: number
  /** The processor time of a call on the server, in microseconds. */
  readonly usec: number
}

/** Whether the counters of the second sample went on from those of the first: the process is the same one. */
const goesOn = (before: NodeSample, after: NodeSample): boolean =>
  before.run === after.run && after.at > before.at && after.commands >= before.commands

/** The share of a part, from 0 to 1; `undefined` of nothing. */
export const shareOf = (part: number, rest: number): number | undefined =>
  part + rest > 0 ? part / (part + rest) : undefined

/** The rates between two samples; `undefined` when the server has started again, or its counters were set to nothing. */
export const ratesOf = (before: NodeSample, after: NodeSample): Rates | undefined => {
  if (!goesOn(before, after)) return undefined
  const seconds = (after.at - before.at) / 1000
  const perSecond = (figure: "bytesIn" | "bytesOut" | "evictions" | "cpuSeconds" | "hits" | "misses"): number =>
    Math.max(0, after[figure] - before[figure]) / seconds
  return {
    commands: Math.max(0, after.commands - before.commands - (after.own - before.own)) / seconds,
    bytesIn: perSecond("bytesIn"),
    bytesOut: perSecond("bytesOut"),
    evictions: perSecond("evictions"),
    cpu: perSecond("cpuSeconds"),
    hits: perSecond("hits"),
    misses: perSecond("misses")
  }
}

/** The share of look-ups since the start of the server that found their key. */
export const hitRateSinceStart = ({ hits, misses }: NodeSample): number | undefined => shareOf(hits, misses)

/** The commands that the sampler itself sends, and those between primaries and replicas. */
const background: ReadonlySet<string> = new Set([
  "ping",
  "info",
  "slowlog|get",
  "cluster|nodes",
  "cluster|slots",
  "cluster|shards",
  "cluster|countkeysinslot",
  "cluster|slot-stats",
  "replconf",
  "psync"
])

/** Whether the words of a command are none of the sampler's own. */
export const isForeign = ([name = "", subcommand = ""]: ReadonlyArray<string>): boolean =>
  !background.has(name.toLowerCase()) && !background.has(`${name}|${subcommand}`.toLowerCase())

/** The commands of several nodes that are called most, the most used first. The sampler's own commands are left out. */
export const commandRates = (
  pairs: ReadonlyArray<readonly [before: NodeSample, after: NodeSample]>,
  limit: number
): ReadonlyArray<CommandRate> => {
  const sums = new Map<string, { calls: number; usec: number; rate: number }>()
  for (const [before, after] of pairs) {
    if (!goesOn(before, after)) continue
    const seconds = (after.at - before.at) / 1000
    for (const [name, { calls, usec }] of after.byCommand) {
      if (background.has(name)) continue
      const then: CommandCount = before.byCommand.get(name) ?? { calls: 0, usec: 0 }
      const more = calls - then.calls
      if (more <= 0) continue
      const sum = sums.get(name) ?? { calls: 0, usec: 0, rate: 0 }
      sum.calls += more
      sum.usec += Math.max(0, usec - then.usec)
      sum.rate += more / seconds
      sums.set(name, sum)
    }
  }
  return Array.from(sums, ([name, { calls, rate, usec }]) => ({
    name: name.replace("|", " ").toUpperCase(),
    calls: rate,
    usec: usec / calls
  })).toSorted((a, b) => b.calls - a.calls || a.name.localeCompare(b.name)).slice(0, limit)
}

/** The bytes by which a replica is behind its primary, as far as two samples at nearly one time tell it. */
export const lagOf = (primary: NodeSample | undefined, replica: NodeSample): number | undefined =>
  primary === undefined || replica.role !== "slave" ? undefined : Math.max(0, primary.offset - replica.offset)
