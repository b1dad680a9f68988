/**
 * Targets: a command on other nodes than its keys or its policy say.
 */
// Run: node examples/targets.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { ClusterClient } from "../src/index.ts"
import { exampleClient } from "./support.ts"

const program = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* redis.set("user:1", "ada", { expire: "1 minute" })

  // Without a target the policy of the command decides: DBSIZE asks every primary and adds up.
  yield* Console.log(`keys in the cluster: ${yield* redis.dbsize()}`)

  // With a target the result is always a map from node to reply, however many nodes there are.
  for (const [node, keys] of yield* redis.on("primaries").dbsize()) {
    yield* Console.log(`${node.address} has ${keys}`)
  }
  const replies = yield* redis.on("all").ping()
  yield* Console.log(`${replies.size} nodes answered`)

  // One node, by its place in the topology.
  const owner = yield* redis.ownerOf("user:1")
  if (owner !== undefined) {
    const settings = yield* redis.on(owner).configGet("maxmemory")
    yield* Console.log(`${owner.address}: maxmemory ${settings.get(owner)?.["maxmemory"]}`)

    // A node's own client: no cluster handling at all, a redirect is an error here.
    const node = yield* redis.node(owner)
    yield* Console.log(`${owner.address} says ${yield* node.ping()}`)
  }
})

program.pipe(Effect.provide(exampleClient({ replicas: 1 })), NodeRuntime.runMain)
