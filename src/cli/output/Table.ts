/** Tables with aligned columns, no wider than the terminal. */
import type { Paint, Style } from "./Paint.ts"
import { cut, padded, visible, widthOf } from "./text.ts"

export interface Column {
  readonly title: string
  readonly align?: "left" | "right" | undefined
  /** The width below which the column is not cut. A column without it is never cut. */
  readonly least?: number | undefined
}

/** A text, or one with its style. */
export type Cell = string | { readonly text: string; readonly style: Style | undefined }

export interface Table {
  readonly columns: ReadonlyArray<Column>
  readonly rows: ReadonlyArray<ReadonlyArray<Cell>>
}

const gap = "  "

const textOf = (cell: Cell | undefined): string =>
  cell === undefined ? "" : visible(typeof cell === "string" ? cell : cell.text)

/** The widths of the columns: those of their texts, and less for the widest of those that may be cut. */
const widthsOf = ({ columns, rows }: Table, width: number): ReadonlyArray<number> => {
  const widths = columns.map(({ title }, i) => Math.max(widthOf(title), ...rows.map((row) => widthOf(textOf(row[i])))))
  const taken = () => widths.reduce((sum, each) => sum + each, gap.length * (columns.length - 1))
  for (let excess = taken() - width; excess > 0; excess--) {
    let widest = -1
    columns.forEach(({ least }, i) => {
      if (least !== undefined && widths[i] > least && (widest < 0 || widths[i] > widths[widest])) widest = i
    })
    if (widest < 0) break
    widths[widest]--
  }
  return widths
}

/** The lines of a table. A line that is too wide even so loses its last columns. */
export const lines = (table: Table, width: number, paint: Paint): ReadonlyArray<string> => {
  const widths = widthsOf(table, width)
  const line = (cells: ReadonlyArray<Cell>, styleOf: (cell: Cell | undefined) => Style | undefined): string => {
    let text = ""
    let taken = 0
    for (const [i, column] of table.columns.entries()) {
      const before = i === 0 ? "" : gap
      const room = Math.min(widths[i], width - taken - before.length)
      if (room <= 0) break
      const isLast = i === table.columns.length - 1
      const content = cut(textOf(cells[i]), room)
      const cell = isLast && column.align !== "right" ? content : padded(content, room, column.align)
      const style = styleOf(cells[i])
      text += before + (style === undefined ? cell : paint[style](cell))
      taken += before.length + room
    }
    return text.trimEnd()
  }
  return [
    line(table.columns.map(({ title }) => title), () => "bold"),
    ...table.rows.map((row) => line(row, (cell) => typeof cell === "object" ? cell.style : undefined))
  ]
}
