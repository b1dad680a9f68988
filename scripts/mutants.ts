/**
 * The changes that a mutation run makes to a source: one operator, condition, number, truth value or statement at a time.
 */
import { parseAst } from "rolldown/parseAst"

export interface Mutant {
  readonly file: string
  readonly line: number
  /** The place as it was, and as it is now. */
  readonly before: string
  readonly after: string
  /** The whole source with the change. */
  readonly text: string
}

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [part: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && "start" in value && typeof value.type === "string"

const operators: Readonly<Record<string, ReadonlyArray<string>>> = {
  "<": ["<=", ">"],
  "<=": ["<", ">"],
  ">": [">=", "<"],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "&&": ["||"],
  "||": ["&&"],
  "&": ["|"],
  "|": ["&"]
}

const methods: Readonly<Record<string, string>> = { some: "every", every: "some", min: "max", max: "min" }

/** One change: the place, and the text that stands there afterwards. */
type Change = readonly [start: number, end: number, after: string]

const changesAt = (node: Node, source: string): ReadonlyArray<Change> => {
  const part = (name: string): Node | undefined => {
    const value = node[name]
    return isNode(value) ? value : undefined
  }
  switch (node.type) {
    case "BinaryExpression":
    case "LogicalExpression": {
      const [left, right] = [part("left"), part("right")]
      if (left === undefined || right === undefined) return []
      const operator = String(node["operator"])
      const at = source.indexOf(operator, left.end)
      return (operators[operator] ?? []).map((other) => [at, at + operator.length, other])
    }
    case "IfStatement":
    case "ConditionalExpression": {
      const test = part("test")
      return test === undefined ? [] : [[test.start, test.end, "true"], [test.start, test.end, "false"]]
    }
    case "UnaryExpression": {
      const argument = part("argument")
      return node["operator"] === "!" && argument !== undefined ? [[node.start, argument.start, ""]] : []
    }
    case "Literal":
      if (typeof node["value"] === "boolean") return [[node.start, node.end, String(!node["value"])]]
      return typeof node["value"] === "number" ? [[node.start, node.end, String(node["value"] + 1)]] : []
    case "MemberExpression": {
      const property = part("property")
      const other = property?.type === "Identifier" ? methods[String(property["name"])] : undefined
      return property === undefined || other === undefined ? [] : [[property.start, property.end, other]]
    }
    case "ExpressionStatement":
      return [[node.start, node.end, ";"]]
    default:
      return []
  }
}

/** All changes of a source, without those of its types and imports. */
export const mutantsOf = (file: string, source: string): ReadonlyArray<Mutant> => {
  const changes: Array<Change> = []
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit)
    if (!isNode(value) || value.type.startsWith("TS") && value.type !== "TSAsExpression") return
    if (value.type === "ImportDeclaration") return
    changes.push(...changesAt(value, source))
    for (const part of Object.values(value)) visit(part)
  }
  visit(parseAst(source, { lang: "ts" }, file))
  return changes.map(([start, end, after]) => {
    const lineStart = source.lastIndexOf("\n", start) + 1
    const lineEnd = source.indexOf("\n", end)
    const text = source.slice(0, start) + after + source.slice(end)
    return {
      file,
      line: source.slice(0, start).split("\n").length,
      before: source.slice(lineStart, lineEnd).trim(),
      after: (source.slice(lineStart, start) + after + source.slice(end, lineEnd)).trim(),
      text
    }
  })
}
