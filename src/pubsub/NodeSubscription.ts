/**
 * One subscription as a node has it.
 *
 * @internal
 */
import type { SharedSubscription } from "./SharedSubscription.ts"
import type { Kind } from "./Wish.ts"

/**
 * - `absent`: the node does not have the subscription, or has refused it
 * - `asked`, `leaving`: a request was sent, and the node has not confirmed it
 * - `live`: the node has confirmed the subscription
 */
export class NodeSubscription {
  readonly kind: Kind
  readonly name: string
  readonly slot: number
  /**
   * The subscriptions of the client that it serves. Streams may want one name both at the owner and at a node by its
   * address.
   */
  readonly shared: Array<SharedSubscription> = []
  state: "absent" | "asked" | "live" | "leaving" = "absent"
  /** Counts the requests: the answer to an older request changes nothing. */
  round = 0
  /** The time at which the node last confirmed it, in monotonic milliseconds. */
  confirmedAt = 0
  /** The time at which the node last delivered a message for it, in monotonic milliseconds. */
  deliveredAt = 0

  constructor(kind: Kind, name: string, slot: number) {
    this.kind = kind
    this.name = name
    this.slot = slot
  }

  get isWanted(): boolean {
    return this.shared.length > 0
  }

  /** The last time at which the subscription has proved to be good. */
  get provenAt(): number {
    return Math.max(this.confirmedAt, this.deliveredAt)
  }
}
