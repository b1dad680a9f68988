/** MONITOR on a connection of its own. */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import type { Connections } from "../connection/Connections.ts"
import type { PushConnection } from "../connection/PushConnection.ts"
import { withoutArguments } from "../protocol/quotes.ts"
import { type Reply, ServerError } from "../protocol/Reply.ts"
import { ConnectionError, exception, type RedisClusterException, ReplyError } from "../RedisClusterException.ts"
import type { MessageBuffer, Upstream } from "./MessageBuffer.ts"
import { Message } from "./SubscriptionEvent.ts"

const MONITOR = new CommandSpec("MONITOR", {})

export class Monitored implements Upstream {
  private readonly node: ClusterNode
  private readonly buffer: MessageBuffer
  private readonly onLive: () => void
  private readonly connection: PushConnection
  private touched = false
  /** The name under which the server lists this connection's commands: the PINGs of the client are left out. */
  private self: string | undefined

  constructor(node: ClusterNode, connections: Connections["Service"], buffer: MessageBuffer, onLive: () => void) {
    this.node = node
    this.buffer = buffer
    this.onLive = onLive
    this.connection = connections.push(node, {
      binary: () => false,
      onReady: () => {
        const address = this.connection.localAddress
        this.self = address === undefined ? undefined : ` ${address}] "`
        this.connection.send(MONITOR, [])
      },
      onPush: () => {},
      onReply: (reply) => this.receive(reply),
      onRead: () => {
        if (!this.touched) return
        this.touched = false
        buffer.settle(this)
      },
      onLost: (loss) => this.lose(`the connection was lost: ${loss.failure.message}`, "Unknown"),
      onDown: (failure) => this.lose(`no connection: ${failure.message}`, "NotExecuted")
    })
  }

  hold(): void {
    this.connection.pause()
  }

  release(): void {
    this.connection.resume()
  }

  end(error: RedisClusterException): void {
    this.connection.close()
    this.buffer.fail(error)
  }

  close(): void {
    this.connection.close()
  }

  private receive(reply: Reply): void {
    if (reply === "OK") return this.onLive()
    if (reply instanceof ServerError) {
      const message = `the server refuses MONITOR: ${withoutArguments(reply.message, [])}`
      return this.end(exception(() =>
        new ReplyError({
          message,
          outcome: "NotExecuted",
          command: "MONITOR",
          node: this.node.address,
          code: reply.code
        })
      ))
    }
    if (typeof reply !== "string" || (this.self !== undefined && reply.includes(this.self))) return
    if (this.buffer.push(new Message("MONITOR", undefined, reply, this.node))) this.touched = true
  }

  private lose(message: string, outcome: "Unknown" | "NotExecuted"): void {
    const node = this.node.address
    this.end(exception(() => new ConnectionError({ message, outcome, command: "MONITOR", node })))
  }
}
