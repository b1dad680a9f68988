/**
 * Many commands in one go: over any slots, with results in the order given.
 *
 * The entries are written to all nodes before the first reply is awaited. Each follows its own redirects and retries:
 * none is sent again because another one failed. A pipeline is not atomic; entries of one slot are executed in the order
 * given, unless that slot is on the move or a node lacks the script of one of them.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Command, Success } from "../../commands/Command.ts"
import {
  exception,
  OptionsError,
  type Outcome,
  PipelineError,
  type RedisClusterException,
  TransactionError
} from "../../RedisClusterException.ts"
import type { Failures, Outcomes } from "./Collect.ts"

/**
 * Several commands: a list, or a record that names them.
 *
 * @category models
 * @since 0.1.0
 */
export type Batch = ReadonlyArray<Command<unknown>> | { readonly [name: string]: Command<unknown> }

/**
 * The results of a batch, entry by entry: a tuple for a tuple, a record for a record.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Values<B extends Batch> = { -readonly [K in keyof B]: Success<B[K]> }

/**
 * How each entry of a batch ended.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Results<B extends Batch> = {
  -readonly [K in keyof B]: Result.Result<Success<B[K]>, RedisClusterException>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface PipelineStreamOptions {
  /** How many commands are under way at a time, at most. Default: 1024. */
  readonly batch?: number | undefined
}

const defaultBatch = 1024

const badBatch = exception(() =>
  new OptionsError({
    message: "batch has to be an integer of at least 1",
    outcome: "NotExecuted",
    command: "pipelineStream"
  })
)

/** Whether a batch is a list; the language's own test does not tell read-only lists. */
const isList = (batch: Batch): batch is ReadonlyArray<Command<unknown>> => Array.isArray(batch)

/**
 * The entries of a batch in their order.
 *
 * @category accessors
 * @since 0.1.0
 */
export const entriesOf = (batch: Batch): ReadonlyArray<Command<unknown>> => isList(batch) ? batch : Object.values(batch)

/**
 * Gives what belongs to the entries the shape of the batch.
 *
 * @category combinators
 * @since 0.1.0
 */
export const shaped = (batch: Batch, list: ReadonlyArray<unknown>): unknown =>
  isList(batch) ? list : Object.fromEntries(Object.keys(batch).map((name, i) => [name, list[i]]))

/** The error of an entry, as that of the whole batch. */
export const entryError = (
  batch: "pipeline" | "transaction",
  index: number,
  command: Command<unknown>,
  cause: RedisClusterException,
  outcome: Outcome
): RedisClusterException => {
  const fields = {
    message: `entry ${index} of the ${batch} (${command.spec.name}): ${cause.message}`,
    outcome,
    command: command.spec.name,
    node: cause.reason.node,
    attempts: cause.reason.attempts,
    index,
    cause
  }
  return exception(() => batch === "pipeline" ? new PipelineError(fields) : new TransactionError(fields))
}

/**
 * The error of a pipeline some entries of which failed: the first of them, and what became of the whole.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pipelineFailure = (
  commands: ReadonlyArray<Command<unknown>>,
  failures: Failures
): RedisClusterException => {
  const errors = [...failures.values()]
  const outcome = errors.some((error) => error.outcome === "Unknown")
    ? "Unknown"
    : errors.length === commands.length && errors.every((error) => error.outcome === "NotExecuted")
    ? "NotExecuted"
    : "Executed"
  const [index, cause] = [...failures].reduce((first, next) => next[0] < first[0] ? next : first)
  return entryError("pipeline", index, commands[index], cause, outcome)
}

/**
 * Runs a batch for its values.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = <B extends Batch>(
  executeEvery: (
    commands: ReadonlyArray<Command<unknown>>
  ) => Effect.Effect<ReadonlyArray<unknown>, RedisClusterException>,
  batch: B
): Effect.Effect<Values<B>, RedisClusterException> =>
  // Each value is what the decoder of its entry made, at the place of that entry.
  Effect.map(executeEvery(entriesOf(batch)), (values) => shaped(batch, values) as Values<B>)

/**
 * Runs a batch for how each entry ended.
 *
 * @category combinators
 * @since 0.1.0
 */
export const runResults = <B extends Batch, E>(
  executeAll: (commands: ReadonlyArray<Command<unknown>>) => Effect.Effect<Outcomes, E>,
  batch: B
): Effect.Effect<Results<B>, E> =>
  Effect.map(executeAll(entriesOf(batch)), (outcomes) => shaped(batch, outcomes) as Results<B>)

/**
 * Runs commands as they come, one batch after the other.
 *
 * @category combinators
 * @since 0.1.0
 */
export const runStream = <A, E, R>(
  executeAll: (commands: ReadonlyArray<Command<unknown>>) => Effect.Effect<Outcomes>,
  commands: Stream.Stream<Command<A>, E, R> | Iterable<Command<A>>,
  options: PipelineStreamOptions | undefined
): Stream.Stream<Result.Result<A, RedisClusterException>, E | RedisClusterException, R> => {
  const batch = options?.batch ?? defaultBatch
  if (!Number.isInteger(batch) || batch < 1) return Stream.fail(badBatch)
  const source: Stream.Stream<Command<A>, E, R> = Stream.isStream(commands)
    ? commands as Stream.Stream<Command<A>, E, R>
    : Stream.fromIterable(commands, { chunkSize: batch })
  return Stream.mapArrayEffect(Stream.rechunk(source, batch), (entries) =>
    Effect.map(
      executeAll(entries),
      // There are as many outcomes as entries, and these are not empty.
      (outcomes) => outcomes as unknown as Arr.NonEmptyReadonlyArray<Result.Result<A, RedisClusterException>>
    ))
}
