/**
 * What a pipeline sends to one node: its entries there travel as one, and each is answered for itself.
 *
 * A request per entry would cost more than writing and reading it. Most entries are answered at their first attempt and
 * never need one; an entry that goes wrong becomes a request, and goes its own way from then on.
 *
 * @since 0.1.0
 */
import { type Command, DecodeFailure, decodeReply } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { LinkFailure, Outgoing } from "../../connection/Outgoing.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import { type Collector, Request, type RequestOwner } from "../request/Request.ts"

/** A connection writes a share in one go, so that its bounds are kept by keeping shares small. */
const maxEntries = 64
/** The same in bytes of arguments, nearly; a larger entry is alone. */
const maxBytes = 32 * 1024

/**
 * @category models
 * @since 0.1.0
 */
export class PipelineBlock implements Outgoing {
  readonly block: Array<Command<unknown>> = []
  readonly asking = false
  readonly deadline: number
  settled = false
  size = 0

  private readonly owner: RequestOwner
  private readonly collector: Collector
  private readonly connection: Connection
  private readonly slots: ReadonlyArray<number>
  private readonly places: Array<number> = []
  private bytes = 0
  private answered = 0
  /** The entries that went wrong. */
  private strays: Array<Request> | undefined = undefined

  /** `slots` are those of all entries of the collector. */
  constructor(
    owner: RequestOwner,
    collector: Collector,
    slots: ReadonlyArray<number>,
    connection: Connection,
    deadline: number
  ) {
    this.owner = owner
    this.collector = collector
    this.slots = slots
    this.connection = connection
    this.deadline = deadline
  }

  /** The entry whose reply is next. */
  get command(): Command<unknown> {
    return this.block[this.answered]
  }

  get binary(): boolean {
    return this.block[this.answered].settings.binary
  }

  /** Takes an entry; `place` is that among the entries of the collector. Whether there is room for another one. */
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
    if (this.strays === undefined) return
    for (const stray of this.strays) stray.cancel()
  }

  onReply(reply: Reply): void {
    const i = this.answered++
    if (reply instanceof ServerError) return this.owner.failed(this.stray(i), { _tag: "Reply", error: reply })
    const value = decodeReply(this.block[i], reply)
    if (value instanceof DecodeFailure) this.owner.undecodable(this.stray(i), value)
    else this.collector.succeeded(this.places[i], value)
  }

  onLost(failure: LinkFailure, written: boolean): void {
    this.settled = true
    for (let i = this.answered; i < this.block.length; i++) {
      const stray = this.stray(i)
      if (!stray.settled) this.owner.failed(stray, { _tag: "Lost", failure, written })
    }
  }

  onDeadline(written: boolean): void {
    this.settled = true
    for (let i = this.answered; i < this.block.length; i++) this.owner.expired(this.stray(i), written)
  }

  /** An entry as a request of its own. */
  private stray(i: number): Request {
    const { collector, deadline, owner } = this
    const place = this.places[i]
    const slot = this.slots[place]
    const request = new Request(this.block[i], owner, slot, deadline, "slot", undefined, undefined, collector, place)
    request.connection = this.connection
    this.strays ??= []
    this.strays.push(request)
    return request
  }
}
