/**
 * A command on a dedicated connection: one that the server may hold back, or the first command of a session.
 *
 * It has one deadline, for all connections and nodes that it tries: the time of any command, and in addition the time for
 * which the server may hold it back. Once the server has held it back, a failover or a slot that moves finds it as if it had
 * just been called: a command that waits for months may follow its slot as often as that moves.
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
  /** How long the client may take, in milliseconds. */
  readonly clientTime: number
  /** How long the server may hold the command back, in milliseconds; 0 when it does not. */
  readonly serverTime: number
  /**
   * Takes the connection over when the command has succeeded; without it, the connection goes back to the pool. `asking`
   * tells whether the command was sent behind ASKING.
   */
  readonly keep: ((connection: Connection, asking: boolean) => void) | undefined
}

/** A reply that took longer than this, in milliseconds, was held back by the server. */
const heldBackAfter = 100

export class DedicatedRequest extends BlockingRequest implements ConnectionWaiter {
  private readonly context: DedicatedRequestContext
  /** The connection that the pool gave to this request. */
  private held: Connection | undefined = undefined
  private sentAt = Number.POSITIVE_INFINITY
  /** When the client's part of the time is over, in monotonic milliseconds. */
  private clientDeadline: number
  /** The client's part does not start again after this time. */
  private readonly lastDeadline: number
  /** The server closes the connection behind the last reply. */
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
      // Nobody holds a connection while waiting for a better time, unless a script is to be loaded over it.
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
    this.giveBack()
    super.fail(error)
  }

  override cancel(): void {
    if (this.settled) return
    this.context.pool.withdraw(this)
    super.cancel()
    this.giveBack()
  }

  protected override onUnblocked(): void {
    // The first command of a session leaves its mark on the connection: keys that are watched.
    if (this.context.keep !== undefined) this.isEnding = true
    this.giveBack()
  }

  /** The server has let go of the command: the client's part of the time goes on, or starts again. */
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
