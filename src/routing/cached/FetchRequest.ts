/**
 * The request of a read that fills the cache: CLIENT CACHING YES, the command, and PTTL of each key, in one block.
 *
 * The reply goes into the cache where it is read from the socket, in the order of replies and reports. After a failure
 * the request goes on like any other one, and fills nothing: a redirect may lead to a node whose reports do not concern
 * this slot.
 */
import type { Fetch } from "../../caching/Fetch.ts"
import { Command } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { Generation } from "../../connection/Generation.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { type Reply, ServerError, UnreadableReply } from "../../protocol/Reply.ts"
import type { Failure } from "../request/Diagnosis.ts"
import { Request, type RequestOwner } from "../request/Request.ts"

const asItIs = (reply: Reply): Reply => reply
const caching = new Command<unknown>(new CommandSpec("CLIENT CACHING", {}), ["YES"], asItIs)
const PTTL = new CommandSpec("PTTL", { keys: 0, readonly: true })

/** The parts of the cache that a request tells. */
export interface FetchOwner {
  readonly now: () => number
  /** Keeps the reply, if it may be kept. */
  readonly admit: (reply: Reply, lifetimes: ReadonlyArray<Reply>) => void
}

export class FetchRequest extends Request {
  /** The commands of the first attempt; later attempts send the command alone. */
  block: ReadonlyArray<Command<unknown>> | undefined = undefined
  private readonly fetch: Fetch<unknown>
  private readonly cache: FetchOwner
  /** Whether servers have to be told which reads to remember. */
  private readonly optsIn: boolean
  private replies: Array<Reply> = []

  constructor(
    fetch: Fetch<unknown>,
    cache: FetchOwner,
    owner: RequestOwner,
    command: Command<unknown>,
    deadline: number,
    optsIn: boolean,
    resume: Request["resume"]
  ) {
    const plain = new Command<unknown>(command.spec, command.args, asItIs, command.settings)
    super(owner, plain, fetch.question.slot, "slot", undefined, deadline, resume, undefined, 0, undefined)
    this.fetch = fetch
    this.cache = cache
    this.optsIn = optsIn
  }

  override sendOver(connection: Connection, asking: boolean): void {
    const isFirst = this.retryState === undefined && !asking
    this.block = isFirst && connection.mayReport ? this.commands() : undefined
    this.replies = []
    // Nobody tells the time at which a single command is written: it is no earlier.
    if (this.block === undefined) this.fetch.written(undefined, this.cache.now())
    super.sendOver(connection, asking)
  }

  onWritten(generation: Generation | undefined): void {
    this.fetch.written(generation, this.cache.now())
  }

  /** Whether a server may have executed the present attempt. */
  get isWritten(): boolean {
    return this.block === undefined ? this.isOnTheWire : this.fetch.isWritten
  }

  override onReply(reply: Reply): void {
    const { block, replies } = this
    if (block === undefined) return super.onReply(reply)
    if (replies.length === 0) this.fetch.answering()
    replies.push(reply)
    if (replies.length < block.length) return
    this.block = undefined
    const at = this.optsIn ? 1 : 0
    const answer = replies[at]
    const lifetimes = replies.slice(at + 1)
    this.fetch.answered(answer, lifetimes)
    const wasRefused = this.optsIn && replies[0] instanceof ServerError
    if (!wasRefused && !(answer instanceof ServerError) && !(answer instanceof UnreadableReply)) {
      this.cache.admit(answer, lifetimes)
    }
    super.onReply(answer)
  }

  override onLost(failure: LinkFailure, written: boolean): void {
    this.block = undefined
    super.onLost(failure, written)
  }

  override onFailure(failure: Failure): void {
    this.fetch.failed()
    super.onFailure(failure)
  }

  private commands(): ReadonlyArray<Command<unknown>> {
    const { args, keyPositions } = this.command
    const lifetimes = keyPositions.map((position) => new Command<unknown>(PTTL, [args[position]], asItIs))
    return this.optsIn ? [caching, this.command, ...lifetimes] : [this.command, ...lifetimes]
  }
}
