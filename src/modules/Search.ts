/**
 * Search in hashes and JSON documents: by words, tags, numbers, places and vectors, with aggregations, completions and spell check. It
 * needs a server with the module RediSearch, which is a part of Redis 8 and of Redis Stack. Versions are those of the module.
 *
 * **Example** (An index and a query)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Query, Search } from "effect-redis-cluster/modules/Search"
 *
 * const Books = Search.index("{shop}:books", {
 *   on: "hash",
 *   prefixes: ["{shop}:book:"],
 *   inOneSlot: true,
 *   fields: { title: Search.text(), tags: Search.tag(), price: Search.numeric({ sortable: true }) }
 * })
 *
 * export const program = Effect.gen(function*() {
 *   yield* Search.create(Books)
 *   const cheap = Query.and(Query.words("the old man", "title"), Query.range("price", { below: 20 }))
 *   const { hits, total } = yield* Search.search(Books, cheap, { sortBy: ["price", "ASC"] })
 *   return { total, titles: hits.map(({ document }) => document.title) }
 * })
 * ```
 *
 * @since 0.1.0
 */
import type * as Stream from "effect/Stream"
import type { ClusterClient } from "../ClusterClient.ts"
import { type Call, call, type Lifetime, type OneOrMore, type Value } from "../commands/Call.ts"
import { checked } from "../commands/checked.ts"
import { Command } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as decode from "../commands/decode.ts"
import type { CommandSurface, Returns, Surface } from "../commands/Surface.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { parameters } from "./parameters/Search.ts"
import {
  addSteps,
  aggregation,
  isAggregation,
  literal,
  type RowOf,
  rowOf,
  type RowShape,
  type SearchAggregation,
  type ShapeOf,
  type Steps
} from "./search/Aggregation.ts"
import * as cursors from "./search/cursors.ts"
import { type DocumentOf, documentOf, text, texts } from "./search/documents.ts"
import * as field from "./search/Field.ts"
import type { Fields, FieldTools } from "./search/Field.ts"
import * as hybrids from "./search/Hybrid.ts"
import type { Combination, HybridResult, HybridVector } from "./search/Hybrid.ts"
import {
  addDefinition,
  addFields,
  type Index,
  index,
  type IndexOptions,
  isIndex,
  type Kinds,
  problemOfFields
} from "./search/Index.ts"
import { type Profiled, profiled } from "./search/profiles.ts"
import { distanceName, isQuery, type Query, Rendering } from "./search/Query.ts"
import * as replies from "./search/replies.ts"
import type { IndexInfo, Misspelling, Suggestion } from "./search/replies.ts"
import * as results from "./search/results.ts"
import type { AggregateResult, SearchKeysResult, SearchResult } from "./search/results.ts"
import { bytesOf } from "./search/vectors.ts"

export {
  Reduce,
  type ReducedShape,
  type Reducer,
  type Reducers,
  type ReducerTools,
  type RowKind,
  type RowOf,
  type RowShape,
  type SearchAggregation,
  type ShapeOf
} from "./search/Aggregation.ts"
export type { DocumentOf } from "./search/documents.ts"
export type {
  Field,
  FieldKind,
  FieldOptions,
  Fields,
  FieldTools,
  GeoPlace,
  GeoshapeFieldOptions,
  SortableFieldOptions,
  TagFieldOptions,
  TextFieldOptions,
  VectorFieldOptions
} from "./search/Field.ts"
export type { Combination, HybridHit, HybridResult, HybridVector } from "./search/Hybrid.ts"
export type { Index, IndexOptions, Kinds, ValueOf } from "./search/Index.ts"
export type { Profiled } from "./search/profiles.ts"
export {
  type Bounds,
  type Circle,
  type KnnOptions,
  type NeedsOf,
  type OfText,
  type Params,
  type PhraseOptions,
  Query,
  type QueryTools
} from "./search/Query.ts"
export type { IndexedField, IndexErrors, IndexInfo, Misspelling, Suggestion } from "./search/replies.ts"
export type { AggregateResult, Hit, SearchKeysResult, SearchResult } from "./search/results.ts"
export type { VectorOf, VectorType, VectorValue } from "./search/vectors.ts"

/**
 * An index, or its name or an alias of it.
 *
 * @category models
 * @since 0.1.0
 */
export type IndexOrName = Index | string

/**
 * The fields that results have when a search names none: all but vectors, which are long.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Returned<F extends Fields> = { [N in keyof F]: F[N]["kind"] extends "vector" ? never : N }[keyof F] & string

/**
 * Options of `alter`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AlterIndexOptions {
  /** Do not index the documents that are there. */
  readonly skipInitialScan?: boolean | undefined
}

/**
 * Options of `dropindex`.
 *
 * @category models
 * @since 0.1.0
 */
export interface DropIndexOptions {
  /** Delete the documents as well. */
  readonly deleteDocuments?: boolean | undefined
}

/**
 * Options that say which documents a search finds, and in which order.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchKeysOptions<out Names extends string> {
  /** The first hit, from 0, and the greatest number of hits. Default: 10, the count of `Query.knn`. */
  readonly limit?: readonly [offset: number, count: number] | undefined
  /** The field by which hits are sorted. Default: the score, for `Query.knn` the distance. */
  readonly sortBy?: readonly [field: Names, direction: "ASC" | "DESC"] | undefined
  /** Words as they are, without those of the same stem. */
  readonly verbatim?: boolean | undefined
  /** Do not leave out the words that are not indexed. */
  readonly noStopWords?: boolean | undefined
  /** Only these documents. */
  readonly inKeys?: ReadonlyArray<string> | undefined
  /** Only words in these fields. */
  readonly inFields?: ReadonlyArray<Names> | undefined
  /** How many other words may stand between the words of the query. */
  readonly slop?: number | undefined
  /** The words stand in the order of the query. */
  readonly inOrder?: boolean | undefined
  /** The language of the query. */
  readonly language?: string | undefined
  /** A function of the server that adds words to the query. */
  readonly expander?: string | undefined
  /** The function that gives scores, such as `BM25STD`. */
  readonly scorer?: string | undefined
  /** The time after which the server gives what it has, with a warning, or fails. Default: that of the server. */
  readonly timeout?: Lifetime | undefined
}

/**
 * Options of `search`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchOptions<out Names extends string, out N extends Names> extends SearchKeysOptions<Names> {
  /** The fields that documents have. Default: all but vectors. */
  readonly return?: ReadonlyArray<N> | undefined
  /** Give scores. */
  readonly withScores?: boolean | undefined
  /** Give the payloads of documents. */
  readonly withPayloads?: boolean | undefined
  /** Give the values by which hits are sorted. */
  readonly withSortKeys?: boolean | undefined
  /** Give an explanation of each score. */
  readonly explainScore?: boolean | undefined
  /** Cut texts to the parts with the words that were found. */
  readonly summarize?: {
    /** The fields. Default: all. */
    readonly fields?: ReadonlyArray<Names> | undefined
    /** The number of parts. Default: 3. */
    readonly fragments?: number | undefined
    /** The words of a part. Default: 20. */
    readonly length?: number | undefined
    /** The text after each part. Default: `"... "`. */
    readonly separator?: string | undefined
  } | undefined
  /** Put signs around the words that were found. */
  readonly highlight?: {
    /** The fields. Default: all. */
    readonly fields?: ReadonlyArray<Names> | undefined
    /** The text before and after a word. Default: `<b>` and `</b>`. */
    readonly tags?: readonly [before: string, after: string] | undefined
  } | undefined
}

/**
 * Options of `aggregate`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AggregateOptions {
  /** Words as they are, without those of the same stem. */
  readonly verbatim?: boolean | undefined
  /** The time after which the server gives what it has, with a warning, or fails. Default: that of the server. */
  readonly timeout?: Lifetime | undefined
}

/**
 * Options of `aggregateStream`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AggregateStreamOptions extends AggregateOptions {
  /** The greatest number of rows of one read. Default: 1000. */
  readonly pageSize?: number | undefined
  /** The time without a read after which the server drops the cursor. Default: 5 minutes. */
  readonly maxIdle?: Lifetime | undefined
}

/**
 * Options of `hybrid`.
 *
 * @category models
 * @since 0.1.0
 */
export interface HybridOptions<out Names extends string, out N extends Names> {
  /** The fields that documents have. Default: all but vectors. */
  readonly return?: ReadonlyArray<N> | undefined
  /** The function that gives the scores of the text. */
  readonly scorer?: string | undefined
  /** The rule by which the two scores become one. Default: by the ranks. */
  readonly combine?: Combination | undefined
  /** The first hit, from 0, and the greatest number of hits. Default: 10. */
  readonly limit?: readonly [offset: number, count: number] | undefined
  /** The field by which hits are sorted. Default: the score. */
  readonly sortBy?: readonly [field: Names, direction: "ASC" | "DESC"] | undefined
  /** The time after which the server gives what it has, with a warning, or fails. Default: that of the server. */
  readonly timeout?: Lifetime | undefined
}

/**
 * Options of the profiles.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProfileOptions {
  /** Leave out the details of the parts of large unions. */
  readonly limited?: boolean | undefined
}

/**
 * Options of `spellcheck`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpellcheckOptions {
  /** How many letters may differ, from 1 to 4. Default: 1. */
  readonly distance?: number | undefined
  /** Dictionaries whose words may be meant. */
  readonly include?: ReadonlyArray<string> | undefined
  /** Dictionaries whose words are right. */
  readonly exclude?: ReadonlyArray<string> | undefined
}

/**
 * Options of `synupdate`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SynonymOptions {
  /** Do not index the documents that are there once more. */
  readonly skipInitialScan?: boolean | undefined
}

/**
 * Options of `sugadd`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SuggestionAddOptions {
  /** Add the score to that of the suggestion which is there. */
  readonly increment?: boolean | undefined
  /** Text that is stored beside. */
  readonly payload?: string | undefined
}

/**
 * Options of `sugget`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SuggestionGetOptions {
  /** Find suggestions that differ by a letter as well. */
  readonly fuzzy?: boolean | undefined
  /** The greatest number of suggestions. Default: 5. */
  readonly max?: number | undefined
}

/**
 * The methods of the commands for search.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchCommands<S extends Surface> {
  /** The documents of a query as rows, by the steps of an aggregation. Since 1.1.0. O(1). */
  aggregate<Known extends RowShape, Row extends RowShape>(
    aggregation: SearchAggregation<Known, Row>,
    options?: AggregateOptions
  ): Returns<S, AggregateResult<RowOf<Row>>>
  /** Adds an alias of an index. An error if there is such an alias. Since 1.0.0. O(1). */
  aliasadd(alias: string, index: IndexOrName): Returns<S, "OK">
  /** Removes an alias. Since 1.0.0. O(1). */
  aliasdel(alias: string): Returns<S, "OK">
  /** The aliases of an index, which has to be given by its own name. Since Redis 8.10.0. O(N) aliases. */
  aliaslist(index: IndexOrName): Returns<S, ReadonlyArray<string>>
  /** Adds an alias of an index, or gives an alias to another index. Since 1.0.0. O(1). */
  aliasupdate(alias: string, index: IndexOrName): Returns<S, "OK">
  /** Adds fields to an index. Documents that are there are indexed in the background. Since 1.0.0. O(N) keys. */
  alter(index: Index, fields: Fields, options?: AlterIndexOptions): Returns<S, "OK">
  /** Makes an index. Documents that are there are indexed in the background. Since 1.0.0. O(K) fields. */
  create(index: Index): Returns<S, "OK">
  /** Adds words to a dictionary. Returns how many are new. Since 1.4.0. O(1). */
  dictadd(dictionary: string, words: OneOrMore<Value>): Returns<S, number>
  /** Removes words from a dictionary. Returns how many there were. Since 1.4.0. O(1). */
  dictdel(dictionary: string, words: OneOrMore<Value>): Returns<S, number>
  /** The words of a dictionary. Since 1.4.0. O(N). */
  dictdump(dictionary: string): Returns<S, ReadonlyArray<string>>
  /** Drops an index; its documents stay, unless the options say otherwise. Since 2.0.0. O(1), O(N) with the documents. */
  dropindex(index: IndexOrName, options?: DropIndexOptions): Returns<S, "OK">
  /** The plan by which the server runs a query, as text. Since 1.0.0. O(1). */
  explain<const F extends Fields>(index: Index<F>, query: Query<NoInfer<Kinds<F>>>): Returns<S, string>
  /** The documents that a query and a vector find together. Since 8.4.0. O(N). */
  hybrid<const F extends Fields, const N extends keyof F & string = Returned<F>>(
    index: Index<F>,
    query: Query<NoInfer<Kinds<F>>>,
    near: HybridVector<NoInfer<keyof F & string>, NoInfer<Kinds<F>>>,
    options?: HybridOptions<keyof F & string, N>
  ): Returns<S, HybridResult<DocumentOf<F, N>>>
  /** The figures of an index. An error if there is none. Since 1.0.0. O(1). */
  info(index: IndexOrName): Returns<S, IndexInfo>
  /** The names of all indexes. Since 2.0.0. O(1). */
  list(): Returns<S, ReadonlyArray<string>>
  /** Runs an aggregation, and tells where its time went. Since 2.2.0. O(N). */
  profileAggregate<Known extends RowShape, Row extends RowShape>(
    aggregation: SearchAggregation<Known, Row>,
    options?: ProfileOptions
  ): Returns<S, Profiled<AggregateResult<RowOf<Row>>>>
  /** Runs a search, and tells where its time went. Since 2.2.0. O(N). */
  profileSearch<const F extends Fields>(
    index: Index<F>,
    query: Query<NoInfer<Kinds<F>>>,
    options?: ProfileOptions
  ): Returns<S, Profiled<SearchResult<DocumentOf<F, Returned<F>>>>>
  /** The documents that a query finds, with the fields of the index. Since 1.0.0. O(N). */
  search<const F extends Fields, const N extends keyof F & string = Returned<F>>(
    index: Index<F>,
    query: Query<NoInfer<Kinds<F>>>,
    options?: SearchOptions<keyof F & string, N>
  ): Returns<S, SearchResult<DocumentOf<F, N>>>
  /** The keys of the documents that a query finds. Since 1.0.0. O(N). */
  searchKeys<const F extends Fields>(
    index: Index<F>,
    query: Query<NoInfer<Kinds<F>>>,
    options?: SearchKeysOptions<keyof F & string>
  ): Returns<S, SearchKeysResult>
  /** The words of a text that the index does not know, with those that may be meant. Since 1.4.0. O(1). */
  spellcheck(index: IndexOrName, text: string, options?: SpellcheckOptions): Returns<S, ReadonlyArray<Misspelling>>
  /** Adds a suggestion for completions. Returns how many there are. Since 1.0.0. O(1). */
  sugadd(key: Argument, text: string, score: number, options?: SuggestionAddOptions): Returns<S, number>
  /** Removes a suggestion. Returns whether it was there. Since 1.0.0. O(1). */
  sugdel(key: Argument, text: string): Returns<S, boolean>
  /** The suggestions that begin with a text, the highest score first; none if the key is missing. Since 1.0.0. O(1). */
  sugget(key: Argument, prefix: string, options?: SuggestionGetOptions): Returns<S, ReadonlyArray<Suggestion>>
  /** How many suggestions there are. Since 1.0.0. O(1). */
  suglen(key: Argument): Returns<S, number>
  /** The groups of words that mean the same, by word. Since 1.2.0. O(1). */
  syndump(index: IndexOrName): Returns<S, Readonly<Record<string, ReadonlyArray<string>>>>
  /** Adds words to a group of words that mean the same. Since 1.2.0. O(1). */
  synupdate(index: IndexOrName, group: string, words: OneOrMore<Value>, options?: SynonymOptions): Returns<S, "OK">
  /** All tags of a field, in lower case unless the field says otherwise. Since 1.0.0. O(N). */
  tagvals<const F extends Fields>(index: Index<F>, field: NoInfer<keyof F & string>): Returns<S, ReadonlyArray<string>>
}

/** Any primary asks the others. */
const read = { readonly: true } as const
const readKey = { keys: 0, readonly: true } as const

const AGGREGATE = new CommandSpec("FT.AGGREGATE", read)
const ALIASADD = new CommandSpec("FT.ALIASADD", {})
const ALIASDEL = new CommandSpec("FT.ALIASDEL", {})
const ALIASLIST = new CommandSpec("FT.ALIASLIST", read)
const ALIASUPDATE = new CommandSpec("FT.ALIASUPDATE", {})
const ALTER = new CommandSpec("FT.ALTER", {})
const CREATE = new CommandSpec("FT.CREATE", {})
/** A read of a cursor moves it on, and is no read that can be repeated. */
const CURSOR = new CommandSpec("FT.CURSOR", {})
const DICTADD = new CommandSpec("FT.DICTADD", {})
const DICTDEL = new CommandSpec("FT.DICTDEL", {})
const DICTDUMP = new CommandSpec("FT.DICTDUMP", read)
const DROPINDEX = new CommandSpec("FT.DROPINDEX", {})
const EXPLAIN = new CommandSpec("FT.EXPLAIN", read)
const HYBRID = new CommandSpec("FT.HYBRID", read)
const INFO = new CommandSpec("FT.INFO", read)
const LIST = new CommandSpec("FT._LIST", read)
const PROFILE = new CommandSpec("FT.PROFILE", read)
const SEARCH = new CommandSpec("FT.SEARCH", read)
const SPELLCHECK = new CommandSpec("FT.SPELLCHECK", read)
const SUGADD = new CommandSpec("FT.SUGADD", { keys: 0 })
const SUGDEL = new CommandSpec("FT.SUGDEL", { keys: 0 })
const SUGGET = new CommandSpec("FT.SUGGET", readKey)
const SUGLEN = new CommandSpec("FT.SUGLEN", readKey)
const SYNDUMP = new CommandSpec("FT.SYNDUMP", read)
const SYNUPDATE = new CommandSpec("FT.SYNUPDATE", {})
const TAGVALS = new CommandSpec("FT.TAGVALS", read)

/** The command about an index. Replies come as bytes, because documents may have vectors in them. */
const about = <A>(given: IndexOrName, self: Call, decoder: decode.Decoder<A>): Command<A> => {
  const { args, run, settings, spec, decode } = self.to(decoder)
  const routing = isIndex(given) && given.inOneSlot === true ? given.name : undefined
  return new Command(spec, args, decode, { ...settings, binary: true, routing }, run)
}

const notIndex = "the index has to be made by Search.index"

/** Begins a call about an index. */
const onIndex = (spec: CommandSpec, given: Index): Call => {
  const self = call(spec)
  if (!isIndex(given)) return self.refuse(notIndex)
  return given.problem === undefined ? self.add(given.name) : self.refuse(given.problem)
}

/** Begins a call about an index or a name of it. */
const onName = (spec: CommandSpec, given: IndexOrName, ...before: ReadonlyArray<string>): Call => {
  if (typeof given !== "string") {
    const self = call(spec, ...before)
    return isIndex(given)
      ? given.problem === undefined ? self.add(given.name) : self.refuse(given.problem)
      : self.refuse("the index has to be made by Search.index, or be the name of one")
  }
  return call(spec, ...before, given)
}

/** The dialect with parameters; for JSON that in which fields have all values of their paths. */
const dialectOf = ({ on }: Index): string => on === "json" ? "3" : "2"

/** The text of a query, and its parameters. */
const rendered = (
  query: unknown,
  { stopWords }: Index,
  noStopWords = false
): { readonly text: string; readonly rendering: Rendering } => {
  const rendering = new Rendering(noStopWords ? [] : stopWords)
  return isQuery(query)
    ? { text: query.render(rendering), rendering }
    : { text: rendering.refuse("the query has to be made by a function of Query"), rendering }
}

const addParams = (self: Call, { params, problem }: Rendering): Call => {
  if (problem !== undefined) self.refuse(problem)
  if (params.length === 0) return self
  self.add("PARAMS", String(2 * params.length))
  for (const [name, value] of params) self.add(name, value)
  return self
}

/** All fields that results have by themselves. */
const returned = ({ fields }: Index): ReadonlyArray<string> =>
  Object.keys(fields).filter((name) => fields[name].kind !== "vector")

const addNames = (self: Call, { fields }: Index, word: string, names: ReadonlyArray<string> | undefined): Call => {
  if (names === undefined) return self
  if (names.some((name) => !Object.hasOwn(fields, name))) return self.refuse("the index has no such field")
  return self.add(word).counted(word, names)
}

const addLimit = (self: Call, limit: readonly [offset: number, count: number] | undefined): Call =>
  limit === undefined ? self : self.add("LIMIT").integer("the offset", limit[0], 0).integer("the count", limit[1], 0)

const addSort = (
  self: Call,
  index: Index,
  sortBy: readonly [field: string, direction: "ASC" | "DESC"] | undefined,
  count?: string
): Call => {
  if (sortBy === undefined) return self
  const [name, direction] = sortBy
  if (!Object.hasOwn(index.fields, name)) return self.refuse("sortBy: the index has no such field")
  if (direction !== "ASC" && direction !== "DESC") return self.refuse("sortBy: the direction has to be ASC or DESC")
  return count === undefined ? self.add("SORTBY", name, direction) : self.add("SORTBY", count, `@${name}`, direction)
}

const addTimeout = (self: Call, timeout: Lifetime | undefined): Call =>
  timeout === undefined ? self : self.add("TIMEOUT").milliseconds("timeout", timeout)

/** The options in the order in which servers want them. */
const addSearch = (
  self: Call,
  index: Index,
  query: Query<never>,
  names: ReadonlyArray<string> | undefined,
  options: SearchOptions<string, string>
): Call => {
  const { rendering, text } = rendered(query, index, options.noStopWords)
  const { highlight, limit, summarize } = options
  const nearest = isQuery(query) ? query.nearest : undefined
  self.add(text)
    .flag("NOCONTENT", names === undefined)
    .flag("VERBATIM", options.verbatim)
    .flag("NOSTOPWORDS", options.noStopWords)
    .flag("WITHSCORES", options.withScores === true || options.explainScore === true)
    .flag("WITHPAYLOADS", options.withPayloads)
    .flag("WITHSORTKEYS", options.withSortKeys)
  if (options.inKeys !== undefined) self.add("INKEYS").counted("inKeys", options.inKeys)
  addNames(self, index, "INFIELDS", options.inFields)
  if (names !== undefined) {
    if (names.some((name) => name !== distanceName && !Object.hasOwn(index.fields, name))) {
      self.refuse("return: the index has no such field")
    }
    self.add("RETURN", String(names.length)).all(names)
  }
  if (summarize !== undefined) {
    addNames(self.add("SUMMARIZE"), index, "FIELDS", summarize.fields)
      .integerOption("FRAGS", "fragments", summarize.fragments, 1)
      .integerOption("LEN", "length", summarize.length, 1)
      .option("SEPARATOR", summarize.separator)
  }
  if (highlight !== undefined) {
    addNames(self.add("HIGHLIGHT"), index, "FIELDS", highlight.fields)
    if (highlight.tags !== undefined) self.add("TAGS", highlight.tags[0], highlight.tags[1])
  }
  self.integerOption("SLOP", "slop", options.slop, 0)
  addTimeout(self, options.timeout)
    .flag("INORDER", options.inOrder)
    .option("LANGUAGE", options.language)
    .option("EXPANDER", options.expander)
    .option("SCORER", options.scorer)
    .flag("EXPLAINSCORE", options.explainScore)
  if (options.sortBy === undefined && nearest !== undefined) self.add("SORTBY", distanceName, "ASC")
  addSort(self, index, options.sortBy)
  addLimit(self, limit ?? (nearest === undefined ? undefined : [0, nearest]))
  return addParams(self, rendering).add("DIALECT", dialectOf(index))
}

const names = (index: Index, query: Query<never>, given: ReadonlyArray<string> | undefined): ReadonlyArray<string> => {
  const fields = given ?? returned(index)
  return isQuery(query) && query.hasDistance ? [...fields, distanceName] : fields
}

const search = <F extends Fields, N extends keyof F & string>(
  index: Index<F>,
  query: Query<never>,
  options: SearchOptions<keyof F & string, N> = {}
): Command<SearchResult<DocumentOf<F, N>>> => {
  const self = onIndex(SEARCH, index)
  if (!isIndex(index) || index.problem !== undefined) return self.to(decode.chosen(decode.reply))
  if (options.return !== undefined && !Array.isArray(options.return)) self.refuse("return has to be a list of fields")
  // Without a list all fields are given that the type says.
  const fields = (options.return ?? returned(index)) as ReadonlyArray<N>
  return about(
    index,
    addSearch(self, index, query, names(index, query, fields), options),
    results.searchResult({
      scores: options.withScores === true || options.explainScore === true,
      payloads: options.withPayloads === true,
      sortKeys: options.withSortKeys === true,
      // A server that is asked for no fields gives none.
      content: names(index, query, fields).length > 0
    }, documentOf(index, fields))
  )
}

/** Adds an aggregation from its query on. */
const addAggregation = (
  self: Call,
  state: Steps<RowShape, RowShape>["state"],
  options: AggregateStreamOptions,
  cursor: boolean
): Call => {
  const { index, problem, query, row, steps } = state
  if (problem !== undefined) self.refuse(problem)
  if (!isIndex(index)) return self.refuse(notIndex)
  const { rendering, text } = rendered(query, index)
  self.add(text).flag("VERBATIM", options.verbatim)
  addSteps(addTimeout(self, options.timeout), steps)
  if (Object.keys(row).length === 0 && steps.length === 0) self.refuse("an aggregation needs a step: load or groupBy")
  if (cursor) {
    self.add("WITHCURSOR", "COUNT").integer("pageSize", options.pageSize ?? 1000, 1)
    if (options.maxIdle !== undefined) self.add("MAXIDLE").milliseconds("maxIdle", options.maxIdle)
  }
  return addParams(self, rendering).add("DIALECT", "2")
}

const notAggregation = "the aggregation has to be made by Search.aggregation"

const aggregateWith = <Row extends RowShape, A>(
  spec: CommandSpec,
  given: unknown,
  options: AggregateStreamOptions,
  cursor: boolean,
  before: ReadonlyArray<string>,
  decoder: (row: (source: Readonly<Record<string, Reply>>) => RowOf<Row> | decode.DecodeFailure) => decode.Decoder<A>
): Command<A> => {
  if (!isAggregation(given)) return call(spec).refuse(notAggregation).to(decode.chosen(decode.reply))
  const { state } = given
  return about(
    state.index,
    addAggregation(onIndex(spec, state.index).all(before), state, options, cursor),
    decoder(rowOf<Row>(state.row))
  )
}

const count: decode.Decoder<number> = decode.integer

/** A number on which all shards agree. Where they do not, all of them have executed the command. */
const countOfAll: decode.Decoder<number> = (reply) =>
  reply === "not all results are the same"
    ? new decode.DecodeFailure(
      "the shards answered different numbers, because their dictionaries differed; all executed the command"
    )
    : count(reply)

const commands: SearchCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  aggregate: <Known extends RowShape, Row extends RowShape>(
    aggregation: SearchAggregation<Known, Row>,
    options: AggregateOptions = {}
  ) =>
    aggregateWith<Row, AggregateResult<RowOf<Row>>>(
      AGGREGATE,
      aggregation,
      options,
      false,
      [],
      results.aggregateResult
    ),
  aliasadd: (alias, index) => about(index, onName(ALIASADD, index, alias), decode.ok),
  aliasdel: (alias) => call(ALIASDEL, alias).to(decode.ok),
  aliaslist: (index) => about(index, onName(ALIASLIST, index), decode.strings),
  aliasupdate: (alias, index) => about(index, onName(ALIASUPDATE, index, alias), decode.ok),
  alter: (index, fields, options: AlterIndexOptions = {}) => {
    const self = onIndex(ALTER, index).flag("SKIPINITIALSCAN", options.skipInitialScan).add("SCHEMA", "ADD")
    const problem = problemOfFields(fields)
    if (problem !== undefined) self.refuse(problem)
    if (Object.keys(fields).length === 0) self.refuse("alter needs at least one field")
    return about(index, isIndex(index) ? addFields(self, index.on, fields) : self, decode.ok)
  },
  create: (index) =>
    about(
      index,
      isIndex(index) && index.problem === undefined ? addDefinition(call(CREATE), index) : onIndex(CREATE, index),
      decode.ok
    ),
  dictadd: (dictionary, words) => call(DICTADD, dictionary).many("words", words).to(countOfAll),
  dictdel: (dictionary, words) => call(DICTDEL, dictionary).many("words", words).to(countOfAll),
  dictdump: (dictionary) => call(DICTDUMP, dictionary).to(texts),
  dropindex: (index, options: DropIndexOptions = {}) =>
    about(index, onName(DROPINDEX, index).flag("DD", options.deleteDocuments), decode.ok),
  explain: (index, query) => {
    const self = onIndex(EXPLAIN, index)
    if (!isIndex(index) || index.problem !== undefined) return self.to(text)
    const { rendering, text: written } = rendered(query, index)
    return about(index, addParams(self.add(written), rendering).add("DIALECT", dialectOf(index)), text)
  },
  hybrid: <F extends Fields, N extends keyof F & string>(
    index: Index<F>,
    query: Query<Kinds<F>>,
    near: HybridVector<keyof F & string, Kinds<F>>,
    options: HybridOptions<keyof F & string, N> = {}
  ): Command<HybridResult<DocumentOf<F, N>>> => {
    const self = onIndex(HYBRID, index)
    if (!isIndex(index) || index.problem !== undefined) return self.to(decode.chosen(decode.reply))
    // Without a list all fields are given that the type says.
    const fields = (options.return ?? returned(index)) as ReadonlyArray<N>
    const { rendering, text: written } = rendered(query, index)
    if (isQuery(query) && query.hasDistance) {
      self.refuse("the query of a hybrid search has no vector: give it as the third argument")
    }
    if (index.fields[near.field]?.kind !== "vector") self.refuse("field has to name a vector field of the index")
    const bytes = bytesOf(near.vector)
    if (bytes === undefined) self.refuse("a vector has to be a Float32Array, a Float64Array, or bytes")
    self.add("SEARCH", written).option("SCORER", options.scorer).add("VSIM", `@${near.field}`)
    hybrids.addNearness(self.add(rendering.param(bytes ?? "")), near)
    if (near.filter !== undefined) {
      self.add(
        "FILTER",
        isQuery(near.filter) && !near.filter.hasDistance
          ? near.filter.render(rendering)
          : rendering.refuse("filter has to be a query without a vector")
      )
    }
    hybrids.addCombination(self, options.combine)
    addLimit(self, options.limit)
    addSort(self, index, options.sortBy, "2")
    const loaded = [hybrids.keyName, hybrids.scoreName, ...fields]
    self.add("LOAD", String(loaded.length)).all(loaded.map((name) => `@${name}`))
    return about(
      index,
      addTimeout(addParams(self, rendering), options.timeout),
      hybrids.hybridResult(documentOf(index, fields, true))
    )
  },
  info: (index) => about(index, onName(INFO, index), replies.info),
  list: () => call(LIST).to(texts),
  profileAggregate: <Known extends RowShape, Row extends RowShape>(
    aggregation: SearchAggregation<Known, Row>,
    options: ProfileOptions = {}
  ) =>
    aggregateWith<Row, Profiled<AggregateResult<RowOf<Row>>>>(
      PROFILE,
      aggregation,
      {},
      false,
      ["AGGREGATE", ...(options.limited === true ? ["LIMITED"] : []), "QUERY"],
      (row) => profiled(results.aggregateResult(row))
    ),
  profileSearch: <F extends Fields>(
    index: Index<F>,
    query: Query<Kinds<F>>,
    options: ProfileOptions = {}
  ): Command<Profiled<SearchResult<DocumentOf<F, Returned<F>>>>> => {
    const self = onIndex(PROFILE, index)
    if (!isIndex(index) || index.problem !== undefined) return self.to(decode.chosen(decode.reply))
    const fields = returned(index) as ReadonlyArray<Returned<F>>
    const parts = { scores: false, payloads: false, sortKeys: false, content: names(index, query, fields).length > 0 }
    self.add("SEARCH").flag("LIMITED", options.limited).add("QUERY")
    return about(
      index,
      addSearch(self, index, query, names(index, query, fields), {}),
      profiled(results.searchResult(parts, documentOf(index, fields)))
    )
  },
  search: <F extends Fields, N extends keyof F & string>(
    index: Index<F>,
    query: Query<Kinds<F>>,
    options: SearchOptions<keyof F & string, N> = {}
  ) => search(index, query, options),
  searchKeys: <F extends Fields>(
    index: Index<F>,
    query: Query<Kinds<F>>,
    options: SearchKeysOptions<keyof F & string> = {}
  ) => {
    const self = onIndex(SEARCH, index)
    if (!isIndex(index) || index.problem !== undefined) return self.to(results.searchKeys)
    return about(index, addSearch(self, index, query, undefined, options), results.searchKeys)
  },
  spellcheck: (index, text, options: SpellcheckOptions = {}) => {
    const self = onName(SPELLCHECK, index).add(text).integerOption("DISTANCE", "distance", options.distance, 1)
    for (const dictionary of options.include ?? []) self.add("TERMS", "INCLUDE", dictionary)
    for (const dictionary of options.exclude ?? []) self.add("TERMS", "EXCLUDE", dictionary)
    return about(index, self.add("DIALECT", "2"), replies.misspellings)
  },
  sugadd: (key, text, score, options: SuggestionAddOptions = {}) =>
    call(SUGADD, key, text).double("score", score, 0).flag("INCR", options.increment)
      .option("PAYLOAD", options.payload)
      .to(count),
  sugdel: (key, text) => call(SUGDEL, key, text).to(decode.boolean),
  sugget: (key, prefix, options: SuggestionGetOptions = {}) =>
    call(SUGGET, key, prefix).flag("FUZZY", options.fuzzy).add("WITHSCORES", "WITHPAYLOADS")
      .integerOption("MAX", "max", options.max, 1)
      .to(replies.suggestions),
  suglen: (key) => call(SUGLEN, key).to(count),
  syndump: (index) => about(index, onName(SYNDUMP, index), replies.synonyms),
  synupdate: (index, group, words, options: SynonymOptions = {}) =>
    about(
      index,
      onName(SYNUPDATE, index).add(group).flag("SKIPINITIALSCAN", options.skipInitialScan).many("words", words),
      decode.ok
    ),
  tagvals: (index, field) => {
    const self = onIndex(TAGVALS, index).add(field)
    if (isIndex(index) && index.problem === undefined && index.fields[field]?.kind !== "tag") {
      self.refuse("tagvals needs the name of a tag field")
    }
    return about(index, self, texts)
  }
})

/**
 * The functions beside the commands.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchTools extends FieldTools {
  /** The schema of an index as a value, which `create` makes on the servers. */
  readonly index: <const F extends Fields>(name: string, options: IndexOptions<F>) => Index<F>
  /** An aggregation of the documents that a query finds: its methods add steps. */
  readonly aggregation: <const F extends Fields>(
    index: Index<F>,
    query: Query<NoInfer<Kinds<F>>>
  ) => SearchAggregation<ShapeOf<F>, {}>
  /**
   * The rows of an aggregation, page by page: any number of them in little memory. One node holds a cursor, which is deleted when the
   * stream ends. A read is
   * never repeated, because it moves the cursor on: when the node is lost the stream fails with a `RedisClusterException` (`ConnectionError`).
   */
  readonly aggregateStream: <Known extends RowShape, Row extends RowShape>(
    aggregation: SearchAggregation<Known, Row>,
    options?: AggregateStreamOptions
  ) => Stream.Stream<RowOf<Row>, RedisClusterException, ClusterClient>
  /** A value as the expressions of aggregations have it: `"@brand == " + Search.literal(brand)`. */
  readonly literal: (value: string | number) => string
}

const aggregateStream = <Known extends RowShape, Row extends RowShape>(
  aggregation: SearchAggregation<Known, Row>,
  options: AggregateStreamOptions = {}
): Stream.Stream<RowOf<Row>, RedisClusterException, ClusterClient> => {
  const open = aggregateWith<Row, results.CursorPage<RowOf<Row>>>(
    AGGREGATE,
    aggregation,
    options,
    true,
    [],
    results.cursorPage
  )
  const { index, row } = isAggregation(aggregation) ? aggregation.state : { index: "", row: {} }
  return cursors.rows<RowOf<Row>>({
    routing: open.settings.routing === undefined ? undefined : String(open.settings.routing),
    open,
    read: (cursor) => about(index, onName(CURSOR, index, "READ").add(cursor), results.cursorPage(rowOf<Row>(row))),
    close: (cursor) => about(index, onName(CURSOR, index, "DEL").add(cursor), decode.ok)
  })
}

/**
 * The builders of the commands for search, each of which makes a command that runs on the `ClusterClient` of the fiber, and the functions
 * that make indexes, fields and aggregations.
 *
 * @category commands
 * @since 0.1.0
 */
export const Search: SearchCommands<CommandSurface> & SearchTools = /* @__PURE__ */ Object.assign(commands, {
  ...field.tools,
  index,
  aggregation,
  aggregateStream,
  literal
})
