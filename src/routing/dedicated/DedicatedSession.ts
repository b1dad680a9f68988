/** Commands on one connection, for as long as the connection lives: no redirects, no retries, no second socket. */
import * as Effect from "effect/Effect"
import type { Endpoint } from "../../cluster/Endpoint.ts"
import type { Command, DecodeFailure } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { concernsSlot, watchedKeyChanged } from "../../protocol/ErrorKind.ts"
import * as ReadFrom from "../../ReadFrom.ts"
import { CrossSlotError, type Reason, type RedisClusterException } from "../../RedisClusterException.ts"
import type { Topology } from "../../topology/Topology.ts"
import * as Batch from "../batches/Pipeline.ts"
import { keyless } from "../CommandSlot.ts"
import { forDedicated, holdsUpBatch, invalid } from "../Rejections.ts"
import type { CallRegion } from "../request/CallRegion.ts"
import { reasonOf } from "../request/Conflict.ts"
import { diagnose, type Diagnosis, type Failure } from "../request/Diagnosis.ts"
import * as Failures from "../request/Failures.ts"
import { loadThenResend } from "../request/Prerequisites.ts"
import * as Recovery from "../request/Recovery.ts"
import { Request, type RequestOwner, type Step } from "../request/Request.ts"
import type { RoutingStatistics } from "../request/RoutingStatistics.ts"
import * as Tracing from "../request/Tracing.ts"
import { BlockingRequest, endsConnection } from "./BlockingRequest.ts"
import type { Unblocker } from "./Unblocker.ts"

/** The parts of the router that a session needs. */
export interface SessionContext {
  readonly statistics: RoutingStatistics
  readonly topology: Topology["Service"]
  /** The slot of a command, or the reason to refuse it. */
  readonly slotOf: (command: Command<unknown>) => number | Reason
  readonly deadlineOf: (command: Command<unknown>) => number
  /** The time in monotonic milliseconds. */
  readonly now: () => number
  readonly timeoutOf: (command: Command<unknown>) => number
  /** The timeout of commands without one of their own, in milliseconds. */
  readonly timeout: number
  readonly unblocker: Unblocker
  readonly region: CallRegion
  /** The attributes of the client, for its spans. */
  readonly attributes: Readonly<Record<string, string>>
  readonly mapAddress: (endpoint: Endpoint) => Endpoint
}

/** A connection that one user has to itself for a while. */
export interface DedicatedConnection {
  /** The endpoint of the node at the other end. */
  readonly endpoint: Endpoint
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
  /** Sends ASKING and the command in one write: for a node that imports the slot. */
  readonly executeAsking: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
  readonly batches: Batch.Batching
}

/**
 * The purpose of the session's connection.
 *
 * - `dedicated`: any commands; it is closed with the session
 * - `watch`: optimistic transactions on keys of one slot; it goes back to the pool
 */
export type Purpose =
  | { readonly _tag: "dedicated" }
  | { readonly _tag: "watch"; readonly slot: number; readonly asking: boolean }

const endedWithScope = "ended with its scope"

const otherSlot = (command: Command<unknown>, slot: number, watched: number): Reason =>
  new CrossSlotError({
    message: `${command.spec.name} has keys of slot ${slot}, but the watched keys are of slot ${watched}; ` +
      `give them a common hash tag such as {user:1}, or use the client outside of watch`,
    outcome: "NotExecuted",
    command: command.spec.name,
    slots: [watched, slot]
  })

const demoted: LinkFailure = {
  kind: "connection",
  message: "the node became a replica, and closes the connections on which it held commands back"
}

export class DedicatedSession implements RequestOwner, DedicatedConnection {
  readonly connection: Connection
  readonly attributes: Readonly<Record<string, string>>
  /** Pipelines and transactions on this connection. */
  readonly batches: Batch.Batches
  private readonly context: SessionContext
  private readonly purpose: Purpose
  private isOver = false

  constructor(connection: Connection, purpose: Purpose, context: SessionContext) {
    this.connection = connection
    this.attributes = context.attributes
    this.purpose = purpose
    this.context = context
    this.batches = new Batch.Batches({
      owner: this,
      now: context.now,
      dispatch: (request) => this.dispatch(request),
      nodeOf: () => undefined,
      connectionTo: () => this.connection,
      pinned: undefined,
      slotOf: (command) => command.blockingTime === undefined ? this.slotOf(command) : holdsUpBatch(command),
      transactionSlotOf: (command) => this.slotOf(command),
      settle: (commands) => context.region.settleAll(commands),
      refused: (reason) => context.statistics.failed(reason._tag),
      readFrom: () => ReadFrom.primary,
      timeout: context.timeout
    })
  }

  /** The endpoint of the node at the other end. */
  get endpoint(): Endpoint {
    return this.connection.endpoint
  }

  readonly execute = <A>(command: Command<A>): Effect.Effect<A, RedisClusterException> => this.run(command, false)

  /** Sends ASKING and the command in one write: for a node that imports the slot. */
  readonly executeAsking = <A>(command: Command<A>): Effect.Effect<A, RedisClusterException> => this.run(command, true)

  private run<A>(given: Command<A>, asking: boolean): Effect.Effect<A, RedisClusterException> {
    const slot = this.slotOf(given)
    if (typeof slot !== "number") return this.context.statistics.refuse(slot)
    const blocks = given.blockingTime !== undefined
    const run = Effect.callback<A, RedisClusterException>((resume) => {
      const command = this.context.region.settle(given)
      const problem = invalid(command)
      if (problem !== undefined) return resume(this.context.statistics.refuse(problem))
      const deadline = this.context.deadlineOf(command)
      const answered = resume as Request["resume"]
      const request = blocks
        ? new BlockingRequest(this, command, slot, "explicit", undefined, deadline, answered, this.context.unblocker)
        : Request.onConnection(this, command, slot, deadline, answered)
      Tracing.join(request)
      this.dispatch(request, asking)
      return request
    })
    return Tracing.observed(run, () => Tracing.commandCall(given, slot))
  }

  /** Rejects all commands from now on. */
  end(): void {
    this.isOver = true
  }

  judge(request: Request, failure: Failure): RedisClusterException | Step {
    // A command that is written after this reply would never be answered, and its outcome would be unknown.
    if (failure._tag === "Reply" && endsConnection(failure.error)) this.connection.closeNow(demoted)
    const { mapAddress, topology } = this.context
    const diagnosis = diagnose(failure, request, { via: this.endpoint, mapAddress, snapshot: topology.current() })
    const retryState = request.note(diagnosis, Failures.summary(diagnosis))
    const decision = Recovery.decide(diagnosis, {
      repeatable: false,
      hasPrerequisite: request.command.settings.prerequisite !== undefined,
      binding: "connection",
      redirects: retryState.redirects,
      maxRedirects: 1,
      via: this.endpoint
    })
    switch (decision._tag) {
      case "LoadThenResend":
        return decision
      case "Return":
        this.tellTopology(decision.lesson)
        return this.errorOf(request, diagnosis)
      // Nothing is sent twice over the only connection of the session.
      case "GiveUp":
      case "RetryAt":
      case "RetryNext":
      case "RetryAfter":
        return this.errorOf(request, diagnosis)
    }
  }

  /** Takes the one step that needs no other connection. */
  proceed(request: Request): void {
    const { retryState } = request
    if (retryState === undefined) return
    retryState.redirected()
    loadThenResend(request, retryState)
  }

  /** Never called: `judge` makes no decision that pauses. */
  pause(requests: ReadonlyArray<Request>): void {
    for (const request of requests) this.dispatch(request)
  }

  hold(): void {}

  release(): void {}

  expired(request: Request, written: boolean): RedisClusterException {
    return Failures.timedOut(request, this.context.timeoutOf(request.command), written)
  }

  undecodable(request: Request, failure: DecodeFailure): RedisClusterException {
    return Failures.undecodable(request, failure)
  }

  cancelled(): void {}

  silent(): void {}

  ended(error: RedisClusterException): void {
    this.context.statistics.failed(reasonOf(error))
  }

  dispatch(request: Request, asking = false): void {
    request.headsFor(this.connection)
    if (this.isOver) {
      const failure = { kind: "closed", message: endedWithScope } as const
      return request.fail(Failures.fromFailure(request, { _tag: "Lost", failure, written: false }))
    }
    request.sendOver(this.connection, asking || (this.purpose._tag === "watch" && this.purpose.asking))
  }

  private slotOf(command: Command<unknown>): number | Reason {
    const { purpose } = this
    const unfit = invalid(command) ?? forDedicated(command, purpose._tag === "watch")
    if (unfit !== undefined) return unfit
    const slot = this.context.slotOf(command)
    if (purpose._tag === "dedicated" || typeof slot !== "number" || slot === keyless || slot === purpose.slot) {
      return slot
    }
    return otherSlot(command, slot, purpose.slot)
  }

  /** Passes news to the topology, so that the next session goes to the right node. */
  private tellTopology(lesson: Recovery.Lesson | undefined): void {
    const { topology } = this.context
    if (lesson?._tag === "Moved") topology.moved(lesson.slot, lesson.endpoint)
    else if (lesson?._tag === "Refresh") topology.requestRefresh()
  }

  private errorOf(request: Request, failure: Diagnosis): RedisClusterException {
    const plain = Failures.fromFailure(request, failure)
    const isWatch = this.purpose._tag === "watch"
    if (failure._tag === "Reply") {
      if (failure.error === watchedKeyChanged) {
        return Failures.conflict(request, "a watched key was changed", plain, undefined)
      }
      return isWatch && concernsSlot(failure.kind)
        ? Failures.conflict(
          request,
          `the node does not serve the watched keys now (${failure.error.code})`,
          plain,
          plain
        )
        : plain
    }
    if (failure._tag === "NotCovered" || failure.failure.kind === "overloaded" || this.isOver) return plain
    const why = this.connection.lastFailure?.message ?? failure.failure.message
    const lost = Failures.dedicatedLost(request, why, failure.written)
    const mayBeExecuted = failure.written && !request.command.spec.readonly
    return isWatch && !mayBeExecuted
      ? Failures.conflict(request, `the connection that watched was lost (${why})`, lost, lost)
      : lost
  }
}
