/**
 * A user of ACL: the passwords and the permissions.
 */
import type { ServerError } from "../../protocol/Reply.ts"
import { failure } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"

/** A command found by name, without the code that runs it. */
export interface KnownCommand {
  readonly name: string
  /** The number of words; negative for a minimum. */
  readonly arity: number
  readonly isWrite: boolean
  /** The keys, or the shard channels, that decide where a request goes. */
  readonly keysOf: (args: ReadonlyArray<Bytes>) => ReadonlyArray<Bytes>
  /** The name in statistics: `get`, `cluster|slots`. */
  readonly fullName: (args: ReadonlyArray<Bytes>) => string
}

/** Names or patterns; everything when it holds `*`. */
type Patterns = ReadonlyMap<Bytes, (name: Bytes) => boolean>

export const everything: Patterns = new Map([["*", () => true]])

export class User {
  readonly name: Bytes
  enabled = false
  withoutPassword = false
  passwords: ReadonlySet<Bytes> = new Set()
  keys: Patterns = new Map()
  channels: Patterns = new Map()
  /** The rules `+get`, `-client|kill`, `+@read` in their order: the last rule that matches counts. */
  rules: ReadonlyArray<string> = ["-@all"]

  constructor(name: Bytes) {
    this.name = name
  }

  /** Whether everything is allowed, as for the default user. */
  get isFree(): boolean {
    return this.rules.length === 1 && this.rules[0] === "+@all" && this.keys.has("*") && this.channels.has("*")
  }

  accepts(password: Bytes): boolean {
    return this.enabled && (this.withoutPassword || this.passwords.has(password))
  }

  /** The refusal of a command of this user; `undefined` when it is allowed. */
  refusal(command: KnownCommand, args: ReadonlyArray<Bytes>): ServerError | undefined {
    const name = command.fullName(args)
    if (!isAllowed(this.rules, name, command.isWrite)) {
      return failure(`NOPERM User ${this.name} has no permissions to run the '${name}' command`)
    }
    const channels = channelsOf(command.name, args)
    if (channels !== undefined) {
      // A pattern has to be equal to an allowed one.
      const isAllowedChannel = command.name === "PSUBSCRIBE"
        ? (pattern: Bytes) => this.channels.has("*") || this.channels.has(pattern)
        : (channel: Bytes) => matchesAny(this.channels, channel)
      return channels.every(isAllowedChannel) ? undefined : failure("NOPERM No permissions to access a channel")
    }
    return command.keysOf(args).every((key) => matchesAny(this.keys, key))
      ? undefined
      : failure("NOPERM No permissions to access a key")
  }
}

/** The default user, with the password of the options. */
export const defaultUser = (password: string | undefined): User => {
  const user = new User("default")
  user.enabled = true
  user.withoutPassword = password === undefined
  user.passwords = new Set(password === undefined ? [] : [password])
  user.keys = everything
  user.channels = everything
  user.rules = ["+@all"]
  return user
}

const matchesAny = (patterns: Patterns, name: Bytes): boolean => [...patterns.values()].some((matches) => matches(name))

const channelsOf = (name: string, args: ReadonlyArray<Bytes>): ReadonlyArray<Bytes> | undefined => {
  switch (name) {
    case "PUBLISH":
    case "SPUBLISH":
      return args.slice(1, 2)
    case "SUBSCRIBE":
    case "PSUBSCRIBE":
    case "SSUBSCRIBE":
      return args.slice(1)
    default:
      return undefined
  }
}

const alwaysAllowed = new Set(["auth", "hello", "quit", "reset"])

const isAllowed = (rules: ReadonlyArray<string>, name: string, isWrite: boolean): boolean => {
  if (alwaysAllowed.has(name)) return true
  const [container] = name.split("|")
  const fits = (rule: string) =>
    rule === "@all" || rule === (isWrite ? "@write" : "@read") || rule === name || rule === container
  return rules.findLast((rule) => fits(rule.slice(1)))?.startsWith("+") === true
}
