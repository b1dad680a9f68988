/**
 * Changes the pure decisions of `src` one operator at a time, and runs their unit tests on each change: a mutant that no test
 * notices is a fact that no test holds.
 *
 *     npm run test:mutants [part of a file's name] [every so many]
 */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseAst } from "rolldown/parseAst"
import { createVitest } from "vitest/node"

const project = fileURLToPath(new URL("..", import.meta.url))

/** The files, and the tests that hold each. */
const subjects: ReadonlyArray<readonly [file: string, ...tests: ReadonlyArray<string>]> = [
  ["src/routing/request/Recovery.ts", "test/routing/Recovery.test.ts"],
  ["src/routing/request/Diagnosis.ts", "test/routing/Diagnosis.test.ts", "test/routing/Recovery.test.ts"],
  ["src/routing/nodes/Aggregation.ts", "test/routing/Aggregation.test.ts"],
  ["src/topology/Judgement.ts", "test/topology/Judgement.test.ts"],
  ["src/topology/Redirect.ts", "test/topology/Redirect.test.ts", "test/routing/Diagnosis.test.ts"],
  ["src/topology/RefreshPace.ts", "test/topology/RefreshPace.test.ts"],
  ["src/topology/Snapshot.ts", "test/topology/Snapshot.test.ts"],
  ["src/protocol/RespEncoder.ts", "test/protocol/RespEncoder.test.ts"],
  ["src/protocol/quotes.ts", "test/protocol/quotes.test.ts"],
  ["src/connection/Pulse.ts", "test/connection/Parts.test.ts"],
  ["src/pubsub/Plan.ts", "test/pubsub/Plan.test.ts"]
]

interface Mutant {
  readonly start: number
  readonly end: number
  readonly text: string
}

type Node = { readonly type: string; readonly start: number; readonly end: number } & Readonly<Record<string, unknown>>

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as { readonly type?: unknown }).type === "string"

const operators: Readonly<Record<string, string>> = {
  ...{ "<": "<=", "<=": "<", ">": ">=", ">=": ">", "===": "!==", "!==": "===", "+": "-", "-": "+", "*": "/" },
  ...{ "&&": "||", "||": "&&", "??": "&&" }
}

/** All mutants of a text, in its order. */
const mutantsOf = (code: string): ReadonlyArray<Mutant> => {
  const found: Array<Mutant> = []
  const visit = (node: Node): void => {
    // Types are gone when the code runs.
    if (node.type.startsWith("TS") && !/^TS(As|Satisfies|NonNull)/.test(node.type)) return
    const [left, right] = [node["left"], node["right"]]
    if (/^(Binary|Logical)Expression$/.test(node.type) && isNode(left) && isNode(right)) {
      const at = code.indexOf(String(node["operator"]), left.end)
      const text = operators[String(node["operator"])]
      if (text !== undefined && at < right.start) {
        found.push({ start: at, end: at + String(node["operator"]).length, text })
      }
    }
    if (node.type === "UnaryExpression" && node["operator"] === "!") {
      found.push({ start: node.start, end: node.start + 1, text: "" })
    }
    if (node.type === "Literal" && typeof node["value"] === "boolean") {
      found.push({ start: node.start, end: node.end, text: String(node["value"] !== true) })
    }
    const test = node["test"]
    if (/^(If|Conditional)/.test(node.type) && isNode(test)) {
      for (const text of ["true", "false"]) found.push({ start: test.start, end: test.end, text })
    }
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child)
    }
  }
  visit(parseAst(code, { lang: "ts" }) as unknown as Node)
  return found.toSorted((a, b) => a.start - b.start)
}

const [wanted = "", step = "1"] = process.argv.slice(2)

/** The text that a file has now, in place of its own. */
const present = new Map<string, string>()
const vitest = await createVitest("test", {
  ...{ root: project, watch: true, reporters: [{}], maxWorkers: 1, bail: 1, isolate: true, testTimeout: 5000 }
}, { plugins: [{ name: "mutants", enforce: "pre", load: (id) => present.get(id) }] })
await vitest.standalone()

let all = 0
const survivors: Array<string> = []
for (const [file, ...tests] of subjects) {
  if (!file.includes(wanted)) continue
  const path = project + file
  const code = readFileSync(path, "utf8")
  const specifications = tests.flatMap((test) => vitest.getModuleSpecifications(project + test))
  const passes = async (text: string): Promise<boolean> => {
    present.set(path, text)
    vitest.invalidateFile(path)
    const { testModules } = await vitest.runTestSpecifications(specifications)
    // A mutant that never ends takes the worker with it: there is no result then.
    return testModules.length === specifications.length && testModules.every((module) => module.state() === "passed")
  }
  if (!await passes(code)) throw new Error(`the tests of ${file} fail without a mutant`)
  const mutants = mutantsOf(code).filter((_, index) => index % Number(step) === 0)
  let left = 0
  for (const { end, start, text } of mutants) {
    if (!await passes(code.slice(0, start) + text + code.slice(end))) continue
    left++
    const line = code.slice(0, start).split("\n").length
    survivors.push(`${file}:${line} ${code.slice(start, end)} -> ${text === "" ? "nothing" : text}`)
  }
  present.delete(path)
  vitest.invalidateFile(path)
  all += mutants.length
  console.log(`${file}: ${mutants.length - left} of ${mutants.length} killed`)
}
console.log(`\n${all - survivors.length} of ${all} killed; those that are left:\n${survivors.join("\n")}`)
await vitest.close()
process.exit(0)
