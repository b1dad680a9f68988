/**
 * The subscriptions that one node holds, on the one connection that all streams share: asks the node for what is wanted and
 * not there, gives back what is there and not wanted, and hands out the messages.
 *
 * Every request is confirmed. The node answers in order, so that a confirmation belongs to the oldest request that is not
 * answered; each request has a round of its own, and an answer to an older round changes nothing.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import type { Connections } from "../connection/Connections.ts"
import type { Holdings } from "../connection/Handover.ts"
import type { LinkFailure } from "../connection/Outgoing.ts"
import type { Loss, PushConnection, PushHooks } from "../connection/PushConnection.ts"
import { Fifo } from "../internal/Fifo.ts"
import { type Reply, ServerError } from "../protocol/Reply.ts"
import type { MessageBuffer, Upstream } from "./MessageBuffer.ts"
import type { Kind } from "./Plan.ts"
import { Message } from "./SubscriptionEvent.ts"
import type { Topic } from "./Topic.ts"

/** What a subscriber tells the one who plans. */
export interface NodeSubscriptionsHooks {
  onConfirmed(subscriber: NodeSubscriptions, entry: NodeSubscription): void
  onRefused(subscriber: NodeSubscriptions, entry: NodeSubscription, error: ServerError): void
  /** The node has ended a subscription on its own account: the slot is not its any more. */
  onEvicted(subscriber: NodeSubscriptions, entry: NodeSubscription): void
  onLost(subscriber: NodeSubscriptions, live: ReadonlyArray<NodeSubscription>, loss: Loss): void
  onDown(subscriber: NodeSubscriptions, failure: LinkFailure): void
  /** A shard channel that the node serves and nobody else uses. */
  markAt(subscriber: NodeSubscriptions): string | undefined
  /** Nothing is wanted of it any more, and the node knows. */
  onIdle(subscriber: NodeSubscriptions): void
}

/**
 * One subscription as the node has it.
 *
 * - `absent`: the node does not have it, or has refused it
 * - `asked`, `leaving`: the node was told, and has not confirmed
 * - `live`: confirmed
 */
export class NodeSubscription {
  readonly kind: Kind
  readonly name: string
  readonly slot: number
  readonly topics: Array<Topic> = []
  state: "absent" | "asked" | "live" | "leaving" = "absent"
  round = 0
  /** When the node last confirmed it, in monotonic milliseconds. */
  confirmedAt = 0
  /** When the node last delivered a message for it, in monotonic milliseconds. */
  deliveredAt = 0

  constructor(kind: Kind, name: string, slot: number) {
    this.kind = kind
    this.name = name
    this.slot = slot
  }

  /** Until when the node has shown that the subscription is good. */
  get provenAt(): number {
    return Math.max(this.confirmedAt, this.deliveredAt)
  }
}

interface Request {
  readonly verb: string
  readonly entries: ReadonlyArray<NodeSubscription>
  readonly rounds: ReadonlyArray<number>
  /** How many of its entries are confirmed. */
  answered: number
}

const specs = {
  subscribe: new CommandSpec("SUBSCRIBE", {}),
  unsubscribe: new CommandSpec("UNSUBSCRIBE", {}),
  psubscribe: new CommandSpec("PSUBSCRIBE", {}),
  punsubscribe: new CommandSpec("PUNSUBSCRIBE", {}),
  ssubscribe: new CommandSpec("SSUBSCRIBE", {}),
  sunsubscribe: new CommandSpec("SUNSUBSCRIBE", {})
}

type Verb = keyof typeof specs

const kinds = ["channel", "pattern", "shardChannel"] as const

const asking: Record<Kind, Verb> = { channel: "subscribe", pattern: "psubscribe", shardChannel: "ssubscribe" }
const leaving: Record<Kind, Verb> = { channel: "unsubscribe", pattern: "punsubscribe", shardChannel: "sunsubscribe" }

/** The most names of one request. */
const maxNames = 512

const textOf = (reply: Reply): string =>
  typeof reply === "string" ? reply : reply instanceof Uint8Array ? Buffer.from(reply).toString() : String(reply)

export class NodeSubscriptions implements Upstream {
  readonly node: ClusterNode
  readonly connection: PushConnection
  private readonly hooks: NodeSubscriptionsHooks
  private readonly byKind: Record<Kind, Map<string, NodeSubscription>> = {
    channel: new Map(),
    pattern: new Map(),
    shardChannel: new Map()
  }
  private readonly requests = new Fifo<Request>()
  private changed = new Set<NodeSubscription>()
  private reconciling = false
  private touched: Array<MessageBuffer> = []
  private readonly holders = new Set<MessageBuffer>()
  /** Mailboxes that want bytes, by how many subscriptions they have here. */
  private readonly byteBoxes = new Map<MessageBuffer, number>()

  constructor(node: ClusterNode, connections: Connections["Service"], hooks: NodeSubscriptionsHooks) {
    this.node = node
    this.hooks = hooks
    const events: PushHooks = {
      binary: () => this.byteBoxes.size > 0,
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
    this.connection = connections.push(node, events)
  }

  get address(): string {
    return this.node.address
  }

  /** How many subscriptions it has, or is about to have. */
  get size(): number {
    return this.byKind.channel.size + this.byKind.pattern.size + this.byKind.shardChannel.size
  }

  want(topic: Topic): void {
    const { kind, name, slot } = topic.desire
    const entries = this.byKind[kind]
    let entry = entries.get(name)
    if (entry === undefined) {
      entry = new NodeSubscription(kind, name, slot)
      entries.set(name, entry)
    }
    if (!entry.topics.includes(topic)) entry.topics.push(topic)
    this.change(entry)
  }

  unwant(topic: Topic): void {
    const entry = this.entryOf(topic)
    if (entry === undefined) return
    entry.topics.splice(entry.topics.indexOf(topic), 1)
    this.change(entry)
  }

  /** The subscription of a topic. */
  entryOf(topic: Topic): NodeSubscription | undefined {
    const entry = this.byKind[topic.desire.kind].get(topic.desire.name)
    return entry?.topics.includes(topic) === true ? entry : undefined
  }

  /** Whether the node has confirmed the subscription of a topic. */
  isLive(topic: Topic): boolean {
    return this.entryOf(topic)?.state === "live"
  }

  /**
   * Counts the streams that want bytes: the connection gives bytes while there is one. A text that is half read when the first
   * comes stays text, and is turned into bytes for it.
   */
  addBytes(buffer: MessageBuffer): void {
    this.byteBoxes.set(buffer, (this.byteBoxes.get(buffer) ?? 0) + 1)
  }

  removeBytes(buffer: MessageBuffer): void {
    const count = this.byteBoxes.get(buffer) ?? 0
    if (count > 1) this.byteBoxes.set(buffer, count - 1)
    else this.byteBoxes.delete(buffer)
  }

  /** Asks for everything again that is wanted and was refused. */
  retry(): void {
    for (const entries of Object.values(this.byKind)) {
      for (const entry of entries.values()) if (entry.state === "absent") this.change(entry)
    }
  }

  hold(buffer: MessageBuffer): void {
    this.holders.add(buffer)
    this.regulate()
  }

  release(buffer: MessageBuffer): void {
    this.holders.delete(buffer)
    this.regulate()
  }

  /** Notes that a mailbox has something new from outside of a read. */
  touch(buffer: MessageBuffer): void {
    this.touched.push(buffer)
  }

  /** Hands over what the mailboxes have got. Consumers may run in here, and do anything. */
  settle(): void {
    if (this.touched.length > 0) {
      const touched = this.touched
      this.touched = []
      for (const buffer of touched) buffer.settle(this)
    }
    if (this.holders.size > 0) this.regulate()
  }

  close(): void {
    this.connection.close()
  }

  /** Reading stops for a full mailbox, but never while an answer is due: that may be another stream's. */
  private regulate(): void {
    if (this.holders.size > 0 && this.requests.size === 0) this.connection.pause()
    else this.connection.resume()
  }

  private receive(push: ReadonlyArray<Reply>): void {
    switch (push[0]) {
      case "message":
        return this.deliver(this.byKind.channel, push[1], push[1], undefined, push[2])
      case "smessage":
        return this.deliver(this.byKind.shardChannel, push[1], push[1], undefined, push[2])
      case "pmessage":
        return this.deliver(this.byKind.pattern, push[1], push[2], push[1], push[3])
      default:
        return this.receiveOther(push)
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
    entry.deliveredAt = this.connection.heardAt
    const message = new Message(channel, pattern as string | undefined, payload, this.node)
    const topics = entry.topics
    for (let i = 0; i < topics.length; i++) {
      const interests = topics[i].interests
      for (let k = 0; k < interests.length; k++) {
        const buffer = interests[k].buffer
        if (buffer.push(message)) this.touched.push(buffer)
      }
    }
  }

  /** The same with bytes: some stream wants them as they are, others want text. */
  private deliverBytes(
    entries: Map<string, NodeSubscription>,
    name: Reply,
    channel: Reply,
    pattern: Reply | undefined,
    payload: Reply
  ): void {
    const entry = entries.get(textOf(name))
    if (entry === undefined || entry.state !== "live") return
    entry.deliveredAt = this.connection.heardAt
    const bytes = payload instanceof Uint8Array ? payload : Buffer.from(textOf(payload))
    const matched = pattern === undefined ? undefined : textOf(pattern)
    const binary = new Message(textOf(channel), matched, bytes, this.node)
    let text: Message | undefined
    for (const topic of entry.topics) {
      for (const { buffer } of topic.interests) {
        const message = buffer.bytes ? binary : text ??= new Message(binary.channel, matched, textOf(bytes), this.node)
        if (buffer.push(message)) this.touched.push(buffer)
      }
    }
  }

  private receiveOther(push: ReadonlyArray<Reply>): void {
    const kind = textOf(push[0])
    switch (kind) {
      case "message":
      case "smessage":
      case "pmessage":
        // RESP2 has the kind in bytes as well.
        return this.receive([kind, ...push.slice(1)])
      case "subscribe":
      case "psubscribe":
      case "ssubscribe":
      case "unsubscribe":
      case "punsubscribe":
      case "sunsubscribe":
        return this.confirm(kind, textOf(push[1]))
    }
    // Anything else is not about subscriptions, such as what a server tells about the keys of a cache.
  }

  private confirm(verb: Verb, name: string): void {
    const request = this.requests.peek()
    const entry = request?.entries[request.answered]
    if (request === undefined || request.verb !== verb || entry?.name !== name) return this.evict(verb, name)
    const round = request.rounds[request.answered++]
    if (request.answered === request.entries.length) this.requests.shift()
    if (entry.round !== round) return
    if (entry.state === "asked") {
      entry.state = "live"
      entry.confirmedAt = this.connection.heardAt
      this.hooks.onConfirmed(this, entry)
    } else if (entry.state === "leaving") {
      entry.state = "absent"
      this.change(entry)
    }
  }

  /** Nobody has asked for it. While a request is due, its own answer decides. */
  private evict(verb: Verb, name: string): void {
    if (verb !== "sunsubscribe") return
    const entry = this.byKind.shardChannel.get(name)
    if (entry?.state !== "live") return
    entry.state = "absent"
    this.hooks.onEvicted(this, entry)
  }

  private refuse(error: ServerError): void {
    const request = this.requests.shift()
    if (request === undefined) return
    for (let i = request.answered; i < request.entries.length; i++) {
      const entry = request.entries[i]
      if (entry.round !== request.rounds[i]) continue
      // A node that refuses to end a subscription never had it.
      const wasAsked = entry.state === "asked"
      entry.state = "absent"
      if (wasAsked) this.hooks.onRefused(this, entry, error)
      else this.change(entry)
    }
  }

  private lose(loss: Loss): void {
    this.requests.takeAll()
    const live: Array<NodeSubscription> = []
    for (const entries of Object.values(this.byKind)) {
      for (const [name, entry] of entries) {
        if (entry.state === "live" && entry.topics.length > 0) live.push(entry)
        entry.state = "absent"
        if (entry.topics.length === 0) entries.delete(name)
      }
    }
    this.hooks.onLost(this, live, loss)
    this.settle()
    if (this.size === 0) this.hooks.onIdle(this)
  }

  private askForAll(): void {
    this.retry()
    this.reconcile()
    this.regulate()
  }

  private change(entry: NodeSubscription): void {
    this.changed.add(entry)
    if (this.reconciling) return
    this.reconciling = true
    queueMicrotask(() => {
      this.reconciling = false
      this.reconcile()
    })
  }

  /** Brings what the node has and what is wanted together, as far as that takes requests. */
  private reconcile(): void {
    const changed = this.changed
    if (changed.size === 0) return
    this.changed = new Set()
    const wanted: Record<Kind, Array<NodeSubscription>> = { channel: [], pattern: [], shardChannel: [] }
    const given: Record<Kind, Array<NodeSubscription>> = { channel: [], pattern: [], shardChannel: [] }
    for (const entry of changed) {
      const isWanted = entry.topics.length > 0
      if (isWanted && (entry.state === "absent" || entry.state === "leaving")) wanted[entry.kind].push(entry)
      else if (!isWanted && (entry.state === "asked" || entry.state === "live")) given[entry.kind].push(entry)
      else if (!isWanted && entry.state === "absent") this.forget(entry)
      else if (isWanted && entry.state === "live") this.hooks.onConfirmed(this, entry)
    }
    if (this.connection.isReady) {
      for (const kind of kinds) {
        this.request(leaving[kind], "leaving", given[kind])
        this.request(asking[kind], "asked", wanted[kind])
      }
    }
    this.settle()
    this.regulate()
    if (this.size === 0) this.hooks.onIdle(this)
  }

  private forget(entry: NodeSubscription): void {
    const entries = this.byKind[entry.kind]
    if (entries.get(entry.name) === entry) entries.delete(entry.name)
  }

  private request(verb: Verb, state: "asked" | "leaving", entries: ReadonlyArray<NodeSubscription>): void {
    for (const group of portions(verb, entries)) this.write(verb, state, group)
  }

  /** What asks for all that the node has confirmed. What was asked of it since has not been written, if it is unanswered. */
  private held(): Holdings["requests"] {
    return kinds.flatMap((kind) => {
      const live = [...this.byKind[kind].values()].filter((entry) => entry.state === "live")
      return portions(asking[kind], live).map((group) => ({
        spec: specs[asking[kind]],
        names: group.map((entry) => entry.name)
      }))
    })
  }

  private write(verb: Verb, state: "asked" | "leaving", entries: ReadonlyArray<NodeSubscription>): void {
    const rounds = entries.map((entry) => {
      entry.state = state
      return ++entry.round
    })
    this.requests.push({ verb, entries, rounds, answered: 0 })
    this.connection.send(specs[verb], entries.map((entry) => entry.name))
  }
}

/** What one request may ask for: a server takes the shard channels of one slot at a time. */
const portions = (
  verb: Verb,
  entries: ReadonlyArray<NodeSubscription>
): ReadonlyArray<ReadonlyArray<NodeSubscription>> => {
  const groups = verb === "ssubscribe" || verb === "sunsubscribe" ? bySlot(entries) : [entries]
  return groups.flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / maxNames) }, (_, i) => group.slice(i * maxNames, (i + 1) * maxNames))
  )
}

const bySlot = (entries: ReadonlyArray<NodeSubscription>): ReadonlyArray<ReadonlyArray<NodeSubscription>> => {
  const groups = new Map<number, Array<NodeSubscription>>()
  for (const entry of entries) {
    const group = groups.get(entry.slot)
    if (group === undefined) groups.set(entry.slot, [entry])
    else group.push(entry)
  }
  return [...groups.values()]
}
