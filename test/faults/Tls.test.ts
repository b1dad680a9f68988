import { assert, describe, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { ClusterClient } from "../../src/ClusterClient.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
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
