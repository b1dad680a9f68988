/**
 * One connection takes over what another one holds at the same node, without a message lost or doubled.
 *
 * For a moment both hold all subscriptions, and each message comes twice. A node gives one message after the other to all
 * who listen, so that a mark that is published where both listen stands at the same place in what either of them hears: what
 * the old one hears before it and the new one after it is every message, once, in order. It goes through a shard channel of its
 * own, which no pattern matches, so that nobody else hears of it.
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"
import { CommandSpec } from "../commands/CommandSpec.ts"
import { type Reply, ServerError, UnreadableReply } from "../protocol/Reply.ts"
import { RespDecoder } from "../protocol/RespDecoder.ts"
import type { Wire } from "./Wire.ts"
import { say } from "./Write.ts"

/**
 * What a connection holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Holdings {
  /** What asks for it. Each name is confirmed by a reply of its own. */
  readonly requests: ReadonlyArray<{ readonly spec: CommandSpec; readonly names: ReadonlyArray<string> }>
  /** A shard channel that the node serves and nobody else uses; `undefined` when there is none. */
  readonly mark: string | undefined
}

/**
 * What a handover does to the connection that it is for.
 *
 * @category models
 * @since 0.1.0
 */
export interface HandoverHooks {
  /** Bulk strings are bytes from the next reply on. */
  binary(): boolean
  /** Both hold everything: the mark is to be published. */
  publish(): void
  /** The new wire is the connection's from now on, with this decoder. */
  onTaken(wire: Wire, decoder: RespDecoder): void
  /** What the new wire brings once it is the connection's. */
  onReply(reply: Reply): void
  /** All of one read has been handed over. */
  onRead(): void
  /** Nothing is left to do. */
  onDone(): void
  /** It cannot be, and the new wire is closed. The old one may have been left behind at the mark. */
  onFailed(reason: string): void
}

const specs = { listen: new CommandSpec("SSUBSCRIBE", {}), leave: new CommandSpec("SUNSUBSCRIBE", {}) }

const confirmations = new Set(["subscribe", "psubscribe", "ssubscribe"])

const textOf = (reply: Reply): Reply => reply instanceof Uint8Array ? Buffer.from(reply).toString() : reply

/**
 * @category models
 * @since 0.1.0
 */
export class Handover {
  private readonly wire: Wire
  private readonly mark: string
  private readonly hooks: HandoverHooks
  private readonly decoder: RespDecoder
  /** Confirmations that have not come on the new wire. */
  private due = 1
  private oldListens = false
  private oldPassed = false
  private newPassed = false
  private taken = false
  private over = false
  /** What the new wire has brought after the mark, while the old one has not come to it. */
  private readonly kept: Array<Reply> = []

  /** Nothing may be asked on the old wire from here on, and nothing that was asked may be unanswered. */
  constructor(old: Duplex, wire: Wire, holdings: Holdings & { readonly mark: string }, hooks: HandoverHooks) {
    this.wire = wire
    this.mark = holdings.mark
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

  /** Gives up: the new wire is closed, unless it is the connection's by now. */
  abandon(): void {
    this.over = true
    if (this.taken) return
    this.decoder.stop()
    this.wire.stream.destroy()
  }

  /** Whether a reply on the connection's own wire is none of its owner's business. */
  claims(reply: Reply): boolean {
    if (this.taken) return this.concludes(reply)
    // What comes after the mark comes on the new wire as well.
    if (this.oldPassed) return true
    if (reply instanceof ServerError) {
      this.fail(reply.message)
      return true
    }
    if (!this.isOfMark(reply)) return false
    if (textOf(reply[0]) === "ssubscribe") {
      this.oldListens = true
      this.proceed()
    } else if (textOf(reply[0]) === "smessage") {
      this.oldPassed = true
      this.meet()
    } else {
      this.fail("the slot of the mark was moved")
    }
    return true
  }

  /** The mark was not published. */
  fail(reason: string): void {
    if (this.over) return
    this.abandon()
    this.hooks.onFailed(reason)
  }

  /** What the new wire brings before it is the connection's. */
  private follow(reply: Reply): void {
    if (this.newPassed) {
      this.kept.push(reply)
    } else if (reply instanceof ServerError || reply instanceof UnreadableReply) {
      this.fail(reply.message)
    } else if (Array.isArray(reply)) {
      const kind = textOf(reply[0])
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

  private isOfMark(reply: Reply): reply is ReadonlyArray<Reply> {
    return Array.isArray(reply) && textOf(reply[1]) === this.mark
  }

  private proceed(): void {
    if (this.due === 0 && this.oldListens) this.hooks.publish()
  }

  /** When both have come to the mark, the new wire is the connection's. */
  private meet(): void {
    if (!this.oldPassed || !this.newPassed) return
    this.taken = true
    this.hooks.onTaken(this.wire, this.decoder)
    say(this.wire.stream, specs.leave, [this.mark])
    for (const reply of this.kept.splice(0)) this.hooks.onReply(reply)
  }

  /** The answer to what was said last. A replica of Redis 8.0 refuses that to a user who may not
   * run READONLY: the mark stays, and nobody speaks of it again. */
  private concludes(reply: Reply): boolean {
    const isAnswer = reply instanceof ServerError || (this.isOfMark(reply) && textOf(reply[0]) === "sunsubscribe")
    if (isAnswer && !this.over) {
      this.over = true
      this.hooks.onDone()
    }
    return isAnswer
  }
}
