import { createCluster } from "redis"
import { promiseClient } from "./promiseClient.ts"

/**
 * node-redis at its defaults (a 5 s timeout, which guards a command only until it is written), or with `timeout: 0`,
 * which saves an AbortSignal per command. Its `mGet` splits by slot and costs no less than the concurrent GETs used here.
 */
export const nodeRedis = (name: string, commandOptions: { readonly timeout?: number }) =>
  promiseClient(name, async (nodes) => {
    const cluster = createCluster({
      rootNodes: nodes.map(({ host, port }) => ({ socket: { host, port } })),
      commandOptions
    })
    cluster.on("error", (error) => console.error(error))
    await cluster.connect()
    return {
      get: (key) => cluster.get(key),
      set: (key, value) => cluster.set(key, value),
      mgetNonatomic: (keys) => Promise.all(keys.map((key) => cluster.get(key))),
      close: async () => cluster.destroy()
    }
  })

export const client = nodeRedis("node-redis", {})
