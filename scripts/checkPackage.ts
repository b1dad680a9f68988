/**
 * Checks the packed package as a program gets it. Its declarations: every entry point compiles with `skipLibCheck: false`, by
 * TypeScript 5.9 and 7; the declarations that stay must not need those that `stripInternal` removes. Its command line: it runs, and
 * without `@effect/platform-node` it says how to install that.
 *
 *   node scripts/checkPackage.ts
 *
 * `dist` has to be built.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const project = fileURLToPath(new URL("..", import.meta.url))

interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

const compilers = {
  "TypeScript 5.9": "@tsd/typescript/typescript/lib/tsc.js",
  "TypeScript 7": "typescript/bin/tsc"
} as const

const compilerOptions = {
  target: "ES2022",
  // Effect's own declarations name types of the Web Crypto API.
  lib: ["ES2024", "ESNext.Disposable", "DOM"],
  module: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  types: ["node"],
  noEmit: true
}

const platform = "@effect/platform-node"

/** A program with the package unpacked among its dependencies. */
const directory = mkdtempSync(join(project, ".package-"))
const elsewhere = mkdtempSync(join(tmpdir(), "package-"))
const inModules = (name: string) => join(directory, "node_modules", name)
const link = (name: string) => {
  mkdirSync(dirname(inModules(name)), { recursive: true })
  symlinkSync(join(project, "node_modules", name), inModules(name))
}

try {
  const packed = execFileSync(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", directory],
    { cwd: project, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }
  )
  const [{ filename }]: ReadonlyArray<{ readonly filename: string }> = JSON.parse(packed)
  const manifest: Manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8"))
  mkdirSync(inModules(manifest.name), { recursive: true })
  execFileSync("tar", ["xzf", join(directory, filename), "-C", inModules(manifest.name), "--strip-components=1"])
  for (const name of [...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }), "@types/node"]) {
    link(name)
  }

  const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith(".json"))
  const files = entries.map((entry) => `${entry.replaceAll(/\W+/g, "_")}.ts`)
  files.forEach((file, i) =>
    writeFileSync(join(directory, file), `export * from "${manifest.name}${entries[i].slice(1)}"\n`)
  )
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }))
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, files }))

  for (const [name, path] of Object.entries(compilers)) {
    const { status, stdout } = spawnSync(process.execPath, [
      join(project, "node_modules", path),
      "--project",
      directory
    ], {
      cwd: directory,
      encoding: "utf8"
    })
    if (status !== 0) {
      console.error(`${name} does not compile the declarations of the package:\n${stdout}`)
      process.exitCode = 1
    } else {
      console.log(`${name}: ${entries.length} entry points compile with skipLibCheck: false`)
    }
  }

  const [[command, path]] = Object.entries(manifest.bin)
  const run = (modules: string): { readonly status: number | null; readonly output: string } => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [join(modules, manifest.name, path), "--version"], {
      encoding: "utf8"
    })
    return { status, output: stdout + stderr }
  }
  const whole = run(inModules("."))
  // Outside of the project, where its packages are not found.
  const bare = join(elsewhere, "node_modules")
  mkdirSync(bare)
  cpSync(inModules(manifest.name), join(bare, manifest.name), { recursive: true })
  for (const name of ["effect", ...Object.keys(manifest.dependencies)]) {
    symlinkSync(join(project, "node_modules", name), join(bare, name))
  }
  const lacking = run(bare)
  if (whole.status !== 0 || !whole.output.includes(manifest.version)) {
    console.error(`The command line does not run:\n${whole.output}`)
    process.exitCode = 1
  } else if (lacking.status !== 2 || !/^error: .*npm install @effect\/platform-node.*\n$/.test(lacking.output)) {
    console.error(`The command line does not say that ${platform} is missing:\n${lacking.output}`)
    process.exitCode = 1
  } else console.log(`${command}: runs, and says how to install ${platform}`)
} finally {
  for (const made of [directory, elsewhere]) rmSync(made, { recursive: true, force: true })
}
