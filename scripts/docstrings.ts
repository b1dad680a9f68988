/**
 * Finds docstrings that do not have the form of Effect's: sections of other names or in another order, a function that
 * can fail and does not name its errors, an option without its default, a number without its unit.
 *
 *   node scripts/docstrings.ts
 *
 * test/package/docstrings.test.ts finds the same. CONTRIBUTING.md shows the form.
 */
import { fileURLToPath } from "node:url"
import { parseSync } from "rolldown/utils"
import { publicNames, type Source, sources } from "./sinceTags.ts"
import { list, type Syntax, syntax } from "./syntax.ts"

export interface Problem {
  readonly file: string
  readonly line: number
  /** The name of the declaration: `withLock`, `LockOptions.ttl`; empty for a comment. */
  readonly name: string
  readonly rule: string
}

/** A public declaration, or a public member of one, with its docstring. */
interface Described {
  readonly file: string
  readonly line: number
  readonly name: string
  readonly doc: string
  /** The docstring of the interface or class that it is a member of. */
  readonly ownerDoc: string
  /** Its type as it stands in the source: from the name to the body. */
  readonly type: string
  readonly kind: "value" | "class" | "type" | "option" | "property"
  readonly isOptional: boolean
}

// -----------------------------------------------------------------------------
// Reading
// -----------------------------------------------------------------------------

const lineAt = (text: string, position: number): number => text.slice(0, position).split("\n").length

/** The lines of a comment, without its stars. */
const linesOf = (comment: string): ReadonlyArray<string> =>
  comment.slice(3, -2).split("\n").map((line) => line.replace(/^\s*\* ?/, "").trimEnd())

const docBefore = (text: string, position: number): string => {
  const before = text.slice(0, position).trimEnd()
  const start = before.lastIndexOf("/**")
  return before.endsWith("*/") && start >= 0 ? linesOf(before.slice(start)).join("\n").trim() : ""
}

const nameOf = (node: Syntax): string => {
  const key = node["key"] ?? node["id"]
  return key === undefined || key === null ? "" : String(syntax(key)["name"] ?? syntax(key)["value"] ?? "")
}

/** The type of a function: everything before its body. */
const typeBefore = (text: string, node: Syntax, start: number): string => {
  let body = syntax(node["body"] ?? node)
  while (body.type === "ArrowFunctionExpression") body = syntax(body["body"])
  return text.slice(start, body.start)
}

const valueType = (text: string, declarator: Syntax): string => {
  const annotation = syntax(declarator["id"])["typeAnnotation"]
  const init = declarator["init"]
  if (annotation !== null && annotation !== undefined) {
    const { end, start } = syntax(annotation)
    return text.slice(start, end)
  }
  return init === null || init === undefined ? "" : typeBefore(text, syntax(init), declarator.start)
}

/** Records whose members a program gives: options, settings, definitions. */
const isOptions = (name: string): boolean => /(?:Options|Settings|Definition|Credentials)$/.test(name)

const isInternal = (doc: string): boolean => /^@internal\b/m.test(doc)

/** Groups of builders: `commands/Strings.ts`. Their options are described by the servers' own pages. */
const isGroup = (text: string): boolean => /^export interface \w+Commands</m.test(text)

const membersOf = (file: string, text: string, owner: Syntax, ownerDoc: string): ReadonlyArray<Described> => {
  const kind = isOptions(nameOf(owner)) && !isGroup(text) ? "option" : "property"
  return list(syntax(owner["body"])["body"]).flatMap((member) => {
    const name = nameOf(member)
    const isHidden = member["accessibility"] === "private" || member["override"] === true ||
      syntax(member["key"] ?? member).type === "PrivateIdentifier"
    if (name === "" || name === "constructor" || name.startsWith("_") || name.endsWith("TypeId") || isHidden) return []
    const doc = docBefore(text, member.start)
    if (isInternal(doc)) return []
    const value = member.type === "PropertyDefinition" ? member["value"] : undefined
    const type = value === null || value === undefined
      ? text.slice(member.start, member.end)
      : typeBefore(text, syntax(value), member.start)
    return [
      {
        file,
        line: lineAt(text, member.start),
        name: `${nameOf(owner)}.${name}`,
        doc,
        ownerDoc,
        type,
        kind,
        isOptional: member["optional"] === true
      } as const
    ]
  })
}

/** The members of the client are declared in interfaces that no entry point exports. */
const declaresMembers = (file: string, name: string): boolean =>
  file.startsWith("src/client/") && name.endsWith("Members")

const describedIn = (file: string, { text }: Source, names: ReadonlySet<string>): ReadonlyArray<Described> =>
  list(syntax(parseSync(file, text, { lang: "ts" }).program)["body"]).flatMap((statement) => {
    if (statement.type !== "ExportNamedDeclaration" || statement["declaration"] === null) return []
    const declaration = syntax(statement["declaration"])
    const doc = docBefore(text, statement.start)
    if (isInternal(doc)) return []
    const common = { file, line: lineAt(text, statement.start), doc, ownerDoc: "", isOptional: false }
    if (declaration.type === "VariableDeclaration") {
      return list(declaration["declarations"]).filter((one) => names.has(nameOf(one))).map((one) => ({
        ...common,
        name: nameOf(one),
        type: valueType(text, one),
        kind: "value" as const
      }))
    }
    const name = nameOf(declaration)
    if (!names.has(name) && !declaresMembers(file, name)) return []
    switch (declaration.type) {
      case "ClassDeclaration":
        return [
          { ...common, name, type: "", kind: "class" as const },
          ...membersOf(file, text, declaration, doc)
        ]
      case "TSInterfaceDeclaration":
        return [{ ...common, name, type: "", kind: "type" as const }, ...membersOf(file, text, declaration, doc)]
      default:
        return [{ ...common, name, type: "", kind: "type" as const }]
    }
  })

// -----------------------------------------------------------------------------
// Rules
// -----------------------------------------------------------------------------

/** The sections of a docstring, in the order in which Effect's docstrings have them. */
export const sections = ["When to use", "Details", "Gotchas", "Example"] as const

const order = (section: string): number => sections.findIndex((known) => known === section)

const withoutCode = (doc: string): string => doc.replaceAll(/^```[^]*?^```$/gm, "")

/** The problems of the sections of one docstring. */
const sectionProblems = (doc: string): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const lines = withoutCode(doc).split("\n")
  let last = -1
  for (const [i, line] of lines.entries()) {
    const words = /^(?:When to use|Details|Gotchas?|Examples?|Notes?|Usage)\s*:?\s*$/i.exec(line)
    if (words !== null) problems.push(`a section has a bold heading: **${words[0].trim()}**`)
    const [whole, name, rest] = /^\*\*(.+?)\*\*(.*)$/.exec(line) ?? []
    if (whole === undefined) continue
    const at = order(name)
    if (at < 0) {
      problems.push(`there is no section **${name}**; the sections are ${sections.join(", ")}`)
      continue
    }
    const isTitled = /^ \(.+\)$/.test(rest)
    if (name === "Example" ? !isTitled : rest !== "") {
      problems.push(`the heading of ${name} is ${name === "Example" ? "**Example** (Title)" : `**${name}**`}`)
    }
    if (lines[i - 1] !== "" || lines[i + 1] !== "") problems.push(`the heading **${name}** stands between empty lines`)
    if (at < last || (at === last && name !== "Example")) {
      problems.push(`**${name}** comes once, in the order ${sections.join(", ")}`)
    }
    last = at
  }
  const examples = doc.match(/^\*\*Example\*\*/gm)?.length ?? 0
  if (examples > (doc.match(/^```ts$/gm)?.length ?? 0)) problems.push("an example has a block of code, marked ts")
  return problems
}

/** Errors of Effect, which its services fail with. */
const errorsOfEffect = [
  ...["ConfigError", "KeyValueStoreError", "PersistedQueueError", "PersistenceError", "RateLimiterError"],
  ...["RedisError", "SchemaError"]
]

const errorNames = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/`(?:Reason\.)?([A-Z]\w*(?:Error|Exception))`/g), ([, name]) => name)

/** Whether a type says that its effect, stream, layer or command can fail. */
const canFail = (type: string): boolean => {
  const isGuard = /\): value is /.test(type)
  const isCommand = /(?:=>|\):)\s*(?:Command(?:\.Command)?|Call|PerNodeCall|PerNodeCommand)</.test(type)
  const isEffect = /\b(?:Effect|Stream|Layer|Config)\.\w+</.test(type)
  return !isGuard && (isCommand || isEffect && /\b(?:[A-Z]\w*Error|RedisClusterException)\b/.test(type))
}

/** A docstring names the errors, or says in one of these ways that there is none beside those of its input. */
const namesErrors = (doc: string): boolean =>
  errorNames(doc).length > 0 || /\badds no error\b|\bkeeps its errors\b|\bdoes not fail\b|\bdo not fail\b/.test(doc)

const units = /\b(?:milliseconds?|ms|seconds?|microseconds|minutes|bytes|KiB|MiB|number of \w+)\b/i

/** Names of properties that are times or sizes, and do not say their unit themselves, as `memoryBytes` does. */
const isMeasure = (name: string): boolean => {
  const last = /(?:[A-Z]|\b)[a-z]+$/.exec(name)?.[0].toLowerCase() ?? ""
  return measures.has(last)
}

const measures = new Set([
  ...["after", "age", "at", "block", "delay", "duration", "from", "idle", "interval", "lag", "latency", "lifetime"],
  ...["patience", "pause", "since", "size", "threshold", "time", "timeout", "to", "ttl", "wait"]
])

const defaults = /\b[Dd]efault\b|\bWithout\b|\bwithout it\b/

const problemsOf = (one: Described, known: ReadonlySet<string>): ReadonlyArray<string> => {
  const { doc, isOptional, kind, name, ownerDoc, type } = one
  const problems: Array<string> = []
  for (const error of errorNames(doc)) {
    if (!known.has(error)) problems.push(`there is no error ${error}`)
  }
  if ((kind === "value" || kind === "property") && canFail(type) && !namesErrors(doc) && !namesErrors(ownerDoc)) {
    problems.push("its type can fail: name the errors, or say that it adds no error")
  }
  if (
    one.file.startsWith("src/integrations/") && ["value", "class", "type"].includes(kind) &&
    !/^@stability unstable$/m.test(doc)
  ) {
    problems.push("an integration has the tag @stability unstable")
  }
  if (kind === "option" && doc === "") problems.push("an option has a docstring")
  if (kind === "option" && isOptional && !defaults.test(doc)) problems.push("an option says its default")
  const isNumber = /^(?:(?:readonly|static) )*\w+\??:\s*(?:number|bigint)\b/.test(type)
  if (isNumber && isMeasure(name) && !units.test(withoutCode(doc))) problems.push("a time or a size says its unit")
  return problems
}

/** All problems of the docstrings in src. */
export const problems = (): ReadonlyArray<Problem> => {
  const all = sources()
  const names = publicNames(all)
  const known = new Set([
    ...errorsOfEffect,
    ...[...names.values()].flatMap((some) => [...some]).filter((name) => /(?:Error|Exception)$/.test(name))
  ])
  return [...all].flatMap(([file, source]) => {
    const comments = Array.from(source.text.matchAll(/^[ \t]*\/\*\*(?:(?!\*\/)[^])*\*\//gm)).flatMap((match) => {
      const doc = linesOf(match[0].trim()).join("\n").trim()
      const line = lineAt(source.text, match.index)
      return sectionProblems(doc).map((rule) => ({ file, line, name: "", rule }))
    })
    const described = describedIn(file, source, names.get(file) ?? new Set())
    return [
      ...comments,
      ...described.flatMap((one) =>
        problemsOf(one, known).map((rule) => ({ file, line: one.line, name: one.name, rule }))
      )
    ]
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = problems()
  for (const { file, line, name, rule } of found) console.log(`${file}:${line} ${name}: ${rule}`)
  console.log(`${found.length} problems of docstrings`)
}
