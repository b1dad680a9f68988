/** `top`: printed once for people and programs, and live with a keyboard. */
import { assert, layer } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Terminal from "effect/Terminal"
import type { Observation } from "../../src/cli/sampler/Observation.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as Waiting from "../harness/Waiting.ts"
import { key, type Printed, runInto, runLine } from "./CommandLine.ts"

layer(RedisCluster.layer({ primaries: 2, replicas: 1 }), { excludeTestServices: true, timeout: 60_000 })(
  "top",
  (it) => {
    it.effect("prints one measurement of every node, with rates, where there is no terminal", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [{ host, port }] = cluster.nodes
        yield* cluster.command(cluster.nodes[0], "SLOWLOG", "RESET")
        const { code, stderr, stdout } = yield* runLine(["top", "--interval", "200ms", `${host}:${port}`])
        assert.deepStrictEqual([code, stderr], [0, ""])
        assert.include(stdout, "all 4 nodes answer")
        for (const node of cluster.nodes) {
          const line = stdout.split("\n").find((line) => line.includes(`${node.host}:${node.port} `)) ?? ""
          assert.match(line, /(primary|replica) .* up$/)
          // Commands per second, and the time of a PING.
          assert.match(line, /:\d+ +\d+ +[\d.]+ ms/)
        }
      }))

    it.effect("prints JSON for programs, with the biggest keys of a sample", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [{ host, port }] = cluster.nodes
        const set = yield* runLine(["run", "--url", `${host}:${port}`, "SET", "big", "x".repeat(5000)])
        assert.strictEqual(set.code, 0)
        const { stdout } = yield* runLine(["top", "--json", "--sample-keys", "20", "-i", "100ms", `${host}:${port}`])
        const found: Observation & {
          readonly bigKeys: ReadonlyArray<{ readonly key: string; readonly bytes: number }>
        } = JSON.parse(stdout)
        assert.strictEqual(found.nodes.length, 4)
        assert.strictEqual(found.coveredSlots, 16384)
        assert.strictEqual(found.bigKeys[0].key, "big")
        assert.isAbove(found.bigKeys[0].bytes, 5000)
      }))

    it.effect("refreshes in place, sorts by a key of the keyboard, and gives the terminal back on q", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [{ host, port }] = cluster.nodes
        const keys = yield* Queue.unbounded<Terminal.UserInput, Cause.Done>()
        const printed: Printed = { stdout: "", stderr: "", code: undefined }
        const running = yield* Effect.forkChild(
          runInto(printed, ["top", "-i", "100ms", `${host}:${port}`], {
            keys,
            columns: 100,
            rows: 20,
            env: { NO_COLOR: "1" }
          })
        )
        const pictures = () => printed.stdout.split("\u001B[H").slice(1)
        yield* Waiting.until("some pictures are drawn", () => pictures().length > 3)
        for (const picture of pictures()) assert.isAtMost(picture.split("\r\n").length, 20)
        assert.isTrue(printed.stdout.startsWith("\u001B[?1049h\u001B[?25l"))
        const before = pictures().length
        yield* Queue.offer(keys, key("m"))
        yield* Waiting.until("the picture is drawn in the new order", () => pictures().length > before + 1)
        yield* Queue.offer(keys, key("q"))
        yield* Fiber.join(running)
        assert.deepStrictEqual([printed.code, printed.stderr], [0, ""])
        assert.isTrue(printed.stdout.endsWith("\u001B[?25h\u001B[?1049l"))
      }))
  }
)
