/**
 * What routing counts when a command does not succeed at once: plain fields that are read when somebody asks.
 */
import * as Effect from "effect/Effect"
import { Listeners } from "../../internal/Listeners.ts"
import type { Reason, RedisClusterException } from "../../RedisClusterException.ts"
import { refuse } from "../Rejections.ts"
import type { Decision } from "./Recovery.ts"

export class RoutingStatistics {
  readonly redirects = { moved: 0, ask: 0 }
  /**
   * - `wait`: sent again after a wait for the topology
   * - `replica`: a read that was passed on to the next node of its shard
   * - `supply`: sent again behind the script or the library that the node had lacked
   */
  readonly retries = { wait: 0, replica: 0, supply: 0 }
  /** Commands that failed, by the tag of the reason; also those that were never sent. */
  readonly errors = new Map<string, number>()
  private readonly newReasons = new Listeners<[reason: string]>()
  /** Calls back when a command fails for a reason that none has failed for before. Returns how to stop that. */
  readonly onReason = this.newReasons.add

  decided(decision: Decision): void {
    switch (decision._tag) {
      case "RetryAt":
        if (decision.asking) this.redirects.ask++
        else this.redirects.moved++
        return
      case "RetryNext":
        this.retries.replica++
        return
      case "RetryAfter":
        this.retries.wait++
        return
      case "LoadThenResend":
        this.retries.supply++
        return
      case "Return":
      case "GiveUp":
        return
    }
  }

  failed(reason: string): void {
    const before = this.errors.get(reason)
    this.errors.set(reason, (before ?? 0) + 1)
    if (before === undefined) this.newReasons.tell(reason)
  }

  /** The failure of a command that is not under way, counted whenever it happens. */
  refuse(reason: Reason): Effect.Effect<never, RedisClusterException> {
    return Effect.suspend(() => {
      this.failed(reason._tag)
      return refuse(reason)
    })
  }
}
