/**
 * Refusals, on a socket that works, of commands that its node should serve: a MOVED to the node itself, READONLY from
 * a primary, CLUSTERDOWN. Every failover brings a few of them. When they persist, the socket may lead to another
 * server than its address does by now.
 */

/** Refusals that are further apart than this, in milliseconds, are unrelated. */
const related = 5000
/** A change of the cluster explains refusals for so long, in milliseconds. */
const patience = 1000
/** The least time between two replacements of a socket, in milliseconds. */
const interval = 10_000

/** All times are monotonic milliseconds. */
export class Refusals {
  private since = Number.NEGATIVE_INFINITY
  private lastAt = Number.NEGATIVE_INFINITY
  private replacedAt = Number.NEGATIVE_INFINITY

  /** Notes a refusal. The result says whether the socket is to be replaced. */
  note(now: number): boolean {
    if (now - this.lastAt > related) this.since = now
    this.lastAt = now
    if (now - this.since < patience || now - this.replacedAt < interval) return false
    this.replacedAt = now
    return true
  }
}
