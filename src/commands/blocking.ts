/**
 * How long a command may hold its reply back, read from its arguments.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"

const at = (args: ReadonlyArray<Argument>, position: number): number =>
  Number(args[position < 0 ? args.length + position : position])

/** Seconds at `position` (negative from the end) as milliseconds; 0 means no limit. */
export const seconds = (position: number) => (args: ReadonlyArray<Argument>): number => {
  const value = at(args, position)
  return value === 0 ? Infinity : value * 1000
}

/** Milliseconds at `position` (negative from the end); 0 means no limit. */
export const milliseconds = (position: number) => (args: ReadonlyArray<Argument>): number => {
  const value = at(args, position)
  return value === 0 ? Infinity : value
}

/** Milliseconds behind the word `BLOCK`, if it stands before `STREAMS`; 0 means no limit. */
export const block = (args: ReadonlyArray<Argument>): number | undefined => {
  for (let i = 0; i < args.length - 1; i++) {
    const word = args[i]
    if (typeof word !== "string") continue
    switch (word.toUpperCase()) {
      case "STREAMS":
        return undefined
      case "GROUP":
        i += 2
        break
      case "COUNT":
        i += 1
        break
      case "BLOCK":
        return milliseconds(i + 1)(args)
    }
  }
  return undefined
}
