import { ClusterBatch, GlideClusterClient } from "@valkey/valkey-glide"
import type { PipelineClient } from "../../pipelineWorker.ts"

let cluster: GlideClusterClient

/** It splits a batch by slot itself. */
export const client: PipelineClient = {
  connect: async (nodes) => {
    cluster = await GlideClusterClient.createClient({
      addresses: nodes.map(({ host, port }) => ({ host, port })),
      requestTimeout: 30_000,
      inflightRequestsLimit: 1_000_000
    })
  },
  pipeline: async (keys, value) => {
    const batch = new ClusterBatch(false)
    for (let i = 0; i < keys.length; i++) {
      if (i % 5 === 0) batch.set(keys[i], value)
      else batch.get(keys[i])
    }
    return await cluster.exec(batch, true) ?? []
  },
  transaction: async (a, b) => await cluster.exec(new ClusterBatch(true).incr(a).get(b).incr(b), true) ?? []
}
