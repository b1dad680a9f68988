/** The words of a text, cut where servers cut the texts of documents. */

/** Signs and spaces that stand between words. */
const between = /[\s\p{Cc},.<>{}[\]"':;!@#$%^&*()\-+=~|/\\?`]+/u

/** The words of a text. No sign with a meaning in a query is left in them. */
export const wordsOf = (text: string): ReadonlyArray<string> => text.split(between).filter((word) => word !== "")

/** The words that servers leave out of an index that names none. */
const english: ReadonlySet<string> = new Set(
  ("a is the an and are as at be but by for if in into it no not of on or such that their then there these they this to was will with")
    .split(" ")
)

/** Whether a word is not indexed. */
export const isStopWord = (word: string, stopWords: ReadonlyArray<string> | undefined): boolean => {
  const lower = word.toLowerCase()
  return stopWords === undefined ? english.has(lower) : stopWords.some((stop) => stop.toLowerCase() === lower)
}
