/**
 * Which nodes a command is meant for, when its keys do not decide.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Endpoint } from "../../cluster/Endpoint.ts"
import { NoTargetError, type Reason } from "../../RedisClusterException.ts"
import type { Snapshot } from "../../topology/Snapshot.ts"
import { nodeAt } from "../../topology/Topology.ts"

/**
 * A set of nodes by role. It is resolved when a command is sent, and again when the topology changes.
 *
 * @category models
 * @since 0.1.0
 */
export type TargetFlag = "primaries" | "replicas" | "all" | "random" | "default"

/**
 * Nodes by role, or nodes by name. Named nodes are taken at their word: what they answer is the result, redirects
 * included.
 *
 * @category models
 * @since 0.1.0
 */
export type Target = TargetFlag | Endpoint | ReadonlyArray<Endpoint>

/**
 * @category guards
 * @since 0.1.0
 */
export const isFlag = (target: Target): target is TargetFlag => typeof target === "string"

const anyOf = (nodes: ReadonlyArray<ClusterNode>): ReadonlyArray<ClusterNode> =>
  nodes.length === 0 ? [] : [nodes[Math.floor(Math.random() * nodes.length)]]

const byFlag = (
  flag: TargetFlag,
  snapshot: Snapshot,
  defaultNode: ClusterNode | undefined
): ReadonlyArray<ClusterNode> => {
  switch (flag) {
    case "primaries":
      return snapshot.primaries
    case "replicas":
      return snapshot.replicas
    case "all":
      return [...snapshot.nodes.values()]
    case "random":
      return anyOf([...snapshot.nodes.values()])
    case "default":
      return defaultNode === undefined ? [] : [defaultNode]
    default:
      return []
  }
}

/**
 * The nodes a target means at this moment; at least one, or the reason why there is none.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resolve = (
  target: Target,
  snapshot: Snapshot,
  defaultNode: ClusterNode | undefined
): Result.Result<ReadonlyArray<ClusterNode>, Reason> => {
  if (isFlag(target)) {
    const nodes = byFlag(target, snapshot, defaultNode)
    return nodes.length > 0 ? Result.succeed(nodes) : Result.fail(
      new NoTargetError({
        message: `the target "${target}" matches none of the ${snapshot.nodes.size} known nodes`,
        outcome: "NotExecuted"
      })
    )
  }
  const endpoints: ReadonlyArray<Endpoint> = "host" in target ? [target] : target
  if (endpoints.length === 0) {
    return Result.fail(
      new NoTargetError({ message: "the list of target nodes is empty; name at least one", outcome: "NotExecuted" })
    )
  }
  const nodes = new Set<ClusterNode>()
  for (const endpoint of endpoints) {
    const node = nodeAt(snapshot, endpoint)
    if (Result.isFailure(node)) return Result.fail(node.failure)
    nodes.add(node.success)
  }
  return Result.succeed([...nodes])
}
