/**
 * The request of a read that fills the cache: CLIENT CACHING YES, the command, and PTTL of each key, in one block.
 *
 * The reply goes into the cache where it is read from the socket, in the order of replies and reports. After a failure
 * the request goes on like any other one, and fills nothing: a redirect may lead to a node whose reports do not concern
 * this slot.
 */
import type { CachedKey } from "../../caching/CachedKey.ts"
import type { Fetch } from "../../caching/Fetch.ts"
import type { Command } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { Generation } from "../../connection/Generation.ts"
import type { LinkFailure, Sendable } from "../../connection/Outgoing.ts"
import type { Moment } from "../../internal/monotonic.ts"
import { type Reply, ServerError, UnreadableReply } from "../../protocol/Reply.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import type { Failure } from "../request/Diagnosis.ts"
import type { Place } from "../request/Occupancy.ts"
import { Request, type RequestOwner } from "../request/Request.ts"

const caching: Sendable = { spec: new CommandSpec("CLIENT CACHING", {}), args: ["YES"] }
const PTTL = new CommandSpec("PTTL", { keys: 0, readonly: true })

/** The call for which a read is made: its command and its time. */
export interface Asking {
  readonly command: Command<unknown>
  readonly since: Moment
  readonly patience: number
}

/** The part of the program that makes reads and takes their replies. */
export interface FetchOwner<Waiter extends Asking> {
  /** Whether servers have to be told which reads to remember. */
  readonly optsIn: boolean
  /** The time in monotonic milliseconds. */
  now(): number
  /** Keeps the reply, if it may be kept. */
  admit(request: FetchRequest<Waiter>, reply: Reply): void
  answered(request: FetchRequest<Waiter>, reply: Reply): void
  failed(request: FetchRequest<Waiter>, error: RedisClusterException): void
}

/** A read on its way, as the cache knows it. */
export type Fetching<Waiter extends Asking> = Fetch<FetchRequest<Waiter>, CachedKey<FetchRequest<Waiter>>>

export class FetchRequest<Waiter extends Asking> extends Request {
  /** The commands of the first attempt; later attempts send the command alone. */
  block: ReadonlyArray<Sendable> | undefined = undefined
  readonly fetch: Fetching<Waiter>
  /** The callers who wait for the reply. */
  waiters: Array<Waiter>
  /** The number of callers among them who wait no longer. */
  gone = 0
  /** The waiters who have the deadline of the request; `undefined` while that is the first one alone. */
  patient: Array<Waiter> | undefined = undefined
  /** The connection against whose bounds the later waiters count. */
  place: Place = undefined
  private readonly reads: FetchOwner<Waiter>
  private answers = 0
  private answer: Reply = null

  constructor(
    reads: FetchOwner<Waiter>,
    fetch: Fetching<Waiter>,
    owner: RequestOwner,
    waiter: Waiter
  ) {
    const { command, patience, since } = waiter
    super(owner, command, fetch.slot, "slot", undefined, since, patience, undefined, undefined, 0, undefined)
    this.reads = reads
    this.fetch = fetch
    this.waiters = [waiter]
    fetch.owner = this
  }

  override sendOver(connection: Connection, asking: boolean): void {
    const isFirst = this.retryState === undefined && !asking
    this.block = isFirst && connection.mayReport ? this.commands() : undefined
    this.answers = 0
    // Nobody tells the time at which a single command is written: it is no earlier.
    if (this.block === undefined) this.fetch.written(undefined, this.reads.now())
    super.sendOver(connection, asking)
  }

  onWritten(generation: Generation | undefined, at: number): void {
    this.fetch.written(generation, at)
  }

  /** Whether a server may have executed the present attempt. */
  get isWritten(): boolean {
    return this.block === undefined ? this.isOnTheWire : this.fetch.isWritten
  }

  override onReply(reply: Reply): void {
    const { block, fetch } = this
    if (block === undefined) return this.end(reply)
    const { optsIn } = this.reads
    const at = this.answers++
    if (at === 0) fetch.answering()
    // A server that does not remember the read reports nothing about it.
    if (optsIn && at === 0) return reply instanceof ServerError ? fetch.outdate() : undefined
    if (at === (optsIn ? 1 : 0)) this.answer = reply
    else fetch.lives(reply, this.answer)
    if (this.answers < block.length) return
    const { answer } = this
    this.block = undefined
    if (!(answer instanceof ServerError) && !(answer instanceof UnreadableReply)) this.reads.admit(this, answer)
    this.end(answer)
  }

  override onLost(failure: LinkFailure, written: boolean): void {
    this.block = undefined
    super.onLost(failure, written)
  }

  override onFailure(failure: Failure): void {
    this.fetch.failed()
    super.onFailure(failure)
  }

  override fail(error: RedisClusterException): void {
    if (this.settled) return
    this.settled = true
    this.owner.ended(error)
    this.reads.failed(this, error)
  }

  /** The waiting callers decode the reply, each by its own command. */
  private end(reply: Reply): void {
    if (reply instanceof ServerError) return this.onFailure({ _tag: "Reply", error: reply })
    this.settled = true
    this.reads.answered(this, reply)
  }

  private commands(): ReadonlyArray<Sendable> {
    const { command } = this
    const { args, keyPositions } = command
    const { optsIn } = this.reads
    if (args.length === 1) {
      const lifetime: Sendable = { spec: PTTL, args }
      return optsIn ? [caching, command, lifetime] : [command, lifetime]
    }
    const lifetimes = keyPositions.map((position): Sendable => ({ spec: PTTL, args: [args[position]] }))
    return optsIn ? [caching, command, ...lifetimes] : [command, ...lifetimes]
  }
}
