/**
 * Requests that wait for the topology to change: each until its own time, all until a new snapshot is there.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { Alarm } from "../internal/Alarm.ts"
import type { Request } from "./Request.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class WaitingRoom {
  private readonly requests = new Set<Request>()
  private readonly clock: Clock.Clock
  private readonly alarm: Alarm
  private readonly retry: (request: Request) => void
  private readonly expire: (request: Request) => void

  constructor(
    clock: Clock.Clock,
    runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>,
    retry: (request: Request) => void,
    expire: (request: Request) => void
  ) {
    this.clock = clock
    this.retry = retry
    this.expire = expire
    this.alarm = new Alarm(clock, runFork, () => this.ring())
  }

  /** Lets a request wait until `retryAt`, but not beyond its deadline. */
  add(request: Request, retryAt: number): void {
    request.retryAt = Math.min(retryAt, request.deadline)
    this.requests.add(request)
    this.alarm.set(request.retryAt)
  }

  remove(request: Request): void {
    this.requests.delete(request)
  }

  /** Tries all of them again now. */
  wake(): void {
    if (this.requests.size === 0) return
    const all = [...this.requests]
    this.requests.clear()
    for (const request of all) this.release(request)
  }

  /** Empties the room and gives back who was in it. */
  close(): ReadonlyArray<Request> {
    this.alarm.clear()
    const all = [...this.requests]
    this.requests.clear()
    return all
  }

  private ring(): void {
    const now = this.clock.currentTimeMillisUnsafe()
    let next = Number.POSITIVE_INFINITY
    const due: Array<Request> = []
    for (const request of this.requests) {
      if (request.retryAt <= now) due.push(request)
      else if (request.retryAt < next) next = request.retryAt
    }
    for (const request of due) this.requests.delete(request)
    for (const request of due) this.release(request)
    if (next < Number.POSITIVE_INFINITY) this.alarm.set(next)
  }

  private release(request: Request): void {
    if (request.settled) return
    if (request.deadline <= this.clock.currentTimeMillisUnsafe()) this.expire(request)
    else this.retry(request)
  }
}
