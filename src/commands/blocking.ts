/**
 * The time for which a server may hold the reply of a command back, read from the arguments of the command.
 */
import type { Argument } from "../protocol/Reply.ts"
import { latin1Of } from "../protocol/text.ts"
import { isWord } from "./words.ts"

/** Reads the time in milliseconds, `Infinity` for no limit; `undefined` when the server answers at once. */
export type Blocking = (args: ReadonlyArray<Argument>) => number | undefined

/** A server's timeout in milliseconds. 0 means no limit; a server refuses an invalid timeout at once. */
const waitOf = (argument: Argument | undefined, unit: number): number | undefined => {
  const text = argument === undefined ? "" : latin1Of(argument)
  const value = text.trim() === "" ? NaN : Number(text) * unit
  return value > 0 ? value : value === 0 ? Infinity : undefined
}

/** Reads seconds at `position`, which counts from the end if negative. */
export const seconds = (position: number): Blocking => (args) => waitOf(args.at(position), 1000)

/** Reads milliseconds at `position`, which counts from the end if negative. */
export const milliseconds = (position: number): Blocking => (args) => waitOf(args.at(position), 1)

/** Reads milliseconds after the last word `BLOCK` before `STREAMS`, which is the one that servers obey. */
export const blockOption: Blocking = (args) => {
  let wait: number | undefined
  for (let i = 0; i < args.length && !isWord(args[i], "STREAMS"); i++) {
    if (isWord(args[i], "BLOCK")) wait = waitOf(args[++i], 1)
    // Groups and consumers may have the names of options.
    else if (isWord(args[i], "GROUP")) i += 2
  }
  return wait
}

/** Reads milliseconds after the first word `BLOCK` from a position on, which is the one that modules obey. */
export const blockFrom = (position: number): Blocking => (args) => {
  for (let i = position; i < args.length; i++) if (isWord(args[i], "BLOCK")) return waitOf(args[i + 1], 1)
  return undefined
}

/** The time of a command whose arguments show no timeout: no limit. */
export const withoutEnd: Blocking = () => Infinity
