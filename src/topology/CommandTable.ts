/**
 * What the servers know about their commands: which arguments are keys, what is read-only, what blocks and which
 * nodes a command without keys concerns. It routes the commands that this library has no method for.
 *
 * A table is made of the reply of `COMMAND`, laid over an embedded one, so that a user without the right to
 * `COMMAND` is routed well too.
 *
 * @since 0.1.0
 */
import { DecodeFailure } from "../commands/Command.ts"
import { CommandSpec, type RequestPolicy, type ResponsePolicy } from "../commands/CommandSpec.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import { ServerError } from "../protocol/Reply.ts"
import { embeddedCommands } from "./embeddedCommands.ts"

/**
 * One rule that finds keys, as servers describe them. Positions count from the first word of the name.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeySpec {
  /** Where the keys begin: at a position, or after a keyword that is searched from a position (from the end if negative). */
  readonly begin:
    | { readonly type: "index"; readonly index: number }
    | { readonly type: "keyword"; readonly keyword: string; readonly from: number }
    | { readonly type: "unknown" }
  /** Which keys follow: up to a last one, or as many as an argument says. */
  readonly find:
    | { readonly type: "range"; readonly last: number; readonly step: number; readonly limit: number }
    | { readonly type: "keynum"; readonly count: number; readonly first: number; readonly step: number }
    | { readonly type: "unknown" }
  /** What is found is a shard channel or a cursor: it decides the slot, but it is no key. */
  readonly notKey: boolean
}

/**
 * What one server says about one command or subcommand.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommandEntry {
  /** `GET`, `CONFIG GET`. */
  readonly name: string
  readonly readonly: boolean
  readonly blocking: boolean
  /** The value of the `request_policy` tip. */
  readonly requestTip: string | undefined
  /** The value of the `response_policy` tip. */
  readonly responseTip: string | undefined
  readonly keySpecs: ReadonlyArray<KeySpec>
  /** The server is older than 7.0: it tells neither tips nor subcommands, and only the keys at fixed positions. */
  readonly legacy: boolean
}

/**
 * What `lookup` finds: the command, and how many of the arguments belong to its name (`1` when the name was
 * `CONFIG` and the first argument `GET`).
 *
 * @category models
 * @since 0.1.0
 */
export interface CommandMatch {
  readonly spec: CommandSpec
  readonly nameArguments: 0 | 1
}

/**
 * An immutable table of commands.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommandTable {
  /** The entries by their names in upper case. */
  readonly entries: ReadonlyMap<string, CommandEntry>
  /** @internal */
  readonly index: ReadonlyMap<string, Node>
}

/** An entry on its place in the index. Specs are built when a command is first used: most never are. */
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

/**
 * Makes a table of entries; a later entry replaces an earlier one of the same name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (entries: Iterable<CommandEntry>): CommandTable => {
  const byName = new Map<string, CommandEntry>()
  for (const entry of entries) {
    const name = entry.name.toUpperCase()
    byName.set(name, name === entry.name ? entry : { ...entry, name })
  }

  const index = new Map<string, Node>()
  const file = (nodes: Map<string, Node>, name: string, node: Node): void => {
    // Both spellings are there, so that a lookup is one access and allocates nothing.
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
 * Lays the commands of one table over another. Where the upper one is silent about policies, the lower one's hold:
 * servers learned to tell more of them from version to version. Entries of servers before 7.0 only fill gaps.
 *
 * @category combining
 * @since 0.1.0
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
 *
 * @category accessors
 * @since 0.1.0
 */
export const lookup = (
  table: CommandTable,
  name: string,
  args: ReadonlyArray<Argument>
): CommandMatch | undefined => {
  const node = table.index.get(name) ?? table.index.get(name.toUpperCase())
  if (node === undefined) return undefined
  if (node.subcommands.size === 0 || args.length === 0) return node.named()
  const word = textOf(args[0])
  return (node.subcommands.get(word) ?? node.subcommands.get(word.toUpperCase()))?.argued()
}

// -----------------------------------------------------------------------------
// The reply of COMMAND
// -----------------------------------------------------------------------------

/**
 * Reads the reply of `COMMAND`, in RESP2 or RESP3. Servers before 7.0 answer less; their entries are marked.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromReply = (reply: Reply): CommandTable | DecodeFailure => {
  if (reply instanceof ServerError) return new DecodeFailure(`COMMAND failed: ${reply.message}`)
  const items = listOf(reply)
  if (items === undefined) return new DecodeFailure("COMMAND: expected a list of commands")
  const entries: Array<CommandEntry> = []
  return collect(items, entries) ?? make(entries)
}

const collect = (items: ReadonlyArray<Reply>, into: Array<CommandEntry>): DecodeFailure | undefined => {
  for (const item of items) {
    const fields = listOf(item)
    const name = fields && wordOf(fields[0])
    const flags = fields && listOf(fields[2])
    if (fields === undefined || name === undefined || flags === undefined) {
      return new DecodeFailure("COMMAND: expected a name, an arity and flags for each command")
    }
    const flagged = new Set(flags.map(wordOf))
    const tips = (listOf(fields[7]) ?? []).map(wordOf)
    const specs = (listOf(fields[8]) ?? []).map(keySpecOf)
    into.push({
      name: name.replaceAll("|", " ").toUpperCase(),
      readonly: flagged.has("readonly"),
      blocking: flagged.has("blocking"),
      requestTip: tipOf(tips, "request_policy:"),
      responseTip: tipOf(tips, "response_policy:"),
      keySpecs: specs.some(isKnown) ? specs : positions(fields[3], fields[4], fields[5]),
      legacy: fields.length < 10
    })
    const failure = collect(listOf(fields[9]) ?? [], into)
    if (failure !== undefined) return failure
  }
  return undefined
}

/** The key spec that says the same as a first key, a last key and a step. */
const positions = (first: Reply, last: Reply, step: Reply): ReadonlyArray<KeySpec> =>
  typeof first === "number" && typeof last === "number" && typeof step === "number" && first > 0 && step > 0
    ? [{
      begin: { type: "index", index: first },
      find: { type: "range", last: last < 0 ? last : last - first, step, limit: 0 },
      notKey: false
    }]
    : []

const keySpecOf = (reply: Reply): KeySpec => {
  const fields = recordOf(reply)
  const begin = recordOf(fields.get("begin_search"))
  const find = recordOf(fields.get("find_keys"))
  return {
    begin: beginOf(wordOf(begin.get("type")), recordOf(begin.get("spec"))),
    find: findOf(wordOf(find.get("type")), recordOf(find.get("spec"))),
    notKey: (listOf(fields.get("flags")) ?? []).map(wordOf).includes("not_key")
  }
}

const beginOf = (type: string | undefined, spec: ReadonlyMap<string, Reply>): KeySpec["begin"] => {
  const index = numberOf(spec.get("index"))
  const keyword = wordOf(spec.get("keyword"))
  const from = numberOf(spec.get("startfrom"))
  if (type === "index" && index !== undefined) return { type, index }
  if (type === "keyword" && keyword !== undefined && from !== undefined) {
    return { type, keyword: keyword.toUpperCase(), from }
  }
  return { type: "unknown" }
}

const findOf = (type: string | undefined, spec: ReadonlyMap<string, Reply>): KeySpec["find"] => {
  const step = numberOf(spec.get("keystep"))
  const last = numberOf(spec.get("lastkey"))
  const limit = numberOf(spec.get("limit"))
  const count = numberOf(spec.get("keynumidx"))
  const first = numberOf(spec.get("firstkey"))
  // A step that does not advance would search for ever.
  if (step === undefined || step < 1) return { type: "unknown" }
  if (type === "range" && last !== undefined && limit !== undefined) return { type, last, step, limit }
  if (type === "keynum" && count !== undefined && first !== undefined) return { type, count, first, step }
  return { type: "unknown" }
}

const isKnown = (spec: KeySpec): boolean => spec.begin.type !== "unknown" && spec.find.type !== "unknown"

const tipOf = (tips: ReadonlyArray<string | undefined>, prefix: string): string | undefined =>
  tips.find((tip) => tip?.startsWith(prefix))?.slice(prefix.length)

const listOf = (reply: Reply | undefined): ReadonlyArray<Reply> | undefined =>
  Array.isArray(reply) ? reply : reply instanceof Set ? [...reply] : undefined

/** A map, or the flat list of keys and values that RESP2 has in its place. */
const recordOf = (reply: Reply | undefined): ReadonlyMap<string, Reply> => {
  const record = new Map<string, Reply>()
  if (reply instanceof Map) {
    for (const [key, value] of reply) record.set(wordOf(key) ?? "", value)
  } else {
    const items = listOf(reply) ?? []
    for (let i = 0; i + 1 < items.length; i += 2) record.set(wordOf(items[i]) ?? "", items[i + 1])
  }
  return record
}

const wordOf = (reply: Reply | undefined): string | undefined =>
  typeof reply === "string" || reply instanceof Uint8Array ? textOf(reply) : undefined

const numberOf = (reply: Reply | undefined): number | undefined => typeof reply === "number" ? reply : undefined

const textOf = (argument: Argument): string =>
  typeof argument === "string"
    ? argument
    : Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength).toString("latin1")

// -----------------------------------------------------------------------------
// The embedded table
// -----------------------------------------------------------------------------

let cached: CommandTable | undefined

/**
 * The commands of Redis 7.0 to 8.6 and Valkey 8.0 to 9.1, without a server's help. It is read when first used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const embedded = (): CommandTable => cached ??= fromText(embeddedCommands)

/**
 * Writes a table as text: one line for all commands with the same facts (flags, tips, key specs, names).
 *
 * @internal
 */
export const toText = (table: CommandTable): string => {
  const lines = new Map<string, Array<string>>()
  const specText = ({ begin, find, notKey }: KeySpec): string => {
    const from = begin.type === "index"
      ? `,${begin.index}`
      : begin.type === "keyword"
      ? `,${begin.keyword},${begin.from}`
      : ""
    const to = find.type === "range"
      ? `,${find.last},${find.step},${find.limit}`
      : find.type === "keynum"
      ? `,${find.count},${find.first},${find.step}`
      : ""
    return `${begin.type}${from};${find.type}${to}${notKey ? ";not_key" : ""}`
  }
  for (const entry of table.entries.values()) {
    const flags = `${entry.readonly ? "r" : ""}${entry.blocking ? "b" : ""}` || "-"
    const facts = [flags, entry.requestTip ?? "-", entry.responseTip ?? "-", ...entry.keySpecs.map(specText)].join(" ")
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
        keySpecs: specs.map(specFromText),
        legacy: false
      }
      return line.slice(colon + 2).split(" ").map((name) =>
        Object.assign({}, facts, { name: name.replaceAll("|", " ") })
      )
    })
  )

const specFromText = (text: string): KeySpec => {
  const [begin, find, notKey] = text.split(";").map((part) => part.split(","))
  return {
    begin: begin[0] === "index"
      ? { type: "index", index: Number(begin[1]) }
      : begin[0] === "keyword"
      ? { type: "keyword", keyword: begin[1], from: Number(begin[2]) }
      : { type: "unknown" },
    find: find[0] === "range"
      ? { type: "range", last: Number(find[1]), step: Number(find[2]), limit: Number(find[3]) }
      : find[0] === "keynum"
      ? { type: "keynum", count: Number(find[1]), first: Number(find[2]), step: Number(find[3]) }
      : { type: "unknown" },
    notKey: notKey !== undefined
  }
}

// -----------------------------------------------------------------------------
// From an entry to a spec
// -----------------------------------------------------------------------------

const specOf = (entry: CommandEntry): CommandSpec => {
  const words = entry.name.split(" ").length
  const channel = entry.keySpecs.find((spec) => spec.notKey)?.begin
  const request = corrections[entry.name]?.request ?? requestOf(entry.requestTip)
  return new CommandSpec(entry.name, {
    keys: keyFinders[entry.name] ?? keysOf(entry.keySpecs, words),
    readonly: entry.readonly,
    // A module's command that may block has no timeout that could be read off its arguments.
    blocking: blockers[entry.name] ?? (entry.blocking ? () => Infinity : undefined),
    request,
    response: corrections[entry.name]?.response ?? responseOf(entry.responseTip, request),
    channel: channel?.type === "index" ? channel.index - words : -1
  })
}

/** Splitting over shards (`multi_shard`) is what the non-atomic methods do; a command as such goes to one node. */
const requestOf = (tip: string | undefined): RequestPolicy => {
  switch (tip) {
    case "all_shards":
      return "allShards"
    case "all_nodes":
      return "allNodes"
    case "special":
      return "explicit"
    default:
      return "default"
  }
}

const responseOf = (tip: string | undefined, request: RequestPolicy): ResponsePolicy | undefined => {
  switch (tip) {
    case "all_succeeded":
      return "allSucceeded"
    case "one_succeeded":
      return "oneSucceeded"
    case "agg_sum":
      return "sum"
    case "agg_min":
      return "min"
    case "agg_logical_and":
      return "logicalAnd"
    case undefined:
      return request === "allShards" || request === "allNodes" ? "concat" : undefined
    default:
      return undefined
  }
}

interface Correction {
  readonly request?: RequestPolicy
  readonly response?: ResponsePolicy
}

const correct = (correction: Correction, names: ReadonlyArray<string>): ReadonlyArray<readonly [string, Correction]> =>
  names.map((name) => [name, correction])

/** Where the tips are wrong or silent. */
const corrections: Readonly<Record<string, Correction | undefined>> = Object.fromEntries([
  // All or nothing, with a reply that counts: never to be split, never to be merged.
  ...correct({ request: "default", response: "oneSucceeded" }, ["MSETNX", "MSETEX"]),
  // Scripts and functions that only read run on replicas too.
  ...correct({ request: "allNodes", response: "oneSucceeded" }, ["FUNCTION KILL", "SCRIPT KILL"]),
  // It answers how many events it reset; 7.0 says otherwise.
  ...correct({ request: "allNodes", response: "sum" }, ["LATENCY RESET"]),
  // 7.0 has no response tip: nothing makes one key of several.
  ...correct({ request: "allShards", response: "perNode" }, ["RANDOMKEY"]),
  // Every node counts only its own subscribers.
  ...correct({ request: "allNodes", response: "concat" }, ["PUBSUB CHANNELS", "PUBSUB SHARDCHANNELS"]),
  ...correct({ request: "allNodes", response: "sum" }, ["PUBSUB NUMPAT"]),
  ...correct({ request: "allNodes", response: "perNode" }, ["PUBSUB NUMSUB", "PUBSUB SHARDNUMSUB"]),
  // A cursor over the whole cluster: the cursor, hashed like a key, names the node.
  ...correct({ request: "default", response: "oneSucceeded" }, ["CLUSTERSCAN"]),
  ...correct({ request: "explicit" }, [
    // The cursor means something to one node only.
    "SCAN",
    // What they answer or do concerns one node, and a random one is never meant.
    "ACL LOAD",
    "ACL LOG",
    "BGREWRITEAOF",
    "BGSAVE",
    "CLIENT KILL",
    "CLIENT LIST",
    "CLIENT PAUSE",
    "CLIENT UNBLOCK",
    "CLIENT UNPAUSE",
    "CLUSTER ADDSLOTS",
    "CLUSTER ADDSLOTSRANGE",
    "CLUSTER BUMPEPOCH",
    "CLUSTER CANCELSLOTMIGRATIONS",
    "CLUSTER COUNT-FAILURE-REPORTS",
    "CLUSTER DELSLOTS",
    "CLUSTER DELSLOTSRANGE",
    "CLUSTER FAILOVER",
    "CLUSTER FLUSHSLOT",
    "CLUSTER FLUSHSLOTS",
    "CLUSTER FORGET",
    "CLUSTER GETSLOTMIGRATIONS",
    "CLUSTER LINKS",
    "CLUSTER MEET",
    "CLUSTER MIGRATESLOTS",
    "CLUSTER MIGRATION",
    "CLUSTER MYID",
    "CLUSTER MYSHARDID",
    "CLUSTER REPLICATE",
    "CLUSTER RESET",
    "CLUSTER SAVECONFIG",
    "CLUSTER SET-CONFIG-EPOCH",
    "CLUSTER SETSLOT",
    "CLUSTER SYNCSLOTS",
    "DEBUG",
    "FAILOVER",
    "LASTSAVE",
    "MODULE LOAD",
    "MODULE LOADEX",
    "MODULE UNLOAD",
    "MONITOR",
    "PSYNC",
    "REPLCONF",
    "REPLICAOF",
    "ROLE",
    "SAVE",
    "SHUTDOWN",
    "SLAVEOF",
    "SWAPDB",
    "SYNC",
    "TRIMSLOTS",
    // Only the owner of the slot, a plain number, answers truthfully.
    "CLUSTER COUNTKEYSINSLOT",
    "CLUSTER GETKEYSINSLOT",
    // The state of a connection: its set-up says it again after a reconnect, a fan-out would not.
    "ASKING",
    "AUTH",
    "CLIENT CACHING",
    "CLIENT CAPA",
    "CLIENT GETNAME",
    "CLIENT GETREDIR",
    "CLIENT ID",
    "CLIENT IMPORT-SOURCE",
    "CLIENT INFO",
    "CLIENT NO-EVICT",
    "CLIENT NO-TOUCH",
    "CLIENT REPLY",
    "CLIENT SETINFO",
    "CLIENT SETNAME",
    "CLIENT TRACKING",
    "CLIENT TRACKINGINFO",
    "HELLO",
    "QUIT",
    "READONLY",
    "READWRITE",
    "RESET",
    "SELECT",
    // Transactions live on one connection to the owner of one slot.
    "DISCARD",
    "EXEC",
    "MULTI",
    "UNWATCH"
  ])
])

/** @internal */
export const correctedNames: ReadonlyArray<string> = Object.keys(corrections)

// -----------------------------------------------------------------------------
// Keys
// -----------------------------------------------------------------------------

type KeyFinder = (args: ReadonlyArray<Argument>) => ReadonlyArray<number>

/** What the server finds with code, because key specs cannot say it. */
const keyFinders: Readonly<Record<string, KeyFinder | undefined>> = {
  SORT: (args) => {
    const keys = args.length > 0 ? [0] : []
    for (let i = 1; i < args.length; i++) {
      if (isWord(args[i], "LIMIT")) i += 2
      else if (isWord(args[i], "GET") || isWord(args[i], "BY")) i += 1
      else if (isWord(args[i], "STORE") && i + 1 < args.length) keys[1] = ++i
    }
    return keys
  },
  // One key as the third argument; or an empty one there, and the keys behind KEYS. The passwords of AUTH may read
  // `keys` too.
  MIGRATE: (args) => {
    if (args.length < 3) return []
    if (args[2].length > 0) return [2]
    for (let i = 5; i < args.length; i++) {
      if (isWord(args[i], "AUTH")) i += 1
      else if (isWord(args[i], "AUTH2")) i += 2
      else if (isWord(args[i], "KEYS")) return Array.from({ length: args.length - i - 1 }, (_, n) => i + 1 + n)
    }
    return [2]
  }
}

const keysOf = (all: ReadonlyArray<KeySpec>, words: number): CommandSpec["keys"] => {
  const specs = all.filter((spec) => !spec.notKey && isKnown(spec))
  if (specs.length === 0) return -1
  const [{ begin, find }] = specs
  if (specs.length === 1 && begin.type === "index" && find.type === "range" && find.last === 0) {
    return begin.index - words
  }
  return (args) => {
    const keys: Array<number> = []
    for (const spec of specs) collectKeys(spec, args, words, keys)
    return keys
  }
}

/**
 * Adds the positions of the keys that one spec finds. A spec that does not fit the arguments finds none: the server
 * will say what is wrong.
 */
const collectKeys = (
  { begin, find }: KeySpec,
  args: ReadonlyArray<Argument>,
  words: number,
  into: Array<number>
): void => {
  // Servers count from the first word of the name, `args` begins behind its last.
  const count = args.length
  let first = begin.type === "index"
    ? begin.index - words
    : begin.type === "keyword"
    ? afterKeyword(begin.keyword, begin.from, args, words)
    : -1
  if (first < 0) return
  let last: number
  if (find.type === "range") {
    last = find.last >= 0
      ? first + find.last
      : find.limit > 1
      ? first + Math.floor((count - first) / find.limit) + find.last
      : count + find.last
  } else if (find.type === "keynum") {
    const keys = countOf(args[first + find.count])
    first += find.first
    last = first + (keys - 1) * find.step
  } else return
  if (last >= count) return
  for (let i = first; i <= last; i += find.step) into.push(i)
}

const afterKeyword = (keyword: string, from: number, args: ReadonlyArray<Argument>, words: number): number => {
  const step = from < 0 ? -1 : 1
  let i = from < 0 ? args.length + from : from - words
  for (; i >= 0 && i < args.length; i += step) {
    if (isWord(args[i], keyword)) return i + 1
  }
  return -1
}

const countOf = (argument: Argument | undefined): number => {
  const text = argument === undefined ? "" : textOf(argument)
  return /^[1-9][0-9]*$/.test(text) ? Number(text) : 0
}

const isWord = (argument: Argument, upper: string): boolean =>
  argument.length === upper.length && textOf(argument).toUpperCase() === upper

// -----------------------------------------------------------------------------
// Blocking
// -----------------------------------------------------------------------------

type Blocker = (args: ReadonlyArray<Argument>) => number | undefined

/** A server's timeout in milliseconds; 0 is for ever, and what is no timeout is refused at once. */
const waitOf = (argument: Argument | undefined, unit: number): number | undefined => {
  const text = argument === undefined ? "" : textOf(argument)
  const value = text.trim() === "" ? NaN : Number(text) * unit
  return value > 0 ? value : value === 0 ? Infinity : undefined
}

const seconds = (position: number): Blocker => (args) => waitOf(args.at(position), 1000)

const milliseconds = (position: number): Blocker => (args) => waitOf(args.at(position), 1)

const blockOption: Blocker = (args) => {
  for (let i = 0; i < args.length && !isWord(args[i], "STREAMS"); i++) {
    if (isWord(args[i], "BLOCK")) return waitOf(args[i + 1], 1)
    // Groups and consumers may be called like options.
    if (isWord(args[i], "GROUP")) i += 2
  }
  return undefined
}

/** Where the timeout stands. The flag `blocking` alone does not say, and older servers lack it on `WAIT`. */
const blockers: Readonly<Record<string, Blocker | undefined>> = {
  BLMOVE: seconds(-1),
  BLMPOP: seconds(0),
  BLPOP: seconds(-1),
  BRPOP: seconds(-1),
  BRPOPLPUSH: seconds(-1),
  BZMPOP: seconds(0),
  BZPOPMAX: seconds(-1),
  BZPOPMIN: seconds(-1),
  WAIT: milliseconds(1),
  WAITAOF: milliseconds(2),
  XREAD: blockOption,
  XREADGROUP: blockOption
}
