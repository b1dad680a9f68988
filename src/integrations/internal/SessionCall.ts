/**
 * One call of a command on a reserved connection: its deadline, which holds over all of its attempts.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Command from "../../commands/Command.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import type { Reply } from "../../protocol/Reply.ts"
import { exception, type RedisClusterException, TimeoutError } from "../../RedisClusterException.ts"
import { heldBackAfter } from "../../routing/dedicated/DedicatedRequest.ts"

/**
 * A call. After a server has held a blocking command back, the client's part of the time starts again, as it does outside of
 * reserved connections.
 */
export class SessionCall {
  private readonly command: Command.Command<unknown>
  private readonly timeout: number
  private readonly clock: Clock.Clock
  private readonly lastDeadline: number
  private deadline: number
  private sentAt = Number.POSITIVE_INFINITY
  private lastFailure: RedisClusterException | undefined
  private maybeExecuted = false

  constructor(command: Command.Command<unknown>, timeout: number, clock: Clock.Clock) {
    this.command = command
    this.timeout = timeout
    this.clock = clock
    this.deadline = monotonicMillis(clock) + timeout
    this.lastDeadline = this.deadline + (command.blockingTime ?? 0)
  }

  /** Runs a part of an attempt within the time that is left. */
  inTime<A>(part: Effect.Effect<A, RedisClusterException>): Effect.Effect<A, RedisClusterException> {
    return Effect.suspend(() =>
      Effect.timeoutOrElse(part, { duration: this.left, orElse: () => Effect.fail(this.outOfTime()) })
    )
  }

  /** Runs something for the next attempt, and gives it up when the time is over: the failure before it is the better one to tell. */
  whileInTime(part: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => Effect.timeoutOrElse(part, { duration: this.left, orElse: () => Effect.void }))
  }

  /** The command of an attempt that begins now, with the time that is left. */
  limited(command: Command.Command<Reply>): Command.Command<Reply> {
    this.sentAt = monotonicMillis(this.clock)
    return Command.timeout(command, this.left)
  }

  /** Notes the failure of an attempt. */
  failed(error: RedisClusterException): void {
    const now = monotonicMillis(this.clock)
    if (this.command.blockingTime !== undefined && now - this.sentAt >= heldBackAfter) {
      this.deadline = Math.min(now + this.timeout, this.lastDeadline)
    }
    this.sentAt = Number.POSITIVE_INFINITY
    if (error.outcome === "Unknown") this.maybeExecuted = true
    if (error.reason._tag !== "TimeoutError") this.lastFailure = error
  }

  /** The timeout of the last attempt, told as that of the call when there were others before it. */
  told(error: RedisClusterException): RedisClusterException {
    return this.lastFailure === undefined ? error : this.outOfTime(error)
  }

  private get left(): number {
    return Math.max(this.deadline - monotonicMillis(this.clock), 0)
  }

  private outOfTime(last?: RedisClusterException): RedisClusterException {
    const { name } = this.command.spec
    const why = this.lastFailure === undefined ? "" : `; the last failure: ${this.lastFailure.message}`
    const reason = last?.reason._tag === "TimeoutError" ? last.reason : undefined
    return exception(() =>
      new TimeoutError({
        message: `${name} was not answered within ${this.timeout} ms on a reserved connection${why}`,
        outcome: this.maybeExecuted ? "Unknown" : "NotExecuted",
        command: name,
        node: reason?.node,
        timeout: this.timeout,
        waitingFor: reason?.waitingFor ?? "connection"
      })
    )
  }
}
