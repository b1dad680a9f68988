/**
 * Reads that the cache of the client may answer.
 *
 * A read that it cannot answer goes to the server once for all who ask for it at the same time. Nobody owns that read:
 * those who are interrupted, or have no time left, leave it to the others.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { copyOf } from "../../caching/copyOf.ts"
import type { Fetch } from "../../caching/Fetch.ts"
import { idOf } from "../../caching/idOf.ts"
import { keysOf } from "../../caching/keyOf.ts"
import { ReplyCache } from "../../caching/ReplyCache.ts"
import { type Command, DecodeFailure, decodeReply } from "../../commands/Command.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import type { Wire } from "../../connection/Wire.ts"
import { Alarm } from "../../internal/Alarm.ts"
import { Deadlines } from "../../internal/Deadlines.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import type { Reply } from "../../protocol/Reply.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import type { Snapshot } from "../../topology/Snapshot.ts"
import { keyless, slotOf } from "../CommandSlot.ts"
import type { Dispatcher } from "../request/Dispatcher.ts"
import * as Failures from "../request/Failures.ts"
import type { Place } from "../request/Occupancy.ts"
import * as Tracing from "../request/Tracing.ts"
import { FetchRequest } from "./FetchRequest.ts"

/** Runs a command as if there were no cache. */
export type Plain = (command: Command<unknown>) => Effect.Effect<unknown, RedisClusterException>

type Resume = (effect: Effect.Effect<unknown, RedisClusterException>) => void

/** The most waiters whose time is over that are told in a turn of the event loop. */
const mostAtOnce = 1024

/** A read and those who wait for it. */
interface SharedRead {
  readonly request: FetchRequest
  /** The connection against whose bounds its waiters count. */
  readonly place: Place
  /** The waiters who have the deadline of the request. */
  patient: Array<Waiter>
}

/** A caller that waits for a read. It is itself the effect that runs when the caller is interrupted. */
class Waiter extends Effectable.Class<void> {
  readonly command: Command<unknown>
  readonly maxAge: number
  readonly deadline: number
  read: SharedRead | undefined = undefined
  /** Whether the read was written before the caller came: its reply may be too old for this caller. */
  isLate = false
  /** `undefined` when the caller waits no longer. */
  resume: Resume | undefined
  private readonly dispatcher: Dispatcher

  constructor(dispatcher: Dispatcher, command: Command<unknown>, maxAge: number, resume: Resume) {
    super()
    this.dispatcher = dispatcher
    this.command = command
    this.maxAge = maxAge
    this.deadline = dispatcher.deadlineOf(command)
    this.resume = resume
  }

  asEffect(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.resume = undefined
      this.leave()
    })
  }

  waitFor(read: SharedRead, isLate: boolean): void {
    this.read = read
    this.isLate = isLate
  }

  /** Gives up its place among those who wait. */
  leave(): void {
    if (this.read !== undefined) this.dispatcher.uncountAt(this.read.place, this)
  }

  end(effect: Effect.Effect<unknown, RedisClusterException>): void {
    const { resume } = this
    this.resume = undefined
    this.leave()
    resume?.(effect)
  }
}

export class CachedReads {
  readonly cache: ReplyCache<Waiter>
  private readonly dispatcher: Dispatcher
  private readonly clock: Clock.Clock
  private readonly prefixes: ReadonlyArray<string>
  /** The waiters whose deadline comes before that of their read. */
  private readonly impatient = new Deadlines<Waiter>()
  private readonly alarm: Alarm

  constructor(services: {
    readonly options: { readonly maxBytes: number; readonly prefixes: ReadonlyArray<string> }
    readonly dispatcher: Dispatcher
    readonly clock: Clock.Clock
    readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  }) {
    this.cache = new ReplyCache(services.options.maxBytes)
    this.prefixes = services.options.prefixes
    this.dispatcher = services.dispatcher
    this.clock = services.clock
    this.alarm = new Alarm(services.clock, services.runFork, this.expire)
  }

  /** A command that has an age for its reply. */
  read(command: Command<unknown>, maxAge: number, plain: Plain): Effect.Effect<unknown, RedisClusterException> {
    return Effect.suspend(() => {
      if (command.settings.invalid !== undefined) return plain(command)
      const id = idOf(command)
      const reply = this.cache.find(id, maxAge, this.dispatcher.now())
      return reply === undefined ? this.ask(command, id, maxAge, plain) : this.decoded(command, copyOf(reply))
    })
  }

  /** The answer of the cache to a command that has an age for its reply; `undefined` when it has none. */
  answer(command: Command<unknown>, maxAge: number): Result.Result<unknown, RedisClusterException> | undefined {
    if (command.settings.invalid !== undefined) return undefined
    const reply = this.cache.find(idOf(command), maxAge, this.dispatcher.now())
    if (reply === undefined) return undefined
    const value = decodeReply(command, copyOf(reply))
    return value instanceof DecodeFailure ? Result.fail(undecodable(command, value)) : Result.succeed(value)
  }

  /** Takes a push of a shared connection. */
  readonly onPush = (push: ReadonlyArray<Reply>, wire: Wire): void => {
    if (push[0] !== "invalidate") return
    const keys = push[1]
    if (Array.isArray(keys)) return this.cache.changed(keys)
    // The server has forgotten everything that was read on this socket.
    if (wire.generation !== undefined) this.cache.ended(wire.generation, "flushed")
    wire.beginGeneration()
  }

  readonly onTopology = (previous: Snapshot, next: Snapshot): void => this.cache.moved(previous, next)

  close(): void {
    this.alarm.clear()
  }

  /** Waits for a read, or starts one. */
  private ask(
    given: Command<unknown>,
    id: string,
    maxAge: number,
    plain: Plain
  ): Effect.Effect<unknown, RedisClusterException> {
    const slot = slotOf(given)
    if (typeof slot !== "number" || slot === keyless || !given.spec.isPlain) return plain(given)
    const self: Effect.Effect<unknown, RedisClusterException> = Effect.callback((resume) => {
      const trace = Tracing.look()
      if (trace === "due") return resume(Tracing.traced(self, Tracing.commandCall(given, slot)))
      const { cache, dispatcher } = this
      const command = dispatcher.region.settle(given)
      const keys = keysOf(command)
      if (command.settings.invalid !== undefined || !this.isCovered(keys)) return resume(plain(given))
      if (cache.isWritten(keys)) {
        cache.statistics.bypasses++
        return resume(plain(given))
      }
      cache.statistics.misses++
      const waiter = new Waiter(dispatcher, command, maxAge, resume)
      const running = this.joinable(id, maxAge)
      if (running !== undefined) {
        const failure = dispatcher.overload(running.waiters[0].read?.place)
        if (failure !== undefined) return this.fail(waiter, refused(command, failure))
        cache.statistics.shared++
      }
      this.join(waiter, id, keys, slot)
      return waiter
    })
    return self
  }

  /** The read on its way whose reply will be young enough, as far as can be known now. */
  private joinable(id: string, maxAge: number): Fetch<Waiter> | undefined {
    const running = this.cache.fetchOf(id)
    return running?.isYoung(maxAge, monotonicMillis(this.clock)) === true ? running : undefined
  }

  private join(waiter: Waiter, id: string, keys: ReadonlyArray<string>, slot: number): void {
    const running = this.joinable(id, waiter.maxAge)
    const read = running?.waiters[0].read
    if (running === undefined || read === undefined) return this.start(waiter, id, keys, slot)
    waiter.waitFor(read, running.isWritten)
    running.waiters.push(waiter)
    this.dispatcher.countAt(read.place, waiter)
    const { request } = read
    if (waiter.deadline < request.deadline) this.watch([waiter])
    else if (waiter.deadline === request.deadline) read.patient.push(waiter)
    else {
      // The read lives as long as its latest waiter, so that a node that is slow gets one read and not one per caller.
      this.watch(read.patient)
      read.patient = [waiter]
      this.dispatcher.postpone(request, waiter.deadline)
    }
  }

  /** Ends waiters at their own deadlines, which come before that of their read. */
  private watch(waiters: ReadonlyArray<Waiter>): void {
    for (const waiter of waiters) {
      if (waiter.resume === undefined) continue
      this.impatient.add(waiter, waiter.deadline)
      this.alarm.set(Math.ceil(waiter.deadline))
    }
  }

  private start(waiter: Waiter, id: string, keys: ReadonlyArray<string>, slot: number): void {
    const { cache, dispatcher } = this
    const fetch = cache.begin(id, keys, slot)
    const request = new FetchRequest(
      fetch,
      {
        now: () => monotonicMillis(this.clock),
        admit: (reply, lifetimes) => cache.admit(fetch, reply, lifetimes)
      },
      dispatcher,
      waiter.command,
      waiter.deadline,
      this.prefixes.length === 0,
      (exit) => this.ended(fetch, request, exit)
    )
    waiter.waitFor({ request, place: dispatcher.placeOf(slot), patient: [waiter] }, false)
    fetch.waiters.push(waiter)
    Tracing.join(request)
    dispatcher.dispatch(request)
  }

  private ended(
    fetch: Fetch<Waiter>,
    request: FetchRequest,
    exit: Exit.Exit<unknown, RedisClusterException>
  ): void {
    this.cache.end(fetch)
    const { id, keys, slot } = fetch.question
    const now = monotonicMillis(this.clock)
    for (const waiter of fetch.waiters) {
      this.impatient.remove(waiter, waiter.deadline)
      if (waiter.resume === undefined) continue
      const isOver = Exit.isSuccess(exit)
        ? !waiter.isLate || fetch.maySatisfy(waiter.maxAge, now)
        : !isTimeout(exit) || waiter.deadline <= now
      if (!isOver) {
        waiter.leave()
        this.join(waiter, id, keys, slot)
      } else if (Exit.isSuccess(exit)) {
        // The decoder of the request gives the reply as it came.
        waiter.end(this.decoded(waiter.command, copyOf(exit.value as Reply), request))
      } else if (isTimeout(exit)) waiter.end(Effect.fail(this.timedOut(waiter, request)))
      else waiter.end(exit)
    }
  }

  /** Ends those whose time is over while the read for which they wait goes on. */
  private readonly expire = (): void => {
    const { impatient } = this
    for (const waiter of impatient.takePassed(monotonicMillis(this.clock), mostAtOnce)) {
      if (waiter.resume === undefined || waiter.read === undefined) continue
      this.fail(waiter, this.timedOut(waiter, waiter.read.request))
    }
    if (impatient.size > 0) this.alarm.set(impatient.next)
  }

  /** Ends a waiter with an error that its read does not have. */
  private fail(waiter: Waiter, error: RedisClusterException): void {
    this.dispatcher.ended(error)
    waiter.end(Effect.fail(error))
  }

  /** The error of a waiter whose time is over: its fate is that of the read. */
  private timedOut({ command }: Waiter, request: FetchRequest): RedisClusterException {
    const { attempts, connection, isWritten, retryState, slot } = request
    const failed = { command, connection, slot, attempts, retryState }
    return Failures.timedOut(failed, this.dispatcher.timeoutOf(command), isWritten)
  }

  private decoded(
    command: Command<unknown>,
    reply: Reply,
    request?: FetchRequest
  ): Effect.Effect<unknown, RedisClusterException> {
    const value = decodeReply(command, reply)
    if (!(value instanceof DecodeFailure)) return Effect.succeed(value)
    return Effect.fail(request === undefined ? undecodable(command, value) : Failures.undecodable(request, value))
  }

  /** Whether the server reports changes of all these keys. */
  private isCovered(keys: ReadonlyArray<string>): boolean {
    return this.prefixes.length === 0 ||
      keys.every((key) => this.prefixes.some((prefix) => key.startsWith(prefix)))
  }
}

/** A command that was not sent by itself. */
const apart = (command: Command<unknown>): Failures.FailedCommand => ({
  command,
  connection: undefined,
  slot: keyless,
  attempts: 1,
  retryState: undefined
})

const refused = (command: Command<unknown>, failure: LinkFailure): RedisClusterException =>
  Failures.fromFailure(apart(command), { _tag: "Lost", failure, written: false })

const undecodable = (command: Command<unknown>, failure: DecodeFailure): RedisClusterException =>
  Failures.undecodable(apart(command), failure)

const isTimeout = (exit: Exit.Failure<unknown, RedisClusterException>): boolean =>
  exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error.reason._tag === "TimeoutError")
