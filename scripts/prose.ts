/**
 * Finds sentences that a reader cannot understand alone: in the comments of the sources and in the pages.
 *
 *   node scripts/prose.ts [file ...]
 *
 * CONTRIBUTING.md has the rules of English. This script checks those that show in the words: a sentence names its
 * subject at the beginning, and some words are not used at all. Without arguments it reads every file that people write,
 * and test/package/prose.test.ts does the same.
 */
import { globSync, readFileSync } from "node:fs"
import { join, relative, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync } from "rolldown/utils"

const project = fileURLToPath(new URL("..", import.meta.url))

export interface Problem {
  readonly file: string
  readonly line: number
  readonly sentence: string
  readonly rule: string
}

interface Passage {
  /** The number of its first line in the file. */
  readonly line: number
  readonly text: string
}

/** The beginnings of sentences that do not name their subject. Questions may begin with a question word. */
const headless: ReadonlyArray<readonly [RegExp, string]> = [
  [/^(?:What|Who|Which|Whose|Whom|Whoever|Whatever|Whichever)\b(?![^]*\?$)/, "name the thing instead of asking for it"],
  [
    /^(?:Of|From|To|In|On|At|By|For|With) (?:what|which|whose|whom)\b(?![^]*\?$)/,
    "name the thing instead of asking for it"
  ],
  [/^How\b(?! (?:many|much|often|long|far|old|large)\b)(?![^]*\?$)/, "say what happens, or what the value is"],
  [
    /^The same(?:[.,:;]|$| (?:as|for|with|in|of|on|to|from|by|at|but|without|when|where|and|again)\b)/,
    "say what it is the same as"
  ],
  [/^(?:As|See) (?:above|below|before)\b/, "name what stands there"],
  [/^(?:Likewise|Ditto|Dito|Idem)\b/, "say it again"],
  [/^(?:Those|These|One|Ones) (?:who|that|which|whose|of)\b/, "name the things: sockets, nodes, commands"],
  [/^(?:That|Those|These|This)[.;]/, "name the thing"]
]

/** The words for which there are plainer ones. */
const words: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bfor ever\b/i, "forever, or: without a limit"],
  [/(?<!-)\banew\b/i, "again"],
  [/\b(?:of|on|for|by) one's own\b/i, "say whose"],
  [/\bthereof\b|\btherewith\b|\bwhereof\b|\bhitherto\b|\bhereafter\b/i, "say it with plain words"],
  [/\bbe it\b/i, "say: whether it is"]
]

/** Comments one after the other on lines of their own are one passage. */
const commentsOf = (file: string, text: string): ReadonlyArray<Passage> => {
  const passages: Array<Passage> = []
  let end = -1
  let line = 1
  let counted = 0
  for (const { start, type, end: stop, value } of parseSync(file, text, { lang: "ts" }).comments) {
    const content = value.replaceAll(/^\s*\*+ ?/gm, "").replaceAll(/^\s*/g, "")
    line += text.slice(counted, start).split("\n").length - 1
    counted = start
    const before = passages.at(-1)
    const own = text.slice(text.lastIndexOf("\n", start) + 1, start).trim() === ""
    if (type === "Line" && own && before !== undefined && /^\n[ ]*$/.test(text.slice(end, start))) {
      passages[passages.length - 1] = { line: before.line, text: `${before.text}\n${content}` }
    } else passages.push({ line, text: content })
    end = type === "Line" ? stop : -1
  }
  return passages
}

const codeOf = (block: string): string => block.replace(/^.*\n/, "")

/** The passages of a page: its prose, and the comments in its programs. */
const passagesOf = (file: string, text: string): ReadonlyArray<Passage> => {
  if (file.endsWith(".ts")) return commentsOf(file, text).flatMap((passage) => inMarkdown(passage, file))
  return inMarkdown({ line: 1, text }, file)
}

const inMarkdown = ({ line, text }: Passage, file: string): ReadonlyArray<Passage> => {
  const passages: Array<Passage> = []
  let at = line
  for (const [i, part] of text.split(/^\s*```/m).entries()) {
    if (i % 2 === 0) {
      passages.push({ line: at, text: part })
    } else if (/^(?:ts|typescript)/.test(part)) {
      passages.push(...commentsOf(file, codeOf(part)).map((one) => ({ line: at + one.line, text: one.text })))
    }
    at += part.split("\n").length - 1
  }
  return passages
}

/** The sentences of a passage, each with its line: of its paragraphs, items of lists and cells of tables. */
const sentencesOf = ({ line, text }: Passage): ReadonlyArray<Passage> => {
  const blocks: Array<Passage> = []
  let open = false
  for (const [i, raw] of text.split("\n").entries()) {
    const row = raw.trim()
    const item = /^(?:[-*+]|\d+\.)\s+(?:\*\*[^*]+\*\*:?\s*)?/.exec(row)
    if (row === "" || /^(?:#|<!--|@|\*\*|-{3}|={3})/.test(row)) open = false
    else if (row.startsWith("|")) {
      // Most cells are words or phrases: a sentence ends with a stop.
      const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim())
      blocks.push(...cells.filter((cell) => cell.endsWith(".")).map((text) => ({ line: line + i, text })))
      open = false
    } else if (item === null && open) {
      const last = blocks[blocks.length - 1]
      blocks[blocks.length - 1] = { line: last.line, text: `${last.text} ${row}` }
    } else {
      blocks.push({ line: line + i, text: item === null ? row : row.slice(item[0].length) })
      open = true
    }
  }
  return blocks.flatMap((block) =>
    block.text.split(/(?<=[.!?])\s+(?=[A-Z])/).map((sentence) => ({ line: block.line, text: sentence.trim() }))
  )
}

/** The files whose comments and sentences people write. Others are generated from these. */
export const handwritten = (): ReadonlyArray<string> =>
  globSync(["{src,test,bench,scripts,examples,docs}/**/*.{ts,md}", "site/*.ts", "site/.vitepress/**/*.ts", "*.md"], {
    cwd: project
  })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => !/node_modules|docs\/(?:api|commands)\/|commands\/(?:table\/embedded|parameters\/)/.test(file))
    .toSorted()

/** The sentences of one file that break a rule. */
export const problemsOf = (file: string): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  for (const passage of passagesOf(file, readFileSync(join(project, file), "utf8"))) {
    for (const { line, text } of sentencesOf(passage)) {
      for (const [pattern, rule] of [...headless, ...words]) {
        // A word in a code span is a name or a quotation.
        if (pattern.test(text.replaceAll(/(?<=.)`[^`]*`/g, "`x`"))) problems.push({ file, line, sentence: text, rule })
      }
    }
  }
  return problems
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = process.argv.slice(2).map((file) => relative(project, resolve(file)))
  const problems = (files.length > 0 ? files : handwritten()).flatMap(problemsOf)
  for (const { file, line, rule, sentence } of problems) console.log(`${file}:${line}: ${sentence}\n    ${rule}`)
  console.log(`${problems.length} sentences`)
  if (problems.length > 0) process.exitCode = 1
}
