/**
 * Types of streams, places and vector sets that follow the options. This file is compiled, not run.
 */
import { expectTypeOf } from "vitest"
import type { Command } from "../../src/commands/Command.ts"
import { type Coordinates, Geo } from "../../src/commands/Geo.ts"
import { Hashes } from "../../src/commands/Hashes.ts"
import { type FunctionLibrary, Scripting } from "../../src/commands/Scripting.ts"
import { SortedSets } from "../../src/commands/SortedSets.ts"
import {
  type ClaimedEntry,
  type DeliveredEntry,
  type PendingEntry,
  type PendingSummary,
  type StreamDetails,
  type StreamEntries,
  type StreamEntry,
  type StreamInfo,
  Streams,
  type XautoclaimEntries,
  type XautoclaimIds
} from "../../src/commands/Streams.ts"
import { type RawVector, type ScoredElement, VectorSets } from "../../src/commands/VectorSets.ts"

declare const flag: boolean
declare const ids: Readonly<Record<string, string>>
declare const area: { readonly from: Coordinates; readonly radius: number; readonly unit: "km" }

expectTypeOf(Streams.xadd("k", "*", { a: 1 })).toEqualTypeOf<Command<string>>()
expectTypeOf(Streams.xadd("k", "*", { a: 1 }, { noMkStream: true })).toEqualTypeOf<Command<string | null>>()
expectTypeOf(Streams.xadd("k", "*", { a: 1 }, { noMkStream: flag })).toEqualTypeOf<Command<string | null>>()
expectTypeOf(Streams.xread({ k: "$" }, { block: "1 second" })).toEqualTypeOf<
  Command<ReadonlyArray<StreamEntries<StreamEntry>>>
>()
expectTypeOf(Streams.xreadgroup("g", "c", { k: ">", l: ">" })).toEqualTypeOf<
  Command<ReadonlyArray<StreamEntries<StreamEntry>>>
>()
expectTypeOf(Streams.xreadgroup("g", "c", [["k", ">"]])).toEqualTypeOf<
  Command<ReadonlyArray<StreamEntries<StreamEntry>>>
>()
expectTypeOf(Streams.xreadgroup("g", "c", { k: ">", l: "0" })).toEqualTypeOf<
  Command<ReadonlyArray<StreamEntries<DeliveredEntry>>>
>()
expectTypeOf(Streams.xreadgroup("g", "c", ids)).toEqualTypeOf<Command<ReadonlyArray<StreamEntries<DeliveredEntry>>>>()
expectTypeOf(Streams.xreadgroup("g", "c", { k: ">" }, { claim: "1 minute", count: 5 })).toEqualTypeOf<
  Command<ReadonlyArray<StreamEntries<ClaimedEntry>>>
>()
expectTypeOf(Streams.xautoclaim("k", "g", "c", "1 minute", "0-0")).toEqualTypeOf<Command<XautoclaimEntries>>()
expectTypeOf(Streams.xautoclaim("k", "g", "c", "1 minute", "0-0", { justId: true })).toEqualTypeOf<
  Command<XautoclaimIds>
>()
expectTypeOf(Streams.xclaim("k", "g", "c", "1 minute", "1-1")).toEqualTypeOf<Command<ReadonlyArray<StreamEntry>>>()
expectTypeOf(Streams.xclaim("k", "g", "c", "1 minute", "1-1", { justId: true })).toEqualTypeOf<
  Command<ReadonlyArray<string>>
>()
expectTypeOf(Streams.xpending("k", "g")).toEqualTypeOf<Command<PendingSummary>>()
expectTypeOf(Streams.xpending("k", "g", { count: 5 })).toEqualTypeOf<Command<ReadonlyArray<PendingEntry>>>()
expectTypeOf(Streams.xinfoStream("k")).toEqualTypeOf<Command<StreamInfo>>()
expectTypeOf(Streams.xinfoStream("k", { full: true, count: 5 })).toEqualTypeOf<Command<StreamDetails>>()

// @ts-expect-error -- two ways to cut
Streams.xtrim("k", { maxLength: 1, minId: "1-1" })
// @ts-expect-error -- a consumer without a count
Streams.xpending("k", "g", { consumer: "c" })
// @ts-expect-error -- a count without full
Streams.xinfoStream("k", { count: 5 })
// @ts-expect-error -- a number says nothing about its unit
Streams.xread({ k: "$" }, { block: 1000 })
// @ts-expect-error -- a misspelt option
Streams.xadd("k", "*", { a: 1 }, { nomkstream: true })

expectTypeOf(Geo.geosearch("k", area)).toEqualTypeOf<Command<ReadonlyArray<string>>>()
expectTypeOf(Geo.geosearch("k", area, { withDistance: true })).toEqualTypeOf<
  Command<ReadonlyArray<{ readonly member: string; readonly distance: number }>>
>()
expectTypeOf(Geo.geosearch("k", area, { withDistance: true, withHash: true, withCoordinates: true })).toEqualTypeOf<
  Command<
    ReadonlyArray<{
      readonly member: string
      readonly distance: number
      readonly hash: number
      readonly coordinates: Coordinates
    }>
  >
>()
expectTypeOf(Geo.georadius("k", { longitude: 1, latitude: 2 }, 1, "m", { store: "d" })).toEqualTypeOf<Command<number>>()
expectTypeOf(Geo.georadius("k", { longitude: 1, latitude: 2 }, 1, "m", { count: 1 })).toEqualTypeOf<
  Command<ReadonlyArray<string>>
>()
expectTypeOf(Geo.georadiusbymember("k", "m", 1, "m", { storeDistance: "d" })).toEqualTypeOf<Command<number>>()

// @ts-expect-error -- a circle and a box
Geo.geosearch("k", { from: { member: "m" }, radius: 1, width: 1, height: 1, unit: "m" })
// @ts-expect-error -- no unit
Geo.geosearch("k", { from: { member: "m" }, radius: 1 })
// @ts-expect-error -- what is stored is not answered
Geo.georadius("k", { longitude: 1, latitude: 2 }, 1, "m", { store: "d", withHash: true })
// @ts-expect-error -- replicas store nothing
Geo.georadiusRo("k", { longitude: 1, latitude: 2 }, 1, "m", { store: "d" })

expectTypeOf(VectorSets.vsim("k", { element: "e" })).toEqualTypeOf<Command<ReadonlyArray<string>>>()
expectTypeOf(VectorSets.vsim("k", { vector: [1] }, { withScores: true })).toEqualTypeOf<
  Command<ReadonlyArray<ScoredElement>>
>()
expectTypeOf(VectorSets.vsim("k", { element: "e" }, { withAttributes: true })).toEqualTypeOf<
  Command<ReadonlyArray<{ readonly element: string; readonly attributes: string | null }>>
>()
expectTypeOf(VectorSets.vsim("k", { element: "e" }, { withAttributes: true, withScores: true })).toEqualTypeOf<
  Command<ReadonlyArray<{ readonly element: string; readonly score: number; readonly attributes: string | null }>>
>()
expectTypeOf(VectorSets.vemb("k", "e")).toEqualTypeOf<Command<ReadonlyArray<number> | null>>()
expectTypeOf(VectorSets.vemb("k", "e", { raw: true })).toEqualTypeOf<Command<RawVector | null>>()
expectTypeOf(VectorSets.vrandmember("k")).toEqualTypeOf<Command<string | null>>()
expectTypeOf(VectorSets.vrandmember("k", 2)).toEqualTypeOf<Command<ReadonlyArray<string>>>()

expectTypeOf(Scripting.functionList()).toEqualTypeOf<Command<ReadonlyArray<FunctionLibrary>>>()
expectTypeOf(Scripting.functionList({ withCode: true })).toEqualTypeOf<
  Command<ReadonlyArray<FunctionLibrary & { readonly code: string }>>
>()
expectTypeOf(Hashes.hscan("k", "0", { noValues: true })).toEqualTypeOf<
  Command<{ readonly cursor: string; readonly items: ReadonlyArray<string> }>
>()
expectTypeOf(SortedSets.zscan("k", "0", { noScores: true })).toEqualTypeOf<
  Command<{ readonly cursor: string; readonly items: ReadonlyArray<string> }>
>()
