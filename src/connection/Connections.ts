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
import type * as Scope from "effect/Scope"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import { Connection, type ConnectionHooks, type ConnectionState } from "./Connection.ts"
import { addressOf, type Endpoint } from "./Endpoint.ts"

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
 * The network as the rest of the client sees it. Provide another layer to run the client without one.
 *
 * @category services
 * @since 0.1.0
 */
export class Connections extends Context.Service<Connections, {
  /** The shared connection to an endpoint; made, and dialled, when it is first asked for. */
  readonly get: (target: ConnectionTarget) => Connection
  /** The shared connections there are now. */
  readonly all: () => ReadonlyArray<Connection>
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
  /** Drains and closes the shared connections to all other addresses, and to nodes that gave their address up. */
  readonly retain: (nodes: ReadonlyMap<string, ConnectionTarget>) => void
  /** Calls back whenever a shared connection changes its state. Returns how to stop that. */
  readonly onState: (listener: (connection: Connection, state: ConnectionState) => void) => () => void
}>()("effect-redis-cluster/connection/Connections") {}

/** An id is unknown while a node is known from a redirect or as a seed only. */
const sameNode = (one: string, other: string): boolean => one === "" || other === "" || one === other

/**
 * Connections over `node:net` and `node:tls`, or over the streams of the `stream` option. Closing the scope drains
 * and closes all of them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: ResolvedOptions) {
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  const open = new Map<string, Connection>()
  const closing = new Set<Connection>()
  const listeners = new Set<(connection: Connection, state: ConnectionState) => void>()
  const hooks = {
    onState: (connection: Connection, state: ConnectionState) => {
      for (const listener of listeners) listener(connection, state)
    },
    onPush: () => {}
  }

  const ownHooks: ConnectionHooks = { onState: () => {}, onPush: () => {} }

  const connect = (target: ConnectionTarget, events: ConnectionHooks): Connection =>
    new Connection({ host: target.host, port: target.port }, options, events, { clock, runFork }, {
      expectedId: target.id ?? "",
      readonly: false
    })

  const leased = new Set<Connection>()
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
      onPush: () => {}
    }
  }

  const dismiss = (connection: Connection): void => {
    closing.add(connection)
    runFork(Effect.ensuring(connection.close(options.drainTimeout), Effect.sync(() => closing.delete(connection))))
  }

  yield* Effect.addFinalizer(() =>
    Effect.forEach([...open.values(), ...closing, ...leased], (connection) => connection.close(options.drainTimeout), {
      concurrency: "unbounded",
      discard: true
    })
  )

  let closed = false
  yield* Effect.addFinalizer(() => Effect.sync(() => (closed = true)))

  return Connections.of({
    get: (target) => {
      const address = target.address ?? addressOf(target)
      const known = open.get(address)
      if (known !== undefined) return known
      const connection = connect(target, hooks)
      if (closed) connection.closeNow({ kind: "closed", message: "the client is closed" })
      else open.set(address, connection)
      return connection
    },
    all: () => [...open.values()],
    open: (target) =>
      Effect.acquireRelease(
        Effect.sync(() => connect(target, ownHooks)),
        (connection) => connection.close(options.drainTimeout)
      ),
    lease: (target, onState) => {
      const connection = connect(target, once(onState))
      leased.add(connection)
      if (closed) connection.closeNow({ kind: "closed", message: "the client is closed" })
      return connection
    },
    retain: (nodes) => {
      for (const [address, connection] of open) {
        const node = nodes.get(address)
        const id = node?.id ?? ""
        if (node !== undefined && sameNode(connection.expectedId, id)) {
          // Known from a redirect or as a seed until now.
          if (id !== "" && connection.expectedId === "") connection.expect(id)
          continue
        }
        open.delete(address)
        dismiss(connection)
      }
    },
    onState: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ResolvedOptions): Layer.Layer<Connections> => Layer.effect(Connections, make(options))
