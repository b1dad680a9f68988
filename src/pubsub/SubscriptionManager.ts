/**
 * The subscriptions of the client, shared by its streams.
 *
 * `Plan` names the nodes of each subscription, and `Placements` keeps it there. An event that makes a subscription
 * uncertain (a lost connection, a slot that moved, a node that left) interrupts it: it is placed again, and when the
 * servers have confirmed it, its streams get a gap.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { randomUUID } from "node:crypto"
import { addressOf } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { Connections } from "../connection/Connections.ts"
import type { Loss } from "../connection/PushConnection.ts"
import { Alarm } from "../internal/Alarm.ts"
import { monotonicMillis, timeOfDayAt } from "../internal/monotonic.ts"
import { isPassing, kindOf } from "../protocol/ErrorKind.ts"
import type { ServerError } from "../protocol/Reply.ts"
import { exception, type RedisClusterException } from "../RedisClusterException.ts"
import * as Redirect from "../topology/Redirect.ts"
import type * as Snapshot from "../topology/Snapshot.ts"
import { nodeAt, type Topology } from "../topology/Topology.ts"
import type { Named } from "./ChannelNames.ts"
import type { MessageBuffer } from "./MessageBuffer.ts"
import type { NodeSubscription } from "./NodeSubscription.ts"
import { Placements } from "./Placements.ts"
import { markAt } from "./Plan.ts"
import type { PubSubStatistics } from "./PubSubStatistics.ts"
import { closedError, endedError, moved, refused, unsubscribedError } from "./refusals.ts"
import { type Call, SharedSubscription, type SubscriptionListener } from "./SharedSubscription.ts"
import type { SubscriptionConnection, SubscriptionHooks } from "./SubscriptionConnection.ts"
import type { GapReason } from "./SubscriptionEvent.ts"
import { keyOf, type Wish } from "./Wish.ts"

/** The time for which a connection without subscriptions is kept, in milliseconds. */
const linger = 1000
/**
 * Subscriptions that are not live are checked again after a tenth of the time for which they have not been live,
 * within these bounds, in milliseconds. A failover is thus followed soon, and a node that stays away for days costs
 * little.
 */
const leastPatience = 50
const mostPatience = 5000

/**
 * A shard channel at a replica that is silent for so long, in milliseconds, is verified. A replica that gets another
 * primary sends its subscribers no word of that.
 */
const verifyAfter = 2000

/**
 * The least time between two replacements of a node's connections because they lead to another server, in
 * milliseconds.
 */
const resetAfter = 5000

export class SubscriptionManager {
  readonly placements: Placements
  private readonly subscriptions = new Map<string, SharedSubscription>()
  private readonly streams = new Map<MessageBuffer, ReadonlyArray<SubscriptionListener>>()
  /** The subscriptions that are not live. */
  private readonly unsettled = new Set<SharedSubscription>()
  private readonly alarm: Alarm
  private readonly verification: Alarm
  /** The time since when a subscription has not been live. */
  private unsettledSince = 0
  private planned: Snapshot.Snapshot
  /** The snapshot that the last refresh brought, without the redirects since. */
  private refreshed: Snapshot.Snapshot
  private checkedAt: number
  private closed = false
  /** The time at which the connections of a node were last replaced because they led to another server. */
  private readonly resetAt = new Map<string, number>()
  private readonly statistics: PubSubStatistics
  private readonly options: ResolvedOptions
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
    this.topology = topology
    this.clock = clock
    this.runFork = runFork
    this.planned = topology.current()
    this.refreshed = this.planned
    this.checkedAt = monotonicMillis(clock)
    this.alarm = new Alarm(clock, runFork, () => this.look())
    this.verification = new Alarm(clock, runFork, () => this.verify())
    this.placements = new Placements({
      connections,
      hooks: this.hooks,
      snapshot: topology.current,
      refreshed: () => this.refreshed,
      now: () => this.now,
      checkedAt: () => this.checkedAt,
      lookAt: (time) => this.alarm.set(time)
    })
  }

  get now(): number {
    return monotonicMillis(this.clock)
  }

  /** The error of wishes that can never be fulfilled. */
  objection(wishes: ReadonlyArray<Pick<Wish, "placement">>): RedisClusterException | undefined {
    if (this.closed) return closedError()
    const snapshot = this.topology.current()
    for (const { placement } of wishes) {
      if (typeof placement === "string") continue
      const node = nodeAt(snapshot, placement)
      if (Result.isFailure(node)) return exception(() => node.failure)
    }
    return undefined
  }

  /** Adds a stream. */
  add(buffer: MessageBuffer, wishes: ReadonlyArray<Wish>, call: Call): void {
    this.streams.set(buffer, [])
    this.extend(buffer, wishes, call)
  }

  /** Adds those subscriptions to a stream that it does not have, for a call that waits for all of them until `end`. */
  extend(buffer: MessageBuffer, wishes: ReadonlyArray<Wish>, call: Call): void {
    const known = new Map((this.streams.get(buffer) ?? []).map((listener) => [listener.shared.key, listener]))
    const all = new Set(wishes.map((wish) => this.subscriptionOf(wish)))
    call.missing = all.size
    const added: Array<SubscriptionListener> = []
    for (const shared of all) {
      const listener = known.get(shared.key)
      if (listener === undefined) added.push({ shared, buffer, isLive: false, isKept: false, calls: new Set([call]) })
      else {
        listener.calls.add(call)
        if (listener.isLive) call.confirmed()
      }
    }
    this.streams.set(buffer, [...known.values(), ...added])
    for (const listener of added) this.join(listener)
    buffer.settle(undefined)
  }

  /**
   * Ends a call. Its subscriptions stay when it has succeeded. Otherwise those leave the stream that no call has got and no other call
   * waits for.
   */
  end(buffer: MessageBuffer, call: Call, hasSucceeded: boolean): void {
    const listeners = this.streams.get(buffer) ?? []
    for (const listener of listeners) {
      if (listener.calls.delete(call) && hasSucceeded) listener.isKept = true
    }
    if (!hasSucceeded) this.takeAway(buffer, ({ calls, isKept }) => !isKept && calls.size === 0)
  }

  /** Takes subscriptions from a stream. */
  reduce(buffer: MessageBuffer, leaves: (shared: SharedSubscription) => boolean): void {
    this.takeAway(buffer, ({ shared }) => leaves(shared))
  }

  /** The names that a stream is subscribed to; `undefined` for a stream that has ended. */
  namesOf(buffer: MessageBuffer): ReadonlyArray<Named> | undefined {
    return this.streams.get(buffer)?.map(({ shared }) => shared)
  }

  /** Removes a stream. */
  remove(buffer: MessageBuffer): void {
    const listeners = this.streams.get(buffer)
    this.streams.delete(buffer)
    for (const listener of listeners ?? []) this.drop(listener, endedError)
  }

  close(): void {
    this.closed = true
    this.alarm.clear()
    this.verification.clear()
    for (const buffer of [...this.streams.keys()]) buffer.fail(closedError())
    this.placements.close()
  }

  /** Plans again, because the topology has changed: by a redirect about one slot, or by a refresh. */
  replan(): void {
    const snapshot = this.topology.current()
    if (snapshot === this.planned) return
    this.planned = snapshot
    this.placements.replaceStrangers([...this.subscriptions.values()])
    for (const shared of this.subscriptions.values()) this.place(shared)
  }

  /** Plans again after a refresh that began at `askedAt`. */
  checked(askedAt: number): void {
    this.replan()
    this.refreshed = this.planned
    this.checkedAt = askedAt
  }

  private subscriptionOf(wish: Wish): SharedSubscription {
    const key = keyOf(wish)
    let shared = this.subscriptions.get(key)
    if (shared === undefined) {
      shared = new SharedSubscription(wish, key)
      this.subscriptions.set(key, shared)
    }
    return shared
  }

  private join(listener: SubscriptionListener): void {
    const { buffer, shared } = listener
    for (const holder of this.placements.holdersOf(shared)) holder.addBytes(shared, buffer)
    shared.listeners.push(listener)
    if (shared.listeners.length === 1) this.place(shared)
    if (shared.isLive) this.enliven(listener, this.connectionOf(shared))
    else this.watch(shared)
  }

  private takeAway(buffer: MessageBuffer, leaves: (listener: SubscriptionListener) => boolean): void {
    const listeners = this.streams.get(buffer)
    if (listeners === undefined) return
    const leaving = listeners.filter(leaves)
    if (leaving.length === 0) return
    this.streams.set(buffer, listeners.filter((listener) => !leaves(listener)))
    for (const listener of leaving) this.drop(listener, unsubscribedError)
  }

  private drop(listener: SubscriptionListener, why: () => RedisClusterException): void {
    this.leave(listener.shared, listener.buffer)
    tell(listener, why)
  }

  private leave(shared: SharedSubscription, buffer: MessageBuffer): void {
    const position = shared.listeners.findIndex((listener) => listener.buffer === buffer)
    if (position === -1) return
    if (shared.listeners.length > 1) {
      shared.listeners.splice(position, 1)
      for (const holder of this.placements.holdersOf(shared)) holder.removeBytes(shared, buffer)
      return
    }
    this.placements.remove(shared)
    shared.listeners.length = 0
    this.subscriptions.delete(shared.key)
    this.unsettled.delete(shared)
  }

  private place(shared: SharedSubscription): void {
    if (!this.placements.place(shared)) return
    // Without an added node no confirmation is due.
    const connection = this.connectionOf(shared)
    this.conclude(shared, connection)
    connection?.settle()
    this.watch(shared)
    this.verifyLater(shared)
  }

  private connectionOf(shared: SharedSubscription): SubscriptionConnection | undefined {
    return this.placements.nodes.get(shared.places[0])?.connectionOf(shared)
  }

  private readonly hooks: SubscriptionHooks = {
    onConfirmed: (connection, entry) => {
      for (const shared of entry.shared) if (!shared.isLive) this.conclude(shared, connection)
    },
    onRefused: (connection, entry, error) => {
      const kind = kindOf(error)
      if (!isPassing(kind)) return this.giveUp(entry.shared, refused(entry, error, connection.node.address))
      if (kind === "moved") this.follow(connection, entry, error)
      for (const shared of entry.shared) this.watch(shared)
    },
    onEvicted: (connection, entry) => {
      for (const shared of entry.shared) {
        shared.interrupt(entry.provenAt, "OwnerChanged")
        this.watch(shared)
        // The node knows the owner by now: it accepts the subscription again, or redirects it.
        connection.want(shared)
      }
    },
    onLost: (connection, live, loss) => {
      const reason = reasonOf(loss)
      for (const entry of live) {
        // A good connection does not show who owned the slot meanwhile.
        const from = entry.kind === "shardChannel" ? entry.provenAt : entry.provenBy(loss.caughtUpAt)
        for (const shared of entry.shared) {
          shared.interrupt(from, reason)
          this.watch(shared)
        }
      }
      this.evacuate(connection.node.address)
    },
    onDown: (connection) => this.evacuate(connection.node.address),
    prepare: (connection, shared, onEnd) => this.prepare(connection, shared, onEnd),
    markAt: ({ node }) => markAt(this.topology.current(), node.address, `effect-redis-cluster:${randomUUID()}`),
    onIdle: (connection) => {
      this.runFork(Effect.andThen(Effect.sleep(linger), Effect.sync(() => this.retire(connection))))
    }
  }

  /**
   * Checks whether a subscription has become live. Its streams then get the gap, if there is one, and the
   * confirmation.
   */
  private conclude(shared: SharedSubscription, connection: SubscriptionConnection | undefined): void {
    if (shared.isLive || !this.placements.isConfirmed(shared)) return
    shared.isLive = true
    this.unsettled.delete(shared)
    const gap = shared.gap
    shared.gap = undefined
    if (gap !== undefined && shared.listeners.length > 0) {
      this.statistics.missed(gap.reason, timeOfDayAt(this.clock, gap.from))
    }
    for (const listener of [...shared.listeners]) {
      const { buffer } = listener
      if (gap !== undefined && listener.isLive && buffer.addGap(shared.name, gap.from, this.now, gap.reason)) {
        connection?.touch(buffer)
      }
      this.enliven(listener, connection)
    }
  }

  private enliven(listener: SubscriptionListener, connection: SubscriptionConnection | undefined): void {
    if (connection !== undefined) {
      const isNew = listener.buffer.addSubscribed(listener.shared.name, connection.node)
      if (isNew) connection.touch(listener.buffer)
    }
    if (listener.isLive) return
    listener.isLive = true
    for (const call of listener.calls) call.confirmed()
  }

  /** Fails the streams that had a refused subscription, and tells those that wait for it. */
  private giveUp(refused: ReadonlyArray<SharedSubscription>, error: RedisClusterException): void {
    for (const { listeners } of [...refused]) {
      for (const listener of [...listeners]) {
        if (listener.isLive) listener.buffer.fail(error)
        else tell(listener, () => error)
      }
    }
  }

  private follow(connection: SubscriptionConnection, entry: NodeSubscription, error: ServerError): void {
    const { node } = connection
    const redirect = Redirect.parse(error)
    const owner = redirect?.slot !== entry.slot ? undefined : Redirect.resolve(redirect, {
      via: node,
      mapAddress: this.options.mapAddress,
      snapshot: this.topology.current()
    })
    if (owner === undefined) return this.topology.requestRefresh()
    if (addressOf(owner) === node.address) return this.replaceFarEnd(connection)
    this.giveUp(entry.shared.filter(isStranded), moved(entry, error, node.address, addressOf(owner)))
    // A replica knows its own primary only.
    if (this.topology.current().nodes.get(node.address)?.role === "replica") return this.topology.requestRefresh()
    this.topology.moved(entry.slot, owner)
  }

  /**
   * Replaces a connection whose node redirects to itself: its socket leads to another server, through a host name or a
   * proxy. The next socket may reach the node.
   */
  private replaceFarEnd(connection: SubscriptionConnection): void {
    const { address } = connection.node
    this.topology.requestRefresh()
    if (this.now - (this.resetAt.get(address) ?? Number.NEGATIVE_INFINITY) < resetAfter) return
    this.resetAt.set(address, this.now)
    connection.reset("the server says that it is not the node that it was connected to as")
  }

  private prepare(
    connection: SubscriptionConnection,
    shared: SharedSubscription,
    onEnd: (isDone: boolean) => void
  ): void {
    const { preparation } = shared
    if (preparation === undefined) return onEnd(true)
    const { node } = connection
    this.runFork(Effect.flatMap(Effect.result(preparation.run(node)), (result) => {
      const isDone = Result.isSuccess(result)
      onEnd(isDone)
      if (isDone || result.failure.isRetryable) return Effect.void
      // A caller waits for a listener that was never live, and hears of it; the others go on, and get a gap once the
      // subscription is live again.
      for (const listener of [...shared.listeners]) if (!listener.isLive) tell(listener, () => result.failure)
      return shared.listeners.length === 0 ? Effect.void : Effect.logWarning(
        `the subscription to ${shared.name} is not live at ${node.address}: ${result.failure.message}`
      )
    }))
  }

  /** Moves the subscriptions that other nodes can hold away from a node that does not serve. */
  private evacuate(address: string): void {
    if (this.placements.nodes.get(address)?.isDown !== true) return
    this.topology.requestRefresh()
    for (const shared of this.subscriptions.values()) if (shared.places.includes(address)) this.place(shared)
  }

  private retire(connection: SubscriptionConnection): void {
    const { address } = connection.node
    const node = this.placements.nodes.get(address)
    node?.retire(connection)
    if (node?.isOpen === false) this.placements.nodes.delete(address)
  }

  private watch(shared: SharedSubscription): void {
    if (shared.isLive || this.closed) return
    if (this.unsettled.size === 0) this.unsettledSince = this.now
    this.unsettled.add(shared)
    this.lookLater()
  }

  private lookLater(): void {
    const patience = Math.min(Math.max((this.now - this.unsettledSince) / 10, leastPatience), mostPatience)
    this.alarm.set(this.now + patience)
  }

  /** Places and requests subscriptions that are still not live again, by a fresh topology. */
  private look(): void {
    if (this.unsettled.size === 0) return
    this.topology.requestRefresh()
    for (const shared of this.unsettled) {
      this.place(shared)
      this.placements.askAgain(shared)
    }
    this.lookLater()
  }

  private verifyLater(shared: SharedSubscription): void {
    if (isDoubtful(shared) && !this.closed) this.verification.set(this.now + verifyAfter)
  }

  private verify(): void {
    const provenBefore = this.now - verifyAfter
    for (const node of this.placements.nodes.values()) {
      node.verify(({ provenAt, shared }) => provenAt <= provenBefore && shared.some(isDoubtful))
    }
    for (const shared of this.subscriptions.values()) if (isDoubtful(shared)) return this.verifyLater(shared)
  }
}

/** Tells the calls that wait for a subscription that they cannot have it. */
const tell = ({ calls }: SubscriptionListener, why: () => RedisClusterException): void => {
  if (calls.size === 0) return
  const error = why()
  for (const { onRefused } of [...calls]) onRefused(error)
}

/**
 * Whether the node of a subscription may drop it without a word. Primaries send an unsubscription when they lose a
 * slot.
 */
const isDoubtful = ({ kind, placement }: SharedSubscription): boolean =>
  kind === "shardChannel" && placement !== "owner"

/** Whether a subscription is bound to the one node that was named, and was never live there: it need not wait for the slot. */
const isStranded = ({ gap, isLive, placement }: SharedSubscription): boolean =>
  typeof placement !== "string" && !isLive && gap === undefined

const reasonOf = (loss: Loss): GapReason => loss.behind ? "OutputBufferLimit" : "ConnectionLost"
