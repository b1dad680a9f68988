/**
 * What subscriptions count: plain fields that are read when somebody asks.
 *
 * @since 0.1.0
 */
import type { GapReason } from "./SubscriptionEvent.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class PubSubStatistics {
  /** Messages that were handed to subscriptions: a message counts once for each that gets it. */
  messages = 0
  readonly gaps: Record<GapReason, number> = { ConnectionLost: 0, OutputBufferLimit: 0, OwnerChanged: 0, Overflow: 0 }
  /** Told of each gap, with its beginning in milliseconds since 1970. */
  onGap: (reason: GapReason, from: number) => void = () => {}

  missed(reason: GapReason, from: number): void {
    this.gaps[reason]++
    this.onGap(reason, from)
  }
}
