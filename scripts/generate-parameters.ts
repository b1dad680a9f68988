/**
 * Writes src/commands/parameters: how many arguments each method takes at most, and which of them are objects of options
 * with which names, from the interfaces of the groups. Builders are checked with it in programs without types.
 *
 *   node scripts/generate-parameters.ts [--check]
 *
 * The sources are read with the parser of rolldown. With `--check` nothing is written, and the exit code says whether the
 * files are current.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { parseSync } from "rolldown/utils"

const sources = new URL("../src/commands/", import.meta.url)
const target = new URL("../src/commands/parameters/", import.meta.url)

/** The part of a node of the syntax tree that this script reads. */
interface Syntax {
  readonly type: string
  readonly [field: string]: unknown
}

const syntax = (value: unknown): Syntax | undefined => (value ?? undefined) as Syntax | undefined
const list = (value: unknown): ReadonlyArray<Syntax> => (value ?? []) as ReadonlyArray<Syntax>
const nameOf = (value: unknown): string => String(syntax(value)?.["name"] ?? "")

interface Parameters {
  most: number
  readonly options: Map<number, Names>
}

const modules = await Promise.all(
  (await readdir(sources)).filter((name) => name.endsWith(".ts")).toSorted().map(async (name) => {
    const text = await readFile(new URL(name, sources), "utf8")
    const body = list(parseSync(name, text).program.body).map((statement) =>
      statement.type === "ExportNamedDeclaration" ? syntax(statement["declaration"]) ?? statement : statement
    )
    return { name: name.slice(0, -3), body }
  })
)

const declared = new Map(
  modules.flatMap(({ body }) =>
    body.filter(({ type }) => type === "TSInterfaceDeclaration" || type === "TSTypeAliasDeclaration")
      .map((statement) => [nameOf(statement["id"]), statement] as const)
  )
)

/** Objects that are values and no options. */
const values = new Set(["Argument", "Entries", "Instant", "Integer", "Lifetime", "OneOrMore", "Patience", "Value"])

/** The names of an object, and whether they are yes or no; `undefined` where the type says that one is left out. */
type Names = ReadonlyMap<string, boolean | undefined>

const isFlag = (type: Syntax | undefined): boolean | undefined => {
  if (type?.type === "TSUndefinedKeyword") return undefined
  if (type?.type === "TSUnionType") return list(type["types"]).map(isFlag).find((flag) => flag !== undefined)
  return type?.type === "TSBooleanKeyword" ||
    (type?.type === "TSLiteralType" && typeof syntax(type["literal"])?.["value"] === "boolean")
}

/** An option that is a flag in one place and a value in another is no flag. */
const joined = (all: ReadonlyArray<Names | undefined>): Names | undefined => {
  if (all.length === 0 || all.includes(undefined)) return undefined
  const names = new Map<string, boolean | undefined>()
  for (const [name, flag] of all.flatMap((each) => [...each ?? []])) {
    const known = names.get(name)
    names.set(name, known === undefined ? flag : flag === undefined ? known : known && flag)
  }
  return names
}

const membersOf = (members: unknown): Names | undefined => {
  const all = list(members)
  return all.every(({ type }) => type === "TSPropertySignature")
    ? new Map(
      all.map(({ key, typeAnnotation }) =>
        [nameOf(key), isFlag(syntax(syntax(typeAnnotation)?.["typeAnnotation"]))] as const
      )
    )
    : undefined
}

/** The names of an object type; `undefined` for what is none, or has names of the program's own. */
const namesOf = (type: Syntax | undefined): Names | undefined => {
  switch (type?.type) {
    case "TSParenthesizedType":
      return namesOf(syntax(type["typeAnnotation"]))
    case "TSTypeLiteral":
      return membersOf(type["members"])
    case "TSIntersectionType":
    case "TSUnionType":
      return joined(list(type["types"]).map(namesOf))
    case "TSInterfaceDeclaration":
      return joined([
        membersOf(syntax(type["body"])?.["body"]),
        ...list(type["extends"]).map(({ expression }) => named(nameOf(expression)))
      ])
    case "TSTypeAliasDeclaration":
      return namesOf(syntax(type["typeAnnotation"]))
    case "TSTypeReference": {
      const name = nameOf(type["typeName"])
      const params = list(syntax(type["typeArguments"])?.["params"])
      if (name === "Exact") return namesOf(params[1])
      return named(name)
    }
    default:
      return undefined
  }
}

const named = (name: string): Names | undefined => values.has(name) ? undefined : namesOf(declared.get(name))

const methodsOf = (group: Syntax): ReadonlyMap<string, Parameters> => {
  const methods = new Map<string, Parameters>()
  for (const member of list(syntax(group["body"])?.["body"])) {
    if (member.type !== "TSMethodSignature") continue
    const name = nameOf(member["key"])
    const parameters = methods.get(name) ?? { most: 0, options: new Map<number, Names>() }
    list(member["params"]).forEach((param, at) => {
      parameters.most = param.type === "RestElement" ? Infinity : Math.max(parameters.most, at + 1)
      const names = namesOf(syntax(syntax(param["typeAnnotation"])?.["typeAnnotation"]))
      // A place of a server may be a node, which has more names.
      if (names === undefined || names.has("host")) return
      parameters.options.set(at, joined([parameters.options.get(at) ?? new Map(), names]) ?? names)
    })
    methods.set(name, parameters)
  }
  return methods
}

const entryOf = ([name, { most, options }]: readonly [string, Parameters]): string => {
  const objects = [...options].map(([at, names]) =>
    `${at}: [${[...names.keys()].toSorted().map((name) => JSON.stringify(name)).join(", ")}]`
  )
  const own = [...joined([...options.values()]) ?? []].flatMap(([name, flag]) => flag === true ? [name] : []).toSorted()
  const fields = [
    `most: ${most}`,
    ...(objects.length === 0 ? [] : [`options: { ${objects.join(", ")} }`]),
    ...(own.length === 0 ? [] : [`flags: [${own.map((name) => JSON.stringify(name)).join(", ")}]`])
  ]
  return `  ${name}: { ${fields.join(", ")} }`
}

const files = modules.flatMap(({ body, name }) => {
  const group = body.find(({ id, type }) => type === "TSInterfaceDeclaration" && /^\w+Commands$/.test(nameOf(id)))
  if (group === undefined || name === "Commands") return []
  const text = [
    "// Generated by scripts/generate-parameters.ts.",
    `import type { Parameters } from "./Parameters.ts"`,
    "",
    "export const parameters: Parameters = {",
    [...methodsOf(group)].map(entryOf).join(",\n"),
    "}",
    ""
  ].join("\n")
  return [{ url: new URL(`${name}.ts`, target), text }]
})

/** Formatting does not matter. */
const bare = (text: string): string => text.replaceAll(/\s+/g, "")

let stale = 0
await mkdir(target, { recursive: true })
for (const { text, url } of files) {
  const present = await readFile(url, "utf8").catch(() => "")
  if (bare(present) === bare(text)) continue
  stale++
  if (process.argv.includes("--check")) console.error(`${fileURLToPath(url)} is not current: npm run generate`)
  else await writeFile(url, text)
}
if (process.argv.includes("--check") && stale > 0) process.exitCode = 1
