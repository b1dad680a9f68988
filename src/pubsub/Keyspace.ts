/**
 * Keyspace notifications: the subscriptions, the setting that servers need, and how their messages are read. Pure.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import * as checks from "../internal/checks.ts"
import { utf8Of } from "../protocol/text.ts"
import type { ChannelsByKind } from "./ChannelNames.ts"
import { bufferChecks, type BufferStrategy } from "./Subscription.ts"
import type { Message } from "./SubscriptionEvent.ts"

/** The events of servers, by the letter that `notify-keyspace-events` has for their class. */
const classes = {
  g: ["del", "expire", "rename_from", "rename_to", "copy_to", "move_from", "move_to", "restore", "persist"],
  $: ["set", "setrange", "incrby", "incrbyfloat", "append", "setbit", "pfadd"],
  l: ["lpush", "rpush", "lpop", "rpop", "linsert", "lset", "lrem", "ltrim", "sortstore"],
  s: ["sadd", "srem", "spop", "sinterstore", "sunionstore", "sdiffstore"],
  h: ["hset", "hincrby", "hincrbyfloat", "hdel", "hexpire", "hexpired", "hpersist"],
  z: [
    "zadd",
    "zincr",
    "zrem",
    "zremrangebyscore",
    "zremrangebyrank",
    "zremrangebylex",
    "zdiffstore",
    "zinterstore",
    "zunionstore",
    "zrangestore",
    "zpopmin",
    "zpopmax",
    "geosearchstore",
    "georadiusstore"
  ],
  t: [
    "xadd",
    "xtrim",
    "xdel",
    "xgroup-create",
    "xgroup-createconsumer",
    "xgroup-delconsumer",
    "xgroup-destroy",
    "xgroup-setid",
    "xsetid"
  ],
  x: ["expired"],
  e: ["evicted"],
  m: ["keymiss"],
  n: ["new"],
  o: ["overwritten"],
  c: ["type_changed"]
} as const

/**
 * The names of keyspace events. `overwritten` and `type_changed` exist since Redis 8.2. Modules have events of their
 * own, which need `classes: "d"` beside their name.
 *
 * @category models
 * @since 0.1.0
 */
export type KeyspaceEventName = (typeof classes)[keyof typeof classes][number] | (string & {})

/**
 * A keyspace notification: a command changed a key, or the key has expired or was evicted.
 *
 * @category models
 * @since 0.1.0
 */
export class KeyspaceEvent<out K = string> {
  readonly _tag = "KeyspaceEvent"
  /** The key: text, or bytes with `keys: "bytes"`. */
  readonly key: K
  /** The name of the event: `set`, `expired`. */
  readonly event: KeyspaceEventName
  /** The primary that sent the notification. */
  readonly node: ClusterNode

  constructor(key: K, event: KeyspaceEventName, node: ClusterNode) {
    this.key = key
    this.event = event
    this.node = node
  }
}

/**
 * Options of `keyspaceNotifications` and `keyspaceEvents`, which choose the notifications. Without options all come.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyspaceOptions {
  /** Only notifications of keys that match this pattern: `user:*`. It cannot be used together with `prefix`. Default: all keys. */
  readonly pattern?: string | undefined
  /** Only notifications of keys that begin with this text. Default: all keys. */
  readonly prefix?: string | undefined
  /** Only notifications of these events. Default: all events that the servers send. */
  readonly events?: ReadonlyArray<KeyspaceEventName> | undefined
  /**
   * Further letters that `notify-keyspace-events` has to have: for events that this client does not know; `"d"` for
   * the events of modules. Default: none.
   */
  readonly classes?: string | undefined
  /** Whether keys are text (UTF-8) or bytes. Default: `"text"`. */
  readonly keys?: "text" | "bytes" | undefined
  /**
   * Whether missing letters are added to `notify-keyspace-events` of each primary, with CONFIG SET, on each new
   * connection: also when the primary joins later, is promoted, or has been restarted. With `false` the setting is
   * only checked, where the user may read it. Default: `false`.
   */
  readonly configure?: boolean | undefined
  /** The number of notifications that may wait for the consumer. Default: 16384. */
  readonly bufferSize?: number | undefined
  /** The treatment of further notifications when so many wait. Default: `"suspend"`. */
  readonly strategy?: BufferStrategy | undefined
}

/** The type of the keys for given options. */
export type KeyOf<O> = O extends { readonly keys: "bytes" } ? Uint8Array : string

const keyspace = "__keyspace@0__:"
const keyevent = "__keyevent@0__:"

const escaped = (text: string): string => text.replace(/[*?[\]\\]/g, "\\$&")

/** A subscription to notifications. */
export interface KeyspacePlan {
  readonly channels: ChannelsByKind
  /** The letter of the channels in `notify-keyspace-events`. */
  readonly letter: "K" | "E"
  /** The letters of the wanted classes of events; `undefined` when any class will do. */
  readonly classes: ReadonlyArray<string> | undefined
  /** The wanted events when the channels do not choose them; `undefined` for all. */
  readonly only: ReadonlySet<string> | undefined
}

const classOf = (event: string): string | undefined =>
  Object.entries(classes).find(([, events]) => (events as ReadonlyArray<string>).includes(event))?.[0]

/** The letters that the options need, or the problem of the options. */
const classesOf = (
  { classes = "", configure, events }: KeyspaceOptions
): ReadonlyArray<string> | undefined | string => {
  if (!/^[a-zA-Z$]*$/.test(classes)) return `classes has to consist of letters of notify-keyspace-events, such as "gx$"`
  const stranger = events?.find((event) => classOf(event) === undefined)
  if (stranger !== undefined && classes === "") {
    return `"${stranger}" is not an event that this client knows; if the servers send it, give the letter of its class in ` +
      `notify-keyspace-events, such as classes: "d" for an event of a module`
  }
  const known = (events ?? []).flatMap((event) => classOf(event) ?? [])
  const all = [...new Set([...known, ...classes])]
  if (events !== undefined || all.length > 0) return all
  return configure === true ? ["A"] : undefined
}

const optionChecks: checks.Checks<KeyspaceOptions> = {
  ...bufferChecks,
  pattern: checks.anyText,
  prefix: checks.anyText,
  events: (value) =>
    Array.isArray(value) && value.every((name) => typeof name === "string") ? undefined : "a list of names",
  classes: checks.anyText,
  keys: checks.oneOf("text", "bytes"),
  configure: checks.boolean
}

/** The subscription for options, or the problem of the options. */
export const plan = (options: KeyspaceOptions): KeyspacePlan | string => {
  const problem = checks.problemOf(options, optionChecks)
  if (problem !== undefined) return problem
  const { events, pattern, prefix } = options
  if (pattern !== undefined && prefix !== undefined) return "pattern and prefix exclude each other; give one of them"
  if (events?.length === 0) return "events is empty; name at least one, or leave it out for all"
  const classes = classesOf(options)
  if (typeof classes === "string") return classes
  const keys = pattern ?? (prefix === undefined ? undefined : `${escaped(prefix)}*`)
  if (keys !== undefined) {
    const only = events === undefined ? undefined : new Set<string>(events)
    return { channels: { patterns: keyspace + keys }, letter: "K", classes, only }
  }
  return events === undefined
    ? { channels: { patterns: `${keyevent}*` }, letter: "E", classes, only: undefined }
    : {
      channels: { channels: events.map((event) => keyevent + event) },
      letter: "E",
      classes,
      only: undefined
    }
}

/** The classes for which the letter A stands. */
const allClasses = "g$lshzxetd"

/** The letters that are missing in a node's `notify-keyspace-events`; empty when the node sends the wanted events. */
export const missing = (flags: string, { classes, letter }: KeyspacePlan): string => {
  const has = flags.replace("A", allClasses)
  const lacks = (one: string): boolean =>
    one === "A" ? [...allClasses].some((each) => !has.includes(each)) : !has.includes(one)
  // Without a choice of events, and without `configure`, any events that the servers send are fine.
  const needed = classes ?? (/[g$lshzxetdmnoc]/.test(has) ? [] : ["A"])
  return [letter, ...needed].filter(lacks).join("")
}

/** Reads a notification; `undefined` when its event is not wanted. */
export const read = (message: Message, { letter, only }: KeyspacePlan): KeyspaceEvent | undefined => {
  const { channel, node, payload } = message
  if (letter === "E") return new KeyspaceEvent(payload, channel.slice(keyevent.length), node)
  return only?.has(payload) === false ? undefined : new KeyspaceEvent(channel.slice(keyspace.length), payload, node)
}

/** Reads a notification of a subscription with bytes. */
export const readBytes = (
  message: Message<Uint8Array>,
  { letter, only }: KeyspacePlan
): KeyspaceEvent<Uint8Array> | undefined => {
  const { channel, channelBytes, node, payload } = message
  if (letter === "E") return new KeyspaceEvent(payload, channel.slice(keyevent.length), node)
  const event = utf8Of(payload)
  if (only?.has(event) === false) return undefined
  return new KeyspaceEvent((channelBytes ?? Buffer.from(channel)).subarray(keyspace.length), event, node)
}
