/**
 * Runs the option `onConnect` on each new connection, before anybody uses it, within the limits that keep replies in order.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { NewConnection, ResolvedOptions } from "../ClusterOptions.ts"
import { complaint, misfitOf } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as CommandTable from "../commands/table/CommandTable.ts"
import { withoutArguments } from "../protocol/quotes.ts"
import { type Argument, type Reply, ServerError, UnreadableReply } from "../protocol/Reply.ts"
import {
  ConnectionError,
  DecodeError,
  exception,
  isRedisClusterException,
  OptionsError,
  type RedisClusterException,
  ReplyError
} from "../RedisClusterException.ts"
import type { LinkFailure } from "./Outgoing.ts"

/** Sends one command on the connection that is being made, and takes its one reply. */
type Exchange = (command: ReadonlyArray<Argument>) => Effect.Effect<Reply, LinkFailure>

/** Numbers are sent in decimal. */
const argumentOf = (value: Argument | number | bigint): Argument =>
  typeof value === "number" || typeof value === "bigint" ? String(value) : value

/** Why a command may not be sent there; `undefined` when it may. */
const objection = (spec: CommandSpec, args: ReadonlyArray<Argument>): string | undefined => {
  const use = spec.connectionUse(args)
  if (spec.blocking?.(args) !== undefined) return "it waits on the server, and the connection is wanted"
  switch (use?._tag) {
    case undefined:
      return spec.problem
    case "changes":
      return use.isPreparation === true ? undefined : "the client itself has to know of what it changes"
    case "never":
      return use.why
    case "changesProtocol":
    case "countsWrites":
    case "watches":
      return "it has no use on a connection that others share"
  }
}

/** The replies of a connection that is being made, one command at a time. */
class Preparation implements NewConnection {
  readonly host: string
  readonly port: number
  /** The reply to a command has not come: given up, lost, or still on its way. */
  isShifted = false
  isOver = false
  private readonly exchange: Exchange
  private readonly turns = Semaphore.makeUnsafe(1)

  constructor({ host, port }: Endpoint, exchange: Exchange) {
    this.host = host
    this.port = port
    this.exchange = exchange
  }

  readonly send: NewConnection["send"] = (given, ...values) =>
    Effect.suspend(() => {
      const args = values.map(argumentOf)
      const [first, ...rest] = String(given).split(" ")
      const words: ReadonlyArray<Argument> = [first, ...rest, ...args]
      const spec = new CommandSpec(String(given), {})
      const problem = objection(spec, args)
      const name = () => shownName(spec.name, words.slice(1))
      if (problem !== undefined) return Effect.fail(refused(name(), `cannot be sent by onConnect: ${problem}`))
      const misfit = misfitOf(args)
      if (misfit >= 0) return Effect.fail(refused(name(), `argument ${misfit + 1} is ${complaint(args[misfit])}`))
      return this.turns.withPermits(1)(Effect.suspend(() =>
        this.isOver || this.isShifted
          ? Effect.fail(refused(name(), "onConnect has ended, or has not waited for the reply to a command"))
          : this.answered(name, words)
      ))
    })

  private answered(name: () => string, words: ReadonlyArray<Argument>): Effect.Effect<Reply, RedisClusterException> {
    this.isShifted = true
    return this.exchange(words).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          this.isShifted = false
        })
      ),
      Effect.mapError(({ message }) =>
        exception(() => {
          const command = name()
          return new ConnectionError({ message: `${command}: ${message}`, outcome: "Unknown", command })
        })
      ),
      Effect.filterOrFail(
        (reply) => !(reply instanceof ServerError || reply instanceof UnreadableReply),
        (reply) => unanswered(name(), words, reply)
      )
    )
  }
}

/** The name for an error, with the subcommand where that is known: anything else may be a secret. */
const shownName = (name: string, args: ReadonlyArray<Argument>): string =>
  CommandTable.lookup(CommandTable.embedded(), name, args)?.spec.name ?? name

const refused = (name: string, why: string): RedisClusterException =>
  exception(() => new OptionsError({ message: `${name} ${why}`, outcome: "NotExecuted", command: name }))

const unanswered = (name: string, words: ReadonlyArray<Argument>, reply: Reply): RedisClusterException => {
  if (reply instanceof ServerError) {
    const message = `${name}: ${withoutArguments(reply.message, words.slice(1))}`
    return exception(() => new ReplyError({ message, code: reply.code, outcome: "Unknown", command: name }))
  }
  const message = `${name}: the reply cannot be had as text`
  return exception(() => new DecodeError({ message, outcome: "Executed", command: name }))
}

const failed = (why: string): Effect.Effect<never, LinkFailure> =>
  Effect.fail({ kind: "connection", message: `onConnect ${why}` })

/** The exit of an effect that may refuse to be interrupted: who waits for it here can leave at once. */
const exitOf = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.flatMap(
    Effect.forkDetach(effect),
    (fiber) => Effect.onInterrupt(Fiber.await(fiber), () => Effect.sync(() => fiber.interruptUnsafe()))
  )

/**
 * Runs the option `onConnect` on a connection that is being made. When it fails, when it was interrupted between a command and
 * its reply, or when the connection was lost meanwhile, the connection is not used.
 */
export const prepare = (
  onConnect: NonNullable<ResolvedOptions["onConnect"]>,
  endpoint: Endpoint,
  exchange: Exchange
): Effect.Effect<void, LinkFailure> =>
  Effect.suspend(() => {
    const preparation = new Preparation(endpoint, exchange)
    const { host, port, send } = preparation
    // An error that the function throws is a failure like any other.
    const effect = Effect.suspend(() => {
      const given = onConnect({ host, port, send })
      // Programs without types may give anything, a promise for example.
      return Effect.isEffect(given) ? given : Effect.fail(refused("onConnect", "has to give an Effect"))
    })
    return exitOf(effect).pipe(
      Effect.onExit(() => Effect.sync(() => void (preparation.isOver = true))),
      Effect.flatMap((exit) => {
        if (preparation.isShifted) return failed("ended before the reply to a command was there")
        if (Exit.isSuccess(exit)) return Effect.void
        const error = Cause.findErrorOption(exit.cause)
        // Its own errors may quote secrets.
        return failed(
          Option.isSome(error) && isRedisClusterException(error.value) ? `failed: ${error.value.message}` : "failed"
        )
      })
    )
  })
