/**
 * The types of dedicated connections, optimistic transactions and consumers. This file is compiled, not run.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { expectTypeOf } from "vitest"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import { Strings } from "../../src/commands/Strings.ts"
import {
  type ConflictError,
  type ConsumedEntry,
  type DedicatedClient,
  type HealthReport,
  onConflict,
  type UnhealthyError
} from "../../src/index.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"

declare const redis: ClusterClientShape
declare const needy: Effect.Effect<number, "failed", "needed">
type Failing<A> = Effect.Effect<A, RedisClusterException>
type Contended<A> = Effect.Effect<A, ConflictError | RedisClusterException>

expectTypeOf(redis.dedicated("key")).toEqualTypeOf<
  Effect.Effect<DedicatedClient, RedisClusterException, Scope.Scope>
>()
expectTypeOf(redis.dedicated({ host: "h", port: 1 })).toEqualTypeOf<
  Effect.Effect<DedicatedClient, RedisClusterException, Scope.Scope>
>()
expectTypeOf(redis.watch("key", () => needy)).toEqualTypeOf<
  Effect.Effect<number, "failed" | ConflictError | RedisClusterException, "needed">
>()
expectTypeOf(redis.watch(["a"], (tx) => tx.transaction([Strings.get("a"), Strings.incr("b")]))).toEqualTypeOf<
  Contended<[string | null, number]>
>()
expectTypeOf(redis.watch("key", (tx) => tx.get("key")).pipe(Effect.retry(onConflict))).toEqualTypeOf<
  Contended<string | null>
>()

// A conflict is handled away: what is left is what any command can fail with.
expectTypeOf(
  redis.watch("key", (tx) => tx.transaction([Strings.incr("key")])).pipe(
    Effect.catchTag("ConflictError", () => Effect.succeed(undefined))
  )
).toEqualTypeOf<Failing<[number] | undefined>>()
expectTypeOf(
  redis.watch(
    "key",
    (tx) =>
      tx.pipeline([Strings.get("key")]).pipe(
        Effect.catchTag("RedisClusterException", () => Effect.succeed([null] as const))
      )
  ).pipe(
    Effect.catchTag("RedisClusterException", () => Effect.succeed(undefined))
  )
).toEqualTypeOf<Effect.Effect<[string | null] | readonly [null] | undefined, ConflictError>>()
expectTypeOf(Effect.scoped(Effect.flatMap(redis.dedicated("key"), (own) => own.get("key")))).toEqualTypeOf<
  Failing<string | null>
>()
expectTypeOf(
  Effect.scoped(Effect.flatMap(redis.dedicated("key"), (own) => own.transaction([Strings.incr("key")])))
).toEqualTypeOf<Contended<[number]>>()
// Transactions on shared connections have no rivals.
expectTypeOf(redis.transaction([Strings.incr("key")])).toEqualTypeOf<Failing<[number]>>()

// Without options there is nothing to refuse.
expectTypeOf(redis.health()).toEqualTypeOf<Effect.Effect<HealthReport>>()
expectTypeOf(redis.health({ timeout: "1 second" })).toEqualTypeOf<Failing<HealthReport>>()
expectTypeOf(redis.requireHealthy()).toEqualTypeOf<Effect.Effect<HealthReport, UnhealthyError>>()
expectTypeOf(redis.requireHealthy().pipe(Effect.catchTag("UnhealthyError", () => Effect.succeed(undefined))))
  .toEqualTypeOf<Effect.Effect<HealthReport | undefined>>()
expectTypeOf(
  redis.requireHealthy({ replicas: false }).pipe(Effect.catchTag("UnhealthyError", () => Effect.succeed(undefined)))
).toEqualTypeOf<Failing<HealthReport | undefined>>()
expectTypeOf(redis.consume({ streams: "s", group: "g", consumer: "c", values: "bytes" })).toEqualTypeOf<
  Stream.Stream<ConsumedEntry<Readonly<Record<string, Uint8Array>>>, RedisClusterException>
>()

expectTypeOf(redis.consume({ streams: "s", group: "g", consumer: "c" })).toEqualTypeOf<
  Stream.Stream<ConsumedEntry, RedisClusterException>
>()

const Order = Schema.Struct({ id: Schema.String, total: Schema.FiniteFromString })
expectTypeOf(redis.consume({ streams: "s", group: "g", consumer: "c", schema: Order })).toEqualTypeOf<
  Stream.Stream<ConsumedEntry<typeof Order.Type>, RedisClusterException>
>()

// @ts-expect-error -- a stream of commands needs more than one connection can promise
redis.watch("key", (tx) => tx.pipelineStream([]))
// @ts-expect-error -- a group has a name
redis.consume({ streams: "s", consumer: "c" })
// @ts-expect-error -- a misspelt option
redis.consume({ streams: "s", group: "g", consumer: "c", blocks: 1 })
