/**
 * The counters of a cache-aside.
 *
 * @since 0.1.0
 */

/**
 * The counters of the calls of a cache-aside in this process.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheAsideStatistics {
  /** Calls that found a value, or that there is none. */
  readonly hits: number
  /** Loads after a miss. */
  readonly loads: number
  /** Calls that shared the load of another call of this process. */
  readonly shared: number
  /** Waits for the load of another process: callers of one process wait together. */
  readonly waits: number
  /** Loads before the end of a value. */
  readonly refreshes: number
  /** Loads without the cache, because the cluster did not answer. */
  readonly direct: number
  /** Values that were loaded and not stored: another write came first, the lease was over, or the cluster did not answer. */
  readonly unstored: number
  /** Stored values that were removed and loaded again because they do not decode, such as those of an earlier schema. */
  readonly replaced: number
}

/** The counters as a cache-aside keeps them. */
export class Counters {
  hits = 0
  loads = 0
  shared = 0
  waits = 0
  refreshes = 0
  direct = 0
  unstored = 0
  replaced = 0
}
