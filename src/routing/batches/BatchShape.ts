/**
 * Pipelines: many commands, of any slots, with results in the order of the commands.
 *
 * All entries are written before the first reply is awaited. Each entry has its own redirects and retries: none is
 * sent again because another one failed. A pipeline is not atomic; entries of one slot are executed in the order
 * given.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import { type Command, invalid, isCommand, type Success } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import {
  exception,
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

// A conditional type, so that editors show the results of a record and not the name of this type.
/**
 * The results of a batch, entry by entry: a tuple for a tuple, a record for a record.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Values<B extends Batch> = B extends Batch ? { -readonly [K in keyof B]: Success<B[K]> } : never

/**
 * The results of a batch as a `Result` for each entry: its value, or its error.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Results<B extends Batch> = B extends Batch
  ? { -readonly [K in keyof B]: Result.Result<Success<B[K]>, RedisClusterException> }
  : never

/**
 * Options of `pipelineStream` and `pipelineStreamResults`: how a stream of commands is divided into pipelines.
 *
 * @category models
 * @since 0.1.0
 */
export interface PipelineStreamOptions {
  /** The greatest number of commands of a batch. Default: 1024. */
  readonly batch?: number | undefined
  /** The greatest number of batches that are under way at a time. Default: 1. */
  readonly concurrency?: number | undefined
}

/** Whether a batch is a list. `Array.isArray` does not narrow the type of a read-only list. */
const isList = (batch: Batch): batch is ReadonlyArray<Command<unknown>> => Array.isArray(batch)

const nothing = new CommandSpec("PIPELINE", {})

const noEntry = (problem: string): Command<unknown> =>
  invalid(nothing, `${problem}; an entry is a command: Strings.get("key"), or what a method of the client gives`)

const areCommands = (entries: ReadonlyArray<unknown>): entries is ReadonlyArray<Command<unknown>> => {
  for (let i = 0; i < entries.length; i++) if (!isCommand(entries[i])) return false
  return true
}

/**
 * The entries of a batch in their order. Programs without types may pass anything: a value that is no command becomes
 * an entry that cannot be sent.
 */
export const entriesOf = (batch: Batch): ReadonlyArray<Command<unknown>> => {
  const given: unknown = batch
  if (typeof given !== "object" || given === null) return [noEntry("the batch is no list and no record of commands")]
  const entries: ReadonlyArray<unknown> = isList(batch) ? batch : Object.values(batch)
  return areCommands(entries)
    ? entries
    : entries.map((entry, i) => isCommand(entry) ? entry : noEntry(`entry ${i} is no command`))
}

/** Gives a list with an element for each entry the shape of the batch. */
export const shaped = (batch: Batch, list: ReadonlyArray<unknown>): unknown =>
  typeof batch !== "object" || batch === null || isList(batch)
    ? list
    : Object.fromEntries(Object.keys(batch).map((name, i) => [name, list[i]]))

/** The error of a batch, made from the error of one entry. */
export const entryError = (
  batch: "pipeline" | "transaction",
  index: number,
  command: Command<unknown>,
  cause: RedisClusterException,
  outcome: Outcome
): RedisClusterException => {
  const fields = {
    message: `entry ${index} of the ${batch}: ${cause.message}`,
    outcome,
    command: command.spec.name,
    node: cause.reason.node,
    attempts: cause.reason.attempts,
    index,
    cause
  }
  return exception(() => batch === "pipeline" ? new PipelineError(fields) : new TransactionError(fields))
}

/** The error of a pipeline with failed entries: it has the first failure, and the outcome of the whole. */
export const pipelineFailure = (
  commands: ReadonlyArray<Command<unknown>>,
  failures: Failures,
  base: number
): RedisClusterException => {
  const errors = [...failures.values()]
  const outcome = errors.some((error) => error.outcome === "Unknown")
    ? "Unknown"
    : errors.length === commands.length && errors.every((error) => error.outcome === "NotExecuted")
    ? "NotExecuted"
    : "Executed"
  const [index, cause] = [...failures].reduce((first, next) => next[0] < first[0] ? next : first)
  return entryError("pipeline", base + index, commands[index], cause, outcome)
}

/** Runs a batch for its values. */
export const run = <B extends Batch>(
  executeEvery: (
    commands: ReadonlyArray<Command<unknown>>
  ) => Effect.Effect<ReadonlyArray<unknown>, RedisClusterException>,
  batch: B
): Effect.Effect<Values<B>, RedisClusterException> =>
  // The decoder of each entry made the value at the place of the entry.
  Effect.map(executeEvery(entriesOf(batch)), (values) => shaped(batch, values) as Values<B>)

/** Runs a batch for a `Result` of each entry. */
export const runResults = <B extends Batch, E>(
  executeAll: (commands: ReadonlyArray<Command<unknown>>) => Effect.Effect<Outcomes, E>,
  batch: B
): Effect.Effect<Results<B>, E> =>
  Effect.map(executeAll(entriesOf(batch)), (outcomes) => shaped(batch, outcomes) as Results<B>)
