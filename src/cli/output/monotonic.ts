/** The time by which intervals are measured: nobody can set it back or forward. */
import type * as Clock from "effect/Clock"

/** Milliseconds from an origin of the clock's own. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
