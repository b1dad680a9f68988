/**
 * A mutation run: changes one place of a source at a time, and shows which changes no test notices.
 *
 *     npm run test:mutation -- [--sample 60] [--seed 1] [--seconds 600] [--only src/topology/Snapshot.ts]
 *
 * The sources are the pure ones of routing, topology, protocol, connection and pubsub that a test without a cluster of
 * servers imports; such tests alone are run, in a process of its own for each change, on a copy of the project. The changes are a
 * sample that the seed reproduces. Survivors that stand in `test/mutants.txt` are known, with the reason; the exit code is 1
 * when there are others.
 */
import { spawn } from "node:child_process"
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, normalize } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { type Mutant, mutantsOf } from "./mutants.ts"

const project = fileURLToPath(new URL("..", import.meta.url))
const folders = ["routing", "topology", "protocol", "connection", "pubsub"]
const knownFile = "test/mutants.txt"

const { values } = parseArgs({
  options: {
    sample: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "600" },
    only: { type: "string", default: "src/" }
  }
})

const textOf = (file: string) => readFileSync(join(project, file), "utf8")

/** The files of the project that a file imports, for more than their types. */
const importsOf = (file: string): ReadonlyArray<string> =>
  [...textOf(file).matchAll(/^(?:import|export) (?!type )[^"]*? from "(\.[^"]+\.ts)"/gm)].map(([, path]) =>
    normalize(join(dirname(file), path))
  )

/** Whether a source decides, and does nothing: it runs no effect. */
const isPure = (source: string) => !textOf(source).includes("from \"effect/Effect\"")

const reaches = (file: string, target: string, seen = new Set<string>()): boolean => {
  if (file === target) return true
  if (seen.has(file) || file.startsWith("src/")) return false
  seen.add(file)
  return importsOf(file).some((imported) => reaches(imported, target, seen))
}

/** For each source the tests that import it and need no cluster of servers. */
const testsBySource = (): ReadonlyMap<string, ReadonlyArray<string>> => {
  const found = new Map<string, Array<string>>()
  for (const test of globSync("test/**/*.test.ts", { cwd: project })) {
    if (reaches(test, "test/harness/RedisCluster.ts")) continue
    for (const source of importsOf(test)) {
      if (!folders.some((folder) => source.startsWith(`src/${folder}/`)) || !isPure(source)) continue
      found.set(source, [...found.get(source) ?? [], test])
    }
  }
  return found
}

/** Numbers from 0 to 1 that a seed reproduces (mulberry32). */
const randomOf = (seed: number) => () => {
  seed = seed + 0x6d2b79f5 | 0
  let mixed = Math.imul(seed ^ seed >>> 15, 1 | seed)
  mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed
  return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32
}

const shuffled = <A>(all: ReadonlyArray<A>, random: () => number): ReadonlyArray<A> =>
  all.map((one) => [random(), one] as const).toSorted(([a], [b]) => a - b).map(([, one]) => one)

const workspace = mkdtempSync(join(tmpdir(), "mutation-"))
process.on("exit", () => rmSync(workspace, { recursive: true, force: true }))
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130))
for (const part of ["src", "test", "scripts", "examples", "docs", "bench", "package.json", "tsconfig.json"]) {
  cpSync(join(project, part), join(workspace, part), {
    recursive: true,
    filter: (path) => !path.includes("node_modules")
  })
}
symlinkSync(join(project, "node_modules"), join(workspace, "node_modules"))
writeFileSync(
  join(workspace, "vitest.config.ts"),
  "export default { test: { include: [\"test/**/*.test.ts\"], tags: [{ name: \"long\" }], maxWorkers: 1, isolate: false, testTimeout: 20_000 } }\n"
)

/** Whether the tests are green; nothing when they took too long. */
const run = (tests: ReadonlyArray<string>, patience: number): Promise<boolean | undefined> =>
  new Promise((resolve) => {
    const vitest = join("node_modules", "vitest", "vitest.mjs")
    const child = spawn(process.execPath, [vitest, "run", "--bail", "1", "--tags-filter", "!long", ...tests], {
      cwd: workspace,
      stdio: "ignore",
      detached: true
    })
    let late = false
    const timeout = setTimeout(() => {
      late = true
      // The workers too.
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
    }, patience)
    child.once("close", (code) => {
      clearTimeout(timeout)
      resolve(late ? undefined : code === 0)
    })
  })

const nameOf = ({ after, before, file, line }: Mutant) => `${file}:${line} \`${before}\` -> \`${after}\``

/** Without the number of the line, which changes when others do. */
const keyOf = (name: string) => name.replace(/:\d+ /, " ")

const known = new Set(
  textOf(knownFile).split("\n").filter((line) => line.includes(" -> ")).map((line) => keyOf(line.trim()))
)

const tests = testsBySource()
const all = [...tests.keys()].filter((file) => file.startsWith(values.only)).toSorted().flatMap((file) =>
  mutantsOf(file, textOf(file))
)
const sample = shuffled(all, randomOf(Number(values.seed))).slice(0, Number(values.sample))
console.log(`${all.length} places in ${tests.size} files; a sample of ${sample.length}, seed ${values.seed}`)

const baselines = new Map<string, number>()
const end = performance.now() + Number(values.seconds) * 1000
const survivors: Array<string> = []
let killed = 0
let excused = 0
for (const mutant of sample) {
  if (performance.now() > end) break
  const { file } = mutant
  const ofFile = tests.get(file) ?? []
  const started = performance.now()
  if (!baselines.has(file)) {
    const isGreen = await run(ofFile, 120_000)
    if (isGreen !== true) console.log(`left out: the tests of ${file} are not green without any change`)
    baselines.set(file, isGreen === true ? performance.now() - started : Number.NaN)
  }
  if (Number.isNaN(baselines.get(file))) continue
  writeFileSync(join(workspace, file), mutant.text)
  const green = await run(ofFile, 3 * (baselines.get(file) ?? 0) + 20_000)
  writeFileSync(join(workspace, file), textOf(file))
  const name = nameOf(mutant)
  if (green !== true) killed++
  else if (known.has(keyOf(name))) excused++
  else survivors.push(name)
  console.log(`${green === true ? "SURVIVED" : green === undefined ? "hung    " : "killed  "}  ${name}`)
}

const judged = killed + excused + survivors.length
console.log(`\n${killed} of ${judged} killed, ${excused} known, ${survivors.length} survivors:`)
for (const survivor of survivors) console.log(`  ${survivor}`)
process.exitCode = survivors.length > 0 ? 1 : 0
