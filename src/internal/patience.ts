import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { monotonicMillis } from "./monotonic.ts"

/** A timer that rings so many milliseconds too late shows that the process was busy. */
const tolerance = 50

/** Sockets are read before the next turn of the event loop begins. */
const nextTurn: Effect.Effect<void> = Effect.callback((resume) => {
  const turn = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(turn))
})

/**
 * Sleeps for so many milliseconds of a process that runs. A process that was busy, or asleep, finds the time over
 * although the replies are in its sockets. It then sleeps again for as long as it was late, because nothing could be
 * sent meanwhile, and reads its sockets before the sleep ends.
 *
 * @internal
 */
export const patience = (millis: number): Effect.Effect<void> =>
  Clock.clockWith((clock) => {
    const due = monotonicMillis(clock) + millis
    const busy = Effect.suspend(() => {
      const late = monotonicMillis(clock) - due
      return late > tolerance ? Effect.sleep(Math.min(late, millis)) : Effect.void
    })
    return Effect.sleep(millis).pipe(Effect.andThen(busy), Effect.andThen(nextTurn))
  })

/**
 * Runs an effect that waits for the other side of a socket, for so many milliseconds at most.
 *
 * @internal
 */
export const within = <A, E, R, B, E2, R2>(
  self: Effect.Effect<A, E, R>,
  millis: number,
  orElse: Effect.Effect<B, E2, R2>
): Effect.Effect<A | B, E | E2, R | R2> => Effect.raceFirst(self, Effect.andThen(patience(millis), orElse))
