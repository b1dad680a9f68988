/**
 * The errors of subscriptions that cannot be made.
 */
import { withoutArguments } from "../protocol/quotes.ts"
import type { ServerError } from "../protocol/Reply.ts"
import {
  ClosedError,
  exception,
  MovedError,
  type RedisClusterException,
  ReplyError,
  TimeoutError
} from "../RedisClusterException.ts"
import type { NodeSubscription } from "./NodeSubscription.ts"
import { commandOf } from "./SubscriptionRequests.ts"

/** The error of a closed client. */
export const closedError = (): RedisClusterException =>
  exception(() => new ClosedError({ message: "the client is closed", outcome: "NotExecuted" }))

/** Nothing can be added to a subscription that is over. */
export const endedError = (): RedisClusterException =>
  exception(() => new ClosedError({ message: "the subscription has ended", outcome: "NotExecuted" }))

/** The error of a call whose name another call took away before this one had ended. */
export const unsubscribedError = (): RedisClusterException =>
  exception(() =>
    new ClosedError({
      message: "a name of this call was unsubscribed before the servers had confirmed all of them",
      outcome: "NotExecuted"
    })
  )

export const refused = (entry: NodeSubscription, error: ServerError, node: string): RedisClusterException =>
  exception(() =>
    new ReplyError({
      message: `${commandOf(entry.kind)} on ${node}: the server refuses the subscription: ${
        withoutArguments(error.message, [entry.name])
      }`,
      outcome: "NotExecuted",
      command: commandOf(entry.kind),
      node,
      code: error.code
    })
  )

/** The error of a shard channel at a node that its caller named, and that does not own the slot. */
export const moved = (
  entry: NodeSubscription,
  error: ServerError,
  node: string,
  owner: string
): RedisClusterException => {
  const command = commandOf(entry.kind)
  return exception(() =>
    new MovedError({
      message: `${command} on ${node}: ${error.message}`,
      outcome: "NotExecuted",
      command,
      node,
      slot: entry.slot,
      address: owner
    })
  )
}

/** The error of a node that does not report changes of keys, in the words of the server. */
export const notReported = (words: string, node: string): RedisClusterException =>
  exception(() =>
    new ReplyError({
      message: `CLIENT TRACKING on ${node}: the server refuses to report changes of keys: ${words}`,
      outcome: "NotExecuted",
      command: "CLIENT TRACKING",
      node,
      code: /^[A-Z]+(?= )/.exec(words)?.[0] ?? ""
    })
  )

export const timedOut = (timeout: number): RedisClusterException =>
  exception(() =>
    new TimeoutError({
      message: `the servers did not confirm the subscription within ${timeout} ms`,
      outcome: "NotExecuted",
      timeout,
      waitingFor: "reply"
    })
  )
