/**
 * Builds the package: code by rolldown, bundled, because a program that starts reads a few files sooner than hundreds;
 * declarations by TypeScript, a file for each file of `src` that an entry point leads to. Both have maps to `src`.
 *
 *   node scripts/build.ts [directory]
 */
import { spawnSync } from "node:child_process"
import { globSync, readFileSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"

const project = fileURLToPath(new URL("..", import.meta.url))
const dist = process.argv[2] ?? join(project, "dist")

const manifest: {
  readonly exports: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
} = JSON.parse(readFileSync(join(project, "package.json"), "utf8"))

/** The entry points: their paths in `src` and in `dist`, without the ending. */
const entries = [...Object.values(manifest.exports), ...Object.values(manifest.bin ?? {})]
  .filter((path) => path.endsWith(".js"))
  .map((path) => path.replace("./dist/", "").replace(/\.js$/, ""))

const buildCode = async () => {
  const build = await rolldown({
    input: Object.fromEntries(entries.map((entry) => [entry, join(project, "src", `${entry}.ts`)])),
    // Packages stay imports.
    external: (name) => !/^[./]/.test(name),
    platform: "node"
  })
  await build.write({
    dir: dist,
    format: "esm",
    sourcemap: true,
    // The package has its sources.
    sourcemapExcludeSources: true,
    entryFileNames: "[name].js",
    chunkFileNames: "shared/[name]-[hash].js",
    // Bundlers of programs need the annotations; people read the comments in `src`.
    comments: { legal: false, annotation: true, jsdoc: false }
  })
  await build.close()
}

const buildDeclarations = () => {
  const { status } = spawnSync(
    process.execPath,
    [join(project, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json", "--outDir", dist],
    { cwd: project, stdio: "inherit" }
  )
  if (status !== 0) process.exit(1)
}

/** The declarations that an entry point leads to. */
const reached = (entry: string, seen = new Set<string>()): ReadonlySet<string> => {
  if (seen.has(entry)) return seen
  seen.add(entry)
  const text = readFileSync(join(dist, `${entry}.d.ts`), "utf8")
  for (const [, path] of text.matchAll(/\b(?:from|import\() ?"(\.[^"]+)"/g)) {
    reached(join(dirname(entry), path.replace(/\.[jt]s$/, "")), seen)
  }
  return seen
}

const removeInternalDeclarations = () => {
  const seen = new Set<string>()
  for (const entry of entries) reached(entry, seen)
  for (const file of globSync("**/*.d.ts", { cwd: dist })) {
    if (seen.has(file.replace(/\.d\.ts$/, ""))) continue
    rmSync(join(dist, file))
    rmSync(join(dist, `${file}.map`))
  }
}

rmSync(dist, { recursive: true, force: true })
buildDeclarations()
removeInternalDeclarations()
await buildCode()
