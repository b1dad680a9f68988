/**
 * The servers' description of their commands, laid over the embedded table, for commands that are sent by name.
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
import { argumentOf, isEncodeFailure, type Value } from "../commands/Value.ts"
import { upperCase } from "../commands/words.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface CommandCache {
  /**
   * The command with a name, whose second word may be the first argument. Its reply is not decoded any further.
   *
   * An unknown name causes one question to the servers, and then an `OptionsError`. However many names are unknown,
   * the servers are asked once a second at most.
   */
  readonly find: (name: string, args: ReadonlyArray<Value>) => Effect.Effect<Command<Reply>, RedisClusterException>
}

const command = new Command<CommandTable.CommandTable>(
  new CommandSpec("COMMAND", { readonly: true }),
  [],
  CommandTable.fromReply
)

/** The least time between two questions to the servers, in milliseconds. */
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

const notEncoded = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message: `send: a value cannot be encoded: ${message}`, outcome: "NotExecuted" }))

const noName = exception(() =>
  new OptionsError({ message: "send: the first argument has to be the name of a command", outcome: "NotExecuted" })
)

/**
 * The error of an unknown command. `refusal` is the error with which the servers refused to describe their commands.
 */
const unknown = (
  table: CommandTable.CommandTable,
  name: string,
  refusal: RedisClusterException | undefined
): RedisClusterException => {
  const upper = upperCase(name)
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
 * A cache that is filled when a command is first looked up. For a user without the right to run COMMAND it uses the
 * embedded table.
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

    /** The table after a question to the servers, or after the question that another fiber has just asked. */
    const ask = oneAtATime.withPermits(1)(
      Effect.gen(function*() {
        const now = monotonicMillis(yield* Clock.Clock)
        if (table !== undefined && now - askedAt < leastInterval) return table
        askedAt = now
        const told = yield* Effect.result(router.execute(command))
        refusal = Result.isFailure(told) ? told.failure : undefined
        // Known commands stay known, also when the server that reported them is gone.
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
      find: (name, values) =>
        Effect.suspend(() => {
          if (typeof name !== "string") return Effect.fail(noName)
          const args: Array<Argument> = []
          for (const value of values) {
            const argument = argumentOf(value)
            if (isEncodeFailure(argument)) return Effect.fail(notEncoded(argument.message))
            args.push(argument)
          }
          const found = table === undefined ? undefined : lookUp(table, name, args)
          return found === undefined ? findAnew(name, args) : Effect.succeed(found)
        })
    }
  })
