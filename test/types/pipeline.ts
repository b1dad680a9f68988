/**
 * The types of pipelines and transactions. This file is compiled, not run.
 */
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { expectTypeOf } from "vitest"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"

declare const redis: ClusterClientShape
declare const list: ReadonlyArray<Command.Command<number>>
declare const stream: Stream.Stream<Command.Command<number>, "failed", "needed">
type Failing<A> = Effect.Effect<A, RedisClusterException>
type Outcome<A> = Result.Result<A, RedisClusterException>

expectTypeOf(redis.pipeline([Strings.get("a"), Strings.incr("b"), Strings.set("c", "d")])).toEqualTypeOf<
  Failing<[string | null, number, "OK"]>
>()
expectTypeOf(redis.pipeline(list)).toEqualTypeOf<Failing<Array<number>>>()
expectTypeOf(redis.pipeline([])).toEqualTypeOf<Failing<[]>>()
expectTypeOf(redis.pipeline({ a: Strings.get("a"), b: Strings.incr("b") })).toEqualTypeOf<
  Failing<{ a: string | null; b: number }>
>()
expectTypeOf(redis.pipelineResults([Strings.get("a"), Strings.incr("b")])).toEqualTypeOf<
  Effect.Effect<[Outcome<string | null>, Outcome<number>]>
>()
expectTypeOf(redis.pipelineStreamResults(stream)).toEqualTypeOf<
  Stream.Stream<Outcome<number>, "failed" | RedisClusterException, "needed">
>()
expectTypeOf(redis.pipelineStreamResults(list, { batch: 10 })).toEqualTypeOf<
  Stream.Stream<Outcome<number>, RedisClusterException>
>()
// The commands of a stream may be of several kinds.
declare const mixed: Stream.Stream<Command.Call<number> | Command.Call<string | null> | Command.Command<"OK">>
expectTypeOf(redis.pipelineStream(mixed)).toEqualTypeOf<
  Stream.Stream<number | string | null, RedisClusterException>
>()
expectTypeOf(redis.pipelineStreamResults(mixed)).toEqualTypeOf<
  Stream.Stream<Outcome<number | string | null>, RedisClusterException>
>()
// So may those of an iterable, and those that a function chooses.
expectTypeOf(redis.pipelineStream([Strings.get("a"), redis.incr("b"), redis.set("c", "d")])).toEqualTypeOf<
  Stream.Stream<number | string | null, RedisClusterException>
>()
expectTypeOf(
  redis.pipelineStream(Stream.range(1, 9).pipe(Stream.map((n) => n > 5 ? redis.get("a") : redis.incr("b"))))
).toEqualTypeOf<Stream.Stream<number | string | null, RedisClusterException>>()
// Results of several types are told apart by their tag.
declare const several: Outcome<number> | Outcome<string | null>
if (several._tag === "Success") expectTypeOf(several.success).toEqualTypeOf<number | string | null>()
else expectTypeOf(several.failure).toEqualTypeOf<RedisClusterException>()
declare const mixedList: ReadonlyArray<Command.Call<number> | Command.Command<string | null>>
expectTypeOf(redis.pipelineResults(mixedList)).toEqualTypeOf<Effect.Effect<Array<Outcome<number | string | null>>>>()
expectTypeOf(redis.transaction([Strings.get("a"), Strings.incr("b")])).toEqualTypeOf<
  Failing<[string | null, number]>
>()
expectTypeOf(redis.transactionResults({ a: Strings.incr("a") })).toEqualTypeOf<Failing<{ a: Outcome<number> }>>()

// A command is one thing, whoever made it.
expectTypeOf(redis.pipeline([redis.get("a"), redis.incr("n"), Strings.get("z")])).toEqualTypeOf<
  Failing<[string | null, number, string | null]>
>()
expectTypeOf(redis.get("a")).toEqualTypeOf<Command.Call<string | null>>()
expectTypeOf(redis.get("a")).toExtend<Failing<string | null>>()
expectTypeOf(Strings.get("a")).toExtend<Effect.Effect<string | null, RedisClusterException, ClusterClient>>()
expectTypeOf(redis.get("a").pipe(Command.map(String), Command.timeout("1 second"))).toEqualTypeOf<
  Command.Command<string, unknown, never>
>()
expectTypeOf(Effect.all([redis.get("a"), redis.incr("n")], { concurrency: "unbounded" })).toEqualTypeOf<
  Failing<[string | null, number]>
>()
expectTypeOf(Effect.provide(Strings.get("a"), ClusterClient.layer({ nodes: [] }))).toEqualTypeOf<
  Failing<string | null>
>()

// @ts-expect-error -- an effect is not a command
redis.pipeline([Effect.succeed(1)])
// @ts-expect-error -- nor is a name
redis.transaction(["GET", "a"])
// @ts-expect-error -- a misspelt option
redis.pipelineStream(list, { batches: 10 })
