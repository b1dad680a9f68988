/** All command groups together: the type of all methods of a surface, and the list from which they are derived. */
import { Acl, type AclCommands } from "./Acl.ts"
import { type BitmapCommands, Bitmaps } from "./Bitmaps.ts"
import { type ChannelCommands, Channels } from "./Channels.ts"
import { type ClientCommands, Clients } from "./Clients.ts"
import { Cluster, type ClusterCommands } from "./Cluster.ts"
import { Generic, type GenericCommands } from "./Generic.ts"
import { Geo, type GeoCommands } from "./Geo.ts"
import { type HashCommands, Hashes } from "./Hashes.ts"
import { HyperLogLog, type HyperLogLogCommands } from "./HyperLogLog.ts"
import { type ListCommands, Lists } from "./Lists.ts"
import { Scripting, type ScriptingCommands } from "./Scripting.ts"
import { Server, type ServerCommands } from "./Server.ts"
import { type SetCommands, Sets } from "./Sets.ts"
import { type SortedSetCommands, SortedSets } from "./SortedSets.ts"
import { type StreamCommands, Streams } from "./Streams.ts"
import { type StringCommands, Strings } from "./Strings.ts"
import type { Surface } from "./Surface.ts"
import { type VectorSetCommands, VectorSets } from "./VectorSets.ts"

/** The methods of all commands, on a surface. */
export interface Commands<S extends Surface>
  extends
    StringCommands<S>,
    GenericCommands<S>,
    HashCommands<S>,
    ListCommands<S>,
    SetCommands<S>,
    SortedSetCommands<S>,
    StreamCommands<S>,
    GeoCommands<S>,
    BitmapCommands<S>,
    HyperLogLogCommands<S>,
    VectorSetCommands<S>,
    ScriptingCommands<S>,
    AclCommands<S>,
    ClientCommands<S>,
    ServerCommands<S>,
    ClusterCommands<S>,
    ChannelCommands<S>
{}

/** The groups, from which every surface takes its methods at run time. */
export const groups = [
  Strings,
  Generic,
  Hashes,
  Lists,
  Sets,
  SortedSets,
  Streams,
  Geo,
  Bitmaps,
  HyperLogLog,
  VectorSets,
  Scripting,
  Acl,
  Clients,
  Server,
  Cluster,
  Channels
] as const
