/**
 * One reply in the cache, with everything that decides whether it may be served.
 */
import type { Generation } from "../connection/Generation.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { SlotEpochs } from "./SlotEpochs.ts"

/** The conditions under which a reply was read. `Key` is a key as the cache knows it. */
export interface Reading<Key> {
  /** The name of the command among those about its first key. */
  readonly name: string
  readonly keys: ReadonlyArray<Key>
  readonly slot: number
  /** The epoch of the slot in which the command was sent to its owner. */
  readonly epoch: number
  /** The time at which the command was written, in monotonic milliseconds: the value is no older. */
  readonly readAt: number
  /** The time from which the reply may not be served any more; `Infinity` for none. */
  readonly expireAt: number
}

export class CachedReply<Key = unknown> {
  readonly name: string
  readonly keys: ReadonlyArray<Key>
  reply: Reply
  /** The bytes that are counted for it, with its keys and its places in the indexes. */
  bytes: number
  /** The generation of the socket that brought it. */
  generation: Generation
  /** Whether it is in the cache. */
  isKept = false
  /** Whether it was served since eviction last came by. */
  isUsed = false
  /** Its neighbours in the round of eviction. */
  next: CachedReply<Key> = this
  previous: CachedReply<Key> = this
  private readonly slot: number
  private epoch: number
  private readAt: number
  private expireAt: number

  constructor(reading: Reading<Key>, generation: Generation, reply: Reply, bytes: number) {
    this.name = reading.name
    this.keys = reading.keys
    this.reply = reply
    this.bytes = bytes
    this.generation = generation
    this.slot = reading.slot
    this.epoch = reading.epoch
    this.readAt = reading.readAt
    this.expireAt = reading.expireAt
  }

  /** Takes the content of a later read of the same command, which counts as served. */
  renew({ epoch, expireAt, readAt }: Reading<Key>, generation: Generation, reply: Reply, bytes: number): void {
    this.reply = reply
    this.bytes = bytes
    this.generation = generation
    this.epoch = epoch
    this.readAt = readAt
    this.expireAt = expireAt
    this.isUsed = true
  }

  /** The reason for which it may not be served any more, as far as the client can know. */
  outdatedBy(now: number, epochs: SlotEpochs): "disconnected" | "moved" | "expired" | undefined {
    if (this.generation.isOver) return "disconnected"
    if (epochs.of(this.slot) !== this.epoch) return "moved"
    return now < this.expireAt ? undefined : "expired"
  }

  /** The time since it was read, in milliseconds. */
  ageAt(now: number): number {
    return now - this.readAt
  }
}
