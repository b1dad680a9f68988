/**
 * Effect's `Reactivity` across processes: an invalidation in one process runs the queries of all of them again.
 *
 * A process that lost its connection may have missed invalidations. Its subscription reports the gap, and all of its
 * queries run again.
 *
 * This module follows modules of Effect that are marked unstable, and may change with them.
 *
 * **Example** (A query that follows writes of other processes)
 *
 * ```ts
 * import { Effect, Layer, Stream } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 * import * as ReactivityRedis from "effect-redis-cluster/integrations/ReactivityRedis"
 * import { Reactivity } from "effect/reactivity"
 *
 * const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   const reactivity = yield* Reactivity.Reactivity
 *   const names = reactivity.stream(["users"], redis.get("user:1"))
 *   yield* reactivity.mutation(["users"], redis.set("user:1", "ada"))
 *   return yield* Stream.runHead(names)
 * })
 *
 * export const runnable = program.pipe(
 *   Effect.provide(ReactivityRedis.layer().pipe(
 *     Layer.provideMerge(ClusterClient.layer({ nodes: ["redis://127.0.0.1:7000"] }))
 *   ))
 * )
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Reactivity from "effect/reactivity/Reactivity"
import type { ReadonlyRecord } from "effect/Record"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import { ClusterClient } from "../ClusterClient.ts"
import * as Command from "../commands/Command.ts"
import * as checks from "../internal/checks.ts"
import type { SubscriptionEvent } from "../pubsub/SubscriptionEvent.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { checked } from "./internal/namespace.ts"

/**
 * Options of the layer: the channel of the invalidations.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReactivityOptions {
  /** The channel that carries invalidations. Default: `"effect/reactivity"`. */
  readonly channel?: string | undefined
  /** Whether the channel is a shard channel, whose messages stay within one shard. Default: `false`. */
  readonly sharded?: boolean | undefined
}

type Keys = ReadonlyArray<unknown> | ReadonlyRecord<string, ReadonlyArray<unknown>>

/** The key with which every query of this process is registered, beside its own keys. */
const everything = "effect-redis-cluster/ReactivityRedis/everything"

const watched = (keys: Keys): Keys => isList(keys) ? [...keys, everything] : { ...keys, [everything]: [] }

const isList = (keys: Keys): keys is ReadonlyArray<unknown> => Array.isArray(keys)

const Message = Schema.fromJsonString(Schema.Struct({
  /** The process that published the message. */
  from: Schema.String,
  keys: Schema.Union([
    Schema.Array(Schema.Unknown),
    Schema.Record(Schema.String, Schema.Array(Schema.Unknown))
  ])
}))

const decode = Schema.decodeUnknownOption(Message)
const encode = Schema.encodeUnknownOption(Message)

/**
 * The most invalidations that wait for the cluster. When there are more, one invalidation of everything replaces them.
 */
const maxWaiting = 1024

/** Invalidations that wait for the end of a batch. */
class Batch extends Context.Service<Batch, Array<Keys>>()("effect-redis-cluster/integrations/ReactivityRedis/Batch") {}

/** Publications are repeated until they succeed, because an invalidation may come twice. */
const untilPublished = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("2 seconds")]).pipe(
  Schedule.jittered
)

const make = Effect.fnUntraced(function*(
  options: ReactivityOptions
): Effect.fn.Return<Reactivity.Reactivity, RedisClusterException, ClusterClient | Scope.Scope> {
  const { channel = "effect/reactivity", sharded = false } = yield* checked("ReactivityRedis", options, {
    channel: checks.text,
    sharded: checks.boolean
  })
  const redis = yield* ClusterClient
  const local = yield* Reactivity.make
  const self = randomUUID()
  const outbox = yield* Effect.acquireRelease(Queue.unbounded<Keys>(), Queue.shutdown)

  let waitsForEverything = false
  const send = (keys: Keys): void => {
    if (Queue.sizeUnsafe(outbox) < maxWaiting) Queue.offerUnsafe(outbox, keys)
    else waitsForEverything = true
  }

  const publish = (keys: Keys): Effect.Effect<void> => {
    // Keys that JSON cannot carry become an invalidation of everything.
    const message = Option.getOrElse(encode({ from: self, keys }), () => `{"from":"${self}","keys":["${everything}"]}`)
    const command = sharded ? redis.spublish(channel, message) : redis.publish(channel, message)
    return Effect.asVoid(Effect.orDie(Effect.retry(Command.idempotent(command), untilPublished)))
  }
  const publishNext = Effect.flatMap(Queue.take(outbox), (keys) => {
    if (!waitsForEverything) return publish(keys)
    waitsForEverything = false
    return publish([everything])
  })

  const receive = (event: SubscriptionEvent): void => {
    switch (event._tag) {
      case "Message": {
        // Other programs may use the channel: their messages are ignored.
        const message = Option.getOrUndefined(decode(event.payload))
        if (message !== undefined && message.from !== self) local.invalidateUnsafe(message.keys)
        return
      }
      case "Gap":
        return local.invalidateUnsafe([everything])
      case "Subscribed":
        return
    }
  }

  const events = yield* redis.subscribeEventsScoped(sharded ? { shardChannels: channel } : { channels: channel })
  yield* Effect.forkScoped(
    Effect.tapCause(
      Effect.forever(Effect.map(Queue.take(events), receive)),
      (cause) => Effect.logError("invalidations of other processes do not arrive any more", cause)
    )
  )
  yield* Effect.forkScoped(Effect.forever(publishNext))

  const invalidateUnsafe = (keys: Keys): void => {
    local.invalidateUnsafe(keys)
    send(keys)
  }
  const invalidate = (keys: Keys): Effect.Effect<void> =>
    Effect.andThen(
      local.invalidate(keys),
      Effect.contextWith((context: Context.Context<never>) => {
        const batch = Context.getOrUndefined(context, Batch)
        return Effect.sync(() => batch === undefined ? send(keys) : batch.push(keys))
      })
    )

  return Reactivity.Reactivity.of({
    [Reactivity.TypeId]: Reactivity.TypeId,
    invalidateUnsafe,
    invalidate,
    registerUnsafe: (keys, handler) => local.registerUnsafe(watched(keys), handler),
    mutation: (keys, effect) => Effect.tap(effect, invalidate(keys)),
    query: (keys, effect) => local.query(watched(keys), effect),
    stream: (keys, effect) => local.stream(watched(keys), effect),
    withBatch: (effect) =>
      Effect.suspend(() => {
        const batch: Array<Keys> = []
        return local.withBatch(Effect.provideService(effect, Batch, batch)).pipe(
          Effect.onExit(() => Effect.sync(() => batch.forEach(send)))
        )
      })
  })
})

/**
 * Provides Effect's `Reactivity` whose invalidations reach all processes with this layer on one channel.
 *
 * **Details**
 *
 * An invalidation takes effect in its own process at once, and invalidations are published in their order. While the cluster is away
 * they wait, and are published when it is back. Batched invalidations are published when the batch ends. The layer fails with an
 * `OptionsError` for options that cannot be used, and like `redis.subscribe` when the channel cannot be subscribed to.
 *
 * **Gotchas**
 *
 * Keys travel as JSON: text, numbers, and plain objects and arrays of them. Each process has to use the same channel and kind of
 * channel. After a lost connection all queries of the process run again.
 *
 * **Example** (On a sharded channel)
 *
 * ```ts
 * import * as ReactivityRedis from "effect-redis-cluster/integrations/ReactivityRedis"
 *
 * export const reactivity = ReactivityRedis.layer({ channel: "app:invalidations", sharded: true })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: ReactivityOptions = {}
): Layer.Layer<Reactivity.Reactivity, RedisClusterException, ClusterClient> =>
  Layer.effect(Reactivity.Reactivity, make(options))
