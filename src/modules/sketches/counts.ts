/** Items with the numbers by which their counts grow. */
import type { Call, Entries, Integer } from "../../commands/Call.ts"
import * as decode from "../../commands/decode.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"

/** Adds items and numbers from 1 to `most` in turns, at least one pair. */
export const addCounts = (self: Call, counts: Entries<Integer>, most = Infinity): Call => {
  const pairs = Symbol.iterator in counts ? [...counts] : Object.entries(counts)
  for (const [item, count] of pairs) {
    self.value(item).integer("a count", count, 1)
    if (count > most) self.refuse(`a count must be at most ${most}`)
  }
  return pairs.length === 0
    ? self.refuse("counts must have at least one entry, got none: leave out the call instead")
    : self
}

const isError = (reply: Reply): reply is ServerError => reply instanceof ServerError

/** The results of counts. The server may refuse some and add the others: the failure has its reason. */
export const ofCounts = <A>(decoder: decode.Decoder<A>): decode.Decoder<A> => (reply) => {
  const error = Array.isArray(reply) ? reply.find(isError) : undefined
  return error === undefined
    ? decoder(reply)
    : new decode.DecodeFailure(`the server refused some of the counts, and may have added the others: ${error.message}`)
}
