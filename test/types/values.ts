/**
 * Types of typed values. This file is compiled, not run.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { expectTypeOf } from "vitest"
import {
  type ClusterClient,
  type ClusterClientShape,
  Codec,
  type Command,
  type ConflictError,
  HashValue,
  type RedisClusterException,
  Value
} from "../../src/index.ts"

declare const redis: ClusterClientShape

class User extends Schema.Class<User>("User")({ id: Schema.Number, note: Schema.optionalKey(Schema.String) }) {}

const Users = Value.make({ key: (id: number) => `user:${id}`, schema: User })
expectTypeOf(Users.get(1)).toEqualTypeOf<Command.Command<User | null>>()
expectTypeOf(Users.set(1, new User({ id: 1 }))).toEqualTypeOf<Command.Command<"OK">>()
expectTypeOf(Users.set(1, new User({ id: 1 }), { condition: "NX" })).toEqualTypeOf<Command.Command<"OK" | null>>()
expectTypeOf(Users.set(1, new User({ id: 1 }), { get: true, expire: "1 hour" })).toEqualTypeOf<
  Command.Command<User | null>
>()
expectTypeOf(Users.getMany([1, 2])).toEqualTypeOf<
  Effect.Effect<ReadonlyArray<User | null>, RedisClusterException, ClusterClient>
>()
expectTypeOf(Users.update(1, (user) => new User({ id: user?.id ?? 1 }))).toEqualTypeOf<
  Effect.Effect<User, ConflictError | RedisClusterException, ClusterClient>
>()
expectTypeOf(Users.updateEffect(1, () => Effect.fail("no" as const))).toEqualTypeOf<
  Effect.Effect<User, "no" | ConflictError | RedisClusterException, ClusterClient>
>()
expectTypeOf(Users.modify(1, (user) => [user === null, new User({ id: 1 })])).toEqualTypeOf<
  Effect.Effect<boolean, ConflictError | RedisClusterException, ClusterClient>
>()
expectTypeOf(redis.pipeline([Users.get(1), Users.delete(1)])).toEqualTypeOf<
  Effect.Effect<[User | null, boolean], RedisClusterException>
>()
// @ts-expect-error -- the input is a number
Users.get("1")
// @ts-expect-error -- the value is a User
Users.set(1, "ada")
// @ts-expect-error -- no such option
Users.set(1, new User({ id: 1 }), { ttl: 1 })
// @ts-expect-error -- a bare number is no lifetime
Value.make({ key: () => "k", schema: Schema.String, timeToLive: 10 })

// A key without an input.
expectTypeOf(Value.make({ key: () => "k", schema: Schema.String }).get()).toEqualTypeOf<
  Command.Command<string | null>
>()

// Codecs that do not fit.
Value.make({ key: () => "k", schema: Schema.FiniteFromString, codec: Codec.text })
// @ts-expect-error -- the schema encodes to a number
Value.make({ key: () => "k", schema: Schema.Number, codec: Codec.text })
// @ts-expect-error -- the schema encodes to text
Value.make({ key: () => "k", schema: Schema.String, codec: Codec.bytes })

// Schemas with requirements.
declare const needy: Schema.Codec<string, string, { readonly service: true }, never>
// @ts-expect-error -- decoding needs a service
Value.make({ key: () => "k", schema: needy })

// Hashes.
const Orders = HashValue.make({ key: (id: number) => `order:${id}`, schema: User })
expectTypeOf(Orders.get(1)).toEqualTypeOf<Command.Command<User | null>>()
expectTypeOf(Orders.pick(1, ["note"])).toEqualTypeOf<Command.Command<Pick<User, "note"> | null>>()
expectTypeOf(Orders.patch(1, { id: 3 })).toEqualTypeOf<Command.Command<void>>()
expectTypeOf(Orders.unset(1, ["note"])).toEqualTypeOf<Command.Command<number>>()
// @ts-expect-error -- no such property
Orders.pick(1, ["total"])
// @ts-expect-error -- it is a number
Orders.patch(1, { id: "3" })
// @ts-expect-error -- every object has it
Orders.unset(1, ["id"])
// @ts-expect-error -- no object
HashValue.make({ key: () => "k", schema: Schema.String })
