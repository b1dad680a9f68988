/**
 * The published files.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"

const project = fileURLToPath(new URL("../..", import.meta.url))

const contents = (): ReadonlyArray<string> => {
  const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: project,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"]
  })
  const [{ files }]: ReadonlyArray<{ readonly files: ReadonlyArray<{ readonly path: string }> }> = JSON.parse(output)
  return files.map(({ path }) => path)
}

/** The code, and the page of `view`; its sources, which the source maps lead to; the pages, which the README links to. */
const wanted = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|AGENTS\.md|CONTRIBUTING\.md|SECURITY\.md)$/,
  /^src\/.+\.ts$/,
  /^dist\/.+\.(js|d\.ts)(\.map)?$/,
  /^dist\/cli\/page\/[\w-]+\.(html|css|svg)$/,
  /^docs\/(api\/|commands\/)?[\w-]+\.md$/,
  /^docs\/images\/[\w-]+\.svg$/
]

it("The package has what its users need, and nothing else", () => {
  const files = contents()
  assert.deepStrictEqual(files.filter((file) => !wanted.some((pattern) => pattern.test(file))), [])
  assert.deepStrictEqual(files.filter((file) => file.includes(".test.")), [])
  for (
    const file of [
      "package.json",
      "README.md",
      "LICENSE",
      "AGENTS.md",
      "CHANGELOG.md",
      "src/index.ts",
      "dist/cli/page/page.html"
    ]
  ) {
    assert.include(files, file)
  }
})

it("The pages that the README and the pages themselves link to are there", () => {
  const files = new Set(contents())
  const missing: Array<string> = []
  for (const page of files) {
    if (!page.endsWith(".md")) continue
    const text = readFileSync(project + page, "utf8").replaceAll(/^```.*?^```/gms, "")
    for (const [, link] of text.matchAll(/(?:\]\(|srcset="|src=")([^)"\s]+)[)"]/g)) {
      if (/^(https?:|#)/.test(link)) continue
      const target = new URL(link.replace(/#.*/, ""), `file:///${page}`).pathname.slice(1)
      if (!files.has(target)) missing.push(`${page}: ${link}`)
    }
  }
  assert.deepStrictEqual(missing, [], "each page links to a file that is not published")
})

it("The table for those who come from redis-py is the same in the README and on its page", () => {
  const tableOf = (page: string) =>
    /^\| redis-py \| Here \|\n(?:\|.*\n)+/m.exec(readFileSync(project + page, "utf8"))?.[0]
  assert.isString(tableOf("README.md"))
  assert.strictEqual(
    tableOf("docs/coming-from-redis-py.md"),
    tableOf("README.md"),
    "change README.md and docs/coming-from-redis-py.md alike"
  )
})

it("A link to a heading of a page leads to one", () => {
  const textOf = (page: string) => readFileSync(project + page, "utf8").replaceAll(/^```.*?^```/gms, "")
  const anchorOf = (heading: string) => heading.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-")
  const headings = (page: string) =>
    Array.from(textOf(page).matchAll(/^#+ (.+)$/gm), ([, heading]) => anchorOf(heading))
  const missing = contents().filter((page) => page.endsWith(".md")).flatMap((page) =>
    Array.from(textOf(page).matchAll(/\]\(([\w./-]*\.md)?#([^)\s]+)\)/g), ([, link, anchor]) => {
      const target = link === undefined ? page : new URL(link, `file:///${page}`).pathname.slice(1)
      return headings(target).includes(anchor) ? [] : [`${page}: ${link ?? ""}#${anchor}`]
    }).flat()
  )
  assert.deepStrictEqual(missing, [])
})
