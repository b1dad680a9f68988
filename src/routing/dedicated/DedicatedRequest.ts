/**
 * A command on a dedicated connection: one that the server may hold back, or the first of a session.
 *
 * Its deadline has two parts. What the client needs (a free connection, redirects, back-off) may take as long as any
 * command; the time that the server may hold it back begins when it is written, and is never cut short by the client.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Endpoint } from "../../cluster/Endpoint.ts"
import type { Command } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import type { Reply } from "../../protocol/Reply.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import * as Failures from "../request/Failures.ts"
import type { Request, RequestOwner } from "../request/Request.ts"
import { BlockingRequest, type Unblocker } from "./BlockingRequest.ts"
import type { Applicant, DedicatedPool } from "./DedicatedPool.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface LeaseContext {
  readonly pool: DedicatedPool
  readonly recall: Unblocker
  readonly owner: RequestOwner
  /** How long the client may take, and how long the server may hold the command back, in milliseconds. */
  readonly clientTime: number
  readonly serverTime: number
  /** Takes the connection over when the command has succeeded; without it, the connection goes back. */
  readonly keep: ((connection: Connection, asked: boolean) => void) | undefined
}

const abandoned: LinkFailure = { kind: "closed", message: "the session was interrupted before it began" }

/**
 * @category models
 * @since 0.1.0
 */
export class DedicatedRequest extends BlockingRequest implements Applicant {
  protected readonly recall: Unblocker
  private readonly context: LeaseContext
  /** The connection that is this request's own. */
  private held: Connection | undefined = undefined
  /** What is left of the client's time, and since when it is being used. */
  private clientTime: number
  private since: number

  constructor(
    context: LeaseContext,
    command: Command<unknown>,
    slot: number,
    pinned: ClusterNode | undefined,
    resume: Request["resume"]
  ) {
    const now = monotonicMillis(context.recall.clock)
    const binding = pinned === undefined ? "slot" : "explicit"
    const deadline = now + context.clientTime
    super(context.owner, command, slot, binding, pinned, deadline, resume, undefined, 0, undefined)
    this.context = context
    this.recall = context.recall
    this.clientTime = context.clientTime
    this.since = now
  }

  /** It travels on a connection of its own. */
  override sendTo(node: Endpoint, asking: boolean): void {
    this.giveBack()
    this.asking = asking
    this.context.pool.acquire(node, this)
  }

  onGranted(connection: Connection): void {
    const now = monotonicMillis(this.context.recall.clock)
    this.clientTime -= now - this.since
    this.deadline = now + this.context.clientTime + this.context.serverTime
    this.held = connection
    this.sendOver(connection, this.asking)
  }

  onRefused(connection: Connection | undefined, failure: LinkFailure): void {
    this.connection = connection ?? this.connection
    super.onLost(failure, false)
  }

  onExpired(address: string, inUse: number): void {
    this.fail(Failures.noDedicatedConnection(this, this.context.clientTime, address, inUse))
  }

  override onReply(reply: Reply): void {
    this.resumeClientTime()
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

  protected override cameBack(): void {
    // What begins a session leaves its mark on the connection: keys that are watched.
    if (this.context.keep !== undefined) this.held?.closeNow(abandoned)
    this.giveBack()
  }

  private resumeClientTime(): void {
    this.since = monotonicMillis(this.context.recall.clock)
    this.deadline = this.since + Math.max(0, this.clientTime)
  }

  private giveBack(): void {
    const connection = this.held
    this.held = undefined
    if (connection !== undefined) this.context.pool.release(connection)
  }
}
