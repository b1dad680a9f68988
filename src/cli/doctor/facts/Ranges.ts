/** Ranges of slots, and their text. */
import { HashSlot } from "../../../index.ts"
import { slotRange } from "../../output/text.ts"
import type { Range } from "./Facts.ts"

/** The most ranges that a line names. */
const mostNamed = 5

export const textOf = (ranges: ReadonlyArray<Range>): string => {
  const texts = ranges.map(([start, end]) => slotRange(start, end))
  return texts.length > mostNamed
    ? `${texts.slice(0, mostNamed).join(", ")} and ${texts.length - mostNamed} more ranges`
    : texts.join(", ")
}

export const sizeOf = (ranges: ReadonlyArray<Range>): number =>
  ranges.reduce((sum, [start, end]) => sum + end - start + 1, 0)

/** Ranges of the slots that have a property. */
export const where = (has: (slot: number) => boolean): ReadonlyArray<Range> => {
  const ranges: Array<Range> = []
  for (let slot = 0; slot < HashSlot.slotCount; slot++) {
    if (!has(slot)) continue
    const start = slot
    while (slot + 1 < HashSlot.slotCount && has(slot + 1)) slot++
    ranges.push([start, slot])
  }
  return ranges
}
