/**
 * One read that fills the cache, from its beginning to its reply, and whether its reply may be kept.
 */
import type { Generation } from "../connection/Generation.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { Reading } from "./CachedReply.ts"

/** Whether a reply says that there is no value. */
const isNothing = (reply: Reply): boolean =>
  reply === null || reply === 0 || reply === "" || reply === "none" ||
  (Array.isArray(reply)
    ? reply.every(isNothing)
    : reply instanceof Map || reply instanceof Set
    ? reply.size === 0
    : false)

/** `Owner` is the part of the program that makes the read, and `Key` a key as the cache knows it. */
export class Fetch<Owner, Key = unknown> implements Reading<Key> {
  readonly name: string
  readonly keys: ReadonlyArray<Key>
  readonly slot: number
  readonly epoch: number
  /** The bytes that are counted for it while it is on its way. */
  bytes: number
  owner: Owner | undefined = undefined
  /** Whether its keys know it, so that more callers may wait for it. */
  isOpen = true
  /** The generation of the socket that it was written on; `undefined` for a socket without reports. */
  generation: Generation | undefined = undefined
  readAt = Number.NaN
  /** The time until which the server keeps all of the keys, by its reply. */
  expireAt = Number.POSITIVE_INFINITY
  private isAnswering = false
  private mayBeKept = true
  private readonly longestAbsence: number

  constructor(
    name: string,
    keys: ReadonlyArray<Key>,
    slot: number,
    epoch: number,
    bytes: number,
    longestAbsence: number
  ) {
    this.name = name
    this.keys = keys
    this.slot = slot
    this.epoch = epoch
    this.bytes = bytes
    this.longestAbsence = longestAbsence
  }

  /** Notes that it is written, on a socket of that generation; `undefined` for a socket without reports. */
  written(generation: Generation | undefined, now: number): void {
    this.generation = generation
    this.readAt = now
  }

  /** Notes that it failed: if it is sent again, the server reads the keys later. */
  failed(): void {
    this.readAt = Number.NaN
  }

  /** Whether it is written: a reply shows the state of that moment, or a later one. */
  get isWritten(): boolean {
    return !Number.isNaN(this.readAt)
  }

  /** Whether its reply is younger than an age, in milliseconds. A read that is not yet written is. */
  isYoung(maxAge: number, now: number): boolean {
    return !this.isWritten || now - this.readAt < maxAge
  }

  /** Whether a caller who came after it was written may have its reply now. */
  maySatisfy(maxAge: number, now: number): boolean {
    return this.isYoung(maxAge, now) && now < this.expireAt
  }

  /** Notes its first reply. A report that comes before it is about an older state than the reply shows. */
  answering(): void {
    this.isAnswering = true
  }

  /** Notes a report of the server about one of its keys. The result says whether it is outdated by that. */
  reported(): boolean {
    if (this.isAnswering) this.outdate()
    return !this.mayBeKept
  }

  /** Notes that its reply may show an older state than the present one. */
  outdate(): void {
    this.mayBeKept = false
  }

  /** Notes that its keys know a later read of the same command in its place. */
  replaced(): void {
    this.mayBeKept = false
    this.isOpen = false
  }

  /** Notes the reply of PTTL for one of the keys, of which the read had `reply`. */
  lives(lifetime: Reply, reply: Reply): void {
    if (typeof lifetime !== "number") this.mayBeKept = false
    // A server reports nothing of a missing key that comes into being elsewhere, because its slot moves.
    else if (lifetime === -2) {
      // The key has expired since it was read, and servers under CLIENT PAUSE do not report that.
      const isOver = this.keys.length === 1 && !isNothing(reply)
      this.expireAt = Math.min(this.expireAt, this.readAt + (isOver ? 0 : this.longestAbsence))
      // Servers count in whole milliseconds: the key may expire up to one earlier.
    } else if (lifetime >= 0) this.expireAt = Math.min(this.expireAt, this.readAt + lifetime - 1)
  }

  /** The generation on which its reply would rely; `undefined` when the reply may not be kept. */
  reliableOn(epoch: number): Generation | undefined {
    const { generation } = this
    return this.mayBeKept && generation !== undefined && !generation.isOver && epoch === this.epoch &&
        this.expireAt > this.readAt
      ? generation
      : undefined
  }
}
