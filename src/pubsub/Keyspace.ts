/**
 * Keyspace notifications: what to subscribe to, what the servers have to be set to, and what their messages say. Pure.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { BufferStrategy } from "./MessageBuffer.ts"
import type { Message } from "./SubscriptionEvent.ts"

/** What servers tell of, by the letter that `notify-keyspace-events` has for it. */
const classes = {
  g: ["del", "expire", "rename_from", "rename_to", "copy_to", "move_from", "move_to", "restore", "persist"],
  $: ["set", "setrange", "incrby", "incrbyfloat", "append"],
  l: ["lpush", "rpush", "lpop", "rpop", "linsert", "lset", "lrem", "ltrim"],
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
    "zrangestore"
  ],
  t: [
    "xadd",
    "xtrim",
    "xdel",
    "xgroup-create",
    "xgroup-createconsumer",
    "xgroup-delconsumer",
    "xgroup-destroy",
    "xsetid"
  ],
  x: ["expired"],
  e: ["evicted"],
  m: ["keymiss"],
  n: ["new"]
} as const

/**
 * What happens to keys. Servers know more events than are listed here.
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
export class KeyspaceEvent {
  readonly _tag = "KeyspaceEvent"
  readonly key: string
  readonly event: KeyspaceEventName
  /** The primary that told it. */
  readonly node: ClusterNode

  constructor(key: string, event: KeyspaceEventName, node: ClusterNode) {
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
   * Adds what is missing to `notify-keyspace-events` of every node, also of those that join later, with CONFIG SET. Without it
   * the setting is checked, where the user may read it. Default: `false`.
   */
  readonly configure?: boolean | undefined
  /** How many notifications may wait for the consumer. Default: 16384. */
  readonly bufferSize?: number | undefined
  /** What becomes of further notifications when so many wait. Default: `"suspend"`. */
  readonly strategy?: BufferStrategy | undefined
}

const keyspace = "__keyspace@0__:"
const keyevent = "__keyevent@0__:"

const escaped = (text: string): string => text.replace(/[*?[\]\\]/g, "\\$&")

/** What a subscription to notifications consists of. */
export interface KeyspacePlan {
  readonly kind: "channel" | "pattern"
  readonly names: ReadonlyArray<string>
  /** The letter of the channels in `notify-keyspace-events`. */
  readonly letter: "K" | "E"
  /** The events that are wanted when the channels do not choose them; `undefined` for all. */
  readonly only: ReadonlySet<string> | undefined
}

/** What to subscribe to, or what is wrong with the options. */
export const plan = (options: KeyspaceOptions): KeyspacePlan | string => {
  const { events, pattern, prefix } = options
  if (pattern !== undefined && prefix !== undefined) return "pattern and prefix exclude each other; give one of them"
  if (events?.length === 0) return "events is empty; name at least one, or leave it out for all"
  const keys = pattern ?? (prefix === undefined ? undefined : `${escaped(prefix)}*`)
  if (keys !== undefined) {
    const only = events === undefined ? undefined : new Set<string>(events)
    return { kind: "pattern", names: [keyspace + keys], letter: "K", only }
  }
  return events === undefined
    ? { kind: "pattern", names: [`${keyevent}*`], letter: "E", only: undefined }
    : { kind: "channel", names: [...new Set(events)].map((event) => keyevent + event), letter: "E", only: undefined }
}

const classOf = (event: string): string =>
  Object.entries(classes).find(([, events]) => (events as ReadonlyArray<string>).includes(event))?.[0] ?? "A"

/** What A stands for. */
const allClasses = "g$lshzxetd"

/**
 * The letters that are missing in a node's `notify-keyspace-events`; empty when it tells what is wanted.
 */
export const missing = (flags: string, wanted: KeyspacePlan, events: ReadonlyArray<string> | undefined): string => {
  const has = flags.replace("A", allClasses)
  const lacks = (letter: string): boolean =>
    letter === "A" ? [...allClasses].some((one) => !has.includes(one)) && !flags.includes("A") : !has.includes(letter)
  // Without a choice of events whatever the server tells is welcome.
  const needed = events === undefined
    ? /[g$lshzxetdmn]/.test(has) ? [] : ["A"]
    : [...new Set(events.map(classOf))]
  return [wanted.letter, ...needed].filter(lacks).join("")
}

/** Reads a notification; `undefined` when it is of an event that is not wanted. */
export const read = (message: Message, wanted: KeyspacePlan): KeyspaceEvent | undefined => {
  const { channel, node, payload } = message
  if (wanted.letter === "E") return new KeyspaceEvent(payload, channel.slice(keyevent.length), node)
  return wanted.only?.has(payload) === false
    ? undefined
    : new KeyspaceEvent(channel.slice(keyspace.length), payload, node)
}
