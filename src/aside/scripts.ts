/**
 * The scripts of cache-aside, which change a key only while it has what a process has seen: a head, or a content without one.
 */
import * as Schema from "effect/Schema"
import * as Script from "../scripting/Script.ts"
import { magic } from "./Stored.ts"

/** A process has seen a head, which no other content has, or all of the content. */
const isSame = `(string.sub(ARGV[1], 1, ${magic.length}) == '\\0${magic.slice(1)}'
      and redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) or redis.call('GET', KEYS[1])) == ARGV[1]`

/** Stores an entry in the place of what was seen. Answers 1, or 0 when something else is there. */
export const store = Script.make({
  lua: `
    if not (${isSame}) then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1
  `,
  keys: ["key"],
  args: { seen: Schema.Uint8Array, entry: Schema.Uint8Array, ttl: Schema.Int },
  result: Schema.Int
})

/** Deletes what was seen. Answers 1, or 0 when something else is there. */
export const discard = Script.make({
  lua: `
    if not (${isSame}) then return 0 end
    return redis.call('DEL', KEYS[1])
  `,
  keys: ["key"],
  args: { seen: Schema.Uint8Array },
  result: Schema.Int
})
