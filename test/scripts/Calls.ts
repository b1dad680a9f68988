import * as Effect from "effect/Effect"
import type { RedisClusterShape } from "../harness/RedisCluster.ts"

/** How often the nodes were sent a command (`evalsha`, `script|load`) since their statistics began. */
export const calls = (cluster: RedisClusterShape, command: string, nodes = cluster.nodes) =>
  Effect.map(
    Effect.forEach(nodes, (node) => cluster.command(node, "INFO", "commandstats")),
    (infos) =>
      infos.reduce<number>((total, info) => {
        const found = new RegExp(`cmdstat_${command.replace("|", "\\|")}:calls=(\\d+)`).exec(String(info))
        return total + Number(found?.[1] ?? 0)
      }, 0)
  )
