/**
 * Many keys at once: atomic within one slot, non-atomic over any slots.
 */
// Run: node examples/multi-key.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { ClusterClient } from "../src/index.ts"
import { exampleClient } from "./support.ts"

const program = Effect.gen(function*() {
  const redis = yield* ClusterClient

  // The text in braces decides the slot: these two keys are always on one node, and are set at one moment.
  yield* redis.mset({ "{user:1}:name": "ada", "{user:1}:city": "london" })
  yield* Console.log(yield* redis.mget(["{user:1}:name", "{user:1}:city"]))

  // Keys of different slots are refused before anything is sent.
  yield* redis.mget(["user:1", "user:2"]).pipe(
    Effect.catchReason("RedisClusterException", "CrossSlotError", (reason) => Console.log(reason.message))
  )

  // Non-atomic: one command per slot, all of them side by side, results in the order of the keys.
  yield* redis.msetNonatomic({ "user:1": "ada", "user:2": "grace", "user:3": "barbara" })
  yield* Console.log(yield* redis.mgetNonatomic(["user:3", "user:2", "user:1", "user:0"]))

  // When some parts fail, the error says which keys they held: by their positions.
  const users = ["user:1", "user:2", "user:3"]
  const deleted = yield* redis.delNonatomic(users).pipe(
    Effect.catchReason(
      "RedisClusterException",
      "PartialFailureError",
      (reason) =>
        Effect.as(
          Console.log(
            `not deleted: ${reason.failures.flatMap((failure) => failure.keys.map((i) => users[i])).join(", ")}`
          ),
          0
        )
    )
  )
  yield* Console.log(`deleted: ${deleted}`)
})

program.pipe(Effect.provide(exampleClient()), NodeRuntime.runMain)
