import { describe, expect, it } from "vitest"
import { Bitmaps } from "../../src/commands/Bitmaps.ts"
import { Clients } from "../../src/commands/Clients.ts"
import { Cluster } from "../../src/commands/Cluster.ts"
import type { Command } from "../../src/commands/Command.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Geo } from "../../src/commands/Geo.ts"
import { Hashes } from "../../src/commands/Hashes.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Scripting } from "../../src/commands/Scripting.ts"
import { Server } from "../../src/commands/Server.ts"
import { SortedSets } from "../../src/commands/SortedSets.ts"
import { Streams } from "../../src/commands/Streams.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { VectorSets } from "../../src/commands/VectorSets.ts"

const line = (command: Command<unknown>) => [command.spec.name, ...command.args].join(" ")

describe("what is sent", () => {
  it("options stand behind the arguments in the order of the documentation", () => {
    expect(line(Strings.set("k", "v", { condition: "NX", get: true, expire: "10 minutes" }))).toBe(
      "SET k v NX GET EX 600"
    )
    expect(line(SortedSets.zadd("z", { a: 1 }, { condition: "XX", comparison: "GT", changed: true }))).toBe(
      "ZADD z XX GT CH 1 a"
    )
  })

  it("options of newer servers stand where those expect them", () => {
    const entry = { a: 1 }
    const cases: ReadonlyArray<readonly [Command<unknown>, string]> = [
      [
        Streams.xadd("s", "*", entry, {
          noMkStream: true,
          references: "ACKED",
          idempotent: { producer: "p", id: "i" },
          trim: { maxLength: 9, approximate: true, limit: 3 }
        }),
        "XADD s NOMKSTREAM ACKED IDMP p i MAXLEN ~ 9 LIMIT 3 * a 1"
      ],
      [Streams.xadd("s", "*", entry, { idempotent: { producer: "p" } }), "XADD s IDMPAUTO p * a 1"],
      [Streams.xtrim("s", { minId: "5-0" }, { references: "DELREF" }), "XTRIM s MINID = 5-0 DELREF"],
      [Streams.xdelex("s", ["1-1", "2-2"], "ACKED"), "XDELEX s ACKED IDS 2 1-1 2-2"],
      [Streams.xackdel("s", "g", "1-1"), "XACKDEL s g IDS 1 1-1"],
      [
        Streams.xreadgroup("g", "c", { s: ">", t: ">" }, {
          count: 2,
          block: "1 second",
          claim: "1 minute",
          noAck: true
        }),
        "XREADGROUP GROUP g c COUNT 2 BLOCK 1000 CLAIM 60000 NOACK STREAMS s t > >"
      ],
      [Streams.xpending("s", "g", { count: 3, idle: "1 second" }), "XPENDING s g IDLE 1000 - + 3"],
      [
        Geo.geosearch("g", {
          polygon: [[1, 2], [3, 4], [5, 6]].map(([longitude, latitude]) => ({ longitude, latitude }))
        }),
        "GEOSEARCH g BYPOLYGON 3 1 2 3 4 5 6"
      ],
      [
        VectorSets.vadd("v", "e", [1, -0.5], { reduce: 2, checkAndSet: true, quantization: "BIN", ef: 9, links: 8 }),
        "VADD v REDUCE 2 VALUES 2 1 -0.5 e CAS BIN EF 9 M 8"
      ],
      [
        VectorSets.vsim("v", { element: "e" }, { withScores: true, withAttributes: true, count: 3, epsilon: 0.2 }),
        "VSIM v ELE e WITHSCORES WITHATTRIBS COUNT 3 EPSILON 0.2"
      ],
      [
        Cluster.clusterMigrateslots([{ ranges: [[1, 2], [5, 5]], node: "a" }, { ranges: [[7, 8]], node: "b" }]),
        "CLUSTER MIGRATESLOTS SLOTSRANGE 1 2 5 5 NODE a SLOTSRANGE 7 8 NODE b"
      ],
      [Cluster.clusterMigrationImport([[1, 2], [5, 5]]), "CLUSTER MIGRATION IMPORT 1 2 5 5"],
      [Cluster.clusterSlotStats({ orderBy: "cpu-usec", limit: 5 }), "CLUSTER SLOT-STATS ORDERBY cpu-usec LIMIT 5 DESC"],
      [Cluster.clusterscan("0-{06S}-0", { slot: 9 }), "CLUSTERSCAN 0-{06S}-0 SLOT 9"],
      [Cluster.trimslots([[1, 2], [5, 5]]), "TRIMSLOTS RANGES 2 1 2 5 5"],
      [
        Server.hotkeysStart({ metrics: ["CPU", "NET"], count: 5, duration: "1 minute", sample: 2, slots: [3, 4] }),
        "HOTKEYS START METRICS 2 CPU NET COUNT 5 DURATION 60 SAMPLE 2 SLOTS 2 3 4"
      ],
      [Server.shutdown({ save: false, now: true, safe: true, failover: true }), "SHUTDOWN NOSAVE NOW SAFE FAILOVER"],
      [
        Clients.clientList({ id: [1, 2], libName: "x", idle: 3, not: { ip: "a", id: 4 }, skipMe: false }),
        "CLIENT LIST ID 1 2 LIB-NAME x IDLE 3 NOT-ID 4 NOT-IP a SKIPME no"
      ],
      [Hashes.hsetex("h", entry, { keyCondition: "XX", condition: "FNX" }), "HSETEX h XX FNX FIELDS 1 a 1"]
    ]
    for (const [command, expected] of cases) expect(line(command)).toBe(expected)
  })

  it("a Float32Array is sent as its bytes, the part that it shows and nothing else", () => {
    const vector = new Float32Array([9, 1, 0.5, 9]).subarray(1, 3)
    expect(VectorSets.vadd("v", "e", vector).args).toEqual([
      "v",
      "FP32",
      new Uint8Array(new Float32Array([1, 0.5]).buffer),
      "e"
    ])
  })

  it("a lifetime is sent in seconds when whole, in milliseconds otherwise, and never rounded down", () => {
    expect(line(Strings.set("k", "v", { expire: "1500 millis" }))).toBe("SET k v PX 1500")
    expect(line(Strings.set("k", "v", { expire: "100 micros" }))).toBe("SET k v PX 1")
    expect(line(Strings.set("k", "v", { expireAt: new Date(1) }))).toBe("SET k v PXAT 1")
    expect(line(Generic.expireat("k", new Date(1001)))).toBe("EXPIREAT k 2")
  })

  it("integers are sent in decimal, bigints too", () => {
    expect(line(Strings.incrby("k", BigInt("9223372036854775807")))).toBe("INCRBY k 9223372036854775807")
    expect(line(Strings.incrby("k", -3))).toBe("INCRBY k -3")
  })

  it("scores may be infinite", () => {
    expect(line(SortedSets.zadd("z", [["a", Infinity], ["b", -Infinity]]))).toBe("ZADD z +inf a -inf b")
  })

  it("bytes are sent as they are", () => {
    const value = new Uint8Array([255])
    expect(Strings.set("k", value).args[1]).toBe(value)
  })

  it("entries are an object, a map or pairs", () => {
    const expected = "HSET h a 1 b 2"
    expect(line(Hashes.hset("h", { a: 1, b: "2" }))).toBe(expected)
    expect(line(Hashes.hset("h", new Map([["a", 1], ["b", 2]])))).toBe(expected)
    expect(line(Hashes.hset("h", [["a", 1], ["b", 2]]))).toBe(expected)
  })
})

describe("how long a command may take", () => {
  const blocking = (command: Command<unknown>) => command.spec.blocking?.(command.args)

  it("is read from its arguments, in milliseconds", () => {
    expect(blocking(Lists.blpop(["a", "b"], "1500 millis"))).toBe(1500)
    expect(blocking(Lists.blmpop("2 seconds", "a", "LEFT"))).toBe(2000)
    expect(blocking(Lists.blpop("a", "Infinity"))).toBe(Infinity)
    expect(blocking(Generic.wait(1, "50 millis"))).toBe(50)
    expect(blocking(Lists.lpop("a"))).toBeUndefined()
    expect(blocking(Streams.xread({ BLOCK: "0" }))).toBeUndefined()
    expect(blocking(Streams.xread({ s: "$" }, { count: 1, block: "1500 millis" }))).toBe(1500)
    expect(blocking(Streams.xread({ s: "$" }, { block: "Infinity" }))).toBe(Infinity)
    expect(blocking(Streams.xreadgroup("BLOCK", "7", { s: ">" }))).toBeUndefined()
    expect(blocking(Streams.xreadgroup("BLOCK", "7", { s: ">" }, { block: "1 second", claim: "1 hour" }))).toBe(1000)
  })
})

describe("where a command goes", () => {
  it("commands about a slot go to its owner", () => {
    const command = Cluster.clusterGetkeysinslot(42, 1)
    expect(command.spec.slot?.(command.args)).toBe(42)
    const flush = Cluster.clusterFlushslot(43, "ASYNC")
    expect(flush.spec.slot?.(flush.args)).toBe(43)
  })

  it("a scan of the cluster goes to the node that its cursor names", () => {
    const { args, spec } = Cluster.clusterscan("0-{06S}-0")
    expect(args[spec.channel]).toBe("0-{06S}-0")
  })

  it("a running script is looked for on replicas too", () => {
    expect([Scripting.scriptKill(), Scripting.functionKill()].map(({ spec }) => spec.request)).toEqual([
      "allNodes",
      "allNodes"
    ])
  })

  it("commands about one node are never sent to a node of the client's choice", () => {
    for (const command of [Clients.clientList(), Server.shutdown(), Server.save(), Cluster.clusterFailover()]) {
      expect(command.spec.request).toBe("explicit")
    }
  })

  it("a word among the values is not taken for an option that names a key", () => {
    const keys = (command: Command<unknown>) =>
      typeof command.spec.keys === "function" ? command.spec.keys(command.args).map((at) => command.args[at]) : []
    expect(keys(Generic.sort("k", { by: "STORE", get: ["store", "#"], store: "d" }))).toEqual(["k", "d"])
    expect(keys(Streams.xreadgroup("STREAMS", "STREAMS", { STREAMS: ">", t: ">" }))).toEqual(["STREAMS", "t"])
    const place = { longitude: 1, latitude: 2 }
    expect(keys(Geo.georadiusbymember("k", "STORE", 1, "m"))).toEqual(["k"])
    expect(keys(Geo.georadius("k", place, 1, "m", { storeDistance: "d", count: 2 }))).toEqual(["k", "d"])
    expect(keys(Generic.migrate({ host: "KEYS", port: 1 }, ["KEYS", "b"], { password: "keys" }))).toEqual(["KEYS", "b"])
  })
})

describe("bad input", () => {
  const cases: ReadonlyArray<readonly [string, Command<unknown>, RegExp]> = [
    ["an empty list of keys", Strings.mget([]), /^MGET: keys must have at least one entry, got none/],
    ["no entries", Strings.mset({}), /^MSET: entries must have at least one entry/],
    [
      "a fraction for an integer",
      Strings.incrby("k", 1.5),
      /^INCRBY: increment must be a whole number, got a fraction/
    ],
    ["an integer that is not exact", Strings.incrby("k", 2 ** 53), /pass a bigint/],
    ["NaN", Strings.incrbyfloat("k", NaN), /^INCRBYFLOAT: increment must be a finite number, got NaN/],
    ["an infinite increment", Hashes.hincrbyfloat("h", "f", Infinity), /got an infinite number/],
    ["a NaN score", SortedSets.zadd("z", { a: NaN }), /^ZADD: a score of members must be a number, got NaN/],
    ["a negative count", Lists.lpop("l", -1), /^LPOP: count must be a whole number, at least 0, got a negative number/],
    ["a negative offset", Bitmaps.getbit("b", -1), /at least 0/],
    ["a lifetime of nothing", Strings.set("k", "v", { expire: "0 seconds" }), /greater than zero, got zero or less/],
    ["an endless lifetime", Strings.set("k", "v", { expire: "Infinity" }), /got an infinite one/],
    ["an invalid date", Strings.set("k", "v", { expireAt: new Date(NaN) }), /valid date/],
    ["a part of a second", Generic.expire("k", "1500 millis"), /use pexpire/],
    ["a slot beyond the last", Cluster.clusterCountkeysinslot(16384), /0 to 16383/],
    ["a filter that filters nothing", Clients.clientKill({}), /must say which connections/],
    ["several members to increment", SortedSets.zadd("z", { a: 1, b: 2 }, { increment: true }), /takes one member/],
    ["a cursor that is none", Generic.scan("x"), /^SCAN: cursor must be/],
    ["a cursor that is half one", Cluster.clusterscan("0-{06S}"), /^CLUSTERSCAN: cursor must be/],
    ["no streams", Streams.xread({}), /^XREAD: streams must have at least one entry/],
    ["no fields", Streams.xadd("s", "*", {}), /^XADD: fields must have at least one entry/],
    ["no ids", Streams.xdelex("s", []), /^XDELEX: ids must have at least one entry/],
    [
      "a length below zero",
      Streams.xtrim("s", { maxLength: -1 }),
      /^XTRIM: maxLength must be a whole number, at least 0/
    ],
    ["a limit of exact trimming", Streams.xtrim("s", { maxLength: 1, limit: 1 }), /approximate trimming only/],
    ["a producer with an id", Streams.xadd("s", "1-1", { a: 1 }, { idempotent: { producer: "p" } }), /needs the id/],
    ["no settings", Streams.xcfgset("s", {}), /^XCFGSET: settings must have at least one entry/],
    ["a part of a second for seconds", Streams.xcfgset("s", { idmpDuration: "100 millis" }), /whole seconds/],
    [
      "idle and time",
      Streams.xclaim("s", "g", "c", "0 seconds", "1-1", { idle: "1 second", time: new Date(1) }),
      /idle and time exclude one another/
    ],
    [
      "an endless idle time",
      Streams.xclaim("s", "g", "c", "Infinity", "1-1"),
      /minIdle must be a finite duration, got/
    ],
    ["a claim of old entries", Streams.xreadgroup("g", "c", { s: "0" }, { claim: "1 second" }), /new entries only/],
    ["no members", Geo.geoadd("g", []), /^GEOADD: members must have at least one entry/],
    [
      "a NaN longitude",
      Geo.geoadd("g", { member: "a", longitude: NaN, latitude: 0 }),
      /longitude must be a finite number/
    ],
    [
      "a radius below zero",
      Geo.geosearch("g", { from: { member: "a" }, radius: -1, unit: "m" }),
      /radius must be a finite number, at least 0/
    ],
    ["a polygon of two corners", Geo.geosearch("g", { polygon: [] }), /at least three corners/],
    [
      "any without a count",
      Geo.geosearch("g", { from: { member: "a" }, radius: 1, unit: "m" }, { any: true }),
      /any needs a count/
    ],
    ["an empty vector", VectorSets.vadd("v", "e", []), /^VADD: vector must have at least one number/],
    ["NaN in a vector", VectorSets.vadd("v", "e", [NaN]), /a number of vector must be a finite number, got NaN/],
    ["NaN in a vector of bytes", VectorSets.vsim("v", { vector: new Float32Array([NaN]) }), /finite numbers only/],
    [
      "a count of zero",
      VectorSets.vsim("v", { element: "e" }, { count: 0 }),
      /count must be a whole number, at least 1/
    ],
    ["no slot moves", Cluster.clusterMigrateslots([]), /^CLUSTER MIGRATESLOTS: moves must have at least one entry/],
    ["a range that ends before it starts", Cluster.clusterMigrationImport([[2, 1]]), /must not end before it starts/],
    ["no metrics", Server.hotkeysStart({ metrics: [] }), /^HOTKEYS START: metrics must have at least one entry/],
    ["slots beyond the last", Server.hotkeysStart({ metrics: "CPU", slots: [16384] }), /0 to 16383/],
    ["a negative log count", Server.commandlogGet(-2, "SLOW"), /at least -1/],
    ["weights for other keys", SortedSets.zunion(["a", "b"], { weights: [1] }), /one entry for each key/]
  ]

  it.each(cases)("%s is refused", (_, command, message) => {
    expect(command.settings.invalid).toMatch(message)
    expect(command.args).toEqual([])
  })

  it("options that exclude one another are refused when the types let them through", () => {
    const options: object = { expire: "1 minute", keepTtl: true }
    expect(Strings.set("k", "v", options).settings.invalid).toMatch(/exclude one another/)
    const trim: object = { maxLength: 1, minId: "1-1" }
    expect(Streams.xtrim("s", trim as { maxLength: 1 }).settings.invalid).toMatch(/maxLength and minId exclude/)
    const place = { longitude: 1, latitude: 2 }
    const stores: object = { store: "a", storeDistance: "b" }
    expect(Geo.georadius("g", place, 1, "m", stores).settings.invalid).toMatch(/store and storeDistance exclude/)
    const stored: object = { store: "a", withHash: true }
    expect(Geo.georadius("g", place, 1, "m", stored).settings.invalid).toMatch(/what is stored is not answered/)
    const areas: object = { from: place, radius: 1, width: 1, height: 1, unit: "m" }
    expect(Geo.geosearch("g", areas as { from: typeof place; radius: 1; unit: "m" }).settings.invalid).toMatch(
      /radius excludes width and height/
    )
    const pending: object = { consumer: "c" }
    expect(Streams.xpending("s", "g", pending).settings.invalid).toMatch(/need a count/)
  })

  it("the values themselves never appear in the message", () => {
    expect(Strings.set("secret", "secret", { expire: "0 seconds" }).settings.invalid).not.toContain("secret")
  })
})
