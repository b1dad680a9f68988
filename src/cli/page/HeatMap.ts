/** The heat map: a cell for each few slots, in the order of the slots, row by row. */
import { type Cluster, slotCount } from "./Cluster.ts"
import { byId, html, say, set, svg, tint } from "./dom.ts"
import { heatStep } from "./geometry.ts"
import { cellCount } from "./wire.ts"
import { millis, plural } from "./words.ts"

const steps = 9
const size = 10
const slotsPerCell = slotCount / cellCount
/** The cells of a row in windows of some width. */
const layouts = [
  { media: window.matchMedia("(max-width: 700px)"), columns: 32 },
  { media: window.matchMedia("(max-width: 1240px)"), columns: 64 }
]

const unit = (value: number, heat: "cpu" | "keys" | undefined): string =>
  heat === "cpu" ? `${millis(value / 1000)} of processor time a second` : plural(value, "key")

export class HeatMap {
  private readonly cells: ReadonlyArray<SVGRectElement> = Array.from(
    { length: cellCount },
    () => svg("rect", { class: "cell" })
  )
  private readonly cursor = svg("rect", { class: "cursor" })
  private readonly owners = svg("g", { class: "owners" })
  private readonly picture = svg("svg", {
    role: "slider",
    tabindex: 0,
    "aria-valuemin": 0,
    "aria-valuemax": slotCount - 1
  })
  private columns = 128
  private selected = 0
  private drawnOwners = ""
  private cluster: Cluster | undefined = undefined

  constructor() {
    this.picture.append(...this.cells, this.owners, this.cursor)
    set(this.picture, { "aria-label": "Heat of the slots: the arrow keys go from cell to cell" })
    byId("heat").append(this.picture)
    this.layOut()
    for (const { media } of layouts) media.addEventListener("change", () => this.layOut())
    this.picture.addEventListener("keydown", (event) => {
      const step = ({ ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns } as Readonly<
        Record<string, number>
      >)[event.key]
      const target = event.key === "Home"
        ? 0
        : event.key === "End"
        ? cellCount - 1
        : step === undefined
        ? undefined
        : this.selected + step
      if (target === undefined) return
      event.preventDefault()
      this.select(Math.max(0, Math.min(cellCount - 1, target)))
    })
    this.picture.addEventListener("pointermove", (event) => {
      const cell = event.target instanceof SVGRectElement ? this.cells.indexOf(event.target) : -1
      if (cell >= 0) this.select(cell)
    })
    byId("heat-scale").append(
      "none",
      ...Array.from({ length: steps }, (_, step) => html("i", { "data-step": step })),
      "most"
    )
  }

  draw(cluster: Cluster): void {
    this.cluster = cluster
    const hottest = Math.max(...cluster.cells)
    for (const [i, cell] of this.cells.entries()) {
      set(cell, { "data-step": heatStep(cluster.cells[i] ?? 0, hottest, steps) })
    }
    this.drawOwners(cluster)
    this.describe()
    const { heat, hot } = cluster.observation
    set(byId("heat-panel"), { "data-metric": heat })
    say(byId("heat-title"), heat === "keys" ? "Keys by slot" : "Hot slots")
    const rows = hot.slice(0, 8).map(({ slot, value }) => {
      const shard = cluster.shardOf(slot)
      const row = html(
        "li",
        {},
        html("b", {}, `${slot}`),
        heat === "cpu" ? ` ${millis(value / 1000)}/s` : ` ${unit(value, heat)}`
      )
      tint(row, shard?.hue)
      return row
    })
    byId("hot").replaceChildren(...rows)
  }

  private place(cell: number): { readonly x: number; readonly y: number } {
    return { x: (cell % this.columns) * size, y: Math.floor(cell / this.columns) * (size + 4) }
  }

  private layOut(): void {
    this.columns = layouts.find(({ media }) => media.matches)?.columns ?? 128
    const rows = cellCount / this.columns
    set(this.picture, { viewBox: `-1 -1 ${this.columns * size + 2} ${rows * (size + 4) + 2}` })
    for (const [i, cell] of this.cells.entries()) {
      set(cell, { ...this.place(i), width: size - 1, height: size - 1, rx: 1.5 })
    }
    this.drawnOwners = ""
    if (this.cluster !== undefined) this.draw(this.cluster)
  }

  /** A line below each row of cells in the colour of their shard. */
  private drawOwners(cluster: Cluster): void {
    const topology = JSON.stringify(cluster.shards.map(({ number, slots }) => [number, slots]))
    if (topology === this.drawnOwners) return
    this.drawnOwners = topology
    const lines: Array<SVGElement> = []
    for (let cell = 0; cell < cellCount;) {
      const shard = cluster.shardOf(cell * slotsPerCell)
      let end = cell + 1
      while (end < cellCount && end % this.columns !== 0 && cluster.shardOf(end * slotsPerCell) === shard) end++
      const { x, y } = this.place(cell)
      const line = svg("rect", { x, y: y + size, width: (end - cell) * size - 1, height: 1.6, rx: 0.8 })
      tint(line, shard?.hue)
      lines.push(line)
      cell = end
    }
    this.owners.replaceChildren(...lines)
  }

  private select(cell: number): void {
    this.selected = cell
    this.describe()
  }

  private describe(): void {
    const { cluster, selected } = this
    const { x, y } = this.place(selected)
    set(this.cursor, { x: x - 1, y: y - 1, width: size + 1, height: size + 1, rx: 2 })
    if (cluster === undefined) return
    const { heat } = cluster.observation
    const start = selected * slotsPerCell
    const shard = cluster.shardOf(start)
    const owner = shard === undefined ? "without an owner" : `shard ${shard.number}`
    const text = heat === undefined
      ? `Slots ${start}–${start + slotsPerCell - 1}, ${owner}: the servers do not tell the use of slots`
      : `Slots ${start}–${start + slotsPerCell - 1}, ${owner}: ${unit(cluster.cells[selected], heat)}`
    const about = heat === "keys"
      ? " · by keys; by processor time with cluster-slot-stats-enabled (Redis 8.2, Valkey 8.0)"
      : ""
    set(this.picture, { "aria-valuenow": start, "aria-valuetext": text })
    say(byId("heat-note"), text + about)
  }
}
