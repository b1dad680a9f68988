/**
 * The cache of one client: replies, the reads that will fill it, and the writes that keep it from being filled. It is
 * pure: what happens is told to it.
 */
import type { Generation } from "../connection/Generation.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { Snapshot } from "../topology/Snapshot.ts"
import type { CachedKey } from "./CachedKey.ts"
import { CacheCounters } from "./CacheStatistics.ts"
import { CacheStore } from "./CacheStore.ts"
import { Fetch } from "./Fetch.ts"
import * as OneOrMany from "./OneOrMany.ts"
import { SlotEpochs } from "./SlotEpochs.ts"
import { weightOf, weightOfRead } from "./Weight.ts"

export interface CacheBounds {
  readonly maxBytes: number
  /** The time for which a missing key may be taken for missing, in milliseconds. */
  readonly longestAbsence: number
}

/** A read on its way; `Owner` is the part of the program that makes it. */
export type Read<Owner> = Fetch<Owner, CachedKey<Owner>>

export class ReplyCache<Owner> {
  readonly statistics = new CacheCounters()
  readonly store: CacheStore<Owner>
  private readonly bounds: CacheBounds
  private readonly epochs = new SlotEpochs()
  /** The number of this client's commands on their way that change all keys. */
  private wholeWrites = 0

  constructor(bounds: CacheBounds) {
    this.bounds = bounds
    this.store = new CacheStore(bounds.maxBytes)
  }

  /**
   * The reply to a command that is at most `maxAge` milliseconds old. The command is given by the text of its first key
   * and its name among those about this key.
   */
  find(key: string, name: string, maxAge: number, now: number): Reply | undefined {
    const known = this.store.find(key)
    if (known === undefined) return undefined
    const found = OneOrMany.find(known.replies, name)
    if (found === undefined) return undefined
    const reason = found.outdatedBy(now, this.epochs)
    if (reason !== undefined) {
      this.store.remove(found)
      this.statistics.removed[reason]++
      return undefined
    }
    if (found.ageAt(now) >= maxAge) return undefined
    found.isUsed = true
    this.statistics.hits++
    return found.reply
  }

  /** Whether a command with these keys has to go past the cache for now. */
  isWritten(keys: ReadonlyArray<string>): boolean {
    if (this.wholeWrites > 0) return true
    for (let i = 0; i < keys.length; i++) {
      const key = this.store.find(keys[i])
      if (key !== undefined && key.writes > 0) return true
    }
    return false
  }

  /** The keys of a command, for one who begins a read of them, shares one, or releases them. */
  claim(texts: ReadonlyArray<string>): ReadonlyArray<CachedKey<Owner>> {
    // A literal takes no more memory than its one place, which a reply keeps.
    return texts.length === 1 ? [this.store.key(texts[0])] : texts.map((text) => this.store.key(text))
  }

  release(keys: ReadonlyArray<CachedKey<Owner>>): void {
    for (let i = 0; i < keys.length; i++) this.store.leave(keys[i])
  }

  /** Whether a command with these keys has to go past the cache for now. */
  isShutFor(keys: ReadonlyArray<CachedKey<Owner>>): boolean {
    if (this.wholeWrites > 0) return true
    for (let i = 0; i < keys.length; i++) if (keys[i].writes > 0) return true
    return false
  }

  /** Begins a read; `undefined` when the reads on their way leave no room for it. */
  begin(name: string, keys: ReadonlyArray<CachedKey<Owner>>, slot: number): Read<Owner> | undefined {
    const { bounds, statistics, store } = this
    const bytes = weightOfRead(name, keys)
    const read: Read<Owner> = new Fetch(name, keys, slot, this.epochs.of(slot), bytes, bounds.longestAbsence)
    // The reply of an earlier read of the same command would only take the place of this one's.
    OneOrMany.find(keys[0].reads, name)?.replaced()
    for (let i = 0; i < keys.length; i++) keys[i].reads = OneOrMany.add(keys[i].reads, read)
    // A key with a read stays known, whatever leaves to make room.
    const evicted = store.makeRoom(bytes)
    if (evicted < 0) {
      this.close(read)
      return undefined
    }
    statistics.removed.evicted += evicted
    store.bytes += bytes
    return read
  }

  /** Notes the end of a read, however it ended. */
  end(read: Read<Owner>): void {
    this.store.bytes -= read.bytes
    read.bytes = 0
    this.close(read)
  }

  /** Keeps the reply of a read, if nothing speaks against it. */
  admit(read: Read<Owner>, reply: Reply): void {
    const { statistics, store } = this
    const generation = read.reliableOn(this.epochs.of(read.slot))
    if (generation === undefined || this.wholeWrites > 0) return
    for (const key of read.keys) if (key.writes > 0) return
    generation.onEnd ??= () => this.ended(generation, "disconnected")
    store.bytes -= read.bytes
    read.bytes = 0
    const evicted = store.keep(read, generation, reply, weightOf(read.name, read.keys, reply))
    if (evicted > 0) statistics.removed.evicted += evicted
  }

  /** Notes the server's report that keys have changed. */
  changed(keys: ReadonlyArray<Reply>): void {
    for (const text of keys) {
      const key = typeof text === "string" ? this.store.find(text) : undefined
      if (key === undefined) continue
      for (const read of OneOrMany.listOf(key.reads)) if (read.reported()) this.close(read)
      this.statistics.removed.changed += this.store.removeRepliesOf(key)
    }
  }

  /** Notes the end of a generation: its socket is lost, or the server has forgotten what was read on it. */
  ended(generation: Generation, reason: "flushed" | "disconnected"): void {
    this.statistics.removed[reason] += this.store.removeGeneration(generation)
  }

  /** Notes that the owners of slots may have changed. */
  moved(previous: Snapshot, next: Snapshot): void {
    this.epochs.changed(previous, next)
  }

  /** Notes that a write of this client to a key sets out. The result is the key, for its end. */
  writing(text: string): CachedKey<Owner> {
    const key = this.store.key(text)
    key.writes++
    this.forget(key)
    return key
  }

  /** Notes that a write of this client is over, whatever became of it. */
  written(key: CachedKey<Owner>): void {
    key.writes--
    this.forget(key)
    this.store.leave(key)
  }

  /** Notes that a command of this client that changes all keys sets out. */
  writingAll(): void {
    this.wholeWrites++
    this.forgetAll()
  }

  writtenAll(): void {
    this.wholeWrites--
    this.forgetAll()
  }

  private forget(key: CachedKey<Owner>): void {
    if (key.replies !== undefined) this.statistics.removed.written += this.store.removeRepliesOf(key)
    if (key.reads !== undefined) this.outdateReads(key)
  }

  private forgetAll(): void {
    this.statistics.removed.written += this.store.clear()
    for (const key of [...this.store.all()]) this.outdateReads(key)
  }

  private outdateReads(key: CachedKey<Owner>): void {
    for (const read of OneOrMany.listOf(key.reads)) {
      read.outdate()
      this.close(read)
    }
  }

  /** Lets the next caller start a read of its own. */
  private close(read: Read<Owner>): void {
    if (!read.isOpen) return
    read.isOpen = false
    for (const key of read.keys) {
      key.reads = OneOrMany.remove(key.reads, read)
      this.store.leave(key)
    }
  }
}
