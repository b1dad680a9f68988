/**
 * The house: its parts from the ground up, the files of each, and which part uses which. The map and the picture in
 * docs/DESIGN.md are made from this, and test/package/house.test.ts holds the imports of `src` to it.
 */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize, sep } from "node:path"
import { fileURLToPath } from "node:url"

export const src = fileURLToPath(new URL("../src", import.meta.url))

/** One part: folders, or files where a folder holds several floors. Imports point from later floors to earlier ones only. */
export interface Part {
  readonly name: string
  /** A line for the map and the picture. */
  readonly about: string
  /** The floors within the part, from the ground up. */
  readonly floors: ReadonlyArray<ReadonlyArray<string>>
}

export const parts: ReadonlyArray<Part> = [
  {
    name: "internal",
    about: "queues, timers and clocks, a piece each",
    floors: [["internal"]]
  },
  { name: "cluster", about: "the words of a cluster: endpoint, node, slot", floors: [["cluster"]] },
  { name: "protocol", about: "RESP3 and RESP2, and the words of errors; pure", floors: [["protocol"]] },
  {
    name: "options and errors",
    about: "options and their check; errors and their reasons",
    floors: [["RedisClusterException.ts"], ["ConflictError.ts", "Reason.ts"], ["ReadFrom.ts", "Discovery.ts"], [
      "ClusterOptions.ts"
    ], ["ClusterConfig.ts"]]
  },
  {
    name: "commands",
    about: "commands as values, a file a group",
    floors: [["commands/parameters"], ["commands"], ["commands/table"]]
  },
  { name: "connection", about: "one socket, one queue; reconnects", floors: [["connection"]] },
  { name: "topology", about: "who owns which slot, judged and kept true", floors: [["topology"]] },
  { name: "caching", about: "the replies that the client keeps; pure", floors: [["caching"]] },
  {
    name: "routing",
    about: "where a command goes, and what follows a failure",
    floors: [
      ["routing/CommandSlot.ts", "routing/ClientRegion.ts"],
      ["routing/Rejections.ts"],
      ["routing/reads"],
      ["routing/request"],
      ["routing/batches"],
      ["routing/nodes", "routing/dedicated", "routing/cached"],
      ["routing"]
    ]
  },
  { name: "pubsub", about: "subscriptions that tell of gaps", floors: [["pubsub"]] },
  { name: "consumer", about: "consumer groups of streams", floors: [["consumer"]] },
  { name: "observability", about: "metrics, events, logs", floors: [["observability"]] },
  { name: "client", about: "the members of the client, a file a topic", floors: [["client"]] },
  { name: "ClusterClient", about: "the service that programs use; its layers", floors: [["ClusterClient.ts"]] },
  { name: "scripting", about: "scripts and functions as typed commands", floors: [["scripting"]] },
  { name: "Lock", about: "a lock on a key", floors: [["Lock.ts"]] },
  { name: "values", about: "typed values: schema, key and stored form", floors: [["values"]] },
  {
    name: "modules",
    about: "the commands of server modules: JSON, search, Bloom filters, time series",
    floors: [["modules/parameters"], ["modules/json", "modules/search", "modules/sketches", "modules/timeSeries"], [
      "modules"
    ]]
  },
  {
    name: "cache-aside",
    about: "values beside their origin, loaded by one process at a time",
    floors: [["aside"], ["CacheAside.ts"]]
  },
  {
    name: "integrations",
    about: "Effect's own services on a cluster",
    floors: [["integrations/internal"], ["integrations"]]
  },
  { name: "testing", about: "a cluster in memory", floors: [["testing/engine"], ["testing"]] },
  { name: "index", about: "the main entry", floors: [["index.ts"]] },
  {
    name: "cli",
    about: "the command line, a program that uses the library as others do",
    floors: [
      ["cli/output"],
      ["cli/connecting"],
      ["cli/topology", "cli/keyspace", "cli/bench", "cli/sampler", "cli/doctor/facts"],
      ["cli/doctor/checks"],
      ["cli/doctor"],
      ["cli/page"],
      ["cli/view", "cli/top"],
      ["cli/commands"],
      ["cli"]
    ]
  }
]

export const files: ReadonlyArray<string> = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.split(sep).join("/"))
  .toSorted()

const floors: ReadonlyArray<ReadonlyArray<string>> = parts.flatMap((part) => part.floors)

/** The number of a file's floor, from the ground up; -1 for a file that has none. */
export const floorOf = (file: string): number => {
  const own = floors.findIndex((members) => members.includes(file))
  return own >= 0 ? own : floors.findIndex((members) => members.includes(dirname(file)))
}

export const partOf = (file: string): Part | undefined => {
  const members = floors[floorOf(file)]
  return members === undefined ? undefined : parts.find((part) => part.floors.includes(members))
}

/** The files that a file imports; imports of types count as those of values. */
export const importsOf = (file: string): ReadonlyArray<string> =>
  Array.from(
    readFileSync(join(src, file), "utf8").matchAll(/(?:\bfrom|\bimport\()\s*"(\.{1,2}\/[^"]+)"/g),
    ([, path]) => normalize(join(dirname(file), path)).split(sep).join("/")
  )

/** The first sentence of the comment at the head of a file, or of the one thing that a file without it is about. */
export const sentenceOf = (file: string): string => {
  const text = readFileSync(join(src, file), "utf8").replace(/^#!.*\n/, "")
  const [, comment = ""] = /^\/\*\*([\s\S]*?)\*\//.exec(text) ?? /\/\*\*([\s\S]*?)\*\/\nexport /.exec(text) ?? []
  const prose = comment.split("\n").map((line) => line.replace(/^\s*\* ?/, "").trim())
  const end = prose.findIndex((line, i) => i > 1 && (line === "" || line.startsWith("@") || line.startsWith("**")))
  return prose.slice(0, end < 0 ? undefined : end).join(" ").trim().split(/(?<=[.:])\s/)[0].replace(/[.:]$/, "")
}

/** The parts that each part uses, without those that it reaches through others. */
export const uses = (): ReadonlyMap<Part, ReadonlySet<Part>> => {
  const all = new Map<Part, Set<Part>>(parts.map((part) => [part, new Set()]))
  for (const file of files) {
    const part = partOf(file)
    if (part === undefined) continue
    for (const target of importsOf(file)) {
      const other = partOf(target)
      if (other !== undefined && other !== part) all.get(part)?.add(other)
    }
  }
  const reaches = (from: Part, to: Part): boolean =>
    [...all.get(from) ?? []].some((next) => next === to || reaches(next, to))
  return new Map(
    Array.from(all, ([part, others]) => [
      part,
      new Set([...others].filter((other) => ![...others].some((next) => next !== other && reaches(next, other))))
    ])
  )
}
