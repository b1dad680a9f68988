/**
 * Which nodes a command without keys goes to, and how their replies become one: the tips of the servers as policies, with
 * corrections where the tips are wrong or silent.
 *
 * @since 0.1.0
 */
import type { RequestPolicy, ResponsePolicy } from "../CommandSpec.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Policies {
  readonly request: RequestPolicy
  /** `undefined` where neither a tip nor a correction says it: the default of the request policy holds. */
  readonly response: ResponsePolicy | undefined
}

/** Splitting over shards (`multi_shard`) is what the non-atomic methods do; a command as such goes to one node. */
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

/** Where the tips are wrong or silent. */
const corrections: Readonly<Record<string, Correction | undefined>> = Object.fromEntries([
  // All or nothing, with a reply that counts: never to be split, never to be merged.
  ...correct({ request: "default", response: "oneSucceeded" }, ["MSETNX", "MSETEX"]),
  // Scripts and functions that only read run on replicas too.
  ...correct({ request: "allNodes", response: "oneSucceeded" }, ["FUNCTION KILL", "SCRIPT KILL"]),
  // It answers how many events it reset; 7.0 says otherwise.
  ...correct({ request: "allNodes", response: "sum" }, ["LATENCY RESET"]),
  // Servers would have them on all shards, but one answer is what is asked for.
  ...correct({ request: "default", response: "oneSucceeded" }, ["PING", "RANDOMKEY"]),
  // Every node has a log of its own.
  ...correct({ request: "allNodes", response: "perNode" }, ["ACL LOG"]),
  // Every node counts only its own subscribers.
  ...correct({ request: "allNodes", response: "union" }, ["PUBSUB CHANNELS", "PUBSUB SHARDCHANNELS"]),
  ...correct({ request: "allNodes", response: "sum" }, ["PUBSUB NUMPAT"]),
  ...correct({ request: "allNodes", response: "perNode" }, ["PUBSUB NUMSUB", "PUBSUB SHARDNUMSUB"]),
  // A cursor over the whole cluster: the cursor, hashed like a key, names the node.
  ...correct({ request: "default", response: "oneSucceeded" }, ["CLUSTERSCAN"]),
  ...correct({ request: "explicit" }, [
    // The cursor means something to one node only.
    "SCAN",
    // What they answer or do concerns one node, and a random one is never meant.
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
    // The state of a connection: its set-up says it again after a reconnect, a fan-out would not.
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
    // Transactions live on one connection to the owner of one slot.
    "DISCARD",
    "EXEC",
    "MULTI",
    "UNWATCH"
  ])
])

/**
 * Where a command without keys goes, and what becomes of the replies: what the server says, corrected.
 *
 * @category combinators
 * @since 0.1.0
 */
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
