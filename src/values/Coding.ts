/**
 * The way of a value to its stored form and back: schema, codec, compression.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { DecodeFailure, isDecodeFailure } from "../commands/decode.ts"
import { decoderOf, encoderOf } from "../commands/SchemaCoding.ts"
import { EncodeFailure, isEncodeFailure } from "../commands/Value.ts"
import type { Argument } from "../protocol/Reply.ts"
import * as Codec from "./Codec.ts"
import { type Compression, isCompressed } from "./Compression.ts"
import { oneWay } from "./oneWay.ts"

/** The parts of a value's way, as a definition gives them. */
export interface Parts {
  readonly schema: Schema.Constraint
  readonly codec?: Codec.Codec<never> | undefined
  readonly compression?: Compression | undefined
}

export interface Coding<out A> {
  readonly encode: (value: unknown) => Argument | EncodeFailure
  readonly decode: (stored: Uint8Array) => A | DecodeFailure
}

const isForm = (codec: object): boolean =>
  Predicate.hasProperty(codec, "form") && (codec.form === "json" || codec.form === "encoded")

const codecProblem = (codec: unknown): string | undefined => {
  if (codec === undefined) return undefined
  if (Predicate.hasProperty(codec, "problem") && typeof codec.problem === "string") return `codec: ${codec.problem}`
  return Predicate.hasProperty(codec, "encode") && Predicate.hasProperty(codec, "decode") &&
      Predicate.isFunction(codec.encode) && Predicate.isFunction(codec.decode) && isForm(codec)
    ? undefined
    : "codec has to be a codec: Codec.json, Codec.text, Codec.bytes, or one that Codec.make has made"
}

const compressionProblem = (compression: unknown): string | undefined =>
  compression === undefined
    ? undefined
    : !Predicate.hasProperty(compression, "compress")
    ? "compression has to be a compression: Compression.zstd()"
    : Predicate.hasProperty(compression, "problem") && typeof compression.problem === "string"
    ? `compression: ${compression.problem}`
    : undefined

/** The schema in the form that the codec takes. */
const schemaOf = ({ codec = Codec.json, schema }: Parts): Schema.Constraint =>
  codec.form === "json" ? Schema.toCodecJson(schema) : schema

/** The reason why these parts make no way; `undefined` if they do. */
export const problemOf = (parts: Parts): string | undefined => {
  if (!Schema.isSchema(parts.schema)) return "schema has to be a schema"
  const problem = codecProblem(parts.codec) ?? compressionProblem(parts.compression)
  if (problem !== undefined) return problem
  try {
    return oneWay(schemaOf(parts))
  } catch {
    return "its schema has no JSON codec"
  }
}

/** UTF-8 has no form for half a surrogate pair, and would write another character. */
export const noUnicode = "the text has a lone surrogate, and cannot be written as UTF-8"

const zstdWanted = "the value is compressed: read it with the option compression"

/** The way that the parts make. A function of the program that throws fails the value, and nothing else. */
export const make = <A>(parts: Parts): Coding<A> => {
  const { compression } = parts
  const codec: Codec.Codec<never> = parts.codec ?? Codec.json
  // The definition pairs the codec with the schema, and the type with both.
  const schema = schemaOf(parts) as Schema.ConstraintCodec<A, never>
  const encode = encoderOf<never>(schema)
  const decode = decoderOf(schema)
  return {
    encode: (value) => {
      const encoded = encode(value)
      if (isEncodeFailure(encoded)) return encoded
      try {
        const stored: unknown = codec.encode(encoded)
        if (isEncodeFailure(stored)) return stored
        if (typeof stored !== "string" && !(stored instanceof Uint8Array)) {
          return new EncodeFailure("the codec gave neither text nor bytes")
        }
        if (typeof stored === "string" && !stored.isWellFormed()) return new EncodeFailure(noUnicode)
        return compression === undefined ? stored : compression.compress(stored)
      } catch {
        return new EncodeFailure("a function of the codec threw an error")
      }
    },
    decode: (stored) => {
      const plain = compression === undefined ? stored : compression.decompress(stored)
      if (isDecodeFailure(plain)) return plain
      const read = readBy(codec, plain)
      return isDecodeFailure(read)
        ? compression === undefined && isCompressed(stored) ? new DecodeFailure(zstdWanted) : read
        : decode(read)
    }
  }
}

const readBy = (codec: Codec.Codec<never>, stored: Uint8Array): unknown => {
  try {
    return codec.decode(stored)
  } catch {
    return new DecodeFailure("a function of the codec threw an error")
  }
}
