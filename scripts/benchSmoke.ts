/**
 * Runs each benchmark in its shortest form, our own clients only: it shows that the code still runs, and measures nothing.
 *
 *     npm run bench:smoke
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { workspace } from "../test/harness/RedisServer.ts"

const project = fileURLToPath(new URL("..", import.meta.url))

const ours = "effect-redis-cluster"

/** The benchmarks that start `redis-server` by its path. */
const byPath = new Set(["languages.ts", "main.ts", "pipelines.ts", "pubsub.ts", "scripts.ts", "shapes.ts"])

const runs: ReadonlyArray<readonly [file: string, ...args: ReadonlyArray<string>]> = [
  ["faults.ts", "--scenarios", "duplicates,resharded", "--clients", ours],
  ["main.ts", "--smoke", "--clients", `${ours},floor`],
  ["pipelines.ts", "--quick", "--clients", ours, "--jobs", "pipeline,transaction"],
  ["pubsub.ts", "--messages", "500", "--rounds", "1", "--streams", "2", "--clients", ours],
  ["scripts.ts", "--smoke"],
  ["shapes.ts", "--smoke", "--clients", ours],
  ["languages.ts", "--smoke", "--clients", ours],
  ["topology.ts", "--smoke"],
  ["readFrom.ts", "1", "20"],
  ["tracing.ts", "1", "20"],
  ["cache.ts", "1", "20"],
  ["outage.ts", "10"],
  ["builders.ts", "--smoke"],
  ["asEffect.ts", "--commands", "100", "--rounds", "1"]
]

interface Ended {
  readonly failed: boolean
  readonly output: string
}

const main = Effect.gen(function*() {
  const { binary } = yield* workspace
  const run = (file: string, args: ReadonlyArray<string>) =>
    Effect.callback<Ended>((resume) => {
      const child = execFile(process.execPath, [`bench/${file}`, ...args], {
        cwd: project,
        env: byPath.has(file) ? { ...process.env, REDIS_SERVER: binary } : process.env,
        timeout: 120_000
      }, (error, stdout, stderr) => resume(Effect.succeed({ failed: error !== null, output: `${stdout}\n${stderr}` })))
      return Effect.sync(() => child.kill())
    })
  yield* Effect.forEach(runs, ([file, ...args]) =>
    Effect.gen(function*() {
      const start = performance.now()
      const { failed, output } = yield* run(file, args)
      const seconds = ((performance.now() - start) / 1000).toFixed(1)
      yield* Console.log(`${failed ? "FAILED" : "passed"}  bench/${file} ${args.join(" ")}  (${seconds} s)`)
      if (failed) {
        yield* Console.log(output)
        process.exitCode = 1
      }
    }), { concurrency: 2, discard: true })
})

NodeRuntime.runMain(main.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
