/**
 * Monotonic time, by which intervals are measured: nobody can set it back or forward.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"

const machine = Context.get(Context.empty(), Clock.Clock)
/** Clocks that wrap that of the machine count from its origin, so that times of both can be compared. */
const machineOrigin = Number(machine.monotonicTimeNanosUnsafe()) / 1e6 - performance.now()

/**
 * The time by which intervals are measured, in milliseconds from an origin of its own: deadlines, silence, lag, leases. The time of day may be set
 * back or forward at any moment; this time only goes on. `TestClock` drives it.
 *
 * @internal
 */
export const monotonicMillis = (clock: Clock.Clock): number =>
  // The clock of the machine gives its nanoseconds as a bigint, which costs twice as much, and each command reads the
  // time twice.
  clock === machine ? machineOrigin + performance.now() : Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/** A moment from which time is measured. It stays in the declarations, whose signatures name it. */
export interface Moment {
  /** The moment, in monotonic milliseconds. */
  readonly millis: number
}

/**
 * The moment from which deadlines count that are themselves monotonic times.
 *
 * @internal
 */
export const origin: Moment = { millis: 0 }

/** A moment of the clock of the machine. */
class Reading implements Moment {
  millis = monotonicMillis(machine)
}

/** The moment that the calls of the present task share. */
let shared: Reading | undefined

const endShared = (): void => {
  if (shared === undefined) return
  shared.millis = monotonicMillis(machine)
  shared = undefined
}

/**
 * The present moment, from which the time of a single command is measured. The commands of one task of the event loop share a
 * moment, because a look at the clock costs more than anything else that the call of a command needs. Its time is that of the
 * first microtask after the task, so that a task that takes long takes nothing from the time of its commands.
 *
 * @internal
 */
export const momentOf = (clock: Clock.Clock): Moment => {
  if (clock !== machine) return { millis: monotonicMillis(clock) }
  if (shared === undefined) {
    shared = new Reading()
    queueMicrotask(endShared)
  }
  return shared
}

/**
 * Ends the moment that the calls of the present task share, so that its time does not change any more. Calls that follow share
 * another.
 *
 * @internal
 */
export const settle = (moment: Moment): void => {
  if (moment === shared) endShared()
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
