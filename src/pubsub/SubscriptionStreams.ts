/**
 * Opens subscriptions, and makes streams and queues of their buffers.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Endpoint, isEndpoint } from "../cluster/Endpoint.ts"
import * as HashSlot from "../cluster/HashSlot.ts"
import { type DecodeFailure, isDecodeFailure } from "../commands/decode.ts"
import { decoderOf } from "../commands/SchemaCoding.ts"
import * as checks from "../internal/checks.ts"
import { DecodeError, exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import { type ChannelNames, listsOf, namesOf } from "./ChannelNames.ts"
import type { ClusterPubSub } from "./ClusterPubSub.ts"
import { type Interrupted, type InvalidationOptions, objection as trackingObjection } from "./Invalidation.ts"
import type { Batch, Ending, MessageBuffer, RawEvent, Settings } from "./MessageBuffer.ts"
import {
  bufferChecks,
  defaultBufferSize,
  objection,
  optionNames,
  type SubscribeOptions,
  type Subscription
} from "./Subscription.ts"
import { Message, type SubscriptionEvent } from "./SubscriptionEvent.ts"
import type { Placement, Preparation, Wish } from "./Wish.ts"

export const invalid = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message, outcome: "NotExecuted" }))

const undecodable = ({ cause, message }: DecodeFailure): RedisClusterException =>
  exception(() =>
    new DecodeError({
      message: `the schema of a subscription refused a payload: ${message}`,
      outcome: "Executed",
      cause
    })
  )

/** Decodes the payloads of a batch; messages that precede a payload that the schema refuses are still delivered. */
const decoding = (schema: Schema.ConstraintDecoder<unknown>) => {
  const decode = decoderOf(schema)
  return (
    take: Effect.Effect<Batch<RawEvent>, Ending>
  ): Effect.Effect<Batch<SubscriptionEvent<unknown> | Interrupted>, Ending> => {
    let failure: RedisClusterException | undefined
    const decoded = Effect.flatMap(take, (batch) => {
      const events: Array<SubscriptionEvent<unknown> | Interrupted> = []
      for (const event of batch) {
        if (event._tag !== "Message") {
          events.push(event)
          continue
        }
        const payload = decode(event.payload)
        if (isDecodeFailure(payload)) {
          failure = undecodable(payload)
          break
        }
        events.push(new Message(event.channel, event.pattern, payload, event.node, event.channelBytes))
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

/** The contents of a buffer, decoded. */
export interface Source<A> {
  /** All that wait, as one chunk: for a stream, which ends together with its subscription. */
  readonly all: Effect.Effect<Batch<A>, Ending>
  /** A few of those that wait: for a queue, which hands them over one by one. */
  readonly some: Effect.Effect<Batch<A>, Ending>
}

export const streamOf = <A>({ all }: Source<A>): Stream.Stream<A, RedisClusterException> =>
  Stream.fromPull(Effect.succeed(all))

/** The options decide the type of the payloads, which the types of a buffer do not know. */
const sourceOf = <A>(buffer: MessageBuffer, { schema }: SubscribeOptions, keepsNotices: boolean): Source<A> => {
  const raw: Source<RawEvent> = keepsNotices
    ? { all: buffer.takeAll, some: buffer.takeSome }
    : { all: buffer.takeAllMessages, some: buffer.takeSomeMessages }
  if (schema === undefined) return raw as Source<unknown> as Source<A>
  const decode = decoding(schema)
  return { all: decode(raw.all), some: decode(raw.some) } as Source<unknown> as Source<A>
}

const settingsOf = (options: SubscribeOptions, keepsNotices: boolean): Settings => ({
  bytes: options.payload === "bytes",
  bufferSize: options.bufferSize ?? defaultBufferSize,
  strategy: options.strategy ?? "suspend",
  keepsNotices
})

/** The settings with which a subscription is opened. */
export interface Opening {
  readonly placement: Placement
  /** Whether gaps and confirmations are given beside the messages. */
  readonly keepsNotices: boolean
  /** A preparation of the nodes, if they have to be set up first. */
  readonly preparation?: Preparation | undefined
}

/** An open subscription. */
export interface Opened<A> {
  readonly source: Source<A>
  readonly subscribe: Subscription<A>["subscribe"]
  readonly unsubscribe: Subscription<A>["unsubscribe"]
  readonly channels: Subscription<A>["channels"]
}

/** Subscribes to channels. */
export const open = <A>(
  pubSub: ClusterPubSub["Service"],
  channels: ChannelNames,
  options: SubscribeOptions,
  { keepsNotices, placement, preparation }: Opening
): Effect.Effect<Opened<A>, RedisClusterException, Scope.Scope> =>
  Effect.suspend(() => {
    const problem = objection(options)
    if (problem !== undefined) return Effect.fail(invalid(problem))
    const wishesFor = (wanted: ChannelNames): Effect.Effect<ReadonlyArray<Wish>, RedisClusterException> => {
      const names = namesOf(wanted, optionNames)
      if (typeof names === "string") return Effect.fail(invalid(names))
      return Effect.succeed(names.map(({ kind, name }) => ({
        kind,
        name,
        slot: HashSlot.ofKey(name),
        placement: options.node ?? placement,
        preparation
      })))
    }
    const opening = Effect.flatMap(
      wishesFor(channels),
      (wishes) => pubSub.open(wishes, settingsOf(options, keepsNotices))
    )
    return Effect.map(opening, (buffer): Opened<A> => ({
      source: sourceOf(buffer, options, keepsNotices),
      subscribe: (more) =>
        Effect.flatMap(Effect.suspend(() => wishesFor(more)), (wishes) => pubSub.extend(buffer, wishes)),
      unsubscribe: (fewer) =>
        Effect.suspend(() => {
          const names = fewer === undefined ? undefined : namesOf(fewer)
          // Programs without types may give anything: it is not subscribed to that.
          return typeof names === "string" ? Effect.void : pubSub.reduce(buffer, names)
        }),
      channels: Effect.sync(() => listsOf(pubSub.namesOf(buffer)))
    }))
  })

/**
 * A queue over an open subscription, for as long as the scope lives. It holds nothing itself: events wait in the buffer, which bounds
 * them, and a few of them are on their way.
 */
export const queueOf = <A>(
  { source, ...members }: Opened<A>
): Effect.Effect<Subscription<A>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const queue = yield* Effect.acquireRelease(Queue.bounded<A, RedisClusterException>(0), Queue.shutdown)
    const handOver = Effect.forever(Effect.flatMap(source.some, (events) => Queue.offerAll(queue, events)))
    yield* Effect.forkScoped(
      Effect.catch(handOver, (ending) => Cause.isDone(ending) ? Effect.void : Queue.fail(queue, ending)),
      { startImmediately: true }
    )
    return Object.assign(queue, members)
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
      (buffer) => streamOf(sourceOf<Message>(buffer, {}, false))
    )
  })

/** The reports of changed keys, from all primaries. */
export const openInvalidations = <K>(
  pubSub: ClusterPubSub["Service"],
  options: InvalidationOptions
): Effect.Effect<
  Stream.Stream<SubscriptionEvent<K> | Interrupted, RedisClusterException>,
  RedisClusterException,
  Scope.Scope
> =>
  Effect.suspend(() => {
    const problem = trackingObjection(options)
    if (problem !== undefined) return Effect.fail(invalid(problem))
    const { bufferSize, keys, prefixes = [], strategy = "sliding" } = options
    return Effect.map(
      pubSub.track(prefixes, settingsOf({ bufferSize, strategy, payload: keys }, true)),
      (buffer) => streamOf(sourceOf<SubscriptionEvent<K> | Interrupted>(buffer, {}, true))
    )
  })
