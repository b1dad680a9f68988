/**
 * Small pure decoders, from which the commands build theirs.
 *
 * A decoder takes a reply of RESP2 or RESP3, and gives one value for both forms: a flat list or a map, a number as
 * text or as a double, pairs flat or nested. A decoder never throws: an unexpected shape is a `DecodeFailure`.
 *
 * Text is passed through untouched, so that `Command.bytes` can deliver bytes in its place. Names that the server
 * gives to the parts of a reply are always read as text. A reply that has to be parsed out of running text
 * (`CLIENT LIST`, `CLUSTER NODES`) has no form in bytes: its decoder fails with a message.
 *
 * Integers are numbers while they are safe (up to 2^53 - 1). A greater integer would lose digits, and is a
 * `DecodeFailure`: `Command.bigint` reads the reply without that bound.
 *
 * @since 0.1.0
 */
import { type Reply, ServerError, UnreadableReply } from "../protocol/Reply.ts"

const TypeId = "~effect-redis-cluster/DecodeFailure"

/**
 * Whether a decoder has failed. Failures of another copy of the package count as well.
 *
 * @internal
 */
export const isDecodeFailure = (value: unknown): value is DecodeFailure =>
  typeof value === "object" && value !== null && TypeId in value

/**
 * The result of a decoder for a reply of an unexpected shape. It becomes a `DecodeError` when it leaves the library.
 *
 * @category models
 * @since 0.1.0
 */
export class DecodeFailure {
  readonly message: string
  readonly cause: unknown

  get [TypeId](): typeof TypeId {
    return TypeId
  }

  constructor(message: string, cause?: unknown) {
    this.message = message
    this.cause = cause
  }
}

/**
 * Turns a reply into a value. A decoder never throws: an unexpected reply is a `DecodeFailure`.
 *
 * @category models
 * @since 0.1.0
 */
export type Decoder<out A> = (reply: Reply) => A | DecodeFailure

/** The type of a reply, without its content: values never appear in errors. */
const kind = (reply: Reply): string => {
  if (reply === null) return "null"
  if (typeof reply !== "object") return typeof reply === "number" ? "a number" : `a ${typeof reply}`
  if (reply instanceof Uint8Array) return "bytes"
  if (reply instanceof ServerError) return `the error ${reply.code}`
  if (reply instanceof UnreadableReply) return "what cannot be read"
  if (reply instanceof Map) return `a map of ${reply.size}`
  if (reply instanceof Set) return `a set of ${reply.size}`
  return Array.isArray(reply) ? `a list of ${reply.length}` : "something else"
}

/** The failure for a reply of another shape. */
export const unexpected = (expected: string, reply: Reply): DecodeFailure =>
  new DecodeFailure(`expected ${expected}, got ${kind(reply)}`)

/**
 * Whether a reply is text, or the bytes in its place when the call asked for bytes: `Command.bytes` changes the type
 * accordingly.
 */
const isText = (reply: Reply): reply is string => typeof reply === "string" || reply instanceof Uint8Array

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** The text of a reply, in whatever form it came; `undefined` for other replies, and for bytes that are not UTF-8. */
const readText = (reply: Reply): string | undefined =>
  typeof reply === "string" ? reply : reply instanceof Uint8Array ? textOf(reply) : undefined

const isList = (reply: Reply): reply is ReadonlyArray<Reply> => Array.isArray(reply)

const listReaders = new WeakSet<Decoder<unknown>>()

/**
 * Whether a decoder gives the same value for a RESP3 set or map and for the list that RESP2 has in its place. Then the
 * reply comes as a list, because sets and maps would be made for nothing.
 *
 * @internal
 */
export const readsLists = (decode: Decoder<unknown>): boolean => listReaders.has(decode)

const listReader = <A>(decode: Decoder<A>): Decoder<A> => {
  listReaders.add(decode)
  return decode
}

/** The elements of a list, or of a RESP3 set. */
const elements = (reply: Reply): ReadonlyArray<Reply> | undefined =>
  isList(reply) ? reply : reply instanceof Set ? Array.from<Reply>(reply) : undefined

/** The reply as it is. */
export const reply: Decoder<Reply> = (reply) => reply

/** Text. */
export const string: Decoder<string> = (reply) => isText(reply) ? reply : unexpected("text", reply)

/** Text, or `null` for a missing value. */
export const stringOrNull: Decoder<string | null> = (reply) =>
  reply === null || isText(reply) ? reply : unexpected("text or null", reply)

/** An integer that a number holds exactly. */
export const integer: Decoder<number> = (reply) =>
  typeof reply === "number" ? reply : typeof reply === "bigint" ? tooGreat : unexpected("an integer", reply)

const tooGreat = new DecodeFailure(
  "the integer is beyond 2^53 - 1, where a number is no longer exact: read this command with Command.bigint"
)

/** An integer, or `null`. */
export const integerOrNull: Decoder<number | null> = (reply) => reply === null ? null : integer(reply)

/** An integer of any size. */
export const bigint: Decoder<bigint> = (reply) =>
  typeof reply === "bigint" ?
    reply
    : typeof reply === "number" && Number.isSafeInteger(reply) ?
    BigInt(reply)
    : unexpected("an integer", reply)

/** An integer of any size, or `null`. */
export const bigintOrNull: Decoder<bigint | null> = (reply) => reply === null ? null : bigint(reply)

/** A floating point number: a RESP3 double, or its text (`inf`, `-inf` and `nan` included). */
export const double: Decoder<number> = (reply) => {
  if (typeof reply === "number") return reply
  if (typeof reply === "bigint") return Number(reply)
  const text = readText(reply)
  if (text === undefined || text.trim() === "") return unexpected("a number", reply)
  const value = Number(text)
  if (!Number.isNaN(value)) return value
  switch (text.toLowerCase()) {
    case "inf":
    case "+inf":
      return Infinity
    case "-inf":
      return -Infinity
    case "nan":
    case "-nan":
      return NaN
    default:
      return new DecodeFailure("expected a number, got other text")
  }
}

/** A floating point number, or `null`. */
export const doubleOrNull: Decoder<number | null> = (reply) => reply === null ? null : double(reply)

/** An integer that some replies carry as text. */
export const integerText: Decoder<number> = (reply) => {
  if (typeof reply === "number" || typeof reply === "bigint") return integer(reply)
  const text = readText(reply)
  if (text === undefined || !/^-?\d+$/.test(text)) return unexpected("an integer", reply)
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : tooGreat
}

/** `OK`. */
export const ok: Decoder<"OK"> = (reply) => readText(reply) === "OK" ? "OK" : unexpected("OK", reply)

/** `OK`, or `null` when a condition was not met. */
export const okOrNull: Decoder<"OK" | null> = (reply) => reply === null ? null : ok(reply)

/** A boolean, which servers send as 1 or 0. */
export const boolean: Decoder<boolean> = (reply) =>
  reply === 1 || reply === true ? true : reply === 0 || reply === false ? false : unexpected("0 or 1", reply)

/** A word of a list. */
export const oneOf = <const W extends string>(...words: ReadonlyArray<W>): Decoder<W> => (reply) => {
  const text = readText(reply)
  const found = words.find((word) => word === text)
  return found === undefined ? unexpected(`one of ${words.join(", ")}`, reply) : found
}

/** The decoder, with `null` let through. */
export const nullable = <A>(decode: Decoder<A>): Decoder<A | null> => (reply) => reply === null ? null : decode(reply)

/** Transforms the result of a decoder. */
export const map = <A, B>(decode: Decoder<A>, f: (value: A) => B | DecodeFailure): Decoder<B> => (reply) => {
  const value = decode(reply)
  return value instanceof DecodeFailure ? value : f(value)
}

/** A list (or a RESP3 set) whose elements have one decoder. */
export const arrayOf = <A>(decode: Decoder<A>): Decoder<ReadonlyArray<A>> =>
  listReader((reply) => {
    const list = elements(reply)
    if (list === undefined) return unexpected("a list", reply)
    const result: Array<A> = []
    for (let i = 0; i < list.length; i++) {
      const value = decode(list[i])
      if (value instanceof DecodeFailure) return value
      result.push(value)
    }
    return result
  })

/** A list of texts. */
export const strings: Decoder<ReadonlyArray<string>> = arrayOf(string)

/** A list of texts and nulls. */
export const stringsOrNull: Decoder<ReadonlyArray<string | null>> = arrayOf(stringOrNull)

/** A list of integers. */
export const integers: Decoder<ReadonlyArray<number>> = arrayOf(integer)

/** A list of integers and nulls. */
export const integersOrNull: Decoder<ReadonlyArray<number | null>> = arrayOf(integerOrNull)

/** A list of booleans. */
export const booleans: Decoder<ReadonlyArray<boolean>> = arrayOf(boolean)

/** A list of a fixed length, each element with a decoder of its own. */
export const tuple = <const T extends ReadonlyArray<unknown>>(
  ...decoders: { readonly [K in keyof T]: Decoder<T[K]> }
): Decoder<T> =>
(reply) => {
  if (!isList(reply) || reply.length !== decoders.length) return unexpected(`a list of ${decoders.length}`, reply)
  const values: Array<unknown> = []
  for (let i = 0; i < decoders.length; i++) {
    const value = decoders[i](reply[i])
    if (value instanceof DecodeFailure) return value
    values.push(value)
  }
  // The decoder of each place made the value.
  return values as unknown as T
}

const isPair = (reply: Reply): reply is readonly [Reply, Reply] => isList(reply) && reply.length === 2

/** Pairs, whether they come flat, nested or as a map. */
export const pairsOf = <A, B>(first: Decoder<A>, second: Decoder<B>): Decoder<ReadonlyArray<readonly [A, B]>> =>
  listReader((reply) => {
    const list = reply instanceof Map ? Array.from<Reply>(reply) : reply
    if (!isList(list)) return unexpected("pairs", reply)
    const isNested = list.length > 0 && list.every(isPair)
    if (!isNested && list.length % 2 !== 0) return unexpected("pairs", reply)
    const result: Array<readonly [A, B]> = []
    for (let i = 0; i < list.length; i += isNested ? 1 : 2) {
      const place = list[i]
      const nested = isNested && isPair(place) ? place : undefined
      const a = first(nested === undefined ? place : nested[0])
      if (a instanceof DecodeFailure) return a
      const b = second(nested === undefined ? list[i + 1] : nested[1])
      if (b instanceof DecodeFailure) return b
      result.push([a, b])
    }
    return result
  })

/** Sets a property, `__proto__` too, which a plain assignment would take for the prototype. */
export const assign = <A>(record: Record<string, A>, name: string, value: A): void => {
  if (name === "__proto__") {
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true })
  } else {
    record[name] = value
  }
}

/** An object whose property names come from the server: a map, or a flat list of names and values. */
export const recordOf = <A>(decode: Decoder<A>): Decoder<Readonly<Record<string, A>>> =>
  listReader((reply) => {
    const list = reply instanceof Map ? Array.from<readonly [Reply, Reply]>(reply).flat() : reply
    if (!isList(list) || list.length % 2 !== 0) return unexpected("a map", reply)
    const record: Record<string, A> = {}
    for (let i = 0; i < list.length; i += 2) {
      const name = readText(list[i])
      if (name === undefined) return unexpected("a name", list[i])
      const value = decode(list[i + 1])
      if (value instanceof DecodeFailure) return value
      assign(record, name, value)
    }
    return record
  })

/** An object of texts. */
export const record: Decoder<Readonly<Record<string, string>>> = recordOf(string)

/** The description of one property of a `struct`. */
export interface Property<out A> {
  /** The name that the server gives to it. */
  readonly name: string
  readonly decode: Decoder<A>
  /** The value when the server leaves the property out; without this a missing property is a failure. */
  readonly absent?: { readonly value: A }
}

/** A property that every server sends. */
export const field = <A>(name: string, decode: Decoder<A>): Property<A> => ({ name, decode })

/** A property that not every server, or not every item, has. */
export const optional = <A>(name: string, decode: Decoder<A>): Property<A | undefined> => ({
  name,
  decode,
  absent: { value: undefined }
})

/** An object with known properties: a map, or a flat list of names and values. Unknown properties are left out. */
export const struct = <A extends object>(properties: { readonly [K in keyof A]-?: Property<A[K]> }): Decoder<A> => {
  const all = Object.entries<Property<unknown>>(properties)
  const read = recordOf(reply)
  return (reply) => {
    const source = read(reply)
    if (source instanceof DecodeFailure) return source
    const result: Record<string, unknown> = {}
    for (const [key, property] of all) {
      if (!Object.hasOwn(source, property.name)) {
        if (property.absent === undefined) return new DecodeFailure(`the reply lacks "${property.name}"`)
        result[key] = property.absent.value
        continue
      }
      const value = property.decode(source[property.name])
      if (value instanceof DecodeFailure) return new DecodeFailure(`${property.name}: ${value.message}`, value.cause)
      result[key] = value
    }
    // Every property of A has been read with the decoder that its type names.
    return result as A
  }
}

/** The description of one property of a `positional`. */
export interface Place<out A> {
  readonly position: number
  readonly decode: Decoder<A>
  /** It is the list of all elements from its position on. */
  readonly rest?: true
  /** Its value where the list is shorter; without this the list has to be long enough. */
  readonly absent?: { readonly value: A }
}

/** The element at a position, which every server sends. */
export const at = <A>(position: number, decode: Decoder<A>): Place<A> => ({ position, decode })

/** The element at a position that not every server sends. */
export const optionalAt = <A>(position: number, decode: Decoder<A>, absent: A): Place<A> => ({
  position,
  decode,
  absent: { value: absent }
})

/** All elements from a position on, of which there is at least one. */
export const restFrom = <A>(position: number, decode: Decoder<A>): Place<A> => ({ position, decode, rest: true })

/** An object whose properties stand in a list, each at its own position. Elements at other positions are left out. */
export const positional = <A extends object>(
  expected: string,
  properties: { readonly [K in keyof A]-?: Place<A[K]> }
): Decoder<A> => {
  const all = Object.entries<Place<unknown>>(properties)
  const least = Math.max(...all.map(([, { absent, position }]) => absent === undefined ? position + 1 : 0))
  return (reply) => {
    if (!isList(reply) || reply.length < least) return unexpected(expected, reply)
    const result: Record<string, unknown> = {}
    for (const [key, { absent, decode, position, rest }] of all) {
      if (absent !== undefined && position >= reply.length) {
        result[key] = absent.value
        continue
      }
      const value = decode(rest === true ? reply.slice(position) : reply[position])
      if (value instanceof DecodeFailure) return value
      result[key] = value
    }
    // Every property of A has been read with the decoder that its type names.
    return result as A
  }
}

/** Running text that has to be parsed: it has no form in bytes. */
export const parsed = <A>(parse: (text: string) => A | DecodeFailure): Decoder<A> => (reply) =>
  typeof reply === "string" ?
    parse(reply)
    : reply instanceof Uint8Array ?
    new DecodeFailure("this reply is parsed from text: leave out Command.bytes")
    : unexpected("text", reply)

/** Lines of the form `name:value`, such as those of `CLUSTER INFO`. */
export const colonLines: Decoder<Readonly<Record<string, string>>> = parsed((text) => {
  const result: Record<string, string> = {}
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":")
    if (colon > 0 && !line.startsWith("#")) assign(result, line.slice(0, colon), line.slice(colon + 1).trimEnd())
  }
  return result
})

/**
 * A decoder that was chosen by the options of a call, in the way the result type of the method is chosen by the type
 * of the options. The compiler cannot check that the two choices agree; the type tests and the runs against real
 * servers do.
 */
export const chosen = (decode: Decoder<unknown>): Decoder<never> => decode as Decoder<never>

/**
 * For each decoder of integers, the decoder that reads them at any size.
 *
 * @internal
 */
export const anySize: ReadonlyMap<Decoder<unknown>, Decoder<unknown>> = new Map<Decoder<unknown>, Decoder<unknown>>([
  [integer, bigint],
  [integerOrNull, bigintOrNull],
  [integers, arrayOf(bigint)],
  [integersOrNull, arrayOf(bigintOrNull)]
])
