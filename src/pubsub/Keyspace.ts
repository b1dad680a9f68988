/**
 * Keyspace notifications: the subscriptions, the setting that servers need, and how their messages are read. Pure.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import * as checks from "../internal/checks.ts"
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
 * The names of events. `overwritten` and `type_changed` are known since Redis 8.2. Modules tell events of their own, which need
 * `classes: "d"` beside their name.
 *
 * @category models
 * @since 0.1.0
 */
export type KeyspaceEventName = (typeof classes)[keyof typeof classes][number] | (string & {})

/**
 * Something happened to a key.
 *
 * @category models
 * @since 0.1.0
 */
export class KeyspaceEvent<out K = string> {
  readonly _tag = "KeyspaceEvent"
  /** The key: text, or bytes with `keys: "bytes"`. */
  readonly key: K
  readonly event: KeyspaceEventName
  /** The primary that told it. */
  readonly node: ClusterNode

  constructor(key: K, event: KeyspaceEventName, node: ClusterNode) {
    this.key = key
    this.event = event
    this.node = node
  }
}

/**
 * Which notifications are wanted; all of them, unless something is said.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyspaceOptions {
  /** Of keys that match a pattern: `user:*`. Not together with `prefix`. */
  readonly pattern?: string | undefined
  /** Of keys that begin with this. */
  readonly prefix?: string | undefined
  /** Only these events. */
  readonly events?: ReadonlyArray<KeyspaceEventName> | undefined
  /**
   * Further letters that `notify-keyspace-events` has to have: for events that this client does not know, `"d"` for those of
   * modules.
   */
  readonly classes?: string | undefined
  /** Whether keys are text (UTF-8) or bytes. Default: `"text"`. */
  readonly keys?: "text" | "bytes" | undefined
  /**
   * Adds the letters that are missing to `notify-keyspace-events` of each primary, with CONFIG SET, whenever it is connected to: also when
   * it joins later, is promoted, or has been restarted. Without it the setting is checked, where the user may read it. Default: `false`.
   */
  readonly configure?: boolean | undefined
  /** How many notifications may wait for the consumer. Default: 16384. */
  readonly bufferSize?: number | undefined
  /** What becomes of further notifications when so many wait. Default: `"suspend"`. */
  readonly strategy?: BufferStrategy | undefined
}

/**
 * The type of the keys that options ask for.
 *
 * @category utility types
 * @since 0.1.0
 */
export type KeyOf<O> = O extends { readonly keys: "bytes" } ? Uint8Array : string

const keyspace = "__keyspace@0__:"
const keyevent = "__keyevent@0__:"

const escaped = (text: string): string => text.replace(/[*?[\]\\]/g, "\\$&")

/** A subscription to notifications. */
export interface KeyspacePlan {
  readonly kind: "channel" | "pattern"
  readonly names: ReadonlyArray<string>
  /** The letter of the channels in `notify-keyspace-events`. */
  readonly letter: "K" | "E"
  /** The letters of the classes of events; `undefined` when any will do. */
  readonly classes: ReadonlyArray<string> | undefined
  /** The events that are wanted when the channels do not choose them; `undefined` for all. */
  readonly only: ReadonlySet<string> | undefined
}

const classOf = (event: string): string | undefined =>
  Object.entries(classes).find(([, events]) => (events as ReadonlyArray<string>).includes(event))?.[0]

/** The letters that the options need, or what is wrong with them. */
const classesOf = (
  { classes = "", configure, events }: KeyspaceOptions
): ReadonlyArray<string> | undefined | string => {
  if (!/^[a-zA-Z$]*$/.test(classes)) return `classes has to consist of letters of notify-keyspace-events, such as "gx$"`
  const stranger = events?.find((event) => classOf(event) === undefined)
  if (stranger !== undefined && classes === "") {
    return `"${stranger}" is no event that this client knows; if the servers tell it, say the letter that ` +
      `notify-keyspace-events has for it: classes: "d" for an event of a module`
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

/** The subscription, or what is wrong with the options. */
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
    return { kind: "pattern", names: [keyspace + keys], letter: "K", classes, only }
  }
  return events === undefined
    ? { kind: "pattern", names: [`${keyevent}*`], letter: "E", classes, only: undefined }
    : {
      kind: "channel",
      names: [...new Set(events)].map((event) => keyevent + event),
      letter: "E",
      classes,
      only: undefined
    }
}

/** The classes that A stands for. */
const allClasses = "g$lshzxetd"

/** The letters that are missing in a node's `notify-keyspace-events`; empty when it tells the events that are wanted. */
export const missing = (flags: string, { classes, letter }: KeyspacePlan): string => {
  const has = flags.replace("A", allClasses)
  const lacks = (one: string): boolean =>
    one === "A" ? [...allClasses].some((each) => !has.includes(each)) : !has.includes(one)
  // Whoever chooses no events and does not set up the servers takes those that they tell.
  const needed = classes ?? (/[g$lshzxetdmnoc]/.test(has) ? [] : ["A"])
  return [letter, ...needed].filter(lacks).join("")
}

/** Reads a notification; `undefined` when it is of an event that is not wanted. */
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
  const event = Buffer.from(payload).toString()
  if (only?.has(event) === false) return undefined
  return new KeyspaceEvent((channelBytes ?? Buffer.from(channel)).subarray(keyspace.length), event, node)
}
