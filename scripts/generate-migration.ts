/**
 * Writes the tables of the pages for people who come from other clients, between marks in the pages.
 *
 *   node scripts/generate-migration.ts [--check]
 *
 * The rows are those of scripts/peers; test/package/peers.test.ts holds them to the public names of each client. The table of the
 * default routing is made from the specs of the commands. With `--check` nothing is written, and the exit code says whether the
 * pages are current.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { checked } from "./peers/installed.ts"
import { ioredis } from "./peers/ioredis.ts"
import { nodeRedis } from "./peers/nodeRedis.ts"
import { type Names, type Peer, sameMethod, sameNames, tableOf } from "./peers/Peer.ts"
import { redisPy } from "./peers/redisPy.ts"
import { routing, specs } from "./routing.ts"

const wordOf: Readonly<Record<string, string>> = {
  "default-node": "the default node",
  "primaries": "all primaries",
  "replicas": "all replicas",
  "all-nodes": "all nodes",
  "random": "a random node",
  "slot-id": "the owner of the slot"
}

const theirs = (flag: string): string => {
  const [place, merged] = flag.split(", ")
  return `${wordOf[place] ?? place}${merged === undefined ? "" : ", merged"}`
}

/** Names that redis-py gives to commands that have another name in servers. */
const alias: Readonly<Record<string, string>> = {
  "CLUSTER COUNT-FAILURE-REPORTS": "clusterCountFailureReports",
  "CLUSTER SET-CONFIG-EPOCH": "clusterSetConfigEpoch",
  "MEMORY MALLOC-STATS": "memoryMallocStats"
}

const ours = (command: string): string => {
  const method = alias[command] ?? sameMethod(command.replaceAll(" ", ""))
  const spec = method === undefined ? undefined : specs.get(method)
  if (method !== undefined && spec !== undefined) return `\`${method}\`: ${routing(spec)}`
  if (command === "READONLY") return "`redis.readonly()`: the whole client"
  if (command === "READWRITE") return "`redis.readwrite`: the whole client"
  if (command.startsWith("TFUNCTION") || command.startsWith("TFCALL")) return "gone from servers; by name"
  if (command === "AUTH") return "the options `username`, `password`, `credentials`"
  if (command === "CLIENT REPLY") return "refused"
  if (command.startsWith("CLIENT")) return "the options `clientName`, `libName`"
  return "by name, on a node: `redis.on(node).send(...)`"
}

const routingTable = ({ routing: flags = {} }: Names): string =>
  [
    "| Command | redis-py | Here |",
    "| --- | --- | --- |",
    ...Object.keys(flags).toSorted().map((command) => `| ${command} | ${theirs(flags[command])} | ${ours(command)} |`)
  ].join("\n")

/** The text between the marks of a name. */
const between = (name: string): RegExp => new RegExp(`(<!-- table: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`)

const filled = (page: string, name: string, table: string): string => {
  if (!between(name).test(page)) throw new Error(`the page has no mark <!-- table: ${name} -->`)
  return page.replace(between(name), (_, begin: string, end: string) => `${begin}${table}\n${end}`)
}

const written = (peer: Peer, names: Names, page: string): string => {
  let text = page
  for (const table of peer.tables) text = filled(text, table.head.replaceAll("`", ""), tableOf(table))
  const same = `${sameNames(peer, names)} commands have the same name here, but for case and underscores. ` +
    `The tables are about ${peer.name} ${names.version}, and have the rest.`
  text = filled(text, "same names", same)
  if (names.routing === undefined) return text
  text = filled(text, "README", glance())
  for (const file of ["service.py", "service.ts", "readers.py", "readers.ts"]) {
    text = filled(text, file, programOf(file))
  }
  return filled(text, "default routing", routingTable(names))
}

/** A program of examples/redis-py as a block of the page; those of TypeScript are run with the page. */
const programOf = (file: string): string => {
  const source = readFileSync(fileURLToPath(new URL(`../examples/redis-py/${file}`, import.meta.url)), "utf8").trim()
  if (file.endsWith(".py")) return `\`\`\`python\n${source}\n\`\`\``
  const text = source
    .replace(/^\/\*\*[\s\S]*?\*\/\n/, "")
    .replace("../../src/index.ts", "effect-redis-cluster")
    .replace(`{ host: "localhost", port: Number(process.argv[2]) }`, `{ host: "127.0.0.1", port: 7000 }`)
  return `\`\`\`ts\n${text}\n\`\`\``
}

/** The table of the README, which the page begins with. */
const glance = (): string => {
  const readme = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8")
  const table = /^\| redis-py \| Here \|\n(?:\|.*\n)+/m.exec(readme)?.[0]
  if (table === undefined) throw new Error("the README has no table for those who come from redis-py")
  return table.trimEnd()
}

const isCheck = process.argv.includes("--check")
for (const peer of [redisPy, ioredis, nodeRedis]) {
  const file = fileURLToPath(new URL(`../docs/${peer.page}`, import.meta.url))
  const page = readFileSync(file, "utf8")
  const text = written(peer, checked(peer.name), page)
  if (text === page) continue
  if (!isCheck) writeFileSync(file, text)
  else {
    console.error(`docs/${peer.page} is not current: npm run generate:docs`)
    process.exitCode = 1
  }
}
