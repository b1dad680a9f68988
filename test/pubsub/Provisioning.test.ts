import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as FunctionLibrary from "../../src/scripting/FunctionLibrary.ts"
import * as Script from "../../src/scripting/Script.ts"
import { connect, tagWhere } from "../harness/Observed.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { collect, count } from "./support.ts"

/** No failover comes before the server is back. */
const patient = { nodeTimeout: 30_000, options: ["--cluster-require-full-coverage", "no"] }
const tag = tagWhere((slot) => slot < 5000)

const flagsAt = (cluster: RedisClusterShape, index: number) =>
  Effect.map(
    cluster.command(cluster.nodes[index], "CONFIG", "GET", "notify-keyspace-events"),
    (reply) => String((reply as ReadonlyArray<unknown>)[1])
  )

describeOnEach(
  "A server that restarts at its address and has forgotten everything, on $name",
  (environment) => {
    it.live("tells keyspace events again before a subscription says that it is live", () =>
      Effect.gen(function*() {
        const cluster = yield* environment.make(patient)
        const redis = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
        const events = yield* collect(redis.keyspaceEvents({ prefix: `{${tag}}`, configure: true }))
        yield* until("live", () => count(events.values, "Subscribed") === 1)
        yield* cluster.restart(cluster.nodes[0])
        yield* until("live again", () => count(events.values, "Subscribed") === 2)
        yield* redis.set(`{${tag}}:after`, "x")
        yield* until(
          "its event",
          () => events.values.some((event) => event._tag === "KeyspaceEvent" && event.key === `{${tag}}:after`)
        )
        assert.strictEqual(count(events.values, "Gap"), 1)
      }), 60_000)

    if (environment.isReal) {
      it.live("gets the functions, scripts and users that the program keeps there", () =>
        Effect.gen(function*() {
          const cluster = yield* environment.make(patient)
          const redis = yield* connect({ nodes: cluster.seeds })
          const library = FunctionLibrary.make({
            name: "kept",
            code: `redis.register_function('kept_answer', function() return 42 end)`,
            functions: { kept_answer: { keys: ["key"], result: Schema.Int } }
          })
          const script = Script.make({ lua: "return 43", keys: ["key"], result: Schema.Int })
          const preloads = Effect.all([FunctionLibrary.preload(library), Script.preload(script)])
          yield* Effect.provideService(preloads, ClusterClient, redis)
          yield* redis.provision((node) => redis.on(node).aclSetuser("kept", ["on", ">secret", "~*", "+@all"]))
          const [server] = cluster.nodes
          yield* cluster.restart(server)
          yield* eventually(
            "a transaction with a function",
            Effect.map(
              Effect.result(redis.transaction([library.functions.kept_answer({ keys: { key: `{${tag}}` } })])),
              (result) => Result.isSuccess(result) && result.success[0] === 42
            )
          )
          yield* eventually(
            "the script",
            Effect.map(cluster.command(server, "SCRIPT", "EXISTS", script.sha1), (reply) => String(reply) === "1")
          )
          yield* eventually(
            "the user",
            Effect.map(cluster.command(server, "ACL", "USERS"), (reply) => String(reply).includes("kept"))
          )
        }), 60_000)
    }
  }
)

describe("What a program keeps on servers", () => {
  it.live("is refused by a client that is closed", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster
      const redis = yield* Effect.scoped(connect({ nodes: cluster.seeds }))
      const { reason } = yield* Effect.flip(redis.provision(() => Effect.void))
      assert.strictEqual(reason._tag, "ClosedError")
    }).pipe(Effect.provide(RedisCluster.layer())))
})

describe("The setting for keyspace events", () => {
  layer(RedisCluster.layer(), { excludeTestServices: true })((it) => {
    it.effect("is made complete at each node, whatever becomes of the others", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const allow = (node: number, ...rules: ReadonlyArray<string>) =>
          cluster.command(cluster.nodes[node], "ACL", "SETUSER", "setter", "on", ">pw", "~*", "&*", "+@all", ...rules)
        yield* Effect.forEach([0, 2], (node) => allow(node))
        yield* allow(1, "-config|set")
        const redis = yield* connect({ nodes: cluster.seeds, username: "setter", password: Redacted.make("pw") })
        const events = yield* collect(redis.keyspaceEvents({ events: ["set"], configure: true }))
        yield* until("the refusal", () => events.error !== undefined)
        assert.strictEqual(events.error?.reason._tag, "ReplyError")
        yield* eventually("node 0", Effect.map(flagsAt(cluster, 0), (flags) => flags.includes("$")))
        yield* eventually("node 2", Effect.map(flagsAt(cluster, 2), (flags) => flags.includes("$")))
      }))

    it.effect("is taken for granted only where the user may not read it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const command = ["ACL", "SETUSER", "unasked", "on", ">pw", "~*", "&*", "+@all", "-config"]
        yield* Effect.forEach(cluster.nodes, (node) => cluster.command(node, ...command))
        const redis = yield* connect({ nodes: cluster.seeds, username: "unasked", password: Redacted.make("pw") })
        const events = yield* collect(redis.keyspaceEvents({ events: ["del"] }))
        yield* until("live", () => count(events.values, "Subscribed") === 1)
      }))

    for (const protocol of [2, 3] as const) {
      it.effect(`brings keys as bytes when asked for, over RESP${protocol}`, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, protocol })
          const key = Buffer.concat([Buffer.from(`{${tag}}${protocol}:`), Buffer.from([107, 255, 254])])
          const options = { keys: "bytes", configure: true } as const
          const byKey = yield* collect(redis.keyspaceEvents({ ...options, prefix: `{${tag}}${protocol}` }))
          const byEvent = yield* collect(redis.keyspaceEvents({ ...options, events: ["set"] }))
          const text = yield* collect(redis.keyspaceEvents({ configure: true, prefix: `{${tag}}${protocol}` }))
          const all = [byKey, byEvent, text]
          yield* until("live", () => all.every(({ values }) => count(values, "Subscribed") > 0))
          yield* redis.set(key, "x")
          const keysOf = <K>(values: ReadonlyArray<{ readonly _tag: string; readonly key?: K }>) =>
            values.flatMap((event) => event._tag === "KeyspaceEvent" ? [event.key] : [])
          yield* until(
            "the events",
            () => all.every(({ values }) => values.some(({ _tag }) => _tag === "KeyspaceEvent"))
          )
          assert.deepStrictEqual(keysOf(byKey.values).map((one) => Buffer.from(one ?? [])), [key])
          assert.deepStrictEqual(keysOf(byEvent.values).map((one) => Buffer.from(one ?? [])), [key])
          assert.deepStrictEqual(keysOf(text.values), [key.toString()])
        }))
    }
  })
})
