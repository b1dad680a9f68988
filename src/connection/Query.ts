/**
 * One command on one connection, as an effect: no routing, no retries.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Command } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import type { Connection } from "./Connection.ts"
import type { LinkFailure, Outgoing } from "./Outgoing.ts"

class Query implements Outgoing {
  readonly command: Command<unknown>
  readonly binary = false
  readonly asking = false
  readonly deadline: number
  settled = false
  size = 0
  private readonly resume: (effect: Effect.Effect<Reply, LinkFailure>) => void

  constructor(
    command: Command<unknown>,
    deadline: number,
    resume: (effect: Effect.Effect<Reply, LinkFailure>) => void
  ) {
    this.command = command
    this.deadline = deadline
    this.resume = resume
  }

  onReply(reply: Reply): void {
    this.finish(Effect.succeed(reply))
  }

  onLost(failure: LinkFailure): void {
    this.finish(Effect.fail(failure))
  }

  onDeadline(): void {
    this.finish(Effect.fail({ kind: "connection", message: `${this.command.spec.name} was not answered in time` }))
  }

  private finish(effect: Effect.Effect<Reply, LinkFailure>): void {
    this.settled = true
    this.resume(effect)
  }
}

/**
 * A command that the client itself asks of a node, whose reply is taken as it comes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const question = (name: string, ...args: ReadonlyArray<Argument>): Command<Reply> =>
  new Command(new CommandSpec(name, {}), args, (reply) => reply)

/**
 * Sends a command and gives its reply as it came, error replies included. `timeout` is in milliseconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const query = (
  connection: Connection,
  command: Command<unknown>,
  timeout: number
): Effect.Effect<Reply, LinkFailure> =>
  Clock.clockWith((clock) =>
    Effect.callback((resume) => {
      const entry = new Query(command, monotonicMillis(clock) + timeout, resume)
      connection.send(entry)
      return Effect.sync(() => {
        entry.settled = true
      })
    })
  )
