/**
 * The bytes that a cached reply takes. The constants were measured (`bench/cache.ts`): the memory of V8 for replies of many kinds
 * is within a fifth of what is counted, and below it where many replies are about one key.
 */
import type { Reply } from "../protocol/Reply.ts"

/** The bytes of a value without content. */
const perValue = 8
/** The bytes of a text beside its content. */
const perText = 24
/** The bytes of a view of memory beside its content. */
const perBytes = 190
/** The bytes of a list beside its elements, and of each place in it. */
const perList = 32
const perPlace = 8
/** The bytes of a map or a set beside its elements, and of each entry. */
const perTable = 120
const perEntry = 32
/** The bytes of a reply in the cache beside its content: the object, and its place among the replies. */
const perReply = 155
/** The bytes of a key that the cache knows, beside its text. */
const perKey = 205
/** The bytes of a read on its way beside its keys: the request, its caller and its commands. */
const perRead = 800

const textBytes = (text: string): number => perText + Buffer.byteLength(text)

/** The bytes of a reply, approximately. */
export const bytesOf = (reply: Reply): number => {
  if (typeof reply === "string") return textBytes(reply)
  if (reply === null || typeof reply !== "object") return perValue
  if (reply instanceof Uint8Array) return perBytes + reply.byteLength
  if (Array.isArray(reply)) {
    let bytes = perList
    for (let i = 0; i < reply.length; i++) bytes += perPlace + bytesOf(reply[i])
    return bytes
  }
  let bytes = perTable
  if (reply instanceof Map) { for (const [key, value] of reply) bytes += perEntry + bytesOf(key) + bytesOf(value) }
  else if (reply instanceof Set) { for (const element of reply) bytes += perEntry + bytesOf(element) }
  return bytes
}

interface Text {
  readonly text: string
}

/** The name of a command whose only argument is its key is shared by all of them. */
const nameBytes = (name: string): number => name.includes("#") ? perText + name.length : 0

/** The bytes of a reply with its name, its keys and its places in the indexes. */
export const weightOf = (name: string, keys: ReadonlyArray<Text>, reply: Reply): number => {
  let bytes = perReply + bytesOf(reply) + nameBytes(name)
  for (let i = 0; i < keys.length; i++) bytes += perKey + keys[i].text.length
  return bytes
}

/** The bytes of a read on its way, with the caller that waits for it. */
export const weightOfRead = (name: string, keys: ReadonlyArray<Text>): number => {
  let bytes = perRead + nameBytes(name)
  for (let i = 0; i < keys.length; i++) bytes += perKey + keys[i].text.length
  return bytes
}
