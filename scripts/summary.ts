/**
 * The last lines of `.ci/run`: which test files were tried again and how that ended, and the count of all tests.
 *
 *   node scripts/summary.ts <report of a suite> ...
 *
 * Reports are those of vitest in JSON. That of a second try stands beside the first: `main.json`, `main.again.json`.
 */
import { existsSync, readFileSync } from "node:fs"
import { relative } from "node:path"

interface Report {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numFailedTestSuites: number
  readonly testResults: ReadonlyArray<{ readonly name: string; readonly status: string }>
}

const read = (path: string): Report | undefined => existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined

const failuresOf = (report: Report): number =>
  report.numFailedTests || (report.success ? 0 : Math.max(1, report.numFailedTestSuites))

let passed = 0
let failed = 0
const tried: Array<string> = []
for (const path of process.argv.slice(2)) {
  const first = read(path)
  if (first === undefined) continue
  const again = read(path.replace(/\.json$/, ".again.json"))
  const left = failuresOf(again ?? first)
  passed += first.numPassedTests + (again === undefined ? 0 : Math.max(0, first.numFailedTests - left))
  failed += left
  for (const { name, status } of again?.testResults ?? []) tried.push(`  ${relative(".", name)}: ${status}`)
}

process.stdout.write(tried.length === 0 ? "No file was tried again.\n" : `Tried again:\n${tried.join("\n")}\n`)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
