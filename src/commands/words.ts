/**
 * Arguments and replies read as words.
 */
import type { Argument } from "../protocol/Reply.ts"

/** The text of an argument; bytes as they are, one character each. */
export const textOf = (argument: Argument): string =>
  typeof argument === "string"
    ? argument
    : Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength).toString("latin1")

/** Whether an argument is this word, in whatever case. */
export const isWord = (argument: Argument, upper: string): boolean =>
  argument.length === upper.length && textOf(argument).toUpperCase() === upper
