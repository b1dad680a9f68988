/** The nodes, shard by shard: role, zone, health, and the last minutes of throughput and latency. */
import type { NodeFigures } from "../sampler/Observation.ts"
import type { Cluster, NumberedShard } from "./Cluster.ts"
import { arrange, byId, html, say, set, svg, tint } from "./dom.ts"
import { sparkline } from "./geometry.ts"
import { historyLength } from "./wire.ts"
import { bytes, count, millis, percent, plural } from "./words.ts"

const width = 120
const height = 28

/** A small chart of the last rounds, with its name and present figure. */
class Chart {
  private readonly area = svg("path", { class: "area" })
  private readonly line = svg("path", { class: "line" })
  private readonly dot = svg("path", { class: "dot" })
  private readonly figure = html("b")
  readonly element: HTMLElement

  constructor(name: string) {
    this.element = html(
      "div",
      { class: "chart" },
      html("span", {}, name),
      this.figure,
      svg(
        "svg",
        { viewBox: `0 -3 ${width + 4} ${height + 4}`, preserveAspectRatio: "none", "aria-hidden": "true" },
        this.area,
        this.line,
        this.dot
      )
    )
  }

  draw(values: ReadonlyArray<number | null>, top: number, figure: string): void {
    const { area, last, line } = sparkline(values, { width, height, length: historyLength, top })
    set(this.line, { d: line })
    set(this.area, { d: area })
    // A line of no length has round ends, and stays round when the picture is stretched.
    set(this.dot, { d: last === undefined ? undefined : `M${last.x.toFixed(2)} ${last.y.toFixed(2)}h0.01` })
    say(this.figure, figure)
  }
}

const healthOf = ({ health, silence, state }: NodeFigures): { readonly word: string; readonly state: string } => {
  if (state === "silent") return { word: silence === undefined ? "silent" : "does not answer", state: "silent" }
  if (health === "fail") return { word: "failed", state: "silent" }
  if (health === "loading") return { word: "loading", state: "wait" }
  return state === "asked" ? { word: "asked", state: "wait" } : { word: "up", state: "up" }
}

/** The card of one node. */
class NodeCard {
  private readonly role = html("span", { class: "role" })
  private readonly address = html("code")
  private readonly health = html("span", { class: "health" })
  private readonly zone = html("span", { class: "zone" })
  private readonly commands = new Chart("commands/s")
  private readonly latency = new Chart("latency")
  private readonly facts = html("dl")
  readonly element = html(
    "article",
    { class: "node", tabindex: 0 },
    html("header", {}, this.role, this.address, this.zone, this.health),
    html("div", { class: "charts" }, this.commands.element, this.latency.element),
    this.facts
  )

  draw(
    cluster: Cluster,
    node: NodeFigures,
    shard: NumberedShard | undefined,
    top: { commands: number; latency: number }
  ): void {
    const { state, word } = healthOf(node)
    set(this.element, { "data-node": node.address, "data-state": state, "data-role": node.role })
    say(this.role, node.role)
    say(this.address, node.address)
    say(this.zone, node.zone ?? "")
    say(this.health, word)
    set(this.health, { title: node.silence?.cause })
    const history = cluster.historyOf(node.address)
    const rate = node.rates === undefined ? "–" : count(node.rates.commands)
    const latency = node.latency === undefined ? "–" : millis(node.latency)
    this.commands.draw(history.commands, top.commands, rate)
    this.latency.draw(history.latency, top.latency, latency)
    this.drawFacts(node)
    const place = shard === undefined ? "serves no slots" : `of shard ${shard.number}`
    set(this.element, {
      "aria-label": `${node.role} ${node.address} ${place}, ${word}` +
        (state === "up" ? `, ${rate} commands per second, latency ${latency}` : "")
    })
  }

  private drawFacts(node: NodeFigures): void {
    const facts: ReadonlyArray<readonly [name: string, value: string]> = [
      [
        "memory",
        node.memory === undefined
          ? "–"
          : `${bytes(node.memory)}${
            node.maxMemory === undefined || node.maxMemory === 0 ? "" : ` of ${bytes(node.maxMemory)}`
          }`
      ],
      ["keys", node.keys === undefined ? "–" : count(node.keys)],
      ["clients", node.clients === undefined ? "–" : count(node.clients)],
      node.role === "replica"
        ? ["behind", node.linkUp === false ? "no link" : node.lag === undefined ? "–" : bytes(node.lag)]
        : ["hits", node.hitRate === undefined ? "–" : percent(node.hitRate)]
    ]
    const [first] = this.facts.children
    if (first === undefined) this.facts.append(...facts.map(() => html("div", {}, html("dt"), html("dd"))))
    for (const [i, [name, value]] of facts.entries()) {
      const [term, description] = this.facts.children[i].children
      say(term, name)
      say(description, value)
    }
  }
}

/** One shard with its nodes. */
class ShardGroup {
  private readonly title = html("h3")
  private readonly slots = html("p")
  private readonly cards = html("div", { class: "cards" })
  readonly element = html("section", { class: "shard" }, html("header", {}, this.title, this.slots), this.cards)

  draw(title: string, about: string, hue: number | undefined, cards: ReadonlyArray<HTMLElement>): void {
    tint(this.element, hue)
    say(this.title, title)
    say(this.slots, about)
    set(this.element, { "aria-label": `${title}, ${about}` })
    arrange(this.cards, cards)
  }
}

const rangesOf = ({ count, slots }: NumberedShard): string => {
  const ranges = slots.slice(0, 2).map(({ end, start }) => start === end ? `${start}` : `${start}–${end}`)
  return `${plural(count, "slot")}: ${ranges.join(", ")}${
    slots.length > 2 ? ` and ${slots.length - 2} more ranges` : ""
  }`
}

const topOf = (values: ReadonlyArray<ReadonlyArray<number | null>>, least: number): number =>
  Math.max(least, ...values.flat().map((value) => value ?? 0)) * 1.08

export class Nodes {
  private readonly cards = new Map<string, NodeCard>()
  private readonly groups = new Map<number, ShardGroup>()

  draw(cluster: Cluster): void {
    const { observation, shards } = cluster
    const histories = observation.nodes.map(({ address }) => cluster.historyOf(address))
    // One scale for all, so that charts can be compared.
    const top = {
      commands: topOf(histories.map(({ commands }) => commands), 10),
      latency: topOf(histories.map(({ latency }) => latency), 1)
    }
    const cardOf = (node: NodeFigures, shard: NumberedShard | undefined): HTMLElement => {
      const card = this.cards.get(node.address) ?? new NodeCard()
      this.cards.set(node.address, card)
      card.draw(cluster, node, shard, top)
      return card.element
    }
    const figures = (addresses: ReadonlyArray<string>): ReadonlyArray<NodeFigures> =>
      addresses.map((address) => cluster.node(address)).filter((node) => node !== undefined)
    const groups = shards.map((shard) => {
      const cards = figures([shard.primary, ...shard.replicas.toSorted()]).map((node) => cardOf(node, shard))
      return this.group(shard.number, `Shard ${shard.number}`, rangesOf(shard), shard.hue, cards)
    })
    const others = observation.nodes.filter(({ shard }) => shard === undefined)
    if (others.length > 0) {
      groups.push(
        this.group(
          0,
          "Without slots",
          plural(others.length, "node"),
          undefined,
          others.map((node) => cardOf(node, undefined))
        )
      )
    }
    arrange(byId("nodes"), groups)
    const present = new Set(observation.nodes.map(({ address }) => address))
    for (const address of this.cards.keys()) if (!present.has(address)) this.cards.delete(address)
  }

  private group(
    number: number,
    title: string,
    about: string,
    hue: number | undefined,
    cards: ReadonlyArray<HTMLElement>
  ): HTMLElement {
    const group = this.groups.get(number) ?? new ShardGroup()
    this.groups.set(number, group)
    group.draw(title, about, hue, cards)
    return group.element
  }
}
