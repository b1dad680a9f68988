import type { ClusterNode } from "../BenchClient.ts"

/** The subscription: one channel, by so many streams (listeners, where a client has no streams). */
export interface Subscribing {
  readonly nodes: ReadonlyArray<ClusterNode>
  readonly channel: string
  readonly sharded: boolean
  readonly streams: number
  /** Called once per message and stream. */
  readonly onMessage: (payload: string) => void
}

/** Subscribes, and resolves when messages may be published; gives back how to end it. */
export type Subscriber = (subscribing: Subscribing) => Promise<() => Promise<void>>

export interface SubscriberEntry {
  readonly name: string
  readonly load: () => Promise<{ readonly subscribe: Subscriber }>
}

export const subscribers: ReadonlyArray<SubscriberEntry> = [
  { name: "effect-redis-cluster, by chunk", load: () => import("./effect-by-chunk.ts") },
  { name: "effect-redis-cluster, by message", load: () => import("./effect-by-message.ts") },
  { name: "effect-redis-cluster, by queue", load: () => import("./effect-by-queue.ts") },
  { name: "node-redis", load: () => import("./node-redis.ts") },
  { name: "ioredis", load: () => import("./ioredis.ts") },
  { name: "valkey-glide", load: () => import("./valkey-glide.ts") }
]
