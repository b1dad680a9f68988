import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type {
  ClusterClientShape,
  KeyspaceEvent,
  Message,
  RedisClusterException,
  Subscription,
  SubscriptionEvent
} from "../../src/index.ts"

declare const redis: ClusterClientShape

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
const same = <A, B>(_: Equal<A, B>) => {}
type Messages<P> = Stream.Stream<Message<P>, RedisClusterException>

const User = Schema.fromJsonString(Schema.Struct({ name: Schema.String }))

const text = redis.subscribe("a", "b")
same<typeof text, Messages<string>>(true)
const list = redis.psubscribe(["a*", "b*"])
same<typeof list, Messages<string>>(true)
const bytes = redis.ssubscribe(["a"], { payload: "bytes" })
same<typeof bytes, Messages<Uint8Array>>(true)
const users = redis.subscribe("users", { schema: User, strategy: "dropOldest" })
same<typeof users, Messages<{ readonly name: string }>>(true)
const events = redis.subscribeEvents("users", { schema: User })
same<typeof events, Stream.Stream<SubscriptionEvent<{ readonly name: string }>, RedisClusterException>>(true)
const scoped = redis.ssubscribeScoped(["a"], { payload: "bytes" })
same<typeof scoped, Effect.Effect<Subscription<Uint8Array>, RedisClusterException, Scope.Scope>>(true)
const notifications = redis.keyspaceNotifications({ prefix: "a" })
same<typeof notifications, Stream.Stream<KeyspaceEvent, RedisClusterException>>(true)

// @ts-expect-error: at least one channel
redis.subscribe()
// @ts-expect-error: no such strategy
redis.subscribe("a", { strategy: "drop" })
// @ts-expect-error: no such option
redis.subscribe("a", { buffer: 1 })
