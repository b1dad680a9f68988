/**
 * Users and their permissions. Each node has its own users: changes go to all nodes unless a target is given.
 *
 * @since 0.1.0
 */
import { call, type OneOrMore, type Secret, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { type ClientInfo, clientInfo } from "./clientInfo.ts"
import { answeringPerNode, make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { parameters } from "./parameters/Acl.ts"
import type { CommandSurface, Returns, ReturnsPerNode, Surface } from "./Surface.ts"

/**
 * The permissions of a user, as rules of `aclSetuser`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AclPermissions {
  /** `-@all +get`. */
  readonly commands: string
  /** `~key:* %R~other:*`. */
  readonly keys: string
  /** `&channel:*`. */
  readonly channels: string
  /** `alldbs`, or the databases that the user may use. Valkey 9.1. */
  readonly databases: string | undefined
}

/**
 * A user with its rules: the reply of `aclGetuser`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AclUser extends AclPermissions {
  /** `on`, `off`, `nopass` ... */
  readonly flags: ReadonlyArray<string>
  /** The SHA-256 digests of the passwords, in hexadecimal. */
  readonly passwords: ReadonlyArray<string>
  /** Further permissions of the user. */
  readonly selectors: ReadonlyArray<AclPermissions>
}

/**
 * A command that a user was refused: an entry of `aclLog`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AclLogEntry {
  /** The number of such refusals within a minute. */
  readonly count: number
  /** `command`, `key`, `channel`, `auth` ... */
  readonly reason: string
  /** `toplevel`, `multi`, `lua` or `module`. */
  readonly context: string
  /** The command, key or channel that was refused. */
  readonly object: string
  readonly username: string
  readonly ageSeconds: number
  readonly client: ClientInfo
  /** The number of the entry. This and the times after it exist since 7.2.0. */
  readonly entryId: number | undefined
  /** Milliseconds since 1970. */
  readonly timestampCreated: number | undefined
  /** Milliseconds since 1970. */
  readonly timestampLastUpdated: number | undefined
}

/**
 * The methods of the commands on users.
 *
 * @category models
 * @since 0.1.0
 */
export interface AclCommands<S extends Surface> {
  /** The categories of commands, or the commands of one. Since 6.0.0. O(1). */
  aclCat(category?: string): Returns<S, ReadonlyArray<string>>
  /** Removes users and closes their connections, on all nodes. Returns the number of users that existed on one node. Since 6.0.0. O(1) a user. */
  aclDeluser(users: OneOrMore<string>): Returns<S, number>
  /** Whether a user may make a call, given as its words: `"OK"`, or the reason why not. Since 7.0.0. O(1). */
  aclDryrun(user: string, words: ReadonlyArray<Value>): Returns<S, string>
  /** A random password in hexadecimal, of 256 bits by default. Since 6.0.0. O(1). */
  aclGenpass(bits?: number): Returns<S, string>
  /** A user with its rules, `null` if there is none. Since 6.0.0 (this form 7.0.0). O(N) rules. */
  aclGetuser(user: string): Returns<S, AclUser | null>
  /** All users with their rules, in the format of the ACL file. Since 6.0.0. O(N) users. */
  aclList(): Returns<S, ReadonlyArray<string>>
  /** Reads the ACL file again. Needs a node. Since 6.0.0. O(N) users. */
  aclLoad(): Returns<S, "OK">
  /** The refusals of users' commands, the latest first, per node; 10 entries by default. Since 6.0.0. O(N) entries. */
  aclLog(count?: number): ReturnsPerNode<S, ReadonlyArray<AclLogEntry>>
  /** Removes the refusals of users' commands from the log, on all nodes. Since 6.0.0. O(N) entries. */
  aclLogReset(): Returns<S, "OK">
  /** Writes the ACL file, on all nodes. Since 6.0.0. O(N) users. */
  aclSave(): Returns<S, "OK">
  /** Makes a user or changes one, rule by rule, on all nodes. A rule with a password may be `Redacted`. Since 6.0.0. O(N) rules. */
  aclSetuser(user: string, rules?: ReadonlyArray<string | Secret>): Returns<S, "OK">
  /** The names of all users. Since 6.0.0. O(N) users. */
  aclUsers(): Returns<S, ReadonlyArray<string>>
  /** The user of the connection. Since 6.0.0. O(1). */
  aclWhoami(): Returns<S, string>
}

const allSucceeded = { request: "allNodes", response: "allSucceeded" } as const

const ACL_CAT = new CommandSpec("ACL CAT", {})
const ACL_DELUSER = new CommandSpec("ACL DELUSER", allSucceeded)
const ACL_DRYRUN = new CommandSpec("ACL DRYRUN", {})
const ACL_GENPASS = new CommandSpec("ACL GENPASS", {})
const ACL_GETUSER = new CommandSpec("ACL GETUSER", {})
const ACL_LIST = new CommandSpec("ACL LIST", {})
const ACL_LOAD = new CommandSpec("ACL LOAD", { request: "explicit" })
const ACL_LOG = new CommandSpec("ACL LOG", { request: "allNodes", response: "perNode" })
const ACL_LOG_RESET = new CommandSpec("ACL LOG", allSucceeded)
const ACL_SAVE = new CommandSpec("ACL SAVE", allSucceeded)
const ACL_SETUSER = new CommandSpec("ACL SETUSER", allSucceeded)
const ACL_USERS = new CommandSpec("ACL USERS", {})
const ACL_WHOAMI = new CommandSpec("ACL WHOAMI", {})

const permissions = {
  commands: decode.field("commands", decode.string),
  keys: decode.field("keys", decode.string),
  channels: decode.field("channels", decode.string),
  databases: decode.optional("databases", decode.string)
}

const user = decode.nullable(decode.struct<AclUser>({
  ...permissions,
  flags: decode.field("flags", decode.strings),
  passwords: decode.field("passwords", decode.strings),
  selectors: decode.field("selectors", decode.arrayOf(decode.struct<AclPermissions>(permissions)))
}))

const logEntries = decode.arrayOf(decode.struct<AclLogEntry>({
  count: decode.field("count", decode.integer),
  reason: decode.field("reason", decode.string),
  context: decode.field("context", decode.string),
  object: decode.field("object", decode.string),
  username: decode.field("username", decode.string),
  ageSeconds: decode.field("age-seconds", decode.double),
  client: decode.field("client-info", decode.parsed(clientInfo)),
  entryId: decode.optional("entry-id", decode.integer),
  timestampCreated: decode.optional("timestamp-created", decode.integer),
  timestampLastUpdated: decode.optional("timestamp-last-updated", decode.integer)
}))

/**
 * The builders of the commands on users: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Acl: AclCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  aclCat: (category) => make(ACL_CAT, category === undefined ? [] : [category], decode.strings),
  aclDeluser: (users) => call(ACL_DELUSER).many("users", users).to(decode.integer),
  aclDryrun: (user, words) => call(ACL_DRYRUN, user).many("words", words).to(decode.string),
  aclGenpass: (bits) =>
    (bits === undefined ? call(ACL_GENPASS) : call(ACL_GENPASS).integer("bits", bits, 1)).to(decode.string),
  aclGetuser: (name) => make(ACL_GETUSER, [name], user),
  aclList: () => make(ACL_LIST, [], decode.strings),
  aclLoad: () => make(ACL_LOAD, [], decode.ok),
  aclLog: (count) =>
    answeringPerNode((count === undefined ? call(ACL_LOG) : call(ACL_LOG).integer("count", count, 0)).to(logEntries)),
  aclLogReset: () => make(ACL_LOG_RESET, ["RESET"], decode.ok),
  aclSave: () => make(ACL_SAVE, [], decode.ok),
  aclSetuser: (user, rules = []) => {
    const self = call(ACL_SETUSER, user)
    return (rules.length === 0 ? self : self.many("rules", rules)).to(decode.ok)
  },
  aclUsers: () => make(ACL_USERS, [], decode.strings),
  aclWhoami: () => make(ACL_WHOAMI, [], decode.string)
})
