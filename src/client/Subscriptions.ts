/** Subscriptions as streams and queues. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Exact } from "../commands/Options.ts"
import type { ChannelNames } from "../pubsub/ChannelNames.ts"
import type { ClusterPubSub } from "../pubsub/ClusterPubSub.ts"
import type { PayloadOf, SubscribeOptions, Subscription } from "../pubsub/Subscription.ts"
import type { Message, SubscriptionEvent } from "../pubsub/SubscriptionEvent.ts"
import * as SubscriptionStreams from "../pubsub/SubscriptionStreams.ts"
import type { Placement } from "../pubsub/Wish.ts"
import * as ReadFrom from "../ReadFrom.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Router } from "../routing/Router.ts"

export interface SubscriptionMembers extends SubscribeMembers {
  /**
   * How many subscriptions each node holds for this client, or is about to, by address (`host:port`). Nothing is sent.
   *
   * **Example** (The subscriptions of each node)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const held = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return Object.fromEntries(yield* redis.heldSubscriptions)
   * })
   * ```
   */
  readonly heldSubscriptions: Effect.Effect<ReadonlyMap<string, number>>
}

/** The members that the client and the client of a node have in common. */
export interface SubscribeMembers {
  /**
   * A stream of the messages of channels: one channel, a list, or channels, patterns and shard channels by their kind. It
   * subscribes when it runs, and restores the subscription for as long as it runs, whatever happens to connections, nodes and slots.
   *
   * **When to use**
   *
   * Use it to handle messages as they come. Use `subscribeScoped` when something has to be published after the subscription is live, and
   * `subscribeEvents` when a lost message matters.
   *
   * **Details**
   *
   * All streams of a client share one connection per node. The stream fails with `TimeoutError` when the servers have
   * not confirmed within `commandTimeout`, with `ReplyError` when one refuses (`NOPERM`), with `UnknownNodeError` when
   * the named node is unknown, with `OptionsError` for bad input, with `DecodeError` for a payload that the schema refuses,
   * with `OverloadedError` under the strategy `"fail"`, and with `ClosedError` when the client closes. It does not fail
   * because of lost connections, failovers and moving slots.
   *
   * **Gotchas**
   *
   * Redis does not keep messages: those that are published while a connection is lost are missed. The stream is not live when it
   * is made. A slow stream with the strategy `"suspend"` holds up the other streams of its connection.
   *
   * **Example** (Typed messages)
   *
   * ```ts
   * import { Effect, Schema, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * const Order = Schema.fromJsonString(Schema.Struct({ id: Schema.String, total: Schema.Number }))
   *
   * // Runs until it is interrupted.
   * const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.subscribe({ channels: ["orders", "returns"], shardChannels: "audit" }, { schema: Order }).pipe(
   *     Stream.runForEach(({ channel, payload }) => Effect.log(channel, payload.id, payload.total))
   *   )
   * })
   * ```
   */
  readonly subscribe: <const O extends SubscribeOptions = {}>(
    channels: ChannelNames,
    options?: Exact<O, SubscribeOptions>
  ) => Stream.Stream<Message<PayloadOf<O>>, RedisClusterException>
  /**
   * A stream like `subscribe`, with events beside the messages: when the subscription is live, and where messages may have been lost.
   * It fails with the errors of `subscribe`, such as `TimeoutError` and `ReplyError`.
   *
   * **Gotchas**
   *
   * A gap does not say that messages were lost: they may have been. The times `from` and `to` are milliseconds since 1970 by the
   * clock of this process.
   *
   * **Example** (Prices that a gap makes old)
   *
   * ```ts
   * import { Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * // Runs until it is interrupted.
   * export const follow = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.subscribeEvents({ shardChannels: "prices" }).pipe(
   *     Stream.runForEach((event) => {
   *       switch (event._tag) {
   *         case "Subscribed":
   *           return Effect.log(`live at ${event.node.address}`)
   *         case "Gap":
   *           return Effect.log(`load all prices since ${event.from} again: ${event.reason}`)
   *         case "Message":
   *           return Effect.log(event.payload)
   *       }
   *     })
   *   )
   * })
   * ```
   */
  readonly subscribeEvents: <const O extends SubscribeOptions = {}>(
    channels: ChannelNames,
    options?: Exact<O, SubscribeOptions>
  ) => Stream.Stream<SubscriptionEvent<PayloadOf<O>>, RedisClusterException>
  /**
   * Subscribes to channels, and succeeds when the servers have confirmed: no message that is published afterwards is missed. The
   * messages come in a queue, to which channels can be added and from which they can be taken. The subscription ends with the scope.
   *
   * **When to use**
   *
   * Use it to publish something after the subscription is live, to take messages one at a time, and to change the channels of a
   * live subscription. `subscribe` hands over all messages of one read as one chunk, which costs less per message.
   *
   * **Details**
   *
   * The effect fails with the errors with which `subscribe` fails at its start, such as `TimeoutError` and `ReplyError`. Later errors
   * come by the queue.
   *
   * **Gotchas**
   *
   * A queue that nobody takes from fills its buffer (`bufferSize`), and with the strategy `"suspend"` then holds up the other
   * streams of its connection.
   *
   * **Example** (Ask, and wait for the answer)
   *
   * ```ts
   * import { Effect, Queue } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const program = Effect.scoped(Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const answers = yield* redis.subscribeScoped("answers")
   *   yield* redis.publish("questions", "what time is it?")
   *   return yield* Queue.take(answers).pipe(Effect.timeoutOption("1 second"))
   * }))
   * ```
   */
  readonly subscribeScoped: <const O extends SubscribeOptions = {}>(
    channels: ChannelNames,
    options?: Exact<O, SubscribeOptions>
  ) => Effect.Effect<Subscription<Message<PayloadOf<O>>>, RedisClusterException, Scope.Scope>
  /**
   * Subscribes like `subscribeScoped`, with events beside the messages: when the subscription is live, and where messages may have been lost.
   * It fails with the errors of `subscribeScoped`, such as `TimeoutError`.
   *
   * **Example** (The first event is the confirmation)
   *
   * ```ts
   * import { Effect, Queue } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const program = Effect.scoped(Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const events = yield* redis.subscribeEventsScoped("answers")
   *   const { _tag } = yield* Queue.take(events)
   *   return _tag // "Subscribed"
   * }))
   * ```
   */
  readonly subscribeEventsScoped: <const O extends SubscribeOptions = {}>(
    channels: ChannelNames,
    options?: Exact<O, SubscribeOptions>
  ) => Effect.Effect<Subscription<SubscriptionEvent<PayloadOf<O>>>, RedisClusterException, Scope.Scope>
}

export const make = (pubSub: ClusterPubSub["Service"], router: Router["Service"]): SubscriptionMembers => ({
  // Programs that read from replicas subscribe there as well.
  ...heldAt(pubSub, () => router.readFrom() === ReadFrom.primary ? "owner" : "replica"),
  heldSubscriptions: Effect.sync(pubSub.held)
})

/**
 * Subscriptions that are held at a place unless their options name another one.
 *
 * @internal
 */
export const heldAt = (pubSub: ClusterPubSub["Service"], usualPlace: () => Placement): SubscribeMembers => {
  const open = <A>(channels: ChannelNames, options: SubscribeOptions = {}, keepsNotices: boolean) =>
    Effect.suspend(() =>
      SubscriptionStreams.open<A>(pubSub, channels, options, { placement: usualPlace(), keepsNotices })
    )
  const streamed = <A>(channels: ChannelNames, options: SubscribeOptions = {}, keepsNotices: boolean) =>
    Stream.unwrap(
      Effect.map(open<A>(channels, options, keepsNotices), ({ source }) => SubscriptionStreams.streamOf(source))
    )
  const queued = <A>(channels: ChannelNames, options: SubscribeOptions = {}, keepsNotices: boolean) =>
    Effect.flatMap(open<A>(channels, options, keepsNotices), SubscriptionStreams.queueOf)

  return {
    subscribe: (channels, options) => streamed(channels, options, false),
    subscribeEvents: (channels, options) => streamed(channels, options, true),
    subscribeScoped: (channels, options) => queued(channels, options, false),
    subscribeEventsScoped: (channels, options) => queued(channels, options, true)
  }
}
