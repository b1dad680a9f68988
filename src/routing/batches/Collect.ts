/**
 * Runs many commands with one suspension of the fiber: collects the end of each, and resumes the fiber once.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import type { Collector, Request, Step } from "../request/Request.ts"
import type { BatchCollector } from "./PipelineOrder.ts"

/**
 * The ends of several commands, in their order.
 */
export type Outcomes = ReadonlyArray<Result.Result<unknown, RedisClusterException>>

/**
 * The errors of failed commands, by position.
 */
export type Failures = ReadonlyMap<number, RedisClusterException>

export class OutcomeCollector implements Collector, BatchCollector {
  private readonly outcomes: Array<Result.Result<unknown, RedisClusterException>>
  private remaining: number
  private readonly done: (outcomes: Outcomes) => void

  constructor(count: number, done: (outcomes: Outcomes) => void) {
    this.outcomes = new Array<Result.Result<unknown, RedisClusterException>>(count)
    this.remaining = count
    this.done = done
  }

  succeeded(index: number, value: unknown): void {
    this.settle(index, Result.succeed(value))
  }

  failed(index: number, error: RedisClusterException): void {
    this.settle(index, Result.fail(error))
  }

  goOn(request: Request, step: Step): void {
    request.owner.proceed(request, step)
  }

  isPending(index: number): boolean {
    return this.outcomes[index] === undefined
  }

  failureOf(index: number): RedisClusterException | undefined {
    const outcome: Result.Result<unknown, RedisClusterException> | undefined = this.outcomes[index]
    return outcome !== undefined && Result.isFailure(outcome) ? outcome.failure : undefined
  }

  get isOver(): boolean {
    return this.remaining === 0
  }

  /** Notes the end of a command that never became a request, at its position. */
  settle(index: number, outcome: Result.Result<unknown, RedisClusterException>): void {
    this.outcomes[index] = outcome
    if (--this.remaining === 0) this.done(this.outcomes)
  }
}

/** Stands for a value that has not come: decoded values may be anything, even `undefined`. */
const pending = Symbol("pending")

/**
 * Collects plain values, as long as nothing fails.
 */
export class ValueCollector implements BatchCollector {
  private readonly values: Array<unknown>
  private failures: Map<number, RedisClusterException> | undefined = undefined
  private remaining: number
  private readonly done: (values: ReadonlyArray<unknown>, failures: Failures | undefined) => void

  constructor(count: number, done: (values: ReadonlyArray<unknown>, failures: Failures | undefined) => void) {
    this.values = new Array<unknown>(count).fill(pending)
    this.remaining = count
    this.done = done
  }

  succeeded(index: number, value: unknown): void {
    this.values[index] = value
    this.count()
  }

  failed(index: number, error: RedisClusterException): void {
    this.failures ??= new Map()
    this.failures.set(index, error)
    this.count()
  }

  isPending(index: number): boolean {
    return this.values[index] === pending && this.failures?.has(index) !== true
  }

  failureOf(index: number): RedisClusterException | undefined {
    return this.failures?.get(index)
  }

  get isOver(): boolean {
    return this.remaining === 0
  }

  private count(): void {
    if (--this.remaining === 0) this.done(this.values, this.failures)
  }
}

/** A part of a batch that can be cancelled. */
export interface Cancellable {
  cancel(): void
}

const cancelAll = (parts: ReadonlyArray<Cancellable>): Effect.Effect<void> =>
  Effect.sync(() => {
    for (const part of parts) part.cancel()
  })

/**
 * Starts many commands at once for their values. When some fail, `failed` makes the error of the whole from them,
 * after every command has ended.
 */
export const collectValues = (
  count: number,
  start: (values: ValueCollector) => ReadonlyArray<Cancellable>,
  failed: (failures: Failures) => RedisClusterException
): Effect.Effect<ReadonlyArray<unknown>, RedisClusterException> =>
  count === 0 ?
    Effect.succeed([]) :
    Effect.callback<ReadonlyArray<unknown>, RedisClusterException>((resume) =>
      cancelAll(start(
        new ValueCollector(
          count,
          (values, failures) => resume(failures === undefined ? Effect.succeed(values) : Effect.fail(failed(failures)))
        )
      ))
    )

/**
 * Starts many commands at once. Interrupting the effect cancels those that have not ended.
 */
export const collectOutcomes = (
  count: number,
  start: (collector: OutcomeCollector) => ReadonlyArray<Cancellable>
): Effect.Effect<Outcomes> =>
  count === 0 ? Effect.succeed([]) : Effect.callback<Outcomes>((resume) => {
    const parts = start(new OutcomeCollector(count, (outcomes) => resume(Effect.succeed(outcomes))))
    return cancelAll(parts)
  })
