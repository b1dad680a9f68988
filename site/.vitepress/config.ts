/**
 * The site of the pages that `site/pages.ts` has collected. The README is the front page, and the README's list of pages is
 * the sidebar.
 *
 * `SITE_BASE` is the path under which the site will be served, `/` by default.
 */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type DefaultTheme, defineConfig } from "vitepress"
import { anchorOf, collected, pathOf } from "../pages.ts"

const project = fileURLToPath(new URL("../..", import.meta.url))

const readme = readFileSync(`${project}README.md`, "utf8")

/** The groups of the README's list of pages. */
const guide: ReadonlyArray<DefaultTheme.SidebarItem> = Array.from(
  (readme.split("\n## Pages\n")[1] ?? "").split(/^## /m)[0].matchAll(/^\| ([A-Z][^|]+) \| (.+) \|$/gm),
  ([, text, links]) => ({
    text,
    items: Array.from(
      links.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g),
      ([, text, file]) => ({ text: text, link: pathOf(file) })
    )
  })
)

/** The pages of a folder, by their titles. */
const folder = (name: string): Array<DefaultTheme.SidebarItem> =>
  readdirSync(`${project}docs/${name}`).filter((file) => file !== "README.md").toSorted().map((file) => ({
    text: /^# (.+)$/m.exec(readFileSync(`${project}docs/${name}/${file}`, "utf8"))?.[1] ?? file,
    link: pathOf(`docs/${name}/${file}`)
  }))

export default defineConfig({
  title: "effect-redis-cluster",
  description: "A client for Redis Cluster and Valkey Cluster, made for Effect",
  lang: "en",
  base: process.env["SITE_BASE"] ?? "/",
  srcDir: collected,
  outDir: "dist",
  cacheDir: "../.cache/site/vite",
  lastUpdated: false,
  markdown: {
    anchor: { slugify: anchorOf },
    theme: { light: "github-light", dark: "github-dark" }
  },
  vite: { build: { chunkSizeWarningLimit: 4096 } },
  themeConfig: {
    nav: [
      { text: "Recipes", link: "/recipes" },
      { text: "Commands", link: "/commands/" },
      { text: "API", link: "/api/" }
    ],
    sidebar: {
      "/commands/": [{ text: "Commands", link: "/commands/", items: folder("commands") }],
      "/api/": [{ text: "API reference", link: "/api/", items: folder("api") }],
      "/": [...guide]
    },
    outline: { level: [2, 3] },
    search: { provider: "local", options: { miniSearch: { searchOptions: { combineWith: "AND", fuzzy: 0.1 } } } },
    footer: { message: "MIT licence" }
  }
})
