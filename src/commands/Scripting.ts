/**
 * Lua scripts and functions. Their replies have any shape: `Command.schema` gives a reply a type.
 *
 * @since 0.1.0
 */
import type { Argument, Reply } from "../protocol/Reply.ts"
import { call, type OneOrMore, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { answeringPerNode, make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { counted } from "./keys.ts"
import type { Exact, When } from "./Options.ts"
import { parameters } from "./parameters/Scripting.ts"
import type { CommandSurface, Returns, ReturnsPerNode, Surface } from "./Surface.ts"

/**
 * The input of a script or a function. The keys have to be of one slot, and decide the node. Without keys it runs on
 * any primary, and must not touch keys.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptInput {
  /** The keys, all of one slot: `KEYS` in a script. Default: none. */
  readonly keys?: ReadonlyArray<Argument> | undefined
  /** The other arguments: `ARGV` in a script. Default: none. */
  readonly args?: ReadonlyArray<Value> | undefined
}

/**
 * Options of `functionList`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FunctionListOptions {
  /** Only libraries whose names match this glob pattern. */
  readonly libraryName?: Argument | undefined
  /** Return the code of each library, too. */
  readonly withCode?: boolean | undefined
}

/**
 * Options of `functionLoad`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FunctionLoadOptions {
  /** Overwrite a library of the same name. */
  readonly replace?: boolean | undefined
}

/**
 * A library of functions.
 *
 * @category models
 * @since 0.1.0
 */
export interface FunctionLibrary {
  readonly name: string
  /** The engine: `LUA`. */
  readonly engine: string
  readonly functions: ReadonlyArray<{
    readonly name: string
    readonly description: string | null
    /** `no-writes`, `allow-stale` ... */
    readonly flags: ReadonlyArray<string>
  }>
}

/**
 * The reply of `functionList`: libraries, with their code if wanted.
 *
 * @category models
 * @since 0.1.0
 */
export type FunctionListReply<O> = ReadonlyArray<
  When<O, "withCode", FunctionLibrary & { readonly code: string }, FunctionLibrary>
>

/**
 * The reply of `functionStats`: the engines of a node, and the running function.
 *
 * @category models
 * @since 0.1.0
 */
export interface FunctionStats {
  /** The function or script that runs at the moment, with the words of the call; `null` if there is none. */
  readonly running:
    | { readonly name: string; readonly command: ReadonlyArray<string>; readonly durationMs: number }
    | null
  /** The numbers of libraries and functions, by the name of the engine. */
  readonly engines: Readonly<Record<string, { readonly libraries: number; readonly functions: number }>>
}

/**
 * The methods of the commands on scripts and functions.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptingCommands<S extends Surface> {
  /** Runs a Lua script. Since 2.6.0. As long as the script takes. */
  eval(script: Argument, input?: ScriptInput): Returns<S, Reply>
  /** Runs a Lua script that only reads, so that replicas may run it. Since 7.0.0. As long as the script takes. */
  evalRo(script: Argument, input?: ScriptInput): Returns<S, Reply>
  /**
   * Runs a script by its digest; fails with `NOSCRIPT` if the node does not have it. Since 2.6.0. As long as the
   * script takes.
   */
  evalsha(sha1: string, input?: ScriptInput): Returns<S, Reply>
  /**
   * Runs a script that only reads by its digest, so that replicas may run it. Since 7.0.0. As long as the script
   * takes.
   */
  evalshaRo(sha1: string, input?: ScriptInput): Returns<S, Reply>
  /** Calls a function of a library. Since 7.0.0. As long as the function takes. */
  fcall(name: string, input?: ScriptInput): Returns<S, Reply>
  /** Calls a function that only reads, so that replicas may run it. Since 7.0.0. As long as the function takes. */
  fcallRo(name: string, input?: ScriptInput): Returns<S, Reply>
  /** Removes a library, on all primaries. Since 7.0.0. O(1). */
  functionDelete(library: string): Returns<S, "OK">
  /** All libraries in the server's own format, for `functionRestore`; read it with `Command.bytes`. Since 7.0.0. O(N) functions. */
  functionDump(): Returns<S, string>
  /** Removes all libraries, on all primaries. Since 7.0.0. O(N) functions. */
  functionFlush(mode?: "ASYNC" | "SYNC"): Returns<S, "OK">
  /** Ends a function that only reads and runs too long, on any node. Since 7.0.0. O(1). */
  functionKill(): Returns<S, "OK">
  /** The libraries of functions. Since 7.0.0. O(N) functions. */
  functionList<const O extends FunctionListOptions = {}>(
    options?: Exact<O, FunctionListOptions>
  ): Returns<S, FunctionListReply<O>>
  /**
   * Loads a library on all primaries; `replace` overwrites a library of that name. Returns the name. Since 7.0.0.
   * O(1).
   */
  functionLoad(code: Argument, options?: FunctionLoadOptions): Returns<S, string>
  /** Loads the result of `functionDump`, on all primaries. Since 7.0.0. O(N) functions. */
  functionRestore(serialized: Argument, policy?: "FLUSH" | "APPEND" | "REPLACE"): Returns<S, "OK">
  /** The number of functions, and the function that runs, per primary. Since 7.0.0. O(1). */
  functionStats(): ReturnsPerNode<S, FunctionStats>
  /** Returns for each digest whether all primaries have the script. Since 2.6.0. O(N) scripts. */
  scriptExists(sha1: OneOrMore<string>): Returns<S, ReadonlyArray<boolean>>
  /** Removes all scripts, on all nodes. Since 2.6.0. O(N) scripts. */
  scriptFlush(mode?: "ASYNC" | "SYNC"): Returns<S, "OK">
  /** Ends a script that only reads and runs too long, on any node. Since 2.6.0. O(1). */
  scriptKill(): Returns<S, "OK">
  /** Loads a script on all nodes. Returns its digest, for `evalsha`. Since 2.6.0. O(N) bytes. */
  scriptLoad(script: Argument): Returns<S, string>
  /** The source of a script by its digest; fails with `NOSCRIPT` if the node does not have it. Valkey 8.0. O(1). */
  scriptShow(sha1: string): Returns<S, string>
}

const input = { keys: counted(1) } as const
const inputRo = { keys: counted(1), readonly: true } as const
const shards = { request: "allShards", response: "allSucceeded" } as const
const nodes = { request: "allNodes", response: "allSucceeded" } as const
// Replicas run scripts and functions that only read, too.
const whichever = { request: "allNodes", response: "oneSucceeded" } as const

const EVAL = new CommandSpec("EVAL", input)
const EVAL_RO = new CommandSpec("EVAL_RO", inputRo)
const EVALSHA = new CommandSpec("EVALSHA", input)
const EVALSHA_RO = new CommandSpec("EVALSHA_RO", inputRo)
const FCALL = new CommandSpec("FCALL", input)
const FCALL_RO = new CommandSpec("FCALL_RO", inputRo)
const FUNCTION_DELETE = new CommandSpec("FUNCTION DELETE", shards)
const FUNCTION_DUMP = new CommandSpec("FUNCTION DUMP", {})
const FUNCTION_FLUSH = new CommandSpec("FUNCTION FLUSH", shards)
const FUNCTION_KILL = new CommandSpec("FUNCTION KILL", whichever)
const FUNCTION_LIST = new CommandSpec("FUNCTION LIST", {})
const FUNCTION_LOAD = new CommandSpec("FUNCTION LOAD", shards)
const FUNCTION_RESTORE = new CommandSpec("FUNCTION RESTORE", shards)
const FUNCTION_STATS = new CommandSpec("FUNCTION STATS", { request: "allShards", response: "perNode" })
const SCRIPT_EXISTS = new CommandSpec("SCRIPT EXISTS", { request: "allShards", response: "logicalAnd" })
const SCRIPT_FLUSH = new CommandSpec("SCRIPT FLUSH", nodes)
const SCRIPT_KILL = new CommandSpec("SCRIPT KILL", whichever)
const SCRIPT_LOAD = new CommandSpec("SCRIPT LOAD", nodes)

const SCRIPT_SHOW = new CommandSpec("SCRIPT SHOW", {})

const library = {
  name: decode.field("library_name", decode.string),
  engine: decode.field("engine", decode.string),
  functions: decode.field(
    "functions",
    decode.arrayOf(decode.struct<FunctionLibrary["functions"][number]>({
      name: decode.field("name", decode.string),
      description: decode.field("description", decode.stringOrNull),
      flags: decode.field("flags", decode.strings)
    }))
  )
}

const libraries = decode.arrayOf(decode.struct<FunctionLibrary>(library))

const librariesWithCode = decode.arrayOf(decode.struct<FunctionLibrary & { readonly code: string }>({
  ...library,
  code: decode.field("library_code", decode.string)
}))

const functionStats = decode.struct<FunctionStats>({
  running: decode.field(
    "running_script",
    decode.nullable(decode.struct<NonNullable<FunctionStats["running"]>>({
      name: decode.field("name", decode.string),
      command: decode.field("command", decode.strings),
      durationMs: decode.field("duration_ms", decode.integer)
    }))
  ),
  engines: decode.field(
    "engines",
    decode.recordOf(decode.struct<FunctionStats["engines"][string]>({
      libraries: decode.field("libraries_count", decode.integer),
      functions: decode.field("functions_count", decode.integer)
    }))
  )
})

const run = (spec: CommandSpec) => (what: Argument, { keys = [], args = [] }: ScriptInput = {}) => {
  const self = call(spec, what, String(keys.length)).all(keys)
  for (const arg of args) self.value(arg)
  return self.to(decode.reply)
}

/**
 * The builders of the commands on scripts and functions: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Scripting: ScriptingCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  eval: run(EVAL),
  evalRo: run(EVAL_RO),
  evalsha: run(EVALSHA),
  evalshaRo: run(EVALSHA_RO),
  fcall: run(FCALL),
  fcallRo: run(FCALL_RO),
  functionDelete: (library) => make(FUNCTION_DELETE, [library], decode.ok),
  functionDump: () => make(FUNCTION_DUMP, [], decode.string),
  functionFlush: (mode) => make(FUNCTION_FLUSH, mode === undefined ? [] : [mode], decode.ok),
  functionKill: () => make(FUNCTION_KILL, [], decode.ok),
  functionList: (options: FunctionListOptions = {}) =>
    call(FUNCTION_LIST).option("LIBRARYNAME", options.libraryName).flag("WITHCODE", options.withCode)
      .to(decode.chosen(options.withCode === true ? librariesWithCode : libraries)),
  functionLoad: (code, options = {}) =>
    call(FUNCTION_LOAD).flag("REPLACE", options.replace).add(code).to(decode.string),
  functionRestore: (serialized, policy) =>
    make(FUNCTION_RESTORE, policy === undefined ? [serialized] : [serialized, policy], decode.ok),
  functionStats: () => answeringPerNode(make(FUNCTION_STATS, [], functionStats)),
  scriptExists: (sha1) => call(SCRIPT_EXISTS).many("sha1", sha1).to(decode.booleans),
  scriptFlush: (mode) => make(SCRIPT_FLUSH, mode === undefined ? [] : [mode], decode.ok),
  scriptKill: () => make(SCRIPT_KILL, [], decode.ok),
  scriptLoad: (script) => make(SCRIPT_LOAD, [script], decode.string),
  scriptShow: (sha1) => make(SCRIPT_SHOW, [sha1], decode.string)
})
