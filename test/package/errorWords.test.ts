import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"

const home = "src/protocol/ErrorKind.ts"

/** The first words of the errors that servers give. */
const words = [
  "ASK",
  "BUSY",
  "BUSYGROUP",
  "CLUSTERDOWN",
  "EXECABORT",
  "IOERR",
  "LOADING",
  "MASTERDOWN",
  "MOVED",
  "NOAUTH",
  "NOGROUP",
  "NOPERM",
  "NOPROTO",
  "NOREPLICAS",
  "NOSCRIPT",
  "READONLY",
  "TRYAGAIN",
  "UNBLOCKED",
  "WRONGPASS",
  "already exists",
  "unknown command"
]

/** READONLY is the name of a command, too, and the doctor reads the public `code` of an error as every program does. */
const isName = (file: string, word: string): boolean =>
  (word === "READONLY" && file === "src/cli/doctor/facts/Rights.ts") ||
  (word === "NOPERM" && file === "src/cli/doctor/facts/Facts.ts") ||
  word === "READONLY" && (file.startsWith("src/commands/") || file === "src/connection/Dial.ts")

/** Strings stay, comments go. */
const withoutComments = (code: string): string =>
  code.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g,
    (token) => token.startsWith("/") ? "" : token
  )

describe("the words of errors", () => {
  it("stand in one file: nothing else knows which errors are repeated", () => {
    const files = globSync("src/**/*.ts").filter((file) => file !== home && !file.startsWith("src/testing/"))
    const found = files.flatMap((file) => {
      const code = withoutComments(readFileSync(file, "utf8"))
      return words.flatMap((word) =>
        new RegExp(`\\b${word}\\b`).test(code) && !isName(file, word) ? [`${file}: ${word}`] : []
      )
    })
    assert.deepStrictEqual(found, [], `ask ${home} what an error means`)
    const own = withoutComments(readFileSync(home, "utf8"))
    assert.deepStrictEqual(words.filter((word) => !own.includes(word)), [])
  })
})
