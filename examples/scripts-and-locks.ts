/**
 * Lua scripts as typed commands, and a lock for what one process at a time should do.
 */
// Run: node examples/scripts-and-locks.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { ClusterClient, FunctionLibrary, Lock, Script } from "../src/index.ts"
import { exampleClient } from "./support.ts"

const transfer = Script.make({
  lua: `
    local amount = tonumber(ARGV[1])
    if tonumber(redis.call('GET', KEYS[1]) or '0') < amount then return false end
    redis.call('DECRBY', KEYS[1], amount)
    return redis.call('INCRBY', KEYS[2], amount)
  `,
  keys: ["from", "to"],
  args: { amount: Schema.Int },
  result: Schema.NullOr(Schema.Int)
})

const counters = FunctionLibrary.make({
  name: "example",
  code: `
    redis.register_function('example_incr_below', function(keys, args)
      local value = tonumber(redis.call('GET', keys[1]) or '0')
      if value >= tonumber(args[1]) then return false end
      return redis.call('INCR', keys[1])
    end)
  `,
  functions: {
    example_incr_below: { keys: ["counter"], args: { limit: Schema.Int }, result: Schema.NullOr(Schema.Int) }
  }
})

const program = Effect.gen(function*() {
  const redis = yield* ClusterClient

  // Sent by its digest; a node that does not have it is given it.
  yield* redis.mset({ "{bank}ada": "10", "{bank}grace": "0" })
  const call = transfer({ keys: { from: "{bank}ada", to: "{bank}grace" }, args: { amount: 4 } })
  yield* Console.log(`grace has ${yield* call}`)
  yield* redis.scriptFlush()
  yield* Console.log(`then ${(yield* redis.pipeline([call, call])).map((balance) => balance ?? "no more").join(", ")}`)

  // A function of a library.
  const { example_incr_below } = counters.functions
  const visit = example_incr_below({ keys: { counter: "visits" }, args: { limit: 2 } })
  yield* redis.del("visits")
  yield* Console.log(`visits: ${[yield* visit, yield* visit, yield* visit].map((n) => n ?? "full").join(", ")}`)

  // Five at a time want to change the same thing; they take turns.
  const turn = (index: number) =>
    Lock.withLock("example:lock", { ttl: "10 seconds", fencing: true })((lock) =>
      Effect.andThen(Effect.sleep("20 millis"), Effect.succeed([index, lock.fence] as const))
    )
  const turns = yield* Effect.forEach([1, 2, 3, 4, 5], turn, { concurrency: "unbounded" })
  const order = turns.toSorted(([, one], [, other]) => one - other).map(([index]) => index)
  yield* Console.log(`each had its turn: ${order.join(", ")}`)

  // A caller that cannot wait gets `None`.
  yield* Lock.withLock("example:lock", { ttl: "10 seconds" })(
    Lock.withLock("example:lock", { ttl: "10 seconds", wait: "0 millis" })(Console.log("never")).pipe(
      Effect.catchTag("LockNotAcquiredError", ({ message }) => Console.log(message))
    )
  )
})

program.pipe(Effect.provide(exampleClient()), NodeRuntime.runMain)
