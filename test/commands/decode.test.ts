import { describe, expect, it } from "vitest"
import { Channels } from "../../src/commands/Channels.ts"
import { Cluster } from "../../src/commands/Cluster.ts"
import * as Command from "../../src/commands/Command.ts"
import { Connection } from "../../src/commands/Connection.ts"
import * as decode from "../../src/commands/decode.ts"
import { Hashes } from "../../src/commands/Hashes.ts"
import { SortedSets } from "../../src/commands/SortedSets.ts"
import { Strings } from "../../src/commands/Strings.ts"
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
    expect(Command.bytes(Connection.clientList()).decode(bytes("id=1"))).toBeInstanceOf(decode.DecodeFailure)
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

  it("the lists of several nodes, one after another, become one", () => {
    expect(Channels.pubsubChannels().decode(["a", "b", "a"])).toEqual(["a", "b"])
    expect(Channels.pubsubNumsub(["a", "b"]).decode(["a", 1, "b", 0, "a", 2, "b", 5])).toEqual({ a: 3, b: 5 })
  })
})
