/**
 * The documents of results, with the types of their fields.
 *
 * @since 0.1.0
 */
import * as decode from "../../commands/decode.ts"
import type { Reply } from "../../protocol/Reply.ts"
import type { Field, Fields, GeoPlace } from "./Field.ts"
import type { Index, ValueOf } from "./Index.ts"
import { vectorOf, vectorOfNumbers } from "./vectors.ts"

/**
 * The fields of a document. A field that the document lacks is not there.
 *
 * @category utility types
 * @since 0.1.0
 */
export type DocumentOf<F extends Fields, N extends keyof F = keyof F> = { readonly [K in N]?: ValueOf<F[K]> }

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Text, which comes as bytes: documents may have vectors in them. */
export const text: decode.Decoder<string> = (reply) => {
  if (typeof reply === "string") return reply
  if (!(reply instanceof Uint8Array)) return decode.unexpected("text", reply)
  try {
    return utf8.decode(reply)
  } catch {
    return new decode.DecodeFailure("expected text, got bytes that are not UTF-8")
  }
}

export const textOrNull: decode.Decoder<string | null> = decode.nullable(text)

export const texts: decode.Decoder<ReadonlyArray<string>> = decode.arrayOf(text)

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return new decode.DecodeFailure("expected JSON, got other text")
  }
}

const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)

const place = (written: string): GeoPlace | decode.DecodeFailure => {
  const [longitude, latitude] = written.split(",").map(Number)
  return Number.isFinite(longitude) && Number.isFinite(latitude)
    ? { longitude, latitude }
    : new decode.DecodeFailure("expected a longitude and a latitude, got something else")
}

/** The value of a field of a hash. */
const ofHash = ({ kind, separator, vector }: Field, reply: Reply): unknown => {
  switch (kind) {
    case "text":
    case "geoshape":
      return text(reply)
    case "numeric":
      return decode.double(reply)
    case "tag":
      return decode.map(text, (all) => all.split(separator).map((tag) => tag.trim()).filter((tag) => tag !== ""))(reply)
    case "geo":
      return decode.map(text, place)(reply)
    case "vector":
      return reply instanceof Uint8Array
        ? vectorOf(vector, reply) ??
          new decode.DecodeFailure("expected the bytes of a vector, got another number of bytes")
        : decode.unexpected("the bytes of a vector", reply)
  }
}

/** The value of a field of JSON: the list of what its path matches. */
const ofJson = ({ kind, vector }: Field, reply: Reply): unknown => {
  const written = text(reply)
  if (written instanceof decode.DecodeFailure) return written
  const matches = parse(written)
  if (matches instanceof decode.DecodeFailure) return matches
  const all = isList(matches) ? matches : [matches]
  const [first] = all
  switch (kind) {
    case "text":
    case "geoshape":
      return typeof first === "string" ? first : JSON.stringify(first)
    case "numeric":
      return typeof first === "number"
        ? first
        : new decode.DecodeFailure("expected a number in JSON, got something else")
    case "tag":
      return all.flat().filter((tag) => tag !== null).map(String)
    case "geo":
      return typeof first === "string"
        ? place(first)
        : new decode.DecodeFailure("expected a place as text in JSON, got something else")
    case "vector": {
      const numbers: ReadonlyArray<unknown> = isList(first) ? first : all
      return numbers.every((number) => typeof number === "number")
        ? vectorOfNumbers(vector, numbers)
        : new decode.DecodeFailure("expected a list of numbers in JSON, got something else")
    }
  }
}

/** Pairs of names and values, flat or as a map; nothing for a document that was deleted meanwhile. */
export const properties: decode.Decoder<Readonly<Record<string, Reply>>> = (reply) =>
  reply === null ? {} : decode.recordOf(decode.reply)(reply)

/** The value of a field of JSON in its plain form: the first match as text. */
const ofPlainJson = (field: Field, reply: Reply): unknown => {
  const written = text(reply)
  if (written instanceof decode.DecodeFailure) return written
  switch (field.kind) {
    case "tag":
      return written.startsWith("[") ? ofJson(field, written) : [written]
    case "vector":
      return ofJson(field, written)
    case "text":
    case "geoshape":
    case "numeric":
    case "geo":
      return ofHash(field, written)
  }
}

const isEmptyJson = (reply: Reply): boolean => {
  const written = text(reply)
  return written === "[]" || written === "null" || written === "[null]"
}

/** Documents with some of the fields of an index; `plain` where JSON comes as its first match, and not as the list of all. */
export const documentOf = <F extends Fields, N extends keyof F & string>(
  { fields, on }: Index<F>,
  names: ReadonlyArray<N>,
  plain = false
) =>
(source: Readonly<Record<string, Reply>>): DocumentOf<F, N> | decode.DecodeFailure => {
  const document: Record<string, unknown> = {}
  for (const name of names) {
    const reply = Object.hasOwn(source, name) ? source[name] : null
    if (reply === null || (on === "json" && isEmptyJson(reply))) continue
    const value = on === "hash"
      ? ofHash(fields[name], reply)
      : plain
      ? ofPlainJson(fields[name], reply)
      : ofJson(fields[name], reply)
    if (value instanceof decode.DecodeFailure) return new decode.DecodeFailure(`${name}: ${value.message}`, value.cause)
    decode.assign(document, name, value)
  }
  // The decoder of each field made its value.
  return document as DocumentOf<F, N>
}
