/**
 * The nodes whose role the servers are about to settle: nodes that do not serve any more, nodes that are back, nodes that are
 * up and missing in the map. While there are any, the client refreshes the map soon, and then less and less often.
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { pauseBeforeLook } from "./RefreshPace.ts"
import { nodeWithId, type Snapshot } from "./Snapshot.ts"

/** Whether the node serves slots, as a primary or as a replica. */
export const isServing = (snapshot: Snapshot, node: ClusterNode): boolean =>
  snapshot.primaries.includes(node) || snapshot.replicas.includes(node)

export class Unsettled {
  private readonly random: () => number
  /** The ids of nodes that do not serve any more, or that are back. */
  private readonly nodes = new Set<string>()
  /** Whether the last answer lacked a node that is up. */
  private lacksNodes = false
  private looks = 0

  constructor(random: () => number) {
    this.random = random
  }

  get isEmpty(): boolean {
    return this.nodes.size === 0 && !this.lacksNodes
  }

  /** The pause before the next refresh, in milliseconds; `undefined` when there have been enough. */
  nextPause(): number | undefined {
    return pauseBeforeLook(this.looks, this.random())
  }

  /** Counts a refresh that was made because of these nodes. */
  looked(): void {
    this.looks++
  }

  /** Begins the pauses again, because something has happened. */
  lookSoon(): void {
    this.looks = 0
  }

  /** A node that was down answers: its role may be another one now, and the servers need a moment to notice. */
  cameBack(snapshot: Snapshot, node: ClusterNode): void {
    if (isServing(snapshot, node)) return
    this.nodes.add(node.id)
    this.lookSoon()
  }

  /** Notes nodes that are up and have vanished or serve no more, so that another refresh follows soon. */
  changed(previous: Snapshot, next: Snapshot, isUp: (node: ClusterNode) => boolean): void {
    const known = this.nodes.size
    this.lacksNodes = false
    for (const node of previous.nodes.values()) {
      const now = nodeWithId(next, node.id)
      if (now === undefined) this.lacksNodes ||= node.id !== "" && isUp(node)
      else if (isServing(previous, node) && !isServing(next, now) && now.health !== "fail") this.nodes.add(node.id)
    }
    if (this.nodes.size > known || this.lacksNodes) this.lookSoon()
  }

  /** Forgets the nodes whose role this map has settled. */
  settledBy(snapshot: Snapshot): void {
    for (const id of this.nodes) {
      const node = nodeWithId(snapshot, id)
      if (node === undefined || isServing(snapshot, node)) this.nodes.delete(id)
    }
  }
}
