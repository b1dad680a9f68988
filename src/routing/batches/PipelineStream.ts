/**
 * Pipelines of any length: commands are taken from a stream and sent a batch at a time.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Command, Success } from "../../commands/Command.ts"
import * as checks from "../../internal/checks.ts"
import { exception, OptionsError, type RedisClusterException } from "../../RedisClusterException.ts"
import { entriesOf, type PipelineStreamOptions } from "./BatchShape.ts"
import type { Batching } from "./Pipeline.ts"
import { PipelineOrder } from "./PipelineOrder.ts"

const defaultBatch = 1024

/** Commands to run: a stream, or anything that can be iterated. */
export type CommandSource<C, E, R> = Stream.Stream<C, E, R> | Iterable<C>

const optionChecks: checks.Checks<PipelineStreamOptions> = { batch: checks.integer(1), concurrency: checks.integer(1) }

const bad = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message, outcome: "NotExecuted", command: "pipelineStream" }))

/** Whether a value can be a source of commands. Bytes can be iterated as well, and hold no commands. */
const isSource = (value: unknown): boolean =>
  Stream.isStream(value) || (Predicate.isIterable(value) && !ArrayBuffer.isView(value))

/**
 * The batches of a source. A batch does not wait for a slow source: it has the commands that have come meanwhile. An
 * iterable is never slow.
 */
const batchesOf = <C, E, R>(
  commands: CommandSource<C, E, R>,
  size: number
): Stream.Stream<ReadonlyArray<C>, E, R> =>
  Stream.isStream(commands)
    // `Stream.isStream` does not know the type of the elements.
    ? Stream.chunks(Stream.buffer(commands as Stream.Stream<C, E, R>, { capacity: size }))
    : Stream.chunks(Stream.fromIterable(commands, { chunkSize: size }))

const run = <C extends Command<unknown>, E, R, B>(
  { prepare = Effect.succeed }: Batching,
  execute: (commands: ReadonlyArray<Command<unknown>>, order: PipelineOrder) => Effect.Effect<
    ReadonlyArray<unknown>,
    RedisClusterException
  >,
  commands: CommandSource<C, E, R>,
  options: PipelineStreamOptions | undefined
): Stream.Stream<B, E | RedisClusterException, R> => {
  const problem = isSource(commands)
    ? checks.problemOf(options ?? {}, optionChecks)
    : "the source of commands has to be a stream or an iterable of commands"
  if (problem !== undefined) return Stream.fail(bad(problem))
  const { batch = defaultBatch, concurrency = 1 } = options ?? {}
  return Stream.suspend(() => {
    const order = new PipelineOrder()
    return batchesOf(commands, batch).pipe(
      // One batch after the other, before they run side by side: a batch takes its place in the order when it is executed.
      Stream.mapEffect((entries) => prepare(entriesOf(entries))),
      Stream.mapEffect((entries) => execute(entries, order), { concurrency }),
      // The decoder of each command made its value.
      Stream.flatMap((ended) => Stream.fromArray(ended as ReadonlyArray<B>))
    )
  })
}

/** Runs the commands of a source as they come, for their values. */
export const values = <C extends Command<unknown>, E, R>(
  batching: Batching,
  commands: CommandSource<C, E, R>,
  options: PipelineStreamOptions | undefined
): Stream.Stream<Success<C>, E | RedisClusterException, R> => run(batching, batching.pipeline, commands, options)

/** Runs the commands of a source as they come, for a `Result` of each. */
export const results = <C extends Command<unknown>, E, R>(
  batching: Batching,
  commands: CommandSource<C, E, R>,
  options: PipelineStreamOptions | undefined
): Stream.Stream<Result.Result<Success<C>, RedisClusterException>, E | RedisClusterException, R> =>
  run(batching, batching.pipelineResults, commands, options)
