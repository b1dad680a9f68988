/**
 * What the connections to one node count: plain fields that are read when somebody asks.
 *
 * @since 0.1.0
 */

/**
 * The upper bounds of the buckets, in seconds: from what loopback takes to what nobody waits for.
 *
 * @category constants
 * @since 0.1.0
 */
export const latencyBounds: ReadonlyArray<number> = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025],
  ...[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
]

/**
 * How many samples fell into which bucket; all times in seconds.
 *
 * @category models
 * @since 0.1.0
 */
export class LatencyBuckets {
  /** One more than there are bounds: the last is for what exceeds all of them. */
  readonly counts: Array<number> = latencyBounds.map(() => 0).concat(0)
  count = 0
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = 0

  add(seconds: number): void {
    let bucket = 0
    while (bucket < latencyBounds.length && seconds > latencyBounds[bucket]) bucket++
    this.counts[bucket]++
    this.count++
    this.sum += seconds
    if (seconds < this.min) this.min = seconds
    if (seconds > this.max) this.max = seconds
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export class NodeStatistics {
  /** Commands that were written to it, each time they were. */
  commands = 0
  /** Sockets that took the place of a lost one. */
  reconnects = 0
  /** Attempts to get a socket that failed. */
  refusals = 0
  /** From the write to the reply, sampled. */
  readonly latency = new LatencyBuckets()
}
