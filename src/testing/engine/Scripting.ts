/**
 * EVAL, EVALSHA and SCRIPT. The engine has no Lua: a function that was registered for the text of a script runs in its
 * place.
 */
import { createHash } from "node:crypto"
import { ServerError } from "../../protocol/Reply.ts"
import { type Answer, failure, notSupported, ok } from "./Answer.ts"
import { type Bytes, fromArgument, toText } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { type ScriptCall, type ScriptValue, toValue } from "./ScriptValue.ts"

export const sha1 = (script: Bytes): string => createHash("sha1").update(Buffer.from(script, "latin1")).digest("hex")

const toAnswer = (value: ScriptValue): Answer => {
  if (typeof value === "string") return fromArgument(value)
  if (typeof value === "number") return Math.trunc(value)
  if (value === null || typeof value === "bigint" || value instanceof ServerError) return value
  return value.map(toAnswer)
}

const noScript = failure("NOSCRIPT No matching script. Please use EVAL.")

const run = (call: Call, sha: string, readonly: boolean): Answer => {
  const script = call.node.cluster.scripts.get(sha)
  return script === undefined
    ? failure(`ERR the script ${sha} is not supported by TestCluster: register it with onScript`)
    : runScript(call, script, readonly)
}

/** Runs the registered function with the keys and arguments of the call. */
export const runScript = (call: Call, script: ScriptCall, readonly: boolean): Answer => {
  const numkeys = call.integer(2)
  if (!call.failed && numkeys < 0) return call.refuse("ERR Number of keys can't be negative")
  if (!call.failed && numkeys > call.args.length - 3) {
    return call.refuse("ERR Number of keys can't be greater than number of args")
  }
  if (call.failed) return null
  const words = call.args.slice(3).map(toText)
  return toAnswer(script({
    keys: words.slice(0, numkeys),
    args: words.slice(numkeys),
    call: (...words) => toValue(nested(call, words.map((word) => fromArgument(String(word))), readonly))
  }))
}

/** Runs a command inside a script: its keys have to be served here, like those of the script. */
const nested = (call: Call, words: ReadonlyArray<Bytes>, readonly: boolean): Answer => {
  const command = call.node.lookup(words)
  if (command instanceof ServerError) return command
  if (readonly && command.isWrite) return failure("ERR Write commands are not allowed from read-only scripts.")
  if (call.node.redirect(call.session, command, words) !== undefined) {
    return failure("ERR Script attempted to access a non local key in a cluster node")
  }
  return call.node.runNested(call.session, words)
}

const evaluate = (readonly: boolean) => (call: Call): Answer => {
  const sha = sha1(call.args[1])
  call.node.scripts.add(sha)
  return run(call, sha, readonly)
}

const evaluateKnown = (readonly: boolean) => (call: Call): Answer => {
  const sha = call.args[1].toLowerCase()
  return call.node.scripts.has(sha) ? run(call, sha, readonly) : noScript
}

const script = (call: Call): Answer => {
  switch (call.word(1)) {
    case "LOAD": {
      const sha = sha1(call.args[2] ?? "")
      call.node.scripts.add(sha)
      return sha
    }
    case "EXISTS":
      return call.every(2).map((sha) => call.node.scripts.has(sha.toLowerCase()) ? 1 : 0)
    case "FLUSH":
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
