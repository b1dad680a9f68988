/**
 * One subscription as a node has it.
 */
import type { SharedSubscription } from "./SharedSubscription.ts"
import { publishedAfter } from "./transit.ts"
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
  /** The time at which the streams heard that the node has confirmed it, in monotonic milliseconds. */
  confirmedAt = 0
  /** The time at which the node last delivered a message for it, in monotonic milliseconds. */
  deliveredAt = 0
  /** `caughtUpAt` of the connection at the last message, or the last sign that the node serves the subscription. */
  caughtUpAt = 0

  constructor(kind: Kind, name: string, slot: number) {
    this.kind = kind
    this.name = name
    this.slot = slot
  }

  get isWanted(): boolean {
    return this.shared.length > 0
  }

  /** All messages that were published before this time have come. */
  get provenAt(): number {
    return this.provenBy(this.caughtUpAt)
  }

  /** All messages that were published before this time have come, when the client had read all that the node had sent by `caughtUpAt`. */
  provenBy(caughtUpAt: number): number {
    return Math.max(this.confirmedAt, publishedAfter(caughtUpAt))
  }
}
