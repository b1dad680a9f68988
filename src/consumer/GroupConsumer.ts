/**
 * One consumer of a group on the streams of one slot: what it was given before, what is new, what others left behind.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type Command, idempotent } from "../commands/Command.ts"
import { type DeliveredEntry, type StreamEntry, Streams } from "../commands/Streams.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"

/**
 * An entry of a stream that was given to this consumer. It stays pending, and will be given again, until it is
 * acknowledged.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConsumedEntry extends StreamEntry {
  /** The key of the stream. */
  readonly stream: string
  /** It may have been worked on before: it was pending when the consumer started, or another one left it behind. */
  readonly redelivered: boolean
  /** Says that it is done with (XACK). Doing so again does no harm. */
  readonly acknowledge: Effect.Effect<void, RedisClusterException>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ReaderOptions {
  readonly group: string
  readonly consumer: string
  /** Where a group begins that has to be made; `undefined` when it has to exist. */
  readonly createFrom: string | undefined
  readonly count: number
  /** Milliseconds. */
  readonly block: number
  /** Milliseconds. */
  readonly claimIdle: number
}

type Execute = <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>

const codeOf = (error: RedisClusterException): string =>
  error.reason._tag === "ReplyError" ? error.reason.code : error.reason._tag

/** The connection, the node or the slot is to blame, and will be mended. */
const passes = (error: RedisClusterException): boolean => {
  const code = codeOf(error)
  if (code === "UNBLOCKED") return true
  // That of a node which left while it owed an answer; a client that is closed sends nothing.
  if (code === "ClosedError") return error.outcome === "Unknown"
  return code !== "DecodeError" && (error.isRetryable || error.outcome === "Unknown")
}

/** How often in a row a group may be missing. */
const groupPatience = 5

const backOff = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("1 second")]).pipe(Schedule.jittered)

/**
 * @category models
 * @since 0.1.0
 */
export class GroupConsumer {
  private readonly execute: Execute
  private readonly streams: ReadonlyArray<string>
  private readonly options: ReaderOptions
  /** What was given out and is not acknowledged, by stream: it is not given out a second time. */
  private readonly outstanding: ReadonlyMap<string, Set<string>>
  /** Where the list of pending entries has still to be read, by stream. */
  private readonly pendingFrom = new Map<string, string>()
  private groupsMissing = 0

  constructor(execute: Execute, streams: ReadonlyArray<string>, options: ReaderOptions) {
    this.execute = execute
    this.streams = streams
    this.options = options
    this.outstanding = new Map(streams.map((stream) => [stream, new Set()]))
    this.readPending()
  }

  /** Makes the groups that are not there, and the streams with them. */
  get prepare(): Effect.Effect<void, RedisClusterException> {
    const { createFrom, group } = this.options
    if (createFrom === undefined) return Effect.void
    return Effect.forEach(
      this.streams,
      (stream) =>
        this.execute(idempotent(Streams.xgroupCreate(stream, group, createFrom, { mkStream: true }))).pipe(
          Effect.catch((error) => codeOf(error) === "BUSYGROUP" ? Effect.void : Effect.fail(error)),
          Effect.retry({ while: passes, schedule: backOff })
        ),
      { discard: true, concurrency: 16 }
    )
  }

  /** The next entries, as soon as there are any; none when the time on the server was over. */
  get next(): Effect.Effect<ReadonlyArray<ConsumedEntry>, RedisClusterException> {
    return Effect.suspend(() => {
      for (const [stream, from] of this.pendingFrom) return this.pending(stream, from)
      return this.fresh
    }).pipe(
      Effect.tapError((error) => this.recovered(error)),
      Effect.retry({ while: (error) => passes(error) || this.mayComeBack(error), schedule: backOff })
    )
  }

  /** What other consumers were given and did not acknowledge for too long. */
  get abandoned(): Effect.Effect<ReadonlyArray<ConsumedEntry>, RedisClusterException> {
    return Effect.map(
      Effect.forEach(this.streams, (stream) => this.claim(stream, "0-0", [])),
      (all) => all.flat()
    )
  }

  private readonly fresh: Effect.Effect<ReadonlyArray<ConsumedEntry>, RedisClusterException> = Effect.suspend(() => {
    const { block, consumer, count, group } = this.options
    const news = this.streams.map((stream) => [stream, ">"] as const)
    const command = Streams.xreadgroup(group, consumer, news, { count, block: Duration.millis(block) })
    return Effect.map(this.execute(command), (read) => {
      this.groupsMissing = 0
      return read.flatMap(({ entries, key }) => this.give(key, entries, false))
    })
  })

  private pending(stream: string, from: string): Effect.Effect<ReadonlyArray<ConsumedEntry>, RedisClusterException> {
    const { consumer, count, group } = this.options
    return Effect.flatMap(this.execute(Streams.xreadgroup(group, consumer, [[stream, from]], { count })), (read) => {
      const entries = read.flatMap(({ entries }) => entries)
      const last = entries.at(-1)
      if (last === undefined) this.pendingFrom.delete(stream)
      else this.pendingFrom.set(stream, last.id)
      return Effect.map(this.dropDeleted(stream, entries), () => this.give(stream, entries, true))
    })
  }

  private claim(
    stream: string,
    cursor: string,
    found: ReadonlyArray<ConsumedEntry>
  ): Effect.Effect<ReadonlyArray<ConsumedEntry>, RedisClusterException> {
    const { claimIdle, consumer, count, group } = this.options
    const command = Streams.xautoclaim(stream, group, consumer, Duration.millis(claimIdle), cursor, { count })
    return Effect.matchEffect(this.execute(command), {
      // What was claimed is given out; the rest can wait for the next time.
      onFailure: (error) => passes(error) || codeOf(error) === "NOGROUP" ? Effect.succeed(found) : Effect.fail(error),
      onSuccess: ({ cursor, entries }) => {
        const all = [...found, ...this.give(stream, entries, true)]
        return cursor === "0-0" ? Effect.succeed(all) : this.claim(stream, cursor, all)
      }
    })
  }

  /** An entry that is not in the stream any more can only be acknowledged. */
  private dropDeleted(
    stream: string,
    entries: ReadonlyArray<DeliveredEntry>
  ): Effect.Effect<void, RedisClusterException> {
    const deleted = entries.filter((entry) => entry.fields === null).map((entry) => entry.id)
    return deleted.length === 0 ? Effect.void : this.acknowledge(stream, deleted)
  }

  private give(
    stream: string,
    entries: ReadonlyArray<DeliveredEntry>,
    redelivered: boolean
  ): ReadonlyArray<ConsumedEntry> {
    const outstanding = this.outstanding.get(stream)
    const given: Array<ConsumedEntry> = []
    for (const { fields, id } of entries) {
      if (fields === null || outstanding?.has(id) === true) continue
      outstanding?.add(id)
      given.push({ stream, id, fields, redelivered, acknowledge: this.acknowledge(stream, [id]) })
    }
    return given
  }

  private acknowledge(stream: string, ids: ReadonlyArray<string>): Effect.Effect<void, RedisClusterException> {
    // Acknowledging twice is acknowledging once.
    const command = idempotent(Streams.xack(stream, this.options.group, ids))
    return Effect.map(this.execute(command), () => {
      for (const id of ids) this.outstanding.get(stream)?.delete(id)
    })
  }

  /** A read that failed may have been given entries that did not arrive: they are pending now. */
  private recovered(error: RedisClusterException): Effect.Effect<void, RedisClusterException> {
    return Effect.suspend(() => {
      this.readPending()
      if (codeOf(error) !== "NOGROUP") return Effect.void
      this.groupsMissing++
      return this.options.createFrom === undefined ? Effect.void : this.prepare
    })
  }

  /** While a slot moves, its keys are gone for a moment, and their groups with them. */
  private mayComeBack(error: RedisClusterException): boolean {
    return codeOf(error) === "NOGROUP" && this.groupsMissing < groupPatience
  }

  private readPending(): void {
    for (const stream of this.streams) this.pendingFrom.set(stream, "0-0")
  }
}
