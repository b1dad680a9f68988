/**
 * The decision about a failure, pure over facts.
 *
 * The rules of redirects are those of the Redis cluster specification ("MOVED redirection", "ASK redirection",
 * "Multi-key operations"); the rule for lost commands is this library's: nothing that may have been executed is
 * sent again, unless executing it twice does no harm.
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
 * - `shard`: it is the part of a fan-out for one shard, and goes to the present primary of the shard
 * - `node`: it is the part of a fan-out for one node, as long as the node is in the cluster
 * - `explicit`: the caller named the node and gets its reply, redirects included
 * - `connection`: it runs on a dedicated connection, so that only the topology can use a redirect
 */
export type Binding = "slot" | "shard" | "node" | "explicit" | "connection"

/** The place to which a policy sent a read. */
export interface ReadFacts {
  readonly role: Role
  /** The address of the shard's primary by the present snapshot. */
  readonly primary: string
  /** Whether there is another node for the read. */
  readonly alternatives: boolean
}

/** The facts about the command that failed. */
export interface Facts {
  /** Whether the command may be executed twice: it only reads, or the caller says so. */
  readonly repeatable: boolean
  /** Whether the command carries its prerequisite, which nodes may lack. */
  readonly hasPrerequisite: boolean
  readonly binding: Binding
  /** The number of redirects that the command has followed since its last pause, and the most that it may follow. */
  readonly redirects: number
  readonly maxRedirects: number
  /** The endpoint to which the command was sent. */
  readonly via: Endpoint
  /** The place of a read that a policy sent. */
  readonly read?: ReadFacts | undefined
}

/**
 * The news for the topology in a failure that goes to the caller: the new owner of the slot, or that the topology may
 * have changed.
 */
export type Lesson =
  | { readonly _tag: "Moved"; readonly slot: number; readonly endpoint: Endpoint }
  | { readonly _tag: "Refresh" }

/**
 * - `Return`: the caller gets the failure
 * - `GiveUp`: the redirect budget is spent
 * - `RetryAt`: send the command to that endpoint now; `moved` is the slot that the endpoint owns from now on
 * - `RetryNext`: send the read to its next node now; `refresh` when the topology may have changed, `doubt` when this
 *   node should be avoided for a while
 * - `RetryAfter`: pause, then find the node again; `refresh` when the topology may have changed
 * - `LoadThenResend`: send the node the script or the library that it lacks, and the command again right behind it
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
 * Whether a node has refused a command for a slot that it serves by the map. When that happens again and again on one
 * connection, the connection may lead to another server.
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
  // A redirect to an unknown endpoint, or about another slot: only a fresh map can help.
  if (redirect === undefined || endpoint === undefined) return retryAfterRefresh
  if (facts.redirects >= facts.maxRedirects) return giveUp
  const { asking, slot } = redirect
  // A node that redirects to itself is in the middle of a change.
  if (!asking && addressOf(endpoint) === addressOf(facts.via)) return retryAfterRefresh
  return { _tag: "RetryAt", endpoint, asking, moved: asking ? undefined : slot }
}

const afterReply = (reply: ErrorReply, facts: Facts): Decision => {
  switch (reply.kind) {
    case "moved":
    case "ask":
      // The part of a fan-out for one node cannot run on another.
      return facts.binding === "slot" ? redirected(reply, facts) : giveBack
    case "tryAgain":
      return retryAfter
    case "clusterDown":
    case "masterDown":
    case "loading":
      return retryAfterRefresh
    // A primary that became a replica releases the commands that it held back, and refuses writes.
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
    // The failure is not about a node, and no other node can help.
    case "unsendable":
      return giveBack
    // A reply that broke this stream would break the next one as well.
    case "protocol":
      return written ? giveBack : retryAfterRefresh
    case "connection":
    case "closed":
      return written && !facts.repeatable ? giveBack : retryAfterRefresh
  }
}

/**
 * The decision about a redirect by a replica. A replica redirects to its own primary when it does not serve reads on
 * this connection (READONLY is missing, or it has changed shards), and to another primary when by its view the slot
 * has moved. The view of a replica may be late, so that its redirect does not patch the map: the primary knows better.
 */
const sentAway = ({ endpoint }: ErrorReply, { alternatives, primary }: ReadFacts): Decision =>
  alternatives
    ? { _tag: "RetryNext", refresh: true, doubt: endpoint !== undefined && addressOf(endpoint) === primary }
    : retryAfterRefresh

/**
 * The decision about a read by a policy: the next node may serve what this node cannot. `undefined` when the rules of
 * other commands apply.
 */
const atNextNode = (reply: ErrorReply, read: ReadFacts): Decision | undefined => {
  const { alternatives, role } = read
  switch (reply.kind) {
    case "moved":
      return role === "replica" ? sentAway(reply, read) : undefined
    case "clusterDown":
    case "masterDown":
    case "loading":
      return alternatives ? { _tag: "RetryNext", refresh: true, doubt: true } : undefined
    // Scripts are loaded per node, and replicas may lack them.
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

/** Whether a failure is about the node, so that another node may succeed. */
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

/** The news for the topology in the decision that a command of a slot would have got. */
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

/** Decides about a failure. */
export const decide = (failure: Diagnosis, facts: Facts): Decision => {
  // This holds for a named node as well: the lack of a script is no answer to the command.
  if (facts.hasPrerequisite && failure._tag === "Reply" && failure.kind === "lacksCode") {
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
 * Whether time, another connection or another node may end the failure of a command that may be executed twice.
 * Consumers and scans ask this when a command has failed for good and they go on.
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
    // The error of a node that left while its reply was due; a closed client sends no commands at all.
    case "ClosedError":
      return reason.outcome === "Unknown"
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
    case "DecodeError":
    case "OptionsError":
    case "EncodeError":
      return false
  }
}
