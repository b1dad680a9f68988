import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { ClusterClient, type ClusterClientShape, Lists, Strings } from "../../../src/index.ts"
import type { PipelineClient } from "../../pipelineWorker.ts"

let runtime: ManagedRuntime.ManagedRuntime<ClusterClient, unknown>
let redis: ClusterClientShape

/** Three keys of one slot in one transaction. */
export const client: PipelineClient = {
  connect: async (nodes) => {
    runtime = ManagedRuntime.make(
      ClusterClient.layer({ nodes: nodes.map(({ host, port }) => `redis://${host}:${port}`) })
    )
    redis = await runtime.runPromise(Effect.service(ClusterClient))
  },
  pipeline: (keys, value) =>
    Effect.runPromise(redis.pipeline(keys.map((key, i) => i % 5 === 0 ? Strings.set(key, value) : Strings.get(key)))),
  transaction: (a, b) => Effect.runPromise(redis.transaction([Strings.incr(a), Strings.get(b), Strings.incr(b)])),
  consume: (list, more) =>
    Effect.runPromise(Effect.whileLoop({
      while: more,
      body: () => redis.blpop(list, "1 minute"),
      step: () => {}
    })),
  push: (lists) => Effect.runPromise(redis.pipeline(lists.map((list) => Lists.rpush(list, "x"))))
}
