import * as Command from "../../../src/commands/Command.ts"
import { Hashes } from "../../../src/commands/Hashes.ts"
import { far, hash, type Sample } from "./Sample.ts"

const user = [Hashes.hset("user:1", { name: "Ada", city: "London" })]

export const hashes: ReadonlyArray<Sample> = [
  { name: "hdel", command: Hashes.hdel("user:1", ["city", "age"]), prepare: user, expected: 1 },
  { name: "hexists", command: Hashes.hexists("user:1", "name"), prepare: user, expected: true },
  {
    name: "hexpire",
    command: Hashes.hexpire("user:1", "1 minute", ["city", "age"]),
    prepare: user,
    expected: [1, -2],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hexpire if there is none",
    command: Hashes.hexpire("h", "1 minute", ["f", "none"], "NX"),
    prepare: hash,
    expected: [1, -2],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hexpireat",
    command: Hashes.hexpireat("user:1", new Date("2100-01-01"), "city"),
    prepare: user,
    expected: [1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hexpiretime",
    command: Hashes.hexpiretime("user:1", "city"),
    prepare: user,
    expected: [-1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  { name: "hget", command: Hashes.hget("user:1", "name"), prepare: user, expected: "Ada" },
  { name: "hgetall", command: Hashes.hgetall("user:1"), prepare: user, expected: { name: "Ada", city: "London" } },
  {
    name: "hgetall of a field with a strange name",
    command: Hashes.hgetall("h"),
    prepare: [["HSET", "h", "f", "1", "__proto__", "2"]],
    expected: Object.fromEntries([["f", "1"], ["__proto__", "2"]])
  },
  { name: "hgetall of a missing key", command: Hashes.hgetall("h"), expected: {} },
  {
    name: "hgetall as bytes",
    command: Command.bytes(Hashes.hgetall("h")),
    prepare: [["HSET", "h", "f", new Uint8Array([200])]],
    expected: { f: new Uint8Array([200]) }
  },
  {
    name: "hgetdel",
    command: Hashes.hgetdel("user:1", ["city", "age"]),
    prepare: user,
    expected: ["London", null],
    since: { redis: "8.0", valkey: "9.1" }
  },
  {
    name: "hgetex",
    command: Hashes.hgetex("user:1", "city", { expire: "1 minute" }),
    prepare: user,
    expected: ["London"],
    since: { redis: "8.0", valkey: "9.0" }
  },
  {
    name: "hgetex with persist",
    command: Hashes.hgetex("h", ["f", "none"], { persist: true }),
    prepare: hash,
    expected: ["1", null],
    since: { redis: "8.0", valkey: "9.0" }
  },
  {
    name: "hincrby",
    command: Hashes.hincrby("user:1", "visits", 5),
    prepare: [Hashes.hset("user:1", { visits: 10 })],
    expected: 15
  },
  { name: "hincrby downwards", command: Hashes.hincrby("h", "f", -4), prepare: hash, expected: -3 },
  {
    name: "hincrbyfloat",
    command: Hashes.hincrbyfloat("user:1", "balance", 0.25),
    prepare: [Hashes.hset("user:1", { balance: 1 })],
    expected: 1.25
  },
  { name: "hkeys", command: Hashes.hkeys("user:1"), prepare: user, expected: ["name", "city"] },
  { name: "hlen", command: Hashes.hlen("user:1"), prepare: user, expected: 2 },
  { name: "hmget", command: Hashes.hmget("user:1", ["name", "age"]), prepare: user, expected: ["Ada", null] },
  { name: "hmset", command: Hashes.hmset("user:1", { name: "Ada" }), expected: "OK" },
  {
    name: "hpersist",
    command: Hashes.hpersist("user:1", "city"),
    prepare: user,
    expected: [-1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hpexpire",
    command: Hashes.hpexpire("user:1", "1500 millis", "city"),
    prepare: user,
    expected: [1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hpexpireat",
    command: Hashes.hpexpireat("user:1", new Date("2100-01-01"), "city"),
    prepare: user,
    expected: [1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hpexpiretime",
    command: Hashes.hpexpiretime("user:1", "city"),
    prepare: user,
    expected: [-1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hpttl",
    command: Hashes.hpttl("user:1", "city"),
    prepare: user,
    expected: [-1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hrandfield",
    command: Hashes.hrandfield("user:1"),
    prepare: [Hashes.hset("user:1", { name: "Ada" })],
    expected: "name"
  },
  {
    name: "hrandfield with count",
    command: Hashes.hrandfield("h", { count: -2 }),
    prepare: [["HSET", "h", "f", "1"]],
    expected: ["f", "f"]
  },
  {
    name: "hrandfield with values",
    command: Hashes.hrandfield("h", { count: 5, withValues: true }),
    prepare: [["HSET", "h", "f", "1"]],
    expected: [["f", "1"]]
  },
  {
    name: "hscan",
    command: Hashes.hscan("user:1", "0", { match: "*" }),
    prepare: user,
    expected: { cursor: "0", items: [["name", "Ada"], ["city", "London"]] }
  },
  {
    name: "hscan with count",
    command: Hashes.hscan("h", "0", { count: 10 }),
    prepare: hash,
    expected: { cursor: "0", items: [["f", "1"], ["g", "2"]] }
  },
  {
    name: "hscan without values",
    command: Hashes.hscan("h", "0", { noValues: true }),
    prepare: hash,
    expected: { cursor: "0", items: ["f", "g"] },
    since: { redis: "7.4", valkey: "8.0" }
  },
  { name: "hset", command: Hashes.hset("user:1", { name: "Ada", age: 36 }), expected: 2 },
  { name: "hset of bytes", command: Hashes.hset("h", { f: 1, x: new Uint8Array([1]) }), prepare: hash, expected: 1 },
  {
    name: "hsetex",
    command: Hashes.hsetex("user:1", { code: "1234" }, { expire: "10 minutes" }),
    expected: true,
    since: { redis: "8.0", valkey: "9.0" }
  },
  {
    name: "hsetex of fields that exist",
    command: Hashes.hsetex("h", { f: 1 }, { condition: "FXX", keepTtl: true }),
    prepare: hash,
    expected: true,
    since: { redis: "8.0", valkey: "9.0" }
  },
  {
    name: "hsetex until a time",
    command: Hashes.hsetex("h", { f: 1 }, { condition: "FNX", expireAt: far }),
    prepare: hash,
    expected: false,
    since: { redis: "8.0", valkey: "9.0" }
  },
  {
    name: "hsetex on a key",
    command: Hashes.hsetex("h", { f: 1 }, { keyCondition: "NX", expire: "1 minute" }),
    prepare: hash,
    expected: false,
    since: { valkey: "9.1" }
  },
  { name: "hsetnx", command: Hashes.hsetnx("user:1", "name", "Bob"), prepare: user, expected: false },
  { name: "hsetnx of a number", command: Hashes.hsetnx("h", "f", 9), prepare: hash, expected: false },
  { name: "hstrlen", command: Hashes.hstrlen("user:1", "name"), prepare: user, expected: 3 },
  {
    name: "httl",
    command: Hashes.httl("user:1", "city"),
    prepare: user,
    expected: [-1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  { name: "hvals", command: Hashes.hvals("user:1"), prepare: user, expected: ["Ada", "London"] }
]
