/**
 * Waiting for what comes about by itself, on the machine's clock.
 */
import * as Effect from "effect/Effect"

/** Asks again and again, and dies with what did not happen when `patience`, in milliseconds, is over. */
const waitFor = <E, R>(
  what: string,
  condition: Effect.Effect<boolean, E, R>,
  pause: number,
  patience: number
): Effect.Effect<number, E, R> =>
  Effect.gen(function*() {
    const start = Date.now()
    while (!(yield* condition)) {
      if (Date.now() - start > patience) return yield* Effect.die(new Error(`${what} did not happen in ${patience} ms`))
      yield* Effect.sleep(pause)
    }
    return Date.now() - start
  })

/** Waits until a condition holds; how long that took, in milliseconds. Dies after `patience`. */
export const until = (what: string, condition: () => boolean, patience = 20_000): Effect.Effect<number> =>
  waitFor(what, Effect.sync(condition), 5, patience)

/** Waits for a condition that asks servers. */
export const eventually = <E, R>(
  what: string,
  condition: Effect.Effect<boolean, E, R>,
  patience = 20_000
): Effect.Effect<number, E, R> => waitFor(what, condition, 20, patience)

/** Asks again, for 5 seconds at least, until the answer is the one expected; the last answer otherwise. */
export const settled = <A, E, R>(expected: A, ask: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    for (let attempt = 0; attempt < 500; attempt++) {
      const answer = yield* ask
      if (answer === expected) return answer
      yield* Effect.sleep("10 millis")
    }
    return yield* ask
  })
