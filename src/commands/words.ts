/**
 * Arguments read as words.
 */
import type { Argument } from "../protocol/Reply.ts"
import { latin1Of } from "../protocol/text.ts"

const lowerCase = /[a-z]+/g
const beyondAscii = /[^\0-\x7f]/

/**
 * A word in upper case, as servers read it: only the letters of ASCII have another case. Other letters can become ASCII in
 * JavaScript's upper case, and would pass for another word.
 */
export const upperCase = (word: string): string =>
  beyondAscii.test(word) ? word.replaceAll(lowerCase, (letters) => letters.toUpperCase()) : word.toUpperCase()

/** Whether an argument is this word, in upper or lower case. */
export const isWord = (argument: Argument, upper: string): boolean =>
  argument?.length === upper.length && upperCase(latin1Of(argument)) === upper

/** The most letters of a name that are shown while nobody knows it. */
const longestShown = 40

/**
 * The first word of a name, in upper case: the part of a name that may be shown before it is known. Further words may be arguments,
 * given in one text with the name by mistake.
 */
export const firstWord = (name: string): string => {
  const [first] = upperCase(name).trim().split(/\s/, 1)
  return first.length > longestShown ? `${first.slice(0, longestShown)}...` : first
}
