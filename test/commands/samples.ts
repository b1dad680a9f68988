/**
 * For every builder sample arguments, what has to be there before, and what the server then answers: a file for each group.
 */
import { Cluster } from "../../src/commands/Cluster.ts"
import { Server } from "../../src/commands/Server.ts"
import { acl } from "./samples/acl.ts"
import { bitmaps } from "./samples/bitmaps.ts"
import { channels } from "./samples/channels.ts"
import { cluster } from "./samples/cluster.ts"
import { connection } from "./samples/connection.ts"
import { generic } from "./samples/generic.ts"
import { geo } from "./samples/geo.ts"
import { hashes } from "./samples/hashes.ts"
import { hyperLogLog } from "./samples/hyperLogLog.ts"
import { lists } from "./samples/lists.ts"
import type { Omission, Sample } from "./samples/Sample.ts"
import { scripting } from "./samples/scripting.ts"
import { server } from "./samples/server.ts"
import { sets } from "./samples/sets.ts"
import { sortedSets } from "./samples/sortedSets.ts"
import { streams } from "./samples/streams.ts"
import { strings } from "./samples/strings.ts"
import { vectorSets } from "./samples/vectorSets.ts"

export type { Sample } from "./samples/Sample.ts"

export const samples: ReadonlyArray<Sample> = [
  ...strings,
  ...generic,
  ...hashes,
  ...lists,
  ...sets,
  ...sortedSets,
  ...streams,
  ...geo,
  ...bitmaps,
  ...hyperLogLog,
  ...vectorSets,
  ...scripting,
  ...acl,
  ...connection,
  ...server,
  ...cluster,
  ...channels
]

/** Builders that would take the test server down or away from its slots. */
export const notRun: Readonly<Record<string, Omission>> = {
  bgrewriteaof: { command: Server.bgrewriteaof(), reason: "forks the test server" },
  bgsave: { command: Server.bgsave(), reason: "forks the test server" },
  save: { command: Server.save(), reason: "writes to disk" },
  clusterMeet: { command: Cluster.clusterMeet("10.0.0.2", 6379), reason: "makes the test server look for another one" },
  shutdown: { command: Server.shutdown({ save: false }), reason: "ends the test server" },
  clusterDelslots: { command: Cluster.clusterDelslots([1, 2]), reason: "takes the slots away" },
  clusterDelslotsrange: { command: Cluster.clusterDelslotsrange([[0, 99]]), reason: "takes the slots away" },
  clusterFlushslots: { command: Cluster.clusterFlushslots(), reason: "takes the slots away" },
  clusterReset: { command: Cluster.clusterReset("SOFT"), reason: "takes the slots away" }
}
