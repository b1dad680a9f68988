/** Reports of changed keys, as a stream. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Exact } from "../commands/Options.ts"
import type { ClusterPubSub } from "../pubsub/ClusterPubSub.ts"
import { type InvalidationEvent, type InvalidationOptions, read } from "../pubsub/Invalidation.ts"
import type { KeyOf } from "../pubsub/Keyspace.ts"
import * as SubscriptionStreams from "../pubsub/SubscriptionStreams.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"

export interface InvalidationMembers {
  /**
   * A stream of the keys that are changed, deleted or expire, from all primaries, for programs that keep a state of their own about keys. It
   * follows the topology, and says when it does not hear of all changes.
   *
   * **When to use**
   *
   * Use it for a cache of decoded values, or for anything else that is computed from keys. For replies as they are, the option `cache` and
   * `Command.cached` are simpler. `keyspaceNotifications` say what happened to a key, and need a setting of the servers.
   *
   * **Details**
   *
   * The first event is `Subscribed`: every later change of a key with one of the `prefixes` is reported. A program forgets a key that is `Invalidated`,
   * and everything it has at each `Flushed`, `Interrupted` and `Gap`. Between `Interrupted` and the next `Subscribed` it keeps nothing.
   *
   * Changes by this client are reported as well. Each stream has a connection to each primary (`CLIENT TRACKING ON BCAST`), over RESP3. It fails with
   * `ReplyError` when a server refuses, and with `TimeoutError` when not all primaries report within `commandTimeout`.
   *
   * **Gotchas**
   *
   * A report may come before the reply to a read that was sent earlier and shows the older value: a key that is invalidated while it is read must not be kept.
   * Effect's `Cache` does that right. Replicas may still have the older value when the report comes.
   *
   * **Example** (A cache of computed values)
   *
   * ```ts
   * import { Cache, Deferred, Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const makeCache = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const cache = yield* Cache.make({
   *     capacity: 10_000,
   *     lookup: (key: string) => Effect.map(redis.hgetall(key), (fields) => Object.keys(fields).length)
   *   })
   *   const live = yield* Deferred.make<void>()
   *   yield* redis.invalidations({ prefixes: ["cart:"] }).pipe(
   *     Stream.runForEach((event) =>
   *       event._tag === "Invalidated"
   *         ? Cache.invalidate(cache, event.key)
   *         : Effect.andThen(Cache.invalidateAll(cache), Deferred.succeed(live, undefined))
   *     ),
   *     Effect.forkScoped
   *   )
   *   yield* Deferred.await(live)
   *   return cache
   * })
   * ```
   */
  readonly invalidations: <const O extends InvalidationOptions = {}>(
    options?: Exact<O, InvalidationOptions>
  ) => Stream.Stream<InvalidationEvent<KeyOf<O>>, RedisClusterException>
}

const events = <K>(
  pubSub: ClusterPubSub["Service"],
  options: InvalidationOptions
): Stream.Stream<InvalidationEvent<K>, RedisClusterException> =>
  Stream.unwrap(
    Effect.map(
      SubscriptionStreams.openInvalidations<K>(pubSub, options),
      Stream.map((event) => event._tag === "Message" ? read(event) : event)
    )
  )

export const make = (pubSub: ClusterPubSub["Service"]): InvalidationMembers => ({
  // The options decide the type of the keys.
  invalidations:
    ((options: InvalidationOptions = {}) => events<string | Uint8Array>(pubSub, options)) as InvalidationMembers[
      "invalidations"
    ]
})
