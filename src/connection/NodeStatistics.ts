/** The counters of the connections to one node: plain fields that the metrics read on demand. */

/** The upper bounds of the buckets, in seconds: from the latency of loopback to times for which no caller waits. */
export const latencyBounds: ReadonlyArray<number> = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025],
  ...[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
]

/** A histogram of times in seconds. */
export class LatencyBuckets {
  /** The samples in each bucket, one more than there are bounds: the last bucket is for times beyond all bounds. */
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

export class NodeStatistics {
  /** The number of times that a command was written to the node. */
  commands = 0
  /** The number of sockets that replaced a lost one. */
  reconnects = 0
  /** The number of failed attempts to get a socket. */
  refusals = 0
  /** Sampled times from a write to its reply. */
  readonly latency = new LatencyBuckets()
}
