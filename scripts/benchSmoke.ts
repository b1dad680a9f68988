/**
 * Runs each benchmark in its shortest form, our own clients only: it shows that the code still runs, and measures nothing.
 *
 *     npm run bench:smoke
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { workspace } from "../test/harness/RedisServer.ts"

const project = fileURLToPath(new URL("..", import.meta.url))

/** The benchmarks that start `redis-server` by its path. */
const byPath = new Set(["main.ts", "pipelines.ts"])

const runs: ReadonlyArray<readonly [file: string, ...args: ReadonlyArray<string>]> = [
  ["main.ts", "--smoke", "--clients", "effect-redis-cluster,floor"],
  ["pipelines.ts", "--quick", "--clients", "effect-redis-cluster", "--jobs", "pipeline,transaction"],
  ["readFrom.ts", "1", "20"],
  ["tracing.ts", "1", "20"],
  ["outage.ts", "10"]
]

const main = Effect.gen(function*() {
  const { binary } = yield* workspace
  for (const [file, ...args] of runs) {
    const start = performance.now()
    const { status, stderr, stdout } = spawnSync(process.execPath, [`bench/${file}`, ...args], {
      cwd: project,
      env: byPath.has(file) ? { ...process.env, REDIS_SERVER: binary } : process.env,
      encoding: "utf8",
      timeout: 120_000
    })
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    yield* Console.log(`${status === 0 ? "passed" : "FAILED"}  bench/${file} ${args.join(" ")}  (${seconds} s)`)
    if (status !== 0) {
      yield* Console.log(`${stdout}\n${stderr}`)
      process.exitCode = 1
    }
  }
})

NodeRuntime.runMain(main.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
