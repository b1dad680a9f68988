/**
 * The counters of subscriptions: plain fields that the metrics read on demand.
 */
import { Listeners } from "../internal/Listeners.ts"
import type { GapReason } from "./SubscriptionEvent.ts"

export class PubSubStatistics {
  /** The number of messages that subscriptions got: a message counts once for each of them. */
  messages = 0
  readonly gaps: Record<GapReason, number> = { ConnectionLost: 0, OutputBufferLimit: 0, OwnerChanged: 0, Overflow: 0 }
  /** The listeners for gaps: they get the beginning of each gap in milliseconds since 1970. */
  private readonly gapListeners = new Listeners<[reason: GapReason, from: number]>()
  readonly onGap = this.gapListeners.add

  missed(reason: GapReason, from: number): void {
    this.gaps[reason]++
    this.gapListeners.tell(reason, from)
  }
}
