import { Filter, TimeSeries } from "../../../src/modules/TimeSeries.ts"
import { has, isNumber, type Sample } from "../../commands/samples/Sample.ts"

const a = "{t}a"
const b = "{t}b"
const missing = "{t}missing"
const noKey = /does not exist/
const two = [
  ["TS.CREATE", a, "DUPLICATE_POLICY", "LAST", "LABELS", "kind", "x", "room", "living room"],
  ["TS.CREATE", b, "LABELS", "kind", "x"],
  ["TS.MADD", a, "1000", "1.5", a, "2000", "2.5", a, "3000", "3", b, "3000", "4"]
]
const empty = [["TS.CREATE", a]]
const kind = Filter.equals("kind", "x")
const at = (timestamp: number, value: number) => ({ timestamp, value })
const ofA = [at(1000, 1.5), at(2000, 2.5), at(3000, 3)]

const writes: ReadonlyArray<Sample> = [
  { name: "TimeSeries.add", command: TimeSeries.add(a, 1000, -1.5), expected: 1000 },
  { name: "TimeSeries.add of now", command: TimeSeries.add(a, "*", 1), unstable: isNumber },
  {
    name: "TimeSeries.add with options",
    command: TimeSeries.add(a, new Date(5000), 1, {
      retention: "1 day",
      uncompressed: true,
      chunkSize: 128,
      duplicatePolicy: "LAST",
      onDuplicate: "SUM",
      ignore: { maxTimeDifference: "0 millis", maxValueDifference: 0.5 },
      labels: { kind: "x" }
    }),
    expected: 5000
  },
  { name: "TimeSeries.add again", command: TimeSeries.add(b, 3000, 1), prepare: two, error: /DUPLICATE_POLICY/ },
  {
    name: "TimeSeries.alter",
    command: TimeSeries.alter(a, { retention: "Infinity", labels: [["k", "v"]] }),
    prepare: two,
    expected: "OK"
  },
  { name: "TimeSeries.alter of a missing key", command: TimeSeries.alter(missing, {}), error: noKey },
  { name: "TimeSeries.create", command: TimeSeries.create(a), expected: "OK" },
  {
    name: "TimeSeries.create with options",
    command: TimeSeries.create(a, {
      retention: "1 hour",
      chunkSize: 64,
      uncompressed: true,
      duplicatePolicy: "MAX",
      labels: { k: "v" }
    }),
    expected: "OK"
  },
  {
    name: "TimeSeries.createrule",
    command: TimeSeries.createrule(a, b, "avg", "1 minute"),
    prepare: two,
    expected: "OK"
  },
  {
    name: "TimeSeries.createrule aligned",
    command: TimeSeries.createrule(a, b, "std.p", "1 minute", { align: 500 }),
    prepare: two,
    expected: "OK"
  },
  { name: "TimeSeries.decrby", command: TimeSeries.decrby(a, 0.5, { timestamp: 4000 }), prepare: two, expected: 4000 },
  { name: "TimeSeries.incrby", command: TimeSeries.incrby(a, 2), prepare: empty, unstable: isNumber },
  {
    name: "TimeSeries.incrby with options",
    command: TimeSeries.incrby(a, 2, {
      timestamp: 9n,
      retention: "1 day",
      uncompressed: true,
      chunkSize: 64,
      labels: { k: "v" }
    }),
    expected: 9
  },
  { name: "TimeSeries.del", command: TimeSeries.del(a, 1000, 2000), prepare: two, expected: 2 },
  {
    name: "TimeSeries.deleterule",
    command: TimeSeries.deleterule(a, b),
    prepare: [...two, ["TS.CREATERULE", a, b, "AGGREGATION", "avg", "1000"]],
    expected: "OK"
  },
  {
    name: "TimeSeries.madd",
    command: TimeSeries.madd([[a, 4000, 1], [b, 3000, 2], [missing, 1, 1]]),
    prepare: two,
    expected: [
      4000,
      { error: "ERR TSDB: Error at upsert, update is not supported when DUPLICATE_POLICY is set to BLOCK mode" },
      { error: "ERR TSDB: the key is not a TSDB key" }
    ]
  }
]

const reads: ReadonlyArray<Sample> = [
  { name: "TimeSeries.get", command: TimeSeries.get(a), prepare: two, expected: at(3000, 3) },
  { name: "TimeSeries.get latest", command: TimeSeries.get(a, { latest: true }), prepare: two, expected: at(3000, 3) },
  { name: "TimeSeries.get of an empty series", command: TimeSeries.get(a), prepare: empty, expected: null },
  { name: "TimeSeries.get of a missing key", command: TimeSeries.get(missing), error: noKey },
  {
    name: "TimeSeries.info",
    command: TimeSeries.info(a),
    prepare: [...two, ["TS.CREATERULE", a, b, "AGGREGATION", "AVG", "1000", "5"]],
    unstable: (value) => {
      const { labels, rules, totalSamples } = value as Record<string, unknown>
      return has("memoryUsage", "chunkCount", "chunkSize", "chunkType", "sourceKey")(value) && totalSamples === 3 &&
        JSON.stringify(labels) === JSON.stringify({ kind: "x", room: "living room" }) &&
        JSON.stringify(rules) ===
          JSON.stringify([{ destination: b, bucketDuration: 1000, aggregator: "avg", alignTimestamp: 5 }])
    }
  },
  { name: "TimeSeries.range", command: TimeSeries.range(a, "-", "+"), prepare: two, expected: ofA },
  {
    name: "TimeSeries.range with options",
    command: TimeSeries.range(a, 0, new Date(5000), {
      latest: true,
      timestamps: [1000, 2000],
      values: [1, 2],
      count: 1
    }),
    prepare: two,
    expected: [at(1000, 1.5)]
  },
  {
    name: "TimeSeries.range aggregated",
    command: TimeSeries.range(a, 0, 9000, {
      aggregation: { aggregator: "count", bucket: "1 second", align: "start", timestamp: "mid", empty: true }
    }),
    prepare: two,
    expected: [at(1500, 1), at(2500, 1), at(3500, 1)]
  },
  {
    name: "TimeSeries.range with an empty bucket",
    command: TimeSeries.range(a, 0, 9000, {
      aggregation: { aggregator: "min", bucket: "500 millis", align: 0, empty: true }
    }),
    prepare: [["TS.ADD", a, "0", "1"], ["TS.ADD", a, "1000", "2"]],
    expected: [at(0, 1), at(500, NaN), at(1000, 2)]
  },
  {
    name: "TimeSeries.revrange",
    command: TimeSeries.revrange(a, "-", "+", { count: 1 }),
    prepare: two,
    expected: [at(3000, 3)]
  },
  {
    name: "TimeSeries.mget",
    command: TimeSeries.mget(kind, { latest: true }),
    prepare: two,
    expected: [{ key: a, labels: {}, sample: at(3000, 3) }, { key: b, labels: {}, sample: at(3000, 4) }]
  },
  {
    name: "TimeSeries.mget withLabels",
    command: TimeSeries.mget([kind, Filter.exists("room")], { withLabels: true }),
    prepare: two,
    expected: [{ key: a, labels: { kind: "x", room: "living room" }, sample: at(3000, 3) }]
  },
  {
    name: "TimeSeries.mget selectedLabels",
    command: TimeSeries.mget([kind, Filter.missing("room")], { selectedLabels: ["room"] }),
    prepare: two,
    expected: [{ key: b, labels: { room: null }, sample: at(3000, 4) }]
  },
  {
    name: "TimeSeries.mget of an empty series",
    command: TimeSeries.mget(Filter.equals("k", "v")),
    prepare: [["TS.CREATE", a, "LABELS", "k", "v"]],
    expected: [{ key: a, labels: {}, sample: null }]
  },
  {
    name: "TimeSeries.mrange",
    command: TimeSeries.mrange("-", "+", [
      Filter.oneOf("kind", ["x", "y"]),
      Filter.noneOf("room", ["bath", "kitchen"])
    ]),
    prepare: two,
    expected: [{ key: a, labels: {}, samples: ofA }, { key: b, labels: {}, samples: [at(3000, 4)] }]
  },
  {
    name: "TimeSeries.mrange aggregated",
    command: TimeSeries.mrange("-", "+", [kind, Filter.equals("room", "living room")], {
      withLabels: true,
      count: 1,
      aggregation: { aggregator: "sum", bucket: "10 seconds" }
    }),
    prepare: two,
    expected: [{ key: a, labels: { kind: "x", room: "living room" }, samples: [at(0, 7)] }]
  },
  {
    name: "TimeSeries.mrange groupBy",
    command: TimeSeries.mrange("-", "+", kind, { withLabels: true, groupBy: { label: "kind", reduce: "max" } }),
    prepare: two,
    expected: [{ key: "kind=x", labels: { kind: "x" }, samples: [at(1000, 1.5), at(2000, 2.5), at(3000, 4)] }]
  },
  {
    name: "TimeSeries.mrevrange",
    command: TimeSeries.mrevrange(2000, "+", [kind, Filter.notEquals("room", "bath")], { selectedLabels: ["kind"] }),
    prepare: two,
    expected: [
      { key: a, labels: { kind: "x" }, samples: [at(3000, 3), at(2000, 2.5)] },
      { key: b, labels: { kind: "x" }, samples: [at(3000, 4)] }
    ]
  },
  { name: "TimeSeries.queryindex", command: TimeSeries.queryindex(kind), prepare: two, expected: [a, b] },
  {
    name: "TimeSeries.nrange",
    command: TimeSeries.nrange([a, b], "-", "+", { count: 10 }),
    prepare: two,
    error: /unknown command/
  },
  {
    name: "TimeSeries.nrevrange",
    command: TimeSeries.nrevrange([a, b], 1000, "+"),
    prepare: two,
    error: /unknown command/
  },
  {
    name: "TimeSeries.querylabels",
    command: TimeSeries.querylabels({ valuesOf: "room", filters: kind }),
    prepare: two,
    error: /unknown command/
  },
  {
    name: "TimeSeries.read",
    command: TimeSeries.read(a, "$", { block: "1 second" }),
    prepare: two,
    error: /unknown command/
  },
  { name: "TimeSeries.queryindex of nothing", command: TimeSeries.queryindex(Filter.equals("kind", "z")), expected: [] }
]

export const timeSeries: ReadonlyArray<Sample> = [...writes, ...reads]
