/** The nodes of the cluster, and the owners of slots. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Endpoint } from "../cluster/Endpoint.ts"
import * as HashSlot from "../cluster/HashSlot.ts"
import { misfitOf } from "../commands/Command.ts"
import * as checks from "../internal/checks.ts"
import type { Argument } from "../protocol/Reply.ts"
import { OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import { anyServing } from "../routing/nodes/Target.ts"
import { refuse } from "../routing/Rejections.ts"
import type { Snapshot } from "../topology/Snapshot.ts"
import { nodeAt, type Topology } from "../topology/Topology.ts"

/** Options of `ownerOf`. */
export interface OwnerOptions {
  /** Whether to choose one of the replicas in place of the primary. Default: `false`. */
  readonly replica?: boolean | undefined
}

export interface NodeMembers {
  /**
   * The topology at this moment: the owner of each slot. Nothing is sent.
   *
   * **Example** (The number of slots of each primary)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient, Snapshot } from "effect-redis-cluster"
   *
   * export const ranges = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const topology = yield* redis.topology
   *   return topology.shards.map((shard) => [shard.primary.address, Snapshot.rangesOf(topology, shard)])
   * })
   * ```
   */
  readonly topology: Effect.Effect<Snapshot>
  /**
   * The topology at this moment, then every change of it. The stream does not fail, and ends with the client.
   *
   * **Gotchas**
   *
   * A consumer that falls more than 64 snapshots behind misses the oldest.
   *
   * **Example** (The primaries, whenever they change)
   *
   * ```ts
   * import { Console, Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * // Runs until it is interrupted.
   * export const watch = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.topologyChanges.pipe(
   *     Stream.map(({ primaries }) => primaries.map(({ address }) => address).join(", ")),
   *     Stream.changes,
   *     Stream.runForEach(Console.log)
   *   )
   * })
   * ```
   */
  readonly topologyChanges: Stream.Stream<Snapshot>
  /**
   * Fetches the topology now, within `commandTimeout`.
   *
   * **When to use**
   *
   * Use it in a program that knows of a change, such as an operator's tool. The client refreshes the topology by itself.
   *
   * **Details**
   *
   * It fails with `NoReachableNodeError` or `TimeoutError` when no node answers, and with `ClosedError` when the client
   * is closed.
   *
   * **Example** (After a node was added)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const known = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const { nodes } = yield* redis.refreshTopology
   *   return [...nodes.keys()]
   * })
   * ```
   */
  readonly refreshTopology: Effect.Effect<Snapshot, RedisClusterException>
  /**
   * All nodes of the cluster, including nodes that serve no slots and nodes that the servers have marked as failed.
   * Nothing is sent.
   *
   * **Example** (The addresses of all nodes)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const addresses = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const nodes = yield* redis.nodes
   *   return nodes.map(({ address, role }) => `${role} ${address}`)
   * })
   * ```
   */
  readonly nodes: Effect.Effect<ReadonlyArray<ClusterNode>>
  /** The nodes that own slots. */
  readonly primaries: Effect.Effect<ReadonlyArray<ClusterNode>>
  /**
   * The replicas that the servers list as serving. Nothing is sent.
   *
   * **Example** (The number of replicas)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const count = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return (yield* redis.replicas).length
   * })
   * ```
   */
  readonly replicas: Effect.Effect<ReadonlyArray<ClusterNode>>
  /** A random node among the primaries and replicas. */
  readonly randomNode: Effect.Effect<ClusterNode>
  /**
   * The node at a host and port; fails with `UnknownNodeError` when there is none.
   *
   * **Details**
   *
   * A startup endpoint, a name of the loopback interface and an address before `mapAddress` are other names of the node
   * that is reached there.
   *
   * **Example** (The role of a node)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const role = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const node = yield* redis.nodeAt({ host: "127.0.0.1", port: 7000 })
   *   return node.role // "primary" | "replica"
   * })
   * ```
   */
  readonly nodeAt: (endpoint: Endpoint) => Effect.Effect<ClusterNode, RedisClusterException>
  /**
   * The primary that owns the slot of a key; `undefined` when no node does. With `replica: true` one of its replicas, by chance;
   * `undefined` when it has none. Nothing is sent, and the answer is that of the topology at this moment. Only options that cannot be
   * used fail, with `OptionsError`.
   *
   * **Example** (The node of a key)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const home = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const primary = yield* redis.ownerOf("user:1")
   *   const replica = yield* redis.ownerOf("user:1", { replica: true })
   *   return [primary?.address, replica?.address]
   * })
   * ```
   */
  readonly ownerOf: {
    /** The primary that owns the slot of a key, or one of its replicas, by chance; `undefined` when there is none. */
    (
      key: Argument,
      options: OwnerOptions
    ): Effect.Effect<ClusterNode | undefined, RedisClusterException>
    /** The primary that owns the slot of a key; `undefined` when no node does. */
    (key: Argument): Effect.Effect<ClusterNode | undefined>
  }
  /**
   * The slot of a key, from 0 to 16383, by its hash tag when it has one; `NaN` for a value that is no key. It is a pure
   * function, and does not fail.
   *
   * **Example** (Two keys of one slot)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const together = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return redis.slotOf("{user:1}:cart") === redis.slotOf("{user:1}:orders") // true
   * })
   * ```
   */
  readonly slotOf: (key: Argument) => number
  /** The node for commands that any node can answer: a random primary, unless the program has set it. */
  readonly defaultNode: Effect.Effect<ClusterNode>
  /**
   * Chooses the node for commands that any node can answer. It fails with `UnknownNodeError` when the cluster has no such node.
   *
   * **When to use**
   *
   * It is an aid for programs that come from redis-py (`set_default_node`). A new program names the node where it matters:
   * `redis.on(node)`, `redis.node(node)`.
   *
   * **Gotchas**
   *
   * It changes the client for everybody who shares it, at once.
   *
   * **Example** (As redis-py's set_default_node)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const former = yield* redis.defaultNode
   *   yield* redis.setDefaultNode(yield* redis.randomNode)
   *   const time = yield* redis.time()
   *   yield* redis.setDefaultNode(former)
   *   return time
   * })
   * ```
   */
  readonly setDefaultNode: (endpoint: Endpoint) => Effect.Effect<void, RedisClusterException>
}

const ownerChecks: checks.Checks<OwnerOptions> = { replica: checks.boolean }

const slotOf = (key: Argument): number => misfitOf([key]) < 0 ? HashSlot.ofKey(key) : Number.NaN

export const make = (topology: Topology["Service"], random: () => number): NodeMembers => {
  const lookUp = (endpoint: Endpoint): Effect.Effect<ClusterNode, RedisClusterException> =>
    Effect.suspend(() => {
      const node = nodeAt(topology.current(), endpoint)
      return Result.isSuccess(node) ? Effect.succeed(node.success) : refuse(node.failure)
    })

  function ownerOf(key: Argument): Effect.Effect<ClusterNode | undefined>
  function ownerOf(
    key: Argument,
    options: OwnerOptions
  ): Effect.Effect<ClusterNode | undefined, RedisClusterException>
  function ownerOf(
    key: Argument,
    options: OwnerOptions = {}
  ): Effect.Effect<ClusterNode | undefined, RedisClusterException> {
    return Effect.suspend(() => {
      // `Effect.forEach(keys, redis.ownerOf)` gives the position of the key as well.
      const problem = typeof options === "object" ? checks.problemOf(options, ownerChecks) : undefined
      if (problem !== undefined) {
        return refuse(new OptionsError({ message: `ownerOf: ${problem}`, outcome: "NotExecuted" }))
      }
      const shard = topology.current().slots[slotOf(key)]
      if (options?.replica !== true) return Effect.succeed(shard?.primary)
      return Effect.succeed(shard?.replicas.at(Math.floor(random() * shard.replicas.length)))
    })
  }

  return {
    topology: Effect.sync(topology.current),
    topologyChanges: topology.changes,
    refreshTopology: topology.refresh,
    nodes: Effect.sync(() => [...topology.current().nodes.values()]),
    primaries: Effect.sync(() => topology.current().primaries),
    replicas: Effect.sync(() => topology.current().replicas),
    randomNode: Effect.sync(() => {
      const { primaries } = topology.current()
      // There is always a primary: the first topology has one, and later ones without are refused.
      return anyServing(topology.current(), random) ?? primaries[0]
    }),
    nodeAt: lookUp,
    ownerOf,
    slotOf,
    defaultNode: Effect.sync(() => topology.defaultNode() ?? topology.current().primaries[0]),
    setDefaultNode: (endpoint) => Effect.map(lookUp(endpoint), topology.setDefaultNode)
  }
}
