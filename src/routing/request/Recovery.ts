/**
 * The decision about a failure, pure over facts.
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
import { isReleased } from "../../protocol/ErrorKind.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import type { Diagnosis, ErrorReply } from "./Diagnosis.ts"

/**
 * The tie of a command to a node.
 *
 * - `slot`: its keys; redirects are followed
 * - `shard`: it is the part of a fan-out for one shard, and goes to whoever is its primary
 * - `node`: it is the part of a fan-out for one node, as long as that is in the cluster
 * - `explicit`: the caller named the node and gets what that answers
 * - `connection`: the caller has the connection to himself, and only another one could be told something else
 *
 * @category models
 * @since 0.1.0
 */
export type Binding = "slot" | "shard" | "node" | "explicit" | "connection"

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
 * The facts about the command that failed.
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
  /** The endpoint it was sent to. */
  readonly via: Endpoint
  /** For reads that a policy has sent to where they failed. */
  readonly read?: ReadFacts | undefined
}

/**
 * The news for the topology in a failure that nothing else is done about: the slot's new owner, or that it may have changed.
 *
 * @category models
 * @since 0.1.0
 */
export type Lesson =
  | { readonly _tag: "Moved"; readonly slot: number; readonly endpoint: Endpoint }
  | { readonly _tag: "Refresh" }

/**
 * - `Return`: the failure is the caller's
 * - `GiveUp`: the redirect budget is spent
 * - `RetryAt`: send it to that endpoint now; `moved` is the slot whose owner that endpoint is from now on
 * - `RetryNext`: ask the next node of the read now; `refresh` when the topology may have changed, `doubt` when this node
 *   had better be left alone for a while
 * - `RetryAfter`: wait, then find the node again; `refresh` when the topology may have changed
 * - `LoadThenResend`: give the node the script or the library that it lacks, and the command again right behind
 *
 * @category models
 * @since 0.1.0
 */
export type Decision =
  | { readonly _tag: "Return"; readonly lesson?: Lesson }
  | { readonly _tag: "GiveUp" }
  | {
    readonly _tag: "RetryAt"
    readonly endpoint: Endpoint
    readonly asking: boolean
    readonly moved: number | undefined
  }
  | { readonly _tag: "RetryNext"; readonly refresh: boolean; readonly doubt: boolean }
  | { readonly _tag: "RetryAfter"; readonly refresh: boolean }
  | { readonly _tag: "LoadThenResend" }

/**
 * Whether a node has refused what the map says it serves. When a connection meets that again and again, it may end elsewhere.
 *
 * @category guards
 * @since 0.1.0
 */
export const refusesItsOwn = (failure: Diagnosis, decision: Decision): boolean => {
  if (failure._tag !== "Reply" || decision._tag !== "RetryAfter") return false
  return failure.kind === "moved" || failure.kind === "readOnly" || failure.kind === "clusterDown"
}

const giveBack: Decision = { _tag: "Return" }
const giveUp: Decision = { _tag: "GiveUp" }
const retryAfter: Decision = { _tag: "RetryAfter", refresh: false }
const retryAfterRefresh: Decision = { _tag: "RetryAfter", refresh: true }
const loadThenResend: Decision = { _tag: "LoadThenResend" }

const redirected = ({ endpoint, redirect }: ErrorReply, facts: Facts): Decision => {
  // A redirect to nowhere, or about another slot: only a fresh map can help.
  if (redirect === undefined || endpoint === undefined) return retryAfterRefresh
  if (facts.redirects >= facts.maxRedirects) return giveUp
  const { asking, slot } = redirect
  // A node that sends a command back to itself has not made up its mind.
  if (!asking && addressOf(endpoint) === addressOf(facts.via)) return retryAfterRefresh
  return { _tag: "RetryAt", endpoint, asking, moved: asking ? undefined : slot }
}

const afterReply = (reply: ErrorReply, facts: Facts): Decision => {
  switch (reply.kind) {
    case "moved":
    case "ask":
      // The part of a fan-out that is meant for one node is no use on another.
      return facts.binding === "slot" ? redirected(reply, facts) : giveBack
    case "tryAgain":
      return retryAfter
    case "clusterDown":
    case "masterDown":
    case "loading":
      return retryAfterRefresh
    // A primary that became a replica lets go of the commands it held back, and refuses writes.
    case "demoted":
    case "readOnly":
      return facts.binding === "node" ? giveBack : retryAfterRefresh
    case "released":
    case "lacksCode":
    case "authentication":
    case "noPermission":
    case "busy":
    case "noReplicas":
    case "halfDone":
    case "unknownCommand":
    case "answer":
      return giveBack
  }
}

const afterLoss = (failure: LinkFailure, written: boolean, facts: Facts): Decision => {
  switch (failure.kind) {
    case "authentication":
    case "overloaded":
    // No node is to blame, and none can help.
    case "unsendable":
      return giveBack
    // A reply that broke the stream would break the next one as well.
    case "protocol":
      return written ? giveBack : retryAfterRefresh
    case "connection":
    case "closed":
      return written && !facts.repeatable ? giveBack : retryAfterRefresh
  }
}

/**
 * Where a replica sends a read away to: its own primary when it does not serve reads here (it lacks READONLY, or has
 * changed sides), another one when it believes that the slot has moved. It follows the cluster from afar and may be
 * behind: the primary knows, so that this patches no map.
 */
const sentAway = ({ endpoint }: ErrorReply, { alternatives, primary }: ReadFacts): Decision =>
  alternatives
    ? { _tag: "RetryNext", refresh: true, doubt: endpoint !== undefined && addressOf(endpoint) === primary }
    : retryAfterRefresh

/** A read by a policy: what one node cannot do now, the next one may. `undefined` when it is as any other command. */
const atNextNode = (reply: ErrorReply, read: ReadFacts): Decision | undefined => {
  const { alternatives, role } = read
  switch (reply.kind) {
    case "moved":
      return role === "replica" ? sentAway(reply, read) : undefined
    case "clusterDown":
    case "masterDown":
    case "loading":
      return alternatives ? { _tag: "RetryNext", refresh: true, doubt: true } : undefined
    // Scripts are loaded per node, and replicas may have missed it.
    case "lacksCode":
    case "tryAgain":
    case "readOnly":
      return alternatives && role === "replica" ? { _tag: "RetryNext", refresh: false, doubt: false } : undefined
    case "ask":
    case "demoted":
    case "released":
    case "authentication":
    case "noPermission":
    case "busy":
    case "noReplicas":
    case "halfDone":
    case "unknownCommand":
    case "answer":
      return undefined
  }
}

/** Another node may do better. */
const isNodes = ({ kind }: LinkFailure, written: boolean): boolean =>
  kind !== "unsendable" && !(kind === "protocol" && written)

const ofRead = (failure: Diagnosis, read: ReadFacts): Decision | undefined => {
  switch (failure._tag) {
    case "Reply":
      return atNextNode(failure, read)
    case "Lost":
      return read.alternatives && isNodes(failure.failure, failure.written)
        ? { _tag: "RetryNext", refresh: true, doubt: false }
        : undefined
    case "NotCovered":
      return undefined
  }
}

/** The decision for another connection tells what the next connection should know. */
const lessonOf = (decision: Decision): Lesson | undefined => {
  switch (decision._tag) {
    case "RetryAt":
      return decision.moved === undefined
        ? undefined
        : { _tag: "Moved", slot: decision.moved, endpoint: decision.endpoint }
    case "RetryAfter":
    case "RetryNext":
      return decision.refresh ? { _tag: "Refresh" } : undefined
    case "Return":
    case "GiveUp":
    case "LoadThenResend":
      return undefined
  }
}

const returned = (lesson: Lesson | undefined): Decision => lesson === undefined ? giveBack : { _tag: "Return", lesson }

/**
 * Decides.
 *
 * @category combinators
 * @since 0.1.0
 */
export const decide = (failure: Diagnosis, facts: Facts): Decision => {
  // Also on a named node: what it lacks is no answer to the question.
  if (facts.supplied && failure._tag === "Reply" && failure.kind === "lacksCode") {
    return facts.redirects >= facts.maxRedirects ? giveBack : loadThenResend
  }
  if (facts.binding === "explicit") return giveBack
  if (facts.binding === "connection") {
    return returned(lessonOf(decide(failure, { ...facts, binding: "slot", repeatable: true })))
  }
  const decision = facts.read === undefined ? undefined : ofRead(failure, facts.read)
  if (decision !== undefined) return decision
  switch (failure._tag) {
    case "Reply":
      return afterReply(failure, facts)
    case "Lost":
      return afterLoss(failure.failure, failure.written, facts)
    case "NotCovered":
      return retryAfterRefresh
  }
}

/**
 * Whether time, another connection or another node may mend the failure of a command that may be executed twice: for those who
 * go on after a command has failed for good, such as a consumer or a scan.
 *
 * @category guards
 * @since 0.1.0
 */
export const mayPass = ({ reason }: RedisClusterException): boolean => {
  switch (reason._tag) {
    case "ReplyError":
      return reason.outcome === "NotExecuted" && isReleased(reason)
    case "MovedError":
    case "AskError":
    case "TryAgainError":
    case "ClusterDownError":
    case "MasterDownError":
    case "LoadingError":
    case "ReadOnlyError":
    case "SlotNotCoveredError":
    case "OverloadedError":
    case "OvertakenError":
    case "NoReachableNodeError":
    case "TooManyRedirectionsError":
    case "ConnectionError":
    case "TimeoutError":
    case "ProtocolError":
      return true
    // That of a node which left while it owed an answer; a client that is closed sends nothing.
    case "ClosedError":
      return reason.outcome === "Unknown"
    case "UnhealthyError":
    case "ConflictError":
    case "LockNotAcquiredError":
    case "PartialFailureError":
    case "PipelineError":
    case "TransactionError":
      return reason.isRetryable
    case "AuthenticationError":
    case "ClusterDisabledError":
    case "CrossSlotError":
    case "NoKeyError":
    case "UnknownNodeError":
    case "NoTargetError":
    case "LockLostError":
    case "DecodeError":
    case "OptionsError":
      return false
  }
}
