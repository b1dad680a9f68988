/**
 * A command on a dedicated connection: one that the server may hold back, or the first command of a session.
 *
 * The request has one deadline for all connections and nodes that it tries: the timeout of any command plus the time
 * for which the server may hold the command back. Once the server has held the command back, a failover or a migration
 * of its slot starts it again with fresh limits, so that a command that waits for months can follow its slot any
 * number of times.
 */
import type * as Clock from "effect/Clock"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Endpoint } from "../../cluster/Endpoint.ts"
import type { Command } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import * as Failures from "../request/Failures.ts"
import type { Request, RequestOwner } from "../request/Request.ts"
import { BlockingRequest, endsConnection } from "./BlockingRequest.ts"
import type { DedicatedPool } from "./DedicatedPool.ts"
import type { ConnectionWaiter } from "./NodePool.ts"
import type { Unblocker } from "./Unblocker.ts"

export interface DedicatedRequestContext {
  readonly pool: DedicatedPool
  readonly unblocker: Unblocker
  readonly owner: RequestOwner
  readonly clock: Clock.Clock
  /** The time that the client may take, in milliseconds. */
  readonly clientTime: number
  /** The time for which the server may hold the command back, in milliseconds; 0 for a command that does not block. */
  readonly serverTime: number
  /**
   * Takes the connection over when the command has succeeded; without it, the connection goes back to the pool.
   * `asking` says whether the command was sent behind ASKING.
   */
  readonly keep: ((connection: Connection, asking: boolean) => void) | undefined
}

/** A reply to a blocking command that took longer than this, in milliseconds, was held back by the server. */
export const heldBackAfter = 100

export class DedicatedRequest extends BlockingRequest implements ConnectionWaiter {
  private readonly context: DedicatedRequestContext
  /** The connection that the pool gave to this request. */
  private held: Connection | undefined = undefined
  private sentAt = Number.POSITIVE_INFINITY
  /** The end of the client's part of the time, in monotonic milliseconds. */
  private clientDeadline: number
  /** The time after which the client's part does not start again. */
  private readonly lastDeadline: number
  /** Whether the server closes the connection after the last reply. */
  private isEnding = false

  constructor(
    context: DedicatedRequestContext,
    command: Command<unknown>,
    slot: number,
    pinned: ClusterNode | undefined,
    resume: Request["resume"]
  ) {
    const deadline = monotonicMillis(context.clock) + context.clientTime
    const binding = pinned === undefined ? "slot" : "explicit"
    super(context.owner, command, slot, binding, pinned, deadline, resume, context.unblocker)
    this.context = context
    this.clientDeadline = deadline
    this.lastDeadline = deadline + context.serverTime
  }

  /** Waits for a connection of the pool to the node. */
  override sendTo(node: Endpoint, asking: boolean): void {
    this.giveBack()
    this.asking = asking
    this.context.pool.acquire(node, this)
  }

  onConnection(connection: Connection): void {
    this.sentAt = this.now()
    this.deadline = this.clientDeadline + this.context.serverTime
    this.held = connection
    this.sendOver(connection, this.asking)
  }

  onUnavailable(attempted: Connection | undefined, failure: LinkFailure): void {
    this.connection = attempted ?? this.connection
    super.onLost(failure, false)
  }

  onExpired(address: string, inUse: number, max: number): void {
    const { clientTime } = this.context
    this.fail(Failures.noDedicatedConnection(this, clientTime, address, { inUse, max }))
  }

  override onReply(reply: Reply): void {
    this.isEnding = endsConnection(reply)
    if (reply instanceof ServerError) {
      this.resumeClientTime()
      // A request that pauses gives its connection back, unless a script is to be loaded over it.
      if (this.command.settings.prerequisite === undefined) this.giveBack()
    }
    super.onReply(reply)
  }

  override onLost(failure: LinkFailure, written: boolean): void {
    this.resumeClientTime()
    super.onLost(failure, written)
  }

  override succeed(value: unknown): void {
    const connection = this.held
    if (connection !== undefined && this.context.keep !== undefined) {
      this.held = undefined
      this.context.keep(connection, this.asking)
    }
    this.giveBack()
    super.succeed(value)
  }

  override fail(error: RedisClusterException): void {
    super.fail(error)
    // A connection that owes an answer is closed: the loss that this request would hear of is no other failure.
    this.giveBack()
  }

  override cancel(): void {
    if (this.settled) return
    this.context.pool.withdraw(this)
    super.cancel()
    this.giveBack()
  }

  protected override onUnblocked(): void {
    // The first command of a session changes the state of the connection, as WATCH does.
    if (this.context.keep !== undefined) this.isEnding = true
    this.giveBack()
  }

  /** Lets the client's part of the time go on, or start again, because the server has released the command. */
  private resumeClientTime(): void {
    const now = this.now()
    const wasHeldBack = this.context.serverTime > 0 && now - this.sentAt >= heldBackAfter
    if (wasHeldBack) {
      this.clientDeadline = Math.min(now + this.context.clientTime, this.lastDeadline)
      this.retryState?.startAgain()
    }
    this.sentAt = Number.POSITIVE_INFINITY
    this.deadline = this.clientDeadline
  }

  private giveBack(): void {
    const connection = this.held
    this.held = undefined
    if (connection === undefined) return
    if (this.isEnding) this.context.pool.discard(connection)
    else this.context.pool.release(connection)
  }

  private now(): number {
    return monotonicMillis(this.context.clock)
  }
}
