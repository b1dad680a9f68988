/**
 * One subscription of the client, shared by all streams that wish for it.
 *
 * @internal
 */
import type { MessageBuffer } from "./MessageBuffer.ts"
import type { GapReason } from "./SubscriptionEvent.ts"
import type { Kind, Placement, Preparation, Wish } from "./Wish.ts"

/** A stream that listens to a subscription. */
export interface SubscriptionListener {
  readonly shared: SharedSubscription
  readonly buffer: MessageBuffer
  /** The stream was told that it is subscribed. */
  isLive: boolean
  /** Called when the server has confirmed for the first time. */
  readonly onLive: () => void
}

/** The time since when messages may have been lost, and the reason. */
export interface OpenGap {
  readonly from: number
  readonly reason: GapReason
}

export class SharedSubscription implements Wish {
  readonly kind: Kind
  readonly name: string
  readonly slot: number
  readonly placement: Placement
  readonly preparation: Preparation | undefined
  readonly key: string
  /** The addresses of the nodes that have to hold it. */
  places: ReadonlyArray<string> = []
  /** All of these nodes have confirmed. */
  isLive = false
  /** The gap that the streams are told of once it is live again. */
  gap: OpenGap | undefined
  /** No other node is asked before, in monotonic milliseconds. */
  notBefore = 0
  readonly listeners: Array<SubscriptionListener> = []

  constructor(wish: Wish, key: string) {
    this.kind = wish.kind
    this.name = wish.name
    this.slot = wish.slot
    this.placement = wish.placement
    this.preparation = wish.preparation
    this.key = key
  }

  /** It is not live any more: messages since `from` may be lost. The earliest time stands, with the first reason. */
  interrupt(from: number, reason: GapReason): void {
    if (this.gap === undefined) this.gap = { from, reason }
    else if (from < this.gap.from) this.gap = { from, reason: this.gap.reason }
    this.isLive = false
  }
}
