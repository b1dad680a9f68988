import { describe, expect, it } from "vitest"
import { Channels } from "../../src/commands/Channels.ts"
import { Clients } from "../../src/commands/Clients.ts"
import { Cluster } from "../../src/commands/Cluster.ts"
import * as Command from "../../src/commands/Command.ts"
import * as decode from "../../src/commands/decode.ts"
import { Geo } from "../../src/commands/Geo.ts"
import { Hashes } from "../../src/commands/Hashes.ts"
import { Scripting } from "../../src/commands/Scripting.ts"
import { Server } from "../../src/commands/Server.ts"
import { SortedSets } from "../../src/commands/SortedSets.ts"
import { Streams } from "../../src/commands/Streams.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { VectorSets } from "../../src/commands/VectorSets.ts"
import { type Reply, ServerError } from "../../src/protocol/Reply.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

describe("a decoder", () => {
  it("answers an unexpected reply with a failure that does not repeat the reply", () => {
    const decoders: ReadonlyArray<decode.Decoder<unknown>> = [
      decode.string,
      decode.integer,
      decode.double,
      decode.ok,
      decode.boolean,
      decode.strings,
      decode.record,
      decode.pairsOf(decode.string, decode.string),
      decode.tuple(decode.string, decode.string),
      decode.oneOf("a", "b"),
      decode.colonLines
    ]
    const replies: ReadonlyArray<Reply> = [new ServerError("ERR secret"), [["secret"]], new Map([[1, "secret"]])]
    for (const decoder of decoders) {
      for (const reply of replies) {
        const result = decoder(reply)
        expect(result).toBeInstanceOf(decode.DecodeFailure)
        expect(String((result as decode.DecodeFailure).message)).not.toContain("secret")
      }
    }
  })

  it("reads a double as a number and as text", () => {
    expect([1.5, "1.5", bytes("1.5"), "inf", "-inf", Infinity].map(decode.double)).toEqual(
      [1.5, 1.5, 1.5, Infinity, -Infinity, Infinity]
    )
    expect(decode.double("nan")).toBeNaN()
    expect(decode.double("")).toBeInstanceOf(decode.DecodeFailure)
    expect(decode.double("one")).toBeInstanceOf(decode.DecodeFailure)
  })

  it("reads a list of things of several kinds, no more and no fewer", () => {
    const three = decode.tuple(decode.string, decode.integer, decode.double)
    expect(three(["a", 1, "1.5"])).toEqual(["a", 1, 1.5])
    for (const reply of [["a", 1], ["a", 1, "1.5", "b"], ["a", "b", "1.5"], "a", null]) {
      expect(three(reply)).toBeInstanceOf(decode.DecodeFailure)
    }
  })

  it("reads pairs that come flat, nested and as a map", () => {
    const pairs = decode.pairsOf(decode.string, decode.double)
    const expected = [["a", 1], ["b", 2]]
    expect(pairs(["a", "1", "b", "2"])).toEqual(expected)
    expect(pairs([["a", 1], ["b", 2]])).toEqual(expected)
    expect(pairs(new Map([["a", 1], ["b", 2]]))).toEqual(expected)
    expect(pairs([])).toEqual([])
    expect(pairs(["a", "1", "b"])).toBeInstanceOf(decode.DecodeFailure)
  })

  it("reads a record from a flat list and from a map, whatever the names are", () => {
    const record = decode.record(["__proto__", "1", "toString", "2"])
    expect(Object.entries(record)).toEqual([["__proto__", "1"], ["toString", "2"]])
    expect(decode.record(new Map([["__proto__", "1"], ["toString", "2"]]))).toEqual(record)
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype)
  })

  it("that reads lists in the place of sets and maps gives the same value for both", () => {
    const forms: ReadonlyArray<readonly [decode.Decoder<unknown>, Reply, Reply]> = [
      [decode.strings, new Set(["a", "b"]), ["a", "b"]],
      [decode.integers, new Set([1, 2]), [1, 2]],
      [decode.record, new Map([["a", "1"], ["b", "2"]]), ["a", "1", "b", "2"]],
      [decode.recordOf(decode.strings), new Map([["a", ["1", "2"]]]), ["a", ["1", "2"]]],
      [decode.pairsOf(decode.string, decode.strings), new Map([["a", ["1", "2"]]]), ["a", ["1", "2"]]]
    ]
    for (const [decoder, collection, list] of forms) {
      expect(decode.readsLists(decoder)).toBe(true)
      expect(decoder(list)).toStrictEqual(decoder(collection))
      expect(decode.isDecodeFailure(decoder(list))).toBe(false)
    }
    expect(decode.readsLists(decode.reply)).toBe(false)
    expect(decode.readsLists((reply) => reply instanceof Set ? reply.size : null)).toBe(false)
  })

  it("reads a list from a RESP3 set", () => {
    expect(decode.strings(new Set(["a", "b"]))).toEqual(["a", "b"])
  })

  it("takes a struct's optional property for undefined, and names a missing one", () => {
    const point = decode.struct<{ readonly x: number; readonly y: number | undefined }>({
      x: decode.field("x", decode.integer),
      y: decode.optional("y-axis", decode.integer)
    })
    expect(point(["x", 1])).toEqual({ x: 1, y: undefined })
    expect(point(new Map([["x", 1], ["y-axis", 2], ["more", 3]]))).toEqual({ x: 1, y: 2 })
    expect(point(["y-axis", 2])).toMatchObject({ message: expect.stringContaining("\"x\"") })
    expect(point(["x", "1"])).toBeInstanceOf(decode.DecodeFailure)
  })
})

describe("integers", () => {
  const big = BigInt("9007199254740993")

  it("fail beyond 2^53 - 1 instead of being inexact, and say what to do", () => {
    expect(Strings.incr("k").decode(big)).toMatchObject({ message: expect.stringContaining("Command.bigint") })
    expect(decode.integerText("9007199254740993")).toBeInstanceOf(decode.DecodeFailure)
  })

  it("are read at any size with Command.bigint", () => {
    expect(Command.bigint(Strings.incr("k")).decode(big)).toBe(big)
    expect(Command.bigint(Strings.incr("k")).decode(7)).toBe(BigInt(7))
    expect(Command.bigint(Strings.incr("k")).decode("7")).toBeInstanceOf(decode.DecodeFailure)
  })

  it("keep the settings of the call with Command.bigint", () => {
    expect(Strings.incr("k").pipe(Command.idempotent, Command.bigint).settings.idempotent).toBe(true)
  })

  it("are refused by Command.bigint where the answer is no integer", () => {
    expect(Command.bigint(SortedSets.zincrby("k", 1, "m")).settings.invalid).toContain("ZINCRBY")
  })
})

describe("bytes", () => {
  it("pass through the decoders in the place of text", () => {
    const value = new Uint8Array([0, 200])
    expect(Command.bytes(Strings.get("k")).settings.binary).toBe(true)
    expect(Command.bytes(Strings.get("k")).decode(value)).toBe(value)
    expect(Command.bytes(Strings.mget(["k", "l"])).decode([value, null])).toEqual([value, null])
    expect(Command.bytes(SortedSets.zpopmin("k")).decode([value, bytes("1.5")])).toEqual([[value, 1.5]])
    expect(Command.bytes(Hashes.hgetall("k")).decode([bytes("field"), value])).toEqual({ field: value })
  })

  it("are refused where the reply is parsed out of text", () => {
    expect(Command.bytes(Clients.clientList()).decode(bytes("id=1"))).toBeInstanceOf(decode.DecodeFailure)
  })
})

describe("cluster replies", () => {
  const expected = [{
    start: 0,
    end: 5460,
    nodes: [
      { host: null, port: 7000, id: "a", metadata: { ip: "10.0.0.1" } },
      { host: "", port: 7003, id: "b", metadata: {} }
    ]
  }]

  it("CLUSTER SLOTS is read with unknown hosts, and with metadata in every form", () => {
    const { decode } = Cluster.clusterSlots()
    expect(decode([[0, 5460, [null, 7000, "a", ["ip", "10.0.0.1"]], ["", 7003, "b", []]]])).toEqual(expected)
    expect(decode([[0, 5460, [null, 7000, "a", new Map([["ip", "10.0.0.1"]])], ["", 7003, "b", new Map()]]])).toEqual(
      expected
    )
    // Servers before 7.0 have no metadata.
    expect(decode([[0, 1, ["h", 1, "a"]]])).toEqual([{
      start: 0,
      end: 1,
      nodes: [{ host: "h", port: 1, id: "a", metadata: {} }]
    }])
  })

  it("CLUSTER SHARDS is read flat and as maps", () => {
    const node = [
      "id",
      "a",
      "tls-port",
      7001,
      "ip",
      "::1",
      "endpoint",
      "",
      "role",
      "replica",
      "replication-offset",
      5,
      "health",
      "online"
    ]
    const map = new Map<Reply, Reply>()
    for (let i = 0; i < node.length; i += 2) map.set(node[i], node[i + 1])
    const { decode } = Cluster.clusterShards()
    const flat = decode([["slots", [0, 1, 5, 9], "nodes", [node]]])
    expect(flat).toEqual(decode([new Map<Reply, Reply>([["slots", [0, 1, 5, 9]], ["nodes", [map]]])]))
    expect(flat).toMatchObject([{
      slots: [[0, 1], [5, 9]],
      nodes: [{ port: undefined, tlsPort: 7001, role: "replica" }]
    }])
  })

  it("CLUSTER NODES is read with IPv6, hostnames, single slots and slots on the move", () => {
    const { decode } = Cluster.clusterNodes()
    const text = "aaa ::1:7000@17000,host.example myself,master - 0 12 3 connected 0-5 7 [9->-bbb] [11-<-ccc]\n"
      + "bbb 10.0.0.2:7001@17001 slave,fail? aaa 1 2 3 disconnected\n"
    expect(decode(text)).toEqual([
      {
        id: "aaa",
        host: "::1",
        port: 7000,
        busPort: 17000,
        hostname: "host.example",
        flags: ["myself", "master"],
        primary: undefined,
        pingSent: 0,
        pongReceived: 12,
        configEpoch: 3,
        connected: true,
        slots: [[0, 5], [7, 7]],
        migrating: [{ slot: 9, to: "bbb" }],
        importing: [{ slot: 11, from: "ccc" }]
      },
      {
        id: "bbb",
        host: "10.0.0.2",
        port: 7001,
        busPort: 17001,
        hostname: undefined,
        flags: ["slave", "fail?"],
        primary: "aaa",
        pingSent: 1,
        pongReceived: 2,
        configEpoch: 3,
        connected: false,
        slots: [],
        migrating: [],
        importing: []
      }
    ])
    expect(decode("what is this\n")).toBeInstanceOf(Command.DecodeFailure)
  })

  it("the counts of several nodes, one after another, become sums", () => {
    expect(Channels.pubsubNumsub(["a", "b"]).decode(["a", 1, "b", 0, "a", 2, "b", 5])).toEqual({ a: 3, b: 5 })
  })
})

/** The maps that RESP3 has where RESP2 has flat lists of these names and values. */
const asMap = (flat: ReadonlyArray<Reply>): ReadonlyMap<Reply, Reply> => {
  const map = new Map<Reply, Reply>()
  for (let i = 0; i < flat.length; i += 2) map.set(flat[i], flat[i + 1])
  return map
}

describe("replies of servers that are not always at hand", () => {
  it("XREADGROUP gives the same with and without claim over both protocols", () => {
    const entries: Reply = [["1-1", ["a", "1"], 12, 3], ["2-1", ["b", "2"], 0, 0]]
    const claim = Streams.xreadgroup("g", "c", { s: ">" }, { claim: "1 second" })
    const expected = [{
      key: "s",
      entries: [
        { id: "1-1", fields: { a: "1" }, idle: 12, deliveries: 3 },
        { id: "2-1", fields: { b: "2" }, idle: 0, deliveries: 0 }
      ]
    }]
    expect(claim.decode([["s", entries]])).toEqual(expected)
    expect(claim.decode(new Map([["s", entries]]))).toEqual(expected)
    expect(claim.decode(null)).toEqual([])
    expect(Streams.xreadgroup("g", "c", { s: "0" }).decode([["s", [["2-1", null]]]])).toEqual([
      { key: "s", entries: [{ id: "2-1", fields: null }] }
    ])
    expect(Streams.xread({ s: "0" }).decode([["s", [["2-1", null]]]])).toBeInstanceOf(decode.DecodeFailure)
  })

  it("XCLAIM and XAUTOCLAIM leave out what is deleted, as 6.2 does not", () => {
    expect(Streams.xclaim("s", "g", "c", "0 seconds", "1-1").decode([null, ["1-1", ["a", "1"]]])).toEqual([
      { id: "1-1", fields: { a: "1" } }
    ])
    expect(Streams.xautoclaim("s", "g", "c", "0 seconds", "0-0").decode(["0-0", [null]])).toEqual({
      cursor: "0-0",
      entries: [],
      deleted: []
    })
  })

  it("VSIM with scores and attributes comes flat and as a map", () => {
    const { decode } = VectorSets.vsim("v", { element: "a" }, { withScores: true, withAttributes: true })
    const expected = [{ element: "a", score: 1, attributes: "{}" }, { element: "b", score: 0.5, attributes: null }]
    expect(decode(["a", "1", "{}", "b", "0.5", null])).toEqual(expected)
    expect(decode(new Map<Reply, Reply>([["a", [1, "{}"]], ["b", [0.5, null]]]))).toEqual(expected)
    expect(decode(["a", "1"])).toBeInstanceOf(Command.DecodeFailure)
  })

  it("VLINKS with scores comes in layers, flat and as maps", () => {
    const { decode } = VectorSets.vlinks("v", "a", { withScores: true })
    const expected = [[["b", 0.5]], [["b", 0.5], ["c", 1]]]
    expect(decode([["b", "0.5"], ["b", "0.5", "c", "1"]])).toEqual(expected)
    expect(decode([new Map([["b", 0.5]]), new Map([["b", 0.5], ["c", 1]])])).toEqual(expected)
  })

  it("GEOSEARCH reads what the options ask for in the order of the servers", () => {
    const area = { from: { member: "a" }, radius: 1, unit: "m" } as const
    expect(Geo.geosearch("g", area, { withHash: true, withDistance: true }).decode([["a", "1.5", 7]])).toEqual([
      { member: "a", distance: 1.5, hash: 7 }
    ])
    expect(Geo.geosearch("g", area, { withHash: true }).decode([["a"]])).toBeInstanceOf(decode.DecodeFailure)
  })

  it("HOTKEYS GET is a map in a list", () => {
    const figures: ReadonlyArray<Reply> = [
      "tracking-active",
      1,
      "sample-ratio",
      2,
      "selected-slots",
      [[5], [7, 9]],
      "all-commands-selected-slots-us",
      4,
      "collection-start-time-unix-ms",
      1795621587224,
      "collection-duration-ms",
      12,
      "total-cpu-time-user-ms",
      3,
      "total-cpu-time-sys-ms",
      1,
      "by-cpu-time-us",
      ["k", 30, "l", 20]
    ]
    const { decode } = Server.hotkeysGet()
    const expected = {
      trackingActive: true,
      sampleRatio: 2,
      selectedSlots: [[5, 5], [7, 9]],
      collectionStartTime: 1795621587224,
      collectionDuration: 12,
      totalCpuTimeUser: 3,
      totalCpuTimeSys: 1,
      totalNetBytes: undefined,
      byCpuTime: [["k", 30], ["l", 20]],
      byNetBytes: undefined
    }
    expect(decode([figures])).toMatchObject(expected)
    expect(decode([asMap(figures)])).toMatchObject(expected)
    expect(decode([figures])).toMatchObject({ fields: { "all-commands-selected-slots-us": 4 } })
    expect(decode(null)).toBe(null)
  })

  it("slot migrations are read from both kinds of servers", () => {
    const job: ReadonlyArray<Reply> = [
      "name",
      "b966",
      "operation",
      "EXPORT",
      "slot_ranges",
      "0-1 3-3",
      "target_node",
      "a",
      "source_node",
      "b",
      "create_time",
      1,
      "last_update_time",
      2,
      "last_ack_time",
      3,
      "state",
      "success",
      "message",
      "",
      "cow_size",
      0,
      "remaining_repl_size",
      4
    ]
    const jobs = Cluster.clusterGetslotmigrations()
    expect(jobs.decode([asMap(job)])).toEqual(jobs.decode([job]))
    expect(jobs.decode([job])).toMatchObject([{
      name: "b966",
      operation: "EXPORT",
      ranges: [[0, 1], [3, 3]],
      targetNode: "a",
      sourceNode: "b",
      lastAckTime: 3,
      state: "success",
      remainingReplSize: 4
    }])
    const task: ReadonlyArray<Reply> = [
      "id",
      "fae1",
      "slots",
      "0-1 3-3",
      "source",
      "a",
      "dest",
      "b",
      "operation",
      "import",
      "state",
      "completed",
      "last_error",
      "",
      "retries",
      0,
      "create_time",
      1,
      "start_time",
      2,
      "end_time",
      3,
      "write_pause_ms",
      4
    ]
    const tasks = Cluster.clusterMigrationStatus("ALL")
    expect(tasks.decode([asMap(task)])).toEqual(tasks.decode([task]))
    expect(tasks.decode([task])).toMatchObject([{
      id: "fae1",
      ranges: [[0, 1], [3, 3]],
      destination: "b",
      state: "completed",
      endTime: 3,
      writePauseMs: 4
    }])
  })

  it("CLUSTER SLOT-STATS in order keeps the first of all primaries together", () => {
    const stats = (slot: number, keys: number): Reply => [slot, ["key-count", keys, "cpu-usec", 1]]
    const slots = (command: Command.Command<unknown>, reply: Reply) =>
      (command.decode(reply) as ReadonlyArray<{ slot: number }>).map(({ slot }) => slot)
    const reply = [stats(7, 9), stats(1, 2), stats(8, 5), stats(9, 5)]
    expect(slots(Cluster.clusterSlotStats({ orderBy: "key-count", limit: 3 }), reply)).toEqual([7, 8, 9])
    expect(slots(Cluster.clusterSlotStats({ orderBy: "key-count", order: "ASC" }), reply)).toEqual([1, 8, 9, 7])
    expect(Cluster.clusterSlotStats({ start: 0, end: 9 }).decode([[7, new Map([["key-count", 9]])]])).toEqual([{
      slot: 7,
      keyCount: 9,
      cpuUsec: undefined,
      memoryBytes: undefined,
      networkBytesIn: undefined,
      networkBytesOut: undefined
    }])
  })

  it("FUNCTION STATS names the function that runs", () => {
    const running: ReadonlyArray<Reply> = ["name", "f", "command", ["FCALL", "f", "0"], "duration_ms", 5]
    const engines: Reply = ["LUA", ["libraries_count", 1, "functions_count", 2]]
    const { decode } = Scripting.functionStats()
    const expected = {
      running: { name: "f", command: ["FCALL", "f", "0"], durationMs: 5 },
      engines: { LUA: { libraries: 1, functions: 2 } }
    }
    expect(decode(["running_script", running, "engines", engines])).toEqual(expected)
    const counts = new Map([["libraries_count", 1], ["functions_count", 2]])
    expect(decode(new Map<Reply, Reply>([["running_script", asMap(running)], ["engines", new Map([["LUA", counts]])]])))
      .toEqual(expected)
  })

  it("LATENCY LATEST has two more figures on Valkey", () => {
    const { decode } = Server.latencyLatest()
    expect(decode([["command", 1, 2, 3]])).toEqual([
      { event: "command", time: 1, latest: 2, max: 3, sum: undefined, count: undefined }
    ])
    expect(decode([["command", 1, 2, 3, 4, 5]])).toEqual([
      { event: "command", time: 1, latest: 2, max: 3, sum: 4, count: 5 }
    ])
  })

  it("HSCAN and ZSCAN without values are pages of names", () => {
    expect(Hashes.hscan("h", "0", { noValues: true }).decode(["0", ["a", "b"]])).toEqual({
      cursor: "0",
      items: ["a", "b"]
    })
    expect(SortedSets.zscan("z", "0", { noScores: true }).decode(["0", ["a", "b"]])).toEqual({
      cursor: "0",
      items: ["a", "b"]
    })
  })
})
