/**
 * Finds sentences that a reader cannot understand alone: in the comments of the sources and in the pages.
 *
 *   node scripts/prose.ts [file ...]
 *
 * The rules stand in CONTRIBUTING.md. This script knows those that can be told from the words: a sentence names its
 * subject at the beginning, and some words are not used at all. test/package/prose.test.ts runs it over everything
 * that is written by hand.
 */
import { readFileSync } from "node:fs"
import { relative } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync } from "rolldown/utils"

export const project = fileURLToPath(new URL("..", import.meta.url))

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

/** Beginnings that stand for the subject in place of its name. Questions may begin with all but the last of them. */
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

/** Words that a reader has to translate. */
const words: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bfor ever\b/i, "forever, or: without a limit"],
  [/\banew\b/i, "again"],
  [/\b(?:of|on|for|by) one's own\b/i, "say whose"],
  [/\bthereof\b|\btherewith\b|\bwhereof\b|\bhitherto\b|\bhereafter\b/i, "say it with plain words"],
  [/\bbe it\b/i, "say: whether it is"]
]

/** Comments one after the other on lines of their own are one passage. */
const commentsOf = (file: string, text: string): ReadonlyArray<Passage> => {
  const passages: Array<Passage> = []
  let end = -1
  for (const { start, type, end: stop, value } of parseSync(file, text, { lang: "ts" }).comments) {
    const content = value.replaceAll(/^\s*\*+ ?/gm, "").replaceAll(/^\s*/g, "")
    const line = text.slice(0, start).split("\n").length
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
      blocks.push(...row.split(/(?<!\\)\|/).map((cell) => ({ line: line + i, text: cell.trim() })))
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

/** The sentences of one file that break a rule. */
export const problemsOf = (file: string): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  for (const passage of passagesOf(file, readFileSync(file, "utf8"))) {
    for (const { line, text } of sentencesOf(passage)) {
      for (const [pattern, rule] of [...headless, ...words]) {
        if (pattern.test(text)) problems.push({ file: relative(project, file), line, sentence: text, rule })
      }
    }
  }
  return problems
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = process.argv.slice(2).flatMap(problemsOf)
  for (const { file, line, rule, sentence } of problems) console.log(`${file}:${line}: ${sentence}\n    ${rule}`)
  console.log(`${problems.length} sentences`)
  if (problems.length > 0) process.exitCode = 1
}
