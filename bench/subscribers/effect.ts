import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type * as Stream from "effect/Stream"
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
  const subscribe = sharded ? redis.ssubscribeScoped : redis.subscribeScoped
  const live: Array<Promise<void>> = []
  const fibers: Array<Fiber.Fiber<void, RedisClusterException>> = []
  for (let stream = 0; stream < streams; stream++) {
    live.push(
      new Promise((resolve) => {
        const program = Effect.flatMap(subscribe(channel), ({ messages }) => {
          resolve()
          return consume(messages, onMessage)
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
