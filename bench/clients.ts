import type { BenchClient } from "./BenchClient.ts"

/** `peer` clients are what ratios are taken against; `floor` clients are no clients, only bounds. */
export interface ClientEntry {
  readonly name: string
  readonly role: "ours" | "peer" | "floor"
  readonly load: () => Promise<{ readonly client: BenchClient }>
}

export const clients: ReadonlyArray<ClientEntry> = [
  { name: "effect-redis-cluster", role: "ours", load: () => import("./clients/effect-redis-cluster.ts") },
  { name: "node-redis no timeout", role: "peer", load: () => import("./clients/node-redis-no-timeout.ts") },
  { name: "node-redis", role: "peer", load: () => import("./clients/node-redis.ts") },
  { name: "ioredis autopipelining", role: "peer", load: () => import("./clients/ioredis-autopipelining.ts") },
  { name: "ioredis", role: "peer", load: () => import("./clients/ioredis.ts") },
  { name: "valkey-glide", role: "peer", load: () => import("./clients/valkey-glide.ts") },
  { name: "floor", role: "floor", load: () => import("./clients/floor.ts") },
  { name: "floor + Effect.callback", role: "floor", load: () => import("./clients/floor-effect.ts") }
]
