/**
 * The entries of streams in the results of commands, with fields that a schema has decoded.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import { type DecodeFailure, isDecodeFailure } from "./decode.ts"
import { decoderOf } from "./SchemaCoding.ts"

/**
 * A result of a command that reads entries, in the forms that `xrange`, `xread`, `xreadgroup`, `xclaim` and `xautoclaim` give.
 *
 * @category utility types
 * @since 0.1.0
 */
export type WithEntries =
  | { readonly fields: Readonly<Record<string, string>> | null }
  | { readonly entries: ReadonlyArray<WithEntries> }
  | ReadonlyArray<WithEntries>

/**
 * A result with entries whose fields a schema has decoded. The fields of an entry that has been deleted stay `null`.
 *
 * @category utility types
 * @since 0.1.0
 */
export type TypedEntries<A, Fields> = A extends ReadonlyArray<infer E> ? ReadonlyArray<TypedEntries<E, Fields>>
  : {
    readonly [K in keyof A]: K extends "fields" ? Fields | Extract<A[K], null>
      : K extends "entries" ? TypedEntries<A[K], Fields>
      : A[K]
  }

/** Decodes the fields of all entries in a result, or fails with the first that does not fit. */
export const entriesDecoderOf = (schema: Schema.ConstraintDecoder<unknown>) => {
  const decode = decoderOf(schema)
  const decodeEntry = (entry: EntryLike): unknown => {
    if (entry.fields === null) return entry
    const fields = decode(entry.fields)
    return isDecodeFailure(fields) ? fields : { ...entry, fields }
  }
  const decodeAll = (result: WithEntries): unknown => {
    if (isList(result)) return decodeList(result)
    if ("fields" in result) return decodeEntry(result)
    const entries = decodeList(result.entries)
    return isDecodeFailure(entries) ? entries : { ...result, entries }
  }
  const decodeList = (list: ReadonlyArray<WithEntries>): ReadonlyArray<unknown> | DecodeFailure => {
    const decoded: Array<unknown> = []
    for (const one of list) {
      const value = decodeAll(one)
      if (isDecodeFailure(value)) return value
      decoded.push(value)
    }
    return decoded
  }
  return decodeAll
}

type EntryLike = Extract<WithEntries, { readonly fields: unknown }>

const isList = (result: WithEntries): result is ReadonlyArray<WithEntries> => Array.isArray(result)
