/**
 * The route of a read: the nodes to which it may be sent, in order, and its present place among them.
 */
import type { Policy } from "../../ReadFrom.ts"
import type { ReadNode } from "./ReadNode.ts"

const nowhere: ReadonlyArray<ReadNode> = []

export class ReadRoute {
  readonly policy: Policy
  /**
   * The time at which the read is hedged, in monotonic milliseconds, if the policy hedges: it is then sent to the next
   * node although the first may still answer.
   */
  hedgeAt = 0
  /** Whether the read was sent to the next node as well. */
  isHedged = false
  private order: ReadonlyArray<ReadNode> = nowhere
  /** The primary, when the policy does not name it: it comes after all others. */
  private lastResort: ReadNode | undefined = undefined
  private position = 0

  constructor(policy: Policy) {
    this.policy = policy
  }

  /** The node to which the read was sent last; `undefined` when the read follows a redirect instead of the policy. */
  get current(): ReadNode | undefined {
    return this.nodeAt(this.position)
  }

  get next(): ReadNode | undefined {
    return this.nodeAt(this.position + 1)
  }

  begin(order: ReadonlyArray<ReadNode>, primary: ReadNode): ReadNode {
    this.order = order
    this.lastResort = order.includes(primary) ? undefined : primary
    this.position = 0
    return order.length === 0 ? primary : order[0]
  }

  /** Goes on to the next node. */
  advance(): ReadNode | undefined {
    this.isHedged = false
    return this.nodeAt(++this.position)
  }

  /** Leaves the policy: the read follows a redirect from now on. */
  leave(): void {
    this.order = nowhere
    this.lastResort = undefined
  }

  private nodeAt(position: number): ReadNode | undefined {
    return position < this.order.length
      ? this.order[position]
      : position === this.order.length
      ? this.lastResort
      : undefined
  }
}
