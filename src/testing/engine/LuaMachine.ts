/**
 * Lua 5.1, the version in servers, from the optional package `lua-wasm-bindings`: real Lua, compiled to WebAssembly.
 *
 * The machine is loaded when the first script runs. A script runs to its end inside one call, as on a server. It calls
 * the engine over the standard streams of Lua (see `luaEnvironment`), whose bytes the callbacks below move.
 */
import { createRequire } from "node:module"
import { ServerError } from "../../protocol/Reply.ts"
import { type Answer, failure } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import { luaEnvironment } from "./luaEnvironment.ts"
import { bitOperation, decodeJson, formatInteger, numberArgument } from "./luaLibraries.ts"
import { encodeLua, fromAnswer, LuaReader, LuaTable, type LuaValue, toAnswer } from "./LuaValue.ts"
import type { Library, LibraryFunction } from "./Roles.ts"
import { sha1 } from "./sha1.ts"

/** The package with Lua. */
export const luaPackage = "lua-wasm-bindings"

const gluePath = `${luaPackage}/dist/glue/glue-lua-5.1.5.js`

/** The compiled Lua: a function of its C API by name. */
interface Glue {
  readonly cwrap: (
    name: string,
    result: "number" | null,
    args: ReadonlyArray<"number" | "string">
  ) => (...args: ReadonlyArray<number | string>) => number
}

interface Streams {
  readonly stdin: () => number | null
  readonly stdout: (code: number) => void
  readonly stderr: (code: number) => void
}

/** The C API in the part that is used. */
interface Api {
  readonly load: (source: string) => number
  readonly call: (results: number) => number
  readonly keep: () => void
  readonly find: () => void
}

const registry = -10000
const kept = "effect-redis-cluster"

const apiOf = (glue: Glue): Api => {
  const state = glue.cwrap("luaL_newstate", "number", [])()
  glue.cwrap("luaL_openlibs", null, ["number"])(state)
  const loadString = glue.cwrap("luaL_loadbuffer", "number", ["number", "string", "number", "string"])
  const pcall = glue.cwrap("lua_pcall", "number", ["number", "number", "number", "number"])
  const setField = glue.cwrap("lua_setfield", null, ["number", "number", "string"])
  const getField = glue.cwrap("lua_getfield", null, ["number", "number", "string"])
  return {
    load: (source) => loadString(state, source, source.length, "=redis"),
    call: (results) => pcall(state, 0, results, 0),
    keep: () => setField(state, registry, kept),
    find: () => getField(state, registry, kept)
  }
}

/** The commands of a script, and the version of RESP of its replies. */
export interface LuaHost {
  /** Runs a command. An error reply ends `redis.call`. */
  readonly run: (words: ReadonlyArray<Bytes>, resp: 2 | 3) => Answer
}

const isWord = (value: LuaValue): value is string | number => typeof value === "string" || typeof value === "number"

const argumentsOf = (table: LuaValue): ReadonlyArray<LuaValue> => {
  if (!(table instanceof LuaTable)) return []
  return Array.from({ length: Number(table.get("n")) }, (_, i) => table.get(i + 1) ?? null)
}

const withoutShebang = (code: Bytes): Bytes => code.replace(/^#!.*/, "")

/** The library that Lua has loaded, and the functions that it has registered. */
export interface Registration {
  readonly id: string
  readonly functions: ReadonlyMap<Bytes, LibraryFunction>
}

const functionsOf = (registered: LuaValue): ReadonlyMap<Bytes, LibraryFunction> => {
  const functions = new Map<Bytes, LibraryFunction>()
  if (!(registered instanceof LuaTable)) return functions
  for (const [name, one] of registered) {
    const flags = one instanceof LuaTable ? one.get("flags") : undefined
    const description = one instanceof LuaTable ? one.get("description") : undefined
    functions.set(String(name), {
      flags: flags instanceof LuaTable ? Array.from(flags.values(), String) : [],
      description: typeof description === "string" ? description : null
    })
  }
  return functions
}

const messageOf = (value: LuaValue): string => {
  const message = value instanceof LuaTable ? value.get("err") : undefined
  return String(message ?? (typeof value === "string" ? `ERR ${value}` : "ERR unknown error"))
}

/** The error of a script, with its place as servers write it. */
const errorOf = (value: LuaValue, name: string): Answer => {
  const field = (key: string) => value instanceof LuaTable ? value.get(key) : undefined
  const message = messageOf(value)
  const line = field("line")
  const place = typeof line === "number" ? ` script: ${name}, on ${String(field("source"))}:${line}.` : ""
  return failure((message + place).replace(/[\r\n]/g, " "))
}

export class LuaMachine {
  isBroken = false
  private readonly api: Api
  private input: Bytes = ""
  private at = 0
  private output: Array<number> = []
  private host: LuaHost | undefined
  private resp: 2 | 3 = 2
  private readonly libraries = new WeakMap<Library, string>()
  private libraryCount = 0

  constructor(make: (streams: Streams) => Glue) {
    this.api = apiOf(make({
      stdin: () => this.nextByte(),
      stdout: (code) => this.output.push(code & 255),
      stderr: () => {}
    }))
    this.api.load(luaEnvironment)
    this.api.call(1)
    this.api.keep()
  }

  /** Runs a script. `name` stands for it in errors: its SHA1. */
  runScript(
    source: Bytes,
    name: string,
    keys: ReadonlyArray<Bytes>,
    args: ReadonlyArray<Bytes>,
    host: LuaHost
  ): Answer {
    return this.perform(name, host, ["script", source, name, keys, args])
  }

  /** Compiles a script. The result is the error of a server when that fails. */
  compile(source: Bytes): ServerError | undefined {
    const { isDone, value } = this.exchange(["compile", source, "", [], []])
    return isDone ? undefined : failure(messageOf(value))
  }

  /** Runs the text of a library, which registers functions. */
  register(code: Bytes): Registration | ServerError {
    const id = String(++this.libraryCount)
    const { isDone, value } = this.exchange(["load", withoutShebang(code), id, [], []])
    if (isDone) return { id, functions: functionsOf(value) }
    const isWhole = value instanceof LuaTable && value.get("isWhole") === true
    return failure((isWhole ? "" : "ERR Error registering functions: ") + messageOf(value))
  }

  /** Tells that the library has been loaded by this registration. */
  keep(library: Library, { id }: Registration): void {
    this.libraries.set(library, id)
  }

  /** Calls a function of a library, which is loaded first when this machine has not loaded it. */
  callFunction(
    library: Library,
    name: Bytes,
    keys: ReadonlyArray<Bytes>,
    args: ReadonlyArray<Bytes>,
    host: LuaHost
  ): Answer {
    if (!this.libraries.has(library)) {
      const registration = this.register(library.code)
      if (registration instanceof ServerError) return registration
      this.keep(library, registration)
    }
    return this.perform(name, host, ["function", this.libraries.get(library) ?? "", name, keys, args])
  }

  private perform(name: string, host: LuaHost, request: ReadonlyArray<LuaValue>): Answer {
    this.host = host
    this.resp = 2
    const { isDone, value } = this.exchange(request)
    this.host = undefined
    return isDone ? toAnswer(value, this.resp) : errorOf(value, name)
  }

  /** Sends a request to Lua, and reads its result. */
  private exchange(request: ReadonlyArray<LuaValue>): { readonly isDone: boolean; readonly value: LuaValue } {
    this.output = []
    this.give(...request)
    const problem = this.call()
    const reader = this.takeOutput()
    if (problem !== undefined) return { isDone: false, value: `Lua has ended without a result: ${problem}` }
    const isDone = reader.next() === true
    return { isDone, value: reader.next() }
  }

  /** Runs Lua. The result is the reason why that failed; after it the machine is not usable any more. */
  private call(): string | undefined {
    try {
      this.api.find()
      if (this.api.call(0) === 0) return undefined
    } catch (cause) {
      this.isBroken = true
      return String(cause)
    }
    this.isBroken = true
    return "an error outside of the script"
  }

  private give(...values: ReadonlyArray<LuaValue>): void {
    this.input = values.map(encodeLua).join("")
    this.at = 0
  }

  private takeOutput(): LuaReader {
    const bytes = Buffer.from(this.output).toString("latin1")
    this.output = []
    return new LuaReader(bytes)
  }

  /** The next byte for Lua. When it reads on after a request, the request is answered now. */
  private nextByte(): number | null {
    if (this.at === this.input.length) {
      if (this.output.length === 0) return null
      this.answer(this.takeOutput())
    }
    return this.input.charCodeAt(this.at++)
  }

  private answer(reader: LuaReader): void {
    const topic = String(reader.next())
    const result = this.resultOf(topic, argumentsOf(reader.next()))
    if (result instanceof Error) this.give(false, result.message)
    else this.give(true, result)
  }

  private resultOf(topic: string, args: ReadonlyArray<LuaValue>): LuaValue | Error {
    switch (topic) {
      case "call":
        return this.run(args)
      case "setresp":
        this.resp = args[0] === 3 ? 3 : 2
        return null
      case "sha1hex":
        return sha1(String(args[0]))
      case "cjson.decode":
        return decodeJson(String(args[0]))
      case "format": {
        const [flags, width, precision, kind, value] = args
        return formatInteger(
          String(flags),
          Number(width),
          precision === "" ? undefined : Number(String(precision).slice(1)),
          String(kind),
          Number(value)
        )
      }
      default:
        return bitOperation(topic.slice("bit.".length), args)
    }
  }

  private run(args: ReadonlyArray<LuaValue>): LuaValue | Error {
    if (args.length === 0) return new Error("ERR Please specify at least one argument for this redis lib call")
    if (!args.every(isWord)) {
      return new Error("ERR Lua redis lib command arguments must be strings or integers")
    }
    const words = args.map((value) => typeof value === "number" ? numberArgument(value) : value)
    const answer = this.host?.run(words, this.resp) ?? null
    return answer instanceof ServerError ? new Error(answer.message) : fromAnswer(answer, this.resp)
  }
}

const isFunction = (value: unknown): value is (streams: Streams) => Glue => typeof value === "function"

let loaded: LuaMachine | "missing" | undefined

/** The machine, which all clusters of the process share; `undefined` when the package is not installed. */
export const luaMachine = (): LuaMachine | undefined => {
  if (loaded === undefined || (loaded !== "missing" && loaded.isBroken)) loaded = load() ?? "missing"
  return loaded === "missing" ? undefined : loaded
}

/** Runs `f`, and removes the handlers of errors of the whole process that it installs, as the package does. */
const withoutHandlers = <A>(f: () => A): A => {
  const exceptions = new Set(process.listeners("uncaughtException"))
  const rejections = new Set(process.listeners("unhandledRejection"))
  try {
    return f()
  } finally {
    for (const listener of process.listeners("uncaughtException")) {
      if (!exceptions.has(listener)) process.off("uncaughtException", listener)
    }
    for (const listener of process.listeners("unhandledRejection")) {
      if (!rejections.has(listener)) process.off("unhandledRejection", listener)
    }
  }
}

const load = (): LuaMachine | undefined => {
  try {
    return withoutHandlers(() => {
      const make: unknown = createRequire(import.meta.url)(gluePath)
      return isFunction(make) ? new LuaMachine(make) : undefined
    })
  } catch {
    return undefined
  }
}
