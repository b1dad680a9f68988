/**
 * ioredis' cluster client, name by name.
 */
import type { Peer, Row } from "./Peer.ts"

const notYet = "not yet"
const noUse = "not needed: internal"
const byName = "Redis 8.8 and later: by name, `redis.send(\"ARGET\", ...)`"
const ownMethods = "each command has a method of its own"

const methods: ReadonlyArray<Row> = [
  ["connect", "the layer is ready when the map is known"],
  ["disconnect quit", "the scope of the layer; `drainTimeout`"],
  ["duplicate", "a service for each client: `ClusterClient.named`; one client has all the connections that it needs"],
  ["status isCluster", "`redis.health()`; `redis.events`"],
  ["call sendCommand send_command", "`redis.send(\"NAME\", ...)`"],
  [
    "acl client cluster config function hotkeys latency memory module object pubsub script slowlog xgroup xinfo",
    `${ownMethods}: \`redis.configGet\`, \`redis.xgroupCreate\``
  ],
  ["pipeline", "`redis.pipeline([...])`, over any slots; `exec()`'s pairs are `redis.pipelineResults`"],
  ["multi exec discard", "`redis.transaction([...])`"],
  ["watch unwatch", "`redis.watch(keys, (tx) => ...)`"],
  [
    "subscribe psubscribe ssubscribe subscriber",
    "`redis.subscribe({ channels, patterns, shardChannels })`: a stream, on the same client"
  ],
  ["unsubscribe punsubscribe sunsubscribe", "the end of the stream; `subscription.unsubscribe` of a scoped one"],
  ["defineCommand", "`Script.make({ lua, keys, args, result })`"],
  [
    "addBuiltinCommand createBuiltinCommand getBuiltinCommands addedBuiltinSet scriptsSet",
    "`Command.make` with a `CommandSpec`"
  ],
  [
    "hscanStream sscanStream zscanStream createScanStream",
    "`redis.scanStream()` of the whole cluster, of a target with `on`; `hscanStream(key)` ..."
  ],
  ["hscanBufferStream sscanBufferStream zscanBufferStream", "the option `bytes: true`"],
  ["nodes", "`redis.nodes`, `redis.on(\"all\")`, `redis.node({ host, port })`"],
  ["slots", "`(yield* redis.topology).slots`"],
  ["refreshSlotsCache", "`redis.refreshTopology`"],
  ["readonly readwrite", "`redis.readonly()`, `redis.readwrite`"],
  [
    "on once off addListener prependListener prependOnceListener removeListener removeAllListeners emit eventNames listeners listenerCount rawListeners getMaxListeners setMaxListeners",
    "`redis.events`, `redis.topologyChanges`: streams; errors come out of the commands"
  ],
  ["options startupNodes", "what you gave to the layer"],
  ["auth", "`username`, `password`, `credentials`"],
  [
    "select reset asking psync sync replconf slaveof replicaof sentinel pfdebug pfselftest restore-asking xidmprecord backup",
    "refused on shared connections, or no business of clients; `redis.dedicated` has `executeAsking`"
  ],
  [
    "arcount ardel ardelrange arget argetrange argrep arinfo arinsert arlastitems arlen armget armset arnext arop arring arscan arseek arset blmovem lmovem increx sdiffcard sunioncard xnack",
    byName
  ],
  ["himport", notYet],
  [
    "autoPipelineQueueSize clearNodesRefreshInterval connectionEpoch connectionPool createShardedSubscriberGroup delayQueue delayUntilReady dnsLookup executeOfflineCommands flushQueue getInfoFromNode handleCloseEvent handleError invokeReadyDelayedCallbacks isRefreshing natMapper offlineQueue readyCheck resetNodesRefreshInterval resetOfflineQueue resolveSrv resolveStartupNodeHostnames retryAttempts setStatus",
    noUse
  ]
]

const options: ReadonlyArray<Row> = [
  ["redisOptions", "the options of the client are those of its connections"],
  ["username password", "`username`, `password` (`Redacted`), `credentials`"],
  ["tls", "`tls: true`, or the options of `node:tls`"],
  ["connectionName", "`clientName`"],
  ["clientInfoTag disableClientInfo", "`libName`; the name of the library is always told"],
  ["commandTimeout maxRetriesPerRequest", "`commandTimeout`: one deadline for a command, with all its attempts"],
  ["connectTimeout disconnectTimeout", "`connectTimeout`, `drainTimeout`"],
  [
    "socketTimeout blockingTimeout blockingTimeoutGrace keepAlive noDelay",
    "`pingAfter`, `pingTimeout`, `keepAlive`; blocking commands have connections of their own, and the time that they wait is added"
  ],
  ["natMap", "`mapAddress`"],
  [
    "dnsLookup resolveSrv useSRVRecords",
    "`nodes: Discovery.srv(name)`, `Discovery.dns`; startup nodes are resolved again when all else fails"
  ],
  ["scaleReads readOnly", "`readFrom`"],
  ["slotsRefreshInterval slotsRefreshTimeout", "`refreshInterval`, `minRefreshInterval`"],
  ["maxRedirections", "`maxRedirects`"],
  ["retryDelayOnMoved retryDelayOnFailover retryDelayOnClusterDown retryDelayOnTryAgain", "`retrySchedule`"],
  [
    "clusterRetryStrategy clusterNodeRetryStrategy retryStrategy reconnectOnError",
    "`reconnectSchedule`; a connection that persistently refuses commands is replaced by itself"
  ],
  ["enableOfflineQueue offlineQueue commandQueue", "commands wait within their deadline; `maxInFlight`, `overflow`"],
  ["enableReadyCheck maxLoadingRetryTime", "`LOADING` is waited out"],
  ["autoResendUnfulfilledCommands", "never for what may have been executed; `Command.idempotent` allows it"],
  ["autoResubscribe shardedSubscribers", "subscriptions are restored, and tell of gaps"],
  [
    "enableAutoPipelining autoPipeliningIgnoredCommands",
    "not needed: commands of one turn of the event loop leave in one write"
  ],
  ["keyPrefix", "`redis.mapCommand(Command.mapKeys((key) => \"app:\" + key))`"],
  ["stringNumbers replyMapping", "`Command.bigint`; replies have one shape, objects and pairs"],
  ["scripts", "`Script.make`, `Script.preload`"],
  ["protocol", "`protocol`"],
  [
    "lazyConnect showFriendlyErrorStack monitor",
    "none: a layer is built when it is used; errors have the span of their caller; `redis.monitor(node)`"
  ],
  ["db", "0 only: a cluster has no other"],
  ["Connector", "`stream`"],
  ["himportFieldsets", notYet]
]

export const ioredis: Peer = {
  name: "ioredis",
  page: "coming-from-ioredis.md",
  commands: "methods",
  variant: (name) => name.replace(/Buffer$/, ""),
  tables: [
    { kind: "methods", head: "Method of `Cluster`", rows: methods },
    { kind: "options", head: "Option of ioredis", rows: options },
    { kind: "errors", head: "Error of ioredis", rows: [["ReplyError", "`ReplyError` with `code`"]] }
  ]
}
