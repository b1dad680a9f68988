/**
 * Refusals by a socket that works of what its node should serve: a MOVED to itself, READONLY from a primary, CLUSTERDOWN. A moment of that
 * belongs to every failover. When it persists, the socket may end at another server than the address does by now.
 */

/** Refusals that are further apart, in milliseconds, have nothing to do with one another. */
const related = 5000
/** For so long, in milliseconds, refusals are explained by a change of the cluster. */
const patience = 1000
/** A socket is replaced no more often, in milliseconds. */
const interval = 10_000

/** All times are monotonic milliseconds. */
export class Refusals {
  private since = Number.NEGATIVE_INFINITY
  private lastAt = Number.NEGATIVE_INFINITY
  private replacedAt = Number.NEGATIVE_INFINITY

  /** Notes a refusal; whether the socket is to be replaced. */
  note(now: number): boolean {
    if (now - this.lastAt > related) this.since = now
    this.lastAt = now
    if (now - this.since < patience || now - this.replacedAt < interval) return false
    this.replacedAt = now
    return true
  }
}
