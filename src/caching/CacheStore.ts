/**
 * The keys that the cache knows, and the replies that it keeps, within one bound of bytes.
 *
 * Eviction goes round the replies like the hand of a clock: one that was served since it last came by stays for another
 * round. A hit thus costs a look into a table and a bit.
 */
import type { Generation } from "../connection/Generation.ts"
import type { Reply } from "../protocol/Reply.ts"
import { CachedKey } from "./CachedKey.ts"
import { CachedReply, type Reading } from "./CachedReply.ts"
import * as OneOrMany from "./OneOrMany.ts"

export class CacheStore<Owner> {
  /** The bytes of all replies, and of the reads on their way. */
  bytes = 0
  /** The number of replies. */
  size = 0
  private readonly maxBytes: number
  private readonly byText = new Map<string, CachedKey<Owner>>()
  /** The hand of the clock: new replies come in behind it. */
  private hand: CachedReply<CachedKey<Owner>> | undefined = undefined

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** The number of keys that it knows. */
  get keys(): number {
    return this.byText.size
  }

  /** The key with this text; `undefined` when nothing is known about it. */
  find(text: string): CachedKey<Owner> | undefined {
    return this.byText.get(text)
  }

  /** The key with this text, for those who will tell something about it. */
  key(text: string): CachedKey<Owner> {
    const known = this.byText.get(text)
    if (known !== undefined) return known
    const key = new CachedKey<Owner>(text)
    this.byText.set(text, key)
    return key
  }

  /** Forgets a key about which nothing has to be known any more. */
  leave(key: CachedKey<Owner>): void {
    if (key.isIdle) this.byText.delete(key.text)
  }

  /** All keys. */
  all(): Iterable<CachedKey<Owner>> {
    return this.byText.values()
  }

  /** Evicts replies until there is room for so many bytes. The result is their number; -1 when there is no such room. */
  makeRoom(bytes: number): number {
    let evicted = 0
    while (this.bytes + bytes > this.maxBytes) {
      const reply = this.hand
      if (reply === undefined) return -1
      if (reply.isUsed && !reply.generation.isOver) {
        reply.isUsed = false
        this.hand = reply.next
      } else {
        this.remove(reply)
        evicted++
      }
    }
    return evicted
  }

  /**
   * Keeps the reply of a read, in place of one to an equal command, and evicts others until there is room for it. The
   * result is the number of evicted replies, or -1 when the reply is larger than the whole cache and was not kept.
   */
  keep(reading: Reading<CachedKey<Owner>>, generation: Generation, reply: Reply, bytes: number): number {
    const former = OneOrMany.find(reading.keys[0].replies, reading.name)
    if (bytes > this.maxBytes) {
      if (former !== undefined) this.remove(former)
      return -1
    }
    const kept = former ?? new CachedReply(reading, generation, reply, bytes)
    if (former === undefined) this.link(kept)
    else this.renew(former, reading, generation, reply, bytes)
    const evicted = this.makeRoom(0)
    // Reads on their way may have all of the room.
    return kept.isKept ? evicted : evicted - 1
  }

  /** Removes a reply that is in the cache. */
  remove(reply: CachedReply<CachedKey<Owner>>): void {
    if (!reply.isKept) return
    reply.isKept = false
    if (this.hand === reply) this.hand = reply.next === reply ? undefined : reply.next
    reply.previous.next = reply.next
    reply.next.previous = reply.previous
    // A garbage collection of young memory keeps whatever an old dead reply names, which would be the whole round after it.
    reply.next = reply
    reply.previous = reply
    reply.generation.reliant--
    this.size--
    this.bytes -= reply.bytes
    for (const key of reply.keys) {
      key.replies = OneOrMany.remove(key.replies, reply)
      this.leave(key)
    }
  }

  /** Removes the replies that depend on a key. The result is their number. */
  removeRepliesOf(key: CachedKey<Owner>): number {
    const { replies } = key
    if (replies === undefined) return 0
    if (!(replies instanceof Map)) {
      this.remove(replies)
      return 1
    }
    const all = [...replies.values()]
    for (const reply of all) this.remove(reply)
    return all.length
  }

  /** Removes the replies that rely on a generation. The result is their number. */
  removeGeneration(generation: Generation): number {
    let removed = 0
    let reply = this.hand
    // Few sockets are lost, and each has a part of all replies.
    while (reply !== undefined && generation.reliant > 0) {
      const { next } = reply
      if (reply.generation === generation) {
        this.remove(reply)
        removed++
      }
      reply = next
    }
    return removed
  }

  /** Removes all replies. The result is their number. */
  clear(): number {
    const { size } = this
    while (this.hand !== undefined) this.remove(this.hand)
    return size
  }

  /** Gives a reply that is in the cache another content. */
  private renew(
    kept: CachedReply<CachedKey<Owner>>,
    reading: Reading<CachedKey<Owner>>,
    generation: Generation,
    reply: Reply,
    bytes: number
  ): void {
    this.bytes += bytes - kept.bytes
    kept.generation.reliant--
    generation.reliant++
    kept.renew(reading, generation, reply, bytes)
  }

  private link(reply: CachedReply<CachedKey<Owner>>): void {
    const { hand } = this
    if (hand === undefined) this.hand = reply
    else {
      reply.next = hand
      reply.previous = hand.previous
      hand.previous.next = reply
      hand.previous = reply
    }
    reply.isKept = true
    reply.generation.reliant++
    this.size++
    this.bytes += reply.bytes
    for (const key of reply.keys) key.replies = OneOrMany.add(key.replies, reply)
  }
}
