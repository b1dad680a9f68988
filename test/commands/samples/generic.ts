import * as Command from "../../../src/commands/Command.ts"
import { Generic } from "../../../src/commands/Generic.ts"
import { Hashes } from "../../../src/commands/Hashes.ts"
import { Lists } from "../../../src/commands/Lists.ts"
import { Strings } from "../../../src/commands/Strings.ts"
import { far, isNumber, k, type Sample, two } from "./Sample.ts"

const list = [["RPUSH", "{t}l", "3", "1", "2"]]

const session = [Strings.set("session", "ada")]
const expiring = [Strings.set("session", "ada", { expireAt: new Date("2100-01-01") })]
const users = [Strings.mset({ "{user}:1": "Ada", "{user}:2": "Bob" })]
const ages = [Lists.rpush("ages", [31, 4, 15])]
/** The reply of `DUMP` for the text Hello. */
const payload = Buffer.from("AAVIZWxsbwoAvMn36D0F/4M=", "base64")

export const generic: ReadonlyArray<Sample> = [
  { name: "copy", command: Generic.copy("{user}:1", "{user}:3", { replace: true }), prepare: users, expected: true },
  { name: "copy to a database", command: Generic.copy("{t}a", "{t}c", { database: 0 }), prepare: two, expected: true },
  { name: "del", command: Generic.del(["{user}:1", "{user}:3"]), prepare: users, expected: 1 },
  {
    name: "dump",
    command: Command.bytes(Generic.dump("session")),
    prepare: session,
    unstable: (value) => value instanceof Uint8Array
  },
  { name: "exists", command: Generic.exists(["{user}:1", "{user}:3"]), prepare: users, expected: 1 },
  { name: "exists of a key that is named twice", command: Generic.exists(["{t}a", "{t}a"]), prepare: two, expected: 2 },
  { name: "expire", command: Generic.expire("session", "30 minutes"), prepare: session, expected: true },
  { name: "expire if there is none", command: Generic.expire("k", "1 minute", "NX"), prepare: k, expected: true },
  { name: "expireat", command: Generic.expireat("session", new Date("2100-01-01")), prepare: session, expected: true },
  { name: "expireat if later", command: Generic.expireat("k", far, "GT"), prepare: k, expected: false },
  { name: "expire if sooner", command: Generic.expire("k", "1 minute", "LT"), prepare: k, expected: true },
  { name: "expiretime", command: Generic.expiretime("session"), prepare: expiring, expected: 4102444800 },
  { name: "keys", command: Generic.keys("user:*"), prepare: [Strings.set("user:1", "Ada")], expected: ["user:1"] },
  {
    name: "migrate",
    command: Generic.migrate({ host: "10.0.0.2", port: 6379 }, ["{user}:1", "{user}:2"], { timeout: "1 second" }),
    expected: "NOKEY"
  },
  {
    name: "migrate with a user",
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
  { name: "move", command: Generic.move("session", 1), prepare: session, error: /cluster mode|out of range/ },
  {
    name: "objectEncoding",
    command: Generic.objectEncoding("visits"),
    prepare: [Strings.set("visits", "10")],
    expected: "int"
  },
  { name: "objectFreq", command: Generic.objectFreq("session"), prepare: session, error: /LFU/ },
  {
    name: "objectIdletime",
    command: Generic.objectIdletime("session"),
    prepare: session,
    unstable: isNumber,
    shown: "0"
  },
  { name: "objectRefcount", command: Generic.objectRefcount("session"), prepare: session, expected: 1 },
  { name: "objectRefcount of a missing key", command: Generic.objectRefcount("none"), expected: null },
  { name: "persist", command: Generic.persist("session"), prepare: expiring, expected: true },
  { name: "persist without an expiry", command: Generic.persist("k"), prepare: k, expected: false },
  { name: "pexpire", command: Generic.pexpire("session", "1500 millis"), prepare: session, expected: true },
  { name: "pexpire if there is one", command: Generic.pexpire("k", "1500 millis", "XX"), prepare: k, expected: false },
  {
    name: "pexpireat",
    command: Generic.pexpireat("session", new Date("2100-01-01")),
    prepare: session,
    expected: true
  },
  {
    name: "pexpireat of an instant",
    command: Generic.pexpireat("k", { epochMilliseconds: 4102444800000 }),
    prepare: k,
    expected: true
  },
  { name: "pexpiretime", command: Generic.pexpiretime("session"), prepare: expiring, expected: 4102444800000 },
  { name: "pexpiretime without an expiry", command: Generic.pexpiretime("k"), prepare: k, expected: -1 },
  { name: "pttl", command: Generic.pttl("session"), prepare: expiring, unstable: isNumber, shown: "1799998" },
  { name: "pttl of a missing key", command: Generic.pttl("k"), expected: -2 },
  {
    name: "randomkey",
    command: Generic.randomkey(),
    prepare: session,
    unstable: (value) => value === null || value === "session",
    shown: "\"session\", or null from a node without keys"
  },
  { name: "randomkey of the only key", command: Generic.randomkey(), prepare: k, expected: "k" },
  { name: "rename", command: Generic.rename("{user}:1", "{user}:3"), prepare: users, expected: "OK" },
  { name: "renamenx", command: Generic.renamenx("{user}:1", "{user}:3"), prepare: users, expected: true },
  {
    name: "renamenx to a name that is in use",
    command: Generic.renamenx("{t}a", "{t}b"),
    prepare: two,
    expected: false
  },
  { name: "restore", command: Generic.restore("copy", payload, { expire: "1 hour" }), expected: "OK" },
  {
    name: "restore of nonsense",
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
    command: Generic.scan("0", { match: "user:*", count: 100 }),
    prepare: [Strings.set("user:1", "Ada")],
    expected: { cursor: "0", items: ["user:1"] }
  },
  {
    name: "scan by type",
    command: Generic.scan("0", { match: "k*", count: 100, type: "string" }),
    prepare: k,
    expected: { cursor: "0", items: ["k"] }
  },
  { name: "sort", command: Generic.sort("ages", { order: "DESC" }), prepare: ages, expected: ["31", "15", "4"] },
  {
    name: "sort with limit",
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
  { name: "sortRo", command: Generic.sortRo("ages"), prepare: ages, expected: ["4", "15", "31"] },
  {
    name: "sortRo as text",
    command: Generic.sortRo("{t}l", { alpha: true }),
    prepare: list,
    expected: ["1", "2", "3"]
  },
  { name: "touch", command: Generic.touch(["{user}:1", "{user}:2"]), prepare: users, expected: 2 },
  { name: "ttl", command: Generic.ttl("session"), prepare: expiring, unstable: isNumber, shown: "1800" },
  { name: "ttl without an expiry", command: Generic.ttl("k"), prepare: k, expected: -1 },
  {
    name: "type",
    command: Generic.type("user:1"),
    prepare: [Hashes.hset("user:1", { name: "Ada" })],
    expected: "hash"
  },
  { name: "unlink", command: Generic.unlink("session"), prepare: session, expected: 1 },
  { name: "wait", command: Generic.wait(1, "100 millis"), unstable: isNumber, shown: "1" },
  { name: "wait for nobody", command: Generic.wait(0, "10 millis"), expected: 0 },
  {
    name: "waitaof",
    command: Generic.waitaof(0, 0, "10 millis"),
    expected: [0, 0],
    since: { redis: "7.2", valkey: "7.2" }
  }
]
