/**
 * Docstrings have the form of Effect's, and say what a reader asks first.
 */
import { assert, describe, it } from "vitest"
import { problems } from "../../scripts/docstrings.ts"

const found = problems()

const places = (rule: RegExp): ReadonlyArray<string> =>
  found.filter((problem) => rule.test(problem.rule)).map(({ file, line, name, rule }) =>
    `${file}:${line} ${name}: ${rule}`
  )

describe("Docstrings", () => {
  it("have the sections of Effect's docstrings, in their order, with their headings", () => {
    assert.deepStrictEqual(places(/section|heading|\*\*|block of code/), [])
  })

  it("name the errors of everything that can fail, and only errors that exist", () => {
    assert.deepStrictEqual(places(/can fail|no error/), [])
  })

  it("say the default of each option, and the unit of each time and size", () => {
    assert.deepStrictEqual(places(/option|unit/), [])
  })

  it("have no problem of another kind", () => {
    assert.deepStrictEqual(places(/^/), [])
  })
})
