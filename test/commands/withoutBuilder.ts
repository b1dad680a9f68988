/**
 * The commands of the servers that have no builder, each with the reason.
 */
const setup = "connection state: an option of the client, set up again on every connection"
const subscription = "a subscription: a stream, not a call"
const transaction = "part of a transaction, which needs a connection of its own"
const internal = "for servers among themselves, or for their developers"
const clusterOnly = "refused by servers in cluster mode"
const old = "the old name of CLUSTER REPLICAS"

export const withoutBuilder: Readonly<Record<string, string>> = {
  AUTH: setup,
  SELECT: setup,
  READONLY: setup,
  READWRITE: setup,
  ASKING: setup,
  RESET: setup,
  QUIT: setup,
  "CLIENT SETNAME": setup,
  "CLIENT SETINFO": setup,
  "CLIENT NO-EVICT": setup,
  "CLIENT NO-TOUCH": setup,
  "CLIENT REPLY": setup,
  "CLIENT CACHING": setup,
  "CLIENT TRACKING": setup,
  "CLIENT CAPA": setup,
  "CLIENT IMPORT-SOURCE": setup,
  SUBSCRIBE: subscription,
  UNSUBSCRIBE: subscription,
  PSUBSCRIBE: subscription,
  PUNSUBSCRIBE: subscription,
  SSUBSCRIBE: subscription,
  SUNSUBSCRIBE: subscription,
  MONITOR: subscription,
  MULTI: transaction,
  EXEC: transaction,
  DISCARD: transaction,
  WATCH: transaction,
  UNWATCH: transaction,
  SYNC: internal,
  PSYNC: internal,
  REPLCONF: internal,
  "RESTORE-ASKING": internal,
  PFDEBUG: internal,
  PFSELFTEST: internal,
  XIDMPRECORD: internal,
  "CLUSTER SYNCSLOTS": internal,
  "SCRIPT DEBUG": internal,
  REPLICAOF: clusterOnly,
  SLAVEOF: clusterOnly,
  "CLUSTER SLAVES": old,
  "FT.CONFIG": "settings of the server, which Redis 8 has in CONFIG",
  "FT.CURSOR": "a part of the stream Search.aggregateStream",
  "FT.EXPLAINCLI": "the text of FT.EXPLAIN, line by line"
}
