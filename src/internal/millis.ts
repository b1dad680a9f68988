import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/**
 * A duration that a program gave, in milliseconds; `NaN`, which no bound lets pass, when it is none.
 *
 * @internal
 */
export const millisOf = (input: Duration.Input): number =>
  Option.match(Duration.fromInput(input), { onNone: () => Number.NaN, onSome: Duration.toMillis })
