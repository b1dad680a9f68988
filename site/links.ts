/**
 * Checks the links of the built site: each leads to a file of the site, and to a heading of that page. Nothing that a
 * browser loads comes from elsewhere.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { join, posix, sep } from "node:path"
import { fileURLToPath } from "node:url"

const dist = fileURLToPath(new URL("dist", import.meta.url))

const base = process.env["SITE_BASE"] ?? "/"

interface Page {
  readonly text: string
  readonly anchors: ReadonlySet<string>
}

/** The problems of the built site, a sentence each. */
export const checkLinks = (): ReadonlyArray<string> => {
  const files = globSync("**/*.html", { cwd: dist }).map((file) => file.split(sep).join("/"))
  const pages = new Map(files.map((file): readonly [string, Page] => {
    const text = readFileSync(join(dist, file), "utf8")
    return [file, { text, anchors: new Set(Array.from(text.matchAll(/ id="([^"]+)"/g), ([, id]) => id)) }]
  }))
  const problems: Array<string> = []
  for (const [file, { text }] of pages) {
    for (const [, tag, link] of text.matchAll(/<(\w+)[^>]*? (?:href|src)="([^"]*)"/g)) {
      if (/^[a-z]+:/.test(link) || link.startsWith("//")) {
        if (tag !== "a") problems.push(`${file} loads ${link}`)
        continue
      }
      const [path, anchor] = link.split("#")
      const local = path.startsWith(base) ? path.slice(base.length) : posix.join(posix.dirname(file), path)
      const target = path === ""
        ? file
        : [local, `${local}.html`, posix.join(local, "index.html")].find((name) =>
          existsSync(join(dist, name)) && /\.\w+$/.test(name)
        )
      if (target === undefined) problems.push(`${file} links to ${link}, which is not there`)
      else if (
        anchor !== undefined && anchor !== "" && pages.get(target)?.anchors.has(decodeURIComponent(anchor)) === false
      ) {
        problems.push(`${file} links to ${link}, and ${target} has no such heading`)
      }
    }
  }
  if (pages.size === 0) problems.push("the site has no pages")
  return problems
}
