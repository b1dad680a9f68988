/**
 * The reply of the engine to a command, before it is encoded in a version of RESP.
 *
 * A string is a bulk string, a number or bigint an integer, `null` the null, an array an array; classes stand for the
 * other kinds of replies.
 */
import { ServerError } from "../../protocol/Reply.ts"
import { type Bytes, formatDouble } from "./Bytes.ts"

/** `+OK` and the like. */
export class Simple {
  readonly text: Bytes
  constructor(text: Bytes) {
    this.text = text
  }
}

/** A score: a double over RESP3, a string over RESP2. */
export class Double {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

/** Keys and values in turns: a map over RESP3, a flat array over RESP2. */
export class Pairs {
  readonly items: ReadonlyArray<Answer>
  constructor(items: ReadonlyArray<Answer>) {
    this.items = items
  }
}

/** A set over RESP3, an array over RESP2. */
export class Members {
  readonly items: ReadonlyArray<Answer>
  constructor(items: ReadonlyArray<Answer>) {
    this.items = items
  }
}

/** Text for people: a verbatim string over RESP3, a bulk string over RESP2. */
export class Verbatim {
  readonly text: Bytes
  constructor(text: Bytes) {
    this.text = text
  }
}

/** A message that answers no command: a push over RESP3, an array over RESP2. */
export class Push {
  readonly items: ReadonlyArray<Answer>
  constructor(items: ReadonlyArray<Answer>) {
    this.items = items
  }
}

/** The null reply of commands that otherwise return arrays. */
export class NullArray {
  readonly isNullArray = true
}

/** No reply now: the command waits, or is never answered. */
export class Nothing {
  readonly isNothing = true
}

/** A reply of the engine. */
export type Answer =
  | Bytes
  | number
  | bigint
  | boolean
  | null
  | ReadonlyArray<Answer>
  | ServerError
  | Simple
  | Double
  | Pairs
  | Members
  | Verbatim
  | Push
  | NullArray
  | Nothing

export const ok = new Simple("OK")
export const nullArray = new NullArray()
export const nothing = new Nothing()

/** The answer as bytes of RESP 2 or 3. */
export const encode = (answer: Answer, resp: 2 | 3): Bytes => {
  if (typeof answer === "string") return `$${answer.length}\r\n${answer}\r\n`
  if (typeof answer === "number" || typeof answer === "bigint") return `:${answer}\r\n`
  if (answer === null) return resp === 3 ? "_\r\n" : "$-1\r\n"
  if (typeof answer === "boolean") return resp === 3 ? (answer ? "#t\r\n" : "#f\r\n") : (answer ? ":1\r\n" : ":0\r\n")
  if (answer instanceof Simple) return `+${answer.text}\r\n`
  if (answer instanceof ServerError) return `-${answer.message}\r\n`
  if (answer instanceof Double) {
    const text = formatDouble(answer.value)
    return resp === 3 ? `,${text}\r\n` : `$${text.length}\r\n${text}\r\n`
  }
  if (answer instanceof Pairs) return encodeItems(answer.items, resp === 3 ? "%" : "*", resp)
  if (answer instanceof Members) return encodeItems(answer.items, resp === 3 ? "~" : "*", resp)
  if (answer instanceof Push) return encodeItems(answer.items, resp === 3 ? ">" : "*", resp)
  if (answer instanceof Verbatim) {
    return resp === 3
      ? `=${answer.text.length + 4}\r\ntxt:${answer.text}\r\n`
      : `$${answer.text.length}\r\n${answer.text}\r\n`
  }
  if (answer instanceof NullArray) return resp === 3 ? "_\r\n" : "*-1\r\n"
  if (answer instanceof Nothing) return ""
  return encodeItems(answer, "*", resp)
}

const encodeItems = (items: ReadonlyArray<Answer>, type: string, resp: 2 | 3): Bytes => {
  let text = `${type}${type === "%" ? items.length / 2 : items.length}\r\n`
  for (const item of items) text += encode(item, resp)
  return text
}

/** An error reply. */
export const failure = (message: string): ServerError => new ServerError(message)

export const syntaxError = failure("ERR syntax error")
export const notInteger = failure("ERR value is not an integer or out of range")
export const notFloat = failure("ERR value is not a valid float")
export const wrongType = failure("WRONGTYPE Operation against a key holding the wrong kind of value")
export const noSuchKey = failure("ERR no such key")
export const outOfRange = failure("ERR index out of range")

/** The error for a command that real servers know and the engine does not. */
export const notSupported = (what: string): ServerError => failure(`ERR ${what} is not supported by TestCluster`)
