/**
 * Sends commands to the nodes that can execute them.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { CacheStatistics } from "../caching/CacheStatistics.ts"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { Command, type CommandResult, DecodeFailure, decodeReply } from "../commands/Command.ts"
import type { Connection } from "../connection/Connection.ts"
import type { Connections } from "../connection/Connections.ts"
import type { Reply } from "../protocol/Reply.ts"
import * as ReadFrom from "../ReadFrom.ts"
import { DecodeError, type Reason, type RedisClusterException } from "../RedisClusterException.ts"
import { nodeAt, Topology } from "../topology/Topology.ts"
import * as Batch from "./batches/Pipeline.ts"
import * as ClientRegion from "./ClientRegion.ts"
import { keyless, slotOf } from "./CommandSlot.ts"
import * as Sessions from "./dedicated/DedicatedSessions.ts"
import { aggregate, type NodeReply } from "./nodes/Aggregation.ts"
import { FanOut } from "./nodes/FanOut.ts"
import type * as Target from "./nodes/Target.ts"
import { CurrentReadPolicy } from "./reads/CurrentReadPolicy.ts"
import type { ShardReads } from "./reads/ReadNodes.ts"
import { fansOut, forShared, holdsUpBatch, holdsUpNodes, invalid, needsNode, needsOwnConnection } from "./Rejections.ts"
import { type Dispatcher, make as makeDispatcher } from "./request/Dispatcher.ts"
import { Request } from "./request/Request.ts"
import type { RoutingStatistics } from "./request/RoutingStatistics.ts"
import * as Tracing from "./request/Tracing.ts"

/** A result with the socket that brought it: equal sockets mean one server process. */
export interface Located<out A> {
  readonly value: A
  readonly connection: Connection
  readonly socket: number
}

/**
 * Runs a command on the node of its keys, or on the nodes of its policy when it has no keys. The result of a command
 * that answers per node (`Server.info()`) is a map by node.
 */
export interface Execute {
  /** Runs a command on the node of its keys, or on the nodes of its policy when it has no keys. */
  <A, M = unknown>(command: Command<A, M>): Effect.Effect<CommandResult<A, M>, RedisClusterException>
}

export interface RouterShape extends Batch.Batching, Pick<Sessions.DedicatedSessions, "dedicated" | "watch"> {
  readonly execute: Execute
  /** Runs a command on every node of a target. */
  readonly onTarget: <A>(
    command: Command<A>,
    target: Target.Target
  ) => Effect.Effect<ReadonlyMap<ClusterNode, A>, RedisClusterException>
  /** Runs a command on every node of a target. The result says how it ended on each node. */
  readonly onTargetResults: <A>(
    command: Command<A>,
    target: Target.Target
  ) => Effect.Effect<ReadonlyMap<ClusterNode, Result.Result<A, RedisClusterException>>, RedisClusterException>
  /** Runs a command on one node, without cluster handling: redirects of the node are errors for the caller. */
  readonly onNode: <A>(command: Command<A>, node: Endpoint) => Effect.Effect<A, RedisClusterException>
  /** Runs batches on one node, without cluster handling: what the node answers is the result. */
  readonly batchesOn: (node: ClusterNode) => Batch.Batching
  /** The nodes that a target means at this moment. */
  readonly nodesOf: (target: Target.Target) => Effect.Effect<ReadonlyArray<ClusterNode>, RedisClusterException>
  /** Runs a command on the node of its keys, or on a given node. The result says which socket brought the reply. */
  readonly executeWithSocket: <A>(
    command: Command<A>,
    node?: Endpoint
  ) => Effect.Effect<Located<A>, RedisClusterException>
  /** This router with a policy for its reads that no region overrides. */
  readonly reading: (policy: ReadFrom.Policy) => RouterShape
  /** Sets the policy of reads for which neither a view nor a region has one. */
  readonly setReadFrom: (policy: ReadFrom.Policy) => void
  /** The policy of reads that the running fiber makes. */
  readonly readFrom: () => ReadFrom.Policy
  /** The number of reads of each node, by policies other than `ReadFrom.primary`. */
  readonly readStatistics: () => ReadonlyArray<ShardReads>
  /** The counters of the cache; `undefined` for a client without one. */
  readonly cacheStatistics: (() => CacheStatistics) | undefined
  readonly statistics: RoutingStatistics
  /** The settings that regions of the program give to the commands of this client alone. */
  readonly region: ClientRegion.ClientRegion
  /**
   * The time that the client may take for a command in the region of the running fiber, in milliseconds. The time for which a server
   * may hold it back comes on top.
   */
  readonly timeoutOf: (command: Command<unknown>) => number
}

export class Router extends Context.Service<Router, RouterShape>()("effect-redis-cluster/routing/Router") {}

/** The reason to refuse a command on shared connections, whatever its keys. */
const unfit = (command: Command<unknown>): Reason | undefined => {
  if (command.settings.invalid !== undefined) return invalid(command)
  return command.spec.isPlain ? undefined : forShared(command)
}

const blocks = (command: Command<unknown>): boolean => !command.spec.isPlain && command.blockingTime !== undefined

/** The slot of a command in a pipeline, or the reason to refuse it there. */
const batchSlot = (command: Command<unknown>): number | Reason =>
  blocks(command) ? holdsUpBatch(command) : transactionSlot(command)

/** Whether a command can be sent in a pipeline. */
export const fitsBatch = (command: Command<unknown>): boolean => typeof batchSlot(command) === "number"

/**
 * The slot of a command in a transaction, or the reason to refuse it there. A blocking command may be one: in a
 * transaction servers answer it at once, as if its time were over.
 */
const transactionSlot = (command: Command<unknown>): number | Reason => {
  const slot = unfit(command) ?? slotOf(command)
  return slot === keyless && command.spec.request !== "default" ? fansOut(command) : slot
}

/** The slot of a command for a node that the caller named. The node itself says whether it serves the keys. */
const slotAtNode = (command: Command<unknown>): number | Reason => {
  const unable = unfit(command)
  if (unable !== undefined) return unable
  const slot = slotOf(command)
  return typeof slot === "number" ? slot : keyless
}

/** The slot of an entry of a batch for a node that the caller named, or the reason to refuse it. */
const batchSlotAtNode = (command: Command<unknown>): number | Reason =>
  blocks(command) ? holdsUpBatch(command) : slotAtNode(command)

/** The reason to refuse a blocking command on many nodes, because fan-outs use the shared connections. */
const blocksNodes = (command: Command<unknown>): Reason => needsOwnConnection(command) ?? holdsUpNodes(command)

/** The command without its decoder: the rules that merge replies need the replies of the servers. */
const undecoded = (command: Command<unknown>): Command<Reply> =>
  new Command(command.spec, command.args, (reply) => reply, command.settings)

const mapped = <A>(
  command: Command<A>,
  replies: ReadonlyArray<NodeReply>
): Effect.Effect<ReadonlyMap<ClusterNode, A>, RedisClusterException> =>
  // The decoder of the command made the values.
  Effect.fromResult(aggregate(command, replies, "perNode")) as Effect.Effect<
    ReadonlyMap<ClusterNode, A>,
    RedisClusterException
  >

/** A request that succeeds with its value and the socket that brought it. */
class LocatedRequest extends Request {
  static single(
    owner: Dispatcher,
    command: Command<unknown>,
    slot: number,
    pinned: ClusterNode | undefined,
    resume: Request["resume"]
  ): LocatedRequest {
    const binding = pinned === undefined ? "slot" : "explicit"
    const patience = owner.timeoutOf(command)
    return new LocatedRequest(
      owner,
      command,
      slot,
      binding,
      pinned,
      owner.moment(),
      patience,
      resume,
      undefined,
      0,
      undefined
    )
  }

  override succeed(value: unknown): void {
    super.succeed({ value, connection: this.connection, socket: this.connection?.sockets })
  }
}

/** The parts that all views of a router share. */
export interface Parts {
  readonly topology: Topology["Service"]
  readonly dispatcher: Dispatcher
  readonly sessions: Sessions.DedicatedSessions
  readonly fanOut: FanOut
  readonly policies: CurrentReadPolicy
  readonly region: ClientRegion.ClientRegion
  /** The timeout of commands without one of their own, in milliseconds. */
  readonly timeout: number
}

/**
 * A router whose reads follow one policy: `own`, or else that of the region or the client. Its members can be used
 * apart from the object.
 */
class RouterView implements RouterShape {
  private readonly parts: Parts
  private readonly own: ReadFrom.Policy | undefined
  private readonly batches: Batch.Batches

  constructor(parts: Parts, own: ReadFrom.Policy | undefined) {
    const { dispatcher, policies } = parts
    this.parts = parts
    this.own = own
    this.batches = new Batch.Batches({
      ...this.batchRoute,
      nodeOf: (slot) => dispatcher.nodeOf(slot),
      pinned: undefined,
      slotOf: batchSlot,
      transactionSlotOf: transactionSlot,
      readFrom: () => own ?? policies.current
    })
  }

  // The spec of a command says whether it answers per node: the replies to a `PerNodeCommand` become a map.
  readonly execute = ((command: Command<unknown>): Effect.Effect<unknown, RedisClusterException> => {
    const slot = unfit(command) ?? slotOf(command)
    if (typeof slot !== "number") return this.refuse(slot)
    return slot !== keyless || command.spec.request === "default"
      ? this.single(command, slot, undefined)
      : this.onManyNodes(command)
  }) as Execute

  readonly onTarget: RouterShape["onTarget"] = (command, target) =>
    Effect.flatMap(this.onNodes(command, target), (replies) => mapped(command, replies))

  readonly onTargetResults: RouterShape["onTargetResults"] = <A>(command: Command<A>, target: Target.Target) =>
    Effect.map(
      this.onNodes(command, target),
      // The decoder of the command made the values.
      (replies) =>
        new Map(replies.map(({ node, outcome }) => [node, outcome as Result.Result<A, RedisClusterException>]))
    )

  readonly onNode: RouterShape["onNode"] = (command, endpoint) => {
    const refused = unfit(command)
    return refused === undefined
      ? this.at(endpoint, (node) => this.single(command, keyless, node))
      : this.refuse(refused)
  }

  readonly batchesOn: RouterShape["batchesOn"] = (node) =>
    new Batch.Batches({
      ...this.batchRoute,
      nodeOf: () => this.parts.dispatcher.mayTravelTo(node),
      pinned: node,
      slotOf: batchSlotAtNode,
      transactionSlotOf: slotAtNode,
      readFrom: () => ReadFrom.primary
    })

  readonly nodesOf: RouterShape["nodesOf"] = (target) =>
    Effect.suspend(() => {
      const nodes = this.parts.fanOut.nodesOf(target)
      return Result.isSuccess(nodes) ? Effect.succeed(nodes.success) : this.refuse(nodes.failure)
    })

  readonly executeWithSocket: RouterShape["executeWithSocket"] = (command, endpoint) => {
    const refused = unfit(command)
    if (refused !== undefined) return this.refuse(refused)
    if (endpoint !== undefined) return this.at(endpoint, (node) => this.located(command, keyless, node))
    const slot = slotOf(command)
    return typeof slot === "number" ? this.located(command, slot, undefined) : this.refuse(slot)
  }

  readonly pipeline: RouterShape["pipeline"] = (commands, order) => this.batches.pipeline(commands, order)
  readonly pipelineResults: RouterShape["pipelineResults"] = (commands, order) =>
    this.batches.pipelineResults(commands, order)
  readonly transaction: RouterShape["transaction"] = (commands) => this.batches.transaction(commands)
  readonly dedicated: RouterShape["dedicated"] = (where) => this.parts.sessions.dedicated(where)
  readonly watch: RouterShape["watch"] = (keys) => this.parts.sessions.watch(keys)
  readonly reading: RouterShape["reading"] = (policy) => new RouterView(this.parts, policy)
  readonly setReadFrom: RouterShape["setReadFrom"] = (policy) => {
    this.parts.policies.standing = policy
  }
  readonly readFrom: RouterShape["readFrom"] = () => this.own ?? this.parts.policies.current
  readonly readStatistics: RouterShape["readStatistics"] = () => this.parts.dispatcher.readStatistics()

  readonly cacheStatistics: RouterShape["cacheStatistics"] = undefined

  get statistics(): RoutingStatistics {
    return this.parts.dispatcher.statistics
  }

  readonly timeoutOf: RouterShape["timeoutOf"] = (command) =>
    this.parts.dispatcher.region.settle(command).settings.timeout ?? this.parts.timeout

  get region(): ClientRegion.ClientRegion {
    return this.parts.region
  }

  /** The part of a route that all batches have. */
  private get batchRoute() {
    const { dispatcher, timeout } = this.parts
    return {
      owner: dispatcher,
      now: () => dispatcher.now(),
      dispatch: (request: Request) => dispatcher.dispatch(request),
      connectionTo: (node: ClusterNode) => dispatcher.connectionTo(node),
      settle: (commands: ReadonlyArray<Command<unknown>>) => dispatcher.region.settleAll(commands),
      refused: (reason: Reason) => dispatcher.statistics.failed(reason._tag),
      timeout
    }
  }

  private refuse(reason: Reason): Effect.Effect<never, RedisClusterException> {
    return this.statistics.refuse(reason)
  }

  private single<A>(
    command: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined
  ): Effect.Effect<A, RedisClusterException> {
    if (!blocks(command)) return this.suspended(command, slot, pinned)
    const unfit = needsOwnConnection(command)
    return unfit === undefined ? this.parts.sessions.execute(command, slot, pinned) : this.refuse(unfit)
  }

  /** Runs one command with one suspension of the fiber. Nearly all commands take this path. */
  private suspended<A>(
    given: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined
  ): Effect.Effect<A, RedisClusterException> {
    const { dispatcher, policies } = this.parts
    const { own } = this
    const self: Effect.Effect<A, RedisClusterException> = Effect.callback((resume) => {
      const trace = Tracing.look()
      if (trace === "due") return resume(Tracing.traced(self, Tracing.commandCall(given, slot)))
      const command = dispatcher.region.settle(given)
      const problem = command === given ? undefined : invalid(command)
      if (problem !== undefined) return resume(this.refuse(problem))
      const since = dispatcher.moment()
      const patience = dispatcher.timeoutOf(command)
      const ended = resume as Request["resume"]
      const request = pinned === undefined
        ? Request.bySlot(dispatcher, command, slot, policies.routeOf(command, slot, own), since, patience, ended)
        : Request.at(dispatcher, command, pinned, since, patience, ended)
      if (trace !== undefined) trace.begin(request)
      dispatcher.dispatch(request)
      return request
    })
    return self
  }

  /**
   * Runs one command for its result and its socket. It is apart from `suspended`, so that the common path has nothing
   * to check.
   */
  private located<A>(
    given: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined
  ): Effect.Effect<Located<A>, RedisClusterException> {
    const { dispatcher } = this.parts
    const run = Effect.callback<Located<A>, RedisClusterException>((resume) => {
      const command = dispatcher.region.settle(given)
      const problem = invalid(command)
      if (problem !== undefined) return resume(this.refuse(problem))
      const request = LocatedRequest.single(dispatcher, command, slot, pinned, resume as Request["resume"])
      Tracing.join(request)
      dispatcher.dispatch(request)
      return request
    })
    return Tracing.observed(run, () => Tracing.commandCall(given, slot))
  }

  private at<A>(
    endpoint: Endpoint,
    run: (node: ClusterNode) => Effect.Effect<A, RedisClusterException>
  ): Effect.Effect<A, RedisClusterException> {
    return Effect.suspend(() => {
      const node = nodeAt(this.parts.topology.current(), endpoint)
      return Result.isSuccess(node) ? run(node.success) : this.refuse(node.failure)
    })
  }

  private onNodes(
    command: Command<unknown>,
    target: Target.Target
  ): Effect.Effect<ReadonlyArray<NodeReply>, RedisClusterException> {
    const refused = unfit(command) ?? (blocks(command) ? blocksNodes(command) : undefined)
    return refused === undefined ? this.parts.fanOut.byTarget(command, target) : this.refuse(refused)
  }

  /** Runs a command without keys on the nodes that its policy names. */
  private onManyNodes(command: Command<unknown>): Effect.Effect<unknown, RedisClusterException> {
    const { fanOut } = this.parts
    if (command.spec.request === "explicit") return this.refuse(needsNode(command))
    if (blocks(command)) return this.refuse(blocksNodes(command))
    if (command.spec.response === "perNode") {
      return Effect.flatMap(fanOut.byPolicy(command), (replies) => mapped(command, replies))
    }
    const raw = undecoded(command)
    return Effect.flatMap(
      fanOut.byPolicy(raw),
      (replies) => Effect.flatMap(Effect.fromResult(aggregate(raw, replies)), (reply) => this.decoded(command, reply))
    )
  }

  private decoded<A>(command: Command<A>, reply: unknown): Effect.Effect<A, RedisClusterException> {
    // Merged replies are a reply.
    const value = decodeReply(command, reply as Reply)
    if (!(value instanceof DecodeFailure)) return Effect.succeed(value)
    return this.refuse(
      new DecodeError({
        message: value.message,
        cause: value.cause,
        outcome: "Executed",
        command: command.spec.name
      })
    )
  }
}

/** The parts of the router of a client. */
export const makeParts = Effect.fnUntraced(function*(options: ResolvedOptions) {
  const topology = yield* Topology
  const region = ClientRegion.make()
  const dispatcher = yield* makeDispatcher(options, region)
  const sessions = yield* Sessions.make(options, dispatcher)
  const random = yield* Random.Random
  const fanOut = new FanOut(dispatcher, topology, () => random.nextDoubleUnsafe())
  const policies = new CurrentReadPolicy(options.readFrom, region)
  const timeout = options.commandTimeout
  const parts: Parts = { topology, dispatcher, sessions, fanOut, policies, region, timeout }
  return parts
})

/** The router over its parts. */
export const over = (parts: Parts): RouterShape => new RouterView(parts, undefined)

export const layer = (options: ResolvedOptions): Layer.Layer<Router, never, Connections | Topology> =>
  Layer.effect(Router, Effect.map(makeParts(options), over))
