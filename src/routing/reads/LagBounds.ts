/**
 * The bounds on the lag that recent reads have: they decide whether the lag is measured, and how often.
 */

/** A bound is forgotten after so many times its length without a read that has it, but not before `leastMemory`. */
const remembered = 3
/** The least time for which a bound is remembered, in milliseconds. */
const leastMemory = 3000
/** The number of measurements within the length of a bound. */
const measuredPerBound = 4

class Bound {
  readonly millis: number
  /** Whether a read has had this bound since the last look. */
  isUsed = true
  usedAt: number

  constructor(millis: number, now: number) {
    this.millis = millis
    this.usedAt = now
  }
}

export class LagBounds {
  private readonly longestPause: number
  private bounds: ReadonlyArray<Bound> = []

  /** `longestPause` is the longest time between two measurements, in milliseconds. */
  constructor(longestPause: number) {
    this.longestPause = longestPause
  }

  /** The pause between two measurements, in milliseconds; `undefined` when no read needs any. */
  get pause(): number | undefined {
    if (this.bounds.length === 0) return undefined
    return Math.min(this.longestPause, ...this.bounds.map(({ millis }) => millis / measuredPerBound))
  }

  /** The longest bound, in milliseconds. */
  get longest(): number {
    return Math.max(0, ...this.bounds.map(({ millis }) => millis))
  }

  /** Notes a read with a bound. The result is `true` when no recent read has had this bound. */
  ask(millis: number, now: () => number): boolean {
    for (const bound of this.bounds) {
      if (bound.millis !== millis) continue
      bound.isUsed = true
      return false
    }
    this.bounds = [...this.bounds, new Bound(millis, now())]
    return true
  }

  /** Forgets the bounds that no read has had in a while. */
  look(now: number): void {
    this.bounds = this.bounds.filter((bound) => {
      if (bound.isUsed) bound.usedAt = now
      bound.isUsed = false
      return now - bound.usedAt < Math.max(leastMemory, remembered * bound.millis)
    })
  }
}
