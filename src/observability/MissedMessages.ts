/**
 * Joins the gaps of many subscriptions after one loss to one event for each reason.
 */
import type { GapReason } from "../pubsub/SubscriptionEvent.ts"
import type { MessagesMissed } from "./ClientEvent.ts"

export class MissedMessages {
  private readonly waiting = new Map<GapReason, MessagesMissed>()
  private readonly emit: (event: MessagesMissed) => void

  constructor(emit: (event: MessagesMissed) => void) {
    this.emit = emit
  }

  /** Notes a gap of one subscription. The event follows when all gaps of the moment are known. */
  add(reason: GapReason, from: number): void {
    if (this.waiting.size === 0) queueMicrotask(() => this.tell())
    const known = this.waiting.get(reason)
    this.waiting.set(reason, {
      _tag: "MessagesMissed",
      reason,
      from: Math.min(from, known?.from ?? from),
      subscriptions: (known?.subscriptions ?? 0) + 1
    })
  }

  private tell(): void {
    const events = [...this.waiting.values()]
    this.waiting.clear()
    for (const event of events) this.emit(event)
  }
}
