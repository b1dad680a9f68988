/**
 * The bytes that a cached reply takes.
 */
import type { Reply } from "../protocol/Reply.ts"

/** The bytes of a value in memory beside its content: header and pointer. */
const perValue = 16
/** The bytes of a reply in the cache beside its content: the object, and its place in the table of replies. */
const perReply = 240
/** The bytes of a key that the cache knows, beside its text. */
const perKey = 160
/** The bytes of a read on its way beside its keys: the request, its caller and its commands. */
const perRead = 800

const textBytes = (text: string): number => Buffer.byteLength(text)

/** The name of a command whose only argument is its key is shared by all of them. */
const nameBytes = (name: string): number => name.length > longestShared ? perValue + name.length : 0
const longestShared = 24

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

interface Text {
  readonly text: string
}

/** The bytes of a reply with its name, its keys and its places in the indexes. */
export const weightOf = (name: string, keys: ReadonlyArray<Text>, reply: Reply): number => {
  let bytes = perReply + bytesOf(reply) + nameBytes(name)
  for (let i = 0; i < keys.length; i++) bytes += perKey + textBytes(keys[i].text)
  return bytes
}

/** The bytes of a read on its way, with the caller that waits for it. */
export const weightOfRead = (name: string, keys: ReadonlyArray<string>): number => {
  let bytes = perRead + nameBytes(name)
  for (let i = 0; i < keys.length; i++) bytes += perKey + keys[i].length
  return bytes
}
