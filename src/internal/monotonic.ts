/**
 * Time that cannot be set: by which intervals are measured.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"

const machine = Context.get(Context.empty(), Clock.Clock)
/** Clocks that wrap that of the machine count from its origin, so that times of both can be compared. */
const origin = Number(machine.monotonicTimeNanosUnsafe()) / 1e6 - performance.now()

/**
 * The time by which intervals are measured, in milliseconds from an origin of its own: deadlines, silence, lag, leases. The time of day may be set
 * back or forward at any moment; this time only goes on. `TestClock` drives it.
 *
 * @internal
 */
export const monotonicMillis = (clock: Clock.Clock): number =>
  // The clock of the machine gives its nanoseconds as a bigint, which costs twice as much, and commands ask twice.
  clock === machine ? origin + performance.now() : Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/**
 * The time of day at a monotonic time of the past, in whole milliseconds: for what is shown to people.
 *
 * @internal
 */
export const timeOfDayAt = (clock: Clock.Clock, at: number): number =>
  Math.round(clock.currentTimeMillisUnsafe() - (monotonicMillis(clock) - at))

/**
 * A time of day that does not step: that of its start, and the monotonic time since. A `Schedule` measures with it.
 *
 * @internal
 */
export const steadyTimeOfDay = (clock: Clock.Clock): () => number => {
  const offset = clock.currentTimeMillisUnsafe() - monotonicMillis(clock)
  return () => offset + monotonicMillis(clock)
}
