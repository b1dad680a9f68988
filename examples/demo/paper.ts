/**
 * The output of the demo: headings, tables, sparklines. Colour only where a person looks at it.
 */
import * as Console from "effect/Console"
import type * as Effect from "effect/Effect"

const coloured = process.stdout.isTTY && !process.env["NO_COLOR"]

const style = (code: number) => (text: string): string => coloured ? `\u001b[${code}m${text}\u001b[0m` : text

export const bold = style(1)
export const dim = style(2)
export const red = style(31)
export const green = style(32)
export const yellow = style(33)
export const cyan = style(36)

const width = 84

/** Columns that a text takes on the screen. */
const columns = (text: string): number =>
  // oxlint-disable-next-line no-control-regex -- the colours that `style` puts in
  [...text.replace(/\u001b\[\d+m/g, "")].length

const padEnd = (text: string, to: number) => text + " ".repeat(Math.max(0, to - columns(text)))
const padStart = (text: string, to: number) => " ".repeat(Math.max(0, to - columns(text))) + text

export const line = (text = ""): Effect.Effect<void> => Console.log(text === "" ? "" : `  ${text}`)

/** The box at the top. */
export const title = (name: string, ...subtitles: ReadonlyArray<string>): Effect.Effect<void> => {
  const row = (text: string) => `${cyan("│")} ${padEnd(text, width - 4)} ${cyan("│")}`
  return Console.log(
    [
      "",
      cyan(`╭${"─".repeat(width - 2)}╮`),
      row(bold(name)),
      ...subtitles.map((subtitle) => row(dim(subtitle))),
      cyan(`╰${"─".repeat(width - 2)}╯`)
    ].join("\n")
  )
}

/** A heading over the width of the page. */
export const section = (number: number, name: string): Effect.Effect<void> =>
  Console.log(
    `\n${cyan("──")} ${bold(`${number}  ${name}`)} ${
      cyan("─".repeat(width - 7 - String(number).length - columns(name)))
    }\n`
  )

/** A fact that holds, or does not: then the demo has failed. */
export const fact = (holds: boolean, text: string): Effect.Effect<void> => {
  if (!holds) process.exitCode = 1
  return line(`${holds ? green("✓") : red("✗")} ${text}`)
}

export interface Column {
  readonly name: string
  readonly right?: boolean
}

export const table = (
  heads: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): Effect.Effect<void> => {
  const widths = heads.map(({ name }, i) => Math.max(columns(name), ...rows.map((row) => columns(row[i]))))
  const rule = (left: string, middle: string, right: string) =>
    dim(left + widths.map((width) => "─".repeat(width + 2)).join(middle) + right)
  const row = (cells: ReadonlyArray<string>) =>
    dim("│") +
    cells.map((cell, i) => ` ${heads[i].right === true ? padStart(cell, widths[i]) : padEnd(cell, widths[i])} `)
      .join(dim("│")) +
    dim("│")
  return Console.log(
    [
      rule("┌", "┬", "┐"),
      row(heads.map(({ name }) => bold(name))),
      rule("├", "┼", "┤"),
      ...rows.map(row),
      rule("└", "┴", "┘")
    ].map((text) => `  ${text}`).join("\n")
  )
}

const bars = "▁▂▃▄▅▆▇█"

/** Numbers as a row of bars; none at all is a red dot. */
export const sparkline = (values: ReadonlyArray<number>, top = Math.max(...values)): string =>
  values.map((value) =>
    value === 0 ? red("·") : green(bars[Math.min(bars.length - 1, Math.floor(value / top * (bars.length - 0.01)))])
  ).join("")

export const count = (value: number): string => Math.round(value).toLocaleString("en-US")

export const millis = (value: number): string =>
  value < 10 ? `${value.toFixed(2)} ms` : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(2)} s`
