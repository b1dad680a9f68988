/**
 * Makes events from the states of the client's parts, and logs the events that matter to operators.
 *
 * Each change of state is one event and one line of the log, however often the client dials a node that is down.
 */
import * as Effect from "effect/Effect"
import type { Connection, ConnectionState } from "../connection/Connection.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { Snapshot } from "../topology/Snapshot.ts"
import { between, type ClientEvent } from "./ClientEvent.ts"

/** Finds nodes that went down or came up from the states of their connections. */
export class NodeStates {
  private readonly states = new Map<string, "up" | "down">()

  /** The event for a new state of a connection; most states make none. */
  observe({ address, lastFailure }: Connection, state: ConnectionState): ClientEvent | undefined {
    const known = this.states.get(address)
    switch (state) {
      case "down":
        if (known === "down") return undefined
        this.states.set(address, "down")
        return { _tag: "NodeDown", node: address, reason: lastFailure?.message ?? "no connection" }
      case "ready":
        if (known === "up") return undefined
        this.states.set(address, "up")
        return { _tag: "NodeUp", node: address, recovered: known === "down" }
      default:
        return undefined
    }
  }

  /** Forgets the nodes that are not part of the cluster. */
  retain(nodes: ReadonlyMap<string, unknown>): void {
    for (const address of this.states.keys()) if (!nodes.has(address)) this.states.delete(address)
  }
}

/** Finds the nodes that report changes to the cache, and those that refuse to. */
export class CacheStates {
  /** The connections on which the server reports changes. */
  private readonly armed = new Set<Connection>()
  private readonly refusing = new Set<string>()

  /** The number of nodes that refuse. */
  get refusals(): number {
    return this.refusing.size
  }

  /** The event for a new state of a connection; most states make none. */
  observe(connection: Connection, state: ConnectionState): ClientEvent | undefined {
    const { address, mayReport, trackingRefusal } = connection
    if (state !== "ready") {
      return this.armed.delete(connection) ? { _tag: "CacheFlushed", node: address, reason: "disconnected" } : undefined
    }
    // Connections for reads of replicas neither report nor refuse.
    if (trackingRefusal === undefined) return mayReport ? this.arm(connection) : undefined
    this.armed.delete(connection)
    if (this.refusing.has(address)) return undefined
    this.refusing.add(address)
    return { _tag: "CacheRefused", node: address, reason: trackingRefusal }
  }

  /** The event for a push of a connection; most make none. */
  pushed({ address }: Connection, [kind, keys]: ReadonlyArray<Reply>): ClientEvent | undefined {
    return kind === "invalidate" && !Array.isArray(keys)
      ? { _tag: "CacheFlushed", node: address, reason: "flushed" }
      : undefined
  }

  /** Forgets the nodes that are not part of the cluster. */
  retain(nodes: ReadonlyMap<string, unknown>): void {
    for (const address of this.refusing) if (!nodes.has(address)) this.refusing.delete(address)
  }

  private arm(connection: Connection): ClientEvent {
    this.armed.add(connection)
    this.refusing.delete(connection.address)
    return { _tag: "CacheArmed", node: connection.address }
  }
}

/** Finds the changes of the topology. */
export class TopologyStates {
  private last: Snapshot
  private isFailing = false

  constructor(first: Snapshot) {
    this.last = first
  }

  observe(next: Snapshot): ReadonlyArray<ClientEvent> {
    const previous = this.last
    if (next === previous) return []
    this.last = next
    return between(previous, next)
  }

  /** Whether a refresh has failed for the first time since one succeeded. */
  refreshed(failed: boolean): boolean {
    const isNews = failed && !this.isFailing
    this.isFailing = failed
    return isNews
  }
}

const rangesOf = (slots: ReadonlyArray<{ readonly start: number; readonly end: number }>): string =>
  slots.length > 5
    ? `${slots.reduce((sum, { end, start }) => sum + end - start + 1, 0)} slots`
    : slots.map(({ end, start }) => start === end ? `${start}` : `${start}-${end}`).join(", ")

/** Logs an event. `isNews` says whether an equal event was not logged before. */
export const log = (event: ClientEvent, isNews: boolean): Effect.Effect<void> => {
  switch (event._tag) {
    case "NodeDown":
      return annotated(Effect.logWarning(`node ${event.node} is down`), { node: event.node, reason: event.reason })
    case "NodeUp":
      return annotated(
        event.recovered
          ? Effect.logInfo(`node ${event.node} is up again`)
          : Effect.logDebug(`connected to ${event.node}`),
        { node: event.node }
      )
    case "NodeAdded":
      return annotated(Effect.logInfo(`node ${event.node} joined as a ${event.node.role}`), { node: `${event.node}` })
    case "NodeRemoved":
      return annotated(Effect.logInfo(`node ${event.node} left the cluster`), { node: `${event.node}` })
    case "Promoted":
      return annotated(Effect.logInfo(`${event.node} became the primary in place of ${event.previous}`), {
        node: `${event.node}`
      })
    case "SlotsMoved":
      return annotated(
        Effect.logDebug(
          `slots moved from ${event.from ?? "nobody"} to ${event.to ?? "nobody"}: ${rangesOf(event.slots)}`
        ),
        event.to === undefined ? {} : { node: `${event.to}` }
      )
    case "ClusterReplaced":
      return Effect.logWarning(
        `the nodes ${event.nodes.join(", ")} are of another cluster than ${
          event.previous.join(", ")
        }, and take its place`
      )
    case "Refreshed":
      return Effect.logDebug(`refreshed the topology, version ${event.version}`)
    case "RefreshFailed":
      return annotated(
        isNews ? Effect.logWarning("the topology cannot be refreshed") : Effect.logDebug("the refresh failed again"),
        { reason: event.reason }
      )
    case "MessagesMissed":
      return annotated(Effect.logWarning("subscriptions may have missed messages"), {
        reason: event.reason,
        subscriptions: event.subscriptions
      })
    case "CredentialsRotated":
      return Effect.logDebug("the credentials were rotated")
    case "CacheArmed":
      return annotated(Effect.logDebug(`node ${event.node} reports changes`), { node: event.node })
    case "CacheFlushed":
      return annotated(Effect.logDebug(`dropped what was cached of ${event.node}`), {
        node: event.node,
        reason: event.reason
      })
    case "CacheRefused":
      return annotated(Effect.logWarning(`node ${event.node} does not report changes: nothing of it is cached`), {
        node: event.node,
        reason: event.reason
      })
    // `CredentialsStream` logs this one.
    case "CredentialsFailed":
      return Effect.void
  }
}

const annotated = (line: Effect.Effect<void>, annotations: {
  readonly node?: string
  readonly reason?: string
  readonly subscriptions?: number
}) =>
  Effect.annotateLogs(
    line,
    Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`redis.${name}`, value]))
  )
