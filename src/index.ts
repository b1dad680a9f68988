/** A Redis and Valkey Cluster client for Effect. */
export * as CacheAside from "./CacheAside.ts"
export type { CacheRemoval, CacheStatistics } from "./caching/CacheStatistics.ts"
export type { ConsumeOptions } from "./client/Consumers.ts"
export { type DedicatedClient, onConflict, type OwnConnection, type WatchClient } from "./client/Dedicated.ts"
export {
  type HealthOptions,
  type HealthReport,
  isUnhealthyError,
  type NodeHealth,
  UnhealthyError
} from "./client/Health.ts"
export type { ReadFromClient } from "./client/ReadPreference.ts"
export type { ScanProgress, ScanStreamOptions } from "./client/Scanning.ts"
export type { NodeClient, TargetClient } from "./client/Targets.ts"
export { byAddress, ClusterNode, isClusterNode } from "./cluster/ClusterNode.ts"
export { addressOf, type Endpoint } from "./cluster/Endpoint.ts"
export * as HashSlot from "./cluster/HashSlot.ts"
export { ClusterClient, type ClusterClientShape } from "./ClusterClient.ts"
export * as ClusterConfig from "./ClusterConfig.ts"
export type { CacheOptions, ClusterOptions, Credentials, FindNodes, StartupNode, TlsOptions } from "./ClusterOptions.ts"
export { Acl } from "./commands/Acl.ts"
export { Bitmaps } from "./commands/Bitmaps.ts"
export { Channels } from "./commands/Channels.ts"
export { Clients } from "./commands/Clients.ts"
export { Cluster } from "./commands/Cluster.ts"
export * as Command from "./commands/Command.ts"
export { type CommandFacts, CommandSpec, type RequestPolicy, type ResponsePolicy } from "./commands/CommandSpec.ts"
export { Generic } from "./commands/Generic.ts"
export { Geo } from "./commands/Geo.ts"
export { Hashes } from "./commands/Hashes.ts"
export { HyperLogLog } from "./commands/HyperLogLog.ts"
export { Lists } from "./commands/Lists.ts"
export { Scripting } from "./commands/Scripting.ts"
export { Server } from "./commands/Server.ts"
export { Sets } from "./commands/Sets.ts"
export { SortedSets } from "./commands/SortedSets.ts"
export { Streams } from "./commands/Streams.ts"
export { Strings } from "./commands/Strings.ts"
export { VectorSets } from "./commands/VectorSets.ts"
export { ConflictError, isConflictError } from "./ConflictError.ts"
export type { EntryFields } from "./consumer/EntryForm.ts"
export type { ConsumedEntry } from "./consumer/GroupConsumer.ts"
export * as Discovery from "./Discovery.ts"
export * as Lock from "./Lock.ts"
export type {
  CacheArmed,
  CacheFlushed,
  CacheRefused,
  ClientEvent,
  ClusterReplaced,
  CredentialsFailed,
  CredentialsRotated,
  MessagesMissed,
  NodeAdded,
  NodeDown,
  NodeRemoved,
  NodeUp,
  Promoted,
  Refreshed,
  RefreshFailed,
  SlotsMoved
} from "./observability/ClientEvent.ts"
export { type Argument, type Reply, ServerError } from "./protocol/Reply.ts"
export type { ChannelLists, ChannelNames, ChannelsByKind } from "./pubsub/ChannelNames.ts"
export {
  Flushed,
  type Interrupted,
  Invalidated,
  type InvalidationEvent,
  type InvalidationOptions
} from "./pubsub/Invalidation.ts"
export { KeyspaceEvent, type KeyspaceEventName, type KeyspaceOptions } from "./pubsub/Keyspace.ts"
export type { MonitoredCommand, MonitorOptions } from "./pubsub/Monitor.ts"
export type { BufferStrategy, PayloadOf, SubscribeOptions, Subscription } from "./pubsub/Subscription.ts"
export {
  type Gap,
  type GapReason,
  Message,
  type Subscribed,
  type SubscriptionEvent
} from "./pubsub/SubscriptionEvent.ts"
export * as ReadFrom from "./ReadFrom.ts"
export * as Reason from "./Reason.ts"
export {
  AskError,
  isRedisClusterException,
  MovedError,
  Outcome,
  RedisClusterException
} from "./RedisClusterException.ts"
export type { Batch, PipelineStreamOptions, Results, Values } from "./routing/batches/BatchShape.ts"
export type { Target } from "./routing/nodes/Target.ts"
export type { NodeReads, ShardReads } from "./routing/reads/ReadNodes.ts"
export { TraceStatements } from "./routing/request/Tracing.ts"
export * as FunctionLibrary from "./scripting/FunctionLibrary.ts"
export * as Script from "./scripting/Script.ts"
export * as Snapshot from "./topology/Snapshot.ts"
export * as Codec from "./values/Codec.ts"
export * as Compression from "./values/Compression.ts"
export * as HashValue from "./values/HashValue.ts"
export * as Namespace from "./values/Namespace.ts"
export * as Value from "./values/Value.ts"
