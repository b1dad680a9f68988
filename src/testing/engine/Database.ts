/**
 * Keys with their values and their expiry.
 */
import * as HashSlot from "../../cluster/HashSlot.ts"
import type { Bytes } from "./Bytes.ts"
import type { JsonDocument } from "./JsonValue.ts"
import { SortedSet } from "./SortedSet.ts"
import type { StreamValue } from "./StreamValue.ts"

/** A hash, with the times (milliseconds since 1970) at which some of its fields expire. */
export class HashValue {
  readonly fields: Map<Bytes, Bytes>
  readonly expiries: Map<Bytes, number>

  constructor(fields?: Iterable<readonly [Bytes, Bytes]>, expiries?: Iterable<readonly [Bytes, number]>) {
    this.fields = new Map(fields)
    this.expiries = new Map(expiries)
  }
}

/** The value of each type of key. */
export interface Values {
  readonly string: Bytes
  readonly list: Array<Bytes>
  readonly hash: HashValue
  readonly set: Set<Bytes>
  readonly zset: SortedSet
  readonly stream: StreamValue
  readonly "ReJSON-RL": JsonDocument
}

export type Type = keyof Values

export type Value = { readonly [T in Type]: { readonly type: T; value: Values[T] } }[Type]

export interface Entry {
  content: Value
  /** The time of expiry in milliseconds since 1970; `Infinity` for never. */
  expireAt: number
  readonly slot: number
}

const copyValue = (content: Value): Value => {
  switch (content.type) {
    case "string":
      return { type: "string", value: content.value }
    case "list":
      return { type: "list", value: [...content.value] }
    case "hash":
      return { type: "hash", value: new HashValue(content.value.fields, content.value.expiries) }
    case "set":
      return { type: "set", value: new Set(content.value) }
    case "zset":
      return { type: "zset", value: new SortedSet(content.value.entries()) }
    case "stream":
      return { type: "stream", value: content.value.copy() }
    case "ReJSON-RL":
      return { type: "ReJSON-RL", value: content.value.copy() }
  }
}

/** A copy that shares nothing that can change. */
export const copyEntry = (entry: Entry): Entry => ({ ...entry, content: copyValue(entry.content) })

const sizeOf = ({ type, value }: Value): number => {
  switch (type) {
    case "list":
      return value.length
    case "hash":
      return value.fields.size
    case "set":
    case "zset":
      return value.size
    default:
      return 1
  }
}

/** The callbacks for changes. */
export interface DatabaseHooks {
  /** Called when the value or the expiry of a key has changed; `isByServer` when the key has expired. */
  readonly onChange: (key: Bytes, isByServer?: boolean) => void
  /** Called for a keyspace event, with the letter of its class. */
  readonly onEvent: (event: string, kind: string, key: Bytes) => void
}

export class Database {
  private readonly entries = new Map<Bytes, Entry>()
  private readonly now: () => number
  hooks: DatabaseHooks
  /** Whether keys or fields have an expiry: most databases of tests have none. */
  private mayExpire = false

  constructor(now: () => number, hooks: DatabaseHooks) {
    this.now = now
    this.hooks = hooks
  }

  /** The live entry of a key. An expired entry is removed on the way. */
  get(key: Bytes): Entry | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined || !this.mayExpire) return entry
    if (entry.expireAt <= this.now()) {
      this.expire(key)
      return undefined
    }
    if (entry.content.type === "hash" && entry.content.value.expiries.size > 0) {
      return this.withoutExpiredFields(key, entry, entry.content.value)
    }
    return entry
  }

  has(key: Bytes): boolean {
    return this.get(key) !== undefined
  }

  /** Sets the value of a key, whatever it was before. Without `expireAt` the key has no expiry. */
  set(key: Bytes, content: Value, expireAt = Infinity): Entry {
    const entry: Entry = { content, expireAt, slot: slotOf(key) }
    this.put(key, entry)
    this.hooks.onChange(key)
    return entry
  }

  /** Puts an entry of another node, or one that was moved or copied. */
  put(key: Bytes, entry: Entry): void {
    this.entries.set(key, entry)
    const hasDue = entry.expireAt < Infinity || (entry.content.type === "hash" && entry.content.value.expiries.size > 0)
    if (hasDue) this.mayExpire = true
  }

  delete(key: Bytes): boolean {
    if (!this.has(key)) return false
    this.entries.delete(key)
    this.hooks.onChange(key)
    return true
  }

  /** Removes a key without a callback. */
  drop(key: Bytes): void {
    this.entries.delete(key)
  }

  setExpiry(key: Bytes, entry: Entry, expireAt: number): void {
    entry.expireAt = expireAt
    this.mayExpire ||= expireAt < Infinity
    this.hooks.onChange(key)
  }

  /** Notes that a field of a hash has got a time of expiry. */
  fieldsMayExpire(): void {
    this.mayExpire = true
  }

  /** Reports a change in place, and removes a collection that has become empty. */
  changed(key: Bytes): void {
    const entry = this.entries.get(key)
    if (entry !== undefined && entry.content.type !== "stream" && sizeOf(entry.content) === 0) {
      this.entries.delete(key)
      this.hooks.onEvent("del", "g", key)
    }
    this.hooks.onChange(key)
  }

  /** All live keys. */
  keys(): Array<Bytes> {
    const all = [...this.entries.keys()]
    return this.mayExpire ? all.filter((key) => this.has(key)) : all
  }

  /** The keys of a slot, the newest first, as servers list them. */
  keysInSlot(slot: number): Array<Bytes> {
    return this.keys().filter((key) => this.entries.get(key)?.slot === slot).toReversed()
  }

  get size(): number {
    return this.mayExpire ? this.keys().length : this.entries.size
  }

  clear(): void {
    for (const key of this.keys()) this.delete(key)
  }

  /** The next time at which something expires. */
  nextExpiry(): number {
    let next = Infinity
    if (!this.mayExpire) return next
    for (const { content, expireAt } of this.entries.values()) {
      next = Math.min(next, expireAt)
      if (content.type === "hash") { for (const at of content.value.expiries.values()) next = Math.min(next, at) }
    }
    return next
  }

  private expire(key: Bytes): void {
    this.entries.delete(key)
    this.hooks.onEvent("expired", "x", key)
    this.hooks.onChange(key, true)
  }

  private withoutExpiredFields(key: Bytes, entry: Entry, hash: HashValue): Entry | undefined {
    const now = this.now()
    let expired = false
    for (const [field, at] of hash.expiries) {
      if (at > now) continue
      hash.expiries.delete(field)
      hash.fields.delete(field)
      expired = true
    }
    if (!expired) return entry
    this.hooks.onEvent("hexpired", "h", key)
    this.changed(key)
    return hash.fields.size === 0 ? undefined : entry
  }
}

/** The slot of a key that is a byte string. */
export const slotOf = (key: Bytes): number => {
  for (let i = 0; i < key.length; i++) {
    if (key.charCodeAt(i) > 127) return HashSlot.ofKey(Buffer.from(key, "latin1"))
  }
  return HashSlot.ofKey(key)
}
