import { GlideClusterClient, GlideClusterClientConfiguration } from "@valkey/valkey-glide"
import type { Subscriber } from "./Subscriber.ts"

const { PubSubChannelModes } = GlideClusterClientConfiguration

/** It has one callback per client: the fan-out to several listeners is what its users would write. */
export const subscribe: Subscriber = async ({ channel, nodes, onMessage, sharded, streams }) => {
  const listeners = Array.from({ length: streams }, () => (payload: string) => onMessage(payload))
  const cluster = await GlideClusterClient.createClient({
    addresses: nodes.map(({ host, port }) => ({ host, port })),
    requestTimeout: 30_000,
    pubsubSubscriptions: {
      channelsAndPatterns: { [sharded ? PubSubChannelModes.Sharded : PubSubChannelModes.Exact]: new Set([channel]) },
      callback: ({ message }) => {
        for (const listener of listeners) listener(String(message))
      }
    }
  })
  // It subscribes in the background.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  return async () => cluster.close()
}
