/**
 * The events that one stream has not taken yet. Reads of sockets add events, and the consumer takes them, one by one
 * or all at once.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { monotonicMillis, timeOfDayAt, timeOfDayUntil } from "../internal/monotonic.ts"
import { exception, OverloadedError, type RedisClusterException } from "../RedisClusterException.ts"
import type { Interrupted } from "./Invalidation.ts"
import type { PubSubStatistics } from "./PubSubStatistics.ts"
import type { BufferStrategy } from "./Subscription.ts"
import type { Gap, GapReason, Message, SubscriptionEvent } from "./SubscriptionEvent.ts"

/** A source of messages that can be paused. */
export interface Upstream {
  hold(buffer: MessageBuffer): void
  release(buffer: MessageBuffer): void
}

/** The settings of one stream's buffer. */
export interface Settings {
  readonly bytes: boolean
  readonly bufferSize: number
  readonly strategy: BufferStrategy
  /** Whether the stream wants gaps and confirmations beside the messages. */
  readonly keepsNotices: boolean
}

export type RawEvent = SubscriptionEvent<string | Uint8Array> | Interrupted
export type RawMessage = Message<string | Uint8Array>
/** A batch is never empty. */
export type Batch<A> = readonly [A, ...Array<A>]
/** The end of a buffer: an error, or the end of the subscription's scope. */
export type Ending = RedisClusterException | Cause.Done

type Taken = Exit.Exit<Batch<RawEvent>, Ending>

/** The events that a consumer wants: all that wait or the first few, of every kind or messages only. */
interface Demand {
  readonly messagesOnly: boolean
  readonly most: number
}

interface Waiter extends Demand {
  readonly resume: (taken: Taken) => void
}

/** The most notices that wait: the notices of a stream that nobody consumes must not add up. */
const maxNotices = 1024

/** The most events that are on their way to a consumer of few. */
const mostOnTheWay = 64

/** A consumer of few events has taken so many before their places are freed. */
const compactAfter = 1024

interface Growing {
  readonly channels: Array<string>
}

export class MessageBuffer {
  /** Whether payloads are bytes. */
  readonly bytes: boolean
  private readonly limit: number
  private readonly strategy: BufferStrategy
  private readonly keepsNotices: boolean
  private readonly names: () => ReadonlyArray<string>
  private readonly clock: Clock.Clock
  private readonly statistics: PubSubStatistics
  private readonly onFailure: (error: RedisClusterException) => void

  /** The events; those from `head` on wait. */
  private events: Array<RawEvent> = []
  private head = 0
  /** The number of waiting events that are no messages. */
  private notices = 0
  /** Whether an event was added since `settle` ran last. */
  private touched = false
  private subscribed: (Growing & { readonly node: ClusterNode }) | undefined
  private gap: (Growing & { readonly from: number; readonly reason: GapReason }) | undefined
  /** Whether messages were dropped since the last gap for the consumer. */
  private dropped = false
  /** The last time at which no message waited, in monotonic milliseconds. */
  private emptyAt: number
  private readonly waiters: Array<Waiter> = []
  private readonly held = new Set<Upstream>()
  private ending: Exit.Exit<never, Ending> | undefined

  /** `onFailure` is called when the stream fails. */
  constructor(
    settings: Settings,
    context: {
      /** The channels and patterns that it is for, at this moment. */
      readonly names: () => ReadonlyArray<string>
      readonly clock: Clock.Clock
      readonly statistics: PubSubStatistics
      readonly onFailure: (error: RedisClusterException) => void
    }
  ) {
    this.bytes = settings.bytes
    this.limit = settings.bufferSize
    this.strategy = settings.strategy
    this.keepsNotices = settings.keepsNotices
    this.names = context.names
    this.clock = context.clock
    this.statistics = context.statistics
    this.onFailure = context.onFailure
    this.emptyAt = monotonicMillis(context.clock)
    // A consumer of few events has them on its way, beside those in the buffer: that must not be much of its bound.
    const few = Math.min(mostOnTheWay, Math.max(1, Math.floor(settings.bufferSize / mostOnTheWay)))
    this.takeAll = this.taking({ messagesOnly: false, most: Infinity })
    this.takeSome = this.taking({ messagesOnly: false, most: few })
    // The demand is for messages.
    this.takeAllMessages = this.taking({ messagesOnly: true, most: Infinity }) as Effect.Effect<
      Batch<RawMessage>,
      Ending
    >
    this.takeSomeMessages = this.taking({ messagesOnly: true, most: few }) as Effect.Effect<Batch<RawMessage>, Ending>
  }

  /** Adds a message. The result says whether `settle` has to run at the end of this read. */
  push(message: RawMessage): boolean {
    this.statistics.messages++
    return this.add(message)
  }

  /** Adds a confirmation of the server. The result says whether `settle` has to run at the end of this read. */
  addSubscribed(channel: string, node: ClusterNode): boolean {
    if (!this.keepsNotices) return false
    if (this.subscribed?.node === node) {
      this.subscribed.channels.push(channel)
      return false
    }
    if (this.notices >= maxNotices) return false
    const channels = [channel]
    this.subscribed = { channels, node }
    this.notices++
    return this.add({ _tag: "Subscribed", channels, node })
  }

  /**
   * Adds a gap: messages between two monotonic times may have been lost. The result says whether `settle` has to run
   * at the end of this read.
   */
  addGap(channel: string, from: number, to: number, reason: GapReason): boolean {
    if (!this.keepsNotices) return false
    if (this.gap !== undefined && this.gap.from === from && this.gap.reason === reason) {
      this.gap.channels.push(channel)
      return false
    }
    if (this.notices >= maxNotices) return this.widenGap(channel, timeOfDayUntil(this.clock, to))
    const channels = [channel]
    this.gap = { channels, from, reason }
    this.notices++
    return this.add(this.shownGap(channels, from, to, reason))
  }

  /** Adds the notice that messages may be lost from now on. The result says whether `settle` has to run. */
  addInterrupted(channels: ReadonlyArray<string>, reason: GapReason): boolean {
    if (!this.keepsNotices || this.notices >= maxNotices) return false
    this.notices++
    return this.add({ _tag: "Interrupted", channels, reason })
  }

  /** Applies the bound and hands the events over, at the end of a read. */
  settle(source: Upstream | undefined): void {
    this.touched = false
    this.subscribed = undefined
    this.gap = undefined
    this.wake()
    if (this.messagesWaiting > this.limit) this.overflow(source)
  }

  /** Fails the stream, after it has given the events that wait. */
  fail(error: RedisClusterException): void {
    if (this.ending !== undefined) return
    this.end(Exit.fail(error))
    this.onFailure(error)
  }

  /** Ends the buffer, because its scope has ended and no consumer takes events any more. */
  close(): void {
    this.clear()
    this.releaseSources()
    this.end(Exit.fail(Cause.Done()))
  }

  /** Takes all events that wait, or the next that come. */
  readonly takeAll: Effect.Effect<Batch<RawEvent>, Ending>
  /** Takes the first few events that wait, or the next that come. */
  readonly takeSome: Effect.Effect<Batch<RawEvent>, Ending>
  /** As `takeAll`, without the notices before and between the messages, which are dropped. */
  readonly takeAllMessages: Effect.Effect<Batch<RawMessage>, Ending>
  /** As `takeSome`, without the notices before and between the messages, which are dropped. */
  readonly takeSomeMessages: Effect.Effect<Batch<RawMessage>, Ending>

  private get messagesWaiting(): number {
    return this.events.length - this.head - this.notices
  }

  private add(event: RawEvent): boolean {
    this.events.push(event)
    if (this.touched) return false
    this.touched = true
    return true
  }

  private clear(): void {
    this.events = []
    this.head = 0
    this.notices = 0
  }

  private end(ending: Exit.Exit<never, Ending>): void {
    this.ending = ending
    this.wake()
    if (this.events.length > this.head) return
    for (const waiter of this.waiters.splice(0)) waiter.resume(ending)
  }

  private taking(demand: Demand): Effect.Effect<Batch<RawEvent>, Ending> {
    const wait = Effect.callback<Batch<RawEvent>, Ending>((resume) => {
      const waiter: Waiter = { ...demand, resume }
      this.waiters.push(waiter)
      return Effect.sync(() => {
        const position = this.waiters.indexOf(waiter)
        if (position !== -1) this.waiters.splice(position, 1)
      })
    })
    return Effect.suspend((): Effect.Effect<Batch<RawEvent>, Ending> => this.take(demand) ?? wait)
  }

  /** The events that meet a demand, or the end; `undefined` when there is neither. */
  private take({ messagesOnly, most }: Demand): Taken | undefined {
    if (this.events.length === this.head && !this.dropped) return this.ending
    const gap = this.overflowGap()
    if (gap !== undefined && !messagesOnly) {
      this.notices++
      if (this.strategy === "sliding") this.events.splice(this.head, 0, gap)
      else this.events.push(gap)
    }
    const batch = most < Infinity ? this.shiftSome(messagesOnly, most) : this.shiftAll(messagesOnly)
    if (this.messagesWaiting === 0) this.emptyAt = monotonicMillis(this.clock)
    if (this.held.size > 0 && this.messagesWaiting <= this.limit >> 1) this.releaseSources()
    return batch === undefined ? this.ending : Exit.succeed(batch)
  }

  private shiftSome(messagesOnly: boolean, most: number): Batch<RawEvent> | undefined {
    const some: Array<RawEvent> = []
    while (this.head < this.events.length && some.length < most) {
      const event = this.events[this.head++]
      if (event._tag !== "Message") this.notices--
      if (event._tag === "Message" || !messagesOnly) some.push(event)
    }
    if (this.head === this.events.length || (this.head > compactAfter && this.head * 2 > this.events.length)) {
      this.clearTaken()
    }
    const [first, ...others] = some
    return first === undefined ? undefined : [first, ...others]
  }

  private shiftAll(messagesOnly: boolean): Batch<RawEvent> | undefined {
    this.clearTaken()
    const all = this.events
    const events = messagesOnly && this.notices > 0 ? all.filter(({ _tag }) => _tag === "Message") : all
    this.clear()
    // The cast says that the list is not empty, which is checked here: without it each batch would be copied.
    return events.length === 0 ? undefined : events as ReadonlyArray<RawEvent> as Batch<RawEvent>
  }

  private clearTaken(): void {
    if (this.head === 0) return
    this.events.splice(0, this.head)
    this.head = 0
  }

  /** Resumes waiting consumers, as far as there are events. */
  private wake(): void {
    while (this.waiters.length > 0 && (this.events.length > this.head || this.dropped)) {
      const taken = this.take(this.waiters[0])
      if (taken === undefined) return
      this.waiters.shift()?.resume(taken)
    }
  }

  /** Widens the last gap to cover this one, too, because too many events wait. */
  private widenGap(channel: string, to: number): boolean {
    const position = this.events.findLastIndex((event) => event._tag === "Gap")
    const last = this.events[position]
    if (position < this.head || last?._tag !== "Gap") return false
    const channels = last.channels.includes(channel) ? last.channels : [...last.channels, channel]
    this.events[position] = { ...last, channels, to }
    return false
  }

  private overflow(source: Upstream | undefined): void {
    switch (this.strategy) {
      case "suspend":
        if (source === undefined) return
        this.held.add(source)
        return source.hold(this)
      case "sliding":
        this.dropped = true
        return this.keep(this.messagesWaiting - this.limit, this.messagesWaiting)
      case "dropping":
        this.dropped = true
        return this.keep(0, this.limit)
      case "fail":
        this.keep(0, this.limit)
        return this.fail(exception(() =>
          new OverloadedError({
            message: `more than ${this.limit} messages waited for the consumer of a subscription; ` +
              `consume faster, raise bufferSize, or choose another strategy`,
            outcome: "NotExecuted"
          })
        ))
    }
  }

  /** Keeps the messages from the `first` on and before the `last`, and every notice. */
  private keep(first: number, last: number): void {
    this.clearTaken()
    if (this.notices === 0) {
      if (first > 0) this.events.splice(0, first)
      else this.events.length = Math.min(this.events.length, last)
      return
    }
    let position = 0
    this.events = this.events.filter((event) => {
      if (event._tag !== "Message") return true
      const kept = position >= first && position < last
      position++
      return kept
    })
  }

  /** The gap of the messages that were dropped: none of them came before the buffer was last empty. */
  private overflowGap(): Gap | undefined {
    if (!this.dropped) return undefined
    this.dropped = false
    this.statistics.missed("Overflow", timeOfDayAt(this.clock, this.emptyAt))
    return this.shownGap(this.names(), this.emptyAt, monotonicMillis(this.clock), "Overflow")
  }

  /** The gap as programs see it, in the time of day. */
  private shownGap(channels: ReadonlyArray<string>, from: number, to: number, reason: GapReason): Gap {
    return { _tag: "Gap", channels, from: timeOfDayAt(this.clock, from), to: timeOfDayUntil(this.clock, to), reason }
  }

  private releaseSources(): void {
    for (const source of this.held) source.release(this)
    this.held.clear()
  }
}
