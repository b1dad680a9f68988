/**
 * Types of transformed commands, wherever they run. This file is compiled, not run.
 */
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { expectTypeOf } from "vitest"
import {
  type ClusterClientShape,
  type ClusterNode,
  Command,
  Hashes,
  type RedisClusterException,
  type Reply,
  Streams,
  Strings
} from "../../src/index.ts"

declare const redis: ClusterClientShape

const User = Schema.Struct({ name: Schema.String, age: Schema.Number })
const json = Schema.NullOr(Schema.fromJsonString(User))

// map
expectTypeOf(Command.map(Strings.strlen("k"), (n) => `${n}`)).toEqualTypeOf<Command.Command<string>>()
expectTypeOf(Strings.get("k").pipe(Command.map((text) => text?.length))).toEqualTypeOf<
  Command.Command<number | undefined>
>()

// schema
const user = Command.schema(json)(Strings.get("k"))
expectTypeOf(user).toEqualTypeOf<Command.Command<typeof User.Type | null>>()
// @ts-expect-error -- the schema decodes text that is there, GET may answer null
Command.schema(Schema.fromJsonString(User))(Strings.get("k"))
// @ts-expect-error -- the schema decodes text, STRLEN answers a number
Command.schema(json)(Strings.strlen("k"))

// schema first, and of fields
expectTypeOf(Command.schema(Strings.get("k"), json)).toEqualTypeOf<Command.Command<typeof User.Type | null>>()
const Order = Schema.Struct({
  id: Schema.String,
  total: Schema.FiniteFromString,
  state: Schema.Literals(["open", "paid"]),
  note: Schema.optionalKey(Schema.String)
})
expectTypeOf(redis.hgetall("k").pipe(Command.schema(Order))).toEqualTypeOf<
  Command.Command<typeof Order.Type, unknown, never>
>()
expectTypeOf(Command.schema(redis.hgetall("k"), Order)).toEqualTypeOf<
  Command.Command<typeof Order.Type, unknown, never>
>()

// hash
expectTypeOf(redis.hgetall("k").pipe(Command.hash(Order))).toEqualTypeOf<
  Command.Command<typeof Order.Type | null, unknown, never>
>()
expectTypeOf(Command.hash(Hashes.hgetall("k"), Order)).toEqualTypeOf<Command.Command<typeof Order.Type | null>>()
class OrderClass extends Schema.Class<OrderClass>("OrderClass")({ id: Schema.String }) {}
expectTypeOf(redis.hgetall("k").pipe(Command.hash(OrderClass))).toEqualTypeOf<
  Command.Command<OrderClass | null, unknown, never>
>()
// @ts-expect-error -- a hash holds text, and no numbers
redis.hgetall("k").pipe(Command.hash(User))
// @ts-expect-error -- the fields of a hash are text
redis.hgetall("k").pipe(Command.schema(User))
// @ts-expect-error -- GET answers no fields
Command.hash(Strings.get("k"), Order)

// @ts-expect-error -- an effect that was made of a command is no command
Effect.map(redis.get("k"), String).pipe(Command.schema(Schema.String))
// @ts-expect-error -- nor does it get a deadline of commands
Effect.map(redis.get("k"), String).pipe(Command.timeout("1 second"))

// entries
interface OrderEntry {
  readonly id: string
  readonly fields: typeof Order.Type
}
expectTypeOf(redis.xrange("k", "-", "+").pipe(Command.entries(Order))).toEqualTypeOf<
  Command.Command<ReadonlyArray<OrderEntry>, unknown, never>
>()
expectTypeOf(Command.entries(Streams.xread({ k: "0" }), Order)).toEqualTypeOf<
  Command.Command<ReadonlyArray<{ readonly key: string; readonly entries: ReadonlyArray<OrderEntry> }>>
>()
expectTypeOf(
  redis.xreadgroup("g", "c", { k: "0" }).pipe(Command.entries(Order), Command.map(([one]) => one.entries[0].fields))
)
  .toEqualTypeOf<Command.Command<typeof Order.Type | null, unknown, never>>()
expectTypeOf(
  redis.xautoclaim("k", "g", "c", "1 minute", "0-0").pipe(Command.entries(Order), Command.map(({ entries }) => entries))
).toEqualTypeOf<Command.Command<ReadonlyArray<OrderEntry>, unknown, never>>()
// @ts-expect-error -- ids are no entries
redis.xautoclaim("k", "g", "c", "1 minute", "0-0", { justId: true }).pipe(Command.entries(Order))
// @ts-expect-error -- the fields of an entry are text
redis.xrange("k", "-", "+").pipe(Command.entries(User))

// encode and fields
expectTypeOf(Command.encode(Schema.fromJsonString(User))).toEqualTypeOf<(value: typeof User.Type) => Command.Value>()
expectTypeOf(Command.fields(Order)).toEqualTypeOf<
  (value: typeof Order.Type) => Readonly<Record<string, Command.Value>>
>()
redis.hset("k", Command.fields(Order)({ id: "1", total: 1, state: "open" }))
redis.set("k", Command.encode(Schema.fromJsonString(User))({ name: "ada", age: 36 }))
// @ts-expect-error -- an object is no value: JSON, or fields
Command.encode(Order)
// @ts-expect-error -- text has no fields
Command.fields(Schema.fromJsonString(User))

// bytes
expectTypeOf(Command.bytes(Strings.mget(["a"]))).toEqualTypeOf<Command.Command<ReadonlyArray<Uint8Array | null>>>()
expectTypeOf(Command.bytes(Strings.strlen("a"))).toEqualTypeOf<Command.Command<number>>()

// bigint
expectTypeOf(Command.bigint(Strings.incr("k"))).toEqualTypeOf<Command.Command<bigint>>()
// @ts-expect-error -- no integer
Command.bigint(Strings.get("k"))

// settings change no type
expectTypeOf(Strings.get("k").pipe(Command.idempotent, Command.timeout("1 second"))).toEqualTypeOf<
  Command.Command<string | null>
>()

// alone, on nodes, in a pipeline, in a transaction
type User = typeof User.Type | null
expectTypeOf(redis.execute(user)).toEqualTypeOf<Effect.Effect<User, RedisClusterException>>()
expectTypeOf(redis.on("all").execute(user)).toEqualTypeOf<
  Effect.Effect<ReadonlyMap<ClusterNode, User>, RedisClusterException>
>()
expectTypeOf(redis.on("all").results(user)).toEqualTypeOf<
  Effect.Effect<ReadonlyMap<ClusterNode, Result.Result<User, RedisClusterException>>, RedisClusterException>
>()
expectTypeOf(redis.pipeline([user, Command.bytes(Strings.get("k"))])).toEqualTypeOf<
  Effect.Effect<[User, Uint8Array | null], RedisClusterException>
>()
expectTypeOf(redis.transaction({ user, count: Command.bigint(Hashes.hincrby("h", "f", 1)) })).toEqualTypeOf<
  Effect.Effect<{ user: User; count: bigint }, RedisClusterException>
>()

// by name
expectTypeOf(redis.send("GET", "k")).toEqualTypeOf<Command.Call<Reply>>()
expectTypeOf(Command.named("JSON.GET", "k", "$")).toEqualTypeOf<Command.Command<Reply>>()
expectTypeOf(redis.send("JSON.GET", "k").pipe(Command.schema(json))).toEqualTypeOf<
  Command.Command<typeof User.Type | null, unknown, never>
>()
expectTypeOf(Command.schema(Command.named("STRLEN", "k"), Schema.Int)).toEqualTypeOf<Command.Command<number>>()
expectTypeOf(Command.named("GET", "k").pipe(Command.timeout("1 second"), Command.idempotent, Command.bytes))
  .toExtend<Command.Command<unknown>>()
expectTypeOf(redis.pipeline([redis.send("INCR", "n").pipe(Command.schema(Schema.Int)), Strings.get("k")]))
  .toEqualTypeOf<Effect.Effect<[number, string | null], RedisClusterException>>()
declare const answer: <A, E, R>(_: Effect.Effect<A, E, R>) => { readonly value: A }
expectTypeOf(answer(redis.send("JSON.GET", "k", "$"))).toEqualTypeOf<{ readonly value: Reply }>()
expectTypeOf(answer(redis.send("info"))).toEqualTypeOf<{ readonly value: ReadonlyMap<ClusterNode, Reply> }>()
expectTypeOf(answer(redis.send("LATENCY LATEST"))).toEqualTypeOf<{ readonly value: ReadonlyMap<ClusterNode, Reply> }>()
// The second word decides, or nothing is known.
expectTypeOf(answer(redis.send("LATENCY", "LATEST"))).toEqualTypeOf<
  { readonly value: Reply | ReadonlyMap<ClusterNode, Reply> }
>()
expectTypeOf(answer(redis.send("x" as string))).toEqualTypeOf<
  { readonly value: Reply | ReadonlyMap<ClusterNode, Reply> }
>()

// scans
expectTypeOf(redis.scanStream()).toEqualTypeOf<Stream.Stream<string, RedisClusterException>>()
expectTypeOf(redis.scanStream({ match: "a*", type: "hash", count: 10 })).toEqualTypeOf<
  Stream.Stream<string, RedisClusterException>
>()
expectTypeOf(redis.scanStream({ bytes: true })).toEqualTypeOf<Stream.Stream<Uint8Array, RedisClusterException>>()
expectTypeOf(redis.hscanStream("h")).toEqualTypeOf<
  Stream.Stream<readonly [field: string, value: string], RedisClusterException>
>()
expectTypeOf(redis.zscanStream("z")).toEqualTypeOf<
  Stream.Stream<readonly [member: string, score: number], RedisClusterException>
>()
// @ts-expect-error -- a misspelt option
redis.scanStream({ matches: "a*" })

// The elements of a scan are bytes with the option `bytes`.
declare const asBytes: boolean
expectTypeOf(redis.scanStream()).toEqualTypeOf<Stream.Stream<string, RedisClusterException>>()
expectTypeOf(redis.scanStream({ bytes: true })).toEqualTypeOf<Stream.Stream<Uint8Array, RedisClusterException>>()
expectTypeOf(redis.scanStream({ bytes: asBytes })).toEqualTypeOf<
  Stream.Stream<string | Uint8Array, RedisClusterException>
>()
expectTypeOf(redis.on("replicas").scanStream({ bytes: false })).toEqualTypeOf<
  Stream.Stream<string, RedisClusterException>
>()
expectTypeOf(redis.hscanStream("k", { bytes: true })).toEqualTypeOf<
  Stream.Stream<readonly [Uint8Array, Uint8Array], RedisClusterException>
>()
expectTypeOf(redis.mgetNonatomic(["a"], { bytes: true })).toEqualTypeOf<
  Effect.Effect<Array<Uint8Array | null>, RedisClusterException>
>()
// @ts-expect-error -- a misspelt option
redis.scanStream({ bytes: true, matching: "*" })
// @ts-expect-error -- options of a scan of the cluster that a scan of a node does not have
redis.on("replicas").scanStream({ bytes: true, patience: "1 second" })
