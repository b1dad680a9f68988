/**
 * Streams read by consumer groups.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Command } from "../commands/Command.ts"
import { type ConsumedEntry, GroupConsumer, type ReaderOptions } from "../consumer/GroupConsumer.ts"
import { millisOf } from "../internal/millis.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import { bySlot } from "./Nonatomic.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ConsumeOptions {
  /** The keys of the streams, of any slots. */
  readonly streams: string | ReadonlyArray<string>
  readonly group: string
  /** The name of this consumer: unique among those that run, the same after a restart. */
  readonly consumer: string
  /**
   * Makes the group where it does not exist, and the stream with it: `"all"` begins with the first entry, `"new"` with
   * what comes from now on. Without it the group has to exist.
   */
  readonly create?: "all" | "new" | undefined
  /** How many entries are read at a time, at most, per slot. Default: 100. */
  readonly count?: number | undefined
  /** How long one read waits on the server for entries. Default: 5 seconds. */
  readonly block?: Duration.Input | undefined
  /**
   * Takes over entries that another consumer of the group was given and did not acknowledge for this long. Longer than
   * the work on an entry may take, or two will do it. Without it nothing is taken over.
   */
  readonly claimAfter?: Duration.Input | undefined
  /** The time between two looks for such entries. Default: half of `claimAfter`. */
  readonly claimInterval?: Duration.Input | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ConsumerMembers {
  /**
   * The entries of streams that a consumer group gives to this consumer, for as long as the stream runs: first those
   * that are still pending from before, then new ones, and, with `claimAfter`, those that others left behind.
   *
   * Each entry is given at least once: it stays pending on the server until `acknowledge`. The order is that of the
   * stream for the entries of one stream, redelivered ones aside. Failovers, lost connections and slot moves are
   * survived. It fails for what time does not mend: a group that does not exist, a key that is no stream, no permission.
   *
   * Streams of one slot are read together, on one dedicated connection per slot.
   *
   * **Example** (A worker)
   *
   * ```ts
   * import { Console, Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * // Runs until it is interrupted.
   * const worker = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.consume({
   *     streams: ["orders:eu", "orders:us"],
   *     group: "billing",
   *     consumer: "billing-1",
   *     create: "all",
   *     claimAfter: "1 minute"
   *   }).pipe(
   *     Stream.mapEffect((entry) => Effect.andThen(Console.log(entry.id, entry.fields), entry.acknowledge), {
   *       concurrency: 16
   *     }),
   *     Stream.runDrain
   *   )
   * })
   * ```
   */
  readonly consume: (options: ConsumeOptions) => Stream.Stream<ConsumedEntry, RedisClusterException>
}

interface Settings extends ReaderOptions {
  readonly streams: ReadonlyArray<string>
  readonly claimInterval: number | undefined
}

const invalid = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message: `consume: ${message}`, outcome: "NotExecuted", command: "XREADGROUP" }))

const resolve = (options: ConsumeOptions): Settings | RedisClusterException => {
  const streams = typeof options.streams === "string" ? [options.streams] : [...new Set(options.streams)]
  if (streams.length === 0) return invalid("streams needs at least one key, got none")
  if (options.group === "" || options.consumer === "") return invalid("group and consumer need a name")
  const count = options.count ?? 100
  if (!Number.isInteger(count) || count < 1) return invalid("count has to be an integer of at least 1")
  const millis = (input: Duration.Input | undefined): number =>
    input === undefined ? Number.NaN : Math.ceil(millisOf(input))
  const block = millis(options.block ?? "5 seconds")
  if (!(block >= 1) || block === Infinity) return invalid("block has to be a finite duration of at least 1 ms")
  const claimIdle = millis(options.claimAfter)
  const claimInterval = options.claimInterval === undefined ? Math.ceil(claimIdle / 2) : millis(options.claimInterval)
  if (options.claimAfter !== undefined && !(claimIdle >= 1 && claimInterval >= 1 && claimIdle < Infinity)) {
    return invalid("claimAfter and claimInterval have to be durations of at least 1 ms")
  }
  return {
    streams,
    group: options.group,
    consumer: options.consumer,
    createFrom: options.create === undefined ? undefined : options.create === "all" ? "0" : "$",
    count,
    block,
    claimIdle,
    claimInterval: options.claimAfter === undefined ? undefined : claimInterval
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (router: {
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
}): ConsumerMembers => {
  const read = (
    streams: ReadonlyArray<string>,
    settings: Settings
  ): Stream.Stream<ConsumedEntry, RedisClusterException> => {
    const reader = new GroupConsumer(router.execute, streams, settings)
    const entries = Stream.concat(
      Stream.drain(Stream.fromEffect(reader.prepare)),
      Stream.fromIterableEffectRepeat(reader.next)
    )
    if (settings.claimInterval === undefined) return entries
    const interval = Effect.sleep(settings.claimInterval)
    return Stream.merge(entries, Stream.fromIterableEffectRepeat(Effect.andThen(interval, reader.abandoned)))
  }

  return {
    consume: (options) =>
      Stream.suspend(() => {
        const settings = resolve(options)
        if ("reason" in settings) return Stream.fail(settings)
        const { streams } = settings
        const perSlot = bySlot(streams).map((positions) => positions.map((i) => streams[i]))
        return Stream.mergeAll(perSlot.map((streams) => read(streams, settings)), {
          concurrency: "unbounded",
          bufferSize: 1
        })
      })
  }
}
