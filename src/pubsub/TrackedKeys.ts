/**
 * The reports of all primaries for one stream of invalidations.
 *
 * Each primary has a connection. The stream is live while all of them report. When that ends, the stream hears of it at
 * once, and gets a gap when they report again.
 */
import type * as Clock from "effect/Clock"
import { mayBeSame } from "../cluster/ClusterNode.ts"
import type { Connections } from "../connection/Connections.ts"
import type { Loss } from "../connection/PushConnection.ts"
import { monotonicMillis, timeOfDayAt } from "../internal/monotonic.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Topology } from "../topology/Topology.ts"
import { reportOf } from "./Invalidation.ts"
import type { MessageBuffer } from "./MessageBuffer.ts"
import type { PubSubStatistics } from "./PubSubStatistics.ts"
import { notReported } from "./refusals.ts"
import type { OpenGap } from "./SharedSubscription.ts"
import { type GapReason, Message } from "./SubscriptionEvent.ts"
import { TrackingConnection, type TrackingHooks } from "./TrackingConnection.ts"
import { publishedAfter } from "./transit.ts"

export class TrackedKeys {
  private readonly prefixes: ReadonlyArray<string>
  private readonly buffer: MessageBuffer
  private readonly onLive: () => void
  private readonly connections: Connections["Service"]
  private readonly topology: Topology["Service"]
  private readonly clock: Clock.Clock
  private readonly statistics: PubSubStatistics
  /** The connections to the primaries, by address. */
  private readonly open = new Map<string, TrackingConnection>()
  /** The connections to nodes that were primaries, until what these have sent is read. */
  private readonly leaving = new Set<TrackingConnection>()
  private isLive = false
  /** Whether the stream was live once. */
  private wasLive = false
  private gap: OpenGap | undefined
  private isTouched = false
  private isClosed = false
  /** The time at which the servers were asked for the topology that is followed, in monotonic milliseconds. */
  private checkedAt: number

  constructor(
    stream: {
      readonly prefixes: ReadonlyArray<string>
      readonly buffer: MessageBuffer
      /** Called when all primaries report for the first time. */
      readonly onLive: () => void
    },
    services: {
      readonly connections: Connections["Service"]
      readonly topology: Topology["Service"]
      readonly clock: Clock.Clock
      readonly statistics: PubSubStatistics
    }
  ) {
    this.prefixes = stream.prefixes
    this.buffer = stream.buffer
    this.onLive = stream.onLive
    this.connections = services.connections
    this.topology = services.topology
    this.clock = services.clock
    this.statistics = services.statistics
    this.checkedAt = this.now
    this.replan()
  }

  /** Follows the topology: a primary that joins is asked to report, and one that leaves is heard out. */
  replan(): void {
    if (this.isClosed) return
    const primaries = new Map(this.topology.current().primaries.map((node) => [node.address, node]))
    let provenAt = publishedAfter(this.checkedAt)
    for (const [address, connection] of this.open) {
      const node = primaries.get(address)
      if (node !== undefined && mayBeSame(node.id, connection.node.id)) continue
      this.open.delete(address)
      if (connection.isArmed) provenAt = Math.min(provenAt, publishedAfter(connection.caughtUpAt))
      // Another node has taken the address over.
      if (node !== undefined) connection.close()
      else this.hearOut(connection)
    }
    const added = [...primaries.values()].filter(({ address }) => !this.open.has(address))
    if (added.length > 0 || primaries.size === 0) this.interrupt(provenAt, "OwnerChanged")
    for (const node of added) {
      const settings = { prefixes: this.prefixes, bytes: this.buffer.bytes }
      this.open.set(node.address, new TrackingConnection(node, settings, this.connections, this.hooks))
    }
    this.conclude()
    this.settle()
  }

  /** Follows the topology after a refresh that began at `askedAt`. */
  checked(askedAt: number): void {
    this.replan()
    this.checkedAt = askedAt
  }

  end(error: RedisClusterException): void {
    this.close()
    this.buffer.fail(error)
  }

  close(): void {
    this.isClosed = true
    for (const connection of [...this.open.values(), ...this.leaving]) connection.close()
    this.open.clear()
    this.leaving.clear()
  }

  private get now(): number {
    return monotonicMillis(this.clock)
  }

  /** The prefixes as events name them. */
  private get names(): ReadonlyArray<string> {
    return this.prefixes.length === 0 ? [""] : this.prefixes
  }

  private readonly hooks: TrackingHooks = {
    onArmed: () => {
      this.conclude()
      this.settle()
    },
    onRefused: ({ node }, message) => this.end(notReported(message, node.address)),
    onReport: ({ node }, keys) => {
      // Values that were read before the stream is live are not covered.
      if (!this.wasLive) return
      if (keys === null) this.add(new Message(reportOf.flush, undefined, "", node))
      else for (const key of keys) this.add(new Message(reportOf.key, undefined, keyOf(key), node))
    },
    onRead: () => this.settle(),
    onLost: (connection, loss) => {
      this.lose(connection, loss)
      this.settle()
    },
    onDown: () => this.topology.requestRefresh()
  }

  private lose(connection: TrackingConnection, { caughtUpAt }: Loss): void {
    if (this.isClosed) return
    this.interrupt(publishedAfter(caughtUpAt), "ConnectionLost")
    // The last reports of a node that has left are lost, and the others go on.
    if (this.leaving.delete(connection)) return this.conclude()
    this.topology.requestRefresh()
  }

  /** Closes the connection to a node that has left once its reports are read. */
  private hearOut(connection: TrackingConnection): void {
    if (connection.isArmed) this.leaving.add(connection)
    connection.drain(() => this.leaving.delete(connection))
  }

  private interrupt(from: number, reason: GapReason): void {
    this.isLive = false
    if (!this.wasLive) return
    if (this.gap === undefined) {
      this.gap = { from, reason }
      if (this.buffer.addInterrupted(this.names, reason)) this.isTouched = true
    } else if (from < this.gap.from) this.gap = { from, reason: this.gap.reason }
  }

  /** Checks whether all primaries report. The stream then gets the gap, if there is one, and the confirmation. */
  private conclude(): void {
    const connections = [...this.open.values()]
    const last = connections.at(-1)
    if (this.isLive || last === undefined || !connections.every(({ isArmed }) => isArmed)) return
    this.isLive = true
    const { gap } = this
    this.gap = undefined
    if (gap !== undefined) this.statistics.missed(gap.reason, timeOfDayAt(this.clock, gap.from))
    for (const name of this.names) {
      if (gap !== undefined && this.buffer.addGap(name, gap.from, this.now, gap.reason)) this.isTouched = true
    }
    for (const name of this.names) if (this.buffer.addSubscribed(name, last.node)) this.isTouched = true
    if (this.wasLive) return
    this.wasLive = true
    this.onLive()
  }

  private add(message: Message<string | Uint8Array>): void {
    if (this.buffer.push(message)) this.isTouched = true
  }

  private settle(): void {
    if (!this.isTouched) return
    this.isTouched = false
    this.buffer.settle(undefined)
  }
}

const keyOf = (key: Reply): string | Uint8Array =>
  typeof key === "string" || key instanceof Uint8Array ? key : String(key)
