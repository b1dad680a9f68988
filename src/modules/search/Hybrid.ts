/**
 * Searches by text and by vector at once, whose scores are combined: Redis 8.4.
 *
 * @since 0.1.0
 */
import type { Call } from "../../commands/Call.ts"
import * as decode from "../../commands/decode.ts"
import type { Reply } from "../../protocol/Reply.ts"
import { properties, text } from "./documents.ts"
import type { Query } from "./Query.ts"
import { warnings } from "./results.ts"
import type { VectorValue } from "./vectors.ts"

/**
 * The part of a hybrid search that is about a vector.
 *
 * @category models
 * @since 0.1.0
 */
export interface HybridVector<N extends string, in Needs> {
  /** The field of the vectors. */
  readonly field: N
  /** The vector to which others are near. */
  readonly vector: VectorValue
  /** The nearest so many vectors. */
  readonly knn?: {
    /** How many. */
    readonly count: number
    /** The candidates of a search in the graph of `HNSW`. */
    readonly efRuntime?: number | undefined
  } | undefined
  /** The vectors within a distance. */
  readonly range?: {
    /** The distance. */
    readonly radius: number
    /** The share by which the search may look beyond it. */
    readonly epsilon?: number | undefined
  } | undefined
  /** Only documents that this query finds. */
  readonly filter?: Query<Needs> | undefined
}

/**
 * The rule by which the two scores of a hybrid search become one: by the ranks (`rrf`), or as a sum with weights (`linear`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Combination {
  /** By the ranks in both results. */
  readonly rrf?: {
    /** The number that is added to each rank. Default: 60. */
    readonly constant?: number | undefined
    /** How many hits of each result count. Default: 20. */
    readonly window?: number | undefined
  } | undefined
  /** As a sum. */
  readonly linear?: {
    /** The weight of the text. */
    readonly alpha: number
    /** The weight of the vector. */
    readonly beta: number
    /** How many hits of each result count. Default: 20. */
    readonly window?: number | undefined
  } | undefined
}

/**
 * A document that a hybrid search found.
 *
 * @category models
 * @since 0.1.0
 */
export interface HybridHit<out Doc> {
  readonly key: string
  readonly document: Doc
  /** The combined score. */
  readonly score: number | undefined
}

/**
 * The result of a hybrid search.
 *
 * @category models
 * @since 0.1.0
 */
export interface HybridResult<out Doc> {
  /** How many documents were found. */
  readonly total: number
  readonly hits: ReadonlyArray<HybridHit<Doc>>
  /** Why the result is not whole: the time was over, a shard did not answer. */
  readonly warnings: ReadonlyArray<string>
}

/** Adds words with their number before them. */
const counted = (self: Call, word: string, pairs: ReadonlyArray<readonly [string, number | undefined]>): Call => {
  const given = pairs.flatMap(([name, value]) => value === undefined ? [] : [[name, value] as const])
  self.add(word, String(2 * given.length))
  for (const [name, value] of given) self.add(name).double(name, value, 0)
  return self
}

/** Adds the way to find near vectors. */
export const addNearness = <N extends string, Needs>(self: Call, { knn, range }: HybridVector<N, Needs>): Call => {
  if (knn !== undefined && range !== undefined) return self.refuse("knn and range exclude each other")
  if (knn !== undefined) counted(self, "KNN", [["K", knn.count], ["EF_RUNTIME", knn.efRuntime]])
  if (range !== undefined) counted(self, "RANGE", [["RADIUS", range.radius], ["EPSILON", range.epsilon]])
  return self
}

/** Adds how scores are combined. */
export const addCombination = (self: Call, combine: Combination | undefined): Call => {
  if (combine === undefined) return self
  const { linear, rrf } = combine
  if (rrf !== undefined && linear !== undefined) return self.refuse("rrf and linear exclude each other")
  self.add("COMBINE")
  if (rrf !== undefined) return counted(self, "RRF", [["CONSTANT", rrf.constant], ["WINDOW", rrf.window]])
  return linear === undefined
    ? self.refuse("combine needs rrf or linear")
    : counted(self, "LINEAR", [["ALPHA", linear.alpha], ["BETA", linear.beta], ["WINDOW", linear.window]])
}

/** The names under which hits give their key and their score. */
export const keyName = "__key"
export const scoreName = "__score"

interface Raw {
  readonly total: number
  readonly results: ReadonlyArray<Readonly<Record<string, Reply>>>
  readonly warnings: ReadonlyArray<string>
}

/** A list of names and values in RESP2, and a map in RESP3. */
const raw = decode.struct<Raw>({
  total: decode.field("total_results", decode.integer),
  results: decode.field("results", decode.arrayOf(properties)),
  warnings: { name: "warnings", decode: warnings, absent: { value: [] } }
})

/** The result of a hybrid search whose documents have a decoder. */
export const hybridResult = <Doc>(
  document: (source: Readonly<Record<string, Reply>>) => Doc | decode.DecodeFailure
): decode.Decoder<HybridResult<Doc>> =>
  decode.map(raw, ({ results, total, warnings }) => {
    const hits: Array<HybridHit<Doc>> = []
    for (const source of results) {
      const key = text(source[keyName] ?? null)
      const score = source[scoreName] === undefined ? undefined : decode.double(source[scoreName])
      const value = document(source)
      if (key instanceof decode.DecodeFailure) return key
      if (score instanceof decode.DecodeFailure) return score
      if (value instanceof decode.DecodeFailure) return value
      hits.push({ key, document: value, score })
    }
    return { total, hits, warnings }
  })
