/**
 * The bytes that a cached reply takes.
 */
import type { Reply } from "../protocol/Reply.ts"

/** The bytes of a value in memory beside its content: header and pointer. */
const perValue = 16
/** The bytes of a reply in the cache beside its content: the object, and its place in the table of replies. */
export const perReply = 240
/** The bytes of a key in the index by key, beside its text. */
export const perKey = 96

const textBytes = (text: string): number => Buffer.byteLength(text)

/** The bytes of a reply, approximately. */
export const bytesOf = (reply: Reply): number => {
  if (typeof reply === "string") return perValue + textBytes(reply)
  if (reply === null || typeof reply !== "object") return perValue
  if (reply instanceof Uint8Array) return perValue + reply.byteLength
  let bytes = perValue
  if (reply instanceof Map) { for (const [key, value] of reply) bytes += bytesOf(key) + bytesOf(value) }
  else if (Array.isArray(reply) || reply instanceof Set) { for (const element of reply) bytes += bytesOf(element) }
  return bytes
}

/** The bytes of a reply with its name, its keys and its places in the indexes. */
export const weightOf = (id: string, keys: ReadonlyArray<string>, reply: Reply): number => {
  let bytes = perReply + textBytes(id) + bytesOf(reply)
  for (const key of keys) bytes += perKey + textBytes(key)
  return bytes
}
