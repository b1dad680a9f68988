/**
 * The examples of the commands, as their pages show them: the source text of the samples that the tests run.
 *
 * The sample whose name is that of a method alone is the example of the method. Its `prepare` is made by builders, so
 * that the page can show it as well.
 */
import { readdir, readFile } from "node:fs/promises"
import { parseSync } from "rolldown/utils"
import type { CommandSpec } from "../src/commands/CommandSpec.ts"
import { notRun, samples } from "../test/commands/samples.ts"
import { specs } from "./routing.ts"
import { list, type Syntax, syntax } from "./syntax.ts"

const folder = new URL("../test/commands/", import.meta.url)

interface Source {
  readonly text: string
  readonly node: Syntax
}

/** The values of the constants of all files with samples. Every file knows the constants of `Sample.ts`. */
const constants = async (): Promise<ReadonlyMap<string, ReadonlyMap<string, Source>>> => {
  const files = ["samples.ts", ...(await readdir(new URL("samples/", folder))).map((file) => `samples/${file}`)]
  return new Map(
    await Promise.all(files.map(async (file) => {
      const text = await readFile(new URL(file, folder), "utf8")
      const found = new Map<string, Source>()
      for (const statement of list(parseSync(file, text, { lang: "ts" }).program.body)) {
        const declaration = syntax(statement["declaration"] ?? statement)
        if (declaration.type !== "VariableDeclaration") continue
        for (const { id, init } of list(declaration["declarations"])) {
          found.set(String(syntax(id)["name"]), { text, node: syntax(init) })
        }
      }
      return [file, found] as const
    }))
  )
}

const byFile = await constants()

const fieldsOf = (object: Syntax): ReadonlyMap<string, Syntax> =>
  new Map(
    list(object["properties"]).filter(({ type }) => type === "Property").map((property) => [
      String(syntax(property["key"])["name"] ?? syntax(property["key"])["value"]),
      syntax(property["value"])
    ])
  )

/** A part of the text, without the indentation of the line that it begins in. */
const textOf = ({ node, text }: Source): string => {
  const indent = text.slice(text.lastIndexOf("\n", node.start - 1) + 1).search(/\S/)
  return text.slice(node.start, node.end).replaceAll(/(?<=\n) +/g, (spaces) => spaces.slice(indent))
}

/** Where an example runs a command: `own` is a dedicated connection. */
const receiverOf = (spec: CommandSpec): string =>
  spec.request === "explicit" ? "node" : spec.connectionUse([])?._tag === "countsWrites" ? "own" : "redis"

/** The call of a builder as the call of a method. */
const called = (text: string): string =>
  text.replaceAll(/\b[A-Z]\w*\.(\w+)(?=\()/g, (whole, method: string) => {
    const spec = specs.get(method)
    return spec === undefined ? whole : `${receiverOf(spec)}.${method}`
  })

/** The calls that a list of preparations consists of, the lists of constants among them. */
const calls = (source: Source, known: (name: string) => Source, method: string): ReadonlyArray<string> =>
  list(source.node["elements"]).flatMap((node) => {
    if (node.type === "SpreadElement") return listed({ ...source, node: syntax(node["argument"]) }, known, method)
    if (node.type === "CallExpression") return [called(textOf({ ...source, node }))]
    throw new Error(`the example of ${method} is prepared by words: use builders in test/commands/samples`)
  })

const listed = (source: Source, known: (name: string) => Source, method: string): ReadonlyArray<string> =>
  source.node.type === "Identifier"
    ? listed(known(String(source.node["name"])), known, method)
    : calls(source, known, method)

/** A value as a program writes it. */
const shown = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return String(value)
  const fields = Object.entries(value).map(([name, field]) =>
    `${/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)}: ${shown(field)}`
  )
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`
}

const results = new Map(
  samples.filter(({ name }) => !name.includes(" ")).map(({ command, expected, name, shown: text }) => {
    const result = text ?? (expected === undefined ? undefined : shown(expected))
    return [
      name,
      result !== undefined && command.spec.response === "perNode" ? `for each node: ${result}` : result
    ] as const
  })
)

/** At the end of the last line where there is room, else on a line behind it. */
const commented = (code: string, result: string | undefined): string => {
  if (result === undefined) return code
  const line = `${code} // ${result}`
  return line.slice(line.lastIndexOf("\n") + 1).length <= 120 ? line : `${code}\n// ${result}`
}

const exampleOf = (object: Source, file: string, method: string): string => {
  const known = (name: string): Source => {
    const found = byFile.get(file)?.get(name) ?? byFile.get("samples/Sample.ts")?.get(name)
    if (found === undefined) throw new Error(`the example of ${method} names ${name}, which is no constant`)
    return found
  }
  const fields = fieldsOf(object.node)
  const [command, prepare] = [fields.get("command"), fields.get("prepare")]
  if (command === undefined) throw new Error(`the sample ${method} has no command`)
  const before = prepare === undefined ? [] : listed({ ...object, node: prepare }, known, method)
  const last = called(textOf({ ...object, node: command }))
  return [...before, last].map((call, i) =>
    commented(`yield* ${call}`, i === before.length ? results.get(method) : undefined)
  ).join("\n")
}

/** The objects in a value, at any depth. */
const objectsIn = (node: unknown): ReadonlyArray<Syntax> => {
  if (typeof node !== "object" || node === null) return []
  if (Array.isArray(node)) return node.flatMap(objectsIn)
  const own = syntax(node).type === "ObjectExpression" ? [syntax(node)] : []
  return [...own, ...Object.values(node).flatMap(objectsIn)]
}

/** The lines of a program for each method. */
export const examples: ReadonlyMap<string, string> = new Map(
  Array.from(byFile).flatMap(([file, found]) =>
    Array.from(found.values()).flatMap(({ node, text }) =>
      objectsIn(node).flatMap((object): ReadonlyArray<readonly [string, string]> => {
        const fields = fieldsOf(object)
        const name = fields.get("name")?.["value"]
        if (typeof name === "string" && fields.has("command") && specs.has(name)) {
          return [[name, exampleOf({ text, node: object }, file, name)]]
        }
        // The table of what the tests do not run has the names as its properties.
        return Array.from(fields).flatMap(([method, value]) =>
          Object.hasOwn(notRun, method) && value.type === "ObjectExpression" && fieldsOf(value).has("reason")
            ? [[method, exampleOf({ text, node: value }, file, method)] as const]
            : []
        )
      })
    )
  )
)
