/**
 * A command that the server may hold back. Interrupting it calls it back, so that it takes nothing for nobody.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Connection } from "../../connection/Connection.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { query, question } from "../../connection/Query.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import { Request } from "../request/Request.ts"

/**
 * What calling a command back needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unblocker {
  readonly clock: Clock.Clock
  /** What the server calls a connection; `undefined` when it did not say. */
  readonly idOf: (connection: Connection) => number | undefined
  /** The connection of everybody to the node of this one. */
  readonly sharedWith: (connection: Connection) => Connection
  /** How long an interruption waits for the server to let go, in milliseconds. */
  readonly patience: number
}

const unblock = (id: number) => question("CLIENT UNBLOCK", String(id))

/** When to ask again for a command that the server was not holding back, in milliseconds. */
const rereadAfter = 5

/** What these answer is nowhere else any more. */
const takes = /^(BLPOP|BRPOP|BLMPOP|BZPOPMIN|BZPOPMAX|BZMPOP)$/

/**
 * @category models
 * @since 0.1.0
 */
export abstract class BlockingRequest extends Request {
  protected abstract readonly recall: Unblocker
  private abandoned = false
  private answered = false
  /** The server has let go of a command that was called back. */
  private isBack = false
  private onBack: (() => void) | undefined = undefined

  override onReply(reply: Reply): void {
    this.answered = reply !== null && !(reply instanceof ServerError)
    if (this.abandoned) this.comeBack()
    else super.onReply(reply)
  }

  override onLost(failure: LinkFailure, written: boolean): void {
    if (this.abandoned) this.comeBack()
    else super.onLost(failure, written)
  }

  override onDeadline(written: boolean): void {
    if (!this.abandoned) super.onDeadline(written)
  }

  /**
   * Run when the waiting fiber is interrupted. When that is done, nothing that comes later can be given to a command that
   * the server had.
   */
  override asEffect(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const connection = this.connection
      const isWritten = !this.settled && connection?.hasWritten(this) === true
      this.abandoned = isWritten
      if (!isWritten) this.cancel()
      return Effect.andThen(isWritten ? this.callBack(connection) : Effect.void, this.account)
    })
  }

  /** What becomes of the connection when the command has come back on it. */
  protected cameBack(): void {}

  /** Has the server end the command, and takes what it says to that. Where this cannot be, hanging up frees it. */
  private callBack(connection: Connection): Effect.Effect<void> {
    const { clock, idOf, patience, sharedWith } = this.recall
    const id = idOf(connection)
    const until = monotonicMillis(clock) + patience
    const left = () => Math.max(0, until - monotonicMillis(clock))
    const attempt: Effect.Effect<void> = Effect.suspend(() => {
      if (this.isBack) return Effect.sync(() => this.cameBack())
      if (id === undefined || left() === 0) return connection.hangUp(left())
      // What the server holds back now is another command.
      if (!connection.isNext(this)) return Effect.andThen(this.back(rereadAfter), attempt)
      return Effect.flatMap(Effect.result(query(sharedWith(connection), unblock(id), left())), (reply) => {
        if (Result.isFailure(reply) || typeof reply.success !== "number") return connection.hangUp(left())
        // When it was not blocked, the server has not read it yet, or the answer is on its way.
        return Effect.andThen(this.back(reply.success === 1 ? left() : rereadAfter), attempt)
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
}
