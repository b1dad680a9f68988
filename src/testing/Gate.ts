/**
 * Keeps a `TestClock` from running ahead of the cluster.
 *
 * `TestClock.adjust` wakes one sleeper after another, and waits for what each does only as far as it can see it: not for
 * a command that is written after the sleeper's run, nor for what its answer sets going. So the client is given a clock
 * that starts, whenever the client looks at it, a fiber that yields until the cluster has been quiet for a while. That
 * `adjust` does see, and wait for.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"

/** How many turns without a command or an answer are a quiet while. */
const quietTurns = 8
/** A program that never pauses is not waited for for ever. */
const mostTurns = 500

/** @internal */
export interface Gate {
  /** The clock to give to a client. */
  readonly clock: Clock.Clock
  /** Something has happened: a command, an answer. */
  readonly stir: () => void
}

/** A clock that only a test turns. */
const isTurned = (clock: Clock.Clock): boolean => "adjust" in clock

/** @internal */
export const make: Effect.Effect<Gate, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  if (!isTurned(clock)) return { clock, stir: () => {} }
  const runFork = yield* FiberSet.makeRuntime<never>()
  let stirs = 0
  let entered = false

  const hold = Effect.gen(function*() {
    let seen = stirs
    for (let quiet = 0, turns = 0; quiet < quietTurns && turns < mostTurns; turns++) {
      yield* Effect.yieldNow
      quiet = stirs === seen ? quiet + 1 : 0
      seen = stirs
    }
  })
  const stir = () => {
    stirs++
    // One for each run of a fiber: the clock sees those that its own sleepers start.
    if (entered) return
    entered = true
    queueMicrotask(() => (entered = false))
    runFork(hold)
  }

  return {
    stir,
    clock: {
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
      currentTimeMillis: clock.currentTimeMillis,
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      currentTimeNanos: clock.currentTimeNanos,
      monotonicTimeNanosUnsafe: () => {
        stir()
        return clock.monotonicTimeNanosUnsafe()
      },
      monotonicTimeNanos: clock.monotonicTimeNanos,
      sleep: (duration) => Effect.andThen(clock.sleep(duration), Effect.sync(stir))
    }
  }
})
