import { Bloom, CountMin, Cuckoo, TDigest, TopK } from "../../../src/modules/Bloom.ts"
import { type Chunk } from "../../../src/modules/Bloom.ts"
import { has, type Sample } from "../../commands/samples/Sample.ts"

const k = "{t}k"
const missing = "{t}missing"
const noKey = /not found|does not exist|not exist/i

const isChunk = (value: unknown): boolean =>
  has("iterator", "data")(value) && (value as Chunk).data instanceof Uint8Array

const filter = [["BF.ADD", k, "a"]]

const bloom: ReadonlyArray<Sample> = [
  { name: "Bloom.add", command: Bloom.add(k, "a"), expected: true },
  { name: "Bloom.add again", command: Bloom.add(k, "a"), prepare: filter, expected: false },
  { name: "Bloom.card", command: Bloom.card(k), prepare: filter, expected: 1 },
  { name: "Bloom.card of a missing key", command: Bloom.card(k), expected: 0 },
  { name: "Bloom.exists", command: Bloom.exists(k, "a"), prepare: filter, expected: true },
  { name: "Bloom.exists of nothing", command: Bloom.exists(missing, 1), expected: false },
  {
    name: "Bloom.info",
    command: Bloom.info(k),
    prepare: [["BF.RESERVE", k, "0.01", "50"], ["BF.ADD", k, "a"]],
    unstable: (value) => {
      const { capacity, expansion, filters, items } = value as Record<string, number>
      return capacity === 50 && expansion === 2 && filters === 1 && items === 1
    }
  },
  {
    name: "Bloom.info of a filter that does not grow",
    command: Bloom.info(k),
    prepare: [["BF.RESERVE", k, "0.01", "50", "NONSCALING"]],
    unstable: (value) => (value as { expansion: unknown }).expansion === null
  },
  { name: "Bloom.info of a missing key", command: Bloom.info(k), error: noKey },
  { name: "Bloom.insert", command: Bloom.insert(k, ["a", "b", "a"]), expected: [true, true, false] },
  {
    name: "Bloom.insert with options",
    command: Bloom.insert(k, "a", { capacity: 10, errorRate: 0.001, expansion: 4 }),
    expected: [true]
  },
  { name: "Bloom.insert nonScaling", command: Bloom.insert(k, "a", { nonScaling: true }), expected: [true] },
  { name: "Bloom.insert noCreate", command: Bloom.insert(k, "a", { noCreate: true }), error: noKey },
  { name: "Bloom.madd", command: Bloom.madd(k, ["a", 1, 2n]), prepare: filter, expected: [false, true, true] },
  { name: "Bloom.mexists", command: Bloom.mexists(k, ["a", "b"]), prepare: filter, expected: [true, false] },
  { name: "Bloom.reserve", command: Bloom.reserve(k, 0.01, 1000), expected: "OK" },
  { name: "Bloom.reserve with expansion", command: Bloom.reserve(k, 0.0000001, 10, { expansion: 1 }), expected: "OK" },
  { name: "Bloom.reserve nonScaling", command: Bloom.reserve(k, 0.5, 10, { nonScaling: true }), expected: "OK" },
  { name: "Bloom.scandump", command: Bloom.scandump(k, 0), prepare: filter, unstable: isChunk },
  { name: "Bloom.scandump at the end", command: Bloom.scandump(k, 1_000_000), prepare: filter, expected: null },
  {
    name: "Bloom.loadchunk",
    command: Bloom.loadchunk(k, { iterator: 1, data: new Uint8Array([0]) }),
    error: /bad data|invalid/
  }
]

const cuckooFilter = [["CF.ADD", k, "a"]]

const cuckoo: ReadonlyArray<Sample> = [
  { name: "Cuckoo.add", command: Cuckoo.add(k, "a"), prepare: cuckooFilter, expected: true },
  { name: "Cuckoo.addnx", command: Cuckoo.addnx(k, "a"), prepare: cuckooFilter, expected: false },
  { name: "Cuckoo.count", command: Cuckoo.count(k, "a"), prepare: cuckooFilter, expected: 1 },
  { name: "Cuckoo.count of a missing key", command: Cuckoo.count(missing, "a"), expected: 0 },
  { name: "Cuckoo.del", command: Cuckoo.del(k, "a"), prepare: cuckooFilter, expected: true },
  { name: "Cuckoo.del of nothing", command: Cuckoo.del(k, "b"), prepare: cuckooFilter, expected: false },
  { name: "Cuckoo.del of a missing key", command: Cuckoo.del(missing, "b"), error: noKey },
  { name: "Cuckoo.exists", command: Cuckoo.exists(k, "a"), prepare: cuckooFilter, expected: true },
  {
    name: "Cuckoo.info",
    command: Cuckoo.info(k),
    prepare: cuckooFilter,
    unstable: (value) =>
      has("size", "buckets", "filters", "itemsDeleted", "bucketSize", "expansion", "maxIterations")(value) &&
      (value as { itemsInserted: number }).itemsInserted === 1
  },
  { name: "Cuckoo.insert", command: Cuckoo.insert(k, ["a", "a"], { capacity: 100 }), expected: [true, true] },
  { name: "Cuckoo.insert noCreate", command: Cuckoo.insert(k, "a", { noCreate: true }), error: noKey },
  { name: "Cuckoo.insertnx", command: Cuckoo.insertnx(k, ["a", "b"]), prepare: cuckooFilter, expected: [false, true] },
  {
    name: "Cuckoo.insertnx of a full filter",
    command: Cuckoo.insertnx(k, ["b", "c", "d", "e", "f", "g", "h"]),
    prepare: [["CF.RESERVE", k, "4", "EXPANSION", "0"]],
    unstable: (value) => (value as ReadonlyArray<unknown>).includes("full")
  },
  { name: "Cuckoo.mexists", command: Cuckoo.mexists(k, ["a", "b"]), prepare: cuckooFilter, expected: [true, false] },
  { name: "Cuckoo.reserve", command: Cuckoo.reserve(k, 1000), expected: "OK" },
  {
    name: "Cuckoo.reserve with options",
    command: Cuckoo.reserve(k, 1000, { bucketSize: 4, maxIterations: 10, expansion: 2 }),
    expected: "OK"
  },
  { name: "Cuckoo.scandump", command: Cuckoo.scandump(k, 0), prepare: cuckooFilter, unstable: isChunk },
  {
    name: "Cuckoo.loadchunk",
    command: Cuckoo.loadchunk(k, { iterator: 1, data: new Uint8Array([0]) }),
    error: /header|invalid|Couldn't/i
  }
]

const sketch = [["CMS.INITBYDIM", k, "100", "5"], ["CMS.INCRBY", k, "a", "2"]]

const countMin: ReadonlyArray<Sample> = [
  { name: "CountMin.incrby", command: CountMin.incrby(k, { a: 1, b: 5 }), prepare: sketch, expected: [3, 5] },
  { name: "CountMin.incrby of a missing key", command: CountMin.incrby(k, [["a", 1n]]), error: noKey },
  { name: "CountMin.info", command: CountMin.info(k), prepare: sketch, expected: { width: 100, depth: 5, count: 2 } },
  { name: "CountMin.initbydim", command: CountMin.initbydim(k, 10, 5), expected: "OK" },
  { name: "CountMin.initbyprob", command: CountMin.initbyprob(k, 0.001, 0.01), expected: "OK" },
  {
    name: "CountMin.merge",
    command: CountMin.merge("{t}sum", [k, k]),
    prepare: [...sketch, ["CMS.INITBYDIM", "{t}sum", "100", "5"]],
    expected: "OK"
  },
  {
    name: "CountMin.merge with weights",
    command: CountMin.merge("{t}sum", k, { weights: [3] }),
    prepare: [...sketch, ["CMS.INITBYDIM", "{t}sum", "100", "5"]],
    expected: "OK"
  },
  { name: "CountMin.query", command: CountMin.query(k, ["a", "b"]), prepare: sketch, expected: [2, 0] }
]

const top = [["TOPK.RESERVE", k, "2", "50", "4", "0.9"], ["TOPK.INCRBY", k, "a", "5", "b", "2"]]

const topK: ReadonlyArray<Sample> = [
  { name: "TopK.add", command: TopK.add(k, ["a", "c"]), prepare: top, expected: [null, null] },
  { name: "TopK.count", command: TopK.count(k, ["a", "b"]), prepare: top, expected: [5, 2] },
  { name: "TopK.incrby", command: TopK.incrby(k, { c: 9 }), prepare: top, expected: ["b"] },
  { name: "TopK.info", command: TopK.info(k), prepare: top, expected: { k: 2, width: 50, depth: 4, decay: 0.9 } },
  { name: "TopK.list", command: TopK.list(k), prepare: top, expected: ["a", "b"] },
  {
    name: "TopK.list withCount",
    command: TopK.list(k, { withCount: true }),
    prepare: top,
    expected: [["a", 5], ["b", 2]]
  },
  { name: "TopK.query", command: TopK.query(k, ["a", "z"]), prepare: top, expected: [true, false] },
  { name: "TopK.reserve", command: TopK.reserve(k, 3), expected: "OK" },
  { name: "TopK.reserve with options", command: TopK.reserve(k, 3, { width: 8, depth: 7, decay: 1 }), expected: "OK" },
  { name: "TopK.query of a missing key", command: TopK.query(k, "a"), error: noKey }
]

const digest = [["TDIGEST.CREATE", k], ["TDIGEST.ADD", k, "1", "2", "3", "4"]]
const empty = [["TDIGEST.CREATE", k]]

const tDigest: ReadonlyArray<Sample> = [
  { name: "TDigest.add", command: TDigest.add(k, [1, 2.5]), prepare: empty, expected: "OK" },
  { name: "TDigest.byrank", command: TDigest.byrank(k, [0, 3, 9]), prepare: digest, expected: [1, 4, Infinity] },
  { name: "TDigest.byrevrank", command: TDigest.byrevrank(k, [0, 9]), prepare: digest, expected: [4, -Infinity] },
  { name: "TDigest.cdf", command: TDigest.cdf(k, [0, 2, 9]), prepare: digest, expected: [0, 0.375, 1] },
  { name: "TDigest.cdf of an empty digest", command: TDigest.cdf(k, 1), prepare: empty, expected: [NaN] },
  { name: "TDigest.create", command: TDigest.create(k), expected: "OK" },
  { name: "TDigest.create with a compression", command: TDigest.create(k, { compression: 200 }), expected: "OK" },
  {
    name: "TDigest.info",
    command: TDigest.info(k),
    prepare: digest,
    unstable: (value) =>
      has("capacity", "mergedNodes", "unmergedNodes", "totalCompressions", "memoryUsage")(value) &&
      (value as { observations: number }).observations === 4
  },
  { name: "TDigest.max", command: TDigest.max(k), prepare: digest, expected: 4 },
  { name: "TDigest.min", command: TDigest.min(k), prepare: digest, expected: 1 },
  { name: "TDigest.min of an empty digest", command: TDigest.min(k), prepare: empty, expected: NaN },
  { name: "TDigest.merge", command: TDigest.merge("{t}sum", [k, k]), prepare: digest, expected: "OK" },
  {
    name: "TDigest.merge with options",
    command: TDigest.merge("{t}sum", k, { compression: 50, override: true }),
    prepare: digest,
    expected: "OK"
  },
  { name: "TDigest.quantile", command: TDigest.quantile(k, [0, 0.5, 1]), prepare: digest, expected: [1, 3, 4] },
  { name: "TDigest.rank", command: TDigest.rank(k, [0, 2, 9]), prepare: digest, expected: [-1, 1, 4] },
  { name: "TDigest.rank of an empty digest", command: TDigest.rank(k, 0), prepare: empty, expected: [-2] },
  { name: "TDigest.reset", command: TDigest.reset(k), prepare: digest, expected: "OK" },
  { name: "TDigest.revrank", command: TDigest.revrank(k, [9, 4]), prepare: digest, expected: [-1, 0] },
  { name: "TDigest.trimmedMean", command: TDigest.trimmedMean(k, 0, 1), prepare: digest, expected: 2.5 },
  { name: "TDigest.max of a missing key", command: TDigest.max(k), error: noKey }
]

export const sketches: ReadonlyArray<Sample> = [...bloom, ...cuckoo, ...countMin, ...topK, ...tDigest]
