/**
 * The entries of a pipeline for one node: they are written as one block, and each gets its own reply.
 *
 * A request per entry would cost more than writing and reading the entry. Most entries succeed at their first attempt
 * and never need a request; an entry that fails becomes a request with retries of its own.
 */
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import { type Command, DecodeFailure, decodeReply } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { LinkFailure, Outgoing } from "../../connection/Outgoing.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import { keyless } from "../CommandSlot.ts"
import { Request, type RequestOwner } from "../request/Request.ts"
import type { PipelineRun } from "./PipelineOrder.ts"

/**
 * The most entries of a block. A connection writes a block as a whole, so that blocks have to be small for its bounds
 * to hold.
 */
const maxEntries = 64
/** The most bytes of a block's arguments, approximately. A larger entry is a block alone. */
const maxBytes = 32 * 1024

export class PipelineBlock implements Outgoing {
  readonly block: Array<Command<unknown>> = []
  readonly asking = false
  readonly deadline: number
  settled = false
  size = 0

  private readonly owner: RequestOwner
  private readonly run: PipelineRun
  private readonly connection: Connection
  /** The node that the caller named. */
  private readonly pinned: ClusterNode | undefined
  private readonly places: Array<number> = []
  private bytes = 0
  private answered = 0
  /** The entries that failed and became requests. */
  private promoted: Array<Request> | undefined = undefined

  constructor(
    owner: RequestOwner,
    run: PipelineRun,
    connection: Connection,
    deadline: number,
    pinned: ClusterNode | undefined
  ) {
    this.owner = owner
    this.run = run
    this.connection = connection
    this.pinned = pinned
    this.deadline = deadline
  }

  /** The entry whose reply is next. */
  get command(): Command<unknown> {
    return this.block[this.answered]
  }

  get binary(): boolean {
    return this.block[this.answered].settings.binary
  }

  /**
   * Adds an entry; `place` is its place among the entries of the pipeline. The result says whether there is room for
   * another entry.
   */
  add(entry: Command<unknown>, place: number): boolean {
    this.block.push(entry)
    this.places.push(place)
    const { args } = entry
    for (let i = 0; i < args.length; i++) this.bytes += args[i].length
    return this.block.length < maxEntries && this.bytes < maxBytes
  }

  send(): void {
    this.connection.send(this)
  }

  cancel(): void {
    this.settled = true
    if (this.promoted === undefined) return
    for (const request of this.promoted) request.cancel()
  }

  onReply(reply: Reply): void {
    const i = this.answered++
    if (reply instanceof ServerError) return this.promote(i).onFailure({ _tag: "Reply", error: reply })
    const value = decodeReply(this.block[i], reply)
    if (value instanceof DecodeFailure) {
      const request = this.promote(i)
      request.fail(this.owner.undecodable(request, value))
    } else this.run.succeeded(this.places[i], value)
  }

  onLost(failure: LinkFailure, written: boolean): void {
    this.settled = true
    for (let i = this.answered; i < this.block.length; i++) this.promote(i).onLost(failure, written)
  }

  onUnsendable(index: number, failure: LinkFailure): void {
    const request = this.promote(index)
    this.block.splice(index, 1)
    this.places.splice(index, 1)
    request.onLost(failure, false)
  }

  onDeadline(written: boolean): void {
    this.settled = true
    for (let i = this.answered; i < this.block.length; i++) this.promote(i).onDeadline(written)
  }

  /** Makes a request of an entry, which then has retries of its own. */
  private promote(i: number): Request {
    const { deadline, owner, pinned, run } = this
    const place = this.places[i]
    const slot = run.slots[place] ?? keyless
    const request = Request.entry(owner, this.block[i], slot, undefined, deadline, run, place, pinned)
    request.headsFor(this.connection)
    this.promoted ??= []
    this.promoted.push(request)
    return request
  }
}
