/**
 * The messages that one connection brings, on their way to the buffers of the streams.
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Reply } from "../protocol/Reply.ts"
import { readable } from "../protocol/text.ts"
import type { MessageBuffer, Upstream } from "./MessageBuffer.ts"
import type { NodeSubscription } from "./NodeSubscription.ts"
import { Message } from "./SubscriptionEvent.ts"
import type { Kind } from "./Wish.ts"

/** The subscriptions of a connection, by the name that messages give. */
export type ByKind = Readonly<Record<Kind, Map<string, NodeSubscription>>>

/** The times of a source in monotonic milliseconds: of its last bytes, and the time by which the client has read all that it had sent. */
interface Times {
  readonly heardAt: number
  readonly caughtUpAt: number
}

/** An element of a push as text. */
export const textOf = (reply: Reply): string => typeof reply === "string" ? reply : String(readable(reply))

export class IncomingMessages {
  private readonly node: ClusterNode
  private readonly subscriptions: ByKind
  /** The source that full buffers stop, with the times of its reads. */
  private readonly upstream: Upstream & Times
  private touched: Array<MessageBuffer> = []
  /** The buffers that want bytes, with the number of their subscriptions here. */
  private readonly byteBuffers = new Map<MessageBuffer, number>()

  constructor(node: ClusterNode, subscriptions: ByKind, upstream: Upstream & Times) {
    this.node = node
    this.subscriptions = subscriptions
    this.upstream = upstream
  }

  /** Whether a stream wants bytes. */
  get wantsBytes(): boolean {
    return this.byteBuffers.size > 0
  }

  /**
   * Adds a stream that wants bytes: the connection reads bytes while there is one. A text that is half read when the
   * first such stream comes stays text, and is turned into bytes for it.
   */
  addBytes(buffer: MessageBuffer): void {
    this.byteBuffers.set(buffer, (this.byteBuffers.get(buffer) ?? 0) + 1)
  }

  removeBytes(buffer: MessageBuffer): void {
    const count = this.byteBuffers.get(buffer) ?? 0
    if (count > 1) this.byteBuffers.set(buffer, count - 1)
    else this.byteBuffers.delete(buffer)
  }

  /** Notes that a buffer has new events. */
  touch(buffer: MessageBuffer): void {
    this.touched.push(buffer)
  }

  /** Hands the new events of the buffers over. Consumers may run inside this call, and do anything. */
  settle(): void {
    if (this.touched.length === 0) return
    const touched = this.touched
    this.touched = []
    for (const buffer of touched) buffer.settle(this.upstream)
  }

  /** Takes a push. The result says whether it was a message. */
  receive(kind: Reply, push: ReadonlyArray<Reply>): boolean {
    switch (kind) {
      case "message":
        this.deliver(this.subscriptions.channel, push[1], push[1], undefined, push[2])
        return true
      case "smessage":
        this.deliver(this.subscriptions.shardChannel, push[1], push[1], undefined, push[2])
        return true
      case "pmessage":
        this.deliver(this.subscriptions.pattern, push[1], push[2], push[1], push[3])
        return true
      default:
        return false
    }
  }

  private deliver(
    entries: Map<string, NodeSubscription>,
    name: Reply,
    channel: Reply,
    pattern: Reply | undefined,
    payload: Reply
  ): void {
    if (typeof name !== "string" || typeof channel !== "string" || typeof payload !== "string") {
      return this.deliverBytes(entries, name, channel, pattern, payload)
    }
    const entry = entries.get(name)
    if (entry === undefined || entry.state !== "live") return
    entry.deliveredAt = this.upstream.heardAt
    entry.caughtUpAt = this.upstream.caughtUpAt
    const message = new Message(channel, pattern as string | undefined, payload, this.node)
    const shared = entry.shared
    for (let i = 0; i < shared.length; i++) {
      const listeners = shared[i].listeners
      for (let k = 0; k < listeners.length; k++) {
        const buffer = listeners[k].buffer
        if (buffer.push(message)) this.touched.push(buffer)
      }
    }
  }

  /** Delivers a message that was read as bytes: some streams want bytes, others text. */
  private deliverBytes(
    entries: Map<string, NodeSubscription>,
    name: Reply,
    channel: Reply,
    pattern: Reply | undefined,
    payload: Reply
  ): void {
    const entry = entries.get(textOf(name))
    if (entry === undefined || entry.state !== "live") return
    entry.deliveredAt = this.upstream.heardAt
    entry.caughtUpAt = this.upstream.caughtUpAt
    const matched = pattern === undefined ? undefined : textOf(pattern)
    const binary = new Message(textOf(channel), matched, bytesOf(payload), this.node, bytesOf(channel))
    let text: Message | undefined
    for (const { listeners } of entry.shared) {
      for (const { buffer } of listeners) {
        const message = buffer.bytes
          ? binary
          : text ??= new Message(binary.channel, matched, textOf(payload), this.node)
        if (buffer.push(message)) this.touched.push(buffer)
      }
    }
  }
}

const bytesOf = (reply: Reply): Uint8Array => reply instanceof Uint8Array ? reply : Buffer.from(textOf(reply))
