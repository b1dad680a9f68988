/**
 * The house: which part stands on which. DESIGN, section 2, says why.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"

const src = fileURLToPath(new URL("../../src", import.meta.url))

/** From the ground up. A part is a folder, or a file where the folder holds several floors. */
const floors: ReadonlyArray<ReadonlyArray<string>> = [
  ["internal", "cluster"],
  ["protocol"],
  ["RedisClusterException.ts"],
  ["ReadFrom.ts", "Discovery.ts"],
  ["ClusterOptions.ts"],
  ["ClusterConfig.ts"],
  ["commands/parameters"],
  ["commands"],
  ["commands/table"],
  ["connection"],
  ["topology"],
  ["routing/CommandSlot.ts"],
  ["routing/Rejections.ts"],
  ["routing/reads"],
  ["routing/request"],
  ["routing/batches"],
  ["routing/nodes", "routing/dedicated"],
  ["routing"],
  ["pubsub"],
  ["consumer"],
  ["observability"],
  ["client"],
  ["ClusterClient.ts"],
  ["scripting"],
  ["Lock.ts"],
  ["integrations/internal"],
  ["integrations"],
  ["testing/engine"],
  ["testing"],
  ["index.ts"]
]

const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.split(sep).join("/"))
  .toSorted()

const floorOf = (file: string): number => {
  const own = floors.findIndex((parts) => parts.includes(file))
  return own >= 0 ? own : floors.findIndex((parts) => parts.includes(dirname(file)))
}

/** Imports of types count as those of values. */
const importsOf = (file: string): ReadonlyArray<string> =>
  Array.from(
    readFileSync(join(src, file), "utf8").matchAll(/(?:\bfrom|\bimport\()\s*"(\.{1,2}\/[^"]+)"/g),
    ([, path]) => normalize(join(dirname(file), path)).split(sep).join("/")
  )

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

  it("has no circle of imports", () => {
    assert.deepStrictEqual(findCircle(), [])
  })
})
