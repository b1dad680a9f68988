/**
 * The tags of docstrings.
 */
import { assert, it } from "vitest"
import { problems } from "../../scripts/sinceTags.ts"

it("Only what an entry point exports says since when it is there", () => {
  assert.deepStrictEqual(problems().map(({ file, line }) => `${file}:${line}`), [], "node scripts/sinceTags.ts --fix")
})
