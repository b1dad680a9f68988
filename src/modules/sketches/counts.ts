/** Items with the numbers by which their counts grow. */
import type { Call, Entries, Integer } from "../../commands/Call.ts"

/** Adds items and numbers in turns, at least one pair. */
export const addCounts = (self: Call, counts: Entries<Integer>): Call => {
  const pairs = Symbol.iterator in counts ? [...counts] : Object.entries(counts)
  for (const [item, count] of pairs) self.value(item).integer("a count", count, 1)
  return pairs.length === 0
    ? self.refuse("counts must have at least one entry, got none: leave out the call instead")
    : self
}
