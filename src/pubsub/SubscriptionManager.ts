/**
 * Who wants what, and where it is: keeps the topics true.
 *
 * What is wanted is a set of topics, shared by the streams. `Plan` says where each belongs, a `Subscriber` per node obeys,
 * and whatever becomes untrue (a lost connection, a slot that moved, a node that left) makes the topic uncertain: it is placed
 * anew, and when the servers have confirmed, its streams are told of the gap.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import { addressOf } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { Connections } from "../connection/Connections.ts"
import type { Loss } from "../connection/PushConnection.ts"
import { Alarm } from "../internal/Alarm.ts"
import { monotonicMillis, timeOfDayAt } from "../internal/monotonic.ts"
import { isPassing, kindOf } from "../protocol/ErrorKind.ts"
import type { ServerError } from "../protocol/Reply.ts"
import {
  ClosedError,
  exception,
  type RedisClusterException,
  ReplyError,
  UnknownNodeError
} from "../RedisClusterException.ts"
import * as Redirect from "../topology/Redirect.ts"
import * as Snapshot from "../topology/Snapshot.ts"
import type { Topology } from "../topology/Topology.ts"
import type { MessageBuffer } from "./MessageBuffer.ts"
import { type NodeSubscription, NodeSubscriptions, type NodeSubscriptionsHooks } from "./NodeSubscriptions.ts"
import { type Desire, type Facts, keyOf, markAt, placesOf, sharesMessages } from "./Plan.ts"
import type { PubSubStatistics } from "./PubSubStatistics.ts"
import type { GapReason } from "./SubscriptionEvent.ts"
import { type SubscriptionListener, Topic } from "./Topic.ts"

/** How long a connection is kept when nothing is subscribed on it any more, in milliseconds. */
const linger = 1000
/**
 * What is not live is looked at again after a tenth of the time that this has lasted, within these bounds, in milliseconds: a
 * failover is followed soon, a node that stays away for days is no burden.
 */
const leastPatience = 50
const mostPatience = 5000

/**
 * How much later than one node another one may get the same message, in milliseconds. Servers hand them on through a bus
 * of their own, whose packets may wait for an acknowledgement (40 ms were seen).
 */
const busDelay = 100

/** The client is closed. */
export const closedError = (): RedisClusterException =>
  exception(() => new ClosedError({ message: "the client is closed", outcome: "NotExecuted" }))

const unknownNode = (address: string, snapshot: Snapshot.Snapshot): RedisClusterException =>
  exception(() =>
    new UnknownNodeError({
      message: `${address} is not a node of this cluster (known: ${[...snapshot.nodes.keys()].join(", ")})`,
      outcome: "NotExecuted",
      node: address
    })
  )

const refused = (entry: NodeSubscription, error: ServerError, node: string): RedisClusterException =>
  exception(() =>
    new ReplyError({
      message: `the server refuses the subscription: ${error.message}`,
      outcome: "NotExecuted",
      command: entry.kind === "channel" ? "SUBSCRIBE" : entry.kind === "pattern" ? "PSUBSCRIBE" : "SSUBSCRIBE",
      node,
      code: error.code
    })
  )

export class SubscriptionManager {
  readonly subscribers = new Map<string, NodeSubscriptions>()
  private readonly topics = new Map<string, Topic>()
  private readonly mailboxes = new Map<MessageBuffer, ReadonlyArray<SubscriptionListener>>()
  /** Topics that are not live. */
  private readonly unsettled = new Set<Topic>()
  private readonly alarm: Alarm
  /** Since when some topic has not been live. */
  private unsettledSince = 0
  private planned: Snapshot.Snapshot
  /** When the topology was last known to be as planned, in monotonic milliseconds. */
  private checkedAt: number
  private closed = false
  private readonly facts: Facts
  private readonly statistics: PubSubStatistics
  private readonly options: ResolvedOptions
  private readonly connections: Connections["Service"]
  private readonly topology: Topology["Service"]
  private readonly clock: Clock.Clock
  private readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => unknown

  constructor(services: {
    readonly options: ResolvedOptions
    readonly connections: Connections["Service"]
    readonly topology: Topology["Service"]
    readonly statistics: PubSubStatistics
    readonly clock: Clock.Clock
    readonly runFork: ConstructorParameters<typeof Alarm>[1] & (<A, E>(effect: Effect.Effect<A, E>) => unknown)
  }) {
    const { clock, connections, options, runFork, topology } = services
    this.options = options
    this.statistics = services.statistics
    this.connections = connections
    this.topology = topology
    this.clock = clock
    this.runFork = runFork
    this.planned = topology.current()
    this.checkedAt = monotonicMillis(clock)
    this.alarm = new Alarm(clock, runFork, () => this.look())
    this.facts = {
      get snapshot() {
        return topology.current()
      },
      isDown: (address) => this.subscribers.get(address)?.connection.isDown === true
    }
  }

  get now(): number {
    return monotonicMillis(this.clock)
  }

  /** Why a wish cannot be fulfilled at all. */
  objection(desires: ReadonlyArray<Desire>): RedisClusterException | undefined {
    if (this.closed) return closedError()
    for (const { place } of desires) {
      if (typeof place === "string") continue
      if (Snapshot.find(this.facts.snapshot, place) === undefined) {
        return unknownNode(addressOf(place), this.facts.snapshot)
      }
    }
    return undefined
  }

  /** Adds a stream; `onLive` is called when all of its topics are, `onFailure` when it will never be, or is no more. */
  add(
    buffer: MessageBuffer,
    desires: ReadonlyArray<Desire>,
    onLive: () => void,
    onFailure: (error: RedisClusterException) => void
  ): void {
    const topics = new Set(desires.map((desire) => this.topicOf(desire)))
    let missing = topics.size
    const interests = [...topics].map((topic): SubscriptionListener => ({
      topic,
      buffer,
      isLive: false,
      onLive: () => {
        if (--missing === 0) onLive()
      }
    }))
    this.mailboxes.set(buffer, interests)
    buffer.onFailure = (error) => {
      this.remove(buffer)
      onFailure(error)
    }
    for (const interest of interests) this.join(interest)
    buffer.settle(undefined)
  }

  remove(buffer: MessageBuffer): void {
    const interests = this.mailboxes.get(buffer)
    this.mailboxes.delete(buffer)
    for (const { topic } of interests ?? []) this.leave(topic, buffer)
  }

  close(): void {
    this.closed = true
    this.alarm.clear()
    for (const buffer of [...this.mailboxes.keys()]) buffer.fail(closedError())
    for (const subscriber of this.subscribers.values()) subscriber.close()
    this.subscribers.clear()
  }

  /** The topology was looked at, and may have changed. */
  replan(): void {
    const snapshot = this.topology.current()
    if (snapshot !== this.planned) {
      this.planned = snapshot
      this.replaceStrangers(snapshot)
      for (const topic of this.topics.values()) this.place(topic)
    }
    this.checkedAt = this.now
  }

  private topicOf(desire: Desire): Topic {
    const key = keyOf(desire)
    let topic = this.topics.get(key)
    if (topic === undefined) {
      topic = new Topic(desire, key)
      this.topics.set(key, topic)
    }
    return topic
  }

  private join(interest: SubscriptionListener): void {
    const { buffer, topic } = interest
    topic.interests.push(interest)
    if (buffer.bytes) { for (const subscriber of this.holdersOf(topic)) subscriber.addBytes(buffer) }
    if (topic.interests.length === 1) this.place(topic)
    if (topic.isLive) this.enliven(interest, this.subscribers.get(topic.places[0]))
    else this.watch(topic)
  }

  private leave(topic: Topic, buffer: MessageBuffer): void {
    const position = topic.interests.findIndex((interest) => interest.buffer === buffer)
    if (position === -1) return
    topic.interests.splice(position, 1)
    const holders = this.holdersOf(topic)
    if (buffer.bytes) { for (const subscriber of holders) subscriber.removeBytes(buffer) }
    if (topic.interests.length > 0) return
    for (const subscriber of holders) subscriber.unwant(topic)
    this.topics.delete(topic.key)
    this.unsettled.delete(topic)
  }

  /** Puts a topic where the plan says. What is there already is left alone. */
  private place(topic: Topic): void {
    const before = topic.places
    const after = placesOf(topic.desire, this.facts, before)
    const left = before.filter((address) => !after.includes(address))
    const added = after.filter((address) => !before.includes(address))
    if (left.length === 0 && added.length === 0) return
    // A primary that has no slots any more takes nothing with it.
    const mayLose = added.length > 0 || after.length === 0
    if (topic.isLive && mayLose) topic.interrupt(this.provenAt(topic, left), "OwnerChanged")
    topic.places = after
    topic.notBefore = Math.max(topic.notBefore, this.settledAt(topic, left, added))
    for (const address of left) this.takeFrom(address, topic)
    for (const address of added) this.giveTo(address, topic)
    // Without a node that has gone nothing has to be confirmed again.
    if (added.length === 0) this.conclude(topic, this.subscribers.get(after[0]))
    this.watch(topic)
  }

  /** Until when nothing can have been lost of a live topic that leaves these nodes, or that others have to join. */
  private provenAt(topic: Topic, left: ReadonlyArray<string>): number {
    const entries = left.map((address) => this.subscribers.get(address)?.entryOf(topic))
    return Math.min(this.checkedAt, ...entries.map((entry) => entry?.provenAt ?? 0).filter((at) => at > 0))
  }

  /** From when on a message that one of those that are left has delivered does not come again from one that is added. */
  private settledAt(topic: Topic, left: ReadonlyArray<string>, added: ReadonlyArray<string>): number {
    let at = 0
    for (const one of left) {
      const deliveredAt = this.subscribers.get(one)?.entryOf(topic)?.deliveredAt ?? 0
      if (deliveredAt + busDelay <= at) continue
      const shares = added.some((other) => sharesMessages(topic.desire, this.facts.snapshot, one, other))
      if (shares) at = deliveredAt + busDelay
    }
    return at
  }

  /** Those that were told of a topic. */
  private holdersOf(topic: Topic): ReadonlyArray<NodeSubscriptions> {
    return topic.places.flatMap((address) => {
      const subscriber = this.subscribers.get(address)
      return subscriber?.entryOf(topic) === undefined ? [] : [subscriber]
    })
  }

  private takeFrom(address: string, topic: Topic): void {
    const subscriber = this.subscribers.get(address)
    if (subscriber?.entryOf(topic) === undefined) return
    subscriber.unwant(topic)
    for (const { buffer } of topic.interests) if (buffer.bytes) subscriber.removeBytes(buffer)
  }

  private giveTo(address: string, topic: Topic): void {
    if (this.now < topic.notBefore) return this.alarm.set(topic.notBefore)
    const subscriber = this.subscriberAt(address)
    if (subscriber === undefined) return
    for (const { buffer } of topic.interests) if (buffer.bytes) subscriber.addBytes(buffer)
    subscriber.want(topic)
  }

  private askAgain(address: string, topic: Topic): void {
    const subscriber = this.subscribers.get(address)
    if (subscriber?.entryOf(topic) === undefined) this.giveTo(address, topic)
    else subscriber.want(topic)
  }

  private subscriberAt(address: string): NodeSubscriptions | undefined {
    const known = this.subscribers.get(address)
    const node = this.facts.snapshot.nodes.get(address)
    if (known !== undefined || node === undefined || this.closed) return known
    const subscriber = new NodeSubscriptions(node, this.connections, this.hooks)
    this.subscribers.set(address, subscriber)
    return subscriber
  }

  /** Another node has taken an address over: what its predecessor held is lost. */
  private replaceStrangers(snapshot: Snapshot.Snapshot): void {
    for (const [address, subscriber] of this.subscribers) {
      const id = snapshot.nodes.get(address)?.id ?? ""
      if (id === "" || subscriber.node.id === "" || id === subscriber.node.id) continue
      this.subscribers.delete(address)
      subscriber.close()
      for (const topic of this.topics.values()) {
        if (!topic.places.includes(address)) continue
        topic.interrupt(subscriber.connection.heardAt, "ConnectionLost")
        topic.places = topic.places.filter((place) => place !== address)
      }
    }
  }

  private readonly hooks: NodeSubscriptionsHooks = {
    onConfirmed: (subscriber, entry) => {
      for (const topic of entry.topics) if (!topic.isLive) this.conclude(topic, subscriber)
    },
    onRefused: (subscriber, entry, error) => {
      const kind = kindOf(error)
      if (!isPassing(kind)) return this.giveUp(entry, refused(entry, error, subscriber.address))
      if (kind === "moved") this.follow(subscriber, entry, error)
      for (const topic of entry.topics) this.watch(topic)
    },
    onEvicted: (subscriber, entry) => {
      for (const topic of entry.topics) {
        topic.interrupt(entry.provenAt, "OwnerChanged")
        this.watch(topic)
        // The node knows by now who the owner is: it accepts once more, or says where to go.
        subscriber.want(topic)
      }
    },
    onLost: (subscriber, live, loss) => {
      const reason = reasonOf(loss)
      for (const entry of live) {
        // That the connection was well says nothing about who owned the slot meanwhile.
        const from = entry.kind === "shardChannel" ? Math.min(entry.provenAt, loss.heardAt) : loss.heardAt
        for (const topic of entry.topics) {
          topic.interrupt(from, reason)
          this.watch(topic)
        }
      }
      if (subscriber.connection.isDown) this.evacuate(subscriber)
    },
    onDown: (subscriber) => this.evacuate(subscriber),
    markAt: ({ address }) => markAt(this.facts.snapshot, address, `effect-redis-cluster:${randomUUID()}`),
    onIdle: (subscriber) => {
      this.runFork(Effect.andThen(Effect.sleep(linger), Effect.sync(() => this.retire(subscriber))))
    }
  }

  /** A topic may have become live; then its streams are told, and before that of what they may have missed. */
  private conclude(topic: Topic, subscriber: NodeSubscriptions | undefined): void {
    const isLive = topic.places.length > 0 &&
      topic.places.every((address) => this.subscribers.get(address)?.isLive(topic) === true)
    if (!isLive || topic.isLive) return
    topic.isLive = true
    this.unsettled.delete(topic)
    const gap = topic.gap
    topic.gap = undefined
    if (gap !== undefined && topic.interests.length > 0) {
      this.statistics.missed(gap.reason, timeOfDayAt(this.clock, gap.from))
    }
    for (const interest of [...topic.interests]) {
      const { buffer } = interest
      if (gap !== undefined && interest.isLive) {
        const isNew = buffer.addGap(topic.desire.name, gap.from, this.now, gap.reason)
        if (isNew) subscriber?.touch(buffer)
      }
      this.enliven(interest, subscriber)
    }
  }

  private enliven(interest: SubscriptionListener, subscriber: NodeSubscriptions | undefined): void {
    if (subscriber !== undefined) {
      const isNew = interest.buffer.addSubscribed(interest.topic.desire.name, subscriber.node)
      if (isNew) subscriber.touch(interest.buffer)
    }
    if (interest.isLive) return
    interest.isLive = true
    interest.onLive()
  }

  /** The streams that want what a server refuses for good fail. */
  private giveUp(entry: NodeSubscription, error: RedisClusterException): void {
    for (const topic of [...entry.topics]) {
      for (const { buffer } of [...topic.interests]) buffer.fail(error)
    }
  }

  private follow(subscriber: NodeSubscriptions, entry: NodeSubscription, error: ServerError): void {
    const redirect = Redirect.parse(error)
    const endpoint = redirect?.slot !== entry.slot ? undefined : Redirect.resolve(redirect, {
      via: subscriber.node,
      mapAddress: this.options.mapAddress,
      snapshot: this.topology.current()
    })
    if (endpoint === undefined) return this.topology.requestRefresh()
    this.topology.moved(entry.slot, endpoint)
  }

  /** A node does not serve: what others can hold goes to them. */
  private evacuate(subscriber: NodeSubscriptions): void {
    this.topology.requestRefresh()
    for (const topic of this.topics.values()) {
      if (topic.places.includes(subscriber.address)) this.place(topic)
    }
  }

  private retire(subscriber: NodeSubscriptions): void {
    if (subscriber.size > 0 || this.subscribers.get(subscriber.address) !== subscriber) return
    this.subscribers.delete(subscriber.address)
    subscriber.close()
  }

  private watch(topic: Topic): void {
    if (topic.isLive || this.closed) return
    if (this.unsettled.size === 0) this.unsettledSince = this.now
    this.unsettled.add(topic)
    this.lookLater()
  }

  private lookLater(): void {
    const patience = Math.min(Math.max((this.now - this.unsettledSince) / 10, leastPatience), mostPatience)
    this.alarm.set(this.now + patience)
  }

  /** What is still not live is placed and asked for again, by a fresh topology. */
  private look(): void {
    if (this.unsettled.size === 0) return
    this.topology.requestRefresh()
    for (const topic of this.unsettled) {
      this.place(topic)
      for (const address of topic.places) this.askAgain(address, topic)
    }
    this.lookLater()
  }
}

const reasonOf = (loss: Loss): GapReason => loss.behind ? "OutputBufferLimit" : "ConnectionLost"
