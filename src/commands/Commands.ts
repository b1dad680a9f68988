/**
 * All command groups together: the type of what a surface offers, and the list from which it is derived.
 *
 * @since 0.1.0
 */
import { type ChannelCommands, Channels } from "./Channels.ts"
import { Cluster, type ClusterCommands } from "./Cluster.ts"
import { Connection, type ConnectionCommands } from "./Connection.ts"
import { Generic, type GenericCommands } from "./Generic.ts"
import { type HashCommands, Hashes } from "./Hashes.ts"
import { Lists, type ListCommands } from "./Lists.ts"
import { Server, type ServerCommands } from "./Server.ts"
import { type SetCommands, Sets } from "./Sets.ts"
import { type SortedSetCommands, SortedSets } from "./SortedSets.ts"
import { type StringCommands, Strings } from "./Strings.ts"
import type { Surface } from "./Surface.ts"

/**
 * Every command, on a surface.
 *
 * @category models
 * @since 0.1.0
 */
export interface Commands<S extends Surface>
  extends
    StringCommands<S>,
    GenericCommands<S>,
    HashCommands<S>,
    ListCommands<S>,
    SetCommands<S>,
    SortedSetCommands<S>,
    ConnectionCommands<S>,
    ServerCommands<S>,
    ClusterCommands<S>,
    ChannelCommands<S>
{}

/**
 * The groups, from which every surface takes its methods at run time.
 *
 * @category commands
 * @since 0.1.0
 */
export const groups = [Strings, Generic, Hashes, Lists, Sets, SortedSets, Connection, Server, Cluster, Channels] as const
