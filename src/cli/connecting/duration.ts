/** Durations as users of a command line write them. */
import * as Duration from "effect/Duration"

const units: Readonly<Record<string, ((amount: number) => Duration.Duration) | undefined>> = {
  ms: Duration.millis,
  s: Duration.seconds,
  m: Duration.minutes,
  h: Duration.hours
}

/** `500ms`, `1.5s`, `2m`, `1h`; `undefined` for anything else, as a bare number could mean any unit. */
export const durationOf = (text: string): Duration.Duration | undefined => {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/.exec(text.trim()) ?? []
  const duration = units[unit]?.(Number(amount))
  return duration === undefined || Duration.toMillis(duration) < 1 ? undefined : duration
}
