/**
 * The replies that are kept: found by their commands, dropped by their keys, within one bound of bytes.
 *
 * Eviction goes round the replies like the hand of a clock: one that was served since it last came by stays for another
 * round. A hit thus costs a look into a table and a bit.
 */
import type { Generation } from "../connection/Generation.ts"
import type { CachedReply } from "./CachedReply.ts"

export class CacheStore {
  /** The bytes of all replies. */
  bytes = 0
  private readonly maxBytes: number
  private readonly replies = new Map<string, CachedReply>()
  /** The replies by each of their keys. Nearly every key has one. */
  private readonly byKey = new Map<string, CachedReply | Set<CachedReply>>()
  /** The hand of the clock: new replies come in behind it. */
  private hand = this.replies.values()

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get size(): number {
    return this.replies.size
  }

  /** The number of keys in the index. */
  get keys(): number {
    return this.byKey.size
  }

  get(id: string): CachedReply | undefined {
    return this.replies.get(id)
  }

  /**
   * Adds a reply, in place of one to an equal command, and evicts others until there is room for it. The result is the
   * number of evicted replies, or -1 when the reply is larger than the whole cache and was not added.
   */
  add(reply: CachedReply): number {
    const former = this.replies.get(reply.id)
    if (former !== undefined) this.remove(former)
    if (reply.bytes > this.maxBytes) return -1
    const evicted = this.makeRoom(reply.bytes)
    this.replies.set(reply.id, reply)
    this.bytes += reply.bytes
    reply.generation.reliant++
    for (const key of reply.keys) this.index(key, reply)
    return evicted
  }

  /** Removes a reply that is in the cache. */
  remove(reply: CachedReply): void {
    if (this.replies.get(reply.id) !== reply) return
    this.replies.delete(reply.id)
    this.bytes -= reply.bytes
    reply.generation.reliant--
    for (const key of reply.keys) this.unindex(key, reply)
  }

  /** Removes the replies that depend on a key. The result is their number. */
  removeKey(key: string): number {
    const found = this.byKey.get(key)
    if (found === undefined) return 0
    if (!(found instanceof Set)) {
      this.remove(found)
      return 1
    }
    const replies = [...found]
    for (const reply of replies) this.remove(reply)
    return replies.length
  }

  /** Removes the replies that rely on a generation. The result is their number. */
  removeGeneration(generation: Generation): number {
    let removed = 0
    for (const reply of this.replies.values()) {
      // Few sockets are lost, and each has a part of all replies.
      if (generation.reliant === 0) break
      if (reply.generation !== generation) continue
      this.remove(reply)
      removed++
    }
    return removed
  }

  /** Removes all replies. The result is their number. */
  clear(): number {
    const { size } = this
    for (const reply of this.replies.values()) reply.generation.reliant = 0
    this.replies.clear()
    this.byKey.clear()
    this.bytes = 0
    this.hand = this.replies.values()
    return size
  }

  private makeRoom(bytes: number): number {
    let evicted = 0
    while (this.bytes + bytes > this.maxBytes) {
      const next = this.hand.next()
      if (next.done === true) {
        this.hand = this.replies.values()
        continue
      }
      const reply = next.value
      if (reply.isUsed && !reply.generation.isOver) reply.isUsed = false
      else {
        this.remove(reply)
        evicted++
      }
    }
    return evicted
  }

  private index(key: string, reply: CachedReply): void {
    const found = this.byKey.get(key)
    if (found === undefined) this.byKey.set(key, reply)
    else if (found instanceof Set) found.add(reply)
    else if (found !== reply) this.byKey.set(key, new Set([found, reply]))
  }

  private unindex(key: string, reply: CachedReply): void {
    const found = this.byKey.get(key)
    if (found === reply) this.byKey.delete(key)
    else if (found instanceof Set) {
      found.delete(reply)
      if (found.size === 0) this.byKey.delete(key)
    }
  }
}
