/**
 * The place where a command runs: on the node of its keys, on the nodes of a target, or on one node.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { Value } from "../commands/Call.ts"
import { type AnswersOf, bind, Command, ensured, named } from "../commands/Command.ts"
import type { Commands } from "../commands/Commands.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import type { Connections } from "../connection/Connections.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { ClusterPubSub } from "../pubsub/ClusterPubSub.ts"
import type * as Monitor from "../pubsub/Monitor.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Batch, Results, Values } from "../routing/batches/BatchShape.ts"
import { aggregate } from "../routing/nodes/Aggregation.ts"
import type { Target } from "../routing/nodes/Target.ts"
import type { Execute, Router } from "../routing/Router.ts"
import type { Topology } from "../topology/Topology.ts"
import * as Batches from "./Batches.ts"
import type { DedicatedClient, DedicatedMembers } from "./Dedicated.ts"
import * as Health from "./Health.ts"
import type { NotificationMembers } from "./Notifications.ts"
import * as Scanning from "./Scanning.ts"
import * as Subscriptions from "./Subscriptions.ts"
import { type NodeSurface, type TargetSurface, view } from "./Surfaces.ts"

/**
 * A client of one node, made by `redis.node`: every command, and what the client has beside commands. It follows no redirects and
 * makes no retries, so that the reply of the node is the result: a command fails with the error of the node (`MovedError`), or with
 * `ConnectionError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeClient
  extends Commands<NodeSurface>, Batches.BatchMembers, Scanning.ElementScanMembers, Subscriptions.SubscribeMembers
{
  /** The node of this client. */
  readonly node: ClusterNode
  /** Runs a command value on the node. */
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
  /** Sends any command by name. */
  readonly send: (name: string, ...args: ReadonlyArray<Value>) => Effect.Effect<Reply, RedisClusterException>
  /** The keys that the node holds itself. A replica has those of its primary. */
  readonly scanStream: Scanning.ScanNodes
  /** A dedicated connection to the node, closed with the scope. */
  readonly dedicated: Effect.Effect<DedicatedClient, RedisClusterException, Scope.Scope>
  /**
   * Every command that the node executes, as MONITOR shows it; it slows the node down. Fails with `ConnectionError` when the
   * connection is lost.
   */
  readonly monitor: (
    options?: Monitor.MonitorOptions
  ) => Stream.Stream<Monitor.MonitoredCommand, RedisClusterException>
  /** Sends a PING to the node, and reports. It fails with `OptionsError` only. */
  readonly health: (
    options?: Pick<Health.HealthOptions, "timeout">
  ) => Effect.Effect<Health.NodeHealth, RedisClusterException>
}

/**
 * The commands on the nodes of a target, made by `redis.on`. Every result is a map from node to reply, whatever the
 * number of nodes. A command that fails on some of them fails with `PartialFailureError`, one without a node with `NoTargetError`.
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
    ...args: ReadonlyArray<Value>
  ) => Effect.Effect<ReadonlyMap<ClusterNode, Reply>, RedisClusterException>
  /**
   * Runs all commands on each node of the target, in one go. The nodes are those that the target means when it is run, and what
   * they answer is the result. When an entry fails on some of them, the whole is a `PartialFailureError`.
   */
  readonly pipeline: <const B extends Batch>(
    commands: B
  ) => Effect.Effect<ReadonlyMap<ClusterNode, Values<B>>, RedisClusterException>
  /** Runs all commands on each node of the target, for how each entry ended on each node. */
  readonly pipelineResults: <const B extends Batch>(
    commands: B
  ) => Effect.Effect<ReadonlyMap<ClusterNode, Results<B>>, RedisClusterException>
  /** The keys that each node of the target holds itself: a key comes once from each node that has it. */
  readonly scanStream: Scanning.ScanNodes
}

export interface TargetMembers {
  /**
   * Runs a command of any client on this one. It fails like the command itself, with a `RedisClusterException`.
   *
   * **When to use**
   *
   * Use it for commands of builders (`Strings.get`), scripts and typed values in a program with several clients. In a
   * program with one, `yield* Strings.get("k")` runs the command on the `ClusterClient` of the fiber.
   *
   * **Gotchas**
   *
   * A command that another client's method made runs on this client, too.
   *
   * **Example** (A script on one of two clients)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient, Strings } from "effect-redis-cluster"
   *
   * class Cache extends ClusterClient.named<Cache>()("app/Cache") {}
   *
   * const program = Effect.gen(function*() {
   *   const cache = yield* Cache
   *   return yield* cache.execute(Strings.get("page"))
   * })
   *
   * export const runnable = program.pipe(Effect.provide(Cache.layer({ nodes: "redis://127.0.0.1:7000" })))
   * ```
   */
  readonly execute: Execute
  /**
   * Sends any command by name, routed by the commands cache: `redis.send("GET", "user:1")`. It is a command of this client, as
   * `Command.named` is one of any client.
   *
   * **When to use**
   *
   * Use it for a command that has no method: one of a module, or of a new server. With a method the arguments and the result have types.
   *
   * **Details**
   *
   * A command of two words is given as one name or as two: `redis.send("CONFIG GET", "maxmemory")`. A command without keys follows the
   * server's policies: it runs on one node, on all primaries or on all nodes. The replies are merged by the policy, or are a map by node
   * for a command without such a policy (`INFO`).
   *
   * It fails with `OptionsError` when neither the servers nor this library know the command, with `NoTargetError` when it
   * concerns a node that only the caller can choose, with `CrossSlotError` when its keys are of several slots.
   *
   * **Gotchas**
   *
   * A name holds no arguments: `send("SET", "user:1", "x")`, not `send("SET user:1 x")`. A command that would change a shared connection
   * (`MULTI`, `SELECT`, `SUBSCRIBE`) fails with an `OptionsError`.
   *
   * **Example** (The encoding of a value)
   *
   * ```ts
   * import { Effect, Schema } from "effect"
   * import { ClusterClient, Command } from "effect-redis-cluster"
   *
   * export const encoding = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.set("user:1", "ada")
   *   return yield* redis.send("OBJECT", "ENCODING", "user:1").pipe(Command.schema(Schema.String))
   * })
   * ```
   */
  readonly send: <Name extends string>(
    name: Name,
    ...args: ReadonlyArray<Value>
  ) => Command<Reply, AnswersOf<Name>, never>
  /**
   * The commands on the nodes of a target, in place of those that keys or policies choose: `"primaries"`,
   * `"replicas"`, `"all"`, `"random"`, `"default"`, a node, or a list of nodes.
   *
   * **Details**
   *
   * The result of each command is a map from node to reply, however many nodes the target has. A command that fails on some
   * of them fails with `PartialFailureError`; `results` has a `Result` of each node. A target without a node fails with
   * `NoTargetError`, an unknown node with `UnknownNodeError`.
   *
   * **Gotchas**
   *
   * The methods give plain effects, not commands: for a pipeline of the target take commands of builders. Nodes that the
   * program names are not redirected, and nothing is sent again.
   *
   * **Example** (The memory of each primary)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const memory = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const infos = yield* redis.on("primaries").info("memory")
   *   return Array.from(infos, ([node, { memory }]) => `${node.address}: ${memory.usedMemory} bytes`)
   * })
   * ```
   */
  readonly on: (target: Target) => TargetClient
  /**
   * A client of one node, by host and port; fails with `UnknownNodeError` when the cluster has no such node.
   *
   * **Gotchas**
   *
   * It follows no redirects and makes no retries: a command fails with the `MovedError` or the `ConnectionError` of the node.
   * Its methods give plain effects, not commands.
   *
   * **Example** (The clients of one node)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const clients = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const node = yield* redis.node({ host: "127.0.0.1", port: 7000 })
   *   return (yield* node.clientList()).length
   * })
   * ```
   */
  readonly node: (endpoint: Endpoint) => Effect.Effect<NodeClient, RedisClusterException>
}

/** The parts of a client that those of its targets and nodes are made of. */
export interface TargetContext {
  readonly router: Router["Service"]
  readonly topology: Topology["Service"]
  readonly connections: Connections["Service"]
  readonly pubSub: ClusterPubSub["Service"]
  readonly dedicated: DedicatedMembers["dedicated"]
  readonly monitor: NotificationMembers["monitor"]
  readonly lookUp: (endpoint: Endpoint) => Effect.Effect<ClusterNode, RedisClusterException>
}

/** Stands for a pipeline where the nodes on which it failed are told. */
const PIPELINE = new Command<unknown>(new CommandSpec("PIPELINE", {}), [], (reply) => reply)

/** Running commands where their keys say. */
export const anywhere = (router: Router["Service"]): Pick<TargetMembers, "execute" | "send"> => ({
  execute: ((command) => router.execute(ensured(command))) as Execute,
  send: (name, ...args) => bind(named(name, ...args), router.execute)
})

/** The commands on the nodes of a target. */
const targetClient = ({ router, topology }: TargetContext, target: Target): TargetClient => {
  const execute: TargetClient["execute"] = (command) => router.onTarget(ensured(command), target)
  const results: TargetClient["results"] = (command) => router.onTargetResults(ensured(command), target)
  const onEach = <A>(run: (batches: Batches.BatchMembers) => Effect.Effect<A, RedisClusterException>) =>
    Effect.flatMap(
      router.nodesOf(target),
      Effect.forEach(
        (node) =>
          Effect.map(
            Effect.result(run(Batches.make(router.batchesOn(node)))),
            (outcome) => ({ node, outcome })
          ),
        { concurrency: "unbounded" }
      )
    )
  return Object.assign(view<TargetSurface>(execute), {
    execute,
    results,
    send: (name: string, ...args: ReadonlyArray<Value>) => execute(named(name, ...args)),
    pipeline: <const B extends Batch>(batch: B) =>
      Effect.flatMap(
        onEach((batches) => batches.pipeline(batch)),
        // The values are what the pipelines gave.
        (replies) =>
          Effect.fromResult(aggregate(PIPELINE, replies, "perNode")) as Effect.Effect<
            ReadonlyMap<ClusterNode, Values<B>>,
            RedisClusterException
          >
      ),
    pipelineResults: <const B extends Batch>(batch: B) =>
      Effect.flatMap(
        onEach((batches) => batches.pipelineResults(batch)),
        (replies) =>
          Effect.fromResult(aggregate(PIPELINE, replies, "perNode")) as Effect.Effect<
            ReadonlyMap<ClusterNode, Results<B>>,
            RedisClusterException
          >
      ),
    scanStream: Scanning.ofTarget(router, topology, target)
  })
}

/** The client of one node. */
const nodeClient = (context: TargetContext, node: ClusterNode): NodeClient => {
  const { connections, dedicated, monitor, pubSub, router, topology } = context
  const execute: NodeClient["execute"] = (command) => router.onNode(ensured(command), node)
  return Object.assign(view<NodeSurface>(execute), {
    node,
    execute,
    send: (name: string, ...args: ReadonlyArray<Value>) => execute(named(name, ...args)),
    ...Batches.make(router.batchesOn(node)),
    ...Scanning.ofElements(router, node),
    ...Subscriptions.heldAt(pubSub, () => node),
    scanStream: Scanning.ofTarget(router, topology, node),
    dedicated: dedicated(node),
    monitor: (options?: Monitor.MonitorOptions) => monitor(node, options),
    health: Health.ofNode(connections, node)
  })
}

export const make = (context: TargetContext): TargetMembers => ({
  ...anywhere(context.router),
  on: (target) => targetClient(context, target),
  node: (endpoint) => Effect.map(context.lookUp(endpoint), (node) => nodeClient(context, node))
})
