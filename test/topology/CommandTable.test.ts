import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { DecodeFailure } from "../../src/commands/Command.ts"
import type { CommandSpec } from "../../src/commands/CommandSpec.ts"
import { correctedNames } from "../../src/commands/table/CommandPolicies.ts"
import * as CommandTable from "../../src/commands/table/CommandTable.ts"
import { type Argument, type Reply, ServerError } from "../../src/protocol/Reply.ts"
import * as lone from "../harness/lone.ts"
import { RespClient } from "../harness/RespClient.ts"

/** The words of a call; `""` is the empty argument. */
const wordsOf = (call: string): ReadonlyArray<string> => call.split(" ").map((word) => word === "\"\"" ? "" : word)

interface Call {
  readonly spec: CommandSpec
  readonly args: ReadonlyArray<Argument>
}

const find = (table: CommandTable.CommandTable, [name, ...rest]: ReadonlyArray<string>): Call => {
  const match = CommandTable.lookup(table, name, rest)
  if (match === undefined) throw new Error(`${name} is not in the table`)
  return { spec: match.spec, args: rest.slice(match.nameArguments) }
}

const keysOf = (table: CommandTable.CommandTable, words: ReadonlyArray<string>): ReadonlyArray<Argument> => {
  const { spec, args } = find(table, words)
  const positions = typeof spec.keys === "function" ? spec.keys(args) : spec.keys === -1 ? [] : [spec.keys]
  return positions.map((position) => args[position])
}

const specOf = (call: string): CommandSpec => find(CommandTable.embedded(), wordsOf(call)).spec

const decoded = (reply: Reply): CommandTable.CommandTable => {
  const table = CommandTable.fromReply(reply)
  if (table instanceof DecodeFailure) throw new Error(table.message)
  return table
}

const calls = `
GET k
get k
SET k v
SET k v GET EX 10
GETEX k PERSIST
GETRANGE k 0 -1
SETRANGE k 0 v
APPEND k v
INCRBYFLOAT k 1.5
STRLEN k
LCS a b IDX
MGET a
MGET a b c
MSET a 1
MSET a 1 b 2 c 3
MSETNX a 1 b 2
DEL a
DEL a b c
UNLINK a b
EXISTS a b a
TOUCH a b
COPY a b REPLACE
RENAME a b
RENAMENX a b
MOVE a 1
DUMP k
RESTORE k 0 data
RESTORE-ASKING k 0 data
EXPIRE k 10
TYPE k
WATCH a b
OBJECT ENCODING k
object freq k
OBJECT HELP
MEMORY USAGE k SAMPLES 5
MEMORY DOCTOR
HSET h f v g w
HMGET h f g
HGETALL h
HSCAN h 0 MATCH k
LPUSH l a b
LMOVE a b LEFT RIGHT
RPOPLPUSH a b
BRPOPLPUSH a b 0
BLMOVE a b LEFT RIGHT 0
BLPOP a 0
BLPOP a b c 0
BRPOP a b 1.5
LMPOP 1 a LEFT
LMPOP 2 a b LEFT COUNT 5
BLMPOP 0 2 a b LEFT
SADD s a b
SMOVE a b m
SDIFF a b
SINTER a b
SUNION a
SDIFFSTORE d a b
SINTERSTORE d a
SUNIONSTORE d a b c
SINTERCARD 2 a b LIMIT 1
SINTERCARD 1 a
ZADD z 1 m 2 n
ZRANGESTORE d s 0 -1
ZDIFF 2 a b
ZINTER 2 a b WEIGHTS 1 2
ZUNION 1 a WITHSCORES
ZINTERCARD 2 a b
ZDIFFSTORE d 2 a b
ZINTERSTORE d 2 a b AGGREGATE MAX
ZUNIONSTORE d 3 a b c WEIGHTS 1 2 3
ZMPOP 2 a b MIN
BZMPOP 1 2 a b MAX COUNT 2
BZPOPMIN a b 0
BZPOPMAX a 0.1
ZRANDMEMBER z 2
GEOADD g 1 2 m
GEOSEARCH g FROMMEMBER m BYRADIUS 1 km
GEOSEARCHSTORE d s FROMMEMBER m BYRADIUS 1 km
GEORADIUS g 1 2 3 km
GEORADIUS g 1 2 3 km STORE d
GEORADIUS g 1 2 3 km COUNT 1 storedist d
GEORADIUSBYMEMBER g m 3 km
GEORADIUSBYMEMBER g m 3 km store d
GEORADIUS_RO g 1 2 3 km
PFADD k a b
PFCOUNT a b
PFMERGE d a b
BITOP AND d a b
BITOP NOT d a
BITCOUNT k
BITFIELD k GET u8 0
BITFIELD_RO k GET u8 0
XADD s * f v
XLEN s
XREAD STREAMS a 0
XREAD COUNT 2 STREAMS a b 0 0
XREAD BLOCK 0 streams a b c $ $ $
XREAD COUNT 1 BLOCK 5 STREAMS STREAMS 0
XREADGROUP GROUP g c STREAMS a >
XREADGROUP GROUP g c COUNT 1 NOACK STREAMS a b > >
XREADGROUP GROUP STREAMS c STREAMS a >
XGROUP CREATE s g $
xgroup setid s g $
XINFO STREAM s FULL
XINFO GROUPS s
XAUTOCLAIM s g c 0 0
EVAL return 0
EVAL return 0 a b
EVAL return 1 k
EVAL return 2 a b x y
EVALSHA 0123 2 a b x
EVAL_RO return 1 k x
EVALSHA_RO 0123 0 x
FCALL f 0
FCALL f 2 a b x
FCALL_RO f 1 a
SORT k
SORT k BY w_* LIMIT 0 10 GET # ALPHA
SORT k STORE d
SORT k BY store STORE d
SORT k GET store LIMIT 0 store DESC
SORT k STORE a store b
SORT_RO k BY w_* GET #
MIGRATE h 1 k 0 100
MIGRATE h 1 k 0 100 COPY REPLACE
MIGRATE h 1 "" 0 100 KEYS a
MIGRATE h 1 "" 0 100 COPY AUTH keys KEYS a b c
MIGRATE h 1 "" 0 100 AUTH2 keys keys REPLACE keys a keys
MIGRATE h 1 k 0 100 AUTH keys
SCAN 0 MATCH k
PUBLISH c m
SPUBLISH c m
SSUBSCRIBE a b
CONFIG GET maxmemory
CLUSTER KEYSLOT k
CLUSTER COUNTKEYSINSLOT 1
FLUSHALL ASYNC
WAIT 1 100
PING hello
`.trim().split("\n")

describe("CommandTable", () => {
  let server: lone.LoneServer
  let client: RespClient
  let live: CommandTable.CommandTable
  beforeAll(async () => {
    server = await lone.start([])
    client = await RespClient.open(server)
    live = decoded(await client.send(["COMMAND"]))
  })
  afterAll(async () => {
    client?.close()
    await server?.stop()
  })

  describe("finds the keys that COMMAND GETKEYS finds", () => {
    it.each(calls)("%s", async (call) => {
      const words = wordsOf(call)
      const reply = await client.send(["COMMAND", "GETKEYS", ...words])
      if (reply instanceof ServerError && reply.message !== "ERR The command has no key arguments") {
        throw new Error(reply.message)
      }
      const expected = reply instanceof ServerError ? [] : reply
      expect(keysOf(CommandTable.embedded(), words)).toEqual(expected)
      expect(keysOf(live, words)).toEqual(expected)
    })
  })

  describe("finds the keys of commands newer than the server at hand", () => {
    it.each([
      ["MSETEX 2 a 1 b 2 NX EX 10", ["a", "b"]],
      ["DELIFEQ k v", ["k"]],
      ["HGETEX h EX 10 FIELDS 1 f", ["h"]],
      ["VSIM v ELE e", ["v"]],
      ["XDELEX s KEEPREF IDS 1 1-1", ["s"]]
    ])("%s", (call, keys) => {
      expect(keysOf(CommandTable.embedded(), wordsOf(call))).toEqual(keys)
    })
  })

  it("finds no keys in calls that the server will refuse", () => {
    for (
      const call of [
        "MGET",
        "XREAD COUNT 1",
        "XREAD STREAMS",
        "ZUNION 5 a b",
        "ZUNION x a b",
        "ZUNION -1 a",
        "EVAL",
        "EVAL s 99999999999 a",
        "SORT",
        "MIGRATE h 1"
      ]
    ) {
      expect(keysOf(CommandTable.embedded(), wordsOf(call)), call).toEqual([])
    }
  })

  it("sends a MIGRATE that names its keys twice to the owner of the first, which will refuse it", () => {
    expect(keysOf(CommandTable.embedded(), wordsOf("MIGRATE h 1 k 0 100 KEYS a"))).toEqual(["k"])
  })

  it("finds keys and keywords that are given as bytes", () => {
    const args = ["COUNT", "1", "streams", "a", "0"].map((word) => Buffer.from(word))
    const keys = CommandTable.lookup(CommandTable.embedded(), "XREAD", args)?.spec.keys
    expect(typeof keys === "function" && keys(args)).toEqual([3])
  })

  it("says the only key at a fixed place as a number", () => {
    expect(specOf("GET k").keys).toBe(0)
    expect(specOf("OBJECT ENCODING k").keys).toBe(0)
    expect(specOf("BITFIELD k").keys).toBe(0)
    expect(specOf("PING").keys).toBe(-1)
  })

  describe("lookup", () => {
    it("does not know unknown commands and subcommands", () => {
      const table = CommandTable.embedded()
      expect(CommandTable.lookup(table, "NOSUCH", [])).toBeUndefined()
      expect(CommandTable.lookup(table, "", [])).toBeUndefined()
      expect(CommandTable.lookup(table, "CONFIG", ["NOSUCH"])).toBeUndefined()
      expect(CommandTable.lookup(table, "CONFIG NOSUCH", [])).toBeUndefined()
      expect(CommandTable.lookup(table, "constructor", [])).toBeUndefined()
    })

    it("finds a subcommand in any case, by its whole name and by its first argument", () => {
      const table = CommandTable.embedded()
      const spec = specOf("CONFIG GET x")
      expect(spec.name).toBe("CONFIG GET")
      expect(CommandTable.lookup(table, "CONFIG GET", ["x"])).toEqual({ spec, nameArguments: 0 })
      expect(CommandTable.lookup(table, "config get", ["x"])).toEqual({ spec, nameArguments: 0 })
      expect(CommandTable.lookup(table, "Config Get", ["x"])).toEqual({ spec, nameArguments: 0 })
      expect(CommandTable.lookup(table, "Config", ["gEt", "x"])).toEqual({ spec, nameArguments: 1 })
      expect(CommandTable.lookup(table, "CONFIG", [Buffer.from("get"), "x"])).toEqual({ spec, nameArguments: 1 })
    })

    it("finds a container on its own", () => {
      expect(CommandTable.lookup(CommandTable.embedded(), "COMMAND", [])).toMatchObject({
        spec: { name: "COMMAND" },
        nameArguments: 0
      })
    })

    it("gives the same spec every time", () => {
      expect(CommandTable.lookup(live, "get", ["a"])).toBe(CommandTable.lookup(live, "GET", ["b"]))
      expect(CommandTable.lookup(live, "CONFIG", ["GET"])?.spec).toBe(CommandTable.lookup(live, "CONFIG GET", [])?.spec)
    })
  })

  describe("facts", () => {
    it.each(
      [
        ["GET", true],
        ["PFCOUNT", true],
        ["SORT_RO", true],
        ["TOUCH", true],
        ["XREAD", true],
        ["SET", false],
        ["SORT", false],
        ["XREADGROUP", false],
        ["EVAL", false],
        ["PING", false]
      ] as const
    )("%s is read-only: %s", (name, readonly) => {
      expect(specOf(name).readonly).toBe(readonly)
    })

    it.each(
      [
        ["BLPOP a b 1.5", 1500],
        ["BLPOP a 0", Infinity],
        ["BLPOP a nonsense", undefined],
        ["BLPOP a -1", undefined],
        ["BZMPOP 2 1 z MIN", 2000],
        ["BLMOVE a b LEFT RIGHT 3", 3000],
        ["XREAD STREAMS BLOCK 0", undefined],
        ["XREAD BLOCK 250 STREAMS s $", 250],
        ["XREADGROUP GROUP g c block 0 STREAMS s >", Infinity],
        ["XREADGROUP GROUP STREAMS BLOCK BLOCK 5 STREAMS s >", 5],
        ["WAIT 1 100", 100],
        ["WAITAOF 1 1 0", Infinity]
      ] as const
    )("%s blocks for %s ms", (call, wait) => {
      const { spec, args } = find(CommandTable.embedded(), wordsOf(call))
      expect(spec.blocking?.(args)).toBe(wait)
    })

    it("says nothing about blocking for commands that do not block", () => {
      expect(specOf("GET k").blocking).toBeUndefined()
    })

    it("takes a module's blocking command to block without end", () => {
      const table = decoded([["mod.wait", -2, ["blocking"], 1, 1, 1, [], [], [], []]])
      expect(CommandTable.lookup(table, "MOD.WAIT", [])?.spec.blocking?.([])).toBe(Infinity)
    })

    it("takes what decides the slot without being a key for a channel", () => {
      for (const call of ["SPUBLISH c m", "SSUBSCRIBE c", "SUNSUBSCRIBE c", "CLUSTERSCAN 0"]) {
        expect([specOf(call).channel, specOf(call).keys], call).toEqual([0, -1])
      }
      expect(specOf("PUBLISH c m").channel).toBe(-1)
      expect(specOf("GET k").channel).toBe(-1)
    })
  })

  describe("policies", () => {
    it.each(
      [
        // As the servers say.
        ["DBSIZE", "allShards", "sum"],
        ["FLUSHALL", "allShards", "allSucceeded"],
        ["WAIT", "allShards", "min"],
        ["WAITAOF", "allShards", "min"],
        ["SCRIPT EXISTS", "allShards", "logicalAnd"],
        ["SCRIPT LOAD", "allNodes", "allSucceeded"],
        ["CONFIG SET", "allNodes", "allSucceeded"],
        ["SLOWLOG LEN", "allNodes", "sum"],
        ["INFO", "allShards", "perNode"],
        ["FUNCTION STATS", "allShards", "perNode"],
        ["LATENCY LATEST", "allNodes", "perNode"],
        ["GET", "default", "oneSucceeded"],
        ["PUBLISH", "default", "oneSucceeded"],
        ["CLUSTER KEYSLOT", "default", "oneSucceeded"],
        // Not split: the atomic form goes to one node.
        ["DEL", "default", "sum"],
        ["MSET", "default", "allSucceeded"],
        ["MGET", "default", "oneSucceeded"],
        // A fan-out without a response tip is a list.
        ["KEYS", "allShards", "concat"],
        ["SLOWLOG GET", "allNodes", "concat"],
        ["COMMANDLOG GET", "allNodes", "concat"],
        ["CLUSTER SLOT-STATS", "allShards", "concat"],
        // Corrected.
        ["MSETNX", "default", "oneSucceeded"],
        ["MSETEX", "default", "oneSucceeded"],
        ["SCRIPT KILL", "allNodes", "oneSucceeded"],
        ["FUNCTION KILL", "allNodes", "oneSucceeded"],
        ["RANDOMKEY", "default", "oneSucceeded"],
        ["PING", "default", "oneSucceeded"],
        ["LATENCY RESET", "allNodes", "sum"],
        ["PUBSUB CHANNELS", "allNodes", "union"],
        ["PUBSUB NUMPAT", "allNodes", "sum"],
        ["PUBSUB NUMSUB", "allNodes", "perNode"],
        ["SCAN", "explicit", "oneSucceeded"],
        ["CLUSTERSCAN", "default", "oneSucceeded"],
        ["HOTKEYS START", "explicit", "oneSucceeded"],
        ["CLIENT LIST", "explicit", "oneSucceeded"],
        ["CLIENT SETNAME", "explicit", "allSucceeded"],
        ["CLUSTER GETKEYSINSLOT", "default", "oneSucceeded"],
        ["SHUTDOWN", "explicit", "oneSucceeded"],
        ["MULTI", "explicit", "oneSucceeded"]
      ] as const
    )("%s goes to %s, its replies become %s", (name, request, response) => {
      const spec = specOf(name)
      expect([spec.request, spec.response]).toEqual([request, response])
    })

    it("sends commands about a slot to its owner", () => {
      expect(specOf("CLUSTER GETKEYSINSLOT 42 1").slot?.(["42", "1"])).toBe(42)
      expect(specOf("CLUSTER COUNTKEYSINSLOT 42").slot?.([])).toBeNaN()
      expect(specOf("CLUSTER KEYSLOT k").slot).toBeUndefined()
    })

    it("corrects the tips of a server too", () => {
      // As Redis 7.0 has it.
      const tips = ["request_policy:multi_shard", "response_policy:agg_min"]
      const table = decoded([["msetnx", -3, ["write"], 1, -1, 2, [], tips, [], []]])
      expect(table.entries.get("MSETNX")).toMatchObject({ requestTip: "multi_shard", responseTip: "agg_min" })
      expect(CommandTable.lookup(table, "MSETNX", [])?.spec).toMatchObject({
        request: "default",
        response: "oneSucceeded"
      })
    })

    it("corrects only commands that exist", () => {
      expect(correctedNames.filter((name) => !CommandTable.embedded().entries.has(name))).toEqual([])
    })
  })

  describe("fromReply", () => {
    it("reads RESP3 as it reads RESP2", async () => {
      await using resp3 = await RespClient.open(server)
      await resp3.send(["HELLO", "3"])
      const reply = await resp3.send(["COMMAND"])
      expect(Array.isArray(reply) && Array.isArray(reply[0]) && reply[0][2]).toBeInstanceOf(Set)
      expect(CommandTable.toText(decoded(reply))).toBe(CommandTable.toText(live))
    })

    it("reads names and flags that arrive as bytes", () => {
      const table = decoded([[Buffer.from("get"), 2, [Buffer.from("readonly")], 1, 1, 1, [], [], [], []]])
      expect(CommandTable.lookup(table, "GET", ["k"])?.spec).toMatchObject({ name: "GET", keys: 0, readonly: true })
    })

    it("falls back to first key, last key and step where a server tells no key specs", () => {
      const table = decoded([
        ["get", 2, ["readonly"], 1, 1, 1, []],
        ["mset", -3, ["write"], 1, -1, 2, []],
        ["blpop", -3, ["write"], 1, -2, 1, []],
        ["rename", 3, ["write"], 1, 2, 1, []],
        ["ping", -1, [], 0, 0, 0, []]
      ])
      expect(keysOf(table, wordsOf("GET k"))).toEqual(["k"])
      expect(keysOf(table, wordsOf("MSET a 1 b 2"))).toEqual(["a", "b"])
      expect(keysOf(table, wordsOf("BLPOP a b 0"))).toEqual(["a", "b"])
      expect(keysOf(table, wordsOf("RENAME a b"))).toEqual(["a", "b"])
      expect(keysOf(table, wordsOf("PING"))).toEqual([])
    })

    it("ignores key specs of kinds it does not know", () => {
      const spec = ["flags", [], "begin_search", ["type", "psychic", "spec", []], "find_keys", [
        "type",
        "x",
        "spec",
        []
      ]]
      const table = decoded([
        ["mod.get", 2, [], 1, 1, 1, [], [], [spec], []],
        ["mod.none", 2, [], 0, 0, 0, [], [], [spec], []]
      ])
      expect(keysOf(table, wordsOf("MOD.GET k"))).toEqual(["k"])
      expect(keysOf(table, wordsOf("MOD.NONE k"))).toEqual([])
    })

    it("searches a negative keyword position backwards and in any case", () => {
      const spec = [
        "flags",
        [],
        "begin_search",
        ["type", "keyword", "spec", ["keyword", "keys", "startfrom", -2]],
        "find_keys",
        ["type", "range", "spec", ["lastkey", -1, "keystep", 1, "limit", 0]]
      ]
      const table = decoded([["mod.move", -2, [], 0, 0, 0, [], [], [spec], []]])
      expect(keysOf(table, wordsOf("MOD.MOVE KEYS x Keys a b"))).toEqual(["a", "b"])
      expect(keysOf(table, wordsOf("MOD.MOVE a b"))).toEqual([])
    })

    it.each<[string, Reply]>([
      ["an error", new ServerError("NOPERM no permission")],
      ["no list", "OK"],
      ["a command that is no list", ["get"]],
      ["a command without a name", [[1, 2, []]]],
      ["a command without flags", [["get", 2]]],
      ["a subcommand without flags", [["config", -2, [], 0, 0, 0, [], [], [], [["config|get"]]]]]
    ])("fails on %s", (_, reply) => {
      expect(CommandTable.fromReply(reply)).toBeInstanceOf(DecodeFailure)
    })
  })

  describe("overlay", () => {
    it("takes what the server says over what is embedded, and keeps the rest", () => {
      const over = decoded([
        ["get", 2, [], 2, 2, 1, [], [], [], []],
        ["json.get", -2, ["readonly"], 1, 1, 1, [], [], [], []]
      ])
      const table = CommandTable.overlay(CommandTable.embedded(), over)
      expect(CommandTable.lookup(table, "GET", [])?.spec).toMatchObject({ keys: 1, readonly: false })
      expect(CommandTable.lookup(table, "JSON.GET", [])?.spec).toMatchObject({ keys: 0, readonly: true })
      expect(CommandTable.lookup(table, "CONFIG", ["GET"])?.spec.name).toBe("CONFIG GET")
    })

    it("keeps the policies about which the server is silent", () => {
      // Redis 7.0 does not say that users have to be set on every node.
      const setUser = ["acl|setuser", -3, ["admin"], 0, 0, 0, [], [], [], []]
      const silent = decoded([["acl", -2, [], 0, 0, 0, [], [], [], [setUser]]])
      expect(silent.entries.get("ACL SETUSER")).toMatchObject({ requestTip: undefined })
      const table = CommandTable.overlay(CommandTable.embedded(), silent)
      expect(CommandTable.lookup(table, "ACL", ["SETUSER"])?.spec).toMatchObject({
        request: "allNodes",
        response: "allSucceeded"
      })
    })

    it("leaves both tables as they were", () => {
      const over = decoded([["get", 2, [], 2, 2, 1, [], [], [], []]])
      CommandTable.overlay(CommandTable.embedded(), over)
      expect(specOf("GET k").keys).toBe(0)
      expect(over.entries.size).toBe(1)
    })

    it("fills only gaps from a server older than 7.0, which says less", () => {
      const over = decoded([
        ["xread", -4, ["readonly", "movablekeys"], 0, 0, 0, []],
        ["mod.get", 2, ["readonly"], 1, 1, 1, []]
      ])
      const table = CommandTable.overlay(CommandTable.embedded(), over)
      expect(keysOf(table, wordsOf("XREAD STREAMS a 0"))).toEqual(["a"])
      expect(keysOf(table, wordsOf("MOD.GET k"))).toEqual(["k"])
    })
  })

  describe("embedded", () => {
    it("knows every command of the server at hand", () => {
      expect([...live.entries.keys()].filter((name) => !CommandTable.embedded().entries.has(name))).toEqual([])
    })

    it("is read and written without loss", () => {
      const text = CommandTable.toText(CommandTable.embedded())
      expect(CommandTable.toText(CommandTable.fromText(text))).toBe(text)
      expect(CommandTable.fromText(CommandTable.toText(live)).entries).toEqual(live.entries)
    })
  })
})
