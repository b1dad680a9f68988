/**
 * Streams read by consumer groups.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Lifetime } from "../commands/Call.ts"
import type { Command } from "../commands/Command.ts"
import { type DecodeFailure, isDecodeFailure } from "../commands/decode.ts"
import { decoderOf } from "../commands/SchemaCoding.ts"
import { type EntryFields, forms } from "../consumer/EntryForm.ts"
import { type ConsumedEntry, type ConsumerSettings, GroupConsumer } from "../consumer/GroupConsumer.ts"
import * as Turns from "../consumer/Turns.ts"
import * as checks from "../internal/checks.ts"
import { millisOf } from "../internal/millis.ts"
import { DecodeError, exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import { bySlot } from "./Nonatomic.ts"

/**
 * Options of `redis.consume`: the streams, the group, the name of the consumer, and how it reads.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConsumeOptions<Values extends keyof EntryFields = "text", Fields = EntryFields[Values]> {
  /** The keys of the streams, of any slots. */
  readonly streams: string | ReadonlyArray<string>
  /** The name of the group. */
  readonly group: string
  /** The name of this consumer: unique among running consumers, and unchanged after a restart. */
  readonly consumer: string
  /**
   * Makes the group if it does not exist, and the stream with it: `"all"` begins with the first entry, `"new"` with
   * later entries. A group that is lost later (the stream was deleted, or has expired) is made again and begins with
   * the first entry. Without `create` the group has to exist.
   */
  readonly create?: "all" | "new" | undefined
  /**
   * The greatest number of entries of one read, per slot; at least one per stream. The next entries are read when the
   * program has taken these. Default: 100.
   */
  readonly count?: number | undefined
  /** The time for which one read waits on the server for entries. Default: 5 seconds. */
  readonly block?: Lifetime | undefined
  /**
   * The time after which an entry without acknowledgement is given again: an entry of any consumer of the group, this
   * one included. Other consumers get the first chance at an entry that this consumer did not acknowledge. The time
   * begins when the program gets the entry, and has to be longer than the work on an entry, or two consumers will do
   * it. Without `claimAfter` an entry is given again when its consumer starts again.
   */
  readonly claimAfter?: Lifetime | undefined
  /** The time between two searches for entries without acknowledgement. Default: half of `claimAfter`. */
  readonly claimInterval?: Lifetime | undefined
  /**
   * The form of the fields: `"text"` gives an object of text, `"bytes"` an object of bytes, `"pairs"` a list of names
   * and values in bytes, which keeps the order and fields that occur more than once. Default: `"text"`.
   */
  readonly values?: Values | undefined
  /**
   * The schema that decodes the fields, such as the `Schema.Struct` with which `Command.fields` wrote the entry. An entry that does not
   * fit fails the stream with a `DecodeError`, after the entries before it. It stays pending: to set it aside, leave `schema` out and
   * decode in the program. Default: none.
   */
  readonly schema?: Schema.ConstraintDecoder<Fields> | undefined
}

export interface ConsumerMembers {
  /**
   * A stream of the entries that a consumer group delivers to this consumer: first those that are pending from before,
   * then new ones, and, with `claimAfter`, entries that nobody acknowledged in time.
   *
   * **When to use**
   *
   * Use it for work that must not be lost when a worker dies. For one read of a group use `xreadgroup`.
   *
   * **Details**
   *
   * Each entry is delivered at least once: it stays pending on the server until `entry.acknowledge`, or an XACK of the
   * program. The entries of one stream come in its order, redelivered ones aside. The stream survives failovers, lost
   * connections and slot moves. It fails for problems that time does not solve: with `ReplyError` for a group that does
   * not exist, a key that is no stream, or a missing permission; with `OptionsError` for options that cannot be used;
   * with `DecodeError` for an entry that `schema` refuses; with `ClosedError` when the client closes.
   *
   * Streams of one slot are read together, on one dedicated connection per slot.
   *
   * **Gotchas**
   *
   * An entry may come twice, so that the work on it has to be idempotent, and done before `acknowledge`. `claimAfter`
   * has to be longer than the work on an entry takes, or two consumers do it. Two running consumers of one name get
   * each other's entries.
   *
   * **Example** (A worker)
   *
   * ```ts
   * import { Console, Effect, Schema, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * const Order = Schema.Struct({ id: Schema.String, total: Schema.FiniteFromString })
   *
   * // Runs until it is interrupted.
   * const worker = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.consume({
   *     streams: ["orders:eu", "orders:us"],
   *     group: "billing",
   *     consumer: "billing-1",
   *     create: "all",
   *     claimAfter: "1 minute",
   *     schema: Order
   *   }).pipe(
   *     Stream.mapEffect(({ acknowledge, fields }) => Effect.andThen(Console.log(fields.id, fields.total), acknowledge), {
   *       concurrency: 16
   *     }),
   *     Stream.runDrain
   *   )
   * })
   * ```
   */
  readonly consume: <Values extends keyof EntryFields = "text", Fields = EntryFields[Values]>(
    options: ConsumeOptions<Values, Fields>
  ) => Stream.Stream<ConsumedEntry<Fields>, RedisClusterException>
}

const keysOfStreams: checks.Check = (value) => {
  const isKeys = Array.isArray(value) ? value.length > 0 && value.every(isKey) : isKey(value)
  return isKeys ? undefined : "the key of a stream, or a list of at least one"
}

const isKey = (value: unknown): boolean => typeof value === "string"

const optionChecks: checks.Checks<ConsumeOptions<keyof EntryFields, unknown>> = {
  streams: keysOfStreams,
  group: checks.text,
  consumer: checks.text,
  create: checks.oneOf("all", "new"),
  count: checks.integer(1),
  block: checks.lifetime(1),
  claimAfter: checks.lifetime(1),
  claimInterval: checks.lifetime(1),
  values: checks.oneOf("text", "bytes", "pairs"),
  schema: (value) => Schema.isSchema(value) ? undefined : "a schema"
}

/** The problem of options of any kind; `undefined` when there is none. */
const problemOf = (options: ConsumeOptions<keyof EntryFields, unknown>): string | undefined => {
  const problems = checks.problemsOf(options, optionChecks)
  if (problems.length > 0) return problems.join("; ")
  const missing = (["streams", "group", "consumer"] as const).find((name) => options[name] === undefined)
  if (missing !== undefined) return `${missing} is required`
  return options.claimInterval !== undefined && options.claimAfter === undefined
    ? "claimInterval goes with claimAfter only: give both, or leave it out"
    : undefined
}

const invalid = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message: `consume: ${message}`, outcome: "NotExecuted", command: "XREADGROUP" }))

const settingsOf = <Values extends keyof EntryFields>(
  options: ConsumeOptions<Values, unknown>
): ConsumerSettings<EntryFields[Values]> => {
  const { block = "5 seconds", claimAfter, claimInterval, consumer, count = 100, create, group } = options
  const after = claimAfter === undefined ? undefined : Math.ceil(millisOf(claimAfter))
  return {
    group,
    consumer,
    createFrom: create === undefined ? undefined : create === "all" ? "0" : "$",
    count,
    block: Math.ceil(millisOf(block)),
    claim: after === undefined
      ? undefined
      : { after, interval: Math.ceil(claimInterval === undefined ? after / 2 : millisOf(claimInterval)) },
    // Without the option the type is "text".
    form: forms[options.values ?? "text" as Values]
  }
}

/** Entries with the fields that a schema makes of theirs. Without a schema the type of the fields is that of `values`. */
const typed = <Fields>(
  entries: Stream.Stream<ConsumedEntry<unknown>, RedisClusterException>,
  schema: Schema.ConstraintDecoder<Fields> | undefined
): Stream.Stream<ConsumedEntry<Fields>, RedisClusterException> => {
  if (schema === undefined) return entries as Stream.Stream<ConsumedEntry<Fields>, RedisClusterException>
  const decode = decoderOf(schema)
  return Stream.mapEffect(entries, (entry) => {
    const fields = decode(entry.fields)
    return isDecodeFailure(fields) ? Effect.fail(undecodable(entry, fields)) : Effect.succeed({ ...entry, fields })
  })
}

const undecodable = (
  { id }: ConsumedEntry<unknown>,
  { cause, message }: DecodeFailure
): RedisClusterException =>
  exception(() =>
    new DecodeError({
      message: `consume: the schema refused the fields of entry ${id}: ${message}`,
      cause,
      outcome: "Executed",
      command: "XREADGROUP"
    })
  )

export const make = (router: {
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
}): ConsumerMembers => ({
  consume: (options) =>
    Stream.suspend(() => {
      const problem = problemOf(options)
      if (problem !== undefined) return Stream.fail(invalid(problem))
      const settings = settingsOf(options)
      const streams = typeof options.streams === "string" ? [options.streams] : [...new Set(options.streams)]
      const entries = Turns.entriesOf(
        bySlot(streams).map((positions) =>
          new GroupConsumer(router.execute, positions.map((i) => streams[i]), settings)
        )
      )
      return typed(entries, options.schema)
    })
})
