/** Replies as redis-cli prints them, and as JSON. */
import { type Reply, ServerError } from "../../index.ts"
import { textOf, visible, visibleBytes } from "./text.ts"

const quoted = (value: Uint8Array): string => {
  const text = textOf(value)
  return text === undefined
    ? `"${visibleBytes(value).replaceAll(/["]/g, String.raw`\"`)}"`
    : `"${visible(text.replaceAll(/["\\]/g, (sign) => `\\${sign}`))}"`
}

const isMap = (reply: Reply): reply is ReadonlyMap<Reply, Reply> => reply instanceof Map
const isSet = (reply: Reply): reply is ReadonlySet<Reply> => reply instanceof Set
const isList = (reply: Reply): reply is ReadonlyArray<Reply> => Array.isArray(reply)

/** The elements of a list, each with its number before it, and with lines of its own indented. */
const listed = (elements: ReadonlyArray<string>, sign: string): string => {
  const width = `${elements.length}`.length
  const indent = " ".repeat(width + sign.length + 1)
  return elements
    .map((element, i) => `${`${i + 1}`.padStart(width)}${sign} ${element.replaceAll("\n", `\n${indent}`)}`)
    .join("\n")
}

/** A reply for people: with its type, and a line for each element. Status replies are text, all other strings are bytes. */
export const pretty = (reply: Reply): string => {
  if (reply === null) return "(nil)"
  if (reply instanceof Uint8Array) return quoted(reply)
  if (typeof reply === "string") return visible(reply)
  if (typeof reply === "number") return Number.isSafeInteger(reply) ? `(integer) ${reply}` : `(double) ${reply}`
  if (typeof reply === "bigint") return `(integer) ${reply}`
  if (typeof reply === "boolean") return `(${reply})`
  if (reply instanceof ServerError) return `(error) ${visible(reply.message)}`
  if (isList(reply)) return reply.length === 0 ? "(empty array)" : listed(reply.map(pretty), ")")
  if (isSet(reply)) return reply.size === 0 ? "(empty set)" : listed(Array.from(reply, pretty), "~")
  if (isMap(reply)) {
    return reply.size === 0
      ? "(empty hash)"
      : listed(Array.from(reply, ([field, value]) => `${pretty(field)} => ${pretty(value)}`), "#")
  }
  return `(unreadable) ${reply.message}`
}

const newLine = Buffer.from("\n")

const lined = (elements: Iterable<Uint8Array>): Uint8Array =>
  Buffer.concat(Array.from(elements, (element, i) => i === 0 ? [element] : [newLine, element]).flat())

/** A reply for programs that read lines: the bytes of values as they are, a line for each element. */
export const raw = (reply: Reply): Uint8Array => {
  if (reply instanceof Uint8Array) return reply
  if (isList(reply) || isSet(reply)) return lined(Array.from(reply, raw))
  if (isMap(reply)) return lined(Array.from(reply, ([field, value]) => [raw(field), raw(value)]).flat())
  if (reply === null) return Buffer.alloc(0)
  return Buffer.from(typeof reply === "object" ? reply.message : String(reply))
}

/** A reply as a value of JSON. Bytes that are no text are `{ base64 }`, and numbers that JSON has not are text. */
export const toJson = (reply: Reply): unknown => {
  if (reply instanceof Uint8Array) return textOf(reply) ?? { base64: Buffer.from(reply).toString("base64") }
  if (typeof reply === "bigint") return String(reply)
  if (typeof reply === "number") return Number.isFinite(reply) ? reply : String(reply)
  if (reply === null || typeof reply !== "object") return reply
  if (reply instanceof ServerError) return { error: reply.message }
  if (isList(reply) || isSet(reply)) return Array.from(reply, toJson)
  if (isMap(reply)) {
    const entries = Array.from(reply, ([field, value]) => [toJson(field), toJson(value)] as const)
    return entries.every(([field]) => typeof field === "string" || typeof field === "number")
      ? Object.fromEntries(entries.map(([field, value]) => [String(field), value]))
      : entries
  }
  return { error: reply.message }
}
