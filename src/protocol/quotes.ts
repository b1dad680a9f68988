/**
 * Error texts of servers without the arguments that servers quote in them: keys, values and passwords stay out of errors.
 */
import type { Argument } from "./Reply.ts"

/** The words behind which servers list the arguments of a command, cut and escaped. */
const listed = /,? with args beginning with:.*$/s

/** The most bytes of an argument that servers quote. */
const quotable = 128
/**
 * A shorter argument is replaced inside quotation marks only, because elsewhere it is more often a word of the text
 * than a quotation.
 */
const tellable = 3
/** An argument of this length is no part of a longer word by chance: it is replaced there as well. */
const unmistakable = 8

const marks = new Set(["'", "\"", "`"])

const textOf = (argument: Argument): string => {
  const text = typeof argument === "string"
    ? argument
    // An argument that is longer than the text cannot be a part of it.
    : Buffer.from(argument.buffer, argument.byteOffset, Math.min(argument.byteLength, 64 * 1024)).toString("utf8")
  // An error is one line.
  return text.length > 64 * 1024 ? text.slice(0, quotable) : text.replace(/[\r\n]/g, " ")
}

const isWordCharacter = (character: string): boolean => /[\p{L}\p{N}_]/u.test(character)

/** Replaces each occurrence of an argument; a short argument is left where it is a part of a longer word. */
const replaceAll = (text: string, quoted: string, by: string): string => {
  let result = ""
  let from = 0
  for (let at = text.indexOf(quoted); at !== -1; at = text.indexOf(quoted, from)) {
    const end = at + quoted.length
    const before = text.charAt(at - 1)
    const after = text.charAt(end)
    const isPart = quoted.length < unmistakable && (
      (isWordCharacter(before) && isWordCharacter(quoted.charAt(0))) ||
      (isWordCharacter(after) && isWordCharacter(quoted.charAt(quoted.length - 1)))
    )
    const isShort = quoted.length < tellable && !(marks.has(before) && before === after)
    result += text.slice(from, at) + (isPart || isShort ? quoted : by)
    from = end
  }
  return result + text.slice(from)
}

/**
 * The text with `<argument 2>` in the place of the second argument, and without the list of arguments with which servers end
 * the error about an unknown command.
 */
export const withoutArguments = (message: string, args: ReadonlyArray<Argument>): string => {
  let text = message.replace(listed, "")
  const quotes: Array<readonly [quoted: string, by: string]> = []
  for (let i = 0; i < args.length; i++) {
    const quoted = textOf(args[i])
    const start = quoted.slice(0, quotable)
    if (quoted !== "" && text.includes(start)) {
      quotes.push([text.includes(quoted) ? quoted : start, `<argument ${i + 1}>`])
    }
  }
  // One argument may be a part of another one.
  quotes.sort(([one], [other]) => other.length - one.length)
  for (const [quoted, by] of quotes) text = replaceAll(text, quoted, by)
  return text
}
