import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { ClusterClient, type Message, type RedisClusterException } from "../../src/index.ts"
import type { Subscriber } from "./Subscriber.ts"

/** Each stream is run by a fiber of its own. */
export const effectSubscriber = (
  consume: (
    messages: Stream.Stream<Message, RedisClusterException>,
    onMessage: (payload: string) => void
  ) => Effect.Effect<void, RedisClusterException>
): Subscriber =>
async ({ channel, nodes, onMessage, sharded, streams }) => {
  const runtime = ManagedRuntime.make(
    ClusterClient.layer({ nodes: nodes.map(({ host, port }) => `redis://${host}:${port}`) })
  )
  const redis = await runtime.runPromise(Effect.service(ClusterClient))
  const channels = sharded ? { shardChannels: channel } : channel
  const live: Array<Promise<void>> = []
  const fibers: Array<Fiber.Fiber<void, RedisClusterException>> = []
  for (let stream = 0; stream < streams; stream++) {
    live.push(
      new Promise((resolve) => {
        const program = Effect.flatMap(redis.subscribeScoped(channels), (subscription) => {
          resolve()
          return consume(Stream.fromQueue(subscription), onMessage)
        })
        fibers.push(runtime.runFork(Effect.scoped(program)))
      })
    )
  }
  await Promise.all(live)
  return async () => {
    await runtime.runPromise(Fiber.interruptAll(fibers))
    await runtime.dispose()
  }
}
