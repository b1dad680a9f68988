/**
 * The programs of `examples/redis-py`, and redis-py's own page, on a cluster of three primaries and three replicas.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { HarnessError } from "../harness/HarnessError.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as RedisPy from "../harness/RedisPy.ts"

const found = await RedisPy.find()
const python = "python" in found ? found.python : ""
const why = "reason" in found ? ` (skipped: ${found.reason})` : ""

const pathOf = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))

/** The lines that a program of Node prints. */
const printed = (file: string, args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  Effect.tryPromise({
    try: () =>
      promisify(execFile)(process.execPath, ["--no-warnings", pathOf(file), ...args], {
        env: { ...process.env, ...env },
        timeout: 60_000
      }),
    catch: (cause) => new HarnessError({ message: `${file}: ${String(cause)}`, cause })
  }).pipe(Effect.map(({ stdout }) => stdout.trim().split("\n")))

const cluster = RedisCluster.layer({ primaries: 3, replicas: 1 })

describe("redis-py's page on clustering", () => {
  layer(cluster, { timeout: "60 seconds", excludeTestServices: true })((it) => {
    it.effect("prints the results that stand behind its lines", () =>
      Effect.gen(function*() {
        const { nodes: [{ port }] } = yield* RedisCluster
        const source = readFileSync(pathOf("redis-py-page.ts"), "utf8")
        const expected = Array.from(source.matchAll(/yield\* print\(.*\) \/\/ (.*)/g), ([, text]) => text)
        assert.isAbove(expected.length, 25)
        const lines = yield* printed("redis-py-page.ts", [], { REDIS_CLUSTER_URL: `redis://localhost:${port}` })
        assert.deepStrictEqual(lines, expected)
      }))

    for (const program of ["inventory", "service", "readers"]) {
      it.effect.skipIf(python === "")(
        `${program}.ts prints what ${program}.py prints on redis-py${why}`,
        () =>
          Effect.gen(function*() {
            const { nodes: [{ port }] } = yield* RedisCluster
            const theirs = yield* RedisPy.program(python, pathOf(`redis-py/${program}.py`), [String(port)])
            const ours = yield* printed(`redis-py/${program}.ts`, [String(port)])
            assert.deepStrictEqual(ours, theirs.trim().split("\n"))
          })
      )
    }
  })
})
