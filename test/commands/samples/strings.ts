import * as Command from "../../../src/commands/Command.ts"
import { Strings } from "../../../src/commands/Strings.ts"
import { far, k, type Sample, text, two } from "./Sample.ts"

const greeting = [Strings.set("greeting", "Hello")]
const users = [Strings.mset({ "{user}:1": "Ada", "{user}:2": "Bob" })]

export const strings: ReadonlyArray<Sample> = [
  { name: "append", command: Strings.append("greeting", ", Ada"), prepare: greeting, expected: 10 },
  { name: "decr", command: Strings.decr("stock"), prepare: [Strings.set("stock", "10")], expected: 9 },
  { name: "decrby", command: Strings.decrby("stock", 3), prepare: [Strings.set("stock", "10")], expected: 7 },
  {
    name: "delex",
    command: Strings.delex("owner", { ifEq: "ada" }),
    prepare: [Strings.set("owner", "ada")],
    expected: true,
    since: { redis: "8.4" }
  },
  {
    name: "delifeq",
    command: Strings.delifeq("owner", "ada"),
    prepare: [Strings.set("owner", "ada")],
    expected: true,
    since: { valkey: "9.0" }
  },
  { name: "digest", command: Strings.digest("greeting"), prepare: greeting, since: { redis: "8.4" } },
  { name: "get", command: Strings.get("greeting"), prepare: greeting, expected: "Hello" },
  { name: "get of a missing key", command: Strings.get("k"), expected: null },
  {
    name: "get as bytes",
    command: Command.bytes(Strings.get("k")),
    prepare: [["SET", "k", new Uint8Array([0, 255])]],
    expected: new Uint8Array([0, 255])
  },
  { name: "getdel", command: Strings.getdel("greeting"), prepare: greeting, expected: "Hello" },
  {
    name: "getex",
    command: Strings.getex("session", { expire: "30 minutes" }),
    prepare: [Strings.set("session", "ada")],
    expected: "ada"
  },
  { name: "getex without options", command: Strings.getex("k"), prepare: text, expected: "hello" },
  { name: "getex with expire", command: Strings.getex("k", { expire: "1 minute" }), prepare: text, expected: "hello" },
  { name: "getex with persist", command: Strings.getex("k", { persist: true }), prepare: text, expected: "hello" },
  { name: "getex with expireAt", command: Strings.getex("k", { expireAt: far }), prepare: text, expected: "hello" },
  { name: "getrange", command: Strings.getrange("greeting", 1, 3), prepare: greeting, expected: "ell" },
  { name: "getrange to the end", command: Strings.getrange("k", 1, -2), prepare: text, expected: "ell" },
  {
    name: "getset",
    command: Strings.getset("state", "closed"),
    prepare: [Strings.set("state", "open")],
    expected: "open"
  },
  { name: "incr", command: Strings.incr("visits"), prepare: [Strings.set("visits", "10")], expected: 11 },
  {
    name: "incr beyond 2^53 as bigint",
    command: Command.bigint(Strings.incr("k")),
    prepare: [["SET", "k", "9007199254740992"]],
    expected: BigInt("9007199254740993")
  },
  { name: "incrby", command: Strings.incrby("visits", 5), prepare: [Strings.set("visits", "10")], expected: 15 },
  { name: "incrby of a bigint", command: Strings.incrby("k", BigInt(5)), prepare: k, expected: 15 },
  {
    name: "incrbyfloat",
    command: Strings.incrbyfloat("balance", 0.5),
    prepare: [Strings.set("balance", "10")],
    expected: 10.5
  },
  {
    name: "lcs",
    command: Strings.lcs("{dna}:a", "{dna}:b"),
    prepare: [Strings.mset({ "{dna}:a": "ohmytext", "{dna}:b": "mynewtext" })],
    expected: "mytext"
  },
  { name: "lcs with len", command: Strings.lcs("{t}a", "{t}b", { len: true }), prepare: two, expected: 6 },
  {
    name: "lcs with idx",
    command: Strings.lcs("{t}a", "{t}b", { idx: true, minMatchLength: 4 }),
    prepare: two,
    expected: { matches: [{ first: [4, 7], second: [5, 8], length: 4 }], length: 6 }
  },
  { name: "mget", command: Strings.mget(["{user}:1", "{user}:3"]), prepare: users, expected: ["Ada", null] },
  { name: "mset", command: Strings.mset({ "{user}:1": "Ada", "{user}:2": "Bob" }), expected: "OK" },
  { name: "mset of numbers", command: Strings.mset({ "{t}a": "1", "{t}b": 2 }), expected: "OK" },
  { name: "mset of pairs", command: Strings.mset(new Map([["{t}a", "1"]])), expected: "OK" },
  {
    name: "msetex",
    command: Strings.msetex({ "{code}:1": "1234", "{code}:2": "5678" }, { expire: "1 minute" }),
    expected: true,
    since: { redis: "8.4", valkey: "9.1" }
  },
  {
    name: "msetex with XX",
    command: Strings.msetex({ "{t}a": "1", "{t}c": "2" }, { condition: "XX", keepTtl: true }),
    prepare: two,
    expected: false,
    since: { redis: "8.4", valkey: "9.1" }
  },
  { name: "msetnx", command: Strings.msetnx({ "{user}:1": "Ada", "{user}:2": "Bob" }), expected: true },
  {
    name: "msetnx of pairs of which one exists",
    command: Strings.msetnx([["{t}a", "1"], ["{t}c", "2"]]),
    prepare: two,
    expected: false
  },
  { name: "psetex", command: Strings.psetex("code", "1500 millis", "1234"), expected: "OK" },
  { name: "set", command: Strings.set("user:1", "Ada", { condition: "NX", expire: "10 minutes" }), expected: "OK" },
  { name: "set of a number", command: Strings.set("k", 1), expected: "OK" },
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
  {
    name: "set with ifEq",
    command: Strings.set("k", "v", { condition: { ifEq: "10" } }),
    prepare: k,
    expected: "OK",
    since: { redis: "8.4", valkey: "8.1" }
  },
  {
    name: "set with ifDigestNe",
    command: Strings.set("k", "v", { condition: { ifDigestNe: "0123456789abcdef" }, get: true }),
    prepare: k,
    expected: "10",
    since: { redis: "8.4" }
  },
  {
    name: "set with ifNe",
    command: Strings.set("k", "v", { condition: { ifNe: "10" }, keepTtl: true }),
    prepare: k,
    expected: null,
    since: { redis: "8.4" }
  },
  { name: "setex", command: Strings.setex("code", "10 seconds", "1234"), expected: "OK" },
  { name: "setnx", command: Strings.setnx("owner", "ada"), expected: true },
  {
    name: "setrange",
    command: Strings.setrange("greeting", 6, "Redis"),
    prepare: [Strings.set("greeting", "Hello world")],
    expected: 11
  },
  { name: "strlen", command: Strings.strlen("greeting"), prepare: greeting, expected: 5 },
  { name: "substr", command: Strings.substr("greeting", 0, 1), prepare: greeting, expected: "He" }
]
