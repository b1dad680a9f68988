/** The page of the command line and the help of each command: they name what is there, and their examples are command lines that exist. */
import { assert, describe, it } from "@effect/vitest"
import type * as CliCommand from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { root } from "../../src/cli/program.ts"
import { runLine } from "./CommandLine.ts"

const page = readFileSync(new URL("../../docs/command-line.md", import.meta.url), "utf8")

const commands: ReadonlyArray<CliCommand.Command.Any> = root.subcommands.flatMap(({ commands }) => commands)

/** The command lines of the blocks for a shell. */
const lines = Array.from(page.matchAll(/^```sh\n([\s\S]*?)^```/gm), ([, block]) => block.split("\n"))
  .flat()
  .filter((line) => /(^|\()effect-redis-cluster /.test(line))

/** The arguments of a command line, without what only a shell reads. */
const argumentsOf = (line: string): ReadonlyArray<string> => {
  const [, rest = ""] = /effect-redis-cluster ([^|>)]*)/.exec(line) ?? []
  return Array.from(
    rest.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g),
    ([, ...words]) => words.find((word) => word !== undefined) ?? ""
  )
}

/** A place where nobody listens, in the place of the URLs of examples. */
const nowhere = "127.0.0.1:1"

/** Whether the command line can be read. It is not run: no cluster is reached. */
const isReadable = Effect.fnUntraced(function*(line: string) {
  const args = argumentsOf(line).map((word) =>
    /^(rediss?:\/\/)?(localhost|[\w.]+\.example\.com|10\.0\.0\.\d):\d+/.test(word) && !word.includes("=")
      ? nowhere
      : word
  )
  const { stderr } = yield* runLine(args, { env: { REDIS_CLUSTER_URL: nowhere } })
  return !stderr.includes("--help` for the flags")
})

describe("The command line", () => {
  it("has every command in the table of its page, and no other", () => {
    const [, section] = page.split("\n## The commands\n")
    const named = Array.from(
      section.split("\n## ")[0].matchAll(/^\| (\[.*?\]\(#[\w-]+\))/gm),
      ([, cell]) => Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name)
    ).flat()
    assert.sameMembers(named, commands.map(({ name }) => name))
  })

  it.effect("has flags on its page that are there", () =>
    Effect.gen(function*() {
      const helps = yield* Effect.forEach(commands, ({ name }) => runLine([name, "--help"]))
      const known = helps.map(({ stdout }) => stdout).join("\n")
      const missing = Array.from(page.matchAll(/`(--[a-z]\w*(?:-\w+)*)/g), ([, flag]) => flag)
        .filter((flag) => flag !== "--help" && !new RegExp(`${flag}[ ,]`).test(known))
      assert.deepStrictEqual(missing, [])
    }))

  it.effect("has examples on its page that can be read", () =>
    Effect.gen(function*() {
      assert.isAbove(lines.length, 20)
      const wrong = yield* Effect.filter(lines, (line) => Effect.map(isReadable(line), (ok) => !ok))
      assert.deepStrictEqual(wrong, [])
    }), 60_000)

  it.effect("has examples in the help of each command, which can be read", () =>
    Effect.gen(function*() {
      for (const { examples, name } of commands) {
        assert.isNotEmpty(examples, name)
        for (const { command } of examples) assert.isTrue(yield* isReadable(command), command)
      }
    }), 60_000)
})
