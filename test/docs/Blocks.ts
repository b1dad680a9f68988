/**
 * The code blocks of the pages for users, and how each is run.
 *
 * A block is run as it stands, with the addresses of a real cluster in the place of `127.0.0.1:7000` and its
 * neighbours. A block with a line `// Runs until it is interrupted.` is run for two seconds. A block that cannot be
 * run has the reason in a comment in front of it, which readers do not see: `<!-- not run: why -->`. A program that is
 * followed by a block marked `text` prints that text.
 */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const project = fileURLToPath(new URL("../..", import.meta.url))

export interface Block {
  /** Where it stands: `docs/routing.md:13`. */
  readonly place: string
  /** A file name that is its own. */
  readonly file: string
  readonly text: string
  /**
   * The way to run it: it runs itself, vitest runs its tests, the effects that it exports are run, or it is not run.
   */
  readonly kind: "program" | "tests" | "effects" | "not run"
  /** It is interrupted after a while. */
  readonly endless: boolean
  /** Why it is not run. */
  readonly reason: string | undefined
  /** The output of the program, where the page shows it. */
  readonly output: string | undefined
}

/** Every page with programs in it, but the one that is about the inside. */
export const pages: ReadonlyArray<string> = [
  ...["README.md", "AGENTS.md", "CONTRIBUTING.md"],
  ...readdirSync(`${project}docs`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && name !== "DESIGN.md")
    .map((name) => `docs/${name}`)
    .toSorted()
]

const fence = /(?:^<!-- not run: (.+?) -->\n+)?^```ts\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?/gms

/** The effects of a block are found by its exports, which the examples of the reference leave out. */
const exported = (text: string): string =>
  /^export /m.test(text) ? text : text.replaceAll(/^(?=const |class )/gm, "export ")

export const blocksOf = (page: string): ReadonlyArray<Block> => {
  const text = readFileSync(project + page, "utf8")
  return Array.from(text.matchAll(fence), (match, i) => {
    const [whole, reason, code, output] = match
    const start = match.index + whole.indexOf("```ts")
    const runsItself = /^[^/\n]*\bNodeRuntime\.runMain\b/m.test(code)
    return {
      place: `${page}:${text.slice(0, start).split("\n").length}`,
      file: `${page.replaceAll(/\W+/g, "-")}-${i + 1}.ts`,
      text: runsItself ? code : exported(code),
      kind: reason !== undefined
        ? "not run"
        : runsItself
        ? "program"
        : code.includes(`from "@effect/vitest"`)
        ? "tests"
        : "effects",
      endless: code.includes("// Runs until it is interrupted."),
      reason,
      output
    }
  })
}
