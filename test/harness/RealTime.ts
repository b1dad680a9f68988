import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

const clock = Context.get(Context.empty(), Clock.Clock)

/** Runs an effect on the machine's clock: servers do not wait for a `TestClock`. */
export const inRealTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Clock.Clock, clock)
