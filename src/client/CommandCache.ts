/** The servers' description of their commands, laid over the embedded table, for commands that are sent by name. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { Command, lookedUp, rejected } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as CommandTable from "../commands/table/CommandTable.ts"
import { upperCase } from "../commands/words.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import type { LookUp } from "../routing/NamedRouter.ts"

export interface CommandCache {
  /**
   * The command with a name, whose second word may be the first argument. Its reply is not decoded any further.
   *
   * An unknown name causes one question to the servers, and then an `OptionsError`. However many names are unknown,
   * the servers are asked once a second at most.
   */
  readonly find: (name: string, args: ReadonlyArray<Argument>) => Effect.Effect<Command<Reply>, RedisClusterException>
  /** The command with the facts that belong to its name. A command whose name is unknown is refused when it runs. */
  readonly lookUp: LookUp
}

const command = new Command<CommandTable.CommandTable>(
  new CommandSpec("COMMAND", { readonly: true }),
  [],
  CommandTable.fromReply
)

/** The least time between two questions to the servers, in milliseconds. */
const leastInterval = 1000

/** Says that a command is unknown. `refusal` is the error with which the servers refused to describe their commands. */
const unknown = (
  table: CommandTable.CommandTable,
  upper: string,
  refusal: RedisClusterException | undefined
): string => {
  const what = CommandTable.lookup(table, upper, []) === undefined
    ? `the command ${upper}`
    : `this subcommand of ${upper}; it is the first argument after the name`
  return refusal === undefined
    ? `neither the servers nor this library know ${what}`
    : `this library does not know ${what}, and the servers refused to describe their commands: ${refusal.message}`
}

/**
 * Whether the replies to a command that this library does not know would have to be told by node. The type of its result says that
 * they are one.
 */
const answersUnawares = ({ name, request, response }: CommandSpec): boolean =>
  response === "perNode" && (request === "allShards" || request === "allNodes") &&
  !CommandTable.embedded().entries.has(name)

/**
 * A cache that is filled when a command is first looked up. For a user without the right to run COMMAND it uses the
 * embedded table.
 */
export const make = (router: {
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
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

    /** The facts about a name, or the reason why there are none. */
    const match = (
      name: string,
      args: ReadonlyArray<Argument>
    ): Effect.Effect<CommandTable.CommandMatch, string> =>
      Effect.suspend(() => {
        const found = table === undefined ? undefined : CommandTable.lookup(table, name, args)
        return found !== undefined ? Effect.succeed(found) : Effect.flatMap(ask, (known) => {
          const found = CommandTable.lookup(known, name, args)
          return found !== undefined ? Effect.succeed(found) : Effect.fail(unknown(known, upperCase(name), refusal))
        })
      })

    return {
      find: (name, args) =>
        Effect.matchEffect(match(name, args), {
          onFailure: (message) =>
            Effect.fail(
              exception(() => new OptionsError({ message, outcome: "NotExecuted", command: upperCase(name) }))
            ),
          onSuccess: ({ nameArguments, spec }) =>
            Effect.succeed(new Command(spec, args.slice(nameArguments), (reply: Reply) => reply))
        }),
      lookUp: (command) =>
        Effect.match(match(command.spec.name, command.args), {
          onFailure: (message) => rejected(command, message),
          onSuccess: ({ nameArguments, spec }) =>
            answersUnawares(spec)
              ? rejected(command, `${spec.name} answers by node: name the nodes, redis.on("primaries") for example`)
              : lookedUp(command, spec, nameArguments)
        })
    }
  })
