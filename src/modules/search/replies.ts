/**
 * The replies of commands about indexes, in one form for RESP2 and RESP3.
 *
 * @since 0.1.0
 */
import * as decode from "../../commands/decode.ts"
import type { Reply } from "../../protocol/Reply.ts"
import { text, textOrNull, texts } from "./documents.ts"

/**
 * A field of an index: a part of the reply of `info`.
 *
 * @category models
 * @since 0.1.0
 */
export interface IndexedField {
  /** The field of the hash, or the path of the JSON document. */
  readonly identifier: string
  /** The name in queries. */
  readonly attribute: string
  readonly type: string
  /** The settings of the field that have a value, such as `WEIGHT`. */
  readonly options: Readonly<Record<string, string>>
  /** The settings of the field without a value, such as `SORTABLE`. */
  readonly flags: ReadonlyArray<string>
}

/**
 * The errors while documents were indexed.
 *
 * @category models
 * @since 0.1.0
 */
export interface IndexErrors {
  readonly failures: number
  readonly lastError: string
  readonly lastKey: string
}

/**
 * The figures of an index: the reply of `info`.
 *
 * @category models
 * @since 0.1.0
 */
export interface IndexInfo {
  readonly name: string
  readonly on: string
  readonly prefixes: ReadonlyArray<string>
  readonly fields: ReadonlyArray<IndexedField>
  readonly documents: number
  readonly terms: number
  readonly records: number
  /** Whether documents that were there are still being indexed. */
  readonly isIndexing: boolean
  /** The share of them that is indexed, from 0 to 1. */
  readonly indexed: number
  readonly failures: number
  /** How often the index was used. */
  readonly uses: number
  readonly errors: IndexErrors | undefined
  /** All that the server tells, as it tells it. */
  readonly raw: Readonly<Record<string, Reply>>
}

/**
 * A word that may be misspelt, with the words that may be meant, the likeliest first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Misspelling {
  readonly term: string
  readonly suggestions: ReadonlyArray<{ readonly word: string; readonly score: number }>
}

/**
 * A completion of what was typed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Suggestion {
  readonly text: string
  readonly score: number
  /** The payload, `null` for none. */
  readonly payload: string | null
}

/** Words of FT.INFO that stand alone. */
const flags = new Set([
  "SORTABLE",
  "UNF",
  "NOSTEM",
  "NOINDEX",
  "CASESENSITIVE",
  "WITHSUFFIXTRIE",
  "INDEXEMPTY",
  "INDEXMISSING"
])

/** Any reply as text, for options. */
const shown = (reply: Reply): string => {
  const given = text(reply)
  return typeof given === "string" ? given : typeof reply === "object" ? "" : String(reply)
}

const fieldOf = (
  options: Record<string, string>,
  found: ReadonlyArray<string>
): IndexedField | decode.DecodeFailure => {
  const { attribute, identifier, type, ...rest } = options
  return identifier === undefined || attribute === undefined || type === undefined
    ? new decode.DecodeFailure("expected a field of an index, got something else")
    : { identifier, attribute, type, options: rest, flags: found }
}

/** A field: a list in which pairs and single words mix, or a map with `flags`. */
const indexedField: decode.Decoder<IndexedField> = (reply) => {
  const options: Record<string, string> = {}
  const found: Array<string> = []
  if (reply instanceof Map) {
    for (const [key, value] of Array.from<readonly [Reply, Reply]>(reply)) {
      const name = shown(key)
      if (name !== "flags") decode.assign(options, name, shown(value))
      else {
        const words = texts(value)
        if (words instanceof decode.DecodeFailure) return words
        found.push(...words)
      }
    }
    return fieldOf(options, found)
  }
  if (!Array.isArray(reply)) return decode.unexpected("a field of an index", reply)
  for (let at = 0; at < reply.length; at++) {
    const word = shown(reply[at])
    if (flags.has(word)) found.push(word)
    else if (at + 1 < reply.length) decode.assign(options, word, shown(reply[++at]))
  }
  return fieldOf(options, found)
}

interface Definition {
  readonly on: string
  readonly prefixes: ReadonlyArray<string>
}

const definition = decode.struct<Definition>({
  on: decode.field("key_type", text),
  prefixes: { name: "prefixes", decode: texts, absent: { value: [] } }
})

const errors = decode.struct<IndexErrors>({
  failures: decode.field("indexing failures", decode.double),
  lastError: decode.field("last indexing error", text),
  lastKey: decode.field("last indexing error key", text)
})

const figures = decode.struct<
  Omit<IndexInfo, "on" | "prefixes" | "raw" | "isIndexing"> & {
    readonly definition: Definition
    readonly indexing: number
  }
>({
  name: decode.field("index_name", text),
  definition: decode.field("index_definition", definition),
  fields: decode.field("attributes", decode.arrayOf(indexedField)),
  documents: decode.field("num_docs", decode.double),
  terms: decode.field("num_terms", decode.double),
  records: decode.field("num_records", decode.double),
  indexing: decode.field("indexing", decode.double),
  indexed: decode.field("percent_indexed", decode.double),
  failures: decode.field("hash_indexing_failures", decode.double),
  uses: decode.field("number_of_uses", decode.double),
  errors: decode.optional("Index Errors", errors)
})

const all = decode.recordOf(decode.reply)

export const info: decode.Decoder<IndexInfo> = (reply) => {
  const raw = all(reply)
  if (raw instanceof decode.DecodeFailure) return raw
  return decode.map(figures, ({ definition, indexing, ...rest }) => ({
    ...rest,
    ...definition,
    isIndexing: indexing !== 0,
    raw
  }))(reply)
}

/** Groups of words that mean the same, by word. */
export const synonyms: decode.Decoder<Readonly<Record<string, ReadonlyArray<string>>>> = decode.recordOf(texts)

const scoredWord = decode.positional<Misspelling["suggestions"][number]>("a suggestion", {
  score: decode.at(0, decode.double),
  word: decode.at(1, text)
})

const misspelling = decode.positional<Misspelling>("a misspelt term", {
  term: decode.at(1, text),
  suggestions: decode.at(2, decode.arrayOf(scoredWord))
})

const ofMap = decode.struct<
  { readonly results: ReadonlyArray<readonly [string, ReadonlyArray<Readonly<Record<string, number>>>]> }
>({
  results: decode.field("results", decode.pairsOf(text, decode.arrayOf(decode.recordOf(decode.double))))
})

export const misspellings: decode.Decoder<ReadonlyArray<Misspelling>> = (reply) =>
  Array.isArray(reply)
    ? decode.arrayOf(misspelling)(reply)
    : decode.map(ofMap, ({ results }) =>
      results.map(([term, words]) => ({
        term,
        suggestions: words.flatMap((word) => Object.entries(word).map(([word, score]) => ({ word, score })))
      })))(reply)

const suggestionParts = decode.arrayOf(decode.reply)

/** Texts, scores and payloads in turns; nothing where there is no such key. */
export const suggestions: decode.Decoder<ReadonlyArray<Suggestion>> = (reply) => {
  if (reply === null) return []
  const parts = suggestionParts(reply)
  if (parts instanceof decode.DecodeFailure) return parts
  if (parts.length % 3 !== 0) return decode.unexpected("suggestions with scores and payloads", reply)
  const found: Array<Suggestion> = []
  for (let at = 0; at < parts.length; at += 3) {
    const word = text(parts[at])
    const score = decode.double(parts[at + 1])
    const payload = textOrNull(parts[at + 2])
    if (word instanceof decode.DecodeFailure) return word
    if (score instanceof decode.DecodeFailure) return score
    if (payload instanceof decode.DecodeFailure) return payload
    found.push({ text: word, score, payload })
  }
  return found
}

/** A part of a profile: numbers, texts, lists and names with values. */
export type ProfilePart = string | number | null | ReadonlyArray<ProfilePart> | { readonly [name: string]: ProfilePart }
