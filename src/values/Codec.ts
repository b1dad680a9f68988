/**
 * The forms in which values are kept on the servers.
 *
 * @since 0.1.0
 */
import { isUtf8 } from "node:buffer"
import { DecodeFailure } from "../commands/decode.ts"
import type { EncodeFailure } from "../commands/Value.ts"
import * as checks from "../internal/checks.ts"
import type { Argument } from "../protocol/Reply.ts"
import { utf8Of } from "../protocol/text.ts"

/**
 * A form for values: a function to it and a function back, both from what the schema encodes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Codec<in E> {
  /** The reason why it cannot be used; `undefined` if there is none. */
  readonly problem?: string | undefined
  /**
   * The part of the schema that comes before the codec: with `"json"` its JSON codec, which makes dates, classes and bytes plain; with
   * `"encoded"` the schema as it is.
   */
  readonly form: "json" | "encoded"
  /** Makes the stored form, or says why there is none. It may throw. */
  readonly encode: (value: E) => Argument | EncodeFailure
  /** Reads the stored form. It may throw. */
  readonly decode: (stored: Uint8Array) => unknown
}

/**
 * The text of bytes that are UTF-8.
 *
 * @internal
 */
export const textOf = (stored: Uint8Array): string | DecodeFailure =>
  isUtf8(stored) ? utf8Of(stored) : new DecodeFailure("the value is no text: its bytes are not UTF-8")

const parse = (stored: Uint8Array): unknown => {
  const text = textOf(stored)
  if (typeof text !== "string") return text
  try {
    return JSON.parse(text)
  } catch {
    return new DecodeFailure("the value is no JSON")
  }
}

/**
 * Values as JSON text, by the JSON codec of the schema: any schema goes. The default.
 *
 * @category codecs
 * @since 0.1.0
 */
export const json: Codec<unknown> = { form: "json", encode: JSON.stringify, decode: parse }

/**
 * Values as text, for schemas that encode to text: `Schema.String`, `Schema.FiniteFromString`. Servers and programs without JSON read it, and
 * `INCR` counts it.
 *
 * @category codecs
 * @since 0.1.0
 */
export const text: Codec<string> = { form: "encoded", encode: (value) => value, decode: textOf }

/**
 * Values as bytes, for schemas that encode to bytes: `Schema.Uint8Array`. The stored form is the bytes themselves.
 *
 * @category codecs
 * @since 0.1.0
 */
export const bytes: Codec<Uint8Array> = { form: "encoded", encode: (value) => value, decode: (stored) => stored }

/**
 * The parts of a codec, for `Codec.make`: the two functions, and the part of the schema before them.
 *
 * @category models
 * @since 0.1.0
 */
export interface CodecOptions<in E> {
  /** The part of the schema that comes before the codec. Default: `"json"`. */
  readonly form?: "json" | "encoded" | undefined
  /** Makes the stored form. It may throw. */
  readonly encode: (value: E) => Argument
  /** Reads the stored form. It may throw. */
  readonly decode: (stored: Uint8Array) => unknown
}

const optionChecks: checks.Checks<CodecOptions<never>> = {
  form: checks.oneOf("json", "encoded"),
  encode: checks.func,
  decode: checks.func
}

/**
 * Makes a form of the program's own: MessagePack, CBOR, Protocol Buffers.
 *
 * **Details**
 *
 * The functions get and give what the schema encodes to. With `form: "json"`, the default, that is JSON, so that any schema goes. With
 * `form: "encoded"` it is the encoded side of the schema itself, for formats that know dates and bytes. Errors that they throw become an
 * `EncodeError` or a `DecodeError`. Parts that cannot be used fail each command of the definition with an `OptionsError`.
 *
 * **Gotchas**
 *
 * The functions run on the thread of the program, and at once: they cannot wait. The schema reads the result of `decode`.
 *
 * **Example** (The serializer of V8)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Codec, Value } from "effect-redis-cluster"
 * import { deserialize, serialize } from "node:v8"
 *
 * export const Users = Value.make({
 *   key: (id: number) => `user:${id}`,
 *   schema: Schema.Struct({ name: Schema.String, born: Schema.Date }),
 *   codec: Codec.make({ encode: serialize, decode: deserialize })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E = unknown>(options: CodecOptions<E>): Codec<E> => {
  const problem = checks.problemOf(options, optionChecks) ??
    (options.encode === undefined
      ? "encode is missing"
      : options.decode === undefined
      ? "decode is missing"
      : undefined)
  // A definition with a codec that has a problem is refused, and runs no function of it.
  if (problem !== undefined) return { problem, form: "json", encode: () => "", decode: () => null }
  return { form: options.form ?? "json", encode: options.encode, decode: options.decode }
}
