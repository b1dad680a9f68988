import { Cluster } from "../../../src/commands/Cluster.ts"
import { Strings } from "../../../src/commands/Strings.ts"
import { has, isList, isText, k, type Sample } from "./Sample.ts"

const nodeId = "0".repeat(40)
const busy = /./

const user = [Strings.set("user:1", "Ada")]

export const cluster: ReadonlyArray<Sample> = [
  { name: "clusterAddslots", command: Cluster.clusterAddslots([1, 2]), error: /already busy/ },
  { name: "clusterAddslotsrange", command: Cluster.clusterAddslotsrange([[1, 2], [5, 9]]), error: /already busy/ },
  { name: "clusterBumpepoch", command: Cluster.clusterBumpepoch(), unstable: has("bumped", "epoch") },
  {
    name: "clusterCancelslotmigrations",
    command: Cluster.clusterCancelslotmigrations(),
    error: /No migrations/,
    since: { valkey: "9.0" }
  },
  { name: "clusterCountFailureReports", command: Cluster.clusterCountFailureReports(nodeId), error: /Unknown node/ },
  { name: "clusterCountkeysinslot", command: Cluster.clusterCountkeysinslot(10778), prepare: user, expected: 1 },
  { name: "clusterCountkeysinslot of one", command: Cluster.clusterCountkeysinslot(7629), prepare: k, expected: 1 },
  { name: "clusterFailover", command: Cluster.clusterFailover(), error: /replica/ },
  { name: "clusterFailover without agreement", command: Cluster.clusterFailover("TAKEOVER"), error: /replica/ },
  {
    name: "clusterFlushslot",
    command: Cluster.clusterFlushslot(10778),
    prepare: user,
    expected: "OK",
    since: { valkey: "9.0" }
  },
  {
    name: "clusterFlushslot at once",
    command: Cluster.clusterFlushslot(7629, "SYNC"),
    prepare: k,
    expected: "OK",
    since: { valkey: "9.0" }
  },
  { name: "clusterForget", command: Cluster.clusterForget(nodeId), error: /Unknown node/ },
  {
    name: "clusterGetkeysinslot",
    command: Cluster.clusterGetkeysinslot(10778, 10),
    prepare: user,
    expected: ["user:1"]
  },
  {
    name: "clusterGetslotmigrations",
    command: Cluster.clusterGetslotmigrations(),
    expected: [],
    since: { valkey: "9.0" }
  },
  {
    name: "clusterInfo",
    command: Cluster.clusterInfo(),
    unstable: has("state", "slotsOk", "knownNodes"),
    shown: "{ state: \"ok\", slotsAssigned: 16384, knownNodes: 3, ... }"
  },
  {
    name: "clusterInfo of a node alone",
    command: Cluster.clusterInfo(),
    unstable: (value) => (value as { state: string }).state === "ok" && (value as { slotsOk: number }).slotsOk === 16384
  },
  { name: "clusterInfo as text", command: Cluster.clusterInfo({ raw: true }), unstable: isText },
  { name: "clusterNodes as text", command: Cluster.clusterNodes({ raw: true }), unstable: isText },
  { name: "clusterKeyslot", command: Cluster.clusterKeyslot("user:1"), expected: 10778 },
  { name: "clusterLinks", command: Cluster.clusterLinks(), unstable: isList },
  { name: "clusterLinks of a node alone", command: Cluster.clusterLinks(), expected: [] },
  {
    name: "clusterMeet of no address",
    command: Cluster.clusterMeet("not an address", 7000, 17000),
    error: /Invalid node address/
  },
  {
    name: "clusterMigrateslots",
    command: Cluster.clusterMigrateslots([{ ranges: [[1, 2], [5, 5]], node: nodeId }, {
      ranges: [[7, 8]],
      node: nodeId
    }]),
    error: /Unknown node/,
    since: { valkey: "9.0" }
  },
  {
    name: "clusterMigrationCancel",
    command: Cluster.clusterMigrationCancel({ id: nodeId }),
    expected: 0,
    since: { redis: "8.4" }
  },
  {
    name: "clusterMigrationImport",
    command: Cluster.clusterMigrationImport([[1, 2], [5, 5]]),
    error: /already the owner/,
    since: { redis: "8.4" }
  },
  {
    name: "clusterMigrationStatus",
    command: Cluster.clusterMigrationStatus("ALL"),
    expected: [],
    since: { redis: "8.4" }
  },
  { name: "clusterMyid", command: Cluster.clusterMyid() },
  { name: "clusterMyshardid", command: Cluster.clusterMyshardid(), since: { redis: "7.2", valkey: "7.2" } },
  {
    name: "clusterNodes",
    command: Cluster.clusterNodes(),
    unstable: (value) => isList(value) && value.every(has("id", "host", "port", "flags", "slots"))
  },
  {
    name: "clusterNodes of a node alone",
    command: Cluster.clusterNodes(),
    unstable: (value) =>
      Array.isArray(value) && value.length === 1 && value[0].slots[0][1] === 16383 && value[0].flags.includes("myself")
  },
  { name: "clusterReplicas", command: Cluster.clusterReplicas(nodeId), error: /Unknown node/ },
  { name: "clusterReplicate", command: Cluster.clusterReplicate(nodeId), error: /Unknown node/ },
  {
    name: "clusterReplicateNoOne",
    command: Cluster.clusterReplicateNoOne(),
    expected: "OK",
    since: { valkey: "9.0" }
  },
  { name: "clusterSaveconfig", command: Cluster.clusterSaveconfig(), expected: "OK" },
  { name: "clusterSetConfigEpoch", command: Cluster.clusterSetConfigEpoch(5), error: busy },
  { name: "clusterSetslot", command: Cluster.clusterSetslot(5, "stable"), expected: "OK" },
  {
    name: "clusterSetslot to a node",
    command: Cluster.clusterSetslot(5, { node: nodeId }),
    error: /nknown node/
  },
  { name: "clusterSetslot migrating", command: Cluster.clusterSetslot(5, { migrating: nodeId }), error: /know about/ },
  {
    name: "clusterSetslot importing",
    command: Cluster.clusterSetslot(5, { importing: nodeId }),
    error: /already the owner/
  },
  {
    name: "clusterSetslot with timeout",
    command: Cluster.clusterSetslot(5, "stable", { timeout: "1 second" }),
    expected: "OK",
    since: { valkey: "8.0" }
  },
  {
    name: "clusterShards",
    command: Cluster.clusterShards(),
    unstable: (value) => isList(value) && value.every(has("slots", "nodes"))
  },
  {
    name: "clusterShards of a node alone",
    command: Cluster.clusterShards(),
    unstable: (value) => Array.isArray(value) && value[0].slots[0][1] === 16383 && value[0].nodes[0].role === "master"
  },
  {
    name: "clusterSlots",
    command: Cluster.clusterSlots(),
    unstable: (value) => isList(value) && value.every(has("start", "end", "nodes"))
  },
  {
    name: "clusterSlots of a node alone",
    command: Cluster.clusterSlots(),
    unstable: (value) => Array.isArray(value) && value[0].end === 16383 && value[0].nodes[0].id.length === 40
  },
  {
    name: "clusterSlotStats",
    command: Cluster.clusterSlotStats({ orderBy: "key-count", limit: 3 }),
    unstable: (value) => isList(value) && value.length === 3,
    since: { redis: "8.2", valkey: "8.0" }
  },
  {
    name: "clusterSlotStats of a range",
    command: Cluster.clusterSlotStats({ start: 7629, end: 7630 }),
    prepare: k,
    unstable: (value) =>
      Array.isArray(value) && value.map(({ keyCount, slot }) => `${slot}:${keyCount}`).join() === "7629:1,7630:0" &&
      value.every(has("cpuUsec", "memoryBytes", "networkBytesIn", "networkBytesOut")),
    since: { redis: "8.2", valkey: "8.0" }
  },
  {
    name: "clusterSlotStats in order",
    command: Cluster.clusterSlotStats({ orderBy: "key-count", limit: 2 }),
    prepare: k,
    unstable: (value) =>
      Array.isArray(value) && value.map(({ keyCount, slot }) => `${slot}:${keyCount}`).join() === "7629:1,0:0",
    since: { redis: "8.2", valkey: "8.0" }
  },
  {
    name: "clusterscan",
    command: Cluster.clusterscan("0", { match: "user:*", count: 100 }),
    unstable: has("cursor", "items"),
    since: { valkey: "9.1" }
  },
  {
    name: "clusterscan of a slot",
    command: Cluster.clusterscan("0", { match: "k*", count: 10, type: "string", slot: 7629 }),
    prepare: k,
    unstable: (value) => isText((value as { cursor: unknown }).cursor) && has("items")(value),
    since: { valkey: "9.1" }
  },
  {
    name: "clusterscan with a cursor",
    command: Cluster.clusterscan("0-{06S}-0"),
    expected: { cursor: "0", items: [] },
    since: { valkey: "9.1" }
  },
  {
    name: "trimslots",
    command: Cluster.trimslots([[1, 2]]),
    error: /served by this node/,
    since: { redis: "8.4" }
  }
]
