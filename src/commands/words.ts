/**
 * Arguments and replies read as words.
 */
import type { Argument } from "../protocol/Reply.ts"

/**
 * The text of an argument; bytes as they are, one character each. Empty for what cannot be sent: facts are asked of commands
 * that are refused, too.
 */
export const textOf = (argument: Argument): string =>
  typeof argument === "string" ? argument : hasBytes(argument) ? bufferOf(argument).toString("latin1") : ""

/** Bytes that were transferred to somebody else have none left, and can no longer be looked at. */
const hasBytes = (argument: unknown): argument is Uint8Array => ArrayBuffer.isView(argument) && argument.byteLength > 0

const bufferOf = ({ buffer, byteLength, byteOffset }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength)

/** Whether an argument is this word, in whatever case. */
export const isWord = (argument: Argument, upper: string): boolean =>
  argument?.length === upper.length && textOf(argument).toUpperCase() === upper
