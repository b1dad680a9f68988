/**
 * Subscriptions as streams.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ClusterPubSub } from "../pubsub/ClusterPubSub.ts"
import type * as Subscription from "../pubsub/Subscription.ts"
import type { Message, SubscriptionEvent } from "../pubsub/SubscriptionEvent.ts"
import * as SubscriptionStreams from "../pubsub/SubscriptionStreams.ts"
import type { Kind, Placement } from "../pubsub/Wish.ts"
import * as ReadFrom from "../ReadFrom.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Router } from "../routing/Router.ts"

/**
 * A method for the messages of channels: channels one by one, or a list of them with options.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessagesOf {
  (...channels: readonly [string, ...ReadonlyArray<string>]): Stream.Stream<Message, RedisClusterException>
  <const O extends Subscription.SubscribeOptions>(
    channels: string | ReadonlyArray<string>,
    options: O
  ): Stream.Stream<Message<Subscription.PayloadOf<O>>, RedisClusterException>
  (channels: ReadonlyArray<string>): Stream.Stream<Message, RedisClusterException>
}

/**
 * A method for the events of channels: channels one by one, or a list of them with options.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventsOf {
  (...channels: readonly [string, ...ReadonlyArray<string>]): Stream.Stream<SubscriptionEvent, RedisClusterException>
  <const O extends Subscription.SubscribeOptions>(
    channels: string | ReadonlyArray<string>,
    options: O
  ): Stream.Stream<SubscriptionEvent<Subscription.PayloadOf<O>>, RedisClusterException>
  (channels: ReadonlyArray<string>): Stream.Stream<SubscriptionEvent, RedisClusterException>
}

/**
 * A method for a subscription that is live when the effect ends: channels one by one, or a list of them with options.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScopedOf {
  (
    ...channels: readonly [string, ...ReadonlyArray<string>]
  ): Effect.Effect<Subscription.Subscription, RedisClusterException, Scope.Scope>
  <const O extends Subscription.SubscribeOptions>(
    channels: string | ReadonlyArray<string>,
    options: O
  ): Effect.Effect<Subscription.Subscription<Subscription.PayloadOf<O>>, RedisClusterException, Scope.Scope>
  (
    channels: ReadonlyArray<string>
  ): Effect.Effect<Subscription.Subscription, RedisClusterException, Scope.Scope>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SubscriptionMembers extends SubscribeMembers {
  /** How many subscriptions each node holds for this client, or is about to, by address (`host:port`). */
  readonly heldSubscriptions: Effect.Effect<ReadonlyMap<string, number>>
}

/**
 * The members that the client and the client of a node have in common.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubscribeMembers {
  /**
   * A stream of the messages of channels. It subscribes when it runs, and restores the subscription for as long as it
   * runs, whatever happens to connections, nodes and slots.
   *
   * **Details**
   *
   * All streams of a client share one connection per node. The stream fails with `TimeoutError` when the server has
   * not confirmed within `commandTimeout`, with `ReplyError` when it refuses (`NOPERM`), with `UnknownNodeError` when
   * the named node is unknown, and with `ClosedError` when the client closes.
   *
   * **Gotchas**
   *
   * Redis does not keep messages: those that are published while a connection is lost are missed. `subscribeEvents`
   * has events for such gaps. The stream is not live when it is made: use `subscribeScoped` to publish after a
   * subscription.
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
   *   yield* redis.subscribe(["orders", "returns"], { schema: Order }).pipe(
   *     Stream.runForEach(({ channel, payload }) => Effect.log(channel, payload.id, payload.total))
   *   )
   * })
   * ```
   */
  readonly subscribe: MessagesOf
  /**
   * A stream of the messages of all channels that match a pattern (`news.*`). Its details and errors are those of
   * `subscribe`.
   */
  readonly psubscribe: MessagesOf
  /**
   * A stream of the messages of shard channels, of any slots. The primary that owns the slot holds the subscription,
   * which follows the slot. Its details and errors are those of `subscribe`. Since 7.0.0.
   */
  readonly ssubscribe: MessagesOf
  /** The messages of channels with events: when the subscription is live, and where messages may have been lost. */
  readonly subscribeEvents: EventsOf
  /** The messages of patterns with events: when the subscription is live, and where messages may have been lost. */
  readonly psubscribeEvents: EventsOf
  /** The messages of shard channels with events: when the subscription is live, and where messages may have been lost. */
  readonly ssubscribeEvents: EventsOf
  /**
   * Subscribes to channels, and succeeds when the server has confirmed: no message that is published afterwards is
   * missed. The subscription ends with the scope.
   */
  readonly subscribeScoped: ScopedOf
  /** Subscribes to patterns like `subscribeScoped`, and succeeds when the server has confirmed. */
  readonly psubscribeScoped: ScopedOf
  /** Subscribes to shard channels like `subscribeScoped`, and succeeds when their servers have confirmed. */
  readonly ssubscribeScoped: ScopedOf
}

type Arguments = ReadonlyArray<string | ReadonlyArray<string> | Subscription.SubscribeOptions>

/** Reads the arguments of a method: names one by one, or one name or a list of names with options. */
const read = (
  args: Arguments
): { readonly names: ReadonlyArray<string>; readonly options: Subscription.SubscribeOptions } => {
  const [first, second] = args
  // After a list only options may follow.
  const isOptions = Array.isArray(first)
    ? second !== undefined
    : typeof second === "object" && !Array.isArray(second)
  // A name that is no string is refused with other bad input.
  const names = (Array.isArray(first) ? first : isOptions ? [first] : args) as ReadonlyArray<string>
  return { names, options: isOptions ? second as Subscription.SubscribeOptions : {} }
}

/**
 * @category constructors
 * @since 0.1.0
 */
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
  const open = (kind: Kind, args: Arguments, taking: SubscriptionStreams.Taking, keepsNotices: boolean) =>
    Effect.suspend(() => {
      const { names, options } = read(args)
      return SubscriptionStreams.open(pubSub, names, options, { kind, placement: usualPlace(), taking, keepsNotices })
    })
  const scoped = (kind: Kind) => (...args: Arguments) => open(kind, args, "one", true)
  const messages = (kind: Kind) => (...args: Arguments) =>
    Stream.unwrap(Effect.map(open(kind, args, "all", false), ({ messages }) => messages))
  const events = (kind: Kind) => (...args: Arguments) =>
    Stream.unwrap(Effect.map(open(kind, args, "all", true), ({ events }) => events))

  // The overloads say how options change the type of payloads, which the functions do not see.
  return {
    subscribe: messages("channel") as MessagesOf,
    psubscribe: messages("pattern") as MessagesOf,
    ssubscribe: messages("shardChannel") as MessagesOf,
    subscribeEvents: events("channel") as EventsOf,
    psubscribeEvents: events("pattern") as EventsOf,
    ssubscribeEvents: events("shardChannel") as EventsOf,
    subscribeScoped: scoped("channel") as ScopedOf,
    psubscribeScoped: scoped("pattern") as ScopedOf,
    ssubscribeScoped: scoped("shardChannel") as ScopedOf
  }
}
