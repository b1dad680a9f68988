/**
 * One wish for a subscription, shared by all streams that have it.
 *
 * @since 0.1.0
 */
import type { MessageBuffer } from "./MessageBuffer.ts"
import type { Desire } from "./Plan.ts"
import type { GapReason } from "./SubscriptionEvent.ts"

/** A stream's interest in a topic. */
export interface SubscriptionListener {
  readonly topic: Topic
  readonly buffer: MessageBuffer
  /** The stream was told that it is subscribed. */
  isLive: boolean
  /** Called when the server has confirmed for the first time. */
  readonly onLive: () => void
}

/** Since when messages may have been lost, and why. */
export interface OpenGap {
  readonly from: number
  readonly reason: GapReason
}

export class Topic {
  readonly desire: Desire
  readonly key: string
  /** The addresses of the nodes that have to hold it. */
  places: ReadonlyArray<string> = []
  /** Every one of them has confirmed. */
  isLive = false
  /** What is to be told once it is live again. */
  gap: OpenGap | undefined
  /** No other node is asked before, in monotonic milliseconds. */
  notBefore = 0
  readonly interests: Array<SubscriptionListener> = []

  constructor(desire: Desire, key: string) {
    this.desire = desire
    this.key = key
  }

  /** It is not live any more: nothing since `from` is certain. The earliest moment stands, with the first reason. */
  interrupt(from: number, reason: GapReason): void {
    if (this.gap === undefined) this.gap = { from, reason }
    else if (from < this.gap.from) this.gap = { from, reason: this.gap.reason }
    this.isLive = false
  }
}
