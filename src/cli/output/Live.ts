/** A picture that fills the terminal and is drawn again whenever it changes, until the user quits. */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Terminal from "effect/Terminal"
import { Screen } from "./Screen.ts"

/** The lines of the picture for a terminal of this size. */
export type Picture = (size: Terminal.Size) => ReadonlyArray<string>

const enter = "\u001B[?1049h\u001B[?25l"
const leave = "\u001B[?25h\u001B[?1049l"
const home = "\u001B[H"
const endOfLine = "\u001B[K"
const endOfScreen = "\u001B[J"

const drawn = (picture: Picture, size: Terminal.Size): string =>
  home + picture(size).slice(0, size.rows).map((line) => line + endOfLine).join("\r\n") + endOfScreen

/** Whether a key means that the user has seen enough. */
const quits = ({ key }: Terminal.UserInput): boolean =>
  key.name === "q" || key.name === "escape" || (key.ctrl && (key.name === "c" || key.name === "d"))

/**
 * Shows each picture of the stream in the place of the one before, until the user presses q, or the stream ends. `onKey` gets every other
 * key.
 */
export const show: <E, R>(
  pictures: Stream.Stream<Picture, E, R>,
  onKey?: (input: Terminal.UserInput) => Effect.Effect<void>
) => Effect.Effect<void, E | PlatformError, R | Screen | Terminal.Terminal> = Effect.fnUntraced(
  function*<E, R>(pictures: Stream.Stream<Picture, E, R>, onKey?: (input: Terminal.UserInput) => Effect.Effect<void>) {
    const screen = yield* Screen
    const terminal = yield* Terminal.Terminal
    const sizes = yield* terminal.size
    const keys = yield* terminal.readInput
    const shown = yield* SubscriptionRef.make<{ readonly picture: Picture; readonly size: Terminal.Size }>({
      picture: () => [],
      size: { columns: yield* terminal.columns, rows: yield* terminal.rows }
    })
    yield* Effect.acquireRelease(screen.write(enter), () => Effect.ignore(screen.write(leave)))
    const drawing = Stream.runForEach(
      SubscriptionRef.changes(shown),
      ({ picture, size }) => screen.write(drawn(picture, size))
    )
    const resizing = Stream.runForEach(
      Stream.fromQueue(sizes),
      (size) => SubscriptionRef.update(shown, (present) => ({ ...present, size }))
    )
    const pressing = Effect.gen(function*() {
      while (true) {
        const input = yield* Queue.take(keys)
        if (quits(input)) return
        if (onKey !== undefined) yield* onKey(input)
      }
    }).pipe(Effect.catch(() => Effect.void))
    const changing = Effect.andThen(
      Stream.runForEach(pictures, (picture) => SubscriptionRef.update(shown, (present) => ({ ...present, picture }))),
      Effect.never
    )
    yield* Effect.raceFirst(
      pressing,
      Effect.all([drawing, Effect.andThen(resizing, Effect.never), changing], {
        concurrency: "unbounded",
        discard: true
      })
    )
  },
  Effect.scoped
)
