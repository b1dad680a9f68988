/**
 * What to do about a failure: a pure decision over facts.
 *
 * The rules of redirects are those of the Redis cluster specification ("MOVED redirection", "ASK redirection",
 * "Multi-key operations"); the rule for lost commands is this library's: nothing that may have been executed is
 * sent again, unless executing it twice does no harm.
 *
 * @since 0.1.0
 */
import type { Role } from "../../cluster/ClusterNode.ts"
import { addressOf, type Endpoint } from "../../cluster/Endpoint.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import type { ServerError } from "../../protocol/Reply.ts"
import { announcedHost } from "../../topology/Snapshot.ts"

/**
 * What went wrong with a command.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure =
  | { readonly _tag: "Reply"; readonly error: ServerError }
  | { readonly _tag: "Lost"; readonly failure: LinkFailure; readonly written: boolean }
  | { readonly _tag: "NotCovered"; readonly slot: number }

/**
 * What ties a command to a node.
 *
 * - `slot`: its keys; redirects are followed
 * - `shard`: it is the part of a fan-out for one shard, and goes to whoever is its primary
 * - `node`: it is the part of a fan-out for one node, as long as that is in the cluster
 * - `explicit`: the caller named the node and gets what that answers
 *
 * @category models
 * @since 0.1.0
 */
export type Binding = "slot" | "shard" | "node" | "explicit"

/**
 * Where a read was sent by a policy.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadFacts {
  readonly role: Role
  /** The address of the shard's primary, as far as it is known here. */
  readonly primary: string
  /** Another node can be asked. */
  readonly alternatives: boolean
}

/**
 * What is known about the command that failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  /** Executing it twice does no harm: it only reads, or the caller says so. */
  readonly repeatable: boolean
  /** It comes with what nodes may lack for it. */
  readonly supplied: boolean
  readonly binding: Binding
  /** How many redirects it has followed since it last waited, and how many it may. */
  readonly redirects: number
  readonly maxRedirects: number
  /** The endpoint it was sent to, and the translation of announced addresses. */
  readonly via: Endpoint
  readonly mapAddress: (endpoint: Endpoint) => Endpoint
  /** The node of the map with this port, when there is just one: for redirects that name no host. */
  readonly onlyNodeWithPort: (port: number) => Endpoint | undefined
  /** For reads that a policy has sent to where they failed. */
  readonly read?: ReadFacts | undefined
}

/**
 * - `Return`: the failure is the caller's
 * - `GiveUp`: the redirect budget is spent
 * - `RetryAt`: send it to that endpoint now; `moved` is the slot whose owner that endpoint is from now on
 * - `RetryNext`: ask the next node of the read now; `refresh` when the topology may have changed, `doubt` when this node
 *   had better be left alone for a while
 * - `RetryAfter`: wait, then find the node anew; `refresh` when the topology may have changed
 * - `Supply`: give the node what it lacks, and the command again right behind
 *
 * @category models
 * @since 0.1.0
 */
export type Decision =
  | { readonly _tag: "Return" }
  | { readonly _tag: "GiveUp" }
  | {
    readonly _tag: "RetryAt"
    readonly endpoint: Endpoint
    readonly asking: boolean
    readonly moved: number | undefined
  }
  | { readonly _tag: "RetryNext"; readonly refresh: boolean; readonly doubt: boolean }
  | { readonly _tag: "RetryAfter"; readonly refresh: boolean }
  | { readonly _tag: "Supply" }

const giveBack: Decision = { _tag: "Return" }
const giveUp: Decision = { _tag: "GiveUp" }
const retryAfter: Decision = { _tag: "RetryAfter", refresh: false }
const retryAfterRefresh: Decision = { _tag: "RetryAfter", refresh: true }
const supply: Decision = { _tag: "Supply" }

/** As the servers word it. What a script answers by itself is not taken for it: that script has been executed. */
const lacking = ["NOSCRIPT No matching script", "ERR Function not found"]

/**
 * Whether the server says that it lacks the script or the function. It has executed nothing then.
 *
 * @category guards
 * @since 0.1.0
 */
export const isLacking = (error: ServerError): boolean => lacking.some((words) => error.message.startsWith(words))

/**
 * A redirect as the server words it: `MOVED 12182 127.0.0.1:7002`, `ASK 12182 ::1:7002`, `MOVED 12182 :7002`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Redirect {
  readonly slot: number
  /** As announced: empty for "the host you reached me at", `?` for unknown. */
  readonly host: string
  readonly port: number
}

/**
 * Reads a redirect; `undefined` when it is not one. The port follows the last colon, for IPv6 comes unbracketed.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parseRedirect = (message: string): Redirect | undefined => {
  const match = /^(?:MOVED|ASK) (\d+) (.*):(\d+)$/.exec(message)
  if (match === null) return undefined
  return { slot: Number(match[1]), host: match[2], port: Number(match[3]) }
}

const endpointOf = ({ host: announced, port }: Redirect, facts: Facts): Endpoint | undefined => {
  const host = announcedHost(announced, facts.via)
  return host === undefined ? facts.onlyNodeWithPort(port) : facts.mapAddress({ host, port })
}

const redirected = (error: ServerError, facts: Facts): Decision => {
  const redirect = parseRedirect(error.message)
  const endpoint = redirect === undefined ? undefined : endpointOf(redirect, facts)
  // A redirect to nowhere: only a fresh map can help.
  if (redirect === undefined || endpoint === undefined) return retryAfterRefresh
  if (facts.redirects >= facts.maxRedirects) return giveUp
  const asking = error.code === "ASK"
  // A node that sends a command back to itself has not made up its mind.
  if (!asking && addressOf(endpoint) === addressOf(facts.via)) return retryAfterRefresh
  return { _tag: "RetryAt", endpoint, asking, moved: asking ? undefined : redirect.slot }
}

const afterReply = (error: ServerError, facts: Facts): Decision => {
  switch (error.code) {
    case "MOVED":
    case "ASK":
      // The part of a fan-out that is meant for one node is no use on another.
      return facts.binding === "slot" ? redirected(error, facts) : giveBack
    case "TRYAGAIN":
      return retryAfter
    case "CLUSTERDOWN":
    case "MASTERDOWN":
    case "LOADING":
      return retryAfterRefresh
    case "UNBLOCKED":
      // A primary that became a replica lets go of the commands it held back; CLIENT UNBLOCK says it in other words.
      return error.message.includes("instance state changed") && facts.binding !== "node" ? retryAfterRefresh : giveBack
    case "READONLY":
      return facts.binding === "node" ? giveBack : retryAfterRefresh
    default:
      return giveBack
  }
}

/** No node is to blame, and none can help. */
const isOwnFault = (failure: Failure): boolean => failure._tag === "Lost" && failure.failure.kind === "unsendable"

const afterLoss = (failure: LinkFailure, written: boolean, facts: Facts): Decision => {
  if (failure.kind === "authentication" || failure.kind === "overloaded") return giveBack
  // A reply that broke the stream would break the next one as well.
  if (failure.kind === "protocol" && written) return giveBack
  return written && !facts.repeatable ? giveBack : retryAfterRefresh
}

/**
 * Where a replica sends a read away to: its own primary when it does not serve reads here (it lacks READONLY, or has
 * changed sides), another one when it believes that the slot has moved. It follows the cluster from afar and may be
 * behind: the primary knows, so that this patches no map.
 */
const sentAway = (error: ServerError, facts: Facts, { alternatives, primary }: ReadFacts): Decision => {
  if (!alternatives) return retryAfterRefresh
  const redirect = parseRedirect(error.message)
  const host = redirect === undefined ? undefined : announcedHost(redirect.host, facts.via)
  const owner = redirect === undefined || host === undefined
    ? undefined
    : addressOf(facts.mapAddress({ host, port: redirect.port }))
  return { _tag: "RetryNext", refresh: true, doubt: owner === primary }
}

/** A read by a policy: what one node cannot do now, the next one may. `undefined` when it is as any other command. */
const elsewhere = (failure: Failure, facts: Facts, read: ReadFacts): Decision | undefined => {
  if (failure._tag === "Reply" && failure.error.code === "MOVED") {
    return read.role === "replica" ? sentAway(failure.error, facts, read) : undefined
  }
  if (!read.alternatives) return undefined
  if (failure._tag === "Lost") {
    return failure.written && failure.failure.kind === "protocol"
      ? undefined
      : { _tag: "RetryNext", refresh: true, doubt: false }
  }
  if (failure._tag === "NotCovered") return undefined
  switch (failure.error.code) {
    case "CLUSTERDOWN":
    case "MASTERDOWN":
    case "LOADING":
      return { _tag: "RetryNext", refresh: true, doubt: true }
    // Scripts are loaded per node, and replicas may have missed it; a library of functions they take from their primary.
    case "NOSCRIPT":
    case "TRYAGAIN":
    case "READONLY":
      return read.role === "replica" ? { _tag: "RetryNext", refresh: false, doubt: false } : undefined
    default:
      return undefined
  }
}

const troubles = new Set([
  "MOVED",
  "ASK",
  "TRYAGAIN",
  "CLUSTERDOWN",
  "MASTERDOWN",
  "LOADING",
  "READONLY",
  "NOSCRIPT",
  "NOAUTH",
  "NOPERM"
])

/**
 * Whether an error is what the command leads to anywhere, and not the trouble of one node.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAnswer = (error: ServerError): boolean => !troubles.has(error.code) && !isLacking(error)

/**
 * Decides.
 *
 * @category combinators
 * @since 0.1.0
 */
export const decide = (failure: Failure, facts: Facts): Decision => {
  // Also on a named node: what it lacks is no answer to the question.
  if (facts.supplied && failure._tag === "Reply" && isLacking(failure.error)) {
    return facts.redirects >= facts.maxRedirects ? giveBack : supply
  }
  if (facts.binding === "explicit" || isOwnFault(failure)) return giveBack
  const decision = facts.read === undefined ? undefined : elsewhere(failure, facts, facts.read)
  if (decision !== undefined) return decision
  switch (failure._tag) {
    case "Reply":
      return afterReply(failure.error, facts)
    case "Lost":
      return afterLoss(failure.failure, failure.written, facts)
    case "NotCovered":
      return retryAfterRefresh
  }
}
