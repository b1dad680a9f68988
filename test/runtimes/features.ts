/**
 * One check for each part of the library, built as its users get it, as a program that any runtime can run:
 * `scripts/runtimes.ts` runs it on several.
 *
 * The cluster is in `REDIS_CLUSTER_URL`, one with TLS in `REDIS_TLS_URL` and its authority in `REDIS_TLS_CA`. Prints a line for
 * each check, and exits with 1 when one of them fails.
 */
import { Cause, Context, Effect, Exit, Fiber, Layer, Queue, Schema, type Scope, Stream } from "effect"
import { ClusterClient, Command, Lock, ReadFrom, Script, Strings } from "effect-redis-cluster"
import { Response, TestCluster } from "effect-redis-cluster/testing"

const nodes = process.env["REDIS_CLUSTER_URL"] ?? ""
const deadlines = { commandTimeout: "10 seconds" } as const

type Check = Effect.Effect<unknown, unknown, ClusterClient | Scope.Scope>

const equal = (actual: unknown, expected: unknown) =>
  JSON.stringify(actual) === JSON.stringify(expected)
    ? Effect.void
    : Effect.fail(new Error(`got ${JSON.stringify(actual)} and not ${JSON.stringify(expected)}`))

const checks: Readonly<Record<string, Check>> = {
  "commands in every slot": Effect.gen(function*() {
    const redis = yield* ClusterClient
    const keys = Array.from({ length: 200 }, (_, index) => `every:${index}`)
    yield* Effect.forEach(keys, (key) => redis.set(key, key), { concurrency: "unbounded" })
    yield* equal(yield* redis.mgetNonatomic(keys), keys)
  }),
  "values with a schema, and bytes": Effect.gen(function*() {
    const redis = yield* ClusterClient
    const Form = Schema.NullOr(Schema.fromJsonString(Schema.Struct({ name: Schema.String })))
    yield* redis.set("schema", `{"name":"ada"}`)
    yield* equal(yield* redis.get("schema").pipe(Command.schema(Form)), { name: "ada" })
    yield* redis.set("bytes", Uint8Array.of(0, 255, 13, 10))
    const bytes = yield* redis.get("bytes").pipe(Command.bytes)
    yield* equal(bytes === null ? [] : Array.from(bytes), [0, 255, 13, 10])
  }),
  "a large value": Effect.gen(function*() {
    const redis = yield* ClusterClient
    const large = "ä".repeat(2_000_000)
    yield* redis.set("large", large)
    yield* equal((yield* redis.get("large")) === large, true)
  }),
  "pipelines": Effect.gen(function*() {
    const redis = yield* ClusterClient
    yield* redis.set("pipeline:a", "1")
    yield* equal(yield* redis.pipeline({ a: redis.incr("pipeline:a"), b: redis.get("pipeline:b") }), { a: 2, b: null })
  }),
  "transactions": Effect.gen(function*() {
    const redis = yield* ClusterClient
    yield* redis.del(["{t}a"])
    yield* equal(yield* redis.transaction([redis.incr("{t}a"), redis.incr("{t}a")]), [1, 2])
  }),
  "optimistic locking": Effect.gen(function*() {
    const redis = yield* ClusterClient
    yield* redis.set("watched", "1")
    yield* redis.watch(
      "watched",
      (tx) => Effect.flatMap(tx.get("watched"), (value) => tx.transaction([Strings.set("watched", `${value}2`)]))
    )
    yield* equal(yield* redis.get("watched"), "12")
  }),
  "fan-out to nodes": Effect.gen(function*() {
    const redis = yield* ClusterClient
    yield* equal([...(yield* redis.on("primaries").ping()).values()], ["PONG", "PONG", "PONG"])
  }),
  "reads from replicas": Effect.gen(function*() {
    const redis = yield* ClusterClient
    yield* redis.set("read", "v")
    yield* redis.dedicated("read").pipe(
      Effect.flatMap((one) => Effect.andThen(one.set("read", "w"), one.wait(1, "5 seconds")))
    )
    yield* equal(yield* redis.readFrom(ReadFrom.replica).get("read"), "w")
  }),
  "blocking commands": Effect.gen(function*() {
    const redis = yield* ClusterClient
    yield* redis.del(["queue"])
    const taking = yield* Effect.forkChild(redis.blpop("queue", "5 seconds"))
    yield* redis.rpush("queue", ["element"])
    yield* equal(JSON.stringify(yield* Fiber.join(taking)).includes("element"), true)
  }),
  "subscriptions to channels, patterns and shard channels": Effect.gen(function*() {
    const redis = yield* ClusterClient
    const classic = yield* redis.subscribeScoped("channel")
    const pattern = yield* redis.subscribeScoped({ patterns: "chann*" })
    const sharded = yield* redis.subscribeScoped({ shardChannels: "channel" })
    yield* redis.publish("channel", "classic")
    yield* redis.spublish("channel", "sharded")
    for (const [messages, payload] of [[classic, "classic"], [pattern, "classic"], [sharded, "sharded"]] as const) {
      yield* equal((yield* Queue.take(messages)).payload, payload)
    }
  }),
  "scripts": Effect.gen(function*() {
    const script = Script.make({
      lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
      keys: ["counter"],
      args: { by: Schema.Int },
      result: Schema.Int
    })
    const redis = yield* ClusterClient
    yield* redis.del(["script"])
    yield* redis.on("primaries").scriptFlush()
    yield* equal(yield* script({ keys: { counter: "script" }, args: { by: 3 } }), 3)
  }),
  "locks": Effect.gen(function*() {
    yield* equal(yield* Lock.withLock("lock", { ttl: "10 seconds", wait: "5 seconds" })(Effect.succeed("done")), "done")
  }),
  "scans": Effect.gen(function*() {
    const redis = yield* ClusterClient
    const keys = Array.from({ length: 100 }, (_, index) => `scan:${index}`)
    yield* redis.msetNonatomic(keys.map((key) => [key, "v"] as const))
    const found = yield* Stream.runCollect(redis.scanStream({ match: "scan:*" }))
    yield* equal(new Set(found).size, 100)
  }),
  "consumer groups": Effect.gen(function*() {
    const redis = yield* ClusterClient
    yield* redis.del(["stream"])
    yield* redis.xadd("stream", "*", { field: "value" })
    const entries = redis.consume({ streams: ["stream"], group: "g", consumer: "c", create: "all" })
    yield* equal((yield* Stream.runCollect(Stream.take(entries, 1))).length, 1)
  }),
  "errors with a reason and an outcome": Effect.gen(function*() {
    const redis = yield* ClusterClient
    yield* redis.set("text", "text")
    const error = yield* Effect.flip(redis.incr("text"))
    yield* equal([error.reason._tag, error.outcome], ["ReplyError", "NotExecuted"])
  }),
  "deadlines": Effect.gen(function*() {
    const context = yield* Layer.build(TestCluster.layer())
    const [redis, cluster] = [Context.get(context, ClusterClient), Context.get(context, TestCluster)]
    yield* cluster.onCommand("GET", () => Response.silence)
    const error = yield* Effect.flip(redis.get("key").pipe(Command.timeout("100 millis")))
    yield* equal(error.reason._tag, "TimeoutError")
  }),
  "interruption": Effect.gen(function*() {
    const redis = yield* ClusterClient
    const taking = yield* Effect.forkChild(redis.blpop("interrupted", "Infinity"))
    yield* Effect.sleep("50 millis")
    yield* Fiber.interrupt(taking)
    yield* redis.rpush("interrupted", ["kept"])
    yield* equal(yield* redis.lpop("interrupted"), "kept")
  }),
  "a cluster in memory": Effect.gen(function*() {
    const redis = Context.get(yield* Layer.build(TestCluster.layer({ replicas: 1 })), ClusterClient)
    yield* redis.set("key", "value")
    yield* equal(yield* redis.get("key"), "value")
  }),
  "TLS": Effect.gen(function*() {
    const tls = { ca: process.env["REDIS_TLS_CA"] ?? "" }
    const layer = ClusterClient.layer({ nodes: process.env["REDIS_TLS_URL"] ?? "", tls, ...deadlines })
    const redis = Context.get(yield* Layer.build(layer), ClusterClient)
    yield* redis.set("key", "value")
    yield* equal(yield* redis.get("key"), "value")
  })
}

const results = Effect.forEach(
  Object.entries(checks),
  ([name, check]) =>
    Effect.map(Effect.exit(Effect.timeout(Effect.scoped(check), "30 seconds")), (exit) => {
      process.stdout.write(`${Exit.isSuccess(exit) ? "passed" : "FAILED"}  ${name}\n`)
      if (Exit.isFailure(exit)) process.stdout.write(`${Cause.pretty(exit.cause)}\n`)
      return Exit.isSuccess(exit)
    })
)

const passed = await Effect.runPromise(Effect.provide(results, ClusterClient.layer({ nodes, ...deadlines })))
process.exit(passed.every(Boolean) ? 0 : 1)
