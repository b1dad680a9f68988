/**
 * The types of scripts, functions and locks. This file is compiled, not run.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { expectTypeOf } from "vitest"
import type { ClusterClient } from "../../src/ClusterClient.ts"
import type { Command } from "../../src/commands/Command.ts"
import * as Lock from "../../src/Lock.ts"
import type { Reply } from "../../src/protocol/Reply.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import * as FunctionLibrary from "../../src/scripting/FunctionLibrary.ts"
import * as Script from "../../src/scripting/Script.ts"

const lua = "return 1"

const named = Script.make({
  lua,
  keys: ["from", "to"],
  args: { amount: Schema.Int, at: Schema.DateFromString },
  result: Schema.NullOr(Schema.Int)
})
const call = named({ keys: { from: "{a}1", to: "{a}2" }, args: { amount: 1, at: new Date(0) } })
expectTypeOf(call).toEqualTypeOf<Command<number | null>>()
expectTypeOf(named.load).toEqualTypeOf<Command<string>>()
// @ts-expect-error -- a key is missing
named({ keys: { from: "a" }, args: { amount: 1, at: new Date(0) } })
// @ts-expect-error -- an argument is missing
named({ keys: { from: "a", to: "b" }, args: { amount: 1 } })
// @ts-expect-error -- an argument of another type
named({ keys: { from: "a", to: "b" }, args: { amount: "1", at: new Date(0) } })
// @ts-expect-error -- a misspelt key
named({ keys: { from: "a", too: "b" }, args: { amount: 1, at: new Date(0) } })
// @ts-expect-error -- the keys decide where it runs
named({ keys: { from: "a", to: "b" }, args: { amount: 1, at: new Date(0) }, routing: "c" })
// @ts-expect-error -- no input at all
named()

const two = Script.make({ lua, keys: 2 })
expectTypeOf(two({ keys: ["a", new Uint8Array()] })).toEqualTypeOf<Command<Reply>>()
// @ts-expect-error -- one key is missing
two({ keys: ["a"] })
// @ts-expect-error -- it takes no arguments
two({ keys: ["a", "b"], args: {} })

const many = Script.make({ lua, keys: "many", args: Schema.Array(Schema.String) })
many({ keys: ["a"] satisfies ReadonlyArray<string>, args: ["b", "c"] })
// @ts-expect-error -- the list holds text
many({ keys: ["a"], args: [1] })

const none = Script.make({ lua, result: Schema.Int })
expectTypeOf(none()).toEqualTypeOf<Command<number>>()
expectTypeOf(none({ routing: "a" })).toEqualTypeOf<Command<number>>()
// @ts-expect-error -- it has no keys
none({ keys: ["a"] })

// @ts-expect-error -- not a form that can be sent
Script.make({ lua, args: { user: Schema.Struct({ name: Schema.String }) } })
// @ts-expect-error -- neither is a truth value
Script.make({ lua, args: { flag: Schema.Boolean } })
// @ts-expect-error -- a misspelt option
Script.make({ lua, readOnly: true })

FunctionLibrary.make({
  name: "library",
  code: "",
  // @ts-expect-error -- a misspelt option
  functions: { add: { keys: ["counter"], readOnly: true } }
})

const library = FunctionLibrary.make({
  name: "library",
  code: "",
  functions: {
    add: { keys: ["counter"], args: { by: Schema.Int }, result: Schema.Int },
    version: { result: Schema.String, readonly: true }
  }
})
expectTypeOf(library.functions.add({ keys: { counter: "a" }, args: { by: 1 } })).toEqualTypeOf<Command<number>>()
expectTypeOf(library.functions.version()).toEqualTypeOf<Command<string>>()
// @ts-expect-error -- no such function
library.functions.sub({ keys: { counter: "a" }, args: { by: 1 } })
expectTypeOf(FunctionLibrary.preload(library)).toEqualTypeOf<
  Effect.Effect<void, RedisClusterException, ClusterClient | Scope.Scope>
>()
expectTypeOf(Script.preload(named, two, none)).toEqualTypeOf<
  Effect.Effect<void, RedisClusterException, ClusterClient | Scope.Scope>
>()

declare const work: Effect.Effect<"done", "failed", "needed">
declare const scoped: Effect.Effect<void, never, Scope.Scope>
expectTypeOf(Lock.make("key", { ttl: "10 seconds" })).toEqualTypeOf<
  Effect.Effect<Lock.Lock, Lock.LockNotAcquiredError | RedisClusterException, ClusterClient | Scope.Scope>
>()
expectTypeOf(Lock.withLock(work, "key", { ttl: "10 seconds" })).toEqualTypeOf(
  work.pipe(Lock.withLock("key", { ttl: "10 seconds" }))
)
expectTypeOf(Lock.tryWithLock(work, "key", { ttl: "10 seconds" })).toEqualTypeOf(
  work.pipe(Lock.tryWithLock("key", { ttl: "10 seconds" }))
)
expectTypeOf(Lock.withLock("key", { ttl: "10 seconds", wait: "0 millis" })(work)).toEqualTypeOf<
  Effect.Effect<"done", "failed" | Lock.LockError | RedisClusterException, "needed" | ClusterClient>
>()
expectTypeOf(
  Lock.withLock("key", { ttl: { seconds: 10 }, fencing: true })((lock) => (lock.fence satisfies number, work))
)
  .toEqualTypeOf<Effect.Effect<"done", "failed" | Lock.LockError | RedisClusterException, "needed" | ClusterClient>>()
// An effect under the lock keeps its own scope.
expectTypeOf(Lock.withLock("key", { ttl: "10 seconds" })(scoped)).toEqualTypeOf<
  Effect.Effect<void, Lock.LockError | RedisClusterException, Scope.Scope | ClusterClient>
>()
// The errors of a lock are handled away: either of them, or both.
declare const lock: Lock.Lock
expectTypeOf(lock.lost).toEqualTypeOf<Effect.Effect<never, Lock.LockLostError>>()
expectTypeOf(lock.extend()).toEqualTypeOf<Effect.Effect<void, Lock.LockLostError | RedisClusterException>>()
expectTypeOf(lock.release).toEqualTypeOf<Effect.Effect<void>>()
expectTypeOf(Lock.release("key", "token")).toEqualTypeOf<
  Effect.Effect<boolean, RedisClusterException, ClusterClient>
>()
expectTypeOf(Lock.extend("key", "token", "1 second")).toEqualTypeOf<
  Effect.Effect<boolean, RedisClusterException, ClusterClient>
>()
expectTypeOf(
  Lock.withLock("key", { ttl: "10 seconds" })(work).pipe(
    Effect.catchTags({
      LockNotAcquiredError: () => Effect.succeed("left out"),
      LockLostError: () => Effect.succeed("lost")
    })
  )
).toEqualTypeOf<Effect.Effect<string, "failed" | RedisClusterException, "needed" | ClusterClient>>()
expectTypeOf(Lock.tryWithLock("key", { ttl: "10 seconds" })(work)).toEqualTypeOf<
  Effect.Effect<Option.Option<"done">, "failed" | Lock.LockLostError | RedisClusterException, "needed" | ClusterClient>
>()
expectTypeOf(
  Lock.tryWithLock("key", { ttl: "10 seconds" })(work).pipe(Effect.catchTag("LockLostError", Effect.die))
).toEqualTypeOf<Effect.Effect<Option.Option<"done">, "failed" | RedisClusterException, "needed" | ClusterClient>>()
// @ts-expect-error -- a bare number has no unit
Lock.make("key", { ttl: 10 })
// @ts-expect-error -- a lock needs a time to live
Lock.make("key", {})
