/**
 * Arguments and replies read as text.
 */
import type { Argument, Reply } from "./Reply.ts"

/** Whether the bytes can be read: a buffer that was transferred to another thread has none left. */
const hasBytes = (value: unknown): value is Uint8Array => ArrayBuffer.isView(value) && value.byteLength > 0

const bufferOf = ({ buffer, byteLength, byteOffset }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength)

/** The text, which is UTF-8 in bytes; other bytes become replacement characters. Empty for what cannot be sent. */
export const utf8Of = (value: Argument): string =>
  typeof value === "string" ? value : hasBytes(value) ? bufferOf(value).toString("utf8") : ""

/**
 * The text, with a character for each byte: different bytes are different texts. Empty for what cannot be sent: facts are
 * asked of commands that are refused, too.
 */
export const latin1Of = (value: Argument): string =>
  typeof value === "string" ? value : hasBytes(value) ? bufferOf(value).toString("latin1") : ""

/** A reply of bytes as text, and any other reply as it is. */
export const readable = (reply: Reply): Reply => reply instanceof Uint8Array ? utf8Of(reply) : reply
