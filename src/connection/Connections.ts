/**
 * The connections of a client: one per node for commands, each with its own queue, bounds and reconnects.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { Listeners } from "../internal/Listeners.ts"
import { Connection, type ConnectionHooks, type ConnectionState } from "./Connection.ts"
import { NodeStatistics } from "./NodeStatistics.ts"
import { PushConnection, type PushHooks } from "./PushConnection.ts"
import { query, question } from "./Query.ts"
import * as Rotation from "./Rotation.ts"

/**
 * What the client knows of an endpoint when it asks for a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionTarget extends Endpoint {
  /** The node id, where it is known: another node at this address is refused. */
  readonly id?: string | undefined
  /** `host:port`, by those who have it at hand. */
  readonly address?: string | undefined
}

/**
 * What a shared connection is for.
 *
 * - `commands`: everything that the node is asked as the owner of its slots
 * - `replicaReads`: reads that may be stale; READONLY is part of its set-up. Apart from the other, for a primary that
 *   became a replica would serve on it, silently, what must not be stale.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionUse = "commands" | "replicaReads"

/**
 * The network as the rest of the client sees it. Provide another layer to run the client without one.
 *
 * @category services
 * @since 0.1.0
 */
export class Connections extends Context.Service<Connections, {
  /** The shared connection to an endpoint for a use (`commands` unless said otherwise); dialled when it is first used. */
  readonly get: (target: ConnectionTarget, use?: ConnectionUse) => Connection
  /** The shared connections there are now. */
  readonly all: () => ReadonlyArray<Connection>
  /** What was counted for each node since it was known, by address. */
  readonly statistics: () => ReadonlyMap<string, NodeStatistics>
  /** A connection of one's own to an endpoint, closed with the scope. */
  readonly open: (target: ConnectionTarget) => Effect.Effect<Connection, never, Scope.Scope>
  /**
   * A connection of one's own, with the state that its user gives it: it is never dialled again, but closed when it is
   * lost. Whoever takes it has to close it; the end of the client closes it too.
   */
  readonly lease: (
    target: ConnectionTarget,
    onState: (connection: Connection, state: ConnectionState) => void
  ) => Connection
  /** A connection of one's own on which the server speaks unasked; whoever opens it has to close it. */
  readonly push: (target: ConnectionTarget, hooks: PushHooks) => PushConnection
  /** Drains and closes the shared connections to all other addresses, and to nodes that gave their address up. */
  readonly retain: (nodes: ReadonlyMap<string, ConnectionTarget>) => void
  /** Calls back whenever a shared connection changes its state. Returns how to stop that. */
  readonly onState: (listener: (connection: Connection, state: ConnectionState) => void) => () => void
  /** Calls back whenever open connections are told to log in anew. Returns how to stop that. */
  readonly onRotated: (listener: () => void) => () => void
  /** Calls back, with the reason, when the stream of credentials has failed: once until it brings some again. Returns how to stop that. */
  readonly onCredentialsFailed: (listener: (reason: string) => void) => () => void
}>()("effect-redis-cluster/connection/Connections") {}

const ping = question("PING")

/** With replies due, a replica that has been silent for this long, in milliseconds, is asked whether it is alive. */
const replicaPingAfter = 250

/**
 * A read that a silent replica holds can be answered elsewhere, as long as half of its time is left; nothing is lost with
 * the connection.
 */
const forReplicaReads = (options: ResolvedOptions): ResolvedOptions => {
  const patience = Math.min(options.pingAfter + options.pingTimeout, options.commandTimeout / 2)
  const pingAfter = Math.min(options.pingAfter, replicaPingAfter, patience / 2)
  return { ...options, pingAfter, pingTimeout: patience - pingAfter }
}

/** An id is unknown while a node is known from a redirect or as a seed only. */
const sameNode = (one: string, other: string): boolean => one === "" || other === "" || one === other

/**
 * Connections over `node:net` and `node:tls`, or over the streams of the `stream` option. Closing the scope drains
 * and closes all of them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(given: ResolvedOptions) {
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  const open: Record<ConnectionUse, Map<string, Connection>> = { commands: new Map(), replicaReads: new Map() }
  const leased = new Set<Connection>()
  const pushed = new Set<PushConnection>()
  const allOpen = (): ReadonlyArray<Connection> => [...open.commands.values(), ...open.replicaReads.values()]
  const closing = new Set<Connection>()
  const onState = new Listeners<[connection: Connection, state: ConnectionState]>()
  const onRotated = new Listeners<[]>()
  const onCredentialsFailed = new Listeners<[reason: string]>()
  const options = yield* Rotation.follow(given, () => [...allOpen(), ...leased, ...pushed], {
    onRotated: () => onRotated.tell(),
    onOutage: (reason) => onCredentialsFailed.tell(reason)
  })

  const sharedHooks: ConnectionHooks = {
    onState: (connection, state) => onState.tell(connection, state),
    onPush: () => {}
  }
  const ownHooks: ConnectionHooks = { onState: () => {}, onPush: () => {} }

  const counted = new Map<string, NodeStatistics>()
  const statisticsOf = (target: ConnectionTarget): NodeStatistics => {
    const address = target.address ?? addressOf(target)
    const known = counted.get(address)
    if (known !== undefined) return known
    const statistics = new NodeStatistics()
    counted.set(address, statistics)
    return statistics
  }

  const optionsFor: Record<ConnectionUse, ResolvedOptions> = {
    commands: options,
    replicaReads: forReplicaReads(options)
  }
  const connect = (
    target: ConnectionTarget,
    hooks: ConnectionHooks,
    statistics: NodeStatistics,
    use: ConnectionUse = "commands"
  ): Connection =>
    new Connection(
      { host: target.host, port: target.port },
      optionsFor[use],
      hooks,
      { clock, runFork, statistics },
      { expectedId: target.id ?? "", readonly: use === "replicaReads" }
    )

  /** A second socket would not have the state of the first. */
  const once = (onState: ConnectionHooks["onState"]): ConnectionHooks => {
    let isAlive = false
    return {
      onState: (connection, state) => {
        if (state === "closed") leased.delete(connection)
        const isOver = state === "down" || (state === "connecting" && isAlive)
        if (isOver) return connection.closeNow(connection.lastFailure ?? { kind: "connection", message: "lost" })
        if (state === "ready") isAlive = true
        onState(connection, state)
      },
      onPush: () => {},
      inquire: ({ endpoint }) =>
        Effect.map(Effect.result(query(get(endpoint), ping, options.pingTimeout)), Result.isSuccess)
    }
  }

  const dismiss = (connection: Connection): void => {
    closing.add(connection)
    runFork(Effect.ensuring(connection.close(options.drainTimeout), Effect.sync(() => closing.delete(connection))))
  }

  yield* Effect.addFinalizer(() =>
    Effect.forEach([...allOpen(), ...closing, ...leased], (connection) => connection.close(options.drainTimeout), {
      concurrency: "unbounded",
      discard: true
    })
  )

  let closed = false
  yield* Effect.addFinalizer(() => Effect.sync(() => (closed = true)))

  const get = (target: ConnectionTarget, use: ConnectionUse = "commands"): Connection => {
    const address = target.address ?? addressOf(target)
    const known = open[use].get(address)
    if (known !== undefined) return known
    const connection = connect(target, sharedHooks, statisticsOf(target), use)
    if (closed) connection.closeNow({ kind: "closed", message: "the client is closed" })
    else open[use].set(address, connection)
    return connection
  }

  return Connections.of({
    get,
    all: allOpen,
    statistics: () => counted,
    open: (target) =>
      Effect.acquireRelease(
        // It asks for the topology, under whatever name the node was given.
        Effect.sync(() => connect(target, ownHooks, new NodeStatistics())),
        (connection) => connection.close(options.drainTimeout)
      ),
    lease: (target, onState) => {
      const connection = connect(target, once(onState), statisticsOf(target))
      leased.add(connection)
      if (closed) connection.closeNow({ kind: "closed", message: "the client is closed" })
      return connection
    },
    push: (target, hooks) => {
      const onClosed = (connection: PushConnection) => pushed.delete(connection)
      const publish = (mark: string) => query(get(target), question("SPUBLISH", mark, ""), options.commandTimeout)
      const context = { clock, runFork, onClosed, publish }
      const connection = new PushConnection({ host: target.host, port: target.port }, options, hooks, context, {
        expectedId: target.id ?? "",
        // Without it a replica of Redis 8.0 accepts SSUBSCRIBE, and sends SUNSUBSCRIBE away.
        readonly: "ifAllowed"
      })
      pushed.add(connection)
      return connection
    },
    retain: (nodes) => {
      for (const address of counted.keys()) if (!nodes.has(address)) counted.delete(address)
      for (const connections of [open.commands, open.replicaReads]) {
        for (const [address, connection] of connections) {
          const node = nodes.get(address)
          const id = node?.id ?? ""
          if (node !== undefined && sameNode(connection.expectedId, id)) {
            // Known from a redirect or as a seed until now.
            if (id !== "" && connection.expectedId === "") connection.expect(id)
            continue
          }
          connections.delete(address)
          dismiss(connection)
        }
      }
    },
    onState: onState.add,
    onRotated: onRotated.add,
    onCredentialsFailed: onCredentialsFailed.add
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ResolvedOptions): Layer.Layer<Connections> => Layer.effect(Connections, make(options))
