/**
 * The counts of subscriptions: plain fields that are read when somebody asks.
 *
 * @internal
 */
import { Listeners } from "../internal/Listeners.ts"
import type { GapReason } from "./SubscriptionEvent.ts"

export class PubSubStatistics {
  /** Messages that were handed to subscriptions: a message counts once for each that gets it. */
  messages = 0
  readonly gaps: Record<GapReason, number> = { ConnectionLost: 0, OutputBufferLimit: 0, OwnerChanged: 0, Overflow: 0 }
  /** Told of each gap, with its beginning in milliseconds since 1970. */
  private readonly gapListeners = new Listeners<[reason: GapReason, from: number]>()
  readonly onGap = this.gapListeners.add

  missed(reason: GapReason, from: number): void {
    this.gaps[reason]++
    this.gapListeners.tell(reason, from)
  }
}
