/**
 * A stream: entries in the order of their ids, and the groups that read them.
 */
import { type Bytes, parseInt64 } from "./Bytes.ts"

export interface StreamId {
  readonly ms: number
  readonly seq: number
}

export interface StreamEntry {
  readonly id: StreamId
  /** Fields and values in turns. */
  readonly fields: ReadonlyArray<Bytes>
}

export interface PendingEntry {
  readonly id: StreamId
  consumer: Bytes
  deliveredAt: number
  deliveries: number
}

export interface Consumer {
  seenAt: number
  activeAt: number
}

export interface ConsumerGroup {
  lastDelivered: StreamId
  /** The number of entries that were read; `undefined` when it cannot be known. */
  entriesRead: number | undefined
  readonly consumers: Map<Bytes, Consumer>
  /** By `ms-seq`. */
  readonly pending: Map<Bytes, PendingEntry>
}

export const zero: StreamId = { ms: 0, seq: 0 }
export const lowest: StreamId = zero
export const highest: StreamId = { ms: Infinity, seq: Infinity }

export const compareIds = (one: StreamId, other: StreamId): number =>
  one.ms === other.ms ? (one.seq === other.seq ? 0 : one.seq < other.seq ? -1 : 1) : one.ms < other.ms ? -1 : 1

export const formatId = (id: StreamId): Bytes => `${id.ms}-${id.seq}`

/** Reads an id: `ms-seq`, or `ms` with a default for the sequence. */
export const parseId = (text: Bytes, missingSeq: number): StreamId | undefined => {
  const [ms, seq, ...rest] = text.split("-")
  if (rest.length > 0 || !isUint(ms) || (seq !== undefined && !isUint(seq))) return undefined
  return { ms: Number(ms), seq: seq === undefined ? missingSeq : Number(seq) }
}

const isUint = (text: string): boolean => /^[0-9]{1,20}$/.test(text) && parseInt64(String(BigInt(text))) !== undefined

export class StreamValue {
  entries: Array<StreamEntry> = []
  lastId: StreamId = zero
  maxDeletedId: StreamId = zero
  entriesAdded = 0
  readonly groups = new Map<Bytes, ConsumerGroup>()

  copy(): StreamValue {
    const copy = new StreamValue()
    copy.entries = [...this.entries]
    copy.lastId = this.lastId
    copy.maxDeletedId = this.maxDeletedId
    copy.entriesAdded = this.entriesAdded
    for (const [name, group] of this.groups) {
      copy.groups.set(name, {
        ...group,
        consumers: new Map(Array.from(group.consumers, ([name, consumer]) => [name, { ...consumer }])),
        pending: new Map(Array.from(group.pending, ([id, entry]) => [id, { ...entry }]))
      })
    }
    return copy
  }

  /** The position of the first entry with this id or a later one. */
  position(id: StreamId): number {
    let [low, high] = [0, this.entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareIds(this.entries[middle].id, id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  find(id: StreamId): StreamEntry | undefined {
    const entry = this.entries[this.position(id)]
    return entry !== undefined && compareIds(entry.id, id) === 0 ? entry : undefined
  }

  /** The entries from `start` to `end`, both included. */
  range(start: StreamId, end: StreamId): ReadonlyArray<StreamEntry> {
    const from = this.position(start)
    let to = this.position(end)
    if (to < this.entries.length && compareIds(this.entries[to].id, end) === 0) to++
    return this.entries.slice(from, Math.max(from, to))
  }

  after(id: StreamId): ReadonlyArray<StreamEntry> {
    return this.range({ ms: id.ms, seq: id.seq + 1 }, highest)
  }

  remove(id: StreamId): boolean {
    const at = this.position(id)
    const entry = this.entries[at]
    if (entry === undefined || compareIds(entry.id, id) !== 0) return false
    this.entries.splice(at, 1)
    if (compareIds(id, this.maxDeletedId) > 0) this.maxDeletedId = id
    return true
  }
}
