/**
 * Work that callers of one process share. It ends early when nobody waits for it any more.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** The longest time for which the last caller who goes away waits for the work to clean up, in milliseconds. */
const patience = 250

export class Flight<A, E> {
  private readonly fiber: Fiber.Fiber<A, E>
  private readonly onAbandoned: () => void
  private waiters = 0

  constructor(fiber: Fiber.Fiber<A, E>, onAbandoned: () => void) {
    this.fiber = fiber
    this.onAbandoned = onAbandoned
  }

  /** Waits for its result. */
  get join(): Effect.Effect<A, E> {
    return Effect.acquireUseRelease(
      Effect.sync(() => void this.waiters++),
      () => Fiber.join(this.fiber),
      () => Effect.suspend(() => --this.waiters > 0 ? Effect.void : this.end)
    )
  }

  /** Interrupts the work; a node that hangs must not hold the caller back. */
  private get end(): Effect.Effect<void> {
    if (this.fiber.pollUnsafe() !== undefined) return Effect.void
    // Nobody may join it from here on.
    this.onAbandoned()
    this.fiber.interruptUnsafe()
    const cleaned = Effect.raceFirst(Effect.asVoid(Fiber.await(this.fiber)), Effect.sleep(patience))
    return Effect.flatMap(
      Effect.forkDetach(cleaned, { uninterruptible: false }),
      (fiber) => Effect.asVoid(Fiber.await(fiber))
    )
  }
}

/** Works that are under way, by name. */
export class Flights<A, E> {
  private readonly flights = new Map<string, Flight<A, E>>()

  get(name: string): Flight<A, E> | undefined {
    return this.flights.get(name)
  }

  forget(name: string): void {
    this.flights.delete(name)
  }

  /** Starts a work, with the services of the caller. */
  start<R>(name: string, work: Effect.Effect<A, E, R>): Effect.Effect<Flight<A, E>, never, R> {
    return Effect.suspend(() => {
      let flight: Flight<A, E> | undefined
      const forget = () => {
        if (flight !== undefined && this.flights.get(name) === flight) this.flights.delete(name)
      }
      // A work that is interrupted before it starts would never be forgotten.
      return Effect.map(
        Effect.forkDetach(Effect.ensuring(work, Effect.sync(forget)), { startImmediately: true }),
        (fiber) => {
          flight = new Flight(fiber, forget)
          if (fiber.pollUnsafe() === undefined) this.flights.set(name, flight)
          return flight
        }
      )
    })
  }
}
