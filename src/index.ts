/**
 * A Redis and Valkey Cluster client for Effect.
 *
 * @since 0.1.0
 */
export { ClusterClient, type ClusterClientShape, type NodeClient, type TargetClient } from "./ClusterClient.ts"
export type { ClusterOptions, Credentials, StartupNode, TlsOptions } from "./ClusterOptions.ts"
export { Channels } from "./commands/Channels.ts"
export { Cluster } from "./commands/Cluster.ts"
export * as Command from "./commands/Command.ts"
export { CommandSpec } from "./commands/CommandSpec.ts"
export { Connection } from "./commands/Connection.ts"
export { Generic } from "./commands/Generic.ts"
export { Hashes } from "./commands/Hashes.ts"
export { Server } from "./commands/Server.ts"
export { Strings } from "./commands/Strings.ts"
export { addressOf, type Endpoint } from "./connection/Endpoint.ts"
export { type Argument, type Reply, ServerError } from "./protocol/Reply.ts"
export * from "./RedisClusterException.ts"
export type { Target } from "./routing/Target.ts"
export { ClusterNode } from "./topology/ClusterNode.ts"
export * as HashSlot from "./topology/HashSlot.ts"
export * as Snapshot from "./topology/Snapshot.ts"
