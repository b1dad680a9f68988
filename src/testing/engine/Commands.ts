/**
 * Every command of the engine, with its keys. The keys come from the library's own table of commands, which tests
 * compare with servers.
 */
import * as CommandTable from "../../commands/table/CommandTable.ts"
import { upperCase } from "../../commands/words.ts"
import type { ServerError } from "../../protocol/Reply.ts"
import { failure, notSupported } from "./Answer.ts"
import { bitmaps } from "./Bitmaps.ts"
import { blocking } from "./Blocking.ts"
import { type Bytes, toText } from "./Bytes.ts"
import type { Definition, Group } from "./Call.ts"
import { clusterCommands } from "./ClusterCommands.ts"
import { connection } from "./ConnectionCommands.ts"
import { dumps } from "./Dump.ts"
import { functionCommands } from "./Functions.ts"
import { generic } from "./Generic.ts"
import { geo } from "./Geo.ts"
import { hashes } from "./Hashes.ts"
import { hyperLogLog } from "./HyperLogLog.ts"
import { json } from "./Json.ts"
import { lists } from "./Lists.ts"
import { pubSub } from "./PubSubCommands.ts"
import { scans } from "./Scan.ts"
import { scripting } from "./Scripting.ts"
import { server } from "./Server.ts"
import { sets } from "./Sets.ts"
import { sortedSets } from "./SortedSets.ts"
import { streams } from "./Streams.ts"
import { strings } from "./Strings.ts"
import { transactions } from "./Transactions.ts"
import type { KnownCommand } from "./User.ts"
import { users } from "./Users.ts"

const definitions: Group = {
  ...strings,
  ...generic,
  ...dumps,
  ...hashes,
  ...lists,
  ...sets,
  ...sortedSets,
  ...streams,
  ...bitmaps,
  ...hyperLogLog,
  ...geo,
  ...json,
  ...scans,
  ...blocking,
  ...transactions,
  ...pubSub,
  ...scripting,
  ...functionCommands,
  ...connection,
  ...server,
  ...users,
  ...clusterCommands
}

/** The names of all commands that are implemented. */
export const supported: ReadonlyArray<string> = Object.keys(definitions).toSorted()

const containers = new Set([
  "ACL",
  "CLIENT",
  "CLUSTER",
  "COMMAND",
  "CONFIG",
  "DEBUG",
  "FUNCTION",
  "MEMORY",
  "OBJECT",
  "PUBSUB",
  "SCRIPT",
  "XGROUP",
  "XINFO"
])

/** A command found by name. */
export class Command implements KnownCommand {
  readonly name: string
  readonly definition: Definition
  readonly arity: number
  readonly isWrite: boolean
  private keys: ((args: ReadonlyArray<Bytes>) => ReadonlyArray<Bytes>) | undefined

  constructor(name: string, definition: Definition) {
    this.name = name
    this.definition = definition
    this.arity = definition.arity
    this.isWrite = definition.write
  }

  /** The keys, or the shard channels, that decide where a request goes. */
  keysOf(args: ReadonlyArray<Bytes>): ReadonlyArray<Bytes> {
    this.keys ??= keyFinder(this.name)
    return this.keys(args)
  }

  /** The name in statistics: `get`, `cluster|slots`. */
  fullName(args: ReadonlyArray<Bytes>): string {
    const name = this.name.toLowerCase()
    return containers.has(this.name) && args.length > 1 ? `${name}|${args[1].toLowerCase()}` : name
  }
}

const noKeys: ReadonlyArray<Bytes> = []

const keyFinder = (name: string): (args: ReadonlyArray<Bytes>) => ReadonlyArray<Bytes> => {
  if (name === "SSUBSCRIBE" || name === "SUNSUBSCRIBE") return (args) => args.slice(1)
  if (name === "SPUBLISH") return (args) => args.slice(1, 2)
  if (name === "SORT" || name === "SORT_RO") return sortKeys
  const find = (args: ReadonlyArray<Bytes>) => {
    const match = CommandTable.lookup(CommandTable.embedded(), name, args.slice(1))
    if (match === undefined) return noKeys
    const words = 1 + match.nameArguments
    const { keys } = match.spec
    if (typeof keys === "number") return keys >= 0 && keys + words < args.length ? [args[keys + words]] : noKeys
    return keys(args.slice(words)).map((at) => args[at + words]).filter((key) => key !== undefined)
  }
  if (containers.has(name)) return find
  const spec = CommandTable.lookup(CommandTable.embedded(), name, [])?.spec
  if (spec === undefined) return () => noKeys
  const { keys } = spec
  if (typeof keys !== "number") return find
  return keys < 0 ? () => noKeys : (args) => keys + 1 < args.length ? [args[keys + 1]] : noKeys
}

/** The key to sort, and the key for the result. */
const sortKeys = (args: ReadonlyArray<Bytes>): ReadonlyArray<Bytes> => {
  const at = args.findIndex((word, i) => i > 1 && word.toUpperCase() === "STORE")
  return at !== -1 && at + 1 < args.length ? [args[1], args[at + 1]] : args.slice(1, 2)
}

const commands = new Map<string, Command | undefined>()

const byName = (word: Bytes): Command | undefined => {
  const known = commands.get(word)
  if (known !== undefined) return known
  const name = upperCase(word)
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined
  if (definition === undefined) return undefined
  const command = commands.get(name) ?? new Command(name, definition)
  commands.set(name, command)
  // Names in lower case, as most clients write them.
  if (word === name.toLowerCase()) commands.set(word, command)
  return command
}

/** The command of a request, or why it cannot be called: unknown, not implemented, or too few or too many words. */
export const find = (args: ReadonlyArray<Bytes>): Command | ServerError => {
  const command = byName(args[0])
  if (command === undefined) return unknown(args)
  const { arity } = command
  if (arity > 0 ? args.length !== arity : args.length < -arity) {
    return failure(`ERR wrong number of arguments for '${command.name.toLowerCase()}' command`)
  }
  return command
}

const unknown = (args: ReadonlyArray<Bytes>): ServerError => {
  const name = upperCase(args[0])
  if (CommandTable.lookup(CommandTable.embedded(), name, []) !== undefined) return notSupported(name)
  const rest = args.slice(1).map((word) => `'${toText(word).slice(0, 128)}' `).join("")
  return failure(`ERR unknown command '${toText(args[0]).slice(0, 128)}', with args beginning with: ${rest}`)
}
