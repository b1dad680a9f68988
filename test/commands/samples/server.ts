import {
  type Hotkeys,
  type MemoryStats,
  type RoleReply,
  Server,
  type ServerInfo
} from "../../../src/commands/Server.ts"
import { Strings } from "../../../src/commands/Strings.ts"
import { has, isList, isNumber, isObject, isText, k, type Sample } from "./Sample.ts"

export const server: ReadonlyArray<Sample> = [
  {
    name: "bgsaveCancel",
    command: Server.bgsaveCancel(),
    error: /not in progress/,
    since: { valkey: "8.1" }
  },
  { name: "command", command: Server.command(), unstable: (value) => Array.isArray(value) && value.length > 200 },
  { name: "commandCount", command: Server.commandCount(), unstable: isNumber },
  { name: "commandDocs", command: Server.commandDocs(["set", "get"]), unstable: has("set", "get") },
  {
    name: "commandDocs of a container",
    command: Server.commandDocs(["set", "config"]),
    unstable: has("set", "config")
  },
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
    name: "commandList of a category",
    command: Server.commandList({ category: "hyperloglog" }),
    unstable: (value) => Array.isArray(value) && value.includes("pfadd") && !value.includes("get")
  },
  { name: "commandList of a module", command: Server.commandList({ module: "nonesuch" }), expected: [] },
  { name: "commandlogGet", command: Server.commandlogGet(10, "SLOW"), unstable: isList, since: { valkey: "8.1" } },
  {
    name: "commandlogGet of all",
    command: Server.commandlogGet(-1, "SLOW"),
    prepare: [
      ["CONFIG", "SET", "slowlog-log-slower-than", "0"],
      ["COMMANDLOG", "RESET", "SLOW"],
      ["GET", "k"],
      ["CONFIG", "SET", "slowlog-log-slower-than", "10000"]
    ],
    unstable: (value) =>
      Array.isArray(value) && value.length > 0 &&
      value.every(has("id", "time", "value", "args", "client", "clientName")),
    since: { valkey: "8.1" }
  },
  { name: "commandlogLen", command: Server.commandlogLen("LARGE-REPLY"), expected: 0, since: { valkey: "8.1" } },
  {
    name: "commandlogReset",
    command: Server.commandlogReset("LARGE-REQUEST"),
    expected: "OK",
    since: { valkey: "8.1" }
  },
  {
    name: "configGet",
    command: Server.configGet(["maxmemory", "cluster-enabled"]),
    expected: { maxmemory: "0", "cluster-enabled": "yes" }
  },
  { name: "configResetstat", command: Server.configResetstat(), expected: "OK" },
  { name: "configRewrite", command: Server.configRewrite(), error: /config file/ },
  { name: "configSet", command: Server.configSet({ "slowlog-max-len": 128 }), expected: "OK" },
  {
    name: "configSet of several",
    command: Server.configSet({ "slowlog-log-slower-than": 10000, "slowlog-max-len": 128 }),
    expected: "OK"
  },
  { name: "dbsize", command: Server.dbsize(), prepare: [Strings.set("user:1", "Ada")], expected: 1 },
  { name: "debug", command: Server.debug(["SLEEP", "0"]), expected: "OK" },
  {
    name: "failover",
    command: Server.failover({ to: { host: "10.0.0.2", port: 6379 }, timeout: "1 second" }),
    error: /cluster/
  },
  { name: "failoverAbort", command: Server.failoverAbort(), error: /./ },
  { name: "flushall", command: Server.flushall("ASYNC"), prepare: [Strings.set("user:1", "Ada")], expected: "OK" },
  { name: "flushall at once", command: Server.flushall("SYNC"), prepare: k, expected: "OK" },
  { name: "flushdb", command: Server.flushdb(), prepare: [Strings.set("user:1", "Ada")], expected: "OK" },
  { name: "flushdb later", command: Server.flushdb("ASYNC"), prepare: k, expected: "OK" },
  {
    name: "hotkeysGet",
    command: Server.hotkeysGet(),
    unstable: (value) => value === null || isObject(value),
    since: { redis: "8.6" }
  },
  {
    name: "hotkeysGet of figures",
    command: Server.hotkeysGet(),
    prepare: [
      ["HOTKEYS", "STOP"],
      ["HOTKEYS", "RESET"],
      ["HOTKEYS", "START", "METRICS", "2", "CPU", "NET"],
      ["SET", "k", "v"],
      ["HOTKEYS", "STOP"]
    ],
    unstable: (value) => {
      const { byCpuTime, byNetBytes, fields, sampleRatio, selectedSlots, trackingActive } = value as Hotkeys
      return trackingActive === false && sampleRatio === 1 && JSON.stringify(selectedSlots) === "[[0,16383]]" &&
        byCpuTime?.[0][0] === "k" && byNetBytes !== undefined && byNetBytes[0][1] > 0 &&
        isNumber(fields["all-commands-all-slots-us"])
    },
    since: { redis: "8.6" }
  },
  {
    name: "hotkeysGet of nothing",
    command: Server.hotkeysGet(),
    prepare: [["HOTKEYS", "STOP"], ["HOTKEYS", "RESET"]],
    expected: null,
    since: { redis: "8.6" }
  },
  { name: "hotkeysReset", command: Server.hotkeysReset(), expected: "OK", since: { redis: "8.6" } },
  {
    name: "hotkeysReset after a stop",
    command: Server.hotkeysReset(),
    prepare: [["HOTKEYS", "STOP"]],
    expected: "OK",
    since: { redis: "8.6" }
  },
  {
    name: "hotkeysStart",
    command: Server.hotkeysStart({ metrics: ["CPU", "NET"], count: 10, duration: "1 minute" }),
    prepare: [Server.hotkeysStop()],
    expected: "OK",
    since: { redis: "8.6" }
  },
  {
    name: "hotkeysStart with options",
    command: Server.hotkeysStart({ metrics: "CPU", count: 10, duration: "1 minute", sample: 2, slots: [1, 2] }),
    prepare: [["HOTKEYS", "STOP"]],
    expected: "OK",
    since: { redis: "8.6" }
  },
  {
    name: "hotkeysStop",
    command: Server.hotkeysStop(),
    prepare: [Server.hotkeysStop(), Server.hotkeysStart({ metrics: "CPU" })],
    expected: true,
    since: { redis: "8.6" }
  },
  {
    name: "hotkeysStop of a running one",
    command: Server.hotkeysStop(),
    prepare: [["HOTKEYS", "STOP"], ["HOTKEYS", "START", "METRICS", "1", "NET"]],
    expected: true,
    since: { redis: "8.6" }
  },
  {
    name: "hotkeysStop of nothing",
    command: Server.hotkeysStop(),
    prepare: [["HOTKEYS", "STOP"]],
    expected: false,
    since: { redis: "8.6" }
  },
  {
    name: "info",
    command: Server.info(["memory", "keyspace"]),
    prepare: [Strings.set("user:1", "Ada")],
    unstable: (value) => {
      const { fields, keyspace, memory, server } = value as ServerInfo<ReadonlyArray<string>>
      return memory !== undefined && memory.usedMemory > 1_000_000 &&
        String(memory.usedMemory) === fields["used_memory"] &&
        keyspace !== undefined && server === undefined
    },
    shown: "{ memory: { usedMemory: 1714120, ... }, keyspace: { db0: { keys: 1, ... } }, fields: { ... } }"
  },
  {
    name: "info of everything",
    command: Server.info("everything"),
    prepare: [["SET", "k", "v", "EX", "100"], ["GET", "k"]],
    refused: [["INCR", "k"]],
    unstable: (value) => {
      const info = value as ServerInfo<"everything">
      const { get } = info.commandstats
      return info.server.tcpPort > 0 && info.clients.connectedClients > 0 && info.memory.maxmemoryPolicy !== "" &&
        !info.persistence.loading && info.stats.totalCommandsProcessed > 0 && info.replication.role === "master" &&
        info.replication.replicas.length === 0 && info.cpu.usedCpuUser >= 0 && info.cluster.clusterEnabled &&
        info.keyspace["db0"].keys === 1 && info.keyspace["db0"].expires === 1 && info.errorstats["ERR"] > 0 &&
        get.calls > 0 && get.usecPerCall >= 0 && get.failedCalls === 0 && info.latencystats["get"]["p50"] > 0 &&
        Array.isArray(info.modules)
    }
  },
  {
    name: "info by default",
    command: Server.info(),
    unstable: (value) => has("server", "cpu", "modules", "errorstats")(value) && !has("commandstats")(value)
  },
  {
    name: "info as text",
    command: Server.info("server", { raw: true }),
    unstable: (value) => typeof value === "string" && value.startsWith("# Server")
  },
  { name: "lastsave", command: Server.lastsave(), unstable: isNumber },
  { name: "latencyDoctor", command: Server.latencyDoctor(), unstable: isText },
  {
    name: "latencyGraph",
    command: Server.latencyGraph("command"),
    prepare: [Server.debug(["SLEEP", "0.005"])],
    unstable: isText,
    alone: "every node needs a slow command"
  },
  { name: "latencyHistogram", command: Server.latencyHistogram("get"), unstable: isObject },
  {
    name: "latencyHistogram of a command",
    command: Server.latencyHistogram("get"),
    prepare: [["GET", "k"]],
    unstable: (value) => has("get")(value) && has("calls", "histogram")((value as { get: unknown }).get)
  },
  {
    name: "latencyHistory",
    command: Server.latencyHistory("command"),
    unstable: isList,
    shown: "[[1764539999, 12]]"
  },
  {
    name: "latencyHistory of slow commands",
    command: Server.latencyHistory("command"),
    prepare: [["DEBUG", "SLEEP", "0.005"]],
    unstable: (value) => Array.isArray(value) && value.length > 0 && isList(value[0])
  },
  { name: "latencyLatest", command: Server.latencyLatest(), unstable: isList },
  {
    name: "latencyLatest of slow commands",
    command: Server.latencyLatest(),
    prepare: [["DEBUG", "SLEEP", "0.005"]],
    unstable: (value) => Array.isArray(value) && value.some(has("event", "time", "latest", "max"))
  },
  { name: "latencyReset", command: Server.latencyReset("nonesuch"), expected: 0 },
  { name: "lolwut", command: Server.lolwut(5, [40, 1, 1]), unstable: isText },
  { name: "lolwut of a version", command: Server.lolwut(1), unstable: isText },
  { name: "lolwut with arguments", command: Server.lolwut(5, [1, 1, 1]), unstable: isText },
  { name: "memoryDoctor", command: Server.memoryDoctor(), unstable: isText },
  { name: "memoryMallocStats", command: Server.memoryMallocStats(), unstable: isText },
  { name: "memoryPurge", command: Server.memoryPurge(), expected: "OK" },
  {
    name: "memoryStats",
    command: Server.memoryStats(),
    unstable: (value) => {
      const { fields, fragmentation, peakAllocated } = value as MemoryStats
      return isNumber(fragmentation) && isNumber(peakAllocated) && fields["peak.allocated"] === peakAllocated
    },
    shown: "{ totalAllocated: 1737608, datasetBytes: 137616, ... }"
  },
  {
    name: "memoryUsage",
    command: Server.memoryUsage("user:1"),
    prepare: [Strings.set("user:1", "Ada")],
    unstable: isNumber,
    shown: "56"
  },
  {
    name: "memoryUsage with samples",
    command: Server.memoryUsage("k", { samples: 0 }),
    prepare: k,
    unstable: isNumber
  },
  { name: "moduleList", command: Server.moduleList(), unstable: Array.isArray },
  { name: "moduleLoad", command: Server.moduleLoad("/path/to/module.so", ["x"]), error: /./ },
  {
    name: "moduleLoadex",
    command: Server.moduleLoadex("/path/to/module.so", { config: { "module.setting": 1 }, args: ["x"] }),
    error: /./
  },
  { name: "moduleUnload", command: Server.moduleUnload("mymodule"), error: /./ },
  {
    name: "role",
    command: Server.role(),
    unstable: has("role", "offset", "replicas"),
    shown: "{ role: \"master\", offset: 0, replicas: [] }"
  },
  {
    name: "role of a primary alone",
    command: Server.role(),
    // A WAIT for replicas moves the offset, even when there are none.
    unstable: (value) => {
      const { offset, role } = value as RoleReply
      return role === "master" && offset >= 0 &&
        JSON.stringify(value) === JSON.stringify({ role, offset, replicas: [] })
    }
  },
  { name: "shutdownAbort", command: Server.shutdownAbort(), error: /shutdown/i },
  { name: "slowlogGet", command: Server.slowlogGet(10), unstable: isList },
  {
    name: "slowlogGet of all",
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
    unstable: has("seconds", "microseconds"),
    shown: "{ seconds: 1764539999, microseconds: 123456 }"
  }
]
