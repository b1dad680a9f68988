/**
 * A process that takes an element of a queue, says so, and never ends: `node claimer.ts <queue> <seed>...`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as Schema from "effect/Schema"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as PersistedQueueRedis from "../../src/integrations/PersistedQueueRedis.ts"

const [name, ...nodes] = process.argv.slice(2)

Effect.gen(function*() {
  const queue = yield* PersistedQueue.make({ name, schema: Schema.Unknown })
  yield* queue.take(() => Effect.andThen(Console.log("claimed"), Effect.never))
}).pipe(
  Effect.provide(
    Layer.provide(PersistedQueueRedis.layer({ lockExpiration: "900 millis" }), ClusterClient.layer({ nodes }))
  ),
  NodeRuntime.runMain
)
