/**
 * Replies in the shape of RESP2, which programs for Effect's `Redis` expect: only text, integers, `null` and lists.
 *
 * A connection may speak RESP3, where maps, pairs, booleans and floating point numbers have forms of their own.
 */
import { upperCase } from "../../commands/words.ts"
import type { Argument, Reply } from "../../protocol/Reply.ts"
import { utf8Of } from "../../protocol/text.ts"

/** A reply of a server that speaks RESP2. */
export type Resp2 = null | number | string | ReadonlyArray<Resp2>

/** A floating point number as a server writes it. */
const double = (value: number): string =>
  value === Infinity ? "inf" : value === -Infinity ? "-inf" : Number.isNaN(value) ? "nan" : String(value)

const isList = (reply: unknown): reply is ReadonlyArray<Reply> => Array.isArray(reply)

type Shape = (reply: Reply) => Resp2

const listOf = (shape: Shape) => (replies: Iterable<Reply>): ReadonlyArray<Resp2> => Array.from(replies, shape)

/** The shape of a reply, with maps as lists of names and values in turns. */
const shaped = (number: (value: number) => Resp2): Shape => {
  const shape: Shape = (reply) => {
    if (reply === null || typeof reply === "string") return reply
    if (typeof reply === "number") return number(reply)
    if (typeof reply === "bigint") return Number(reply)
    if (typeof reply === "boolean") return reply ? 1 : 0
    if (isList(reply)) return all(reply)
    if (reply instanceof Map) return all([...reply].flat())
    if (reply instanceof Set) return all(reply as ReadonlySet<Reply>)
    if (reply instanceof Uint8Array) return utf8Of(reply)
    // An error inside a list, for example in the reply of EXEC.
    return "message" in reply ? reply.message : null
  }
  const all = listOf(shape)
  return shape
}

const plain = shaped((value) => value)
/** A reply whose numbers are all scores, distances or coordinates. */
const doubles = shaped(double)

/** A list of pairs becomes a flat list. */
const flat: Shape = (reply) => isList(reply) ? listOf(doubles)(reply.flat() as ReadonlyArray<Reply>) : doubles(reply)

/** Streams with their entries are a list of pairs, where other maps are flat lists. */
const streams: Shape = (reply) =>
  reply instanceof Map ? Array.from(reply, ([name, entries]) => [plain(name), plain(entries)]) : plain(reply)

/** A rank with its score. */
const rank: Shape = (reply) => isList(reply) && reply.length === 2 ? [plain(reply[0]), doubles(reply[1])] : plain(reply)

/** Places: the coordinates of each are a list of doubles. */
const places: Shape = (reply) =>
  isList(reply)
    ? reply.map((place) =>
      isList(place) ? place.map((part) => isList(part) ? doubles(part) : plain(part)) : plain(place)
    )
    : plain(reply)

/** Elements of a vector set: alone, with scores, with attributes, or with both. */
const similar: Shape = (reply) => reply instanceof Map ? listOf(doubles)([...reply].flat(2)) : doubles(reply)

/** A reply of a script: `false` becomes null. */
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

const isIncrement = (arg: Argument): boolean => typeof arg === "string" && upperCase(arg) === "INCR"

/** The reply of a command in the shape of RESP2, whatever the protocol of its connection. */
export const fromReply = (name: string, args: ReadonlyArray<Argument>, reply: Reply): Resp2 => {
  // ZADD answers the number of new members, or, with INCR, a score.
  if (name === "ZADD") return (args.some(isIncrement) ? doubles : plain)(reply)
  return (shapes.get(name) ?? plain)(reply)
}
