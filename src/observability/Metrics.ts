/** The metrics of a client: their names, and the places of their values. */
import type { CacheStatistics } from "../caching/CacheStatistics.ts"
import { slotCount } from "../cluster/HashSlot.ts"
import type { Connection } from "../connection/Connection.ts"
import type { Connections } from "../connection/Connections.ts"
import { latencyBounds, type NodeStatistics } from "../connection/NodeStatistics.ts"
import type { PubSubStatistics } from "../pubsub/PubSubStatistics.ts"
import type { RoutingStatistics } from "../routing/request/RoutingStatistics.ts"
import { coveredSlots } from "../topology/Snapshot.ts"
import type { Topology } from "../topology/Topology.ts"
import type { Registry, Series } from "./Series.ts"

/** The parts of the client that hold the values. */
export interface Sources {
  readonly connections: Connections["Service"]
  readonly topology: Topology["Service"]
  readonly routing: RoutingStatistics
  readonly pubSub: PubSubStatistics
  readonly refreshes: { readonly ok: number; readonly failed: number }
  /** The counters of the cache, and the nodes that do not serve it; `undefined` for a client without a cache. */
  readonly cache: {
    readonly statistics: () => CacheStatistics
    readonly refusals: () => number
  } | undefined
}

type Read = () => number

const counter = (id: string, description: string, attributes: Record<string, string>, read: Read): Series => ({
  type: "Counter",
  id: `redis_cluster_${id}`,
  description,
  attributes,
  read
})

const gauge = (id: string, description: string, attributes: Record<string, string>, read: Read): Series => ({
  type: "Gauge",
  id: `redis_cluster_${id}`,
  description,
  attributes,
  read
})

/** The series of the client as a whole. */
const clientSeries = ({ pubSub, refreshes, routing, topology }: Sources): ReadonlyArray<Series> => {
  const { redirects, retries } = routing
  const gaps: Readonly<Record<string, number>> = pubSub.gaps
  const redirected = "Commands that a node sent elsewhere, by the kind of the redirect"
  const retried = "Commands that were sent again, by the kind of the retry"
  const refreshed = "Refreshes of the topology, by their result"
  return [
    counter("redirects_total", redirected, { kind: "moved" }, () => redirects.moved),
    counter("redirects_total", redirected, { kind: "ask" }, () => redirects.ask),
    counter("retries_total", retried, { kind: "wait" }, () => retries.wait),
    counter("retries_total", retried, { kind: "replica" }, () => retries.replica),
    counter("retries_total", retried, { kind: "supply" }, () => retries.supply),
    counter("refreshes_total", refreshed, { result: "ok" }, () => refreshes.ok),
    counter("refreshes_total", refreshed, { result: "failed" }, () => refreshes.failed),
    gauge("slots_uncovered", "Slots without an owner", {}, () => slotCount - coveredSlots(topology.current())),
    gauge("nodes", "Nodes of the cluster, by role", { role: "primary" }, () => topology.current().primaries.length),
    gauge("nodes", "Nodes of the cluster, by role", { role: "replica" }, () => topology.current().replicas.length),
    counter("pubsub_messages_total", "Messages handed to subscriptions", {}, () => pubSub.messages),
    ...Object.keys(gaps).map((reason) =>
      counter(
        "pubsub_gaps_total",
        "Times when a subscription may have missed messages, by reason",
        { reason },
        () => gaps[reason]
      )
    )
  ]
}

/** The series of the cache, of a client that has one. */
const cacheSeries = ({ cache }: Sources): ReadonlyArray<Series> => {
  if (cache === undefined) return []
  const { refusals, statistics } = cache
  const removals: ReadonlyArray<keyof CacheStatistics["removed"]> = [
    "changed",
    "written",
    "flushed",
    "disconnected",
    "moved",
    "expired",
    "evicted"
  ]
  return [
    counter("cache_hits_total", "Commands that the cache answered", {}, () => statistics().hits),
    counter("cache_misses_total", "Cached commands that were read from a server", {}, () => statistics().misses),
    ...removals.map((reason) =>
      counter(
        "cache_removed_total",
        "Replies that left the cache, by reason",
        { reason },
        () => statistics().removed[reason]
      )
    ),
    gauge("cache_entries", "Replies in the cache", {}, () => statistics().entries),
    gauge("cache_bytes", "Bytes of the replies in the cache", {}, () => statistics().bytes),
    gauge("cache_refused", "Nodes that refuse to report changes", {}, refusals)
  ]
}

const sumOver = (connections: Connections["Service"], address: string, value: (one: Connection) => number): number =>
  connections.all().reduce((sum, one) => one.address === address ? sum + value(one) : sum, 0)

const isConnected = (connections: Connections["Service"], address: string): number =>
  connections.all().some((one) => one.address === address && one.state === "ready") ? 1 : 0

/** The series of one node. */
const nodeSeries = (
  connections: Connections["Service"],
  address: string,
  statistics: NodeStatistics
): ReadonlyArray<Series> => {
  const attributes = { node: address }
  return [
    counter("commands_total", "Commands written to the node", attributes, () => statistics.commands),
    counter("reconnects_total", "Sockets that took the place of a lost one", attributes, () => statistics.reconnects),
    counter("connect_failures_total", "Attempts to connect that failed", attributes, () => statistics.refusals),
    gauge(
      "queued",
      "Commands that wait to be written",
      attributes,
      () => sumOver(connections, address, (one) => one.queued)
    ),
    gauge(
      "in_flight",
      "Commands that were written and are not answered",
      attributes,
      () => sumOver(connections, address, (one) => one.depth - one.queued)
    ),
    gauge(
      "connected",
      "Whether there is a connection to the node",
      attributes,
      () => isConnected(connections, address)
    ),
    {
      type: "Histogram",
      id: "redis_cluster_reply_seconds",
      description: "From the write to the reply, of one command in sixteen writes",
      attributes,
      read: () => ({ bounds: latencyBounds, ...statistics.latency })
    }
  ]
}

/** Keeps the series of a client in a registry. The series of a node come and go with the node. */
export class Metrics {
  private readonly registry: Registry
  private readonly sources: Sources
  private readonly removals: Array<() => void> = []
  private readonly nodes = new Map<NodeStatistics, ReadonlyArray<() => void>>()

  constructor(registry: Registry, sources: Sources) {
    this.registry = registry
    this.sources = sources
    for (const series of [...clientSeries(sources), ...cacheSeries(sources)]) this.removals.push(registry.add(series))
    this.update()
  }

  /** Adds and removes series, because the nodes may have changed. */
  update(): void {
    const { connections } = this.sources
    const statistics = connections.statistics()
    const current = new Set(statistics.values())
    for (const [known, removals] of this.nodes) {
      if (current.has(known)) continue
      this.nodes.delete(known)
      for (const remove of removals) remove()
    }
    for (const [address, one] of statistics) {
      if (this.nodes.has(one)) continue
      this.nodes.set(one, nodeSeries(connections, address, one).map((series) => this.registry.add(series)))
    }
  }

  /** Adds the series of a reason for which commands fail for the first time. */
  addReason(reason: string): void {
    const { errors } = this.sources.routing
    const description = "Commands that failed, by the tag of the reason"
    const series = counter("errors_total", description, { reason }, () => errors.get(reason) ?? 0)
    this.removals.push(this.registry.add(series))
  }

  close(): void {
    for (const remove of this.removals) remove()
    for (const removals of this.nodes.values()) for (const remove of removals) remove()
    this.nodes.clear()
  }
}
