/**
 * One read that fills the cache, from its first asker to its reply: those who wait for it, and whether its reply may be
 * kept.
 */
import type { Generation } from "../connection/Generation.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { Reading } from "./CachedReply.ts"

/** The facts about a read that are known before it is sent. */
export interface Question {
  readonly id: string
  readonly keys: ReadonlyArray<string>
  readonly slot: number
  readonly epoch: number
}

/** Whether a reply says that there is no value. */
const isNothing = (reply: Reply): boolean =>
  reply === null || reply === 0 || reply === "" || reply === "none" ||
  (Array.isArray(reply)
    ? reply.every(isNothing)
    : reply instanceof Map || reply instanceof Set
    ? reply.size === 0
    : false)

export class Fetch<Waiter> {
  readonly question: Question
  readonly waiters: Array<Waiter> = []
  /** Whether more callers may wait for it: nothing has happened to its keys since it was sent. */
  isOpen = true
  private generation: Generation | undefined = undefined
  private writtenAt = Number.NaN
  private isAnswering = false
  private isOutdated = false
  /** The time until which the server keeps all of the keys, by its reply. */
  private expireAt = Number.POSITIVE_INFINITY

  constructor(question: Question) {
    this.question = question
  }

  /** Notes that it is written, on a socket of that generation; `undefined` for a socket without reports. */
  written(generation: Generation | undefined, now: number): void {
    this.generation = generation
    this.writtenAt = now
  }

  /** Notes that it failed: if it is sent again, the server reads the keys later. */
  failed(): void {
    this.writtenAt = Number.NaN
  }

  /** Whether it is written: a reply shows the state of that moment, or a later one. */
  get isWritten(): boolean {
    return !Number.isNaN(this.writtenAt)
  }

  /** Whether its reply is younger than an age, in milliseconds. A read that is not yet written is. */
  isYoung(maxAge: number, now: number): boolean {
    return !this.isWritten || now - this.writtenAt < maxAge
  }

  /** Whether a caller who came after it was written may have its reply now. */
  maySatisfy(maxAge: number, now: number): boolean {
    return this.isYoung(maxAge, now) && now < this.expireAt
  }

  /** Notes its first reply. A report that comes before it is about an older state than the reply shows. */
  answering(): void {
    this.isAnswering = true
  }

  /** Notes a report of the server about one of its keys. */
  reported(): void {
    if (this.isAnswering) this.outdate()
  }

  /** Notes that its reply may show an older state than the present one. */
  outdate(): void {
    this.isOutdated = true
    this.isOpen = false
  }

  /** Notes the reply, and those of PTTL for the keys. */
  answered(reply: Reply, lifetimes: ReadonlyArray<Reply>): void {
    for (const lifetime of lifetimes) {
      if (typeof lifetime !== "number") continue
      // The key has expired since it was read, and servers under CLIENT PAUSE do not report that.
      if (lifetime === -2 && lifetimes.length === 1 && !isNothing(reply)) this.expireAt = this.writtenAt
      // The client's clock may be a millisecond behind.
      else if (lifetime >= 0) this.expireAt = Math.min(this.expireAt, this.writtenAt + lifetime - 1)
    }
  }

  /**
   * The conditions under which the reply may be kept; `undefined` when it may not. `lifetimes` are the replies of PTTL
   * for the keys.
   */
  admit(lifetimes: ReadonlyArray<Reply>, epoch: number): Reading | undefined {
    const { expireAt, generation, question, writtenAt } = this
    if (this.isOutdated || generation === undefined || generation.isOver || epoch !== question.epoch) return undefined
    if (!lifetimes.every((lifetime) => typeof lifetime === "number")) return undefined
    return expireAt > writtenAt ? { ...question, generation, readAt: writtenAt, expireAt } : undefined
  }
}
