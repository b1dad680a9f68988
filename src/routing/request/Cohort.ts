/**
 * Those who wait together for the same thing.
 */
import type * as Effect from "effect/Effect"
import type { Connection } from "../../connection/Connection.ts"
import type { Shard } from "../../topology/Snapshot.ts"

/** Where a request has failed: it can be worth sending again when this changes. */
export interface Awaited {
  /** The connection that it came back from; `undefined` when no node owns its slot. */
  readonly connection: Connection | undefined
  /** The owners of its slot at that time. */
  readonly shard: Shard | undefined
}

/** Requests that share their pauses. */
export class Cohort<R> {
  readonly requests = new Set<R>()
  /** When the present pause ends; `Infinity` while that is not known. */
  retryAt = Number.POSITIVE_INFINITY
  /** No deadline of its requests is earlier. */
  earliest = Number.POSITIVE_INFINITY
  /** Its pauses, one after the other; `undefined` before the first. */
  nextPause: ((request: R) => Effect.Effect<number | undefined>) | undefined = undefined
  /** The next pause is being asked for, or is under way. */
  isPausing = false
  /** How many pauses it has had. */
  pauses = 0
  /** There are no more pauses: what comes back fails. */
  isOver = false
}
