import { createCluster } from "redis"
import type { ClusterNode } from "../../BenchClient.ts"
import type { PipelineClient } from "../../pipelineWorker.ts"
import { gathered } from "./perNode.ts"

let cluster: ReturnType<typeof createCluster>
let nodes: ReadonlyArray<ClusterNode>

/** Its pipelines go to the node of their first key. The timeout off, as its users would for speed. */
export const client: PipelineClient = {
  connect: async (all) => {
    nodes = all
    cluster = createCluster({
      rootNodes: all.map(({ host, port }) => ({ socket: { host, port } })),
      commandOptions: { timeout: 0 }
    })
    cluster.on("error", (error) => console.error(error))
    await cluster.connect()
  },
  pipeline: (keys, value) =>
    gathered(nodes, keys, (positions) => {
      const multi = cluster.multi()
      for (const i of positions) {
        if (i % 5 === 0) multi.set(keys[i], value)
        else multi.get(keys[i])
      }
      return multi.execAsPipeline() as unknown as Promise<ReadonlyArray<unknown>>
    }),
  transaction: (a, b) => cluster.multi().incr(a).get(b).incr(b).exec() as unknown as Promise<ReadonlyArray<unknown>>
}
