/**
 * Where a command goes, in words: from the facts of its spec.
 */
import type { CommandSpec, ResponsePolicy } from "../src/commands/CommandSpec.ts"
import { notRun, samples } from "../test/commands/samples.ts"
import { moduleSamples } from "../test/modules/samples.ts"

/** The spec of each method, for those of modules with the group, taken from the sample calls of the tests, of which every builder has one. */
export const specs: ReadonlyMap<string, CommandSpec> = new Map<string, CommandSpec>([
  ...[...samples, ...moduleSamples].map(({ command, name }) => [name.split(" ")[0], command.spec] as const),
  ...Object.entries(notRun).map(([name, { command }]) => [name.split(" ")[0], command.spec] as const)
])

const merging: Readonly<Record<ResponsePolicy, string>> = {
  perNode: "a map by node",
  allSucceeded: "all must succeed, one of the equal replies",
  oneSucceeded: "one must succeed, the first reply",
  sum: "the sum of the replies",
  min: "the least of the replies",
  logicalAnd: "true where all are",
  concat: "the lists one after another",
  union: "the answers are one list, each element once"
}

export const routing = (spec: CommandSpec): string => {
  if (spec.runsScript) return "by its keys; without any to a random primary"
  if (typeof spec.keys === "function") return "by its keys"
  if (spec.keys >= 0) return "by its key"
  if (spec.channel >= 0) return "by its channel"
  if (spec.slot !== undefined) return "to the owner of the slot"
  if (spec.near >= 0) return "to the owner of the channel's slot"
  if (spec.connectionUse([])?._tag === "countsWrites") return "on a dedicated connection"
  switch (spec.request) {
    case "default":
      return spec.isSpread ? "to a random primary" : "to the default node"
    case "explicit":
      return "to the node you name"
    case "allShards":
      return `to all primaries: ${merging[spec.response]}`
    case "allNodes":
      return `to all nodes: ${merging[spec.response]}`
  }
}
