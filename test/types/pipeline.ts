/**
 * The types of pipelines and transactions. This file is compiled, not run.
 */
import type * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import { expectTypeOf } from "vitest"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type * as Command from "../../src/commands/Command.ts"
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
expectTypeOf(redis.pipelineStream(stream)).toEqualTypeOf<
  Stream.Stream<Outcome<number>, "failed" | RedisClusterException, "needed">
>()
expectTypeOf(redis.pipelineStream(list, { batch: 10 })).toEqualTypeOf<
  Stream.Stream<Outcome<number>, RedisClusterException>
>()
expectTypeOf(redis.transaction([Strings.get("a"), Strings.incr("b")])).toEqualTypeOf<
  Failing<[string | null, number]>
>()
expectTypeOf(redis.transactionResults({ a: Strings.incr("a") })).toEqualTypeOf<Failing<{ a: Outcome<number> }>>()

// @ts-expect-error -- an effect is not a command
redis.pipeline([redis.get("a")])
// @ts-expect-error -- nor is a name
redis.transaction(["GET", "a"])
// @ts-expect-error -- a misspelt option
redis.pipelineStream(list, { batches: 10 })
