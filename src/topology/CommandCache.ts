/**
 * What the servers say about their commands, laid over the embedded table, for commands that are sent by name.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Command } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import type { Argument } from "../protocol/Reply.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import * as CommandTable from "./CommandTable.ts"

/**
 * A command found by name: its spec, and the arguments that are left when the words of the name are taken away.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  readonly spec: CommandSpec
  readonly args: ReadonlyArray<Argument>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface CommandCache {
  /** Finds a command. One that is unknown causes one look at what the servers know now, then an `OptionsError`. */
  readonly find: (name: string, args: ReadonlyArray<Argument>) => Effect.Effect<Found, RedisClusterException>
}

const command = new Command<CommandTable.CommandTable>(
  new CommandSpec("COMMAND", { readonly: true }),
  [],
  CommandTable.fromReply
)

const unknown = (name: string): RedisClusterException =>
  exception(() =>
    new OptionsError({
      message: `neither the servers nor this library know the command ${name.toUpperCase()}`,
      outcome: "NotExecuted",
      command: name
    })
  )

/**
 * A cache that is filled when a command is looked up first. Without the right to run COMMAND the embedded table serves.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (router: {
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
}): Effect.Effect<CommandCache> =>
  Effect.map(
    Effect.cachedInvalidateWithTTL(
      Effect.map(
        Effect.result(router.execute(command)),
        (result) =>
          result._tag === "Success"
            ? CommandTable.overlay(CommandTable.embedded(), result.success)
            : CommandTable.embedded()
      ),
      "Infinity"
    ),
    ([table, forget]): CommandCache => {
      const lookUp = (name: string, args: ReadonlyArray<Argument>): Effect.Effect<Found | undefined> =>
        Effect.map(table, (known) => {
          const match = CommandTable.lookup(known, name, args)
          return match === undefined ? undefined : { spec: match.spec, args: args.slice(match.nameArguments) }
        })
      return {
        find: Effect.fnUntraced(function*(name, args) {
          const found = yield* lookUp(name, args)
          if (found !== undefined) return found
          yield* forget
          return (yield* lookUp(name, args)) ?? (yield* Effect.fail(unknown(name)))
        })
      }
    }
  )
