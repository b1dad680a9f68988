import { Channels } from "../../../src/commands/Channels.ts"
import { type Sample } from "./Sample.ts"

export const channels: ReadonlyArray<Sample> = [
  { name: "publish", command: Channels.publish("news", "hello"), expected: 0 },
  { name: "pubsubChannels", command: Channels.pubsubChannels("news:*"), expected: [] },
  { name: "pubsubNumpat", command: Channels.pubsubNumpat(), expected: 0 },
  { name: "pubsubNumsub", command: Channels.pubsubNumsub(["news", "sport"]), expected: { news: 0, sport: 0 } },
  { name: "pubsubShardchannels", command: Channels.pubsubShardchannels(), expected: [] },
  { name: "pubsubShardnumsub", command: Channels.pubsubShardnumsub("news"), expected: { news: 0 } },
  { name: "spublish", command: Channels.spublish("news", "hello"), expected: 0 }
]
