/** A bar on the standard error for work that takes long, where somebody looks. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { monotonicMillis } from "./monotonic.ts"
import { Screen } from "./Screen.ts"
import { cut } from "./text.ts"

/** Shows how much is done, from 0 to 1, and a few words beside the bar. */
export type Show = (share: number, words: string) => Effect.Effect<void>

const columns = 24
const interval = 100
const clearLine = "\r\u001B[K"

/** The text of a bar. */
export const barOf = (share: number): string => {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * columns)
  return `${"█".repeat(filled)}${"░".repeat(columns - filled)}`
}

/** A bar that is gone when the scope ends. */
export const make: (label: string) => Effect.Effect<Show, never, Screen | Scope.Scope> = Effect.fnUntraced(
  function*(label) {
    const screen = yield* Screen
    if (!screen.canAnimate) return () => Effect.void
    const clock = yield* Clock.Clock
    let shownAt = Number.NEGATIVE_INFINITY
    yield* Effect.addFinalizer(() => shownAt < 0 ? Effect.void : screen.draw(clearLine))
    return (share, words) =>
      Effect.suspend(() => {
        const now = monotonicMillis(clock)
        if (now - shownAt < interval) return Effect.void
        shownAt = now
        const text = `${label} ${barOf(share)} ${Math.floor(share * 100)}% ${words}`
        return Effect.flatMap(
          screen.width,
          (width) => screen.draw(clearLine + cut(text, Number.isFinite(width) ? width - 1 : 79))
        )
      })
  }
)
