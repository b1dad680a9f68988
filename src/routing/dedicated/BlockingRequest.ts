/**
 * A command that the server may hold back. When the caller is interrupted the server is told to release the command,
 * so that it gives no element to a caller that is gone.
 */
import * as Effect from "effect/Effect"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Command } from "../../commands/Command.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { origin } from "../../internal/monotonic.ts"
import { kindOf } from "../../protocol/ErrorKind.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import type { Binding } from "../request/Recovery.ts"
import { Request, type RequestOwner } from "../request/Request.ts"
import type { AbandonedCommand, Unblocker } from "./Unblocker.ts"

/**
 * Whether the server closes the connection after this reply: a primary that becomes a replica releases the commands
 * that it held back, and closes their connections.
 */
export const endsConnection = (reply: Reply): boolean => reply instanceof ServerError && kindOf(reply) === "demoted"

export class BlockingRequest extends Request implements AbandonedCommand {
  /** Whether the server has answered the command, or its connection was lost, after the caller had been interrupted. */
  isReleased = false
  private readonly unblocker: Unblocker
  /** Whether the caller was interrupted after the command had been written. */
  private isAbandoned = false
  /** Whether the last reply holds the elements that the caller asked for. */
  private hasResult = false
  private onReleased: (() => void) | undefined = undefined

  constructor(
    owner: RequestOwner,
    command: Command<unknown>,
    slot: number,
    binding: Binding,
    pinned: ClusterNode | undefined,
    deadline: number,
    resume: Request["resume"],
    unblocker: Unblocker
  ) {
    super(owner, command, slot, binding, pinned, origin, deadline, resume, undefined, 0, undefined)
    this.unblocker = unblocker
  }

  override onReply(reply: Reply): void {
    this.hasResult = reply !== null && !(reply instanceof ServerError)
    if (this.isAbandoned) this.released()
    else super.onReply(reply)
  }

  override onLost(failure: LinkFailure, written: boolean): void {
    if (this.isAbandoned) this.released()
    else super.onLost(failure, written)
  }

  override onDeadline(written: boolean): void {
    if (!this.isAbandoned) super.onDeadline(written)
  }

  /**
   * The effect that runs when the waiting fiber is interrupted. After it the server gives no element to this command.
   */
  override asEffect(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { connection } = this
      if (this.settled || connection?.hasWritten(this) !== true) {
        this.cancel()
        return this.reportTaken
      }
      this.isAbandoned = true
      return this.unblocker.release(this, connection).pipe(
        Effect.andThen(Effect.sync(() => this.onUnblocked())),
        Effect.andThen(this.reportTaken)
      )
    })
  }

  readonly awaitRelease = (millis: number): Effect.Effect<unknown> =>
    Effect.timeoutOption(
      Effect.callback<void>((resume) => {
        if (this.isReleased) return resume(Effect.void)
        this.onReleased = () => resume(Effect.void)
      }),
      millis
    )

  /** Called when the command of an interrupted caller has left its connection. */
  protected onUnblocked(): void {}

  private released(): void {
    this.isReleased = true
    this.onReleased?.()
  }

  /** Reports elements that came after the caller had been interrupted. */
  private readonly reportTaken: Effect.Effect<void> = Effect.suspend(() => {
    this.settled = true
    return this.hasResult && this.command.spec.takes
      ? Effect.logWarning(
        `${this.command.spec.name} was interrupted after ${this.connection?.address} had answered it: ` +
          `what it took off the server is lost`
      )
      : Effect.void
  })
}
