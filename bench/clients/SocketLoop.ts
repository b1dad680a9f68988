import calculateSlot from "cluster-key-slot"
import * as Net from "node:net"
import type { ClusterNode } from "../BenchClient.ts"

export type OnReply = (reply: string | null) => void

export const encodeGet = (key: string) => `*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`
export const encodeSet = (key: string, value: string) =>
  `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`

const dollar = 36

/**
 * The least that can talk to one Redis node: ASCII strings only, one write per tick, replies in order, single-line and
 * bulk replies. No errors, no timeouts, no reconnect: it exists to show what the other clients' work costs.
 */
export class SocketLoop {
  private readonly socket: Net.Socket
  private pending = ""
  private callbacks: Array<OnReply> = []
  private head = 0
  private readonly flush = () => {
    const bytes = this.pending
    this.pending = ""
    this.socket.write(bytes, "latin1")
  }
  /**
   * The part of a reply that has arrived: an unfinished header line, or an unfinished bulk string with the number of
   * its missing bytes.
   */
  private line = ""
  private bulk = ""
  private missing = 0

  private constructor(host: string, port: number) {
    const buffer = Buffer.allocUnsafeSlow(65536)
    const callback = (size: number) => {
      this.receive(buffer.toString("latin1", 0, size))
      return true
    }
    this.socket = Net.connect({ host, port, noDelay: true, onread: { buffer, callback } })
  }

  static async connect(host: string, port: number): Promise<SocketLoop> {
    const loop = new SocketLoop(host, port)
    await new Promise<void>((resolve, reject) => {
      loop.socket.once("connect", resolve)
      loop.socket.once("error", reject)
    })
    return loop
  }

  send(encoded: string, onReply: OnReply): void {
    if (this.pending === "") queueMicrotask(this.flush)
    this.pending += encoded
    this.callbacks.push(onReply)
  }

  close(): void {
    this.socket.destroy()
  }

  /** One string per chunk and slices of it: many small replies cost one conversion together. */
  private receive(chunk: string): void {
    let text = chunk
    let position = 0
    if (this.missing > 0) {
      this.bulk += chunk.slice(0, this.missing)
      position = Math.min(chunk.length, this.missing)
      this.missing -= position
      if (this.missing > 0) return
      this.reply(this.bulk.slice(0, -2))
    } else if (this.line !== "") {
      text = this.line + chunk
      this.line = ""
    }
    while (position < text.length) {
      const lineEnd = text.indexOf("\r\n", position)
      if (lineEnd < 0) {
        this.line = text.slice(position)
        return
      }
      const start = lineEnd + 2
      const isBulk = text.charCodeAt(position) === dollar
      const length = isBulk ? Number(text.slice(position + 1, lineEnd)) : -1
      if (length < 0) {
        this.reply(isBulk ? null : text.slice(position + 1, lineEnd))
        position = start
        continue
      }
      position = start + length + 2
      if (position > text.length) {
        this.bulk = text.slice(start)
        this.missing = position - text.length
        return
      }
      this.reply(text.slice(start, start + length))
    }
  }

  private reply(value: string | null): void {
    const onReply = this.callbacks[this.head++]
    if (this.head >= 4096 && this.head * 2 >= this.callbacks.length) {
      this.callbacks = this.callbacks.slice(this.head)
      this.head = 0
    }
    onReply(value)
  }
}

/** One loop per node and the fixed table that says which slot is whose. */
export class SocketLoops {
  private readonly loops: ReadonlyArray<SocketLoop>
  private readonly bySlot: ReadonlyArray<SocketLoop>

  private constructor(nodes: ReadonlyArray<ClusterNode>, loops: ReadonlyArray<SocketLoop>) {
    this.loops = loops
    this.bySlot = Array.from(
      { length: 16384 },
      (_, slot) => loops[nodes.findIndex((node) => node.firstSlot <= slot && slot <= node.lastSlot)]
    )
  }

  static async connect(nodes: ReadonlyArray<ClusterNode>): Promise<SocketLoops> {
    return new SocketLoops(nodes, await Promise.all(nodes.map((node) => SocketLoop.connect(node.host, node.port))))
  }

  get(key: string, onReply: OnReply): void {
    this.bySlot[calculateSlot(key)].send(encodeGet(key), onReply)
  }

  set(key: string, value: string, onReply: OnReply): void {
    this.bySlot[calculateSlot(key)].send(encodeSet(key, value), onReply)
  }

  mget(keys: ReadonlyArray<string>, onReplies: (replies: ReadonlyArray<string | null>) => void): void {
    const replies = Array.from(keys, (): string | null => null)
    let left = keys.length
    keys.forEach((key, index) =>
      this.get(key, (reply) => {
        replies[index] = reply
        if (--left === 0) onReplies(replies)
      })
    )
  }

  close(): void {
    for (const loop of this.loops) loop.close()
  }
}
