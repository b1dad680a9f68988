import { Cluster } from "ioredis"
import { promiseClient } from "./promiseClient.ts"

/**
 * ioredis with or without auto-pipelining. It does not split MGET: concurrent GETs are what its users write, and
 * auto-pipelining is its way to join those of one node.
 */
export const ioredis = (name: string, enableAutoPipelining: boolean) =>
  promiseClient(name, async (nodes) => {
    const cluster = new Cluster(nodes.map(({ host, port }) => ({ host, port })), {
      enableAutoPipelining,
      lazyConnect: true
    })
    await cluster.connect()
    return {
      get: (key) => cluster.get(key),
      set: (key, value) => cluster.set(key, value),
      mgetNonatomic: (keys) => Promise.all(keys.map((key) => cluster.get(key))),
      close: async () => cluster.disconnect()
    }
  })

export const client = ioredis("ioredis", false)
