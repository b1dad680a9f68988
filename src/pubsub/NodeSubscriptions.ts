/**
 * The subscriptions that one node holds: on one connection that all streams share, and on further connections while
 * full buffers have paused the others.
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Connections } from "../connection/Connections.ts"
import type { MessageBuffer } from "./MessageBuffer.ts"
import type { NodeSubscription } from "./NodeSubscription.ts"
import type { SharedSubscription } from "./SharedSubscription.ts"
import { SubscriptionConnection, type SubscriptionHooks } from "./SubscriptionConnection.ts"

/** The most connections to one node. When all of them are paused, a new subscription waits. */
const maxConnections = 8

export class NodeSubscriptions {
  readonly node: ClusterNode
  private readonly connections: Connections["Service"]
  private readonly hooks: SubscriptionHooks
  private readonly open: Array<SubscriptionConnection> = []

  constructor(node: ClusterNode, connections: Connections["Service"], hooks: SubscriptionHooks) {
    this.node = node
    this.connections = connections
    this.hooks = hooks
  }

  get address(): string {
    return this.node.address
  }

  /** The number of subscriptions that the node has, or is about to have. */
  get size(): number {
    return this.open.reduce((sum, connection) => sum + connection.size, 0)
  }

  get isOpen(): boolean {
    return this.open.length > 0
  }

  /** Whether the node takes no subscriptions at this moment. */
  get isDown(): boolean {
    return this.open.length > 0 && this.open.every(({ isDown }) => isDown)
  }

  /** The client has read all that the node had sent by this time on any of its connections, in monotonic milliseconds. */
  get caughtUpAt(): number {
    return Math.min(...this.open.map(({ caughtUpAt }) => caughtUpAt))
  }

  want(shared: SharedSubscription): void {
    const connection = this.connectionOf(shared) ?? this.connectionFor(shared)
    const isNew = connection.entryOf(shared) === undefined
    connection.want(shared)
    if (isNew) { for (const { buffer } of shared.listeners) if (buffer.bytes) connection.addBytes(buffer) }
  }

  unwant(shared: SharedSubscription): void {
    const connection = this.connectionOf(shared)
    if (connection === undefined) return
    connection.unwant(shared)
    for (const { buffer } of shared.listeners) if (buffer.bytes) connection.removeBytes(buffer)
  }

  /** Notes a stream that joins a subscription which the node holds already. */
  addBytes(shared: SharedSubscription, buffer: MessageBuffer): void {
    if (buffer.bytes) this.connectionOf(shared)?.addBytes(buffer)
  }

  /** Notes a stream that leaves a subscription which stays. */
  removeBytes(shared: SharedSubscription, buffer: MessageBuffer): void {
    if (buffer.bytes) this.connectionOf(shared)?.removeBytes(buffer)
  }

  /** The connection to which a subscription belongs. */
  connectionOf(shared: SharedSubscription): SubscriptionConnection | undefined {
    return this.open.find((connection) => connection.entryOf(shared) !== undefined)
  }

  entryOf(shared: SharedSubscription): NodeSubscription | undefined {
    return this.connectionOf(shared)?.entryOf(shared)
  }

  /** Whether the node has confirmed a subscription of the client. */
  isLive(shared: SharedSubscription): boolean {
    return this.connectionOf(shared)?.isLive(shared) === true
  }

  /** Asks the node whether it still serves a shard channel that it has confirmed, on each connection. */
  verify(isDoubtful: (entry: NodeSubscription) => boolean): void {
    for (const connection of this.open) connection.verify(isDoubtful)
  }

  /** Closes a connection that has no subscriptions any more. */
  retire(connection: SubscriptionConnection): void {
    const position = this.open.indexOf(connection)
    if (connection.size > 0 || position === -1) return
    this.open.splice(position, 1)
    connection.close()
  }

  close(): void {
    for (const connection of this.open.splice(0)) connection.close()
  }

  /** The connection that has the name already, or else the first that can send requests. */
  private connectionFor(shared: SharedSubscription): SubscriptionConnection {
    const known = this.open.find((connection) => connection.has(shared)) ??
      this.open.find((connection) => !connection.isHeld)
    if (known !== undefined) return known
    if (this.open.length >= maxConnections) return this.open[0]
    const connection = new SubscriptionConnection(this.node, this.connections, this.hooks)
    this.open.push(connection)
    return connection
  }
}
