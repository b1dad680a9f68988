import { describe, expect, it } from "vitest"
import { Bitmaps } from "../../src/commands/Bitmaps.ts"
import { Cluster } from "../../src/commands/Cluster.ts"
import type { Command } from "../../src/commands/Command.ts"
import { Connection } from "../../src/commands/Connection.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Hashes } from "../../src/commands/Hashes.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Server } from "../../src/commands/Server.ts"
import { SortedSets } from "../../src/commands/SortedSets.ts"
import { Strings } from "../../src/commands/Strings.ts"

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
    expect(blocking(Lists.blpop("a", "forever"))).toBe(Infinity)
    expect(blocking(Generic.wait(1, "50 millis"))).toBe(50)
    expect(blocking(Lists.lpop("a"))).toBeUndefined()
  })
})

describe("where a command goes", () => {
  it("commands about a slot go to its owner", () => {
    const command = Cluster.clusterGetkeysinslot(42, 1)
    expect(command.spec.slot?.(command.args)).toBe(42)
  })

  it("commands about one node are never sent to a node of the client's choice", () => {
    for (const command of [Connection.clientList(), Server.shutdown(), Server.save(), Cluster.clusterFailover()]) {
      expect(command.spec.request).toBe("explicit")
    }
  })

  it("a word among the values is not taken for an option that names a key", () => {
    const keys = (command: Command<unknown>) =>
      typeof command.spec.keys === "function" ? command.spec.keys(command.args).map((at) => command.args[at]) : []
    expect(keys(Generic.sort("k", { by: "STORE", get: ["store", "#"], store: "d" }))).toEqual(["k", "d"])
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
    ["a filter that filters nothing", Connection.clientKill({}), /must say which connections/],
    ["several members to increment", SortedSets.zadd("z", { a: 1, b: 2 }, { increment: true }), /takes one member/],
    ["a cursor that is none", Generic.scan("x"), /^SCAN: cursor must be/],
    ["weights for other keys", SortedSets.zunion(["a", "b"], { weights: [1] }), /one entry for each key/]
  ]

  it.each(cases)("%s is refused", (_, command, message) => {
    expect(command.settings.invalid).toMatch(message)
    expect(command.args).toEqual([])
  })

  it("options that exclude one another are refused when the types let them through", () => {
    const options: object = { expire: "1 minute", keepTtl: true }
    expect(Strings.set("k", "v", options).settings.invalid).toMatch(/exclude one another/)
  })

  it("the values themselves never appear in the message", () => {
    expect(Strings.set("secret", "secret", { expire: "0 seconds" }).settings.invalid).not.toContain("secret")
  })
})
