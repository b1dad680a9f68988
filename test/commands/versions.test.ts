import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import * as CommandTable from "../../src/commands/table/CommandTable.ts"
import { versionsOf } from "../../src/commands/table/versions.ts"

const letters = (name: string): string => name.toLowerCase().replace(/[^a-z]/g, "")

/** The docstrings of the methods, by the letters of the method's name. */
const docs = new Map(
  globSync("src/commands/*.ts").flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/ {2}\/\*\*((?:(?!\*\/)[^])*)\*\/\n {2}(\w+)[(<]/g)].map(([, text, name]) =>
      [letters(name), text.replaceAll(/\s+(?:\* )?/g, " ")] as const
    )
  )
)

describe("The versions that have a command", () => {
  const names = [...CommandTable.embedded().entries.keys()].filter((name) => docs.has(letters(name)))

  it("are those that its docstring names, so that the error of an older server can tell them", () => {
    assert.isAbove(names.length, 300)
    const different = names.filter((name) => {
      const doc = docs.get(letters(name)) ?? ""
      const versions = versionsOf(name)
      return versions === undefined ? !/Since \d/.test(doc) : !doc.includes(versions)
    })
    assert.deepStrictEqual(
      different.map((name) => `${name}: ${versionsOf(name)}; ${docs.get(letters(name))}`),
      [],
      "mend src/commands/table/versions.ts or the docstring"
    )
  })
})
