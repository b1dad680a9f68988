/**
 * How long a server may hold the reply of a command back: where the timeout stands among the arguments.
 *
 * @since 0.1.0
 */
import type { Argument } from "../../protocol/Reply.ts"
import type { CommandSpec } from "../CommandSpec.ts"
import { isWord, textOf } from "./words.ts"

type Blocker = (args: ReadonlyArray<Argument>) => number | undefined

/** A server's timeout in milliseconds; 0 is for ever, and what is no timeout is refused at once. */
const waitOf = (argument: Argument | undefined, unit: number): number | undefined => {
  const text = argument === undefined ? "" : textOf(argument)
  const value = text.trim() === "" ? NaN : Number(text) * unit
  return value > 0 ? value : value === 0 ? Infinity : undefined
}

const seconds = (position: number): Blocker => (args) => waitOf(args.at(position), 1000)

const milliseconds = (position: number): Blocker => (args) => waitOf(args.at(position), 1)

const blockOption: Blocker = (args) => {
  for (let i = 0; i < args.length && !isWord(args[i], "STREAMS"); i++) {
    if (isWord(args[i], "BLOCK")) return waitOf(args[i + 1], 1)
    // Groups and consumers may be called like options.
    if (isWord(args[i], "GROUP")) i += 2
  }
  return undefined
}

/** Where the timeout stands. The flag `blocking` alone does not say, and older servers lack it on `WAIT`. */
const blockers: Readonly<Record<string, Blocker | undefined>> = {
  BLMOVE: seconds(-1),
  BLMPOP: seconds(0),
  BLPOP: seconds(-1),
  BRPOP: seconds(-1),
  BRPOPLPUSH: seconds(-1),
  BZMPOP: seconds(0),
  BZPOPMAX: seconds(-1),
  BZPOPMIN: seconds(-1),
  WAIT: milliseconds(1),
  WAITAOF: milliseconds(2),
  XREAD: blockOption,
  XREADGROUP: blockOption
}

/**
 * Finds the timeout in the arguments of a call. A command that is `flagged` as blocking and not known here, one of a module,
 * has no timeout that could be read off its arguments: it blocks without end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const blockingOf = (name: string, flagged: boolean): CommandSpec["blocking"] =>
  blockers[name] ?? (flagged ? () => Infinity : undefined)
