/**
 * The fields of an index: what each indexes, and the type that its values have in a program.
 *
 * @since 0.1.0
 */
import * as checks from "../../internal/checks.ts"
import { type VectorOf, type VectorType } from "./vectors.ts"

const TypeId = "~effect-redis-cluster/SearchField"

/**
 * The kinds of fields.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldKind = "text" | "tag" | "numeric" | "geo" | "geoshape" | "vector"

/**
 * A place on the earth, in degrees.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeoPlace {
  readonly longitude: number
  readonly latitude: number
}

/**
 * A field of an index: its kind, and the type of its values.
 *
 * @category models
 * @since 0.1.0
 */
export interface Field<out K extends FieldKind = FieldKind, out A = unknown> {
  readonly [TypeId]: A | typeof TypeId
  readonly kind: K
  /** The field of the hash, or the path of the JSON document; `undefined` for that of the same name. */
  readonly path: string | undefined
  /** The arguments that follow the name. */
  readonly words: ReadonlyArray<string>
  /** The letter between the tags of a hash. */
  readonly separator: string
  /** The type of the numbers of a vector. */
  readonly vector: VectorType
  /** The reason why it cannot be sent; `undefined` if there is none. */
  readonly problem: string | undefined
}

/**
 * Fields by their names.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields = Readonly<Record<string, Field>>

/**
 * Options of all fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldOptions {
  /** The field of the hash, or the path of the JSON document: `"$.author.name"`. Default: the name of the field. */
  readonly path?: string | undefined
  /** Index documents that lack the field as well, so that `Query.missing` finds them. Default: no. */
  readonly indexMissing?: boolean | undefined
}

/**
 * Options of fields that can be sorted by.
 *
 * @category models
 * @since 0.1.0
 */
export interface SortableFieldOptions extends FieldOptions {
  /** Keep the values at hand for sorting, `"unnormalized"` for text as it is, with its case and accents. Default: no. */
  readonly sortable?: boolean | "unnormalized" | undefined
  /** Keep the values for sorting only, and do not index them. Default: no. */
  readonly noIndex?: boolean | undefined
}

/**
 * Options of `text`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextFieldOptions extends SortableFieldOptions {
  /** The weight of the field in scores. Default: 1. */
  readonly weight?: number | undefined
  /** Index words as they are, without their stems. Default: no. */
  readonly noStem?: boolean | undefined
  /** Find words that sound alike: in English, French, Portuguese, Spanish. Default: no. */
  readonly phonetic?: "dm:en" | "dm:fr" | "dm:pt" | "dm:es" | undefined
  /** Keep all ends of words, so that `contains` and `suffix` are fast. Default: no. */
  readonly suffixTrie?: boolean | undefined
  /** Index texts that are empty as well. Default: no. */
  readonly indexEmpty?: boolean | undefined
}

/**
 * Options of `tag`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TagFieldOptions extends SortableFieldOptions {
  /** The letter between the tags of a hash. Default: a comma. */
  readonly separator?: string | undefined
  /** Tags in other cases are other tags. Default: no. */
  readonly caseSensitive?: boolean | undefined
  /** Keep all ends of tags, so that `contains` and `suffix` are fast. Default: no. */
  readonly suffixTrie?: boolean | undefined
  /** Index tags that are empty as well. Default: no. */
  readonly indexEmpty?: boolean | undefined
}

/**
 * Options of `geoshape`.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeoshapeFieldOptions extends FieldOptions {
  /** The coordinates: degrees on the earth (`SPHERICAL`) or numbers of a plane (`FLAT`). Default: `SPHERICAL`. */
  readonly coordinates?: "SPHERICAL" | "FLAT" | undefined
  /** Do not index the values. Default: no. */
  readonly noIndex?: boolean | undefined
}

/**
 * Options of `vector`.
 *
 * @category models
 * @since 0.1.0
 */
export interface VectorFieldOptions<T extends VectorType> extends FieldOptions {
  /** The way to find near vectors: all are compared (`FLAT`), or a graph leads to most of them (`HNSW`; `SVS-VAMANA` of Redis 8.2). */
  readonly algorithm: "FLAT" | "HNSW" | "SVS-VAMANA"
  /** The type of the numbers. */
  readonly type: T
  /** How many numbers a vector has. */
  readonly dimensions: number
  /** The distance of two vectors. */
  readonly distance: "L2" | "IP" | "COSINE"
  /** The number of vectors for which room is made at first. Default: that of the server. */
  readonly initialCapacity?: number | undefined
  /** The number of vectors in a block of `FLAT`, in elements. Default: 1024. */
  readonly blockSize?: number | undefined
  /** The neighbours of each vector in the graph of `HNSW`. Default: 16. */
  readonly m?: number | undefined
  /** The candidates while the graph of `HNSW` is built. Default: 200. */
  readonly efConstruction?: number | undefined
  /** The candidates of a search in the graph of `HNSW`. Default: 10. */
  readonly efRuntime?: number | undefined
  /** The share by which a search by distance may look beyond it, of `HNSW`. Default: 0.01. */
  readonly epsilon?: number | undefined
}

const base: checks.Checks<FieldOptions> = { path: checks.text, indexMissing: checks.boolean }
const sortable: checks.Checks<SortableFieldOptions> = {
  ...base,
  sortable: (value) =>
    typeof value === "boolean" || value === "unnormalized" ? undefined : "true, false or \"unnormalized\"",
  noIndex: checks.boolean
}
const atLeast = (least: number): checks.Check => (value) =>
  typeof value === "number" && Number.isFinite(value) && value >= least ? undefined : `a number of at least ${least}`

const textChecks: checks.Checks<TextFieldOptions> = {
  ...sortable,
  weight: atLeast(0),
  noStem: checks.boolean,
  phonetic: checks.oneOf("dm:en", "dm:fr", "dm:pt", "dm:es"),
  suffixTrie: checks.boolean,
  indexEmpty: checks.boolean
}
const tagChecks: checks.Checks<TagFieldOptions> = {
  ...sortable,
  separator: (value) => typeof value === "string" && value.length === 1 ? undefined : "a text of one letter",
  caseSensitive: checks.boolean,
  suffixTrie: checks.boolean,
  indexEmpty: checks.boolean
}
const geoshapeChecks: checks.Checks<GeoshapeFieldOptions> = {
  ...base,
  coordinates: checks.oneOf("SPHERICAL", "FLAT"),
  noIndex: checks.boolean
}
const vectorChecks: checks.Checks<VectorFieldOptions<VectorType>> = {
  ...base,
  algorithm: checks.oneOf("FLAT", "HNSW", "SVS-VAMANA"),
  type: checks.oneOf("FLOAT32", "FLOAT64", "FLOAT16", "BFLOAT16", "INT8", "UINT8"),
  dimensions: checks.integer(1),
  distance: checks.oneOf("L2", "IP", "COSINE"),
  initialCapacity: checks.integer(1),
  blockSize: checks.integer(1),
  m: checks.integer(1),
  efConstruction: checks.integer(1),
  efRuntime: checks.integer(1),
  epsilon: atLeast(0)
}

const make = <K extends FieldKind, A, Options extends FieldOptions>(
  kind: K,
  given: Options | undefined,
  known: checks.Checks<Options>,
  wordsOf: (options: Partial<Options>) => ReadonlyArray<string>
): Field<K, A> => {
  const options = given ?? {}
  const found = checks.problemOf(options, known)
  const problem = found === undefined ? undefined : `a ${kind} field: ${found}`
  const { path, separator, type }: {
    readonly path?: string | undefined
    readonly separator?: string | undefined
    readonly type?: VectorType | undefined
  } = problem === undefined ? options : {}
  return {
    [TypeId]: TypeId,
    kind,
    path,
    words: problem === undefined ? wordsOf(options) : [],
    separator: separator ?? ",",
    vector: type ?? "FLOAT32",
    problem
  }
}

const flag = (word: string, on: boolean | undefined): ReadonlyArray<string> => on === true ? [word] : []

const pair = (word: string, value: string | number | undefined): ReadonlyArray<string> =>
  value === undefined ? [] : [word, String(value)]

const ends = ({ noIndex, sortable }: SortableFieldOptions): ReadonlyArray<string> => [
  ...flag("SORTABLE", sortable !== undefined && sortable !== false),
  ...flag("UNF", sortable === "unnormalized"),
  ...flag("NOINDEX", noIndex)
]

/**
 * The functions that make fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldTools {
  /** Text, found by its words. */
  readonly text: (options?: TextFieldOptions) => Field<"text", string>
  /** Words that are compared as a whole; a hash has several of them with a separator between, JSON a list. */
  readonly tag: (options?: TagFieldOptions) => Field<"tag", ReadonlyArray<string>>
  /** Numbers, found by ranges. */
  readonly numeric: (options?: SortableFieldOptions) => Field<"numeric", number>
  /** Places on the earth, found by their distance. */
  readonly geo: (options?: SortableFieldOptions) => Field<"geo", GeoPlace>
  /** Shapes in the notation WKT, found by how they lie to others. */
  readonly geoshape: (options?: GeoshapeFieldOptions) => Field<"geoshape", string>
  /** Vectors, found by their distance. */
  readonly vector: <const T extends VectorType>(options: VectorFieldOptions<T>) => Field<"vector", VectorOf<T>>
}

export const tools: FieldTools = {
  text: (options) =>
    make("text", options, textChecks, (options) => [
      "TEXT",
      ...flag("WITHSUFFIXTRIE", options.suffixTrie),
      ...flag("INDEXEMPTY", options.indexEmpty),
      ...flag("INDEXMISSING", options.indexMissing),
      ...flag("NOSTEM", options.noStem),
      ...pair("WEIGHT", options.weight),
      ...pair("PHONETIC", options.phonetic),
      ...ends(options)
    ]),
  tag: (options) =>
    make("tag", options, tagChecks, (options) => [
      "TAG",
      ...flag("WITHSUFFIXTRIE", options.suffixTrie),
      ...flag("INDEXEMPTY", options.indexEmpty),
      ...flag("INDEXMISSING", options.indexMissing),
      ...pair("SEPARATOR", options.separator),
      ...flag("CASESENSITIVE", options.caseSensitive),
      ...ends(options)
    ]),
  numeric: (options) =>
    make("numeric", options, sortable, (options) => [
      "NUMERIC",
      ...flag("INDEXMISSING", options.indexMissing),
      ...ends(options)
    ]),
  geo: (options) =>
    make("geo", options, sortable, (options) => [
      "GEO",
      ...flag("INDEXMISSING", options.indexMissing),
      ...ends(options)
    ]),
  geoshape: (options) =>
    make("geoshape", options, geoshapeChecks, (options) => [
      "GEOSHAPE",
      ...(options.coordinates === undefined ? [] : [options.coordinates]),
      ...flag("INDEXMISSING", options.indexMissing),
      ...flag("NOINDEX", options.noIndex)
    ]),
  vector: (options) => {
    const made = make<"vector", never, VectorFieldOptions<VectorType>>("vector", options, vectorChecks, (options) => {
      const attributes = [
        ...pair("TYPE", options.type),
        ...pair("DIM", options.dimensions),
        ...pair("DISTANCE_METRIC", options.distance),
        ...pair("INITIAL_CAP", options.initialCapacity),
        ...pair("BLOCK_SIZE", options.blockSize),
        ...pair("M", options.m),
        ...pair("EF_CONSTRUCTION", options.efConstruction),
        ...pair("EF_RUNTIME", options.efRuntime),
        ...pair("EPSILON", options.epsilon)
      ]
      return [
        "VECTOR",
        ...(options.algorithm === undefined ? [] : [options.algorithm]),
        String(attributes.length),
        ...attributes,
        ...flag("INDEXMISSING", options.indexMissing)
      ]
    })
    const { algorithm, dimensions, distance, type } = options ?? {}
    const isWhole = [algorithm, dimensions, distance, type].every((part) => part !== undefined)
    return made.problem === undefined && !isWhole
      ? { ...made, problem: "a vector field: algorithm, type, dimensions and distance are needed" }
      : made
  }
}

/** Whether a value is a field. */
export const isField = (value: unknown): value is Field =>
  typeof value === "object" && value !== null && TypeId in value
