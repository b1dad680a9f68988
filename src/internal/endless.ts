import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"

/** The pause after a schedule that has ended without any pause. */
const lastResort = Duration.seconds(1)

/**
 * A schedule that goes on at its last pause when it has ended: for attempts that nobody else would make.
 *
 * @internal
 */
export const endless = <Output, Input, E, R>(
  schedule: Schedule.Schedule<Output, Input, E, R>
): Schedule.Schedule<Output, Input, E, R> =>
  Schedule.fromStep(Effect.map(Schedule.toStep(schedule), (step) => {
    let pause = lastResort
    return (now: number, input: Input) =>
      Pull.matchEffect(step(now, input), {
        onSuccess: (next): Effect.Effect<[Output, Duration.Duration], E> => {
          pause = next[1]
          return Effect.succeed(next)
        },
        onFailure: Effect.failCause,
        onDone: (output) => Effect.succeed<[Output, Duration.Duration]>([output, pause])
      })
  }))
