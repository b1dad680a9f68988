/**
 * Monotonic time, by which intervals are measured: nobody can set it back or forward.
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
  // The clock of the machine gives its nanoseconds as a bigint, which costs twice as much, and each command reads the
  // time twice.
  clock === machine ? origin + performance.now() : Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/** The time of day and the monotonic time of the last reading, and whether the present task of the event loop made it. */
let readAt = 0
let reading = 0
let isFresh = false
const outdate = (): void => {
  isFresh = false
}

/**
 * As `monotonicMillis`, at most a millisecond behind, and at the price of a look at the time of day: a deadline for each
 * command needs no more. Commands that are called in one go within a millisecond share a reading. It does not outlive the
 * task, so that a time of day that stands still, or is set back, holds nothing up.
 *
 * @internal
 */
export const recentMillis = (clock: Clock.Clock): number => {
  if (clock !== machine) return monotonicMillis(clock)
  const timeOfDay = Date.now()
  if (isFresh && timeOfDay === readAt) return reading
  if (!isFresh) queueMicrotask(outdate)
  isFresh = true
  readAt = timeOfDay
  return reading = monotonicMillis(clock)
}

const exactTimeOfDay = (clock: Clock.Clock, at: number): number =>
  clock.currentTimeMillisUnsafe() - (monotonicMillis(clock) - at)

/**
 * The time of day at a monotonic time of the past, in whole milliseconds, for programs and people to read. It is never
 * later than the clock showed then, so that a span that begins with it leaves nothing out.
 *
 * @internal
 */
export const timeOfDayAt = (clock: Clock.Clock, at: number): number => Math.floor(exactTimeOfDay(clock, at))

/**
 * The time of day at a monotonic time of the past, like `timeOfDayAt`, but never earlier than the clock showed then:
 * for the end of a span.
 *
 * @internal
 */
export const timeOfDayUntil = (clock: Clock.Clock, at: number): number => Math.ceil(exactTimeOfDay(clock, at))

/**
 * A time of day that does not step: the time of day of its start plus the monotonic time since. A `Schedule` measures
 * with it.
 *
 * @internal
 */
export const steadyTimeOfDay = (clock: Clock.Clock): () => number => {
  const offset = clock.currentTimeMillisUnsafe() - monotonicMillis(clock)
  return () => offset + monotonicMillis(clock)
}
