/**
 * Connections beside the shared ones, each for one caller at a time: for commands that the server may hold back, and for
 * commands that need the state of a connection.
 *
 * Each node has its own pool of at most `max` connections. A connection that is given back clean serves the next caller,
 * and is closed when nobody needed it for a while.
 */
import { addressOf } from "../../cluster/Endpoint.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { ConnectionTarget } from "../../connection/Connections.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import type { Visit } from "../../connection/WaitingCommands.ts"
import { Alarm } from "../../internal/Alarm.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import { type ConnectionWaiter, NodePool, type PoolSettings } from "./NodePool.ts"

const closed: LinkFailure = { kind: "closed", message: "the client is closed" }
const unclean: LinkFailure = { kind: "closed", message: "the dedicated connection cannot serve another caller" }

export class DedicatedPool {
  private readonly settings: PoolSettings
  private readonly pools = new Map<string, NodePool>()
  private readonly alarm: Alarm
  private readonly ids = new WeakMap<Connection, number>()
  private isClosed = false

  constructor(settings: Omit<PoolSettings, "identified" | "lookAt">) {
    this.alarm = new Alarm(settings.clock, settings.runFork, () => this.inspect())
    this.settings = {
      ...settings,
      identified: (connection, id) => this.ids.set(connection, id),
      lookAt: (time) => this.alarm.set(time)
    }
  }

  /** Asks for a connection to a node. */
  acquire(target: ConnectionTarget, waiter: ConnectionWaiter): void {
    if (this.isClosed) return waiter.onUnavailable(undefined, closed)
    const address = target.address ?? addressOf(target)
    let pool = this.pools.get(address)
    if (pool === undefined) {
      pool = new NodePool(address, target, this.settings)
      this.pools.set(address, pool)
    }
    pool.acquire(target, waiter)
  }

  /** Visits the callers that wait for a connection. */
  visitWaiting(visit: Visit): void {
    for (const pool of this.pools.values()) pool.visitWaiting(visit)
  }

  /** Removes a caller that does not wait any more. */
  withdraw(waiter: ConnectionWaiter): void {
    for (const pool of this.pools.values()) pool.withdraw(waiter)
  }

  /**
   * Gives a connection back. A connection with a reply that is due is closed, because the next caller must not get
   * that reply.
   */
  release(connection: Connection): void {
    if (connection.state === "closed") return
    const pool = this.pools.get(connection.address)
    if (pool === undefined || this.isClosed || connection.state !== "ready" || connection.depth > 0) {
      return this.discard(connection)
    }
    pool.release(connection)
  }

  /** Gives a connection back that cannot serve another caller. */
  discard(connection: Connection): void {
    connection.closeNow(unclean)
  }

  /** The id that the server gave a connection; `undefined` when the server did not report it. */
  idOf(connection: Connection): number | undefined {
    return this.ids.get(connection)
  }

  /** Notes that the shared connection to a node has just been made. */
  nodeAnswers(address: string): void {
    this.pools.get(address)?.nodeAnswers()
  }

  /** Forgets the nodes that have left the cluster, once nobody uses a connection to them. */
  retain(nodes: ReadonlyMap<string, unknown>): void {
    for (const [address, pool] of this.pools) if (pool.isEmpty && !nodes.has(address)) this.pools.delete(address)
  }

  /** Rejects the callers that wait, and closes the connections that nobody uses. */
  close(): void {
    this.isClosed = true
    this.alarm.clear()
    for (const pool of this.pools.values()) pool.close(closed)
  }

  private inspect(): void {
    const now = monotonicMillis(this.settings.clock)
    let next = Number.POSITIVE_INFINITY
    for (const pool of [...this.pools.values()]) next = Math.min(next, pool.inspect(now))
    this.alarm.set(next)
  }
}
