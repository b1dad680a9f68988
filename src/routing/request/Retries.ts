/**
 * Requests that failed and are sent again later: their pauses, and the changes that end a pause early.
 *
 * Waiting has to be cheap, because thousands of requests may wait for a dead node. Requests that fail at one place for
 * one reason, before the first of them is sent again, are a cohort: they share the steps of the retry schedule. While
 * the connection for which they wait stays down they are not sent: their pauses go by, and they fail when the schedule
 * ends. Callers who come steadily would begin a cohort in each first pause; so the more cohorts wait for a node, the
 * longer are the pauses in which nothing can be sent, and the more requests join a cohort.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type { Endpoint } from "../../cluster/Endpoint.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import type { Visit } from "../../connection/WaitingCommands.ts"
import { monotonicMillis, steadyTimeOfDay } from "../../internal/monotonic.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import type { Snapshot } from "../../topology/Snapshot.ts"
import { keyless } from "../CommandSlot.ts"
import { type Awaited, Cohort, type Parked } from "./Cohort.ts"
import type { Diagnosis } from "./Diagnosis.ts"
import * as Failures from "./Failures.ts"
import { Occupancy, type Place, type Waiting } from "./Occupancy.ts"
import { type Admission, RefusingNodes } from "./RefusingNodes.ts"
import type { Request } from "./Request.ts"
import { WaitingRoom } from "./WaitingRoom.ts"

export interface RetryContext {
  readonly clock: Clock.Clock
  readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  readonly schedule: Schedule.Schedule<unknown, RedisClusterException>
  readonly topology: { readonly current: () => Snapshot }
  /** The most commands of a node, and bytes of them, when commands beyond the bounds fail at once. */
  readonly bound: { readonly commands: number; readonly bytes: number } | undefined
  /** Sends a request again. */
  readonly dispatch: (request: Request) => void
  /** The node to which a request would be sent now; `undefined` when there is none, or when a read policy chooses. */
  readonly nodeOf: (request: Request) => Endpoint | undefined
}

/** The kind of a failure, in a word: requests with unlike failures do not share their pauses. */
const kindOf = (failure: Diagnosis): string => failure._tag === "Reply" ? failure.kind : failure._tag

/** When so many requests or more wait for a node that refuses everything, only a portion of them is sent as a test. */
const crowd = 256
/** The number of requests in such a portion. */
const testPortion = 16
/** The number of requests that are sent again in one turn of the event loop, so that other work gets its turns in between. */
const turnPortion = 256
/** The pause after which the other requests learn the outcome of the portion, in milliseconds. */
const lookAgain = 10

/** The cohorts of one node that only wait ask the schedule for a pause once in so many milliseconds, all of them together. */
const stepInterval = 10

/** The end of a portion of so many requests; entries of one slot of a pipeline stay together. */
const endOfPortion = (requests: ReadonlyArray<Request>, from: number, size: number): number => {
  let end = Math.min(from + size, requests.length)
  if (end === from) return end
  const { collector, slot } = requests[end - 1]
  if (collector === undefined) return end
  while (end < requests.length && requests[end].collector === collector && requests[end].slot === slot) end++
  return end
}

/** Requests that leave the room, of which the first `sent` have left. */
interface Departure {
  readonly requests: ReadonlyArray<Request>
  /** The place that each of them waited for when it was told to leave. */
  readonly awaited: ReadonlyArray<Awaited | undefined>
  sent: number
}

const awaitedBy = ({ retryState }: Request): Awaited | undefined => retryState?.awaits

/** Whether only a new map can give the request another node. A command without keys goes to the default node. */
const hasFixedNode = ({ pinned, slot }: Request): boolean => slot !== keyless || pinned !== undefined

/** Whether the errors of two requests are equal. */
const isAlike = (one: Request, other: Request): boolean => {
  const [mine, theirs] = [one.retryState, other.retryState]
  if (mine === undefined || theirs === undefined) return false
  const [before, now] = [mine.lastFailure, theirs.lastFailure]
  return before._tag === "Lost" && now._tag === "Lost" && before.failure === now.failure &&
    before.written === now.written && mine.attempts === theirs.attempts &&
    mine.maybeExecuted === theirs.maybeExecuted && one.connection === other.connection &&
    one.command.spec === other.command.spec
}

/**
 * Whether it may help to wait for a connection. It does not help when the node refuses the login: requests then fail
 * with that error.
 */
const isAwaited = ({ lastFailure, state }: Connection): boolean =>
  state === "down" && lastFailure?.kind !== "authentication"

/** The place of requests that have no node to wait for. */
const nowhere = {}

export class Retries {
  private isClosed = false
  private readonly context: RetryContext
  private readonly room: WaitingRoom
  /** The cohorts that requests may still join, by their place and the kind of their wait. */
  private readonly joinable = new WeakMap<Connection | typeof nowhere, Map<string, Cohort<Request>>>()
  private readonly refusing = new RefusingNodes()
  private seen: Snapshot
  private readonly occupancy: Occupancy | undefined
  /** The requests that leave the room, the next ones first. */
  private readonly departures: Array<Departure> = []
  private isDeparting = false
  private lastError: { readonly request: Request; readonly error: RedisClusterException } | undefined

  constructor(context: RetryContext) {
    this.context = context
    this.seen = context.topology.current()
    this.occupancy = context.bound === undefined ? undefined : new Occupancy()
    this.room = new WaitingRoom(context.clock, context.runFork, {
      due: (cohort) => this.due(cohort),
      expire: (request) => request.fail(this.errorOf(request))
    }, this.occupancy)
  }

  /**
   * The reason to refuse further commands to a node; `undefined` when they may be sent. The connection counts the
   * commands that it holds itself.
   */
  overload(place: Place): LinkFailure | undefined {
    const { bound } = this.context
    if (bound === undefined || this.occupancy === undefined) return undefined
    const count = this.occupancy.countOf(place)
    if (count === 0) return undefined
    const bytes = this.occupancy.bytesOf(place)
    if (count + (place?.depth ?? 0) < bound.commands && bytes < bound.bytes) return undefined
    const where = place === undefined ? "slots that no node owns" : place.address
    return {
      kind: "overloaded",
      message:
        `${count} commands (${bytes} bytes) wait for ${where}: the limit of ${bound.commands} commands or ${bound.bytes} bytes per node is ` +
        `reached (maxInFlight, maxInFlightBytes)`
    }
  }

  /** Counts a caller who waits for the request of another, against the bounds of the node. */
  countAt(place: Place, waiting: Waiting): void {
    this.occupancy?.enter(place, waiting)
  }

  uncountAt(place: Place, waiting: Waiting): void {
    this.occupancy?.leave(place, waiting)
  }

  postpone(request: Request, deadline: number): void {
    this.room.postpone(request, deadline)
  }

  /** Lets requests wait together, and sends them again in this order. They fail when the retry schedule has ended. */
  add(requests: ReadonlyArray<Request>): void {
    const [first] = requests
    const failure = first.retryState?.lastFailure
    if (failure === undefined) return
    const awaits: Awaited = {
      connection: failure._tag === "NotCovered" ? undefined : first.connection,
      shard: first.slot === keyless ? undefined : this.context.topology.current().slots[first.slot]
    }
    const parked = this.parkedAt(awaits.connection, requests)
    // Others may have another node already at their next pause, and do not share the long ones.
    const kind = parked === undefined ? kindOf(failure) : `${kindOf(failure)}, parked`
    const cohort = first.retryState?.cohort ?? this.cohortFor(awaits.connection, kind)
    if (this.isClosed || cohort.isOver) {
      for (const request of requests) request.fail(this.isClosed ? Failures.closed(request) : this.errorOf(request))
      return
    }
    if (awaits.connection !== undefined && RefusingNodes.isTotal(failure)) {
      this.refusing.refused(awaits.connection, monotonicMillis(this.context.clock))
    }
    if (cohort.requests.size === 0) cohort.parked = parked
    else if (parked?.connection !== cohort.parked?.connection || parked?.snapshot !== cohort.parked?.snapshot) {
      cohort.parked = undefined
    }
    for (const request of requests) {
      this.room.remove(request)
      request.waits(failure, cohort, awaits)
      this.room.add(request, cohort)
    }
    if (!cohort.isPausing) this.pause(cohort, this.refusedCrowd(requests) !== undefined)
  }

  /** Keeps a request that waits for others, until `remove` or its deadline. */
  hold(request: Request): void {
    this.room.hold(request)
  }

  remove(request: Request): void {
    this.room.remove(request)
  }

  /** Sends requests again whose slot has other owners in the new snapshot. */
  onSnapshot(): void {
    const snapshot = this.context.topology.current()
    if (snapshot === this.seen) return
    this.seen = snapshot
    this.release(this.room.where((request) => {
      if (request.pinned !== undefined) return !snapshot.nodes.has(request.pinned.address)
      const before = request.retryState?.awaits?.shard
      const shard = snapshot.slots[request.slot]
      return request.readRoute === undefined ? shard?.primary !== before?.primary : shard !== before
    }))
  }

  /** Sends the requests of a connection again, because it takes commands again or is gone for good. */
  onConnection(connection: Connection): void {
    const waiting = this.room.where((request) => awaitedBy(request)?.connection === connection)
    // A node that refuses everything may do so on its next socket, too: its crowd goes on testing it.
    if (connection.state === "ready" && this.refusedCrowd(waiting) !== undefined) return
    this.release(waiting)
  }

  /** Visits the requests that wait for their next attempt. */
  visitWaiting(visit: Visit): void {
    this.room.forEach((request, until) => {
      const failure = request.retryState?.lastFailure
      visit(request, {
        kind: "pause",
        failure: failure === undefined ? "another command of its slot waits" : Failures.summary(failure),
        until
      })
    })
  }

  close(): void {
    this.isClosed = true
    for (const request of this.room.close()) request.fail(Failures.closed(request))
  }

  /**
   * The error of a request. Thousands of requests may end together, so that equal failures of equal commands share one
   * error.
   */
  private errorOf(request: Request): RedisClusterException {
    const { lastError } = this
    if (lastError !== undefined && isAlike(lastError.request, request)) return lastError.error
    const { retryState } = request
    const error = retryState === undefined
      ? Failures.closed(request)
      : Failures.fromFailure(request, retryState.lastFailure)
    this.lastError = { request, error }
    return error
  }

  private cohortFor(place: Place, kind: string): Cohort<Request> {
    let byKind = this.joinable.get(place ?? nowhere)
    if (byKind === undefined) this.joinable.set(place ?? nowhere, byKind = new Map())
    const known = byKind.get(kind)
    if (known !== undefined && known.pauses === 0 && known.requests.size > 0) return known
    const cohort = new Cohort<Request>(place)
    byKind.set(kind, cohort)
    return cohort
  }

  /** Called when the pause of a cohort is over: requests that can be sent again are sent, the others pause again. */
  private due(cohort: Cohort<Request>): void {
    cohort.isPausing = false
    cohort.pauses++
    if (this.isParked(cohort)) return this.pause(cohort, true)
    cohort.parked = undefined
    const ready: Array<Request> = []
    let waitsFor: Connection | undefined
    let areSteady = true
    for (const request of cohort.requests) {
      const connection = request.retryState?.awaits?.connection
      if (connection !== undefined && isAwaited(connection) && this.belongsTo(request, connection)) {
        areSteady &&= (waitsFor === undefined || waitsFor === connection) && hasFixedNode(request)
        waitsFor = connection
      } else ready.push(request)
    }
    // The connection's own attempts to dial may have ended.
    waitsFor?.connect()
    if (waitsFor !== undefined && areSteady && ready.length === 0) {
      cohort.parked = { connection: waitsFor, snapshot: this.context.topology.current() }
    }
    const admission = this.admissionOf(ready)
    const count = admission === "all" ? ready.length : admission === "few" ? endOfPortion(ready, 0, testPortion) : 0
    const sent = count === ready.length ? ready : ready.slice(0, count)
    if (admission === "few") this.refusing.tests(sent[sent.length - 1])
    if (waitsFor !== undefined || admission === "none") this.pause(cohort, admission === "none")
    else if (count < ready.length) {
      cohort.isPausing = true
      this.room.pauseUntil(cohort, monotonicMillis(this.context.clock) + lookAgain)
    }
    this.release(sent)
  }

  /** The connection for which requests can only wait, by the present map; `undefined` when they may go elsewhere. */
  private parkedAt(connection: Connection | undefined, requests: ReadonlyArray<Request>): Parked | undefined {
    if (connection === undefined || !isAwaited(connection)) return undefined
    return requests.every((request) => hasFixedNode(request) && this.belongsTo(request, connection))
      ? { connection, snapshot: this.context.topology.current() }
      : undefined
  }

  /** Whether all requests of a cohort are known to wait for one connection, which is down as it was. */
  private isParked({ parked }: Cohort<Request>): boolean {
    if (parked === undefined || parked.snapshot !== this.context.topology.current()) return false
    if (!isAwaited(parked.connection)) return false
    parked.connection.connect()
    return true
  }

  /** The number of ready requests that are sent. */
  private admissionOf(ready: ReadonlyArray<Request>): Admission {
    const connection = this.refusedCrowd(ready)
    return connection === undefined
      ? "all"
      : this.refusing.admission(connection, monotonicMillis(this.context.clock))
  }

  /** The node that has refused everything, when requests are so many that they do not all go there to find out. */
  private refusedCrowd(requests: ReadonlyArray<Request>): Connection | undefined {
    const state = requests.at(0)?.retryState
    const isCrowd = this.room.size >= crowd && state !== undefined && RefusingNodes.isTotal(state.lastFailure)
    return isCrowd ? state.awaits?.connection : undefined
  }

  private belongsTo(request: Request, { endpoint }: Connection): boolean {
    const node = this.context.nodeOf(request)
    return node !== undefined && node.port === endpoint.port && node.host === endpoint.host
  }

  /** Sends requests of the room again, a portion in each turn of the event loop. */
  private release(requests: ReadonlyArray<Request>): void {
    if (requests.length === 0) return
    this.departures.push({ requests, awaited: requests.map(awaitedBy), sent: 0 })
    if (this.isDeparting) return
    this.isDeparting = true
    this.depart()
  }

  private readonly depart = (): void => {
    const [departure] = this.departures
    if (departure === undefined) {
      this.isDeparting = false
      return
    }
    const { awaited, requests, sent } = departure
    departure.sent = endOfPortion(requests, sent, turnPortion)
    if (departure.sent === requests.length) this.departures.shift()
    for (let i = sent; i < departure.sent; i++) {
      const request = requests[i]
      // It may have left meanwhile, and may wait for another reason.
      if (!this.room.has(request) || awaitedBy(request) !== awaited[i]) continue
      this.room.remove(request)
      request.retried()
      this.context.dispatch(request)
    }
    if (this.departures.length > 0) setImmediate(this.depart)
    else this.isDeparting = false
  }

  /**
   * Asks the schedule for the next pause. `isRefused`: the node has refused a crowd, of which only a few are sent; the
   * others can wait as coarsely as a cohort whose connection is down.
   */
  private pause(cohort: Cohort<Request>, isRefused: boolean): void {
    cohort.isPausing = true
    const isCoarse = isRefused || cohort.parked !== undefined
    const step = Effect.suspend(() => {
      const [first] = cohort.requests
      if (first === undefined) return Effect.succeed(0)
      return cohort.nextPause === undefined
        ? Effect.flatMap(this.start(cohort), (next) => next(first))
        : cohort.nextPause(first)
    })
    this.context.runFork(
      // When the schedule dies, or the client ends, the callers must not wait without end.
      Effect.matchCause(step, { onSuccess: (delay) => delay, onFailure: () => undefined }).pipe(
        Effect.map((delay) => {
          if (delay === undefined) this.end(cohort)
          else {
            const least = isCoarse ? stepInterval * (this.room.cohortsAt(cohort.place) - 1) : 0
            this.room.pauseUntil(cohort, monotonicMillis(this.context.clock) + Math.max(delay, least))
          }
        })
      )
    )
  }

  /** Fails the requests of a cohort, because its schedule has ended. */
  private end(cohort: Cohort<Request>): void {
    cohort.isOver = true
    for (const request of [...cohort.requests]) {
      this.room.remove(request)
      request.fail(this.errorOf(request))
    }
  }

  private start(cohort: Cohort<Request>): Effect.Effect<NonNullable<Cohort<Request>["nextPause"]>> {
    const { clock, schedule } = this.context
    return Effect.map(Schedule.toStep(schedule), (step) => {
      const now = steadyTimeOfDay(clock)
      const nextPause: NonNullable<Cohort<Request>["nextPause"]> = (request) =>
        Effect.matchCauseEffect(step(now(), this.errorOf(request)), {
          onSuccess: ([, delay]) => Effect.succeed(Duration.toMillis(delay)),
          onFailure: () => Effect.succeed(undefined)
        })
      cohort.nextPause = nextPause
      return nextPause
    })
  }
}
