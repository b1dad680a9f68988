import { Cluster } from "ioredis"
import type { Subscriber } from "./Subscriber.ts"

export const subscribe: Subscriber = async ({ channel, nodes, onMessage, sharded, streams }) => {
  const cluster = new Cluster(nodes.map(({ host, port }) => ({ host, port })), {
    shardedSubscribers: sharded,
    lazyConnect: true
  })
  await cluster.connect()
  cluster.setMaxListeners(0)
  for (let stream = 0; stream < streams; stream++) {
    cluster.on(sharded ? "smessage" : "message", (_channel: string, payload: string) => onMessage(payload))
  }
  if (sharded) await cluster.ssubscribe(channel)
  else await cluster.subscribe(channel)
  return async () => cluster.disconnect()
}
