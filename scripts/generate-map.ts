/**
 * Writes the map of the house into docs/DESIGN.md, between its marks: every file of `src` with the first sentence of its comment.
 *
 *   node scripts/generate-map.ts [--check]
 *
 * With `--check` nothing is written, and the exit code says whether the map is current.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { basename, dirname } from "node:path"
import { files, partOf, parts, sentenceOf } from "./house.ts"

const page = new URL("../docs/DESIGN.md", import.meta.url)
const [begin, end] = ["<!-- map: npm run generate -->\n", "<!-- end of the map -->"]

/** Folders of many files of one kind, which their names tell apart. */
const summed: Readonly<Record<string, string>> = {
  "commands/parameters": "how many arguments each builder takes, and its options by name: generated from the types",
  "modules/parameters": "the same for the builders of modules",
  "testing/engine":
    "the servers in memory: a file for each group of commands, and the cluster, its nodes and their sessions"
}

const entry = (name: string, about: string, indent: string): string =>
  `${`${indent}${name}`.padEnd(34)} ${about}`.trimEnd()

const listed = (folder: string): ReadonlyArray<string> =>
  summed[folder] !== undefined
    ? []
    : files.filter((file) => dirname(file) === folder)
      .map((file) => entry(basename(file, ".ts"), sentenceOf(file), "  "))

const linesOf = (name: string): ReadonlyArray<string> => {
  const own = files.filter((file) => partOf(file)?.name === name)
  const folders = [...new Set(own.map((file) => dirname(file)))].toSorted()
  return folders.flatMap((folder) =>
    folder === "."
      ? own.filter((file) => dirname(file) === ".").map((file) => entry(basename(file), sentenceOf(file), ""))
      : [
        entry(`${folder}/`, summed[folder] ?? parts.find((part) => part.name === folder)?.about ?? "", ""),
        ...listed(folder)
      ]
  )
}

const map = ["```", ...parts.toReversed().flatMap(({ name }) => linesOf(name)), "```", ""].join("\n")
const text = readFileSync(page, "utf8")
const [before, rest] = text.split(begin)
const after = rest?.split(end)[1]
if (after === undefined) throw new Error("docs/DESIGN.md has no marks for the map")
const next = `${before}${begin}${map}${end}${after}`
if (!process.argv.includes("--check")) writeFileSync(page, next)
else if (next !== text) {
  console.error("The map in docs/DESIGN.md is not current: npm run generate")
  process.exitCode = 1
}
