/**
 * The service that programs use, and its layers.
 *
 * **Example** (A first program)
 *
 * ```ts
 * import { NodeRuntime } from "@effect/platform-node"
 * import { Console, Effect } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 *
 * const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* redis.set("user:1", "ada", { expire: "10 minutes" })
 *   yield* Console.log(yield* redis.get("user:1"))
 * })
 *
 * program.pipe(
 *   Effect.provide(ClusterClient.layer({ nodes: ["redis://127.0.0.1:7000"] })),
 *   NodeRuntime.runMain
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import * as ClusterOptions from "./ClusterOptions.ts"
import { type Command, make as makeCommand } from "./commands/Command.ts"
import type { Commands } from "./commands/Commands.ts"
import { Generic } from "./commands/Generic.ts"
import { Strings } from "./commands/Strings.ts"
import * as Connections from "./connection/Connections.ts"
import { addressOf, type Endpoint } from "./connection/Endpoint.ts"
import type { Argument, Reply } from "./protocol/Reply.ts"
import { exception, OptionsError, type RedisClusterException, UnknownNodeError } from "./RedisClusterException.ts"
import * as Nonatomic from "./routing/Nonatomic.ts"
import * as Pipeline from "./routing/Pipeline.ts"
import * as Router from "./routing/Router.ts"
import * as SharedConnection from "./routing/SharedConnection.ts"
import type { Target } from "./routing/Target.ts"
import * as Transaction from "./routing/Transaction.ts"
import { type ClusterSurface, functions, type NodeSurface, type TargetSurface, view } from "./Surfaces.ts"
import type { ClusterNode } from "./topology/ClusterNode.ts"
import * as CommandCache from "./topology/CommandCache.ts"
import * as HashSlot from "./topology/HashSlot.ts"
import type { Snapshot } from "./topology/Snapshot.ts"
import * as Topology from "./topology/Topology.ts"

/**
 * One node's own client: every command, and `send`. What the node answers is the result: no redirects, no retries.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeClient extends Commands<NodeSurface> {
  readonly node: ClusterNode
  /** Runs a command value on the node. */
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
  /** Sends any command by name. */
  readonly send: (name: string, ...args: ReadonlyArray<Argument>) => Effect.Effect<Reply, RedisClusterException>
}

/**
 * The commands on the nodes of a target. Every result is a map from node to reply, whatever the number of nodes.
 *
 * @category models
 * @since 0.1.0
 */
export interface TargetClient extends Commands<TargetSurface> {
  /** Runs a command value on each node of the target. */
  readonly execute: <A>(command: Command<A>) => Effect.Effect<ReadonlyMap<ClusterNode, A>, RedisClusterException>
  /** Sends any command by name to each node of the target. */
  readonly send: (
    name: string,
    ...args: ReadonlyArray<Argument>
  ) => Effect.Effect<ReadonlyMap<ClusterNode, Reply>, RedisClusterException>
}

/**
 * What `ClusterClient` offers beside the commands.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterClientMembers {
  /** Runs a command value: where its keys say, or where its policy says when it has none. */
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
  /**
   * Sends any command by name, routed by the commands cache: `redis.send("GET", "user:1")`. A command of two words
   * has its second word first among the arguments: `redis.send("CONFIG", "GET", "maxmemory")`.
   */
  readonly send: (name: string, ...args: ReadonlyArray<Argument>) => Effect.Effect<Reply, RedisClusterException>
  /** The commands on other nodes than their keys or policies say. */
  readonly on: (target: Target) => TargetClient
  /** One node's own client; fails with `UnknownNodeError` when the cluster has no such node. */
  readonly node: (endpoint: Endpoint) => Effect.Effect<NodeClient, RedisClusterException>

  /**
   * Runs commands over any slots in one go: written to all nodes before any reply is awaited, results in the order given,
   * a tuple for a tuple and a record for a record. Not atomic.
   *
   * When an entry cannot be sent (bad input, keys of different slots, a command that runs on several nodes) nothing is
   * sent. When entries fail, the pipeline fails after all have ended, with a `PipelineError` about the first in the order
   * given; `pipelineResults` tells about each.
   *
   * **Example** (Three nodes, one wait)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient, Strings } from "effect-redis-cluster"
   *
   * const visit = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const [name, visits] = yield* redis.pipeline([Strings.get("user:1"), Strings.incr("visits:1")])
   *   return { name, visits } // { name: string | null, visits: number }
   * })
   * ```
   */
  readonly pipeline: <const B extends Pipeline.Batch>(
    commands: B
  ) => Effect.Effect<Pipeline.Values<B>, RedisClusterException>
  /** The same with how each entry ended. An entry that cannot be sent fails alone. */
  readonly pipelineResults: <const B extends Pipeline.Batch>(commands: B) => Effect.Effect<Pipeline.Results<B>>
  /**
   * A pipeline of any length in bounded memory: commands are taken from the stream or iterable as earlier ones are
   * answered, at most `batch` at a time (1024 unless said otherwise). How each ended, in the order given.
   */
  readonly pipelineStream: <A, E = never, R = never>(
    commands: Stream.Stream<Command<A>, E, R> | Iterable<Command<A>>,
    options?: Pipeline.PipelineStreamOptions
  ) => Stream.Stream<Result.Result<A, RedisClusterException>, E, R>
  /**
   * Runs commands as one transaction, MULTI to EXEC: all keys of one slot, or `CrossSlotError` before anything is sent.
   * Without any key it runs on the default node, a primary. The shortest deadline of the entries is that of the whole.
   *
   * When the server refuses an entry nothing is executed, and the error is a `TransactionError` about that entry with the
   * outcome `NotExecuted`. Redis does not undo: when an entry fails while the transaction is executed, the others take
   * effect, and the outcome is `Executed`; `transactionResults` tells about each. When the connection is lost the outcome
   * is `Unknown`, and it is sent again only if all entries read, or are marked idempotent.
   */
  readonly transaction: <const B extends Pipeline.Batch>(
    commands: B
  ) => Effect.Effect<Pipeline.Values<B>, RedisClusterException>
  /** The same with how each entry of an executed transaction ended; fails when it was not executed. */
  readonly transactionResults: <const B extends Pipeline.Batch>(
    commands: B
  ) => Effect.Effect<Pipeline.Results<B>, RedisClusterException>

  /** The values of keys over any slots, in the order of the keys. Not atomic: each slot is read on its own. */
  readonly mgetNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<Array<string | null>, RedisClusterException>
  /** Sets keys over any slots. Not atomic: each slot is written on its own. */
  readonly msetNonatomic: (
    entries: Readonly<Record<string, Argument>> | ReadonlyArray<readonly [key: Argument, value: Argument]>
  ) => Effect.Effect<"OK", RedisClusterException>
  /** Deletes keys over any slots; how many there were. */
  readonly delNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>
  /** Unlinks keys over any slots; how many there were. */
  readonly unlinkNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>
  /** How many of the keys, over any slots, exist. */
  readonly existsNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>
  /** Touches keys over any slots; how many there were. */
  readonly touchNonatomic: (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException>

  /** Who owns what at this moment. */
  readonly topology: Effect.Effect<Snapshot>
  /** The topology of this moment, then every change of it. */
  readonly topologyChanges: Stream.Stream<Snapshot>
  /** Fetches the topology now. It refreshes by itself; this is for those who know more. */
  readonly refreshTopology: Effect.Effect<Snapshot, RedisClusterException>
  readonly nodes: Effect.Effect<ReadonlyArray<ClusterNode>>
  readonly primaries: Effect.Effect<ReadonlyArray<ClusterNode>>
  readonly replicas: Effect.Effect<ReadonlyArray<ClusterNode>>
  /** Any node of the cluster. */
  readonly randomNode: Effect.Effect<ClusterNode>
  /** The node at a host and port; fails with `UnknownNodeError` when there is none. */
  readonly nodeAt: (endpoint: Endpoint) => Effect.Effect<ClusterNode, RedisClusterException>
  /** The primary that owns the slot of a key; `undefined` when no node does. */
  readonly ownerOf: (key: Argument) => Effect.Effect<ClusterNode | undefined>
  /** The slot of a key. */
  readonly slotOf: (key: Argument) => number
  /** The node for commands that any node can answer: a random primary, unless it was set. */
  readonly defaultNode: Effect.Effect<ClusterNode>
  readonly setDefaultNode: (endpoint: Endpoint) => Effect.Effect<void, RedisClusterException>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ClusterClientShape extends Commands<ClusterSurface>, ClusterClientMembers {}

const unknownNode = (endpoint: Endpoint, snapshot: Snapshot): RedisClusterException =>
  exception(() =>
    new UnknownNodeError({
      message: `${addressOf(endpoint)} is not a node of this cluster (known: ${[...snapshot.nodes.keys()].join(", ")})`,
      outcome: "NotExecuted",
      node: addressOf(endpoint)
    })
  )

/** Without a node there is no client: the first topology has at least one primary, and later ones are refused without. */
const anyOf = (nodes: ReadonlyArray<ClusterNode>): ClusterNode => nodes[Math.floor(Math.random() * nodes.length)]

const make = Effect.fnUntraced(function*() {
  const router = yield* Router.Router
  const topology = yield* Topology.Topology
  const commands = yield* CommandCache.make(router)

  const rawCommand = (name: string, args: ReadonlyArray<Argument>) =>
    Effect.flatMap(
      commands.find(name, args),
      ({ args, spec }): Effect.Effect<Command<Reply>, RedisClusterException> => {
        const refused = SharedConnection.refusal(spec.name)
        return refused === undefined
          ? Effect.succeed(makeCommand(spec, args, (reply) => reply))
          : Effect.fail(refused)
      }
    )

  const lookUp = (endpoint: Endpoint): Effect.Effect<ClusterNode, RedisClusterException> =>
    Effect.suspend(() => {
      const snapshot = topology.current()
      const node = Topology.nodeAt(snapshot, endpoint)
      return node === undefined ? Effect.fail(unknownNode(endpoint, snapshot)) : Effect.succeed(node)
    })

  const on = (target: Target): TargetClient => {
    const execute: TargetClient["execute"] = (command) => router.executeOn(command, target)
    return Object.assign(view<TargetSurface>(execute), {
      execute,
      send: (name: string, ...args: ReadonlyArray<Argument>) => Effect.flatMap(rawCommand(name, args), execute)
    })
  }

  const nodeClient = (node: ClusterNode): NodeClient => {
    const execute: NodeClient["execute"] = (command) => router.executeAt(command, node)
    return Object.assign(view<NodeSurface>(execute), {
      node,
      execute,
      send: (name: string, ...args: ReadonlyArray<Argument>) => Effect.flatMap(rawCommand(name, args), execute)
    })
  }

  const counting = (
    build: (keys: ReadonlyArray<Argument>) => Command<number>
  ): (keys: ReadonlyArray<Argument>) => Effect.Effect<number, RedisClusterException> =>
  (keys) => Nonatomic.run(router, keys, (positions) => build(positions.map((i) => keys[i])), Nonatomic.total)

  const members: ClusterClientMembers = {
    execute: router.execute,
    send: (name, ...args) => Effect.flatMap(rawCommand(name, args), router.execute),
    on,
    node: (endpoint) => Effect.map(lookUp(endpoint), nodeClient),

    pipeline: (commands) => Pipeline.run(router.executeEvery, commands),
    pipelineResults: (commands) => Pipeline.runResults(router.executeAll, commands),
    pipelineStream: (commands, options) => Pipeline.runStream(router.executeAll, commands, options),
    transaction: (commands) => Transaction.run(router.transaction, commands),
    transactionResults: (commands) => Pipeline.runResults(router.transaction, commands),

    mgetNonatomic: (keys) =>
      Nonatomic.run(
        router,
        keys,
        (positions) => Strings.mget(positions.map((i) => keys[i])),
        Nonatomic.inOrder(keys.length)
      ),
    msetNonatomic: (entries) => {
      const pairs = Array.isArray(entries)
        ? entries as ReadonlyArray<readonly [Argument, Argument]>
        : Object.entries(entries as Readonly<Record<string, Argument>>)
      return Nonatomic.run(
        router,
        pairs.map(([key]) => key),
        (positions) => Strings.mset(positions.map((i) => pairs[i])),
        () => "OK" as const
      )
    },
    delNonatomic: counting(Generic.del),
    unlinkNonatomic: counting(Generic.unlink),
    existsNonatomic: counting(Generic.exists),
    touchNonatomic: counting(Generic.touch),

    topology: Effect.sync(topology.current),
    topologyChanges: topology.changes,
    refreshTopology: topology.refresh,
    nodes: Effect.sync(() => [...topology.current().nodes.values()]),
    primaries: Effect.sync(() => topology.current().primaries),
    replicas: Effect.sync(() => topology.current().replicas),
    randomNode: Effect.sync(() => anyOf([...topology.current().nodes.values()])),
    nodeAt: lookUp,
    ownerOf: (key) => Effect.sync(() => topology.current().slots[HashSlot.ofKey(key)]?.primary),
    slotOf: HashSlot.ofKey,
    defaultNode: Effect.sync(() => topology.defaultNode() ?? anyOf(topology.current().primaries)),
    setDefaultNode: (endpoint) => Effect.map(lookUp(endpoint), topology.setDefaultNode)
  }
  return ClusterClient.of({ ...functions<ClusterSurface>(router.execute), ...members })
})

const resolved = (
  options: ClusterOptions.ClusterOptions
): Effect.Effect<ClusterOptions.ResolvedOptions, RedisClusterException> =>
  Effect.suspend(() => {
    const result = ClusterOptions.resolve(options)
    return Result.isSuccess(result)
      ? Effect.succeed(result.success)
      : Effect.fail(exception(() => new OptionsError({ message: result.failure, outcome: "NotExecuted" })))
  })

const layerResolved = (
  options: ClusterOptions.ResolvedOptions
): Layer.Layer<ClusterClient, RedisClusterException, Connections.Connections> =>
  Layer.effect(ClusterClient, make()).pipe(
    Layer.provide(Router.layer(options)),
    Layer.provide(Topology.layer(options))
  )

/**
 * A client of a Redis or Valkey Cluster. Every command of the command modules is a method; see
 * {@link ClusterClientMembers} for the rest.
 *
 * @category services
 * @since 0.1.0
 */
export class ClusterClient extends Context.Service<ClusterClient, ClusterClientShape>()(
  "effect-redis-cluster/ClusterClient"
) {
  /**
   * Connects to a cluster. The layer is ready when the topology is known; it fails with `NoReachableNodeError` when
   * no startup node answers, each with its cause. Closing it drains and closes every connection.
   *
   * @since 0.1.0
   */
  static readonly layer = (
    options: ClusterOptions.ClusterOptions
  ): Layer.Layer<ClusterClient, RedisClusterException> =>
    Layer.unwrap(
      Effect.map(resolved(options), (settings) => Layer.provide(layerResolved(settings), Connections.layer(settings)))
    )

  /**
   * The same over a `Connections` service of one's own: a fake topology, another transport.
   *
   * @since 0.1.0
   */
  static readonly layerFromConnections = (
    options: ClusterOptions.ClusterOptions
  ): Layer.Layer<ClusterClient, RedisClusterException, Connections.Connections> =>
    Layer.unwrap(Effect.map(resolved(options), layerResolved))

  /**
   * The same with options from `Config`: any option, or all of them.
   *
   * @since 0.1.0
   */
  static readonly layerConfig = (
    config: Config.Wrap<ClusterOptions.ClusterOptions>
  ): Layer.Layer<ClusterClient, RedisClusterException | Config.ConfigError> =>
    Layer.unwrap(Effect.map(Config.unwrap(config), ClusterClient.layer))
}
