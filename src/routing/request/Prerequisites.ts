/**
 * Sends a node the prerequisite of a command: a script, or a library of functions.
 *
 * The prerequisite is sent right in front of the command, and its reply is not awaited: only the success of the
 * command matters. When the node still lacks the prerequisite, the reply to the load says why.
 */
import type { Command } from "../../commands/Command.ts"
import { type End, OwnCommand } from "../../connection/OwnCommand.ts"
import { ServerError } from "../../protocol/Reply.ts"
import type { Request, RetryState } from "./Request.ts"

/** The command that loads a prerequisite. When it is lost, the command behind it is lost as well. */
class PrerequisiteLoad extends OwnCommand {
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
 * Sends the prerequisite of a request and, right behind it, the request again: on one connection, with ASKING if the
 * request was sent with it.
 */
export const loadThenResend = (request: Request, retryState: RetryState): void => {
  const { connection, command: { settings } } = request
  if (connection === undefined || settings.prerequisite === undefined) return
  connection.send(
    new PrerequisiteLoad(settings.prerequisite.load, request.deadline, (refusal) => (retryState.refusal = refusal))
  )
  request.sendOver(connection, request.asking)
}
