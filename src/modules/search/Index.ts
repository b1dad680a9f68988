/**
 * The schema of an index as a value.
 *
 * @since 0.1.0
 */
import type { Call, Lifetime } from "../../commands/Call.ts"
import * as checks from "../../internal/checks.ts"
import { type Field, type FieldKind, type Fields, isField } from "./Field.ts"

const TypeId = "~effect-redis-cluster/SearchIndex"

/**
 * An index: its name, the documents that it indexes, and their fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface Index<out F extends Fields = Fields> extends IndexOptions<F> {
  readonly [TypeId]: typeof TypeId
  readonly name: string
  /** The reason why it cannot be sent; `undefined` if there is none. */
  readonly problem: string | undefined
}

/**
 * The definition of an index.
 *
 * @category models
 * @since 0.1.0
 */
export interface IndexOptions<out F extends Fields> {
  /** The documents: hashes or JSON. */
  readonly on: "hash" | "json"
  /** The fields by their names. */
  readonly fields: F
  /** The beginnings of the keys of documents. Default: all keys. */
  readonly prefixes?: ReadonlyArray<string> | undefined
  /** The language of documents that name none, such as `"german"`: it decides the stems of words. Default: English. */
  readonly language?: string | undefined
  /** The field of a document that names its language. Default: none. */
  readonly languageField?: string | undefined
  /** The score of documents that name none, from 0 to 1. Default: 1. */
  readonly score?: number | undefined
  /** The field of a document that has its score. Default: none. */
  readonly scoreField?: string | undefined
  /** The field of a hash that is its payload. Default: none. */
  readonly payloadField?: string | undefined
  /** Words that are not indexed; an empty list for none. Default: those of English. */
  readonly stopWords?: ReadonlyArray<string> | undefined
  /** Only documents for which this expression holds: `"@price > 10"`. Default: all. */
  readonly filter?: string | undefined
  /** The time without a use after which the server drops the index, in whole seconds. Default: it stays. */
  readonly temporary?: Lifetime | undefined
  /** Have room for more than 32 text fields, which `alter` may add. Default: no. */
  readonly maxTextFields?: boolean | undefined
  /** Do not keep where words stand: no exact phrases, no highlights. Default: no. */
  readonly noOffsets?: boolean | undefined
  /** Do not keep what highlights need. Default: no. */
  readonly noHighlights?: boolean | undefined
  /** Do not keep in which field a word stands: no queries for a field. Default: no. */
  readonly noFields?: boolean | undefined
  /** Do not keep how often a word stands in a document. Default: no. */
  readonly noFrequencies?: boolean | undefined
  /** Do not index the documents that are there. Default: no. */
  readonly skipInitialScan?: boolean | undefined
  /**
   * The servers do not ask each other: they have the module without a coordinator, as Redis Stack 7 has it. The index and its documents
   * have to be in one slot, `"{books}:index"` and `"{books}:1"`, and commands go to the owner of that slot. Default: no.
   */
  readonly inOneSlot?: boolean | undefined
}

/**
 * The kinds of the fields of an index.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Kinds<F extends Fields> = { readonly [N in keyof F]: F[N]["kind"] }

/**
 * The type of the values of a field.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ValueOf<X> = X extends Field<FieldKind, infer A> ? A : never

const texts: checks.Check = (value) =>
  Array.isArray(value) && value.every((text) => typeof text === "string") ? undefined : "a list of texts"

const known: checks.Checks<IndexOptions<Fields>> = {
  on: checks.oneOf("hash", "json"),
  fields: (value) =>
    typeof value === "object" && value !== null && Object.keys(value).length > 0 && Object.values(value).every(isField)
      ? undefined
      : "an object with at least one field, made by Search.text, tag, numeric, geo, geoshape or vector",
  prefixes: texts,
  language: checks.text,
  languageField: checks.text,
  score: (value) => typeof value === "number" && value >= 0 && value <= 1 ? undefined : "a number from 0 to 1",
  scoreField: checks.text,
  payloadField: checks.text,
  stopWords: texts,
  filter: checks.text,
  temporary: checks.lifetime(1000),
  maxTextFields: checks.boolean,
  noOffsets: checks.boolean,
  noHighlights: checks.boolean,
  noFields: checks.boolean,
  noFrequencies: checks.boolean,
  skipInitialScan: checks.boolean,
  inOneSlot: checks.boolean
}

/** A name that a query can have without a sign of its own. */
export const isName = (name: unknown): name is string =>
  typeof name === "string" && /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)

const nameProblem = (name: string): string =>
  `the field ${
    JSON.stringify(name)
  }: a name has letters, digits and _ only; option path names the place in the document`

/** The problem of fields; `undefined` if there is none. */
export const problemOfFields = (fields: Fields): string | undefined => {
  for (const [name, field] of Object.entries(fields)) {
    if (!isName(name)) return nameProblem(name)
    if (!isField(field)) return `the field ${name} has to be made by Search.text, tag, numeric, geo, geoshape or vector`
    if (field.problem !== undefined) return `${name}: ${field.problem}`
  }
  return undefined
}

/** Makes an index. */
export const index = <const F extends Fields>(name: string, options: IndexOptions<F>): Index<F> => {
  const problem = typeof name !== "string" || name === ""
    ? "the name of an index has to be a text that is not empty"
    : checks.problemOf(options, known) ??
      (options?.on === undefined || options.fields === undefined
        ? "an index needs the options on and fields"
        : problemOfFields(options.fields))
  return { ...options, [TypeId]: TypeId, name, problem }
}

/** Whether a value is an index. */
export const isIndex = (value: unknown): value is Index =>
  typeof value === "object" && value !== null && TypeId in value

/** The place of a field in documents. */
const identifierOf = (on: "hash" | "json", name: string, { path }: Field): string =>
  path ?? (on === "json" ? `$.${name}` : name)

/** Adds fields with all that is said about them. */
export const addFields = (self: Call, on: "hash" | "json", fields: Fields): Call => {
  for (const [name, field] of Object.entries(fields)) {
    self.add(identifierOf(on, name, field), "AS", name, ...field.words)
  }
  return self
}

/** Adds the definition of an index. */
export const addDefinition = (self: Call, index: Index): Call => {
  self.add(index.name, "ON", index.on === "json" ? "JSON" : "HASH")
  if (index.prefixes !== undefined) self.add("PREFIX", String(index.prefixes.length)).all(index.prefixes)
  self.option("FILTER", index.filter)
    .option("LANGUAGE", index.language)
    .option("LANGUAGE_FIELD", index.languageField)
    .option("SCORE", index.score)
    .option("SCORE_FIELD", index.scoreField)
    .option("PAYLOAD_FIELD", index.payloadField)
    .flag("MAXTEXTFIELDS", index.maxTextFields)
  if (index.temporary !== undefined) self.add("TEMPORARY").seconds("temporary", index.temporary)
  self.flag("NOOFFSETS", index.noOffsets)
    .flag("NOHL", index.noHighlights)
    .flag("NOFIELDS", index.noFields)
    .flag("NOFREQS", index.noFrequencies)
  if (index.stopWords !== undefined) self.add("STOPWORDS", String(index.stopWords.length)).all(index.stopWords)
  return addFields(self.flag("SKIPINITIALSCAN", index.skipInitialScan).add("SCHEMA"), index.on, index.fields)
}
