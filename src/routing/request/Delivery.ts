/**
 * Gives a node what a command needs there: its script, its library of functions.
 *
 * It is sent right in front of the command and nobody waits for it: what matters is whether the command then succeeds.
 * Only when the node still lacks it does the answer to the delivery say why.
 */
import type { Command } from "../../commands/Command.ts"
import { type End, OwnCommand } from "../../connection/OwnCommand.ts"
import { ServerError } from "../../protocol/Reply.ts"
import type { Request, RetryState } from "./Request.ts"

/** When it is lost, the command shares its fate. */
class Delivery extends OwnCommand {
  private readonly answered: (refusal: ServerError | undefined) => void

  constructor(command: Command<unknown>, deadline: number, answered: (refusal: ServerError | undefined) => void) {
    super(command, deadline)
    this.answered = answered
  }

  protected onEnd(end: End): void {
    if (end._tag === "Replied") this.answered(end.reply instanceof ServerError ? end.reply : undefined)
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
