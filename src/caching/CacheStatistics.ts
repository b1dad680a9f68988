/**
 * The counters of a client's cache.
 *
 * @since 0.1.0
 */

/**
 * The reason for which a reply leaves the cache.
 *
 * - `changed`: the server reported a change of a key
 * - `written`: this client wrote a key
 * - `flushed`: the server has forgotten which keys were read, after FLUSHALL for example
 * - `disconnected`: the connection that read it is lost
 * - `moved`: its slot has another owner
 * - `expired`: the time to live of a key is over
 * - `evicted`: other replies needed its room
 *
 * @category models
 * @since 0.1.0
 */
export type CacheRemoval = "changed" | "written" | "flushed" | "disconnected" | "moved" | "expired" | "evicted"

/**
 * The counters of a client's cache since the client was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheStatistics {
  /** Commands that the cache answered. */
  readonly hits: number
  /** Commands that had to be read from a server, those that shared a read included. */
  readonly misses: number
  /** The misses that waited for a read that was on its way. */
  readonly shared: number
  /** Commands that went past the cache, because a write of this client to their keys was on its way. */
  readonly bypasses: number
  /** The replies that are kept. */
  readonly entries: number
  /** The bytes that are counted for them. */
  readonly bytes: number
  /** The replies that left the cache. */
  readonly removed: Readonly<Record<CacheRemoval, number>>
}

/** The counters as the cache keeps them. */
export class CacheCounters {
  hits = 0
  misses = 0
  shared = 0
  bypasses = 0
  readonly removed: Record<CacheRemoval, number> = {
    changed: 0,
    written: 0,
    flushed: 0,
    disconnected: 0,
    moved: 0,
    expired: 0,
    evicted: 0
  }

  /** The counters at this moment. */
  with(store: { readonly size: number; readonly bytes: number }): CacheStatistics {
    const { bypasses, hits, misses, removed, shared } = this
    return { hits, misses, shared, bypasses, entries: store.size, bytes: store.bytes, removed: { ...removed } }
  }
}

/** The counters of a client without a cache. */
export const none: CacheStatistics = new CacheCounters().with({ size: 0, bytes: 0 })
