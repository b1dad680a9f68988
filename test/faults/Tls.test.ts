import { assert, describe, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { inspect } from "node:util"
import { ClusterClient } from "../../src/ClusterClient.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import * as ScriptedServer from "../connection/ScriptedServer.ts"
import * as Certificates from "../harness/Certificates.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"
import { openClient } from "./Load.ts"

const password = "correct-horse-battery"
const wrong = "wrong-horse-battery"

const cluster = Layer.effect(
  RedisCluster,
  Effect.gen(function*() {
    const cluster = yield* RedisCluster.make({ tls: true, password: "of-the-default-user" })
    for (const node of cluster.nodes) {
      yield* cluster.command(node, "ACL", "SETUSER", "ada", "on", `>${password}`, "~allowed:*", "&*", "+@all")
    }
    return cluster
  })
)

const asAda = (cluster: RedisClusterShape, options: Partial<ClusterOptions> = {}): ClusterOptions => ({
  nodes: cluster.seeds,
  username: "ada",
  password: Redacted.make(password),
  tls: { ca: cluster.tls?.ca ?? "" },
  commandTimeout: "2 seconds",
  ...options
})

const failureOf = (options: ClusterOptions) => Effect.flip(Effect.scoped(Layer.build(ClusterClient.layer(options))))

/** Everything that a program may print of an error. */
const printed = (error: Error): string =>
  [
    inspect(error, { depth: Infinity, showHidden: true }),
    String(error),
    JSON.stringify(error),
    error.stack,
    Cause.pretty(Cause.fail(error))
  ].join("\n")

describe("TLS with client certificates", () => {
  layer(RedisCluster.layer({ tls: { clientCertificates: "yes" } }), { excludeTestServices: true, timeout: 60_000 })(
    (it) => {
      it.effect("serves who shows one", () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const { ca = "", certificate = "", key = "" } = cluster.tls ?? {}
          const { redis } = yield* openClient({ nodes: cluster.seeds, tls: { ca, cert: certificate, key } })
          for (let i = 0; i < 30; i++) assert.strictEqual(yield* redis.set(`certified:${i}`, "value"), "OK")
        }))

      it.effect("refuses who shows none, and says so for each node", () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const { reason } = yield* failureOf({ nodes: cluster.seeds, tls: { ca: cluster.tls?.ca ?? "" } })
          assert(reason._tag === "NoReachableNodeError")
          assert.strictEqual(reason.causes.length, 3)
          for (const { cause } of reason.causes) assert.match(cause, /certificate required|closed by the server/)
        }))
    }
  )
})

describe("TLS and ACL", () => {
  layer(cluster, { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.effect("serves a user over rediss:// with the authority's certificate", () =>
      Effect.gen(function*() {
        const { connections, redis } = yield* openClient(asAda(yield* RedisCluster))
        for (let i = 0; i < 30; i++) {
          yield* redis.set(`allowed:${i}`, String(i))
          assert.strictEqual(yield* redis.get(`allowed:${i}`), String(i))
        }
        assert.strictEqual(connections.all().filter(({ state }) => state === "ready").length, 3)
        const users = yield* redis.on("primaries").send("ACL", "WHOAMI")
        assert.deepStrictEqual([...users.values()], ["ada", "ada", "ada"])
      }))

    it.effect("takes user and password from the URL as well", () =>
      Effect.gen(function*() {
        const { nodes, tls } = yield* RedisCluster
        const { redis } = yield* openClient({
          nodes: `rediss://ada:${password}@127.0.0.1:${nodes[0].port}`,
          tls: { ca: tls?.ca ?? "" }
        })
        assert.strictEqual(yield* redis.set("allowed:url", "1"), "OK")
      }))

    it.effect("asks whether the server speaks TLS when the URL is redis://", () =>
      Effect.gen(function*() {
        const { nodes } = yield* RedisCluster
        const { reason } = yield* failureOf({ nodes: `redis://127.0.0.1:${nodes[0].port}` })
        assert.match(reason.message, /speak TLS\? Then it wants rediss:/)
      }))

    it.effect("asks whether the server speaks TLS when the URL is rediss:// and the server is silent", () =>
      Effect.gen(function*() {
        const { endpoint } = yield* ScriptedServer.start(() => undefined)
        const { reason } = yield* failureOf({
          nodes: `rediss://${endpoint.host}:${endpoint.port}`,
          connectTimeout: "100 millis"
        })
        assert.match(reason.message, /no connection within 100 ms.*speak TLS\?/)
      }))

    it.effect("checks the certificate against the server name of each node", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const ca = cluster.tls?.ca ?? ""
        const asked = new Set<number>()
        const { redis } = yield* openClient(asAda(cluster, {
          tls: {
            ca,
            servernameOf: ({ port }) => {
              asked.add(port)
              return "localhost"
            }
          }
        }))
        yield* redis.mgetNonatomic(Array.from({ length: 30 }, (_, i) => `allowed:${i}`))
        assert.deepStrictEqual(asked, new Set(cluster.nodes.map(({ port }) => port)))

        const { reason } = yield* failureOf(asAda(cluster, { tls: { ca, servername: "redis.example.org" } }))
        assert(reason._tag === "NoReachableNodeError")
        assert.strictEqual(reason.causes.length, 3)
        for (const { cause } of reason.causes) assert.match(cause, /does not match certificate.*redis\.example\.org/)
      }))

    it.effect("says which certificate it does not trust, for each node", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const error = yield* failureOf(asAda(cluster, { tls: { ca: Certificates.make().ca } }))
        assert(error.reason._tag === "NoReachableNodeError")
        assert.strictEqual(error.outcome, "NotExecuted")
        for (const { cause, node } of error.reason.causes) {
          assert.match(cause, /certificate/)
          assert.include(error.message, node)
        }
      }))

    it.effect("says that the password is wrong, for each node, and never shows it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const error = yield* failureOf(asAda(cluster, { password: Redacted.make(wrong) }))
        assert(error.reason._tag === "NoReachableNodeError")
        assert.strictEqual(error.reason.causes.length, 3)
        for (const { cause } of error.reason.causes) assert.include(cause, "WRONGPASS")
        assert.notInclude(printed(error), wrong)
      }))

    it.effect("asks the credentials effect for each connection, so that a password may change", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const everywhere = (...args: ReadonlyArray<string>) =>
          Effect.forEach(cluster.nodes, (node) => cluster.command(node, "ACL", "SETUSER", "eve", ...args))
        let current = "first-secret"
        let asked = 0
        yield* everywhere("on", `>${current}`, "~*", "&*", "+@all")
        const { connections, redis } = yield* openClient({
          nodes: cluster.seeds,
          tls: { ca: cluster.tls?.ca ?? "" },
          credentials: Effect.sync(() => {
            asked++
            return { username: "eve", password: Redacted.make(current) }
          }),
          commandTimeout: "3 seconds"
        })
        const keys = Array.from({ length: 30 }, (_, i) => `eve:${i}`)
        yield* redis.mgetNonatomic(keys)
        // The startup node, and then each node.
        assert.strictEqual(asked, 4)

        current = "second-secret"
        yield* everywhere("resetpass", `>${current}`)
        for (const node of cluster.nodes) yield* cluster.command(node, "CLIENT", "KILL", "USER", "eve")
        for (const connection of connections.all()) connection.reset("the test wants a new one")
        assert.deepStrictEqual(yield* redis.mgetNonatomic(keys), keys.map(() => null))
        assert.isAtLeast(asked, 7)
      }))

    it.effect.skipIf(process.platform !== "linux")(
      "keeps its sockets alive, with TLS and without",
      () =>
        Effect.gen(function*() {
          for (const tls of [true, false]) {
            const cluster = yield* RedisCluster.make({ tls })
            const { redis } = yield* openClient({
              nodes: cluster.seeds,
              ...(tls ? { tls: { ca: cluster.tls?.ca ?? "" } } : {})
            })
            yield* redis.mgetNonatomic(Array.from({ length: 30 }, (_, i) => String(i)))
            // The kernel's own table: state 01 is established, timer 02 is the one of keep-alive.
            const ports = new Set(cluster.nodes.map(({ port }) => port.toString(16).toUpperCase().padStart(4, "0")))
            const sockets = readFileSync("/proc/self/net/tcp", "utf8").split("\n").map((line) =>
              line.trim().split(/\s+/)
            )
              .filter(([, , remote, state]) => state === "01" && ports.has(remote.split(":")[1]))
            const own = new Set(
              readdirSync("/proc/self/fd").flatMap((fd) => {
                const target = Result.try(() => readlinkSync(`/proc/self/fd/${fd}`))
                return Result.isSuccess(target) ? [/^socket:\[(\d+)\]$/.exec(target.success)?.[1]] : []
              })
            )
            const ours = sockets.filter((fields) => own.has(fields[9]))
            assert.isAtLeast(ours.length, 3)
            for (const fields of ours) assert.match(fields[5], /^02:/)
          }
        })
    )

    it.effect("says that credentials are missing", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { reason } = yield* failureOf({ nodes: cluster.seeds, tls: { ca: cluster.tls?.ca ?? "" } })
        assert(reason._tag === "NoReachableNodeError")
        for (const { cause } of reason.causes) assert.match(cause, /NOAUTH|required/)
      }))

    it.effect("fails commands with AuthenticationError when the password is changed under a running client", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const node of cluster.nodes) {
          yield* cluster.command(node, "ACL", "SETUSER", "bob", "on", `>${password}`, "~*", "+@all")
        }
        const { redis } = yield* openClient(asAda(cluster, { username: "bob" }))
        yield* redis.set("key", "1")
        for (const node of cluster.nodes) {
          yield* cluster.command(node, "ACL", "SETUSER", "bob", "resetpass", ">another-horse")
          yield* cluster.command(node, "CLIENT", "KILL", "USER", "bob")
        }
        const error = yield* Effect.flip(Effect.forever(Effect.andThen(redis.get("key"), Effect.sleep(5))))
        assert.strictEqual(error.reason._tag, "AuthenticationError")
        // The GET may have been on the wire when the connection was killed, so its outcome is either.
        assert.notInclude(printed(error), password)
      }))

    it.effect("never shows passwords or values in the errors of commands", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis } = yield* openClient(asAda(cluster))
        yield* redis.set("allowed:text", "secret-value")
        const errors = [
          yield* Effect.flip(redis.set("forbidden", "secret-value")),
          yield* Effect.flip(redis.hset("allowed:text", { field: "secret-value" })),
          yield* Effect.flip(redis.incr("allowed:text")),
          yield* Effect.flip(redis.send("AUTH", "ada", wrong)),
          yield* Effect.flip((yield* redis.node(yield* redis.defaultNode)).send("AUTH", "ada", wrong))
        ]
        for (const error of errors) {
          for (const secret of [password, wrong, "secret-value"]) assert.notInclude(printed(error), secret)
        }
        assert.deepStrictEqual(errors.map(({ reason }) => reason._tag), [
          "ReplyError",
          "ReplyError",
          "ReplyError",
          "OptionsError",
          "OptionsError"
        ])
      }))
  })
})
