/**
 * The laws of every command: help, errors in a sentence, exit codes, colours, and the connection by flags and variables.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runLine } from "./CommandLine.ts"

const escape = "\u001B["

describe("The command line", () => {
  it.effect("helps a newcomer with every command and with examples", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runLine(["--help"])
      assert.deepStrictEqual([code, stderr], [0, ""])
      for (const word of ["topology", "slot", "owner", "completions", "EXAMPLES"]) assert.include(stdout, word)
      assert.deepStrictEqual(yield* runLine([]), { code: 0, stderr: "", stdout })
    }))

  it.effect("answers a wrong command line with a sentence and the exit code 2, and prints no help among the results", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runLine(["topolgy"])
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.include(stderr, "Did you mean this?")
      assert.include(stderr, "--help")
    }))

  it.effect("says what to do when no cluster is named", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runLine(["topology"])
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.match(stderr, /^error: No cluster is named: give the URL .+\n$/)
    }))

  it.effect("says in one line that no node can be reached, with what to do, and never with a stack", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* runLine(["owner", "--url", "127.0.0.1:1", "--timeout", "1s", "k"])
      assert.strictEqual(code, 2)
      assert.match(stderr, /^error: .*127\.0\.0\.1:1.*doctor.*\n$/)
    }))

  it.effect("has colours on a terminal, unless NO_COLOR is set, and none in a pipe", () =>
    Effect.gen(function*() {
      const outputs = yield* Effect.all([
        runLine(["slot", "k"], { columns: 80 }),
        runLine(["slot", "k"], { columns: 80, env: { NO_COLOR: "1" } }),
        runLine(["slot", "k"])
      ])
      assert.deepStrictEqual(outputs.map(({ stdout }) => stdout.includes(escape)), [true, false, false])
    }))
})

describe("slot", () => {
  it.effect("prints the slots of keys by their hash tags", () =>
    Effect.gen(function*() {
      const { stdout } = yield* runLine(["slot", "user:1", "{user:1}:cart", "{}x"])
      assert.deepStrictEqual(stdout.split("\n"), [
        "KEY             SLOT  HASH TAG",
        "user:1         10778",
        "{user:1}:cart  10778  user:1",
        "{}x            10595",
        ""
      ])
    }))

  it.effect("cuts a table to the width of the terminal", () =>
    Effect.gen(function*() {
      const { stdout } = yield* runLine(["slot", "k".repeat(200)], { columns: 40, env: { NO_COLOR: "1" } })
      for (const line of stdout.split("\n")) assert.isAtMost(line.length, 40)
      assert.include(stdout, "…")
    }))

  it.effect("shows control characters of keys, which would move the cursor of a terminal", () =>
    Effect.gen(function*() {
      const { stdout } = yield* runLine(["slot", "a\u001B[2Jb\n"])
      assert.include(stdout, String.raw`a\x1b[2Jb\n`)
    }))
})
