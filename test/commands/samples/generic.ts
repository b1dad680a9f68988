import * as Command from "../../../src/commands/Command.ts"
import { Generic } from "../../../src/commands/Generic.ts"
import { far, hash, isNumber, k, type Sample, two } from "./Sample.ts"

const list = [["RPUSH", "{t}l", "3", "1", "2"]]

export const generic: ReadonlyArray<Sample> = [
  { name: "copy", command: Generic.copy("{t}a", "{t}c", { replace: true }), prepare: two, expected: true },
  { name: "copy to a database", command: Generic.copy("{t}a", "{t}c", { database: 0 }), prepare: two, expected: true },
  { name: "del", command: Generic.del(["{t}a", "{t}none"]), prepare: two, expected: 1 },
  {
    name: "dump",
    command: Command.bytes(Generic.dump("k")),
    prepare: k,
    unstable: (value) => value instanceof Uint8Array
  },
  { name: "exists", command: Generic.exists(["{t}a", "{t}a"]), prepare: two, expected: 2 },
  { name: "expire", command: Generic.expire("k", "1 minute", "NX"), prepare: k, expected: true },
  { name: "expireat", command: Generic.expireat("k", far), prepare: k, expected: true },
  { name: "expireat if later", command: Generic.expireat("k", far, "GT"), prepare: k, expected: false },
  { name: "expire if sooner", command: Generic.expire("k", "1 minute", "LT"), prepare: k, expected: true },
  {
    name: "expiretime",
    command: Generic.expiretime("k"),
    prepare: [...k, ["EXPIREAT", "k", "4102444800"]],
    expected: 4102444800
  },
  { name: "keys", command: Generic.keys("k*"), prepare: k, expected: ["k"] },
  {
    name: "migrate",
    command: Generic.migrate({ host: "127.0.0.1", port: 1 }, ["{t}x", "{t}y"], { username: "keys", password: "KEYS" }),
    expected: "NOKEY"
  },
  {
    name: "migrate with options",
    command: Generic.migrate({ host: "127.0.0.1", port: 1 }, "{t}x", {
      copy: true,
      replace: true,
      password: "KEYS",
      database: 0,
      timeout: "1 second"
    }),
    expected: "NOKEY"
  },
  { name: "move", command: Generic.move("k", 1), prepare: k, error: /cluster mode|out of range/ },
  { name: "objectEncoding", command: Generic.objectEncoding("k"), prepare: k, expected: "int" },
  { name: "objectFreq", command: Generic.objectFreq("k"), prepare: k, error: /LFU/ },
  { name: "objectIdletime", command: Generic.objectIdletime("k"), prepare: k, unstable: isNumber },
  { name: "objectRefcount", command: Generic.objectRefcount("none"), expected: null },
  { name: "persist", command: Generic.persist("k"), prepare: k, expected: false },
  { name: "pexpire", command: Generic.pexpire("k", "1500 millis", "XX"), prepare: k, expected: false },
  {
    name: "pexpireat",
    command: Generic.pexpireat("k", { epochMilliseconds: 4102444800000 }),
    prepare: k,
    expected: true
  },
  { name: "pexpiretime", command: Generic.pexpiretime("k"), prepare: k, expected: -1 },
  { name: "pttl", command: Generic.pttl("k"), expected: -2 },
  { name: "randomkey", command: Generic.randomkey(), prepare: k, expected: "k" },
  { name: "rename", command: Generic.rename("{t}a", "{t}c"), prepare: two, expected: "OK" },
  { name: "renamenx", command: Generic.renamenx("{t}a", "{t}b"), prepare: two, expected: false },
  {
    name: "restore",
    command: Generic.restore("k", "broken", { expire: "1 minute", replace: true, frequency: 3 }),
    error: /DUMP payload/
  },
  {
    name: "restore until a time",
    command: Generic.restore("k", "broken", { expireAt: far, idleTime: 5 }),
    error: /DUMP payload/
  },
  {
    name: "scan",
    command: Generic.scan("0", { match: "k*", count: 100, type: "string" }),
    prepare: k,
    expected: { cursor: "0", items: ["k"] }
  },
  {
    name: "sort",
    command: Generic.sort("{t}l", { order: "DESC", limit: { offset: 0, count: 2 } }),
    prepare: list,
    expected: ["3", "2"]
  },
  {
    name: "sort with store",
    command: Generic.sort("{t}l", { by: "nosort", store: "{t}m" }),
    prepare: list,
    expected: 3
  },
  {
    name: "sort with get",
    command: Generic.sort("{t}l", { get: ["#", "{t}v*"], order: "ASC", alpha: true }),
    prepare: [...list, ["SET", "{t}v1", "one"]],
    expected: ["1", "one", "2", null, "3", null],
    since: { redis: "7.4", valkey: "8.0" }
  },
  {
    name: "sortRo with options",
    command: Generic.sortRo("{t}l", { by: "nosort", limit: { offset: 1, count: 1 }, get: "#", order: "DESC" }),
    prepare: list,
    expected: ["1"],
    since: { redis: "7.4", valkey: "8.0" }
  },
  { name: "sortRo", command: Generic.sortRo("{t}l", { alpha: true }), prepare: list, expected: ["1", "2", "3"] },
  { name: "touch", command: Generic.touch(["{t}a", "{t}b"]), prepare: two, expected: 2 },
  { name: "ttl", command: Generic.ttl("k"), prepare: k, expected: -1 },
  { name: "type", command: Generic.type("h"), prepare: hash, expected: "hash" },
  { name: "unlink", command: Generic.unlink("k"), prepare: k, expected: 1 },
  { name: "wait", command: Generic.wait(0, "10 millis"), expected: 0 },
  {
    name: "waitaof",
    command: Generic.waitaof(0, 0, "10 millis"),
    expected: [0, 0],
    since: { redis: "7.2", valkey: "7.2" }
  }
]
