/**
 * One key as the cache knows it: the replies that depend on it, the reads that will bring one, and the writes of this
 * client that are on their way.
 *
 * The server reports a change of this client's own only after its reply, and perhaps on another socket, so that the
 * client itself has to keep the keys of its writes out of the cache.
 */
import type { CachedReply } from "./CachedReply.ts"
import type { Fetch } from "./Fetch.ts"
import type { OneOrMany } from "./OneOrMany.ts"

export class CachedKey<Owner> {
  readonly text: string
  /** The replies, by the names of their commands. */
  replies: OneOrMany<CachedReply<CachedKey<Owner>>> = undefined
  /** The reads on their way that callers may wait for. */
  reads: OneOrMany<Fetch<Owner, CachedKey<Owner>>> = undefined
  /** The number of this client's writes that are on their way. */
  writes = 0

  constructor(text: string) {
    this.text = text
  }

  /** Whether nothing has to be known about it. */
  get isIdle(): boolean {
    return this.replies === undefined && this.reads === undefined && this.writes === 0
  }
}
