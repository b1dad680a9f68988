/**
 * A command on a dedicated connection: one that the server may hold back, or the first of a session.
 *
 * Its deadline has two parts. What the client needs (a free connection, redirects, back-off) may take as long as any
 * command; the time that the server may hold it back begins when it is written, and is never cut short by the client.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Command } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import type { Connection } from "../connection/Connection.ts"
import type { Applicant, DedicatedConnections } from "../connection/DedicatedConnections.ts"
import type { LinkFailure } from "../connection/Outgoing.ts"
import { query } from "../connection/Query.ts"
import { type Reply, ServerError } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { ClusterNode } from "../topology/ClusterNode.ts"
import * as Failures from "./Failures.ts"
import { Request, type RequestOwner } from "./Request.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface LeaseContext {
  readonly pool: DedicatedConnections
  readonly clock: Clock.Clock
  readonly owner: RequestOwner
  /** How long the client may take, and how long the server may hold the command back, in milliseconds. */
  readonly clientTime: number
  readonly serverTime: number
  /** How long an interruption waits for the server to let go, in milliseconds. */
  readonly patience: number
  /** The connection of everybody to the node of this one. */
  readonly sharedWith: (connection: Connection) => Connection
  /** Takes the connection over when the command has succeeded; without it, the connection goes back. */
  readonly keep: ((connection: Connection, asked: boolean) => void) | undefined
}

const UNBLOCK = new CommandSpec("CLIENT UNBLOCK", {})
const unblock = (id: number) => new Command<unknown>(UNBLOCK, [String(id)], (reply) => reply)

/** When to ask again for a command that the server was not holding back, in milliseconds. */
const rereadAfter = 5

/** What these answer is nowhere else any more. */
const takes = /^(BLPOP|BRPOP|BLMPOP|BZPOPMIN|BZPOPMAX|BZMPOP)$/

/**
 * @category models
 * @since 0.1.0
 */
export class LeasedRequest extends Request implements Applicant {
  private readonly context: LeaseContext
  /** The connection that is this request's own. */
  private held: Connection | undefined = undefined
  /** What is left of the client's time, and since when it is being used. */
  private clientTime: number
  private since: number
  private abandoned = false
  private answered = false
  /** The server has let go of a command that was called back. */
  private isBack = false
  private onBack: (() => void) | undefined = undefined

  constructor(
    context: LeaseContext,
    command: Command<unknown>,
    slot: number,
    pinned: ClusterNode | undefined,
    resume: Request["resume"]
  ) {
    const now = context.clock.currentTimeMillisUnsafe()
    const binding = pinned === undefined ? "slot" : "explicit"
    super(command, context.owner, slot, now + context.clientTime, binding, pinned, resume, undefined, 0)
    this.context = context
    this.clientTime = context.clientTime
    this.since = now
    this.lease = (node) => {
      this.giveBack()
      context.pool.acquire(node, this)
    }
  }

  onGranted(connection: Connection): void {
    const now = this.context.clock.currentTimeMillisUnsafe()
    this.clientTime -= now - this.since
    this.deadline = now + this.context.clientTime + this.context.serverTime
    this.size = 0
    this.held = connection
    this.connection = connection
    connection.send(this)
  }

  onRefused(connection: Connection | undefined, failure: LinkFailure): void {
    this.connection = connection ?? this.connection
    super.onLost(failure, false)
  }

  onExpired(address: string, inUse: number): void {
    this.fail(Failures.noDedicatedConnection(this, this.context.clientTime, address, inUse))
  }

  override onReply(reply: Reply): void {
    this.answered = reply !== null && !(reply instanceof ServerError)
    if (this.abandoned) return this.comeBack()
    this.resumeClientTime()
    super.onReply(reply)
  }

  override onLost(failure: LinkFailure, written: boolean): void {
    if (this.abandoned) return this.comeBack()
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

  /**
   * Run when the waiting fiber is interrupted. A command that the server has is called back; when that is done, nothing
   * that comes later can be given to it.
   */
  override asEffect(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const connection = this.held
      const isWritten = !this.settled && connection !== undefined && connection.depth > 0 && this.size > 0
      this.abandoned = isWritten
      if (!isWritten) this.cancel()
      return Effect.andThen(isWritten ? this.recall(connection) : Effect.void, this.account)
    })
  }

  /** Has the server end the command, and takes what it says to that. Where this cannot be, hanging up frees it. */
  private recall(connection: Connection): Effect.Effect<void> {
    const { clock, patience, pool, sharedWith } = this.context
    const id = pool.idOf(connection)
    const until = clock.currentTimeMillisUnsafe() + patience
    const attempt: Effect.Effect<void> = Effect.suspend(() => {
      const left = until - clock.currentTimeMillisUnsafe()
      if (this.isBack) return Effect.sync(() => this.giveBack())
      if (id === undefined || left <= 0) return connection.hangUp(patience)
      return Effect.flatMap(Effect.result(query(sharedWith(connection), unblock(id), left)), (reply) => {
        if (Result.isFailure(reply) || typeof reply.success !== "number") return connection.hangUp(patience)
        // When it was not blocked, the server has not read it yet, or the answer is on its way.
        return Effect.andThen(this.back(reply.success === 1 ? left : rereadAfter), attempt)
      })
    })
    return attempt
  }

  /** Waits until the server has let go of the command, at most `millis`. */
  private back(millis: number): Effect.Effect<unknown> {
    const back = Effect.callback<void>((resume) => {
      if (this.isBack) return resume(Effect.void)
      this.onBack = () => resume(Effect.void)
    })
    return Effect.timeoutOption(back, millis)
  }

  private comeBack(): void {
    this.isBack = true
    this.onBack?.()
  }

  /** The answer may have come after the fiber had been interrupted. */
  private readonly account: Effect.Effect<void> = Effect.suspend(() => {
    this.settled = true
    return this.answered && takes.test(this.command.spec.name)
      ? Effect.logWarning(
        `${this.command.spec.name} was interrupted after ${this.connection?.address} had answered it: ` +
          `what it took off the server is lost`
      )
      : Effect.void
  })

  private resumeClientTime(): void {
    this.since = this.context.clock.currentTimeMillisUnsafe()
    this.deadline = this.since + Math.max(0, this.clientTime)
  }

  private giveBack(): void {
    const connection = this.held
    this.held = undefined
    if (connection !== undefined) this.context.pool.release(connection)
  }
}
