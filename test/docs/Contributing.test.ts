/**
 * CONTRIBUTING shows code as it stands in the sources, and names files and commands that are there.
 */
import { existsSync, readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { project } from "./Blocks.ts"

const page = readFileSync(`${project}CONTRIBUTING.md`, "utf8")

/** The lines of a text without indentation, and without blank ones. */
const linesOf = (text: string): ReadonlyArray<string> =>
  text.split("\n").map((line) => line.trim()).filter((line) => line !== "")

describe("CONTRIBUTING", () => {
  const quotes = Array.from(page.matchAll(/^ *```typescript\n *\/\/ (\S+)\n([\s\S]*?)^ *```$/gm), ([, file, text]) => ({
    file,
    text
  }))

  it.each(quotes)("quotes $file as it is", ({ file, text }) => {
    const lines = new Set(linesOf(readFileSync(project + file, "utf8")))
    const missing = linesOf(text).filter((line) => !lines.has(line))
    assert.deepStrictEqual(missing, [], `quote ${file} as it is now in CONTRIBUTING.md`)
  })

  it("shows each of its four guides with code", () => {
    const guides = ["## Add a command", "## Add a policy of reads", "## Add a metric", "## Change a rule of recovery"]
    for (const guide of guides) {
      const [, section = ""] = page.split(`\n${guide}\n`)
      assert.include(section.split(/^## /m)[0], "```typescript\n", guide)
    }
  })

  it("names files that are there", () => {
    const names = Array.from(
      page.matchAll(/`((?:src|test|scripts|docs|examples|bench)\/[\w./-]*)`/g),
      ([, name]) => name
    )
    assert.isNotEmpty(names)
    assert.deepStrictEqual(names.filter((name) => !existsSync(project + name)), [], "change CONTRIBUTING.md")
  })

  it("names npm scripts that are there", () => {
    const { scripts } = JSON.parse(readFileSync(`${project}package.json`, "utf8"))
    const names = Array.from(page.matchAll(/npm run ([\w:]+)/g), ([, name]) => name)
    assert.deepStrictEqual(names.filter((name) => !Object.hasOwn(scripts, name)), [], "change CONTRIBUTING.md")
  })
})
