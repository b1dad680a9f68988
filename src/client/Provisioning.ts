/**
 * State of a program on the servers, such as functions and users, which is made again when a server has lost it.
 *
 * A server that is restarted at its address has lost the functions, scripts, settings and users that were not saved,
 * although the map does not change. Its connections are lost, however, so that each new connection to a node is a
 * reason to supply the node again.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Connections } from "../connection/Connections.ts"
import * as checks from "../internal/checks.ts"
import { ClosedError, exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import type { Topology } from "../topology/Topology.ts"

export interface ProvisioningMembers {
  /**
   * Runs an effect for each node that puts something there (a function, a setting, a user), now and whenever a node
   * may have lost it, while the scope lives.
   *
   * **Details**
   *
   * It ends when all primaries have been supplied, and fails with the error of the effect when one of them cannot be;
   * with `OptionsError` for options that cannot be used, and with `ClosedError` when the client is closed. Afterwards the
   * effect runs again for a node that joins, that becomes a primary, or that has a new connection, because it may have
   * been restarted. Such later failures are logged, and the effect is tried again after 100 ms, doubling to 5 seconds.
   *
   * **Gotchas**
   *
   * The effect may run for a node that lacks nothing, so that it has to be idempotent. A command may reach a restarted
   * node before the effect does.
   *
   * **Example** (A user on every node)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const program = Effect.scoped(Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.provision((node) => redis.on(node).aclSetuser("reports", ["on", "nopass", "~*", "+@read"]))
   * }))
   * ```
   */
  readonly provision: (
    supply: (node: ClusterNode) => Effect.Effect<unknown, RedisClusterException>,
    options?: {
      /** The nodes to supply. Default: `"all"`. */
      readonly nodes?: "all" | "primaries" | undefined
    }
  ) => Effect.Effect<void, RedisClusterException, Scope.Scope>
}

const closedError = (): RedisClusterException =>
  exception(() => new ClosedError({ message: "provision: the client is closed", outcome: "NotExecuted" }))

const optionChecks = { nodes: checks.oneOf("all", "primaries") }

/** The pause before the next attempt to supply a node, in milliseconds. It doubles each time, up to the longest. */
const leastPause = 100
const longestPause = 5000

/** A node, with the number of sockets that its connection has had. */
interface Supplied {
  node: ClusterNode
  sockets: number
  /** The number of the socket on which the node was supplied. */
  on: number | undefined
  isRunning: boolean
}

/** Supplies the nodes of one call of `provision`. */
class Provision {
  private readonly nodes = new Map<string, Supplied>()
  private readonly connections: Connections["Service"]
  private readonly wanted: () => ReadonlyArray<ClusterNode>
  private readonly primaries: () => ReadonlyArray<ClusterNode>
  private readonly supply: (node: ClusterNode) => Effect.Effect<unknown, RedisClusterException>
  private readonly run: (address: string, effect: Effect.Effect<void>) => unknown

  constructor(
    connections: Connections["Service"],
    topology: Topology["Service"],
    nodes: "all" | "primaries",
    supply: (node: ClusterNode) => Effect.Effect<unknown, RedisClusterException>,
    run: (address: string, effect: Effect.Effect<void>) => unknown
  ) {
    this.connections = connections
    this.primaries = () => topology.current().primaries
    this.wanted = nodes === "all" ? () => [...topology.current().nodes.values()] : this.primaries
    this.supply = supply
    this.run = run
  }

  /** Supplies the present nodes; fails with the error of a primary. */
  readonly first: Effect.Effect<void, RedisClusterException> = Effect.suspend(() => {
    const all = this.wanted().map((node) => this.track(node))
    // The connections of a closed client are closed from the start.
    if (all.some(({ node }) => !this.connections.get(node).isOpen)) return Effect.fail(closedError())
    return Effect.flatMap(
      Effect.forEach(all, (one) => this.attempt(one), { concurrency: "unbounded" }),
      (results) => {
        const primaries = this.primaries()
        const failed = results.find((result, i) => primaries.includes(all[i].node) && Result.isFailure(result))
        if (failed !== undefined) return Effect.asVoid(Effect.fromResult(failed))
        this.follow()
        return Effect.void
      }
    )
  })

  /** Supplies new nodes, because the topology may have changed. */
  follow(): void {
    const wanted = this.wanted()
    const addresses = new Set(wanted.map(({ address }) => address))
    // A node that comes back at its address may be another node.
    for (const address of this.nodes.keys()) if (!addresses.has(address)) this.nodes.delete(address)
    for (const node of wanted) {
      const known = this.nodes.get(node.address)
      const one = known !== undefined && known.node.id === node.id ? known : this.track(node)
      if (one.on === undefined) this.start(one)
    }
  }

  /** Supplies a node again, because its connection has a new socket. */
  reconnected(address: string): void {
    const one = this.nodes.get(address)
    if (one === undefined) return
    one.sockets++
    this.start(one)
  }

  private track(node: ClusterNode): Supplied {
    const one: Supplied = { node, sockets: 0, on: undefined, isRunning: false }
    this.nodes.set(node.address, one)
    return one
  }

  private start(one: Supplied): void {
    if (!one.isRunning) this.run(one.node.address, this.repeat(one))
  }

  /** Repeats the effect for a node until the node is supplied on its present socket. */
  private readonly repeat = Effect.fnUntraced({ self: this }, function*(one: Supplied): Effect.fn.Return<void> {
    let pause = leastPause
    while (this.nodes.get(one.node.address) === one && one.on !== one.sockets) {
      const result = yield* this.attempt(one)
      if (Result.isSuccess(result)) continue
      if (pause === leastPause) {
        yield* Effect.logWarning(
          `${one.node.address} could not be given what the program keeps there, it is tried again: ${result.failure.message}`
        )
      }
      yield* Effect.sleep(Duration.millis(pause))
      pause = Math.min(pause * 2, longestPause)
    }
  })

  /** Runs the effect for a node once, and notes the socket. */
  private attempt(one: Supplied): Effect.Effect<Result.Result<unknown, RedisClusterException>> {
    return Effect.suspend(() => {
      const { sockets } = one
      const wasReady = this.connections.get(one.node).state === "ready"
      one.isRunning = true
      return Effect.result(this.supply(one.node)).pipe(
        Effect.tap((result) =>
          Effect.sync(() => {
            // When there was no socket at first, all commands went over the first new socket; otherwise the socket may
            // have changed halfway.
            const isWhole = one.sockets === sockets || (!wasReady && one.sockets === sockets + 1)
            if (Result.isSuccess(result)) one.on = isWhole ? one.sockets : sockets
          })
        ),
        Effect.ensuring(Effect.sync(() => (one.isRunning = false)))
      )
    })
  }
}

export const make = (topology: Topology["Service"], connections: Connections["Service"]): ProvisioningMembers => ({
  provision: Effect.fnUntraced(function*(supply, options = {}) {
    const problem = typeof supply === "function"
      ? checks.problemOf(options, optionChecks)
      : "the first argument has to be a function that gives an effect"
    if (problem !== undefined) {
      return yield* exception(() => new OptionsError({ message: `provision: ${problem}`, outcome: "NotExecuted" }))
    }
    const { nodes = "all" } = options
    const fibers = yield* FiberMap.make<string>()
    const run = yield* FiberMap.runtime(fibers)<never>()
    const provision = new Provision(connections, topology, nodes, supply, run)
    const stopStates = connections.onState((connection, state) => {
      if (state === "ready" && connections.get(connection.endpoint) === connection) {
        provision.reconnected(connection.address)
      }
    })
    yield* Effect.addFinalizer(() => Effect.sync(stopStates))
    yield* provision.first
    const stopChanges = topology.onChange(() => provision.follow())
    yield* Effect.addFinalizer(() => Effect.sync(stopChanges))
  })
})
