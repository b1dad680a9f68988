/**
 * A process that loads a value and never ends: `node loader.ts <seed>...`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CacheAside from "../../src/CacheAside.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as Value from "../../src/values/Value.ts"

const Killed = CacheAside.make({
  value: Value.make({ key: (id: number) => `killed:${id}`, schema: Schema.Finite }),
  timeToLive: "1 minute",
  lease: "2 seconds",
  load: () => Effect.never
})

Killed.get(1).pipe(
  Effect.provide(ClusterClient.layer({ nodes: process.argv.slice(2) })),
  NodeRuntime.runMain
)
