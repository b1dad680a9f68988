/**
 * The types of policies and of views that read by them. This file is compiled, not run.
 */
import type * as Effect from "effect/Effect"
import { expectTypeOf } from "vitest"
import type { ReadFromClient } from "../../src/client/ReadPreference.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"

declare const redis: ClusterClientShape
declare const program: Effect.Effect<number, "failed", "needed">
type Failing<A> = Effect.Effect<A, RedisClusterException>

const view = redis.readFrom(ReadFrom.replica)
expectTypeOf(view).toEqualTypeOf<ReadFromClient>()
expectTypeOf(view.get("a")).toExtend<Failing<string | null>>()
expectTypeOf(view.pipeline([Strings.get("a"), Strings.incr("b")])).toEqualTypeOf<Failing<[string | null, number]>>()
expectTypeOf(view.mgetNonatomic(["a"])).toEqualTypeOf<Failing<Array<string | null>>>()
expectTypeOf(view.execute(Strings.strlen("a"))).toEqualTypeOf<Failing<number>>()

expectTypeOf(program.pipe(ReadFrom.withPolicy(ReadFrom.replica))).toEqualTypeOf<typeof program>()
expectTypeOf(ReadFrom.withPolicy(program, ReadFrom.replica)).toEqualTypeOf<typeof program>()
expectTypeOf(ReadFrom.replica.pipe(ReadFrom.maxLag("1 second"), ReadFrom.hedge())).toEqualTypeOf<ReadFrom.Policy>()
expectTypeOf(ReadFrom.hedge(ReadFrom.replica, { after: 5 })).toEqualTypeOf<ReadFrom.Policy>()

// @ts-expect-error: a policy has no names but those of ReadFrom
redis.readFrom("replica")
// @ts-expect-error: an order gives candidates
ReadFrom.make("wrong", () => ["10.0.0.1:7000"])
