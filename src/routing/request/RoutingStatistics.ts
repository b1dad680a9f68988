/**
 * The counters of commands that do not succeed at once: plain fields that the metrics read on demand.
 */
import * as Effect from "effect/Effect"
import { Listeners } from "../../internal/Listeners.ts"
import type { Reason, RedisClusterException } from "../../RedisClusterException.ts"
import { refuse } from "../Rejections.ts"
import type { Decision } from "./Recovery.ts"

export class RoutingStatistics {
  readonly redirects = { moved: 0, ask: 0 }
  /**
   * - The retries. `wait`: sent again after a pause
   * - `replica`: a read that was passed on to the next node of its shard
   * - `supply`: sent again behind the script or the library that the node had lacked
   */
  readonly retries = { wait: 0, replica: 0, supply: 0 }
  /** The number of failed commands by the tag of the reason, including commands that were never sent. */
  readonly errors = new Map<string, number>()
  private readonly newReasons = new Listeners<[reason: string]>()
  /** Adds a listener for reasons for which a command fails for the first time. The result removes the listener. */
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

  /** Fails with a reason before the command is sent, and counts the failure each time the effect runs. */
  refuse(reason: Reason): Effect.Effect<never, RedisClusterException> {
    return Effect.suspend(() => {
      this.failed(reason._tag)
      return refuse(reason)
    })
  }
}
