/**
 * Reads that the cache of the client may answer.
 *
 * A read that it cannot answer goes to the server once for all who ask for it at the same time. Nobody owns that read:
 * those who are interrupted, or have no time left, leave it to the others.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { CachedKey } from "../../caching/CachedKey.ts"
import { copyOf } from "../../caching/copyOf.ts"
import { firstKeyOf, keysOf } from "../../caching/keyOf.ts"
import { nameOf } from "../../caching/nameOf.ts"
import * as OneOrMany from "../../caching/OneOrMany.ts"
import { ReplyCache } from "../../caching/ReplyCache.ts"
import { type Command, DecodeFailure, decodeReply } from "../../commands/Command.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import type { Wire } from "../../connection/Wire.ts"
import { Alarm } from "../../internal/Alarm.ts"
import { Deadlines } from "../../internal/Deadlines.ts"
import { type Moment, monotonicMillis, settle } from "../../internal/monotonic.ts"
import type { Reply } from "../../protocol/Reply.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import type { Snapshot } from "../../topology/Snapshot.ts"
import { keyless, slotOf } from "../CommandSlot.ts"
import type { Dispatcher } from "../request/Dispatcher.ts"
import * as Failures from "../request/Failures.ts"
import * as Tracing from "../request/Tracing.ts"
import { type FetchOwner, FetchRequest } from "./FetchRequest.ts"

/** Runs a command as if there were no cache. */
export type Plain = (command: Command<unknown>) => Effect.Effect<unknown, RedisClusterException>

type Resume = (effect: Effect.Effect<unknown, RedisClusterException>) => void

/** A read forgets those who wait no longer when they are more than this, and more than the others. */
const rememberedGone = 64

/** The most waiters whose time is over that are told in a turn of the event loop. */
const mostAtOnce = 1024

/** A caller that waits for a read. It is itself the effect that runs when the caller is interrupted. */
class Waiter extends Effectable.Class<void> {
  readonly command: Command<unknown>
  readonly maxAge: number
  /** The moment from which its time is measured, as that of a single command. */
  readonly since: Moment
  /** The time that it may take since that moment, in milliseconds. */
  readonly patience: number
  readonly plain: Plain
  /** The read for which it waits. */
  read: SharedRead | undefined = undefined
  /** Whether the read was written before the caller came: its reply may be too old for this caller. */
  isLate = false
  /** Whether its deadline comes before that of the read. */
  isImpatient = false
  /** Whether it counts against the bounds of the node: the first one counts as the request. */
  isCounted = false
  /** `undefined` when the caller waits no longer. */
  resume: Resume | undefined
  private readonly dispatcher: Dispatcher

  constructor(dispatcher: Dispatcher, command: Command<unknown>, maxAge: number, plain: Plain, resume: Resume) {
    super()
    this.dispatcher = dispatcher
    this.command = command
    this.maxAge = maxAge
    this.since = dispatcher.moment()
    this.patience = dispatcher.timeoutOf(command)
    this.plain = plain
    this.resume = resume
  }

  /** The deadline in monotonic milliseconds. */
  get deadline(): number {
    return this.since.millis + this.patience
  }

  /** Its deadline, which does not change any more with the end of the present task. */
  settleDeadline(): number {
    settle(this.since)
    return this.deadline
  }

  asEffect(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.resume = undefined
      this.leave()
    })
  }

  /** Gives up its place among those who wait. */
  leave(): void {
    const { read } = this
    if (read === undefined) return
    if (this.isCounted) this.dispatcher.uncountAt(read.place, this)
    this.isCounted = false
    read.gone++
    if (!read.settled && read.gone > rememberedGone && read.gone * 2 > read.waiters.length) forgetGone(read)
  }

  end(effect: Effect.Effect<unknown, RedisClusterException>): void {
    const { resume } = this
    this.resume = undefined
    this.leave()
    resume?.(effect)
  }
}

type SharedRead = FetchRequest<Waiter>

const waits = ({ resume }: Waiter): boolean => resume !== undefined

/** Callers come and go while a read has no reply, and each gives it more time. */
const forgetGone = (read: SharedRead): void => {
  read.patient = (read.patient ?? read.waiters.slice(0, 1)).filter(waits)
  read.waiters = read.waiters.filter(waits)
  read.gone = 0
}

export class CachedReads implements FetchOwner<Waiter> {
  readonly cache: ReplyCache<SharedRead>
  readonly optsIn: boolean
  private readonly dispatcher: Dispatcher
  private readonly clock: Clock.Clock
  private readonly prefixes: ReadonlyArray<string>
  /** The waiters whose deadline comes before that of their read. */
  private readonly impatient = new Deadlines<Waiter>()
  private readonly alarm: Alarm

  constructor(services: {
    readonly options: { readonly maxBytes: number; readonly prefixes: ReadonlyArray<string> }
    /** The time for which a missing key may be taken for missing, in milliseconds. */
    readonly longestAbsence: number
    readonly dispatcher: Dispatcher
    readonly clock: Clock.Clock
    readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  }) {
    const { maxBytes, prefixes } = services.options
    this.cache = new ReplyCache({ maxBytes, longestAbsence: services.longestAbsence })
    this.prefixes = prefixes
    this.optsIn = prefixes.length === 0
    this.dispatcher = services.dispatcher
    this.clock = services.clock
    this.alarm = new Alarm(services.clock, services.runFork, this.expire)
  }

  /** A command that has an age for its reply. */
  read(command: Command<unknown>, maxAge: number, plain: Plain): Effect.Effect<unknown, RedisClusterException> {
    return Effect.suspend(() => {
      const key = command.settings.invalid === undefined ? firstKeyOf(command) : undefined
      if (key === undefined) return plain(command)
      const name = nameOf(command)
      const reply = this.cache.find(key, name, maxAge, this.now())
      return reply === undefined ? this.ask(command, name, maxAge, plain) : this.decoded(command, copyOf(reply))
    })
  }

  /** The answer of the cache to a command that has an age for its reply; `undefined` when it has none. */
  answer(command: Command<unknown>, maxAge: number): Result.Result<unknown, RedisClusterException> | undefined {
    const key = command.settings.invalid === undefined ? firstKeyOf(command) : undefined
    if (key === undefined) return undefined
    const reply = this.cache.find(key, nameOf(command), maxAge, this.now())
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

  now(): number {
    return this.dispatcher.now()
  }

  admit(request: SharedRead, reply: Reply): void {
    this.cache.admit(request.fetch, reply)
  }

  /** Gives the reply of a read to those who wait for it. */
  answered(request: SharedRead, reply: Reply): void {
    const { fetch, waiters } = request
    this.cache.end(fetch)
    for (const waiter of waiters) {
      if (waiter.isImpatient) this.impatient.remove(waiter, waiter.deadline)
      if (waiter.resume === undefined) continue
      if (waiter.isLate && !fetch.maySatisfy(waiter.maxAge, monotonicMillis(this.clock))) this.askAgain(waiter)
      else waiter.end(this.decoded(waiter.command, copyOf(reply), request))
    }
  }

  failed(request: SharedRead, error: RedisClusterException): void {
    this.cache.end(request.fetch)
    const isTimeout = error.reason._tag === "TimeoutError"
    const now = monotonicMillis(this.clock)
    for (const waiter of request.waiters) {
      if (waiter.isImpatient) this.impatient.remove(waiter, waiter.deadline)
      if (waiter.resume === undefined) continue
      if (!isTimeout) waiter.end(Effect.fail(error))
      else if (waiter.deadline <= now) waiter.end(Effect.fail(this.timedOut(waiter, request)))
      else this.askAgain(waiter)
    }
  }

  /** Waits for a read, or starts one. */
  private ask(
    given: Command<unknown>,
    name: string,
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
      const texts = keysOf(command)
      if (command.settings.invalid !== undefined || !this.isCovered(texts)) return resume(plain(given))
      const keys = cache.claim(texts)
      if (cache.isShutFor(keys)) {
        cache.release(keys)
        cache.statistics.bypasses++
        return resume(plain(given))
      }
      cache.statistics.misses++
      const waiter = new Waiter(dispatcher, command, maxAge, plain, resume)
      const running = this.joinable(keys[0], name, maxAge)
      if (running === undefined) this.start(waiter, name, keys, slot)
      else {
        running.place ??= dispatcher.placeOf(slot)
        const failure = dispatcher.overload(running.place)
        if (failure !== undefined) return this.fail(waiter, refused(command, failure))
        cache.statistics.shared++
        this.join(waiter, running)
      }
      return waiter
    })
    return self
  }

  /** Lets a caller wait for another read, because the reply of the first came too late or was too old. */
  private askAgain(waiter: Waiter): void {
    const { command } = waiter
    waiter.leave()
    waiter.read = undefined
    waiter.isLate = false
    waiter.isImpatient = false
    const name = nameOf(command)
    const keys = this.cache.claim(keysOf(command))
    const slot = slotOf(command)
    const running = this.joinable(keys[0], name, waiter.maxAge)
    if (running !== undefined) this.join(waiter, running)
    // It had one when the caller came.
    else if (typeof slot === "number") this.start(waiter, name, keys, slot)
  }

  /** The read on its way whose reply will be young enough, as far as can be known now. */
  private joinable(key: CachedKey<SharedRead>, name: string, maxAge: number): SharedRead | undefined {
    const running = OneOrMany.find(key.reads, name)
    return running?.isYoung(maxAge, monotonicMillis(this.clock)) === true ? running.owner : undefined
  }

  private join(waiter: Waiter, read: SharedRead): void {
    const { dispatcher } = this
    waiter.read = read
    waiter.isLate = read.fetch.isWritten
    read.waiters.push(waiter)
    read.place ??= dispatcher.placeOf(read.slot)
    dispatcher.countAt(read.place, waiter)
    waiter.isCounted = true
    if (waiter.deadline < read.deadline) return this.watch(waiter)
    read.patient ??= read.waiters.slice(0, 1)
    if (waiter.deadline === read.deadline) return void read.patient.push(waiter)
    // The read lives as long as its latest waiter, so that a node that is slow gets one read and not one per caller.
    for (const patient of read.patient) this.watch(patient)
    read.patient = [waiter]
    dispatcher.postpone(read, waiter.settleDeadline())
  }

  /** Ends a waiter at its own deadline, which comes before that of its read. */
  private watch(waiter: Waiter): void {
    if (waiter.resume === undefined) return
    waiter.isImpatient = true
    const deadline = waiter.settleDeadline()
    this.impatient.add(waiter, deadline)
    this.alarm.set(Math.ceil(deadline))
  }

  private start(
    waiter: Waiter,
    name: string,
    keys: ReadonlyArray<CachedKey<SharedRead>>,
    slot: number
  ): void {
    const { cache, dispatcher } = this
    const fetch = cache.begin(name, keys, slot)
    if (fetch === undefined) {
      cache.statistics.bypasses++
      return waiter.end(waiter.plain(waiter.command))
    }
    const request = new FetchRequest<Waiter>(this, fetch, dispatcher, waiter)
    waiter.read = request
    Tracing.join(request)
    dispatcher.dispatch(request)
  }

  /** Ends those whose time is over while the read for which they wait goes on. */
  private readonly expire = (): void => {
    const { impatient } = this
    for (const waiter of impatient.takePassed(monotonicMillis(this.clock), mostAtOnce)) {
      if (waiter.resume === undefined || waiter.read === undefined) continue
      this.fail(waiter, this.timedOut(waiter, waiter.read))
    }
    if (impatient.size > 0) this.alarm.set(impatient.next)
  }

  /** Ends a waiter with an error that its read does not have. */
  private fail(waiter: Waiter, error: RedisClusterException): void {
    this.dispatcher.ended(error)
    waiter.end(Effect.fail(error))
  }

  /** The error of a waiter whose time is over: its fate is that of the read. */
  private timedOut({ command }: Waiter, request: SharedRead): RedisClusterException {
    const { attempts, connection, isWritten, retryState, slot } = request
    const failed = { command, connection, slot, attempts, retryState }
    return Failures.timedOut(failed, this.dispatcher.timeoutOf(command), isWritten)
  }

  private decoded(
    command: Command<unknown>,
    reply: Reply,
    request?: SharedRead
  ): Effect.Effect<unknown, RedisClusterException> {
    const value = decodeReply(command, reply)
    if (!(value instanceof DecodeFailure)) return Effect.succeed(value)
    return Effect.fail(request === undefined ? undecodable(command, value) : Failures.undecodable(request, value))
  }

  /** Whether the server reports changes of all these keys. */
  private isCovered(keys: ReadonlyArray<string>): boolean {
    return this.optsIn || keys.every((key) => this.prefixes.some((prefix) => key.startsWith(prefix)))
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
