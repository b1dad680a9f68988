/** The cluster as an SVG picture: the ring of slots, and the nodes of each shard beside it. Light and dark. */
import type { ClusterNode } from "../../index.ts"
import { count } from "../output/text.ts"
import { type Facts, healthWord, rangeText } from "./Facts.ts"

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"'\p{Cc}]/gu, (sign) => sign < " " ? " " : `&#${sign.codePointAt(0)};`)

const hues = [210, 150, 35, 285, 0, 185, 60, 325, 110, 250]
const colourOf = (position: number): string => `hsl(${hues[position % hues.length]} 60% 50%)`

const size = 320
const centre = size / 2
const radius = 125
const band = 34
const lineHeight = 20

interface Arc {
  readonly owner: number | undefined
  readonly start: number
  end: number
}

/** Runs of slots with one owner. */
const arcsOf = ({ owners }: Facts): ReadonlyArray<Arc> => {
  const arcs: Array<Arc> = []
  owners.forEach((owner, slot) => {
    const last = arcs.at(-1)
    if (last !== undefined && last.owner === owner) last.end = slot
    else arcs.push({ owner, start: slot, end: slot })
  })
  return arcs
}

const point = (turn: number, distance: number): string => {
  const angle = turn * 2 * Math.PI
  return `${(centre + Math.sin(angle) * distance).toFixed(2)} ${(centre - Math.cos(angle) * distance).toFixed(2)}`
}

const arc = ({ end, owner, start }: Arc, slots: number, title: string): string => {
  const [from, to] = [start / slots, Math.min((end + 1) / slots, start / slots + 0.99999)]
  const large = to - from > 0.5 ? 1 : 0
  const [outer, inner] = [radius, radius - band]
  const path = `M${point(from, outer)}A${outer} ${outer} 0 ${large} 1 ${point(to, outer)}` +
    `L${point(to, inner)}A${inner} ${inner} 0 ${large} 0 ${point(from, inner)}Z`
  const fill = owner === undefined ? `class="lost"` : `fill="${colourOf(owner)}"`
  return `<path d="${path}" ${fill}><title>${escaped(title)}</title></path>`
}

const style =
  "text{font:13px system-ui,sans-serif;fill:#1f2328}.quiet{fill:#59636e}.bad{fill:#cf222e}.strong{font-weight:600}" +
  ".lost{fill:none;stroke:#cf222e;stroke-dasharray:3}.paper{fill:#fff}" +
  "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.bad{fill:#ff7b72}.paper{fill:#0d1117}}"

export const text = (facts: Facts): string => {
  const slots = facts.owners.length
  const arcs = arcsOf(facts).map((run) =>
    arc(
      run,
      slots,
      `${run.owner === undefined ? "no owner" : facts.shards[run.owner].primary.address}: ${run.start}-${run.end}`
    )
  )
  let y = 30
  const rows: Array<string> = []
  const put = (x: number, words: string, kind: string) => {
    rows.push(`<text x="${size + x}" y="${y}" class="${kind}">${escaped(words)}</text>`)
    y += lineHeight
  }
  const node = (of: ClusterNode) => {
    const health = healthWord(facts, of)
    const isBad = health === "down" || health === "fail"
    put(
      24,
      `${of.role} ${of.address}${of.zone === undefined ? "" : ` (${of.zone})`}${isBad ? `: ${health}` : ""}`,
      isBad ? "bad" : "quiet"
    )
  }
  facts.shards.forEach((shard, i) => {
    const ranges = rangeText(shard.ranges)
    rows.push(`<rect x="${size}" y="${y - 12}" width="14" height="14" rx="3" fill="${colourOf(i)}"/>`)
    put(
      24,
      `${shard.mark}: ${count(shard.slots)} slots, ${ranges.length > 40 ? `${ranges.slice(0, 38)}…` : ranges}`,
      "strong"
    )
    node(shard.primary)
    shard.replicas.forEach(node)
    y += 8
  })
  facts.idle.forEach(node)
  const [width, height] = [size + 380, Math.max(size, y)]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>A cluster of ${facts.shards.length} shards</title><style>${style}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    ...arcs,
    `<text x="${centre}" y="${centre - 4}" text-anchor="middle" class="strong">${count(facts.coveredSlots)}</text>`,
    `<text x="${centre}" y="${centre + 14}" text-anchor="middle" class="quiet">of ${count(slots)} slots</text>`,
    ...rows,
    "</svg>",
    ""
  ].join("\n")
}
