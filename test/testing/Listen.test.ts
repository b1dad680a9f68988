/**
 * The engine on sockets: clients that know nothing of this library.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile, spawnSync } from "node:child_process"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import { TestCluster } from "../../src/testing/index.ts"
import * as RawClient from "../harness/RawClient.ts"

const cli = ["redis-cli", "valkey-cli"].find((name) => spawnSync(name, ["--version"]).status === 0)

const runCli = (...args: ReadonlyArray<string>) =>
  Effect.callback<string>((resume) => {
    execFile(cli ?? "", args, (error, stdout) => resume(Effect.succeed(error === null ? stdout : error.message)))
  })

describe("TestCluster.listen", () => {
  it.live("answers a client of the wire protocol, and refuses it while a node is dead", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster.listen({ primaries: 2 })
      const [node, other] = cluster.nodes
      const raw = yield* RawClient.make({ port: node.port })
      assert.strictEqual(yield* raw.command("PING"), "PONG")
      const slots = yield* raw.command("CLUSTER", "SLOTS")
      assert.deepStrictEqual(slots, [
        [0, 8191, ["127.0.0.1", node.port, node.id, []]],
        [8192, 16383, ["127.0.0.1", other.port, other.id, []]]
      ])
      const [set, moved, inline] = yield* raw.pipeline([["SET", "b", "1"], ["GET", "a"], ["ECHO", "ü"]])
      assert.strictEqual(set, "OK")
      assert.deepStrictEqual(moved, new ServerError(`MOVED 15495 127.0.0.1:${other.port}`))
      assert.strictEqual(inline, "ü")

      yield* cluster.kill(node)
      assert.include((yield* Effect.flip(raw.command("PING"))).message, "closed the connection")
      assert.include((yield* Effect.flip(RawClient.make({ port: node.port }))).message, "ECONNREFUSED")
      yield* cluster.restart(node)
      const again = yield* RawClient.make({ port: node.port })
      assert.strictEqual(yield* again.command("GET", "b"), null)
    }))

  it.live("serves this library's own client over sockets, and takes nodes in", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster.listen({ primaries: 3, replicas: 1, password: "secret" })
      const urls = cluster.urls.map((url) => url.replace("//", "//:secret@"))
      yield* Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.set("k", "v")
        const added = yield* cluster.addNode()
        yield* cluster.moveSlot(yield* cluster.slotOf("k"), added)
        assert.strictEqual(yield* redis.get("k"), "v")
        const { primaries, replicas } = yield* redis.refreshTopology
        assert.deepStrictEqual([primaries.length, replicas.length], [4, 3])
      }).pipe(Effect.provide(ClusterClient.layer({ nodes: urls })))
    }))

  // Only where a command line client is installed: the suite needs a server alone.
  it.live.skipIf(cli === undefined)(
    "follows the redirects of redis-cli, over RESP2 and RESP3",
    () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster.listen({ primaries: 3 })
        const port = String(cluster.nodes[0].port)
        for (const resp of ["-2", "-3"]) {
          for (const key of ["a", "b", "c", "d"]) {
            assert.include(yield* runCli("-c", resp, "-p", port, "SET", key, `value of ${key}`), "OK")
            assert.include(yield* runCli("-c", resp, "-p", port, "GET", key), `value of ${key}`)
          }
        }
        const check = yield* runCli("--cluster", "check", `127.0.0.1:${port}`)
        assert.include(check, "All 16384 slots covered")
      })
  )
})
