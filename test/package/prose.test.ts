/**
 * Comments, pages and docstrings can be read without decoding. CONTRIBUTING.md has the rules.
 */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"
import { handwritten, problemsOf } from "../../scripts/prose.ts"

it("Sentences of comments and pages name their subject", () => {
  const problems = handwritten().flatMap(problemsOf)
  assert.deepStrictEqual(problems.map(({ file, line, rule, sentence }) => `${file}:${line}: ${sentence} (${rule})`), [])
})

it("Each public export has a sentence that says what it is for", () => {
  const pages = fileURLToPath(new URL("../../docs/api/", import.meta.url))
  const silent = readdirSync(pages).flatMap((page) =>
    Array.from(
      readFileSync(`${pages}${page}`, "utf8").matchAll(/^### (.+)\n\n```/gm),
      ([, name]) => `${name} (docs/api/${page} is generated from its docstring)`
    )
  )
  assert.deepStrictEqual(silent, [])
})
