/**
 * Builds the package: code by rolldown, bundled, because a program that starts reads a few files sooner than hundreds;
 * declarations by TypeScript, a file for each file of `src` that an entry point leads to. Both have maps to `src`.
 *
 *   node scripts/build.ts [directory]
 */
import { spawnSync } from "node:child_process"
import { copyFileSync, globSync, readFileSync, rmSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { type Plugin, rolldown } from "rolldown"

const project = fileURLToPath(new URL("..", import.meta.url))
const dist = process.argv[2] ?? join(project, "dist")

const manifest: {
  readonly exports: Readonly<Record<string, string>>
  readonly bin: Readonly<Record<string, string>>
} = JSON.parse(readFileSync(join(project, "package.json"), "utf8"))

/** The paths of files in `src` and in `dist`, without the ending. */
const named = (files: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.values(files)
    .filter((path) => path.endsWith(".js"))
    .map((path) => path.replace(/^(\.\/)?dist\//, "").replace(/\.js$/, ""))

/** The entry points of the library, and its programs. */
const entries = named(manifest.exports)
const programs = named(manifest.bin)

const bundle = async (names: ReadonlyArray<string>, chunks: string, plugins: ReadonlyArray<Plugin> = []) => {
  const build = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, join(project, "src", `${name}.ts`)])),
    // Packages stay imports.
    external: (name) => !/^[./]/.test(name),
    platform: "node",
    plugins: [...plugins]
  })
  await build.write({
    dir: dist,
    format: "esm",
    sourcemap: true,
    // The package has its sources.
    sourcemapExcludeSources: true,
    entryFileNames: "[name].js",
    chunkFileNames: `${chunks}/[name]-[hash].js`,
    // Bundlers of programs need the annotations; people read the comments in `src`.
    comments: { legal: false, annotation: true, jsdoc: false }
  })
  await build.close()
}

/**
 * Lets a program in a folder of `dist` import the entry points as others do, so that the files of the library are the
 * files that they are without it.
 */
const importsEntries: Plugin = {
  name: "imports-entries",
  resolveId: (source, importer) => {
    if (importer === undefined || !source.startsWith(".")) return undefined
    const path = relative(join(project, "src"), resolve(dirname(importer), source)).split(sep).join("/")
    return entries.includes(path.replace(/\.ts$/, ""))
      ? { id: `../${path.replace(/\.ts$/, ".js")}`, external: true }
      : undefined
  }
}

const buildCode = async () => {
  await bundle(entries, "shared")
  for (const program of programs) await bundle([program], dirname(program), [importsEntries])
}

/** The page of the command line's `view`: its code for browsers, and its other files beside it. */
const buildPage = async () => {
  const [from, to] = [join(project, "src/cli/page"), join(dist, "cli/page")]
  const build = await rolldown({ input: join(from, "page.ts"), platform: "browser" })
  await build.write({ dir: to, format: "esm", minify: true, comments: false })
  await build.close()
  for (const file of globSync("*.{css,html,svg}", { cwd: from })) copyFileSync(join(from, file), join(to, file))
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
  for (const entry of [...entries, ...programs]) reached(entry, seen)
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
await buildPage()
