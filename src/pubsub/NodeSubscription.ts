/**
 * One subscription as a node has it.
 *
 * @internal
 */
import type { SharedSubscription } from "./SharedSubscription.ts"
import type { Kind } from "./Wish.ts"

/**
 * - `absent`: the node does not have it, or has refused it
 * - `asked`, `leaving`: the node was told, and has not confirmed
 * - `live`: confirmed
 */
export class NodeSubscription {
  readonly kind: Kind
  readonly name: string
  readonly slot: number
  /** The subscriptions of the client that it serves: one name may be wished for at the owner, and at the node by its address. */
  readonly shared: Array<SharedSubscription> = []
  state: "absent" | "asked" | "live" | "leaving" = "absent"
  /** Counts the requests: an answer to an older one changes nothing. */
  round = 0
  /** When the node last confirmed it, in monotonic milliseconds. */
  confirmedAt = 0
  /** When the node last delivered a message for it, in monotonic milliseconds. */
  deliveredAt = 0

  constructor(kind: Kind, name: string, slot: number) {
    this.kind = kind
    this.name = name
    this.slot = slot
  }

  get isWanted(): boolean {
    return this.shared.length > 0
  }

  /** Until when the node has shown that the subscription is good. */
  get provenAt(): number {
    return Math.max(this.confirmedAt, this.deliveredAt)
  }
}
