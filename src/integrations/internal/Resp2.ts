/**
 * Replies in the shape that RESP2 gives them, which is what programs written for Effect's `Redis` expect: text, integers,
 * `null` and lists, nothing else.
 *
 * A connection may speak RESP3, where maps, pairs, booleans and floating point numbers have forms of their own.
 */
import type { Argument, Reply } from "../../protocol/Reply.ts"

/** A reply of a server that speaks RESP2; `never` stands for what such a server does not send. */
export type Resp2 = null | number | string | ReadonlyArray<Resp2>

/** A floating point number as a server writes it. */
const double = (value: number): string =>
  value === Infinity ? "inf" : value === -Infinity ? "-inf" : Number.isNaN(value) ? "nan" : String(value)

const isList = (reply: unknown): reply is ReadonlyArray<Reply> => Array.isArray(reply)

type Shape = (reply: Reply) => Resp2

const listOf = (shape: Shape) => (replies: Iterable<Reply>): ReadonlyArray<Resp2> => Array.from(replies, shape)

/** Maps become lists of names and values in turns. */
const shaped = (number: (value: number) => Resp2): Shape => {
  const shape: Shape = (reply) => {
    if (reply === null || typeof reply === "string") return reply
    if (typeof reply === "number") return number(reply)
    if (typeof reply === "bigint") return Number(reply)
    if (typeof reply === "boolean") return reply ? 1 : 0
    if (isList(reply)) return all(reply)
    if (reply instanceof Map) return all([...reply].flat())
    if (reply instanceof Set) return all(reply as ReadonlySet<Reply>)
    if (reply instanceof Uint8Array) return Buffer.from(reply).toString("utf8")
    // An error inside a list, of a transaction for example.
    return "message" in reply ? reply.message : null
  }
  const all = listOf(shape)
  return shape
}

const plain = shaped((value) => value)
/** Every number in it is a score, a distance, a coordinate. */
const doubles = shaped(double)

/** Pairs become a flat list. */
const flat: Shape = (reply) => isList(reply) ? listOf(doubles)(reply.flat() as ReadonlyArray<Reply>) : doubles(reply)

/** Streams with their entries: pairs, where other maps are flat. */
const streams: Shape = (reply) =>
  reply instanceof Map ? Array.from(reply, ([name, entries]) => [plain(name), plain(entries)]) : plain(reply)

/** A rank, and a score beside it. */
const rank: Shape = (reply) => isList(reply) && reply.length === 2 ? [plain(reply[0]), doubles(reply[1])] : plain(reply)

/** Places: in each the coordinates, a list of their own, are doubles. */
const places: Shape = (reply) =>
  isList(reply)
    ? reply.map((place) =>
      isList(place) ? place.map((part) => isList(part) ? doubles(part) : plain(part)) : plain(place)
    )
    : plain(reply)

/** Elements alone, with scores, with attributes, or with both. */
const similar: Shape = (reply) => reply instanceof Map ? listOf(doubles)([...reply].flat(2)) : doubles(reply)

/** A script's `false` is a null. */
const script: Shape = (reply) => reply === false ? null : plain(reply)

const shapes: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ...["ZSCORE", "ZINCRBY", "ZMSCORE", "GEOPOS", "BZPOPMIN", "BZPOPMAX", "ZMPOP", "BZMPOP"].map((name) =>
    [name, doubles] as const
  ),
  ...[
    "ZRANGE",
    "ZREVRANGE",
    "ZRANGEBYSCORE",
    "ZREVRANGEBYSCORE",
    "ZUNION",
    "ZINTER",
    "ZDIFF",
    "ZRANDMEMBER",
    "ZPOPMIN",
    "ZPOPMAX",
    "HRANDFIELD"
  ].map((name) => [name, flat] as const),
  ["VSIM", similar],
  ...["VEMB", "VLINKS"].map((name) => [name, doubles] as const),
  ...["XREAD", "XREADGROUP"].map((name) => [name, streams] as const),
  ...["ZRANK", "ZREVRANK"].map((name) => [name, rank] as const),
  ...["GEOSEARCH", "GEORADIUS", "GEORADIUS_RO", "GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"].map((name) =>
    [name, places] as const
  ),
  ...["EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"].map((name) => [name, script] as const)
])

const isIncrement = (arg: Argument): boolean => typeof arg === "string" && arg.toUpperCase() === "INCR"

/** The reply of a command, whatever the protocol of its connection, as RESP2 has it. */
export const fromReply = (name: string, args: ReadonlyArray<Argument>, reply: Reply): Resp2 => {
  // ZADD answers how many members are new, or with INCR a score.
  if (name === "ZADD") return (args.some(isIncrement) ? doubles : plain)(reply)
  return (shapes.get(name) ?? plain)(reply)
}
