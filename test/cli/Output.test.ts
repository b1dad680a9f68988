/** Text, tables, replies, pictures and figures of the command line: pure. */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import { Histogram } from "../../src/cli/bench/Histogram.ts"
import { durationOf } from "../../src/cli/connecting/duration.ts"
import * as Target from "../../src/cli/connecting/Target.ts"
import { Tally } from "../../src/cli/keyspace/Sample.ts"
import { coloured, uncoloured } from "../../src/cli/output/Paint.ts"
import * as Replies from "../../src/cli/output/Replies.ts"
import * as Table from "../../src/cli/output/Table.ts"
import * as text from "../../src/cli/output/text.ts"
import type { Facts, ShownShard } from "../../src/cli/topology/Facts.ts"
import * as Mermaid from "../../src/cli/topology/Mermaid.ts"
import * as Ring from "../../src/cli/topology/Ring.ts"
import * as Svg from "../../src/cli/topology/Svg.ts"
import { ClusterNode, ServerError } from "../../src/index.ts"

const anyText = FastCheck.string({ unit: "binary", maxLength: 40 })
const control = /\p{Cc}/u

describe("Text", () => {
  it("never holds what moves the cursor of a terminal", () =>
    FastCheck.assert(FastCheck.property(anyText, (value) => {
      assert.notMatch(text.visible(value), control)
    })))

  it("is cut to the width, whatever its characters are", () =>
    FastCheck.assert(FastCheck.property(anyText, FastCheck.integer({ min: 0, max: 20 }), (value, width) => {
      assert.isAtMost(text.widthOf(text.cut(text.visible(value), width)), width)
    })))

  it("has numbers with their units", () => {
    assert.deepStrictEqual([0, 1023, 1536, 5e6, 3e13].map(text.bytes), [
      "0 B",
      "1023 B",
      "1.5 KiB",
      "4.8 MiB",
      "27 TiB"
    ])
    assert.deepStrictEqual([0.4, 12.34, 250, 3400].map(text.millis), ["0.40 ms", "12.3 ms", "250 ms", "3.4 s"])
    assert.deepStrictEqual([850, 1500, 5.4e6, 2e9].map(text.duration), ["850ms", "1.5s", "1.5h", "23d"])
  })
})

describe("A table", () => {
  const cell = FastCheck.oneof(anyText, FastCheck.record({ text: anyText, style: FastCheck.constant("red" as const) }))

  it("has no line that is wider than the terminal", () =>
    FastCheck.assert(FastCheck.property(
      FastCheck.array(FastCheck.tuple(cell, cell, cell)),
      FastCheck.integer({ min: 10, max: 60 }),
      (rows, width) => {
        const columns = [{ title: "ONE", least: 3 }, { title: "TWO" }, { title: "THREE", align: "right" as const }]
        for (const paint of [uncoloured, coloured]) {
          for (const line of Table.lines({ columns, rows }, width, paint)) assert.isAtMost(text.widthOf(line), width)
        }
      }
    )))

  it("is whole where there is no terminal", () => {
    const lines = Table.lines(
      { columns: [{ title: "A" }, { title: "B", align: "right" }], rows: [["x".repeat(300), "1"]] },
      Number.POSITIVE_INFINITY,
      uncoloured
    )
    assert.deepStrictEqual(lines, [`A${" ".repeat(301)}B`, `${"x".repeat(300)}  1`])
  })
})

describe("A reply", () => {
  const bytes = (value: string) => Buffer.from(value)

  it("is printed as redis-cli prints it", () => {
    assert.strictEqual(
      Replies.pretty(["OK", 1, null, 1.5, true, bytes("a\"b\\"), Uint8Array.from([0xff, 0x22])]),
      [
        "1) OK",
        "2) (integer) 1",
        "3) (nil)",
        "4) (double) 1.5",
        "5) (true)",
        String.raw`6) "a\"b\\"`,
        String.raw`7) "\xff\""`
      ].join("\n")
    )
    assert.strictEqual(
      Replies.pretty([[bytes("a"), [1, 2]], new Set([1]), new Map([[bytes("f"), []]]), new ServerError("ERR no")]),
      "1) 1) \"a\"\n   2) 1) (integer) 1\n      2) (integer) 2\n2) 1~ (integer) 1\n3) 1# \"f\" => (empty array)\n4) (error) ERR no"
    )
  })

  it("in a pipe are their bytes as they are, a line for each element", () => {
    const binary = Uint8Array.of(0, 255, 27, 10, 128)
    assert.deepStrictEqual([...Replies.raw(binary)], [...binary])
    const nested = Replies.raw([binary, 7, null, new Map([[bytes("f"), bytes("é")]])])
    assert.deepStrictEqual([...nested], [...binary, ...Buffer.from("\n7\n\nf\né")])
  })

  it("is JSON whatever it is", () => {
    const json = (reply: Parameters<typeof Replies.toJson>[0]) => JSON.parse(JSON.stringify(Replies.toJson(reply)))
    assert.deepStrictEqual(json(new Map([[bytes("f"), bytes("v")]])), { f: "v" })
    assert.deepStrictEqual(json(new Map([[[1], 2n]])), [[[1], "2"]])
    assert.deepStrictEqual(json([Number.NaN, Number.POSITIVE_INFINITY, Uint8Array.from([0xff])]), [
      "NaN",
      "Infinity",
      { base64: "/w==" }
    ])
    assert.deepStrictEqual(json(new ServerError("ERR no")), { error: "ERR no" })
  })
})

describe("A flag", () => {
  it("of a time needs the unit, which a bare number leaves open", () => {
    const millis = ["500ms", "1.5s", "2 m", "1h"].map((given) => JSON.stringify(durationOf(given)))
    assert.strictEqual(new Set(millis).size, 4)
    for (const given of ["5", "", "-1s", "5 parsecs", "0s", "1e3s"]) assert.isUndefined(durationOf(given), given)
  })

  it("of a target names roles, nodes or the owner of a key", () => {
    assert.deepStrictEqual(Target.parse("all"), { _tag: "Role", role: "all" })
    assert.deepStrictEqual(Target.parse("a:1,[::1]:7000"), {
      _tag: "Nodes",
      nodes: [{ host: "a", port: 1 }, { host: "::1", port: 7000 }]
    })
    assert.deepStrictEqual(Target.parse("key=a:1"), { _tag: "Key", key: "a:1" })
    for (const given of ["", "everyone", "host", "host:99999", "a:1,"]) assert.isUndefined(Target.parse(given), given)
  })
})

/** A cluster whose first shards have these numbers of slots; the slots behind them have no owner. */
const cluster = (sizes: ReadonlyArray<number>, host = "host"): Facts => {
  const owners: Array<number | undefined> = []
  const shards = sizes.map((size, i): ShownShard => {
    const start = owners.length
    for (let slot = 0; slot < size; slot++) owners.push(i)
    return {
      mark: "ABC"[i],
      ranges: [{ start, end: start + size - 1 }],
      slots: size,
      primary: new ClusterNode({ id: `${i}`, host, port: i + 1, role: "primary", health: i === 0 ? "fail" : "online" }),
      replicas: []
    }
  })
  const coveredSlots = owners.length
  while (owners.length < 16_384) owners.push(undefined)
  return { shards, owners, idle: [], coveredSlots, healthOf: () => undefined }
}

describe("A picture", () => {
  it("of the ring begins at the top and goes round clockwise, with a mark where a slot has no owner", () => {
    const rows = Ring.lines(cluster([8192, 4096]), 9, uncoloured)
    assert.strictEqual(rows.length, 9)
    assert.match(rows[0], /·A/)
    assert.match(rows[4], /^[B·].*A$/)
    assert.match(rows[8], /BA/)
    assert.match(rows[6], /^ *B+ +A+ *$/)
  })

  it("in SVG and Mermaid holds no text of a server as it came", () => {
    const hostile = cluster([16_384], `"]<script>&--\u001B[2J`)
    const svg = Svg.text(hostile)
    assert.notInclude(svg, "<script>")
    assert.notMatch(svg.replaceAll("\n", ""), control)
    const mermaid = Mermaid.text(hostile)
    assert.notInclude(mermaid, "<script>")
    assert.notMatch(mermaid, /"\]</)
    assert.include(Svg.text(cluster([100])), "class=\"lost\"")
    assert.include(mermaid, ":::down")
  })
})

describe("Figures", () => {
  it("have percentiles that are off by no more than two percent", () =>
    FastCheck.assert(FastCheck.property(
      FastCheck.array(FastCheck.double({ min: 0.001, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
      FastCheck.constantFrom(0.5, 0.9, 0.99, 1),
      (latencies, share) => {
        const histogram = new Histogram()
        for (const latency of latencies) histogram.add(latency)
        const exact = latencies.toSorted((one, other) => one - other)[Math.ceil(latencies.length * share) - 1]
        const found = histogram.percentile(share)
        assert.isAtLeast(found, exact * 0.999)
        assert.isAtMost(found, Math.min(exact * 1.021, Math.max(...latencies)) + 1e-9)
      }
    )))

  it("of a sample have the biggest keys, each once", () => {
    const tally = new Tally(2)
    const add = (name: string, bytes: number | undefined) =>
      tally.add({ key: Buffer.from(name), type: "string", bytes, ttl: undefined })
    for (const [name, bytes] of [["a", 5], ["b", 9], ["b", 9], ["c", 7], ["d", undefined], ["e", 6]] as const) {
      add(name, bytes)
    }
    assert.deepStrictEqual(tally.biggest.map(({ key }) => String(key)), ["b", "c"])
    assert.deepStrictEqual([tally.keys, tally.sized, tally.bytes], [6, 5, 36])
  })
})
