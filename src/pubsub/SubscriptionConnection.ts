/**
 * One connection for subscriptions to a node. It subscribes to wanted names, unsubscribes from names that are not
 * wanted any more, and hands out the messages.
 *
 * A full buffer pauses the reading. Requests of other streams would then wait for their replies, or the reading would
 * have to go on past the bound of the buffer. A paused connection therefore sends no requests, and `NodeSubscriptions`
 * takes another one.
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Connections } from "../connection/Connections.ts"
import type { Holdings } from "../connection/Handover.ts"
import type { LinkFailure } from "../connection/Outgoing.ts"
import type { Loss, PushConnection, PushHooks } from "../connection/PushConnection.ts"
import { isPassing, kindOf } from "../protocol/ErrorKind.ts"
import { type Reply, ServerError } from "../protocol/Reply.ts"
import { IncomingMessages, textOf } from "./IncomingMessages.ts"
import type { MessageBuffer, Upstream } from "./MessageBuffer.ts"
import { NodeSubscription } from "./NodeSubscription.ts"
import type { SharedSubscription } from "./SharedSubscription.ts"
import { isVerb, requestsFor, SubscriptionRequests, type Verb } from "./SubscriptionRequests.ts"
import type { Kind, Wish } from "./Wish.ts"

/** The callbacks of a connection's manager. */
export interface SubscriptionHooks {
  onConfirmed(connection: SubscriptionConnection, entry: NodeSubscription): void
  onRefused(connection: SubscriptionConnection, entry: NodeSubscription, error: ServerError): void
  /** Called when the node itself has ended a subscription, because the slot does not belong to it any more. */
  onEvicted(connection: SubscriptionConnection, entry: NodeSubscription): void
  onLost(connection: SubscriptionConnection, live: ReadonlyArray<NodeSubscription>, loss: Loss): void
  onDown(connection: SubscriptionConnection, failure: LinkFailure): void
  /** Runs the preparation of a subscription; `onEnd` gets whether it succeeded. */
  prepare(connection: SubscriptionConnection, shared: SharedSubscription, onEnd: (isDone: boolean) => void): void
  /** A shard channel that the node serves and that nothing else uses. */
  markAt(connection: SubscriptionConnection): string | undefined
  /** Called when the connection has no subscriptions any more and the node has confirmed that. */
  onIdle(connection: SubscriptionConnection): void
}

const kinds = ["channel", "pattern", "shardChannel"] as const

export class SubscriptionConnection implements Upstream {
  readonly node: ClusterNode
  private readonly push: PushConnection
  private readonly hooks: SubscriptionHooks
  private readonly byKind: Readonly<Record<Kind, Map<string, NodeSubscription>>> = {
    channel: new Map(),
    pattern: new Map(),
    shardChannel: new Map()
  }
  private readonly requests: SubscriptionRequests
  private readonly incoming: IncomingMessages
  private changed = new Set<NodeSubscription>()
  private reconciling = false
  private readonly holders = new Set<MessageBuffer>()
  /** The preparations that were begun on this socket, with whether they are done. */
  private prepared = new Map<SharedSubscription, boolean>()

  constructor(node: ClusterNode, connections: Connections["Service"], hooks: SubscriptionHooks) {
    this.node = node
    this.hooks = hooks
    this.requests = new SubscriptionRequests(({ names, spec }) => this.push.send(spec, names))
    this.incoming = new IncomingMessages(node, this.byKind, this)
    const events: PushHooks = {
      binary: () => this.incoming.wantsBytes,
      onReady: () => this.askForAll(),
      onPush: (push) => this.receive(push),
      onReply: (reply) => {
        if (reply instanceof ServerError) this.refuse(reply)
      },
      onRead: () => this.settle(),
      onLost: (loss) => this.lose(loss),
      onDown: (failure) => hooks.onDown(this, failure),
      holdings: () => ({ requests: this.held(), mark: hooks.markAt(this) })
    }
    this.push = connections.push(node, events)
  }

  /** The time at which the last byte came, in monotonic milliseconds. */
  get heardAt(): number {
    return this.push.heardAt
  }

  /** The client has read all that the node had sent by this time, in monotonic milliseconds. */
  get caughtUpAt(): number {
    return this.push.caughtUpAt
  }

  get isDown(): boolean {
    return this.push.isDown
  }

  /** Whether a full buffer has paused the reading. */
  get isHeld(): boolean {
    return this.holders.size > 0
  }

  /** The number of subscriptions that it has, or is about to have. */
  get size(): number {
    return this.byKind.channel.size + this.byKind.pattern.size + this.byKind.shardChannel.size
  }

  /** Whether it has a subscription to the name of a wish, or has requested one, for whatever stream. */
  has({ kind, name }: Wish): boolean {
    const state = this.byKind[kind].get(name)?.state
    return state === "live" || state === "asked"
  }

  want(shared: SharedSubscription): void {
    const { kind, name, slot } = shared
    const entries = this.byKind[kind]
    let entry = entries.get(name)
    if (entry === undefined) {
      entry = new NodeSubscription(kind, name, slot)
      entries.set(name, entry)
    }
    if (!entry.shared.includes(shared)) entry.shared.push(shared)
    this.change(entry)
  }

  unwant(shared: SharedSubscription): void {
    const entry = this.entryOf(shared)
    if (entry === undefined) return
    entry.shared.splice(entry.shared.indexOf(shared), 1)
    this.prepared.delete(shared)
    this.change(entry)
  }

  /** The node's subscription that serves one of the client. */
  entryOf(shared: SharedSubscription): NodeSubscription | undefined {
    const entry = this.byKind[shared.kind].get(shared.name)
    return entry?.shared.includes(shared) === true ? entry : undefined
  }

  /** Whether the node has confirmed a subscription of the client. */
  isLive(shared: SharedSubscription): boolean {
    return this.entryOf(shared)?.state === "live" && this.isPrepared(shared)
  }

  /** Asks the node whether it still serves a shard channel that it has confirmed, when there is one. */
  verify(isDoubtful: (entry: NodeSubscription) => boolean): void {
    if (!this.push.isReady || this.isHeld) return
    for (const entry of this.byKind.shardChannel.values()) {
      if (entry.state === "live" && entry.isWanted && isDoubtful(entry)) return this.requests.verify(entry)
    }
  }

  addBytes(buffer: MessageBuffer): void {
    this.incoming.addBytes(buffer)
  }

  removeBytes(buffer: MessageBuffer): void {
    this.incoming.removeBytes(buffer)
  }

  hold(buffer: MessageBuffer): void {
    this.holders.add(buffer)
    this.regulate()
  }

  release(buffer: MessageBuffer): void {
    this.holders.delete(buffer)
    if (this.isHeld) return
    this.regulate()
    // Requests that had to wait are sent now.
    if (this.changed.size > 0) this.reconcileSoon()
  }

  /** Notes that a buffer has new events outside of a read. */
  touch(buffer: MessageBuffer): void {
    this.incoming.touch(buffer)
  }

  /** Hands the new events of the buffers over. Consumers may run inside this call, and do anything. */
  settle(): void {
    this.incoming.settle()
    if (this.isHeld) this.regulate()
  }

  /** Replaces a socket that leads to another server: the next socket may reach the node. */
  reset(message: string): void {
    this.push.reset(message)
  }

  close(): void {
    this.push.close()
  }

  /** Pauses the reading for a full buffer, once the replies have come that were due when it became full. */
  private regulate(): void {
    if (this.isHeld && this.requests.size === 0) this.push.pause()
    else this.push.resume()
  }

  private receive(push: ReadonlyArray<Reply>): void {
    if (this.incoming.receive(push[0], push)) return
    // With RESP2 the kind may be bytes.
    const kind = textOf(push[0])
    if (push[0] !== kind && this.incoming.receive(kind, push)) return
    // Other pushes are not about subscriptions, such as the invalidations of client-side caching.
    if (isVerb(kind)) this.confirm(kind, textOf(push[1]))
  }

  private confirm(verb: Verb, name: string): void {
    const confirmation = this.requests.confirm(verb, name, (name) => this.byKind.shardChannel.has(name))
    if (typeof confirmation === "object") return this.confirmed(confirmation.entry, confirmation.isRenamed)
    switch (confirmation) {
      case "outdated":
        return
      case "unsolicited":
        return this.evict(name)
      case "misaligned":
        return this.reset(`a confirmation came that was not asked for: ${verb}`)
    }
  }

  private confirmed(entry: NodeSubscription, isRenamed: boolean): void {
    switch (entry.state) {
      case "asked":
        // The messages would come under that other name, too.
        if (isRenamed) return this.refused(entry, new ServerError("ERR the server has confirmed another name"))
        entry.state = "live"
        entry.confirmedAt = this.heardAt
        return this.hooks.onConfirmed(this, entry)
      case "leaving":
        entry.state = "absent"
        return this.change(entry)
      case "live":
        entry.caughtUpAt = this.caughtUpAt
        return
      case "absent":
        return
    }
  }

  /** Handles an unsubscription that was not requested. When a request for this name is due, the reply to it decides. */
  private evict(name: string): void {
    const entry = this.byKind.shardChannel.get(name)
    if (entry?.state !== "live") return
    entry.state = "absent"
    this.hooks.onEvicted(this, entry)
  }

  private refuse(error: ServerError): void {
    // A passing refusal is about the node, or about the slot of all names.
    for (const entry of this.requests.refuse(isPassing(kindOf(error)))) this.refused(entry, error)
  }

  private refused(entry: NodeSubscription, error: ServerError): void {
    const { state } = entry
    entry.state = "absent"
    switch (state) {
      case "asked":
        return this.hooks.onRefused(this, entry, error)
      case "live":
        this.hooks.onEvicted(this, entry)
        return this.hooks.onRefused(this, entry, error)
      // A node that refuses to end a subscription never had it.
      case "leaving":
      case "absent":
        return this.change(entry)
    }
  }

  private lose(loss: Loss): void {
    this.requests.clear()
    this.prepared = new Map()
    const live: Array<NodeSubscription> = []
    for (const entries of Object.values(this.byKind)) {
      for (const [name, entry] of entries) {
        if (entry.state === "live" && entry.isWanted) live.push(entry)
        entry.state = "absent"
        if (!entry.isWanted) entries.delete(name)
      }
    }
    this.hooks.onLost(this, live, loss)
    this.settle()
    if (this.size === 0) this.hooks.onIdle(this)
  }

  private askForAll(): void {
    for (const entries of Object.values(this.byKind)) for (const entry of entries.values()) this.changed.add(entry)
    // This holds for a full buffer as well: the replies come before the messages.
    this.reconcile()
  }

  private change(entry: NodeSubscription): void {
    this.changed.add(entry)
    this.reconcileSoon()
  }

  private reconcileSoon(): void {
    if (this.reconciling) return
    this.reconciling = true
    queueMicrotask(() => {
      this.reconciling = false
      this.reconcile(this.isHeld)
    })
  }

  /** Sends the requests that make the subscriptions of the node those that are wanted. */
  private reconcile(postponed = false): void {
    if (this.changed.size === 0) return
    const changed = this.changed
    this.changed = new Set()
    const wanted: Record<Kind, Array<NodeSubscription>> = { channel: [], pattern: [], shardChannel: [] }
    const unwanted: Record<Kind, Array<NodeSubscription>> = { channel: [], pattern: [], shardChannel: [] }
    for (const entry of changed) {
      const { isWanted, state } = entry
      if (isWanted && state === "live") {
        this.prepareAll(entry)
        this.hooks.onConfirmed(this, entry)
      } else if (!isWanted && state === "absent") this.forget(entry)
      else if (postponed) this.changed.add(entry)
      else if (isWanted && (state === "absent" || state === "leaving")) {
        if (this.prepareAll(entry)) wanted[entry.kind].push(entry)
      } else if (!isWanted && (state === "asked" || state === "live")) unwanted[entry.kind].push(entry)
    }
    if (this.push.isReady && !postponed) {
      for (const kind of kinds) {
        this.requests.unsubscribe(kind, unwanted[kind])
        this.requests.subscribe(kind, wanted[kind])
      }
    }
    this.incoming.settle()
    this.regulate()
    if (this.size === 0) this.hooks.onIdle(this)
  }

  private isPrepared(shared: SharedSubscription): boolean {
    return shared.preparation === undefined || this.prepared.get(shared) === true
  }

  /** Begins missing preparations. The result says whether the subscription can be requested. */
  private prepareAll(entry: NodeSubscription): boolean {
    if (!this.push.isReady) return true
    for (const shared of entry.shared) {
      const { prepared } = this
      if (shared.preparation === undefined || prepared.has(shared)) continue
      prepared.set(shared, false)
      this.hooks.prepare(this, shared, (isDone) => {
        // No stream wants the subscription any more.
        if (!prepared.has(shared)) return
        if (isDone) prepared.set(shared, true)
        else prepared.delete(shared)
        // Preparations end with their socket.
        if (isDone && prepared === this.prepared) this.change(entry)
      })
    }
    return entry.shared.some((shared) => this.isPrepared(shared))
  }

  private forget(entry: NodeSubscription): void {
    const entries = this.byKind[entry.kind]
    if (entries.get(entry.name) === entry) entries.delete(entry.name)
  }

  /**
   * The requests for all subscriptions that the node has confirmed. Requests since then that are unanswered were not
   * written.
   */
  private held(): Holdings["requests"] {
    return kinds.flatMap((kind) =>
      requestsFor(kind, [...this.byKind[kind].values()].filter((entry) => entry.state === "live"))
    )
  }
}
