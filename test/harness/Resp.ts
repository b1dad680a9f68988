/**
 * The one reader of replies that is independent of the library under test: what it reports about a server cannot be wrong in
 * the same way. RESP2 and RESP3, simple rather than fast.
 */
import { type Reply, ServerError } from "../../src/protocol/Reply.ts"

/** One word of a command. */
export type Word = string | number | Uint8Array

/** A command as it goes over the wire. */
export const encode = (words: ReadonlyArray<Word>): Buffer =>
  Buffer.concat([
    Buffer.from(`*${words.length}\r\n`),
    ...words.flatMap((word) => {
      const bytes = typeof word === "object" ? word : Buffer.from(String(word))
      return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]
    })
  ])

/** A reply as it came: the sign of its type, and what follows. */
export interface Wire {
  readonly type: string
  readonly content: Buffer | null | ReadonlyArray<Wire>
}

/** Reads one reply from `at`; nothing when it is not complete yet. */
export const read = (bytes: Buffer, at: number): { readonly wire: Wire; readonly end: number } | undefined => {
  const lineEnd = bytes.indexOf("\r\n", at)
  if (lineEnd === -1) return undefined
  const type = String.fromCharCode(bytes[at])
  const line = bytes.subarray(at + 1, lineEnd)
  const start = lineEnd + 2
  switch (type) {
    case "+":
    case "-":
    case ":":
    case ",":
    case "#":
    case "(":
    case "_":
      return { wire: { type, content: line }, end: start }
    case "$":
    case "=": {
      const length = Number(line)
      if (length === -1) return { wire: { type, content: null }, end: start }
      const end = start + length
      return bytes.length < end + 2 ? undefined : { wire: { type, content: bytes.subarray(start, end) }, end: end + 2 }
    }
    case "*":
    case "~":
    case ">":
    case "%": {
      const length = Number(line)
      if (length === -1) return { wire: { type, content: null }, end: start }
      const items: Array<Wire> = []
      let end = start
      while (items.length < (type === "%" ? 2 * length : length)) {
        const item = read(bytes, end)
        if (item === undefined) return undefined
        items.push(item.wire)
        end = item.end
      }
      return { wire: { type, content: items }, end }
    }
    default:
      throw new Error(`a reply of an unknown type: ${type}${line}`)
  }
}

/** Reads so many replies; nothing when they are not complete yet. */
export const readAll = (bytes: Buffer, count: number): ReadonlyArray<Wire> | undefined => {
  const replies: Array<Wire> = []
  let end = 0
  while (replies.length < count) {
    const next = read(bytes, end)
    if (next === undefined) return undefined
    replies.push(next.wire)
    end = next.end
  }
  return replies
}

/** A reply as a plain value; bulk strings as bytes when asked for. */
export const valueOf = ({ content, type }: Wire, binary = false): Reply => {
  if (content === null) return null
  if (Array.isArray(content)) {
    const items = content.map((item) => valueOf(item, binary))
    if (type === "~") return new Set(items)
    return type === "%"
      ? new Map(items.flatMap((item, index) => index % 2 === 0 ? [[item, items[index + 1]] as const] : []))
      : items
  }
  const bytes = content as Buffer
  const text = bytes.toString("utf8")
  switch (type) {
    case "-":
      return new ServerError(text)
    case ":": {
      const number = Number(text)
      return Number.isSafeInteger(number) ? number : BigInt(text)
    }
    case "(":
      return BigInt(text)
    case ",":
      return text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text)
    case "#":
      return text === "t"
    case "_":
      return null
    case "$":
      return binary ? new Uint8Array(bytes) : text
    case "=":
      return binary ? new Uint8Array(bytes.subarray(4)) : text.slice(4)
    default:
      return text
  }
}
