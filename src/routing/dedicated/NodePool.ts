/**
 * The dedicated connections to one node: those that are being opened, in use and idle, and the callers that wait for one.
 *
 * There is one attempt at a time, on `reconnectSchedule`, as long as the node refuses connections or its state is
 * unknown. Each success doubles the number of attempts side by side, so that the pool of a healthy node fills quickly.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Connection, ConnectionState } from "../../connection/Connection.ts"
import type { ConnectionTarget } from "../../connection/Connections.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { query, question } from "../../connection/Query.ts"
import type { Held, Visit } from "../../connection/WaitingCommands.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import { Redial } from "./Redial.ts"

/** A caller that waits for a connection. The pool calls one of the three methods, once, unless the caller withdraws. */
export interface ConnectionWaiter extends Held {
  /** The deadline of the caller, in monotonic milliseconds. */
  readonly deadline: number
  /** Gives the caller a connection that is ready and that nobody else uses. */
  onConnection(connection: Connection): void
  /** Called when the node cannot be reached now. `attempted` is the connection that failed, if there was one. */
  onUnavailable(attempted: Connection | undefined, failure: LinkFailure): void
  /** Called when the deadline has passed. Others used `inUse` connections, of at most `max`. */
  onExpired(address: string, inUse: number, max: number): void
}

/** The parts that the pools of all nodes share. */
export interface PoolSettings {
  /** The most connections to one node. */
  readonly max: number
  /** The time after which an unused connection is closed, in milliseconds. */
  readonly idleTimeout: number
  readonly reconnectSchedule: ConstructorParameters<typeof Redial>[0]
  /** Opens a connection that is closed when its socket is lost, and not dialled again. */
  readonly lease: (
    target: ConnectionTarget,
    onState: (connection: Connection, state: ConnectionState) => void
  ) => Connection
  readonly clock: Clock.Clock
  readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  /** Remembers the id that the server gave a connection. */
  readonly identified: (connection: Connection, id: number) => void
  /** Asks for a call of `inspect` at this time of the clock. */
  readonly lookAt: (time: number) => void
}

interface IdleConnection {
  readonly connection: Connection
  readonly since: number
}

interface Outage {
  /** The connection that could not be made. */
  readonly attempted: Connection | undefined
  readonly failure: LinkFailure
}

const clientId = question("CLIENT ID")
/** The time in which the server has to report the id of a new connection, in milliseconds. */
const identifyTimeout = 2000

/** A connection that the node ends within this time, in milliseconds, counts as a failed attempt. */
const shortLife = 1000

const unneeded: LinkFailure = { kind: "closed", message: "the dedicated connection is not needed any more" }
const unanswered: LinkFailure = { kind: "connection", message: "a new connection was not answered in time" }
const replaced: LinkFailure = { kind: "closed", message: "another node has this address now" }

/** Whether the server ended the connection. */
const wasLost = ({ lastFailure }: Connection): boolean => lastFailure?.kind === "connection"

export class NodePool {
  readonly address: string
  private readonly settings: PoolSettings
  /** The node of the last request: another node may have its address by now. */
  private target: ConnectionTarget
  private readonly redial: Redial
  /** The reason why no connection can be opened now; `undefined` when one can, or when that is unknown. */
  private outage: Outage | undefined
  /** The number of connections that may be opened side by side: a success doubles it, a failure resets it. */
  private width = 1
  private isClosed = false
  /** The number of all connections: being opened, in use, idle. */
  private total = 0
  private opening = 0
  /** The idle connections, the one that was used last at the end. */
  private idle: Array<IdleConnection> = []
  private readonly waiting = new Set<ConnectionWaiter>()

  constructor(address: string, target: ConnectionTarget, settings: PoolSettings) {
    this.address = address
    this.target = target
    this.settings = settings
    this.redial = new Redial(settings.reconnectSchedule, settings.clock, settings.runFork)
  }

  /** Whether there is no connection and no caller waits for one. */
  get isEmpty(): boolean {
    return this.total === 0 && this.waiting.size === 0
  }

  /** Gives the caller an idle connection, or the next that is released or opened. */
  acquire(target: ConnectionTarget, waiter: ConnectionWaiter): void {
    this.target = target
    const idle = this.takeIdle()
    if (idle !== undefined) return waiter.onConnection(idle)
    if (this.outage !== undefined && this.opening === 0 && !this.redial.isDue(this.now())) {
      return waiter.onUnavailable(this.outage.attempted, this.outage.failure)
    }
    this.waiting.add(waiter)
    this.settings.lookAt(waiter.deadline)
    this.open()
  }

  /** Visits the callers that wait for a connection. */
  visitWaiting(visit: Visit): void {
    for (const waiter of this.waiting) visit(waiter, { kind: "connection", address: this.address })
  }

  withdraw(waiter: ConnectionWaiter): void {
    this.waiting.delete(waiter)
  }

  /** Gives a connection to the next caller, or keeps it for a while. */
  release(connection: Connection): void {
    const waiter = this.nextWaiter()
    if (waiter !== undefined) return waiter.onConnection(connection)
    const since = this.now()
    this.idle.push({ connection, since })
    this.settings.lookAt(since + this.settings.idleTimeout)
  }

  /** Notes that another connection to the node has just been made: the next attempt need not wait for the schedule. */
  nodeAnswers(): void {
    this.redial.hurry()
  }

  /** Rejects the callers that wait, and closes the connections that nobody uses. */
  close(failure: LinkFailure): void {
    this.isClosed = true
    this.rejectWaiting({ attempted: undefined, failure })
    for (const { connection } of this.idle.splice(0)) connection.closeNow(failure)
  }

  /**
   * Rejects callers whose deadline has passed, and closes connections that were idle for too long. The result is the
   * time of the next inspection.
   */
  inspect(now: number): number {
    const { idleTimeout, max } = this.settings
    let next = Number.POSITIVE_INFINITY
    for (const waiter of [...this.waiting]) {
      if (waiter.deadline > now) next = Math.min(next, waiter.deadline)
      else if (this.waiting.delete(waiter)) waiter.onExpired(this.address, this.inUse, max)
    }
    const unused = this.idle.filter(({ since }) => since + idleTimeout <= now)
    for (const { connection } of unused) connection.closeNow(unneeded)
    return this.idle.length === 0 ? next : Math.min(next, this.idle[0].since + idleTimeout)
  }

  private get inUse(): number {
    return this.total - this.opening - this.idle.length
  }

  private now(): number {
    return monotonicMillis(this.settings.clock)
  }

  /** An idle connection to the node, if there is one. */
  private takeIdle(): Connection | undefined {
    for (let idle = this.idle.pop(); idle !== undefined; idle = this.idle.pop()) {
      const { connection } = idle
      const { id = "" } = this.target
      if (id === "" || connection.expectedId === "" || connection.expectedId === id) return connection
      connection.closeNow(replaced)
    }
    return undefined
  }

  private open(): void {
    const wanted = Math.min(this.waiting.size, this.width)
    for (let count = this.opening; count < wanted; count++) {
      if (this.isClosed || this.total >= this.settings.max) return
      this.openOne()
    }
  }

  private openOne(): void {
    const before = this.outage
    let isOpening = true
    let readyAt = 0
    this.total++
    this.opening++
    const opened = (): void => {
      isOpening = false
      readyAt = this.now()
      this.opening--
    }
    const connection = this.settings.lease(this.target, (connection, state) => {
      if (state === "ready") {
        this.identify(connection, () => {
          opened()
          // A failure since then is newer than this success.
          if (this.outage === before) this.reached()
          this.release(connection)
          this.open()
        })
      } else if (state === "closed") {
        const failed = isOpening || (wasLost(connection) && this.now() - readyAt < shortLife)
        if (isOpening) opened()
        this.lost(connection)
        // Only the first failure of several attempts side by side changes the state.
        if (failed && this.outage === before) this.unreachable(connection)
        else if (failed && this.outage !== undefined && this.opening === 0) this.rejectWaiting(this.outage)
        else this.open()
      }
    })
    connection.connect()
  }

  /** Asks for the id of a connection, with which CLIENT UNBLOCK names it. A connection serves without an id, too. */
  private identify(connection: Connection, ready: () => void): void {
    this.settings.runFork(
      Effect.map(Effect.result(query(connection, clientId, identifyTimeout)), (reply) => {
        if (connection.state !== "ready") return
        if (reply._tag === "Success" && typeof reply.success === "number") {
          this.settings.identified(connection, reply.success)
        }
        if (connection.depth > 0) connection.closeNow(unanswered)
        else ready()
      })
    )
  }

  private reached(): void {
    this.outage = undefined
    this.width = Math.min(this.width * 2, this.settings.max)
    this.redial.succeeded()
  }

  private unreachable(attempted: Connection): void {
    const failure = attempted.lastFailure ?? unneeded
    this.width = 1
    this.outage = { attempted, failure }
    this.redial.failed()
    this.rejectWaiting(this.outage)
  }

  private lost(connection: Connection): void {
    this.total--
    this.idle = this.idle.filter((idle) => idle.connection !== connection)
  }

  private rejectWaiting({ attempted, failure }: Outage): void {
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const waiter of waiting) waiter.onUnavailable(attempted, failure)
  }

  private nextWaiter(): ConnectionWaiter | undefined {
    for (const waiter of this.waiting) {
      this.waiting.delete(waiter)
      return waiter
    }
    return undefined
  }
}
