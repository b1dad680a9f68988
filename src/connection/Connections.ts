/** The connections of a client: one per node for commands, each with its own queue, bounds and reconnects. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { mayBeSame } from "../cluster/ClusterNode.ts"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { Listeners } from "../internal/Listeners.ts"
import type { Reply } from "../protocol/Reply.ts"
import { Connection, type ConnectionHooks, type ConnectionState } from "./Connection.ts"
import { LoggedConnection } from "./LoggedConnection.ts"
import { NodeStatistics } from "./NodeStatistics.ts"
import type { LinkFailure } from "./Outgoing.ts"
import { PushConnection, type PushHooks } from "./PushConnection.ts"
import { ping, query, question } from "./Query.ts"
import * as Rotation from "./Rotation.ts"
import { listed, type Visit } from "./WaitingCommands.ts"
import type { Wire } from "./Wire.ts"

/** An endpoint to connect to, with what is known about its node. */
export interface ConnectionTarget extends Endpoint {
  /** The node id, where it is known: a node with another id is refused. */
  readonly id?: string | undefined
  /** `host:port`, if the caller has it at hand. */
  readonly address?: string | undefined
}

/**
 * The use of a shared connection.
 *
 * - `commands`: all commands to the node as the owner of its slots
 * - `replicaReads`: reads that may be stale; the handshake sends READONLY. Such reads have a connection apart, because
 *   on it a primary that became a replica would silently serve stale values to commands that need fresh ones.
 */
export type ConnectionUse = "commands" | "replicaReads"

/** The network of a client, as a service. Another layer in its place runs the client without sockets. */
export class Connections extends Context.Service<Connections, {
  /** The shared connection to an endpoint for a use (default: `commands`). It is dialled when it is first used. */
  readonly get: (target: ConnectionTarget, use?: ConnectionUse) => Connection
  /** The shared connections at this moment. */
  readonly all: () => ReadonlyArray<Connection>
  /** The counters of each node, by address. */
  readonly statistics: () => ReadonlyMap<string, NodeStatistics>
  /** A connection that only the caller uses, closed with the scope. */
  readonly open: (target: ConnectionTarget) => Effect.Effect<Connection, never, Scope.Scope>
  /**
   * A dedicated connection, which keeps the state that its user gives it. It is never dialled again: when its socket
   * is lost, it is closed. The caller has to close it; the end of the client closes it too.
   */
  readonly lease: (
    target: ConnectionTarget,
    onState: (connection: Connection, state: ConnectionState) => void
  ) => Connection
  /**
   * A connection on which the server sends pushes. The caller has to close it. With `tracking`, the arguments of CLIENT
   * TRACKING, each of its sockets asks for reports of changed keys before it is ready.
   */
  readonly push: (
    target: ConnectionTarget,
    hooks: PushHooks,
    tracking?: ReadonlyArray<string>
  ) => PushConnection
  /** Drains and closes the shared connections to all other addresses, and to nodes that have left their address. */
  readonly retain: (nodes: ReadonlyMap<string, ConnectionTarget>) => void
  /** Calls `listener` whenever a shared connection changes its state. The result removes the listener. */
  readonly onState: (listener: (connection: Connection, state: ConnectionState) => void) => () => void
  /**
   * Calls `listener` when a shared connection is silent although one of its commands may take longer than a silence may
   * last. The result removes the listener.
   */
  readonly onSilent: (listener: (connection: Connection) => void) => () => void
  /** Calls `listener` with each push on a shared connection, and with the stream that brought it. The result removes the listener. */
  readonly onPush: (
    listener: (push: ReadonlyArray<Reply>, wire: Wire, connection: Connection) => void
  ) => () => void
  /** Calls `listener` whenever open connections log in again, with new credentials. The result removes the listener. */
  readonly onRotated: (listener: () => void) => () => void
  /**
   * Calls `listener` with the reason when the stream of credentials has failed: once until the stream brings
   * credentials again. The result removes the listener.
   */
  readonly onCredentialsFailed: (listener: (reason: string) => void) => () => void
}>()("effect-redis-cluster/connection/Connections") {}

const clientClosed: LinkFailure = { kind: "closed", message: "the client is closed" }

/** A replica gets a PING after so many milliseconds of silence while replies are due. */
const replicaPingAfter = 250

/**
 * The options of a connection for reads from replicas, which is given up earlier: the reads that a silent replica
 * holds can be sent to another node as long as half of their time is left.
 */
const forReplicaReads = (options: ResolvedOptions): ResolvedOptions => {
  const patience = Math.min(options.pingAfter + options.pingTimeout, options.commandTimeout / 2)
  const pingAfter = Math.min(options.pingAfter, replicaPingAfter, patience / 2)
  return { ...options, pingAfter, pingTimeout: patience - pingAfter }
}

/** The arguments of CLIENT TRACKING for all changes of keys with one of these prefixes, read or not. */
export const broadcast = (prefixes: ReadonlyArray<string>): ReadonlyArray<string> => [
  "ON",
  "BCAST",
  ...prefixes.flatMap((prefix) => ["PREFIX", prefix])
]

/** The arguments of CLIENT TRACKING, where the options ask for a cache. */
const trackingOf = ({ cache }: ResolvedOptions): ReadonlyArray<string> | undefined =>
  cache === undefined
    ? undefined
    : cache.prefixes.length === 0
    ? ["ON", "OPTIN"]
    : broadcast(cache.prefixes)

/** The network of one client: see `Connections`. */
class LiveConnections {
  private readonly options: ResolvedOptions
  private readonly optionsFor: Record<ConnectionUse, ResolvedOptions>
  private readonly clock: Clock.Clock
  private readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private readonly shared: Record<ConnectionUse, Map<string, Connection>> = {
    commands: new Map(),
    replicaReads: new Map()
  }
  private readonly leased = new Set<Connection>()
  private readonly pushed = new Set<PushConnection>()
  private readonly closing = new Set<Connection>()
  private readonly counted = new Map<string, NodeStatistics>()
  private readonly stateListeners = new Listeners<[connection: Connection, state: ConnectionState]>()
  private readonly silenceListeners = new Listeners<[connection: Connection]>()
  private readonly pushListeners = new Listeners<[push: ReadonlyArray<Reply>, wire: Wire, connection: Connection]>()
  private isClosed = false

  constructor(services: {
    readonly options: ResolvedOptions
    readonly clock: Clock.Clock
    readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  }) {
    this.options = services.options
    this.optionsFor = { commands: services.options, replicaReads: forReplicaReads(services.options) }
    this.clock = services.clock
    this.runFork = services.runFork
  }

  readonly onState = this.stateListeners.add
  readonly onSilent = this.silenceListeners.add
  readonly onPush = this.pushListeners.add

  /** All open connections: they log in again when there are new credentials. */
  get live(): ReadonlyArray<Rotation.Rotating> {
    return [...this.all(), ...this.leased, ...this.pushed]
  }

  readonly all = (): ReadonlyArray<Connection> => [
    ...this.shared.commands.values(),
    ...this.shared.replicaReads.values()
  ]

  readonly statistics = (): ReadonlyMap<string, NodeStatistics> => this.counted

  readonly get = (target: ConnectionTarget, use: ConnectionUse = "commands"): Connection => {
    const address = target.address ?? addressOf(target)
    const shared = use === "commands" ? this.shared.commands : this.shared.replicaReads
    const known = shared.get(address)
    if (known !== undefined) return known
    const connection = this.connect(target, this.sharedHooks, this.statisticsOf(target), use)
    if (this.isClosed) connection.closeNow(clientClosed)
    else shared.set(address, connection)
    return connection
  }

  readonly open = (target: ConnectionTarget): Effect.Effect<Connection, never, Scope.Scope> =>
    Effect.acquireRelease(
      // Connections that `open` makes ask for the topology, under whatever name the program gave the node.
      Effect.sync(() => this.connect(target, { onState: () => {}, onPush: () => {} }, new NodeStatistics())),
      // The caller has its reply by now, or does not wait for one any more.
      (connection) => connection.close(0)
    )

  readonly lease = (target: ConnectionTarget, onState: ConnectionHooks["onState"]): Connection => {
    const connection = this.connect(target, this.ownHooks(onState), this.statisticsOf(target))
    this.leased.add(connection)
    if (this.isClosed) connection.closeNow(clientClosed)
    return connection
  }

  readonly push = (
    target: ConnectionTarget,
    hooks: PushHooks,
    tracking?: ReadonlyArray<string>
  ): PushConnection => {
    const { clock, options, pushed, runFork } = this
    const publish = (mark: string) => query(this.get(target), question("SPUBLISH", mark, ""), options.commandTimeout)
    const connection = new PushConnection(
      { host: target.host, port: target.port },
      options,
      hooks,
      { clock, runFork, publish, onClosed: (connection) => pushed.delete(connection) },
      // Without READONLY a replica of Redis 8.0 accepts SSUBSCRIBE, and redirects SUNSUBSCRIBE.
      { expectedId: target.id ?? "", readonly: "ifAllowed", tracking }
    )
    pushed.add(connection)
    return connection
  }

  readonly retain = (nodes: ReadonlyMap<string, ConnectionTarget>): void => {
    for (const address of this.counted.keys()) if (!nodes.has(address)) this.counted.delete(address)
    for (const connections of [this.shared.commands, this.shared.replicaReads]) {
      for (const [address, connection] of connections) {
        const node = nodes.get(address)
        const id = node?.id ?? ""
        if (node !== undefined && mayBeSame(connection.expectedId, id)) {
          // Only a redirect or the list of startup nodes had named this node until now.
          if (id !== "" && connection.expectedId === "") connection.expect(id)
          continue
        }
        connections.delete(address)
        this.dismiss(connection)
      }
    }
  }

  /** Visits the commands on all connections. */
  readonly visitWaiting = (visit: Visit): void => {
    for (const connection of [...this.all(), ...this.closing, ...this.leased]) connection.visitWaiting(visit)
  }

  /** Drains and closes all connections. A connection that is asked for later is closed from the start. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.isClosed = true
    return Effect.forEach(
      [...this.all(), ...this.closing, ...this.leased],
      (connection) => connection.close(this.options.drainTimeout),
      { concurrency: "unbounded", discard: true }
    )
  })

  private readonly sharedHooks: ConnectionHooks = {
    onState: (connection, state) => this.stateListeners.tell(connection, state),
    onSilent: (connection) => this.silenceListeners.tell(connection),
    onPush: (connection, push, wire) => this.pushListeners.tell(push, wire, connection)
  }

  /**
   * The hooks of a dedicated connection: it closes with its socket, because a second socket would not have the state
   * of the first.
   */
  private ownHooks(onState: ConnectionHooks["onState"]): ConnectionHooks {
    let isAlive = false
    return {
      isOwn: true,
      onState: (connection, state) => {
        if (state === "closed") this.leased.delete(connection)
        const isOver = state === "down" || (state === "connecting" && isAlive)
        if (isOver) return connection.closeNow(connection.lastFailure ?? { kind: "connection", message: "lost" })
        if (state === "ready") isAlive = true
        onState(connection, state)
      },
      onPush: () => {},
      inquire: ({ endpoint }) => {
        const shared = this.get(endpoint)
        return Effect.map(
          Effect.result(query(shared, ping, this.options.pingTimeout)),
          (result) => Result.isSuccess(result) || shared.mayBeBusy
        )
      }
    }
  }

  private connect(
    { host, id, port }: ConnectionTarget,
    hooks: ConnectionHooks,
    statistics: NodeStatistics,
    use: ConnectionUse = "commands"
  ): Connection {
    const { clock, runFork } = this
    const readonly = use === "replicaReads"
    const isCaching = hooks === this.sharedHooks && !readonly
    const request = { expectedId: id ?? "", readonly, tracking: isCaching ? trackingOf(this.options) : undefined }
    const Kind = this.options.logCommands ? LoggedConnection : Connection
    return new Kind({ host, port }, this.optionsFor[use], hooks, { clock, runFork, statistics }, request)
  }

  private statisticsOf(target: ConnectionTarget): NodeStatistics {
    const address = target.address ?? addressOf(target)
    const known = this.counted.get(address)
    if (known !== undefined) return known
    const statistics = new NodeStatistics()
    this.counted.set(address, statistics)
    return statistics
  }

  /** Closes the connection to a node that has left. */
  private dismiss(connection: Connection): void {
    this.closing.add(connection)
    const message = `the node at ${connection.address} has left the cluster`
    const leaving = connection.leave(message, this.options.drainTimeout)
    this.runFork(Effect.ensuring(leaving, Effect.sync(() => this.closing.delete(connection))))
  }
}

/**
 * Connections over `node:net` and `node:tls`, or over the streams of the `stream` option. Closing the scope drains
 * and closes all of them.
 */
export const make = Effect.fnUntraced(function*(given: ResolvedOptions) {
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  const onRotated = new Listeners<[]>()
  const onCredentialsFailed = new Listeners<[reason: string]>()
  let connections: LiveConnections | undefined
  const options = yield* Rotation.follow(given, () => connections?.live ?? [], {
    onRotated: () => onRotated.tell(),
    onOutage: (reason) => onCredentialsFailed.tell(reason)
  })
  const live = connections = new LiveConnections({ options, clock, runFork })
  yield* Effect.addFinalizer(() => live.close)
  yield* listed(live)
  return Connections.of({
    get: live.get,
    all: live.all,
    statistics: live.statistics,
    open: live.open,
    lease: live.lease,
    push: live.push,
    retain: live.retain,
    onState: live.onState,
    onSilent: live.onSilent,
    onPush: live.onPush,
    onRotated: onRotated.add,
    onCredentialsFailed: onCredentialsFailed.add
  })
})

export const layer = (options: ResolvedOptions): Layer.Layer<Connections> => Layer.effect(Connections, make(options))
