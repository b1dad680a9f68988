import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

const units = ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"]

/** Whether an object is a duration. Effect reads every object as one, and an object without a known unit as zero. */
const isMeant = (input: unknown): boolean => {
  if (typeof input !== "object" || input === null) return !Number.isNaN(input)
  if (Duration.isDuration(input) || Array.isArray(input)) return true
  if (!Object.keys(input).every((name) => units.includes(name))) return false
  // The units of a `Temporal.Duration` are not its own properties.
  const given = units.map((unit) => Reflect.get(input, unit)).filter((value) => value !== undefined)
  return given.length > 0 && given.every((value) => typeof value === "number" && !Number.isNaN(value))
}

/**
 * A duration that a program gave, in milliseconds. A value that is no duration gives `NaN`, which every bound refuses.
 * Programs in plain JavaScript may pass anything.
 *
 * @internal
 */
export const millisOf = (input: Duration.Input): number =>
  isMeant(input)
    ? Option.match(Duration.fromInput(input), { onNone: () => Number.NaN, onSome: Duration.toMillis })
    : Number.NaN
