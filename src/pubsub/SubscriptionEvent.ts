/**
 * The events of a subscription: messages, confirmations, and gaps in which messages may have been lost.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"

/**
 * A message of a subscription.
 *
 * @category models
 * @since 0.1.0
 */
export class Message<out P = string> {
  readonly _tag = "Message"
  /** The channel to which it was published. */
  readonly channel: string
  /** The pattern that matched the channel, in a pattern subscription. Messages without one have no such property, and print none. */
  declare readonly pattern: string | undefined
  /** The payload: text, bytes, or the value that a schema decoded. */
  readonly payload: P
  /** The node that delivered it. */
  readonly node: ClusterNode
  /** The channel as the server sent it, in a subscription with `payload: "bytes"`: a name need not be UTF-8. */
  declare readonly channelBytes: Uint8Array | undefined

  constructor(
    channel: string,
    pattern: string | undefined,
    payload: P,
    node: ClusterNode,
    channelBytes?: Uint8Array
  ) {
    this.channel = channel
    if (pattern !== undefined) this.pattern = pattern
    this.payload = payload
    this.node = node
    if (channelBytes !== undefined) this.channelBytes = channelBytes
  }
}

/**
 * The server has confirmed a subscription: from here on no message to these channels is missed, until a `Gap` says
 * otherwise. The event comes once for each channel or pattern, and again after each gap.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscribed {
  readonly _tag: "Subscribed"
  /** The channels, patterns or shard channels, as the program named them. */
  readonly channels: ReadonlyArray<string>
  /** The node that confirmed; the last one, when several nodes have to confirm. */
  readonly node: ClusterNode
}

/**
 * The reason why messages may have been lost.
 *
 * - `ConnectionLost`: the connection to the node was lost, or the node did not answer any more
 * - `OutputBufferLimit`: the server closed the connection while messages waited, as it does when a subscriber falls
 *   too far behind (`client-output-buffer-limit pubsub`). The server does not give its reason, so that this is what
 *   the client concludes.
 * - `OwnerChanged`: the slot of the channel was moved to another node, its shard failed over, or the node left the cluster
 * - `Overflow`: the program was slower than the messages, and the strategy of the subscription is to drop some
 *
 * @category models
 * @since 0.1.0
 */
export type GapReason = "ConnectionLost" | "OutputBufferLimit" | "OwnerChanged" | "Overflow"

/**
 * Messages that were published between `from` and `to` may have been lost. The event comes once the subscription is
 * live again, before all later messages.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gap {
  readonly _tag: "Gap"
  /** The channels, patterns or shard channels, as the program named them. */
  readonly channels: ReadonlyArray<string>
  /** The last moment at which the subscription was known to be good, in milliseconds since 1970. */
  readonly from: number
  /** The time at which the server confirmed the subscription again, in milliseconds since 1970. */
  readonly to: number
  readonly reason: GapReason
}

/**
 * An event of `subscribeEvents` and its siblings: a message, a confirmation, or a gap.
 *
 * @category models
 * @since 0.1.0
 */
export type SubscriptionEvent<P = string> = Message<P> | Subscribed | Gap
