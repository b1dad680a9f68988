/**
 * One consumer of a group on the streams of one slot. It reads the entries that are pending for it, then new ones,
 * then those that nobody acknowledged in time.
 *
 * It reads a page of entries at a time, and the next page when the program has taken all entries of this one.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type Command, idempotent } from "../commands/Command.ts"
import { Streams } from "../commands/Streams.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { saysGroupExists, saysGroupMissing } from "../protocol/ErrorKind.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { mayPass } from "../routing/request/Recovery.ts"
import type { EntryFields, EntryForm, RawEntry } from "./EntryForm.ts"

/**
 * An entry of a stream that `redis.consume` gives to this consumer. It stays pending on the server, and is given
 * again, until it is acknowledged.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConsumedEntry<out Fields = EntryFields["text"]> {
  /** The key of the stream. */
  readonly stream: string
  readonly id: string
  readonly fields: Fields
  /** Whether the entry was delivered before and not acknowledged, so that a consumer may have worked on it. */
  readonly redelivered: boolean
  /** The number of deliveries, this one included: 1 for a new entry. */
  readonly deliveries: number
  /** Acknowledges the entry (XACK). A second acknowledgement changes nothing. It fails like any write, with a `RedisClusterException`. */
  readonly acknowledge: Effect.Effect<void, RedisClusterException>
}

/** The options of `consume` for one slot, checked. */
export interface ConsumerSettings<F> {
  readonly group: string
  readonly consumer: string
  /** The id from which a new group reads; `undefined` when the group has to exist. */
  readonly createFrom: string | undefined
  /** The most entries of one read. */
  readonly count: number
  /** The time for which one read blocks, in milliseconds. */
  readonly block: number
  /**
   * The time after which an entry without acknowledgement is given again; `undefined` for the next start of its
   * consumer.
   */
  readonly claim: { readonly after: number; readonly interval: number } | undefined
  readonly form: EntryForm<F>
}

type Execute = <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>

const groupExists = ({ reason }: RedisClusterException): boolean =>
  reason._tag === "ReplyError" && saysGroupExists(reason)

const groupMissing = ({ reason }: RedisClusterException): boolean =>
  reason._tag === "ReplyError" && saysGroupMissing(reason)

/** The number of reads in a row that may find no group. */
const groupPatience = 5

const backOff = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("1 second")]).pipe(Schedule.jittered)

const now: Effect.Effect<number> = Effect.map(Clock.Clock, monotonicMillis)

/** An entry that waits for the program. */
interface Waiting<F> {
  readonly stream: string
  readonly id: string
  readonly fields: F
  readonly deliveries: number
  /** Whether XCLAIM took the entry over, so that it is not in the order of the stream. */
  readonly claimed: boolean
}

/** The progress of the consumer in one stream. */
class Progress {
  /** The last entry that the program got in the order of the stream. */
  givenUpTo = "0-0"
  /** The id after which pending entries are still to be read; `undefined` when there are none. */
  pendingFrom: string | undefined = "0-0"
  /** Whether the group has existed. A new group then begins with the first entry, or entries would be left out. */
  groupExisted = false
  /** The claimed entries, with the time until which they are not given again, in the order of these times. */
  readonly claimed = new Map<string, number>()
}

export class GroupConsumer<F> {
  private readonly execute: Execute
  private readonly streams: ReadonlyArray<string>
  private readonly settings: ConsumerSettings<F>
  private readonly progress: ReadonlyMap<string, Progress>
  private page: Array<Waiting<F>> = []
  /** The time at which the entries of the page were delivered, in monotonic milliseconds. */
  private deliveredAt = 0
  private groupsMissing = 0
  /** The streams that are still to be searched for overdue entries in this round, with the id from which to search. */
  private readonly search = new Map<string, string>()
  private nextSearch = 0
  private searchedLast = false

  constructor(execute: Execute, streams: ReadonlyArray<string>, settings: ConsumerSettings<F>) {
    this.execute = execute
    this.streams = streams
    this.settings = settings
    this.progress = new Map(streams.map((stream) => [stream, new Progress()]))
  }

  /** Whether entries wait for the program. */
  get hasEntries(): boolean {
    return this.page.length > 0
  }

  /** Makes the groups that do not exist, and their streams. */
  readonly prepare: Effect.Effect<void, RedisClusterException> = Effect.suspend(() => {
    const { createFrom } = this.settings
    if (createFrom === undefined) return Effect.void
    return Effect.forEach(
      this.progress,
      ([stream, progress]) => this.makeGroup(stream, progress, createFrom),
      { discard: true, concurrency: 16 }
    )
  })

  /** Waits until there are entries to give. It may be called only when there are none. */
  readonly load: Effect.Effect<void, RedisClusterException> = Effect.suspend(() =>
    Effect.asVoid(Effect.repeat(this.read, { until: () => this.hasEntries }))
  )

  /** The next entry of the page; `undefined` when other consumers have taken the rest of the page. */
  readonly give: Effect.Effect<ConsumedEntry<F> | undefined, RedisClusterException> = Effect.suspend(() => {
    const { claim } = this.settings
    if (claim === undefined) return Effect.succeed(this.shift())
    return Effect.flatMap(now, (time) => {
      const waited = time - this.deliveredAt
      if (waited < claim.after / 2) return Effect.succeed(this.shift())
      return Effect.map(waited < claim.after * 0.9 ? this.renew(claim.after) : this.readAgain, () => this.shift())
    })
  })

  private makeGroup(
    stream: string,
    progress: Progress,
    createFrom: string
  ): Effect.Effect<void, RedisClusterException> {
    const from = progress.groupExisted ? "0" : createFrom
    const command = idempotent(Streams.xgroupCreate(stream, this.settings.group, from, { mkStream: true }))
    return this.execute(command).pipe(
      Effect.catch((error) => groupExists(error) ? Effect.void : Effect.fail(error)),
      Effect.retry({ while: mayPass, schedule: backOff }),
      Effect.map(() => {
        progress.groupExisted = true
      })
    )
  }

  /** Tries once to fill the page. */
  private readonly read: Effect.Effect<void, RedisClusterException> = Effect.suspend(() => {
    for (const [stream, { pendingFrom }] of this.progress) {
      if (pendingFrom !== undefined) return this.readPending(stream, pendingFrom)
    }
    return this.settings.claim === undefined
      ? this.readNew(this.settings.block)
      : Effect.flatMap(now, this.readOrSearch)
  }).pipe(Effect.retry({ while: (error) => mayPass(error) || this.mayComeBack(error), schedule: backOff }))

  /** Reads new and overdue entries in turns, so that many of one kind do not delay the other. */
  private readonly readOrSearch = (time: number): Effect.Effect<void, RedisClusterException> => {
    const left = this.search.size > 0 ? 0 : this.nextSearch - time
    if (left > 0 || this.searchedLast) {
      this.searchedLast = false
      return this.readNew(Math.min(this.settings.block, Math.max(0, Math.ceil(left))))
    }
    this.searchedLast = true
    if (this.search.size === 0) { for (const stream of this.streams) this.search.set(stream, "-") }
    return this.searchOverdue
  }

  /** Reads new entries. The server holds the reply back for up to `block` milliseconds, or not at all. */
  private readNew(block: number): Effect.Effect<void, RedisClusterException> {
    const { consumer, count, form, group } = this.settings
    const news = this.streams.map((stream) => [stream, ">"] as const)
    // COUNT applies to each stream.
    const command = Streams.xreadgroup(group, consumer, news, {
      count: Math.max(1, Math.floor(count / this.streams.length)),
      block: block === 0 ? undefined : Duration.millis(block)
    })
    return this.execute(form.ofStreams(command)).pipe(
      Effect.tapError((error) => this.recover(error)),
      Effect.flatMap((read) => {
        this.groupsMissing = 0
        return this.fill(
          read.flatMap(({ entries, stream }) => entries.map((entry) => waiting(stream, entry, 1, false)))
        )
      })
    )
  }

  /** Reads a page of the entries that are pending for this consumer, which may have worked on them before. */
  private readPending(stream: string, from: string): Effect.Effect<void, RedisClusterException> {
    const { consumer, count, form, group } = this.settings
    const progress = this.of(stream)
    const command = form.ofStreams(Streams.xreadgroup(group, consumer, [[stream, from]], { count }))
    return this.execute(command).pipe(
      Effect.tapError((error) => groupMissing(error) ? this.recover(error) : Effect.void),
      Effect.flatMap((read) => {
        const entries = read.flatMap(({ entries }) => entries)
        const last = entries.at(-1)
        if (last === undefined) {
          progress.pendingFrom = undefined
          return Effect.void
        }
        const range = { start: entries[0].id, end: last.id, count: entries.length, consumer }
        return Effect.flatMap(this.execute(Streams.xpending(stream, group, range)), (pending) => {
          const deliveries = new Map(pending.map((entry) => [entry.id, entry.deliveries]))
          progress.pendingFrom = last.id
          const own = entries.filter(({ id }) => !progress.claimed.has(id))
          return Effect.andThen(
            this.acknowledgeDeleted(stream, entries),
            this.fill(own.map((entry) => waiting(stream, entry, deliveries.get(entry.id) ?? 2, false)))
          )
        })
      })
    )
  }

  /** Claims a page of one stream's entries that were delivered too long ago; the rest of them follows later. */
  private readonly searchOverdue: Effect.Effect<void, RedisClusterException> = Effect.suspend(() => {
    const { claim, count, group } = this.settings
    const [next] = this.search
    if (claim === undefined || next === undefined) return this.endSearch
    const [stream, start] = next
    const overdue = Streams.xpending(stream, group, { idle: Duration.millis(claim.after), start, count })
    return Effect.flatMap(this.execute(overdue), (found) => {
      const last = found.at(-1)
      if (last === undefined || found.length < count) this.search.delete(stream)
      else this.search.set(stream, `(${last.id}`)
      // Other consumers get the first chance at an entry that this consumer did not acknowledge.
      const due = found.filter(({ consumer, idle }) =>
        consumer !== this.settings.consumer || idle >= claim.after + claim.interval
      )
      return due.length === 0
        ? this.searchOverdue
        : Effect.andThen(this.takeOver(stream, due, claim), this.search.size === 0 ? this.endSearch : Effect.void)
    })
  }).pipe(
    // A search that fails goes on at the next time.
    Effect.catch((error) => mayPass(error) || groupMissing(error) ? this.endSearch : Effect.fail(error))
  )

  private readonly endSearch: Effect.Effect<void> = Effect.map(now, (time) => {
    this.search.clear()
    this.nextSearch = time + (this.settings.claim?.interval ?? Infinity)
  })

  private takeOver(
    stream: string,
    due: ReadonlyArray<{ readonly id: string; readonly deliveries: number }>,
    claim: { readonly after: number; readonly interval: number }
  ): Effect.Effect<void, RedisClusterException> {
    const { consumer, form, group } = this.settings
    const ids = due.map(({ id }) => id)
    // The server leaves out entries that another consumer has taken meanwhile.
    const command = Streams.xclaim(stream, group, consumer, Duration.millis(claim.after), ids)
    return Effect.flatMap(Effect.zip(this.execute(form.claimed(command)), now), ([entries, time]) => {
      const deliveries = new Map(due.map((entry) => [entry.id, entry.deliveries + 1]))
      const { claimed } = this.of(stream)
      for (const [id, until] of claimed) {
        if (until > time) break
        claimed.delete(id)
      }
      for (const { id } of entries) {
        claimed.delete(id)
        claimed.set(id, time + claim.after + claim.interval)
      }
      return this.fill(entries.map((entry) => waiting(stream, entry, deliveries.get(entry.id) ?? 2, true)))
    })
  }

  private fill(entries: ReadonlyArray<Waiting<F> | undefined>): Effect.Effect<void> {
    return Effect.map(now, (time) => {
      this.page = entries.filter((entry) => entry !== undefined)
      this.deliveredAt = time
    })
  }

  private shift(): ConsumedEntry<F> | undefined {
    const next = this.page.shift()
    if (next === undefined) return undefined
    const { claimed, deliveries, fields, id, stream } = next
    if (!claimed) this.of(stream).givenUpTo = id
    return { stream, id, fields, deliveries, redelivered: deliveries > 1, acknowledge: this.acknowledge(stream, [id]) }
  }

  /**
   * Claims entries that still wait for the program again, so that no other consumer claims them. No delivery is
   * counted.
   */
  private renew(claimAfter: number): Effect.Effect<void, RedisClusterException> {
    const { consumer, group } = this.settings
    const minIdle = Duration.millis(Math.floor(claimAfter / 4))
    const streams = [...new Set(this.page.map(({ stream }) => stream))]
    return Effect.forEach(streams, (stream) => {
      const ids = this.page.filter((entry) => entry.stream === stream).map(({ id }) => id)
      return Effect.map(
        this.execute(Streams.xclaim(stream, group, consumer, minIdle, ids, { justId: true })),
        (renewed) => renewed.map((id) => `${stream}\n${id}`)
      )
    }).pipe(
      Effect.flatMap((renewed) => {
        const own = new Set(renewed.flat())
        return this.fill(this.page.filter(({ id, stream }) => own.has(`${stream}\n${id}`)))
      }),
      Effect.catch((error) => mayPass(error) || groupMissing(error) ? this.readAgain : Effect.fail(error))
    )
  }

  /**
   * Drops the page and reads its entries again, because other consumers may have taken some of them: the server knows
   * which are still pending here.
   */
  private readonly readAgain: Effect.Effect<void> = Effect.sync(() => {
    for (const { claimed, stream } of this.page) {
      const progress = this.of(stream)
      if (!claimed) progress.pendingFrom = progress.givenUpTo
    }
    this.page = []
  })

  /** Acknowledges entries that are not in their stream any more. */
  private acknowledgeDeleted(
    stream: string,
    entries: ReadonlyArray<RawEntry<F>>
  ): Effect.Effect<void, RedisClusterException> {
    const deleted = entries.filter((entry) => entry.fields === null).map((entry) => entry.id)
    return deleted.length === 0 ? Effect.void : this.acknowledge(stream, deleted)
  }

  private acknowledge(stream: string, ids: ReadonlyArray<string>): Effect.Effect<void, RedisClusterException> {
    // A second XACK changes nothing, so that it may be sent again.
    return Effect.asVoid(this.execute(idempotent(Streams.xack(stream, this.settings.group, ids))))
  }

  /**
   * Handles a failed read. The server may have delivered entries that did not arrive: they are pending, after those
   * that did.
   */
  private recover(error: RedisClusterException): Effect.Effect<void, RedisClusterException> {
    return Effect.suspend(() => {
      for (const progress of this.progress.values()) progress.pendingFrom = progress.givenUpTo
      if (!groupMissing(error)) return Effect.void
      this.groupsMissing++
      return this.prepare
    })
  }

  /** Whether a missing group may come back. While a slot migrates, a key and its groups are gone for a moment. */
  private mayComeBack(error: RedisClusterException): boolean {
    return groupMissing(error) && this.groupsMissing < groupPatience
  }

  private of(stream: string): Progress {
    // The reply names only streams of the request.
    return this.progress.get(stream) ?? new Progress()
  }
}

const waiting = <F>(
  stream: string,
  { fields, id }: RawEntry<F>,
  deliveries: number,
  claimed: boolean
): Waiting<F> | undefined => fields === null ? undefined : { stream, id, fields, deliveries, claimed }
