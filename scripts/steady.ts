/**
 * Runs `npm test` again and again on a machine that is busy: one process burns a core, another one writes to the disk.
 *
 *     npm run test:steady [times] [arguments of vitest]
 *
 * Prints a line for each run, and a table at the end. The exit code is 1 when a run was red.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const project = fileURLToPath(new URL("..", import.meta.url))
const [times = "20", ...args] = process.argv.slice(2)
const directory = mkdtempSync(join(tmpdir(), "steady-"))

const burner = "for (;;) Math.random()"
const writer = `
  const fs = require("node:fs")
  const block = Buffer.alloc(1 << 20, 1)
  const file = fs.openSync(${JSON.stringify(join(directory, "written"))}, "w")
  for (let at = 0; ; at = (at + 1) % 256) {
    fs.writeSync(file, block, 0, block.length, at * block.length)
    if (at % 16 === 0) fs.fsyncSync(file)
  }
`
const burdens = [burner, writer].map((code) => spawn(process.execPath, ["-e", code], { stdio: "ignore" }))
const cleanUp = () => {
  for (const burden of burdens) burden.kill("SIGKILL")
  rmSync(directory, { recursive: true, force: true })
}
process.on("exit", cleanUp)
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130))

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly fullName: string }>
  }>
}

/** The failed tests, by full name; a file that could not be loaded, by its own name. */
const failuresOf = (report: Report): ReadonlyArray<string> =>
  report.testResults.filter(({ status }) => status === "failed").flatMap(({ assertionResults, name }) => {
    const failed = assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) => fullName)
    return failed.length > 0 ? failed : [name]
  })

const run = (report: string): Promise<number | null> =>
  new Promise((resolve) => {
    const child = spawn("npm", ["test", "--", ...args, "--reporter=json", `--outputFile=${report}`], {
      cwd: project,
      stdio: "ignore"
    })
    child.once("close", resolve)
  })

const rows: Array<string> = []
let isGreen = true
for (let round = 1; round <= Number(times); round++) {
  const report = join(directory, `${round}.json`)
  const start = performance.now()
  const code = await run(report)
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  const { numFailedTests, numPassedTests, testResults }: Report = JSON.parse(readFileSync(report, "utf8"))
  const failures = failuresOf({ numFailedTests, numPassedTests, testResults })
  isGreen &&= code === 0
  const row = `| ${round} | ${seconds} s | ${numPassedTests} | ${numFailedTests} | ${failures.join("; ")} |`
  console.log(row)
  rows.push(row)
}
console.log(`\n| run | took | passed | failed | which |\n| ---: | ---: | ---: | ---: | --- |\n${rows.join("\n")}`)
process.exit(isGreen ? 0 : 1)
