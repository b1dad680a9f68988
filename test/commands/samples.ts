/**
 * For every builder sample arguments, what has to be there before, and what the server then answers.
 */
import { Acl } from "../../src/commands/Acl.ts"
import { Bitmaps } from "../../src/commands/Bitmaps.ts"
import { Channels } from "../../src/commands/Channels.ts"
import { Cluster } from "../../src/commands/Cluster.ts"
import * as Commands from "../../src/commands/Command.ts"
import type { Command } from "../../src/commands/Command.ts"
import { Connection } from "../../src/commands/Connection.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Hashes } from "../../src/commands/Hashes.ts"
import { HyperLogLog } from "../../src/commands/HyperLogLog.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Scripting } from "../../src/commands/Scripting.ts"
import { Server } from "../../src/commands/Server.ts"
import { Sets } from "../../src/commands/Sets.ts"
import { SortedSets } from "../../src/commands/SortedSets.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { Argument } from "../../src/protocol/Reply.ts"

export interface Sample {
  /** The method, and after a space what is special about this sample. */
  readonly name: string
  readonly command: Command<unknown>
  readonly prepare?: ReadonlyArray<ReadonlyArray<Argument>>
  readonly expected?: unknown
  /** For answers that differ from call to call: whether one is of the right kind. */
  readonly unstable?: (value: unknown) => boolean
  /** The server refuses it, which shows that it understood the call. */
  readonly error?: RegExp
  /** The server has to be at least this; an older one refuses the command or the option. */
  readonly since?: string
}

export interface Omission {
  readonly command: Command<unknown>
  readonly reason: string
}

const k = [["SET", "k", "10"]]
const text = [["SET", "k", "hello"]]
const two = [["MSET", "{t}a", "ohmytext", "{t}b", "mynewtext"]]
const hash = [["HSET", "h", "f", "1", "g", "2"]]
const far = new Date(Date.UTC(2100, 0, 1))

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null
const isNumber = (value: unknown): boolean => typeof value === "number" && !Number.isNaN(value)
const isText = (value: unknown): boolean => typeof value === "string"
const isList = (value: unknown): boolean => Array.isArray(value)
const has = (...names: ReadonlyArray<string>) => (value: unknown): boolean =>
  typeof value === "object" && value !== null && names.every((name) => Object.hasOwn(value, name))

const strings: ReadonlyArray<Sample> = [
  { name: "append", command: Strings.append("k", "!"), prepare: text, expected: 6 },
  { name: "decr", command: Strings.decr("k"), prepare: k, expected: 9 },
  { name: "decrby", command: Strings.decrby("k", 3), prepare: k, expected: 7 },
  { name: "delex", command: Strings.delex("k", { ifEq: "hello" }), prepare: text, since: "8.4" },
  { name: "delifeq", command: Strings.delifeq("k", "hello"), prepare: text, since: "9.0" },
  { name: "digest", command: Strings.digest("k"), prepare: text, since: "8.4" },
  { name: "get", command: Strings.get("k"), prepare: text, expected: "hello" },
  { name: "get of a missing key", command: Strings.get("k"), expected: null },
  {
    name: "get as bytes",
    command: Commands.bytes(Strings.get("k")),
    prepare: [["SET", "k", new Uint8Array([0, 255])]],
    expected: new Uint8Array([0, 255])
  },
  { name: "getdel", command: Strings.getdel("k"), prepare: text, expected: "hello" },
  { name: "getex", command: Strings.getex("k"), prepare: text, expected: "hello" },
  { name: "getex with expire", command: Strings.getex("k", { expire: "1 minute" }), prepare: text, expected: "hello" },
  { name: "getex with persist", command: Strings.getex("k", { persist: true }), prepare: text, expected: "hello" },
  { name: "getrange", command: Strings.getrange("k", 1, -2), prepare: text, expected: "ell" },
  { name: "getset", command: Strings.getset("k", "new"), prepare: text, expected: "hello" },
  { name: "incr", command: Strings.incr("k"), prepare: k, expected: 11 },
  {
    name: "incr beyond 2^53 as bigint",
    command: Commands.bigint(Strings.incr("k")),
    prepare: [["SET", "k", "9007199254740992"]],
    expected: BigInt("9007199254740993")
  },
  { name: "incrby", command: Strings.incrby("k", BigInt(5)), prepare: k, expected: 15 },
  { name: "incrbyfloat", command: Strings.incrbyfloat("k", 0.5), prepare: k, expected: 10.5 },
  { name: "lcs", command: Strings.lcs("{t}a", "{t}b"), prepare: two, expected: "mytext" },
  { name: "lcs with len", command: Strings.lcs("{t}a", "{t}b", { len: true }), prepare: two, expected: 6 },
  {
    name: "lcs with idx",
    command: Strings.lcs("{t}a", "{t}b", { idx: true, minMatchLength: 4 }),
    prepare: two,
    expected: { matches: [{ first: [4, 7], second: [5, 8], length: 4 }], length: 6 }
  },
  { name: "mget", command: Strings.mget(["{t}a", "{t}none"]), prepare: two, expected: ["ohmytext", null] },
  { name: "mset", command: Strings.mset({ "{t}a": "1", "{t}b": 2 }), expected: "OK" },
  { name: "mset of pairs", command: Strings.mset(new Map([["{t}a", "1"]])), expected: "OK" },
  { name: "msetex", command: Strings.msetex({ "{t}a": "1" }, { expire: "1 minute" }), since: "8.4" },
  { name: "msetnx", command: Strings.msetnx([["{t}a", "1"], ["{t}c", "2"]]), prepare: two, expected: false },
  { name: "psetex", command: Strings.psetex("k", "1500 millis", "v"), expected: "OK" },
  { name: "set", command: Strings.set("k", 1), expected: "OK" },
  { name: "set with NX", command: Strings.set("k", "v", { condition: "NX" }), prepare: k, expected: null },
  {
    name: "set with XX",
    command: Strings.set("k", "v", { condition: "XX", expire: "10 minutes" }),
    prepare: k,
    expected: "OK"
  },
  { name: "set with get", command: Strings.set("k", "v", { get: true, keepTtl: true }), prepare: k, expected: "10" },
  { name: "set with expireAt", command: Strings.set("k", "v", { expireAt: far }), expected: "OK" },
  {
    name: "set with expire in milliseconds",
    command: Strings.set("k", "v", { expire: "1500 millis" }),
    expected: "OK"
  },
  { name: "set with ifEq", command: Strings.set("k", "v", { condition: { ifEq: "10" } }), prepare: k, since: "8.1" },
  { name: "setex", command: Strings.setex("k", "10 seconds", "v"), expected: "OK" },
  { name: "setnx", command: Strings.setnx("k", "v"), expected: true },
  { name: "setrange", command: Strings.setrange("k", 6, "x"), prepare: text, expected: 7 },
  { name: "strlen", command: Strings.strlen("k"), prepare: text, expected: 5 },
  { name: "substr", command: Strings.substr("k", 0, 1), prepare: text, expected: "he" }
]

const list = [["RPUSH", "{t}l", "3", "1", "2"]]

const generic: ReadonlyArray<Sample> = [
  { name: "copy", command: Generic.copy("{t}a", "{t}c", { replace: true }), prepare: two, expected: true },
  { name: "del", command: Generic.del(["{t}a", "{t}none"]), prepare: two, expected: 1 },
  {
    name: "dump",
    command: Commands.bytes(Generic.dump("k")),
    prepare: k,
    unstable: (value) => value instanceof Uint8Array
  },
  { name: "exists", command: Generic.exists(["{t}a", "{t}a"]), prepare: two, expected: 2 },
  { name: "expire", command: Generic.expire("k", "1 minute", "NX"), prepare: k, expected: true },
  { name: "expireat", command: Generic.expireat("k", far), prepare: k, expected: true },
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
  { name: "sortRo", command: Generic.sortRo("{t}l", { alpha: true }), prepare: list, expected: ["1", "2", "3"] },
  { name: "touch", command: Generic.touch(["{t}a", "{t}b"]), prepare: two, expected: 2 },
  { name: "ttl", command: Generic.ttl("k"), prepare: k, expected: -1 },
  { name: "type", command: Generic.type("h"), prepare: hash, expected: "hash" },
  { name: "unlink", command: Generic.unlink("k"), prepare: k, expected: 1 },
  { name: "wait", command: Generic.wait(0, "10 millis"), expected: 0 },
  { name: "waitaof", command: Generic.waitaof(0, 0, "10 millis"), since: "7.2" }
]

const hashes: ReadonlyArray<Sample> = [
  { name: "hdel", command: Hashes.hdel("h", ["f", "none"]), prepare: hash, expected: 1 },
  { name: "hexists", command: Hashes.hexists("h", "f"), prepare: hash, expected: true },
  { name: "hexpire", command: Hashes.hexpire("h", "1 minute", ["f", "none"], "NX"), prepare: hash, since: "7.4" },
  { name: "hexpireat", command: Hashes.hexpireat("h", far, "f"), prepare: hash, since: "7.4" },
  { name: "hexpiretime", command: Hashes.hexpiretime("h", "f"), prepare: hash, since: "7.4" },
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
    command: Commands.bytes(Hashes.hgetall("h")),
    prepare: [["HSET", "h", "f", new Uint8Array([200])]],
    expected: { f: new Uint8Array([200]) }
  },
  { name: "hgetdel", command: Hashes.hgetdel("h", "f"), prepare: hash, since: "8.0" },
  { name: "hgetex", command: Hashes.hgetex("h", ["f"], { expire: "1 minute" }), prepare: hash, since: "8.0" },
  { name: "hincrby", command: Hashes.hincrby("h", "f", -4), prepare: hash, expected: -3 },
  { name: "hincrbyfloat", command: Hashes.hincrbyfloat("h", "f", 0.25), prepare: hash, expected: 1.25 },
  { name: "hkeys", command: Hashes.hkeys("h"), prepare: hash, expected: ["f", "g"] },
  { name: "hlen", command: Hashes.hlen("h"), prepare: hash, expected: 2 },
  { name: "hmget", command: Hashes.hmget("h", ["g", "none"]), prepare: hash, expected: ["2", null] },
  { name: "hmset", command: Hashes.hmset("h", { f: 1 }), expected: "OK" },
  { name: "hpersist", command: Hashes.hpersist("h", "f"), prepare: hash, since: "7.4" },
  { name: "hpexpire", command: Hashes.hpexpire("h", "1500 millis", "f"), prepare: hash, since: "7.4" },
  { name: "hpexpireat", command: Hashes.hpexpireat("h", far, "f"), prepare: hash, since: "7.4" },
  { name: "hpexpiretime", command: Hashes.hpexpiretime("h", "f"), prepare: hash, since: "7.4" },
  { name: "hpttl", command: Hashes.hpttl("h", "f"), prepare: hash, since: "7.4" },
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
  { name: "hset", command: Hashes.hset("h", { f: 1, x: new Uint8Array([1]) }), prepare: hash, expected: 1 },
  {
    name: "hsetex",
    command: Hashes.hsetex("h", { f: 1 }, { condition: "FXX", keepTtl: true }),
    prepare: hash,
    since: "8.0"
  },
  { name: "hsetnx", command: Hashes.hsetnx("h", "f", 9), prepare: hash, expected: false },
  { name: "hstrlen", command: Hashes.hstrlen("h", "f"), prepare: hash, expected: 1 },
  { name: "httl", command: Hashes.httl("h", "f"), prepare: hash, since: "7.4" },
  { name: "hvals", command: Hashes.hvals("h"), prepare: hash, expected: ["1", "2"] }
]

const isClient = has("id", "addr", "name", "age", "fields")

const connection: ReadonlyArray<Sample> = [
  { name: "clientGetname", command: Connection.clientGetname(), expected: null },
  { name: "clientGetredir", command: Connection.clientGetredir(), expected: -1 },
  { name: "clientId", command: Connection.clientId(), unstable: isNumber },
  { name: "clientInfo", command: Connection.clientInfo(), unstable: isClient },
  {
    name: "clientKill",
    command: Connection.clientKill({ id: 999999, type: "pubsub", user: "default", skipMe: true }),
    expected: 0
  },
  {
    name: "clientList",
    command: Connection.clientList({ type: "normal" }),
    unstable: (value) => Array.isArray(value) && value.length > 1 && value.every(isClient)
  },
  { name: "clientPause", command: Connection.clientPause("1 millis", "WRITE"), expected: "OK" },
  {
    name: "clientTrackinginfo",
    command: Connection.clientTrackinginfo(),
    expected: { flags: ["off"], redirect: -1, prefixes: [] }
  },
  { name: "clientUnblock", command: Connection.clientUnblock(999999, "ERROR"), expected: false },
  { name: "clientUnpause", command: Connection.clientUnpause(), expected: "OK" },
  { name: "echo", command: Connection.echo("é"), expected: "é" },
  {
    name: "hello",
    command: Connection.hello(),
    unstable: (value) => has("server", "version", "proto", "modules")(value)
  },
  { name: "ping", command: Connection.ping(), expected: "PONG" },
  { name: "ping with a message", command: Connection.ping("hi"), expected: "hi" }
]

const server: ReadonlyArray<Sample> = [
  { name: "command", command: Server.command(), unstable: (value) => Array.isArray(value) && value.length > 200 },
  { name: "commandCount", command: Server.commandCount(), unstable: isNumber },
  { name: "commandDocs", command: Server.commandDocs(["set", "config"]), unstable: has("set", "config") },
  { name: "commandDocs equal", command: Server.commandDocs(["get", "config"]) },
  { name: "commandGetkeys", command: Server.commandGetkeys(["MSET", "a", "1", "b", "2"]), expected: ["a", "b"] },
  {
    name: "commandGetkeysandflags",
    command: Server.commandGetkeysandflags(["GET", "a"]),
    expected: [["a", ["RO", "access"]]]
  },
  { name: "commandInfo", command: Server.commandInfo(["get", "nonesuch"]) },
  {
    name: "commandInfo with subcommands",
    command: Server.commandInfo("xinfo"),
    unstable: (value) => Array.isArray(value) && value[0].subcommands.length === 4
  },
  {
    name: "commandList",
    command: Server.commandList({ pattern: "xa*" }),
    unstable: (value) => Array.isArray(value) && value.includes("xadd")
  },
  {
    name: "configGet",
    command: Server.configGet(["maxmemory", "cluster-enabled"]),
    expected: { maxmemory: "0", "cluster-enabled": "yes" }
  },
  { name: "configResetstat", command: Server.configResetstat(), expected: "OK" },
  { name: "configRewrite", command: Server.configRewrite(), error: /config file/ },
  {
    name: "configSet",
    command: Server.configSet({ "slowlog-log-slower-than": 10000, "slowlog-max-len": 128 }),
    expected: "OK"
  },
  { name: "dbsize", command: Server.dbsize(), prepare: k, expected: 1 },
  {
    name: "failover",
    command: Server.failover({ to: { host: "127.0.0.1", port: 1 }, timeout: "1 second" }),
    error: /cluster/
  },
  { name: "failoverAbort", command: Server.failoverAbort(), error: /./ },
  { name: "flushall", command: Server.flushall("SYNC"), prepare: k, expected: "OK" },
  { name: "flushdb", command: Server.flushdb("ASYNC"), prepare: k, expected: "OK" },
  {
    name: "info",
    command: Server.info("server"),
    unstable: (value) => typeof value === "string" && value.startsWith("# Server")
  },
  { name: "lastsave", command: Server.lastsave(), unstable: isNumber },
  { name: "latencyDoctor", command: Server.latencyDoctor(), unstable: isText },
  {
    name: "latencyGraph",
    command: Server.latencyGraph("command"),
    prepare: [["DEBUG", "SLEEP", "0.005"]],
    unstable: isText
  },
  {
    name: "latencyHistogram",
    command: Server.latencyHistogram("get"),
    prepare: [["GET", "k"]],
    unstable: (value) => has("get")(value) && has("calls", "histogram")((value as { get: unknown }).get)
  },
  {
    name: "latencyHistory",
    command: Server.latencyHistory("command"),
    prepare: [["DEBUG", "SLEEP", "0.005"]],
    unstable: (value) => Array.isArray(value) && value.length > 0 && isList(value[0])
  },
  {
    name: "latencyLatest",
    command: Server.latencyLatest(),
    prepare: [["DEBUG", "SLEEP", "0.005"]],
    unstable: (value) => Array.isArray(value) && value.some(has("event", "time", "latest", "max"))
  },
  { name: "latencyReset", command: Server.latencyReset("nonesuch"), expected: 0 },
  { name: "lolwut", command: Server.lolwut(1), unstable: isText },
  { name: "memoryDoctor", command: Server.memoryDoctor(), unstable: isText },
  { name: "memoryMallocStats", command: Server.memoryMallocStats(), unstable: isText },
  { name: "memoryPurge", command: Server.memoryPurge(), expected: "OK" },
  {
    name: "memoryStats",
    command: Server.memoryStats(),
    unstable: (value) => has("fragmentation")(value) && isNumber((value as { fragmentation: unknown }).fragmentation)
  },
  { name: "memoryUsage", command: Server.memoryUsage("k", { samples: 0 }), prepare: k, unstable: isNumber },
  { name: "moduleList", command: Server.moduleList(), unstable: Array.isArray },
  { name: "moduleLoad", command: Server.moduleLoad("/nonesuch.so", ["x"]), error: /./ },
  { name: "moduleLoadex", command: Server.moduleLoadex("/nonesuch.so", { config: { a: 1 }, args: ["x"] }), error: /./ },
  { name: "moduleUnload", command: Server.moduleUnload("nonesuch"), error: /./ },
  { name: "role", command: Server.role(), expected: { role: "master", offset: 0, replicas: [] } },
  { name: "shutdownAbort", command: Server.shutdownAbort(), error: /shutdown/i },
  {
    name: "slowlogGet",
    command: Server.slowlogGet(-1),
    prepare: [["CONFIG", "SET", "slowlog-log-slower-than", "0"], ["SLOWLOG", "RESET"], ["GET", "k"], [
      "CONFIG",
      "SET",
      "slowlog-log-slower-than",
      "10000"
    ]],
    unstable: (value) =>
      Array.isArray(value) && value.length > 0 &&
      value.every(has("id", "time", "duration", "args", "client", "clientName"))
  },
  { name: "slowlogLen", command: Server.slowlogLen(), unstable: isNumber },
  { name: "slowlogReset", command: Server.slowlogReset(), expected: "OK" },
  { name: "swapdb", command: Server.swapdb(0, 1), error: /cluster/ },
  {
    name: "time",
    command: Server.time(),
    unstable: (value) => has("seconds", "microseconds")(value) && isObject(value)
  }
]

const lists: ReadonlyArray<Sample> = [
  { name: "blmove", command: Lists.blmove("{t}l", "{t}m", "LEFT", "RIGHT", "1 second"), prepare: list, expected: "3" },
  {
    name: "blmove without an element",
    command: Lists.blmove("{t}l", "{t}m", "LEFT", "RIGHT", "10 millis"),
    expected: null
  },
  {
    name: "blmpop",
    command: Lists.blmpop("1 second", ["{t}x", "{t}l"], "RIGHT", { count: 2 }),
    prepare: list,
    expected: { key: "{t}l", elements: ["2", "1"] }
  },
  {
    name: "blpop",
    command: Lists.blpop(["{t}x", "{t}l"], "forever"),
    prepare: list,
    expected: { key: "{t}l", element: "3" }
  },
  { name: "brpop", command: Lists.brpop("{t}l", "10 millis"), expected: null },
  { name: "brpoplpush", command: Lists.brpoplpush("{t}l", "{t}m", "1 second"), prepare: list, expected: "2" },
  { name: "lindex", command: Lists.lindex("{t}l", -1), prepare: list, expected: "2" },
  { name: "linsert", command: Lists.linsert("{t}l", "BEFORE", 1, "x"), prepare: list, expected: 4 },
  { name: "llen", command: Lists.llen("{t}l"), prepare: list, expected: 3 },
  { name: "lmove", command: Lists.lmove("{t}l", "{t}m", "LEFT", "LEFT"), expected: null },
  { name: "lmpop", command: Lists.lmpop("{t}l", "LEFT"), prepare: list, expected: { key: "{t}l", elements: ["3"] } },
  { name: "lmpop of nothing", command: Lists.lmpop(["{t}l"], "LEFT"), expected: null },
  { name: "lpop", command: Lists.lpop("{t}l"), prepare: list, expected: "3" },
  { name: "lpop with count", command: Lists.lpop("{t}l", 2), prepare: list, expected: ["3", "1"] },
  { name: "lpop with count of nothing", command: Lists.lpop("{t}l", 2), expected: null },
  { name: "lpos", command: Lists.lpos("{t}l", 2), prepare: list, expected: 2 },
  {
    name: "lpos with count",
    command: Lists.lpos("{t}l", "1", { rank: -1, count: 0, maxLength: 10 }),
    prepare: list,
    expected: [1]
  },
  { name: "lpush", command: Lists.lpush("{t}l", ["a", 1]), prepare: list, expected: 5 },
  { name: "lpushx", command: Lists.lpushx("{t}l", "a"), expected: 0 },
  { name: "lrange", command: Lists.lrange("{t}l", 0, -1), prepare: list, expected: ["3", "1", "2"] },
  { name: "lrem", command: Lists.lrem("{t}l", -1, 3), prepare: list, expected: 1 },
  { name: "lset", command: Lists.lset("{t}l", 0, "a"), prepare: list, expected: "OK" },
  { name: "ltrim", command: Lists.ltrim("{t}l", 0, 1), prepare: list, expected: "OK" },
  { name: "rpop", command: Lists.rpop("{t}l"), prepare: list, expected: "2" },
  { name: "rpoplpush", command: Lists.rpoplpush("{t}l", "{t}l"), prepare: list, expected: "2" },
  { name: "rpush", command: Lists.rpush("{t}l", new Uint8Array([1])), prepare: list, expected: 4 },
  { name: "rpushx", command: Lists.rpushx("{t}l", ["a", "b"]), prepare: list, expected: 5 }
]

const set = [["SADD", "{t}s", "1", "2"], ["SADD", "{t}u", "2", "3"]]
const single = [["SADD", "{t}s", "a"]]

const sets: ReadonlyArray<Sample> = [
  { name: "sadd", command: Sets.sadd("{t}s", ["2", 3]), prepare: set, expected: 1 },
  { name: "scard", command: Sets.scard("{t}s"), prepare: set, expected: 2 },
  { name: "sdiff", command: Sets.sdiff(["{t}s", "{t}u"]), prepare: set, expected: ["1"] },
  { name: "sdiffstore", command: Sets.sdiffstore("{t}d", ["{t}s", "{t}u"]), prepare: set, expected: 1 },
  { name: "sinter", command: Sets.sinter(["{t}s", "{t}u"]), prepare: set, expected: ["2"] },
  { name: "sintercard", command: Sets.sintercard(["{t}s", "{t}u"], { limit: 5 }), prepare: set, expected: 1 },
  { name: "sinterstore", command: Sets.sinterstore("{t}d", ["{t}s", "{t}u"]), prepare: set, expected: 1 },
  { name: "sismember", command: Sets.sismember("{t}s", 1), prepare: set, expected: true },
  { name: "smembers", command: Sets.smembers("{t}s"), prepare: set, expected: ["1", "2"] },
  { name: "smismember", command: Sets.smismember("{t}s", [1, 9]), prepare: set, expected: [true, false] },
  { name: "smove", command: Sets.smove("{t}s", "{t}u", 1), prepare: set, expected: true },
  { name: "spop", command: Sets.spop("{t}s"), prepare: single, expected: "a" },
  { name: "spop with count", command: Sets.spop("{t}s", 2), prepare: single, expected: ["a"] },
  { name: "srandmember", command: Sets.srandmember("{t}s"), expected: null },
  { name: "srandmember with count", command: Sets.srandmember("{t}s", -2), prepare: single, expected: ["a", "a"] },
  { name: "srem", command: Sets.srem("{t}s", [1, 5]), prepare: set, expected: 1 },
  {
    name: "sscan",
    command: Sets.sscan("{t}s", "0", { match: "*" }),
    prepare: set,
    expected: { cursor: "0", items: ["1", "2"] }
  },
  { name: "sunion", command: Sets.sunion(["{t}s", "{t}u"]), prepare: set, expected: ["1", "2", "3"] },
  { name: "sunionstore", command: Sets.sunionstore("{t}d", "{t}s"), prepare: set, expected: 2 }
]

const sorted = [["ZADD", "{t}z", "1", "a", "2.5", "b", "inf", "c"], ["ZADD", "{t}y", "10", "b"]]
const equal = [["ZADD", "{t}z", "0", "a", "0", "b", "0", "c"]]

const sortedSets: ReadonlyArray<Sample> = [
  {
    name: "bzmpop",
    command: SortedSets.bzmpop("1 second", ["{t}x", "{t}z"], "MAX", { count: 2 }),
    prepare: sorted,
    expected: { key: "{t}z", members: [["c", Infinity], ["b", 2.5]] }
  },
  { name: "bzpopmax", command: SortedSets.bzpopmax("{t}z", "10 millis"), expected: null },
  {
    name: "bzpopmin",
    command: SortedSets.bzpopmin(["{t}z", "{t}y"], "forever"),
    prepare: sorted,
    expected: { key: "{t}z", member: "a", score: 1 }
  },
  {
    name: "zadd",
    command: SortedSets.zadd("{t}z", { a: 2, d: -Infinity }, { changed: true }),
    prepare: sorted,
    expected: 2
  },
  {
    name: "zadd of pairs",
    command: SortedSets.zadd("{t}z", [["a", 2], ["d", 0.1]], { condition: "XX", comparison: "GT" }),
    prepare: sorted,
    expected: 0
  },
  {
    name: "zadd with increment",
    command: SortedSets.zadd("{t}z", { a: 0.5 }, { increment: true }),
    prepare: sorted,
    expected: 1.5
  },
  {
    name: "zadd with increment and condition",
    command: SortedSets.zadd("{t}z", { a: 1 }, { increment: true, condition: "NX" }),
    prepare: sorted,
    expected: null
  },
  { name: "zcard", command: SortedSets.zcard("{t}z"), prepare: sorted, expected: 3 },
  { name: "zcount", command: SortedSets.zcount("{t}z", "(1", Infinity), prepare: sorted, expected: 2 },
  { name: "zdiff", command: SortedSets.zdiff(["{t}z", "{t}y"]), prepare: sorted, expected: ["a", "c"] },
  {
    name: "zdiff with scores",
    command: SortedSets.zdiff(["{t}z", "{t}y"], { withScores: true }),
    prepare: sorted,
    expected: [["a", 1], ["c", Infinity]]
  },
  { name: "zdiffstore", command: SortedSets.zdiffstore("{t}d", ["{t}z", "{t}y"]), prepare: sorted, expected: 2 },
  { name: "zincrby", command: SortedSets.zincrby("{t}z", 0.1, "a"), prepare: sorted, expected: 1.1 },
  {
    name: "zinter",
    command: SortedSets.zinter(["{t}z", "{t}y"], { weights: [2, 1], aggregate: "SUM", withScores: true }),
    prepare: sorted,
    expected: [["b", 15]]
  },
  { name: "zintercard", command: SortedSets.zintercard(["{t}z", "{t}y"], { limit: 1 }), prepare: sorted, expected: 1 },
  {
    name: "zinterstore",
    command: SortedSets.zinterstore("{t}d", ["{t}z", "{t}y"], { aggregate: "MAX" }),
    prepare: sorted,
    expected: 1
  },
  { name: "zlexcount", command: SortedSets.zlexcount("{t}z", "[a", "(c"), prepare: equal, expected: 2 },
  {
    name: "zmpop",
    command: SortedSets.zmpop(["{t}z"], "MIN"),
    prepare: sorted,
    expected: { key: "{t}z", members: [["a", 1]] }
  },
  { name: "zmscore", command: SortedSets.zmscore("{t}z", ["b", "none"]), prepare: sorted, expected: [2.5, null] },
  { name: "zpopmax", command: SortedSets.zpopmax("{t}z"), prepare: sorted, expected: [["c", Infinity]] },
  { name: "zpopmin", command: SortedSets.zpopmin("{t}z", 2), prepare: sorted, expected: [["a", 1], ["b", 2.5]] },
  { name: "zpopmin of nothing", command: SortedSets.zpopmin("{t}z"), expected: [] },
  { name: "zrandmember", command: SortedSets.zrandmember("{t}y"), prepare: sorted, expected: "b" },
  {
    name: "zrandmember with count",
    command: SortedSets.zrandmember("{t}y", { count: 3 }),
    prepare: sorted,
    expected: ["b"]
  },
  {
    name: "zrandmember with scores",
    command: SortedSets.zrandmember("{t}y", { count: -2, withScores: true }),
    prepare: sorted,
    expected: [["b", 10], ["b", 10]]
  },
  { name: "zrange", command: SortedSets.zrange("{t}z", 0, -1), prepare: sorted, expected: ["a", "b", "c"] },
  {
    name: "zrange with scores",
    command: SortedSets.zrange("{t}z", 0, 1, { withScores: true }),
    prepare: sorted,
    expected: [["a", 1], ["b", 2.5]]
  },
  {
    name: "zrange by score",
    command: SortedSets.zrange("{t}z", Infinity, -Infinity, {
      by: "SCORE",
      reverse: true,
      limit: { offset: 1, count: 1 }
    }),
    prepare: sorted,
    expected: ["b"]
  },
  {
    name: "zrange by text",
    command: SortedSets.zrange("{t}z", "-", "[b", { by: "LEX" }),
    prepare: equal,
    expected: ["a", "b"]
  },
  {
    name: "zrangebylex",
    command: SortedSets.zrangebylex("{t}z", "-", "+", { limit: { offset: 1, count: -1 } }),
    prepare: equal,
    expected: ["b", "c"]
  },
  {
    name: "zrangebyscore",
    command: SortedSets.zrangebyscore("{t}z", 1, "(3", { withScores: true, limit: { offset: 0, count: 5 } }),
    prepare: sorted,
    expected: [["a", 1], ["b", 2.5]]
  },
  { name: "zrangestore", command: SortedSets.zrangestore("{t}d", "{t}z", 0, -1), prepare: sorted, expected: 3 },
  { name: "zrank", command: SortedSets.zrank("{t}z", "b"), prepare: sorted, expected: 1 },
  { name: "zrem", command: SortedSets.zrem("{t}z", ["a", "none"]), prepare: sorted, expected: 1 },
  { name: "zremrangebylex", command: SortedSets.zremrangebylex("{t}z", "-", "(b"), prepare: equal, expected: 1 },
  { name: "zremrangebyrank", command: SortedSets.zremrangebyrank("{t}z", 0, 1), prepare: sorted, expected: 2 },
  {
    name: "zremrangebyscore",
    command: SortedSets.zremrangebyscore("{t}z", -Infinity, 1),
    prepare: sorted,
    expected: 1
  },
  {
    name: "zrevrange",
    command: SortedSets.zrevrange("{t}z", 0, 0, { withScores: true }),
    prepare: sorted,
    expected: [["c", Infinity]]
  },
  {
    name: "zrevrangebylex",
    command: SortedSets.zrevrangebylex("{t}z", "+", "(a"),
    prepare: equal,
    expected: ["c", "b"]
  },
  {
    name: "zrevrangebyscore",
    command: SortedSets.zrevrangebyscore("{t}z", 3, "-inf"),
    prepare: sorted,
    expected: ["b", "a"]
  },
  { name: "zrevrank", command: SortedSets.zrevrank("{t}z", "none"), prepare: sorted, expected: null },
  {
    name: "zrevrank with score",
    command: SortedSets.zrevrank("{t}z", "a", { withScore: true }),
    prepare: sorted,
    since: "7.2"
  },
  {
    name: "zscan",
    command: SortedSets.zscan("{t}z", "0"),
    prepare: sorted,
    expected: { cursor: "0", items: [["a", 1], ["b", 2.5], ["c", Infinity]] }
  },
  { name: "zscore", command: SortedSets.zscore("{t}z", "b"), prepare: sorted, expected: 2.5 },
  { name: "zunion", command: SortedSets.zunion(["{t}z", "{t}y"]), prepare: sorted, expected: ["a", "b", "c"] },
  {
    name: "zunionstore",
    command: SortedSets.zunionstore("{t}d", "{t}z", { weights: [2] }),
    prepare: sorted,
    expected: 3
  }
]

const bits = [["SET", "{t}b", "a"]]

const bitmaps: ReadonlyArray<Sample> = [
  {
    name: "bitcount",
    command: Bitmaps.bitcount("{t}b", { start: 0, end: 4, unit: "BIT" }),
    prepare: bits,
    expected: 2
  },
  {
    name: "bitfield",
    command: Bitmaps.bitfield("{t}b", [{ overflow: "FAIL" }, { get: "u8", offset: 0 }, {
      incrby: "u2",
      offset: "#0",
      increment: 9
    }]),
    prepare: bits,
    expected: [97, null]
  },
  { name: "bitfieldRo", command: Bitmaps.bitfieldRo("{t}b", [{ get: "i4", offset: 4 }]), prepare: bits, expected: [1] },
  { name: "bitop", command: Bitmaps.bitop("NOT", "{t}c", "{t}b"), prepare: bits, expected: 1 },
  {
    name: "bitpos",
    command: Bitmaps.bitpos("{t}b", 1, { start: 0, end: -1, unit: "BYTE" }),
    prepare: bits,
    expected: 1
  },
  { name: "getbit", command: Bitmaps.getbit("{t}b", 1), prepare: bits, expected: 1 },
  { name: "setbit", command: Bitmaps.setbit("{t}b", 0, 1), prepare: bits, expected: 0 }
]

const hyperLogLog: ReadonlyArray<Sample> = [
  { name: "pfadd", command: HyperLogLog.pfadd("{t}p", ["a", 1]), expected: true },
  {
    name: "pfcount",
    command: HyperLogLog.pfcount(["{t}p", "{t}q"]),
    prepare: [["PFADD", "{t}p", "a", "b"]],
    expected: 2
  },
  { name: "pfmerge", command: HyperLogLog.pfmerge("{t}q", ["{t}p"]), prepare: [["PFADD", "{t}p", "a"]], expected: "OK" }
]

const script = "return {KEYS[1], ARGV[1], #KEYS}"
const sha1 = "7413dc2440db1fea7c0a0bde841fa68eefaf149c"
const library =
  "#!lua name=lib\nredis.register_function{function_name='f', callback=function(k, a) return a[1] end, flags={'no-writes'}}"
const loaded = [["FUNCTION", "LOAD", "REPLACE", library]]

const scripting: ReadonlyArray<Sample> = [
  { name: "eval", command: Scripting.eval(script, { keys: ["{t}a", "{t}b"], args: [7] }), expected: ["{t}a", "7", 2] },
  { name: "evalRo", command: Scripting.evalRo("return 1"), expected: 1 },
  { name: "evalsha", command: Scripting.evalsha(sha1, { keys: ["k"] }), error: /NOSCRIPT/ },
  { name: "evalshaRo", command: Scripting.evalshaRo(sha1), error: /NOSCRIPT/ },
  { name: "fcall", command: Scripting.fcall("f", { keys: ["k"], args: ["x"] }), prepare: loaded, expected: "x" },
  { name: "fcallRo", command: Scripting.fcallRo("f", { args: ["x"] }), prepare: loaded, expected: "x" },
  { name: "functionDelete", command: Scripting.functionDelete("lib"), prepare: loaded, expected: "OK" },
  { name: "functionDump", command: Commands.bytes(Scripting.functionDump()), prepare: loaded },
  { name: "functionFlush", command: Scripting.functionFlush("SYNC"), expected: "OK" },
  { name: "functionKill", command: Scripting.functionKill(), error: /NOTBUSY/ },
  { name: "functionLoad", command: Scripting.functionLoad(library, { replace: true }), expected: "lib" },
  { name: "functionRestore", command: Scripting.functionRestore("broken", "REPLACE"), error: /payload/ },
  { name: "scriptExists", command: Scripting.scriptExists(["none", "other"]), expected: [false, false] },
  { name: "scriptFlush", command: Scripting.scriptFlush("SYNC"), expected: "OK" },
  { name: "scriptKill", command: Scripting.scriptKill(), error: /NOTBUSY/ },
  {
    name: "scriptLoad",
    command: Scripting.scriptLoad("return 1"),
    expected: "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
  }
]

const acl: ReadonlyArray<Sample> = [
  { name: "aclCat", command: Acl.aclCat("hyperloglog") },
  { name: "aclDeluser", command: Acl.aclDeluser(["ada", "none"]), prepare: [["ACL", "SETUSER", "ada"]], expected: 1 },
  { name: "aclDryrun", command: Acl.aclDryrun("default", ["GET", "k"]), expected: "OK" },
  {
    name: "aclGenpass",
    command: Acl.aclGenpass(64),
    unstable: (value) => typeof value === "string" && value.length === 16
  },
  { name: "aclList", command: Acl.aclList() },
  { name: "aclLoad", command: Acl.aclLoad(), error: /ACL file/ },
  { name: "aclSave", command: Acl.aclSave(), error: /ACL file/ },
  { name: "aclSetuser", command: Acl.aclSetuser("ada", ["on", "~k*", "+get"]), expected: "OK" },
  { name: "aclUsers", command: Acl.aclUsers(), prepare: [["ACL", "SETUSER", "ada"]], expected: ["ada", "default"] },
  { name: "aclWhoami", command: Acl.aclWhoami(), expected: "default" }
]

const node = "0".repeat(40)
const busy = /./

const cluster: ReadonlyArray<Sample> = [
  { name: "clusterAddslots", command: Cluster.clusterAddslots([1, 2]), error: /already busy/ },
  { name: "clusterAddslotsrange", command: Cluster.clusterAddslotsrange([[1, 2], [5, 9]]), error: /already busy/ },
  { name: "clusterBumpepoch", command: Cluster.clusterBumpepoch(), unstable: has("bumped", "epoch") },
  { name: "clusterCountFailureReports", command: Cluster.clusterCountFailureReports(node), error: /Unknown node/ },
  { name: "clusterCountkeysinslot", command: Cluster.clusterCountkeysinslot(7629), prepare: k, expected: 1 },
  { name: "clusterFailover", command: Cluster.clusterFailover("TAKEOVER"), error: /replica/ },
  { name: "clusterForget", command: Cluster.clusterForget(node), error: /Unknown node/ },
  { name: "clusterGetkeysinslot", command: Cluster.clusterGetkeysinslot(7629, 10), prepare: k, expected: ["k"] },
  {
    name: "clusterInfo",
    command: Cluster.clusterInfo(),
    unstable: (value) => (value as { state: string }).state === "ok" && (value as { slotsOk: number }).slotsOk === 16384
  },
  { name: "clusterKeyslot", command: Cluster.clusterKeyslot("k"), expected: 7629 },
  { name: "clusterLinks", command: Cluster.clusterLinks(), expected: [] },
  { name: "clusterMeet", command: Cluster.clusterMeet("not an address", 7000, 17000), error: /Invalid node address/ },
  { name: "clusterMyid", command: Cluster.clusterMyid() },
  { name: "clusterMyshardid", command: Cluster.clusterMyshardid(), since: "7.2" },
  {
    name: "clusterNodes",
    command: Cluster.clusterNodes(),
    unstable: (value) =>
      Array.isArray(value) && value.length === 1 && value[0].slots[0][1] === 16383 && value[0].flags.includes("myself")
  },
  { name: "clusterReplicas", command: Cluster.clusterReplicas(node), error: /Unknown node/ },
  { name: "clusterReplicate", command: Cluster.clusterReplicate(node), error: /Unknown node/ },
  { name: "clusterSaveconfig", command: Cluster.clusterSaveconfig(), expected: "OK" },
  { name: "clusterSetConfigEpoch", command: Cluster.clusterSetConfigEpoch(5), error: busy },
  { name: "clusterSetslot", command: Cluster.clusterSetslot(5, "stable"), expected: "OK" },
  {
    name: "clusterShards",
    command: Cluster.clusterShards(),
    unstable: (value) => Array.isArray(value) && value[0].slots[0][1] === 16383 && value[0].nodes[0].role === "master"
  },
  {
    name: "clusterSlots",
    command: Cluster.clusterSlots(),
    unstable: (value) => Array.isArray(value) && value[0].end === 16383 && value[0].nodes[0].id.length === 40
  }
]

const channels: ReadonlyArray<Sample> = [
  { name: "publish", command: Channels.publish("c", "m"), expected: 0 },
  { name: "pubsubChannels", command: Channels.pubsubChannels("*"), expected: [] },
  { name: "pubsubNumpat", command: Channels.pubsubNumpat(), expected: 0 },
  { name: "pubsubNumsub", command: Channels.pubsubNumsub(["a", "b"]), expected: { a: 0, b: 0 } },
  { name: "pubsubShardchannels", command: Channels.pubsubShardchannels(), expected: [] },
  { name: "pubsubShardnumsub", command: Channels.pubsubShardnumsub("a"), expected: { a: 0 } },
  { name: "spublish", command: Channels.spublish("c", "m"), expected: 0 }
]

export const samples: ReadonlyArray<Sample> = [
  ...strings,
  ...generic,
  ...hashes,
  ...lists,
  ...sets,
  ...sortedSets,
  ...bitmaps,
  ...hyperLogLog,
  ...scripting,
  ...acl,
  ...connection,
  ...server,
  ...cluster,
  ...channels
]

/** Builders that would take the test server down or away from its slots. */
export const notRun: Readonly<Record<string, Omission>> = {
  bgrewriteaof: { command: Server.bgrewriteaof(), reason: "forks the test server" },
  bgsave: { command: Server.bgsave(), reason: "forks the test server" },
  save: { command: Server.save(), reason: "writes to disk" },
  shutdown: { command: Server.shutdown(), reason: "ends the test server" },
  clusterDelslots: { command: Cluster.clusterDelslots(1), reason: "takes the slots away" },
  clusterDelslotsrange: { command: Cluster.clusterDelslotsrange([[0, 1]]), reason: "takes the slots away" },
  clusterFlushslots: { command: Cluster.clusterFlushslots(), reason: "takes the slots away" },
  clusterReset: { command: Cluster.clusterReset("SOFT"), reason: "takes the slots away" }
}
