import { GlideClusterClient } from "@valkey/valkey-glide"
import { promiseClient } from "./promiseClient.ts"

/** The default limit of 1000 commands in flight and the 250 ms timeout would fail the larger workloads. */
export const client = promiseClient("valkey-glide", async (nodes) => {
  const cluster = await GlideClusterClient.createClient({
    addresses: nodes.map(({ host, port }) => ({ host, port })),
    requestTimeout: 30_000,
    inflightRequestsLimit: 1_000_000
  })
  return {
    get: (key) => cluster.get(key),
    set: (key, value) => cluster.set(key, value),
    mgetNonatomic: (keys) => cluster.mget(keys),
    close: async () => cluster.close()
  }
})
