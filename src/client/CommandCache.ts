/** The servers' description of their commands, laid over the embedded table, for commands that are sent by name. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { Command, lookedUp, refused, rejected, timeout } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as CommandTable from "../commands/table/CommandTable.ts"
import { upperCase } from "../commands/words.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { isPassing, kindOf } from "../protocol/ErrorKind.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import {
  ClosedError,
  ConnectionError,
  exception,
  OptionsError,
  type Reason,
  type RedisClusterException,
  TimeoutError
} from "../RedisClusterException.ts"
import type { ClientRegion } from "../routing/ClientRegion.ts"
import { isOpen, type LookUp } from "../routing/NamedRouter.ts"
import { CallRegion } from "../routing/request/CallRegion.ts"

/** The servers that are asked for their commands. */
export interface Servers {
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
  readonly primaries: Effect.Effect<ReadonlyArray<ClusterNode>, RedisClusterException>
  readonly onNode: <A>(command: Command<A>, node: ClusterNode) => Effect.Effect<A, RedisClusterException>
}

/** The deadlines of the commands that are looked up. */
export interface Deadlines {
  readonly region: ClientRegion
  /** The timeout of commands without one of their own, in milliseconds. */
  readonly timeout: number
}

const question = new Command<CommandTable.CommandTable>(
  new CommandSpec("COMMAND", { readonly: true }),
  [],
  CommandTable.fromReply
)

/** The least time between the end of a question to the servers and the next question, in milliseconds. */
const leastInterval = 1000

/** The time after which other nodes are asked as well, in milliseconds: the first node may be stalled. */
const patience = 250

/** Whether a server has answered: no other node and no later time would bring the description. */
const isRefusal = ({ reason }: RedisClusterException): boolean =>
  reason._tag === "DecodeError" || (reason._tag === "ReplyError" && !isPassing(kindOf(reason)))

/** The answer to the question: the table, or the error with which a server refused it. It fails for passing reasons. */
const answered = (
  told: Effect.Effect<CommandTable.CommandTable, RedisClusterException>
): Effect.Effect<Result.Result<CommandTable.CommandTable, RedisClusterException>, RedisClusterException> =>
  Effect.flatMap(
    Effect.result(told),
    (answer) =>
      Result.isSuccess(answer) || isRefusal(answer.failure) ? Effect.succeed(answer) : Effect.fail(answer.failure)
  )

/** Asks one node, and after a while two others beside it. The first answer counts. */
const ask = (servers: Servers) =>
  Effect.raceAll([
    answered(servers.execute(question)),
    servers.primaries.pipe(
      Effect.flatMap((nodes) =>
        nodes.length === 0
          ? answered(servers.execute(question))
          : Effect.raceAll(nodes.slice(0, 2).map((node) => answered(servers.onNode(question, node))))
      ),
      Effect.delay(patience)
    )
  ])

/** The reason for which a command was not sent, when the servers could not be asked for a passing reason. */
const reasonOf = ({ reason }: RedisClusterException, command: string): Reason => {
  const message = `${command} was not sent: the servers could not be asked for its keys: ${reason.message}`
  if (reason._tag === "TimeoutError") {
    const { timeout, waitingFor } = reason
    return new TimeoutError({ message, outcome: "NotExecuted", command, timeout, waitingFor })
  }
  return reason.outcome === "NotExecuted"
    ? reason
    : new ConnectionError({ message, outcome: "NotExecuted", command })
}

/**
 * Whether the replies to a command that this library does not know would have to be told by node. The type of its result says that
 * they are one.
 */
const answersUnawares = ({ name, request, response }: CommandSpec): boolean =>
  response === "perNode" && (request === "allShards" || request === "allNodes") &&
  !CommandTable.embedded().entries.has(name)

/**
 * The facts about commands by name. A name that the embedded table knows never waits for the servers; another name causes one question
 * to them, which all waiting commands share.
 */
export class CommandCache implements LookUp {
  private table: CommandTable.CommandTable | undefined
  /** Whether a server has answered: with its commands, or with a refusal. */
  private isAnswered = false
  /** The error with which a server refused to describe its commands. */
  private refusal: RedisClusterException | undefined
  /** The passing reason for which the last question failed. */
  private outage: RedisClusterException | undefined
  private running: Fiber.Fiber<void> | undefined
  private endedAt = Number.NEGATIVE_INFINITY
  private readonly servers: Servers
  private readonly clock: Clock.Clock
  private readonly region: CallRegion | undefined
  private readonly timeout: number

  constructor(servers: Servers, clock: Clock.Clock, deadlines: Deadlines | undefined) {
    this.servers = servers
    this.clock = clock
    this.region = deadlines === undefined ? undefined : new CallRegion(deadlines.region)
    this.timeout = deadlines === undefined ? Infinity : deadlines.timeout
  }

  /**
   * The command with a name, whose second word may be the first argument. Its reply is not decoded any further.
   *
   * An unknown name causes one question to the servers, and then an `OptionsError`. However many names are unknown, the
   * servers are asked once a second at most.
   */
  find(name: string, args: ReadonlyArray<Argument>): Effect.Effect<Command<Reply>, RedisClusterException> {
    return Effect.suspend(() => {
      const match = this.match(name, args)
      return match === undefined ? Effect.map(this.told, () => this.match(name, args)) : Effect.succeed(match)
    }).pipe(
      Effect.flatMap((match) =>
        match === undefined
          ? Effect.fail(exception(() => this.missing(name, CommandTable.shownName(name))))
          : Effect.succeed(
            new Command(match.spec, args.slice(match.nameArguments), (reply: Reply) => reply)
          )
      )
    )
  }

  /** The command with the facts that belong to its name; in a form that is refused when there are none. */
  readonly one: LookUp["one"] = (command) =>
    Effect.suspend(() => {
      const found = this.known(command)
      return found === undefined ? this.waited(command) : Effect.succeed(found)
    })

  readonly all: LookUp["all"] = (commands) =>
    Effect.suspend(() => {
      const ready = commands.map((command) => isOpen(command) ? this.known(command) : command)
      if (!ready.includes(undefined)) return Effect.succeed(ready.filter((command) => command !== undefined))
      const begun = this.now
      const rest = commands.filter((_, i) => ready[i] === undefined)
      return Effect.map(
        Effect.forEach(rest, (command) => this.waited(command), { concurrency: "unbounded" }),
        (found) => {
          const next = found.values()
          return commands.map((command, i) => {
            const known = ready[i]
            return known === undefined ? next.next().value ?? command : this.shortened(known, begun)
          })
        }
      )
    })

  /** Ends the running question with the client. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.endedAt = Number.POSITIVE_INFINITY
    this.outage = exception(() => new ClosedError({ message: "the client is closed", outcome: "NotExecuted" }))
    return this.running === undefined ? Effect.void : Fiber.interrupt(this.running)
  })

  private get now(): number {
    return monotonicMillis(this.clock)
  }

  /** The facts about a name that are known at once. They may be out of date until a server has been asked. */
  private match(name: string, args: ReadonlyArray<Argument>): CommandTable.CommandMatch | undefined {
    const found = CommandTable.lookup(this.table ?? CommandTable.embedded(), name, args)
    if (found !== undefined && !this.isAnswered) this.start()
    return found
  }

  private known<A, M>(command: Command<A, M>): Command<A, M> | undefined {
    const match = this.match(command.spec.askedName, command.args)
    if (match === undefined) return undefined
    const { nameArguments, spec } = match
    return answersUnawares(spec)
      ? rejected(command, `${spec.name} answers by node: name the nodes, redis.on("primaries") for example`)
      : lookedUp(command, spec, nameArguments)
  }

  /** The command after an answer of the servers, for which it waits until its own deadline. */
  private waited<A, M>(given: Command<A, M>): Effect.Effect<Command<A, M>> {
    return Effect.suspend(() => {
      const begun = this.now
      const command = this.settled(given)
      if (command.settings.invalid !== undefined) return Effect.succeed(command)
      const limit = command.settings.timeout ?? this.timeout
      const told = Number.isFinite(limit) ? Effect.timeoutOption(this.told, limit) : Effect.asSome(this.told)
      return Effect.map(told, (told) => {
        const found = Option.isNone(told) ? undefined : this.known(command)
        if (found !== undefined) return this.shortened(found, begun)
        const { askedName } = command.spec
        const shown = CommandTable.shownName(askedName)
        return refused(command, Option.isNone(told) ? late(shown, limit) : this.missing(askedName, shown))
      })
    })
  }

  private settled<A, M>(command: Command<A, M>): Command<A, M> {
    return this.region === undefined ? command : this.region.settle(command)
  }

  /** A command that has waited since a time, with the rest of its time. */
  private shortened<A, M>(given: Command<A, M>, begun: number): Command<A, M> {
    const waited = this.now - begun
    const command = this.settled(given)
    const limit = command.settings.timeout ?? this.timeout
    return waited === 0 || !Number.isFinite(limit) || command.settings.invalid !== undefined
      ? given
      : timeout(command, Math.max(0, Math.ceil(limit - waited)))
  }

  /** Waits for the answer of the servers: that of the running question, or of a new one when the last one is long ago. */
  private readonly told: Effect.Effect<void> = Effect.suspend(() => {
    this.start()
    return this.running === undefined ? Effect.void : Effect.asVoid(Fiber.await(this.running))
  })

  /**
   * Begins a question, unless one runs or has just ended. No caller's region or interruption reaches it, because its answer is for
   * all callers.
   */
  private start(): void {
    if (this.running !== undefined || this.now - this.endedAt < leastInterval) return
    const fiber = Effect.runForkWith(Context.make(Clock.Clock, this.clock))(
      Effect.map(Effect.result(ask(this.servers)), (answer) => this.end(answer))
    )
    // A question that has ended in one go has nothing to wait for.
    this.running = fiber.pollUnsafe() === undefined ? fiber : undefined
  }

  private end(
    answer: Result.Result<Result.Result<CommandTable.CommandTable, RedisClusterException>, RedisClusterException>
  ): void {
    this.running = undefined
    this.endedAt = this.now
    this.outage = Result.isFailure(answer) ? answer.failure : undefined
    if (Result.isFailure(answer)) return
    this.isAnswered = true
    const told = answer.success
    this.refusal = Result.isFailure(told) ? told.failure : undefined
    // Known commands stay known, also when the server that reported them is gone.
    if (Result.isSuccess(told)) this.table = CommandTable.overlay(CommandTable.embedded(), told.success)
  }

  /** The reason to refuse a command about whose name nothing is known. */
  private missing(asked: string, shown: string): Reason {
    return this.outage === undefined
      ? new OptionsError({ message: this.unknown(asked, shown), outcome: "NotExecuted", command: shown })
      : reasonOf(this.outage, shown)
  }

  private unknown(asked: string, shown: string): string {
    const isContainer = CommandTable.lookup(this.table ?? CommandTable.embedded(), asked, []) !== undefined
    const what = isContainer
      ? `this subcommand of ${shown}; it is the first argument after the name`
      : shown === upperCase(asked)
      ? `the command ${shown}`
      : `a command whose name is ${shown} and more words; arguments are separate: send("SET", "user:1", "x")`
    return this.refusal === undefined
      ? `neither the servers nor this library know ${what}`
      : `this library does not know ${what}, and the servers refused to describe their commands: ${this.refusal.message}`
  }
}

/** The reason to refuse a command whose deadline has passed while it waited for the answer of the servers. */
const late = (command: string, timeout: number): Reason =>
  new TimeoutError({
    message: `${command} was not sent: the servers did not describe their commands within ${timeout} ms`,
    outcome: "NotExecuted",
    command,
    timeout,
    waitingFor: "reply"
  })

/**
 * A cache that asks the servers when a command is first looked up. For a user without the right to run COMMAND it uses
 * the embedded table.
 */
export const make = (servers: Servers, deadlines?: Deadlines): Effect.Effect<CommandCache, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(Clock.Clock, (clock) => new CommandCache(servers, clock, deadlines)),
    (cache) => cache.close
  )
