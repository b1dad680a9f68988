import { Channels } from "../../../src/commands/Channels.ts"
import { type Sample } from "./Sample.ts"

export const channels: ReadonlyArray<Sample> = [
  { name: "publish", command: Channels.publish("c", "m"), expected: 0 },
  { name: "pubsubChannels", command: Channels.pubsubChannels("*"), expected: [] },
  { name: "pubsubNumpat", command: Channels.pubsubNumpat(), expected: 0 },
  { name: "pubsubNumsub", command: Channels.pubsubNumsub(["a", "b"]), expected: { a: 0, b: 0 } },
  { name: "pubsubShardchannels", command: Channels.pubsubShardchannels(), expected: [] },
  { name: "pubsubShardnumsub", command: Channels.pubsubShardnumsub("a"), expected: { a: 0 } },
  { name: "spublish", command: Channels.spublish("c", "m"), expected: 0 }
]
