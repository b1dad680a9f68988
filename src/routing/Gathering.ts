/**
 * Many requests, one suspension: gathers how each ended and resumes the fiber once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Collector, Request } from "./Request.ts"

/**
 * How each of several commands ended, in their order.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcomes = ReadonlyArray<Result.Result<unknown, RedisClusterException>>

/**
 * @category models
 * @since 0.1.0
 */
export class Gathering implements Collector {
  private readonly outcomes: Array<Result.Result<unknown, RedisClusterException>>
  private remaining: number
  private readonly done: (outcomes: Outcomes) => void

  constructor(count: number, done: (outcomes: Outcomes) => void) {
    this.outcomes = new Array<Result.Result<unknown, RedisClusterException>>(count)
    this.remaining = count
    this.done = done
  }

  succeeded(request: Request, value: unknown): void {
    this.settle(request.index, Result.succeed(value))
  }

  failed(request: Request, error: RedisClusterException): void {
    this.settle(request.index, Result.fail(error))
  }

  /** How the command at a position ended that never became a request. */
  settle(index: number, outcome: Result.Result<unknown, RedisClusterException>): void {
    this.outcomes[index] = outcome
    if (--this.remaining === 0) this.done(this.outcomes)
  }
}

/**
 * Starts many requests at once. Interrupting the effect cancels those that have not ended.
 *
 * @category constructors
 * @since 0.1.0
 */
export const together = (
  count: number,
  start: (gathering: Gathering) => ReadonlyArray<Request>
): Effect.Effect<Outcomes> =>
  count === 0 ? Effect.succeed([]) : Effect.callback<Outcomes>((resume) => {
    const requests = start(new Gathering(count, (outcomes) => resume(Effect.succeed(outcomes))))
    return Effect.sync(() => {
      for (const request of requests) request.cancel()
    })
  })
