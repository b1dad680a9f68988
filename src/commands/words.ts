/**
 * Arguments read as words.
 */
import type { Argument } from "../protocol/Reply.ts"
import { latin1Of } from "../protocol/text.ts"

/** Whether an argument is this word, in upper or lower case. */
export const isWord = (argument: Argument, upper: string): boolean =>
  argument?.length === upper.length && latin1Of(argument).toUpperCase() === upper
