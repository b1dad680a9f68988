/**
 * The name under which a reply is kept: different commands have different names.
 */
import type { Command } from "../commands/Command.ts"
import { latin1Of } from "../protocol/text.ts"

/** One of several arguments, or bytes: the kind and the length come first, so that no content can imitate them. */
const partOf = (argument: string | Uint8Array): string => {
  if (typeof argument === "string") return `t${argument.length}:${argument}`
  const text = latin1Of(argument)
  return `b${text.length}:${text}`
}

/**
 * The command with its arguments, and the form in which its reply is read. No name of a command has a zero byte, and
 * the letter behind it tells the form; `=` is for one argument that is text.
 */
export const idOf = ({ args, settings, spec }: Command<unknown>): string => {
  const form = settings.binary ? "\0b" : settings.lossy ? "\0l" : "\0t"
  const [only] = args
  if (args.length === 1 && typeof only === "string") return `${spec.name}${form}=${only}`
  let id = `${spec.name}${form}${args.length}`
  for (const argument of args) id += partOf(argument)
  return id
}
