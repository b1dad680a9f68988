import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { ClusterClient } from "../../src/index.ts"
import { effectClient } from "./effectClient.ts"

/** This project, at its defaults: the deadline on. */
export const client = effectClient("effect-redis-cluster", async (nodes) => {
  const runtime = ManagedRuntime.make(
    ClusterClient.layer({ nodes: nodes.map(({ host, port }) => `redis://${host}:${port}`) })
  )
  const redis = await runtime.runPromise(Effect.service(ClusterClient))
  return {
    get: (key) => redis.get(key),
    set: (key, value) => redis.set(key, value),
    mgetNonatomic: (keys) => redis.mgetNonatomic(keys),
    close: () => runtime.dispose()
  }
})
