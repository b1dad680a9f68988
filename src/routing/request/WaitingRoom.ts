/**
 * Requests that wait for the topology to change: each until its own time, all until a new snapshot is there.
 */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { Alarm } from "../../internal/Alarm.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import type { Request, RetryState } from "./Request.ts"

/**
 * What becomes of those who leave the room.
 */
export interface WaitingRoomExits {
  readonly retry: (request: Request, retryState: RetryState) => void
  readonly expire: (request: Request, retryState: RetryState) => void
}

/** The alarm rings no more often than once in a millisecond for each of these many requests, for it looks at all. */
const inspectedPerMilli = 1024

export class WaitingRoom {
  private readonly requests = new Map<Request, RetryState>()
  private readonly clock: Clock.Clock
  private readonly alarm: Alarm
  private readonly exits: WaitingRoomExits

  constructor(
    clock: Clock.Clock,
    runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>,
    exits: WaitingRoomExits
  ) {
    this.clock = clock
    this.exits = exits
    this.alarm = new Alarm(clock, runFork, () => this.ring())
  }

  /** Lets a request wait until `retryAt`, but not beyond its deadline. */
  add(request: Request, retryState: RetryState, retryAt: number): void {
    retryState.retryAt = Math.min(retryAt, request.deadline)
    this.requests.set(request, retryState)
    this.alarm.set(retryState.retryAt)
  }

  remove(request: Request): void {
    this.requests.delete(request)
  }

  /** Tries all of them again now. */
  wake(): void {
    if (this.requests.size === 0) return
    const all = [...this.requests]
    this.requests.clear()
    for (const [request, retryState] of all) this.release(request, retryState)
  }

  /** Empties the room and gives back who was in it. */
  close(): ReadonlyArray<Request> {
    this.alarm.clear()
    const all = [...this.requests.keys()]
    this.requests.clear()
    return all
  }

  private ring(): void {
    const now = monotonicMillis(this.clock)
    let next = Number.POSITIVE_INFINITY
    const due: Array<readonly [Request, RetryState]> = []
    for (const entry of this.requests) {
      const retryAt = entry[1].retryAt
      if (retryAt <= now) due.push(entry)
      else if (retryAt < next) next = retryAt
    }
    for (const [request] of due) this.requests.delete(request)
    for (const [request, retryState] of due) this.release(request, retryState)
    this.alarm.set(Math.max(next, now + this.requests.size / inspectedPerMilli))
  }

  private release(request: Request, retryState: RetryState): void {
    if (request.settled) return
    if (request.deadline <= monotonicMillis(this.clock)) this.exits.expire(request, retryState)
    else this.exits.retry(request, retryState)
  }
}
