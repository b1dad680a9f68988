/** `owner`: the nodes that hold keys. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { ClusterClient, HashSlot } from "../../index.ts"
import * as Connecting from "../connecting/Connecting.ts"
import { ExitCode, verdict } from "../output/Failure.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import { Screen } from "../output/Screen.ts"
import { keys } from "./Slot.ts"

export const owner = Command.make(
  "owner",
  { keys, json: jsonFlag, connecting: Connecting.flags },
  Effect.fnUntraced(function*({ json, keys }) {
    const redis = yield* ClusterClient
    const screen = yield* Screen
    const { slots } = yield* redis.topology
    const rows = keys.map((key) => {
      const slot = HashSlot.ofKey(key)
      const shard = slots[slot]
      return { key, slot, primary: shard?.primary.address, replicas: shard?.replicas.map(({ address }) => address) }
    })
    if (json) yield* screen.printJson(rows)
    else {
      yield* screen.printTable({
        columns: [
          { title: "KEY", least: 12 },
          { title: "SLOT", align: "right" },
          { title: "PRIMARY" },
          { title: "REPLICAS", least: 8 }
        ],
        rows: rows.map(({ key, primary, replicas, slot }) => [
          key,
          `${slot}`,
          primary ?? { text: "nobody", style: "red" },
          (replicas ?? []).join(" ")
        ])
      })
    }
    if (rows.some(({ primary }) => primary === undefined)) return yield* verdict(ExitCode.problem)
  })
).pipe(
  Command.withDescription("Prints the nodes that hold keys"),
  Command.withExamples([
    { command: "effect-redis-cluster owner -u localhost:7000 user:1", description: "The node of a key" },
    {
      command: "effect-redis-cluster owner --json user:1 user:2",
      description: "For programs; REDIS_CLUSTER_URL is set"
    }
  ]),
  Connecting.connected
)
