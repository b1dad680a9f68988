/**
 * The payloads of subscriptions follow their options. This file is compiled, not run.
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { expectTypeOf } from "vitest"
import type {
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

expectTypeOf(redis.subscribe("a", "b")).toEqualTypeOf<Messages<string>>()
expectTypeOf(redis.psubscribe(["a*", "b*"])).toEqualTypeOf<Messages<string>>()
expectTypeOf(redis.ssubscribe(["a"], { payload: "bytes" })).toEqualTypeOf<Messages<Uint8Array>>()
expectTypeOf(redis.subscribe("users", { schema: User, strategy: "dropOldest" })).toEqualTypeOf<
  Messages<{ readonly name: string }>
>()
expectTypeOf(redis.subscribeEvents("users", { schema: User })).toEqualTypeOf<
  Stream.Stream<SubscriptionEvent<{ readonly name: string }>, RedisClusterException>
>()
expectTypeOf(redis.ssubscribeScoped(["a"], { payload: "bytes" })).toEqualTypeOf<
  Effect.Effect<Subscription<Uint8Array>, RedisClusterException, Scope.Scope>
>()
expectTypeOf(redis.keyspaceNotifications({ prefix: "a" })).toEqualTypeOf<
  Stream.Stream<KeyspaceEvent, RedisClusterException>
>()

// @ts-expect-error: at least one channel
redis.subscribe()
// @ts-expect-error: no such strategy
redis.subscribe("a", { strategy: "drop" })
// @ts-expect-error: no such option
redis.subscribe("a", { buffer: 1 })
