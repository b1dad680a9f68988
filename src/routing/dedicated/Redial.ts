/**
 * The pauses after which a node that refused the last connection may be dialled again, by `reconnectSchedule`.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { monotonicMillis, steadyTimeOfDay } from "../../internal/monotonic.ts"

/** The next pause, in milliseconds; `undefined` when the schedule has ended. */
type NextPause = () => Effect.Effect<number | undefined>

/** The time for which a node has to be reachable before its next failure starts the schedule again, in milliseconds. */
const lastingAfter = 1000

/** The pause after a schedule that ended, or died, before it named one, in milliseconds. */
const firstPause = 1000

export class Redial {
  private readonly schedule: Schedule.Schedule<unknown>
  private readonly clock: Clock.Clock
  private readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  /** The next step of the schedule, once it has started. */
  private nextPause: NextPause | undefined
  private lastPause = firstPause
  private dueAt = 0
  /** The time since when the node is reachable; `undefined` while it is not. */
  private reachableSince: number | undefined

  constructor(
    schedule: Schedule.Schedule<unknown>,
    clock: Clock.Clock,
    runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  ) {
    this.schedule = schedule
    this.clock = clock
    this.runFork = runFork
  }

  /** Whether the node may be dialled at this time of the clock. */
  isDue(now: number): boolean {
    return now >= this.dueAt
  }

  /** Notes a failed attempt: the next one has to wait for the schedule. */
  failed(): void {
    if (this.reachableSince !== undefined && this.now() - this.reachableSince >= lastingAfter) this.restart()
    this.reachableSince = undefined
    this.dueAt = Number.POSITIVE_INFINITY
    const pause = Effect.flatMap(
      this.nextPause === undefined ? this.start : Effect.succeed(this.nextPause),
      (nextPause) => nextPause()
    )
    this.runFork(
      Effect.map(Effect.catchCause(pause, () => Effect.succeed(undefined)), (millis) => {
        // A schedule that has ended, or that died, goes on at its last pause.
        this.lastPause = millis ?? this.lastPause
        if (this.dueAt === Number.POSITIVE_INFINITY) this.dueAt = this.now() + this.lastPause
      })
    )
  }

  /** Notes a successful attempt. */
  succeeded(): void {
    this.reachableSince ??= this.now()
    this.dueAt = 0
  }

  /** Allows the next attempt at once, whatever the schedule says. */
  hurry(): void {
    this.dueAt = 0
  }

  private restart(): void {
    this.nextPause = undefined
    this.lastPause = firstPause
  }

  private now(): number {
    return monotonicMillis(this.clock)
  }

  private readonly start: Effect.Effect<NextPause> = Effect.suspend(() =>
    Effect.map(Schedule.toStep(this.schedule), (step) => {
      const now = steadyTimeOfDay(this.clock)
      const nextPause: NextPause = () =>
        Effect.matchCauseEffect(step(now(), undefined), {
          onSuccess: ([, pause]) => Effect.succeed(Duration.toMillis(pause)),
          onFailure: () => Effect.succeed(undefined)
        })
      this.nextPause = nextPause
      return nextPause
    })
  )
}
