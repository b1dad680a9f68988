import type { ClusterNode } from "../BenchClient.ts"
import { answerRequests } from "../ClientProcess.ts"
import type { Shape, ShapeClient } from "./Shape.ts"

/** Connects to the nodes, or makes the call of a shape for so many milliseconds. */
export interface Request {
  readonly connect?: ReadonlyArray<ClusterNode>
  readonly shape?: Shape
  readonly millis?: number
}

export interface Figures {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly rss: number
}

/** The clients, by the names of the table. */
const clients: Readonly<Record<string, () => Promise<ShapeClient>>> = {
  "effect-redis-cluster": async () => (await import("./effect-redis-cluster.ts")).client,
  "node-redis": async () => (await import("./node-redis.ts")).client,
  ioredis: async () => (await import("./ioredis.ts")).client,
  "ioredis autopipelining": async () => (await import("./ioredis.ts")).autopipelining
}

/** The size of a reply: an empty one would make any client fast. */
const sizeOf = (reply: unknown): number =>
  typeof reply === "number" ? 1 : typeof reply === "string" || Array.isArray(reply) || reply instanceof Uint8Array
    ? reply.length
    : Object.keys(reply ?? {}).length

const run = async (client: ShapeClient, shape: Shape, millis: number): Promise<Figures> => {
  if (sizeOf(await client.once(shape)) === 0) throw new Error(`${shape.name}: an empty reply`)
  let calls = 0
  const startedAt = performance.now()
  const end = startedAt + millis
  const before = process.cpuUsage()
  await client.repeat(shape, () => {
    calls++
    return performance.now() < end
  })
  const cpu = process.cpuUsage(before)
  // The last question of each caller was answered with no.
  calls -= shape.callers
  return {
    perSecond: calls / (performance.now() - startedAt) * 1000,
    cpuMicros: (cpu.user + cpu.system) / calls,
    rss: process.memoryUsage.rss()
  }
}

const client = await clients[process.argv[2]]()
answerRequests<Request, Figures>((request) =>
  request.shape === undefined
    ? client.connect(request.connect ?? []).then(() => undefined)
    : run(client, request.shape, request.millis ?? 0)
)
