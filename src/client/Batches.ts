/** Many commands at once: pipelines and transactions. */
import type * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type { Command, Success } from "../commands/Command.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import * as Pipeline from "../routing/batches/BatchShape.ts"
import type { Batching } from "../routing/batches/Pipeline.ts"
import * as PipelineStream from "../routing/batches/PipelineStream.ts"
import * as Transaction from "../routing/batches/Transaction.ts"

export interface BatchMembers {
  /**
   * Runs many commands at once, of any slots: all are written before a reply is awaited. The results are in the order
   * of the commands: a tuple for a tuple, a record for a record.
   *
   * **When to use**
   *
   * Use it for independent commands. For all or nothing use `transaction`; for a `Result` of each entry use
   * `pipelineResults`; for more commands than memory holds use `pipelineStream`.
   *
   * **Details**
   *
   * Entries of one slot are executed in their order. Each entry has its own deadline. When an entry cannot be sent (bad
   * input, keys of different slots, a command that runs on several nodes, a command that blocks) nothing is sent. When
   * entries fail, the pipeline fails after all entries have ended, with a `PipelineError` about the first failed one in
   * the order given: `index`, `command`, and the exception of the entry as `cause`.
   *
   * **Gotchas**
   *
   * A pipeline is not atomic, and entries of different slots have no order. `Effect.map` makes an effect that is no
   * command any more, and no entry: use `Command.map`. A failed pipeline may have executed other entries: its `outcome`
   * is that of the whole.
   *
   * **Example** (Three nodes, one wait)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * const visit = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const [name, visits] = yield* redis.pipeline([redis.get("user:1"), redis.incr("visits:1")])
   *   return { name, visits } // { name: string | null, visits: number }
   * })
   * ```
   */
  readonly pipeline: <const B extends Pipeline.Batch>(
    commands: B
  ) => Effect.Effect<Pipeline.Values<B>, RedisClusterException>
  /**
   * Runs many commands at once like `pipeline`, for a `Result` of each entry. The effect itself does not fail: an entry
   * that fails, or that cannot be sent, fails alone.
   *
   * **Example** (A report of what failed)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const report = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const { name, visits } = yield* redis.pipelineResults({ name: redis.get("user:1"), visits: redis.incr("visits:1") })
   *   return [name, visits].map((result) => result._tag === "Success" ? result.success : result.failure.reason._tag)
   * })
   * ```
   */
  readonly pipelineResults: <const B extends Pipeline.Batch>(commands: B) => Effect.Effect<Pipeline.Results<B>>
  /**
   * Runs a pipeline of any length in bounded memory, for its values in the order given.
   *
   * **When to use**
   *
   * Use it for a source of commands that is long, or that has no end. `pipelineStreamResults` goes on after a failed
   * entry.
   *
   * **Details**
   *
   * Commands of a stream are sent as they come; those that come while a batch is under way make up the next one, of at
   * most `batch` commands (default: 1024). `concurrency` batches are under way at a time (default: 1); entries of one
   * slot are executed in the order given over all batches.
   *
   * The stream fails with the `PipelineError` of the first batch in which an entry failed, with the error of
   * `commands`, and with `OptionsError` for options that cannot be used.
   *
   * **Gotchas**
   *
   * Batches that were sent before the failed one have been executed. The commands do not use the cache of the client.
   *
   * **Example** (Many values)
   *
   * ```ts
   * import { Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const load = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const commands = Stream.range(1, 10_000).pipe(Stream.map((i) => redis.set(`line:${i}`, i)))
   *   return yield* Stream.runCount(redis.pipelineStream(commands, { batch: 512 }))
   * })
   * ```
   */
  readonly pipelineStream: <C extends Command<unknown>, E = never, R = never>(
    commands: Stream.Stream<C, E, R> | Iterable<C>,
    options?: Pipeline.PipelineStreamOptions
  ) => Stream.Stream<Success<C>, E | RedisClusterException, R>
  /**
   * Runs a pipeline of any length in bounded memory like `pipelineStream`, for a `Result` of each entry. A failed
   * entry does not end the stream, which fails with the error of `commands` and with `OptionsError` only.
   *
   * **Example** (The number of failures)
   *
   * ```ts
   * import { Effect, Result, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const failures = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const commands = Stream.range(1, 1000).pipe(Stream.map((i) => redis.incr(`counter:${i}`)))
   *   return yield* redis.pipelineStreamResults(commands).pipe(Stream.filter(Result.isFailure), Stream.runCount)
   * })
   * ```
   */
  readonly pipelineStreamResults: <C extends Command<unknown>, E = never, R = never>(
    commands: Stream.Stream<C, E, R> | Iterable<C>,
    options?: Pipeline.PipelineStreamOptions
  ) => Stream.Stream<Result.Result<Success<C>, RedisClusterException>, E | RedisClusterException, R>
  /**
   * Runs commands as one transaction, MULTI to EXEC, on the node of their slot.
   *
   * **When to use**
   *
   * Use it for commands of one slot that must run together. For a transaction that depends on values that it reads,
   * use `watch`.
   *
   * **Details**
   *
   * All keys have to be of one slot, or the effect fails with `CrossSlotError` before anything is sent. Without any
   * key it runs on the default node, a primary. The shortest deadline of the entries is the deadline of the whole.
   *
   * When the server refuses an entry nothing is executed, and the error is a `TransactionError` about that entry with
   * the outcome `NotExecuted`. When the connection is lost the outcome is `Unknown`; the transaction is sent again
   * only if all entries read, or are marked idempotent.
   *
   * **Gotchas**
   *
   * Redis does not undo: when an entry fails while the transaction is executed, the others take effect, and the
   * outcome is `Executed`. `transactionResults` gives a `Result` of each entry. A blocking command does not block here.
   *
   * **Example** (An order and its place in the queue)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const order = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const [count, length] = yield* redis.transaction([
   *     redis.incr("{shop:1}orders"),
   *     redis.rpush("{shop:1}queue", "order")
   *   ])
   *   return { count, length } // { count: number, length: number }
   * })
   * ```
   */
  readonly transaction: <const B extends Pipeline.Batch>(
    commands: B
  ) => Effect.Effect<Pipeline.Values<B>, RedisClusterException>
  /**
   * Runs commands as one transaction like `transaction`, for a `Result` of each entry. The effect fails only when the
   * transaction was not executed, or when its outcome is unknown: with a `TransactionError`, a `ConnectionError` and so on.
   *
   * **Gotchas**
   *
   * A `Result` that is a failure did not stop the entries behind it.
   *
   * **Example** (The entry that failed)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const [set, incr] = yield* redis.transactionResults([redis.set("{t}name", "ada"), redis.incr("{t}name")])
   *   return [set._tag, incr._tag] // ["Success", "Failure"]
   * })
   * ```
   */
  readonly transactionResults: <const B extends Pipeline.Batch>(
    commands: B
  ) => Effect.Effect<Pipeline.Results<B>, RedisClusterException>
}

export const make = (batches: Batching): BatchMembers => ({
  pipeline: (commands) => Pipeline.run(batches.pipeline, commands),
  pipelineResults: (commands) => Pipeline.runResults(batches.pipelineResults, commands),
  pipelineStream: (commands, options) => PipelineStream.values(batches, commands, options),
  pipelineStreamResults: (commands, options) => PipelineStream.results(batches, commands, options),
  transaction: (commands) => Transaction.run(batches.transaction, commands),
  transactionResults: (commands) => Pipeline.runResults(batches.transaction, commands)
})
