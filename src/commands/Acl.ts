/**
 * Users and what they may do. Each node has its own users: changes go to all nodes unless a target is given.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { call, type OneOrMore } from "./Call.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * The commands on users.
 *
 * @category models
 * @since 0.1.0
 */
export interface AclCommands<S extends Surface> {
  /** The categories of commands, or the commands of one. Since 6.0.0. O(1). */
  aclCat(category?: string): Returns<S, ReadonlyArray<string>>
  /** Removes users and closes their connections, on all nodes. Answers how many there were on one. Since 6.0.0. O(1) a user. */
  aclDeluser(users: OneOrMore<string>): Returns<S, number>
  /** Whether a user may make a call, given as its words: `"OK"`, or the reason why not. Since 7.0.0. O(1). */
  aclDryrun(user: string, words: ReadonlyArray<Argument>): Returns<S, string>
  /** A random password in hexadecimal, of 256 bits unless said. Since 6.0.0. O(1). */
  aclGenpass(bits?: number): Returns<S, string>
  /** All users with their rules, as a file of users has them. Since 6.0.0. O(N) users. */
  aclList(): Returns<S, ReadonlyArray<string>>
  /** Reads the file of users again. Needs a node. Since 6.0.0. O(N) users. */
  aclLoad(): Returns<S, "OK">
  /** Writes the file of users, on all nodes. Since 6.0.0. O(N) users. */
  aclSave(): Returns<S, "OK">
  /** Makes a user or changes one, rule by rule, on all nodes. Since 6.0.0. O(N) rules. */
  aclSetuser(user: string, rules?: ReadonlyArray<string>): Returns<S, "OK">
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
const ACL_LIST = new CommandSpec("ACL LIST", {})
const ACL_LOAD = new CommandSpec("ACL LOAD", { request: "explicit" })
const ACL_SAVE = new CommandSpec("ACL SAVE", allSucceeded)
const ACL_SETUSER = new CommandSpec("ACL SETUSER", allSucceeded)
const ACL_USERS = new CommandSpec("ACL USERS", {})
const ACL_WHOAMI = new CommandSpec("ACL WHOAMI", {})

/**
 * The commands on users, as values.
 *
 * @category commands
 * @since 0.1.0
 */
export const Acl: AclCommands<CommandSurface> = {
  aclCat: (category) => make(ACL_CAT, category === undefined ? [] : [category], decode.strings),
  aclDeluser: (users) => call(ACL_DELUSER).many("users", users).to(decode.integer),
  aclDryrun: (user, words) => call(ACL_DRYRUN, user).many("words", words).to(decode.string),
  aclGenpass: (bits) =>
    (bits === undefined ? call(ACL_GENPASS) : call(ACL_GENPASS).integer("bits", bits, 1)).to(decode.string),
  aclList: () => make(ACL_LIST, [], decode.strings),
  aclLoad: () => make(ACL_LOAD, [], decode.ok),
  aclSave: () => make(ACL_SAVE, [], decode.ok),
  aclSetuser: (user, rules = []) => make(ACL_SETUSER, [user, ...rules], decode.ok),
  aclUsers: () => make(ACL_USERS, [], decode.strings),
  aclWhoami: () => make(ACL_WHOAMI, [], decode.string)
}
