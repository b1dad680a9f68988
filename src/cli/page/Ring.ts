/** The ring: the slots by shard, the nodes of each shard beside its slots, their load within, and slots that move. */
import { type Cluster, type NumberedShard, type RecentMove, slotCount } from "./Cluster.ts"
import { byId, say, set, svg, tint } from "./dom.ts"
import { at, chord, middleOf, sector, spread } from "./geometry.ts"
import { count, plural } from "./words.ts"

const inner = 112
const outer = 138
const loadDepth = 22
const primaryRadius = 166
const replicaRadius = 196
/** The least part of the ring that can be seen. */
const visible = 0.004
const shownFor = 12_000
/** The angle between two replicas of a shard. */
const replicaRoom = 0.02

interface Place {
  readonly angle: number
  readonly radius: number
  readonly size: number
}

const stateOf = (cluster: Cluster, address: string): string => {
  const node = cluster.node(address)
  if (node === undefined || node.state === "silent" || node.health === "fail") return "silent"
  return node.health === "loading" || node.state === "asked" ? "wait" : "up"
}

export class Ring {
  private readonly arcs = svg("g", { class: "arcs" })
  private readonly loads = svg("g", { class: "loads" })
  private readonly moves = svg("g", { class: "moves" })
  private readonly open = svg("g", { class: "open-moves" })
  private readonly nodes = svg("g", { class: "ring-nodes" })
  private readonly figure = svg("text", { class: "figure", y: 2 })
  private readonly below = svg("text", { class: "below", y: 25 })
  private readonly covered = svg("text", { class: "covered", y: 48 })
  private readonly picture = svg(
    "svg",
    { viewBox: "-215 -215 430 430", role: "img" },
    svg("circle", { class: "track", r: (inner + outer) / 2, "stroke-width": outer - inner }),
    this.loads,
    this.arcs,
    this.open,
    this.moves,
    this.nodes,
    this.figure,
    this.below,
    this.covered
  )
  private readonly drawnMoves = new Map<number, SVGElement>()
  private drawn = ""
  private drawnNodes = ""

  constructor() {
    byId("ring").append(this.picture)
  }

  draw(cluster: Cluster, now: number): void {
    const { observation, shards } = cluster
    const topology = JSON.stringify(shards)
    if (topology !== this.drawn) this.drawArcs(cluster)
    this.drawn = topology
    this.drawLoads(cluster)
    this.drawNodes(cluster)
    this.drawMoves(cluster, now)
    this.drawOpenMoves(cluster)
    const missing = slotCount - observation.coveredSlots
    say(this.figure, count(observation.totals.commands))
    say(this.below, "commands/s")
    say(
      this.covered,
      missing === 0 ? `${plural(shards.length, "shard")}, all slots` : `${plural(missing, "slot")} without an owner`
    )
    set(this.covered, { "data-bad": missing === 0 ? undefined : "" })
    set(this.picture, {
      "aria-label": `${plural(shards.length, "shard")}: ` +
        shards.map(({ count, number, primary }) => `shard ${number} at ${primary} with ${plural(count, "slot")}`).join(
          ", "
        ) +
        (missing === 0 ? "" : `; ${plural(missing, "slot")} without an owner`)
    })
    const open = observation.moves.length
    say(
      byId("ring-note"),
      open > 0
        ? `${plural(open, "slot")} on the way: ${
          observation.moves.slice(0, 3).map((move) =>
            `${move.slot} to ${cluster.nodeWithId(move.to)?.address ?? "another node"}`
          ).join(", ")
        }${open > 3 ? " …" : ""}`
        : "The inner band shows the load of each shard; slots that move are drawn for a while."
    )
  }

  private drawArcs({ shards }: Cluster): void {
    this.arcs.replaceChildren(...shards.map(({ number, primary, hue, slots }) => {
      const path = svg(
        "path",
        {
          d: slots.map(({ end, start }) => sector(start / slotCount, (end + 1) / slotCount, inner, outer)).join(""),
          "data-shard": number
        },
        svg("title", {}, `Shard ${number}, ${primary}`)
      )
      tint(path, hue)
      return path
    }))
  }

  private drawLoads(cluster: Cluster): void {
    const rates = cluster.shards.map(({ primary }) => cluster.node(primary)?.rates?.commands ?? 0)
    const most = Math.max(1, ...rates)
    this.loads.replaceChildren(...cluster.shards.map((shard, i) => {
      const depth = 2 + loadDepth * rates[i] / most
      const path = svg("path", {
        d: shard.slots.filter(({ end, start }) => (end - start + 1) / slotCount > visible / 4).map(({ end, start }) =>
          sector(start / slotCount, (end + 1) / slotCount, inner - 5 - depth, inner - 5)
        ).join("")
      })
      tint(path, shard.hue)
      return path
    }))
  }

  private drawNodes(cluster: Cluster): void {
    const { shards } = cluster
    const drawn = JSON.stringify(shards.map((shard) => [
      shard.number,
      shard.slots,
      ...[shard.primary, ...shard.replicas].map((node) => [node, stateOf(cluster, node)])
    ]))
    if (drawn === this.drawnNodes) return
    this.drawnNodes = drawn
    const angles = spread(shards.map(({ slots }) => middleOf(slots, slotCount)), 0.06)
    const markers: Array<SVGElement> = []
    for (const [i, shard] of shards.entries()) {
      markers.push(this.marker(cluster, shard, shard.primary, { angle: angles[i], radius: primaryRadius, size: 15 }))
      for (const [j, replica] of shard.replicas.entries()) {
        const angle = angles[i] + (j - (shard.replicas.length - 1) / 2) * replicaRoom
        markers.push(this.marker(cluster, shard, replica, { angle, radius: replicaRadius, size: 9 }))
      }
    }
    this.nodes.replaceChildren(...markers)
  }

  private marker(cluster: Cluster, shard: NumberedShard, address: string, { angle, radius, size }: Place) {
    const { x, y } = at(angle, radius)
    const state = stateOf(cluster, address)
    const isPrimary = address === shard.primary
    const marker = svg(
      "g",
      {
        class: isPrimary ? "primary" : "replica",
        "data-state": state,
        transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`
      },
      svg(
        "title",
        {},
        `${address}, ${isPrimary ? "primary" : "replica"} of shard ${shard.number}${
          state === "silent" ? ", does not answer" : ""
        }`
      ),
      svg("circle", { r: size }),
      ...(state === "silent"
        ? [
          svg("path", {
            d: `M${-size / 2.6} ${-size / 2.6}L${size / 2.6} ${size / 2.6}M${size / 2.6} ${-size / 2.6}L${
              -size / 2.6
            } ${size / 2.6}`
          })
        ]
        : isPrimary
        ? [svg("text", { y: 5 }, `${shard.number}`)]
        : [])
    )
    tint(marker, shard.hue)
    return marker
  }

  private drawMoves(cluster: Cluster, now: number): void {
    const recent = cluster.moves.filter((move) => now - move.at < shownFor)
    for (const [id, element] of this.drawnMoves) {
      if (recent.some((move) => move.id === id)) continue
      element.remove()
      this.drawnMoves.delete(id)
    }
    for (const move of recent) {
      if (this.drawnMoves.has(move.id)) continue
      const element = this.moveOf(cluster, move)
      this.drawnMoves.set(move.id, element)
      this.moves.append(element)
    }
  }

  private moveOf(cluster: Cluster, { end, from, start, to }: RecentMove): SVGElement {
    const middle = (start + end + 1) / 2 / slotCount
    const half = Math.max(visible, (end - start + 1) / slotCount) / 2
    const [source, target] = [from, to].map((number) => cluster.shards.find((shard) => shard.number === number))
    const slots = start === end ? `Slot ${start}` : `Slots ${start} to ${end}`
    const group = svg(
      "g",
      { class: "move", "data-slots": start === end ? start : `${start}-${end}` },
      svg("title", {}, `${slots} moved to shard ${to}`),
      svg("path", { class: "moved", d: sector(middle - half, middle + half, outer + 2, outer + 9) }),
      ...(source === undefined || target === undefined ? [] : [svg("path", {
        class: "way",
        d: chord(middleOf(source.slots, slotCount), middleOf(target.slots, slotCount), inner - 8),
        pathLength: 1
      })])
    )
    tint(group, target?.hue)
    return group
  }

  private drawOpenMoves(cluster: Cluster): void {
    this.open.replaceChildren(
      ...cluster.observation.moves.slice(0, 200).map(({ slot, to }) => {
        const middle = (slot + 0.5) / slotCount
        const owner = cluster.shards.find(({ primary }) => cluster.node(primary)?.id === to)
        const path = svg(
          "path",
          { d: sector(middle - visible / 2, middle + visible / 2, inner - 3, outer + 6) },
          svg("title", {}, `Slot ${slot} is on the way`)
        )
        tint(path, owner?.hue)
        return path
      })
    )
  }
}
