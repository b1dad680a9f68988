/**
 * Profiles of searches and aggregations: the result, and where the time went.
 *
 * @since 0.1.0
 */
import * as decode from "../../commands/decode.ts"
import type { Reply } from "../../protocol/Reply.ts"
import { text } from "./documents.ts"

/**
 * A result, and how the server came to it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Profiled<out A> {
  readonly result: A
  /** The time in milliseconds, on the slowest shard; `undefined` where the server does not tell it. */
  readonly totalMillis: number | undefined
  /** The profile as the server tells it, which differs from version to version, and between RESP2 and RESP3. */
  readonly profile: Reply
}

/** All times in a profile, however deep. */
const timesIn = (reply: Reply): ReadonlyArray<number> => {
  const parts = reply instanceof Map
    ? Array.from<readonly [Reply, Reply]>(reply).flat()
    : Array.isArray(reply)
    ? reply
    : []
  return parts.flatMap((part: Reply, at) => {
    if (text(part) !== "Total profile time" || at + 1 >= parts.length) return timesIn(part)
    const time = decode.double(parts[at + 1])
    return typeof time === "number" ? [time] : []
  })
}

const entryOf = (map: ReadonlyMap<Reply, Reply>, ...names: ReadonlyArray<string>): Reply | undefined => {
  for (const [key, value] of map) {
    const name = text(key)
    if (typeof name === "string" && names.includes(name.toLowerCase())) return value
  }
  return undefined
}

/** The two parts of the reply: a pair, or a map with both. */
const partsOf = (reply: Reply): readonly [result: Reply, profile: Reply] | decode.DecodeFailure => {
  if (Array.isArray(reply) && reply.length === 2) return [reply[0], reply[1]]
  if (!(reply instanceof Map)) return decode.unexpected("a result with a profile", reply)
  return [inner(reply), entryOf(reply, "profile") ?? null]
}

/** Redis 8 has the result inside, and Redis Stack 7 has it around the profile. */
const inner = (reply: ReadonlyMap<Reply, Reply>): Reply => {
  const found = entryOf(reply, "results")
  // The reply itself stands for its own list of results.
  return found instanceof Map ? found : new Map(reply)
}

/** A result with its profile. */
export const profiled = <A>(result: decode.Decoder<A>): decode.Decoder<Profiled<A>> => (reply) => {
  const parts = partsOf(reply)
  if (parts instanceof decode.DecodeFailure) return parts
  const decoded = result(parts[0])
  if (decoded instanceof decode.DecodeFailure) return decoded
  const times = timesIn(parts[1])
  return { result: decoded, totalMillis: times.length === 0 ? undefined : Math.max(...times), profile: parts[1] }
}
