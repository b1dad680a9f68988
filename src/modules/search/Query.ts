/**
 * Queries as values: values of a program are parameters of the query, so that nothing in them has a meaning for the server.
 *
 * @since 0.1.0
 */
import { argumentOf, isEncodeFailure, type Value } from "../../commands/Value.ts"
import type { Argument } from "../../protocol/Reply.ts"
import { isName } from "./Index.ts"
import { bytesOf, type VectorValue } from "./vectors.ts"
import { isStopWord, wordsOf } from "./words.ts"

const TypeId = "~effect-redis-cluster/SearchQuery"

/** The names under which queries by vectors give the distance. */
export const distanceName = "__distance"

/** The parameters of a query, while its text is written. */
export class Rendering {
  readonly params: Array<readonly [name: string, value: Argument]> = []
  /** The first reason why the query cannot be sent. */
  problem: string | undefined = undefined
  /** The words that are not indexed; `undefined` for those of English. */
  readonly stopWords: ReadonlyArray<string> | undefined

  constructor(stopWords: ReadonlyArray<string> | undefined) {
    this.stopWords = stopWords
  }

  /** Adds a parameter. Returns the text that stands for it. */
  param(value: Argument): string {
    const name = `p${this.params.length}`
    this.params.push([name, value])
    return `$${name}`
  }

  /** Notes the reason why the query cannot be sent. */
  refuse(problem: string): string {
    this.problem ??= problem
    return ""
  }
}

/**
 * A query: which documents are found. `Needs` are the fields that the index has to have, by kind.
 *
 * @category models
 * @since 0.1.0
 */
export interface Query<in Needs = unknown> {
  /** For the types only. */
  readonly [TypeId]: (needs: Needs) => void
}

/** The parts of a query that the commands read. */
export interface Written {
  /** Writes the text of the query. */
  readonly render: (rendering: Rendering) => string
  /** How many documents a search by vectors gives; `undefined` for other queries. */
  readonly nearest: number | undefined
  /** Whether the query gives distances. */
  readonly hasDistance: boolean
}

/**
 * The fields that all of some queries need.
 *
 * @category utility types
 * @since 0.1.0
 */
export type NeedsOf<Q extends Query<never>> = Q[typeof TypeId] extends (needs: infer Needs) => void ? Needs : never

/**
 * The bounds of numbers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  /** The least number. */
  readonly atLeast?: number | undefined
  /** A number that all are greater than. */
  readonly above?: number | undefined
  /** The greatest number. */
  readonly atMost?: number | undefined
  /** A number that all are less than. */
  readonly below?: number | undefined
}

/**
 * A circle on the earth.
 *
 * @category models
 * @since 0.1.0
 */
export interface Circle {
  readonly longitude: number
  readonly latitude: number
  readonly radius: number
  readonly unit: "m" | "km" | "mi" | "ft"
}

/**
 * Options of `knn`.
 *
 * @category models
 * @since 0.1.0
 */
export interface KnnOptions<in Needs = unknown> {
  /** Only documents that this query finds. Default: all. */
  readonly filter?: Query<Needs> | undefined
  /** The candidates of a search in the graph of `HNSW`. Default: that of the field. */
  readonly efRuntime?: number | undefined
  /** The order of the two searches: all documents of the filter first, or batches of near vectors. Default: the server decides. */
  readonly policy?: "ADHOC_BF" | "BATCHES" | undefined
  /** The number of vectors of a batch. Default: the server decides. */
  readonly batchSize?: number | undefined
}

/**
 * Options of `phrase`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PhraseOptions {
  /** How many other words may stand between. Default: none. */
  readonly slop?: number | undefined
  /** The words may stand in any order. Default: no. */
  readonly anyOrder?: boolean | undefined
}

/**
 * Values of the parameters of a query.
 *
 * @category models
 * @since 0.1.0
 */
export type Params = Readonly<Record<string, Value>>

const make = <Needs>(
  render: (rendering: Rendering) => string,
  nearest?: number,
  hasDistance = nearest !== undefined
): Query<Needs> & Written => ({
  // It exists for the types only.
  [TypeId]: () => undefined,
  render,
  nearest,
  hasDistance
})

/** Whether a value is a query. */
export const isQuery = (value: unknown): value is Query<never> & Written =>
  typeof value === "object" && value !== null && TypeId in value

const inner = (query: unknown, rendering: Rendering): string => {
  if (!isQuery(query)) return rendering.refuse("a query has to be made by a function of Query")
  if (query.nearest !== undefined) {
    return rendering.refuse("Query.knn cannot stand inside another query: give it a filter")
  }
  return query.render(rendering)
}

/** No field for all text fields, one, or several. */
type Names = string | ReadonlyArray<string> | undefined

/** The sign of a field: all text fields, one field, or several. */
const at = (field: Names, rendering: Rendering): string => {
  if (field === undefined) return ""
  const names: ReadonlyArray<unknown> = typeof field === "string" ? [field] : field
  if (!Array.isArray(names) || names.length === 0 || !names.every(isName)) {
    return rendering.refuse("the field of a query has to be the name of a field: letters, digits and _")
  }
  return `@${names.join("|")}:`
}

const noWord = "the text of a query has to have a word: letters or digits"

/** The words of a text, without those that are not indexed, unless all are such. */
const indexed = (text: unknown, rendering: Rendering): ReadonlyArray<string> => {
  if (typeof text !== "string") {
    rendering.refuse("the text of a query has to be a text")
    return []
  }
  const words = wordsOf(text)
  if (words.length === 0) rendering.refuse(noWord)
  const kept = words.filter((word) => !isStopWord(word, rendering.stopWords))
  return kept.length === 0 ? words : kept
}

/** One word of a text that has one. */
const oneWord = (text: unknown, rendering: Rendering): string => {
  const words = typeof text === "string" ? wordsOf(text) : []
  return words.length === 1
    ? rendering.param(words[0])
    : rendering.refuse("a part of a word has to be one word: letters and digits, without spaces and signs")
}

const number = (value: unknown, name: string, rendering: Rendering): string =>
  typeof value === "number" && !Number.isNaN(value)
    ? rendering.param(value === Infinity ? "inf" : value === -Infinity ? "-inf" : String(value))
    : rendering.refuse(`${name} has to be a number`)

const whole = (value: unknown, name: string, least: number, rendering: Rendering): string =>
  Number.isSafeInteger(value) && Number(value) >= least
    ? rendering.param(String(value))
    : rendering.refuse(`${name} has to be a whole number, at least ${least}`)

const vector = (value: unknown, rendering: Rendering): string => {
  const bytes = bytesOf(value)
  return bytes === undefined || bytes.byteLength === 0
    ? rendering.refuse("a vector has to be a Float32Array, a Float64Array, or bytes")
    : rendering.param(bytes)
}

/** The words of one field, all of them or one of them. */
const words = (
  text: string,
  field: Names,
  between: " " | "|"
) =>
  make<unknown>((rendering) => {
    const sign = at(field, rendering)
    return `(${sign}(${indexed(text, rendering).map((word) => rendering.param(word)).join(between)}))`
  })

const ofWord = (
  text: string,
  field: Names,
  write: (word: string) => string
) => make<unknown>((rendering) => `(${at(field, rendering)}(${write(oneWord(text, rendering))}))`)

const ofTags = (
  field: string,
  values: string | ReadonlyArray<string>,
  write: (tag: string) => string
) =>
  make<unknown>((rendering) => {
    const list: ReadonlyArray<unknown> = typeof values === "string" ? [values] : values
    if (
      !Array.isArray(list) || list.length === 0 || !list.every((value) => typeof value === "string" && value !== "")
    ) {
      return rendering.refuse("tags have to be a text, or a list of at least one")
    }
    return `(${at(field, rendering)}{${list.map((value) => write(rendering.param(value))).join("|")}})`
  })

const joined = (queries: ReadonlyArray<Query<never>>, between: " " | "|") =>
  make<unknown>(
    (rendering) =>
      queries.length === 0
        ? rendering.refuse("and, or: at least one query is needed")
        : `(${queries.map((query) => inner(query, rendering)).join(between)})`,
    undefined,
    queries.some((query) => isQuery(query) && query.hasDistance)
  )

const bound = (
  closed: number | undefined,
  open: number | undefined,
  none: string,
  name: string,
  rendering: Rendering
): string => {
  if (closed !== undefined && open !== undefined) return rendering.refuse(`${name} exclude each other`)
  return closed !== undefined
    ? number(closed, name, rendering)
    : open !== undefined
    ? `(${number(open, name, rendering)}`
    : none
}

const boundNames = ["atLeast", "above", "atMost", "below"]

/**
 * A function that makes a query about a text: in all text fields, in one, or in one of several.
 *
 * @category models
 * @since 0.1.0
 */
export interface OfText<Rest extends ReadonlyArray<unknown> = []> {
  (text: string, field?: undefined, ...rest: Rest): Query
  <N extends string>(text: string, field: N | ReadonlyArray<N>, ...rest: Rest): Query<Record<N, "text">>
}

/**
 * The functions that make queries.
 *
 * @category models
 * @since 0.1.0
 */
export interface QueryTools {
  /** All documents. */
  readonly all: Query
  /** Documents with all words of a text, in any order: in a text field, in one of several, or in all of them. */
  readonly words: OfText
  /** Documents with at least one of the words of a text. */
  readonly anyWord: OfText
  /** Documents with the words of a text one after the other. */
  readonly phrase: OfText<[options?: PhraseOptions]>
  /** Documents with a word that begins with this, of at least two letters. */
  readonly prefix: OfText
  /** Documents with a word that ends with this. */
  readonly suffix: OfText
  /** Documents with a word that has this in it. */
  readonly contains: OfText
  /** Documents with a word that differs by at most so many letters: 1, 2 or 3. Default: 1. */
  readonly fuzzy: OfText<[distance?: 1 | 2 | 3]>
  /** Documents with one of the tags. */
  readonly tag: <N extends string>(field: N, tags: string | ReadonlyArray<string>) => Query<Record<N, "tag">>
  /** Documents with a tag that begins with one of these, of at least two letters. */
  readonly tagPrefix: <N extends string>(field: N, tags: string | ReadonlyArray<string>) => Query<Record<N, "tag">>
  /** Documents whose number is within bounds. */
  readonly range: <N extends string>(field: N, bounds: Bounds) => Query<Record<N, "numeric">>
  /** Documents whose number is this one. */
  readonly equals: <N extends string>(field: N, value: number) => Query<Record<N, "numeric">>
  /** Documents whose place is in a circle. */
  readonly within: <N extends string>(field: N, circle: Circle) => Query<Record<N, "geo">>
  /** Documents whose shape lies so to another one, in the notation WKT. */
  readonly shape: <N extends string>(
    field: N,
    relation: "WITHIN" | "CONTAINS" | "INTERSECTS" | "DISJOINT",
    shape: string
  ) => Query<Record<N, "geoshape">>
  /** Documents that lack a field. The field has the option `indexMissing`. */
  readonly missing: <N extends string>(
    field: N
  ) => Query<Record<N, "text" | "tag" | "numeric" | "geo" | "geoshape" | "vector">>
  /** Documents that all queries find. */
  readonly and: <const Q extends ReadonlyArray<Query<never>>>(...queries: Q) => Query<NeedsOf<Q[number]>>
  /** Documents that at least one of the queries finds. */
  readonly or: <const Q extends ReadonlyArray<Query<never>>>(...queries: Q) => Query<NeedsOf<Q[number]>>
  /** Documents that the query does not find. */
  readonly not: <Needs>(query: Query<Needs>) => Query<Needs>
  /** A part of `and` that documents need not meet: those that do have a higher score. */
  readonly optional: <Needs>(query: Query<Needs>) => Query<Needs>
  /** The query with a weight in scores. */
  readonly weight: <Needs>(query: Query<Needs>, weight: number) => Query<Needs>
  /** The documents with the nearest vectors, the nearest first, with their distances. It cannot stand inside another query. */
  readonly knn: <N extends string, Needs = unknown>(
    field: N,
    vector: VectorValue,
    count: number,
    options?: KnnOptions<Needs>
  ) => Query<Record<N, "vector"> & Needs>
  /** Documents whose vector is within a distance, with their distances, in no order of these: sort the hits by `distance`, or ask by `knn`. */
  readonly vectorRange: <N extends string>(field: N, vector: VectorValue, radius: number) => Query<Record<N, "vector">>
  /**
   * A query in the language of the server, with parameters: `Query.raw("@title:$word", { word: input })`. Never put a value into the text
   * that comes from outside.
   */
  readonly raw: (text: string, params?: Params) => Query<unknown>
}

/**
 * Queries: every value of a program is sent as a parameter, or cut into words that have no sign in them.
 *
 * **Example** (Books by a word, tags and a price)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Query, Search } from "effect-redis-cluster/modules/Search"
 *
 * const Books = Search.index("{shop}:books", {
 *   on: "hash",
 *   prefixes: ["{shop}:book:"],
 *   inOneSlot: true,
 *   fields: { title: Search.text(), tags: Search.tag(), price: Search.numeric() }
 * })
 *
 * const cheap = (typed: string) =>
 *   Query.and(Query.words(typed, "title"), Query.tag("tags", ["new"]), Query.range("price", { below: 20 }))
 *
 * export const program = Effect.gen(function*() {
 *   yield* Search.create(Books)
 *   return yield* Search.search(Books, cheap("the old man"))
 * })
 * ```
 *
 * @category queries
 * @since 0.1.0
 */
export const Query: QueryTools = {
  all: make(() => "*"),
  words: (text: string, field?: Names) => words(text, field, " "),
  anyWord: (text: string, field?: Names) => words(text, field, "|"),
  phrase: (text: string, field?: Names, options: PhraseOptions = {}) =>
    make((rendering) => {
      const slop = options.slop ?? 0
      if (!Number.isSafeInteger(slop) || slop < 0) return rendering.refuse("slop has to be a whole number, at least 0")
      const list = indexed(text, rendering).map((word) => rendering.param(word)).join(" ")
      return `((${at(field, rendering)}(${list}))=>{$slop:${slop}; $inorder:${options.anyOrder !== true};})`
    }),
  prefix: (word: string, field?: Names) => ofWord(word, field, (param) => `${param}*`),
  suffix: (word: string, field?: Names) => ofWord(word, field, (param) => `*${param}`),
  contains: (word: string, field?: Names) => ofWord(word, field, (param) => `*${param}*`),
  fuzzy: (word: string, field?: Names, distance: 1 | 2 | 3 = 1) =>
    [1, 2, 3].includes(distance)
      ? ofWord(word, field, (param) => `${"%".repeat(distance)}${param}${"%".repeat(distance)}`)
      : make((rendering) => rendering.refuse("the distance of a fuzzy word has to be 1, 2 or 3")),
  tag: (field, tags) => ofTags(field, tags, (param) => param),
  tagPrefix: (field, tags) => ofTags(field, tags, (param) => `${param}*`),
  range: (field, bounds) =>
    make((rendering) => {
      const stranger = Object.keys(bounds).find((name) => !boundNames.includes(name))
      if (stranger !== undefined) {
        return rendering.refuse(
          `there is no bound ${JSON.stringify(stranger)}; the bounds are ${boundNames.join(", ")}`
        )
      }
      const low = bound(bounds.atLeast, bounds.above, "-inf", "atLeast and above", rendering)
      const high = bound(bounds.atMost, bounds.below, "+inf", "atMost and below", rendering)
      return `(${at(field, rendering)}[${low} ${high}])`
    }),
  equals: (field, value) =>
    make((rendering) => {
      const param = number(value, "the number", rendering)
      return `(${at(field, rendering)}[${param} ${param}])`
    }),
  within: (field, { latitude, longitude, radius, unit }) =>
    make((rendering) => {
      if (!["m", "km", "mi", "ft"].includes(unit)) {
        return rendering.refuse("the unit of a circle has to be m, km, mi or ft")
      }
      const place = `${number(longitude, "longitude", rendering)} ${number(latitude, "latitude", rendering)}`
      return `(${at(field, rendering)}[${place} ${number(radius, "radius", rendering)} ${unit}])`
    }),
  shape: (field, relation, shape) =>
    make((rendering) =>
      ["WITHIN", "CONTAINS", "INTERSECTS", "DISJOINT"].includes(relation) && typeof shape === "string"
        ? `(${at(field, rendering)}[${relation} ${rendering.param(shape)}])`
        : rendering.refuse("a shape needs WITHIN, CONTAINS, INTERSECTS or DISJOINT, and a text")
    ),
  missing: (field) =>
    make((rendering) =>
      isName(field) ? `(ismissing(@${field}))` : rendering.refuse("missing needs the name of a field")
    ),
  and: (...queries) => joined(queries, " "),
  or: (...queries) => joined(queries, "|"),
  not: (query) => make((rendering) => `(-${inner(query, rendering)})`),
  optional: (query) => make((rendering) => `(~${inner(query, rendering)})`),
  weight: (query, weight) =>
    make((rendering) =>
      Number.isFinite(weight) && weight >= 0
        ? `(${inner(query, rendering)}=>{$weight:${weight};})`
        : rendering.refuse("a weight has to be a number of at least 0")
    ),
  knn: (field, near, count, options = {}) =>
    make((rendering) => {
      const filter = options.filter === undefined ? "*" : inner(options.filter, rendering)
      const k = whole(count, "count", 1, rendering)
      const sign = isName(field) ? `@${field}` : rendering.refuse("knn needs the name of a field")
      const ef = options.efRuntime === undefined
        ? ""
        : ` EF_RUNTIME ${whole(options.efRuntime, "efRuntime", 1, rendering)}`
      const policy = options.policy === undefined
        ? ""
        : ["ADHOC_BF", "BATCHES"].includes(options.policy)
        ? ` HYBRID_POLICY ${options.policy}`
        : rendering.refuse("policy has to be ADHOC_BF or BATCHES")
      const batch = options.batchSize === undefined
        ? ""
        : ` BATCH_SIZE ${whole(options.batchSize, "batchSize", 1, rendering)}`
      return `${filter}=>[KNN ${k} ${sign} ${vector(near, rendering)}${ef}${policy}${batch} AS ${distanceName}]`
    }, count),
  vectorRange: (field, near, radius) =>
    make(
      (rendering) => {
        const within = number(radius, "radius", rendering)
        return `(${at(field, rendering)}[VECTOR_RANGE ${within} ${
          vector(near, rendering)
        }]=>{$YIELD_DISTANCE_AS: ${distanceName}})`
      },
      undefined,
      true
    ),
  raw: (text, params = {}) =>
    make((rendering) => {
      if (typeof text !== "string" || text === "") {
        return rendering.refuse("the text of a query has to be a text that is not empty")
      }
      // Parameters of queries that stand together may have one name.
      const own = new Map<string, string>()
      for (const [name, value] of Object.entries(params)) {
        if (!isName(name)) return rendering.refuse("the name of a parameter has letters, digits and _ only")
        const given = argumentOf(bytesOf(value) ?? value)
        if (isEncodeFailure(given)) {
          return rendering.refuse("the value of a parameter has to be text, bytes or a number")
        }
        own.set(name, rendering.param(given))
      }
      const renamed = text.replaceAll(/\$([\p{L}_][\p{L}\p{N}_]*)/gu, (sign, name: string) => own.get(name) ?? sign)
      return `(${renamed})`
    })
}
