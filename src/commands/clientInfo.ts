/**
 * A connection as a server describes it, in one line.
 *
 * @since 0.1.0
 */
import { type DecodeFailure, field, integerText, isDecodeFailure, struct } from "./decode.ts"

/**
 * A connection as the server sees it. The fields differ between versions: `fields` has all of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientInfo {
  readonly id: number
  /** Address and port of the client. */
  readonly addr: string
  /** Address and port of the server; empty before 6.2. */
  readonly laddr: string
  readonly name: string
  /** Seconds since it connected. */
  readonly age: number
  /** Seconds since its last command. */
  readonly idle: number
  readonly flags: string
  readonly user: string
  /** The last command. */
  readonly cmd: string
  readonly fields: Readonly<Record<string, string>>
}

/** The figures that every server gives for every connection: text without them is something else. */
const figures = (fields: Readonly<Record<string, string>>): Figures | DecodeFailure =>
  readFigures(new Map(Object.entries(fields)))

interface Figures {
  readonly id: number
  readonly age: number
  readonly idle: number
}

const readFigures = struct<Figures>({
  id: field("id", integerText),
  age: field("age", integerText),
  idle: field("idle", integerText)
})

/** A line of `CLIENT LIST`. */
export const clientInfo = (line: string): ClientInfo | DecodeFailure => {
  const fields: Record<string, string> = {}
  for (const part of line.trim().split(" ")) {
    const equals = part.indexOf("=")
    if (equals > 0) fields[part.slice(0, equals)] = part.slice(equals + 1)
  }
  const text = (name: string) => fields[name] ?? ""
  const numbers = figures(fields)
  if (isDecodeFailure(numbers)) return numbers
  return {
    ...numbers,
    addr: text("addr"),
    laddr: text("laddr"),
    name: text("name"),
    flags: text("flags"),
    user: text("user"),
    cmd: text("cmd"),
    fields
  }
}
