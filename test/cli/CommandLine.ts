/** Command lines in this process: with a screen, a keyboard and an environment that the test makes. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import type * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import { run } from "../../src/cli/program.ts"

export interface Surroundings {
  /** The variables. Default: none. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** The columns of the terminal on both outputs. Default: none of them is a terminal. */
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  /** The keys that the user presses. */
  readonly keys?: Queue.Queue<Terminal.UserInput, Cause.Done> | undefined
}

/** The output of a command line, and its exit code; `undefined` while it runs. */
export interface Printed {
  stdout: string
  stderr: string
  code: number | undefined
}

const decoder = new TextDecoder()
const into = (printed: Printed, output: "stdout" | "stderr") => () =>
  Sink.forEach((chunk: string | Uint8Array) =>
    Effect.sync(() => {
      printed[output] += typeof chunk === "string" ? chunk : decoder.decode(chunk)
    })
  )

/** One key of the keyboard: a letter, or the name of a key such as `return`. */
export const key = (name: string): Terminal.UserInput => ({
  input: Option.some(name.length === 1 ? name : name === "return" ? "\r" : ""),
  key: { name, ctrl: false, meta: false, shift: false }
})

/** Runs a command line into what it has printed so far. */
export const runInto = (
  printed: Printed,
  args: ReadonlyArray<string>,
  { columns, env = {}, keys, rows = 24 }: Surroundings = {}
): Effect.Effect<void> => {
  const isTerminal = Effect.succeed(columns !== undefined)
  const stdio = Stdio.layerTest({
    stdinIsTerminal: isTerminal,
    stdoutIsTerminal: isTerminal,
    stderrIsTerminal: isTerminal,
    stdout: into(printed, "stdout"),
    stderr: into(printed, "stderr")
  })
  const size = { columns: columns ?? 0, rows }
  const terminal = Layer.succeed(
    Terminal.Terminal,
    Terminal.make({
      columns: Effect.succeed(size.columns),
      rows: Effect.succeed(size.rows),
      size: Effect.tap(Queue.unbounded<Terminal.Size, Cause.Done>(), (sizes) => Queue.offer(sizes, size)),
      readInput: keys === undefined ? Queue.unbounded<Terminal.UserInput, Cause.Done>() : Effect.succeed(keys),
      readLine: Effect.never,
      display: (text) =>
        Effect.sync(() => {
          printed.stdout += text
        })
    })
  )
  return run(args, "1.2.3").pipe(
    Effect.match({
      onFailure: ({ exitCode }) => exitCode,
      onSuccess: () => 0
    }),
    Effect.tap((code) =>
      Effect.sync(() => {
        printed.code = code
      })
    ),
    Effect.asVoid,
    Effect.provide([stdio, terminal, ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...env } }))]),
    Effect.provide(NodeServices.layer)
  )
}

/** Runs a command line to its end. */
export const runLine = Effect.fnUntraced(function*(args: ReadonlyArray<string>, surroundings?: Surroundings) {
  const printed: Printed = { stdout: "", stderr: "", code: undefined }
  yield* runInto(printed, args, surroundings)
  return printed
})
