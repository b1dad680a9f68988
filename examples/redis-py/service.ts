/**
 * The service of `service.py` on this client: pipelines, optimistic transactions, a script, a lock.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option, Result, Schema } from "effect"
import { ClusterClient, Lock, onConflict, Script, Strings } from "../../src/index.ts"

const show = (value: unknown) => Console.log(JSON.stringify(value))

const double = Script.make({
  lua: "return redis.call('GET', KEYS[1]) * ARGV[1]",
  keys: ["account"],
  args: { times: Schema.FiniteFromString },
  result: Schema.Int
})

const program = Effect.gen(function*() {
  const rc = yield* ClusterClient
  yield* rc.flushall()

  const [set, visits, length, name] = yield* rc.pipeline([
    rc.set("user:1", "ada", { expire: "1 minute" }),
    rc.incr("visits"),
    rc.rpush("log", ["a", "b"]),
    rc.get("user:1")
  ])
  yield* show([set === "OK", visits, length, name])

  const [text, wrong, count] = yield* rc.pipelineResults([rc.get("user:1"), rc.incr("user:1"), rc.incr("visits")])
  const shown = { onSuccess: (value: unknown) => value, onFailure: () => "error" }
  yield* show([Result.match(text, shown), Result.match(wrong, shown), Result.match(count, shown)])

  yield* rc.mset({ "{acc}a": 100, "{acc}b": 0 })
  const transfer = rc.watch("{acc}a", (tx) =>
    Effect.gen(function*() {
      const balance = Number(yield* tx.get("{acc}a"))
      yield* tx.transaction([Strings.set("{acc}a", balance - 5), Strings.incrby("{acc}b", 5)])
    })).pipe(Effect.retry(onConflict))
  for (let i = 0; i < 10; i++) yield* transfer
  yield* show(yield* rc.mget(["{acc}a", "{acc}b"]))

  yield* show(yield* double({ keys: { account: "{acc}a" }, args: { times: 2 } }))

  yield* Lock.withLock("report", { ttl: "10 seconds" })((lock) =>
    Effect.gen(function*() {
      const other = yield* Lock.tryWithLock("report", { ttl: "10 seconds" })(Effect.void)
      yield* show(Option.isSome(other))
      yield* lock.extend("20 seconds")
      yield* show([yield* lock.isHeld, (yield* rc.ttl("report")) > 10])
    })
  )
  yield* show(yield* Lock.isLocked("report"))
  if (!(yield* Lock.release("report", "somebody's token"))) yield* show("not held")
})

program.pipe(
  Effect.provide(ClusterClient.layer({ nodes: { host: "localhost", port: Number(process.argv[2]) } })),
  NodeRuntime.runMain
)
