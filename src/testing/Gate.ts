/**
 * Keeps a `TestClock` from running ahead of the cluster.
 *
 * `TestClock.adjust` wakes one sleeper after another, and waits only for the work that it can see: neither for a
 * command that is written after the sleeper's run, nor for the work that its reply causes. The client therefore gets a
 * clock that, whenever the client reads it, starts a fiber that yields until the cluster has been quiet for a while.
 * `adjust` sees that fiber, and waits for it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"

/** The number of turns without a command or a reply that count as quiet. */
const quietTurns = 8
/** The most turns to wait for a program that never pauses. */
const mostTurns = 500

/** @internal */
export interface Gate {
  /** The clock to give to a client. */
  readonly clock: Clock.Clock
  /** Notes a command or a reply. */
  readonly stir: () => void
}

/** @internal Whether a clock is one that only a test advances. */
export const isTurned = (clock: Clock.Clock): boolean => "adjust" in clock

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
    // One fiber is enough for each run of a fiber: the clock sees the fibers that its sleepers start.
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
