/**
 * One consumer of a group on the streams of one slot: what it was given before, what is new, what others left behind.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as blocking from "../commands/blocking.ts"
import { type Command, idempotent, make } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as keys from "../commands/keys.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"

/**
 * An entry of a stream that was given to this consumer. It stays pending, and will be given again, until it is
 * acknowledged.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamEntry {
  /** The key of the stream. */
  readonly stream: string
  readonly id: string
  /** The fields with their values; of a field that occurs twice, the last value. */
  readonly fields: Readonly<Record<string, string>>
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

const XREADGROUP = new CommandSpec("XREADGROUP", { keys: keys.streams(3), blocking: blocking.block })
const XACK = new CommandSpec("XACK", { keys: 0 })
const XAUTOCLAIM = new CommandSpec("XAUTOCLAIM", { keys: 0 })
const XGROUP_CREATE = new CommandSpec("XGROUP CREATE", { keys: 0 })

interface Raw {
  readonly id: string
  /** `undefined` when it was deleted from the stream while it was pending. */
  readonly fields: Readonly<Record<string, string>> | undefined
}

const list = (reply: Reply | undefined): ReadonlyArray<Reply> => Array.isArray(reply) ? reply : []

const record = (flat: ReadonlyArray<Reply>): Readonly<Record<string, string>> => {
  const pairs: Array<readonly [string, string]> = []
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([String(flat[i]), String(flat[i + 1])])
  return Object.fromEntries(pairs)
}

const rawEntries = (reply: Reply | undefined): ReadonlyArray<Raw> =>
  list(reply).map(list).filter((entry) => entry.length > 0).map(([id, fields]) => ({
    id: String(id),
    fields: Array.isArray(fields) ? record(fields as ReadonlyArray<Reply>) : undefined
  }))

/** RESP3 answers a map, RESP2 a list of pairs, and nothing is null. */
const byStream = (reply: Reply): ReadonlyArray<readonly [string, ReadonlyArray<Raw>]> => {
  const pairs = reply instanceof Map ? [...reply] : list(reply).map((pair) => [list(pair)[0], list(pair)[1]] as const)
  return pairs.map(([stream, entries]) => [String(stream), rawEntries(entries)])
}

const codeOf = (error: RedisClusterException): string =>
  error.reason._tag === "ReplyError" ? error.reason.code : error.reason._tag

/** The connection, the node or the slot is to blame, and will be mended. */
const passes = (error: RedisClusterException): boolean => {
  const code = codeOf(error)
  if (code === "UNBLOCKED") return true
  return code !== "ClosedError" && code !== "DecodeError" && (error.isRetryable || error.outcome === "Unknown")
}

/** How often in a row a group may be missing. */
const groupPatience = 5

const backOff = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("1 second")]).pipe(Schedule.jittered)

/**
 * @category models
 * @since 0.1.0
 */
export class SlotReader {
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
    return Effect.forEach(this.streams, (stream) =>
      this.execute(
        idempotent(make(XGROUP_CREATE, [stream, group, createFrom, "MKSTREAM"], () => undefined))
      ).pipe(
        Effect.catch((error) => codeOf(error) === "BUSYGROUP" ? Effect.void : Effect.fail(error)),
        Effect.retry({ while: passes, schedule: backOff })
      ), { discard: true, concurrency: 16 })
  }

  /** The next entries, as soon as there are any; none when the time on the server was over. */
  get next(): Effect.Effect<ReadonlyArray<StreamEntry>, RedisClusterException> {
    return Effect.suspend(() => {
      for (const [stream, from] of this.pendingFrom) return this.pending(stream, from)
      return this.fresh
    }).pipe(
      Effect.tapError((error) => this.recovered(error)),
      Effect.retry({ while: (error) => passes(error) || this.mayComeBack(error), schedule: backOff })
    )
  }

  /** What other consumers were given and did not acknowledge for too long. */
  get abandoned(): Effect.Effect<ReadonlyArray<StreamEntry>, RedisClusterException> {
    return Effect.map(
      Effect.forEach(this.streams, (stream) => this.claim(stream, "0-0", [])),
      (all) => all.flat()
    ).pipe(
      Effect.catch((error) => passes(error) || codeOf(error) === "NOGROUP" ? Effect.succeed([]) : Effect.fail(error))
    )
  }

  private readGroup(
    settings: ReadonlyArray<Argument>,
    streams: ReadonlyArray<string>,
    ids: ReadonlyArray<string>
  ): Effect.Effect<ReadonlyArray<readonly [string, ReadonlyArray<Raw>]>, RedisClusterException> {
    const { consumer, count, group } = this.options
    const args = ["GROUP", group, consumer, "COUNT", String(count), ...settings, "STREAMS", ...streams, ...ids]
    return Effect.map(this.execute(make(XREADGROUP, args, byStream)), (read) => {
      this.groupsMissing = 0
      return read
    })
  }

  private get fresh(): Effect.Effect<ReadonlyArray<StreamEntry>, RedisClusterException> {
    const block = ["BLOCK", String(this.options.block)]
    return Effect.map(
      this.readGroup(block, this.streams, this.streams.map(() => ">")),
      (read) => read.flatMap(([stream, entries]) => this.give(stream, entries, false))
    )
  }

  private pending(stream: string, from: string): Effect.Effect<ReadonlyArray<StreamEntry>, RedisClusterException> {
    return Effect.flatMap(this.readGroup([], [stream], [from]), (read) => {
      const entries = read.flatMap(([, entries]) => entries)
      const last = entries.at(-1)
      if (last === undefined) this.pendingFrom.delete(stream)
      else this.pendingFrom.set(stream, last.id)
      return this.withoutDeleted(stream, entries, this.give(stream, entries, true))
    })
  }

  private claim(
    stream: string,
    cursor: string,
    found: ReadonlyArray<StreamEntry>
  ): Effect.Effect<ReadonlyArray<StreamEntry>, RedisClusterException> {
    const { claimIdle, consumer, count, group } = this.options
    const args = [stream, group, consumer, String(claimIdle), cursor, "COUNT", String(count)]
    return Effect.flatMap(this.execute(make(XAUTOCLAIM, args, list)), ([next, entries]) => {
      const all = [...found, ...this.give(stream, rawEntries(entries), true)]
      return String(next) === "0-0" ? Effect.succeed(all) : this.claim(stream, String(next), all)
    })
  }

  /** An entry that is not in the stream any more can only be acknowledged. */
  private withoutDeleted<A>(stream: string, entries: ReadonlyArray<Raw>, given: A) {
    const deleted = entries.filter((entry) => entry.fields === undefined).map((entry) => entry.id)
    return deleted.length === 0 ? Effect.succeed(given) : Effect.as(this.acknowledge(stream, deleted), given)
  }

  private give(stream: string, entries: ReadonlyArray<Raw>, redelivered: boolean): ReadonlyArray<StreamEntry> {
    const outstanding = this.outstanding.get(stream)
    const given: Array<StreamEntry> = []
    for (const { fields, id } of entries) {
      if (fields === undefined || outstanding?.has(id) === true) continue
      outstanding?.add(id)
      given.push({ stream, id, fields, redelivered, acknowledge: this.acknowledge(stream, [id]) })
    }
    return given
  }

  private acknowledge(stream: string, ids: ReadonlyArray<string>): Effect.Effect<void, RedisClusterException> {
    // Acknowledging twice is acknowledging once.
    const command = idempotent(make(XACK, [stream, this.options.group, ...ids], () => undefined))
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
