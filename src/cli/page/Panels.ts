/** The smaller parts of the page: the totals, the log of events, and the tables of commands. */
import type { EventLine } from "../sampler/EventLine.ts"
import type { Cluster } from "./Cluster.ts"
import { byId, html, say, set, svg } from "./dom.ts"
import { sparkline } from "./geometry.ts"
import { historyLength } from "./wire.ts"
import { bytes, clock, count, millis, percent, plural } from "./words.ts"

class Tile {
  private readonly figure = html("b")
  private readonly unit = html("small")
  readonly element: HTMLElement

  constructor(name: string, ...more: ReadonlyArray<Element>) {
    this.element = html(
      "div",
      { class: "tile" },
      html("span", {}, name),
      html("p", {}, this.figure, this.unit),
      ...more
    )
  }

  draw(figure: string): void {
    const [number, ...unit] = figure.split(" ")
    say(this.figure, number)
    say(this.unit, unit.join(" "))
  }
}

/** The figures of the whole cluster. */
export class Totals {
  private readonly area = svg("path", { class: "area" })
  private readonly line = svg("path", { class: "line" })
  private readonly tiles = {
    commands: new Tile(
      "commands/s",
      svg("svg", { viewBox: "0 -2 160 42", preserveAspectRatio: "none", "aria-hidden": "true" }, this.area, this.line)
    ),
    latency: new Tile("slowest PING"),
    hits: new Tile("hit rate"),
    keys: new Tile("keys"),
    memory: new Tile("memory"),
    clients: new Tile("clients"),
    network: new Tile("network out")
  }

  constructor() {
    byId("totals").append(...Object.values(this.tiles).map(({ element }) => element))
  }

  draw({ observation: { totals }, totals: history }: Cluster): void {
    const top = Math.max(10, ...history.map((value) => value ?? 0)) * 1.05
    const { area, line } = sparkline(history, { width: 160, height: 40, length: historyLength, top })
    set(this.area, { d: area })
    set(this.line, { d: line })
    this.tiles.commands.draw(count(totals.commands))
    this.tiles.latency.draw(totals.latency === undefined ? "–" : millis(totals.latency))
    this.tiles.hits.draw(totals.hitRate === undefined ? "–" : percent(totals.hitRate))
    this.tiles.keys.draw(count(totals.keys))
    this.tiles.memory.draw(bytes(totals.memory))
    this.tiles.clients.draw(count(totals.clients))
    this.tiles.network.draw(`${bytes(totals.bytesOut)}/s`)
  }
}

const linesShown = 100

/** The log: the newest line first. */
export class Log {
  private readonly list = byId("log")
  private last = 0

  add(lines: ReadonlyArray<EventLine>): void {
    const more = lines.filter(({ id }) => id > this.last)
    for (const { at, id, kind, text, tone } of more) {
      this.last = id
      this.list.prepend(
        html(
          "li",
          { "data-tone": tone, "data-kind": kind },
          html("time", { datetime: new Date(at).toISOString() }, clock(at)),
          html("span", {}, text)
        )
      )
    }
    while (this.list.children.length > linesShown) this.list.lastElementChild?.remove()
  }
}

/** The state of the whole, in the head of the page. */
export const drawState = ({ observation }: Cluster): void => {
  const { coveredSlots, moves, totals } = observation
  const state = byId("state")
  const problems = [
    ...(coveredSlots < 16384 ? [`${plural(16384 - coveredSlots, "slot")} without an owner`] : []),
    ...(totals.silent > 0
      ? [`${totals.silent} of ${plural(totals.nodes, "node")} ${totals.silent === 1 ? "does" : "do"} not answer`]
      : [])
  ]
  set(state, { "data-state": problems.length > 0 ? "silent" : moves.length > 0 ? "wait" : "up" })
  say(
    state.children[1],
    problems.length > 0
      ? problems.join(", ")
      : moves.length > 0
      ? `${plural(moves.length, "slot")} on the way`
      : `all well: ${plural(totals.nodes, "node")}`
  )
}

/** The state of a page that has lost its server. */
export const drawLost = (): void => {
  set(byId("state"), { "data-state": "lost" })
  say(byId("state").children[1], "the command line has ended, or cannot be reached")
}

const table = (titles: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | Node>>): HTMLElement =>
  html(
    "table",
    {},
    html("thead", {}, html("tr", {}, ...titles.map((title) => html("th", { scope: "col" }, title)))),
    html("tbody", {}, ...rows.map((row) => html("tr", {}, ...row.map((cell) => html("td", {}, cell)))))
  )

/** A share as a bar behind a text. */
const bar = (text: string, share: number): HTMLElement => {
  const fill = html("i")
  fill.style.inlineSize = `${(share * 100).toFixed(1)}%`
  return html("span", { class: "bar" }, fill, html("span", {}, text))
}

export const drawCommands = ({ observation: { commands, slow } }: Cluster): void => {
  const most = Math.max(1, ...commands.map(({ calls }) => calls))
  byId("commands").replaceChildren(
    commands.length === 0
      ? html("p", { class: "note" }, "Nobody sends commands.")
      : table(
        ["command", "calls/s", "time on the server"],
        commands.slice(0, 8).map((
          { calls, name, usec }
        ) => [bar(name, calls / most), count(calls), millis(usec / 1000)])
      )
  )
  byId("slow").replaceChildren(
    slow.length === 0
      ? html("p", { class: "note" }, "No command is in the slow log of a node.")
      : table(
        ["command", "took", "node", "at"],
        slow.slice(0, 8).map((
          { at, node, took, words }
        ) => [html("code", {}, words.join(" ")), millis(took), html("code", {}, node), clock(at)])
      )
  )
}
