/**
 * Builds the site into `site/dist`, and checks it.
 *
 *     npm run docs:site
 *
 * The generator is installed into this folder when it is not there. The build itself uses no network. VitePress fails on
 * links to pages that are not there, `links.ts` on headings and files that are not there, and `look.ts` looks at the pages
 * with a browser.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { checkLinks } from "./links.ts"
import { collect } from "./pages.ts"

const here = fileURLToPath(new URL(".", import.meta.url))

/** Whether the packages of the lock file are installed. */
const isInstalled = (): boolean => {
  const installed = `${here}node_modules/.package-lock.json`
  if (!existsSync(installed)) return false
  const read = (file: string): Record<string, { readonly version?: string; readonly optional?: boolean }> =>
    JSON.parse(readFileSync(file, "utf8")).packages
  const found = read(installed)
  return Object.entries(read(`${here}package-lock.json`)).every(([name, { optional, version }]) =>
    name === "" || optional === true || found[name]?.version === version
  )
}

/** Does a step, and says how long it took. */
const step = async <A>(name: string, run: () => A | Promise<A>): Promise<A> => {
  const start = performance.now()
  const result = await run()
  console.log(`${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  return result
}

if (!isInstalled()) {
  await step("installed the generator", () => {
    execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit" })
  })
}
await step("checked the types", () => {
  execFileSync("tsc", ["-p", here], { stdio: "inherit" })
})
await step("collected the pages", collect)
await step("built the site", async () => {
  const { build } = await import("vitepress")
  await build(here)
})
const problems = await step("checked the links", checkLinks)
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
else {
  const { look } = await import("./look.ts")
  const failures = await step("looked at the pages", look)
  for (const failure of failures) console.error(failure)
  if (failures.length > 0) process.exitCode = 1
}
