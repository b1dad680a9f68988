import calculateSlot from "cluster-key-slot"
import { Cluster, Redis } from "ioredis"
import type { ClusterNode } from "../../BenchClient.ts"
import type { PipelineClient } from "../../pipelineWorker.ts"
import { gathered } from "./perNode.ts"

let cluster: Cluster
let nodes: ReadonlyArray<ClusterNode>
const blocking = new Map<string, Redis>()

const values = (replies: ReadonlyArray<[Error | null, unknown]> | null) => (replies ?? []).map(([, value]) => value)

/** Its pipelines go to one node; a blocking consumer needs a connection of its own. */
export const client: PipelineClient = {
  connect: async (all) => {
    nodes = all
    cluster = new Cluster(all.map(({ host, port }) => ({ host, port })), { lazyConnect: true })
    await cluster.connect()
  },
  pipeline: (keys, value) =>
    gathered(nodes, keys, async (positions) => {
      const pipeline = cluster.pipeline()
      for (const i of positions) {
        if (i % 5 === 0) pipeline.set(keys[i], value)
        else pipeline.get(keys[i])
      }
      return values(await pipeline.exec())
    }),
  transaction: async (a, b) => values(await cluster.multi().incr(a).get(b).incr(b).exec()),
  consume: async (list, more) => {
    let redis = blocking.get(list)
    if (redis === undefined) {
      const slot = calculateSlot(list)
      const node = nodes.find(({ lastSlot }) => slot <= lastSlot) ?? nodes[0]
      redis = new Redis({ host: node.host, port: node.port })
      blocking.set(list, redis)
    }
    while (more()) await redis.blpop(list, 60)
  },
  push: (lists) => Promise.all(lists.map((list) => cluster.rpush(list, "x")))
}
