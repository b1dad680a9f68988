/**
 * Collects the pages of the repository for the site: the README becomes the front page, `docs/` is left out of the
 * addresses, and links lead where the pages are on the site.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, posix, sep } from "node:path"
import { fileURLToPath } from "node:url"

const project = fileURLToPath(new URL("..", import.meta.url))

/** The folder of the collected pages: below this one, where its packages are found. */
export const collected: string = fileURLToPath(new URL("collected", import.meta.url))

/** The address of a page on the site. Pages of the project itself have a folder: two of them are called security. */
export const pathOf = (file: string): string => {
  if (file === "README.md") return "/"
  if (!file.includes("/")) return `/project/${file.replace(/\.md$/, "").toLowerCase()}`
  return `/${file.replace(/^docs\//, "").replace(/(^|\/)README\.md$/, "$1").replace(/\.md$/, "")}`
}

/** Anchors are those of GitHub, for which the links are written. */
export const anchorOf = (heading: string): string =>
  heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_\- ]/gu, "").trim().replaceAll(" ", "-")

/** Both colours of a picture: the site has a switch for them, which the system does not decide. */
const pictures = (text: string): string =>
  text.replaceAll(
    /<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)">\s*<img ([^>]*)src="([^"]+)">\s*<\/picture>/g,
    (_, dark: string, rest: string, light: string) =>
      [["dark", dark], ["light", light]].map(([theme, source]) =>
        `<img class="only-${theme}" ${rest}src="${source.replace(/^.*?images\//, "/images/")}">`
      ).join("\n")
  )

/** The address of the repository's files, by which published pages link to those that are not published. */
const repository: string = `${
  JSON.parse(readFileSync(join(project, "package.json"), "utf8")).homepage.replace(/#.*/, "")
}/blob/main/`

/** Links between pages lead from address to address; links within a page and to elsewhere stay as they are. */
const linked = (file: string, text: string): string =>
  text.replaceAll(`](${repository}`, `](${"../".repeat(file.split("/").length - 1)}`).replaceAll(
    /\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)/g,
    (whole, target: string, anchor = "") => {
      const page = posix.join(posix.dirname(file), target)
      if (page.startsWith("docs/images/")) return `](${page.replace("docs/", "/")})`
      return page.endsWith(".md") ? `](${pathOf(page)}${anchor})` : whole
    }
  )

/** The parts of a page outside its code. */
const outsideCode = (text: string, change: (prose: string) => string): string =>
  text.split(/(^ *```[^]*?^ *```$)/m).map((part, i) => i % 2 === 0 ? change(part) : part).join("")

/** Collects all pages; says how many. */
export const collect = (): number => {
  rmSync(collected, { recursive: true, force: true })
  const files = globSync(["*.md", "docs/**/*.md"], { cwd: project }).map((file) => file.split(sep).join("/"))
  for (const file of files) {
    const path = pathOf(file)
    const target = join(collected, path.endsWith("/") ? `${path}index.md` : `${path}.md`)
    const text = readFileSync(join(project, file), "utf8")
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, outsideCode(text, (prose) => linked(file, pictures(prose))))
  }
  cpSync(join(project, "docs/images"), join(collected, "public/images"), { recursive: true })
  return files.length
}
