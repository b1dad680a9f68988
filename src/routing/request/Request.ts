/**
 * One command on its way through the router: where it has been, how long it may take, who waits for it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Endpoint } from "../../cluster/Endpoint.ts"
import { type Command, DecodeFailure, decodeReply } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { LinkFailure, Outgoing } from "../../connection/Outgoing.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import type { Hop, RedisClusterException } from "../../RedisClusterException.ts"
import type { ReadRoute } from "../reads/ReadNodes.ts"
import type { Binding, Failure } from "./Recovery.ts"
import type { Trace } from "./Tracing.ts"

/**
 * Who is told how commands end, by their place, when several of them belong together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Collector {
  succeeded(index: number, value: unknown): void
  failed(index: number, error: RedisClusterException): void
}

/**
 * What a request asks of the router.
 *
 * @category models
 * @since 0.1.0
 */
export interface RequestOwner {
  failed(request: Request, failure: Failure): void
  expired(request: Request, written: boolean): void
  undecodable(request: Request, failure: DecodeFailure): void
  cancelled(request: Request): void
  /** It has failed for good. */
  ended(request: Request, error: RedisClusterException): void
}

/** How many stations are remembered for the error of a command that is redirected without end. */
const rememberedHops = 32

/**
 * What only a request needs that did not succeed at its first attempt.
 *
 * @category models
 * @since 0.1.0
 */
export class RetryState {
  attempts = 1
  redirects = 0
  /** It was lost after it had been written, and then sent again: an earlier attempt may have been executed. */
  maybeExecuted = false
  readonly hops: Array<Hop> = []
  lastFailure: Failure
  /** What the node said when it was given what it lacked, if it refused that. */
  refusal: ServerError | undefined = undefined
  /** Waits for the topology until this time. */
  retryAt = 0
  /** The next delay of the retry schedule, in milliseconds; `undefined` when the schedule has ended. */
  nextDelay: ((error: RedisClusterException) => Effect.Effect<number | undefined>) | undefined

  constructor(failure: Failure) {
    this.lastFailure = failure
  }
}

/**
 * The request is itself the effect that cancels it: `Effect.callback` wants one per suspended command, and this
 * one costs nothing.
 *
 * @category models
 * @since 0.1.0
 */
export class Request extends Effectable.Class<void> implements Outgoing {
  readonly command: Command<unknown>
  readonly owner: RequestOwner
  /** The slot it is routed by, or -1. */
  readonly slot: number
  /** Monotonic milliseconds. */
  deadline: number
  readonly binding: Binding
  /** The node it is bound to, when the slot does not decide. */
  readonly pinned: ClusterNode | undefined
  readonly resume: ((exit: Exit.Exit<never, RedisClusterException> | Exit.Exit<unknown>) => void) | undefined
  readonly collector: Collector | undefined
  /** Its place among the requests of the collector. */
  readonly index: number

  readonly binary: boolean
  settled = false
  asking = false
  size = 0
  connection: Connection | undefined
  /** Sends it to a node on a connection of its own, when it is not for the shared ones. */
  lease: ((node: Endpoint) => void) | undefined
  /** For reads that a policy sends to the nodes of their shard. */
  readRoute: ReadRoute | undefined
  /** What has gone wrong so far; most requests never need it. */
  retryState: RetryState | undefined
  /** The call it is part of, when that is traced. */
  trace: Trace | undefined

  constructor(
    command: Command<unknown>,
    owner: RequestOwner,
    slot: number,
    deadline: number,
    binding: Binding,
    pinned: ClusterNode | undefined,
    resume: Request["resume"],
    collector: Collector | undefined,
    index: number
  ) {
    super()
    this.command = command
    this.owner = owner
    this.slot = slot
    this.deadline = deadline
    this.binding = binding
    this.pinned = pinned
    this.resume = resume
    this.collector = collector
    this.index = index
    this.binary = command.settings.binary
    this.connection = undefined
    this.lease = undefined
    this.readRoute = undefined
    this.retryState = undefined
    this.trace = undefined
  }

  /** How often it has been sent. */
  get attempts(): number {
    return this.retryState === undefined ? 1 : this.retryState.attempts
  }

  /** Run when the waiting fiber is interrupted. */
  asEffect(): Effect.Effect<void> {
    return Effect.sync(() => this.cancel())
  }

  cancel(): void {
    if (this.settled) return
    this.settled = true
    this.owner.cancelled(this)
  }

  onReply(reply: Reply): void {
    if (reply instanceof ServerError) {
      this.owner.failed(this, { _tag: "Reply", error: reply })
      return
    }
    const value = decodeReply(this.command, reply)
    if (value instanceof DecodeFailure) this.owner.undecodable(this, value)
    else this.succeed(value)
  }

  onLost(failure: LinkFailure, written: boolean): void {
    this.owner.failed(this, { _tag: "Lost", failure, written })
  }

  onDeadline(written: boolean): void {
    this.owner.expired(this, written)
  }

  succeed(value: unknown): void {
    this.settled = true
    if (this.resume !== undefined) this.resume(Exit.succeed(value))
    else this.collector?.succeeded(this.index, value)
  }

  fail(error: RedisClusterException): void {
    if (this.settled) return
    this.settled = true
    this.owner.ended(this, error)
    if (this.resume !== undefined) this.resume(Exit.fail(error))
    else this.collector?.failed(this.index, error)
  }

  /** Takes note of a failure; the bookkeeping of troubled requests. */
  note(failure: Failure, summary: string): RetryState {
    const retryState = this.retryState ??= new RetryState(failure)
    retryState.lastFailure = failure
    if (retryState.hops.length === rememberedHops) retryState.hops.shift()
    retryState.hops.push({ node: this.connection?.address ?? "no node", reply: summary })
    return retryState
  }
}
