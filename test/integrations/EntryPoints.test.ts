/**
 * The entry points of the package: the main entry uses stable modules of Effect only, and each bridge is an entry of
 * its own.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll } from "vitest"

const project = fileURLToPath(new URL("../..", import.meta.url))

interface Import {
  readonly from: string
  readonly url: string
}

/** The imports of each module when this module is imported. */
const importsOf = (module: string): ReadonlyArray<Import> => {
  const program = `
    import { registerHooks } from "node:module"
    const imports = []
    registerHooks({
      resolve(specifier, context, next) {
        const resolved = next(specifier, context)
        imports.push({ from: context.parentURL ?? "", url: resolved.url })
        return resolved
      }
    })
    await import(${JSON.stringify(module)})
    console.log(JSON.stringify(imports))
  `
  const { status, stderr, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: project,
    encoding: "utf8"
  })
  assert.strictEqual(status, 0, stderr)
  return JSON.parse(stdout) as ReadonlyArray<Import>
}

const bridges = readdirSync(join(project, "src/integrations")).filter((name) => name.endsWith(".ts"))

/** The modules of Effect that this package imports and that are not stable by their first comment. */
const unstableOf = (imports: ReadonlyArray<Import>): ReadonlyArray<string> =>
  imports
    .filter(({ from, url }) => !from.includes("node_modules") && url.includes("node_modules/effect/dist/"))
    .map(({ url }) => url)
    .filter((url) => {
      const source = fileURLToPath(url).replace("/dist/", "/src/").replace(/\.js$/, ".ts")
      return /@stability (?:unstable|experimental)/.test(readFileSync(source, "utf8").split("*/")[0])
    })

describe("The main entry", () => {
  it("imports no module of Effect that is marked unstable, and no bridge", () => {
    const imports = importsOf(join(project, "src/index.ts"))
    assert.isAbove(imports.length, 200)
    assert.deepStrictEqual(unstableOf(imports), [])
    assert.deepStrictEqual(imports.filter(({ url }) => /\/integrations\/|effect\/dist\/persistence\//.test(url)), [])
  })

  it("is told from a bridge by that", () => {
    assert.isNotEmpty(unstableOf(importsOf(join(project, "src/integrations/Redis.ts"))))
  })
})

describe("The package, built", () => {
  let directory = ""
  beforeAll(() => {
    directory = mkdtempSync(join(project, "test", ".package-"))
    const { status, stdout } = spawnSync(
      process.execPath,
      ["scripts/build.ts", join(directory, "dist")],
      { cwd: project, encoding: "utf8" }
    )
    assert.strictEqual(status, 0, stdout)
    // Inside its own folder a package knows itself by its name.
    cpSync(join(project, "package.json"), join(directory, "package.json"))
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const run = (program: string) => {
    writeFileSync(join(directory, "program.js"), program)
    return spawnSync(process.execPath, ["program.js"], { cwd: directory, encoding: "utf8" })
  }

  it("has maps that lead to its sources", () => {
    const dist = join(directory, "dist")
    const sources = globSync("**/*.map", { cwd: dist }).flatMap((file) => {
      const map: { readonly sources: ReadonlyArray<string> } = JSON.parse(readFileSync(join(dist, file), "utf8"))
      return map.sources.map((source) => resolve(dist, dirname(file), source))
    })
    assert.isAbove(new Set(sources).size, 300)
    assert.deepStrictEqual(
      sources.filter((source) => !source.startsWith(join(project, "src")) || !existsSync(source)),
      []
    )
  })

  it("has each bridge as an entry of its own", () => {
    const names = bridges.map((name) => name.replace(".ts", ""))
    assert.includeMembers(names, [
      "KeyValueStoreRedis",
      "PersistedCacheRedis",
      "PersistedQueueRedis",
      "PersistenceRedis",
      "RateLimiterRedis",
      "Redis"
    ])
    const { status, stderr, stdout } = run(`
      import { ClusterClient } from "effect-redis-cluster"
      const bridges = await Promise.all(${JSON.stringify(names)}.map((name) =>
        import("effect-redis-cluster/integrations/" + name)))
      console.log(JSON.stringify([typeof ClusterClient.layer, ...bridges.map((bridge) => Object.keys(bridge).length > 0)]))
    `)
    assert.strictEqual(status, 0, stderr)
    assert.deepStrictEqual(JSON.parse(stdout), ["function", ...names.map(() => true)])
  })
})
