import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

const units = ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"]

/** Effect reads every object as a duration, and one without a known unit as no time at all. */
const isMeant = (input: unknown): boolean => {
  if (typeof input !== "object" || input === null) return !Number.isNaN(input)
  if (Duration.isDuration(input) || Array.isArray(input)) return true
  if (!Object.keys(input).every((name) => units.includes(name))) return false
  // The units of a `Temporal.Duration` are not its own properties.
  const given = units.map((unit) => Reflect.get(input, unit)).filter((value) => value !== undefined)
  return given.length > 0 && given.every((value) => typeof value === "number" && !Number.isNaN(value))
}

/**
 * A duration that a program gave, in milliseconds; `NaN`, which no bound lets pass, when it is none. Programs in plain
 * JavaScript may give anything.
 *
 * @internal
 */
export const millisOf = (input: Duration.Input): number =>
  isMeant(input)
    ? Option.match(Duration.fromInput(input), { onNone: () => Number.NaN, onSome: Duration.toMillis })
    : Number.NaN
