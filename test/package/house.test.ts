/**
 * The house: which part stands on which. DESIGN, section 2, says why.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { files, floorOf, importsOf, sentenceOf, src } from "../../scripts/house.ts"

const project = fileURLToPath(new URL("../..", import.meta.url))

const imports = new Map(files.map((file) => [file, importsOf(file)]))

/** The files of the first circle of imports that is found. */
const findCircle = (): ReadonlyArray<string> => {
  const done = new Set<string>()
  const path: Array<string> = []
  const visit = (file: string): ReadonlyArray<string> => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return []
    path.push(file)
    for (const target of imports.get(file) ?? []) {
      const circle = visit(target)
      if (circle.length > 0) return circle
    }
    path.pop()
    done.add(file)
    return []
  }
  for (const file of files) {
    const circle = visit(file)
    if (circle.length > 0) return circle
  }
  return []
}

describe("The house", () => {
  it("has a floor for every file", () => {
    assert.deepStrictEqual(files.filter((file) => floorOf(file) < 0), [])
  })

  it("has no import that leads nowhere", () => {
    const lost = files.flatMap((file) =>
      importsOf(file).filter((target) => !existsSync(join(src, target))).map((target) => `${file} -> ${target}`)
    )
    assert.deepStrictEqual(lost, [])
  })

  it("has no import that points upwards, types included", () => {
    const upward = files.flatMap((file) =>
      importsOf(file)
        .filter((target) =>
          dirname(target) === dirname(file) && floorOf(target) === floorOf(file)
            ? false
            : floorOf(target) >= floorOf(file)
        )
        .map((target) => `${file} -> ${target}`)
    )
    assert.deepStrictEqual(upward, [])
  })

  it("has a command line that uses the library as every program does: by its entry points", () => {
    const { exports }: { readonly exports: Readonly<Record<string, string>> } = JSON.parse(
      readFileSync(join(project, "package.json"), "utf8")
    )
    const entries = new Set(
      Object.values(exports).map((path) => path.replace(/^\.\/dist\//, "").replace(/\.js$/, ".ts"))
    )
    const inner = files.filter((file) => file.startsWith("cli/")).flatMap((file) =>
      importsOf(file)
        .filter((target) => !target.startsWith("cli/") && !entries.has(target))
        .map((target) => `${file} -> ${target}`)
    )
    assert.deepStrictEqual(inner, [])
  })

  it("has a sentence at the head of every file", () => {
    assert.deepStrictEqual(
      files.filter((file) => !file.includes("/parameters/") && sentenceOf(file) === ""),
      []
    )
  })

  it("has a map in DESIGN that names every file", () => {
    const { status, stderr } = spawnSync(process.execPath, ["scripts/generate-map.ts", "--check"], {
      cwd: project,
      encoding: "utf8"
    })
    assert.strictEqual(status, 0, stderr)
  })

  it("has no circle of imports", () => {
    assert.deepStrictEqual(findCircle(), [])
  })
})
