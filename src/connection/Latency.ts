/**
 * The time that a node takes to reply: a decaying mean and the latest samples.
 */
export class Latency {
  /** The mean in milliseconds, in which newer samples weigh more; `undefined` before the first sample. */
  mean: number | undefined
  /** The number of samples so far. */
  count = 0
  private readonly recent: Array<number> = []
  private sorted: ReadonlyArray<number> | undefined

  add(millis: number): void {
    this.mean = this.mean === undefined ? millis : this.mean + (millis - this.mean) * weight
    this.recent[this.count++ % kept] = millis
    this.sorted = undefined
  }

  /** The time in milliseconds that this fraction (0 to 1) of the latest samples did not exceed. */
  percentile(fraction: number): number | undefined {
    if (this.recent.length === 0) return undefined
    this.sorted ??= this.recent.toSorted((a, b) => a - b)
    return this.sorted[Math.min(this.sorted.length - 1, Math.floor(this.sorted.length * fraction))]
  }

  /** Drops all samples: they say nothing about the next socket. */
  forget(): void {
    this.mean = undefined
    this.recent.length = 0
    this.count = 0
    this.sorted = undefined
  }
}

/** The weight of the newest sample in the mean. */
const weight = 0.2
/** The number of samples from which percentiles are taken. */
const kept = 64
