/**
 * The failures of a refresh of the topology.
 */
import * as Cause from "effect/Cause"
import {
  ClosedError,
  ClusterDisabledError,
  exception,
  isRedisClusterException,
  NoReachableNodeError,
  type RedisClusterException
} from "../RedisClusterException.ts"
import { type Refusal, refusal } from "./Inquiry.ts"

/** The error of a refresh after the client was closed. */
export const closedError = (): RedisClusterException =>
  exception(() => new ClosedError({ message: "the client is closed", outcome: "NotExecuted" }))

/** The error of a refresh, from the cause that ended it. */
export const failureOf = (cause: Cause.Cause<RedisClusterException>): RedisClusterException => {
  const error = Cause.squash(cause)
  return isRedisClusterException(error)
    ? error
    : noReachableNode([
      refusal("topology", `the refresh failed: ${error instanceof Error ? error.message : "interrupted"}`)
    ])
}

/** The error of a refresh to which no node gave a usable answer, with the cause of each. */
export const noReachableNode = (causes: ReadonlyArray<Refusal>): RedisClusterException => {
  const disabled = causes.find(({ cause }) => cause.includes("cluster support disabled"))
  if (disabled !== undefined) {
    return exception(() =>
      new ClusterDisabledError({
        message: `${disabled.node} runs without cluster mode; start it with cluster-enabled yes, ` +
          `or use a client for standalone servers`,
        outcome: "NotExecuted",
        node: disabled.node
      })
    )
  }
  return exception(() =>
    new NoReachableNodeError({
      message: `no node reported the topology of the cluster: ${
        causes.map(({ cause, node }) => `${node}: ${cause}`).join("; ")
      }`,
      outcome: "NotExecuted",
      causes
    })
  )
}
