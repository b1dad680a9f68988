/**
 * The machine's clock with a time of day that a test sets back and forward, as an administrator or a restored virtual machine does.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export interface SteppedClock {
  readonly clock: Clock.Clock
  /** Sets the time of day by so many milliseconds. */
  readonly step: (millis: number) => void
}

export const make: Effect.Effect<SteppedClock> = Effect.map(Clock.Clock, (clock) => {
  let offset = 0
  const currentTimeMillisUnsafe = () => clock.currentTimeMillisUnsafe() + offset
  const currentTimeNanosUnsafe = () => clock.currentTimeNanosUnsafe() + BigInt(offset) * 1_000_000n
  const stepped: Clock.Clock = {
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    currentTimeNanosUnsafe,
    currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
  return { clock: stepped, step: (millis) => (offset += millis) }
})
