/**
 * The keys of commands in the form in which servers report them.
 */
import type { Command } from "../commands/Command.ts"
import type { Argument } from "../protocol/Reply.ts"
import { utf8Of } from "../protocol/text.ts"

/**
 * A key as the text of a report. Bytes that are not UTF-8 become replacement characters, in reports as well: keys that
 * look alike then share their reports, which drops more than necessary and never less.
 */
export const keyOf = (key: Argument): string => {
  const text = utf8Of(key)
  return text.isWellFormed() ? text : text.toWellFormed()
}

/** The keys of a command; of one that cannot be sent, none. */
export const keysOf = (command: Command<unknown>): ReadonlyArray<string> =>
  command.settings.invalid === undefined
    ? command.keyPositions.map((position) => keyOf(command.args[position]))
    : []
