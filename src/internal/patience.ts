import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { monotonicMillis } from "./monotonic.ts"

/** A timer that rings so many milliseconds too late tells of a process that was busy. */
const tolerance = 50

/** Sockets are read before the next turn of the event loop begins. */
const nextTurn: Effect.Effect<void> = Effect.callback((resume) => {
  const turn = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(turn))
})

/**
 * Lasts so many milliseconds. A process that was busy, or asleep, wakes to times that are over, with the answers in its sockets: it waits as
 * long again as it was late, for the other side could not be asked meanwhile, and it reads what has come before it gives up.
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
 * An effect that waits for the other side of a socket, for so many milliseconds.
 *
 * @internal
 */
export const within = <A, E, R, B, E2, R2>(
  self: Effect.Effect<A, E, R>,
  millis: number,
  orElse: Effect.Effect<B, E2, R2>
): Effect.Effect<A | B, E | E2, R | R2> => Effect.raceFirst(self, Effect.andThen(patience(millis), orElse))
