/**
 * For every builder of a module sample arguments, what has to be there before, and what the server then answers. A name is that of the
 * group and the method, and after a space what is special about the sample.
 */
import { Bloom, CountMin, Cuckoo, TDigest, TopK } from "../../src/modules/Bloom.ts"
import { Json } from "../../src/modules/Json.ts"
import { Search } from "../../src/modules/Search.ts"
import { TimeSeries } from "../../src/modules/TimeSeries.ts"
import type { Sample } from "../commands/samples/Sample.ts"
import { sketches } from "./samples/bloom.ts"
import { json } from "./samples/json.ts"
import { search } from "./samples/search.ts"
import { timeSeries } from "./samples/timeSeries.ts"

/** The groups by their names. */
export const moduleGroups: Readonly<Record<string, object>> = {
  Bloom,
  CountMin,
  Cuckoo,
  Json,
  Search,
  TDigest,
  TimeSeries,
  TopK
}

/** Functions beside the commands. */
const tools = new Set([
  ...["Bloom.dump", "Bloom.restore", "Cuckoo.dump", "Cuckoo.restore"],
  ...["TimeSeries.rangeStream", "TimeSeries.revrangeStream"],
  ...["Search.aggregateStream", "Search.aggregation", "Search.index", "Search.literal"],
  ...["Search.geo", "Search.geoshape", "Search.numeric", "Search.tag", "Search.text", "Search.vector"],
  ...["Json.encode", "Json.mgetNonatomic", "Json.msetNonatomic", "Json.of", "Json.path", "Json.storage", "Json.text"]
])

/** The builders of all modules, by group and method. */
export const moduleBuilders: ReadonlyArray<
  readonly [name: string, build: (...args: ReadonlyArray<unknown>) => unknown]
> = Object.entries(moduleGroups).flatMap(([group, methods]) =>
  Object.entries(methods)
    .map(([method, build]) => [`${group}.${method}`, build as (...args: ReadonlyArray<unknown>) => unknown] as const)
    .filter(([name]) => !tools.has(name))
)

export const moduleSamples: ReadonlyArray<Sample> = [...json, ...search, ...sketches, ...timeSeries]
