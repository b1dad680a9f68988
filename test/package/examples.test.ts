/**
 * Each public function and layer shows how it is used: its docstring has an example, or the example of its module calls it. The pages
 * under docs/api carry both.
 */
import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"

const project = fileURLToPath(new URL("../..", import.meta.url))

interface Section {
  readonly name: string
  readonly text: string
  readonly signature: string
}

const sectionsOf = (page: string): ReadonlyArray<Section> =>
  readFileSync(project + page, "utf8").split(/\n(?=### )/).slice(1).map((text) => ({
    name: `${page}: ${text.slice(4, text.indexOf("\n"))}`,
    text,
    signature: text.match(/```typescript\n([^]*?)```/)?.[1] ?? ""
  }))

const pages = globSync("docs/api/*.md", { cwd: project })

/** Functions and layers: exports that are called, or provided. Guards tell by their name and their type how they are used. */
const isShown = ({ signature }: Section): boolean =>
  /^const \w+: (?:[<({]|Layer\.|\(\n)/.test(signature) && !/^const is[A-Z]/.test(signature)

/** Pure functions over values of a topology: for tools and tests, each with one line that says all. */
const plain = /^docs\/api\/(?:Snapshot|Nodes|HashSlot)\.md/

describe("Each public function and layer", () => {
  it("has an example", () => {
    const missing = pages.flatMap((page) => {
      const calls = new Set(readFileSync(project + page, "utf8").match(/\b[A-Z]\w+\.\w+/g))
      const module = page.match(/(\w+)\.md$/)?.[1]
      return sectionsOf(page).filter((section) =>
        isShown(section) && !plain.test(section.name) && !section.text.includes("**Example**") &&
        !calls.has(`${module}.${section.name.split(": ")[1]}`)
      )
    })
    assert.deepStrictEqual(missing.map(({ name }) => name), [])
  })

  it("has a sentence above its signature", () => {
    const missing = pages.flatMap(sectionsOf).filter(({ text }) =>
      text.split("\n").slice(1, 3).every((line) => !/\w/.test(line))
    )
    assert.deepStrictEqual(missing.map(({ name }) => name), [])
  })
})
