/**
 * Dedicated connections for callers: for one blocking command, for watched keys, for commands that need the state of a
 * connection.
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
import type { Connection } from "../../connection/Connection.ts"
import { Connections } from "../../connection/Connections.ts"
import { query, question } from "../../connection/Query.ts"
import { listed } from "../../connection/WaitingCommands.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import { type ErrorKind, kindOf } from "../../protocol/ErrorKind.ts"
import { type Argument, type Reply, ServerError } from "../../protocol/Reply.ts"
import { ClosedError, OptionsError, type Reason, type RedisClusterException } from "../../RedisClusterException.ts"
import { nodeAt, Topology } from "../../topology/Topology.ts"
import { keyless, slotOf } from "../CommandSlot.ts"
import { invalid } from "../Rejections.ts"
import type { Dispatcher } from "../request/Dispatcher.ts"
import type { Request } from "../request/Request.ts"
import * as Tracing from "../request/Tracing.ts"
import { DedicatedPool } from "./DedicatedPool.ts"
import { DedicatedRequest, type DedicatedRequestContext } from "./DedicatedRequest.ts"
import { type DedicatedConnection, DedicatedSession, type Purpose, type SessionContext } from "./DedicatedSession.ts"
import { Unblocker } from "./Unblocker.ts"

const PING = new Command<unknown>(new CommandSpec("PING", { readonly: true }), [], (reply) => reply)
const UNWATCH = question("UNWATCH")
const WATCH = new CommandSpec("WATCH", { keys: allKeys, readonly: true })

/** Whether an error is about PING only, and not about the state of the node. */
const concernsPing = (kind: ErrorKind): boolean => kind === "noPermission" || kind === "busy"

/**
 * The PING at the start of a session, which shows that the connection works. Its refusal to a user without the right
 * to PING shows that as well.
 */
class OpeningPing extends DedicatedRequest {
  override onReply(reply: Reply): void {
    super.onReply(reply instanceof ServerError && concernsPing(kindOf(reply)) ? "PONG" : reply)
  }
}

/** The first command of a session. */
interface Opening {
  readonly make: new(...args: ConstructorParameters<typeof DedicatedRequest>) => DedicatedRequest
  readonly command: Command<unknown>
  readonly slot: number
  readonly pinned: ClusterNode | undefined
  /**
   * The purpose of the session. With `asking` the command was sent behind ASKING, and so has to be every other command
   * of the session.
   */
  readonly purpose: (asking: boolean) => Purpose
}

const noConnection = (command: Command<unknown>, message: string): Reason =>
  new ClosedError({ message, outcome: "NotExecuted", command: command.spec.name })

const noKeys = new OptionsError({
  message: "watch needs at least one key, got none",
  outcome: "NotExecuted",
  command: WATCH.name
})

export class DedicatedSessions {
  private readonly pool: DedicatedPool
  private readonly clock: Clock.Clock
  private readonly options: ResolvedOptions
  private readonly dispatcher: Dispatcher
  private readonly topology: Topology["Service"]
  private readonly unblocker: Unblocker
  private readonly sessionContext: SessionContext

  constructor(
    pool: DedicatedPool,
    connections: Connections["Service"],
    topology: Topology["Service"],
    dispatcher: Dispatcher,
    clock: Clock.Clock,
    options: ResolvedOptions
  ) {
    this.pool = pool
    this.clock = clock
    this.options = options
    this.dispatcher = dispatcher
    this.topology = topology
    this.unblocker = new Unblocker(
      clock,
      (connection) => pool.idOf(connection),
      ({ endpoint }) => connections.get(endpoint),
      options.drainTimeout
    )
    this.sessionContext = {
      topology,
      slotOf,
      deadlineOf: (command) => dispatcher.deadlineOf(command),
      now: () => monotonicMillis(clock),
      timeoutOf: (command) => dispatcher.timeoutOf(command),
      statistics: dispatcher.statistics,
      timeout: options.commandTimeout,
      unblocker: this.unblocker,
      region: dispatcher.region,
      attributes: dispatcher.attributes,
      mapAddress: options.mapAddress
    }
  }

  /**
   * Runs one command on a connection where no other command waits behind it. Interruption makes the server release the
   * command.
   */
  execute<A>(
    command: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined
  ): Effect.Effect<A, RedisClusterException> {
    return this.run(DedicatedRequest, command, slot, pinned, undefined)
  }

  /** A dedicated connection to the owner of a key's slot, or to a node, closed with the scope. */
  readonly dedicated = (
    where: Argument | Endpoint
  ): Effect.Effect<DedicatedConnection, RedisClusterException, Scope.Scope> =>
    Effect.suspend(() => {
      if (typeof where === "string" || where instanceof Uint8Array) {
        return this.openDedicated(HashSlot.ofKey(where), undefined)
      }
      const node = nodeAt(this.topology.current(), where)
      return Result.isSuccess(node)
        ? this.openDedicated(keyless, node.success)
        : this.dispatcher.statistics.refuse(node.failure)
    })

  /** A dedicated connection on which keys are watched, until the scope ends. */
  readonly watch = (
    keys: ReadonlyArray<Argument>
  ): Effect.Effect<DedicatedConnection, RedisClusterException, Scope.Scope> =>
    Effect.suspend(() => {
      const command = new Command<unknown>(WATCH, keys, (reply) => reply)
      const slot = keys.length === 0 ? noKeys : invalid(command) ?? slotOf(command)
      if (typeof slot !== "number") return this.dispatcher.statistics.refuse(slot)
      const purpose = (asking: boolean): Purpose => ({ _tag: "watch", slot, asking })
      return this.open(
        { make: DedicatedRequest, command, slot, pinned: undefined, purpose },
        (session) => this.endWatch(session)
      )
    })

  private openDedicated(slot: number, pinned: ClusterNode | undefined) {
    return this.open(
      { make: OpeningPing, command: PING, slot, pinned, purpose: () => ({ _tag: "dedicated" }) },
      ({ connection }) => connection.close(this.options.drainTimeout)
    )
  }

  /** Begins a session with its first command. When the scope ends, the session ends, and then `release` runs. */
  private open(
    { command, make, pinned, purpose, slot }: Opening,
    releaseSession: (session: DedicatedSession) => Effect.Effect<void>
  ): Effect.Effect<DedicatedSession, RedisClusterException, Scope.Scope> {
    return Effect.suspend(() => {
      let opened: DedicatedSession | undefined
      let hasEnded = false
      const begin = this.run(make, command, slot, pinned, (connection, asking) => {
        opened = new DedicatedSession(connection, purpose(asking), this.sessionContext)
      })
      const release = Effect.suspend(() => {
        const session = opened
        opened = undefined
        session?.end()
        return session === undefined ? Effect.void : releaseSession(session)
      })
      const end = Effect.suspend(() => {
        hasEnded = true
        return release
      })
      const refuse = (message: string) => this.dispatcher.statistics.refuse(noConnection(command, message))
      const unlessEnded = <A>(effect: Effect.Effect<A, RedisClusterException>) =>
        Effect.suspend(() => hasEnded ? refuse("the scope of the dedicated connection has ended") : effect)
      const result = Effect.suspend(() =>
        opened === undefined ? refuse("the client is closed") : Effect.succeed(opened)
      )
      // The finalizer is added before the connection is opened, so that an interruption in between cannot lose the
      // connection. When the scope of another fiber ends while the connection is being opened, nobody else closes it.
      return Effect.addFinalizer(() => end).pipe(
        Effect.andThen(unlessEnded(begin)),
        Effect.andThen(unlessEnded(result)),
        Effect.onError(() => hasEnded ? release : Effect.void)
      )
    })
  }

  private run<A>(
    make: Opening["make"],
    given: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined,
    keep: DedicatedRequestContext["keep"]
  ): Effect.Effect<A, RedisClusterException> {
    const run = Effect.callback<A, RedisClusterException>((resume) => {
      const command = this.dispatcher.region.settle(given)
      const problem = invalid(command)
      if (problem !== undefined) return resume(this.dispatcher.statistics.refuse(problem))
      const context: DedicatedRequestContext = {
        pool: this.pool,
        unblocker: this.unblocker,
        owner: this.dispatcher,
        clock: this.clock,
        clientTime: command.settings.timeout ?? this.options.commandTimeout,
        serverTime: command.blockingTime ?? 0,
        keep
      }
      const request = new make(context, command, slot, pinned, resume as Request["resume"])
      Tracing.join(request)
      this.dispatcher.dispatch(request)
      return request
    })
    return Tracing.observed(run, () => Tracing.commandCall(given, slot))
  }

  /**
   * Ends a session with watched keys: the next caller gets this connection without watched keys and replies due, or a
   * new one.
   */
  private endWatch({ connection }: DedicatedSession): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (connection.state !== "ready" || connection.depth > 0) return this.discard(connection)
      return Effect.flatMap(Effect.result(query(connection, UNWATCH, this.options.drainTimeout)), (reply) => {
        const isClean = Result.isSuccess(reply) && reply.success === "OK"
        return isClean ? Effect.sync(() => this.pool.release(connection)) : this.discard(connection)
      })
    })
  }

  private discard(connection: Connection): Effect.Effect<void> {
    return Effect.sync(() => this.pool.discard(connection))
  }
}

export const make = Effect.fnUntraced(function*(
  options: ResolvedOptions,
  dispatcher: Dispatcher
): Effect.fn.Return<DedicatedSessions, never, Connections | Topology | Scope.Scope> {
  const topology = yield* Topology
  const connections = yield* Connections
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  const pool = new DedicatedPool({
    max: options.maxDedicatedConnections,
    idleTimeout: options.dedicatedIdleTimeout,
    reconnectSchedule: options.reconnectSchedule,
    lease: connections.lease,
    clock,
    runFork
  })
  const stopListening = [
    connections.onState(({ address }, state) => state === "ready" && pool.nodeAnswers(address)),
    topology.onChange(() => pool.retain(topology.current().nodes))
  ]
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const stop of stopListening) stop()
      pool.close()
    })
  )
  yield* listed(pool)
  return new DedicatedSessions(pool, connections, topology, dispatcher, clock, options)
})
