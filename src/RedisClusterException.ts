/**
 * The error that every command can fail with, and its reasons.
 *
 * `reason` says what happened. The reasons are a closed union of tagged errors, so that `Effect.catchReason`,
 * `Effect.catchReasons` and `Effect.unwrapReason` work. The module `Reason` has their classes.
 *
 * A failure of only one operation is an error of its own, which can be handled away: `ConflictError` of `watch`,
 * `LockNotAcquiredError` and `LockLostError` of `Lock`, `UnhealthyError` of `requireHealthy`.
 *
 * **Example** (Handling one reason)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 *
 * const visits = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.incr("visits")
 * }).pipe(
 *   Effect.catchReason("RedisClusterException", "TimeoutError", (reason) =>
 *     Effect.logWarning(`no answer in time, outcome: ${reason.outcome}`).pipe(Effect.as(-1)))
 * )
 * ```
 *
 * @since 0.1.0
 */
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { reportable } from "./internal/reportable.ts"
import { stackless } from "./internal/stackless.ts"

const TypeId = "~effect-redis-cluster/RedisClusterException"
const ReasonTypeId = "~effect-redis-cluster/Reason"

const id = (tag: string) => `effect-redis-cluster/${tag}`

/**
 * The outcome of the command.
 *
 * - `NotExecuted`: the server did not execute it; sending it again is safe
 * - `Unknown`: it was written and no answer came; it may or may not have been executed
 * - `Executed`: the server executed it, the failure came afterwards (an answer that could not be decoded)
 *
 * @category models
 * @since 0.1.0
 */
export const Outcome = Schema.Literals(["NotExecuted", "Unknown", "Executed"])

/**
 * Whether a failed command was executed: `NotExecuted`, `Unknown` or `Executed`.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = typeof Outcome.Type

const context = {
  /** The message says what was wrong, what was expected, and what to do. Argument values never appear in it. */
  message: Schema.String,
  outcome: Outcome,
  /** The name of the command, when there was one. */
  command: Schema.optional(Schema.String),
  /** The address of the node that answered or failed. */
  node: Schema.optional(Schema.String),
  /** The number of times that the command was sent. */
  attempts: Schema.optional(Schema.Number)
}

/** One attempt of a redirected command: the node, and the reply. */
const Hop = Schema.Struct({ node: Schema.String, reply: Schema.String })

/**
 * One station of a command on its way through redirects.
 *
 * @category models
 * @since 0.1.0
 */
export type Hop = typeof Hop.Type

/**
 * The slot belongs to another node. Seen only for commands that were sent to an explicitly given node.
 *
 * @category errors
 * @since 0.1.0
 */
export class MovedError extends Schema.TaggedError<MovedError>(id("MovedError"))("MovedError", {
  ...context,
  slot: Schema.Number,
  address: Schema.String
}) {
  readonly isRetryable: boolean = true
}

/**
 * The slot is being moved and the key has already left. Seen only for commands that were sent to an explicitly
 * given node.
 *
 * @category errors
 * @since 0.1.0
 */
export class AskError extends Schema.TaggedError<AskError>(id("AskError"))("AskError", {
  ...context,
  slot: Schema.Number,
  address: Schema.String
}) {
  readonly isRetryable: boolean = true
}

/**
 * The keys of a multi-key command lay on both sides of a slot migration until the deadline.
 *
 * @category errors
 * @since 0.1.0
 */
export class TryAgainError extends Schema.TaggedError<TryAgainError>(id("TryAgainError"))("TryAgainError", context) {
  readonly isRetryable: boolean = true
}

/**
 * The cluster, as the node sees it, did not serve the slot until the deadline.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClusterDownError
  extends Schema.TaggedError<ClusterDownError>(id("ClusterDownError"))("ClusterDownError", context)
{
  readonly isRetryable: boolean = true
}

/**
 * The replica had lost its primary and serves no stale data.
 *
 * @category errors
 * @since 0.1.0
 */
export class MasterDownError
  extends Schema.TaggedError<MasterDownError>(id("MasterDownError"))("MasterDownError", context)
{
  readonly isRetryable: boolean = true
}

/**
 * The node was still loading its data.
 *
 * @category errors
 * @since 0.1.0
 */
export class LoadingError extends Schema.TaggedError<LoadingError>(id("LoadingError"))("LoadingError", context) {
  readonly isRetryable: boolean = true
}

/**
 * The node that was written to is a replica.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReadOnlyError extends Schema.TaggedError<ReadOnlyError>(id("ReadOnlyError"))("ReadOnlyError", context) {
  readonly isRetryable: boolean = true
}

/**
 * Any other error reply of a server: `code` is its first word (`WRONGTYPE`, `NOSCRIPT`, `ERR` ...).
 *
 * @category errors
 * @since 0.1.0
 */
export class ReplyError extends Schema.TaggedError<ReplyError>(id("ReplyError"))("ReplyError", {
  ...context,
  code: Schema.String
}) {
  readonly isRetryable: boolean = false
}

/**
 * The server refused the credentials, or asked for some where none were given.
 *
 * @category errors
 * @since 0.1.0
 */
export class AuthenticationError
  extends Schema.TaggedError<AuthenticationError>(id("AuthenticationError"))("AuthenticationError", context)
{
  readonly isRetryable: boolean = false
}

/**
 * The connection could not be made, or was lost with the command on it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionError
  extends Schema.TaggedError<ConnectionError>(id("ConnectionError"))("ConnectionError", context)
{
  readonly isRetryable: boolean = this.outcome === "NotExecuted"
}

/**
 * The deadline passed. `waitingFor` says what the command was waiting for when it did.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimeoutError extends Schema.TaggedError<TimeoutError>(id("TimeoutError"))("TimeoutError", {
  ...context,
  timeout: Schema.Number,
  waitingFor: Schema.Literals(["reply", "connection"])
}) {
  readonly isRetryable: boolean = this.outcome === "NotExecuted"
}

/**
 * The node's bound of commands or bytes in flight was reached, and `overflow` is `"fail"`.
 *
 * @category errors
 * @since 0.1.0
 */
export class OverloadedError
  extends Schema.TaggedError<OverloadedError>(id("OverloadedError"))("OverloadedError", context)
{
  readonly isRetryable: boolean = true
}

/**
 * An entry of a pipeline that a node refused, or whose connection was lost, while a later entry of its slot was executed:
 * sent again, it would take effect behind that one.
 *
 * @category errors
 * @since 0.1.0
 */
export class OvertakenError extends Schema.TaggedError<OvertakenError>(id("OvertakenError"))("OvertakenError", {
  ...context,
  /** The slot of the entries. */
  slot: Schema.Number
}) {
  readonly isRetryable: boolean = this.outcome === "NotExecuted"
}

/**
 * No node could tell the topology. `causes` has each node that was asked and what became of it.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoReachableNodeError
  extends Schema.TaggedError<NoReachableNodeError>(id("NoReachableNodeError"))("NoReachableNodeError", {
    ...context,
    causes: Schema.Array(Schema.Struct({ node: Schema.String, cause: Schema.String }))
  })
{
  readonly isRetryable: boolean = true
}

/**
 * The server runs without cluster mode.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClusterDisabledError
  extends Schema.TaggedError<ClusterDisabledError>(id("ClusterDisabledError"))("ClusterDisabledError", context)
{
  readonly isRetryable: boolean = false
}

/**
 * No node owns the slot.
 *
 * @category errors
 * @since 0.1.0
 */
export class SlotNotCoveredError
  extends Schema.TaggedError<SlotNotCoveredError>(id("SlotNotCoveredError"))("SlotNotCoveredError", {
    ...context,
    slot: Schema.Number
  })
{
  readonly isRetryable: boolean = true
}

/**
 * The keys of one command belong to different slots.
 *
 * @category errors
 * @since 0.1.0
 */
export class CrossSlotError extends Schema.TaggedError<CrossSlotError>(id("CrossSlotError"))("CrossSlotError", {
  ...context,
  slots: Schema.Array(Schema.Number)
}) {
  readonly isRetryable: boolean = false
}

/**
 * A command that is routed by its keys was given none.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoKeyError extends Schema.TaggedError<NoKeyError>(id("NoKeyError"))("NoKeyError", context) {
  readonly isRetryable: boolean = false
}

/**
 * The node that was asked for is not part of the cluster.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownNodeError
  extends Schema.TaggedError<UnknownNodeError>(id("UnknownNodeError"))("UnknownNodeError", context)
{
  readonly isRetryable: boolean = false
}

/**
 * The command needs a node that only the caller can choose, or the target matches no node.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoTargetError extends Schema.TaggedError<NoTargetError>(id("NoTargetError"))("NoTargetError", context) {
  readonly isRetryable: boolean = false
}

/**
 * The redirect budget was spent. `hops` has every station in order.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyRedirectionsError
  extends Schema.TaggedError<TooManyRedirectionsError>(id("TooManyRedirectionsError"))("TooManyRedirectionsError", {
    ...context,
    hops: Schema.Array(Hop)
  })
{
  readonly isRetryable: boolean = true
}

/** The encoded form of an exception, by the schema of the errors. */
interface EncodedException {
  readonly _tag: "RedisClusterException"
  readonly reason: (typeof Reason)["Encoded"]
}

/** The exception of a part. The class is defined below, and holds these reasons itself. */
const Part = Schema.suspend((): Schema.Codec<RedisClusterException, EncodedException> => RedisClusterException)

/**
 * Some parts of a command that was split over several nodes failed. `failures` has each failed part with an outcome of
 * its own, `succeeded` how many parts are done. The outcome of the whole is `NotExecuted` only when no part was executed.
 *
 * @category errors
 * @since 0.1.0
 */
export class PartialFailureError
  extends Schema.TaggedError<PartialFailureError>(id("PartialFailureError"))("PartialFailureError", {
    ...context,
    /** The parts that failed: the node, the positions of the keys in the caller's list, and the failure. */
    failures: Schema.Array(Schema.Struct({
      node: Schema.optional(Schema.String),
      keys: Schema.Array(Schema.Number),
      error: Part
    })),
    /** How many parts succeeded. */
    succeeded: Schema.Number,
    /** The nodes that succeeded, for a command that ran on several nodes. */
    answered: Schema.optional(Schema.Array(Schema.String))
  })
{
  readonly isRetryable: boolean = false
}

const entryContext = {
  ...context,
  /** The position of the entry: in the list, or among the names of the record. */
  index: Schema.Number,
  /** The exception of the entry. */
  cause: Part
}

const isRetryableEntry = (reason: { readonly outcome: Outcome; readonly cause: RedisClusterException }): boolean =>
  reason.outcome === "NotExecuted" && reason.cause.isRetryable

/**
 * An entry of a pipeline failed, the first one in the order given: `index` and `command` say which, `cause` is its
 * exception.
 *
 * The outcome is that of the whole pipeline: `NotExecuted` when no entry was executed, `Unknown` when the fate of one is
 * unknown, otherwise `Executed`: some entries were. Only a pipeline of which nothing was executed is retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class PipelineError
  extends Schema.TaggedError<PipelineError>(id("PipelineError"))("PipelineError", entryContext)
{
  readonly isRetryable: boolean = isRetryableEntry(this)
}

/**
 * An entry of a transaction failed: `index` and `command` say which, `cause` is its exception.
 *
 * The outcome is that of the whole transaction: `NotExecuted` when the entry was refused, by the client or by the server,
 * and nothing was executed; `Executed` when it failed in the course of EXEC, which undoes nothing: the other entries
 * took effect.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransactionError
  extends Schema.TaggedError<TransactionError>(id("TransactionError"))("TransactionError", entryContext)
{
  readonly isRetryable: boolean = isRetryableEntry(this)
}

/**
 * The server sent what is not the protocol; the connection was closed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProtocolError extends Schema.TaggedError<ProtocolError>(id("ProtocolError"))("ProtocolError", context) {
  readonly isRetryable: boolean = this.outcome === "NotExecuted"
}

/**
 * The reply arrived and does not have the expected shape, or the schema refused it.
 *
 * @category errors
 * @since 0.1.0
 */
export class DecodeError extends Schema.TaggedError<DecodeError>(id("DecodeError"))("DecodeError", {
  ...context,
  cause: Schema.optional(Schema.Defect())
}) {
  readonly isRetryable: boolean = false
}

/**
 * The client is closed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClosedError extends Schema.TaggedError<ClosedError>(id("ClosedError"))("ClosedError", context) {
  readonly isRetryable: boolean = false
}

/**
 * An option, a URL or an argument cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class OptionsError extends Schema.TaggedError<OptionsError>(id("OptionsError"))("OptionsError", context) {
  readonly isRetryable: boolean = false
}

/**
 * A value cannot be encoded: its schema refused it, or a function of the schema or the codec failed. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class EncodeError extends Schema.TaggedError<EncodeError>(id("EncodeError"))("EncodeError", context) {
  readonly isRetryable: boolean = false
}

/**
 * The schema of all reasons that a `RedisClusterException` can have.
 *
 * **When to use**
 *
 * Use it to encode a reason, for a log or another process, and to decode it again.
 *
 * @category errors
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  MovedError,
  AskError,
  TryAgainError,
  ClusterDownError,
  MasterDownError,
  LoadingError,
  ReadOnlyError,
  ReplyError,
  AuthenticationError,
  ConnectionError,
  TimeoutError,
  OverloadedError,
  OvertakenError,
  NoReachableNodeError,
  ClusterDisabledError,
  SlotNotCoveredError,
  CrossSlotError,
  NoKeyError,
  UnknownNodeError,
  NoTargetError,
  TooManyRedirectionsError,
  PartialFailureError,
  PipelineError,
  TransactionError,
  ProtocolError,
  DecodeError,
  ClosedError,
  OptionsError,
  EncodeError
])

/**
 * The reasons of a `RedisClusterException`, as a union of tagged errors: the type of `error.reason`.
 *
 * @category errors
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

for (const { prototype } of Reason.members) Object.defineProperty(prototype, ReasonTypeId, { value: ReasonTypeId })

/**
 * The side that a reason is about.
 *
 * - `cluster`: the cluster does not serve the slot, or is none
 * - `network`: no way to the server, or no time
 * - `answer`: the server has answered, and the answer is no success
 * - `call`: the command cannot be sent as it is
 * - `parts`: the command has parts, and some of them failed
 *
 * @category models
 * @since 0.1.0
 */
export type Group = "cluster" | "network" | "answer" | "call" | "parts"

/**
 * The group of each reason.
 *
 * @internal
 */
export const groupOf: Readonly<Record<Reason["_tag"], Group>> = {
  MovedError: "cluster",
  AskError: "cluster",
  TryAgainError: "cluster",
  ClusterDownError: "cluster",
  MasterDownError: "cluster",
  LoadingError: "cluster",
  ReadOnlyError: "cluster",
  ClusterDisabledError: "cluster",
  SlotNotCoveredError: "cluster",
  TooManyRedirectionsError: "cluster",
  ConnectionError: "network",
  TimeoutError: "network",
  OverloadedError: "network",
  NoReachableNodeError: "network",
  ProtocolError: "network",
  ClosedError: "network",
  ReplyError: "answer",
  AuthenticationError: "answer",
  DecodeError: "answer",
  CrossSlotError: "call",
  NoKeyError: "call",
  UnknownNodeError: "call",
  NoTargetError: "call",
  OptionsError: "call",
  EncodeError: "call",
  PartialFailureError: "parts",
  PipelineError: "parts",
  TransactionError: "parts",
  OvertakenError: "parts"
}

/**
 * The error of every command. `reason` says what happened.
 *
 * @category errors
 * @since 0.1.0
 */
export class RedisClusterException
  extends Schema.TaggedError<RedisClusterException>(id("RedisClusterException"))("RedisClusterException", {
    reason: Reason
  })
{
  /** The cause of the reason, where it has one: the reason itself is told by the message. */
  declare readonly cause: unknown

  get [TypeId](): typeof TypeId {
    return TypeId
  }

  override get message(): string {
    return this.reason.message
  }

  /** Sending the command again may succeed, and is safe. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }

  /** The side that the reason is about: the cluster, the network, the answer, the call itself, or its parts. */
  get group(): Group {
    return groupOf[this.reason._tag]
  }

  /** The outcome of the command. */
  get outcome(): Outcome {
    return this.reason.outcome
  }

  /** The name of the command, when there was one. */
  get command(): string | undefined {
    return this.reason.command
  }

  /** The address of the node that answered or failed. */
  get node(): string | undefined {
    return this.reason.node
  }

  /** The number of times that the command was sent. */
  get attempts(): number | undefined {
    return this.reason.attempts
  }

  override [NodeInspectSymbol](): unknown {
    // The cause of an error is not enumerable.
    const { _tag, cause, isRetryable, message, outcome, ...facts } = this.reason
    const because = cause === undefined ? {} : { cause }
    return { _tag: "RedisClusterException", message, reason: _tag, outcome, isRetryable, ...facts, ...because }
  }

  /**
   * The reason at the bottom: that of the entry for `PipelineError` and `TransactionError`, that of the first failed part
   * for `PartialFailureError`, otherwise `reason` itself.
   */
  get root(): Reason {
    const { reason } = this
    if (reason._tag === "PipelineError" || reason._tag === "TransactionError") return reason.cause.root
    return reason._tag === "PartialFailureError" ? reason.failures[0]?.error.root ?? reason : reason
  }
}

// `Error` has the cause as a field.
Object.defineProperty(RedisClusterException.prototype, "cause", {
  configurable: true,
  get(this: RedisClusterException): unknown {
    return "cause" in this.reason ? this.reason.cause : undefined
  }
})

reportable(RedisClusterException.prototype, ({ reason }) => reason._tag)

/**
 * Whether a value is a `RedisClusterException`, also of another copy of the package.
 *
 * @category guards
 * @since 0.1.0
 */
export const isRedisClusterException = (value: unknown): value is RedisClusterException =>
  Predicate.hasProperty(value, TypeId)

/**
 * Whether a value is one of the reasons. Reasons of another copy of the package count as well.
 *
 * @category guards
 * @since 0.1.0
 */
export const isReason = (value: unknown): value is Reason => Predicate.hasProperty(value, ReasonTypeId)

/**
 * Builds an exception without a stack.
 *
 * @internal
 */
export const exception = (makeReason: () => Reason): RedisClusterException =>
  stackless(() => new RedisClusterException({ reason: makeReason() }))

/**
 * The outcome of a whole of which some parts failed: `NotExecuted` only when no part was executed.
 *
 * @internal
 */
export const partialOutcome = (failed: ReadonlyArray<Outcome>, succeeded: number): Outcome =>
  succeeded === 0 && failed.every((outcome) => outcome === "NotExecuted") ? "NotExecuted" : "Unknown"
