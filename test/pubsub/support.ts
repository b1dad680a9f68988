/**
 * The common part of the tests of subscriptions.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type { Gap, Message, SubscriptionEvent } from "../../src/pubsub/SubscriptionEvent.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import type { RedisClusterShape, RedisNode } from "../harness/RedisCluster.ts"

/** The events of a stream so far, and its end. */
export interface Collected<A> {
  readonly values: Array<A>
  /** The sizes of the chunks. */
  readonly chunks: Array<number>
  readonly fiber: Fiber.Fiber<void, RedisClusterException>
  error: RedisClusterException | undefined
}

/** Runs a stream or empties a queue in the background, and collects what it gives. */
export const collect = <A>(
  source: Stream.Stream<A, RedisClusterException> | Queue.Dequeue<A, RedisClusterException>
): Effect.Effect<Collected<A>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const values: Array<A> = []
    const chunks: Array<number> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEachArray(Stream.isStream(source) ? source : Stream.fromQueue(source), (chunk) =>
        Effect.sync(() => {
          chunks.push(chunk.length)
          for (const value of chunk) values.push(value)
        })).pipe(Effect.tapError((error) =>
          Effect.sync(() => {
            collected.error = error
          })
        ))
    )
    const collected: Collected<A> = { values, chunks, fiber, error: undefined }
    return collected
  })

export const messages = <P>(events: ReadonlyArray<SubscriptionEvent<P>>): ReadonlyArray<Message<P>> =>
  events.filter((event) => event._tag === "Message")

export const gaps = (events: ReadonlyArray<SubscriptionEvent>): ReadonlyArray<Gap> =>
  events.filter((event) => event._tag === "Gap")

export const count = (events: ReadonlyArray<{ readonly _tag: string }>, tag: SubscriptionEvent["_tag"]): number =>
  events.filter((event) => event._tag === tag).length

/** How many subscriptions a client has on its nodes. */
export const heldBy = (redis: ClusterClientShape): Effect.Effect<number> =>
  Effect.map(redis.heldSubscriptions, (held) => [...held.values()].reduce((sum, size) => sum + size, 0))

/** The lines of CLIENT LIST of connections that have subscriptions, of all nodes that run. */
export const subscriberLines = (cluster: RedisClusterShape) =>
  Effect.map(
    Effect.forEach(cluster.nodes.filter((node) => node.pid > 0), (node) => cluster.command(node, "CLIENT", "LIST")),
    (lists) => lists.flatMap((list) => String(list).split("\n")).filter((line) => / (sub|psub|ssub)=[1-9]/.test(line))
  )

/** The nodes with subscriptions to a channel. */
export const holders = (cluster: RedisClusterShape, channel: string, sharded = false) =>
  Effect.map(
    Effect.forEach(cluster.nodes.filter((node) => node.pid > 0), (node) =>
      Effect.map(
        cluster.command(node, "PUBSUB", sharded ? "SHARDNUMSUB" : "NUMSUB", channel),
        (reply): readonly [RedisNode, number] => [node, Number((reply as ReadonlyArray<unknown>)[1])]
      )),
    (counts) => counts.filter(([, subscribers]) => subscribers > 0).map(([node]) => node)
  )
