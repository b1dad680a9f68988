/**
 * The nodes for which a command is meant when its keys do not decide.
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
 * - `primaries`: the nodes that own slots
 * - `replicas`: the replicas of the primaries, as far as the servers list them as serving
 * - `all`: every node of the cluster, including those that serve no slots and those that the servers have marked as
 *   failed
 * - `random`: one of the primaries and replicas
 * - `default`: the default node of the client
 */
export type TargetFlag = "primaries" | "replicas" | "all" | "random" | "default"

/**
 * The nodes for a command: by role, or by name. The reply of a named node is the result: a redirect of such a node is
 * an error and is not followed.
 *
 * @category models
 * @since 0.1.0
 */
export type Target = TargetFlag | Endpoint | ReadonlyArray<Endpoint>

export const isFlag = (target: Target): target is TargetFlag => typeof target === "string"

/** The facts that a target is resolved from. */
export interface Facts {
  readonly snapshot: Snapshot
  readonly defaultNode: ClusterNode | undefined
  /** A random number from 0 to 1. */
  readonly random: () => number
}

/** A random node among those that serve; `undefined` when there are none. */
export const anyServing = ({ primaries, replicas }: Snapshot, random: () => number): ClusterNode | undefined =>
  [...primaries, ...replicas].at(Math.floor(random() * (primaries.length + replicas.length)))

const orNone = (node: ClusterNode | undefined): ReadonlyArray<ClusterNode> => node === undefined ? [] : [node]

/** Whether a target is a list of nodes. `Array.isArray` does not narrow the type of a read-only list. */
const isList = (target: Endpoint | ReadonlyArray<Endpoint>): target is ReadonlyArray<Endpoint> => Array.isArray(target)

/** The nodes of a flag; `undefined` for a name that is no flag, which programs in plain JavaScript may pass. */
const byFlag = (flag: TargetFlag, { defaultNode, random, snapshot }: Facts): ReadonlyArray<ClusterNode> | undefined => {
  switch (flag) {
    case "primaries":
      return snapshot.primaries
    case "replicas":
      return snapshot.replicas
    case "all":
      return [...snapshot.nodes.values()]
    case "random":
      return orNone(anyServing(snapshot, random))
    case "default":
      return orNone(defaultNode)
  }
}

/** The nodes of a target at this moment: at least one, or the reason why there is none. */
export const resolve = (
  target: Target,
  facts: Facts
): Result.Result<ReadonlyArray<ClusterNode>, Reason> => {
  const { snapshot } = facts
  if (isFlag(target)) {
    const nodes = byFlag(target, facts)
    if (nodes !== undefined && nodes.length > 0) return Result.succeed(nodes)
    const message = nodes === undefined
      ? `there is no target "${target}"; a target is "primaries", "replicas", "all", "random", "default", a node, or a list of nodes`
      : `the target "${target}" matches none of the ${snapshot.nodes.size} known nodes`
    return Result.fail(new NoTargetError({ message, outcome: "NotExecuted" }))
  }
  const endpoints: ReadonlyArray<Endpoint> = isList(target) ? target : [target]
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
