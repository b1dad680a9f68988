/**
 * Opens subscriptions, and makes streams of their buffers.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Endpoint, isEndpoint } from "../cluster/Endpoint.ts"
import * as HashSlot from "../cluster/HashSlot.ts"
import * as checks from "../internal/checks.ts"
import { DecodeError, exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import type { ClusterPubSub } from "./ClusterPubSub.ts"
import type { Batch, Ending, MessageBuffer, RawEvent, RawMessage, Settings } from "./MessageBuffer.ts"
import { bufferChecks, defaultBufferSize, objection, type SubscribeOptions, type Subscription } from "./Subscription.ts"
import { Message, type SubscriptionEvent } from "./SubscriptionEvent.ts"
import type { Kind, Placement, Preparation, Wish } from "./Wish.ts"

export const invalid = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message, outcome: "NotExecuted" }))

const undecodable = (error: Schema.SchemaError): RedisClusterException =>
  exception(() =>
    new DecodeError({
      message: `the schema of a subscription refused a payload: ${error.message}`,
      outcome: "Executed",
      cause: error
    })
  )

/** Decodes the payloads of a batch; messages that precede a payload that the schema refuses are still delivered. */
const decoding = <P>(schema: Schema.ConstraintDecoder<unknown>) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (take: Effect.Effect<Batch<RawEvent>, Ending>): Effect.Effect<Batch<SubscriptionEvent<P>>, Ending> => {
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
        // The schema decides the type of the payload.
        events.push(new Message(event.channel, event.pattern, result.success as P, event.node, event.channelBytes))
      }
      const [first, ...others] = events
      return first !== undefined ? Effect.succeed([first, ...others] as const) : failed
    })
    const failed = Effect.suspend(() => {
      const error = failure ?? invalid("")
      failure = undefined
      return Effect.fail(error)
    })
    return Effect.suspend(() => failure === undefined ? decoded : failed)
  }
}

const streamOf = <A>(take: Effect.Effect<Batch<A>, Ending>): Stream.Stream<A, RedisClusterException> =>
  Stream.fromPull(Effect.succeed(take))

/**
 * The way in which a stream takes events from its buffer.
 *
 * - `one`: event by event, for a stream whose subscription goes on after its end. A stream that ends within a chunk
 *   would lose the rest of it.
 * - `all`: all waiting events as one chunk, for a stream that ends together with its subscription
 */
export type Taking = "one" | "all"

/** The contents of a buffer, decoded. */
interface View<P> {
  readonly takeMessages: Effect.Effect<Batch<Message<P>>, Ending>
  readonly messages: Subscription<P>["messages"]
  readonly events: Subscription<P>["events"]
}

/** A view of a buffer. The options decide the type of the payloads, which the types of a buffer do not know. */
const view = <P>(buffer: MessageBuffer, schema: SubscribeOptions["schema"], taking: Taking): View<P> => {
  const messages: Effect.Effect<Batch<RawMessage>, Ending> = taking === "one"
    ? buffer.takeOneMessage
    : buffer.takeAllMessages
  const events = taking === "one" ? buffer.takeOne : buffer.takeAll
  if (schema === undefined) {
    return { takeMessages: messages, messages: streamOf(messages), events: streamOf(events) } as View<unknown> as View<
      P
    >
  }
  const decode = decoding<P>(schema)
  const takeMessages = decode(messages) as View<P>["takeMessages"]
  return { takeMessages, messages: streamOf(takeMessages), events: streamOf(decode(events)) }
}

/** One message is taken at a time, so that none is taken that is not given. */
const takeWithin = <P>({ takeMessages }: View<P>): Subscription<P>["takeWithin"] => (time) =>
  Effect.suspend(() => {
    const problem = checks.duration(0)(time)
    if (problem !== undefined) return Effect.fail(invalid(`takeWithin needs ${problem}`))
    return Effect.catch(
      Effect.map(Effect.timeoutOption(takeMessages, time), Option.map(([message]) => message)),
      (ending) => Cause.isDone(ending) ? Effect.succeedNone : Effect.fail(ending)
    )
  })

const settingsOf = (options: SubscribeOptions, keepsNotices: boolean): Settings => ({
  bytes: options.payload === "bytes",
  bufferSize: options.bufferSize ?? defaultBufferSize,
  strategy: options.strategy ?? "suspend",
  keepsNotices
})

/** A name as the server will repeat it: a lone surrogate is sent as U+FFFD. */
const asSent = (name: string): string => Buffer.from(name).toString()

/** The names of a program, as they are sent. Programs without types may give anything: what is no text is left out. */
const namesIn = (given: ReadonlyArray<string>): ReadonlyArray<string> =>
  given.filter((name) => typeof name === "string").map(asSent)

/** The settings with which a subscription is opened. */
export interface Opening {
  readonly kind: Kind
  readonly placement: Placement
  readonly taking: Taking
  readonly keepsNotices: boolean
  /** A preparation of the nodes, if they have to be set up first. */
  readonly preparation?: Preparation | undefined
}

/** Subscribes to names of one kind. */
export const open = <P>(
  pubSub: ClusterPubSub["Service"],
  names: ReadonlyArray<string>,
  options: SubscribeOptions,
  { keepsNotices, kind, placement, preparation, taking }: Opening
): Effect.Effect<Subscription<P>, RedisClusterException, Scope.Scope> =>
  Effect.suspend(() => {
    const problem = objection(names, options)
    if (problem !== undefined) return Effect.fail(invalid(problem))
    const wishesFor = (wanted: ReadonlyArray<string>) =>
      [...new Set(wanted.map(asSent))].map((name): Wish => ({
        kind,
        name,
        slot: HashSlot.ofKey(name),
        placement: options.node ?? placement,
        preparation
      }))
    return Effect.map(
      pubSub.open(wishesFor(names), settingsOf(options, keepsNotices)),
      (buffer): Subscription<P> => {
        const shown = view<P>(buffer, options.schema, taking)
        return {
          messages: shown.messages,
          events: shown.events,
          takeWithin: takeWithin(shown),
          subscribe: (...more) =>
            Effect.suspend(() => {
              const problem = objection(more, {})
              return problem === undefined ? pubSub.extend(buffer, wishesFor(more)) : Effect.fail(invalid(problem))
            }),
          unsubscribe: (...fewer) =>
            Effect.suspend(() => pubSub.reduce(buffer, fewer.length === 0 ? undefined : new Set(namesIn(fewer)))),
          names: Effect.sync(() => pubSub.namesOf(buffer))
        }
      }
    )
  })

/** Starts MONITOR on a node: its lines as messages. */
export const openMonitor = (
  pubSub: ClusterPubSub["Service"],
  node: Endpoint,
  options: Pick<SubscribeOptions, "bufferSize" | "strategy">
): Effect.Effect<Stream.Stream<Message, RedisClusterException>, RedisClusterException, Scope.Scope> =>
  Effect.suspend(() => {
    const problem = isEndpoint(node)
      ? checks.problemOf(options, bufferChecks)
      : "monitor needs a node: a host and a port"
    if (problem !== undefined) return Effect.fail(invalid(problem))
    return Effect.map(
      pubSub.monitor(node, settingsOf(options, false)),
      (buffer) => view<string>(buffer, undefined, "all").messages
    )
  })
