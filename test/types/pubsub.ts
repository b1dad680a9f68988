/**
 * The payloads of subscriptions follow their options. This file is compiled, not run.
 */
import type * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { expectTypeOf } from "vitest"
import type {
  ChannelNames,
  ClusterClientShape,
  KeyspaceEvent,
  Message,
  RedisClusterException,
  Subscription,
  SubscriptionEvent
} from "../../src/index.ts"

declare const redis: ClusterClientShape

type Messages<P> = Stream.Stream<Message<P>, RedisClusterException>

const User = Schema.fromJsonString(Schema.Struct({ name: Schema.String }))

expectTypeOf(redis.subscribe("a")).toEqualTypeOf<Messages<string>>()
expectTypeOf(redis.subscribe({ patterns: ["a*", "b*"] })).toEqualTypeOf<Messages<string>>()
expectTypeOf(redis.subscribe({ shardChannels: "a" }, { payload: "bytes" })).toEqualTypeOf<Messages<Uint8Array>>()
expectTypeOf(redis.subscribe("users", { schema: User, strategy: "sliding" })).toEqualTypeOf<
  Messages<{ readonly name: string }>
>()
expectTypeOf(redis.subscribeEvents("users", { schema: User })).toEqualTypeOf<
  Stream.Stream<SubscriptionEvent<{ readonly name: string }>, RedisClusterException>
>()
expectTypeOf(redis.subscribeScoped({ shardChannels: "a" }, { payload: "bytes" })).toEqualTypeOf<
  Effect.Effect<Subscription<Message<Uint8Array>>, RedisClusterException, Scope.Scope>
>()
expectTypeOf(redis.subscribeEventsScoped("users", { schema: User })).toEqualTypeOf<
  Effect.Effect<
    Subscription<SubscriptionEvent<{ readonly name: string }>>,
    RedisClusterException,
    Scope.Scope
  >
>()
declare const names: ChannelNames
expectTypeOf(redis.subscribe(names)).toEqualTypeOf<Messages<string>>()
declare const subscription: Subscription
expectTypeOf(Queue.take(subscription)).toEqualTypeOf<Effect.Effect<Message, RedisClusterException>>()
expectTypeOf(Stream.fromQueue(subscription)).toEqualTypeOf<Messages<string>>()
expectTypeOf(subscription.channels).toEqualTypeOf<
  Effect.Effect<
    {
      readonly channels: ReadonlyArray<string>
      readonly patterns: ReadonlyArray<string>
      readonly shardChannels: ReadonlyArray<string>
    }
  >
>()
expectTypeOf(redis.subscribe({ channels: ["a"], patterns: "a*", shardChannels: "b" })).toEqualTypeOf<Messages<string>>()
expectTypeOf(redis.keyspaceNotifications({ prefix: "a" })).toEqualTypeOf<
  Stream.Stream<KeyspaceEvent, RedisClusterException>
>()

// @ts-expect-error: no channel
redis.subscribe()
// @ts-expect-error: a list of channels is one argument
redis.subscribe("a", "b")
// @ts-expect-error: no such strategy
redis.subscribe("a", { strategy: "drop" })
// @ts-expect-error: no such kind
redis.subscribe({ channel: "a" })
// @ts-expect-error: no such option
redis.subscribe("a", { buffer: 1 })
