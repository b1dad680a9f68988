/**
 * EVAL, EVALSHA and SCRIPT. A script runs as Lua, or as the function that was registered for its text.
 */
import { ServerError } from "../../protocol/Reply.ts"
import { type Answer, failure, notSupported, ok } from "./Answer.ts"
import { type Bytes, fromArgument, toText } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { luaMachine, luaPackage } from "./LuaMachine.ts"
import { type ScriptCall, type ScriptValue, toValue } from "./ScriptValue.ts"
import { sha1 } from "./sha1.ts"

const toAnswer = (value: ScriptValue): Answer => {
  if (typeof value === "string") return fromArgument(value)
  if (typeof value === "number") return Math.trunc(value)
  if (value === null || typeof value === "bigint" || value instanceof ServerError) return value
  return value.map(toAnswer)
}

const noScript = failure("NOSCRIPT No matching script. Please use EVAL.")

/** The error for a script or a function that nothing can run. */
export const needsLua = (what: string, method: string): ServerError =>
  failure(
    `ERR ${what} needs Lua. TestCluster runs Lua when the package ${luaPackage} is installed ` +
      `(npm install --save-dev ${luaPackage}). Without it, set a function in TypeScript with ${method}`
  )

const scriptFlags = new Set(["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"])

/** The flags in the first line of a script, or the error of a server. */
const flagsOf = (source: Bytes): ReadonlyArray<Bytes> | ServerError => {
  if (!source.startsWith("#!")) return []
  const end = source.indexOf("\n")
  if (end < 0) return failure("ERR Invalid script shebang")
  const [engine, ...options] = source.slice(0, end).trim().split(/\s+/)
  if (engine !== "#!lua") return failure(`ERR Unexpected engine in script shebang: ${engine}`)
  const flags: Array<Bytes> = []
  for (const option of options) {
    if (!option.startsWith("flags=")) return failure(`ERR Unknown lua shebang option: ${option}`)
    for (const flag of option.slice("flags=".length).split(",")) {
      if (flag === "") continue
      if (!scriptFlags.has(flag)) return failure(`ERR Unexpected flag in script shebang: ${flag}`)
      flags.push(flag)
    }
  }
  return flags
}

/** Keeps a script by its SHA1. A script that does not compile is not kept: the result is its error. */
const keep = (call: Call, source: Bytes, sha: string): ServerError | undefined => {
  const { cluster, scripts } = call.node
  if (scripts.has(sha)) return undefined
  if (!cluster.byteScripts.has(sha) && !cluster.scripts.has(sha)) {
    const flags = flagsOf(source)
    if (flags instanceof ServerError) return flags
    const problem = luaMachine()?.compile(source.replace(/^#!.*/, ""))
    if (problem !== undefined) return problem
  }
  scripts.set(sha, source)
  return undefined
}

const run = (call: Call, source: Bytes, sha: string, isReadonly: boolean): Answer => {
  const byBytes = call.node.cluster.byteScripts.get(sha)
  if (byBytes !== undefined) {
    return runWithInput(call, (keys, args) => byBytes((...words) => nested(call, words, isReadonly, 2), keys, args))
  }
  const replacement = call.node.cluster.scripts.get(sha)
  if (replacement !== undefined) return runReplacement(call, replacement, isReadonly)
  const machine = luaMachine()
  if (machine === undefined) return needsLua("a script", "onScript")
  const flags = flagsOf(source)
  if (flags instanceof ServerError) return flags
  const readonly = isReadonly || flags.includes("no-writes")
  return runWithInput(call, (keys, args) =>
    // The first line with the flags is no Lua, and its line feed keeps the numbers of the lines.
    machine.runScript(source.replace(/^#!.*/, ""), sha, keys, args, {
      run: (words, resp) => nested(call, words, readonly, resp)
    }))
}

/** Runs code with the keys and the arguments of the call. */
export const runWithInput = (
  call: Call,
  code: (keys: ReadonlyArray<Bytes>, args: ReadonlyArray<Bytes>) => Answer
): Answer => {
  const numkeys = call.integer(2)
  if (!call.failed && numkeys < 0) return call.refuse("ERR Number of keys can't be negative")
  if (!call.failed && numkeys > call.args.length - 3) {
    return call.refuse("ERR Number of keys can't be greater than number of args")
  }
  return call.failed ? null : code(call.args.slice(3, 3 + numkeys), call.args.slice(3 + numkeys))
}

/** Runs the registered function in place of Lua. */
export const runReplacement = (call: Call, script: ScriptCall, readonly: boolean): Answer =>
  runWithInput(call, (keys, args) =>
    toAnswer(script({
      keys: keys.map(toText),
      args: args.map(toText),
      call: (...words) => toValue(nested(call, words.map((word) => fromArgument(String(word))), readonly, 2))
    })))

/** The commands that servers refuse in scripts. */
const notInScripts = new Set([
  "ASKING",
  "AUTH",
  "CLIENT",
  "CONFIG",
  "DISCARD",
  "EVAL",
  "EVALSHA",
  "EVALSHA_RO",
  "EVAL_RO",
  "EXEC",
  "FCALL",
  "FCALL_RO",
  "FUNCTION",
  "HELLO",
  "MULTI",
  "PSUBSCRIBE",
  "PUNSUBSCRIBE",
  "QUIT",
  "READONLY",
  "READWRITE",
  "RESET",
  "SCRIPT",
  "SSUBSCRIBE",
  "SUBSCRIBE",
  "SUNSUBSCRIBE",
  "UNSUBSCRIBE",
  "UNWATCH",
  "WAIT",
  "WATCH"
])

/**
 * Runs a command inside a script: its keys have to be served here, like those of the script. Its reply has the shape of
 * the version of RESP that the script has chosen, whatever that of the caller.
 */
export const nested = (call: Call, words: ReadonlyArray<Bytes>, readonly: boolean, resp: 2 | 3): Answer => {
  const command = call.node.lookup(words)
  if (command instanceof ServerError) {
    return command.message.startsWith("ERR unknown command")
      ? failure("ERR Unknown Redis command called from script")
      : command.message.startsWith("ERR wrong number of arguments")
      ? failure("ERR Wrong number of args calling Redis command from script")
      : command
  }
  if (notInScripts.has(command.name)) return failure("ERR This Redis command is not allowed from script")
  if (readonly && command.isWrite) return failure("ERR Write commands are not allowed from read-only scripts.")
  if (call.node.redirect(call.session, command, words) !== undefined) {
    return failure("ERR Script attempted to access a non local key in a cluster node")
  }
  const { session } = call
  const before = session.resp
  session.resp = resp
  const answer = call.node.runNested(session, words)
  session.resp = before
  return answer
}

const evaluate = (readonly: boolean) => (call: Call): Answer => {
  const source = call.args[1]
  const sha = sha1(source)
  return keep(call, source, sha) ?? run(call, source, sha, readonly)
}

const evaluateKnown = (readonly: boolean) => (call: Call): Answer => {
  const sha = call.args[1].toLowerCase()
  const source = call.node.scripts.get(sha)
  return source === undefined ? noScript : run(call, source, sha, readonly)
}

const script = (call: Call): Answer => {
  switch (call.word(1)) {
    case "LOAD": {
      const source = call.args[2] ?? ""
      const sha = sha1(source)
      return keep(call, source, sha) ?? sha
    }
    case "EXISTS":
      return call.every(2).map((sha) => call.node.scripts.has(sha.toLowerCase()) ? 1 : 0)
    case "FLUSH":
      if (call.args.length > 2 && !["SYNC", "ASYNC"].includes(call.word(2))) {
        return call.refuse("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
      }
      call.node.scripts.clear()
      return ok
    default:
      return notSupported(`SCRIPT ${call.word(1)}`)
  }
}

export const scripting: Group = {
  EVAL: write(-3, evaluate(false)),
  EVALSHA: write(-3, evaluateKnown(false)),
  EVAL_RO: read(-3, evaluate(true)),
  EVALSHA_RO: read(-3, evaluateKnown(true)),
  SCRIPT: read(-2, script)
}
