/**
 * A sample of a command, and the common parts of samples.
 */
import type { Command } from "../../../src/commands/Command.ts"
import type { Argument } from "../../../src/protocol/Reply.ts"

/** The first versions of the servers that know a command or an option; a server that is not named does not know it. */
export interface Since {
  readonly redis?: string
  readonly valkey?: string
}

export interface Sample {
  /**
   * The method, and after a space what is special about this sample. A sample with nothing special is the example on the
   * page of the command.
   */
  readonly name: string
  readonly command: Command<unknown>
  /** The calls before the command: words, or commands. The example of a page has commands. */
  readonly prepare?: ReadonlyArray<ReadonlyArray<Argument> | Command<unknown>>
  /** The later versions whose additions the server refuses. */
  readonly refused?: ReadonlyArray<ReadonlyArray<Argument>>
  readonly expected?: unknown
  /** For answers that differ from call to call: whether one is of the right kind. */
  readonly unstable?: (value: unknown) => boolean
  /** A reply of that kind, as the page of the command shows it. */
  readonly shown?: string
  /** Why it is not run on a cluster of several nodes. */
  readonly alone?: string
  /** The server refuses it, which shows that it understood the call. */
  readonly error?: RegExp
  /** It is not run on older servers. */
  readonly since?: Since
}

export interface Omission {
  readonly command: Command<unknown>
  readonly reason: string
}

export const k = [["SET", "k", "10"]]
export const text = [["SET", "k", "hello"]]
export const two = [["MSET", "{t}a", "ohmytext", "{t}b", "mynewtext"]]
export const hash = [["HSET", "h", "f", "1", "g", "2"]]
export const far = new Date(Date.UTC(2100, 0, 1))

export const isObject = (value: unknown): boolean => typeof value === "object" && value !== null
export const isNumber = (value: unknown): boolean => typeof value === "number" && !Number.isNaN(value)
export const isText = (value: unknown): boolean => typeof value === "string"
export const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)
export const has = (...names: ReadonlyArray<string>) => (value: unknown): boolean =>
  typeof value === "object" && value !== null && names.every((name) => Object.hasOwn(value, name))
