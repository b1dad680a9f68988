/**
 * The former cluster, after another one has taken its place and while some of its addresses may still lead to it: its nodes
 * are asked whether it is back.
 */
import * as Effect from "effect/Effect"
import type { Answer, Inquiry, Wish } from "./Inquiry.ts"
import { areKin } from "./Judgement.ts"
import type { Snapshot } from "./Snapshot.ts"
import { shuffled } from "./Sources.ts"

/** The number of its nodes that one refresh asks. */
const mostAsked = 2

export class FormerCluster {
  private readonly inquiry: Inquiry
  private readonly random: () => number
  private snapshot: Snapshot | undefined

  constructor(inquiry: Inquiry, random: () => number) {
    this.inquiry = inquiry
    this.random = random
  }

  get isRemembered(): boolean {
    return this.snapshot !== undefined
  }

  /** Remembers the cluster whose place another one has taken. */
  remember(snapshot: Snapshot): void {
    this.snapshot = snapshot
  }

  /** Asks whether the former cluster is back at its own addresses, for its answer; `current` gives the map in use. */
  readonly ask = Effect.fnUntraced(function*(this: FormerCluster, current: () => Snapshot, timeout: number) {
    const former = this.snapshot
    if (former === undefined) return undefined
    const nodes = [...former.nodes.values()].filter((node) => node.id !== "" && !current().nodes.has(node.address))
    // All of its addresses belong to the new cluster, so that it cannot come back.
    if (nodes.length === 0) this.snapshot = undefined
    const wish: Wish = { known: former, detailed: true, troubled: true, timeout }
    for (const node of shuffled(nodes, this.random).slice(0, mostAsked)) {
      const answer = yield* Effect.option(this.inquiry.askEndpoint(node, wish))
      if (answer._tag === "None" || !areKin(answer.value.snapshot, former)) continue
      this.snapshot = undefined
      // Versions only grow.
      const back: Answer = { ...answer.value, snapshot: { ...answer.value.snapshot, version: current().version + 1 } }
      return back
    }
    return undefined
  })
}
