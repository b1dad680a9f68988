/**
 * A connection as a server describes it, in one line.
 *
 * @since 0.1.0
 */

/**
 * A connection as the server sees it. What it says differs from version to version: `fields` has all of it.
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

/** A line of `CLIENT LIST`. */
export const clientInfo = (line: string): ClientInfo => {
  const fields: Record<string, string> = {}
  for (const part of line.trim().split(" ")) {
    const equals = part.indexOf("=")
    if (equals > 0) fields[part.slice(0, equals)] = part.slice(equals + 1)
  }
  const text = (name: string) => fields[name] ?? ""
  return {
    id: Number(text("id")),
    addr: text("addr"),
    laddr: text("laddr"),
    name: text("name"),
    age: Number(text("age")),
    idle: Number(text("idle")),
    flags: text("flags"),
    user: text("user"),
    cmd: text("cmd"),
    fields
  }
}
