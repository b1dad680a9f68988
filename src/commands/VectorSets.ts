/**
 * Vector sets: elements with vectors, found by similarity. Redis 8.0; Valkey has none.
 *
 * @since 0.1.0
 */
import type { Argument, Reply } from "../protocol/Reply.ts"
import { type Call, call, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import type { Exact, When } from "./Options.ts"
import { parameters } from "./parameters/VectorSets.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * A vector. A `Float32Array` is sent as its bytes, which is quick; other numbers are sent as text.
 *
 * @category models
 * @since 0.1.0
 */
export type Vector = ReadonlyArray<number> | Float32Array

/**
 * Options of `vadd`.
 *
 * @category models
 * @since 0.1.0
 */
export interface VaddOptions {
  /** Store the vector with fewer dimensions, by a random projection. */
  readonly reduce?: number | undefined
  /** Search for neighbours in the background. */
  readonly checkAndSet?: boolean | undefined
  /**
   * The form in which vectors are stored, for the first element: 8 bit integers (`Q8`, the default), bits (`BIN`), or
   * without a change (`NOQUANT`).
   */
  readonly quantization?: "NOQUANT" | "Q8" | "BIN" | undefined
  /** The effort for finding good neighbours. Default: 200. */
  readonly ef?: number | undefined
  /** The attributes of the element, as JSON text. */
  readonly attributes?: Argument | undefined
  /** The number of neighbours of each element, for the first element. Default: 16. */
  readonly links?: number | undefined
}

/**
 * The query of `vsim`: elements that are similar to an element, or to a vector.
 *
 * @category models
 * @since 0.1.0
 */
export type VsimQuery =
  | {
    /** The element to which others are compared. */
    readonly element: Value
  }
  | {
    /** The vector to which elements are compared. */
    readonly vector: Vector
  }

/**
 * Options of `vsim`.
 *
 * @category models
 * @since 0.1.0
 */
export interface VsimOptions {
  /** The number of elements. Default: 10. */
  readonly count?: number | undefined
  /** The greatest distance of an element, from 0 (equal) to 1. */
  readonly epsilon?: number | undefined
  /** The effort for the search: a greater number finds better neighbours, and takes longer. */
  readonly ef?: number | undefined
  /** Only elements whose attributes meet this expression: `.year > 1980 and .kind == "film"`. */
  readonly filter?: Argument | undefined
  /** The most elements on which to try the filter; 0 for any number. Default: 100 times `count`. */
  readonly filterEf?: number | undefined
  /** Compare all elements: slow and exact. */
  readonly truth?: boolean | undefined
  /** Search in the server's main thread. */
  readonly noThread?: boolean | undefined
  /** Return the similarity of each element, from 1 (equal) to 0 (opposite). */
  readonly withScores?: boolean | undefined
  /** Return the attributes of each element as JSON text, `null` if it has none. Redis 8.2. */
  readonly withAttributes?: boolean | undefined
}

/**
 * An element with its score.
 *
 * @category models
 * @since 0.1.0
 */
export type ScoredElement = readonly [element: string, score: number]

/**
 * The reply of `vsim`, the most similar element first: elements, pairs with scores, or objects with attributes.
 *
 * @category models
 * @since 0.1.0
 */
export type VsimReply<O> = When<
  O,
  "withAttributes",
  When<
    O,
    "withScores",
    ReadonlyArray<{ readonly element: string; readonly score: number; readonly attributes: string | null }>,
    ReadonlyArray<{ readonly element: string; readonly attributes: string | null }>
  >,
  When<O, "withScores", ReadonlyArray<ScoredElement>, ReadonlyArray<string>>
>

/**
 * The form in which a server stores vectors: without a change, as 8 bit integers, or as bits.
 *
 * @category models
 * @since 0.1.0
 */
export type Quantization = "f32" | "int8" | "bin"

/**
 * A vector as the server stores it: read it with `Command.bytes`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RawVector {
  readonly quantization: Quantization
  readonly data: string
  /** The length of the vector that was added. */
  readonly norm: number
  /** The number for which the greatest `int8` stands. */
  readonly range: number | undefined
}

/**
 * Options of `vemb`.
 *
 * @category models
 * @since 0.1.0
 */
export interface VembOptions {
  /** Return the vector as the server stores it. */
  readonly raw?: boolean | undefined
}

/**
 * The reply of `vemb`: numbers, or with `raw` bytes; `null` if there is no such element.
 *
 * @category models
 * @since 0.1.0
 */
export type VembReply<O> = When<O, "raw", RawVector, ReadonlyArray<number>> | null

/**
 * Options of `vlinks`.
 *
 * @category models
 * @since 0.1.0
 */
export interface VlinksOptions {
  /** Return the similarity of each neighbour, too. */
  readonly withScores?: boolean | undefined
}

/**
 * The reply of `vlinks`: the neighbours in each layer, the top one first; `null` if there is no such element.
 *
 * @category models
 * @since 0.1.0
 */
export type VlinksReply<O> =
  | When<O, "withScores", ReadonlyArray<ReadonlyArray<ScoredElement>>, ReadonlyArray<ReadonlyArray<string>>>
  | null

/**
 * The figures of a vector set: the reply of `vinfo`.
 *
 * @category models
 * @since 0.1.0
 */
export interface VectorSetInfo {
  readonly quantType: Quantization
  readonly hnswM: number
  readonly vectorDim: number
  /** The dimensions before `reduce`, 0 without it. */
  readonly projectionInputDim: number | undefined
  /** The number of elements. */
  readonly size: number
  readonly maxLevel: number
  readonly attributesCount: number | undefined
  readonly vsetUid: number
  readonly hnswMaxNodeUid: number
}

/**
 * The methods of the commands on vector sets.
 *
 * @category models
 * @since 0.1.0
 */
export interface VectorSetCommands<S extends Surface> {
  /** Adds an element, or gives it another vector. Returns whether the element is new. Redis 8.0. O(log N). */
  vadd(key: Argument, element: Value, vector: Vector, options?: VaddOptions): Returns<S, boolean>
  /** The number of elements, 0 if there is no vector set. Redis 8.0. O(1). */
  vcard(key: Argument): Returns<S, number>
  /** The number of dimensions of the vectors. An error if there is no vector set. Redis 8.0. O(1). */
  vdim(key: Argument): Returns<S, number>
  /**
   * The vector of an element, slightly inexact if it is quantized; with `raw` as the server stores it. Redis 8.0. O(N)
   * dimensions.
   */
  vemb<const O extends VembOptions = {}>(
    key: Argument,
    element: Value,
    options?: Exact<O, VembOptions>
  ): Returns<S, VembReply<O>>
  /** The attributes of an element as JSON text, `null` if it has none or is missing. Redis 8.0. O(1). */
  vgetattr(key: Argument, element: Value): Returns<S, string | null>
  /** The figures of a vector set, `null` if there is none. Redis 8.0. O(1). */
  vinfo(key: Argument): Returns<S, VectorSetInfo | null>
  /** Whether a value is an element. Redis 8.2. O(1). */
  vismember(key: Argument, element: Value): Returns<S, boolean>
  /** The neighbours of an element in each layer, with scores if wanted; `null` if there is no such element. Redis 8.0. O(N) neighbours. */
  vlinks<const O extends VlinksOptions = {}>(
    key: Argument,
    element: Value,
    options?: Exact<O, VlinksOptions>
  ): Returns<S, VlinksReply<O>>
  /** A random element, or `count` different ones; a negative count allows repeats. Redis 8.0. O(N) elements given. */
  vrandmember(key: Argument): Returns<S, string | null>
  vrandmember(key: Argument, count: number): Returns<S, ReadonlyArray<string>>
  /**
   * The elements between two bounds in the order of their bytes: `[a` includes a, `(a` excludes it, `-` and `+` are
   * the ends. A negative count gives all. Redis 8.4. O(log N+M) elements given.
   */
  vrange(key: Argument, start: Argument, end: Argument, count?: number): Returns<S, ReadonlyArray<string>>
  /** Removes an element. Returns whether the set had the element. Redis 8.0. O(log N). */
  vrem(key: Argument, element: Value): Returns<S, boolean>
  /** Sets the attributes of an element, JSON text; empty text removes them. Returns whether the element exists. Redis 8.0. O(1). */
  vsetattr(key: Argument, element: Value, attributes: Argument): Returns<S, boolean>
  /**
   * The elements that are most similar to an element or a vector, the most similar first; none if there is no vector
   * set. Redis 8.0. O(log N).
   */
  vsim<const O extends VsimOptions = {}>(
    key: Argument,
    query: VsimQuery,
    options?: Exact<O, VsimOptions>
  ): Returns<S, VsimReply<O>>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const

const VADD = new CommandSpec("VADD", write)
const VCARD = new CommandSpec("VCARD", read)
const VDIM = new CommandSpec("VDIM", read)
const VEMB = new CommandSpec("VEMB", read)
const VGETATTR = new CommandSpec("VGETATTR", read)
const VINFO = new CommandSpec("VINFO", read)
const VISMEMBER = new CommandSpec("VISMEMBER", read)
const VLINKS = new CommandSpec("VLINKS", read)
const VRANDMEMBER = new CommandSpec("VRANDMEMBER", read)
const VRANGE = new CommandSpec("VRANGE", read)
const VREM = new CommandSpec("VREM", write)
const VSETATTR = new CommandSpec("VSETATTR", write)
const VSIM = new CommandSpec("VSIM", read)

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

const addVector = (self: Call, vector: Vector): Call => {
  if (vector.length === 0) return self.refuse("vector must have at least one number, got none")
  if (vector instanceof Float32Array && littleEndian) {
    if (!vector.every(Number.isFinite)) return self.refuse("vector must have finite numbers only, got another one")
    return self.add("FP32", new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))
  }
  self.add("VALUES", String(vector.length))
  for (const number of vector) self.double("a number of vector", number)
  return self
}

const quantization = decode.oneOf("f32", "int8", "bin")

const rawVector = decode.positional<RawVector>("a vector as it is kept", {
  quantization: decode.at(0, quantization),
  data: decode.at(1, decode.string),
  norm: decode.at(2, decode.double),
  range: decode.optionalAt(3, decode.double, undefined)
})

const rawVectorOrNull = decode.nullable(rawVector)

const numbersOrNull = decode.nullable(decode.arrayOf(decode.double))

const scored: decode.Decoder<ReadonlyArray<ScoredElement>> = decode.pairsOf(decode.string, decode.double)

const layers = decode.nullable(decode.arrayOf(decode.strings))

const scoredLayers = decode.nullable(decode.arrayOf(scored))

const info = decode.nullable(decode.struct<VectorSetInfo>({
  quantType: decode.field("quant-type", quantization),
  hnswM: decode.field("hnsw-m", decode.integer),
  vectorDim: decode.field("vector-dim", decode.integer),
  projectionInputDim: decode.optional("projection-input-dim", decode.integer),
  size: decode.field("size", decode.integer),
  maxLevel: decode.field("max-level", decode.integer),
  attributesCount: decode.optional("attributes-count", decode.integer),
  vsetUid: decode.field("vset-uid", decode.integer),
  hnswMaxNodeUid: decode.field("hnsw-max-node-uid", decode.integer)
}))

const withAttributes = decode.map(
  decode.pairsOf(decode.string, decode.stringOrNull),
  (pairs) => pairs.map(([element, attributes]) => ({ element, attributes }))
)

const scoredWithAttributes = decode.arrayOf(
  decode.positional<{ readonly element: string; readonly score: number; readonly attributes: string | null }>(
    "an element with score and attributes",
    {
      element: decode.at(0, decode.string),
      score: decode.at(1, decode.double),
      attributes: decode.at(2, decode.stringOrNull)
    }
  )
)

/** Over RESP3 a map of pairs, over RESP2 three things in turns. */
const withScoresAndAttributes: typeof scoredWithAttributes = (reply) => {
  const flat: Reply = reply instanceof Map ? Array.from<readonly [Reply, Reply]>(reply).flat(2) : reply
  if (!Array.isArray(flat) || flat.length % 3 !== 0) {
    return decode.unexpected("elements with scores and attributes", reply)
  }
  return scoredWithAttributes(Array.from({ length: flat.length / 3 }, (_, i) => flat.slice(3 * i, 3 * i + 3)))
}

const ofElement = <A>(spec: CommandSpec, key: Argument, element: Value, decoder: decode.Decoder<A>) =>
  call(spec, key).value(element).to(decoder)

/**
 * The builders of the commands on vector sets: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const VectorSets: VectorSetCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  vadd: (key, element, vector, options = {}) => {
    const self = addVector(call(VADD, key).integerOption("REDUCE", "reduce", options.reduce, 1), vector)
      .value(element)
      .flag("CAS", options.checkAndSet)
    if (options.quantization !== undefined) self.add(options.quantization)
    return self.integerOption("EF", "ef", options.ef, 1)
      .option("SETATTR", options.attributes)
      .integerOption("M", "links", options.links, 4)
      .to(decode.boolean)
  },
  vcard: (key) => make(VCARD, [key], decode.integer),
  vdim: (key) => make(VDIM, [key], decode.integer),
  vemb: (key, element, options: VembOptions = {}) =>
    call(VEMB, key).value(element).flag("RAW", options.raw)
      .to(decode.chosen(options.raw === true ? rawVectorOrNull : numbersOrNull)),
  vgetattr: (key, element) => ofElement(VGETATTR, key, element, decode.stringOrNull),
  vinfo: (key) => make(VINFO, [key], info),
  vismember: (key, element) => ofElement(VISMEMBER, key, element, decode.boolean),
  vlinks: (key, element, options: VlinksOptions = {}) =>
    call(VLINKS, key).value(element).flag("WITHSCORES", options.withScores)
      .to(decode.chosen(options.withScores === true ? scoredLayers : layers)),
  vrandmember: (key: Argument, count?: number) =>
    count === undefined
      ? make(VRANDMEMBER, [key], decode.chosen(decode.stringOrNull))
      : call(VRANDMEMBER, key).integer("count", count).to(decode.chosen(decode.strings)),
  vrange: (key, start, end, count) => {
    const self = call(VRANGE, key, start, end)
    return (count === undefined ? self : self.integer("count", count)).to(decode.strings)
  },
  vrem: (key, element) => ofElement(VREM, key, element, decode.boolean),
  vsetattr: (key, element, attributes) => call(VSETATTR, key).value(element).add(attributes).to(decode.boolean),
  vsim: (key, query, options: VsimOptions = {}) => {
    const self = call(VSIM, key)
    if ("element" in query) self.add("ELE").value(query.element)
    else addVector(self, query.vector)
    self.flag("WITHSCORES", options.withScores)
      .flag("WITHATTRIBS", options.withAttributes)
      .integerOption("COUNT", "count", options.count, 1)
    if (options.epsilon !== undefined) self.add("EPSILON").double("epsilon", options.epsilon, 0)
    return self.integerOption("EF", "ef", options.ef, 1)
      .option("FILTER", options.filter)
      .integerOption("FILTER-EF", "filterEf", options.filterEf, 0)
      .flag("TRUTH", options.truth)
      .flag("NOTHREAD", options.noThread)
      .to(
        decode.chosen(
          options.withAttributes === true
            ? options.withScores === true ? withScoresAndAttributes : withAttributes
            : options.withScores === true
            ? scored
            : decode.strings
        )
      )
  }
})
