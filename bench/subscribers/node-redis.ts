import { createCluster } from "redis"
import type { Subscriber } from "./Subscriber.ts"

export const subscribe: Subscriber = async ({ channel, nodes, onMessage, sharded, streams }) => {
  const cluster = createCluster({ rootNodes: nodes.map(({ host, port }) => ({ socket: { host, port } })) })
  cluster.on("error", (error) => console.error(error))
  await cluster.connect()
  for (let stream = 0; stream < streams; stream++) {
    // A function of its own each: equal listeners are taken for one.
    const listener = (payload: string) => onMessage(payload)
    if (sharded) await cluster.sSubscribe(channel, listener)
    else await cluster.subscribe(channel, listener)
  }
  return async () => cluster.destroy()
}
