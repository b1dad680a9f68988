/**
 * Moves the subscriptions of one socket to another socket at the same node, without a message lost or doubled.
 *
 * For a moment both sockets hold all subscriptions, and each message comes twice. A node sends one message after the
 * other to all of its subscribers, so that a mark that is published to both sockets stands at the same place in both
 * streams of messages. The messages before the mark on the old socket, and those after the mark on the new socket, are
 * all messages, once and in order. The mark is published on a shard channel that is used for nothing else and that no
 * pattern matches, so that no subscriber of the program sees it.
 */
import type { Duplex } from "node:stream"
import { CommandSpec } from "../commands/CommandSpec.ts"
import { withoutArguments } from "../protocol/quotes.ts"
import { type Reply, ServerError, UnreadableReply } from "../protocol/Reply.ts"
import { RespDecoder } from "../protocol/RespDecoder.ts"
import { readable } from "../protocol/text.ts"
import type { Wire } from "./Wire.ts"
import { say } from "./Write.ts"

/** The subscriptions of a connection. */
export interface Holdings {
  /** The commands that make these subscriptions. The server confirms each name by a reply of its own. */
  readonly requests: ReadonlyArray<{ readonly spec: CommandSpec; readonly names: ReadonlyArray<string> }>
  /** A shard channel that the node serves and that nothing else uses; `undefined` when there is none. */
  readonly mark: string | undefined
}

/** The steps of a handover that its connection carries out. */
export interface HandoverHooks {
  /** Bulk strings are bytes from the next reply on. */
  binary(): boolean
  /** Publishes the mark: both sockets hold all subscriptions. */
  publish(): void
  /** Takes the new wire, with this decoder, as that of the connection. */
  onTaken(wire: Wire, decoder: RespDecoder): void
  /** Takes a reply that the new wire brings after `onTaken`. */
  onReply(reply: Reply): void
  /** Called when all replies of one read have been handed over. */
  onRead(): void
  /** Called when the handover is complete. */
  onDone(): void
  /** Called when the handover has failed and the new wire is closed. The old wire may have passed the mark. */
  onFailed(reason: string): void
}

const specs = { listen: new CommandSpec("SSUBSCRIBE", {}), leave: new CommandSpec("SUNSUBSCRIBE", {}) }

const confirmations = new Set(["subscribe", "psubscribe", "ssubscribe"])

export class Handover {
  private readonly wire: Wire
  private readonly mark: string
  private readonly holdings: Holdings
  private readonly hooks: HandoverHooks
  private readonly decoder: RespDecoder
  /** The number of confirmations that are due on the new wire. */
  private due = 1
  private oldListens = false
  private oldPassed = false
  private newPassed = false
  private taken = false
  private over = false
  /** The replies that the new wire has brought after the mark, kept until the old wire has brought the mark. */
  private readonly kept: Array<Reply> = []

  /** No command may be sent on the old wire from here on, and no reply may be due on it. */
  constructor(old: Duplex, wire: Wire, holdings: Holdings & { readonly mark: string }, hooks: HandoverHooks) {
    this.wire = wire
    this.mark = holdings.mark
    this.holdings = holdings
    this.hooks = hooks
    const receive = (reply: Reply) => this.taken ? hooks.onReply(reply) : this.follow(reply)
    const handlers = { binary: () => hooks.binary(), lossy: () => true, onPush: receive, onReply: receive }
    this.decoder = new RespDecoder(handlers, { binaryPush: () => hooks.binary() })
    wire.receive = (bytes) => {
      const malformed = this.decoder.push(bytes)
      if (this.taken) hooks.onRead()
      else if (malformed !== undefined) this.fail(malformed)
    }
    const lost = () => {
      if (!this.taken) this.fail("the new connection was lost")
    }
    wire.stream.on("error", lost).on("close", lost).on("end", lost)
    say(old, specs.listen, [this.mark])
    say(wire.stream, specs.listen, [this.mark])
    for (const { names, spec } of holdings.requests) {
      this.due += names.length
      say(wire.stream, spec, names)
    }
  }

  /** Gives up and closes the new wire, unless the connection has taken it by now. */
  abandon(): void {
    this.over = true
    if (this.taken) return
    this.decoder.stop()
    this.wire.stream.destroy()
  }

  /** Whether a reply on the connection's wire belongs to the handover, so that the owner does not get it. */
  claims(reply: Reply): boolean {
    if (this.taken) return this.concludes(reply)
    // Messages after the mark come on the new wire as well.
    if (this.oldPassed) return true
    if (reply instanceof ServerError) {
      this.fail(this.tell(reply.message))
      return true
    }
    if (!this.isOfMark(reply)) return false
    if (readable(reply[0]) === "ssubscribe") {
      this.oldListens = true
      this.proceed()
    } else if (readable(reply[0]) === "smessage") {
      this.oldPassed = true
      this.meet()
    } else {
      this.fail("the slot of the mark was moved")
    }
    return true
  }

  /** Ends the handover, because the mark was not published. */
  fail(reason: string): void {
    if (this.over) return
    this.abandon()
    this.hooks.onFailed(reason)
  }

  /** Handles a reply of the new wire while the connection has not taken that wire. */
  private follow(reply: Reply): void {
    if (this.newPassed) {
      this.kept.push(reply)
    } else if (reply instanceof ServerError || reply instanceof UnreadableReply) {
      this.fail(this.tell(reply.message))
    } else if (Array.isArray(reply)) {
      const kind = readable(reply[0])
      if (kind === "smessage" && this.isOfMark(reply)) {
        this.newPassed = true
        this.wire.stream.pause()
        this.meet()
      } else if (typeof kind === "string" && confirmations.has(kind)) {
        this.due--
        this.proceed()
      }
    }
  }

  /** The words of a server without the names that it quotes. */
  private tell(message: string): string {
    return withoutArguments(message, this.holdings.requests.flatMap(({ names }) => names))
  }

  private isOfMark(reply: Reply): reply is ReadonlyArray<Reply> {
    return Array.isArray(reply) && readable(reply[1]) === this.mark
  }

  private proceed(): void {
    if (this.due === 0 && this.oldListens) this.hooks.publish()
  }

  /** Hands the new wire to the connection when both wires have brought the mark. */
  private meet(): void {
    if (!this.oldPassed || !this.newPassed) return
    this.taken = true
    this.hooks.onTaken(this.wire, this.decoder)
    say(this.wire.stream, specs.leave, [this.mark])
    for (const reply of this.kept.splice(0)) this.hooks.onReply(reply)
  }

  /**
   * Whether a reply answers the unsubscription from the mark, the last command of a handover. A replica of Redis 8.0
   * refuses it to a user who may not run READONLY: the subscription to the mark then stays, without harm.
   */
  private concludes(reply: Reply): boolean {
    const isAnswer = reply instanceof ServerError || (this.isOfMark(reply) && readable(reply[0]) === "sunsubscribe")
    if (isAnswer && !this.over) {
      this.over = true
      this.hooks.onDone()
    }
    return isAnswer
  }
}
