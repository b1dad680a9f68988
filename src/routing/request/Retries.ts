/**
 * Requests that wait before they are sent again: how long each pauses, and when the pauses end early.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { monotonicMillis, steadyTimeOfDay } from "../../internal/monotonic.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import * as Failures from "./Failures.ts"
import type { Request, RetryState } from "./Request.ts"
import { WaitingRoom } from "./WaitingRoom.ts"

export interface RetryContext {
  readonly clock: Clock.Clock
  readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  readonly schedule: Schedule.Schedule<unknown, RedisClusterException>
  /** Sends a request again. */
  readonly dispatch: (request: Request) => void
}

export class Retries {
  private isClosed = false
  private readonly context: RetryContext
  private readonly room: WaitingRoom

  constructor(context: RetryContext) {
    this.context = context
    this.room = new WaitingRoom(context.clock, context.runFork, {
      retry: (request, retryState) => {
        retryState.attempts++
        context.dispatch(request)
      },
      expire: (request, retryState) => request.fail(Failures.fromFailure(request, retryState.lastFailure))
    })
  }

  /** Lets the retry schedule say how long to wait; when it says no more, the failure is final. */
  add(request: Request, retryState: RetryState): void {
    const error = Failures.fromFailure(request, retryState.lastFailure)
    const step = Effect.suspend(() =>
      retryState.nextDelay === undefined ? this.startSchedule(retryState) : Effect.succeed(retryState.nextDelay)
    )
    this.context.runFork(
      Effect.flatMap(step, (nextDelay) => nextDelay(error)).pipe(
        Effect.map((delay) => {
          if (request.settled) return
          if (this.isClosed || delay === undefined) request.fail(error)
          else this.room.add(request, retryState, monotonicMillis(this.context.clock) + delay)
        }),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            // A schedule that dies, or the end of the client: the caller must not wait for ever.
            if (Exit.isFailure(exit)) request.fail(this.isClosed ? Failures.closed(request) : error)
          })
        ),
        Effect.ignoreCause
      )
    )
  }

  remove(request: Request): void {
    this.room.remove(request)
  }

  /** Ends all pauses. */
  wake(): void {
    this.room.wake()
  }

  close(): void {
    this.isClosed = true
    for (const request of this.room.close()) request.fail(Failures.closed(request))
  }

  private startSchedule(retryState: RetryState): Effect.Effect<NonNullable<RetryState["nextDelay"]>> {
    const { clock, schedule } = this.context
    return Effect.map(Schedule.toStep(schedule), (step) => {
      const now = steadyTimeOfDay(clock)
      const nextDelay: NonNullable<RetryState["nextDelay"]> = (error) =>
        Effect.matchCauseEffect(step(now(), error), {
          onSuccess: ([, delay]) => Effect.succeed(Duration.toMillis(delay)),
          onFailure: () => Effect.succeed(undefined)
        })
      retryState.nextDelay = nextDelay
      return nextDelay
    })
  }
}
