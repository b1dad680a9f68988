/**
 * One command on its way through the router: its hops, its deadline, its waiting fiber.
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Endpoint } from "../../cluster/Endpoint.ts"
import { type Command, DecodeFailure, decodeReply } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { LinkFailure, Outgoing } from "../../connection/Outgoing.ts"
import { type Moment, origin, settle } from "../../internal/monotonic.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import { type Hop, RedisClusterException } from "../../RedisClusterException.ts"
import { keyless } from "../CommandSlot.ts"
import type { ReadRoute } from "../reads/ReadRoute.ts"
import type { Awaited, Cohort } from "./Cohort.ts"
import type { Diagnosis, Failure } from "./Diagnosis.ts"
import type { Binding, Decision } from "./Recovery.ts"

/**
 * Takes the results of several commands that belong together, by their place.
 */
export interface Collector {
  succeeded(index: number, value: unknown): void
  failed(index: number, error: RedisClusterException): void
  /** Called when a request of the collector has failed and its owner has decided on the next step. */
  goOn(request: Request, step: Step): void
}

/**
 * The next step of a request that failed and is not given up.
 */
export type Step = Exclude<Decision, { readonly _tag: "Return" } | { readonly _tag: "GiveUp" }>

/**
 * Decides about the failures of requests. The owner gets each failure once, and its answer says how the request goes
 * on.
 */
export interface RequestOwner {
  /** The attributes of the client, for its spans. */
  readonly attributes: Readonly<Record<string, string>>
  /** Decides about a failure: the result is the error with which the request ends, or its next step. */
  judge(request: Request, failure: Failure): RedisClusterException | Step
  /** Takes the step on which `judge` has decided. */
  proceed(request: Request, step: Step): void
  /** Lets requests of one slot pause, and then sends them again in this order. */
  pause(requests: ReadonlyArray<Request>, refresh: boolean): void
  /** Keeps a request that waits for others until it is released, or its deadline has passed. */
  hold(request: Request): void
  release(request: Request): void
  /** Sends a request to the node to which it belongs at this moment. */
  dispatch(request: Request): void
  /** The error of a request whose deadline has passed. */
  expired(request: Request, written: boolean): RedisClusterException
  /** The error of a request whose reply could not be decoded. */
  undecodable(request: Request, failure: DecodeFailure): RedisClusterException
  /** Called when nobody waits for the request any more. */
  cancelled(request: Request): void
  /** Called when the node to which a policy sent a read is silent. */
  silent(request: Request): void
  /** Called when the request has failed for good. */
  ended(error: RedisClusterException): void
}

/** The span of the call that a request is part of. */
export interface RequestTrace {
  /** Notes the decision about a failure. */
  decided(request: Request, failure: Diagnosis, decision: Decision): void
}

/** The number of hops that are remembered for the error of a command that is redirected without end. */
const rememberedHops = 32

/**
 * The state of a request that did not succeed at its first attempt.
 */
export class RetryState {
  attempts = 1
  redirects = 0
  /** Whether an earlier attempt was lost after it had been written, so that it may have been executed. */
  maybeExecuted = false
  readonly hops: Array<Hop>
  lastFailure: Diagnosis
  /** The error reply of the node to SCRIPT LOAD or FUNCTION LOAD. */
  refusal: ServerError | undefined = undefined
  /** The requests with which it pauses, from its first pause on. */
  cohort: Cohort<Request> | undefined = undefined
  /** The change for which it waits in its present pause. */
  awaits: Awaited | undefined = undefined

  constructor(failure: Diagnosis, hops: Array<Hop>) {
    this.lastFailure = failure
    this.hops = hops
  }

  /** Counts a redirect, or an attempt behind the prerequisite. */
  redirected(): void {
    this.redirects++
    this.attempts++
  }

  /**
   * Counts a pause, and starts the budget of redirects again. The budget stops circles without a pause. A multi-key
   * command for new keys of a migrating slot gets ASK and TRYAGAIN in turn while the migration lasts; its bound is the
   * deadline.
   */
  paused(): void {
    this.redirects = 0
    this.refusal = undefined
  }

  /** Counts redirects and pauses from here on, because a server has held the command back for a while. */
  startAgain(): void {
    this.redirects = 0
    this.cohort = undefined
  }
}

/** A part of a command that runs on many nodes: bound to one node, or to a shard by one of its slots. */
export interface Leg {
  readonly node: ClusterNode
  readonly slot: number
  readonly binding: Binding
}

type Resume = ((exit: Exit.Exit<never, RedisClusterException> | Exit.Exit<unknown>) => void) | undefined

/**
 * A request is itself the effect that cancels it: `Effect.callback` needs one per suspended command, and this one
 * needs no allocation.
 */
export class Request extends Effectable.Class<void> implements Outgoing {
  readonly command: Command<unknown>
  readonly owner: RequestOwner
  /** The slot by which it is routed, or -1. */
  readonly slot: number
  /** The moment from which its time is measured. */
  private since: Moment
  /** The time that it may take since that moment, in milliseconds. */
  private patience: number
  readonly binding: Binding
  /** The node to which it is bound, when the slot does not decide. */
  readonly pinned: ClusterNode | undefined
  readonly resume: Resume
  readonly collector: Collector | undefined
  /** Its place among the requests of the collector. */
  readonly index: number

  readonly binary: boolean
  settled = false
  asking = false
  size = 0
  connection: Connection | undefined
  /** The nodes of a read that a policy sends to the nodes of its shard. */
  readonly readRoute: ReadRoute | undefined
  /** The state of its retries; most requests never need it. */
  retryState: RetryState | undefined
  /** The call of which it is a part, when that is traced. */
  trace: RequestTrace | undefined

  protected constructor(
    owner: RequestOwner,
    command: Command<unknown>,
    slot: number,
    binding: Binding,
    pinned: ClusterNode | undefined,
    since: Moment,
    patience: number,
    resume: Resume,
    collector: Collector | undefined,
    index: number,
    readRoute: ReadRoute | undefined
  ) {
    super()
    this.command = command
    this.owner = owner
    this.slot = slot
    this.since = since
    this.patience = patience
    this.binding = binding
    this.pinned = pinned
    this.resume = resume
    this.collector = collector
    this.index = index
    this.binary = command.settings.binary
    this.connection = undefined
    this.readRoute = readRoute
    this.retryState = undefined
    this.trace = undefined
  }

  /** A single command for the owner of its slot, or for the nodes of its read policy. */
  static bySlot(
    owner: RequestOwner,
    command: Command<unknown>,
    slot: number,
    readRoute: ReadRoute | undefined,
    since: Moment,
    patience: number,
    resume: Resume
  ): Request {
    return new Request(owner, command, slot, "slot", undefined, since, patience, resume, undefined, 0, readRoute)
  }

  /** A single command for the node that its caller named. */
  static at(
    owner: RequestOwner,
    command: Command<unknown>,
    node: ClusterNode,
    since: Moment,
    patience: number,
    resume: Resume
  ): Request {
    return new Request(owner, command, keyless, "explicit", node, since, patience, resume, undefined, 0, undefined)
  }

  /** A single command for the one connection that its owner has. */
  static onConnection(
    owner: RequestOwner,
    command: Command<unknown>,
    slot: number,
    deadline: number,
    resume: Resume
  ): Request {
    return new Request(owner, command, slot, "explicit", undefined, origin, deadline, resume, undefined, 0, undefined)
  }

  /** An entry of a pipeline; `pinned` is the node that the caller named for all of them. */
  static entry(
    owner: RequestOwner,
    command: Command<unknown>,
    slot: number,
    readRoute: ReadRoute | undefined,
    deadline: number,
    collector: Collector,
    index: number,
    pinned: ClusterNode | undefined
  ): Request {
    const binding = pinned === undefined ? "slot" : "explicit"
    return new Request(owner, command, slot, binding, pinned, origin, deadline, undefined, collector, index, readRoute)
  }

  /** The part of a fan-out for one node or shard. */
  static leg(
    owner: RequestOwner,
    command: Command<unknown>,
    { binding, node, slot }: Leg,
    deadline: number,
    collector: Collector,
    index: number
  ): Request {
    const pinned = binding === "shard" ? undefined : node
    return new Request(owner, command, slot, binding, pinned, origin, deadline, undefined, collector, index, undefined)
  }

  /** The deadline in monotonic milliseconds. */
  get deadline(): number {
    return this.since.millis + this.patience
  }

  /** Gives it another deadline. */
  set deadline(deadline: number) {
    this.since = origin
    this.patience = deadline
  }

  /** Its deadline, which does not change any more with the end of the present task. */
  settleDeadline(): number {
    settle(this.since)
    return this.deadline
  }

  /** The number of times that it has been sent. */
  get attempts(): number {
    return this.retryState === undefined ? 1 : this.retryState.attempts
  }

  /** Whether it was written and is not answered. */
  get isOnTheWire(): boolean {
    return this.connection?.hasWritten(this) === true
  }

  /** The effect that runs when the waiting fiber is interrupted. */
  asEffect(): Effect.Effect<void> {
    return Effect.sync(() => this.cancel())
  }

  cancel(): void {
    if (this.settled) return
    this.settled = true
    this.owner.cancelled(this)
  }

  /** Notes that the request is part of a traced call. */
  belongsTo(trace: RequestTrace): void {
    this.trace = trace
  }

  /** Notes the connection for which it is meant, whether it is sent or not. */
  headsFor(connection: Connection): void {
    this.connection = connection
  }

  /** Sends the request to a node; `shared` gives the shared connection to it. */
  sendTo(node: Endpoint, asking: boolean, shared: (node: Endpoint) => Connection): void {
    this.sendOver(shared(node), asking)
  }

  sendOver(connection: Connection, asking: boolean): void {
    this.connection = connection
    this.asking = asking
    connection.send(this)
  }

  /** Sends the request again over its connection, behind the command that loads its prerequisite. */
  resend(): void {
    this.retryState?.redirected()
    if (this.connection !== undefined) this.sendOver(this.connection, this.asking)
  }

  onReply(reply: Reply): void {
    if (reply instanceof ServerError) return this.onFailure({ _tag: "Reply", error: reply })
    const value = decodeReply(this.command, reply)
    if (value instanceof DecodeFailure) this.fail(this.owner.undecodable(this, value))
    else this.succeed(value)
  }

  /** Takes a reply that came over another connection than the first. */
  onReplyFrom(connection: Connection, reply: Reply): void {
    this.connection = connection
    this.onReply(reply)
  }

  onLost(failure: LinkFailure, written: boolean): void {
    this.onFailure({ _tag: "Lost", failure, written })
  }

  onSilence(): void {
    if (this.readRoute !== undefined) this.owner.silent(this)
  }

  onDeadline(written: boolean): void {
    if (!this.settled) this.fail(this.owner.expired(this, written))
  }

  /** Asks the owner about a failure, and carries its decision out. */
  onFailure(failure: Failure): void {
    if (this.settled) return
    const verdict = this.owner.judge(this, failure)
    if (verdict instanceof RedisClusterException) this.fail(verdict)
    else if (this.collector === undefined) this.owner.proceed(this, verdict)
    else this.collector.goOn(this, verdict)
  }

  succeed(value: unknown): void {
    this.settled = true
    if (this.resume !== undefined) this.resume(Exit.succeed(value))
    else this.collector?.succeeded(this.index, value)
  }

  fail(error: RedisClusterException): void {
    if (this.settled) return
    this.settled = true
    this.owner.ended(error)
    if (this.resume !== undefined) this.resume(Exit.fail(error))
    else this.collector?.failed(this.index, error)
  }

  /** Lets the request wait because of a failure: its own, or the failure of a request that it may not pass. */
  waits(failure: Diagnosis, cohort: Cohort<Request>, awaits: Awaited): void {
    const retryState = this.retryState ??= new RetryState(failure, [])
    retryState.paused()
    retryState.cohort = cohort
    retryState.awaits = awaits
  }

  /** Notes that its pause is over and that it is sent again. */
  retried(): void {
    if (this.retryState !== undefined) this.retryState.attempts++
  }

  /** Notes a failure; `summary` is the failure in one or two words. */
  note(failure: Diagnosis, summary: string): RetryState {
    const hop: Hop = { node: this.connection?.address ?? "no node", reply: summary }
    const { retryState } = this
    // An array that begins with its hop has no room to spare: thousands of waiting requests have one hop each.
    if (retryState === undefined) return this.retryState = new RetryState(failure, [hop])
    retryState.lastFailure = failure
    if (retryState.hops.length === rememberedHops) retryState.hops.shift()
    retryState.hops.push(hop)
    return retryState
  }
}
