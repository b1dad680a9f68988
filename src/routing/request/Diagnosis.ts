/**
 * The meaning of a failure for its command.
 *
 * A redirect counts only when it is about the slot of the command. Where user code may have run (a script, a function,
 * a command of a module) an error counts as the server's own only when it has the server's wording.
 */
import type { Endpoint } from "../../cluster/Endpoint.ts"
import type { Command } from "../../commands/Command.ts"
import type { CommandSpec } from "../../commands/CommandSpec.ts"
import { embedded } from "../../commands/table/CommandTable.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { type ErrorKind, isWording, kindOf } from "../../protocol/ErrorKind.ts"
import { withoutArguments } from "../../protocol/quotes.ts"
import { type Argument, ServerError } from "../../protocol/Reply.ts"
import type { Outcome } from "../../RedisClusterException.ts"
import * as Redirect from "../../topology/Redirect.ts"
import { keyless, slotOf } from "../CommandSlot.ts"

/** The failure of a command, as it was seen. */
export type Failure =
  | { readonly _tag: "Reply"; readonly error: ServerError }
  | { readonly _tag: "Lost"; readonly failure: LinkFailure; readonly written: boolean }
  | { readonly _tag: "NotCovered"; readonly slot: number }

/** An error reply, read for one command. */
export interface ErrorReply {
  readonly _tag: "Reply"
  readonly error: ServerError
  readonly kind: ErrorKind
  /** The redirect of `moved` and `ask`, when it names the slot of the command. */
  readonly redirect: Redirect.Redirect | undefined
  /** The endpoint to which the redirect leads, when it is known. */
  readonly endpoint: Endpoint | undefined
  /** The outcome of the command. */
  readonly outcome: Outcome
}

/** The failure of a command, and its meaning. */
export type Diagnosis = ErrorReply | Exclude<Failure, { readonly _tag: "Reply" }>

/**
 * Whether a command runs user code. Commands that this library does not know are commands of modules, which may run
 * any code.
 */
const runsUserCode = (spec: CommandSpec): boolean =>
  spec.runsScript || (!spec.readonly && !embedded().entries.has(spec.name))

/** The error without the arguments that the server quotes in it. */
const withoutQuotes = (error: ServerError, args: ReadonlyArray<Argument>): ServerError => {
  const message = withoutArguments(error.message, args)
  return message === error.message ? error : new ServerError(message)
}

const errorReply = (
  error: ServerError,
  { args }: Command<unknown>,
  kind: ErrorKind,
  outcome: Outcome
): ErrorReply => ({
  _tag: "Reply",
  error: withoutQuotes(error, args),
  kind,
  outcome,
  redirect: undefined,
  endpoint: undefined
})

/** The reading of an error that the command itself gave, after it ran. */
const afterwards = (error: ServerError, command: Command<unknown>): ErrorReply =>
  errorReply(error, command, "answer", command.spec.readonly ? "NotExecuted" : "Unknown")

/** Reads an error reply to a command. `slot` is the slot by which the command was routed. */
export const ofError = (
  error: ServerError,
  command: Command<unknown>,
  slot: number,
  context: Redirect.RedirectContext
): ErrorReply => {
  const kind = kindOf(error)
  const foreign = runsUserCode(command.spec)
  if (foreign && !isWording(error)) return afterwards(error, command)
  if (kind !== "moved" && kind !== "ask") {
    return errorReply(error, command, kind, kind === "halfDone" ? "Unknown" : "NotExecuted")
  }
  const own = slot === keyless ? slotOf(command) : slot
  const redirect = Redirect.parse(error)
  const isOwn = redirect !== undefined && (redirect.slot === own || (own === keyless && !foreign))
  if (isOwn) {
    // A server's redirect quotes no argument, and an argument may be a part of its address by chance.
    const shown = foreign ? withoutQuotes(error, command.args) : error
    const endpoint = Redirect.resolve(redirect, context)
    return { _tag: "Reply", error: shown, kind, outcome: "NotExecuted", redirect, endpoint }
  }
  return foreign ? afterwards(error, command) : errorReply(error, command, kind, "NotExecuted")
}

/** Reads the refusal of a command that was to be queued in a transaction. No command of the transaction has run. */
export const ofQueued = (error: ServerError, command: Command<unknown>): ErrorReply =>
  errorReply(error, command, kindOf(error), "NotExecuted")

/**
 * Reads an error among the replies of EXEC. The command was executed, so that the error says nothing about the node.
 */
export const ofExecuted = (error: ServerError, command: Command<unknown>): ErrorReply => {
  const kind = kindOf(error)
  if (runsUserCode(command.spec) && kind !== "lacksCode") return afterwards(error, command)
  return errorReply(error, command, "answer", kind === "halfDone" ? "Unknown" : "NotExecuted")
}

/** The command that failed. */
export interface Subject {
  readonly command: Command<unknown>
  /** The slot by which the command was routed. */
  readonly slot: number
  /** `refusal` is the error with which the node refused the prerequisite of the command. */
  readonly retryState: { readonly refusal: ServerError | undefined } | undefined
}

/** Reads a failure. When a node refused the prerequisite and thus still lacks it, that refusal is the failure. */
export const diagnose = (failure: Failure, subject: Subject, context: Redirect.RedirectContext): Diagnosis => {
  if (failure._tag !== "Reply") return failure
  const { command, retryState, slot } = subject
  const { prerequisite } = command.settings
  return retryState?.refusal !== undefined && prerequisite !== undefined && kindOf(failure.error) === "lacksCode"
    ? ofError(retryState.refusal, prerequisite.load, slot, context)
    : ofError(failure.error, command, slot, context)
}
