/**
 * The facts about a command that follow from its name alone. `CommandSpec` reads them, so that a builder, a command by
 * name and the spec of a program have equal facts.
 */
import type { Argument } from "../protocol/Reply.ts"
import { latin1Of } from "../protocol/text.ts"
import * as blocking from "./blocking.ts"
import { allButLast, destinationAndCounted, firstTwo, type KeyFinder, ofMigrate, ofSort } from "./keys.ts"
import { upperCase } from "./words.ts"

/**
 * The use that a command makes of its connection, beyond one reply.
 *
 * - `changes`: it changes the state of the connection for later commands; with `isPreparation` a state that a program may wish for
 *   all connections, and that changes no reply
 * - `changesProtocol`: it changes the state, and the form of later replies
 * - `watches`: it changes which keys are watched
 * - `countsWrites`: it is about the earlier writes on its connection
 * - `never`: no connection of this client can carry it, for the given reason
 */
export type ConnectionUse =
  | { readonly _tag: "changes"; readonly isPreparation?: true }
  | { readonly _tag: "changesProtocol" }
  | { readonly _tag: "watches" }
  | { readonly _tag: "countsWrites" }
  | { readonly _tag: "never"; readonly why: string }

/** The variant of a method for keys of any slots. */
export type Nonatomic =
  | "delNonatomic"
  | "existsNonatomic"
  | "mgetNonatomic"
  | "msetNonatomic"
  | "touchNonatomic"
  | "unlinkNonatomic"

export interface NameFacts {
  /**
   * The use of the connection; `undefined` for a command with one reply and no other effect on it. For some names the
   * words after the first decide.
   */
  readonly connection?: ConnectionUse | ((rest: ReadonlyArray<Argument>) => ConnectionUse | undefined)
  /** The time for which the server may hold the reply back. */
  readonly blocking?: blocking.Blocking
  /** The keys, where the rules of servers cannot find them. */
  readonly keys?: KeyFinder
  /** Whether the reply has elements that the command has removed from the server. */
  readonly takes?: true
  /** Whether it runs a script or a function. */
  readonly runsScript?: true
  /** The position of an argument whose slot decides the best node, although any node would do. */
  readonly near?: number
  readonly nonatomic?: Nonatomic
  /** The function of a module that does the same for keys of any slots. */
  readonly nonatomicOfModule?: "Json.mgetNonatomic" | "Json.msetNonatomic"
}

const changes: NameFacts = { connection: { _tag: "changes" } }
const prepares: NameFacts = { connection: { _tag: "changes", isPreparation: true } }
const watches: NameFacts = { connection: { _tag: "watches" } }
const never = (why: string): NameFacts => ({ connection: { _tag: "never", why } })
const indistinct = never("its replies cannot be told apart")
const subscribes = never("subscriptions have connections of their own")
const transacts = never("use transaction([...]), which sends MULTI and EXEC")
const ends = never("the connection ends with its scope")
const runsScript: NameFacts = { runsScript: true }

/** The facts of a command whose subcommand decides, whether that is part of the name or the first argument. */
const container = (name: string): NameFacts => ({
  connection: ([subcommand]) => {
    const facts = subcommand === undefined ? undefined : byName.get(`${name} ${upperCase(latin1Of(subcommand))}`)
    return typeof facts?.connection === "function" ? undefined : facts?.connection
  }
})

const all = (facts: NameFacts, names: ReadonlyArray<string>): ReadonlyArray<readonly [string, NameFacts]> =>
  names.map((name) => [name, facts])

const pops = (where: blocking.Blocking): NameFacts => ({ blocking: where, takes: true })

const byName: ReadonlyMap<string, NameFacts> = new Map<string, NameFacts>([
  ...["CLIENT", "CLUSTER", "DEBUG", "SCRIPT"].map((name) => [name, container(name)] as const),
  ...all(changes, [
    "ASKING",
    "AUTH",
    "CLIENT CACHING",
    "CLIENT CAPA",
    "CLIENT TRACKING",
    "DEBUG MARK-INTERNAL-CLIENT",
    "DEBUG PROMOTE-CONN-INTERNAL",
    "READONLY",
    "READWRITE",
    "SELECT"
  ]),
  ...all(prepares, [
    "CLIENT IMPORT-SOURCE",
    "CLIENT NO-EVICT",
    "CLIENT NO-TOUCH",
    "CLIENT SETINFO",
    "CLIENT SETNAME"
  ]),
  // Without arguments HELLO changes nothing.
  ["HELLO", { connection: ({ length }) => length === 0 ? undefined : { _tag: "changesProtocol" } }],
  ...all(watches, ["UNWATCH", "WATCH"]),
  ...all(indistinct, [
    "CLIENT REPLY",
    "CLUSTER SYNCSLOTS",
    // DEBUG PROTOCOL sends pushes beside its reply, and types that no other command sends.
    "DEBUG PROTOCOL",
    "MONITOR",
    "PSYNC",
    "REPLCONF",
    // After SCRIPT DEBUG the next script has a reply for each step.
    "SCRIPT DEBUG",
    "SYNC"
  ]),
  ...all(subscribes, ["PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "UNSUBSCRIBE"]),
  ...all(transacts, ["DISCARD", "EXEC", "MULTI"]),
  ...all(ends, ["QUIT", "RESET"]),
  ["WAIT", { connection: { _tag: "countsWrites" }, blocking: blocking.milliseconds(1) }],
  ["WAITAOF", { connection: { _tag: "countsWrites" }, blocking: blocking.milliseconds(2) }],
  ["BLMOVE", { blocking: blocking.seconds(-1) }],
  ["BRPOPLPUSH", { blocking: blocking.seconds(-1) }],
  ...all(pops(blocking.seconds(0)), ["BLMPOP", "BZMPOP"]),
  ...all(pops(blocking.seconds(-1)), ["BLPOP", "BRPOP", "BZPOPMAX", "BZPOPMIN"]),
  ...all({ blocking: blocking.blockOption }, ["XREAD", "XREADGROUP"]),
  ["TS.READ", { blocking: blocking.blockFrom(2) }],
  ...all(runsScript, ["EVAL", "EVALSHA", "EVALSHA_RO", "EVAL_RO", "FCALL", "FCALL_RO"]),
  ["MIGRATE", { keys: ofMigrate }],
  ...all({ keys: ofSort }, ["SORT"]),
  // Servers know only the first key of these commands of modules.
  ...all({ keys: destinationAndCounted }, ["CMS.MERGE", "TDIGEST.MERGE"]),
  ...all({ keys: firstTwo }, ["TS.CREATERULE", "TS.DELETERULE"]),
  ["JSON.MGET", { keys: allButLast, nonatomicOfModule: "Json.mgetNonatomic" }],
  ["JSON.MSET", { nonatomicOfModule: "Json.msetNonatomic" }],
  ["DEL", { nonatomic: "delNonatomic" }],
  ["EXISTS", { nonatomic: "existsNonatomic" }],
  ["MGET", { nonatomic: "mgetNonatomic" }],
  ["MSET", { nonatomic: "msetNonatomic" }],
  // The client holds subscriptions at the owner of the channel's slot, so that the reply counts them.
  ["PUBLISH", { near: 0 }],
  ["TOUCH", { nonatomic: "touchNonatomic" }],
  ["UNLINK", { nonatomic: "unlinkNonatomic" }]
])

const none: NameFacts = {}

/** The facts about a name in upper case. Words that servers do not count as part of the name may follow. */
export const factsOf = ([first, second]: ReadonlyArray<string>): NameFacts =>
  byName.get(`${first} ${second}`) ?? byName.get(first) ?? none
