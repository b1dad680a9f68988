/**
 * What a subscription tells: messages, when it is live, and where messages may have been lost.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"

/**
 * A published message.
 *
 * @category models
 * @since 0.1.0
 */
export class Message<out P = string> {
  readonly _tag = "Message"
  /** The channel it was published to. */
  readonly channel: string
  /** The pattern that matched the channel, in a pattern subscription. */
  readonly pattern: string | undefined
  /** What was published: text, bytes, or what a schema made of it. */
  readonly payload: P
  /** The node that delivered it. */
  readonly node: ClusterNode
  /** The channel as the server sent it, in a subscription with `payload: "bytes"`: a name need not be UTF-8. */
  readonly channelBytes: Uint8Array | undefined

  constructor(
    channel: string,
    pattern: string | undefined,
    payload: P,
    node: ClusterNode,
    channelBytes?: Uint8Array
  ) {
    this.channel = channel
    this.pattern = pattern
    this.payload = payload
    this.node = node
    this.channelBytes = channelBytes
  }
}

/**
 * The server has confirmed: from here on nothing that is published to these channels is missed, until a `Gap` says
 * otherwise. It comes for each channel or pattern once, and again after each gap.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscribed {
  readonly _tag: "Subscribed"
  /** Channels, patterns or shard channels, as they were asked for. */
  readonly channels: ReadonlyArray<string>
  /** The node that confirmed; the last one, when several nodes have to. */
  readonly node: ClusterNode
}

/**
 * Why messages may have been lost.
 *
 * - `ConnectionLost`: the connection to the node was lost, or the node did not answer any more
 * - `OutputBufferLimit`: the server closed the connection while it had more to say than was read, which is what it does
 *   when a subscriber falls too far behind (`client-output-buffer-limit pubsub`). The server does not give its reason: this
 *   is what it looked like from here.
 * - `OwnerChanged`: the slot of the channel was moved to another node, its shard failed over, or the node left the cluster
 * - `Overflow`: this program was slower than the messages, and the strategy of the subscription is to drop some
 *
 * @category models
 * @since 0.1.0
 */
export type GapReason = "ConnectionLost" | "OutputBufferLimit" | "OwnerChanged" | "Overflow"

/**
 * Messages may have been lost: such as were published between `from` and `to`. It comes once the subscription is live
 * again, before any message of the time afterwards.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gap {
  readonly _tag: "Gap"
  /** Channels, patterns or shard channels, as they were asked for. */
  readonly channels: ReadonlyArray<string>
  /** The last moment that was known to be good, in milliseconds of the clock (since 1970). */
  readonly from: number
  /** When the server confirmed the subscription again, in milliseconds of the clock (since 1970). */
  readonly to: number
  readonly reason: GapReason
}

/**
 * @category models
 * @since 0.1.0
 */
export type SubscriptionEvent<P = string> = Message<P> | Subscribed | Gap
