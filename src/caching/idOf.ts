/**
 * The name under which a reply is kept: different commands have different names.
 */
import type { Command } from "../commands/Command.ts"
import { latin1Of } from "../protocol/text.ts"

/** The name of one of several arguments, or of bytes: the kind and the length come first, so that no content can imitate them. */
const partOf = (argument: string | Uint8Array): string => {
  if (typeof argument === "string") return `t${argument.length}:${argument}`
  const text = latin1Of(argument)
  return `b${text.length}:${text}`
}

/**
 * The command with its arguments, and the form in which its reply is read. No name of a command has `=`, `#` or a zero
 * byte. Behind `=` is one argument that is text, behind `#` the number of arguments.
 */
export const idOf = ({ args, settings, spec }: Command<unknown>): string => {
  const form = settings.binary ? "\0b" : settings.lossy ? "\0l" : ""
  if (args.length === 1) {
    const only = args[0]
    // Nearly every hit passes here.
    if (typeof only === "string") return form === "" ? `${spec.name}=${only}` : `${spec.name}${form}=${only}`
  }
  let id = `${spec.name}${form}#${args.length}`
  for (const argument of args) id += partOf(argument)
  return id
}
