/** The cluster in the terminal: a ring, a few words, and a table of the nodes. */
import type { ClusterNode } from "../../index.ts"
import { distinct, type Paint, type Style } from "../output/Paint.ts"
import * as Table from "../output/Table.ts"
import { count, millis, plural } from "../output/text.ts"
import { type Facts, healthWord, rangeText, type ShownShard } from "./Facts.ts"
import * as Ring from "./Ring.ts"

const totalSlots = 16384

const healthStyle: Readonly<Record<ReturnType<typeof healthWord>, Style>> = {
  online: "green",
  loading: "yellow",
  fail: "red",
  down: "red",
  unknown: "dim"
}

/** The nodes, shard by shard, and those that serve no slots after them. */
export const table = (facts: Facts): Table.Table => {
  const row = (mark: Table.Cell, node: ClusterNode, slots: string): ReadonlyArray<Table.Cell> => {
    const health = healthWord(facts, node)
    const seen = facts.healthOf(node)
    return [
      mark,
      node.role === "primary" ? { text: node.role, style: "bold" } : node.role,
      node.address,
      node.zone ?? "",
      { text: health, style: healthStyle[health] },
      seen?.latency === undefined ? "" : millis(seen.latency),
      seen?.cause === undefined ? slots : { text: seen.cause, style: "red" }
    ]
  }
  const ofShard = (shard: ShownShard, position: number) => [
    row({ text: shard.mark, style: distinct[position % distinct.length] }, shard.primary, rangeText(shard.ranges)),
    ...shard.replicas.map((replica) => row("", replica, ""))
  ]
  const rows = [...facts.shards.flatMap(ofShard), ...facts.idle.map((node) => row("-", node, "serves no slots"))]
  const isZoned = rows.some((cells) => cells[3] !== "")
  const withoutZone = <A>(cells: ReadonlyArray<A>): ReadonlyArray<A> => isZoned ? cells : cells.toSpliced(3, 1)
  return {
    columns: withoutZone([
      { title: "" },
      { title: "ROLE" },
      { title: "NODE" },
      { title: "ZONE", least: 4 },
      { title: "HEALTH" },
      { title: "PING", align: "right" },
      { title: "SLOTS", least: 11 }
    ]),
    rows: rows.map(withoutZone)
  }
}

/** The cluster in a few words. */
const words = (facts: Facts, paint: Paint): ReadonlyArray<string> => {
  const primaries = facts.shards.map(({ primary }) => primary)
  const replicas = facts.shards.flatMap(({ replicas }) => replicas)
  const nodes = [...primaries, ...replicas, ...facts.idle]
  const down = nodes.filter((node) => ["down", "fail"].includes(healthWord(facts, node)))
  const alone = facts.shards.filter(({ replicas }) => replicas.length === 0)
  const sizes = facts.shards.map(({ slots }) => slots)
  const lacking = totalSlots - facts.coveredSlots
  return [
    paint.bold(`${plural(facts.shards.length, "shard")}, ${plural(nodes.length, "node")}`),
    `${plural(primaries.length, "primary", "primaries")}, ${plural(replicas.length, "replica")}` +
    (facts.idle.length === 0 ? "" : `, ${facts.idle.length} without slots`),
    lacking === 0
      ? paint.green(`all ${count(totalSlots)} slots have an owner`)
      : paint.red(`${plural(lacking, "slot has", "slots have")} no owner`),
    `${count(Math.min(...sizes))} to ${count(Math.max(...sizes))} slots a shard`,
    ...(down.length === 0 ? [] : [paint.red(`${plural(down.length, "node does", "nodes do")} not answer`)]),
    ...(alone.length === 0 || replicas.length === 0
      ? []
      : [paint.yellow(`${plural(alone.length, "shard has", "shards have")} no replica`)])
  ]
}

const ringRows = 11
const margin = 3

/** The lines of the whole report. The ring is left out where it has no room. */
export const lines = (facts: Facts, width: number, paint: Paint): ReadonlyArray<string> => {
  const about = words(facts, paint)
  const body = Table.lines(table(facts), width, paint)
  if (width < ringRows * 2 + margin + 32) return [...about, "", ...body]
  const ring = Ring.lines(facts, ringRows, paint)
  const above = Math.floor((ringRows - about.length) / 2)
  return [
    ...ring.map((line, row) => {
      const beside = about[row - above]
      return beside === undefined ? line.trimEnd() : `${line}${" ".repeat(margin)}${beside}`
    }),
    "",
    ...body
  ]
}
