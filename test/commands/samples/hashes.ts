import * as Command from "../../../src/commands/Command.ts"
import { Hashes } from "../../../src/commands/Hashes.ts"
import { far, hash, type Sample } from "./Sample.ts"

export const hashes: ReadonlyArray<Sample> = [
  { name: "hdel", command: Hashes.hdel("h", ["f", "none"]), prepare: hash, expected: 1 },
  { name: "hexists", command: Hashes.hexists("h", "f"), prepare: hash, expected: true },
  {
    name: "hexpire",
    command: Hashes.hexpire("h", "1 minute", ["f", "none"], "NX"),
    prepare: hash,
    expected: [1, -2],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hexpireat",
    command: Hashes.hexpireat("h", far, "f"),
    prepare: hash,
    expected: [1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hexpiretime",
    command: Hashes.hexpiretime("h", "f"),
    prepare: hash,
    expected: [-1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  { name: "hget", command: Hashes.hget("h", "f"), prepare: hash, expected: "1" },
  {
    name: "hgetall",
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
    command: Hashes.hgetdel("h", "f"),
    prepare: hash,
    expected: ["1"],
    since: { redis: "8.0", valkey: "9.1" }
  },
  {
    name: "hgetex",
    command: Hashes.hgetex("h", ["f"], { expire: "1 minute" }),
    prepare: hash,
    expected: ["1"],
    since: { redis: "8.0", valkey: "9.0" }
  },
  {
    name: "hgetex with persist",
    command: Hashes.hgetex("h", ["f", "none"], { persist: true }),
    prepare: hash,
    expected: ["1", null],
    since: { redis: "8.0", valkey: "9.0" }
  },
  { name: "hincrby", command: Hashes.hincrby("h", "f", -4), prepare: hash, expected: -3 },
  { name: "hincrbyfloat", command: Hashes.hincrbyfloat("h", "f", 0.25), prepare: hash, expected: 1.25 },
  { name: "hkeys", command: Hashes.hkeys("h"), prepare: hash, expected: ["f", "g"] },
  { name: "hlen", command: Hashes.hlen("h"), prepare: hash, expected: 2 },
  { name: "hmget", command: Hashes.hmget("h", ["g", "none"]), prepare: hash, expected: ["2", null] },
  { name: "hmset", command: Hashes.hmset("h", { f: 1 }), expected: "OK" },
  {
    name: "hpersist",
    command: Hashes.hpersist("h", "f"),
    prepare: hash,
    expected: [-1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hpexpire",
    command: Hashes.hpexpire("h", "1500 millis", "f"),
    prepare: hash,
    expected: [1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hpexpireat",
    command: Hashes.hpexpireat("h", far, "f"),
    prepare: hash,
    expected: [1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hpexpiretime",
    command: Hashes.hpexpiretime("h", "f"),
    prepare: hash,
    expected: [-1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  {
    name: "hpttl",
    command: Hashes.hpttl("h", "f"),
    prepare: hash,
    expected: [-1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  { name: "hrandfield", command: Hashes.hrandfield("h"), prepare: [["HSET", "h", "f", "1"]], expected: "f" },
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
  { name: "hset", command: Hashes.hset("h", { f: 1, x: new Uint8Array([1]) }), prepare: hash, expected: 1 },
  {
    name: "hsetex",
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
  { name: "hsetnx", command: Hashes.hsetnx("h", "f", 9), prepare: hash, expected: false },
  { name: "hstrlen", command: Hashes.hstrlen("h", "f"), prepare: hash, expected: 1 },
  {
    name: "httl",
    command: Hashes.httl("h", "f"),
    prepare: hash,
    expected: [-1],
    since: { redis: "7.4", valkey: "9.0" }
  },
  { name: "hvals", command: Hashes.hvals("h"), prepare: hash, expected: ["1", "2"] }
]
