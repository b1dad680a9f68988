/**
 * The types of dedicated connections, optimistic transactions and consumers. This file is compiled, not run.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { expectTypeOf } from "vitest"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { type ConsumedEntry, type DedicatedClient, onConflict } from "../../src/index.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"

declare const redis: ClusterClientShape
declare const needy: Effect.Effect<number, "failed", "needed">
type Failing<A> = Effect.Effect<A, RedisClusterException>

expectTypeOf(redis.dedicated("key")).toEqualTypeOf<
  Effect.Effect<DedicatedClient, RedisClusterException, Scope.Scope>
>()
expectTypeOf(redis.dedicated({ host: "h", port: 1 })).toEqualTypeOf<
  Effect.Effect<DedicatedClient, RedisClusterException, Scope.Scope>
>()
expectTypeOf(redis.watch("key", () => needy)).toEqualTypeOf<
  Effect.Effect<number, "failed" | RedisClusterException, "needed">
>()
expectTypeOf(redis.watch(["a"], (tx) => tx.transaction([Strings.get("a"), Strings.incr("b")]))).toEqualTypeOf<
  Failing<[string | null, number]>
>()
expectTypeOf(redis.watch("key", (tx) => tx.get("key")).pipe(Effect.retry(onConflict))).toEqualTypeOf<
  Failing<string | null>
>()
expectTypeOf(redis.consume({ streams: "s", group: "g", consumer: "c", values: "bytes" })).toEqualTypeOf<
  Stream.Stream<ConsumedEntry<Readonly<Record<string, Uint8Array>>>, RedisClusterException>
>()

expectTypeOf(redis.consume({ streams: "s", group: "g", consumer: "c" })).toEqualTypeOf<
  Stream.Stream<ConsumedEntry, RedisClusterException>
>()

// @ts-expect-error -- a stream of commands needs more than one connection can promise
redis.watch("key", (tx) => tx.pipelineStream([]))
// @ts-expect-error -- a group has a name
redis.consume({ streams: "s", consumer: "c" })
// @ts-expect-error -- a misspelt option
redis.consume({ streams: "s", group: "g", consumer: "c", blocks: 1 })
