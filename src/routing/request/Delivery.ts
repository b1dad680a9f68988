/**
 * Gives a node what a command needs there: its script, its library of functions.
 *
 * It is sent right in front of the command and nobody waits for it: what matters is whether the command then succeeds.
 * Only when the node still lacks it does the answer to the delivery say why.
 */
import type { Command } from "../../commands/Command.ts"
import type { Outgoing } from "../../connection/Outgoing.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import type { Request, RetryState } from "./Request.ts"

class Delivery implements Outgoing {
  readonly command: Command<unknown>
  readonly binary = false
  readonly asking = false
  readonly deadline: number
  settled = false
  size = 0
  private readonly answered: (refusal: ServerError | undefined) => void

  constructor(command: Command<unknown>, deadline: number, answered: (refusal: ServerError | undefined) => void) {
    this.command = command
    this.deadline = deadline
    this.answered = answered
  }

  onReply(reply: Reply): void {
    this.settled = true
    this.answered(reply instanceof ServerError ? reply : undefined)
  }

  // The command shares its fate.
  onLost(): void {
    this.settled = true
  }

  onDeadline(): void {
    this.settled = true
  }
}

/**
 * Gives the node what the request needs there, and the request again right behind: on the same connection, with ASKING if
 * that was due.
 */
export const deliver = (request: Request, retryState: RetryState): void => {
  const { connection, command: { settings } } = request
  if (connection === undefined || settings.prerequisite === undefined) return
  connection.send(
    new Delivery(settings.prerequisite.load, request.deadline, (refusal) => (retryState.refusal = refusal))
  )
  request.sendOver(connection, request.asking)
}
