/**
 * A subscription as a program sees it: its options and its queue.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { type Endpoint, isEndpoint } from "../cluster/Endpoint.ts"
import * as checks from "../internal/checks.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { ChannelLists, ChannelNames } from "./ChannelNames.ts"
import type { Message } from "./SubscriptionEvent.ts"

/**
 * The treatment of further messages when `bufferSize` of them wait for the consumer of a subscription.
 *
 * - `suspend`: the client stops reading from the connection until half of the messages are taken. All other streams of
 *   this connection wait as well, and the server holds messages back, up to its `client-output-buffer-limit pubsub`.
 *   New subscriptions go over another connection.
 * - `sliding`: the oldest messages are dropped; the events have a `Gap` with the reason `Overflow` before the others
 * - `dropping`: the newest messages are dropped; the events have such a `Gap` after the others
 * - `fail`: the stream fails with an `OverloadedError`, after the messages that wait
 *
 * @category models
 * @since 0.1.0
 */
export type BufferStrategy = "suspend" | "sliding" | "dropping" | "fail"

/**
 * Options of a subscription: the form of its payloads, its place, and its buffer.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /** Whether payloads are text (UTF-8) or bytes. Default: `"text"`. */
  readonly payload?: "text" | "bytes" | undefined
  /**
   * The schema that decodes payloads: `Schema.fromJsonString(...)` for JSON. A payload that does not fit fails the
   * stream with a `DecodeError`. Default: none.
   */
  readonly schema?: Schema.ConstraintDecoder<unknown> | undefined
  /**
   * The node that holds the subscription: the primary that owns the slot of the channel (or of the pattern, taken as a
   * key), one of its replicas, or a node by host and port. Default: `"owner"` with the read policy `ReadFrom.primary`,
   * and `"replica"` with any other.
   */
  readonly node?: "owner" | "replica" | Endpoint | undefined
  /** The number of messages that may wait for the consumer. Default: 16384. */
  readonly bufferSize?: number | undefined
  /** The treatment of further messages when so many wait. Default: `"suspend"`. */
  readonly strategy?: BufferStrategy | undefined
}

/**
 * The type of a subscription's payloads, from its options: text, bytes, or the type of the schema.
 *
 * @category utility types
 * @since 0.1.0
 */
export type PayloadOf<O> = O extends { readonly schema: Schema.ConstraintDecoder<unknown> } ? O["schema"]["Type"]
  : O extends { readonly payload: "bytes" } ? Uint8Array
  : string

/**
 * A subscription that the servers have confirmed: a queue of its messages, or of its events. Channels can be added to it and taken
 * from it. It ends with its scope, which interrupts those who take from it then.
 *
 * **When to use**
 *
 * Use it when something has to happen after the subscription is live, or when messages are taken one at a time. To handle all
 * messages as they come, `redis.subscribe` as a stream is simpler and takes all that wait at once.
 *
 * **Details**
 *
 * `Queue.take`, `Queue.poll` and `Stream.fromQueue` take from it. Messages wait in the buffer of the subscription (`bufferSize`, `strategy`),
 * and the queue hands them over one by one, so that `Queue.takeAll` gives one as well. A take that is interrupted has taken nothing:
 * `Queue.take(subscription).pipe(Effect.timeoutOption("1 second"))` in a loop loses nothing. When the subscription fails, the queue fails after the
 * messages that wait.
 *
 * **Gotchas**
 *
 * Each message goes to the fiber that takes it first. A subscription that nobody takes from fills its buffer.
 *
 * **Example** (Channels come and go)
 *
 * ```ts
 * import { Effect, Queue } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 *
 * export const program = Effect.scoped(Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   const subscription = yield* redis.subscribeScoped("orders")
 *   yield* subscription.subscribe({ patterns: "returns.*" })
 *   yield* redis.publish("returns.eu", "42")
 *   const { channel, payload } = yield* Queue.take(subscription)
 *   yield* subscription.unsubscribe("orders")
 *   return [channel, payload]
 * }))
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscription<out A = Message> extends Queue.Dequeue<A, RedisClusterException> {
  /**
   * Adds channels, of any kind, and ends when the servers have confirmed them. It fails with the errors of `redis.subscribe`, such as
   * `TimeoutError` and `ReplyError`. When that fails nothing is added, and the others are not affected: a channel stays that another
   * call has got or waits for.
   */
  readonly subscribe: (channels: ChannelNames) => Effect.Effect<void, RedisClusterException>
  /**
   * Ends the subscription to some channels, or to all without any. Their messages that wait still come. A channel that it has not
   * subscribed to is ignored. A `subscribe` that still waits, and asked for one of them, fails with `ClosedError`.
   */
  readonly unsubscribe: (channels?: ChannelNames) => Effect.Effect<void>
  /** The channels that it is subscribed to at this moment. */
  readonly channels: Effect.Effect<ChannelLists>
}

/** @internal */
export const defaultBufferSize = 16_384

/** @internal */
export const bufferChecks = {
  bufferSize: checks.integer(1),
  strategy: checks.oneOf("suspend", "sliding", "dropping", "fail")
}

const optionChecks: checks.Checks<SubscribeOptions> = {
  ...bufferChecks,
  payload: checks.oneOf("text", "bytes"),
  schema: (value) => Schema.isSchema(value) ? undefined : "a schema",
  node: (value) =>
    value === "owner" || value === "replica" || isEndpoint(value)
      ? undefined
      : `"owner", "replica", or a host and a port`
}

/** @internal */
export const optionNames: ReadonlyArray<string> = Object.keys(optionChecks)

/**
 * The problem of the options; `undefined` when there is none.
 *
 * @internal
 */
export const objection = (options: SubscribeOptions): string | undefined => checks.problemOf(options, optionChecks)
