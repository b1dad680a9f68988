import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"

const tests = new URL("..", import.meta.url)

describe("test/README.md", () => {
  it("says what each folder tests, and names none that is not there", () => {
    const rows = readFileSync(new URL("README.md", tests), "utf8").split("\n| folder |")[1].split("\n\n")[0]
    const named = Array.from(
      rows.matchAll(/^\| (`[^|]*) \|/gm),
      ([, cell]) => Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name)
    ).flat()
    const folders = readdirSync(tests, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name)
    assert.deepStrictEqual(named.toSorted(), folders.toSorted())
  })
})
