/**
 * The commands of modules that came with Redis 8.10, which no server of the tests has: their words, their routes, and their replies in the
 * documented shapes of RESP2 and RESP3.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Command from "../../src/commands/Command.ts"
import { embedded, lookup } from "../../src/commands/table/CommandTable.ts"
import { Search } from "../../src/modules/Search.ts"
import { Filter, TimeSeries } from "../../src/modules/TimeSeries.ts"
import type { Reply } from "../../src/protocol/Reply.ts"

const wordsOf = ({ args, spec }: Command.Command<unknown>) => [spec.name, ...args].join(" ")

const kind = Filter.equals("kind", "x")

describe("A later command of a module", () => {
  const cases: ReadonlyArray<readonly [command: Command.Command<unknown>, words: string]> = [
    [TimeSeries.nrange(["{t}a", "{t}b"], "-", "+"), "TS.NRANGE 2 {t}a {t}b - +"],
    [
      TimeSeries.nrevrange(["{t}a", "{t}b"], 1, "+", {
        latest: true,
        timestamps: [1, 2],
        values: [0, 5],
        count: 3,
        aggregation: {
          aggregators: [["avg", "max"], "sum"],
          bucket: "1 second",
          align: "start",
          timestamp: "mid",
          empty: true
        }
      }),
      "TS.NREVRANGE 2 {t}a {t}b 1 + LATEST FILTER_BY_TS 1 2 FILTER_BY_VALUE 0 5 COUNT 3 " +
      "ALIGN start AGGREGATION avg,max sum 1000 BUCKETTIMESTAMP mid EMPTY"
    ],
    [TimeSeries.querylabels(), "TS.QUERYLABELS LABELS"],
    [TimeSeries.querylabels({ valuesOf: "room", filters: kind }), "TS.QUERYLABELS VALUES room FILTER kind=x"],
    [TimeSeries.read("k", "-", { maxCount: 5 }), "TS.READ k - MAX_COUNT 5"],
    [
      TimeSeries.read("k", "$", { block: "2 seconds", minCount: 2, maxCount: 5 }),
      "TS.READ k $ BLOCK 2000 2 MAX_COUNT 5"
    ],
    [TimeSeries.read("k", 7, { block: "Infinity" }), "TS.READ k 7 BLOCK 0 1"],
    [
      TimeSeries.mrange("-", "+", kind, { excludeEmpty: true, groupBy: { label: "room", reduce: "max" } }),
      "TS.MRANGE - + FILTER kind=x GROUPBY room REDUCE max EXCLUDEEMPTY"
    ],
    [Search.aliaslist("docs"), "FT.ALIASLIST docs"]
  ]
  for (const [command, words] of cases) {
    it(`is sent as servers want it: ${words}`, () => {
      assert.strictEqual(command.settings.invalid, undefined)
      assert.strictEqual(wordsOf(command), words)
    })
  }

  it("is routed by its keys, as a builder and by name", () => {
    assert.deepStrictEqual(TimeSeries.nrange(["{t}a", "{t}b"], "-", "+").keys, ["{t}a", "{t}b"])
    const named = Command.named("TS.NREVRANGE", "2", "a", "b", "-", "+")
    const keys = lookup(embedded(), "TS.NREVRANGE", named.args)?.spec.keys
    assert.deepStrictEqual(typeof keys === "function" ? keys(named.args) : keys, [1, 2])
    for (const name of ["TS.NRANGE", "TS.NREVRANGE", "TS.QUERYLABELS", "TS.READ", "FT.ALIASLIST"]) {
      assert.isTrue(lookup(embedded(), name, ["1", "k", "-", "+"])?.spec.readonly, name)
    }
  })

  it("is known to block when it has the word for it, whatever the name of its key", () => {
    const waits = (args: ReadonlyArray<string>) => TimeSeries.read("k", "-").spec.blocking?.(args)
    assert.strictEqual(waits(["k", "$", "BLOCK", "50", "1"]), 50)
    assert.strictEqual(waits(["GROUP", "$", "MAX_COUNT", "2", "block", "0", "1"]), Infinity)
    assert.strictEqual(waits(["BLOCK", "5"]), undefined)
  })

  it("is read from the replies of RESP2 and RESP3", () => {
    const nrange = TimeSeries.nrange(["{t}a", "{t}b"], "-", "+")
    const rows = [{ timestamp: 1, values: [1.5, NaN] }, { timestamp: 2, values: [2, 3] }]
    assert.deepStrictEqual(nrange.decode([[1, ["1.5", "NaN"]], [2, ["2", "3"]]]), rows)
    assert.deepStrictEqual(nrange.decode([[1, [1.5, NaN]], [2, [2, 3]]]), rows)
    const read = TimeSeries.read("k", "-")
    assert.deepStrictEqual(read.decode([[1, "1.5"]]), [{ timestamp: 1, value: 1.5 }])
    assert.deepStrictEqual(read.decode([[1, 1.5]]), [{ timestamp: 1, value: 1.5 }])
    assert.deepStrictEqual(read.decode([]), [])
    for (const command of [TimeSeries.querylabels(), Search.aliaslist("docs")]) {
      assert.deepStrictEqual(command.decode(["a", "b"]), ["a", "b"])
      assert.deepStrictEqual(command.decode(new Set<Reply>(["a", "b"])), ["a", "b"])
    }
  })

  const refused: ReadonlyArray<readonly [command: Command.Command<unknown>, message: RegExp]> = [
    [TimeSeries.nrange([], "-", "+"), /at least one entry/],
    [
      TimeSeries.nrange(["a", "b"], "-", "+", { aggregation: { aggregators: ["sum"], bucket: "1 second" } }),
      /each of the 2 keys/
    ],
    [TimeSeries.nrange("a", "-", "+", { aggregation: { aggregators: [[]], bucket: "1 second" } }), /an aggregator/],
    [
      TimeSeries.nrange("a", "-", "+", { aggregation: { aggregator: "sum", bucket: "1 second" } as never }),
      /no option "aggregator"; aggregators is meant/
    ],
    [TimeSeries.nrange("a", "-", "+", { counts: 1 } as never), /no option "counts"; count is meant/],
    [TimeSeries.querylabels({ filter: kind } as never), /no option "filter"; filters is meant/],
    [TimeSeries.read("k", "-", { maxcount: 1 } as never), /no option "maxcount"; maxCount is meant/],
    [TimeSeries.read("k", "-", { minCount: 2 }), /minCount needs block/],
    [TimeSeries.read("k", "*" as never), /date or milliseconds/]
  ]
  for (const [{ settings }, message] of refused) {
    it(`is refused with words: ${message.source}`, () => {
      assert.match(settings.invalid ?? "", message)
    })
  }
})

describe("A change of a dictionary", () => {
  it("fails with words when the shards answer different numbers", () => {
    for (const command of [Search.dictadd("d", "a"), Search.dictdel("d", "a")]) {
      assert.strictEqual(command.decode(2), 2)
      const failure = command.decode("not all results are the same")
      assert(failure instanceof Command.DecodeFailure)
      assert.match(failure.message, /the shards answered different numbers/)
    }
  })
})
