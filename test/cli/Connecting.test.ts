/** The connection of a command line: by arguments, by variables, by TLS and by a password that nobody sees. */
import { assert, describe, layer } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Terminal from "effect/Terminal"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"
import * as Waiting from "../harness/Waiting.ts"
import { key, type Printed, runInto, runLine } from "./CommandLine.ts"

const password = "correct,horse battery"

/** The files of the certificates of a cluster, while the effect runs. */
const withFiles = <A, E, R>(
  cluster: RedisClusterShape,
  use: (files: { readonly ca: string; readonly cert: string; readonly key: string }) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const directory = mkdtempSync(join(tmpdir(), "certificates-"))
      const { ca = "", certificate = "", key = "" } = cluster.tls ?? {}
      const files = { ca: join(directory, "ca"), cert: join(directory, "cert"), key: join(directory, "key") }
      writeFileSync(files.ca, ca)
      writeFileSync(files.cert, certificate)
      writeFileSync(files.key, key)
      return { directory, files }
    }),
    ({ files }) => use(files),
    ({ directory }) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

describe("The connection", () => {
  layer(RedisCluster.layer({ tls: { clientCertificates: "yes" }, password }), {
    excludeTestServices: true,
    timeout: 60_000
  })((it) => {
    const ping = ["run", "-t", "random", "PING"]

    it.effect("takes certificates from files, and the password from the environment", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* withFiles(cluster, ({ ca, cert, key }) =>
          Effect.gen(function*() {
            const flags = ["--ca", ca, "--cert", cert, "--key", key, "-u", cluster.seeds[0]]
            for (const name of ["REDIS_PASSWORD", "REDISCLI_AUTH"]) {
              const { code, stderr } = yield* runLine([...ping, ...flags], { env: { [name]: password } })
              assert.deepStrictEqual([code, stderr], [0, ""])
            }
            const wrong = yield* runLine([...ping, ...flags], { env: { REDIS_PASSWORD: "wrong horse" } })
            assert.strictEqual(wrong.code, 2)
            assert.match(wrong.stderr, /^error: .*WRONGPASS/)
            assert.notInclude(wrong.stderr, "horse")
            const insecure = ["--insecure", "--cert", cert, "--key", key, "-u", cluster.seeds[0]]
            assert.strictEqual((yield* runLine([...ping, ...insecure], { env: { REDIS_PASSWORD: password } })).code, 0)
            const untrusted = insecure.slice(1)
            const refused = yield* runLine([...ping, ...untrusted], { env: { REDIS_PASSWORD: password } })
            assert.strictEqual(refused.code, 2)
            assert.match(refused.stderr, /^error: .*certificate/)
          }))
      }))

    it.effect("takes everything from variables, and lets flags win over them", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* withFiles(cluster, ({ ca, cert, key }) =>
          Effect.gen(function*() {
            const env = {
              REDIS_CLUSTER_URL: cluster.seeds.map((seed) => seed.replace("rediss://", "")).join(","),
              REDIS_TLS_CA: ca,
              REDIS_TLS_CERT: cert,
              REDIS_TLS_KEY: key,
              REDIS_PASSWORD: password
            }
            assert.strictEqual((yield* runLine(ping, { env })).code, 0)
            const elsewhere = { ...env, REDIS_CLUSTER_URL: "127.0.0.1:1" }
            assert.strictEqual((yield* runLine(ping, { env: elsewhere })).code, 2)
            const given = cluster.seeds.flatMap((seed) => ["--url", seed.replace("rediss://", "")])
            assert.strictEqual((yield* runLine([...ping, ...given], { env: elsewhere })).code, 0)
            assert.strictEqual((yield* runLine([...ping, "--resp2"], { env })).code, 0)
            const { REDIS_CLUSTER_URL, ...rest } = env
            const others = { ...rest, REDIS_URL: REDIS_CLUSTER_URL.split(",")[0] }
            assert.strictEqual((yield* runLine(ping, { env: others })).code, 0)
            const spoilt = yield* runLine(ping, { env: { ...env, REDIS_COMMAND_TIMEOUT: "5" } })
            assert.strictEqual(spoilt.code, 2)
            assert.match(spoilt.stderr, /^error: The environment has .*REDIS_COMMAND_TIMEOUT.*\n$/)
          }))
      }))

    it.effect("asks for the password on the standard error, and shows nothing of it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* withFiles(cluster, (files) =>
          Effect.gen(function*() {
            const keys = yield* Queue.make<Terminal.UserInput, Cause.Done>()
            const printed: Printed = { stdout: "", stderr: "", code: undefined }
            const flags = ["--ca", files.ca, "--cert", files.cert, "--key", files.key, "-u", cluster.seeds[0]]
            yield* Effect.forkChild(
              runInto(printed, [...ping, "--ask-password", ...flags], { columns: 80, keys, env: { NO_COLOR: "1" } })
            )
            yield* Waiting.until("the question", () => printed.stderr.includes("Password of the cluster"))
            for (const letter of password) yield* Queue.offer(keys, key(letter))
            yield* Queue.offer(keys, key("return"))
            yield* Waiting.until("the end", () => printed.code !== undefined)
            assert.strictEqual(printed.code, 0)
            assert.match(printed.stdout, /PONG\n$/)
            assert.notInclude(printed.stdout, "Password")
            for (const word of ["correct", "horse", "battery"]) {
              assert.notInclude(printed.stdout + printed.stderr, word)
            }
          }))
      }))

    it.effect("does not ask where nobody can answer", () =>
      Effect.gen(function*() {
        const { code, stderr } = yield* runLine([...ping, "--ask-password", "-u", "127.0.0.1:1"])
        assert.strictEqual(code, 2)
        assert.match(stderr, /^error: --ask-password needs a terminal .*REDIS_PASSWORD/)
      }))

    it.effect("says what is wrong with its flags", () =>
      Effect.gen(function*() {
        const cases = [
          [["--url", "redis://"], /nodes\[0\]/],
          [["--url", "127.0.0.1:1", "--map", "here=there"], /--map here=there has to be host:port=host:port/],
          [["--url", "127.0.0.1:1", "--ca", "/nowhere/ca.pem"], /\/nowhere\/ca\.pem/],
          [["--url", "127.0.0.1:1", "--timeout", "5"], /500ms, 5s or 2m/],
          [["--url", "redis://a:b@127.0.0.1:1,redis://c:d@127.0.0.1:2"], /different/]
        ] as const
        for (const [flags, message] of cases) {
          const { code, stderr, stdout } = yield* runLine([...ping, ...flags])
          assert.deepStrictEqual([code, stdout], [2, ""])
          assert.match(stderr, message)
        }
      }))
  })

  layer(RedisCluster.layer({ primaries: 3 }), { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.effect("reaches an announced address at the one that --map gives", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [node] = cluster.nodes
        for (const other of cluster.nodes) {
          yield* cluster.command(other, "CONFIG", "SET", "cluster-announce-hostname", `node-${other.index}.invalid`)
          yield* cluster.command(other, "CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname")
        }
        const announced = Effect.map(
          cluster.command(node, "CLUSTER", "SLOTS"),
          (slots) => cluster.nodes.every(({ index }) => JSON.stringify(slots).includes(`node-${index}.invalid`))
        )
        yield* Waiting.eventually("the announced names", announced)
        const line = ["run", "-t", "all", "--timeout", "2s", "PING", "-u", `127.0.0.1:${node.port}`]
        assert.notStrictEqual((yield* runLine(line)).code, 0)
        const maps = cluster.nodes.flatMap((
          { index, port }
        ) => ["--map", `node-${index}.invalid:${port}=127.0.0.1:${port}`])
        assert.deepStrictEqual([(yield* runLine([...line, ...maps])).code], [0])
      }))
  })
})
