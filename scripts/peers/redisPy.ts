/**
 * redis-py's cluster client, name by name.
 */
import type { Peer, Row } from "./Peer.ts"

const notYet = "not yet"
const arrays = "arrays (Redis 8.8): by name, `redis.send(\"ARGET\", ...)`"
const onOwnConnection =
  "on a connection of your own: `redis.dedicated(node)` and its `send`; for all connections: `onConnect`"
const noUse = "not needed: internal"

const construction: ReadonlyArray<Row> = [
  ["from_url", "`ClusterClient.layer({ nodes: \"redis://...\" })`"],
  ["close disconnect_connection_pools", "the scope of the layer"],
  ["get_connection_kwargs get_encoder", noUse],
  ["on_connect", "the option `onConnect`"],
  ["set_retry", "`commandTimeout`, `retrySchedule`; for a region `Command.withTimeout`"],
  ["set_response_callback", "`Command.map`, `Command.schema`; for all commands `redis.mapCommand`"],
  ["load_external_module", "`redis.send`, or `Command.make` with a `CommandSpec`"]
]

const nodes: ReadonlyArray<Row> = [
  ["get_nodes", "`redis.nodes`"],
  ["get_primaries get_replicas", "`redis.primaries`, `redis.replicas`"],
  ["get_random_node", "`redis.randomNode`"],
  [
    "get_random_primary_node get_random_primary_or_all_nodes",
    "one of `redis.primaries`; commands that any primary can execute find one by themselves"
  ],
  ["get_node", "`redis.nodeAt({ host, port })`; `\"localhost\"` and startup addresses name nodes as well"],
  ["get_node_from_key", "`redis.ownerOf(key)`, `redis.ownerOf(key, { replica: true })`"],
  ["get_nodes_from_slot", "`(yield* redis.topology).slots[slot]`: the shard, with `primary` and `replicas`"],
  ["keyslot determine_slot", "`redis.slotOf(key)`"],
  [
    "get_default_node set_default_node replace_default_node",
    "`redis.defaultNode`, `redis.setDefaultNode({ host, port })`; it is replaced when its primary goes"
  ],
  ["get_redis_connection", "`redis.node({ host, port })`"],
  ["get_special_nodes", "cursors of `FT.AGGREGATE`: `redis.node` of the node that gave the cursor"],
  [
    "PRIMARIES REPLICAS ALL_NODES RANDOM DEFAULT_NODE",
    "`redis.on(\"primaries\")`, `\"replicas\"`, `\"all\"`, `\"random\"`, `\"default\"`"
  ],
  [
    "NODE_FLAGS COMMAND_FLAGS SEARCH_COMMANDS CLUSTER_COMMANDS_RESPONSE_CALLBACKS RESULT_CALLBACKS ERRORS_ALLOW_RETRY RedisClusterRequestTTL",
    "tables of the client: [routing](routing.md), [deadlines and retries](deadlines-and-retries.md)"
  ]
]

const execution: ReadonlyArray<Row> = [
  ["execute_command", "`redis.send(\"GETRANGE\", \"k\", 0, -1)`; on nodes `redis.on(target).send(...)`"],
  ["mget_nonatomic mset_nonatomic", "`redis.mgetNonatomic([...])`, `redis.msetNonatomic({ ... })`"],
  ["delete", "`redis.del` for keys of one slot, `redis.delNonatomic` for any; so for `exists`, `touch`, `unlink`"],
  [
    "scan_iter",
    "`redis.scanStream({ match })`, complete while slots move; with `target_nodes`: `scanStream({ on: \"replicas\" })`"
  ],
  ["hscan_iter sscan_iter zscan_iter", "`redis.hscanStream(key)`, `sscanStream`, `zscanStream`"],
  [
    "pipeline",
    "`redis.pipeline([...])`: any slots, typed results; with `transaction=True`: `redis.transaction([...])`"
  ],
  [
    "transaction watch unwatch",
    "`redis.watch(keys, (tx) => ...)` with `Effect.retry(onConflict)`; a body that commits nothing unwatches"
  ],
  ["register_script", "`Script.make({ lua, keys, args, result })`"],
  ["lock", "`Lock.withLock(key, { ttl })(effect)`, `Lock.make`"],
  ["pubsub", "`redis.subscribe(...)`, `redis.subscribeScoped(...)`; see the table of pub/sub"],
  ["keyspace_notifications", "`redis.keyspaceNotifications({ prefix, events, configure: true })`"],
  ["monitor", "`redis.monitor(node)`, `(yield* redis.node(node)).monitor()`"],
  [
    "readonly readwrite",
    "`redis.readonly(policy)`, `redis.readwrite`: for the whole client; for a part of the program `ReadFrom.withPolicy`"
  ],
  ["object", "`redis.objectEncoding`, `objectFreq`, `objectIdletime`, `objectRefcount`"],
  ["client_kill_filter", "`redis.on(node).clientKill({ ... })`"],
  ["cluster_count_failure_report", "`redis.on(node).clusterCountFailureReports(id)`"],
  ["cluster_setslot_stable", "`redis.on(node).clusterSetslot(slot, \"stable\")`"],
  ["xpending_range", "`redis.xpending(key, group, { count })`"],
  ["debug_object debug_segfault", "`redis.on(node).debug([\"OBJECT\", key])`"],
  ["digest_local", "`redis.digest(key)`, by the server"]
]

const connections: ReadonlyArray<Row> = [
  [
    "client_setname client_setinfo client_no_evict client_no_touch",
    `options \`clientName\`, \`libName\`, \`onConnect\`; ${onOwnConnection}`
  ],
  ["client_tracking client_tracking_on client_tracking_off", onOwnConnection],
  ["auth", "the options `username`, `password`, `credentials`"],
  ["select quit reset client_reply", "refused: they would change what others share"],
  ["replicaof slaveof sync psync", "refused by a cluster, or no command with one reply"],
  ["acl_help memory_help script_debug stralgo", "by name on a node, or gone from servers"]
]

const modules: ReadonlyArray<Row> = [
  [
    "json ts bf cf cms topk tdigest",
    "`Json` ([JSON](json.md)), `TimeSeries` ([time series](time-series.md)), `Bloom`, `Cuckoo`, `CountMin`, `TopK`, `TDigest` ([sketches](bloom.md))"
  ],
  ["ft", "`Search`, `Query` ([search](search.md))"],
  ["vset", "`redis.vadd`, `redis.vsim` ..."],
  [
    "arcount ardel ardelrange arget argetrange argrep arinfo arinsert arlastitems arlen armget armset arnext arop arring arscan arseek arset",
    arrays
  ],
  ["blmovem lmovem increx sdiffcard sunioncard xnack", "Redis 8.8 and later: by name"],
  [
    "himport_registry himport_set himport_prepare himport_prepare_internal himport_discard himport_discard_internal himport_discard_all himport_discard_all_internal",
    notYet
  ]
]

const options: ReadonlyArray<Row> = [
  ["host port url startup_nodes", "`nodes`: `{ host, port }`, `\"redis://...\"`, or a list"],
  [
    "username password credential_provider",
    "`username`, `password` (`Redacted`), `credentials`: an effect, or a stream that logs open connections in again"
  ],
  [
    "retry cluster_error_retry_attempts",
    "`commandTimeout`: one deadline; `retrySchedule`, `maxRedirects`. A backoff class is a `Schedule`: `ConstantBackoff` = `Schedule.spaced`, `ExponentialBackoff` = `Schedule.exponential`, jitter = `Schedule.jittered`"
  ],
  [
    "retry_on_timeout retry_on_error",
    "never for what may have been executed: redis-py sends an `INCR` again after a timeout, this client does not. `Command.idempotent` allows it, for one command"
  ],
  ["socket_timeout", "`commandTimeout`"],
  ["socket_connect_timeout", "`connectTimeout`"],
  ["socket_keepalive socket_keepalive_options", "`keepAlive`: after how much silence"],
  ["health_check_interval", "`pingAfter`, `pingTimeout`"],
  ["socket_read_size socket_type parser_class command_packer", "none: `stream` supplies another byte stream"],
  [
    "ssl_ca_certs ssl_ca_data ssl_ca_path",
    "`tls: { ca }`: PEM text, one or a list. `ssl=True` is `tls: true`, or `rediss://`"
  ],
  ["ssl_certfile ssl_keyfile ssl_password", "`tls: { cert, key, passphrase }`: PEM text"],
  ["ssl_cert_reqs", "`\"none\"` is `tls: { rejectUnauthorized: false }`"],
  [
    "ssl_check_hostname",
    "`False` is `tls: { checkServerIdentity: () => undefined }`; another name: `servername`, `servernameOf`"
  ],
  ["ssl_min_version ssl_ciphers", "`tls: { minVersion, ciphers }`"],
  ["ssl_include_verify_flags ssl_exclude_verify_flags", "none: `tls: { secureContext }` of `node:tls`"],
  [
    "ssl_validate_ocsp ssl_validate_ocsp_stapled ssl_ocsp_context ssl_ocsp_expected_cert",
    "none: `tls: { requestOCSP: true }` asks for the staple, and a `stream` of your own checks it"
  ],
  ["client_name", "`clientName`"],
  ["lib_name lib_version driver_info", "`libName`: servers show `effect-redis-cluster(yours)`"],
  ["redis_connect_func", "`onConnect`: an effect on each new connection"],
  [
    "decode_responses encoding encoding_errors",
    "text is UTF-8, and what is not fails with `DecodeError`; `Command.bytes` gives bytes, `Command.lossyText` replacement characters"
  ],
  ["protocol legacy_responses", "`protocol`; replies have one shape, whatever is spoken"],
  ["require_full_coverage", "`requireFullCoverage`; the default is the opposite: `false`"],
  [
    "reinitialize_steps",
    "every `MOVED` patches the map at once and asks for one refresh; `refreshInterval`, `minRefreshInterval`"
  ],
  ["dynamic_startup_nodes", "startup nodes are kept as the last resort, and resolved again"],
  ["read_from_replicas", "`readFrom: ReadFrom.roundRobin`"],
  ["load_balancing_strategy", "`readFrom`; see the table of strategies"],
  ["address_remap", "`mapAddress`, also for `MOVED` and `ASK`"],
  ["event_dispatcher", "`redis.events`, `redis.topologyChanges`"],
  ["policy_resolver", "`redis.on(target)` for a call"],
  ["db", "0 only: a cluster has no other"],
  ["cache cache_config", "`cache: { maxBytes }`, and `Command.cached(\"1 minute\")`: see [Caching](caching.md)"],
  [
    "maint_notifications_config maint_notifications_pool_handler maintenance_notification_hash maintenance_state oss_cluster_maint_notifications_handler orig_host_address orig_socket_connect_timeout orig_socket_timeout",
    `maintenance pushes of Redis Enterprise: ${notYet}`
  ],
  ["himport_registry", notYet]
]

const exceptions: ReadonlyArray<Row> = [
  ["RedisError", "`RedisClusterException`; what is below is its `reason`, with a class in `Reason`"],
  [
    "RedisClusterException",
    "at the start `NoReachableNodeError` or `ClusterDisabledError`; for keys of several slots `CrossSlotError`"
  ],
  ["ClusterError", "`TooManyRedirectionsError`, with every hop"],
  [
    "ClusterDownError MasterDownError TryAgainError SlotNotCoveredError",
    "the same names, when it lasts until the deadline"
  ],
  [
    "MovedError AskError",
    "the same names, only from a node that you named; `address` and `slot` in place of `host`, `port`, `slot_id`"
  ],
  ["ClusterCrossSlotError CrossSlotTransactionError", "`CrossSlotError`, before anything is sent"],
  ["ConnectionError TimeoutError", "the same names, with an `outcome`: whether the command was executed"],
  [
    "MaxConnectionsError",
    "`OverloadedError` with `overflow: \"fail\"`; by default a command waits, until its `TimeoutError`"
  ],
  ["BusyLoadingError", "`LoadingError`"],
  ["ReadOnlyError", "the same name"],
  ["AuthenticationError AuthenticationWrongNumberOfArgsError ExternalAuthProviderError", "`AuthenticationError`"],
  ["AuthorizationError NoPermissionError", "`ReplyError` with the code `NOPERM`"],
  ["ResponseError", "`ReplyError` with `code`"],
  ["OutOfMemoryError", "`ReplyError` with the code `OOM`"],
  [
    "NoScriptError",
    "none: scripts are given to nodes that lack them; `evalsha` by hand: `ReplyError` with the code `NOSCRIPT`"
  ],
  ["ExecAbortError", "`TransactionError` about the entry that was refused"],
  ["WatchError", "`ConflictError`, an error of its own"],
  ["LockError", "`LockNotAcquiredError`, an error of its own; `Lock.LockError` is both of them"],
  ["LockNotOwnedError", "`LockLostError`; `Lock.release` and `Lock.extend` by token answer `false`"],
  ["DataError", "`OptionsError`"],
  ["InvalidResponse", "`ProtocolError`"],
  [
    "PubSubError ModuleError NoSuchFieldsetError InvalidPipelineStack IncorrectPolicyType ChildDeadlockedError",
    "none: what they are about cannot happen"
  ]
]

const strategies: ReadonlyArray<Row> = [
  ["ROUND_ROBIN", "`ReadFrom.roundRobin`"],
  ["ROUND_ROBIN_REPLICAS", "`ReadFrom.replica`"],
  ["RANDOM", "`ReadFrom.random`"],
  ["RANDOM_REPLICA", "`ReadFrom.replica`, which takes the replicas in turns, or `ReadFrom.make`"]
]

const pubsub: ReadonlyArray<Row> = [
  [
    "subscribe psubscribe ssubscribe",
    "`redis.subscribe({ channels, patterns, shardChannels })`: a stream. More channels on one subscription: `(yield* redis.subscribeScoped(\"a\")).subscribe(\"b\")`"
  ],
  ["unsubscribe punsubscribe sunsubscribe", "`subscription.unsubscribe(\"b\")`; all: the end of the scope"],
  ["listen handle_message", "`Stream.runForEach`; a handler per channel is a record of functions, see below"],
  [
    "get_message",
    "`Queue.take(subscription)` with `Effect.timeoutOption(\"1 second\")`: a message or none, and nothing is lost"
  ],
  [
    "get_sharded_message",
    "the same of `redis.subscribeScoped({ shardChannels })`; with `target_node`: `(yield* redis.node(node)).subscribeScoped`"
  ],
  ["run_in_thread", "`Effect.forkScoped`"],
  ["subscribed", "`subscription.channels`"],
  ["close reset disconnect", "the end of the scope"],
  [
    "ping check_health clean_health_check_responses is_health_check_response HEALTH_CHECK_MESSAGE",
    "by itself: `pingAfter`, `pingTimeout`"
  ],
  ["get_pubsub_node set_pubsub_node", "`message.node`, `redis.heldSubscriptions`; the option `node`"],
  ["get_redis_connection", "none: subscriptions have connections of their own"],
  [
    "on_slots_changed reinitialize_shard_subscriptions on_connect",
    "by itself: subscriptions follow slots, and tell of gaps"
  ],
  ["PUBLISH_MESSAGE_TYPES UNSUBSCRIBE_MESSAGE_TYPES execute_command parse_response", noUse]
]

const pipeline: ReadonlyArray<Row> = [
  ["execute", "`redis.pipeline([...])`; with `raise_on_error=False`: `redis.pipelineResults([...])`"],
  ["multi", "`tx.transaction([...])` within `redis.watch`"],
  ["discard", "leave the body of `redis.watch` without a transaction"],
  [
    "pipeline_execute_command send_cluster_commands load_scripts script_load_for_pipeline annotate_exception IMMEDIATE_EXECUTE_COMMANDS NO_SLOTS_COMMANDS UNWATCH_COMMANDS",
    noUse
  ],
  ["client config script slowlog", "commands of two words are methods: `Server.configGet(...)`"],
  [
    "sentinel sentinel_get_master_addr_by_name sentinel_master sentinel_masters sentinel_monitor sentinel_remove sentinel_sentinels sentinel_set sentinel_slaves",
    "none: a cluster has no sentinels"
  ]
]

const lock: ReadonlyArray<Row> = [
  [
    "acquire",
    "`Lock.withLock(key, { ttl, wait })(effect)`, `Lock.tryWithLock`, `Lock.make`. `blocking=False` is `wait: \"0 millis\"`, `timeout=None` is `ttl: \"Infinity\"`"
  ],
  ["release", "the end of `withLock`; `lock.release`; by token from elsewhere `Lock.release(key, token)`"],
  ["extend reacquire", "by itself while you work; `lock.extend(ttl)`, `Lock.extend(key, token, ttl)`"],
  ["locked", "`Lock.isLocked(key)`; whose: `Lock.owner(key)`"],
  ["owned", "`lock.isHeld`; `lock.lost` fails when it is lost"],
  [
    "do_acquire do_extend do_reacquire do_release register_scripts lua_extend lua_reacquire lua_release LUA_EXTEND_SCRIPT LUA_REACQUIRE_SCRIPT LUA_RELEASE_SCRIPT",
    noUse
  ]
]

const node: ReadonlyArray<Row> = [
  ["host port name", "`node.host`, `node.port`, `node.address`; and `id`, `zone`, `health`"],
  ["server_type", "`node.role`"],
  [
    "redis_connection",
    "`yield* redis.node(node)`: commands, `pipeline`, `transaction`, `scanStream`, `subscribe`, `monitor`, `health`"
  ]
]

const nodesManager: ReadonlyArray<Row> = [
  [
    "get_node get_node_from_slot get_nodes_by_server_type",
    "`redis.topology`: a snapshot with `nodes`, `slots`, `shards`, `primaries`, `replicas`"
  ],
  ["initialize", "`redis.refreshTopology`"],
  ["check_slots_coverage", "`redis.health()`: `coveredSlots`, `servedSlots`"],
  ["remap_host_port", "`mapAddress`"],
  [
    "close create_redis_connections create_redis_node find_connection_owner move_node_to_end_of_cached_nodes move_slot populate_startup_nodes reset",
    noUse
  ]
]

export const redisPy: Peer = {
  name: "redis-py",
  page: "coming-from-redis-py.md",
  commands: "methods",
  tables: [
    { kind: "methods", head: "Client", rows: construction },
    { kind: "methods", head: "Nodes and slots", rows: nodes },
    { kind: "methods", head: "Execution", rows: execution },
    { kind: "methods", head: "Connections", rows: connections },
    { kind: "methods", head: "Modules and new commands", rows: modules },
    { kind: "options", head: "Option of redis-py", rows: options },
    { kind: "exceptions", head: "Exception of redis-py", rows: exceptions },
    { kind: "strategies", head: "`LoadBalancingStrategy`", rows: strategies },
    { kind: "pubsub", head: "`ClusterPubSub`", rows: pubsub },
    { kind: "pipeline", head: "`ClusterPipeline`", rows: pipeline },
    { kind: "lock", head: "`Lock`", rows: lock },
    { kind: "node", head: "`ClusterNode`", rows: node },
    { kind: "nodesManager", head: "`NodesManager`", rows: nodesManager }
  ]
}
