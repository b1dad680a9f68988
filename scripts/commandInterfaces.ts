/**
 * The interfaces of the groups of commands, as far as scripts and tests read them: methods with their parameters, the
 * options among them, and the types that they name. The sources are read with the parser of rolldown.
 */
import { readdir, readFile } from "node:fs/promises"
import { parseSync } from "rolldown/utils"
import { list, type Syntax, syntax } from "./syntax.ts"

const sources = new URL("../src/", import.meta.url)

/** A type that a module declares. */
export interface Declaration {
  readonly name: string
  /** The path of the module under src/, without the ending. */
  readonly module: string
  readonly exported: boolean
  /** The docstring, without its tags. */
  readonly doc: string
  readonly text: string
  readonly node: Syntax
  readonly source: string
}

/** A property of an object of options, in one of the places where it is declared. */
export interface Place {
  /** The type that declares the property, or that of the parameter. */
  readonly owner: string
  readonly doc: string
  /** The type without `undefined`. */
  readonly type: string
  /** Whether the type only says that the property is left out, so that another member of a union may have it. */
  readonly absent: boolean
  /** Whether the type is a boolean; `undefined` where the property is left out. */
  readonly flag: boolean | undefined
  /** The properties of the value, where the value is an object of options itself. */
  readonly nested: Shape | undefined
}

export interface Property {
  readonly name: string
  readonly required: boolean
  readonly places: ReadonlyArray<Place>
}

/** The properties of an object of options, by name. */
export type Shape = ReadonlyMap<string, Property>

export interface Parameter {
  readonly name: string
  readonly rest: boolean
  /** The options, if the parameter is an object of options. */
  readonly options: Shape | undefined
}

export interface Signature {
  readonly parameters: ReadonlyArray<Parameter>
  /** `name(parameters)`, as it is written. */
  readonly call: string
  /** The type of the reply. */
  readonly reply: string
  readonly perNode: boolean
  /** The types that the signature names. */
  readonly types: ReadonlyArray<string>
}

export interface Method {
  readonly name: string
  /** The docstring. */
  readonly doc: string
  /** One for each overload. */
  readonly signatures: ReadonlyArray<Signature>
}

export interface Group {
  /** The name of the value that holds the builders. */
  readonly name: string
  /** The path under src/, without the ending. */
  readonly path: string
  /** The entry point that exports the group and its types, below `effect-redis-cluster/`. */
  readonly entry: string
  /** Whether its commands are of a module of servers, and no methods of the client. */
  readonly isOfModule: boolean
  readonly intro: string
  readonly methods: ReadonlyArray<Method>
}

// -----------------------------------------------------------------------------
// Modules
// -----------------------------------------------------------------------------

interface Module {
  readonly path: string
  readonly text: string
  readonly body: ReadonlyArray<Syntax>
}

const nameOf = (value: unknown): string =>
  value === null || value === undefined ? "" : String(syntax(value)["name"] ?? syntax(value)["value"] ?? "")

const plain = (comment: string): string =>
  comment.replace(/^\/\*\*|\*\/$/g, "").split("\n").map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
    .filter((line) => !/^\s*@(since|category|see|internal)\b/.test(line)).join("\n").trim()

/** The docstring that ends right before a position, whatever plain comments follow it. */
const docBefore = (text: string, position: number): string => {
  const lines = text.slice(0, position).trimEnd().split("\n")
  while (lines.at(-1)?.trimStart().startsWith("//") === true) lines.pop()
  const before = lines.join("\n").trimEnd()
  if (!before.endsWith("*/")) return ""
  const start = before.lastIndexOf("/**")
  return start < 0 ? "" : plain(before.slice(start))
}

const read = async (path: string): Promise<Module> => {
  const text = await readFile(new URL(`${path}.ts`, sources), "utf8")
  return { path, text, body: list(parseSync(`${path}.ts`, text, { lang: "ts" }).program.body) }
}

const pathsIn = async (folder: string): Promise<ReadonlyArray<string>> =>
  (await readdir(new URL(folder, sources))).filter((name) => name.endsWith(".ts")).toSorted().map((name) =>
    `${folder}${name.slice(0, -3)}`
  )

const paths = [
  ...await pathsIn("commands/"),
  ...await pathsIn("modules/"),
  ...await pathsIn("modules/json/"),
  ...await pathsIn("modules/search/"),
  ...await pathsIn("modules/sketches/"),
  ...await pathsIn("modules/timeSeries/"),
  "protocol/Reply",
  "cluster/ClusterNode"
]

const modules = await Promise.all(paths.map(read))

const isType = ({ type }: Syntax): boolean =>
  type === "TSInterfaceDeclaration" || type === "TSTypeAliasDeclaration" || type === "ClassDeclaration"

/** The types that the modules of the commands, and those that they use, declare. */
export const declarations: ReadonlyMap<string, Declaration> = new Map(
  modules.flatMap(({ body, path, text }) =>
    body.flatMap((statement) => {
      const inner = statement.type === "ExportNamedDeclaration" ? statement["declaration"] : statement
      if (inner === null || inner === undefined || !isType(syntax(inner))) return []
      const node = syntax(inner)
      const name = nameOf(node["id"])
      return [
        [name, {
          name,
          module: path,
          exported: statement !== inner,
          doc: docBefore(text, statement.start),
          text: text.slice(node.start, node.end),
          node,
          source: text
        }] as const
      ]
    })
  )
)

/** The names that a module exports as types, those of other modules included. */
export const exportsOf = (path: string): ReadonlySet<string> => {
  const found = new Set<string>()
  for (const statement of modules.find((module) => module.path === path)?.body ?? []) {
    if (statement.type !== "ExportNamedDeclaration") continue
    for (const specifier of list(statement["specifiers"])) found.add(nameOf(specifier["exported"]))
    const declaration = statement["declaration"]
    if (declaration !== null && declaration !== undefined && isType(syntax(declaration))) {
      found.add(nameOf(syntax(declaration)["id"]))
    }
  }
  return found
}

// -----------------------------------------------------------------------------
// Options
// -----------------------------------------------------------------------------

/** Objects that are values and no options. */
const values = new Set([
  ...["Argument", "Entries", "Instant", "Integer", "Lifetime", "OneOrMore", "Patience", "Value"],
  ...["Fields", "Index", "Query", "SearchAggregation"]
])

const isFlag = (type: Syntax | undefined): boolean | undefined => {
  if (type?.type === "TSUndefinedKeyword") return undefined
  if (type?.type === "TSUnionType") return list(type["types"]).map(isFlag).find((flag) => flag !== undefined)
  return type?.type === "TSBooleanKeyword" ||
    (type?.type === "TSLiteralType" && typeof syntax(type["literal"])["value"] === "boolean")
}

const isAbsent = (type: Syntax): boolean =>
  type.type === "TSUndefinedKeyword" ||
  (type.type === "TSLiteralType" && syntax(type["literal"])["value"] === false) ||
  (type.type === "TSUnionType" && list(type["types"]).every(isAbsent))

const parts = (type: Syntax): ReadonlyArray<Syntax> => type.type === "TSUnionType" ? list(type["types"]) : [type]

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim()

const property = (text: string, owner: string, member: Syntax): Property => {
  const name = nameOf(member["key"])
  const type = syntax(syntax(member["typeAnnotation"])["typeAnnotation"])
  const given = parts(type).filter((part) => part.type !== "TSUndefinedKeyword")
  const place: Place = {
    owner,
    doc: docBefore(text, member.start),
    type: given.map((part) => oneLine(text.slice(part.start, part.end))).join(" | "),
    absent: isAbsent(type),
    flag: isFlag(type),
    nested: given.length === 1 ? shapeOf(text, `${owner}.${name}`, given[0]) : undefined
  }
  return { name, required: member["optional"] !== true && !place.absent, places: [place] }
}

const members = (text: string, owner: string, all: ReadonlyArray<Syntax>): Shape | undefined =>
  all.every(({ type }) => type === "TSPropertySignature")
    ? new Map(all.map((member) => [nameOf(member["key"]), property(text, owner, member)] as const))
    : undefined

/** All shapes together: a property is required where one has to be there in `every` or in `some` of them. */
const joined = (shapes: ReadonlyArray<Shape | undefined>, rule: "every" | "some"): Shape | undefined => {
  const given = shapes.filter((shape) => shape !== undefined)
  if (given.length === 0 || given.length < shapes.length) return undefined
  const names = new Set(given.flatMap((shape) => [...shape.keys()]))
  return new Map(Array.from(names, (name) => [name, {
    name,
    required: given[rule]((shape) => shape.get(name)?.required === true),
    places: given.flatMap((shape) => shape.get(name)?.places ?? [])
  }]))
}

const named = (name: string): Shape | undefined => {
  const found = declarations.get(name)
  if (found === undefined || values.has(name)) return undefined
  const { node, source } = found
  if (node.type === "TSTypeAliasDeclaration") return shapeOf(source, name, syntax(node["typeAnnotation"]))
  if (node.type !== "TSInterfaceDeclaration") return undefined
  const bases = list(node["extends"]).map(({ expression }) => named(nameOf(expression)))
  return joined([members(source, name, list(syntax(node["body"])["body"])), ...bases], "some")
}

/** The properties of an object of options; `undefined` for what is none, or has names of the program's own. */
const shapeOf = (text: string, owner: string, type: Syntax): Shape | undefined => {
  switch (type.type) {
    case "TSParenthesizedType":
      return shapeOf(text, owner, syntax(type["typeAnnotation"]))
    case "TSTypeLiteral":
      return members(text, owner, list(type["members"]))
    case "TSIntersectionType":
      return joined(list(type["types"]).map((part) => shapeOf(text, owner, part)), "some")
    case "TSUnionType":
      return joined(list(type["types"]).map((part) => shapeOf(text, owner, part)), "every")
    case "TSTypeReference": {
      const name = nameOf(type["typeName"])
      const shape = list(type["typeArguments"] === null ? [] : syntax(type["typeArguments"] ?? {})["params"])[1]
      // They say which properties go together, and declare none.
      if (name === "With" || name === "Without") return new Map()
      return name === "Exact" && shape !== undefined ? shapeOf(text, owner, shape) : named(name)
    }
    default:
      return undefined
  }
}

// -----------------------------------------------------------------------------
// Methods
// -----------------------------------------------------------------------------

/** The names of all types in a part of the tree. */
const referred = (node: unknown): ReadonlyArray<string> => {
  if (typeof node !== "object" || node === null) return []
  if (Array.isArray(node)) return node.flatMap(referred)
  const { expression, type, typeName } = syntax(node)
  const own = type === "TSTypeReference"
    ? [nameOf(typeName)]
    : type === "TSInterfaceHeritage"
    ? [nameOf(expression)]
    : []
  return [...own, ...Object.values(node).flatMap(referred)]
}

/** The names of the types that a declaration names. */
export const typesIn = ({ node }: Declaration): ReadonlyArray<string> => [...new Set(referred(node))]

const unindented = (text: string): string => text.replaceAll(/^ {2}/gm, "").trim()

const signatureOf = (text: string, member: Syntax): Signature => {
  const parameters = list(member["params"]).map((param): Parameter => {
    const name = nameOf(param)
    const type = syntax(param["typeAnnotation"] ?? {})["typeAnnotation"]
    const options = type === undefined ? undefined : shapeOf(text, name, syntax(type))
    // A place of a server may be a node, which has more names.
    return { name, rest: param.type === "RestElement", options: options?.has("host") === true ? undefined : options }
  })
  const returned = syntax(syntax(member["returnType"])["typeAnnotation"])
  const reply = list(syntax(returned["typeArguments"])["params"])[1]
  const whole = text.slice(member.start, returned.start).replace(/:\s*$/, "")
  const generic = member["typeParameters"] === null ? undefined : syntax(member["typeParameters"])
  // The names of inferred types stand for their bounds.
  let call = generic === undefined
    ? whole
    : whole.slice(0, generic.start - member.start) + whole.slice(generic.end - member.start)
  call = call.replaceAll(/Exact<O, (\w+)>/g, "$1").replaceAll(/Inferred<T, (.+)>(?=,?$)/gm, "$1")
    .replaceAll(/NoInfer<((?:[^<>]|<[^<>]*>)*)>/g, "$1")
  for (const { constraint, name } of list(generic?.["params"])) {
    const bound = constraint === null || constraint === undefined ? undefined : syntax(constraint)
    if (bound !== undefined && nameOf(name) !== "O") {
      call = call.replaceAll(new RegExp(`: ${nameOf(name)}\\b`, "g"), `: ${text.slice(bound.start, bound.end)}`)
    }
  }
  return {
    parameters,
    call: unindented(call),
    reply: unindented(text.slice(reply.start, reply.end)),
    perNode: nameOf(returned["typeName"]) === "ReturnsPerNode",
    types: [...new Set(referred([generic, member["params"], reply]))].filter((name) => declarations.has(name))
  }
}

/** The entry point of a file: itself, or the file of the folder above that exports a part of it. */
const entryOf = (path: string): string => {
  const [folder, ...rest] = path.split("/")
  if (rest.length === 1) return path
  const entry = modules.find((module) =>
    module.path.startsWith(`${folder}/`) && module.path.split("/").length === 2 &&
    module.text.includes(`from "./${rest.join("/")}.ts"`) && module.text.includes(`export { ${rest.at(-1)},`)
  ) ?? modules.find(({ text }) => new RegExp(`export \\{\\s+${rest.at(-1)},`).test(text))
  return entry?.path ?? path
}

const groupOf = ({ body, path, text }: Module): Group | undefined => {
  const statements = body.map((statement) => syntax(statement["declaration"] ?? statement))
  const found = statements.find(({ id, type }) =>
    type === "TSInterfaceDeclaration" && /^\w+Commands$/.test(nameOf(id)) && nameOf(id) !== "Commands"
  )
  if (found === undefined) return undefined
  const value = new RegExp(`\\nexport const (\\w+): ${nameOf(found["id"])}<CommandSurface>`).exec(text)?.[1]
  if (value === undefined) return undefined
  const methods = new Map<string, Method>()
  for (const member of list(syntax(found["body"])["body"])) {
    if (member.type !== "TSMethodSignature") continue
    const name = nameOf(member["key"])
    const known = methods.get(name) ?? { name, doc: docBefore(text, member.start), signatures: [] }
    methods.set(name, { ...known, signatures: [...known.signatures, signatureOf(text, member)] })
  }
  return {
    name: value,
    path,
    entry: entryOf(path),
    isOfModule: path.startsWith("modules/"),
    intro: plain(/^\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? "").split("**Example**")[0].trim(),
    methods: [...methods.values()]
  }
}

/** The groups of commands, in the order of their names; those of modules come last. */
export const groups: ReadonlyArray<Group> = modules.map(groupOf).filter((group) => group !== undefined)

/** The options of a shape, and those inside them, without the gaps of unions. */
export const placesIn = (shape: Shape): ReadonlyArray<readonly [name: string, place: Place]> =>
  [...shape.values()].flatMap(({ name, places }) =>
    places.filter(({ absent }) => !absent).flatMap((place) => [
      [name, place] as const,
      ...place.nested === undefined ? [] : placesIn(place.nested)
    ])
  )
