/**
 * What one stream has not taken yet: filled by socket reads, emptied by its consumer, a whole batch at a time.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { monotonicMillis, timeOfDayAt } from "../internal/monotonic.ts"
import { exception, OverloadedError, type RedisClusterException } from "../RedisClusterException.ts"
import type { PubSubStatistics } from "./PubSubStatistics.ts"
import type { Gap, GapReason, Message, SubscriptionEvent } from "./SubscriptionEvent.ts"

/**
 * What becomes of messages when `bufferSize` of them wait for the consumer.
 *
 * - `suspend`: nothing more is read from the node until they are taken. All streams that are fed by that node wait as well,
 *   and the server holds the messages back, up to its `client-output-buffer-limit pubsub`.
 * - `dropOldest`, `dropNewest`: messages are dropped; the events have a `Gap` with the reason `Overflow`
 * - `fail`: the stream fails with an `OverloadedError`, after those that wait
 *
 * @category models
 * @since 0.1.0
 */
export type BufferStrategy = "suspend" | "dropOldest" | "dropNewest" | "fail"

/** Who can stop the messages for a while. */
export interface Upstream {
  hold(buffer: MessageBuffer): void
  release(buffer: MessageBuffer): void
}

type Event = SubscriptionEvent<string | Uint8Array>
/** A batch is never empty. */
type Batch = readonly [Event, ...Array<Event>]
/** The end comes with the scope of the subscription. */
type Ending = RedisClusterException | Cause.Done
type Taken = Exit.Exit<Batch, Ending>

interface Waiter {
  readonly messagesOnly: boolean
  readonly resume: (taken: Taken) => void
}

/** Events of a stream that nobody consumes must not add up. */
const maxNotices = 1024

interface Growing {
  readonly channels: Array<string>
}

/**
 * @category models
 * @since 0.1.0
 */
export class MessageBuffer {
  /** Payloads are bytes. */
  readonly bytes: boolean
  private readonly limit: number
  private readonly strategy: BufferStrategy
  /** Whether anybody will ask for more than messages. */
  private readonly keepsNotices: boolean
  private readonly names: ReadonlyArray<string>
  private readonly clock: Clock.Clock
  private readonly statistics: PubSubStatistics
  /** Called when it fails. */
  onFailure: (error: RedisClusterException) => void = () => {}

  private batch: Array<Event> = []
  private notices = 0
  /** Something was added since it was settled last. */
  private touched = false
  private subscribed: (Growing & { readonly node: ClusterNode }) | undefined
  private gap: (Growing & { readonly from: number; readonly reason: GapReason }) | undefined
  private dropped = false
  private takenAt: number
  private readonly waiters: Array<Waiter> = []
  private readonly held = new Set<Upstream>()
  private ending: Exit.Exit<never, Ending> | undefined

  constructor(options: {
    readonly bytes: boolean
    readonly bufferSize: number
    readonly strategy: BufferStrategy
    readonly keepsNotices: boolean
    readonly names: ReadonlyArray<string>
    readonly clock: Clock.Clock
    readonly statistics: PubSubStatistics
  }) {
    this.bytes = options.bytes
    this.limit = options.bufferSize
    this.strategy = options.strategy
    this.keepsNotices = options.keepsNotices
    this.names = options.names
    this.clock = options.clock
    this.statistics = options.statistics
    this.takenAt = monotonicMillis(options.clock)
  }

  /** Adds a message; whether it has to be settled at the end of this read. */
  push(message: Message<string | Uint8Array>): boolean {
    this.statistics.messages++
    this.batch.push(message)
    if (this.touched) return false
    this.touched = true
    return true
  }

  /** The server has confirmed; whether it has to be settled at the end of this read. */
  addSubscribed(channel: string, node: ClusterNode): boolean {
    if (!this.keepsNotices) return false
    if (this.subscribed?.node === node) {
      this.subscribed.channels.push(channel)
      return false
    }
    if (this.notices >= maxNotices) return false
    const channels = [channel]
    this.subscribed = { channels, node }
    return this.addNotice({ _tag: "Subscribed", channels, node })
  }

  /** Messages between two monotonic times may have been lost; whether it has to be settled at the end of this read. */
  addGap(channel: string, from: number, to: number, reason: GapReason): boolean {
    if (!this.keepsNotices) return false
    if (this.gap !== undefined && this.gap.from === from && this.gap.reason === reason) {
      this.gap.channels.push(channel)
      return false
    }
    if (this.notices >= maxNotices) return this.widenGap(channel, timeOfDayAt(this.clock, to))
    const channels = [channel]
    this.gap = { channels, from, reason }
    return this.addNotice(this.shownGap(channels, from, to, reason))
  }

  /** The end of a read: keeps the bound, and hands over what there is. */
  settle(source: Upstream | undefined): void {
    this.touched = false
    this.subscribed = undefined
    this.gap = undefined
    if (this.waiters.length > 0) this.wake()
    if (this.batch.length - this.notices > this.limit) this.overflow(source)
  }

  /** The stream is over: what waits is still taken, then it fails. */
  fail(error: RedisClusterException): void {
    if (this.ending !== undefined) return
    this.end(Exit.fail(error))
    this.onFailure(error)
  }

  /** Its scope has ended: nobody shall take anything any more. */
  close(): void {
    this.batch = []
    this.notices = 0
    this.releaseSources()
    this.end(Exit.fail(Cause.Done()))
  }

  private end(ending: Exit.Exit<never, Ending>): void {
    this.ending = ending
    if (this.waiters.length > 0) this.wake()
    if (this.batch.length > 0) return
    for (const waiter of this.waiters.splice(0)) waiter.resume(ending)
  }

  /** All that waits, or the next that comes. */
  readonly events: Effect.Effect<Batch, Ending> = this.taking(false)

  /** The same without all but the messages, which are all that is left in it. */
  readonly messages = this.taking(true) as Effect.Effect<
    readonly [Message<string | Uint8Array>, ...Array<Message<string | Uint8Array>>],
    Ending
  >

  private taking(messagesOnly: boolean): Effect.Effect<Batch, Ending> {
    const wait = Effect.callback<Batch, Ending>((resume) => {
      const waiter: Waiter = { messagesOnly, resume }
      this.waiters.push(waiter)
      return Effect.sync(() => {
        const position = this.waiters.indexOf(waiter)
        if (position !== -1) this.waiters.splice(position, 1)
      })
    })
    return Effect.suspend((): Effect.Effect<Batch, Ending> => this.take(messagesOnly) ?? wait)
  }

  private take(messagesOnly: boolean): Taken | undefined {
    const all = this.batch
    if (all.length === 0 && !this.dropped) return this.ending
    const notices = this.notices
    this.batch = []
    this.notices = 0
    const now = monotonicMillis(this.clock)
    const gap = this.overflowGap(now)
    this.takenAt = now
    if (this.held.size > 0) this.releaseSources()
    const batch = messagesOnly && notices > 0 ? all.filter((event) => event._tag === "Message") : all
    if (gap !== undefined && !messagesOnly) {
      if (this.strategy === "dropOldest") batch.unshift(gap)
      else batch.push(gap)
    }
    // An empty one is none; the cast is about a length that was just seen.
    return batch.length > 0 ? Exit.succeed(batch as ReadonlyArray<Event> as Batch) : this.ending
  }

  private wake(): void {
    const taken = this.take(this.waiters[0].messagesOnly)
    if (taken !== undefined) this.waiters.shift()?.resume(taken)
  }

  private addNotice(event: Event): boolean {
    this.batch.push(event)
    this.notices++
    if (this.touched) return false
    this.touched = true
    return true
  }

  /** Too many events wait: the last gap stands for this one, too. */
  private widenGap(channel: string, to: number): boolean {
    const position = this.batch.findLastIndex((event) => event._tag === "Gap")
    const last = this.batch[position]
    if (last?._tag !== "Gap") return false
    const channels = last.channels.includes(channel) ? last.channels : [...last.channels, channel]
    this.batch[position] = { ...last, channels, to }
    return false
  }

  private overflow(source: Upstream | undefined): void {
    switch (this.strategy) {
      case "suspend":
        if (source === undefined) return
        this.held.add(source)
        return source.hold(this)
      case "dropOldest":
        this.dropped = true
        return this.keep(this.batch.length - this.notices - this.limit, this.batch.length)
      case "dropNewest":
        this.dropped = true
        return this.keep(0, this.limit)
      case "fail":
        this.keep(0, this.limit)
        this.fail(exception(() =>
          new OverloadedError({
            message: `more than ${this.limit} messages waited for the consumer of a subscription; ` +
              `consume faster, raise bufferSize, or choose another strategy`,
            outcome: "NotExecuted"
          })
        ))
        return
    }
  }

  /** Keeps the messages from the `first` on and before the `last`, and every notice. */
  private keep(first: number, last: number): void {
    if (this.notices === 0) {
      if (first > 0) this.batch.splice(0, first)
      else this.batch.length = Math.min(this.batch.length, last)
      return
    }
    let position = 0
    this.batch = this.batch.filter((event) => {
      if (event._tag !== "Message") return true
      const kept = position >= first && position < last
      position++
      return kept
    })
  }

  private overflowGap(now: number): Gap | undefined {
    if (!this.dropped) return undefined
    this.dropped = false
    this.statistics.missed("Overflow", timeOfDayAt(this.clock, this.takenAt))
    return this.shownGap(this.names, this.takenAt, now, "Overflow")
  }

  /** Programs are told the time of day. */
  private shownGap(channels: ReadonlyArray<string>, from: number, to: number, reason: GapReason): Gap {
    return { _tag: "Gap", channels, from: timeOfDayAt(this.clock, from), to: timeOfDayAt(this.clock, to), reason }
  }

  private releaseSources(): void {
    for (const source of this.held) source.release(this)
    this.held.clear()
  }
}
