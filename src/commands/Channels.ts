/**
 * Publishing, and the numbers of subscribers. Subscriptions themselves are streams, not commands.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { utf8Of } from "../protocol/text.ts"
import { call, type OneOrMore, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { parameters } from "./parameters/Channels.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * The methods of the commands on channels.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChannelCommands<S extends Surface> {
  /**
   * Publishes a message to the whole cluster. Returns the number of subscriptions (channels and patterns) of the node
   * that took the message: in a cluster this is not the number of receivers, and 0 does not mean that there are none.
   * Since 2.0.0. O(N+M) subscribers and patterns.
   */
  publish(channel: Argument, message: Value): Returns<S, number>
  /** The channels with subscribers, of all nodes by default. Since 2.8.0. O(N) channels. */
  pubsubChannels(pattern?: Argument): Returns<S, ReadonlyArray<string>>
  /** The number of patterns with subscribers, summed over all nodes by default. Since 2.8.0. O(1). */
  pubsubNumpat(): Returns<S, number>
  /** The number of subscribers of each channel, summed over all nodes by default. Since 2.8.0. O(N) channels. */
  pubsubNumsub(channels: OneOrMore<Argument>): Returns<S, Readonly<Record<string, number>>>
  /** The shard channels with subscribers, of all nodes by default. Since 7.0.0. O(N) channels. */
  pubsubShardchannels(pattern?: Argument): Returns<S, ReadonlyArray<string>>
  /** The number of subscribers of each shard channel, summed over all nodes by default. Since 7.0.0. O(N) channels. */
  pubsubShardnumsub(channels: OneOrMore<Argument>): Returns<S, Readonly<Record<string, number>>>
  /**
   * Publishes a message to the shard that owns the channel's slot. Returns the number of subscribers at the primary;
   * subscribers at replicas get the message and are not counted. Since 7.0.0. O(N) subscribers.
   */
  spublish(channel: Argument, message: Value): Returns<S, number>
}

const concat = { request: "allNodes", response: "concat" } as const

const PUBLISH = new CommandSpec("PUBLISH", {})
/** Each node lists its own channels, so that several nodes may list one channel. */
const union = { request: "allNodes", response: "union" } as const
const PUBSUB_CHANNELS = new CommandSpec("PUBSUB CHANNELS", union)
const PUBSUB_NUMPAT = new CommandSpec("PUBSUB NUMPAT", { request: "allNodes", response: "sum" })
const PUBSUB_NUMSUB = new CommandSpec("PUBSUB NUMSUB", concat)
const PUBSUB_SHARDCHANNELS = new CommandSpec("PUBSUB SHARDCHANNELS", union)
const PUBSUB_SHARDNUMSUB = new CommandSpec("PUBSUB SHARDNUMSUB", concat)
const SPUBLISH = new CommandSpec("SPUBLISH", { channel: 0 })

/** Channels and numbers in turns, also when the lists of several nodes follow one another. */
const totals = decode.map(decode.pairsOf(decode.string, decode.integer), (pairs) => {
  const result = new Map<string, number>()
  for (const [name, count] of pairs) {
    const key = utf8Of(name)
    result.set(key, (result.get(key) ?? 0) + count)
  }
  return Object.fromEntries(result)
})

/**
 * The builders of the commands on channels: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Channels: ChannelCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  publish: (channel, message) => call(PUBLISH, channel).value(message).to(decode.integer),
  pubsubChannels: (pattern) => make(PUBSUB_CHANNELS, pattern === undefined ? [] : [pattern], decode.strings),
  pubsubNumpat: () => make(PUBSUB_NUMPAT, [], decode.integer),
  pubsubNumsub: (channels) => call(PUBSUB_NUMSUB).many("channels", channels).to(totals),
  pubsubShardchannels: (pattern) => make(PUBSUB_SHARDCHANNELS, pattern === undefined ? [] : [pattern], decode.strings),
  pubsubShardnumsub: (channels) => call(PUBSUB_SHARDNUMSUB).many("channels", channels).to(totals),
  spublish: (channel, message) => call(SPUBLISH, channel).value(message).to(decode.integer)
})
