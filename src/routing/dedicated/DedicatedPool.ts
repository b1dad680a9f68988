/**
 * Connections beside the shared ones, each for one user at a time: for commands that the server may hold back, and for
 * what needs the state of a connection.
 *
 * There are at most so many per node; whoever comes when all are in use waits for one, in order, until a deadline. One
 * that is given back clean serves the next, and is closed when nobody came for a while.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { addressOf } from "../../cluster/Endpoint.ts"
import type { Connection, ConnectionState } from "../../connection/Connection.ts"
import type { ConnectionTarget } from "../../connection/Connections.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { query, question } from "../../connection/Query.ts"
import { Alarm } from "../../internal/Alarm.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"

/**
 * Someone who wants a connection. Exactly one of the three callbacks is called, once, unless it withdraws first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Applicant {
  /** Until when it waits, in monotonic milliseconds. */
  readonly deadline: number
  /** The connection is ready and nobody else's. */
  onGranted(connection: Connection): void
  /** None could be made. */
  onRefused(connection: Connection | undefined, failure: LinkFailure): void
  /** All of them were in use until the deadline, or none was ready. */
  onExpired(address: string, inUse: number): void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface DedicatedLimits {
  /** How many there may be per node. */
  readonly max: number
  /** How long one may be unused, in milliseconds. */
  readonly idleTimeout: number
}

interface Idle {
  readonly connection: Connection
  readonly since: number
}

/** Those of one node. */
interface NodePool {
  /** As it was last asked for: another node may have its address by now. */
  target: ConnectionTarget
  readonly address: string
  /** All that there are: opening, in use, idle. */
  total: number
  opening: number
  /** The one that was used last at the end. */
  idle: Array<Idle>
  readonly applicants: Set<Applicant>
}

const clientId = question("CLIENT ID")
/** How long the server may take to tell the id of a new connection, in milliseconds. */
const introduction = 2000

const ended: LinkFailure = { kind: "closed", message: "the dedicated connection is not needed any more" }
const mute: LinkFailure = { kind: "connection", message: "a new connection was not answered in time" }
const closed: LinkFailure = { kind: "closed", message: "the client is closed" }

/**
 * @category models
 * @since 0.1.0
 */
export class DedicatedPool {
  private readonly pools = new Map<string, NodePool>()
  private readonly alarm: Alarm
  private readonly ids = new WeakMap<Connection, number>()
  private isClosed = false
  private readonly lease: (
    target: ConnectionTarget,
    onState: (connection: Connection, state: ConnectionState) => void
  ) => Connection
  private readonly limits: DedicatedLimits
  private readonly clock: Clock.Clock
  private readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>

  constructor(
    lease: DedicatedPool["lease"],
    limits: DedicatedLimits,
    clock: Clock.Clock,
    runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  ) {
    this.lease = lease
    this.limits = limits
    this.clock = clock
    this.runFork = runFork
    this.alarm = new Alarm(clock, runFork, () => this.ring())
  }

  /** Asks for a connection to a node. */
  acquire(target: ConnectionTarget, applicant: Applicant): void {
    if (this.isClosed) return applicant.onRefused(undefined, closed)
    const pool = this.poolOf(target)
    const idle = pool.idle.pop()
    if (idle !== undefined) return applicant.onGranted(idle.connection)
    pool.applicants.add(applicant)
    this.alarm.set(applicant.deadline)
    this.openFor(pool)
  }

  /** The applicant does not wait any more. */
  withdraw(applicant: Applicant): void {
    for (const pool of this.pools.values()) pool.applicants.delete(applicant)
  }

  /** Gives a connection back. One that still owes a reply is closed: nobody else may get that. */
  release(connection: Connection): void {
    if (connection.state === "closed") return
    const pool = this.pools.get(connection.address)
    if (pool === undefined || this.isClosed || connection.state !== "ready" || connection.depth > 0) {
      return connection.closeNow(ended)
    }
    this.offer(pool, connection)
  }

  /** What the server calls a connection; `undefined` when it did not say. */
  idOf(connection: Connection): number | undefined {
    return this.ids.get(connection)
  }

  /** Turns those who wait away and closes what is idle. */
  close(): void {
    this.isClosed = true
    this.alarm.clear()
    for (const pool of this.pools.values()) {
      const applicants = [...pool.applicants]
      pool.applicants.clear()
      for (const applicant of applicants) applicant.onRefused(undefined, closed)
      for (const { connection } of pool.idle.splice(0)) connection.closeNow(closed)
    }
  }

  private poolOf(target: ConnectionTarget): NodePool {
    const address = target.address ?? addressOf(target)
    const known = this.pools.get(address)
    if (known !== undefined) {
      known.target = target
      return known
    }
    const pool: NodePool = { target, address, total: 0, opening: 0, idle: [], applicants: new Set() }
    this.pools.set(address, pool)
    return pool
  }

  private openFor(pool: NodePool): void {
    while (!this.isClosed && pool.opening < pool.applicants.size && pool.total < this.limits.max) this.open(pool)
  }

  private open(pool: NodePool): void {
    let isOpening = true
    pool.total++
    pool.opening++
    const opened = (): void => {
      if (!isOpening) return
      isOpening = false
      pool.opening--
    }
    const connection = this.lease(pool.target, (connection, state) => {
      if (state === "ready") {
        this.introduce(connection, () => {
          opened()
          this.offer(pool, connection)
        })
      } else if (state === "closed") {
        pool.total--
        const failed = isOpening
        opened()
        this.ended(pool, connection, failed)
      }
    })
    connection.connect()
  }

  /** Asks for the id, by which a command can be called back later. It serves without one, too. */
  private introduce(connection: Connection, ready: () => void): void {
    this.runFork(
      Effect.map(Effect.result(query(connection, clientId, introduction)), (reply) => {
        if (connection.state !== "ready") return
        if (reply._tag === "Success" && typeof reply.success === "number") this.ids.set(connection, reply.success)
        if (connection.depth > 0) connection.closeNow(mute)
        else ready()
      })
    )
  }

  private ended(pool: NodePool, connection: Connection, failed: boolean): void {
    pool.idle = pool.idle.filter((idle) => idle.connection !== connection)
    const applicant = failed ? this.next(pool) : undefined
    applicant?.onRefused(connection, connection.lastFailure ?? ended)
    this.openFor(pool)
    if (pool.total === 0 && pool.applicants.size === 0) this.pools.delete(pool.address)
  }

  /** The connection is ready and free. */
  private offer(pool: NodePool, connection: Connection): void {
    const applicant = this.next(pool)
    if (applicant !== undefined) return applicant.onGranted(connection)
    const since = monotonicMillis(this.clock)
    pool.idle.push({ connection, since })
    this.alarm.set(since + this.limits.idleTimeout)
  }

  private next(pool: NodePool): Applicant | undefined {
    for (const applicant of pool.applicants) {
      pool.applicants.delete(applicant)
      return applicant
    }
    return undefined
  }

  private ring(): void {
    const now = monotonicMillis(this.clock)
    let next = Number.POSITIVE_INFINITY
    for (const pool of [...this.pools.values()]) {
      for (const applicant of [...pool.applicants]) {
        if (applicant.deadline > now) {
          next = Math.min(next, applicant.deadline)
        } else if (pool.applicants.delete(applicant)) {
          applicant.onExpired(pool.address, pool.total - pool.opening - pool.idle.length)
        }
      }
      const unused = pool.idle.filter(({ since }) => since + this.limits.idleTimeout <= now)
      for (const { connection } of unused) connection.closeNow(ended)
      if (pool.idle.length > 0) next = Math.min(next, pool.idle[0].since + this.limits.idleTimeout)
    }
    this.alarm.set(next)
  }
}
