/**
 * node-redis' cluster client, name by name.
 */
import type { Peer, Row } from "./Peer.ts"

const notYet = "not yet"
const byName = "Redis 8.8 and later: by name, `redis.send(\"ARGET\", ...)`"

const methods: ReadonlyArray<Row> = [
  ["connect", "the layer is ready when the map is known"],
  ["close destroy disconnect quit", "the scope of the layer; `drainTimeout`"],
  ["duplicate", "a service for each client: `ClusterClient.named`"],
  ["isOpen isReady", "`redis.health()`, `redis.requireHealthy`"],
  ["sendCommand", "`redis.send(\"NAME\", ...args)`: it finds the keys and flags itself"],
  ["Multi multi", "`redis.transaction([...])`; `execAsPipeline()` is `redis.pipeline([...])`"],
  ["subscribe pSubscribe sSubscribe", "`redis.subscribe({ channels, patterns, shardChannels })`: a stream"],
  ["unsubscribe pUnsubscribe sUnsubscribe", "the end of the stream; `subscription.unsubscribe` of a scoped one"],
  ["resubscribeAllPubSubListeners pubSubNode", "by itself; the option `node`"],
  ["withTypeMapping", "`Command.bytes`, `Command.bigint`, `Command.map`"],
  [
    "withCommandOptions",
    "`Command.timeout`, `Command.withTimeout` for a region; interruption in place of an abort signal"
  ],
  ["masters getMasters replicas", "`redis.primaries`, `redis.replicas`"],
  ["slots getSlotMaster getSlotRandomNode", "`(yield* redis.topology).slots[slot]`"],
  [
    "nodeByAddress nodeClient getRandomNode getNodeClientForKey",
    "`redis.nodeAt({ host, port })`, `redis.node(node)`, `redis.randomNode`, `redis.ownerOf(key)`"
  ],
  [
    "on once off addListener prependListener prependOnceListener removeListener removeAllListeners emit eventNames listeners listenerCount rawListeners getMaxListeners setMaxListeners",
    "`redis.events`, `redis.topologyChanges`: streams; errors come out of the commands"
  ],
  ["identity", "none"],
  ["clientSideCache", "`redis.cacheStatistics`: see [Caching](caching.md)"],
  ["readonly", "`redis.readonly()`, the option `readFrom`"],
  [
    "auth clientSetName clientNoEvict clientNoTouch clientTracking clientCaching",
    "`credentials`, `clientName`, `onConnect`; on a connection of your own: `redis.dedicated(node)` and its `send`"
  ],
  [
    "asking restoreAsking replicaOf scriptDebug",
    "refused on shared connections; `redis.dedicated` has `executeAsking`"
  ],
  [
    "bf cf cms json tDigest topK ts",
    "`Bloom`, `Cuckoo`, `CountMin`, `TDigest`, `TopK` ([sketches](bloom.md)), `Json` ([JSON](json.md)), `TimeSeries` ([time series](time-series.md))"
  ],
  ["ft", "`Search`, `Query` ([search](search.md))"],
  [
    "arCount arDel arDelRange arGet arGetRange arGrep arGrepWithValues arInfo arInsert arLastItems arLen arMGet arMSet arNext arOp arRing arScan arSeek arSet blMoveM lMoveM increx incrExByFloat sDiffCard sUnionCard xNack blessClear blessGet blessScan blessSet",
    byName
  ],
  ["hImportDiscard hImportDiscardAll hImportPrepare hImportSet", notYet],
  ["functionListWithCode", "`functionList({ withCode: true })`"],
  [
    "geoRadiusByMemberRoWith geoRadiusByMemberWith geoRadiusRoWith geoRadiusWith geoSearchWith",
    "the options of `geosearch`, `georadius`"
  ],
  ["geoRadiusByMemberStore geoRadiusStore sortStore", "`geosearchstore`; the option `store`"],
  [
    "lPopCount rPopCount sPopCount sRandMemberCount zPopMaxCount zPopMinCount zRandMemberCount hRandFieldCount lPosCount",
    "the argument or option `count` of the same command"
  ],
  ["hRandFieldCountWithValues zRandMemberCountWithScores", "the options of the same command"],
  ["hScanNoValues", "`hscan` with `noValues: true`"],
  ["lcsIdx lcsIdxWithMatchLen lcsLen", "the options of `lcs`"],
  ["vEmbRaw vLinksWithScores vSimWithScores", "the options of the same command"],
  [
    "xAddNoMkStream xAutoClaimJustId xClaimJustId xPendingRange",
    "the options of `xadd`, `xautoclaim`, `xclaim`, `xpending`"
  ],
  ["zAddIncr", "`zadd` with `increment: true`"],
  [
    "zDiffWithScores zInterWithScores zRangeByScoreWithScores zRangeWithScores zRankWithScore zRevRankWithScore zUnionWithScores",
    "the option `withScores: true`"
  ]
]

const options: ReadonlyArray<Row> = [
  ["rootNodes url", "`nodes`"],
  ["defaults socket", "the options of the client are those of its connections; `tls`"],
  [
    "username password credentialsProvider",
    "`username`, `password` (`Redacted`), `credentials`: an effect, or a stream"
  ],
  ["name", "`clientName`"],
  ["clientInfoTag disableClientInfo", "`libName`; the name of the library is always told"],
  ["useReplicas readonly", "`readFrom`"],
  ["nodeAddressMap", "`mapAddress`"],
  ["maxCommandRedirections", "`maxRedirects`"],
  ["minimizeConnections", "nodes are dialled when they are needed"],
  ["topologyRefreshOnReconnectionAttemptStrategy", "by itself; `refreshInterval`, `minRefreshInterval`"],
  ["connectTimeout socketTimeout pingInterval", "`connectTimeout`, `pingAfter`, `pingTimeout`, `keepAlive`"],
  ["reconnectStrategy", "`reconnectSchedule`"],
  [
    "commandsQueueMaxLength disableOfflineQueue",
    "`maxInFlight`, `maxInFlightBytes`, `overflow`; commands wait within their deadline"
  ],
  ["commandOptions", "`commandTimeout`, on by default; `Command.timeout` for a command"],
  ["keyPrefix", "`redis.mapCommand(Command.mapKeys((key) => \"app:\" + key))`"],
  ["scripts functions modules", "`Script.make`, `FunctionLibrary.make`; modules by name"],
  ["RESP", "`protocol`"],
  ["database", "0 only: a cluster has no other"],
  [
    "clientSideCache",
    "`cache: { maxBytes }`, and `Command.cached(\"1 minute\")` on commands: see [Caching](caching.md)"
  ],
  ["emitInvalidate", notYet],
  [
    "maintNotifications maintEndpointType maintRelaxedCommandTimeout maintRelaxedSocketTimeout",
    `maintenance pushes of Redis Enterprise: ${notYet}`
  ],
  ["himportRegistry", notYet]
]

const errors: ReadonlyArray<Row> = [
  ["ErrorReply SimpleError BlobError", "`ReplyError` with `code`, and tags of their own for the cluster's answers"],
  ["RootNodesUnavailableError", "`NoReachableNodeError`, with the cause of each node"],
  ["MaxCommandRedirectionsError", "`TooManyRedirectionsError`, with every hop"],
  [
    "ConnectionTimeoutError SocketClosedUnexpectedlyError SocketTimeoutError ReconnectStrategyError",
    "`ConnectionError`, with an `outcome`: whether the command was executed"
  ],
  ["TimeoutError", "`TimeoutError`, with an `outcome`"],
  ["AbortError", "interruption of the fiber"],
  ["ClientClosedError ClientOfflineError DisconnectsClientError", "`ClosedError`"],
  ["WatchError", "`ConflictError`, an error of its own"],
  ["ScanIteratorInterruptedError", "none: scans go on when a node is lost"],
  ["OpenTelemetryError CommandTimeoutDuringMaintenanceError SocketTimeoutDuringMaintenanceError", "none"]
]

export const nodeRedis: Peer = {
  name: "node-redis",
  page: "coming-from-node-redis.md",
  commands: "methods",
  tables: [
    { kind: "methods", head: "Method of the cluster", rows: methods },
    { kind: "options", head: "Option of node-redis", rows: options },
    { kind: "errors", head: "Error of node-redis", rows: errors }
  ]
}
