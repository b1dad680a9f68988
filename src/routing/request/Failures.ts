/** Makes the errors that callers get from failures inside the library. */
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import { addressOf } from "../../cluster/Endpoint.ts"
import type { Command, DecodeFailure } from "../../commands/Command.ts"
import { versionsOf } from "../../commands/table/versions.ts"
import { ConflictError } from "../../ConflictError.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { stackless } from "../../internal/stackless.ts"
import type { ServerError } from "../../protocol/Reply.ts"
import type { Policy } from "../../ReadFrom.ts"
import {
  AskError,
  AuthenticationError,
  ClosedError,
  ClusterDownError,
  ConnectionError,
  DecodeError,
  exception,
  LoadingError,
  MasterDownError,
  MovedError,
  OptionsError,
  type Outcome,
  OverloadedError,
  OvertakenError,
  ProtocolError,
  ReadOnlyError,
  type Reason,
  type RedisClusterException,
  ReplyError,
  SlotNotCoveredError,
  TimeoutError,
  TooManyRedirectionsError,
  TryAgainError,
  UnknownNodeError
} from "../../RedisClusterException.ts"
import { Conflict } from "./Conflict.ts"
import type { Diagnosis, ErrorReply } from "./Diagnosis.ts"
import type { RetryState } from "./Request.ts"

/** A command that failed: a request, or an entry of a transaction that was sent as a part of it. */
export interface FailedCommand {
  readonly command: Command<unknown>
  readonly connection: { readonly address: string } | undefined
  readonly slot: number
  readonly attempts: number
  readonly retryState:
    | Pick<RetryState, "hops" | "lastFailure" | "maybeExecuted" | "redirects">
    | undefined
}

interface Context {
  readonly command: string
  readonly node: string | undefined
  readonly attempts: number
  readonly outcome: Outcome
}

const contextOf = (failed: FailedCommand, outcome: Outcome): Context => ({
  command: failed.command.spec.name,
  node: failed.connection?.address,
  attempts: failed.attempts,
  outcome: failed.retryState?.maybeExecuted === true ? "Unknown" : outcome
})

const nameAndNode = (failed: FailedCommand): Pick<Context, "command" | "node"> => ({
  command: failed.command.spec.name,
  node: failed.connection?.address
})

/** The part of a message about the fate of the command. An earlier attempt may have been written as well. */
const fateOf = (outcome: Outcome, written: boolean): string =>
  written
    ? "the command was written and may have been executed"
    : outcome === "Unknown"
    ? "the command was not sent this time, but an earlier attempt may have been executed"
    : "the command was not sent"

/** The beginning of each message: `GET on 127.0.0.1:7000`. */
const where = ({ command, node }: Pick<Context, "command" | "node">): string =>
  node === undefined ? command : `${command} on ${node}`

const notKnown = (name: string): string => {
  const versions = versionsOf(name)
  return `the server does not know this command${versions === undefined ? "" : `, which came with ${versions}`}`
}

/** The address to which a redirect leads, or the words of the redirect about it. */
const addressOfRedirect = ({ endpoint, redirect }: ErrorReply): string =>
  endpoint !== undefined
    ? addressOf(endpoint)
    : redirect === undefined
    ? "unknown"
    : addressOf(redirect)

const replyReason = (failed: FailedCommand, reply: ErrorReply): Reason => {
  const context = contextOf(failed, reply.outcome)
  const { code } = reply.error
  const message = `${where(context)}: ${
    reply.kind === "unknownCommand" ? notKnown(context.command) : reply.error.message
  }`
  switch (reply.kind) {
    case "moved":
    case "ask": {
      const fields = { ...context, message, slot: reply.redirect?.slot ?? -1, address: addressOfRedirect(reply) }
      return reply.kind === "moved" ? new MovedError(fields) : new AskError(fields)
    }
    case "tryAgain":
      return new TryAgainError({ ...context, message })
    case "clusterDown":
      return new ClusterDownError({ ...context, message })
    case "masterDown":
      return new MasterDownError({ ...context, message })
    case "loading":
      return new LoadingError({ ...context, message })
    case "readOnly":
      return new ReadOnlyError({ ...context, message })
    case "authentication":
      return new AuthenticationError({ ...context, message })
    case "demoted":
    case "released":
    case "lacksCode":
    case "noPermission":
    case "busy":
    case "noReplicas":
    case "halfDone":
    case "unknownCommand":
    case "answer":
      return new ReplyError({ ...context, message, code })
  }
}

const lostReason = (failed: FailedCommand, failure: LinkFailure, written: boolean): Reason => {
  const context = contextOf(failed, written ? "Unknown" : "NotExecuted")
  const message = `${where(context)}: ${failure.message}`
  const fate = `; ${fateOf(context.outcome, written)}`
  switch (failure.kind) {
    case "authentication":
      return new AuthenticationError({ ...context, message })
    case "overloaded":
      return new OverloadedError({ ...context, message })
    case "protocol":
      return new ProtocolError({ ...context, message: message + fate })
    case "closed":
      return new ClosedError({ ...context, message: message + fate })
    case "unsendable":
      return new OptionsError({ ...context, message: message + fate })
    case "connection":
      return new ConnectionError({ ...context, message: message + fate })
  }
}

const reasonOf = (failed: FailedCommand, failure: Diagnosis): Reason => {
  switch (failure._tag) {
    case "Reply":
      return replyReason(failed, failure)
    case "Lost":
      return lostReason(failed, failure.failure, failure.written)
    case "NotCovered":
      return new SlotNotCoveredError({
        ...contextOf(failed, "NotExecuted"),
        message: `${failed.command.spec.name}: no node owns slot ${failure.slot}`,
        slot: failure.slot
      })
  }
}

/** A failure in one or two words, for the list of hops. */
export const summary = (failure: Diagnosis): string => {
  switch (failure._tag) {
    case "Reply":
      return failure.redirect === undefined ? failure.error.code : failure.error.message
    case "Lost":
      return failure.failure.message
    case "NotCovered":
      return "slot not covered"
  }
}

export const fromFailure = (failed: FailedCommand, failure: Diagnosis): RedisClusterException =>
  exception(() => reasonOf(failed, failure))

export const tooManyRedirections = (failed: FailedCommand): RedisClusterException => {
  const hops = failed.retryState?.hops ?? []
  return exception(() =>
    new TooManyRedirectionsError({
      ...contextOf(failed, "NotExecuted"),
      message: `${failed.command.spec.name}: the client followed ${
        failed.retryState?.redirects ?? 0
      } redirects, and no node executed the command: ${
        hops.map((hop) => `${hop.node} replied ${hop.reply}`).join(", ")
      }`,
      hops
    })
  )
}

/** The error of a command whose deadline passed while it waited for a connection or for its reply. */
export const timedOut = (failed: FailedCommand, timeout: number, written: boolean): RedisClusterException =>
  exception(() => {
    const context = contextOf(failed, written ? "Unknown" : "NotExecuted")
    const problem = written ? `was not answered within ${timeout} ms` : `could not be sent within ${timeout} ms`
    return new TimeoutError({
      ...context,
      message: `${where(context)} ${problem}; ${fateOf(context.outcome, written)}`,
      timeout,
      waitingFor: written ? "reply" : "connection"
    })
  })

/** The error of a command that got no dedicated connection in time. */
export const noDedicatedConnection = (
  failed: FailedCommand,
  timeout: number,
  address: string,
  { inUse, max }: { readonly inUse: number; readonly max: number }
): RedisClusterException =>
  exception(() => {
    const name = failed.command.spec.name
    const context = contextOf(failed, "NotExecuted")
    const why = inUse < max
      ? `${name} got no dedicated connection to ${address} within ${timeout} ms, because no new one was ready in time`
      : `${name} found no free dedicated connection to ${address} within ${timeout} ms (${inUse} in use)`
    return new TimeoutError({
      ...context,
      node: address,
      message: `${why}; ${fateOf(context.outcome, false)}${
        inUse < max ? "" : ". Raise maxDedicatedConnections, or use fewer at a time"
      }`,
      timeout,
      waitingFor: "connection"
    })
  })

/**
 * The error of a transaction whose watched keys were changed, or whose connection cannot commit any more: nothing was
 * executed.
 */
export const conflict = (
  failed: FailedCommand,
  why: string,
  { reason }: RedisClusterException,
  cause: RedisClusterException | undefined
): Conflict =>
  stackless(() => {
    const about = nameAndNode(failed)
    const message = `${where(about)}: ${why}; nothing of the transaction was executed, read and try again`
    return new Conflict(
      reason,
      new ConflictError({ ...about, message, ...(cause === undefined ? undefined : { cause }) })
    )
  })

/** The error of a command on a dedicated connection that is gone, together with its state. */
export const dedicatedLost = (failed: FailedCommand, why: string, written: boolean): RedisClusterException =>
  exception(() => {
    const context = contextOf(failed, written ? "Unknown" : "NotExecuted")
    return new ConnectionError({
      ...context,
      message: `${where(context)}: the dedicated connection was lost, and its state with it (${why}); ${
        fateOf(context.outcome, written)
      }. Open another one`
    })
  })

export const undecodable = (failed: FailedCommand, failure: DecodeFailure): RedisClusterException =>
  exception(() =>
    new DecodeError({
      ...contextOf(failed, "Executed"),
      message: `${where(nameAndNode(failed))}: ${failure.message}`,
      cause: failure.cause
    })
  )

/** The error of a transaction whose MULTI the server refused, so that it took the commands one by one. */
export const withoutMulti = (failed: FailedCommand, error: ServerError): RedisClusterException =>
  exception(() =>
    new ReplyError({
      ...contextOf(failed, "Unknown"),
      message: `${
        where(nameAndNode(failed))
      }: the server refused MULTI, and may have executed the commands one by one: ${error.message}`,
      code: error.code
    })
  )

/** The error of a request that was bound to a node which has left the cluster. */
export const leftTheCluster = (failed: FailedCommand, node: ClusterNode): RedisClusterException =>
  exception(() =>
    new UnknownNodeError({
      ...contextOf(failed, "NotExecuted"),
      message: `${failed.command.spec.name}: ${node.address} has left the cluster`,
      node: node.address
    })
  )

export const closed = (failed: FailedCommand): RedisClusterException =>
  exception(() => {
    const context = contextOf(failed, "NotExecuted")
    return new ClosedError({
      ...context,
      message: `${context.command}: the client is closed; ${fateOf(context.outcome, false)}`
    })
  })

/** The error of an entry that may not be sent again, because a later entry of its pipeline was executed. */
export const overtaken = (failed: FailedCommand): RedisClusterException => {
  const { command, retryState, slot } = failed
  const why = retryState === undefined ? "it was not sent" : summary(retryState.lastFailure)
  return exception(() =>
    new OvertakenError({
      ...contextOf(failed, "NotExecuted"),
      message:
        `${command.spec.name} was not sent again after a failure (${why}): a later entry of the pipeline, with the ` +
        `same slot ${slot}, was executed. Sent now, the two would take effect in the wrong order`,
      slot
    })
  )
}

/** The error of a read with a policy that cannot be used. */
export const badPolicy = (failed: FailedCommand, message: string): RedisClusterException =>
  exception(() => new OptionsError({ ...contextOf(failed, "NotExecuted"), message }))

export const noOrder = (policy: Policy): string =>
  `the function of the policy "${policy.name}" threw, or gave something else than candidates; ` +
  `it has to return those it was given, in the order in which they are to be asked`
