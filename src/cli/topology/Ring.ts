/** The ring of slots in characters: each place is the letter of the shard that owns the slots there. */
import { distinct, type Paint } from "../output/Paint.ts"
import type { Facts } from "./Facts.ts"

/** A shard's letter in its colour. */
export const markOf = (facts: Facts, position: number | undefined, paint: Paint): string =>
  position === undefined ? paint.red("·") : paint[distinct[position % distinct.length]](facts.shards[position].mark)

const thickness = 1.6

/** The lines of a ring with this number of rows. Slot 0 is at the top, and the slots go round clockwise. */
export const lines = (facts: Facts, rows: number, paint: Paint): ReadonlyArray<string> => {
  const radius = rows / 2
  const slots = facts.owners.length
  return Array.from({ length: rows }, (_, row) => {
    let line = ""
    for (let column = 0; column < rows * 2; column++) {
      const x = (column + 0.5) / 2 - radius
      const y = row + 0.5 - radius
      const distance = Math.hypot(x, y)
      if (distance > radius || distance < radius - thickness) {
        line += " "
        continue
      }
      const turn = (Math.atan2(x, -y) / (2 * Math.PI) + 1) % 1
      line += markOf(facts, facts.owners[Math.floor(turn * slots)], paint)
    }
    return line
  })
}
