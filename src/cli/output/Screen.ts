/** The output of a command: results on the standard output, everything else on the standard error. */
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as Paint from "./Paint.ts"
import * as Table from "./Table.ts"

export interface ScreenShape {
  /** The columns of the terminal; `Infinity` where the output is no terminal, so that nothing is cut. */
  readonly width: Effect.Effect<number>
  /** Whether somebody looks at the output. */
  readonly isTerminal: boolean
  /** Whether somebody looks at the notes, on a terminal that can go back to the beginning of a line. */
  readonly canAnimate: boolean
  readonly paint: Paint.Paint
  /** Prints a text, or bytes as they are, and the end of its line. */
  readonly print: (text: string | Uint8Array) => Effect.Effect<void, PlatformError>
  /** Prints each text of a stream and the end of its line, no faster than the reader takes them. */
  readonly printAll: <E, R>(texts: Stream.Stream<string, E, R>) => Effect.Effect<void, E | PlatformError, R>
  /** Prints a value as JSON. */
  readonly printJson: (value: unknown) => Effect.Effect<void, PlatformError>
  readonly printTable: (table: Table.Table) => Effect.Effect<void, PlatformError>
  /** Tells something that is no result. */
  readonly note: (text: string) => Effect.Effect<void>
  /** Writes to the standard error, without the end of a line. */
  readonly draw: (text: string) => Effect.Effect<void>
  /** Writes to the standard output, without the end of a line. */
  readonly write: (text: string) => Effect.Effect<void, PlatformError>
}

const make = Effect.gen(function*() {
  const stdio = yield* Stdio.Stdio
  const terminal = yield* Terminal.Terminal
  const { canAnimate, canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const isTerminal = yield* stdio.stdoutIsTerminal
  const hasViewer = yield* stdio.stderrIsTerminal
  const paint = canColor ? Paint.coloured : Paint.uncoloured
  const width = isTerminal
    ? Effect.map(terminal.columns, (columns) => columns > 0 ? columns : 80)
    : Effect.succeed(Number.POSITIVE_INFINITY)
  const write = (text: string | Uint8Array) => Stream.run(Stream.succeed(text), stdio.stdout())
  const draw: ScreenShape["draw"] = (text) => Effect.ignore(Stream.run(Stream.succeed(text), stdio.stderr()))
  const print: ScreenShape["print"] = (text) =>
    write(typeof text === "string" ? `${text}\n` : Buffer.concat([text, Buffer.from("\n")]))
  const shape: ScreenShape = {
    width,
    isTerminal,
    canAnimate: hasViewer && (canAnimate || !isTerminal),
    paint,
    print,
    printAll: (texts) => Stream.run(Stream.map(texts, (text) => `${text}\n`), stdio.stdout()),
    printJson: (value) => print(JSON.stringify(value, undefined, 2)),
    printTable: (table) => Effect.flatMap(width, (columns) => print(Table.lines(table, columns, paint).join("\n"))),
    note: (text) => draw(`${text}\n`),
    draw,
    write
  }
  return shape
})

/** The service of this name. */
export class Screen extends Context.Service<Screen, ScreenShape>()("effect-redis-cluster/cli/Screen") {
  static readonly layer: Layer.Layer<Screen, never, Stdio.Stdio | Terminal.Terminal> = Layer.effect(Screen, make)
}
