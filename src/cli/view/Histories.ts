/** The figures of the last rounds, so that a page that is opened later has its charts at once. */
import { type History, historyLength } from "../page/wire.ts"
import type { Observation } from "../sampler/Observation.ts"

const appended = (values: ReadonlyArray<number | null>, value: number | undefined): ReadonlyArray<number | null> =>
  [...values, value ?? null].slice(-historyLength)

export class Histories {
  nodes: ReadonlyMap<string, History> = new Map()
  totals: ReadonlyArray<number | null> = []
  private round = -1

  /** Takes the figures of a new round. Observations between two rounds bring none. */
  observe({ nodes, round, totals }: Observation): void {
    if (round === this.round) return
    this.round = round
    this.totals = appended(this.totals, totals.commands)
    const before = this.nodes
    this.nodes = new Map(nodes.map(({ address, latency, rates }) => {
      const known = before.get(address)
      return [address, {
        commands: appended(known?.commands ?? [], rates?.commands),
        latency: appended(known?.latency ?? [], latency)
      }]
    }))
  }
}
