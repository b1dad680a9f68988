/**
 * The name of a command among those about its first key: different commands have different names.
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
 * The command, the form in which its reply is read, and its arguments, unless these are the key alone. No name of a
 * command has `#` or a zero byte. Bytes that are not text may look like another key, so that they are part of the name.
 */
export const nameOf = ({ args, settings, spec }: Command<unknown>): string => {
  const form = settings.binary ? `${spec.name}\0b` : settings.lossy ? `${spec.name}\0l` : spec.name
  // Nearly every command ends here.
  if (args.length === 1 && typeof args[0] === "string") return form
  let name = `${form}#`
  for (const argument of args) name += partOf(argument)
  return name
}
