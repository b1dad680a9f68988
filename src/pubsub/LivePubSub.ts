/**
 * The subscriptions of a client that lives: opens buffers, lets their names come and go, and ends them with their scopes.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { Connections } from "../connection/Connections.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { find } from "../topology/Snapshot.ts"
import type { Topology } from "../topology/Topology.ts"
import type { Named } from "./ChannelNames.ts"
import { MessageBuffer, type Settings } from "./MessageBuffer.ts"
import { Monitored } from "./Monitored.ts"
import { PubSubStatistics } from "./PubSubStatistics.ts"
import { closedError, endedError, timedOut } from "./refusals.ts"
import { Call } from "./SharedSubscription.ts"
import { SubscriptionManager } from "./SubscriptionManager.ts"
import { TrackedKeys } from "./TrackedKeys.ts"
import type { Wish } from "./Wish.ts"

/** The source that feeds a buffer. */
interface Feed {
  /** The names of the messages, for gaps. */
  readonly names: () => ReadonlyArray<string>
  /** Starts it; `onLive` is called when the servers have confirmed. */
  readonly start: (onLive: () => void) => void
  readonly stop: () => void
}

export class LivePubSub {
  readonly statistics = new PubSubStatistics()
  private readonly options: ResolvedOptions
  private readonly connections: Connections["Service"]
  private readonly topology: Topology["Service"]
  private readonly clock: Clock.Clock
  private readonly manager: SubscriptionManager
  private readonly monitors = new Set<Monitored>()
  private readonly tracked = new Set<TrackedKeys>()
  private readonly stopListening: () => void
  private readonly stopRefreshes: () => void

  constructor(services: Omit<ConstructorParameters<typeof SubscriptionManager>[0], "statistics">) {
    const { clock, connections, options, topology } = services
    this.options = options
    this.connections = connections
    this.topology = topology
    this.clock = clock
    this.manager = new SubscriptionManager({ ...services, statistics: this.statistics })
    this.stopListening = topology.onChange(() => {
      this.manager.replan()
      for (const keys of this.tracked) keys.replan()
    })
    // A refresh that brings nothing new proves that nothing had changed when it began.
    this.stopRefreshes = topology.onRefresh((failure, askedAt) => {
      if (failure !== undefined) return
      this.manager.checked(askedAt)
      for (const keys of this.tracked) keys.checked(askedAt)
    })
  }

  close(): void {
    for (const monitored of this.monitors) monitored.end(closedError())
    for (const keys of this.tracked) keys.end(closedError())
    this.stopListening()
    this.stopRefreshes()
    this.manager.close()
  }

  readonly open = (
    wishes: ReadonlyArray<Wish>,
    settings: Settings
  ): Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope> =>
    Effect.suspend(() => {
      const objection = this.manager.objection(wishes)
      if (objection !== undefined) return Effect.fail(objection)
      return this.fed(settings, (buffer) => ({
        names: () => this.namesOf(buffer).map(({ name }) => name),
        start: (onLive) => {
          const opening = new Call({
            onLive: () => {
              this.manager.end(buffer, opening, true)
              onLive()
            },
            onRefused: (error) => buffer.fail(error)
          })
          this.manager.add(buffer, wishes, opening)
        },
        stop: () => this.manager.remove(buffer)
      }))
    })

  readonly extend = (
    buffer: MessageBuffer,
    wishes: ReadonlyArray<Wish>
  ): Effect.Effect<void, RedisClusterException> =>
    Effect.suspend(() => {
      const isOver = this.manager.namesOf(buffer) === undefined
      const objection = this.manager.objection(wishes) ?? (isOver ? endedError() : undefined)
      if (objection !== undefined) return Effect.fail(objection)
      const live = Deferred.makeUnsafe<void, RedisClusterException>()
      const call = new Call({
        onLive: () => Deferred.doneUnsafe(live, Exit.void),
        onRefused: (error) => Deferred.doneUnsafe(live, Exit.fail(error))
      })
      return Effect.acquireUseRelease(
        Effect.sync(() => this.manager.extend(buffer, wishes, call)),
        () => this.inTime(live),
        (_, exit) => Effect.sync(() => this.manager.end(buffer, call, Exit.isSuccess(exit)))
      )
    })

  readonly reduce = (buffer: MessageBuffer, names?: ReadonlyArray<Named>): Effect.Effect<void> =>
    Effect.sync(() => {
      const leaving = names && new Set(names.map(identityOf))
      this.manager.reduce(buffer, (shared) => leaving === undefined || leaving.has(identityOf(shared)))
    })

  readonly namesOf = (buffer: MessageBuffer): ReadonlyArray<Named> => this.manager.namesOf(buffer) ?? []

  readonly monitor = (
    endpoint: Endpoint,
    settings: Settings
  ): Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope> =>
    Effect.suspend(() => {
      const objection = this.manager.objection([{ placement: endpoint }])
      const node = find(this.topology.current(), endpoint)
      if (objection !== undefined || node === undefined) return Effect.fail(objection ?? closedError())
      let monitored: Monitored | undefined
      return this.fed(settings, (buffer) => ({
        names: () => ["MONITOR"],
        start: (onLive) => {
          monitored = new Monitored(node, this.connections, buffer, onLive)
          this.monitors.add(monitored)
        },
        stop: () => {
          if (monitored === undefined) return
          this.monitors.delete(monitored)
          monitored.close()
        }
      }))
    })

  readonly track = (
    prefixes: ReadonlyArray<string>,
    settings: Settings
  ): Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope> =>
    Effect.suspend(() => {
      const objection = this.manager.objection([])
      if (objection !== undefined) return Effect.fail(objection)
      let keys: TrackedKeys | undefined
      return this.fed(settings, (buffer) => ({
        names: () => prefixes.length === 0 ? [""] : prefixes,
        start: (onLive) => {
          const { clock, connections, statistics, topology } = this
          keys = new TrackedKeys({ prefixes, buffer, onLive }, { clock, connections, statistics, topology })
          this.tracked.add(keys)
        },
        stop: () => {
          if (keys === undefined) return
          this.tracked.delete(keys)
          keys.close()
        }
      }))
    })

  /** A connection stays for a while after its last subscription. */
  readonly held = (): ReadonlyMap<string, number> =>
    new Map(
      [...this.manager.placements.nodes].map(([address, node]) => [address, node.size] as const).filter(([, size]) =>
        size > 0
      )
    )

  /** Makes a buffer that is fed while the scope lives, and succeeds with it once it is live. */
  private fed(
    settings: Settings,
    feedOf: (buffer: MessageBuffer) => Feed
  ): Effect.Effect<MessageBuffer, RedisClusterException, Scope.Scope> {
    const live = Deferred.makeUnsafe<void, RedisClusterException>()
    const buffer: MessageBuffer = new MessageBuffer(settings, {
      names: () => feed.names(),
      clock: this.clock,
      statistics: this.statistics,
      onFailure: (error) => {
        feed.stop()
        Deferred.doneUnsafe(live, Exit.fail(error))
      }
    })
    const feed = feedOf(buffer)
    const start = Effect.sync(() => feed.start(() => Deferred.doneUnsafe(live, Exit.void)))
    const end = Effect.sync(() => {
      feed.stop()
      buffer.close()
    })
    return Effect.acquireRelease(start, () => end).pipe(Effect.andThen(this.inTime(live)), Effect.as(buffer))
  }

  private inTime(live: Deferred.Deferred<void, RedisClusterException>): Effect.Effect<void, RedisClusterException> {
    const duration = this.options.commandTimeout
    return Effect.timeoutOrElse(Deferred.await(live), { duration, orElse: () => Effect.fail(timedOut(duration)) })
  }
}

const identityOf = ({ kind, name }: Named): string => `${kind} ${name}`
