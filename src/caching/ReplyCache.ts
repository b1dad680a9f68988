/**
 * The cache of one client: replies, the reads that will fill it, and the writes that keep it from being filled. It is
 * pure: what happens is told to it.
 */
import type { Generation } from "../connection/Generation.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { Snapshot } from "../topology/Snapshot.ts"
import { CachedReply } from "./CachedReply.ts"
import { CacheCounters } from "./CacheStatistics.ts"
import { CacheStore } from "./CacheStore.ts"
import { Fetch } from "./Fetch.ts"
import { OwnWrites } from "./OwnWrites.ts"
import { SlotEpochs } from "./SlotEpochs.ts"
import { weightOf } from "./Weight.ts"

export class ReplyCache<Waiter> {
  readonly statistics = new CacheCounters()
  readonly store: CacheStore
  private readonly epochs = new SlotEpochs()
  private readonly writes = new OwnWrites()
  /** The reads on their way that callers may wait for. */
  private readonly open = new Map<string, Fetch<Waiter>>()
  /** All reads on their way, by each of their keys. */
  private readonly byKey = new Map<string, Set<Fetch<Waiter>>>()

  constructor(maxBytes: number) {
    this.store = new CacheStore(maxBytes)
  }

  /** The reply to a command that is at most `maxAge` milliseconds old. */
  find(id: string, maxAge: number, now: number): Reply | undefined {
    const found = this.store.get(id)
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
    return this.writes.concern(keys)
  }

  /** The read on its way that a caller may wait for. */
  fetchOf(id: string): Fetch<Waiter> | undefined {
    return this.open.get(id)
  }

  begin(id: string, keys: ReadonlyArray<string>, slot: number): Fetch<Waiter> {
    const fetch = new Fetch<Waiter>({ id, keys, slot, epoch: this.epochs.of(slot) })
    this.open.set(id, fetch)
    for (const key of keys) {
      const fetches = this.byKey.get(key)
      if (fetches === undefined) this.byKey.set(key, new Set([fetch]))
      else fetches.add(fetch)
    }
    return fetch
  }

  /** Notes the end of a read, however it ended. */
  end(fetch: Fetch<Waiter>): void {
    const { id, keys } = fetch.question
    fetch.isOpen = false
    if (this.open.get(id) === fetch) this.open.delete(id)
    for (const key of keys) {
      const fetches = this.byKey.get(key)
      fetches?.delete(fetch)
      if (fetches?.size === 0) this.byKey.delete(key)
    }
  }

  /** Keeps the reply of a read, if nothing speaks against it. */
  admit(fetch: Fetch<Waiter>, reply: Reply, lifetimes: ReadonlyArray<Reply>): void {
    const { id, keys, slot } = fetch.question
    if (this.writes.concern(keys)) return
    const reading = fetch.admit(lifetimes, this.epochs.of(slot))
    if (reading === undefined) return
    const { generation } = reading
    generation.onEnd ??= () => this.ended(generation, "disconnected")
    const evicted = this.store.add(new CachedReply(reading, reply, weightOf(id, keys, reply)))
    if (evicted > 0) this.statistics.removed.evicted += evicted
  }

  /** Notes the server's report that keys have changed. */
  changed(keys: ReadonlyArray<Reply>): void {
    for (const key of keys) {
      if (typeof key !== "string") continue
      this.statistics.removed.changed += this.store.removeKey(key)
      for (const fetch of this.byKey.get(key) ?? []) {
        fetch.reported()
        this.closeIfOutdated(fetch)
      }
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

  /** Notes that writes of this client to keys set out. */
  writing(keys: ReadonlyArray<string>): void {
    this.writes.begin(keys)
    this.forget(keys)
  }

  /** Notes that writes of this client are over, whatever became of them. */
  written(keys: ReadonlyArray<string>): void {
    this.writes.end(keys)
    this.forget(keys)
  }

  /** Notes that a command of this client that changes all keys sets out. */
  writingAll(): void {
    this.writes.beginAll()
    this.forgetAll()
  }

  writtenAll(): void {
    this.writes.endAll()
    this.forgetAll()
  }

  private forget(keys: ReadonlyArray<string>): void {
    for (const key of keys) {
      this.statistics.removed.written += this.store.removeKey(key)
      for (const fetch of this.byKey.get(key) ?? []) {
        fetch.outdate()
        this.closeIfOutdated(fetch)
      }
    }
  }

  private forgetAll(): void {
    this.statistics.removed.written += this.store.clear()
    for (const fetches of this.byKey.values()) for (const fetch of fetches) fetch.outdate()
    this.open.clear()
  }

  /** Lets the next caller start a read of its own. */
  private closeIfOutdated(fetch: Fetch<Waiter>): void {
    const { id } = fetch.question
    if (!fetch.isOpen && this.open.get(id) === fetch) this.open.delete(id)
  }
}
