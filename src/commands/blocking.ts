/**
 * How long a server may hold the reply of a command back, read from the arguments of the command.
 */
import type { Argument } from "../protocol/Reply.ts"
import { latin1Of } from "../protocol/text.ts"
import { isWord } from "./words.ts"

/** Milliseconds, `Infinity` for no limit; `undefined` when the server answers at once. */
export type Blocking = (args: ReadonlyArray<Argument>) => number | undefined

/** A server's timeout in milliseconds. 0 means no limit; a server refuses at once what is no timeout. */
const waitOf = (argument: Argument | undefined, unit: number): number | undefined => {
  const text = argument === undefined ? "" : latin1Of(argument)
  const value = text.trim() === "" ? NaN : Number(text) * unit
  return value > 0 ? value : value === 0 ? Infinity : undefined
}

/** Seconds at `position`, negative from the end. */
export const seconds = (position: number): Blocking => (args) => waitOf(args.at(position), 1000)

/** Milliseconds at `position`, negative from the end. */
export const milliseconds = (position: number): Blocking => (args) => waitOf(args.at(position), 1)

/** Milliseconds behind the word `BLOCK`, if it stands before `STREAMS`. */
export const blockOption: Blocking = (args) => {
  for (let i = 0; i < args.length && !isWord(args[i], "STREAMS"); i++) {
    if (isWord(args[i], "BLOCK")) return waitOf(args[i + 1], 1)
    // Groups and consumers may be called like options.
    if (isWord(args[i], "GROUP")) i += 2
  }
  return undefined
}

/** No timeout can be read off the arguments. */
export const withoutEnd: Blocking = () => Infinity
