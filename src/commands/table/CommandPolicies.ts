/**
 * The policies of commands without keys: the nodes to which they go, and the rule that merges the replies. They are
 * the tips of the servers, with corrections where a tip is wrong or missing.
 */
import type { RequestPolicy, ResponsePolicy } from "../CommandSpec.ts"

export interface Policies {
  readonly request: RequestPolicy
  /**
   * The response policy; `undefined` where neither a tip nor a correction gives one, so that the default of the
   * request policy applies.
   */
  readonly response: ResponsePolicy | undefined
}

/**
 * The request policy of a tip. Only the nonatomic methods split over shards (`multi_shard`); the command itself goes
 * to one node.
 */
const requestOf = (tip: string | undefined): RequestPolicy => {
  switch (tip) {
    case "all_shards":
      return "allShards"
    case "all_nodes":
      return "allNodes"
    case "special":
      return "explicit"
    default:
      return "default"
  }
}

const responseOf = (tip: string | undefined, request: RequestPolicy): ResponsePolicy | undefined => {
  switch (tip) {
    case "all_succeeded":
      return "allSucceeded"
    case "one_succeeded":
      return "oneSucceeded"
    case "agg_sum":
      return "sum"
    case "agg_min":
      return "min"
    case "agg_logical_and":
      return "logicalAnd"
    case undefined:
      return request === "allShards" || request === "allNodes" ? "concat" : undefined
    default:
      return undefined
  }
}

interface Correction {
  readonly request?: RequestPolicy
  readonly response?: ResponsePolicy
}

const correct = (correction: Correction, names: ReadonlyArray<string>): ReadonlyArray<readonly [string, Correction]> =>
  names.map((name) => [name, correction])

/** The corrections of tips that are wrong or missing. */
const corrections: Readonly<Record<string, Correction | undefined>> = Object.fromEntries([
  // These set all keys or none, so that they are never split, and their replies never merged.
  ...correct({ request: "default", response: "oneSucceeded" }, ["MSETNX", "MSETEX"]),
  // Replicas run scripts and functions that only read, too.
  ...correct({ request: "allNodes", response: "oneSucceeded" }, ["FUNCTION KILL", "SCRIPT KILL"]),
  // It returns the number of events; the tip of 7.0 is wrong.
  ...correct({ request: "allNodes", response: "sum" }, ["LATENCY RESET"]),
  // The tips name all shards, although callers want one reply.
  ...correct({ request: "default", response: "oneSucceeded" }, ["PING", "RANDOMKEY"]),
  // Every node has a log of its own.
  ...correct({ request: "allNodes", response: "perNode" }, ["ACL LOG"]),
  // Every node counts only its own subscribers.
  ...correct({ request: "allNodes", response: "union" }, ["PUBSUB CHANNELS", "PUBSUB SHARDCHANNELS"]),
  ...correct({ request: "allNodes", response: "sum" }, ["PUBSUB NUMPAT"]),
  ...correct({ request: "allNodes", response: "perNode" }, ["PUBSUB NUMSUB", "PUBSUB SHARDNUMSUB"]),
  // The cursor of the whole cluster, hashed like a key, names the node.
  ...correct({ request: "default", response: "oneSucceeded" }, ["CLUSTERSCAN"]),
  ...correct({ request: "explicit" }, [
    // The cursor is valid for one node only.
    "SCAN",
    // These commands concern one node, and callers never mean a random node.
    "ACL LOAD",
    "BGREWRITEAOF",
    "BGSAVE",
    "CLIENT KILL",
    "CLIENT LIST",
    "CLIENT PAUSE",
    "CLIENT UNBLOCK",
    "CLIENT UNPAUSE",
    "CLUSTER ADDSLOTS",
    "CLUSTER ADDSLOTSRANGE",
    "CLUSTER BUMPEPOCH",
    "CLUSTER CANCELSLOTMIGRATIONS",
    "CLUSTER COUNT-FAILURE-REPORTS",
    "CLUSTER DELSLOTS",
    "CLUSTER DELSLOTSRANGE",
    "CLUSTER FAILOVER",
    "CLUSTER FLUSHSLOTS",
    "CLUSTER FORGET",
    "CLUSTER GETSLOTMIGRATIONS",
    "CLUSTER LINKS",
    "CLUSTER MEET",
    "CLUSTER MIGRATESLOTS",
    "CLUSTER MIGRATION",
    "CLUSTER MYID",
    "CLUSTER MYSHARDID",
    "CLUSTER REPLICATE",
    "CLUSTER RESET",
    "CLUSTER SAVECONFIG",
    "CLUSTER SET-CONFIG-EPOCH",
    "CLUSTER SETSLOT",
    "CLUSTER SYNCSLOTS",
    "DEBUG",
    "FAILOVER",
    "LASTSAVE",
    "MODULE LOAD",
    "MODULE LOADEX",
    "MODULE UNLOAD",
    "MONITOR",
    "PSYNC",
    "REPLCONF",
    "REPLICAOF",
    "ROLE",
    "SAVE",
    "SHUTDOWN",
    "SLAVEOF",
    "SWAPDB",
    "SYNC",
    "TRIMSLOTS",
    // These commands change the state of a connection: the handshake repeats them after a reconnect, a fan-out would
    // not.
    "ASKING",
    "AUTH",
    "CLIENT CACHING",
    "CLIENT CAPA",
    "CLIENT GETNAME",
    "CLIENT GETREDIR",
    "CLIENT ID",
    "CLIENT IMPORT-SOURCE",
    "CLIENT INFO",
    "CLIENT NO-EVICT",
    "CLIENT NO-TOUCH",
    "CLIENT REPLY",
    "CLIENT SETINFO",
    "CLIENT SETNAME",
    "CLIENT TRACKING",
    "CLIENT TRACKINGINFO",
    "HELLO",
    "QUIT",
    "READONLY",
    "READWRITE",
    "RESET",
    "SELECT",
    // Transactions are on one connection to the owner of one slot.
    "DISCARD",
    "EXEC",
    "MULTI",
    "UNWATCH"
  ])
])

/** The policies of a command: the server's tips with corrections. */
export const policiesOf = (
  name: string,
  requestTip: string | undefined,
  responseTip: string | undefined
): Policies => {
  const request = corrections[name]?.request ?? requestOf(requestTip)
  return { request, response: corrections[name]?.response ?? responseOf(responseTip, request) }
}

/** @internal */
export const correctedNames: ReadonlyArray<string> = Object.keys(corrections)
