/**
 * JSON documents: read and changed in parts, by paths. They need a server with the module RedisJSON, which is a part of Redis 8 and of Redis
 * Stack, or with the JSON module of valkey-bundle. Versions are those of RedisJSON.
 *
 * A path that begins with `$` is of JSONPath and may match many places: the reply is a list with a result for each match. A legacy path (`.a`)
 * means one place: the reply is that of the place, and an error if there is none. The types tell the two apart.
 *
 * **Example** (A typed document)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Json } from "effect-redis-cluster/modules/Json"
 *
 * const User = Json.of(Schema.Struct({ name: Schema.String, born: Schema.Date, tags: Schema.Array(Schema.String) }))
 *
 * export const program = Effect.gen(function*() {
 *   yield* User.set("user:1", { name: "ada", born: new Date("1815-12-10"), tags: [] })
 *   yield* Json.arrappend("user:1", "$.tags", ["countess"])
 *   return yield* User.get("user:1") // { name: string; born: Date; tags: ReadonlyArray<string> } | null
 * })
 * ```
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import { type Call, call, type OneOrMore } from "../commands/Call.ts"
import { checked } from "../commands/checked.ts"
import { make } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as decode from "../commands/decode.ts"
import { allButLast } from "../commands/keys.ts"
import type { CommandSurface, Returns, Surface } from "../commands/Surface.ts"
import type { Value } from "../commands/Value.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import type { Storage } from "../values/Storage.ts"
import type { Document } from "./json/Document.ts"
import * as documents from "./json/Document.ts"
import type { JsonNonatomic } from "./json/nonatomic.ts"
import * as nonatomic from "./json/nonatomic.ts"
import { addPath, asJsonPath, type AtPath, isJsonPath, pathOf } from "./json/paths.ts"
import { storage } from "./json/storage.ts"
import {
  addAllJson,
  addJson,
  json,
  type JsonInput,
  jsonOrNull,
  type JsonText,
  type JsonValue,
  numberOrNull,
  textOf
} from "./json/values.ts"
import { everyThird } from "./keys.ts"
import { parameters } from "./parameters/Json.ts"

export type { Document, DocumentSetOptions, Patch, SchemaAt, Segment } from "./json/Document.ts"
export type { JsonNonatomic } from "./json/nonatomic.ts"
export type { AtPath } from "./json/paths.ts"
export type { JsonInput, JsonText, JsonValue } from "./json/values.ts"

/**
 * Options of `set`.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonSetOptions {
  /** Set only if there is nothing at the path (`NX`), or only if there is something (`XX`). */
  readonly condition?: "NX" | "XX" | undefined
  /** The form in which lists of numbers are stored. Redis 8.8. */
  readonly floats?: "FP16" | "BF16" | "FP32" | "FP64" | undefined
}

/**
 * The form of the text that `getText` gives: each part is put in at its places. Default: none.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonFormatOptions {
  /** The text for each level before a line. */
  readonly indent?: string | undefined
  /** The text at the end of each line. */
  readonly newline?: string | undefined
  /** The text between a name and its value. */
  readonly space?: string | undefined
}

/**
 * The values of several paths, by path: lists of matches if one of the paths is of JSONPath.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ByPath<P extends string> = [Extract<P, `$${string}`>] extends [never]
  ? Readonly<Record<P, string extends P ? JsonValue | ReadonlyArray<JsonValue> : JsonValue>>
  : Readonly<Record<P, ReadonlyArray<JsonValue>>>

/**
 * The type of a JSON value. A number without a fraction is an `integer`.
 *
 * @category models
 * @since 0.1.0
 */
export type JsonType = "object" | "array" | "string" | "integer" | "number" | "boolean" | "null"

/**
 * The methods of the commands on JSON documents.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonCommands<S extends Surface> {
  /** Appends values to lists. Returns the new lengths, `null` for a match that is no list. An error if there is no key. Since 1.0.0. O(1), O(N) for several matches. */
  arrappend<const P extends string>(
    key: Argument,
    path: P,
    values: ReadonlyArray<JsonInput>
  ): Returns<S, AtPath<P, number | null, number>>
  /** The first position of a value in lists, from `start` to before `stop` if given; -1 if it is not there, `null` for a match that is no list. Since 1.0.0. O(N). */
  arrindex<const P extends string>(
    key: Argument,
    path: P,
    value: JsonInput,
    start?: number,
    stop?: number
  ): Returns<S, AtPath<P, number | null, number>>
  /** Inserts values into lists before a position, which counts from the end if negative. Returns the new lengths. An error if there is no key. Since 1.0.0. O(N). */
  arrinsert<const P extends string>(
    key: Argument,
    path: P,
    index: number,
    values: ReadonlyArray<JsonInput>
  ): Returns<S, AtPath<P, number | null, number>>
  /** The lengths of lists, `null` for a match that is no list. Since 1.0.0. O(1), O(N) for several matches. */
  arrlen(key: Argument): Returns<S, number | null>
  arrlen<const P extends string>(key: Argument, path: P): Returns<S, AtPath<P, number | null>>
  /** Removes an element of lists and returns it, the last one unless a position is given; `null` for an empty list and for a match that is no list. Since 1.0.0. O(N), O(1) for the last element. */
  arrpop(key: Argument): Returns<S, JsonValue | null>
  arrpop<const P extends string>(key: Argument, path: P, index?: number): Returns<S, AtPath<P, JsonValue | null>>
  /** Keeps the elements from `start` to `stop` of lists, both included. Returns the new lengths. An error if there is no key. Since 1.0.0. O(N). */
  arrtrim<const P extends string>(
    key: Argument,
    path: P,
    start: number,
    stop: number
  ): Returns<S, AtPath<P, number | null, number>>
  /** Empties lists and objects, and sets numbers to 0. Returns how many were changed. An error if there is no key. Since 2.0.0. O(N). */
  clear(key: Argument, path?: string): Returns<S, number>
  /** The bytes that values take. Since 1.0.0. O(N). */
  debugMemory(key: Argument): Returns<S, number>
  debugMemory<const P extends string>(key: Argument, path: P): Returns<S, AtPath<P, number>>
  /** Deletes the matches of a path, or the whole document. Returns how many were deleted. Since 1.0.0. O(N). */
  del(key: Argument, path?: string): Returns<S, number>
  /** The other name of `del`. Since 1.0.0. O(N). */
  forget(key: Argument, path?: string): Returns<S, number>
  /**
   * The values at a path, or by path for a list of paths; without a path the document. `null` if there is no key. An integer beyond 2^53 - 1
   * fails with a `DecodeError`. Since 1.0.0. O(N).
   */
  get(key: Argument): Returns<S, JsonValue | null>
  get<const P extends string>(key: Argument, path: P): Returns<S, AtPath<P, JsonValue> | null>
  get<const P extends string>(key: Argument, paths: ReadonlyArray<P>): Returns<S, ByPath<P> | null>
  /** The JSON text at paths, formatted if wanted; `null` if there is no key. Since 1.0.0. O(N). */
  getText(key: Argument, paths?: OneOrMore<string>, format?: JsonFormatOptions): Returns<S, string | null>
  /** Merges a value into the matches of a path by RFC 7396: properties that are `null` are removed. The key is made at the root only. `null` if nothing matched. Since 2.6.0. O(M+N). */
  merge(key: Argument, path: string, value: JsonInput): Returns<S, "OK" | null>
  /** The values at one path of keys of one slot, `null` for a missing key. `mgetNonatomic` is for keys of any slots. Since 1.0.0. O(M*N). */
  mget<const P extends string>(
    keys: ReadonlyArray<Argument>,
    path: P
  ): Returns<S, ReadonlyArray<AtPath<P, JsonValue> | null>>
  /** Sets values at paths of keys of one slot, all or none. `msetNonatomic` is for keys of any slots. Since 2.6.0. O(K*(M+N)). */
  mset(entries: ReadonlyArray<readonly [key: Argument, path: string, value: JsonInput]>): Returns<S, "OK">
  /** Adds to numbers. Returns the new values, `null` for a match that is no number, and where a legacy path finds none. An error if there is no key. Since 1.0.0. O(1), O(N) for several matches. */
  numincrby<const P extends string>(key: Argument, path: P, increment: number): Returns<S, AtPath<P, number | null>>
  /** Multiplies numbers. Returns the new values, `null` for a match that is no number, and where a legacy path finds none. An error if there is no key. Since 1.0.0. O(1), O(N) for several matches. */
  nummultby<const P extends string>(key: Argument, path: P, factor: number): Returns<S, AtPath<P, number | null>>
  /** The names of the properties of objects, `null` for a match that is no object. Since 1.0.0. O(N). */
  objkeys(key: Argument): Returns<S, ReadonlyArray<string> | null>
  objkeys<const P extends string>(key: Argument, path: P): Returns<S, AtPath<P, ReadonlyArray<string> | null>>
  /** The numbers of properties of objects, `null` for a match that is no object. Since 1.0.0. O(1), O(N) for several matches. */
  objlen(key: Argument): Returns<S, number | null>
  objlen<const P extends string>(key: Argument, path: P): Returns<S, AtPath<P, number | null>>
  /** The values in the types of RESP: `{` and `[` are the first elements of objects and lists. Fractions are text over RESP2. Since 1.0.0. O(N). */
  resp(key: Argument, path?: string): Returns<S, Reply>
  /** Sets the matches of a path, or a new property of objects. A new key is set at the root. `null` if the condition was not met, or nothing matched. Since 1.0.0. O(M+N). */
  set(key: Argument, path: string, value: JsonInput, options?: JsonSetOptions): Returns<S, "OK" | null>
  /** Appends text to texts. Returns the new lengths, `null` for a match that is no text. An error if there is no key. Since 1.0.0. O(1), O(N) for several matches. */
  strappend<const P extends string>(key: Argument, path: P, text: string): Returns<S, AtPath<P, number | null, number>>
  /** The lengths of texts, `null` for a match that is no text. Since 1.0.0. O(1), O(N) for several matches. */
  strlen(key: Argument): Returns<S, number | null>
  strlen<const P extends string>(key: Argument, path: P): Returns<S, AtPath<P, number | null>>
  /** Inverts booleans. Returns the new values, `null` for a match that is no boolean. An error if there is no key. Since 2.0.0. O(1), O(N) for several matches. */
  toggle<const P extends string>(key: Argument, path: P): Returns<S, AtPath<P, boolean | null, boolean>>
  /** The types of values; `null` if there is no key, or with a legacy path nothing there. Since 1.0.0. O(1), O(N) for several matches. */
  type(key: Argument): Returns<S, JsonType | null>
  type<const P extends string>(key: Argument, path: P): Returns<S, AtPath<P, JsonType> | null>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const ARRAPPEND = new CommandSpec("JSON.ARRAPPEND", write)
const ARRINDEX = new CommandSpec("JSON.ARRINDEX", read)
const ARRINSERT = new CommandSpec("JSON.ARRINSERT", write)
const ARRLEN = new CommandSpec("JSON.ARRLEN", read)
const ARRPOP = new CommandSpec("JSON.ARRPOP", write)
const ARRTRIM = new CommandSpec("JSON.ARRTRIM", write)
const CLEAR = new CommandSpec("JSON.CLEAR", write)
// Servers count MEMORY as an argument.
const DEBUG = new CommandSpec("JSON.DEBUG", { keys: 1, readonly: true })
const DEL = new CommandSpec("JSON.DEL", write)
const FORGET = new CommandSpec("JSON.FORGET", write)
const GET = new CommandSpec("JSON.GET", read)
const MERGE = new CommandSpec("JSON.MERGE", write)
const MGET = new CommandSpec("JSON.MGET", { keys: allButLast, readonly: true })
const MSET = new CommandSpec("JSON.MSET", { keys: everyThird })
const NUMINCRBY = new CommandSpec("JSON.NUMINCRBY", write)
const NUMMULTBY = new CommandSpec("JSON.NUMMULTBY", write)
const OBJKEYS = new CommandSpec("JSON.OBJKEYS", read)
const OBJLEN = new CommandSpec("JSON.OBJLEN", read)
const RESP = new CommandSpec("JSON.RESP", read)
const SET = new CommandSpec("JSON.SET", write)
const STRAPPEND = new CommandSpec("JSON.STRAPPEND", write)
const STRLEN = new CommandSpec("JSON.STRLEN", read)
const TOGGLE = new CommandSpec("JSON.TOGGLE", write)
const TYPE = new CommandSpec("JSON.TYPE", read)

/** The decoder of a command at a path: of a list of matches, or of one. */
const at = (
  path: string | undefined,
  match: decode.Decoder<unknown>,
  legacy: decode.Decoder<unknown> = match
): decode.Decoder<never> => decode.chosen(path !== undefined && isJsonPath(path) ? decode.arrayOf(match) : legacy)

/** The command with a path, if there is one. */
const withPath = (self: Call, path: string | undefined): Call => path === undefined ? self : addPath(self, path)

/** A reply over RESP3 that has another list around it. */
const unwrapped = <A>(decoder: decode.Decoder<A>): decode.Decoder<A> => (reply) =>
  Array.isArray(reply) && reply.length === 1 ? decoder(reply[0]) : decoder(reply)

/** Numbers come as JSON text over RESP2, and as a list over RESP3. */
const numbers: decode.Decoder<ReadonlyArray<number | null>> = (reply) => {
  const list = Array.isArray(reply) ? reply : json(reply)
  return list instanceof decode.DecodeFailure
    ? list
    : Array.isArray(list)
    ? decode.arrayOf(numberOrNull)(list)
    : decode.unexpected("numbers", reply)
}

/** The number of a legacy path: of several matches the last one, and `null` for none. */
const oneNumber: decode.Decoder<number | null> = decode.map(
  numbers,
  (all) => all.findLast((value) => value !== null) ?? null
)

/**
 * The new numbers. Servers get a legacy path as one of JSONPath: about a place without a number they would answer an error over RESP2, and
 * something else over RESP3.
 */
const changed = (path: string): decode.Decoder<never> => decode.chosen(isJsonPath(path) ? numbers : oneNumber)

const word = decode.oneOf<JsonType>("object", "array", "string", "integer", "number", "boolean", "null")

/** Over RESP3 the reply is in a list. */
const types: decode.Decoder<ReadonlyArray<JsonType> | null> = (reply) => {
  const inner = Array.isArray(reply) && (Array.isArray(reply[0]) || reply[0] === null) ? reply[0] : reply
  return inner === null ? null : decode.arrayOf(word)(inner)
}

const booleanWord = decode.oneOf("true", "false")

const toggled: decode.Decoder<boolean> = (reply) => {
  const text = booleanWord(reply)
  return text instanceof decode.DecodeFailure ? text : text === "true"
}

const lengthOrNull = decode.integerOrNull
const booleanOrNull = decode.nullable(decode.boolean)
const namesOrNull = decode.nullable(decode.strings)
const jsonList = decode.nullable(json)

/** The values of a list of paths. A single path has no object around its values. */
const byPath = (paths: ReadonlyArray<string>): decode.Decoder<never> =>
  decode.chosen(
    paths.length > 1 ? jsonOrNull : decode.map(jsonOrNull, (value) => value === null ? null : { [paths[0]]: value })
  )

const isList = <A>(value: OneOrMore<A>): value is ReadonlyArray<A> => Array.isArray(value)

const addPaths = (self: Call, paths: ReadonlyArray<string>): Call => {
  if (paths.length === 0) return self.refuse("paths must have at least one entry, got none: leave the paths out")
  for (const path of paths) addPath(self, path)
  return self
}

const commands: JsonCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  arrappend: (key, path, values) => addAllJson(addPath(call(ARRAPPEND, key), path), values).to(at(path, lengthOrNull)),
  arrindex: (key, path, value, start, stop) => {
    const self = addJson(addPath(call(ARRINDEX, key), path), value)
    if (start !== undefined || stop !== undefined) self.integer("start", start ?? 0)
    if (stop !== undefined) self.integer("stop", stop)
    return self.to(at(path, lengthOrNull))
  },
  arrinsert: (key, path, index, values) =>
    addAllJson(addPath(call(ARRINSERT, key), path).integer("index", index), values).to(at(path, lengthOrNull)),
  arrlen: (key: Argument, path?: string) => withPath(call(ARRLEN, key), path).to(at(path, lengthOrNull)),
  arrpop: (key: Argument, path?: string, index?: number) => {
    const self = withPath(call(ARRPOP, key), path)
    if (index !== undefined) self.integer("index", index)
    return self.to(at(path, jsonOrNull))
  },
  arrtrim: (key, path, start, stop) =>
    addPath(call(ARRTRIM, key), path).integer("start", start).integer("stop", stop).to(at(path, lengthOrNull)),
  clear: (key, path) => withPath(call(CLEAR, key), path).to(decode.integer),
  debugMemory: (key: Argument, path?: string) =>
    withPath(call(DEBUG, "MEMORY", key), path).to(at(path, decode.integer)),
  del: (key, path) => withPath(call(DEL, key), path).to(decode.integer),
  forget: (key, path) => withPath(call(FORGET, key), path).to(decode.integer),
  get: (key: Argument, paths?: OneOrMore<string>) => {
    if (paths === undefined) return make(GET, [key], decode.chosen(jsonOrNull))
    return isList(paths)
      ? addPaths(call(GET, key), paths).to(byPath(paths))
      : addPath(call(GET, key), paths).to(decode.chosen(jsonList))
  },
  getText: (key, paths, format: JsonFormatOptions = {}) => {
    const self = call(GET, key)
      .option("INDENT", format.indent)
      .option("NEWLINE", format.newline)
      .option("SPACE", format.space)
    if (paths !== undefined) addPaths(self, isList(paths) ? paths : [paths])
    return self.to(decode.stringOrNull)
  },
  merge: (key, path, value) => addJson(addPath(call(MERGE, key), path), value).to(decode.okOrNull),
  mget: (keys, path) => addPath(call(MGET).many("keys", keys), path).to(decode.chosen(decode.arrayOf(jsonList))),
  mset: (entries) => {
    const self = call(MSET)
    for (const [key, path, value] of entries) addJson(addPath(self.add(key), path), value)
    if (entries.length === 0) self.refuse("entries must have at least one entry, got none: leave out the call instead")
    return self.to(decode.ok)
  },
  numincrby: (key, path, increment) =>
    addPath(call(NUMINCRBY, key), asJsonPath(path)).double("increment", increment).to(changed(path)),
  nummultby: (key, path, factor) =>
    addPath(call(NUMMULTBY, key), asJsonPath(path)).double("factor", factor).to(changed(path)),
  objkeys: (key: Argument, path?: string) => withPath(call(OBJKEYS, key), path).to(at(path, namesOrNull)),
  objlen: (key: Argument, path?: string) => withPath(call(OBJLEN, key), path).to(at(path, lengthOrNull)),
  resp: (key, path) => withPath(call(RESP, key), path).to(decode.reply),
  set: (key, path, value, options: JsonSetOptions = {}) => {
    const self = addJson(addPath(call(SET, key), path), value)
    if (options.condition !== undefined) {
      if (options.condition !== "NX" && options.condition !== "XX") self.refuse("condition must be \"NX\" or \"XX\"")
      self.add(options.condition)
    }
    if (options.floats !== undefined) self.add(options.floats)
    return self.to(decode.okOrNull)
  },
  strappend: (key, path, text) => addJson(addPath(call(STRAPPEND, key), path), text).to(at(path, lengthOrNull)),
  strlen: (key: Argument, path?: string) => withPath(call(STRLEN, key), path).to(at(path, lengthOrNull)),
  toggle: (key, path) => addPath(call(TOGGLE, key), path).to(at(path, booleanOrNull, toggled)),
  type: (key: Argument, path?: string) =>
    withPath(call(TYPE, key), path)
      .to(decode.chosen(path !== undefined && isJsonPath(path) ? types : unwrapped(decode.nullable(word))))
})

/**
 * The functions of `Json` beside the commands.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonTools extends JsonNonatomic {
  /**
   * Documents with a schema: read and written whole, in parts, or many at once.
   *
   * **Details**
   *
   * The schema's own JSON codec makes dates, branded types, classes and bytes plain, so that they come back as they were. A function gives the key of an
   * input; without it the inputs are the keys. `at` leads to a part, whose type is that of the schema there.
   *
   * A value that the schema refuses fails with an `EncodeError` before it is sent, a document that it refuses with a `DecodeError`. A definition that
   * is mistaken makes every command fail with an `OptionsError`.
   *
   * **Example** (A part of a document)
   *
   * ```ts
   * import { Effect, Schema } from "effect"
   * import { Json } from "effect-redis-cluster/modules/Json"
   *
   * const Cart = Schema.Struct({ owner: Schema.String, lines: Schema.Record(Schema.String, Schema.Struct({ count: Schema.Int })) })
   * const Carts = Json.of(Cart, (id: number) => `cart:${id}`)
   *
   * export const program = Effect.gen(function*() {
   *   yield* Carts.set(1, { owner: "ada", lines: {} })
   *   yield* Carts.at("lines").at("tea").set(1, { count: 2 })
   *   yield* Json.numincrby(Carts.key(1), Carts.at("lines").at("tea").at("count").path, 1)
   *   return yield* Carts.at("lines").get(1) // { tea: { count: 3 } }
   * })
   * ```
   */
  readonly of: <const S extends Schema.ConstraintCodec<unknown, unknown>, I = Argument>(
    schema: S,
    key?: (input: I) => Argument
  ) => Document<I, S>
  /**
   * Values as JSON documents, for `Value.make`: with a time to live, conditions, and updates that count once.
   *
   * **Details**
   *
   * JSON.SET has no expiry and no comparison, so a script of the library writes the document and the expiry of its key at once.
   *
   * **Gotchas**
   *
   * A write fails where the key has another type. A write to a part of the document, such as `Json.set`, leaves the expiry of the key.
   *
   * **Example** (Sessions that end)
   *
   * ```ts
   * import { Effect, Schema } from "effect"
   * import { Value } from "effect-redis-cluster"
   * import { Json } from "effect-redis-cluster/modules/Json"
   *
   * const Session = Schema.Struct({ user: Schema.String, visits: Schema.Int })
   * const Sessions = Value.make({
   *   key: (id: string) => `session:${id}`,
   *   schema: Session,
   *   timeToLive: "1 hour",
   *   storage: Json.storage
   * })
   * const Parts = Json.of(Session, Sessions.key)
   *
   * export const program = Effect.gen(function*() {
   *   yield* Sessions.set("a", { user: "ada", visits: 1 })
   *   yield* Sessions.update("a", (session) => ({ user: "ada", visits: (session?.visits ?? 0) + 1 }))
   *   return yield* Parts.at("visits").get("a") // 2
   * })
   * ```
   */
  readonly storage: Storage
  /**
   * Makes JSON of a value by the schema's JSON codec, for a command that takes a value. A value that the schema refuses makes the command fail with an
   * `EncodeError`.
   */
  readonly encode: <S extends Schema.ConstraintEncoder<unknown>>(schema: S) => (value: S["Type"]) => JsonText
  /** Takes text that is JSON already, for a command that takes a value. The server checks it. */
  readonly text: (text: Value) => JsonText
  /**
   * The path through names and positions: `Json.path("users", 0, "first name")` is `$["users"][0]["first name"]`. Names are quoted, so that those
   * which users type mean nothing else.
   *
   * **Gotchas**
   *
   * Servers read a name with a backslash, or with quotes of both kinds, where it is; they write a new property under another name.
   */
  readonly path: (...segments: ReadonlyArray<string | number>) => `$${string}`
}

/**
 * The builders of the commands on JSON documents: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * **Example** (Parts of a document)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Json } from "effect-redis-cluster/modules/Json"
 *
 * export const program = Effect.gen(function*() {
 *   yield* Json.set("user:1", "$", { name: "ada", visits: 1 })
 *   yield* Json.numincrby("user:1", "$.visits", 1) // [2]
 *   return yield* Json.get("user:1", ".visits") // 2
 * })
 * ```
 *
 * @category commands
 * @since 0.1.0
 */
export const Json: JsonCommands<CommandSurface> & JsonTools = /* @__PURE__ */ Object.assign(commands, {
  of: documents.makeOf(commands),
  storage,
  encode: documents.encoderFor,
  text: textOf,
  path: (...segments: ReadonlyArray<string | number>) => pathOf(segments),
  mgetNonatomic: (keys: ReadonlyArray<Argument>, path: string) =>
    nonatomic.mget(keys, (part) => commands.mget(part, path)),
  msetNonatomic: (entries: ReadonlyArray<readonly [Argument, string, JsonInput]>) =>
    nonatomic.mset(entries, commands.mset)
}) as JsonCommands<CommandSurface> & JsonTools
