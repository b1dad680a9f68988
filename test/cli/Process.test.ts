/** The command line as a process: its exit code, its end by a signal, and a reader that ends before it. */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { ClusterClient } from "../../src/index.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as Waiting from "../harness/Waiting.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const manifest = fileURLToPath(new URL("../../package.json", import.meta.url))

const services = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) => ClusterClient.layer({ nodes: cluster.seeds }))
).pipe(Layer.provideMerge(RedisCluster.layer()))

interface Running {
  readonly child: ChildProcess
  stdout: string
  stderr: string
  end: { readonly code: number | null; readonly signal: string | null } | undefined
}

/** A process that ends with the scope. */
const start = (command: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(command, [...args], {
        env: { PATH: process.env.PATH, ...env },
        stdio: ["ignore", "pipe", "pipe"]
      })
      const running: Running = { child, stdout: "", stderr: "", end: undefined }
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        running.stdout += text
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        running.stderr += text
      })
      child.on("close", (code, signal) => {
        running.end = { code, signal }
      })
      return running
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

const ended = (running: Running) => Waiting.until("the end of the process", () => running.end !== undefined, 60_000)

describe("The process", () => {
  layer(services, { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.effect("ends with the exit code of its command", () =>
      Effect.gen(function*() {
        const { version } = JSON.parse(readFileSync(manifest, "utf8"))
        const runs = yield* Effect.all([
          start(process.execPath, [main, "--version"]),
          start(process.execPath, [main, "topology"]),
          start(process.execPath, [main, "owner", "-u", "127.0.0.1:1", "k"])
        ])
        for (const running of runs) yield* ended(running)
        assert.deepStrictEqual(runs.map(({ end }) => end?.code), [0, 2, 2])
        assert.strictEqual(runs[0].stdout, `effect-redis-cluster v${version}\n`)
        assert.match(runs[1].stderr, /^error: No cluster is named.*\n$/)
        assert.match(runs[2].stderr, /^error: .*ECONNREFUSED.*\n$/)
      }))

    it.effect("ends clean by SIGINT: without a word, and with its connections closed", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { seeds } = yield* RedisCluster
        const running = yield* start(process.execPath, [main, "monitor", ...seeds])
        const monitors = Effect.map(
          redis.on("primaries").clientList(),
          (lists) => [...lists.values()].flat().filter(({ cmd }) => cmd === "monitor").length
        )
        yield* Waiting.eventually("the monitors", Effect.map(monitors, (count) => count === 3), 60_000)
        running.child.kill("SIGINT")
        yield* ended(running)
        assert.deepStrictEqual([running.end, running.stderr], [{ code: 130, signal: null }, ""])
        yield* Waiting.eventually("no monitors", Effect.map(monitors, (count) => count === 0))
      }))

    it.effect("ends without an error when the program that reads its output has ended", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { seeds } = yield* RedisCluster
        const names = Array.from({ length: 5000 }, (_, i) => `a-key-with-a-rather-long-name:${"x".repeat(40)}:${i}`)
        yield* redis.msetNonatomic(Object.fromEntries(names.map((name) => [name, ""])))
        const line = `{ "$0" "$1" scan "$2"; echo "code $?" >&2; } | head -n 1`
        const running = yield* start("/bin/sh", ["-c", line, process.execPath, main, seeds[0]])
        yield* ended(running)
        assert.match(running.stdout, /^a-key-.*\n$/)
        assert.strictEqual(running.stderr, "code 0\n")
      }))
  })
})
