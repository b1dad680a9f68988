/**
 * The first program: set, get, count.
 */
// Run: node examples/first-program.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { ClusterClient } from "../src/index.ts"
import { exampleClient } from "./support.ts"

const program = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* redis.set("user:1", "ada", { expire: "10 minutes" })
  yield* Console.log(yield* redis.get("user:1"))
  yield* Console.log(yield* redis.incr("visits"))
})

// With a cluster of your own: ClusterClient.layer({ nodes: ["redis://127.0.0.1:7000"] })
program.pipe(Effect.provide(exampleClient()), NodeRuntime.runMain)
