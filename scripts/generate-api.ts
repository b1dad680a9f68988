/**
 * Writes docs/api: a page for each public module, from its docstrings and signatures.
 *
 *   node scripts/generate-api.ts [--check]
 *
 * The exports of `src/index.ts` are public, and so are the modules that are entry points of their own. The builders of
 * commands have pages of their own (scripts/generate-reference.ts) that say more about them than their types. The
 * sources are read with the parser of rolldown: the compiler of TypeScript 7 has no interface for tools yet. With
 * `--check` nothing is written, and the exit code says whether the pages are current.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { parseSync } from "rolldown/utils"
import { list, type Syntax, syntax } from "./syntax.ts"

const sources = new URL("../src/", import.meta.url)
const target = new URL("../docs/api/", import.meta.url)

// -----------------------------------------------------------------------------
// Reading
// -----------------------------------------------------------------------------

interface Doc {
  readonly text: string
  readonly category: string
  readonly see: ReadonlyArray<string>
  readonly internal: boolean
}

const parseDoc = (comment: string): Doc => {
  const lines = comment.slice(3, -2).split("\n").map((line) => line.replace(/^\s*\*? ?/, "").trimEnd())
  const tag = (name: string): ReadonlyArray<string> =>
    lines.filter((line) => line.startsWith(`@${name}`)).map((line) => line.slice(name.length + 2).trim())
  return {
    text: lines.filter((line) => !/^@(since|category|see|internal|stability)\b/.test(line)).join("\n").trim(),
    category: tag("category")[0] ?? "",
    see: tag("see"),
    internal: lines.some((line) => line.startsWith("@internal"))
  }
}

const noDoc: Doc = { text: "", category: "", see: [], internal: false }

/** The docstring that ends right before a position. */
const docBefore = (text: string, position: number): Doc => {
  const before = text.slice(0, position).trimEnd()
  if (!before.endsWith("*/")) return noDoc
  const start = before.lastIndexOf("/**")
  return start < 0 ? noDoc : parseDoc(before.slice(start))
}

interface Member {
  readonly name: string
  readonly doc: Doc
  readonly signature: string
}

interface Item {
  readonly name: string
  readonly doc: Doc
  readonly signature: string
  /** Those with a section of their own. */
  readonly members: ReadonlyArray<Member>
}

interface Module {
  /** Its path under src/, without the ending. */
  readonly path: string
  readonly doc: Doc
  readonly items: ReadonlyArray<Item>
}

const nameOf = (node: Syntax): string => {
  const key = node["key"] ?? node["id"]
  return String(key === undefined || key === null ? "" : syntax(key)["name"] ?? syntax(key)["value"] ?? "")
}

/** A part of the text, without the indentation of the line that it begins in. */
const slice = (text: string, start: number, end: number): string => {
  const line = text.slice(text.lastIndexOf("\n", start - 1) + 1)
  const indent = line.search(/\S/)
  return text.slice(start, end).replaceAll(/(?<=\n) +/g, (spaces) => spaces.slice(indent)).trim()
}

/** `name(parameters): Result` of a function, as far as it is written down. */
const functionSignature = (text: string, name: string, f: Syntax): string => {
  let body = syntax(f["body"])
  while (body.type === "ArrowFunctionExpression") body = syntax(body["body"])
  return `${name}${slice(text, f.start, body.start).replace(/\s*=>\s*(?:\/\/.*\s*)*\(?$/, "")}`
}

const classMember = (text: string, node: Syntax): Member | undefined => {
  const name = nameOf(node)
  const doc = docBefore(text, node.start)
  if (doc.internal || name === "constructor" || node["accessibility"] === "private") return undefined
  if (syntax(node["key"]).type === "PrivateIdentifier" || node["override"] === true) return undefined
  const prefix = node["static"] === true ? "static " : ""
  if (node.type === "MethodDefinition") {
    const body = node["value"] === null ? undefined : syntax(node["value"])["body"]
    const end = body === null || body === undefined ? node.end : syntax(body).start
    return { name, doc, signature: slice(text, node.start, end) }
  }
  if (node.type !== "PropertyDefinition") return undefined
  const value = node["value"] === null ? undefined : syntax(node["value"])
  if (value?.type === "ArrowFunctionExpression") {
    return { name, doc, signature: functionSignature(text, `${prefix}${name}`, value) }
  }
  const end = value === undefined ? node.end : value.start
  return { name, doc, signature: slice(text, node.start, end).replace(/\s*=$/, "") }
}

const interfaceMember = (text: string, node: Syntax): Member => {
  const signature = slice(text, node.start, node.end).replace(/^readonly /, "").replace(/;$/, "")
  return { name: nameOf(node), doc: docBefore(text, node.start), signature }
}

/** Members are worth sections where one of them says more than fits beside it. */
const wantsSections = (members: ReadonlyArray<Member>): boolean =>
  members.some(({ doc }) => doc.text.includes("```") || doc.text.split("\n\n").length > 2)

const named = (members: ReadonlyArray<Member | undefined>): ReadonlyArray<Member> =>
  members.filter((member) => member !== undefined).filter(({ name }) => name !== "")

const readDeclaration = (text: string, outer: Syntax, node: Syntax): ReadonlyArray<Item> => {
  const doc = docBefore(text, outer.start)
  if (doc.internal) return []
  switch (node.type) {
    case "TSInterfaceDeclaration": {
      const members = named(list(syntax(node["body"])["body"]).map((member) => interfaceMember(text, member)))
        .filter((member) => !member.doc.internal)
      const sections = wantsSections(members)
      const end = sections ? syntax(node["body"]).start : node.end
      const signature = slice(text, node.start, end)
      return [{ name: nameOf(node), doc, signature, members: sections ? members : [] }]
    }
    case "ClassDeclaration": {
      const members = named(list(syntax(node["body"])["body"]).map((member) => classMember(text, member)))
      const head = slice(text, node.start, syntax(node["body"]).start)
      if (wantsSections(members)) return [{ name: nameOf(node), doc, signature: head, members }]
      const body = members.map(({ doc, signature }) =>
        `${doc.text === "" ? "" : `  /** ${doc.text.replaceAll("\n", "\n   * ")} */\n`}  ${
          signature.replaceAll("\n", "\n  ")
        }\n`
      )
      const signature = body.length === 0 ? head : `${head} {\n${body.join("")}}`
      return [{ name: nameOf(node), doc, signature, members: [] }]
    }
    case "FunctionDeclaration":
    case "TSDeclareFunction": {
      const body = node["body"]
      const end = body === null || body === undefined ? node.end : syntax(body).start
      return [{ name: nameOf(node), doc, signature: slice(text, node.start, end), members: [] }]
    }
    case "VariableDeclaration": {
      const [declarator] = list(node["declarations"])
      const name = nameOf(declarator)
      const type = syntax(declarator["id"])["typeAnnotation"]
      const value = syntax(declarator["init"])
      let signature = `const ${name}`
      if (type !== undefined && type !== null) signature += slice(text, syntax(type).start, syntax(type).end)
      else if (value.type === "ArrowFunctionExpression") signature = functionSignature(text, `const ${name}: `, value)
      else if (value.end - value.start < 200) signature += ` = ${slice(text, value.start, value.end)}`
      return [{ name, doc, signature, members: [] }]
    }
    default:
      return [{ name: nameOf(node), doc, signature: slice(text, node.start, node.end), members: [] }]
  }
}

const programOf = async (path: string): Promise<{ readonly text: string; readonly body: ReadonlyArray<Syntax> }> => {
  const text = await readFile(new URL(`${path}.ts`, sources), "utf8")
  return { text, body: list(parseSync(`${path}.ts`, text, { lang: "ts" }).program.body) }
}

const relative = (from: string, to: string): string =>
  new URL(to, new URL(`${from}.ts`, sources)).href.slice(sources.href.length).replace(/\.ts$/, "")

const readModule = async (path: string, wanted: (name: string) => boolean): Promise<Module> => {
  const { body, text } = await programOf(path)
  const items: Array<Item> = []
  for (const node of body) {
    if (node.type !== "ExportNamedDeclaration") continue
    if (node["source"] !== null && node["source"] !== undefined) {
      // A re-export is described where it is declared.
      const names = new Set(list(node["specifiers"]).map((specifier) => String(syntax(specifier["local"])["name"])))
      const source = relative(path, String(syntax(node["source"])["value"]))
      items.push(...(await readModule(source, (name) => names.has(name) && wanted(name))).items)
    }
    if (node["declaration"] === null) continue
    for (const item of readDeclaration(text, node, syntax(node["declaration"]))) {
      if (!wanted(item.name)) continue
      const overload = items.findIndex(({ name, signature }) => name === item.name && signature.startsWith("function"))
      if (overload < 0) items.push(item)
      else items[overload] = { ...items[overload], signature: `${items[overload].signature}\n${item.signature}` }
    }
  }
  const first = /^\/\*\*[\s\S]*?\*\//.exec(text)?.[0]
  return { path, doc: first === undefined ? noDoc : parseDoc(first), items }
}

interface Export {
  /** The name under which the whole module is exported, if it is. */
  readonly namespace: string | undefined
  readonly all: boolean
  readonly names: ReadonlySet<string>
}

/** The names that are exported as types. */
const types = new Set<string>()

/** The exports of a barrel, by module. */
const exportsOf = async (barrel: string): Promise<ReadonlyMap<string, Export>> => {
  const found = new Map<string, Export>()
  for (const node of (await programOf(barrel)).body) {
    const source = node["source"]
    if (source === undefined || source === null) continue
    const path = relative(barrel, String(syntax(source)["value"]))
    const known = found.get(path) ?? { namespace: undefined, all: false, names: new Set<string>() }
    if (node.type === "ExportAllDeclaration") {
      const as = node["exported"]
      const namespace = as === null || as === undefined ? undefined : String(syntax(as)["name"])
      found.set(path, { ...known, namespace: namespace ?? known.namespace, all: true })
    } else {
      const names = list(node["specifiers"]).map((specifier) => String(syntax(specifier["local"])["name"]))
      for (const specifier of list(node["specifiers"])) {
        const kinds = [node["exportKind"], specifier["exportKind"]]
        if (kinds.includes("type")) types.add(String(syntax(specifier["local"])["name"]))
      }
      found.set(path, { ...known, names: new Set([...known.names, ...names]) })
    }
  }
  return found
}

// -----------------------------------------------------------------------------
// Writing
// -----------------------------------------------------------------------------

const code = (text: string): string => `\`\`\`typescript\n${text.replace(/^export /gm, "")}\n\`\`\`\n`

const description = ({ see, text }: Doc): string =>
  [text, ...see.map((link) => `See ${link.startsWith("http") ? `<${link}>` : link}.`)].filter((part) => part !== "")
    .map((part) => `${part}\n\n`).join("")

const member = ({ doc, name, signature }: Member): string => `#### ${name}\n\n${description(doc)}${code(signature)}`

const item = ({ doc, members, name, signature }: Item): string =>
  [`### ${name}\n\n${description(doc)}${code(signature)}`, ...members.map(member)].join("\n")

/** The members of the client need no name for the interface that they are declared in. */
const clientItem = (one: Item): string => {
  if (!one.name.endsWith("Members")) return item(one)
  return one.members.length === 0
    ? `${description(one.doc)}${code(one.signature)}`
    : one.members.map((one) => member(one).slice(1)).join("\n")
}

const basename = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** Whether a module has builders of commands, of servers or of their modules. */
const hasBuilders = (path: string): boolean => path.startsWith("commands/") || path.startsWith("modules/")

/** The names of the groups of builders in a module. */
const groupsOf = ({ items, path }: Module): ReadonlyArray<string> =>
  hasBuilders(path)
    ? items.map(({ name }) => name).filter((name) =>
      items.some((other) => other.name === `${name}Commands`) ||
      (name === basename(path) && items.some((other) => other.name.endsWith("Commands")))
    )
    : []

/** The builders and their interface: they have pages of their own. */
const isBuilders = (name: string, module: Module): boolean =>
  hasBuilders(module.path) && (groupsOf(module).includes(name) || name.endsWith("Commands"))

const byCategory = (items: ReadonlyArray<Item>): string => {
  const categories = new Map<string, Array<Item>>()
  for (const one of items) {
    const category = one.doc.category === "" ? "other" : one.doc.category
    categories.set(category, [...categories.get(category) ?? [], one])
  }
  return [...categories].map(([name, items]) =>
    `## ${name[0].toUpperCase()}${name.slice(1)}\n\n${items.map(item).join("\n")}`
  ).join("\n")
}

const notice = "<!-- Written by `npm run generate`; change the sources instead. -->"

interface Page {
  readonly file: string
  readonly title: string
  readonly summary: string
  readonly text: string
}

const kebab = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()

const firstSentence = (text: string): string => text.split("\n\n")[0].replaceAll(/\s+/g, " ")

/** Pages of several modules, each under the word that its readers look for. */
const topics: Readonly<Record<string, { readonly about: string; readonly paths: ReadonlyArray<string> }>> = {
  Consumers: {
    about: "Streams read by consumer groups: what `redis.consume` takes and gives.",
    paths: ["consumer/GroupConsumer", "consumer/EntryForm"]
  },
  Nodes: {
    about: "The nodes of the cluster, and where they listen.",
    paths: ["cluster/ClusterNode", "cluster/Endpoint"]
  },
  Observability: {
    about:
      "Events of the client and statements in spans. Metrics and logs need no code: see [Observability](../observability.md).",
    paths: ["observability/ClientEvent", "routing/request/Tracing", "routing/reads/ReadNodes"]
  },
  Pipelines: {
    about: "Many commands in one go: the types of batches and of their results.",
    paths: ["routing/batches/BatchShape"]
  },
  Subscriptions: {
    about: "Subscriptions: their options, their events, keyspace notifications and MONITOR.",
    paths: ["pubsub/Subscription", "pubsub/SubscriptionEvent", "pubsub/Keyspace", "pubsub/Monitor"]
  },
  Targets: {
    about: "Which nodes a command is meant for, when its keys do not decide.",
    paths: ["routing/nodes/Target"]
  }
}

const topicOf = (path: string): string | undefined =>
  Object.keys(topics).find((title) => topics[title].paths.includes(path))

/** A module of a topic, with the names that it exports, and where. */
interface Part {
  readonly module: Module
  readonly names: ReadonlyArray<string>
  readonly from: string
}

/** In one line, or a name a line. */
const importOf = (names: ReadonlyArray<string>, from: string): string => {
  const line = `import { ${names.join(", ")} } from "${from}"`
  return line.length <= 120 ? line : `import {\n${names.map((name) => `  ${name}`).join(",\n")}\n} from "${from}"`
}

const topicPage = (title: string, parts: ReadonlyArray<Part>): Page => {
  const { about, paths } = topics[title]
  const ordered = parts.toSorted((one, other) => paths.indexOf(one.module.path) - paths.indexOf(other.module.path))
  return {
    file: `${title}.md`,
    title,
    summary: about.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1"),
    text: [
      `${notice}\n\n# ${title}\n`,
      code(importOf(ordered.flatMap(({ names }) => names), ordered[0].from)),
      `${about}\n`,
      byCategory(ordered.flatMap(({ module }) => module.items))
    ].join("\n").replaceAll(/\n{3,}/g, "\n\n")
  }
}

const pageOf = (module: Module, title: string, imported: string, more: ReadonlyArray<Module> = []): Page => {
  const own = module.items.filter(({ name }) => !isBuilders(name, module))
  const builders = own.length < module.items.length
  return {
    file: `${title.replace("/", "-")}.md`,
    title,
    summary: firstSentence(module.doc.text),
    text: [
      `${notice}\n\n# ${title}\n`,
      code(imported),
      description(module.doc),
      builders
        ? `The builders, one by one: ${
          groupsOf(module).map((name) => `[${name}](../commands/${kebab(name)}.md)`).join(", ")
        }.\n`
        : "",
      own.length === 0 ? "" : byCategory(own),
      ...more.map(({ doc, items }) =>
        `\n## ${firstSentence(doc.text).replace(/\.$/, "")}\n\n${items.map(clientItem).join("\n")}`
      )
    ].filter((part) => part !== "").join("\n").replaceAll(/\n{3,}/g, "\n\n")
  }
}

/** Modules outside of the barrel that programs import by path: `effect-redis-cluster/integrations/Redis`. */
const entryPoints = (exports: ReadonlySet<string>, folder: string): ReadonlyArray<string> =>
  [...exports].filter((name) => name.startsWith(`./${folder}/`)).map((name) => name.slice(2))

const make = async (): Promise<ReadonlyArray<Page>> => {
  const pages: Array<Page> = []
  const members: Array<Module> = []
  const parts = new Map<string, Array<Part>>()
  const entries = new Set(Object.keys(JSON.parse(await readFile(new URL("../package.json", sources), "utf8")).exports))
  const groups: Array<{ readonly barrel: string; readonly name: string }> = [
    { barrel: "index", name: "effect-redis-cluster" }
  ]
  if ((await readdir(sources)).includes("testing")) {
    groups.push({ barrel: "testing/index", name: "effect-redis-cluster/testing" })
  }
  for (const { barrel, name } of groups) {
    for (const [path, { all, names, namespace }] of await exportsOf(barrel)) {
      if (path.startsWith("client/")) continue
      const commands = entries.has(`./${path}`)
      const module = await readModule(path, (name) => all || commands || names.has(name))
      const shownNames = [...names].toSorted().map((name) => types.has(name) ? `type ${name}` : name)
      const shown = namespace ?? (all ? "*" : shownNames.join(", "))
      const title = `${barrel === "index" ? "" : "testing/"}${namespace ?? basename(path)}`
      if (path === "ClusterClient") {
        // The members of the client are documented in modules of their own.
        const files = (await readdir(new URL("client/", sources))).toSorted()
        for (const file of files) {
          const path = `client/${file.slice(0, -3)}`
          const exported = (await exportsOf(barrel)).get(path)?.names
          const part = await readModule(path, (name) => name.endsWith("Members") || exported?.has(name) === true)
          if (part.items.length > 0) members.push(part)
        }
      }
      const lines = [`import ${shown === "*" ? `* as ${basename(title)}` : `{ ${shown} }`} from "${name}"`]
      if (commands) lines.push(`import type { ... } from "effect-redis-cluster/${path}" // the types below`)
      const topic = topicOf(path)
      if (topic === undefined) {
        pages.push(pageOf(module, title, lines.join("\n"), path === "ClusterClient" ? members : []))
      } else {
        parts.set(topic, [...parts.get(topic) ?? [], { module, names: shownNames, from: name }])
      }
    }
  }
  for (const [title, all] of parts) pages.push(topicPage(title, all))
  for (const path of entryPoints(entries, "integrations")) {
    const title = basename(path)
    const module = await readModule(path, () => true)
    pages.push(pageOf(module, title, `import * as ${title} from "effect-redis-cluster/${path}"`))
  }
  for (const path of entryPoints(entries, "modules")) {
    const module = await readModule(path, () => true)
    const names = groupsOf(module).join(", ")
    pages.push(pageOf(module, basename(path), `import { ${names} } from "effect-redis-cluster/${path}"`))
  }
  return pages.toSorted((one, other) => one.title < other.title ? -1 : 1)
}

const pages = await make()
const index = `${notice}

# API reference

What the package exports, module by module, with signatures as they stand in the sources. The builders and methods of the
commands are in [the reference of commands](../commands/README.md). For a first acquaintance the
[README](../../README.md) and the pages that it links to are the better place.

| Module | |
| --- | --- |
${pages.map(({ file, summary, title }) => `| [${title}](${file}) | ${summary.replaceAll("|", "\\|")} |`).join("\n")}
`

const files = new Map([["README.md", index], ...pages.map(({ file, text }) => [file, text] as const)])
if (files.size !== pages.length + 1) throw new Error("two modules want the same page")

if (process.argv.includes("--check")) {
  const there = await readdir(target).catch(() => [])
  const stale = new Set(there.filter((file) => !files.has(file)))
  for (const [file, text] of files) {
    if (await readFile(new URL(file, target), "utf8").catch(() => "") !== text) stale.add(file)
  }
  if (stale.size > 0) {
    console.error(`docs/api is not current (${[...stale].join(", ")}): npm run generate`)
    process.exitCode = 1
  }
} else {
  await rm(target, { recursive: true, force: true })
  await mkdir(target)
  for (const [file, text] of files) await writeFile(new URL(file, target), text)
  console.log(`${files.size} pages in ${fileURLToPath(target)}`)
}
