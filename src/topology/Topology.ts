/**
 * The map of the cluster, kept true: fetched at the start, patched by redirects, refreshed when something hints at
 * a change and, slowly, when nothing does.
 *
 * Refreshes never run on the path of a command. There is one at a time, and a least time between two.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import { isSlot, slotCount } from "../cluster/HashSlot.ts"
import { isUsable, type ResolvedOptions } from "../ClusterOptions.ts"
import type { Connection } from "../connection/Connection.ts"
import { Connections } from "../connection/Connections.ts"
import { query, question } from "../connection/Query.ts"
import { Listeners } from "../internal/Listeners.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import {
  ClusterDisabledError,
  exception,
  isRedisClusterException,
  NoReachableNodeError,
  type RedisClusterException,
  SlotNotCoveredError,
  UnknownNodeError
} from "../RedisClusterException.ts"
import * as Snapshot from "./Snapshot.ts"

/**
 * @category services
 * @since 0.1.0
 */
export class Topology extends Context.Service<Topology, {
  /** The snapshot of this moment. */
  readonly current: () => Snapshot.Snapshot
  /** The snapshot of this moment, then every later one. */
  readonly changes: Stream.Stream<Snapshot.Snapshot>
  /** Calls back after every refresh, whether it brought news or not, and every patch. Returns how to stop that. */
  readonly onChange: (listener: () => void) => () => void
  /** Calls back after every refresh, with why it failed if it did. Returns how to stop that. */
  readonly onRefresh: (listener: (failure: RedisClusterException | undefined) => void) => () => void
  /** Takes note of a MOVED: patches the snapshot at once and asks for a refresh. A slot that no cluster has is ignored. */
  readonly moved: (slot: number, owner: Endpoint) => void
  /** Asks for a refresh soon. Never waits, may be called as often as one likes. */
  readonly requestRefresh: () => void
  /** Refreshes, or joins the refresh that is running; the new snapshot. */
  readonly refresh: Effect.Effect<Snapshot.Snapshot, RedisClusterException>
  /** The node for commands that any node can answer: a random primary, until that leaves or another one is set. */
  readonly defaultNode: () => ClusterNode | undefined
  readonly setDefaultNode: (node: ClusterNode) => void
}>()("effect-redis-cluster/topology/Topology") {}

const clusterSlots = question("CLUSTER SLOTS")
const clusterShards = question("CLUSTER SHARDS")

/** How long one node may take to tell the topology before the next one is asked, in milliseconds. */
const askTimeout = 500
/** How many nodes that may be in trouble are asked before the startup nodes are. */
const doubtfulNodes = 5

/** Why a node could not tell the topology. */
interface Refusal {
  readonly node: string
  readonly cause: string
}

const refusal = (node: string, cause: string): Refusal => ({ node, cause })

/** The startup nodes: as given, or found now, within `connectTimeout`. */
const findSeeds = (options: ResolvedOptions): Effect.Effect<ReadonlyArray<Endpoint>, Refusal> => {
  if (options.findSeeds === undefined) return Effect.succeed(options.seeds)
  const refuse = (cause: string): Effect.Effect<never, Refusal> => Effect.fail(refusal("nodes", cause))
  return options.findSeeds.pipe(
    // Another one's error may quote a secret.
    Effect.catchCause((cause) => {
      const error = Cause.squash(cause)
      return refuse(isRedisClusterException(error) ? error.message : "the effect that finds the nodes failed")
    }),
    Effect.timeoutOrElse({
      duration: options.connectTimeout,
      orElse: () => refuse(`the effect that finds the nodes took longer than ${options.connectTimeout} ms`)
    }),
    Effect.flatMap((seeds) =>
      seeds.length === 0
        ? refuse("the effect that finds the nodes found none")
        : seeds.every(isUsable)
        ? Effect.succeed(seeds)
        : refuse("the effect that finds the nodes gave one without a usable host and port (1 to 65535)")
    )
  )
}

/** Nothing in common with the cluster we know: the address now belongs to a node of another one. */
const isForeign = (previous: Snapshot.Snapshot, next: Snapshot.Snapshot): boolean => {
  const known = new Set([...previous.nodes.values()].map((node) => node.id))
  known.delete("")
  return known.size > 0 && ![...next.nodes.values()].some((node) => known.has(node.id))
}

/**
 * Fetches the first snapshot, failing when no startup node can tell it, and keeps it true while the scope lives.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: ResolvedOptions) {
  const connections = yield* Connections
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  const changed = yield* PubSub.sliding<Snapshot.Snapshot>(64)
  const onChange = new Listeners<[]>()
  const onRefresh = new Listeners<[failure: RedisClusterException | undefined]>()

  let snapshot = Snapshot.empty
  let chosenDefault: ClusterNode | undefined
  let refreshing: Deferred.Deferred<Snapshot.Snapshot, RedisClusterException> | undefined
  let refreshWanted = false
  /** The address that a redirect has named last: that node knows what it owns, of which others may not have heard. */
  let witness = ""
  let lastRefresh = Number.NEGATIVE_INFINITY
  let closed = false
  yield* Effect.addFinalizer(() => Effect.sync(() => (closed = true)))

  const replace = (next: Snapshot.Snapshot): void => {
    snapshot = next
    PubSub.publishUnsafe(changed, next)
  }

  const ask = (connection: Connection, timeout: number): Effect.Effect<Snapshot.Snapshot, Refusal> =>
    Effect.all([query(connection, clusterSlots, timeout), query(connection, clusterShards, timeout)], {
      concurrency: "unbounded"
    }).pipe(
      Effect.mapError((failure) => refusal(connection.address, failure.message)),
      Effect.flatMap(([slots, shards]) => {
        const parsed = Snapshot.fromClusterSlots(slots, {
          via: connection.endpoint,
          mapAddress: options.mapAddress,
          previous: snapshot,
          details: Snapshot.detailsFromClusterShards(shards)
        })
        if (Result.isFailure(parsed)) return Effect.fail(refusal(connection.address, parsed.failure))
        // A node that has been reset, or has not joined yet, knows of no shards.
        if (parsed.success.shards.length === 0) return Effect.fail(refusal(connection.address, "it knows of no shards"))
        return Effect.succeed(parsed.success)
      })
    )

  const askNode = (node: ClusterNode): Effect.Effect<Snapshot.Snapshot, Refusal> =>
    ask(connections.get(node), askTimeout).pipe(
      Effect.flatMap((next) =>
        isForeign(snapshot, next)
          ? Effect.fail(refusal(node.address, "it belongs to another cluster now"))
          : Effect.succeed(next)
      )
    )

  /** On a connection of its own, by name: resolved anew, and free of what is known about the address. */
  const askSeed = (seed: Endpoint): Effect.Effect<Snapshot.Snapshot, Refusal> =>
    Effect.scoped(Effect.flatMap(connections.open(seed), (connection) => ask(connection, options.connectTimeout)))

  const fetch = Effect.fnUntraced(function*() {
    const refusals: Array<Refusal> = []
    const askEach = Effect.fnUntraced(function*(sources: ReadonlyArray<Effect.Effect<Snapshot.Snapshot, Refusal>>) {
      for (const source of sources) {
        const answer = yield* Effect.result(source)
        if (Result.isSuccess(answer)) return answer.success
        refusals.push(answer.failure)
      }
      return undefined
    })
    const nodes = yield* Random.shuffle(snapshot.nodes.values())
    const named = nodes.filter((node) => node.address === witness && connections.get(node).promising)
    witness = ""
    const others = nodes.filter((node) => !named.includes(node))
    const healthy = others.filter((node) => connections.get(node).healthy)
    const doubtful = others.filter((node) => !connections.get(node).healthy).slice(0, doubtfulNodes)
    const known = yield* askEach([...named, ...healthy, ...doubtful].map(askNode))
    if (known !== undefined) return known

    const seeds = yield* Effect.result(findSeeds(options))
    if (Result.isFailure(seeds)) refusals.push(seeds.failure)
    else {
      const last = yield* askEach(seeds.success.map((seed) => askSeed(options.mapAddress(seed))))
      if (last !== undefined) return last
    }
    return yield* Effect.fail(noReachableNode(refusals))
  })

  const refreshNow: Effect.Effect<Snapshot.Snapshot, RedisClusterException> = Effect.suspend(() => {
    if (refreshing !== undefined) return Deferred.await(refreshing)
    const result = Deferred.makeUnsafe<Snapshot.Snapshot, RedisClusterException>()
    refreshing = result
    refreshWanted = false
    lastRefresh = monotonicMillis(clock)
    // In a fiber of its own: who asked may lose interest, the refresh goes on for the others.
    runFork(
      fetch().pipe(
        Effect.map((next) => {
          if (closed) return next
          connections.retain(next.nodes)
          if (!Snapshot.isSame(snapshot, next)) replace(next)
          onChange.tell()
          return snapshot
        }),
        Effect.tap(() => Effect.sync(() => onRefresh.tell(undefined))),
        Effect.tapError((failure) => Effect.sync(() => onRefresh.tell(failure))),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            refreshing = undefined
            // Who asked meanwhile may know what the answer did not.
            if (refreshWanted && !closed) refreshSoon()
            Deferred.doneUnsafe(result, exit)
          })
        ),
        Effect.ignore
      )
    )
    return Deferred.await(result)
  })

  const refreshSoon = (): void => {
    const since = monotonicMillis(clock) - lastRefresh
    const jitter = 1 + Math.random() * 0.2
    const delay = since >= options.minRefreshInterval ? 0 : (options.minRefreshInterval - since) * jitter
    const refresh = Effect.suspend(() => closed || !refreshWanted ? Effect.void : refreshNow)
    runFork(Effect.ignore(Effect.andThen(Effect.sleep(delay), refresh)))
  }

  const requestRefresh = (): void => {
    if (refreshWanted || closed) return
    refreshWanted = true
    if (refreshing === undefined) refreshSoon()
  }

  const first = yield* refreshNow
  const covered = Snapshot.coveredSlots(first)
  if (options.requireFullCoverage && covered < slotCount) return yield* Effect.fail(notCovered(first, covered))

  if (options.refreshInterval < Number.POSITIVE_INFINITY) {
    const between = Effect.suspend(() => Effect.sleep(options.refreshInterval * (0.9 + Math.random() * 0.2)))
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(between, Effect.sync(requestRefresh))))
  }
  const stopListening = connections.onState((_, state) => {
    if (state === "down") requestRefresh()
  })
  yield* Effect.addFinalizer(() => Effect.sync(stopListening))

  return Topology.of({
    current: () => snapshot,
    changes: Stream.unwrap(
      Effect.map(
        PubSub.subscribe(changed),
        (subscription) =>
          Stream.concat(Stream.suspend(() => Stream.succeed(snapshot)), Stream.fromSubscription(subscription))
      )
    ),
    onChange: onChange.add,
    onRefresh: onRefresh.add,
    moved: (slot, owner) => {
      if (!isSlot(slot)) return
      witness = addressOf(owner)
      const next = Snapshot.moved(snapshot, slot, owner)
      if (next !== snapshot) {
        replace(next)
        onChange.tell()
      }
      requestRefresh()
    },
    requestRefresh,
    refresh: refreshNow,
    defaultNode: () => {
      const known = chosenDefault === undefined ? undefined : snapshot.nodes.get(chosenDefault.address)
      const isUsable = known !== undefined && (known === chosenDefault || known.role === "primary")
      chosenDefault = isUsable ? known : snapshot.primaries[Math.floor(Math.random() * snapshot.primaries.length)]
      return chosenDefault
    },
    setDefaultNode: (node) => {
      chosenDefault = node
    }
  })
})

const noReachableNode = (causes: ReadonlyArray<Refusal>): RedisClusterException => {
  const disabled = causes.find(({ cause }) => cause.includes("cluster support disabled"))
  if (disabled !== undefined) {
    return exception(() =>
      new ClusterDisabledError({
        message: `${disabled.node} runs without cluster mode; start it with cluster-enabled yes, ` +
          `or use a client for standalone servers`,
        outcome: "NotExecuted",
        node: disabled.node
      })
    )
  }
  return exception(() =>
    new NoReachableNodeError({
      message: `no node could tell the topology: ${causes.map(({ cause, node }) => `${node}: ${cause}`).join("; ")}`,
      outcome: "NotExecuted",
      causes
    })
  )
}

const notCovered = (snapshot: Snapshot.Snapshot, covered: number): RedisClusterException => {
  const slot = snapshot.slots.indexOf(undefined)
  return exception(() =>
    new SlotNotCoveredError({
      message: `${slotCount - covered} of ${slotCount} slots have no owner (the first is ${slot}) and ` +
        `requireFullCoverage is set`,
      outcome: "NotExecuted",
      slot
    })
  )
}

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ResolvedOptions): Layer.Layer<Topology, RedisClusterException, Connections> =>
  Layer.effect(Topology, make(options))

/**
 * The node at `host:port`, or the reason why there is none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const nodeAt = (
  snapshot: Snapshot.Snapshot,
  endpoint: Endpoint
): Result.Result<ClusterNode, UnknownNodeError> => {
  const address = addressOf(endpoint)
  const node = snapshot.nodes.get(address)
  return node !== undefined ? Result.succeed(node) : Result.fail(
    new UnknownNodeError({
      message: `${address} is not a node of this cluster (known: ${[...snapshot.nodes.keys()].join(", ")})`,
      outcome: "NotExecuted",
      node: address
    })
  )
}
