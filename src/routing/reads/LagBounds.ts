/**
 * The bounds on the lag that reads have asked for lately: how often the lag is measured, and whether at all.
 */

/** A bound is forgotten when no read asked for it during so many of its lengths, but not sooner than `leastMemory`. */
const remembered = 3
/** In milliseconds. */
const leastMemory = 3000
/** How often the lag is measured within a bound. */
const measuredPerBound = 4

class Bound {
  readonly millis: number
  /** A read has asked for it since the last look. */
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

  /** `longestPause`: the lag is measured at least that often, in milliseconds. */
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

  /** A read asks for a bound. `true` when no other has asked for it lately. */
  ask(millis: number, now: () => number): boolean {
    for (const bound of this.bounds) {
      if (bound.millis !== millis) continue
      bound.isUsed = true
      return false
    }
    this.bounds = [...this.bounds, new Bound(millis, now())]
    return true
  }

  /** Forgets the bounds that no read has asked for in a while. */
  look(now: number): void {
    this.bounds = this.bounds.filter((bound) => {
      if (bound.isUsed) bound.usedAt = now
      bound.isUsed = false
      return now - bound.usedAt < Math.max(leastMemory, remembered * bound.millis)
    })
  }
}
