/**
 * The facts about a command that hold for every call of it: name, keys, flags and routing policies. `facts.ts` has the
 * facts that follow from the name alone.
 *
 * @since 0.1.0
 */
import * as checks from "../internal/checks.ts"
import type { Argument } from "../protocol/Reply.ts"
import { type ConnectionUse, factsOf, type NameFacts, type Nonatomic } from "./facts.ts"

/**
 * A well-formed name. Servers compare names in ASCII; some other letters become ASCII in upper case, and would make
 * another name.
 */
const wellFormed = /^[!-~]+(?: [!-~]+)*$/

const factChecks: checks.Checks<CommandFacts> = {
  keys: checks.anything,
  readonly: checks.boolean,
  blocking: checks.func,
  request: checks.oneOf("default", "allShards", "allNodes", "explicit"),
  response: checks.anything,
  channel: checks.integer(-1),
  slot: checks.func
}

/** The mistake in the facts of a program; `undefined` when there is none. */
const problemOf = (facts: CommandFacts): string | undefined => {
  const problem = checks.problemOf(facts, factChecks)
  return problem === undefined ? undefined : `CommandSpec: ${problem}`
}

/** The facts about a command of which only the name is known: it runs nowhere until it has been looked up. */
const notLookedUp: NameFacts = {
  connection: { _tag: "never", why: "its name has not been looked up, which only a client does" }
}

/**
 * The nodes to which a command without keys goes when the caller names none: the `request_policy` tip of the command
 * specification, as corrected by this library.
 *
 * - `default`: one node (the owner of the keys, or any primary)
 * - `allShards`: every primary
 * - `allNodes`: every primary and replica
 * - `explicit`: the caller has to name the node; the client never picks one
 *
 * @category models
 * @since 0.1.0
 */
export type RequestPolicy = "default" | "allShards" | "allNodes" | "explicit"

/**
 * The rule by which the replies of several nodes become one result: the `response_policy` tip of the command
 * specification.
 *
 * - `perNode`: the replies are not merged, and the result is a map from node to reply
 * - `allSucceeded`: one of the (equal) replies; the first error if any node failed
 * - `oneSucceeded`: the first success; an error only if every node failed
 * - `sum`, `min`, `logicalAnd`: numbers, or arrays of numbers element by element, are combined
 * - `concat`: arrays are joined
 * - `union`: arrays are joined, with each element once
 *
 * @category models
 * @since 0.1.0
 */
export type ResponsePolicy =
  | "perNode"
  | "allSucceeded"
  | "oneSucceeded"
  | "sum"
  | "min"
  | "logicalAnd"
  | "concat"
  | "union"

/**
 * The facts about a command that do not depend on its arguments: its name, its keys, whether it reads, which nodes it concerns.
 *
 * **When to use**
 *
 * Programs make one for a command of a module, for `Command.make`: `new CommandSpec("JSON.GET", { keys: 0, readonly: true })`. For a
 * command that a program sends rarely, `Command.named` asks the servers for the facts.
 *
 * **Gotchas**
 *
 * The facts are believed. A command that writes and is marked `readonly` is sent again after a lost connection, and may go to a replica.
 * A name that cannot be sent fails each command with an `OptionsError`.
 *
 * @category models
 * @since 0.1.0
 */
export class CommandSpec {
  /** The name as the server knows it, in upper case: `GET`, `CONFIG GET`. */
  readonly name: string
  /** The position of the only key among the arguments, `-1` when there is none, or a function that finds all keys. */
  readonly keys: number | ((args: ReadonlyArray<Argument>) => ReadonlyArray<number>)
  /** Whether the command changes no data, so that it may be sent again and may go to a replica. */
  readonly readonly: boolean
  /**
   * The time for which the server may hold the reply back, in milliseconds (`Infinity` for no limit); `undefined` for
   * a command that does not block.
   */
  readonly blocking: ((args: ReadonlyArray<Argument>) => number | undefined) | undefined
  readonly request: RequestPolicy
  readonly response: ResponsePolicy
  /** The position of a shard channel: it decides the slot as a key does, without being a key; `-1` when there is none. */
  readonly channel: number
  /** The slot that the arguments name, for commands about a slot; `undefined` for other commands. */
  readonly slot: ((args: ReadonlyArray<Argument>) => number) | undefined
  /** Whether the reply has elements that the command has removed from the server. */
  readonly takes: boolean
  /** Whether it runs a script or a function. */
  readonly runsScript: boolean
  /**
   * Whether calls without keys are spread over the primaries: scripts, and commands of modules, for which any server asks the others.
   *
   * @internal
   */
  readonly isSpread: boolean
  /**
   * The position of an argument whose slot decides the best node, although any node would do; `-1` when there is none.
   */
  readonly near: number
  /** The variant of its method for keys of any slots. */
  readonly nonatomic: Nonatomic | undefined
  /** The function of a module that does the same for keys of any slots. */
  readonly nonatomicOfModule: string | undefined
  /** The reason why commands of it cannot be sent: its name, or a fact that does not exist; `undefined` when they can. */
  readonly problem: string | undefined
  /**
   * Whether only the name is known: the commands cache has the facts, which a client looks up before it sends the command.
   *
   * @internal
   */
  readonly isNameOnly: boolean
  /**
   * The name to look up. That of a command of which only the name is known is the text that the caller gave, which may
   * have arguments in it by mistake: it is looked up, and never shown.
   *
   * @internal
   */
  readonly askedName: string

  /** Whether no call of it blocks or changes its connection, so that all are fit for shared connections. */
  readonly isPlain: boolean

  private readonly connection: NameFacts["connection"]
  /** The wire form of the name for each number of arguments, built when first needed. */
  private readonly prefixes: Array<string> = []
  private readonly words: ReadonlyArray<string>

  constructor(name: string, facts: CommandFacts, asked?: string) {
    const isNameOnly = asked !== undefined
    const isWellFormed = wellFormed.test(asked ?? name)
    this.problem = isWellFormed
      ? problemOf(facts)
      : "the name of a command has to be one or more words of visible ASCII characters, with one space between two words"
    this.name = isWellFormed ? name.toUpperCase() : String(name)
    this.askedName = asked ?? this.name
    this.words = this.name.split(" ")
    this.isNameOnly = isNameOnly
    const known = isNameOnly ? notLookedUp : factsOf(this.words)
    this.keys = facts.keys ?? known.keys ?? -1
    this.readonly = facts.readonly ?? false
    this.blocking = facts.blocking ?? known.blocking
    this.request = facts.request ?? "default"
    this.response = facts.response ??
      (this.request === "default" || this.request === "explicit" ? "oneSucceeded" : "perNode")
    this.channel = facts.channel ?? -1
    this.slot = facts.slot
    this.takes = known.takes ?? false
    this.runsScript = known.runsScript ?? false
    this.isSpread = this.runsScript || this.name.includes(".")
    this.near = known.near ?? -1
    this.nonatomic = known.nonatomic
    this.nonatomicOfModule = known.nonatomicOfModule
    this.connection = known.connection
    this.isPlain = this.blocking === undefined && this.connection === undefined
  }

  /**
   * The use that a call makes of its connection, beyond one reply; `undefined` when there is none.
   *
   * @internal
   */
  connectionUse(args: ReadonlyArray<Argument>): ConnectionUse | undefined {
    const { connection } = this
    return typeof connection === "function" ? connection([...this.words.slice(1), ...args]) : connection
  }

  /**
   * The array header and the name words in RESP, for a call with `count` arguments.
   *
   * @internal
   */
  prefix(count: number): string {
    return this.prefixes[count] || this.makePrefix(count)
  }

  private makePrefix(count: number): string {
    let prefix = `*${this.words.length + count}\r\n`
    for (const word of this.words) {
      prefix += `$${Buffer.byteLength(word)}\r\n${word}\r\n`
    }
    // Long variadic calls would fill the table with entries that are never used again.
    if (count < 32) {
      while (this.prefixes.length <= count) this.prefixes.push("")
      this.prefixes[count] = prefix
    }
    return prefix
  }
}

/**
 * The facts that the definition of a command gives to `CommandSpec`; each has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommandFacts {
  readonly keys?: CommandSpec["keys"] | undefined
  readonly readonly?: boolean | undefined
  readonly blocking?: CommandSpec["blocking"]
  readonly request?: RequestPolicy | undefined
  readonly response?: ResponsePolicy | undefined
  readonly channel?: number | undefined
  readonly slot?: CommandSpec["slot"]
}
