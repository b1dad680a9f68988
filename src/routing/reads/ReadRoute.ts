/**
 * The way of a read: the nodes that it may be asked of, in order, and where it is.
 */
import type { Policy } from "../../ReadFrom.ts"
import type { ReadNode } from "./ReadNode.ts"

const nowhere: ReadonlyArray<ReadNode> = []

export class ReadRoute {
  readonly policy: Policy
  /** When the next node is asked although the first may still answer, in monotonic milliseconds, if the policy hedges. */
  hedgeAt = 0
  /** The next node was asked as well. */
  isHedged = false
  private order: ReadonlyArray<ReadNode> = nowhere
  /** The primary, when the policy does not name it: it is asked after all others. */
  private lastResort: ReadNode | undefined = undefined
  private position = 0

  constructor(policy: Policy) {
    this.policy = policy
  }

  /** The node that was asked last; `undefined` when the read follows a redirect instead of the policy. */
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

  /** The read follows a redirect from now on. */
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
