/**
 * A subscription as a program sees it: its options and its streams.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { type Endpoint, isEndpoint } from "../cluster/Endpoint.ts"
import * as checks from "../internal/checks.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Message, SubscriptionEvent } from "./SubscriptionEvent.ts"

/**
 * The treatment of further messages when `bufferSize` of them wait for the consumer of a subscription.
 *
 * - `suspend`: the client stops reading from the connection until half of the messages are taken. All other streams of
 *   this connection wait as well, and the server holds messages back, up to its `client-output-buffer-limit pubsub`.
 *   New subscriptions go over another connection.
 * - `dropOldest`, `dropNewest`: messages are dropped; the events have a `Gap` with the reason `Overflow`
 * - `fail`: the stream fails with an `OverloadedError`, after the messages that wait
 *
 * @category models
 * @since 0.1.0
 */
export type BufferStrategy = "suspend" | "dropOldest" | "dropNewest" | "fail"

/**
 * Options of a subscription.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /** Whether payloads are text (UTF-8) or bytes. Default: `"text"`. */
  readonly payload?: "text" | "bytes" | undefined
  /**
   * The schema that decodes payloads: `Schema.fromJsonString(...)` for JSON. A payload that does not fit fails the
   * stream with a `DecodeError`.
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
 * A subscription that the server has confirmed. Names can be added to it and taken from it. Its messages wait in one
 * buffer, and each message goes to the stream that takes it first, so run one stream at a time. A stream takes one
 * message after the other: when it ends (`Stream.runHead`, `Stream.take`), the next stream goes on with the next message.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscription<P = string> {
  readonly messages: Stream.Stream<Message<P>, RedisClusterException>
  /**
   * The messages, together with events that say when the subscription is live and where messages may have been lost.
   */
  readonly events: Stream.Stream<SubscriptionEvent<P>, RedisClusterException>
  /**
   * The next message, or none when none comes in time: for programs that poll. Nothing is lost between two calls, and a call that was
   * interrupted has taken nothing. None, too, when the subscription has ended.
   */
  readonly takeWithin: (time: Duration.Input) => Effect.Effect<Option.Option<Message<P>>, RedisClusterException>
  /**
   * Adds channels (patterns, shard channels: names of the kind that it began with), and ends when the servers have confirmed them. When
   * that fails nothing is added, and the others are not affected.
   */
  readonly subscribe: (
    ...names: readonly [string, ...ReadonlyArray<string>]
  ) => Effect.Effect<void, RedisClusterException>
  /**
   * Ends the subscription to some names, or to all without any. Their messages that wait in the buffer still come. A name
   * that it has not subscribed to is ignored.
   */
  readonly unsubscribe: (...names: ReadonlyArray<string>) => Effect.Effect<void>
  /** The names that it is subscribed to at this moment. */
  readonly names: Effect.Effect<ReadonlyArray<string>>
}

/** @internal */
export const defaultBufferSize = 16_384

/** @internal */
export const bufferChecks = {
  bufferSize: checks.integer(1),
  strategy: checks.oneOf("suspend", "dropOldest", "dropNewest", "fail")
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

/**
 * The problem of the options and the names; `undefined` when there is none.
 *
 * @internal
 */
export const objection = (names: ReadonlyArray<string>, options: SubscribeOptions): string | undefined => {
  if (names.length === 0) return "there is nothing to subscribe to; name at least one channel or pattern"
  if (names.some((name) => typeof name !== "string")) return "channels and patterns have to be strings"
  return checks.problemOf(options, optionChecks)
}
