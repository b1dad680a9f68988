/**
 * A node that can serve the reads of its shard, with the measurements of the client.
 */
import type * as Clock from "effect/Clock"
import type { ClusterNode, Role } from "../../cluster/ClusterNode.ts"
import type { ResolvedOptions } from "../../ClusterOptions.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { Connections } from "../../connection/Connections.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import type { Candidate } from "../../ReadFrom.ts"

/** The counters of a node's reads. They outlive the snapshots that have the node. */
export class ReadCounters {
  reads = 0
  passedOn = 0
  hedges = 0
}

export interface ReadNetwork {
  readonly connections: Connections["Service"]
  readonly clock: Clock.Clock
  readonly options: ResolvedOptions
  /** Random numbers from 0 to 1. */
  readonly random: () => number
}

/** The number of rounds of the probes for which a node that refused a read is avoided. */
const doubtfulRounds = 2

export class ReadNode implements Candidate {
  readonly node: ClusterNode
  readonly role: Role
  readonly counters: ReadCounters
  /** The zone that the server reported; `undefined` until it was asked, empty when it has none. */
  toldZone: string | undefined
  /** The time, in monotonic milliseconds, before which every write has reached the node. */
  freshUntil = Number.NEGATIVE_INFINITY
  /** The number of samples of its latency at the last round of the probes. */
  samplesSeen = -1

  private readonly network: ReadNetwork
  private link: Connection | undefined
  private doubts = 0

  constructor(node: ClusterNode, counters: ReadCounters, network: ReadNetwork) {
    this.node = node
    this.role = node.role
    this.counters = counters
    this.network = network
  }

  get connection(): Connection {
    if (this.link?.isOpen !== true) {
      this.link = this.network.connections.get(this.node, this.role === "primary" ? "commands" : "replicaReads")
    }
    return this.link
  }

  get zone(): string | undefined {
    return this.network.options.zoneOf?.(this.node) ?? this.node.zone ?? (this.toldZone || undefined)
  }

  get latency(): number | undefined {
    return this.connection.latency.mean
  }

  get inFlight(): number {
    return this.connection.depth
  }

  get lag(): number | undefined {
    if (this.role === "primary") return 0
    return this.freshUntil === Number.NEGATIVE_INFINITY
      ? undefined
      : monotonicMillis(this.network.clock) - this.freshUntil
  }

  get healthy(): boolean {
    if (this.doubts > 0 || !this.connection.promising) return false
    // The health in the topology may be old; a connection that works is newer.
    return this.connection.state === "ready" || this.node.health !== "fail"
  }

  /** Avoids the node for a second or two, because it refused a read. */
  doubt(): void {
    this.doubts = doubtfulRounds
  }

  /** Notes that another round of the probes has passed. */
  forgive(): void {
    if (this.doubts > 0) this.doubts--
  }
}
