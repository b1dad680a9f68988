/**
 * ACL: users, their passwords, and what they may do.
 *
 * @internal
 */
import type { ServerError } from "../../protocol/Reply.ts"
import { type Answer, failure, notSupported, ok } from "./Answer.ts"
import { type Bytes, glob } from "./Bytes.ts"
import { type Call, type Group, read } from "./Call.ts"
import type { Command } from "./Commands.ts"

/** Names or patterns; everything when it holds `*`. */
type Patterns = ReadonlyMap<Bytes, (name: Bytes) => boolean>

const everything: Patterns = new Map([["*", () => true]])

export class User {
  readonly name: Bytes
  enabled = false
  withoutPassword = false
  passwords: ReadonlySet<Bytes> = new Set()
  keys: Patterns = new Map()
  channels: Patterns = new Map()
  /** `+get`, `-client|kill`, `+@read`, in the order in which they were said: the last one that fits counts. */
  rules: ReadonlyArray<string> = ["-@all"]

  constructor(name: Bytes) {
    this.name = name
  }

  /** Everything is allowed: the default user, for one. */
  get isFree(): boolean {
    return this.rules.length === 1 && this.rules[0] === "+@all" && this.keys.has("*") && this.channels.has("*")
  }

  accepts(password: Bytes): boolean {
    return this.enabled && (this.withoutPassword || this.passwords.has(password))
  }

  /** What speaks against a command of this user. */
  refusal(command: Command, args: ReadonlyArray<Bytes>): ServerError | undefined {
    const name = command.fullName(args)
    if (!isAllowed(this.rules, name, command.definition.write)) {
      return failure(`NOPERM User ${this.name} has no permissions to run the '${name}' command`)
    }
    const channels = channelsOf(command.name, args)
    if (channels !== undefined) {
      // A pattern has to be one of those that are allowed, word by word.
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

/** The user without a name, as far as its password is known from outside. */
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

const categories = new Set(["@all", "@read", "@write"])

/** Applies one word of ACL SETUSER; what is wrong with it. */
const apply = (user: User, word: Bytes): string | undefined => {
  const rest = word.slice(1)
  switch (word.toLowerCase()) {
    case "on":
    case "off":
      user.enabled = word.toLowerCase() === "on"
      return undefined
    case "nopass":
      user.withoutPassword = true
      user.passwords = new Set()
      return undefined
    case "resetpass":
      user.withoutPassword = false
      user.passwords = new Set()
      return undefined
    case "allkeys":
      user.keys = everything
      return undefined
    case "resetkeys":
      user.keys = new Map()
      return undefined
    case "allchannels":
      user.channels = everything
      return undefined
    case "resetchannels":
      user.channels = new Map()
      return undefined
    case "allcommands":
    case "+@all":
      user.rules = ["+@all"]
      return undefined
    case "nocommands":
    case "-@all":
      user.rules = ["-@all"]
      return undefined
    case "reset":
      Object.assign(user, new User(user.name))
      return undefined
  }
  switch (word[0]) {
    case ">":
      user.passwords = new Set([...user.passwords, rest])
      user.withoutPassword = false
      return undefined
    case "<":
      user.passwords = new Set([...user.passwords].filter((password) => password !== rest))
      return undefined
    case "~":
      user.keys = new Map([...user.keys, [rest, glob(rest)]])
      return undefined
    case "&":
      user.channels = new Map([...user.channels, [rest, glob(rest)]])
      return undefined
    case "+":
    case "-": {
      const rule = word.toLowerCase()
      if (rest.startsWith("@") && !categories.has(rule.slice(1))) {
        return "Categories but @all, @read and @write are not supported by TestCluster"
      }
      user.rules = [...user.rules, rule]
      return undefined
    }
    default:
      return "Syntax error"
  }
}

const setUser = (call: Call): Answer => {
  const { users } = call.node
  const name = call.args[2] ?? ""
  // Nothing of it counts when a word is wrong.
  const user = Object.assign(new User(name), users.get(name))
  for (const word of call.every(3)) {
    const problem = apply(user, word)
    if (problem !== undefined) return call.refuse(`ERR Error in ACL SETUSER modifier '${word}': ${problem}`)
  }
  const known = users.get(name)
  if (known === undefined) users.set(name, user)
  else Object.assign(known, user)
  return ok
}

const deleteUsers = (call: Call): Answer => {
  const names = call.every(2)
  if (names.includes("default")) return call.refuse("ERR The 'default' user cannot be removed")
  return names.filter((name) => {
    const user = call.node.users.get(name)
    for (const session of [...call.node.sessions]) if (user !== undefined && session.user === user) session.end()
    return call.node.users.delete(name)
  }).length
}

const acl = (call: Call): Answer => {
  switch (call.word(1)) {
    case "WHOAMI":
      return call.session.user.name
    case "USERS":
      return [...call.node.users.keys()].toSorted()
    case "SETUSER":
      return setUser(call)
    case "DELUSER":
      return deleteUsers(call)
    default:
      return notSupported(`ACL ${call.word(1)}`)
  }
}

export const users: Group = { ACL: read(-2, acl) }
