/**
 * A connection on which one primary reports changes of keys (`CLIENT TRACKING ... BCAST`).
 *
 * Each of its sockets asks for the reports in the handshake, so that it reports from the moment when it is ready. It
 * is used for nothing else: prefixes cannot be taken back from a socket, and no two of them may overlap.
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import { broadcast, type Connections } from "../connection/Connections.ts"
import type { Loss, PushConnection } from "../connection/PushConnection.ts"
import type { Reply } from "../protocol/Reply.ts"

/** The last command of a connection: the reply comes after all reports. */
const CLIENT = new CommandSpec("CLIENT", {})

/** The callbacks of a connection's owner. */
export interface TrackingHooks {
  /** Called when the server reports from here on. */
  onArmed(connection: TrackingConnection): void
  /** Called when the server refuses to report, with its words. */
  onRefused(connection: TrackingConnection, message: string): void
  /** Takes keys that have changed; `null` when all keys were deleted. */
  onReport(connection: TrackingConnection, keys: ReadonlyArray<Reply> | null): void
  /** Called when all reports of one read of the socket have been handed over. */
  onRead(): void
  /** Called when a socket is lost on which the server has reported. */
  onLost(connection: TrackingConnection, loss: Loss): void
  /** Called when an attempt to get a socket failed. */
  onDown(connection: TrackingConnection): void
}

export class TrackingConnection {
  readonly node: ClusterNode
  /** Whether the server reports all changes. */
  isArmed = false
  private readonly push: PushConnection
  private readonly hooks: TrackingHooks
  private onDrained: (() => void) | undefined

  constructor(
    node: ClusterNode,
    settings: { readonly prefixes: ReadonlyArray<string>; readonly bytes: boolean },
    connections: Connections["Service"],
    hooks: TrackingHooks
  ) {
    this.node = node
    this.hooks = hooks
    this.push = connections.push(node, {
      binary: () => settings.bytes,
      onReady: () => this.ready(),
      onPush: (push) => this.receive(push),
      onReply: () => this.onDrained?.(),
      onRead: () => hooks.onRead(),
      onLost: (loss) => this.lose(loss),
      onDown: () => hooks.onDown(this)
    }, broadcast(settings.prefixes))
  }

  /** The client has read all that the node had sent by this time, in monotonic milliseconds. */
  get caughtUpAt(): number {
    return this.push.caughtUpAt
  }

  /** Closes the connection once the reports are read that the node has sent until now, and calls `onEnd`. */
  drain(onEnd: () => void): void {
    if (!this.isArmed) return this.close()
    this.onDrained = () => {
      this.close()
      onEnd()
    }
    this.push.send(CLIENT, ["TRACKING", "OFF"])
  }

  close(): void {
    this.isArmed = false
    this.push.close()
  }

  private ready(): void {
    const { trackingRefusal } = this.push
    if (trackingRefusal !== undefined) return this.hooks.onRefused(this, trackingRefusal)
    this.isArmed = true
    this.hooks.onArmed(this)
  }

  private receive([kind, keys]: ReadonlyArray<Reply>): void {
    if (kind !== "invalidate") return
    this.hooks.onReport(this, Array.isArray(keys) ? keys : null)
  }

  private lose(loss: Loss): void {
    const wasArmed = this.isArmed
    this.isArmed = false
    if (wasArmed) this.hooks.onLost(this, loss)
    // A connection that was to close is not dialled again.
    if (this.onDrained !== undefined) this.close()
  }
}
