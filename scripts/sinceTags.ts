/**
 * Finds `@since` and `@category` on what no entry point of package.json exports, where the tags promise nothing.
 *
 *   node scripts/sinceTags.ts [--fix]
 *
 * With `--fix` the tags are removed, and the sentences above them stay. test/package/sinceTags.test.ts finds the same.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync } from "rolldown/utils"
import { list, type Syntax, syntax } from "./syntax.ts"

const project = fileURLToPath(new URL("..", import.meta.url))

const nameIn = (value: unknown): string => String(syntax(value)["name"] ?? syntax(value)["value"] ?? "")

/** One export of a file: its name, and the place where it is defined. */
interface Export {
  readonly name: string
  /** The file that it comes from, when it is passed on; a name of `"*"` is all of that file. */
  readonly from: { readonly file: string; readonly name: string } | undefined
  /** The start of its statement. */
  readonly start: number
}

export interface Source {
  readonly text: string
  readonly exports: ReadonlyArray<Export>
}

const namesOf = (declaration: Syntax): ReadonlyArray<string> =>
  declaration.type === "VariableDeclaration"
    ? list(declaration["declarations"]).map((one) => nameIn(one["id"]))
    : [nameIn(declaration["id"])]

const read = (file: string): Source => {
  const text = readFileSync(join(project, file), "utf8")
  const beside = (source: unknown) => join(dirname(file), nameIn(source)).split(sep).join("/")
  const imports = new Map<string, { readonly file: string; readonly name: string }>()
  const exports: Array<Export> = []
  for (const node of list(syntax(parseSync(file, text, { lang: "ts" }).program)["body"])) {
    const isOurs = node["source"] !== null && node["source"] !== undefined && nameIn(node["source"]).startsWith(".")
    if (node.type === "ImportDeclaration" && isOurs) {
      for (const one of list(node["specifiers"])) {
        const name = one.type === "ImportNamespaceSpecifier" ? "*" : nameIn(one["imported"] ?? one["local"])
        imports.set(nameIn(one["local"]), { file: beside(node["source"]), name })
      }
    } else if (node.type === "ExportAllDeclaration" && isOurs) {
      const name = node["exported"] === null || node["exported"] === undefined ? "*" : nameIn(node["exported"])
      exports.push({ name, from: { file: beside(node["source"]), name: "*" }, start: node.start })
    } else if (node.type === "ExportNamedDeclaration") {
      for (const one of list(node["specifiers"])) {
        const local = nameIn(one["local"])
        const from = isOurs ? { file: beside(node["source"]), name: local } : imports.get(local)
        exports.push({ name: nameIn(one["exported"]), from, start: node.start })
      }
      if (node["declaration"] !== null && node["declaration"] !== undefined) {
        const names = namesOf(syntax(node["declaration"]))
        exports.push(...names.map((name) => ({ name, from: undefined, start: node.start })))
      }
    }
  }
  return { text, exports }
}

export const sources = (): ReadonlyMap<string, Source> =>
  new Map(
    globSync("src/**/*.ts", { cwd: project }).map((file) => file.split(sep).join("/")).map((
      file
    ) => [file, read(file)])
  )

/** The names that the entry points export, by the file that defines them. */
export const publicNames = (all: ReadonlyMap<string, Source>): ReadonlyMap<string, ReadonlySet<string>> => {
  const { exports } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"))
  const found = new Map<string, Set<string>>()
  const add = (file: string, name: string): void => {
    const names = found.get(file) ?? new Set()
    if (names.has(name)) return
    found.set(file, names.add(name))
    for (const one of all.get(file)?.exports ?? []) {
      if (name !== "*" && one.name !== name && one.name !== "*") continue
      if (one.from === undefined) names.add(one.name)
      else add(one.from.file, one.name === "*" ? name : one.from.name)
    }
  }
  for (const path of Object.values<string>(exports)) {
    if (path.endsWith(".js")) add(path.replace("./dist/", "src/").replace(/\.js$/, ".ts"), "*")
  }
  return found
}

const tags = /^[ \t]*\*?[ \t]*@(?:since|category)\b.*$/m

export interface Problem {
  readonly file: string
  readonly line: number
  /** The part of the text with the comment. */
  readonly start: number
  readonly end: number
}

/** The comments with a tag that promises nothing. */
export const problems = (): ReadonlyArray<Problem> => {
  const all = sources()
  const known = publicNames(all)
  return [...all].flatMap(([file, { exports, text }]) => {
    const names = known.get(file) ?? new Set()
    const comments = Array.from(text.matchAll(/^\/\*\*(?:(?!\*\/)[^])*\*\/\n/gm))
      .filter((match) => tags.test(match[0]))
    return comments.flatMap((match) => {
      const end = match.index + match[0].length
      const own = exports.filter((one) => one.start === end)
      // A comment on no export is the head of its file.
      const isPublic = own.length === 0 ? names.size > 0 : own.some((one) => names.has(one.name))
      return isPublic ? [] : [{ file, line: text.slice(0, match.index).split("\n").length, start: match.index, end }]
    })
  })
}

/** A comment without the tags, and without what would be empty then. */
const without = (comment: string): string => {
  const lines = comment.trimEnd().split("\n").filter((line) => !tags.test(line))
  while (/^\s*\*?\s*$/.test(lines.at(-2) ?? "text")) lines.splice(-2, 1)
  const sentences = lines.slice(1, -1).map((line) => line.replace(/^ \* ?/, ""))
  if (sentences.length === 0) return ""
  const short = `/** ${sentences[0]} */`
  return sentences.length === 1 && short.length <= 120 ? `${short}\n` : `${lines.join("\n")}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = problems()
  for (const { file, line } of found) console.log(`${file}:${line}`)
  console.log(`${found.length} comments with tags that promise nothing`)
  if (process.argv.includes("--fix")) {
    for (const { end, file, start } of found.toReversed()) {
      const path = join(project, file)
      const text = readFileSync(path, "utf8")
      writeFileSync(path, text.slice(0, start) + without(text.slice(start, end)) + text.slice(end))
    }
  }
}
