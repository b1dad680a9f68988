/**
 * One subscription of the client, shared by all streams that want it.
 */
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { MessageBuffer } from "./MessageBuffer.ts"
import type { GapReason } from "./SubscriptionEvent.ts"
import type { Kind, Placement, Preparation, Wish } from "./Wish.ts"

/** A caller that asked for subscriptions, and waits until all of them are live. */
export class Call {
  /** The number of its subscriptions that are not live yet. */
  missing = 0
  /** Called when all of its subscriptions have been live. */
  private readonly onLive: () => void
  /** Called when one of them cannot be had. */
  readonly onRefused: (error: RedisClusterException) => void

  constructor(answers: { readonly onLive: () => void; readonly onRefused: (error: RedisClusterException) => void }) {
    this.onLive = answers.onLive
    this.onRefused = answers.onRefused
  }

  /** The listener learns that one of its subscriptions is live. */
  confirmed(): void {
    if (--this.missing === 0) this.onLive()
  }
}

/** A stream that gets the messages of a subscription. */
export interface SubscriptionListener {
  readonly shared: SharedSubscription
  readonly buffer: MessageBuffer
  /** Whether the stream has got the confirmation. */
  isLive: boolean
  /** Whether a call that asked for it has succeeded: it stays, whatever becomes of the others. */
  isKept: boolean
  /** The calls that asked for it and have not ended. */
  readonly calls: Set<Call>
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
  /** Whether all of these nodes have confirmed. */
  isLive = false
  /** The gap that the streams get once the subscription is live again. */
  gap: OpenGap | undefined
  /** The time before which no other node is asked, in monotonic milliseconds. */
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

  /**
   * Notes that the subscription is not live any more, so that messages since `from` may be lost. Several interruptions
   * count as one gap, with the earliest time and the first reason.
   */
  interrupt(from: number, reason: GapReason): void {
    if (this.gap === undefined) this.gap = { from, reason }
    else if (from < this.gap.from) this.gap = { from, reason: this.gap.reason }
    this.isLive = false
  }
}
