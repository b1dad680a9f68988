/**
 * Connections that callers have to themselves for a while: for a command that waits on the server, for watched keys, for
 * whatever needs the state of a connection.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Endpoint } from "../../cluster/Endpoint.ts"
import * as HashSlot from "../../cluster/HashSlot.ts"
import type { ResolvedOptions } from "../../ClusterOptions.ts"
import { Command } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import { allKeys } from "../../commands/keys.ts"
import { Connections } from "../../connection/Connections.ts"
import { query, question } from "../../connection/Query.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import type { Argument } from "../../protocol/Reply.ts"
import { ClosedError, OptionsError, type Reason, type RedisClusterException } from "../../RedisClusterException.ts"
import { nodeAt, Topology } from "../../topology/Topology.ts"
import { keyless, slotOf } from "../CommandSlot.ts"
import type { Dispatcher } from "../request/Dispatcher.ts"
import type { Request } from "../request/Request.ts"
import * as Tracing from "../request/Tracing.ts"
import type { Unblocker } from "./BlockingRequest.ts"
import { DedicatedPool } from "./DedicatedPool.ts"
import { DedicatedRequest, type LeaseContext } from "./DedicatedRequest.ts"
import { DedicatedSession, type Purpose, type SessionContext } from "./DedicatedSession.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface DedicatedSessions {
  /** Runs one command on a connection that nobody else waits behind; an interruption frees the server. */
  readonly execute: <A>(
    command: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined
  ) => Effect.Effect<A, RedisClusterException>
  /** A connection of one's own to the owner of a key's slot, or to a node, closed with the scope. */
  readonly dedicated: (
    where: Argument | Endpoint
  ) => Effect.Effect<DedicatedSession, RedisClusterException, Scope.Scope>
  /** A connection on which keys are watched, until the scope ends. */
  readonly watch: (keys: ReadonlyArray<Argument>) => Effect.Effect<DedicatedSession, RedisClusterException, Scope.Scope>
}

const ping = new Command<unknown>(new CommandSpec("PING", { readonly: true }), [], (reply) => reply)
const unwatch = question("UNWATCH")
const WATCH = new CommandSpec("WATCH", { keys: allKeys, readonly: true })

const noConnection = (command: Command<unknown>): Reason =>
  new ClosedError({ message: "the client is closed", outcome: "NotExecuted", command: command.spec.name })

const noKeys = new OptionsError({
  message: "watch needs at least one key, got none",
  outcome: "NotExecuted",
  command: WATCH.name
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: ResolvedOptions,
  dispatcher: Dispatcher
): Effect.fn.Return<DedicatedSessions, never, Connections | Topology | Scope.Scope> {
  const topology = yield* Topology
  const connections = yield* Connections
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  const { statistics } = dispatcher

  const dedicatedConnections = new DedicatedPool(
    connections.lease,
    { max: options.maxDedicatedConnections, idleTimeout: options.dedicatedIdleTimeout },
    clock,
    runFork
  )
  yield* Effect.addFinalizer(() => Effect.sync(() => dedicatedConnections.close()))

  /** A command on a dedicated connection: nobody else waits behind it, and an interruption frees the server. */
  const leased = <A>(
    given: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined,
    keep: LeaseContext["keep"]
  ): Effect.Effect<A, RedisClusterException> => {
    const run = Effect.callback<A, RedisClusterException>((resume) => {
      const command = dispatcher.region.settle(given)
      const request = new DedicatedRequest(
        {
          pool: dedicatedConnections,
          recall,
          owner: dispatcher,
          clientTime: command.settings.timeout ?? options.commandTimeout,
          serverTime: command.spec.blocking?.(command.args) ?? 0,
          keep
        },
        command,
        slot,
        pinned,
        resume as Request["resume"]
      )
      Tracing.join(request)
      dispatcher.dispatch(request)
      return request
    })
    return Tracing.observed(run, () => Tracing.commandCall(given, slot))
  }

  const recall: Unblocker = {
    clock,
    idOf: (connection) => dedicatedConnections.idOf(connection),
    sharedWith: (connection) => connections.get(connection.endpoint),
    patience: options.drainTimeout
  }

  const sessionContext: SessionContext = {
    topology,
    slotOf,
    deadlineOf: (command) => dispatcher.deadlineOf(command),
    now: () => monotonicMillis(clock),
    timeoutOf: (command) => dispatcher.timeoutOf(command),
    statistics,
    timeout: options.commandTimeout,
    recall,
    region: dispatcher.region,
    mapAddress: options.mapAddress
  }

  /** A session that begins with a command, and what becomes of its connection when the scope ends. */
  const session = (
    first: Command<unknown>,
    slot: number,
    pinned: ClusterNode | undefined,
    purpose: (asked: boolean) => Purpose,
    end: (session: DedicatedSession) => Effect.Effect<void>
  ): Effect.Effect<DedicatedSession, RedisClusterException, Scope.Scope> =>
    Effect.suspend(() => {
      let opened: DedicatedSession | undefined
      const begin = leased(first, slot, pinned, (connection, asked) => {
        opened = new DedicatedSession(connection, purpose(asked), sessionContext)
      })
      // In place before the connection is there: an interruption in between must not lose it.
      return Effect.addFinalizer(() => opened === undefined ? Effect.void : end(opened)).pipe(
        Effect.andThen(begin),
        Effect.flatMap(() => opened === undefined ? statistics.refuse(noConnection(first)) : Effect.succeed(opened))
      )
    })

  const dedicated = (where: Argument | Endpoint): Effect.Effect<DedicatedSession, RedisClusterException, Scope.Scope> =>
    Effect.suspend(() => {
      const open = (slot: number, pinned: ClusterNode | undefined) =>
        session(ping, slot, pinned, () => ({ _tag: "own" }), (session) => {
          session.end()
          return session.connection.close(options.drainTimeout)
        })
      if (typeof where === "string" || where instanceof Uint8Array) return open(HashSlot.ofKey(where), undefined)
      const node = nodeAt(topology.current(), where)
      return Result.isSuccess(node) ? open(keyless, node.success) : statistics.refuse(node.failure)
    })

  /** Clean for the next one: nothing is watched on it, and no reply is due. */
  const endWatch = (session: DedicatedSession): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { connection } = session
      session.end()
      const unwatched = session.isWatching && connection.state === "ready" && connection.depth === 0
        ? Effect.map(Effect.result(query(connection, unwatch, options.drainTimeout)), (reply) =>
          Result.isSuccess(reply) && reply.success === "OK")
        : Effect.succeed(!session.isWatching)
      return Effect.map(unwatched, (isClean) =>
        isClean
          ? dedicatedConnections.release(connection)
          : connection.closeNow({ kind: "closed", message: "the watched keys are not needed any more" }))
    })

  const watch = (keys: ReadonlyArray<Argument>): Effect.Effect<DedicatedSession, RedisClusterException, Scope.Scope> =>
    Effect.suspend(() => {
      const command = new Command<unknown>(WATCH, keys, (reply) => reply)
      const slot = keys.length === 0 ? noKeys : slotOf(command)
      return typeof slot === "number"
        ? session(command, slot, undefined, (asking) => ({ _tag: "watch", slot, asking }), endWatch)
        : statistics.refuse(slot)
    })

  return {
    execute: (command, slot, pinned) => leased(command, slot, pinned, undefined),
    dedicated,
    watch
  }
})
