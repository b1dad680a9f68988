/** One command on one connection, as an effect: no routing, no retries. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Command } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { type Argument, type Reply, UnreadableReply } from "../protocol/Reply.ts"
import type { LinkFailure, Outgoing } from "./Outgoing.ts"
import { type End, OwnCommand } from "./OwnCommand.ts"

class Query extends OwnCommand {
  private readonly resume: (effect: Effect.Effect<Reply, LinkFailure>) => void

  constructor(
    command: Command<unknown>,
    deadline: number,
    resume: (effect: Effect.Effect<Reply, LinkFailure>) => void
  ) {
    super(command, deadline)
    this.resume = resume
  }

  protected onEnd(end: End): void {
    this.resume(resultOf(end, this.command.spec.name))
  }
}

/**
 * A command over a connection that is being made. As long as it is not written, it waits for the end of the attempt to
 * connect, which has a bound of its own and knows why it failed.
 */
class FirstQuery extends Query {
  override onDeadline(written: boolean): void {
    if (written) super.onDeadline(written)
  }
}

const resultOf = (end: End, name: string): Effect.Effect<Reply, LinkFailure> => {
  switch (end._tag) {
    case "Replied":
      return end.reply instanceof UnreadableReply
        ? Effect.fail({ kind: "protocol", message: `${name}: ${end.reply.message}` })
        : Effect.succeed(end.reply)
    case "Lost":
      return Effect.fail(end.failure)
    case "Overdue":
      return Effect.fail({ kind: "connection", message: `${name} was not answered in time` })
  }
}

/** A command of the client itself, whose reply is not decoded any further. */
export const question = (name: string, ...args: ReadonlyArray<Argument>): Command<Reply> =>
  new Command(new CommandSpec(name, {}), args, (reply) => reply)

/** The question whether a node answers. */
export const ping = question("PING")

interface Sender {
  readonly send: (outgoing: Outgoing) => void
}

const queried = (
  connection: Sender,
  timeout: number,
  make: (deadline: number, resume: (effect: Effect.Effect<Reply, LinkFailure>) => void) => Query
): Effect.Effect<Reply, LinkFailure> =>
  Clock.clockWith((clock) =>
    Effect.callback((resume) => {
      const entry = make(monotonicMillis(clock) + timeout, resume)
      connection.send(entry)
      return Effect.sync(() => entry.abandon())
    })
  )

/** Sends a command and succeeds with its reply as it came, error replies included. `timeout` is in milliseconds. */
export const query = (
  connection: Sender,
  command: Command<unknown>,
  timeout: number
): Effect.Effect<Reply, LinkFailure> =>
  queried(connection, timeout, (deadline, resume) => new Query(command, deadline, resume))

/** Sends a command over a connection that is being made. It fails with the failure of the attempt, if that fails. */
export const firstQuery = (
  connection: Sender,
  command: Command<unknown>,
  timeout: number
): Effect.Effect<Reply, LinkFailure> =>
  queried(connection, timeout, (deadline, resume) => new FirstQuery(command, deadline, resume))
