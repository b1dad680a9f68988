/** The lines of `top`: the cluster as a whole, its nodes as a table, and what stands out. */
import type { Paint, Style } from "../output/Paint.ts"
import * as Table from "../output/Table.ts"
import { bytes, count, millis, plural, visible } from "../output/text.ts"
import type { NodeFigures, Observation } from "../sampler/Observation.ts"

/** The orders of the nodes, by the key that chooses each. */
export const orders = {
  s: "shard",
  c: "commands",
  l: "latency",
  m: "memory",
  k: "keys"
} as const

export type Order = (typeof orders)[keyof typeof orders]

export const orderNames: ReadonlyArray<Order> = Object.values(orders)

/** The order that a key of the keyboard chooses. */
export const orderOfKey = (key: string): Order | undefined =>
  Object.entries(orders).find(([letter]) => letter === key)?.[1]

export interface ReportOptions {
  readonly order: Order
  readonly paint: Paint
  readonly width: number
  /** The lines of the terminal; without a number nothing is cut. */
  readonly height?: number | undefined
}

const figureOf: Readonly<Record<Order, (node: NodeFigures) => number>> = {
  shard: () => 0,
  commands: ({ rates }) => rates?.commands ?? -1,
  latency: ({ latency, state }) => state === "silent" ? Number.POSITIVE_INFINITY : latency ?? -1,
  memory: ({ memory }) => memory ?? -1,
  keys: ({ keys }) => keys ?? -1
}

/** The nodes in an order: the greatest first, but for the order of the shards. */
export const ordered = (nodes: ReadonlyArray<NodeFigures>, order: Order): ReadonlyArray<NodeFigures> => {
  const figure = figureOf[order]
  // `Infinity - Infinity` is no order.
  return order === "shard" ? nodes : nodes.toSorted((a, b) => figure(a) === figure(b) ? 0 : figure(b) - figure(a))
}

const percent = (share: number | undefined): string =>
  share === undefined ? "" : `${(share * 100).toFixed(share < 1 ? 1 : 0)}%`

const shown = (value: number | undefined, text: (value: number) => string): string =>
  value === undefined ? "" : text(value)

const statusOf = ({ health, linkUp, silence, state }: NodeFigures): Table.Cell => {
  if (state === "silent") return { text: silence?.cause ?? "does not answer", style: "red" }
  if (health === "fail") return { text: "the others call it failed", style: "red" }
  if (health === "loading") return { text: "loading", style: "yellow" }
  if (linkUp === false) return { text: "no link to its primary", style: "yellow" }
  return state === "asked" ? { text: "asked", style: "dim" } : { text: "up", style: "green" }
}

const nodeTable = ({ nodes }: Observation, order: Order): Table.Table => ({
  columns: [
    { title: "SHARD", align: "right" },
    { title: "ROLE" },
    { title: "NODE", least: 10 },
    { title: "CMD/S", align: "right" },
    { title: "PING", align: "right" },
    { title: "CPU", align: "right" },
    { title: "HITS", align: "right" },
    { title: "MEMORY", align: "right" },
    { title: "CLIENTS", align: "right" },
    { title: "KEYS", align: "right" },
    { title: "BEHIND", align: "right" },
    { title: "ZONE", least: 4 },
    { title: "STATUS", least: 2 }
  ],
  rows: ordered(nodes, order).map((node) => [
    node.shard === undefined ? "-" : `${node.shard + 1}`,
    { text: node.role, style: node.role === "primary" ? "bold" as const : undefined },
    node.address,
    shown(node.rates?.commands, count),
    shown(node.latency, millis),
    percent(node.rates?.cpu),
    percent(node.hitRate ?? node.hitRateSinceStart),
    shown(node.memory, bytes),
    shown(node.clients, count),
    shown(node.keys, count),
    shown(node.lag, bytes),
    node.zone ?? "",
    statusOf(node)
  ])
})

const headOf = ({ at, coveredSlots, moves, totals }: Observation, paint: Paint): ReadonlyArray<string> => {
  const missing = 16384 - coveredSlots
  const state: ReadonlyArray<readonly [text: string, style: Style]> = [
    ...(missing > 0 ? [[`${plural(missing, "slot")} without an owner`, "red"] as const] : []),
    ...(totals.silent > 0 ? [[`${totals.silent} of ${totals.nodes} nodes silent`, "red"] as const] : []),
    ...(moves.length > 0 ? [[`${plural(moves.length, "slot")} on the way`, "yellow"] as const] : [])
  ]
  const facts = [
    `${paint.bold(count(totals.commands))} commands/s`,
    `${shown(totals.hitRate, percent) || "no"} hits`,
    plural(totals.keys, "key"),
    bytes(totals.memory),
    plural(totals.clients, "client"),
    `${bytes(totals.bytesIn)}/s in, ${bytes(totals.bytesOut)}/s out`
  ]
  const words = state.length === 0
    ? paint.green(totals.nodes === 1 ? "the node answers" : `all ${totals.nodes} nodes answer`)
    : state.map(([text, style]) => paint[style](text)).join(", ")
  return [`${new Date(at).toISOString().slice(11, 19)}Z  ${words}`, facts.join(paint.dim(" · "))]
}

const hotTable = ({ heat, hot, shards }: Observation): Table.Table => ({
  columns: [
    { title: heat === "cpu" ? "HOT SLOT" : "FULL SLOT", align: "right" },
    { title: heat === "cpu" ? "CPU" : "KEYS", align: "right" },
    { title: "OWNER" }
  ],
  rows: hot.slice(0, 5).map(({ slot, value }) => [
    `${slot}`,
    heat === "cpu" ? percent(value / 1e6) : count(value),
    shards.find(({ slots }) => slots.some(({ end, start }) => start <= slot && slot <= end))?.primary ?? "nobody"
  ])
})

const commandTable = ({ commands }: Observation): Table.Table => ({
  columns: [{ title: "COMMAND", least: 8 }, { title: "CALLS/S", align: "right" }, {
    title: "CPU OF A CALL",
    align: "right"
  }],
  rows: commands.slice(0, 5).map(({ calls, name, usec }) => [name, count(calls), `${usec.toFixed(1)} µs`])
})

const slowTable = ({ slow }: Observation): Table.Table => ({
  columns: [{ title: "SLOW", align: "right" }, { title: "NODE" }, { title: "AT" }, { title: "COMMAND", least: 8 }],
  rows: slow.slice(0, 5).map(({ at, node, took, words }) => [
    millis(took),
    node,
    `${new Date(at).toISOString().slice(11, 19)}Z`,
    visible(words.join(" "))
  ])
})

/** The lines for an observation. Nodes that do not fit are counted, and the tables below them come while there is room. */
export const lines = (observation: Observation, options: ReportOptions): ReadonlyArray<string> => {
  const { height = Number.POSITIVE_INFINITY, order, paint, width } = options
  const table = (of: Table.Table): ReadonlyArray<string> =>
    of.rows.length === 0 ? [] : ["", ...Table.lines(of, width, paint)]
  const head = headOf(observation, paint)
  const nodes = table(nodeTable(observation, order))
  const room = Math.max(4, height - head.length)
  const result = [
    ...head,
    ...(nodes.length <= room
      ? nodes
      : [...nodes.slice(0, room - 1), paint.dim(`and ${nodes.length - room + 1} more nodes`)])
  ]
  for (const part of [commandTable, hotTable, slowTable]) {
    const more = table(part(observation))
    if (result.length + more.length <= height) result.push(...more)
  }
  return result
}

/** The line at the foot of the terminal. */
export const footOf = (order: Order, paint: Paint): string =>
  [
    "q quits",
    ...Object.entries(orders).map(([key, name]) => name === order ? paint.bold(`${key} ${name}`) : `${key} ${name}`)
  ].join("  ")
