/**
 * A subscription as a program sees it: what can be said about it, and its streams.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Endpoint } from "../cluster/Endpoint.ts"
import * as HashSlot from "../cluster/HashSlot.ts"
import { DecodeError, exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import type { ClusterPubSub, Settings } from "./ClusterPubSub.ts"
import type { BufferStrategy, MessageBuffer } from "./MessageBuffer.ts"
import type { Desire, Kind, Placement } from "./Plan.ts"
import { Message, type SubscriptionEvent } from "./SubscriptionEvent.ts"

/**
 * What one subscription wants beyond its channels.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /** Whether payloads are text (UTF-8) or bytes. Default: `"text"`. */
  readonly payload?: "text" | "bytes" | undefined
  /**
   * What payloads are decoded with: `Schema.fromJsonString(...)` for JSON. A payload that it refuses fails the stream with a
   * `DecodeError`.
   */
  readonly schema?: Schema.ConstraintDecoder<unknown> | undefined
  /**
   * The node that holds the subscription: the primary that owns the slot of the channel (or of the pattern, taken as a key),
   * one of its replicas, or a node by host and port. Default: where reads go, `"owner"` with the policy `ReadFrom.primary`
   * and `"replica"` with any other.
   */
  readonly node?: "owner" | "replica" | Endpoint | undefined
  /** How many messages may wait for the consumer. Default: 16384. */
  readonly bufferSize?: number | undefined
  /** What becomes of further messages when so many wait. Default: `"suspend"`. */
  readonly strategy?: BufferStrategy | undefined
}

/**
 * The type of the payloads that options ask for.
 *
 * @category utility types
 * @since 0.1.0
 */
export type PayloadOf<O> = O extends { readonly schema: Schema.ConstraintDecoder<unknown> } ? O["schema"]["Type"]
  : O extends { readonly payload: "bytes" } ? Uint8Array
  : string

/**
 * A subscription that the server has confirmed. What comes waits in one buffer: each message goes to the stream that takes
 * it first, so run one of the two.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscription<P = string> {
  readonly messages: Stream.Stream<Message<P>, RedisClusterException>
  /** The messages, and beside them when it is live and where messages may have been lost. */
  readonly events: Stream.Stream<SubscriptionEvent<P>, RedisClusterException>
}

const defaultBufferSize = 16_384
const strategies: ReadonlyArray<string> = ["suspend", "dropOldest", "dropNewest", "fail"]

/** What is wrong with the options and the names; `undefined` when nothing is. */
const objection = (names: ReadonlyArray<string>, options: SubscribeOptions): string | undefined => {
  const { bufferSize = defaultBufferSize, node = "owner", payload = "text", strategy = "suspend" } = options
  if (names.length === 0) return "there is nothing to subscribe to; name at least one channel or pattern"
  if (names.some((name) => typeof name !== "string")) return "channels and patterns have to be strings"
  if (!Number.isInteger(bufferSize) || bufferSize < 1) return "bufferSize has to be an integer of at least 1"
  if (!strategies.includes(strategy)) return `strategy has to be one of ${strategies.join(", ")}`
  if (payload !== "text" && payload !== "bytes") return `payload has to be "text" or "bytes"`
  const isPlace = node === "owner" || node === "replica" ||
    (typeof node === "object" && typeof node.host === "string" && typeof node.port === "number")
  return isPlace ? undefined : `node has to be "owner", "replica", or a host and a port`
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message, outcome: "NotExecuted" }))

type Ending = RedisClusterException | Cause.Done
type RawEvents = readonly [SubscriptionEvent<string | Uint8Array>, ...Array<SubscriptionEvent<string | Uint8Array>>]

const undecodable = (error: Schema.SchemaError): RedisClusterException =>
  exception(() =>
    new DecodeError({
      message: `the schema of a subscription refused a payload: ${error.message}`,
      outcome: "Executed",
      cause: error
    })
  )

/** Decodes the payloads of a batch; what precedes a payload that the schema refuses is still delivered. */
const decoding = <P>(schema: Schema.ConstraintDecoder<unknown>) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (
    take: Effect.Effect<RawEvents, Ending>
  ): Effect.Effect<readonly [SubscriptionEvent<P>, ...Array<SubscriptionEvent<P>>], Ending> => {
    let failure: RedisClusterException | undefined
    const decoded = Effect.flatMap(take, (batch) => {
      const events: Array<SubscriptionEvent<P>> = []
      for (const event of batch) {
        if (event._tag !== "Message") {
          events.push(event)
          continue
        }
        const result = decode(event.payload)
        if (Result.isFailure(result)) {
          failure = undecodable(result.failure)
          break
        }
        // The type of the payload is that of the schema.
        events.push(new Message(event.channel, event.pattern, result.success as P, event.node))
      }
      const [first, ...others] = events
      return first !== undefined ? Effect.succeed([first, ...others] as const) : Effect.fail(failure ?? invalid(""))
    })
    return Effect.suspend(() => failure === undefined ? decoded : Effect.fail(failure))
  }
}

const streamOf = <A>(
  take: Effect.Effect<readonly [A, ...Array<A>], Ending>
): Stream.Stream<A, RedisClusterException> => Stream.fromPull(Effect.succeed(take))

/** The options say what the payloads are, which is more than the types of a mailbox know. */
const view = <P>(buffer: MessageBuffer, options: SubscribeOptions): Subscription<P> => {
  if (options.schema === undefined) {
    return {
      messages: streamOf(buffer.messages),
      events: streamOf(buffer.events)
    } as Subscription<string | Uint8Array> as Subscription<unknown> as Subscription<P>
  }
  const decode = decoding<P>(options.schema)
  return {
    messages: streamOf(decode(buffer.messages)) as Stream.Stream<Message<P>, RedisClusterException>,
    events: streamOf(decode(buffer.events))
  }
}

const settingsOf = (options: SubscribeOptions, keepsNotices: boolean): Settings => ({
  bytes: options.payload === "bytes",
  bufferSize: options.bufferSize ?? defaultBufferSize,
  strategy: options.strategy ?? "suspend",
  keepsNotices
})

/**
 * Subscribes to names of one kind; `usualPlace` is where, unless the options say.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = <P>(
  pubSub: ClusterPubSub["Service"],
  kind: Kind,
  names: ReadonlyArray<string>,
  options: SubscribeOptions,
  usualPlace: () => Placement,
  keepsNotices: boolean
): Effect.Effect<Subscription<P>, RedisClusterException, Scope.Scope> =>
  Effect.suspend(() => {
    const problem = objection(names, options)
    if (problem !== undefined) return Effect.fail(invalid(problem))
    const place = options.node ?? usualPlace()
    const desires = [...new Set(names)].map((name): Desire => ({ kind, name, slot: HashSlot.ofKey(name), place }))
    return Effect.map(pubSub.open(desires, settingsOf(options, keepsNotices)), (buffer) => view(buffer, options))
  })

/**
 * Subscribes at every primary, for what nodes tell their own clients only.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openEverywhere = (
  pubSub: ClusterPubSub["Service"],
  kind: "channel" | "pattern",
  names: ReadonlyArray<string>,
  options: Pick<SubscribeOptions, "bufferSize" | "strategy">,
  keepsNotices: boolean
): Effect.Effect<Subscription, RedisClusterException, Scope.Scope> =>
  Effect.suspend(() => {
    const problem = objection(names, options)
    if (problem !== undefined) return Effect.fail(invalid(problem))
    const desires = names.map((name): Desire => ({
      kind,
      name,
      slot: HashSlot.ofKey(name),
      place: "everyPrimary"
    }))
    return Effect.map(pubSub.open(desires, settingsOf(options, keepsNotices)), (buffer) => view(buffer, options))
  })

/**
 * Starts MONITOR on a node: its lines as messages.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openMonitor = (
  pubSub: ClusterPubSub["Service"],
  node: Endpoint,
  options: Pick<SubscribeOptions, "bufferSize" | "strategy">
): Effect.Effect<Stream.Stream<Message, RedisClusterException>, RedisClusterException, Scope.Scope> =>
  Effect.suspend(() => {
    const problem = objection(["MONITOR"], { ...options, node })
    if (problem !== undefined) return Effect.fail(invalid(problem))
    return Effect.map(
      pubSub.monitor(node, settingsOf(options, false)),
      (buffer) => view<string>(buffer, options).messages
    )
  })
