/**
 * Takes a command to the nodes that can execute it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { Command, DecodeFailure, decodeReply } from "../commands/Command.ts"
import type { Connection } from "../connection/Connection.ts"
import type { Connections } from "../connection/Connections.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import type { Reply } from "../protocol/Reply.ts"
import type * as ReadFrom from "../ReadFrom.ts"
import { DecodeError, type Reason, type RedisClusterException } from "../RedisClusterException.ts"
import { nodeAt, Topology } from "../topology/Topology.ts"
import * as Batch from "./batches/Pipeline.ts"
import { keyless, slotOf } from "./CommandSlot.ts"
import * as Sessions from "./dedicated/DedicatedSessions.ts"
import { aggregate, type NodeReply } from "./nodes/Aggregation.ts"
import * as FanOut from "./nodes/FanOut.ts"
import type * as Target from "./nodes/Target.ts"
import { CurrentReadPolicy } from "./reads/CurrentReadPolicy.ts"
import type { ShardReads } from "./reads/ReadNodes.ts"
import { fansOut, holdsUpBatch, holdsUpNodes, invalid, needsNode } from "./Rejections.ts"
import * as Dispatcher from "./request/Dispatcher.ts"
import { Request } from "./request/Request.ts"
import type { RoutingStatistics } from "./request/RoutingStatistics.ts"
import * as Tracing from "./request/Tracing.ts"
import * as SharedConnection from "./SharedConnection.ts"

/**
 * An answer and the socket that brought it: two answers of one socket are of one process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Located<out A> {
  readonly value: A
  readonly connection: Connection
  readonly socket: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RouterShape extends Batch.Batches, Pick<Sessions.DedicatedSessions, "dedicated" | "watch"> {
  /** Runs a command where its keys, or the policies of its spec, say. */
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
  /** Runs a command on every node of a target. */
  readonly onTarget: <A>(
    command: Command<A>,
    target: Target.Target
  ) => Effect.Effect<ReadonlyMap<ClusterNode, A>, RedisClusterException>
  /** The same with how it ended on each node. */
  readonly onTargetResults: <A>(
    command: Command<A>,
    target: Target.Target
  ) => Effect.Effect<ReadonlyMap<ClusterNode, Result.Result<A, RedisClusterException>>, RedisClusterException>
  /** Runs a command on one node, without cluster handling: what the node answers is the result. */
  readonly onNode: <A>(command: Command<A>, node: Endpoint) => Effect.Effect<A, RedisClusterException>
  /** Runs a command where its keys say, or on one node, and says which socket brought the answer. */
  readonly executeWithSocket: <A>(
    command: Command<A>,
    node?: Endpoint
  ) => Effect.Effect<Located<A>, RedisClusterException>
  /** The same router with a policy for its reads that nothing else overrides. */
  readonly reading: (policy: ReadFrom.Policy) => RouterShape
  /** Sets the policy of reads that neither a view nor a region has one for. */
  readonly setReadFrom: (policy: ReadFrom.Policy) => void
  /** The policy of reads that the running fiber makes. */
  readonly readFrom: () => ReadFrom.Policy
  /** How often reads went where, by policies other than `ReadFrom.primary`. */
  readonly readStatistics: () => ReadonlyArray<ShardReads>
  readonly statistics: RoutingStatistics
}

/**
 * @category services
 * @since 0.1.0
 */
export class Router extends Context.Service<Router, RouterShape>()("effect-redis-cluster/routing/Router") {}

/** Why a command cannot be sent at all on the connections that everybody shares. */
const unfit = (command: Command<unknown>): Reason | undefined =>
  command.settings.invalid !== undefined
    ? invalid(command)
    : command.spec.stateful
    ? SharedConnection.refusal(command)
    : undefined

const blocks = (command: Command<unknown>): boolean => command.spec.blocking?.(command.args) !== undefined

/** The slot of a command that can be one of a batch, or why it cannot. */
const batchSlot = (command: Command<unknown>): number | Reason =>
  command.spec.blocking !== undefined && blocks(command) ? holdsUpBatch(command) : transactionSlot(command)

/** Within a transaction nothing waits: servers answer at once, as if the time were over. */
const transactionSlot = (command: Command<unknown>): number | Reason => {
  const slot = unfit(command) ?? slotOf(command)
  return slot === keyless && command.spec.request !== "default" ? fansOut(command) : slot
}

/** Fan-outs share the connections of everybody else. */
const blocksNodes = (command: Command<unknown>): Reason =>
  SharedConnection.needsOwnConnection(command.spec.name) ?? holdsUpNodes(command)

/** The same command with its replies as they came: rules that merge replies are about what the servers said. */
const undecoded = (command: Command<unknown>): Command<Reply> =>
  new Command(command.spec, command.args, (reply) => reply, command.settings)

/** A method whose policy is `perNode` is declared to give a map; here the type of the command alone is known. */
const perNode = <A>(
  command: Command<A>,
  replies: Effect.Effect<ReadonlyArray<NodeReply>, RedisClusterException>
): Effect.Effect<A, RedisClusterException> =>
  Effect.flatMap(replies, (all) => mapped(command, all)) as Effect.Effect<
    unknown,
    RedisClusterException
  > as Effect.Effect<
    A,
    RedisClusterException
  >

const mapped = <A>(
  command: Command<A>,
  replies: ReadonlyArray<NodeReply>
): Effect.Effect<ReadonlyMap<ClusterNode, A>, RedisClusterException> =>
  // The values are what the command's own decoder made.
  Effect.fromResult(aggregate(command, replies, "perNode")) as Effect.Effect<
    ReadonlyMap<ClusterNode, A>,
    RedisClusterException
  >

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: ResolvedOptions) {
  const topology = yield* Topology
  const clock = yield* Clock.Clock
  const dispatcher = yield* Dispatcher.make(options)
  const sessions = yield* Sessions.make(options, dispatcher)
  const fanOut = FanOut.make(dispatcher, topology)
  const policies = new CurrentReadPolicy(options.readFrom)
  const { statistics } = dispatcher
  const refuse = (reason: Reason): Effect.Effect<never, RedisClusterException> => statistics.refuse(reason)

  const decoded = <A>(command: Command<A>, reply: unknown): Effect.Effect<A, RedisClusterException> => {
    // Merging replies gives a reply.
    const value = decodeReply(command, reply as Reply)
    if (!(value instanceof DecodeFailure)) return Effect.succeed(value)
    return refuse(
      new DecodeError({
        message: value.message,
        cause: value.cause,
        outcome: "Executed",
        command: command.spec.name
      })
    )
  }

  const batches = (own: ReadFrom.Policy | undefined): Batch.Batches =>
    Batch.make({
      owner: dispatcher.owner,
      now: () => monotonicMillis(clock),
      dispatch: dispatcher.dispatch,
      nodeOf: dispatcher.nodeOf,
      connectionTo: dispatcher.connectionTo,
      slotOf: batchSlot,
      transactionSlotOf: transactionSlot,
      refused: (reason) => statistics.failed(reason._tag),
      readFrom: () => own ?? policies.current,
      timeout: options.commandTimeout
    })

  const single = <A>(
    command: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined,
    own: ReadFrom.Policy | undefined
  ): Effect.Effect<A, RedisClusterException> => {
    if (!blocks(command)) return suspended(command, slot, pinned, own)
    const unfit = SharedConnection.needsOwnConnection(command.spec.name)
    return unfit === undefined ? sessions.execute(command, slot, pinned) : refuse(unfit)
  }

  /** One command, one suspension: the path that everything else is measured by. */
  const suspended = <A>(
    command: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined,
    own: ReadFrom.Policy | undefined
  ): Effect.Effect<A, RedisClusterException> => {
    const self: Effect.Effect<A, RedisClusterException> = Effect.callback((resume) => {
      const trace = Tracing.look()
      if (trace === "due") return resume(Tracing.traced(self, Tracing.commandCall(command, slot)))
      const request = new Request(
        command,
        dispatcher.owner,
        slot,
        dispatcher.deadlineOf(command),
        pinned === undefined ? "slot" : "explicit",
        pinned,
        resume as Request["resume"],
        undefined,
        0
      )
      request.readRoute = policies.readingOf(command, slot, own)
      if (trace !== undefined) trace.begin(request)
      dispatcher.dispatch(request)
      return request
    })
    return self
  }

  const located = <A>(
    command: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined
  ): Effect.Effect<Located<A>, RedisClusterException> => {
    const run = Effect.callback<Located<A>, RedisClusterException>((resume) => {
      const { owner } = dispatcher
      const ended: Request["resume"] = (exit) => {
        const { connection } = request
        resume(
          // What was answered came over a connection, and the command's decoder made the value.
          Exit.map(exit as Exit.Exit<A, RedisClusterException>, (value) => ({
            value,
            connection: connection as Connection,
            socket: (connection as Connection).sockets
          }))
        )
      }
      const deadline = dispatcher.deadlineOf(command)
      const binding = pinned === undefined ? "slot" : "explicit"
      const request: Request = new Request(command, owner, slot, deadline, binding, pinned, ended, undefined, 0)
      Tracing.join(request)
      dispatcher.dispatch(request)
      return request
    })
    return Tracing.observed(run, () => Tracing.commandCall(command, slot))
  }

  const onNodes = (command: Command<unknown>, target: Target.Target) => {
    const refused = unfit(command) ?? (blocks(command) ? blocksNodes(command) : undefined)
    return refused === undefined ? fanOut.byTarget(command, target) : refuse(refused)
  }

  const routing = (own: ReadFrom.Policy | undefined): RouterShape => ({
    execute: (command) => {
      const slot = unfit(command) ?? slotOf(command)
      if (typeof slot !== "number") return refuse(slot)
      const request = command.spec.request
      if (slot !== keyless || request === "default") return single(command, slot, undefined, own)
      if (request === "explicit") return refuse(needsNode(command))
      if (blocks(command)) return refuse(blocksNodes(command))
      if (command.spec.response === "perNode") {
        return perNode(command, fanOut.byPolicy(command))
      }
      const raw = undecoded(command)
      return Effect.flatMap(
        fanOut.byPolicy(raw),
        (replies) => Effect.flatMap(Effect.fromResult(aggregate(raw, replies)), (reply) => decoded(command, reply))
      )
    },
    onTarget: (command, target) => Effect.flatMap(onNodes(command, target), (replies) => mapped(command, replies)),
    onTargetResults: <A>(command: Command<A>, target: Target.Target) =>
      Effect.map(
        onNodes(command, target),
        // The values are what the command's own decoder made.
        (replies) =>
          new Map(replies.map(({ node, outcome }) => [node, outcome as Result.Result<A, RedisClusterException>]))
      ),
    onNode: (command, endpoint) => {
      const refused = unfit(command)
      return refused === undefined
        ? Effect.suspend(() => {
          const node = nodeAt(topology.current(), endpoint)
          return Result.isSuccess(node) ? single(command, keyless, node.success, own) : refuse(node.failure)
        })
        : refuse(refused)
    },
    executeWithSocket: (command, endpoint) => {
      const refused = unfit(command)
      return refused === undefined
        ? Effect.suspend(() => {
          if (endpoint === undefined) {
            const slot = slotOf(command)
            return typeof slot === "number" ? located(command, slot, undefined) : refuse(slot)
          }
          const node = nodeAt(topology.current(), endpoint)
          return Result.isSuccess(node) ? located(command, keyless, node.success) : refuse(node.failure)
        })
        : refuse(refused)
    },
    ...batches(own),
    dedicated: sessions.dedicated,
    watch: sessions.watch,
    reading: routing,
    setReadFrom: (policy) => {
      policies.standing = policy
    },
    readFrom: () => own ?? policies.current,
    readStatistics: dispatcher.readStatistics,
    statistics
  })

  return Router.of(routing(undefined))
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ResolvedOptions): Layer.Layer<Router, never, Connections | Topology> =>
  Layer.effect(Router, make(options))
