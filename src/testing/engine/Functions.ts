/**
 * FUNCTION and FCALL. The text of a library gives its name and the names that it registers, as on a server. A function
 * runs as Lua, or as the function in TypeScript that was registered for its name.
 */
import { type Answer, failure, Members, notSupported, ok, Pairs, Simple } from "./Answer.ts"
import { type Bytes, glob } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { luaMachine } from "./LuaMachine.ts"
import type { NodeRole } from "./Roles.ts"
import { needsLua, nested, runReplacement, runWithInput } from "./Scripting.ts"

/** The names that a text registers, with their flags. Computed names are not found. */
const registeredBy = (code: Bytes): ReadonlyMap<Bytes, ReadonlyArray<Bytes>> => {
  const functions = new Map<Bytes, ReadonlyArray<Bytes>>()
  for (const part of code.split(/register_function\s*/).slice(1)) {
    const name = /^\(\s*(?:'(\w+)'|"(\w+)")/.exec(part) ?? /function_name\s*=\s*(?:'(\w+)'|"(\w+)")/.exec(part)
    const flags = /flags\s*=\s*\{([^}]*)\}/.exec(part)?.[1] ?? ""
    if (name !== null) functions.set(name[1] ?? name[2], flags.match(/[a-z-]+/g) ?? [])
  }
  return functions
}

const load = (call: Call): Answer => {
  const replaces = call.word(2) === "REPLACE"
  if (call.args.length !== (replaces ? 4 : 3)) return call.refuse("ERR Unknown option given")
  if (!call.node.isPrimary) return call.refuse("READONLY You can't write against a read only replica.")
  const code = call.args[replaces ? 3 : 2]
  const [, name] = /^#!lua\s+name=(\w+)\s*(?:\n|$)/.exec(code) ?? []
  if (name === undefined) return call.refuse("ERR Missing library metadata")
  const { libraries } = call.node
  if (libraries.has(name) && !replaces) return call.refuse(`ERR Library '${name}' already exists`)
  const functions = registeredBy(code)
  if (functions.size === 0) return call.refuse("ERR No functions registered")
  for (const [other, library] of libraries) {
    if (other === name) continue
    const taken = [...functions.keys()].find((one) => library.functions.has(one))
    if (taken !== undefined) return call.refuse(`ERR Function ${taken} already exists`)
  }
  onCopies(call.node, (node) => node.libraries.set(name, { code, functions }))
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
      Array.from(functions, ([name, flags]) =>
        new Pairs([
          "name",
          name,
          "description",
          null,
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
  const onlyReads = library.functions.get(name)?.includes("no-writes") === true
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
