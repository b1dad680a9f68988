/**
 * JSON values as arguments of commands, and in their replies.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import type { Call } from "../../commands/Call.ts"
import * as decode from "../../commands/decode.ts"
import type { Value } from "../../commands/Value.ts"

/**
 * A JSON value.
 *
 * @category models
 * @since 0.1.0
 */
export type JsonValue = Schema.Json

const TypeId = "~effect-redis-cluster/JsonText"

/**
 * JSON that is text already: `Json.text` and `Json.encode` make it.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonText {
  readonly [TypeId]: typeof TypeId
  readonly value: Value
  /** The reason why there is no text: commands with it fail with an `OptionsError`. */
  readonly problem?: string | undefined
}

/**
 * A JSON value, as commands take it.
 *
 * @category models
 * @since 0.1.0
 */
export type JsonInput = JsonValue | JsonText

/** Text that is JSON. The server checks it. */
export const textOf = (value: Value): JsonText => ({ [TypeId]: TypeId, value })

/** The text of a mistaken definition. */
export const noText = (problem: string): JsonText => ({ [TypeId]: TypeId, value: "", problem })

const isText = (value: unknown): value is JsonText => typeof value === "object" && value !== null && TypeId in value

/** Whether every number is finite: JSON has no other, and `JSON.stringify` would write `null`. */
const isFinite = (value: unknown): boolean =>
  typeof value === "number"
    ? Number.isFinite(value)
    : typeof value !== "object" || value === null || Object.values(value).every(isFinite)

const manyDigits = /\d{16}/
const integer = /^-?\d+$/
const textOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** Writes integers from 2^53 on as fractions: servers would keep more digits of integers than a number has, and replies with such are refused. */
const asFractions = (text: string): string =>
  text.replace(
    textOrNumber,
    (part) => integer.test(part) && !Number.isSafeInteger(Number(part)) ? `${part}.0` : part
  )

/** Half a character, which `JSON.stringify` escapes and servers refuse. */
const loneSurrogate = /(?<!\\)(?:\\\\)*\\ud[89a-f]/

/** Whether there is JSON text inside a value: it would become an object. */
const hasText = (value: unknown): boolean =>
  isText(value) || (typeof value === "object" && value !== null && Object.values(value).some(hasText))

/** The text of a value; `undefined` for what JSON cannot express. */
export const stringify = (value: unknown): string | undefined => {
  try {
    const text: string | undefined = JSON.stringify(value)
    if (text === undefined || (text.includes("null") && !isFinite(value))) return undefined
    if ((text.includes("\\ud") && loneSurrogate.test(text)) || (text.includes(TypeId) && hasText(value))) {
      return undefined
    }
    return manyDigits.test(text) ? asFractions(text) : text
  } catch {
    return undefined
  }
}

/** Adds a JSON value. */
export const addJson = (self: Call, value: JsonInput): Call => {
  if (isText(value)) return value.problem === undefined ? self.value(value.value) : self.refuse(value.problem)
  const text = stringify(value)
  return text === undefined
    ? self.refuse(
      "a value must be JSON: null, a boolean, a finite number, text without half characters, a list or an object of these. " +
        "Json.encode(schema) makes JSON of other values; what it and Json.text make is a whole value, and no part of one"
    )
    : self.add(text)
}

/** Adds a list of JSON values, at least one. */
export const addAllJson = (self: Call, values: ReadonlyArray<JsonInput>): Call => {
  if (!Array.isArray(values)) return self.refuse("values must be a list of JSON values")
  if (values.length === 0) {
    return self.refuse("values must have at least one entry, got none: leave out the call instead")
  }
  for (const value of values) addJson(self, value)
  return self
}

const inexact = new decode.DecodeFailure(
  "the document has an integer beyond 2^53 - 1, where a number is no longer exact: read its text with Json.getText"
)

/** Reads JSON. An integer that a number cannot hold fails. */
export const parse = (text: string): JsonValue | decode.DecodeFailure => {
  let isExact = true
  const check = (_: string, value: unknown, context?: { readonly source?: string }): unknown => {
    if (typeof value === "number" && !Number.isSafeInteger(value) && integer.test(context?.source ?? String(value))) {
      isExact = false
    }
    return value
  }
  try {
    const value: JsonValue = manyDigits.test(text) ? JSON.parse(text, check) : JSON.parse(text)
    return isExact ? value : inexact
  } catch {
    return new decode.DecodeFailure("expected JSON, got other text")
  }
}

/** A JSON value in a reply. */
export const json: decode.Decoder<JsonValue> = decode.parsed(parse)

/** A JSON value in a reply, or `null`. */
export const jsonOrNull: decode.Decoder<JsonValue | null> = decode.nullable(json)

/** A number in a reply, or `null`. An integer that a number cannot hold fails, as it does in JSON text. */
export const numberOrNull: decode.Decoder<number | null> = (reply) =>
  reply === null || (typeof reply === "number" && !Number.isNaN(reply))
    ? reply
    : typeof reply === "bigint"
    ? inexact
    : decode.unexpected("a number or null", reply)
