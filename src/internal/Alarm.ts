/**
 * One timer for many deadlines.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { monotonicMillis } from "./monotonic.ts"

/**
 * One timer for many deadlines: it rings at the earliest time that was set, and its owner then looks for what is due.
 * It runs on the monotonic time of Effect's clock, so that tests can advance it.
 *
 * @internal
 */
export class Alarm {
  private fiber: Fiber.Fiber<void> | undefined
  private at = Number.POSITIVE_INFINITY
  private readonly clock: Clock.Clock
  private readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly ring: () => void

  constructor(
    clock: Clock.Clock,
    runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>,
    ring: () => void
  ) {
    this.clock = clock
    this.runFork = runFork
    this.ring = ring
  }

  /**
   * Lets the alarm ring at `at` (monotonic milliseconds), or earlier when it is set to an earlier time already.
   * `Infinity` is never.
   */
  set(at: number): void {
    if (at >= this.at) return
    this.fiber?.interruptUnsafe()
    this.at = at
    const delay = Math.max(0, Math.ceil(at - monotonicMillis(this.clock)))
    this.fiber = this.runFork(Effect.flatMap(Effect.sleep(delay), () =>
      Effect.sync(() => {
        this.at = Number.POSITIVE_INFINITY
        this.fiber = undefined
        this.ring()
      })))
  }

  clear(): void {
    this.at = Number.POSITIVE_INFINITY
    this.fiber?.interruptUnsafe()
    this.fiber = undefined
  }
}
