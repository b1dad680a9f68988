/** One observation of the whole cluster: its topology, the figures of its nodes, and what stands out. It is immutable. */
import { type ClusterNode, Snapshot } from "../../index.ts"
import {
  type CommandRate,
  commandRates,
  hitRateSinceStart,
  isForeign,
  lagOf,
  type Rates,
  ratesOf,
  shareOf
} from "./figures.ts"
import type { NodeSample, OpenMove, SlowCommand } from "./NodeSample.ts"
import type { HeatMetric, HotSlot } from "./SlotHeat.ts"

/** The last readings of a node. */
export interface Readings {
  readonly before: NodeSample | undefined
  readonly latest: NodeSample | undefined
  /** Since when the node does not answer, in milliseconds since 1970, and why. */
  readonly silence: { readonly since: number; readonly cause: string } | undefined
}

export const noReadings: Readings = { before: undefined, latest: undefined, silence: undefined }

export interface NodeFigures {
  readonly address: string
  readonly id: string
  readonly role: "primary" | "replica"
  readonly zone: string | undefined
  /** The place of its shard among the shards; `undefined` for a node that serves no slots. */
  readonly shard: number | undefined
  readonly health: "online" | "loading" | "fail" | undefined
  /** `asked` has not answered yet. */
  readonly state: "up" | "silent" | "asked"
  readonly silence: Readings["silence"]
  readonly latency: number | undefined
  readonly rates: Rates | undefined
  /** The share of look-ups that found their key: of the last interval, and since the start of the server. */
  readonly hitRate: number | undefined
  readonly hitRateSinceStart: number | undefined
  readonly memory: number | undefined
  readonly maxMemory: number | undefined
  readonly clients: number | undefined
  readonly blocked: number | undefined
  readonly keys: number | undefined
  readonly server: string | undefined
  readonly uptimeSeconds: number | undefined
  /** The bytes by which a replica is behind its primary. */
  readonly lag: number | undefined
  readonly linkUp: boolean | undefined
}

export interface ShardFigures {
  readonly primary: string
  readonly replicas: ReadonlyArray<string>
  readonly slots: ReadonlyArray<Snapshot.SlotRange>
  readonly count: number
}

export interface Totals {
  /** Commands per second on primaries. Replicas count each write of their primary again, so that their rates are not added. */
  readonly commands: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly memory: number
  readonly keys: number
  readonly clients: number
  readonly hitRate: number | undefined
  /** The greatest latency among the nodes that answer. */
  readonly latency: number | undefined
  readonly nodes: number
  readonly silent: number
}

export interface Observation {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Counts the rounds in which the nodes were asked. */
  readonly round: number
  readonly coveredSlots: number
  readonly shards: ReadonlyArray<ShardFigures>
  readonly nodes: ReadonlyArray<NodeFigures>
  readonly totals: Totals
  readonly moves: ReadonlyArray<OpenMove>
  /** The commands that the primaries execute most. */
  readonly commands: ReadonlyArray<CommandRate>
  readonly slow: ReadonlyArray<SlowCommand>
  readonly heat: HeatMetric | undefined
  readonly hot: ReadonlyArray<HotSlot>
}

const commandsShown = 12
const slowShown = 16

const figuresOf = (
  node: ClusterNode,
  shard: number | undefined,
  { before, latest, silence }: Readings,
  primary: NodeSample | undefined
): NodeFigures => {
  const rates = silence === undefined && before !== undefined && latest !== undefined
    ? ratesOf(before, latest)
    : undefined
  return {
    address: node.address,
    id: node.id,
    role: node.role,
    zone: node.zone ?? latest?.zone,
    shard,
    health: node.health,
    state: silence !== undefined ? "silent" : latest === undefined ? "asked" : "up",
    silence,
    latency: silence === undefined ? latest?.latency : undefined,
    rates,
    hitRate: rates === undefined ? undefined : shareOf(rates.hits, rates.misses),
    hitRateSinceStart: latest === undefined ? undefined : hitRateSinceStart(latest),
    memory: latest?.memory,
    maxMemory: latest?.maxMemory,
    clients: latest?.clients,
    blocked: latest?.blocked,
    keys: latest?.keys,
    server: latest?.server,
    uptimeSeconds: latest?.uptimeSeconds,
    lag: latest === undefined ? undefined : lagOf(primary, latest),
    linkUp: latest?.linkUp
  }
}

const totalsOf = (nodes: ReadonlyArray<NodeFigures>): Totals => {
  const primaries = nodes.filter(({ role, shard }) => role === "primary" && shard !== undefined)
  const sum = (of: ReadonlyArray<NodeFigures>, figure: (node: NodeFigures) => number | undefined): number =>
    of.reduce((total, node) => total + (figure(node) ?? 0), 0)
  const latencies = nodes.flatMap(({ latency }) => latency === undefined ? [] : [latency])
  return {
    commands: sum(primaries, ({ rates }) => rates?.commands),
    bytesIn: sum(nodes, ({ rates }) => rates?.bytesIn),
    bytesOut: sum(nodes, ({ rates }) => rates?.bytesOut),
    memory: sum(nodes, ({ memory }) => memory),
    keys: sum(primaries, ({ keys }) => keys),
    clients: sum(nodes, ({ clients }) => clients),
    hitRate: shareOf(sum(nodes, ({ rates }) => rates?.hits), sum(nodes, ({ rates }) => rates?.misses)),
    latency: latencies.length === 0 ? undefined : Math.max(...latencies),
    nodes: nodes.length,
    silent: nodes.filter(({ state }) => state === "silent").length
  }
}

/** Makes an observation of the topology and the last readings of its nodes, which are found by address. */
export const make = (
  moment: { readonly at: number; readonly round: number },
  snapshot: Snapshot.Snapshot,
  readings: ReadonlyMap<string, Readings>,
  heat: { readonly metric: HeatMetric | undefined; readonly hot: ReadonlyArray<HotSlot> }
): Observation => {
  const of = (node: ClusterNode): Readings => readings.get(node.address) ?? noReadings
  const nodes: Array<NodeFigures> = []
  const listed = new Set<ClusterNode>()
  for (const [index, { primary, replicas }] of snapshot.shards.entries()) {
    for (const node of [primary, ...replicas]) {
      if (listed.has(node)) continue
      listed.add(node)
      nodes.push(figuresOf(node, index, of(node), of(primary).latest))
    }
  }
  for (const node of snapshot.nodes.values()) {
    if (!listed.has(node)) nodes.push(figuresOf(node, undefined, of(node), undefined))
  }
  const all = [...snapshot.nodes.values()].map(of)
  const latest = all.flatMap(({ latest, silence }) => latest === undefined || silence !== undefined ? [] : [latest])
  const moves = new Map(latest.flatMap((sample) => sample.moves).map((move) => [move.slot, move]))
  return {
    ...moment,
    coveredSlots: Snapshot.coveredSlots(snapshot),
    shards: snapshot.shards.map((shard) => {
      const slots = Snapshot.rangesOf(snapshot, shard)
      return {
        primary: shard.primary.address,
        replicas: shard.replicas.map(({ address }) => address),
        slots,
        count: slots.reduce((sum, { end, start }) => sum + end - start + 1, 0)
      }
    }),
    nodes,
    totals: totalsOf(nodes),
    moves: [...moves.values()].toSorted((a, b) => a.slot - b.slot),
    commands: commandRates(
      snapshot.primaries.map(of).flatMap(({ before, latest }) =>
        before === undefined || latest === undefined ? [] : [[before, latest] as const]
      ),
      commandsShown
    ),
    slow: latest.flatMap(({ slow }) => slow).filter(({ words }) => isForeign(words)).toSorted((a, b) => b.took - a.took)
      .slice(0, slowShown),
    heat: heat.metric,
    hot: heat.hot
  }
}
