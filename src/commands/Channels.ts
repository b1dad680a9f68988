/**
 * Publishing, and looking at who subscribes. Subscriptions themselves are streams, not commands.
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
 * The commands on channels.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChannelCommands<S extends Surface> {
  /**
   * Publishes to the whole cluster. Answers how many subscriptions (channels and patterns) the node that took it has itself: in a
   * cluster that is no number of receivers, and 0 does not mean that nobody listens. Since 2.0.0. O(N+M) subscribers and patterns.
   */
  publish(channel: Argument, message: Value): Returns<S, number>
  /** The channels with subscribers, of all nodes unless a target is given. Since 2.8.0. O(N) channels. */
  pubsubChannels(pattern?: Argument): Returns<S, ReadonlyArray<string>>
  /** How many patterns have subscribers, each node's added up unless a target is given. Since 2.8.0. O(1). */
  pubsubNumpat(): Returns<S, number>
  /** How many subscribers each channel has, each node's added up unless a target is given. Since 2.8.0. O(N) channels. */
  pubsubNumsub(channels: OneOrMore<Argument>): Returns<S, Readonly<Record<string, number>>>
  /** The shard channels with subscribers, of all nodes unless a target is given. Since 7.0.0. O(N) channels. */
  pubsubShardchannels(pattern?: Argument): Returns<S, ReadonlyArray<string>>
  /** How many subscribers each shard channel has, each node's added up unless a target is given. Since 7.0.0. O(N) channels. */
  pubsubShardnumsub(channels: OneOrMore<Argument>): Returns<S, Readonly<Record<string, number>>>
  /**
   * Publishes to the shard that owns the channel's slot. Answers how many subscribers its primary has itself; those that listen at
   * a replica get the message and are not counted. Since 7.0.0. O(N) subscribers.
   */
  spublish(channel: Argument, message: Value): Returns<S, number>
}

const concat = { request: "allNodes", response: "concat" } as const

const PUBLISH = new CommandSpec("PUBLISH", {})
/** Each node lists its own channels: one channel may come from several. */
const union = { request: "allNodes", response: "union" } as const
const PUBSUB_CHANNELS = new CommandSpec("PUBSUB CHANNELS", union)
const PUBSUB_NUMPAT = new CommandSpec("PUBSUB NUMPAT", { request: "allNodes", response: "sum" })
const PUBSUB_NUMSUB = new CommandSpec("PUBSUB NUMSUB", concat)
const PUBSUB_SHARDCHANNELS = new CommandSpec("PUBSUB SHARDCHANNELS", union)
const PUBSUB_SHARDNUMSUB = new CommandSpec("PUBSUB SHARDNUMSUB", concat)
const SPUBLISH = new CommandSpec("SPUBLISH", { channel: 0 })

/** Channels and numbers in turns, also when several nodes' lists stand one after another. */
const totals = decode.map(decode.pairsOf(decode.string, decode.integer), (pairs) => {
  const result = new Map<string, number>()
  for (const [name, count] of pairs) {
    const key = utf8Of(name)
    result.set(key, (result.get(key) ?? 0) + count)
  }
  return Object.fromEntries(result)
})

/**
 * The commands on channels, as values.
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
