/**
 * Draws the output of a command line as a terminal shows it: docs/images/<name>-light.svg and <name>-dark.svg.
 *
 *     FORCE_COLOR=1 node src/cli/main.ts topology localhost:7000 | node scripts/terminal-picture.ts topology "effect-redis-cluster topology localhost:7000"
 *
 * The first argument is the name of the picture, the second one the line that was typed.
 */
import { writeFileSync } from "node:fs"
import { text as read } from "node:stream/consumers"
import { dark, light } from "./palette.ts"

const [, , name, typed] = process.argv
if (name === undefined || typed === undefined) {
  throw new Error("The name of the picture and the line that was typed are needed")
}

interface Theme {
  readonly name: string
  readonly paper: string
  readonly border: string
  readonly text: string
  readonly muted: string
  /** The colours by their codes. */
  readonly colours: Readonly<Record<string, string>>
}

const themes: ReadonlyArray<Theme> = [
  {
    name: "light",
    paper: "#ffffff",
    ...light,
    colours: { 31: "#cf222e", 32: "#1a7f37", 33: "#9a6700", 34: "#0969da", 35: "#8250df", 36: "#1b7c83" }
  },
  {
    name: "dark",
    paper: "#0d1117",
    ...dark,
    colours: { 31: "#ff7b72", 32: "#3fb950", 33: "#d29922", 34: "#58a6ff", 35: "#bc8cff", 36: "#39c5cf" }
  }
]

interface Run {
  readonly column: number
  readonly text: string
  /** The codes of the styles that it has. */
  readonly styles: ReadonlyArray<string>
}

/** The escape that changes the style, or text up to the next one. */
const grammar = /\p{Cc}\[([\d;]*)m|(\P{Cc}+)/gu

/** The parts of a line that have one style; those that are only space are left out. */
const runsOf = (line: string): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  let styles: ReadonlyArray<string> = []
  let column = 0
  for (const [, code, piece] of line.matchAll(grammar)) {
    if (code !== undefined) styles = code === "" || code === "0" ? [] : [...styles, ...code.split(";")]
    else {
      for (const match of piece.matchAll(/\S+(?: \S+)*/g)) {
        const last = runs.at(-1)
        const at = column + match.index
        if (last !== undefined && last.column + last.text.length === at && last.styles.join() === styles.join()) {
          runs[runs.length - 1] = { ...last, text: last.text + match[0] }
        } else runs.push({ column: at, text: match[0], styles })
      }
      column += piece.length
    }
  }
  return runs
}

const [cell, lineHeight, size, margin, bar] = [8.4, 19, 14, 20, 34]

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const draw = (lines: ReadonlyArray<string>, theme: Theme): string => {
  const parsed = lines.map(runsOf)
  const columns = Math.max(60, ...parsed.flat().map(({ column, text }) => column + text.length))
  const [width, height] = [columns * cell + 2 * margin, lines.length * lineHeight + bar + margin * 1.5]
  const run = (row: number, { column, styles, text }: Run) => {
    const colour = styles.map((style) => theme.colours[style]).find((found) => found !== undefined)
    const fill = colour ?? (styles.includes("2") ? theme.muted : theme.text)
    const weight = styles.includes("1") ? " font-weight=\"700\"" : ""
    const [x, y] = [margin + column * cell, bar + 18 + row * lineHeight]
    return `<text x="${x.toFixed(1)}" y="${y}" fill="${fill}"${weight} textLength="${
      (text.length * cell).toFixed(1)
    }">` +
      `${escaped(text)}</text>`
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width.toFixed(0)} ${height.toFixed(0)}" role="img" ` +
    `font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="${size}">`,
    `<title>${escaped(typed)}</title>`,
    `<rect x=".5" y=".5" width="${(width - 1).toFixed(0)}" height="${
      (height - 1).toFixed(0)
    }" rx="10" fill="${theme.paper}" stroke="${theme.border}"/>`,
    `<path d="M0 ${bar - 4}H${width.toFixed(0)}" stroke="${theme.border}"/>`,
    `<text x="${margin}" y="21" fill="${theme.muted}">$ ${escaped(typed)}</text>`,
    ...parsed.flatMap((runs, row) => runs.map((each) => run(row, each))),
    "</svg>",
    ""
  ].join("\n")
}

const lines = (await read(process.stdin)).trimEnd().split("\n")
for (const theme of themes) {
  writeFileSync(new URL(`../docs/images/${name}-${theme.name}.svg`, import.meta.url), draw(lines, theme))
}
