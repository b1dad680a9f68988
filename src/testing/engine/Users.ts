/**
 * The ACL commands: they make, change and list users.
 */
import { type Answer, notSupported, ok } from "./Answer.ts"
import { type Bytes, glob } from "./Bytes.ts"
import { type Call, type Group, read } from "./Call.ts"
import { everything, User } from "./User.ts"

const categories = new Set(["@all", "@read", "@write"])

/** Applies one word of ACL SETUSER. The result is the problem of the word, if there is one. */
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
  // When a word is wrong, none of the words counts.
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
