/** `topology`: the shards of a cluster, as a table. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { ClusterClient, type ClusterNode, Snapshot } from "../../index.ts"
import * as Connecting from "../connecting/Connecting.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import { Screen } from "../output/Screen.ts"
import type { Cell, Table } from "../output/Table.ts"

const rangesOf = (snapshot: Snapshot.Snapshot, shard: Snapshot.Shard): ReadonlyArray<string> =>
  Snapshot.rangesOf(snapshot, shard).map(({ end, start }) => start === end ? `${start}` : `${start}-${end}`)

const healthOf = ({ health }: ClusterNode): Cell => {
  switch (health) {
    case undefined:
      return "?"
    case "online":
      return { text: health, style: "green" }
    case "loading":
      return { text: health, style: "yellow" }
    case "fail":
      return { text: health, style: "red" }
  }
}

/** The nodes of a snapshot, shard by shard, and those that serve no slots after them. */
const tableOf = (snapshot: Snapshot.Snapshot): Table => {
  const rowOf = (shard: string, node: ClusterNode, slots: string): ReadonlyArray<Cell> => [
    shard,
    node.role === "primary" ? { text: node.role, style: "bold" } : node.role,
    node.address,
    node.zone ?? "",
    healthOf(node),
    slots
  ]
  const serving = new Set([...snapshot.primaries, ...snapshot.replicas])
  return {
    columns: [
      { title: "SHARD", align: "right" },
      { title: "ROLE" },
      { title: "NODE" },
      { title: "ZONE", least: 4 },
      { title: "HEALTH" },
      { title: "SLOTS", least: 11 }
    ],
    rows: [
      ...snapshot.shards.flatMap((shard, i) => [
        rowOf(`${i + 1}`, shard.primary, rangesOf(snapshot, shard).join(" ")),
        ...shard.replicas.map((replica) => rowOf("", replica, ""))
      ]),
      ...[...snapshot.nodes.values()].filter((node) => !serving.has(node)).map((node) => rowOf("-", node, ""))
    ]
  }
}

export const topology = Command.make(
  "topology",
  { connecting: Connecting.withUrls, json: jsonFlag },
  Effect.fnUntraced(function*({ json }) {
    const redis = yield* ClusterClient
    const screen = yield* Screen
    const snapshot = yield* redis.topology
    if (!json) return yield* screen.printTable(tableOf(snapshot))
    yield* screen.printJson({
      coveredSlots: Snapshot.coveredSlots(snapshot),
      shards: snapshot.shards.map((shard) => ({
        slots: Snapshot.rangesOf(snapshot, shard),
        primary: shard.primary,
        replicas: shard.replicas
      }))
    })
  })
).pipe(
  Command.withDescription("Shows the shards of a cluster: nodes, roles, slots, zones and health"),
  Command.withExamples([
    { command: "effect-redis-cluster topology localhost:7000", description: "The cluster of a node, as a table" },
    { command: "effect-redis-cluster topology --json rediss://cache.example.com:6379", description: "For programs" }
  ]),
  Connecting.connected
)
