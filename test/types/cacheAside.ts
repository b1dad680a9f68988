/**
 * Types of cache-aside and of invalidations. This file is compiled, not run.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { expectTypeOf } from "vitest"
import {
  CacheAside,
  type ClusterClient,
  type ClusterClientShape,
  type InvalidationEvent,
  type RedisClusterException,
  Value
} from "../../src/index.ts"

class User extends Schema.Class<User>("User")({ id: Schema.Number }) {}
class Database extends Context.Service<Database, {
  readonly user: (id: number) => Effect.Effect<User | null, "no database">
}>()("Database") {}

const Users = CacheAside.make({
  value: Value.make({ key: (id: number) => `user:${id}`, schema: User, timeToLive: "1 minute" }),
  load: (id) => Effect.flatMap(Database, ({ user }) => user(id))
})

// The errors and the requirements of the load are those of the calls that may load.
expectTypeOf(Users.get(1)).toEqualTypeOf<
  Effect.Effect<User | null, "no database" | RedisClusterException, Database | ClusterClient>
>()
expectTypeOf(Users.getMany([1])).toEqualTypeOf<
  Effect.Effect<ReadonlyArray<User | null>, "no database" | RedisClusterException, Database | ClusterClient>
>()
expectTypeOf(Users.refresh(1)).toEqualTypeOf<
  Effect.Effect<User | null, "no database" | RedisClusterException, Database | ClusterClient>
>()
expectTypeOf(Users.invalidate(1)).toEqualTypeOf<Effect.Effect<void, RedisClusterException, ClusterClient>>()
// @ts-expect-error: the input is a number
Users.get("1")
CacheAside.make({
  value: Value.make({ key: (id: number) => `user:${id}`, schema: User }),
  // @ts-expect-error: the origin has another type
  load: () => Effect.succeed("ada")
})

declare const redis: ClusterClientShape
expectTypeOf(redis.invalidations()).toEqualTypeOf<Stream.Stream<InvalidationEvent, RedisClusterException>>()
expectTypeOf(redis.invalidations({ keys: "bytes" })).toEqualTypeOf<
  Stream.Stream<InvalidationEvent<Uint8Array>, RedisClusterException>
>()
// @ts-expect-error: a report must not wait at the server
redis.invalidations({ strategy: "suspend" })
