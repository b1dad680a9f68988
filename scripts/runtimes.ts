/**
 * Runs test/runtimes/features.ts on the oldest Node that is supported, on Bun and on Deno, each on the same real clusters:
 *
 *     npm run test:runtimes [node bun deno]
 *
 * The package has to be built: the program imports it by its name. The runtimes are packages of npm, and are installed in a
 * folder of the user's cache. A runtime that cannot be installed is skipped, and the output says why.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import { RedisCluster } from "../test/harness/RedisCluster.ts"

interface Runtime {
  readonly name: string
  /** The package of npm and its version. */
  readonly version: string
  readonly binary: string
  /** The arguments in front of the program. */
  readonly args: ReadonlyArray<string>
}

const runtimes: ReadonlyArray<Runtime> = [
  { name: "node", version: "22.19.0", binary: "bin/node", args: ["--no-warnings"] },
  { name: "bun", version: "1.4.5", binary: ".bin/bun", args: ["run"] },
  {
    name: "deno",
    version: "2.9.6",
    binary: ".bin/deno",
    args: ["run", "--allow-all", "--node-modules-dir=manual", "--no-lock"]
  }
]

const program = fileURLToPath(new URL("../test/runtimes/features.ts", import.meta.url))
const cache = `${process.env["XDG_CACHE_HOME"] ?? `${homedir()}/.cache`}/effect-redis-cluster/runtimes`

interface Ended {
  readonly code: number | null
  readonly output: string
}

const run = (file: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.callback<Ended>((resume) => {
    const child = spawn(file, args, { cwd: tmpdir(), env: { ...process.env, ...env } })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += String(text)))
    child.once("error", (error) => resume(Effect.succeed({ code: null, output: String(error) })))
    child.once("close", (code) => resume(Effect.succeed({ code, output })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** The path of a runtime, or why it cannot be had. */
const install = Effect.fnUntraced(function*({ binary, name, version }: Runtime) {
  const folder = `${cache}/${name}-${version}`
  const path = `${folder}/node_modules/${name === "node" ? "node/" : ""}${binary}`
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true })
    const { output } = yield* run("npm", [
      "install",
      "--no-audit",
      "--no-fund",
      "--prefix",
      folder,
      `${name}@${version}`
    ])
    if (!existsSync(path)) {
      return { missing: `npm does not install it: ${output.trim().split("\n").slice(0, 3).join(" ")}` }
    }
  }
  const { code, output } = yield* run(path, ["--version"])
  return code === 0 ? { path } : { missing: `it does not start: ${output.trim().split("\n")[0]}` }
})

const main = Effect.gen(function*() {
  const wanted = process.argv.slice(2)
  const cluster = yield* RedisCluster.make({ replicas: 1 })
  const secured = yield* RedisCluster.make({ primaries: 1, tls: true })
  const env = {
    REDIS_CLUSTER_URL: cluster.seeds[0],
    REDIS_TLS_URL: secured.seeds[0],
    REDIS_TLS_CA: secured.tls?.ca ?? ""
  }
  const summary: Array<string> = []
  for (const runtime of runtimes) {
    if (wanted.length > 0 && !wanted.includes(runtime.name)) continue
    const title = `${runtime.name} ${runtime.version}`
    const installed = yield* install(runtime)
    if (installed.path === undefined) {
      summary.push(`skipped ${title}: ${installed.missing}`)
      continue
    }
    yield* Console.log(`\n== ${title}`)
    const { code, output } = yield* run(installed.path, [...runtime.args, program], env)
    yield* Console.log(output.trim())
    summary.push(`${code === 0 ? "passed " : "FAILED "} ${title}`)
  }
  yield* Console.log(`\n${summary.join("\n")}`)
  if (summary.some((line) => line.startsWith("FAILED"))) {
    yield* Effect.sync(() => {
      process.exitCode = 1
    })
  }
})

NodeRuntime.runMain(Effect.scoped(main))
