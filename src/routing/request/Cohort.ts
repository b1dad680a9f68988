/**
 * Requests that wait together for one thing.
 */
import type * as Effect from "effect/Effect"
import type { Connection } from "../../connection/Connection.ts"
import type { Shard, Snapshot } from "../../topology/Snapshot.ts"

/** The place where a request failed: when it changes, the request may succeed. */
export interface Awaited {
  /** The connection that gave the request back; `undefined` when no node owns its slot. */
  readonly connection: Connection | undefined
  /** The owners of its slot at that time. */
  readonly shard: Shard | undefined
}

/** The connection that all requests of a cohort wait for, by the map of that time. */
export interface Parked {
  readonly connection: Connection
  readonly snapshot: Snapshot
}

/** Requests that share their pauses. */
export class Cohort<R> {
  readonly requests = new Set<R>()
  /** The connection that gave back the requests with which it began; `undefined` when no node owns their slots. */
  readonly place: Connection | undefined
  /** The end of the present pause; `Infinity` while it is not known. */
  retryAt = Number.POSITIVE_INFINITY
  /** Gives the next pause; `undefined` before the first one. */
  nextPause: ((request: R) => Effect.Effect<number | undefined>) | undefined = undefined
  /** Whether the cohort is pausing, or asking the schedule for its next pause. */
  isPausing = false
  /** The number of pauses so far. */
  pauses = 0
  /** Whether the schedule has ended: requests that come back fail. */
  isOver = false
  /** Set while nothing but its connection or a new map can change the place of its requests. */
  parked: Parked | undefined = undefined

  constructor(place: Connection | undefined) {
    this.place = place
  }
}
