/**
 * Types that follow the options. This file is compiled, not run.
 */
import { expectTypeOf } from "vitest"
import * as Command from "../../src/commands/Command.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Hashes } from "../../src/commands/Hashes.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Sets } from "../../src/commands/Sets.ts"
import { type ScoredMember, SortedSets } from "../../src/commands/SortedSets.ts"
import { type SetOptions, Strings } from "../../src/commands/Strings.ts"

declare const flag: boolean
declare const condition: "NX" | undefined
declare const options: SetOptions
declare const count: number | undefined

expectTypeOf(Strings.get("k")).toEqualTypeOf<Command.Command<string | null>>()
expectTypeOf(Strings.set("k", "v")).toEqualTypeOf<Command.Command<"OK">>()
expectTypeOf(Strings.set("k", "v", { expire: "10 minutes" })).toEqualTypeOf<Command.Command<"OK">>()
expectTypeOf(Strings.set("k", 1, { condition: "NX" })).toEqualTypeOf<Command.Command<"OK" | null>>()
expectTypeOf(Strings.set("k", "v", { condition })).toEqualTypeOf<Command.Command<"OK" | null>>()
expectTypeOf(Strings.set("k", "v", { get: true })).toEqualTypeOf<Command.Command<string | null>>()
expectTypeOf(Strings.set("k", "v", { get: true, condition: "XX" })).toEqualTypeOf<Command.Command<string | null>>()
expectTypeOf(Strings.set("k", "v", { get: flag })).toEqualTypeOf<Command.Command<string | null>>()
expectTypeOf(Strings.set<SetOptions>("k", "v", options)).toEqualTypeOf<Command.Command<string | null>>()
expectTypeOf(Command.bytes(Strings.get("k"))).toEqualTypeOf<Command.Command<Uint8Array | null>>()
expectTypeOf(Command.bytes(Strings.set("k", "v"))).toEqualTypeOf<Command.Command<"OK">>()
expectTypeOf(Command.bigint(Strings.incr("k"))).toEqualTypeOf<Command.Command<bigint>>()
expectTypeOf(Strings.lcs("a", "b")).toEqualTypeOf<Command.Command<string>>()
expectTypeOf(Strings.lcs("a", "b", { len: true })).toEqualTypeOf<Command.Command<number>>()

// @ts-expect-error -- two kinds of expiry
Strings.set("k", "v", { expire: "1 minute", keepTtl: true })
// @ts-expect-error -- a misspelt option, alone
Strings.set("k", "v", { expires: "1 minute" })
// @ts-expect-error -- a misspelt option beside a right one
Strings.set("k", "v", { get: true, expires: "1 minute" })
// @ts-expect-error -- a number says nothing about its unit
Strings.set("k", "v", { expire: 60 })
// @ts-expect-error -- nor here
Generic.expire("k", 60)
// @ts-expect-error -- no value
Strings.set("k")
// @ts-expect-error -- an object is no value
Strings.set("k", {})
// @ts-expect-error -- nothing to turn into bigints
Command.bigint(Strings.get("k"))

expectTypeOf(Generic.sort("k")).toEqualTypeOf<Command.Command<ReadonlyArray<string | null>>>()
expectTypeOf(Generic.sort("k", { store: "d" })).toEqualTypeOf<Command.Command<number>>()

expectTypeOf(Hashes.hrandfield("k")).toEqualTypeOf<Command.Command<string | null>>()
expectTypeOf(Hashes.hrandfield("k", { count: 2 })).toEqualTypeOf<Command.Command<ReadonlyArray<string>>>()
expectTypeOf(Hashes.hrandfield("k", { count: 2, withValues: true }))
  .toEqualTypeOf<Command.Command<ReadonlyArray<readonly [field: string, value: string]>>>()
// @ts-expect-error -- values need a count
Hashes.hrandfield("k", { withValues: true })

expectTypeOf(Lists.lpop("k")).toEqualTypeOf<Command.Command<string | null>>()
expectTypeOf(Lists.lpop("k", 2)).toEqualTypeOf<Command.Command<ReadonlyArray<string> | null>>()
// @ts-expect-error -- with a count or without one, but not perhaps
Lists.lpop("k", count)
expectTypeOf(Lists.lpos("k", "e")).toEqualTypeOf<Command.Command<number | null>>()
expectTypeOf(Lists.lpos("k", "e", { count: 0 })).toEqualTypeOf<Command.Command<ReadonlyArray<number>>>()
expectTypeOf(Sets.spop("k")).toEqualTypeOf<Command.Command<string | null>>()
expectTypeOf(Sets.spop("k", 3)).toEqualTypeOf<Command.Command<ReadonlyArray<string>>>()

expectTypeOf(SortedSets.zadd("k", { a: 1 })).toEqualTypeOf<Command.Command<number>>()
expectTypeOf(SortedSets.zadd("k", { a: 1 }, { increment: true })).toEqualTypeOf<Command.Command<number | null>>()
expectTypeOf(SortedSets.zrange("k", 0, -1)).toEqualTypeOf<Command.Command<ReadonlyArray<string>>>()
expectTypeOf(SortedSets.zrange("k", 0, -1, { withScores: true })).toEqualTypeOf<
  Command.Command<ReadonlyArray<ScoredMember>>
>()
expectTypeOf(SortedSets.zrange("k", 0, -1, { withScores: flag }))
  .toEqualTypeOf<Command.Command<ReadonlyArray<string> | ReadonlyArray<ScoredMember>>>()
expectTypeOf(SortedSets.zrank("k", "m", { withScore: true }))
  .toEqualTypeOf<Command.Command<{ readonly rank: number; readonly score: number } | null>>()
