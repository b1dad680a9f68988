/**
 * FUNCTION and FCALL. A library runs when it is loaded, and registers its functions, as on a server. A function runs as
 * Lua, or as the function in TypeScript that was registered for its name.
 */
import { ServerError } from "../../protocol/Reply.ts"
import { type Answer, failure, Members, notSupported, ok, Pairs, Simple } from "./Answer.ts"
import { type Bytes, glob } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { luaMachine } from "./LuaMachine.ts"
import type { LibraryFunction, NodeRole } from "./Roles.ts"
import { needsLua, nested, runReplacement, runWithInput } from "./Scripting.ts"

/** The names that a text registers, for a process without Lua. Computed names are not found. */
const readFrom = (code: Bytes): ReadonlyMap<Bytes, LibraryFunction> => {
  const functions = new Map<Bytes, LibraryFunction>()
  for (const part of code.replace(/--.*/g, "").split(/register_function\s*/).slice(1)) {
    const name = /^\(\s*(?:'(\w+)'|"(\w+)")/.exec(part) ?? /function_name\s*=\s*(?:'(\w+)'|"(\w+)")/.exec(part)
    const flags = /flags\s*=\s*\{([^}]*)\}/.exec(part)?.[1] ?? ""
    if (name !== null) functions.set(name[1] ?? name[2], { flags: flags.match(/[a-z-]+/g) ?? [], description: null })
  }
  return functions
}

/** The name in the first line of a library, or the error of a server. */
const nameOf = (code: Bytes): Bytes | ServerError => {
  if (!code.startsWith("#!")) return failure("ERR Missing library metadata")
  const end = code.indexOf("\n")
  if (end < 0) return failure("ERR Invalid library metadata")
  const [engine, ...options] = code.slice(2, end).trim().split(/\s+/)
  let name: Bytes | undefined
  for (const option of options) {
    if (!option.startsWith("name=")) return failure(`ERR Invalid metadata value given: ${option}`)
    if (name !== undefined) return failure("ERR Invalid metadata value, name argument was given multiple times")
    name = option.slice("name=".length)
  }
  if (name === undefined) return failure("ERR Library name was not given")
  if (!/^\w+$/.test(name)) {
    return failure(
      "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"
    )
  }
  return engine.toLowerCase() === "lua" ? name : failure(`ERR Engine '${engine}' not found`)
}

const load = (call: Call): Answer => {
  const replaces = call.word(2) === "REPLACE"
  if (call.args.length !== (replaces ? 4 : 3)) return call.refuse("ERR Unknown option given")
  if (!call.node.isPrimary) return call.refuse("READONLY You can't write against a read only replica.")
  const code = call.args[replaces ? 3 : 2]
  const name = nameOf(code)
  if (name instanceof ServerError) return name
  const { libraries } = call.node
  if (libraries.has(name) && !replaces) return call.refuse(`ERR Library '${name}' already exists`)
  const machine = luaMachine()
  const registration = machine?.register(code)
  if (registration instanceof ServerError) return registration
  const functions = registration?.functions ?? readFrom(code)
  if (functions.size === 0) return call.refuse("ERR No functions registered")
  for (const [other, library] of libraries) {
    if (other === name) continue
    const taken = [...functions.keys()].find((one) => library.functions.has(one))
    if (taken !== undefined) return call.refuse(`ERR Function ${taken} already exists`)
  }
  onCopies(call.node, (node) => node.libraries.set(name, { code, functions }))
  const library = libraries.get(name)
  if (registration !== undefined && library !== undefined) machine?.keep(library, registration)
  return name
}

/** Changes the libraries of a primary and of its replicas, at once. */
const onCopies = (primary: NodeRole, change: (node: NodeRole) => void): void => {
  for (const node of [primary, ...primary.replicas]) change(node)
}

const list = (call: Call): Answer => {
  let [matches, withCode]: [(name: Bytes) => boolean, boolean] = [() => true, false]
  for (let i = 2; i < call.args.length; i++) {
    if (call.word(i) === "WITHCODE") withCode = true
    else if (call.word(i) === "LIBRARYNAME" && i + 1 < call.args.length) matches = glob(call.args[++i])
    else return call.refuse(`ERR Unknown argument ${call.args[i]}`)
  }
  return [...call.node.libraries].filter(([name]) => matches(name)).map(([name, { code, functions }]) =>
    new Pairs([
      "library_name",
      name,
      "engine",
      "LUA",
      "functions",
      Array.from(functions, ([name, { description, flags }]) =>
        new Pairs([
          "name",
          name,
          "description",
          description,
          "flags",
          new Members(flags.map((flag) => new Simple(flag)))
        ])),
      ...(withCode ? ["library_code", code] : [])
    ])
  )
}

const functions = (call: Call): Answer => {
  switch (call.word(1)) {
    case "LOAD":
      return load(call)
    case "LIST":
      return list(call)
    case "DELETE": {
      const name = call.args[2] ?? ""
      if (!call.node.libraries.has(name)) return call.refuse("ERR Library not found")
      onCopies(call.node, (node) => node.libraries.delete(name))
      return ok
    }
    case "FLUSH":
      if (call.args.length > 2 && !["SYNC", "ASYNC"].includes(call.word(2))) {
        return call.refuse("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
      }
      onCopies(call.node, (node) => node.libraries.clear())
      return ok
    case "KILL":
      return failure("NOTBUSY No scripts in execution right now.")
    default:
      return notSupported(`FUNCTION ${call.word(1)}`)
  }
}

const fcall = (readonly: boolean) => (call: Call): Answer => {
  const name = call.args[1]
  const library = [...call.node.libraries.values()].find((one) => one.functions.has(name))
  if (library === undefined) return failure("ERR Function not found")
  const onlyReads = library.functions.get(name)?.flags.includes("no-writes") === true
  if (readonly && !onlyReads) return failure("ERR Can not execute a script with write flag using *_ro command.")
  const replacement = call.node.cluster.functions.get(name)
  if (replacement !== undefined) return runReplacement(call, replacement, onlyReads)
  const machine = luaMachine()
  if (machine === undefined) return needsLua("a function", "onFunction")
  return runWithInput(
    call,
    (keys, args) =>
      machine.callFunction(library, name, keys, args, { run: (words, resp) => nested(call, words, onlyReads, resp) })
  )
}

export const functionCommands: Group = {
  FUNCTION: read(-2, functions),
  FCALL: write(-3, fcall(false)),
  FCALL_RO: read(-3, fcall(true))
}
