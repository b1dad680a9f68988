/**
 * What the servers say about their commands, laid over the embedded table, for commands that are sent by name.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { Command } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as CommandTable from "../commands/table/CommandTable.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface CommandCache {
  /**
   * The command of a name, whose second word may come first among the arguments; its reply is taken as it comes.
   *
   * A name that is unknown causes one look at what the servers know now, then an `OptionsError`; however many are unknown,
   * the servers are asked once a second at most.
   */
  readonly find: (name: string, args: ReadonlyArray<Argument>) => Effect.Effect<Command<Reply>, RedisClusterException>
}

const command = new Command<CommandTable.CommandTable>(
  new CommandSpec("COMMAND", { readonly: true }),
  [],
  CommandTable.fromReply
)

/** Milliseconds from one look at what the servers know to the next, at least. */
const leastInterval = 1000

const lookUp = (
  table: CommandTable.CommandTable,
  name: string,
  args: ReadonlyArray<Argument>
): Command<Reply> | undefined => {
  const match = CommandTable.lookup(table, name, args)
  if (match === undefined) return undefined
  return new Command(match.spec, match.nameArguments === 0 ? args : args.slice(match.nameArguments), (reply) => reply)
}

const noName = exception(() =>
  new OptionsError({ message: "send: the first argument has to be the name of a command", outcome: "NotExecuted" })
)

/** `refusal` is why the servers did not tell what they know. */
const unknown = (
  table: CommandTable.CommandTable,
  name: string,
  refusal: RedisClusterException | undefined
): RedisClusterException => {
  const upper = name.toUpperCase()
  const what = CommandTable.lookup(table, name, []) === undefined
    ? `the command ${upper}`
    : `this subcommand of ${upper}; it is the first argument after the name`
  return exception(() =>
    new OptionsError({
      message: refusal === undefined
        ? `neither the servers nor this library know ${what}`
        : `this library does not know ${what}, and the servers did not tell their commands: ${refusal.message}`,
      outcome: "NotExecuted",
      command: upper
    })
  )
}

/**
 * A cache that is filled when a command is looked up first. Without the right to run COMMAND the embedded table serves.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (router: {
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
  /** Counts commands that fail, by the tag of the reason. */
  readonly statistics?: { readonly failed: (reason: string) => void } | undefined
}): Effect.Effect<CommandCache> =>
  Effect.sync((): CommandCache => {
    const oneAtATime = Semaphore.makeUnsafe(1)
    let table: CommandTable.CommandTable | undefined
    let refusal: RedisClusterException | undefined
    let askedAt = Number.NEGATIVE_INFINITY

    /** The table after a look at what the servers know, or after the look that others just had. */
    const ask = oneAtATime.withPermits(1)(
      Effect.gen(function*() {
        const now = monotonicMillis(yield* Clock.Clock)
        if (table !== undefined && now - askedAt < leastInterval) return table
        askedAt = now
        const told = yield* Effect.result(router.execute(command))
        refusal = Result.isFailure(told) ? told.failure : undefined
        // What was known stays known: a server that is gone takes nothing with it.
        return table = Result.isSuccess(told)
          ? CommandTable.overlay(CommandTable.embedded(), told.success)
          : table ?? CommandTable.embedded()
      })
    )

    const findAnew = (
      name: string,
      args: ReadonlyArray<Argument>
    ): Effect.Effect<Command<Reply>, RedisClusterException> =>
      Effect.flatMap(ask, (known) => {
        const found = lookUp(known, name, args)
        if (found !== undefined) return Effect.succeed(found)
        const error = unknown(known, name, refusal)
        router.statistics?.failed(error.reason._tag)
        return Effect.fail(error)
      })

    return {
      find: (name, args) =>
        Effect.suspend(() => {
          if (typeof name !== "string") return Effect.fail(noName)
          const found = table === undefined ? undefined : lookUp(table, name, args)
          return found === undefined ? findAnew(name, args) : Effect.succeed(found)
        })
    }
  })
