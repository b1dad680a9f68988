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

  it("of the client and of the test cluster has one, too, or is called in that of another", () => {
    const examples = pages.flatMap((page) => readFileSync(project + page, "utf8").match(/^```ts$[^]*?^```$/gm) ?? [])
    const called = new Set(
      examples.flatMap((code) =>
        code.match(/(?<=\b(?:redis|cluster|node|Cache|cache|ClusterClient|TestCluster)\.)\w+/g) ?? []
      )
    )
    const missing = ["docs/api/ClusterClient.md", "docs/api/testing-TestCluster.md"].flatMap((page) =>
      readFileSync(project + page, "utf8").split(/\n(?=#{3,4} )/).slice(1).flatMap((text) => {
        const name = /^#{3,4} (\w+)/.exec(text)?.[1] ?? ""
        const isMember = new RegExp(`^(?:static (?:readonly )?)?${name}\\??[:(<]`, "m").test(
          text.split("```typescript\n")[1] ?? ""
        )
        return isMember && !text.includes("**Example**") && !called.has(name) ? [`${page}: ${name}`] : []
      })
    )
    assert.deepStrictEqual(missing, [])
  })

  it("has a sentence above its signature", () => {
    const missing = pages.flatMap(sectionsOf).filter(({ text }) =>
      text.split("\n").slice(1, 3).every((line) => !/\w/.test(line))
    )
    assert.deepStrictEqual(missing.map(({ name }) => name), [])
  })
})
