import calculateSlot from "cluster-key-slot"
import type { ClusterNode } from "../../BenchClient.ts"

/** The positions of the keys of each node, for clients whose pipelines go to one node. */
export const perNode = (
  nodes: ReadonlyArray<ClusterNode>,
  keys: ReadonlyArray<string>
): ReadonlyArray<ReadonlyArray<number>> => {
  const groups = nodes.map((): Array<number> => [])
  for (let i = 0; i < keys.length; i++) {
    const slot = calculateSlot(keys[i])
    groups[nodes.findIndex((node) => slot <= node.lastSlot)].push(i)
  }
  return groups.filter((group) => group.length > 0)
}

/** Runs a pipeline per node and puts the replies in the order of the keys. */
export const gathered = async (
  nodes: ReadonlyArray<ClusterNode>,
  keys: ReadonlyArray<string>,
  run: (positions: ReadonlyArray<number>) => Promise<ReadonlyArray<unknown>>
): Promise<ReadonlyArray<unknown>> => {
  const results = new Array<unknown>(keys.length)
  await Promise.all(
    perNode(nodes, keys).map(async (positions) => {
      const replies = await run(positions)
      for (let i = 0; i < positions.length; i++) results[positions[i]] = replies[i]
    })
  )
  return results
}
