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
import { ClusterClient, type ClusterClientShape } from "../ClusterClient.ts"
import * as Command from "../commands/Command.ts"
import * as checks from "../internal/checks.ts"
import type { SubscriptionEvent } from "../pubsub/SubscriptionEvent.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { checked } from "./internal/namespace.ts"

/**
 * Options of the layer: the channel of the invalidations.
 *
 * @stability unstable
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

/** Publications are repeated until they succeed, because an invalidation may come twice. */
const untilPublished = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("2 seconds")]).pipe(
  Schedule.jittered
)

/** The channel on which processes tell each other of their invalidations. */
class InvalidationChannel {
  private readonly redis: ClusterClientShape
  private readonly name: string
  private readonly sharded: boolean
  private readonly self = randomUUID()

  constructor(redis: ClusterClientShape, name: string, sharded: boolean) {
    this.redis = redis
    this.name = name
    this.sharded = sharded
  }

  /** The channel, as the client subscribes to it. */
  get subscription() {
    return this.sharded ? { shardChannels: this.name } : { channels: this.name }
  }

  publish(keys: Keys): Effect.Effect<void> {
    const { name, redis, self, sharded } = this
    // Keys that JSON cannot carry become an invalidation of everything.
    const message = Option.getOrElse(encode({ from: self, keys }), () => `{"from":"${self}","keys":["${everything}"]}`)
    const command = sharded ? redis.spublish(name, message) : redis.publish(name, message)
    return Effect.asVoid(Effect.orDie(Effect.retry(Command.idempotent(command), untilPublished)))
  }

  /** The keys that are invalid because of an event; `undefined` when there are none. */
  invalidatedBy(event: SubscriptionEvent): Keys | undefined {
    switch (event._tag) {
      case "Message": {
        // Other programs may use the channel: their messages are ignored.
        const message = Option.getOrUndefined(decode(event.payload))
        return message === undefined || message.from === this.self ? undefined : message.keys
      }
      case "Gap":
        return [everything]
      case "Subscribed":
        return undefined
    }
  }
}

/**
 * The most invalidations that wait for the cluster. When there are more, one invalidation of everything replaces them.
 */
const maxWaiting = 1024

/** The invalidations that wait until they are published. */
class Outbox {
  private readonly queue: Queue.Queue<Keys>
  private waitsForEverything = false

  constructor(queue: Queue.Queue<Keys>) {
    this.queue = queue
  }

  add(keys: Keys): void {
    if (Queue.sizeUnsafe(this.queue) < maxWaiting) Queue.offerUnsafe(this.queue, keys)
    else this.waitsForEverything = true
  }

  get take(): Effect.Effect<Keys> {
    return Effect.map(Queue.take(this.queue), (keys) => {
      if (!this.waitsForEverything) return keys
      this.waitsForEverything = false
      return [everything]
    })
  }
}

/** Invalidations that wait for the end of a batch. */
class Batch extends Context.Service<Batch, Array<Keys>>()("effect-redis-cluster/integrations/ReactivityRedis/Batch") {}

/** The `Reactivity` of this process, whose invalidations other processes hear of. */
const tellingOthers = (local: Reactivity.Reactivity, outbox: Outbox): Reactivity.Reactivity => {
  const invalidate = (keys: Keys): Effect.Effect<void> =>
    Effect.andThen(
      local.invalidate(keys),
      Effect.contextWith((context: Context.Context<never>) => {
        const batch = Context.getOrUndefined(context, Batch)
        return Effect.sync(() => batch === undefined ? outbox.add(keys) : batch.push(keys))
      })
    )
  return Reactivity.Reactivity.of({
    [Reactivity.TypeId]: Reactivity.TypeId,
    invalidateUnsafe: (keys) => {
      local.invalidateUnsafe(keys)
      outbox.add(keys)
    },
    invalidate,
    registerUnsafe: (keys, handler) => local.registerUnsafe(watched(keys), handler),
    mutation: (keys, effect) => Effect.tap(effect, invalidate(keys)),
    query: (keys, effect) => local.query(watched(keys), effect),
    stream: (keys, effect) => local.stream(watched(keys), effect),
    withBatch: (effect) =>
      Effect.suspend(() => {
        const batch: Array<Keys> = []
        return local.withBatch(Effect.provideService(effect, Batch, batch)).pipe(
          Effect.onExit(() => Effect.sync(() => batch.forEach((keys) => outbox.add(keys))))
        )
      })
  })
}

const make = Effect.fnUntraced(function*(
  options: ReactivityOptions
): Effect.fn.Return<Reactivity.Reactivity, RedisClusterException, ClusterClient | Scope.Scope> {
  const { channel: name = "effect/reactivity", sharded = false } = yield* checked("ReactivityRedis", options, {
    channel: checks.text,
    sharded: checks.boolean
  })
  const redis = yield* ClusterClient
  const local = yield* Reactivity.make
  const channel = new InvalidationChannel(redis, name, sharded)
  const outbox = new Outbox(yield* Effect.acquireRelease(Queue.unbounded<Keys>(), Queue.shutdown))
  const events = yield* redis.subscribeEventsScoped(channel.subscription)
  const hearNext = Effect.map(Queue.take(events), (event) => {
    const keys = channel.invalidatedBy(event)
    if (keys !== undefined) local.invalidateUnsafe(keys)
  })
  yield* Effect.forkScoped(
    Effect.tapCause(
      Effect.forever(hearNext),
      (cause) => Effect.logError("invalidations of other processes do not arrive any more", cause)
    )
  )
  yield* Effect.forkScoped(Effect.forever(Effect.flatMap(outbox.take, (keys) => channel.publish(keys))))
  return tellingOthers(local, outbox)
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
 * @stability unstable
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: ReactivityOptions = {}
): Layer.Layer<Reactivity.Reactivity, RedisClusterException, ClusterClient> =>
  Layer.effect(Reactivity.Reactivity, make(options))
