/** Latencies, counted in buckets that grow by two percent, so that a percentile is off by no more. */

const growth = Math.log(1.02)
/** The least latency that is told apart, in milliseconds. */
const least = 0.001
const buckets = 1000

export class Histogram {
  private readonly counts = new Uint32Array(buckets)
  total = 0
  max = 0
  private sum = 0

  add(millis: number): void {
    const bucket = millis <= least ? 0 : Math.min(buckets - 1, Math.ceil(Math.log(millis / least) / growth))
    this.counts[bucket]++
    this.total++
    this.sum += millis
    if (millis > this.max) this.max = millis
  }

  get mean(): number {
    return this.total === 0 ? 0 : this.sum / this.total
  }

  /** The latency that this share of all does not exceed, in milliseconds. */
  percentile(share: number): number {
    const wanted = Math.ceil(this.total * share)
    let seen = 0
    for (let bucket = 0; bucket < buckets; bucket++) {
      seen += this.counts[bucket]
      if (seen >= wanted && seen > 0) return Math.min(this.max, least * Math.exp(bucket * growth))
    }
    return this.max
  }
}
