/**
 * How long a node takes to answer: a decaying mean and the latest samples.
 *
 * @internal
 */
export class Latency {
  /** Milliseconds; newer samples weigh more. `undefined` before the first. */
  mean: number | undefined
  /** How many samples there have been. */
  count = 0
  private readonly recent: Array<number> = []
  private sorted: ReadonlyArray<number> | undefined

  add(millis: number): void {
    this.mean = this.mean === undefined ? millis : this.mean + (millis - this.mean) * weight
    this.recent[this.count++ % kept] = millis
    this.sorted = undefined
  }

  /** What that fraction (0 to 1) of the latest samples did not exceed, in milliseconds. */
  percentile(fraction: number): number | undefined {
    if (this.recent.length === 0) return undefined
    this.sorted ??= this.recent.toSorted((a, b) => a - b)
    return this.sorted[Math.min(this.sorted.length - 1, Math.floor(this.sorted.length * fraction))]
  }

  /** What was measured says nothing about the next socket. */
  forget(): void {
    this.mean = undefined
    this.recent.length = 0
    this.count = 0
    this.sorted = undefined
  }
}

/** The weight of the newest sample in the mean. */
const weight = 0.2
/** How many samples the percentiles are taken from. */
const kept = 64
