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
import * as Tracing from "../request/Tracing.ts"
import { FetchRequest } from "./FetchRequest.ts"

/** Runs a command as if there were no cache. */
export type Plain = (command: Command<unknown>) => Effect.Effect<unknown, RedisClusterException>

type Resume = (effect: Effect.Effect<unknown, RedisClusterException>) => void

/** The most waiters whose time is over that are told in a turn of the event loop. */
const mostAtOnce = 1024

/** A caller that waits for a read. It is itself the effect that runs when the caller is interrupted. */
class Waiter extends Effectable.Class<void> {
  readonly command: Command<unknown>
  readonly deadline: number
  /** `undefined` when the caller waits no longer. */
  resume: Resume | undefined

  constructor(command: Command<unknown>, deadline: number, resume: Resume) {
    super()
    this.command = command
    this.deadline = deadline
    this.resume = resume
  }

  asEffect(): Effect.Effect<void> {
    return Effect.sync(() => (this.resume = undefined))
  }

  end(effect: Effect.Effect<unknown, RedisClusterException>): void {
    const { resume } = this
    this.resume = undefined
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
      return reply === undefined ? this.ask(command, id, plain) : this.decoded(command, copyOf(reply))
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
  private ask(given: Command<unknown>, id: string, plain: Plain): Effect.Effect<unknown, RedisClusterException> {
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
      const waiter = new Waiter(command, dispatcher.deadlineOf(command), resume)
      this.join(waiter, id, keys, slot)
      return waiter
    })
    return self
  }

  private join(waiter: Waiter, id: string, keys: ReadonlyArray<string>, slot: number): void {
    const running = this.cache.fetchOf(id)
    if (running === undefined) return this.start(waiter, id, keys, slot)
    this.cache.statistics.shared++
    running.waiters.push(waiter)
    const [first] = running.waiters
    if (waiter.deadline >= first.deadline) return
    this.impatient.add(waiter, waiter.deadline)
    this.alarm.set(this.impatient.next)
  }

  private start(waiter: Waiter, id: string, keys: ReadonlyArray<string>, slot: number): void {
    const { cache, dispatcher } = this
    const fetch = cache.begin(id, keys, slot)
    fetch.waiters.push(waiter)
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
      // The decoder of the request gives the reply as it came.
      if (Exit.isSuccess(exit)) waiter.end(this.decoded(waiter.command, copyOf(exit.value as Reply), request))
      // The time of the first asker is over, and that of this one is not.
      else if (isTimeout(exit) && waiter.deadline > now) this.join(waiter, id, keys, slot)
      else waiter.end(exit)
    }
  }

  /** Ends those whose time is over while the read for which they wait goes on. */
  private readonly expire = (): void => {
    const { dispatcher, impatient } = this
    for (const waiter of impatient.takePassed(monotonicMillis(this.clock), mostAtOnce)) {
      if (waiter.resume === undefined) continue
      const { command } = waiter
      waiter.end(Effect.fail(Failures.timedOut(apart(command), dispatcher.timeoutOf(command), true)))
    }
    if (impatient.size > 0) this.alarm.set(impatient.next)
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

const undecodable = (command: Command<unknown>, failure: DecodeFailure): RedisClusterException =>
  Failures.undecodable(apart(command), failure)

const isTimeout = (exit: Exit.Failure<unknown, RedisClusterException>): boolean =>
  exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error.reason._tag === "TimeoutError")
