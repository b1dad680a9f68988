import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type * as Scope from "effect/Scope"
import {
  type ChannelNames,
  ClusterClient,
  type ClusterClientShape,
  type RedisClusterException
} from "../../src/index.ts"
import type { Subscriber } from "./Subscriber.ts"

/** One stream or queue of the channel, until it is interrupted. `live` says that messages may be published. */
export type Consume = (
  redis: ClusterClientShape,
  channels: ChannelNames,
  live: () => void,
  onMessage: (payload: string) => void
) => Effect.Effect<void, RedisClusterException, Scope.Scope>

/** Each stream is run by a fiber of its own. */
export const effectSubscriber =
  (consume: Consume): Subscriber => async ({ channel, nodes, onMessage, sharded, streams }) => {
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
          fibers.push(runtime.runFork(Effect.scoped(consume(redis, channels, resolve, onMessage))))
        })
      )
    }
    await Promise.all(live)
    return async () => {
      await runtime.runPromise(Fiber.interruptAll(fibers))
      await runtime.dispose()
    }
  }
