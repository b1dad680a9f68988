/**
 * The place where a command runs: on the node of its keys, on the nodes of a target, or on one node.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Endpoint } from "../cluster/Endpoint.ts"
import { type Command, ensured } from "../commands/Command.ts"
import type { Commands } from "../commands/Commands.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Target } from "../routing/nodes/Target.ts"
import type { Execute, Router } from "../routing/Router.ts"
import type { CommandCache, Sendable } from "./CommandCache.ts"
import { type NodeSurface, type TargetSurface, view } from "./Surfaces.ts"

/**
 * A client of one node, made by `redis.node`: every command, and `send`. It follows no redirects and makes no retries,
 * so that the reply of the node is the result.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeClient extends Commands<NodeSurface> {
  readonly node: ClusterNode
  /** Runs a command value on the node. */
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
  /** Sends any command by name. */
  readonly send: (name: string, ...args: ReadonlyArray<Sendable>) => Effect.Effect<Reply, RedisClusterException>
}

/**
 * The commands on the nodes of a target, made by `redis.on`. Every result is a map from node to reply, whatever the
 * number of nodes.
 *
 * @category models
 * @since 0.1.0
 */
export interface TargetClient extends Commands<TargetSurface> {
  /**
   * Runs a command value on each node of the target. When it fails on some of the nodes, the effect fails with a
   * `PartialFailureError`.
   */
  readonly execute: <A>(command: Command<A>) => Effect.Effect<ReadonlyMap<ClusterNode, A>, RedisClusterException>
  /**
   * Runs a command value on each node of the target, for a `Result` of each: replies of some nodes are not lost when
   * others fail.
   */
  readonly results: <A>(
    command: Command<A>
  ) => Effect.Effect<ReadonlyMap<ClusterNode, Result.Result<A, RedisClusterException>>, RedisClusterException>
  /** Sends any command by name to each node of the target. */
  readonly send: (
    name: string,
    ...args: ReadonlyArray<Sendable>
  ) => Effect.Effect<ReadonlyMap<ClusterNode, Reply>, RedisClusterException>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TargetMembers {
  /** Runs a command value. */
  readonly execute: Execute
  /**
   * Sends any command by name, routed by the commands cache: `redis.send("GET", "user:1")`. A command of two words
   * has its second word first among the arguments: `redis.send("CONFIG", "GET", "maxmemory")`.
   *
   * A command without keys follows the server's policies: it runs on one node, on all primaries or on all nodes. The
   * replies are merged by the policy, or are a map by node for a command without such a policy (`INFO`).
   *
   * It fails with `OptionsError` when neither the servers nor this library know the command, with `NoTargetError` when it
   * concerns a node that only the caller can choose, with `CrossSlotError` when its keys are of several slots.
   */
  readonly send: (
    name: string,
    ...args: ReadonlyArray<Sendable>
  ) => Effect.Effect<Reply | ReadonlyMap<ClusterNode, Reply>, RedisClusterException>
  /**
   * The commands on the nodes of a target, in place of those that keys or policies choose: `"primaries"`,
   * `"replicas"`, `"all"`, `"random"`, `"default"`, a node, or a list of nodes.
   */
  readonly on: (target: Target) => TargetClient
  /** A client of one node; fails with `UnknownNodeError` when the cluster has no such node. */
  readonly node: (endpoint: Endpoint) => Effect.Effect<NodeClient, RedisClusterException>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  router: Router["Service"],
  commands: CommandCache,
  lookUp: (endpoint: Endpoint) => Effect.Effect<ClusterNode, RedisClusterException>
): TargetMembers => {
  const on = (target: Target): TargetClient => {
    const execute: TargetClient["execute"] = (command) => router.onTarget(ensured(command), target)
    const results: TargetClient["results"] = (command) => router.onTargetResults(ensured(command), target)
    return Object.assign(view<TargetSurface>(execute), {
      execute,
      results,
      send: (name: string, ...args: ReadonlyArray<Sendable>) => Effect.flatMap(commands.find(name, args), execute)
    })
  }

  const nodeClient = (node: ClusterNode): NodeClient => {
    const execute: NodeClient["execute"] = (command) => router.onNode(ensured(command), node)
    return Object.assign(view<NodeSurface>(execute), {
      node,
      execute,
      send: (name: string, ...args: ReadonlyArray<Sendable>) => Effect.flatMap(commands.find(name, args), execute)
    })
  }

  return {
    execute: ((command) => router.execute(ensured(command))) as Execute,
    send: (name, ...args) => Effect.flatMap(commands.find(name, args), (command) => router.execute(command)),
    on,
    node: (endpoint) => Effect.map(lookUp(endpoint), nodeClient)
  }
}
