/**
 * redis-py from PyPI, for tests that run it beside this client. It is installed once, in a virtual environment of the user's cache.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFile, spawn } from "node:child_process"
import { mkdir, rename, rm, stat } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { promisify } from "node:util"
import { HarnessError } from "./HarnessError.ts"

/** The release that the pages and the tests are about. */
export const version = "8.1.0"

/** A Python that has it, or why there is none. */
export type RedisPy = { readonly python: string } | { readonly reason: string }

const run = promisify(execFile)
const reasonOf = (error: unknown): string =>
  String(error instanceof Error ? error.message : error).trim().split("\n").at(-1) ?? ""

const install = async (home: string): Promise<RedisPy> => {
  const python = join(home, "bin/python")
  if (await stat(python).then(() => true, () => false)) return { python }
  const draft = `${home}.${process.pid}`
  try {
    await mkdir(join(home, ".."), { recursive: true })
    await run("python3", ["-m", "venv", draft])
    await run(join(draft, "bin/python"), [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--retries",
      "1",
      "--timeout",
      "10",
      `redis==${version}`
    ], { timeout: 60_000 })
    // Another process may have been faster.
    await rename(draft, home).catch(() => rm(draft, { recursive: true, force: true }))
    return { python }
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    return { reason: `redis-py ${version} cannot be had: ${reasonOf(error)}` }
  }
}

/** redis-py, installed when it is not there yet. */
export const find = (): Promise<RedisPy> =>
  install(join(homedir(), ".cache/effect-redis-cluster", `redis-py-${version}`))

/** A Python process with redis-py that evaluates what it is given, line by line. */
const loop = `
import sys, json
for line in sys.stdin:
    try:
        try:
            code = compile(json.loads(line), "asked", "eval")
        except SyntaxError:
            exec(json.loads(line), globals())
            result = None
        else:
            result = eval(code, globals())
        print(json.dumps([True, repr(result)]), flush=True)
    except Exception as error:
        print(json.dumps([False, f"{type(error).__name__}: {error}"]), flush=True)
`

/** Evaluates an expression, for its `repr`, or executes a statement. Python's exception is an error. */
export type Ask = (code: string) => Effect.Effect<string, HarnessError>

/** A Python process for as long as the scope lives. */
export const session = (python: string): Effect.Effect<Ask, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(python, ["-u", "-c", loop], { stdio: ["pipe", "pipe", "inherit"] })
        const waiting: Array<(line: string | undefined) => void> = []
        createInterface({ input: child.stdout })
          .on("line", (line) => waiting.shift()?.(line))
          .on("close", () => {
            for (const resume of waiting.splice(0)) resume(undefined)
          })
        return { child, waiting }
      }),
      ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
    ),
    ({ child, waiting }): Ask => (code) =>
      Effect.callback((resume) => {
        waiting.push((line) => {
          const [isResult, text] = JSON.parse(line ?? `[false, "the process has ended"]`) as [boolean, string]
          resume(isResult ? Effect.succeed(text) : Effect.fail(new HarnessError({ message: `${code}: ${text}` })))
        })
        child.stdin.write(`${JSON.stringify(code)}\n`)
      })
  )

/** Runs a Python program to its end, for what it has printed. */
export const program = (
  python: string,
  file: string,
  args: ReadonlyArray<string>
): Effect.Effect<string, HarnessError> =>
  Effect.tryPromise({
    try: () => run(python, ["-u", file, ...args], { timeout: 60_000 }).then(({ stdout }) => stdout),
    catch: (error) => new HarnessError({ message: `${file}: ${reasonOf(error)}`, cause: error })
  })
