/**
 * The servers' knowledge of their commands: the keys among the arguments, whether a command is read-only or blocks,
 * and the nodes of commands without keys. The table routes commands for which this library has no method.
 *
 * A table is the reply of `COMMAND`, laid over an embedded table, so that commands of users without the right to run
 * `COMMAND` are routed as well.
 */
import type { Argument, Reply } from "../../protocol/Reply.ts"
import { latin1Of } from "../../protocol/text.ts"
import { withoutEnd } from "../blocking.ts"
import { CommandSpec } from "../CommandSpec.ts"
import { DecodeFailure } from "../decode.ts"
import { factsOf } from "../facts.ts"
import { firstWord, upperCase } from "../words.ts"
import { policiesOf } from "./CommandPolicies.ts"
import { type CommandEntry, entriesOf } from "./CommandReply.ts"
import { embeddedCommands } from "./embeddedCommands.ts"
import * as KeySpec from "./KeySpec.ts"

/**
 * The result of `lookup`: the command, and the number of arguments that belong to its name (`1` for the name `CONFIG`
 * with the first argument `GET`).
 */
export interface CommandMatch {
  readonly spec: CommandSpec
  readonly nameArguments: 0 | 1
}

/** An immutable table of commands. */
export interface CommandTable {
  /** The entries by their names in upper case. */
  readonly entries: ReadonlyMap<string, CommandEntry>
  /** @internal */
  readonly index: ReadonlyMap<string, Node>
}

/** An entry at its place in the index. Its spec is built when the command is first used: most commands never are. */
class Node {
  readonly entry: CommandEntry
  readonly subcommands = new Map<string, Node>()
  private spec: CommandSpec | undefined
  private whole: CommandMatch | undefined
  private split: CommandMatch | undefined

  constructor(entry: CommandEntry) {
    this.entry = entry
  }

  /** The match when the caller gave the whole name. */
  named(): CommandMatch {
    return this.whole ??= { spec: this.spec ??= specOf(this.entry), nameArguments: 0 }
  }

  /** The match when the caller gave the subcommand as the first argument. */
  argued(): CommandMatch {
    return this.split ??= { spec: this.spec ??= specOf(this.entry), nameArguments: 1 }
  }
}

/** Makes a table of entries; a later entry replaces an earlier one of the same name. */
export const make = (entries: Iterable<CommandEntry>): CommandTable => {
  const byName = new Map<string, CommandEntry>()
  for (const entry of entries) {
    const name = upperCase(entry.name)
    byName.set(name, name === entry.name ? entry : { ...entry, name })
  }

  const index = new Map<string, Node>()
  const file = (nodes: Map<string, Node>, name: string, node: Node): void => {
    // The index has both spellings, so that a lookup is one access and allocates nothing.
    nodes.set(name, node)
    nodes.set(name.toLowerCase(), node)
  }
  for (const [name, entry] of byName) file(index, name, new Node(entry))
  for (const name of byName.keys()) {
    const space = name.indexOf(" ")
    const node = index.get(name)
    if (space !== -1 && node !== undefined) {
      const container = index.get(name.slice(0, space))
      if (container !== undefined) file(container.subcommands, name.slice(space + 1), node)
    }
  }
  return { entries: byName, index }
}

/**
 * Lays the commands of one table over another. Where the upper table has no policies, those of the lower table apply,
 * because newer servers report more policies. Entries of servers before 7.0 only fill gaps.
 */
export const overlay = (base: CommandTable, over: CommandTable): CommandTable => {
  const entries = new Map(base.entries)
  for (const [name, entry] of over.entries) {
    const below = base.entries.get(name)
    if (below === undefined) {
      entries.set(name, entry)
    } else if (!entry.legacy) {
      entries.set(name, {
        ...entry,
        requestTip: entry.requestTip ?? below.requestTip,
        responseTip: entry.responseTip ?? below.responseTip
      })
    }
  }
  return make(entries.values())
}

/**
 * Finds a command by its name, in whatever case. The name of a subcommand is either whole (`CONFIG GET`), or its
 * second word is the first argument. The result is `undefined` when the table does not know the command or
 * subcommand.
 */
export const lookup = (
  table: CommandTable,
  name: string,
  args: ReadonlyArray<Argument>
): CommandMatch | undefined => {
  const node = table.index.get(name) ?? table.index.get(upperCase(name))
  if (node === undefined) return undefined
  if (node.subcommands.size === 0 || args.length === 0) return node.named()
  const word = latin1Of(args[0])
  return (node.subcommands.get(word) ?? node.subcommands.get(upperCase(word)))?.argued()
}

/**
 * A name in the form in which it may be shown. Words that are no part of a known name may be arguments, given in one
 * text with the name by mistake: they are left out.
 */
export const shownName = (name: string): string => {
  const words = upperCase(name).split(/\s+/).filter((word) => word !== "")
  const { entries } = embedded()
  for (let count = words.length; count > 0; count--) {
    const known = words.slice(0, count).join(" ")
    if (entries.has(known)) return known
  }
  return firstWord(name)
}

/** Commands about a slot, which is their first argument: only the owner of the slot gives the right answer. */
const aboutSlot = new Set(["CLUSTER COUNTKEYSINSLOT", "CLUSTER FLUSHSLOT", "CLUSTER GETKEYSINSLOT"])

const slotArgument: CommandSpec["slot"] = (args) => Number(args[0] === undefined ? undefined : latin1Of(args[0]))

/**
 * The blocking time of a command. An unknown command that servers mark as blocking belongs to a module: its arguments
 * show no timeout.
 */
const blockingOf = ({ blocking, name }: CommandEntry): CommandSpec["blocking"] =>
  blocking && factsOf(name.split(" ")).blocking === undefined ? withoutEnd : undefined

const specOf = (entry: CommandEntry): CommandSpec =>
  new CommandSpec(entry.name, {
    keys: KeySpec.keysOf(entry.name, entry.keySpecs),
    readonly: entry.readonly,
    blocking: blockingOf(entry),
    ...policiesOf(entry.name, entry.requestTip, entry.responseTip),
    channel: KeySpec.channelOf(entry.name, entry.keySpecs),
    slot: aboutSlot.has(entry.name) ? slotArgument : undefined
  })

/**
 * Makes a table of the reply of `COMMAND`, in RESP2 or RESP3. Servers before 7.0 describe less; their entries are
 * marked.
 */
export const fromReply = (reply: Reply): CommandTable | DecodeFailure => {
  const entries = entriesOf(reply)
  return entries instanceof DecodeFailure ? entries : make(entries)
}

let cached: CommandTable | undefined

/** The embedded table: the commands of Redis 7.0 to 8.6 and Valkey 8.0 to 9.1. It is parsed on first use. */
export const embedded = (): CommandTable => cached ??= fromText(embeddedCommands)

/**
 * Writes a table as text: one line for all commands with the same facts (flags, tips, key specs, names).
 *
 * @internal
 */
export const toText = (table: CommandTable): string => {
  const lines = new Map<string, Array<string>>()
  for (const entry of table.entries.values()) {
    const flags = `${entry.readonly ? "r" : ""}${entry.blocking ? "b" : ""}` || "-"
    const facts = [flags, entry.requestTip ?? "-", entry.responseTip ?? "-", ...entry.keySpecs.map(KeySpec.toText)]
      .join(" ")
    const names = lines.get(facts) ?? []
    names.push(entry.name.replaceAll(" ", "|"))
    lines.set(facts, names)
  }
  return [...lines].map(([facts, names]) => `${facts}: ${names.toSorted().join(" ")}`).toSorted().join("\n")
}

/**
 * Reads what `toText` wrote.
 *
 * @internal
 */
export const fromText = (text: string): CommandTable =>
  make(
    text.split("\n").filter((line) => line !== "").flatMap((line) => {
      const colon = line.indexOf(": ")
      const [flags, request, response, ...specs] = line.slice(0, colon).split(" ")
      const facts = {
        readonly: flags.includes("r"),
        blocking: flags.includes("b"),
        requestTip: request === "-" ? undefined : request,
        responseTip: response === "-" ? undefined : response,
        keySpecs: specs.map(KeySpec.fromText),
        legacy: false
      }
      return line.slice(colon + 2).split(" ").map((name) =>
        Object.assign({}, facts, { name: name.replaceAll("|", " ") })
      )
    })
  )
