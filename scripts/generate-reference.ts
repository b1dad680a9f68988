/**
 * Writes docs/commands: a page for each group of commands, and one for the types that signatures name.
 *
 *   node scripts/generate-reference.ts [--check]
 *
 * Signatures, options and descriptions are read from the interface of the group, whose format is uniform; names, keys and
 * policies are those of the command specs, taken from the sample calls of the tests, of which every builder has one, and
 * so are the examples. With `--check` nothing is written, and the exit code says whether the pages are current.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type { CommandSpec } from "../src/commands/CommandSpec.ts"
import { examples } from "./commandExamples.ts"
import {
  type Declaration,
  declarations,
  exportsOf,
  type Group,
  groups,
  type Method,
  type Property,
  type Shape,
  typesIn
} from "./commandInterfaces.ts"
import { routing, specs } from "./routing.ts"

const target = new URL("../docs/commands/", import.meta.url)

// -----------------------------------------------------------------------------
// Reading
// -----------------------------------------------------------------------------

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim()

/** `Does something. Since 1.0.0. O(1).` */
const parseComment = (text: string) => {
  const complexity = /(?:^|\s)((?:O\(|As long as ).*)$/.exec(text)?.[1] ?? ""
  const rest = text.slice(0, text.length - complexity.length).trim()
  const since = /(?:^|\s)((?:Since \d|Redis \d|Valkey \d)(?:[^.]|\.\d)*)\.$/.exec(rest)?.[1] ?? ""
  const description = since === "" ? rest : rest.slice(0, rest.lastIndexOf(since)).trim()
  return { description, since: since.replace(/^Since /, "since "), complexity: complexity.replace(/\.$/, "") }
}

/** `Sets something. Default: 1. Redis 8.2.` */
const parseOption = (text: string) => {
  const since = /(?:^|[.`] )((?:Since \d|Redis \d|Valkey \d)(?:[^.]|\.\d)*)\.$/.exec(text)?.[1] ?? ""
  const rest = since === "" ? text : text.slice(0, text.lastIndexOf(since)).trim()
  const fallback = /(?:^| )Default: ((?:[^.]|\.(?! |$))+)\.(?= |$)/.exec(rest)
  return {
    meaning: fallback === null ? rest : oneLine(rest.replace(fallback[0], "")),
    fallback: fallback?.[1] ?? "",
    since: since.replace(/^Since /, "")
  }
}

const specOf = (group: Group, { name }: Method): CommandSpec => {
  const spec = specs.get(group.isOfModule ? `${group.name}.${name}` : name)
  if (spec === undefined) {
    const folder = group.isOfModule ? "modules" : "commands"
    throw new Error(`${name} has no sample: add one to the file of its group in test/${folder}/samples/`)
  }
  return spec
}

// -----------------------------------------------------------------------------
// Types
// -----------------------------------------------------------------------------

/** Types that only say what becomes of other types, or that methods do not name. */
const hidden = new Set(["CommandSurface", "Exact", "Inferred", "NoSuchOption", "Returns", "ReturnsPerNode", "Surface"])

/** The group whose page of the API describes a type. */
const groupOf = new Map(
  groups.flatMap((group) => [...exportsOf(group.entry)].map((name) => [name, group] as const))
)

/** Types with a place on another page of the API. */
const elsewhere = new Map([["ClusterNode", "../api/Nodes.md#clusternode"]])

const reachable = (names: Iterable<string>): ReadonlySet<string> => {
  const found = new Set<string>()
  const visit = (name: string): void => {
    const declaration = declarations.get(name)
    if (declaration?.exported !== true || hidden.has(name) || found.has(name)) return
    found.add(name)
    if (!elsewhere.has(name)) { for (const other of typesIn(declaration)) visit(other) }
  }
  for (const name of names) visit(name)
  return found
}

const typesOf = ({ signatures }: Method): ReadonlyArray<string> => {
  const names = signatures.flatMap(({ perNode, types }) => perNode ? [...types, "ClusterNode"] : types)
  return [...new Set(names)].filter((name) => !hidden.has(name))
}

/** All types that signatures name, and those that these types name. */
const types = reachable(groups.flatMap(({ methods }) => methods.flatMap(typesOf)))

const linkTo = (name: string): string => {
  const group = groupOf.get(name)
  const place = elsewhere.get(name) ??
    (group === undefined
      ? `types.md#${name.toLowerCase()}`
      : `../api/${group.entry.slice(group.entry.lastIndexOf("/") + 1)}.md#${name.toLowerCase()}`)
  return `[${name}](${place})`
}

// -----------------------------------------------------------------------------
// Writing
// -----------------------------------------------------------------------------

const facts = (group: Group, method: Method): string => {
  const spec = specOf(group, method)
  const { complexity, since } = parseComment(oneLine(method.doc))
  return [
    `\`${spec.name}\``,
    since,
    complexity,
    routing(spec),
    spec.readonly ? "reads" : "",
    spec.blocking === undefined ? "" : "may wait"
  ].filter((fact) => fact !== "").join(" · ")
}

const signature = ({ signatures }: Method): string => {
  const replies = signatures.map(({ perNode, reply }) => perNode ? `ReadonlyMap<ClusterNode, ${reply}>` : reply)
  const reply = [...new Set(replies)].join(" | ")
  const line = `${oneLine(signatures[0].call).replace("( ", "(").replace(/ \)$/, ")")} -> ${oneLine(reply)}`
  if (signatures.length === 1 && line.length <= 110) return line
  return `${signatures.map(({ call }) => call).join("\n")}\n  -> ${reply}`
}

const distinct = (texts: ReadonlyArray<string>): string => [...new Set(texts)].filter((text) => text !== "").join(" ")

const cell = (text: string): string => text.replaceAll("|", "\\|")

/** A row for an option, and one for each property of its value where that is an object with names, too. */
const rows = ({ name, places, required }: Property, prefix = ""): ReadonlyArray<string> => {
  const given = places.filter(({ absent }) => !absent)
  const parsed = given.map(({ doc }) => parseOption(oneLine(doc)))
  const type = [
    ...new Set(given.map(({ nested, type }) => nested === undefined || !type.startsWith("{") ? type : "object"))
  ]
  const fallback = distinct(parsed.map(({ fallback }) => fallback))
  const isFlag = given.every(({ flag }) => flag === true)
  const own = [
    `\`${prefix}${name}\``,
    `\`${type.join(" | ")}\``,
    distinct(parsed.map(({ meaning }) => meaning)),
    required ? "required" : fallback !== "" ? fallback : isFlag ? "`false`" : "",
    distinct(parsed.map(({ since }) => since))
  ]
  const inner = given.flatMap(({ nested }) => nested === undefined ? [] : [...nested.values()])
  return [
    `| ${own.map(cell).join(" | ")} |`,
    ...inner.flatMap((property) => rows(property, `${prefix}${name}.`))
  ]
}

const table = (shape: Shape): string =>
  ["| Option | Type | Meaning | Default | Since |", "| --- | --- | --- | --- | --- |"]
    .concat([...shape.values()].flatMap((property) => rows(property))).join("\n")

/** The options of each parameter that is an object; those of several parameters have the name of theirs in front. */
const optionsOf = ({ signatures }: Method): string => {
  const found = signatures.flatMap(({ parameters }) =>
    parameters.flatMap(({ name, options }) => options === undefined || options.size === 0 ? [] : [{ name, options }])
  )
  return found.map(({ name, options }) => name === "options" ? table(options) : `\`${name}\`:\n\n${table(options)}`)
    .join("\n\n")
}

const section = (group: Group, method: Method): string => {
  const named = typesOf(method)
  // The examples of modules are those of their pages.
  const example = group.isOfModule ? undefined : examples.get(method.name)
  if (example === undefined && !group.isOfModule) {
    throw new Error(`${method.name} has no example: name a sample in test/commands/samples/ "${method.name}", no more`)
  }
  return [
    `### ${method.name}`,
    facts(group, method),
    `\`\`\`text\n${signature(method)}\n\`\`\``,
    parseComment(oneLine(method.doc)).description,
    named.length === 0 ? "" : `Types: ${named.map(linkTo).join(", ")}`,
    optionsOf(method),
    example === undefined ? "" : `\`\`\`typescript\n${example}\n\`\`\``
  ].filter((part) => part !== "").join("\n\n") + "\n"
}

const fileOf = (group: Group): string => `${group.name.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()}.md`

const notice = "<!-- Written by `npm run generate`; change the sources instead. -->"

const byName = <A extends { readonly name: string }>(all: Iterable<A>): ReadonlyArray<A> =>
  Array.from(all).toSorted((one, other) => one.name < other.name ? -1 : 1)

const whereFrom = ({ entry, isOfModule, name }: Group): string =>
  isOfModule
    ? `Builders: \`import { ${name} } from "effect-redis-cluster/${entry}"\`, with the types of the options. A command runs on the client of the
fiber, or by \`execute\` of a client, a target or a dedicated connection, in pipelines and in transactions.`
    : `Builders: \`import { ${name} } from "effect-redis-cluster"\`; the same names are methods of the client, of targets and of
nodes. The types of the options are exported by \`effect-redis-cluster/${entry}\`.`

const page = (group: Group): string =>
  `${notice}

# ${group.name}

${group.intro}

${whereFrom(group)} How to read a section:
[the index](README.md).

${byName(group.methods).map((method) => section(group, method)).join("\n")}`

const listOf = (head: string, groups: ReadonlyArray<Group>): string =>
  [
    `| ${head} | Commands |`,
    "| --- | --- |",
    ...groups.map((group) =>
      `| [${group.name}](${fileOf(group)}) | ${
        byName(group.methods).map(({ name }) => `[${name}](${fileOf(group)}#${name.toLowerCase()})`).join(", ")
      } |`
    )
  ].join("\n")

const index = (groups: ReadonlyArray<Group>): string =>
  `${notice}

# Commands

These pages list every command with its signature, its reply, its options, where it goes and what it costs. Each is a method of the client
(\`redis.get("k")\`) and a function of its group (\`Strings.get("k")\`): both make a command, which is an effect.

A section has:

- A line of facts: the command as the server knows it; since which version (of both servers, unless one is named); its complexity; how it is
  [routed](../routing.md); \`reads\` when it changes nothing, so that it may be repeated and may run on a replica; \`may wait\` when
  the server may hold the reply back, so that it runs on a dedicated connection.
- The signature. In the type of a reply, \`O\` stands for the options of the call, and \`T\` for another argument. The types that the signature names are linked below it, and
  all types are on [one page](types.md).
- The options, with the server that introduced them where that is not the one of the command. An option without a default changes
  nothing when it is left out.
- An example, with the reply in a comment. The tests run it on servers. \`redis\` is the client; \`node\` is the client of one node,
  \`const node = yield* redis.node(yield* redis.randomNode)\`; and \`own\` is a dedicated connection,
  \`const own = yield* redis.dedicated("user:1")\`.

${listOf("Group", groups.filter(({ isOfModule }) => !isOfModule))}

The commands of modules have entry points of their own, so that a program pays for those that it imports. They are functions only, and no
methods of the client.

${listOf("Module", groups.filter(({ isOfModule }) => isOfModule))}
`

const declaration = (name: string): Declaration => {
  const found = declarations.get(name)
  if (found === undefined) throw new Error(`${name} is no type of the commands`)
  if (found.doc === "") throw new Error(`${name} has no docstring, which its page needs`)
  return found
}

/** The types that no group describes: those of several groups. */
const shared = [...types].filter((name) => !groupOf.has(name) && !elsewhere.has(name)).toSorted()

const typeSection = (name: string): string => {
  const { doc, node, text } = declaration(name)
  const body = node.type === "ClassDeclaration" ? "" : `\`\`\`typescript\n${text}\n\`\`\`\n\n`
  const others = typesIn(declaration(name)).filter((other) => types.has(other) && other !== name)
  return `### ${name}\n\n${doc}\n\n${body}${others.length === 0 ? "" : `Types: ${others.map(linkTo).join(", ")}\n\n`}`
}

const typesPage = `${notice}

# Types

The types that the signatures of commands name. Types of one group are described on the page of their group; the list at the end has
all of them.

## Types of several groups

${shared.map(typeSection).join("")}## All types

${[...types].toSorted().map(linkTo).join(", ")}
`

const pages = new Map([
  ["README.md", index(groups)],
  ["types.md", typesPage],
  ...groups.map((group) => [fileOf(group), page(group)] as const)
])
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
