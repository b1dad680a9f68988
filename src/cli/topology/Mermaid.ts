/** The cluster as a diagram of Mermaid, for pages of Markdown. */
import type { ClusterNode } from "../../index.ts"
import { type Facts, healthWord, rangeText } from "./Facts.ts"

const escaped = (text: string): string => text.replaceAll(/[^\w .:,[\]()-]/g, (sign) => `#${sign.codePointAt(0)};`)

const cut = (text: string): string => text.length > 60 ? `${text.slice(0, 57)}...` : text

export const text = (facts: Facts): string => {
  let nodes = 0
  const node = (of: ClusterNode, [open, close]: readonly [string, string]) => {
    const id = `n${++nodes}`
    const health = healthWord(facts, of)
    const words = [of.role, of.address, ...(of.zone === undefined ? [] : [of.zone])].map(escaped).join("<br>")
    const mark = health === "down" || health === "fail" ? ":::down" : ""
    return { id, line: `${id}${open}"${words}"${close}${mark}` }
  }
  const shards = facts.shards.flatMap(({ mark, primary, ranges, replicas }, i) => {
    const first = node(primary, ["[", "]"])
    const copies = replicas.map((replica) => node(replica, ["(", ")"]))
    return [
      `  subgraph s${i + 1}["${mark}: slots ${escaped(cut(rangeText(ranges)))}"]`,
      ...[first, ...copies].map(({ line }) => `    ${line}`),
      ...copies.map(({ id }) => `    ${first.id} --> ${id}`),
      "  end"
    ]
  })
  const idle = facts.idle.length === 0
    ? []
    : [
      `  subgraph idle["no slots"]`,
      ...facts.idle.map((each) => `    ${node(each, ["(", ")"]).line}`),
      "  end"
    ]
  return ["flowchart LR", ...shards, ...idle, "  classDef down stroke:#c00,color:#c00", ""].join("\n")
}
