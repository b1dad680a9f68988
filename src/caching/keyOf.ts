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
  const text = typeof key === "string" ? key : utf8Of(key)
  return text.isWellFormed() ? text : text.toWellFormed()
}

const none: ReadonlyArray<string> = []

/** The keys of a command; of one that cannot be sent, none. */
export const keysOf = (command: Command<unknown>): ReadonlyArray<string> => {
  const { args, settings, spec: { keys } } = command
  if (settings.invalid !== undefined) return none
  if (typeof keys === "function") return keys(args).map((position) => keyOf(args[position]))
  return keys >= 0 && keys < args.length ? [keyOf(args[keys])] : none
}

/** The first key of a command; `undefined` when it has none. */
export const firstKeyOf = ({ args, spec: { keys } }: Command<unknown>): string | undefined => {
  const position = typeof keys === "function" ? keys(args).at(0) ?? -1 : keys
  return position >= 0 && position < args.length ? keyOf(args[position]) : undefined
}
