/**
 * The results of searches and aggregations, in one form for RESP2 and RESP3.
 *
 * @since 0.1.0
 */
import * as decode from "../../commands/decode.ts"
import type { Reply } from "../../protocol/Reply.ts"
import { properties, text, texts } from "./documents.ts"
import { distanceName } from "./Query.ts"

/**
 * A document that was found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hit<out Doc> {
  readonly key: string
  /** The fields that were asked for. */
  readonly document: Doc
  /** The score; `undefined` unless it was asked for. */
  readonly score: number | undefined
  /** An explanation of the score, line by line; `undefined` unless it was asked for. */
  readonly explanation: string | undefined
  /** The payload of the document, `null` for none; `undefined` unless it was asked for. */
  readonly payload: string | null | undefined
  /** The value by which the document stands at its place, `null` for none; `undefined` unless it was asked for. */
  readonly sortKey: string | number | null | undefined
  /** The distance of the vector; `undefined` unless the query is about vectors. */
  readonly distance: number | undefined
}

/**
 * The result of a search.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchResult<out Doc> {
  /** How many documents the query finds. */
  readonly total: number
  readonly hits: ReadonlyArray<Hit<Doc>>
  /** Why the result is not whole: the time was over, a shard did not answer. Servers tell it over RESP3 only. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * The result of a search for keys.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchKeysResult {
  /** How many documents the query finds. */
  readonly total: number
  readonly keys: ReadonlyArray<string>
  /** Why the result is not whole: the time was over, a shard did not answer. Servers tell it over RESP3 only. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * The result of an aggregation.
 *
 * @category models
 * @since 0.1.0
 */
export interface AggregateResult<out Row> {
  readonly rows: ReadonlyArray<Row>
  /** Why the result is not whole: the time was over, a shard did not answer. Servers tell it over RESP3 only. */
  readonly warnings: ReadonlyArray<string>
}

/** The parts of a hit that a search has asked for. */
export interface Parts {
  readonly scores: boolean
  readonly payloads: boolean
  readonly sortKeys: boolean
  readonly content: boolean
}

/** The parts of a hit as they come. */
interface RawHit {
  readonly key: Reply
  readonly score?: Reply | undefined
  readonly payload?: Reply | undefined
  readonly sortKey?: Reply | undefined
  readonly content?: Reply | undefined
}

interface RawResult {
  readonly total: number
  readonly hits: ReadonlyArray<RawHit>
  readonly warnings: ReadonlyArray<string>
}

/** A list: servers give `null` or an empty text for one that is empty. */
export const warnings: decode.Decoder<ReadonlyArray<string>> = (reply) => {
  const single = text(reply)
  return reply === null || single === "" || single === "None"
    ? []
    : typeof single === "string"
    ? [single]
    : texts(reply)
}

interface Resp3 {
  readonly total: number
  readonly results: ReadonlyArray<Readonly<Record<string, Reply>>>
  readonly warnings: ReadonlyArray<string>
}

const resp3 = decode.struct<Resp3>({
  total: decode.field("total_results", decode.integer),
  results: decode.field("results", decode.arrayOf(decode.recordOf(decode.reply))),
  warnings: { name: "warning", decode: warnings, absent: { value: [] } }
})

/** The list of RESP2: the total, and then the parts of each hit in turns. */
const fromList = (
  list: ReadonlyArray<Reply>,
  { content, payloads, scores, sortKeys }: Parts
): RawResult | decode.DecodeFailure => {
  const total = decode.integer(list.length === 0 ? null : list[0])
  if (total instanceof decode.DecodeFailure) return total
  const length = 1 + Number(scores) + Number(payloads) + Number(sortKeys) + Number(content)
  if ((list.length - 1) % length !== 0) return decode.unexpected("hits of a search", list)
  const hits: Array<RawHit> = []
  for (let at = 1; at < list.length;) {
    hits.push({
      key: list[at++],
      ...(scores ? { score: list[at++] } : {}),
      ...(payloads ? { payload: list[at++] } : {}),
      ...(sortKeys ? { sortKey: list[at++] } : {}),
      ...(content ? { content: list[at++] } : {})
    })
  }
  return { total, hits, warnings: [] }
}

const raw = (parts: Parts): decode.Decoder<RawResult> => (reply) => {
  if (Array.isArray(reply)) return fromList(reply, parts)
  const found = resp3(reply)
  if (found instanceof decode.DecodeFailure) return found
  const { results, total, warnings } = found
  return {
    total,
    warnings,
    hits: results.map((hit) => ({
      key: hit["id"],
      score: hit["score"],
      payload: hit["payload"],
      sortKey: hit["sortkey"],
      content: hit["extra_attributes"]
    }))
  }
}

/** The nested lines of an explanation. */
const lines = (reply: Reply, depth = 0): ReadonlyArray<string> =>
  Array.isArray(reply)
    ? reply.flatMap((part) => lines(part, Array.isArray(part) ? depth + 1 : depth))
    : [`${"  ".repeat(depth)}${String(text(reply))}`]

interface Score {
  readonly score: number
  readonly explanation: string | undefined
}

const scoreOf = (reply: Reply): Score | decode.DecodeFailure => {
  const [first, explained]: ReadonlyArray<Reply> = Array.isArray(reply) ? reply : [reply, null]
  const score = decode.double(first ?? null)
  if (score instanceof decode.DecodeFailure) return score
  return { score, explanation: explained === null || explained === undefined ? undefined : lines(explained).join("\n") }
}

/** A number after `#`, text after `$`. */
const sortKey: decode.Decoder<string | number | null> = (reply) => {
  if (reply === null) return null
  return decode.map(
    text,
    (key) => key.startsWith("#") ? decode.double(key.slice(1)) : key.startsWith("$") ? key.slice(1) : key
  )(reply)
}

const orAbsent = <A>(reply: Reply | undefined, decoder: decode.Decoder<A>): A | undefined | decode.DecodeFailure =>
  reply === undefined ? undefined : decoder(reply)

/** The result of a search whose documents have a decoder. */
export const searchResult = <Doc>(
  parts: Parts,
  document: (source: Readonly<Record<string, Reply>>) => Doc | decode.DecodeFailure
): decode.Decoder<SearchResult<Doc>> =>
  decode.map(raw(parts), ({ hits, total, warnings }) => {
    const found: Array<Hit<Doc>> = []
    for (const hit of hits) {
      const key = text(hit.key)
      const scored = hit.score === undefined || !parts.scores ? undefined : scoreOf(hit.score)
      const payload = parts.payloads ? orAbsent(hit.payload ?? null, decode.nullable(text)) : undefined
      const sorted = parts.sortKeys ? orAbsent(hit.sortKey ?? null, sortKey) : undefined
      const source = hit.content === undefined ? {} : properties(hit.content)
      if (key instanceof decode.DecodeFailure) return key
      if (scored instanceof decode.DecodeFailure) return scored
      if (payload instanceof decode.DecodeFailure) return payload
      if (sorted instanceof decode.DecodeFailure) return sorted
      if (source instanceof decode.DecodeFailure) return source
      const distance = Object.hasOwn(source, distanceName) ? decode.doubleOrNull(source[distanceName]) : undefined
      if (distance instanceof decode.DecodeFailure) return distance
      const value = document(source)
      if (value instanceof decode.DecodeFailure) return value
      found.push({
        key,
        document: value,
        score: scored?.score,
        explanation: scored?.explanation,
        payload,
        sortKey: sorted,
        distance: distance ?? undefined
      })
    }
    return { total, hits: found, warnings }
  })

/** The keys of a search without content. */
export const searchKeys: decode.Decoder<SearchKeysResult> = decode.map(
  searchResult({ scores: false, payloads: false, sortKeys: false, content: false }, () => null),
  ({ hits, total, warnings }) => ({ total, keys: hits.map(({ key }) => key), warnings })
)

/** The rows of an aggregation as they come. */
const rawRows: decode.Decoder<AggregateResult<Readonly<Record<string, Reply>>>> = (reply) => {
  if (Array.isArray(reply)) {
    const rows = decode.arrayOf(properties)(reply.slice(1))
    return rows instanceof decode.DecodeFailure ? rows : { rows, warnings: [] }
  }
  const found = resp3(reply)
  if (found instanceof decode.DecodeFailure) return found
  const rows = decode.arrayOf(properties)(found.results.map((row) => row["extra_attributes"] ?? null))
  return rows instanceof decode.DecodeFailure ? rows : { rows, warnings: found.warnings }
}

/** The result of an aggregation whose rows have a decoder. */
export const aggregateResult = <Row>(
  row: (source: Readonly<Record<string, Reply>>) => Row | decode.DecodeFailure
): decode.Decoder<AggregateResult<Row>> =>
  decode.map(rawRows, ({ rows, warnings }) => {
    const found: Array<Row> = []
    for (const source of rows) {
      const value = row(source)
      if (value instanceof decode.DecodeFailure) return value
      found.push(value)
    }
    return { rows: found, warnings }
  })

/** A page of an aggregation, and the number of its cursor, 0 at the end. */
export interface CursorPage<out Row> extends AggregateResult<Row> {
  readonly cursor: string
}

/** A page of an aggregation with a cursor. */
export const cursorPage = <Row>(
  row: (source: Readonly<Record<string, Reply>>) => Row | decode.DecodeFailure
): decode.Decoder<CursorPage<Row>> =>
  decode.map(
    decode.tuple(aggregateResult(row), decode.bigint),
    ([page, cursor]) => ({ ...page, cursor: String(cursor) })
  )
