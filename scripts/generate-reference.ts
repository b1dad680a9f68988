/**
 * Writes docs/commands: a page for each group of commands, from what the sources say.
 *
 *   node scripts/generate-reference.ts [--check]
 *
 * Signatures and descriptions are read from the interface of the group, whose format is uniform; names, keys and policies
 * are those of the command specs, taken from the sample calls of the tests, of which every builder has one. With `--check`
 * nothing is written, and the exit code says whether the pages are current.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type { CommandSpec } from "../src/commands/CommandSpec.ts"
import { routing, specs } from "./routing.ts"

const sources = new URL("../src/commands/", import.meta.url)
const target = new URL("../docs/commands/", import.meta.url)

interface Method {
  readonly name: string
  /** One for each overload, without the reply. */
  readonly calls: ReadonlyArray<string>
  readonly reply: string
  readonly description: string
  readonly since: string
  readonly complexity: string
  readonly spec: CommandSpec
}

interface Group {
  /** The name of the value that holds the builders. */
  readonly name: string
  readonly module: string
  readonly intro: string
  readonly methods: ReadonlyArray<Method>
}

// -----------------------------------------------------------------------------
// Reading
// -----------------------------------------------------------------------------

const comment = (text: string): string =>
  text.replace(/^\s*\/?\*+\/?/gm, "").replaceAll("*/", "").replace(/\s+/g, " ").trim()

/** `Does something. Since 1.0.0. O(1).` */
const parseComment = (text: string): Pick<Method, "description" | "since" | "complexity"> => {
  const complexity = /(?:^|\s)((?:O\(|As long as ).*)$/.exec(text)?.[1] ?? ""
  const rest = text.slice(0, text.length - complexity.length).trim()
  const since = /(?:^|\s)((?:Since \d|Redis \d|Valkey \d)(?:[^.]|\.\d)*)\.$/.exec(rest)?.[1] ?? ""
  const description = since === "" ? rest : rest.slice(0, rest.lastIndexOf(since)).trim()
  return { description, since: since.replace(/^Since /, "since "), complexity: complexity.replace(/\.$/, "") }
}

/** Splits `name(...): Returns<S, Reply>` at the colon that follows the parameters. */
const parseSignature = (text: string): { readonly call: string; readonly reply: string } => {
  const match = /^([\s\S]*\)):\s*(Returns|ReturnsPerNode)<S,\s*([\s\S]*)>$/.exec(text.trim())
  if (match === null) throw new Error(`not a signature of a command:\n${text}`)
  const [, call, kind, reply] = match
  return { call, reply: kind === "Returns" ? reply : `ReadonlyMap<ClusterNode, ${reply}>` }
}

const unindented = (text: string): string => text.replace(/^ {2}/gm, "").trim()

const parseMethod = (text: string): Method => {
  const end = text.indexOf("*/") + 2
  const signatures = text.slice(end).split(/\n(?= {2}\w)/).map((part) => part.trim()).filter((part) => part !== "")
    .map(parseSignature)
  const name = /^\w+/.exec(signatures[0].call)?.[0] ?? ""
  const spec = specs.get(name)
  if (spec === undefined) {
    throw new Error(`${name} has no sample: add one to the file of its group in test/commands/samples/`)
  }
  return {
    name,
    calls: signatures.map(({ call }) => unindented(call)),
    reply: [...new Set(signatures.map(({ reply }) => unindented(reply)))].join(" | "),
    spec,
    ...parseComment(comment(text.slice(0, end)))
  }
}

const parseGroup = (module: string, text: string): Group | undefined => {
  const body = /\nexport interface (\w+Commands)<S extends Surface> \{\n([\s\S]*?)\n\}\n/.exec(text)
  const value = body === null ? null : new RegExp(`\\nexport const (\\w+): ${body[1]}<CommandSurface>`).exec(text)
  if (body === null || value === null) return undefined
  const intro = /^\/\*\*([\s\S]*?)\n \* @since/.exec(text)?.[1] ?? ""
  const methods = body[2].split(/\n(?= {2}\/\*\*)/).map(parseMethod)
  return {
    name: value[1],
    module,
    intro: comment(intro),
    methods: methods.toSorted((one, other) => one.name < other.name ? -1 : 1)
  }
}

// -----------------------------------------------------------------------------
// Writing
// -----------------------------------------------------------------------------

const facts = ({ complexity, since, spec }: Method): string =>
  [
    `\`${spec.name}\``,
    since,
    complexity,
    routing(spec),
    spec.readonly ? "reads" : "",
    spec.blocking === undefined ? "" : "may wait"
  ].filter((fact) => fact !== "").join(" · ")

const signature = ({ calls, reply }: Method): string => {
  const call = calls.join("\n")
  const line = `${call} -> ${reply}`
  return line.includes("\n") || line.length > 110 ? `${call}\n  -> ${reply}` : line
}

const section = (method: Method): string =>
  `### ${method.name}

${facts(method)}

\`\`\`text
${signature(method)}
\`\`\`

${method.description}
`

const fileOf = (group: Group): string => `${group.name.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()}.md`

const notice = "<!-- Written by `npm run generate`; change the sources instead. -->"

const page = (group: Group): string =>
  `${notice}

# ${group.name}

${group.intro}

Builders: \`import { ${group.name} } from "effect-redis-cluster"\`; the same names are methods of the client, of targets and of
nodes. The types of the options are exported by \`effect-redis-cluster/commands/${group.module}\`. How to read the line below a
name: [the index](README.md).

${group.methods.map(section).join("\n")}`

const index = (groups: ReadonlyArray<Group>): string =>
  `${notice}

# Commands

These pages list every command with its signature, its reply, where it goes and what it costs. Each is a method of the client (\`redis.get("k")\`)
and a function of its group (\`Strings.get("k")\`): both make a command, which is an effect. The line below a name says: the command as the
server knows it; since which version (of both servers, unless one is named); its complexity; how it is
[routed](../routing.md); \`reads\` when it changes nothing, so that it may be repeated and may run on a replica; \`may wait\` when
the server may hold the reply back, so that it runs on a connection of its own.

| Group | Commands |
| --- | --- |
${
    groups.map((group) =>
      `| [${group.name}](${fileOf(group)}) | ${
        group.methods.map(({ name }) => `[${name}](${fileOf(group)}#${name.toLowerCase()})`).join(", ")
      } |`
    ).join("\n")
  }
`

const modules = (await readdir(sources)).filter((file) => file.endsWith(".ts")).toSorted()
const groups: Array<Group> = []
for (const file of modules) {
  const group = parseGroup(file.slice(0, -3), await readFile(new URL(file, sources), "utf8"))
  if (group !== undefined) groups.push(group)
}

const pages = new Map([["README.md", index(groups)], ...groups.map((group) => [fileOf(group), page(group)] as const)])
const present = new Set(await readdir(target).catch(() => []))

if (process.argv.includes("--check")) {
  const stale = [...present].filter((file) => !pages.has(file))
  for (const [file, text] of pages) {
    if (!present.has(file) || await readFile(new URL(file, target), "utf8") !== text) stale.push(file)
  }
  if (stale.length > 0) {
    console.error(`docs/commands is not what the sources say (${stale.join(", ")}): npm run generate`)
    process.exitCode = 1
  }
} else {
  await mkdir(target, { recursive: true })
  for (const file of present) if (!pages.has(file)) await rm(new URL(file, target))
  for (const [file, text] of pages) await writeFile(new URL(file, target), text)
  const count = groups.reduce((sum, group) => sum + group.methods.length, 0)
  console.log(`${count} commands in ${groups.length} groups: ${fileURLToPath(target)}`)
}
