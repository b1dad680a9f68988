/**
 * Requests that wait before they are sent again: until their pause is over, until their place has changed, at the
 * latest until their deadline.
 *
 * Requests that began to wait together are a cohort and share their pauses. A waiting request needs only places in two
 * sets, and nothing visits the requests for which nothing has changed.
 */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { Alarm } from "../../internal/Alarm.ts"
import { Deadlines } from "../../internal/Deadlines.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import { Cohort } from "./Cohort.ts"
import type { Occupancy, Place } from "./Occupancy.ts"
import type { Request } from "./Request.ts"

/** The callbacks for requests that leave the room. */
export interface WaitingRoomExits {
  /** Called when the pause of a cohort is over. Its requests are still in the room. */
  readonly due: (cohort: Cohort<Request>) => void
  /** Called when the deadline of a request has passed. */
  readonly expire: (request: Request) => void
}

/** The alarm pauses for a millisecond per so many different deadlines, because it looks for the next of them. */
const deadlinesPerMilli = 512
/** The longest such pause, in milliseconds. */
const longestPause = 8
/** The most requests that expire in one turn of the event loop, so that other work gets its turns in between. */
const expiredPerTurn = 64

export class WaitingRoom {
  private readonly cohorts = new Set<Cohort<Request>>()
  /** The requests that wait for other requests, and not for a pause. */
  private readonly held = new Cohort<Request>(undefined)
  private readonly deadlines = new Deadlines<Request>()
  private readonly clock: Clock.Clock
  private readonly alarm: Alarm
  private readonly exits: WaitingRoomExits
  size = 0
  private readonly occupancy: Occupancy | undefined

  /** `occupancy`, if it is given, is kept up to date. */
  constructor(
    clock: Clock.Clock,
    runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>,
    exits: WaitingRoomExits,
    occupancy: Occupancy | undefined
  ) {
    this.occupancy = occupancy
    this.clock = clock
    this.exits = exits
    this.alarm = new Alarm(clock, runFork, () => this.ring())
  }

  add(request: Request, cohort: Cohort<Request>): void {
    this.remove(request)
    cohort.requests.add(request)
    const deadline = request.settleDeadline()
    this.deadlines.add(request, deadline)
    this.occupancy?.enter(request.retryState?.awaits?.connection, request)
    this.size++
    this.cohorts.add(cohort)
    this.alarm.set(deadline)
  }

  /** Keeps a request until it is removed, or its deadline has passed. */
  hold(request: Request): void {
    this.add(request, this.held)
  }

  /** Gives a request another deadline, whether it is in the room or not. */
  postpone(request: Request, deadline: number): void {
    const isHere = this.has(request) || this.held.requests.has(request)
    if (isHere) this.deadlines.remove(request, request.deadline)
    request.deadline = deadline
    if (isHere) this.deadlines.add(request, deadline)
  }

  /** Whether a request waits for its pause, and not for other requests. */
  has(request: Request): boolean {
    return request.retryState?.cohort?.requests.has(request) === true
  }

  /** The number of cohorts that began at one place. */
  cohortsAt(place: Place): number {
    let count = 0
    for (const cohort of this.cohorts) if (cohort !== this.held && cohort.place === place) count++
    return count
  }

  pauseUntil(cohort: Cohort<Request>, retryAt: number): void {
    cohort.retryAt = retryAt
    this.alarm.set(retryAt)
  }

  remove(request: Request): void {
    const cohort = request.retryState?.cohort
    if (cohort !== undefined && this.leave(request, cohort)) return
    this.leave(request, this.held)
  }

  /** The requests for which `changed` holds, in the order in which they came, per cohort. */
  where(changed: (request: Request) => boolean): ReadonlyArray<Request> {
    const found: Array<Request> = []
    for (const cohort of this.cohorts) {
      if (cohort === this.held) continue
      for (const request of cohort.requests) if (changed(request)) found.push(request)
    }
    return found
  }

  /** Visits the requests that wait, those that wait for other requests included. */
  forEach(f: (request: Request, retryAt: number) => void): void {
    for (const cohort of this.cohorts) for (const request of cohort.requests) f(request, cohort.retryAt)
  }

  /** Empties the room and returns its requests. */
  close(): ReadonlyArray<Request> {
    this.alarm.clear()
    const all = Array.from(this.cohorts, ({ requests }) => Array.from(requests)).flat()
    for (const request of all) this.remove(request)
    return all
  }

  private leave(request: Request, cohort: Cohort<Request>): boolean {
    if (!cohort.requests.delete(request)) return false
    this.deadlines.remove(request, request.deadline)
    this.occupancy?.leave(request.retryState?.awaits?.connection, request)
    this.size--
    if (cohort.requests.size === 0) {
      // A request that comes back to the cohort begins a new pause.
      cohort.isPausing = false
      cohort.retryAt = Number.POSITIVE_INFINITY
      this.cohorts.delete(cohort)
    }
    return true
  }

  private readonly ring = (): void => {
    const now = monotonicMillis(this.clock)
    const passed = this.deadlines.takePassed(now, expiredPerTurn)
    for (const request of passed) this.remove(request)
    for (const request of passed) if (!request.settled) this.exits.expire(request)
    for (const cohort of [...this.cohorts]) {
      if (cohort.retryAt > now) continue
      cohort.retryAt = Number.POSITIVE_INFINITY
      this.exits.due(cohort)
    }
    // The timers of the machine are too coarse for deadlines that have already passed.
    if (passed.length === expiredPerTurn) return void setImmediate(this.ring)
    let next = this.deadlines.next
    for (const { retryAt } of this.cohorts) next = Math.min(next, retryAt)
    this.alarm.set(Math.max(next, now + Math.min(longestPause, this.deadlines.size / deadlinesPerMilli)))
  }
}
